//! What a user may say about the filesystem of a volume.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use uuid::Uuid;

use super::{OperationId, UnknownWord, Wwn};

/// The filesystem made at the first mount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FsType {
    /// The default.
    #[default]
    Ext4,
    /// XFS; the host needs xfsprogs.
    Xfs,
}

impl FsType {
    /// All of them, as they are written.
    pub const WORDS: [&'static str; 2] = ["ext4", "xfs"];
}

impl FromStr for FsType {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "ext4" => Ok(Self::Ext4),
            "xfs" => Ok(Self::Xfs),
            _ => Err(UnknownWord {
                what: "filesystem (ext4, xfs)",
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for FsType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        })
    }
}

/// The UUID of a filesystem, which is certain before it is made: what an interrupted mkfs left is told by it from what anybody else has made on
/// the volume since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FsUuid(Uuid);

impl FsUuid {
    /// Any, and always the same.
    const OURS: Uuid = Uuid::from_u128(0x6b0a_7f1e_93d4_4c58_8a21_5e0c_d7f3_19b6);

    /// Of the one that this operation makes on the volume with this WWN.
    pub fn of(op: &OperationId, wwn: &Wwn) -> Self {
        Self(Uuid::new_v5(&Self::OURS, format!("{op} {wwn}").as_bytes()))
    }
}

impl fmt::Display for FsUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Owner of the volume's root directory: `uid:gid`, decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FsOwner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl FromStr for FsOwner {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let number = |part: &str| {
            (!part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
                .then(|| part.parse::<u32>().ok())
                .flatten()
                .filter(|id| *id != u32::MAX)
        };
        text.split_once(':')
            .and_then(|(uid, gid)| {
                Some(Self {
                    uid: number(uid)?,
                    gid: number(gid)?,
                })
            })
            .ok_or(UnknownWord {
                what: "owner (`uid:gid`, two numbers)",
                text: text.to_owned(),
            })
    }
}

impl TryFrom<String> for FsOwner {
    type Error = UnknownWord;
    fn try_from(text: String) -> Result<Self, UnknownWord> {
        text.parse()
    }
}

impl From<FsOwner> for String {
    fn from(owner: FsOwner) -> String {
        owner.to_string()
    }
}

impl fmt::Display for FsOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.uid, self.gid)
    }
}

/// Permission bits of the volume's root directory, octal, up to `7777`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FsMode(pub u32);

impl FromStr for FsMode {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let ok = (3..=5).contains(&text.len()) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
        match u32::from_str_radix(text, 8) {
            Ok(bits) if ok && bits <= 0o7777 => Ok(Self(bits)),
            _ => Err(UnknownWord {
                what: "mode (octal, for example 0755)",
                text: text.to_owned(),
            }),
        }
    }
}

impl TryFrom<String> for FsMode {
    type Error = UnknownWord;
    fn try_from(text: String) -> Result<Self, UnknownWord> {
        text.parse()
    }
}

impl From<FsMode> for String {
    fn from(mode: FsMode) -> String {
        mode.to_string()
    }
}

impl fmt::Display for FsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_two_numbers() {
        assert_eq!("1000:50".parse(), Ok(FsOwner { uid: 1000, gid: 50 }));
        for bad in [
            "",
            "1000",
            "a:b",
            "1:",
            ":1",
            "-1:0",
            "1:2:3",
            "4294967295:0",
            "1 :2",
        ] {
            assert!(bad.parse::<FsOwner>().is_err(), "{bad}");
        }
    }

    #[test]
    fn modes_are_octal() {
        assert_eq!("0755".parse(), Ok(FsMode(0o755)));
        assert_eq!("755".parse(), Ok(FsMode(0o755)));
        assert_eq!(
            "02775".parse::<FsMode>().map(|m| m.to_string()),
            Ok("2775".to_owned())
        );
        for bad in ["", "7", "0788", "rwx", "77777", "-755"] {
            assert!(bad.parse::<FsMode>().is_err(), "{bad}");
        }
    }
}
