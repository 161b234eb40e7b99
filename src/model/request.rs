//! Ids that tie a Docker request, its log lines, its commands and what it leaves on an array together.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Machine, UnknownWord};

/// One request of the engine, or one background task. Eight hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(String);

impl RequestId {
    /// A new random id.
    pub fn random() -> Self {
        Self(format!("{:08x}", rand::random::<u32>()))
    }

    /// The id as written in logs and transcripts.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for RequestId {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The maker of something half made: `<machine>.<request>` (decision 8).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OperationId {
    /// The machine whose plugin made it.
    pub machine: Machine,
    /// The request that made it.
    pub request: RequestId,
}

impl OperationId {
    /// Reads `<machine>.<request>`; the machine may hold dots.
    pub fn parse(text: &str) -> Option<Self> {
        let (machine, request) = text.rsplit_once('.')?;
        let machine = Machine::parse(machine)?;
        let ok = !request.is_empty() && request.bytes().all(|b| b.is_ascii_hexdigit());
        ok.then(|| Self {
            machine,
            request: RequestId(request.to_owned()),
        })
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.machine, self.request)
    }
}

/// The engine's name for one use of a volume: 64 hexadecimal digits from Docker, a container's id from Podman. One id may
/// be mounted several times, and comes again after a crash of the engine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MountId(String);

impl MountId {
    /// Checks the text: 1 to 255 visible ASCII characters.
    ///
    /// # Errors
    /// [`UnknownWord`] with the text, cut to 80 characters.
    pub fn new(text: &str) -> Result<Self, UnknownWord> {
        if (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            let text = text.chars().take(80).collect();
            Err(UnknownWord {
                what: "mount id (1 to 255 visible characters)",
                text,
            })
        }
    }

    /// The id as the engine wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for MountId {
    type Error = UnknownWord;
    fn try_from(text: String) -> Result<Self, UnknownWord> {
        Self::new(&text)
    }
}

impl From<MountId> for String {
    fn from(id: MountId) -> String {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_id_is_one_visible_word() {
        assert!(MountId::new(&"0c81391e".repeat(8)).is_ok());
        for bad in ["", "a b", "a\n", "\u{e4}", &"x".repeat(256)] {
            assert!(MountId::new(bad).is_err(), "{bad:?}");
        }
    }
}
