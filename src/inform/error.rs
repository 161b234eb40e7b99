//! What can go wrong between a typed call and an array's answer.

use std::{error::Error, fmt, sync::Arc};

use serde::Deserialize;

/// Where something went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// The array, by the name hpe.conf gives it.
    pub array: String,
    /// The command line as it was (or would have been) sent. No command of this module carries a secret.
    pub command: String,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "array `{}`, command `{}`", self.array, self.command)
    }
}

/// Why the layer below gave no answer. Displays as the SSH layer's own error.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// A command that did not give a value. One line; clonable, because joined operations share one failure.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ArrayError {
    /// The array said no.
    #[error("{at}: the array refused: {}", one_line(words))]
    Refused {
        /// Which command.
        at: At,
        /// What kind of no.
        refusal: Refusal,
        /// The array's own words, lines joined by newlines.
        words: String,
    },
    /// The answer ends before it is complete, or its rows are not as many as its total says.
    #[error("{at}: the answer is not complete ({why}): {}", one_line(text))]
    Truncated {
        /// Which command.
        at: At,
        /// What is missing.
        why: String,
        /// The whole answer.
        text: String,
    },
    /// The answer, or a line of it, is nothing this plugin knows.
    #[error("{at}: the answer is not understood ({why}): {}", one_line(text))]
    Unrecognised {
        /// Which command.
        at: At,
        /// What is not understood.
        why: String,
        /// The whole answer.
        text: String,
    },
    /// The command was not sent, or it only reads and gave no answer.
    #[error("{at}: no answer: {source}")]
    Unreachable {
        /// Which command.
        at: At,
        /// What the SSH layer says.
        source: Cause,
    },
    /// The connection was lost after a changing command may have been sent: it may have taken effect.
    #[error("{at}: the connection was lost and the command may have run: {source}")]
    InDoubt {
        /// Which command.
        at: At,
        /// What the SSH layer says.
        source: Cause,
        /// The session it ran on, as `showuserconn` numbers it, if that is known.
        session: Option<String>,
        /// True if the array was seen not to list the session any more, so that the command has ended one way or the other.
        /// False: it may still be running.
        ended: bool,
    },
    /// A look after the command does not show what it should have done.
    #[error("{at}: expected {expected}, found {found}")]
    NotProven {
        /// Which command.
        at: At,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// This InForm OS does not offer what was asked. Nothing was sent.
    #[error("{at}: this InForm OS does not offer {what}")]
    NotOffered {
        /// Which command, as far as it is known.
        at: At,
        /// The option or feature.
        what: String,
    },
    /// A value has a character that no command line of this plugin may hold. Nothing was sent.
    #[error("{at}: {what} is not safe on a command line: `{}`", text.escape_debug())]
    Unsafe {
        /// Which command, as far as it is known.
        at: At,
        /// Which argument.
        what: String,
        /// The value.
        text: String,
    },
}

impl ArrayError {
    /// The kind of refusal, if it is one.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal.clone()),
            _ => None,
        }
    }

    /// True if the array could not be asked: nothing is known, and nothing was changed.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// True if the command may have taken effect: the state has to be read before anything else is done.
    pub fn is_in_doubt(&self) -> bool {
        matches!(self, Self::InDoubt { .. })
    }

    /// Which array and command.
    pub fn at(&self) -> &At {
        match self {
            Self::Refused { at, .. }
            | Self::Truncated { at, .. }
            | Self::Unrecognised { at, .. }
            | Self::Unreachable { at, .. }
            | Self::InDoubt { at, .. }
            | Self::NotProven { at, .. }
            | Self::NotOffered { at, .. }
            | Self::Unsafe { at, .. } => at,
        }
    }

    /// What a person can do next, if anything is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unreachable { source, .. } => source
                .downcast_ref::<crate::ssh::SshError>()
                .map(crate::ssh::SshError::hint),
            Self::Refused { refusal, .. } => refusal.hint(),
            Self::Truncated { .. } => {
                Some("try again; if it comes again, send the transcript".to_owned())
            }
            Self::Unrecognised { .. } => Some(
                "if this InForm OS prints it differently, a file in `template_dir` can say how to read it; the transcript has the answer"
                    .to_owned(),
            ),
            Self::InDoubt { ended: false, .. } => {
                Some("the command may still be running; look with `showuserconn` and `showtask`".to_owned())
            }
            Self::InDoubt { ended: true, .. } => {
                Some("try again: the plugin reads the state before it does anything else".to_owned())
            }
            Self::NotProven { .. } => {
                Some("somebody else may be working on the array at the same time".to_owned())
            }
            Self::NotOffered { .. } | Self::Unsafe { .. } => None,
        }
    }
}

/// Why an answer gives no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind of problem.
    pub kind: ProblemKind,
    /// The line, or the reason.
    pub why: String,
    /// Nothing of the answer was understood, so its lines may be refusals.
    pub(super) headless: bool,
}

/// What kind of problem an answer has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    /// The array said no.
    Refused(Refusal),
    /// The answer is not complete.
    Truncated,
    /// The answer is not understood.
    Unrecognised,
}

impl Problem {
    fn new(kind: ProblemKind, why: impl Into<String>) -> Self {
        Self {
            kind,
            why: why.into(),
            headless: false,
        }
    }

    /// The line where the listing should begin is another.
    pub(super) fn headless(line: &str) -> Self {
        let why = format!("`{line}` where the listing should begin");
        Self {
            headless: true,
            ..unrecognised(why)
        }
    }
}

pub(super) fn unrecognised(why: impl Into<String>) -> Problem {
    Problem::new(ProblemKind::Unrecognised, why)
}

pub(super) fn truncated(why: impl Into<String>) -> Problem {
    Problem::new(ProblemKind::Truncated, why)
}

pub(super) fn refused(refusal: Refusal, why: &str) -> Problem {
    Problem::new(ProblemKind::Refused(refusal), why.trim())
}

/// What kind of no an array said. The words are kept beside it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub enum Refusal {
    /// An object of that name is there already.
    Exists,
    /// The object is not there.
    NotFound,
    /// A VLUN stands in the way.
    Exported,
    /// Membership of a VV set or host set stands in the way.
    InSet,
    /// Membership of a remote copy group stands in the way.
    InRemoteCopy,
    /// Snapshots or copies stand in the way.
    HasChildren,
    /// The retention time has not passed.
    Retained,
    /// An expiry or a retention time the array does not take, such as a retention beyond the expiry.
    BadTime,
    /// No schedule, or one with a value that is none.
    BadSchedule,
    /// The volume has no place for snapshots: on 3.x, no snapshot CPG.
    NoSnapshotSpace,
    /// No space.
    NoSpace,
    /// The CPG is not there.
    NoSuchCpg,
    /// A licence is missing.
    NotLicensed,
    /// The user may not.
    NotPermitted,
    /// A name the array does not take.
    BadName,
    /// Larger than the array makes.
    TooLarge,
    /// The LUN is used for that host.
    LunTaken,
    /// The initiator belongs to another host object.
    InitiatorTaken {
        /// The object that has it; in a template empty, and filled from the array's words.
        #[serde(default)]
        host: String,
    },
    /// The group is started.
    GroupStarted,
    /// The group is not started.
    GroupNotStarted,
    /// The group has no volumes.
    GroupEmpty,
    /// Started groups of one target must have one mode.
    MixedModes,
    /// The command belongs on the other array.
    WrongSide,
    /// The remote copy target, or the array behind it, is not usable now.
    TargetNotReady,
    /// The volume is in a group already.
    AlreadyInGroup,
    /// The array takes no more sessions.
    TooManySessions,
    /// `-showcols` with columns this OS does not have.
    BadColumns,
    /// The array did not understand the command line.
    Syntax,
    /// Busy now, later perhaps.
    Busy,
    /// Remote Copy is not set up.
    NotConfigured,
    /// The objects must be in one domain.
    SameDomain,
    /// A copy or promotion is running from or to the volume.
    Copying,
    /// That the volume is a physical copy, or has one, or is none, stands in the way.
    PhysicalCopy,
    /// Smaller than it has to be.
    TooSmall,
    /// The two sizes are not what they must be to each other.
    SizesDiffer,
    /// No such set, domain or rule for quality of service.
    NoQosTarget,
    /// A rule for quality of service stands in the way.
    HasQosRule,
    /// This system or InForm OS does not do that.
    Unsupported,
    /// The task is not running.
    TaskEnded,
    /// Anything else.
    Other,
}

impl Refusal {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoSpace => "free space in the CPG or choose another with `-o cpg`",
            Self::NoSnapshotSpace => {
                "on 3.x a volume needs a snapshot CPG before it can have snapshots; see `showvv -cpgalloc`"
            }
            Self::NoSuchCpg => "compare `hpe3par_cpg` in hpe.conf with `showcpg`",
            Self::NotLicensed => "compare with `showlicense`",
            Self::NotPermitted => {
                "the user needs the role `edit` or `super` in every domain concerned; see `showuser`"
            }
            Self::Retained => "the volume cannot be removed before its retention time has passed",
            Self::HasChildren => "remove its snapshots and copies first",
            Self::Exported => "see `showvlun -t` for what it is exported to",
            Self::InitiatorTaken { host } => {
                return Some(format!(
                    "the initiator is in the host object `{host}`; see `showhost -d {host}`"
                ));
            }
            Self::MixedModes => {
                "all started groups of one target must have one mode: use another target, or stop the others"
            }
            Self::WrongSide => "the roles may have changed; see `showrcopy groups` on both arrays",
            Self::TargetNotReady => "see `showrcopy targets` and `showrcopy links` on both arrays",
            Self::TooManySessions => {
                "lower `ssh_pool_size`, or close sessions listed by `showuserconn`"
            }
            Self::TooSmall => "give a larger `size`, or leave `compression` out",
            Self::TooLarge => "give a smaller size",
            Self::Busy => "try again later",
            Self::Copying => {
                "see `showtask -active`: it goes on when the copy has ended or was ended with `canceltask`"
            }
            Self::PhysicalCopy => {
                "see `showvv -cpprog`: `promotevvcopy` makes a volume of its own of a copy that is complete"
            }
            Self::SizesDiffer => {
                "compare the sizes on both arrays with `showvv`, and grow the smaller one"
            }
            Self::NoQosTarget => "compare with `showqos` and `showvvset`",
            Self::HasQosRule => "take the rule away first with `setqos -clear`",
            Self::NotConfigured => {
                "Remote Copy has to be set up by the administrator first (`startrcopy`)"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// The non-empty lines joined, control characters shown, cut to 300 characters: an error is one line.
fn one_line(text: &str) -> String {
    const MAX: usize = 300;
    let joined = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" / ");
    if joined.is_empty() {
        return "(nothing)".to_owned();
    }
    let shown: String = joined
        .chars()
        .take(MAX)
        .map(|c| {
            if c.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect();
    if joined.chars().count() > MAX {
        format!("{shown}…")
    } else {
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_with_array_command_and_words() {
        let error = ArrayError::Refused {
            at: At { array: "west".to_owned(), command: "removevv -f dkv-a".to_owned() },
            refusal: Refusal::InSet,
            words: "Removing vv dkv-a\r\n\nAttempt to delete vv dkv-a which is a member of vv set s\u{7}".to_owned(),
        };
        let text = error.to_string();
        assert_eq!(
            text,
            "array `west`, command `removevv -f dkv-a`: the array refused: Removing vv dkv-a / \
             Attempt to delete vv dkv-a which is a member of vv set s\u{fffd}"
        );
        assert!(one_line(&"x".repeat(10_000)).chars().count() < 400);
    }
    fn at() -> At {
        At {
            array: "west".to_owned(),
            command: "setvv".to_owned(),
        }
    }

    #[test]
    fn a_value_that_is_not_safe_is_shown_on_one_line() {
        let error = ArrayError::Unsafe {
            at: at(),
            what: "comment".to_owned(),
            text: "a\nremovevv x\u{1b}[2J".to_owned(),
        };
        let text = error.to_string();
        assert!(text.ends_with("`a\\nremovevv x\\u{1b}[2J`"), "{text}");
    }

    #[test]
    fn a_hint_names_what_to_look_at() {
        let doubt = |ended| ArrayError::InDoubt {
            at: at(),
            source: Arc::new(std::io::Error::other("cut")),
            session: None,
            ended,
        };
        assert!(doubt(false).hint().unwrap().contains("`showuserconn`"));
        assert!(!doubt(true).hint().unwrap().contains("still be running"));
        let taken = ArrayError::Refused {
            at: at(),
            refusal: Refusal::InitiatorTaken {
                host: "ward7".to_owned(),
            },
            words: String::new(),
        };
        assert!(taken.hint().unwrap().contains("`showhost -d ward7`"));
    }
}
