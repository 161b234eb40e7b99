//! Ids that tie a Docker request, its log lines, its commands and what it leaves on an array together.

use std::fmt;

use serde::{Deserialize, Serialize};

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
    /// Short name of the machine whose plugin made it.
    pub machine: String,
    /// The request that made it.
    pub request: RequestId,
}

impl OperationId {
    /// Reads `<machine>.<request>`; the machine may hold dots.
    pub fn parse(text: &str) -> Option<Self> {
        let (machine, request) = text.rsplit_once('.')?;
        let ok = !machine.is_empty()
            && !request.is_empty()
            && request.bytes().all(|b| b.is_ascii_hexdigit());
        ok.then(|| Self { machine: machine.to_owned(), request: RequestId(request.to_owned()) })
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.machine, self.request)
    }
}
