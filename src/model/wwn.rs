//! What identifies things on an array and on a host.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::UnknownWord;

/// The WWN of a VV: 32 (or, from old releases, 16) hexadecimal digits, kept in upper case as the array prints it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Wwn(String);

impl Wwn {
    /// The digits, upper case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Wwn {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let ok = matches!(text.len(), 16 | 32) && text.bytes().all(|b| b.is_ascii_hexdigit());
        if ok {
            Ok(Self(text.to_ascii_uppercase()))
        } else {
            Err(UnknownWord {
                what: "WWN",
                text: text.to_owned(),
            })
        }
    }
}

impl TryFrom<String> for Wwn {
    type Error = UnknownWord;
    fn try_from(text: String) -> Result<Self, UnknownWord> {
        text.parse()
    }
}

impl From<Wwn> for String {
    fn from(wwn: Wwn) -> String {
        wwn.0
    }
}

impl fmt::Display for Wwn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $type:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(pub $inner);

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

number!(
    /// A VV's id on one array. An id is used again after the VV is gone; the WWN is not.
    VvId, u32
);
number!(
    /// An array's system id, decimal as in the names of mirrored groups (`showsys` prints it in hexadecimal:
    /// array fact 15).
    SystemId, u32
);
number!(
    /// A LUN number, 0 to 16383.
    Lun, u16
);

/// A port of an array: node, slot, port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PortPosition {
    /// Controller node.
    pub node: u8,
    /// Slot in the node.
    pub slot: u8,
    /// Port in the slot.
    pub port: u8,
}

impl FromStr for PortPosition {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let wrong = || UnknownWord {
            what: "port position (N:S:P)",
            text: text.to_owned(),
        };
        let parts: Vec<u8> = text
            .split(':')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| wrong())?;
        match parts[..] {
            [node, slot, port] => Ok(Self { node, slot, port }),
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for PortPosition {
    type Error = UnknownWord;
    fn try_from(text: String) -> Result<Self, UnknownWord> {
        text.parse()
    }
}

impl From<PortPosition> for String {
    fn from(port: PortPosition) -> String {
        port.to_string()
    }
}

impl fmt::Display for PortPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.node, self.slot, self.port)
    }
}
