//! What works in hpe.conf and should be looked at, in words for the person who looks.

use std::fmt;

use super::mistake::{KeyProblem, how_to_map, write_place};

/// Something that works and should be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Line, from 1.
    pub line: Option<usize>,
    /// Section without its brackets.
    pub section: Option<String>,
    /// The key.
    pub key: Option<String>,
    /// What to look at.
    pub doubt: Doubt,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, self.line, self.section.as_deref(), self.key.as_deref())?;
        self.doubt.fmt(f)
    }
}

/// What a warning is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// Passwords for all to read.
    #[error(
        "holds a password and the file is open to others (mode {mode:04o}); hint: `chmod 0600` it, or use `san_password_file`"
    )]
    OpenToOthers {
        /// Permission bits of hpe.conf.
        mode: u32,
    },
    /// Given and without effect.
    #[error("has no effect: {why}")]
    NoEffect {
        /// Why.
        why: &'static str,
    },
    /// Another section says how much.
    #[error(
        "has no effect: [{other}] logs in to the same array as `{login}`, too, both share its sessions, and its value counts; hint: give both \
         sections the same value"
    )]
    SharedLimits {
        /// The other section, without its brackets.
        other: String,
        /// The user.
        login: String,
    },
    /// Unknown host keys are trusted.
    #[error(
        "unknown host keys are trusted at first sight; hint: `true` once the keys are in the file"
    )]
    NotStrict,
    /// A CPG that is listed and of no use.
    #[error(
        "has no entry for CPG `{cpg}` of `{list}`, so no volume can be made in it; hint: {}",
        how_to_map(cpg, nearest.as_deref())
    )]
    NotMapped {
        /// The CPG.
        cpg: String,
        /// The key it is listed under.
        list: &'static str,
        /// The entry that was probably meant for it.
        nearest: Option<String>,
    },
    /// An entry of a map that nothing asks for.
    #[error(
        "the entry for `{cpg}` has no effect: neither `hpe3par_cpg` nor `hpe3par_snapcpg` has this CPG"
    )]
    Unlisted {
        /// The CPG.
        cpg: String,
    },
    /// The file as a whole.
    #[error(
        "the format of HPE's python plugin, read as it is; hint: `hpe3par-docker config convert` writes it as TOML"
    )]
    OldFormat,
    /// A key of an old file that is passed over.
    #[error("ignored: {0}")]
    Ignored(KeyProblem),
    /// Given again, in an old file.
    #[error(
        "has no effect: it is given again in line {by}, and the last one counts; hint: remove the other one"
    )]
    Overruled {
        /// The line that counts.
        by: usize,
    },
    /// HPE's own samples have this.
    #[error(
        "a comma is missing before `{next}`, and the python plugin made one value of both; they are read as two; hint: {}",
        match line {
            Some(line) => format!("end line {line} with `,`"),
            None => "put a `,` before it".to_owned(),
        }
    )]
    MissingComma {
        /// The line that should end with one, if it is another one.
        line: Option<usize>,
        /// The key that follows.
        next: String,
    },
    /// HPE's own samples have this, too.
    #[error("`=` stands where `:` belongs; hint: write `{key}:` in `replication_device`")]
    EqualsSign {
        /// The key.
        key: String,
    },
    /// As oslo.config reads it.
    #[error("`$$` is read as one `$`, as the python plugin did")]
    DollarDollar,
    /// The old default was `False`.
    #[error(
        "not given: the python plugin trusted every host key at first sight, this release refuses keys that are not in \
         `ssh_hosts_key_file`; hint: put the arrays' keys there (`ssh-keyscan`), or set it to `False`"
    )]
    StrictUnlessSaid,
    /// A default of the python plugin that differs from ours.
    #[error("not given: `{value}`, as with the python plugin")]
    OldDefault {
        /// It.
        value: &'static str,
    },
    /// A backend without block volumes.
    #[error("the section is passed over: there is no File Persona")]
    FilePersona,
    /// Old crypto.
    #[error("SHA-1 and other outdated algorithms are allowed for this array")]
    LegacyAlgorithms,
}
