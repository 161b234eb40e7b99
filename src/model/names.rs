//! Names. Each has its own type; a value of the type has passed the check, so it needs no quoting on a command line.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::SystemId;

/// Why a text is no name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid {what} name: {rule}")]
pub struct NameError {
    /// What the name is for, for example `CPG`.
    pub what: &'static str,
    /// The text, cut to 80 characters.
    pub text: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

impl NameError {
    fn new(what: &'static str, text: &str, rule: &'static str) -> Self {
        Self {
            what,
            text: text.chars().take(80).collect(),
            rule,
        }
    }
}

/// Longest name of a VV, host or schedule that every InForm OS takes (array fact 1).
const ARRAY_NAME: usize = 31;
/// Longest name of a VV set or host set (array fact 1).
const SET_NAME: usize = 27;

macro_rules! array_name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $rule:literal, $extra:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Checks the text: letters, digits and the marks the array allows, 1 to 63 characters (newer releases have
            /// longer names than the 31 this plugin ever makes).
            ///
            /// # Errors
            /// [`NameError`] with the rule that was broken.
            pub fn new(text: &str) -> Result<Self, NameError> {
                let ok = (1..=63).contains(&text.len())
                    && !text.starts_with('-')
                    && text.chars().all(|c| c.is_ascii_alphanumeric() || $extra.contains(c));
                if ok { Ok(Self(text.to_owned())) } else { Err(NameError::new($what, text, $rule)) }
            }

            /// The name as the array writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }
    };
}

const RULE: &str = "use letters, digits, `.`, `_` and `-`, and do not begin with `-`";

array_name!(
    /// A virtual volume on an array.
    VvName, "virtual volume", "use letters, digits, `.`, `_` and `-`, and do not begin with `-`", "._-"
);
array_name!(
    /// A common provisioning group.
    CpgName, "CPG", "use letters, digits, `.`, `_` and `-`, and do not begin with `-`", "._-"
);
array_name!(
    /// A host object on an array. Site habits put addresses here, so `:` is read too.
    HostName, "host", "use letters, digits, `.`, `_`, `:` and `-`, and do not begin with `-`", "._-:"
);
array_name!(
    /// A VV set or host set, without the `set:` prefix.
    SetName, "set", "use letters, digits, `.`, `_` and `-`, and do not begin with `-`", "._-"
);
array_name!(
    /// A remote copy group, by the name it has on one array.
    GroupName, "remote copy group", "use letters, digits, `.`, `_` and `-`, and do not begin with `-`", "._-"
);
array_name!(
    /// A remote copy target: the name by which one array knows the other.
    TargetName, "remote copy target", "use letters, digits, `.`, `_` and `-`, and do not begin with `-`", "._-"
);
array_name!(
    /// A domain of an array.
    DomainName, "domain", "use letters, digits, `.`, `_` and `-`, and do not begin with `-`", "._-"
);
array_name!(
    /// A section of hpe.conf.
    BackendName, "backend", "use letters, digits, `.`, `_` and `-`, and do not begin with `-`", "._-"
);

impl GroupName {
    /// Longest name a group can be created with when its target mirrors the configuration (array fact 2).
    pub const CREATE_MAX: usize = 22;

    /// The check for a group that may have to be created.
    ///
    /// # Errors
    /// As [`GroupName::new`], and when the name is longer than 22 characters.
    pub fn for_create(text: &str) -> Result<Self, NameError> {
        let name = Self::new(text)?;
        if text.len() > Self::CREATE_MAX {
            return Err(NameError::new(
                "remote copy group",
                text,
                "the peer adds `.r` and the system id, so use at most 22 characters",
            ));
        }
        Ok(name)
    }

    /// The name on the array that made the group, and that array's system id, if this is the name that the other array gave it:
    /// `<name>.r<number>` (array fact 3).
    pub fn made_by(&self) -> Option<(Self, SystemId)> {
        let (name, id) = self.0.rsplit_once(".r")?;
        if name.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Some((Self(name.to_owned()), SystemId(id.parse().ok()?)))
    }

    /// True for `<name>.r<number>`, as the other array calls a group (array fact 3).
    pub fn is_of_another_array(&self) -> bool {
        self.made_by().is_some()
    }
}

/// The name a Docker user gave a volume.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VolumeName(String);

impl VolumeName {
    /// Checks `^[A-Za-z0-9][A-Za-z0-9_.-]{1,254}$`: the engine itself checks nothing (array fact 20).
    ///
    /// # Errors
    /// [`NameError`] with the rule that was broken.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let ok = (2..=255).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if ok {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::new(
                "volume",
                text,
                "use 2 to 255 letters, digits, `_`, `.` and `-`, beginning with a letter or digit",
            ))
        }
    }

    /// The name as Docker wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for the 64 hexadecimal digits of an anonymous volume, which is never looked for on an array unasked.
    pub fn is_anonymous(&self) -> bool {
        self.0.len() == 64 && self.0.bytes().all(|b| b.is_ascii_hexdigit())
    }

    /// The VV that carries this volume: readable where it fits, otherwise a cut name, a dot and a hash.
    pub fn vv_name(&self, namespace: &Namespace) -> VvName {
        let prefix = namespace.prefix("dkv-", "dkn-");
        VvName(fitted(
            &prefix,
            &self.0,
            ARRAY_NAME,
            &[namespace.as_str(), &self.0],
        ))
    }
}

impl fmt::Display for VolumeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for VolumeName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(&text)
    }
}

impl From<VolumeName> for String {
    fn from(name: VolumeName) -> String {
        name.0
    }
}

impl SetName {
    /// The VV set that is the lock of a group (decision 15): `dkl-<group>`.
    pub fn lock_of(group: &GroupName) -> Self {
        Self(fitted("dkl-", group.as_str(), SET_NAME, &[group.as_str()]))
    }

    /// The VV set that tells the flash cache of one volume: `dkf-<its VV without what all begin with>`.
    pub fn of_flash_cache(vv: &VvName) -> Self {
        let name = vv.as_str();
        let short = name.strip_prefix("dkv-").unwrap_or(name);
        Self(fitted("dkf-", short, SET_NAME, &[name]))
    }
}

impl VvName {
    /// True if this is a name that only this plugin, in this namespace, gives.
    pub fn is_ours(&self, namespace: &Namespace) -> bool {
        self.0.starts_with(&namespace.prefix("dkv-", "dkn-"))
    }
}

/// `prefix + text` if that is lower case and fits, otherwise a cut lower-case text, a dot and 12 base32 characters of the
/// SHA-256 of `hashed`, so that two names never meet.
pub(super) fn fitted(prefix: &str, text: &str, max: usize, hashed: &[&str]) -> String {
    let plain = !text.bytes().any(|b| b.is_ascii_uppercase());
    if plain && prefix.len() + text.len() <= max {
        return format!("{prefix}{text}");
    }
    let mut sha = Sha256::new();
    for (n, part) in hashed.iter().enumerate() {
        if n > 0 {
            sha.update(b"/");
        }
        sha.update(part.as_bytes());
    }
    let hash = BASE32_NOPAD.encode(&sha.finalize()).to_ascii_lowercase();
    let room = max - prefix.len() - 13;
    let cut: String = text.to_ascii_lowercase().chars().take(room).collect();
    format!("{prefix}{cut}.{}", &hash[..12])
}

/// Keeps several Docker clusters on one array apart. Empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Namespace(String);

impl Namespace {
    /// Checks `[a-z0-9]{0,8}`.
    ///
    /// # Errors
    /// [`NameError`] with the rule that was broken.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let ok = text.len() <= 8
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if ok {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::new(
                "namespace",
                text,
                "use at most 8 lower-case letters and digits",
            ))
        }
    }

    /// The namespace, empty when there is none.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the names of all VVs of this namespace begin with.
    pub fn vv_prefix(&self) -> String {
        self.prefix("dkv-", "dkn-")
    }

    fn prefix(&self, without: &str, with: &str) -> String {
        if self.0.is_empty() {
            without.to_owned()
        } else {
            format!("{with}{}-", self.0)
        }
    }
}

impl TryFrom<String> for Namespace {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(&text)
    }
}

impl From<Namespace> for String {
    fn from(namespace: Namespace) -> String {
        namespace.0
    }
}

impl HostName {
    /// The name for a new host object: the machine's short name, fitted into 31 characters.
    ///
    /// # Errors
    /// [`NameError`] if the machine's name has characters no array takes.
    pub fn for_machine(machine: &str) -> Result<Self, NameError> {
        let short = machine.split('.').next().unwrap_or(machine);
        let short: String = short.chars().take(ARRAY_NAME).collect();
        if short.is_empty() {
            return Err(NameError::new("host", machine, RULE));
        }
        Self::new(&short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vv(name: &str, namespace: &str) -> String {
        VolumeName::new(name)
            .unwrap()
            .vv_name(&Namespace::new(namespace).unwrap())
            .to_string()
    }

    #[test]
    fn a_short_lower_case_name_stays_readable() {
        assert_eq!(vv("db1", ""), "dkv-db1");
        assert_eq!(vv("db1", "blue"), "dkn-blue-db1");
        assert_eq!(vv("a-name-of-twenty-seven.chars", "").len(), 31);
        assert_eq!(
            vv("exactly-twenty-seven-chars1", ""),
            "dkv-exactly-twenty-seven-chars1"
        );
    }

    #[test]
    fn names_that_do_not_fit_are_hashed_and_never_meet() {
        let long = "x".repeat(255);
        assert_eq!(vv(&long, "").len(), 31);
        assert_ne!(vv("Db1", ""), vv("db1", ""));
        assert_ne!(vv("DB1", ""), vv("Db1", ""));
        assert_ne!(vv(&long, "blue"), vv(&long, "red"));
        assert!(vv("Db1", "").starts_with("dkv-db1."));
    }

    #[test]
    fn namespaces_do_not_see_each_other() {
        let none = Namespace::default();
        let blue = Namespace::new("blue").unwrap();
        let name = VvName::new("dkn-blue-db1").unwrap();
        assert!(name.is_ours(&blue));
        assert!(!name.is_ours(&none));
    }

    #[test]
    fn names_that_could_reach_a_path_or_a_command_line_are_refused() {
        for bad in [
            "",
            "x",
            "../x",
            "a/b",
            "a b",
            "-a",
            ".a",
            "ä1",
            "a;b",
            &"x".repeat(300),
        ] {
            assert!(VolumeName::new(bad).is_err(), "{bad}");
        }
        for bad in ["", "-f", "a b", "a;b", "a\"", "set:x"] {
            assert!(VvName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_group_to_be_made_has_at_most_22_characters() {
        assert!(GroupName::for_create(&"g".repeat(22)).is_ok());
        assert!(GroupName::for_create(&"g".repeat(23)).is_err());
        assert!(GroupName::new("prod.r121649").is_ok());
    }

    #[test]
    fn a_lock_fits_a_set_name() {
        let group = GroupName::new(&"g".repeat(31)).unwrap();
        assert_eq!(SetName::lock_of(&group).as_str().len(), 27);
        assert_eq!(
            SetName::lock_of(&GroupName::new("prod").unwrap()).as_str(),
            "dkl-prod"
        );
    }
}
