//! Which machine did something, as it is written on an array.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{HostName, UnknownWord};

/// A machine, as the comment of a VV names it: `host7@3f9c21`. The short name is for people; the six hexadecimal digits, of the
/// SHA-256 of its machine id, tell it from another machine of that name.
///
/// Older comments have the name alone. What has no digits equals nothing that has: it is not proven to be that machine's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Machine {
    name: String,
    digits: Option<String>,
}

const DIGITS: usize = 6;

impl Machine {
    /// The machine of this name and machine id; white space around the id does not count.
    pub fn new(name: &HostName, machine_id: &str) -> Self {
        Self {
            name: name.to_string(),
            digits: Some(hex_digits(machine_id)),
        }
    }

    /// Reads `<name>@<digits>`; everything else that is not empty is a name alone.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let (name, digits) = match text.rsplit_once('@') {
            Some((name, digits)) if digits.len() == DIGITS && digits.bytes().all(hex) => {
                (name, Some(digits.to_owned()))
            }
            _ => (text, None),
        };
        (!name.is_empty()).then(|| Self {
            name: name.to_owned(),
            digits,
        })
    }

    /// Its short name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// True if this is certainly the machine with that id.
    pub fn has_id(&self, machine_id: &str) -> bool {
        let digits = hex_digits(machine_id);
        self.digits.as_ref() == Some(&digits)
    }

    /// A name for its host object that no other machine's has: its own, cut, and the digits. None if it has no digits, or a name that
    /// no array takes.
    pub fn host_name(&self) -> Option<HostName> {
        let digits = self.digits.as_ref()?;
        let short: String = self.name.chars().take(31 - 1 - DIGITS).collect();
        HostName::new(&format!("{short}-{digits}")).ok()
    }

    /// True if its host objects may have this name: its short name, or one with its digits, also of when it was called otherwise.
    pub fn may_be_named(&self, host: &HostName) -> bool {
        let has_digits = |digits: &String| host.as_str().ends_with(&format!("-{digits}"));
        host.as_str() == self.name || self.digits.as_ref().is_some_and(has_digits)
    }

    /// True if both have one name, and no digits say that they are two machines.
    pub fn may_be(&self, other: &Self) -> bool {
        let known = self.digits.as_ref().zip(other.digits.as_ref());
        self.name == other.name && known.is_none_or(|(one, other)| one == other)
    }
}

fn hex_digits(machine_id: &str) -> String {
    let hash = Sha256::digest(machine_id.trim());
    let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    digits[..DIGITS].to_owned()
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.digits {
            Some(digits) => write!(f, "@{digits}"),
            None => Ok(()),
        }
    }
}

impl TryFrom<String> for Machine {
    type Error = UnknownWord;
    fn try_from(text: String) -> Result<Self, UnknownWord> {
        Self::parse(&text).ok_or(UnknownWord {
            what: "machine",
            text,
        })
    }
}

impl From<Machine> for String {
    fn from(machine: Machine) -> String {
        machine.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(id: &str) -> Machine {
        Machine::new(&HostName::new("host7").unwrap(), id)
    }

    fn read(text: &str) -> Machine {
        Machine::parse(text).unwrap()
    }

    #[test]
    fn is_written_as_name_and_digits_and_reads_back() {
        // printf %s 0c81391e | sha256sum
        assert_eq!(machine("0c81391e\n").to_string(), "host7@e42474");
        assert_eq!(read(&machine("0c81391e").to_string()), machine("0c81391e"));
        assert_eq!(machine("0c81391e").name(), "host7");
    }

    #[test]
    fn two_machines_of_one_name_are_two() {
        assert_ne!(machine("a"), machine("b"));
        assert!(!machine("a").may_be(&machine("b")));
        assert!(machine("a").may_be(&machine("a")));
    }

    #[test]
    fn its_id_proves_it_and_makes_a_name_of_its_own() {
        assert!(machine("0c81391e").has_id(" 0c81391e\n"));
        assert!(!machine("0c81391e").has_id("0c81391f"));
        assert!(!read("host7").has_id("0c81391e"));
        let name = |machine: &Machine| machine.host_name().map(|name| name.to_string());
        assert_eq!(name(&machine("0c81391e")).unwrap(), "host7-e42474");
        assert_eq!(name(&read("host7")), None);
        let long = Machine::new(&HostName::new(&"h".repeat(31)).unwrap(), "1");
        assert_eq!(name(&long).unwrap().len(), 31);
    }

    #[test]
    fn a_name_alone_is_read_and_proves_nothing() {
        for text in ["host7", "host7@", "host7@3f9c2", "host7@3f9C21", "host 7"] {
            assert_eq!(read(text).to_string(), text);
            assert_eq!(read(text).name(), text);
        }
        assert_ne!(read("host7"), machine("a"));
        assert!(read("host7").may_be(&machine("a")) && machine("a").may_be(&read("host7")));
        assert!(!read("host8").may_be(&machine("a")));
        assert_eq!(Machine::parse(""), None);
        assert_eq!(Machine::parse("@3f9c21"), None);
    }
}
