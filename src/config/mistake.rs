//! What can be wrong in hpe.conf, in words for the person who has to put it right.

use std::{fmt, path::PathBuf};

use crate::model::NameError;

/// One mistake, and where. All of them are reported at once.
#[derive(Debug)]
pub struct Mistake {
    /// Line, from 1.
    pub line: Option<usize>,
    /// Section without its brackets, for example `prod.replication_device`.
    pub section: Option<String>,
    /// The key.
    pub key: Option<String>,
    /// What is wrong with it.
    pub problem: Problem,
}

impl std::error::Error for Mistake {}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, self.line, self.section.as_deref(), self.key.as_deref())?;
        self.problem.fmt(f)
    }
}

pub(super) fn write_place(
    f: &mut fmt::Formatter<'_>,
    line: Option<usize>,
    section: Option<&str>,
    key: Option<&str>,
) -> fmt::Result {
    if let Some(line) = line {
        write!(f, "line {line}: ")?;
    }
    match (section, key) {
        (Some(section), Some(key)) => write!(f, "[{section}] `{key}`: "),
        (Some(section), None) => write!(f, "[{section}]: "),
        (None, Some(key)) => write!(f, "`{key}`: "),
        (None, None) => Ok(()),
    }
}

/// What is wrong. No variant ever holds the value of a secret.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file cannot be read.
    #[error("cannot be read: {0}; hint: `--config FILE` names another one")]
    Unreadable(std::io::Error),
    /// Not TOML.
    #[error("not valid TOML: {words}{hint}")]
    Syntax {
        /// What the TOML reader says, on one line.
        words: String,
        /// What may be the matter; empty if nobody knows.
        hint: &'static str,
    },
    /// A line of an old file that no reader of such files takes.
    #[error("{words}")]
    OldSyntax {
        /// What the reader says; it never shows the line.
        words: String,
    },
    /// A line without `=`.
    #[error("expected `key = value`")]
    NoAssignment,
    /// Two entries on one line, one of them a password.
    #[error("a password stands on the same line; hint: give every key a line of its own")]
    TwoOnALine,
    /// A value on two lines.
    #[error(
        "goes on in line {line}, because that line is indented; hint: begin it at the left margin"
    )]
    Continued {
        /// The next line, from 1.
        line: usize,
    },
    /// What oslo.config would replace.
    #[error(
        "`$` begins the name of another option in the old format; hint: write `$$` for a dollar sign"
    )]
    Substitution,
    /// A piece of an old `replication_device`.
    #[error(
        "expected `key:value` pairs with a comma after each; hint: a line with the pair alone is easiest to read"
    )]
    NoPair,
    /// The old `replication_device` is separated by commas.
    #[error(
        "a comma ends the value, and what follows is no `key:value`; hint: a password with a comma goes into a file: \
         `san_password_file:/etc/hpedockerplugin/<name>.password`, mode 0600"
    )]
    CommaInPassword,
    /// Encrypted by the python plugin.
    #[error(
        "looks encrypted by HPE's python plugin (with a passphrase in etcd), and there is no etcd here; hint: put the password \
         itself into a file of mode 0600 and give `san_password_file` instead; the same if it is no encrypted one"
    )]
    Encrypted,
    /// `config convert` of a file that needs none.
    #[error("this file is TOML already, there is nothing to convert")]
    NothingToConvert,
    /// `config convert` made something else of it.
    #[error(
        "cannot be written as TOML with the same meaning; this is a defect of this program; hint: the file works as it is"
    )]
    NotConverted,
    /// A key that has no business where it stands.
    #[error(transparent)]
    Key(#[from] KeyProblem),
    /// `backend_defaults` has a meaning in old files only.
    #[error(
        "has no meaning in TOML: backends inherit from [DEFAULT] only what does not identify an array"
    )]
    BackendDefaults,
    /// Another type of value.
    #[error("expected {expected}, found {found}")]
    Type {
        /// What is expected, with an article.
        expected: &'static str,
        /// The TOML type found.
        found: &'static str,
    },
    /// Not one of a few words.
    #[error("`{text}` is not one of {}{}", list(allowed), hint_nearest(nearest.as_deref()))]
    NotAllowed {
        /// What was given.
        text: String,
        /// What may be given.
        allowed: Vec<&'static str>,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// A number outside its range.
    #[error("{given} is out of range: {min} to {max} are allowed")]
    OutOfRange {
        /// As given.
        given: String,
        /// Smallest, with unit.
        min: String,
        /// Largest, with unit.
        max: String,
    },
    /// A text that is not of the form it should have.
    #[error("`{text}` is not {form}")]
    Form {
        /// What was given, cut to 80 characters.
        text: String,
        /// What is expected, with an article.
        form: &'static str,
    },
    /// A name no array takes.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A key that must be there.
    #[error("is missing: {what}")]
    Missing {
        /// What it is and what may be given.
        what: &'static str,
    },
    /// A list that has to name something.
    #[error("is an empty list: {what}")]
    Empty {
        /// What goes into it.
        what: &'static str,
    },
    /// No way to log in.
    #[error(
        "no way to log in: give one of `san_password_file`, `san_private_key` and `san_password`"
    )]
    NoLogin,
    /// Two keys that exclude each other.
    #[error("cannot stand together with `{other}`; hint: keep one of them")]
    Excludes {
        /// The other one.
        other: &'static str,
    },
    /// A key that needs another one.
    #[error("only with {needs}")]
    Needs {
        /// What it needs.
        needs: &'static str,
    },
    /// A file with a secret that cannot be used.
    #[error(transparent)]
    SecretFile(#[from] SecretFileError),
    /// A CPG without a counterpart on the target.
    #[error(
        "has no entry for `{cpg}`, the default CPG of `{list}`; hint: {}",
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
    /// The witness is one of the arrays it is to judge.
    #[error(
        "`{address}` is the array of {whose}, and the witness has to outlive either array; hint: give the address of the quorum \
         witness"
    )]
    WitnessIsArray {
        /// The address.
        address: String,
        /// Whose, with an article.
        whose: &'static str,
    },
    /// Something twice.
    #[error("`{text}` is given twice")]
    Twice {
        /// The doubled one.
        text: String,
    },
    /// The target is the source.
    #[error(
        "the target array is the backend's own array (`{address}`); hint: give the address of the other array"
    )]
    SameArray {
        /// Address and port.
        address: String,
    },
    /// One login, and two opinions of it.
    #[error(
        "differs from [{other}], which logs in to the same array as `{login}`, too: both share its sessions; hint: give both sections the \
         same value"
    )]
    SharedLogin {
        /// The other section, without its brackets.
        other: String,
        /// The user.
        login: String,
    },
    /// Nothing to serve.
    #[error("no backend; hint: a section with `san_ip` is one, hpe.conf.sample shows two")]
    NoBackend,
}

impl Problem {
    /// Whether it says that something is not there.
    pub(super) fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::Missing { .. } | Self::NoLogin | Self::NotMapped { .. } | Self::NoBackend
        )
    }
}

/// Why a key has no business where it stands. A mistake in TOML; old files are full of them, and they are warned of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// No key of ours.
    #[error("unknown key{}", hint_nearest(nearest.as_deref()))]
    Unknown {
        /// The key that was probably meant.
        nearest: Option<String>,
    },
    /// A key of the python plugin.
    #[error("not used any more: {why}; hint: remove the line")]
    Retired {
        /// What there is instead.
        why: &'static str,
    },
    /// A known key in the wrong place.
    #[error("does not belong here; hint: it goes into {belongs}")]
    Misplaced {
        /// Where it goes.
        belongs: String,
    },
    /// A key of a backend in a `[DEFAULT]` that is none.
    #[error(
        "without `san_ip`, [DEFAULT] is no backend, and nothing that identifies an array is inherited; hint: put it into \
         each backend's own section"
    )]
    NotInherited,
}

/// Why a file that holds a secret is not used.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// Cannot be opened or read.
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A directory, device, FIFO or socket.
    #[error("`{}` is no regular file", path.display())]
    NotRegular {
        /// The file.
        path: PathBuf,
    },
    /// Belongs to someone who could change it.
    #[error("`{}` belongs to user id {owner}; hint: chown it to root", path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// Others can read or write it.
    #[error("`{}` is open to others (mode {mode:04o}); hint: `chmod 0600` it", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not one line of text.
    #[error("`{}` does not hold exactly one line of text", path.display())]
    Content {
        /// The file.
        path: PathBuf,
    },
}

fn list(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// What to do about a CPG without an entry.
pub(super) fn how_to_map(cpg: &str, nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("did you mean `{cpg}` where it has `{nearest}`?"),
        None => format!("add `{cpg}` with its CPG on the target array"),
    }
}

fn hint_nearest(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| {
        format!("; hint: did you mean `{nearest}`?")
    })
}
