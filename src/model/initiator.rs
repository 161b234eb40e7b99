//! Initiators: how a machine is known to an array.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::UnknownWord;

/// How volumes reach this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// iSCSI through dm-multipath.
    Iscsi,
    /// Fibre Channel through dm-multipath.
    Fc,
    /// Files of the simulator bound to loop devices.
    Simulated,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Iscsi => "iscsi",
            Self::Fc => "fc",
            Self::Simulated => "simulated",
        })
    }
}

/// An iSCSI name or a Fibre Channel port WWN.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Initiator {
    /// An iSCSI name; compared without regard to case (RFC 3722 folds it).
    Iscsi(String),
    /// 16 upper-case hexadecimal digits.
    Fc(String),
}

impl FromStr for Initiator {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let bare: String = text.chars().filter(|c| *c != ':').collect();
        if bare.len() == 16 && bare.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(Self::Fc(bare.to_ascii_uppercase()));
        }
        let lower = text.to_ascii_lowercase();
        let named = ["iqn.", "eui.", "naa."]
            .iter()
            .any(|p| lower.starts_with(p));
        let safe = lower.len() <= 223
            && lower
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".-:".contains(&b));
        if named && safe {
            Ok(Self::Iscsi(lower))
        } else {
            Err(UnknownWord {
                what: "iSCSI name or port WWN",
                text: text.to_owned(),
            })
        }
    }
}

impl TryFrom<String> for Initiator {
    type Error = UnknownWord;
    fn try_from(text: String) -> Result<Self, UnknownWord> {
        text.parse()
    }
}

impl From<Initiator> for String {
    fn from(initiator: Initiator) -> String {
        initiator.to_string()
    }
}

impl fmt::Display for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Iscsi(name) | Self::Fc(name) => f.write_str(name),
        }
    }
}
