//! The comment on a VV: where a volume's Docker name and state live (decision 1).
//!
//! `dk1/ns=/name=db1/home=121649/op=host7@3f9c21.4f2a/state=ready/origin=blank/fmt=done`: no character in it needs quoting.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::{
    FsMode, FsOwner, FsType, HostName, Machine, Namespace, OperationId, SystemId, VolumeName,
};

const PREFIX: &str = "dk1";
/// Longest comment of a VV (array fact 17).
const MAX: usize = 511;
/// What is written `%..` in the comments of this plugin: they need no quoting.
pub(super) const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'.')
    .remove(b'_')
    .remove(b':')
    .remove(b'@')
    .remove(b'-');

/// How far a volume is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A create is running, or died; it belongs to the maker in `op`.
    Making,
    /// Usable.
    Ready,
    /// A remove is running, or died.
    Removing,
}

/// Where the data came from. mkfs is only ever thinkable on `Blank`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Made empty by this plugin.
    Blank,
    /// Anything else: a copy, an import.
    Data,
}

/// How far the filesystem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Never touched.
    No,
    /// mkfs may have begun; nothing was ever mounted.
    Doing,
    /// There is a filesystem.
    Done,
}

macro_rules! word {
    ($type:ident { $($variant:ident = $word:literal),+ }) => {
        impl $type {
            fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
            fn read(text: &str) -> Option<Self> {
                match text { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

word!(State { Making = "making", Ready = "ready", Removing = "removing" });
word!(Origin { Blank = "blank", Data = "data" });
word!(Format { No = "no", Doing = "doing", Done = "done" });

/// A comment of this plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Which cluster's volume this is.
    pub namespace: Namespace,
    /// Docker's name.
    pub name: VolumeName,
    /// System id of the array that created it.
    pub home: SystemId,
    /// Who made, or is changing, it.
    pub op: OperationId,
    /// How far it is.
    pub state: State,
    /// Where its data came from.
    pub origin: Origin,
    /// How far its filesystem is.
    pub format: Format,
    /// The group it is in was made by this plugin.
    pub group_is_ours: bool,
    /// Which filesystem.
    pub fs_type: FsType,
    /// Owner for the root directory.
    pub fs_owner: Option<FsOwner>,
    /// Mode for the root directory.
    pub fs_mode: Option<FsMode>,
    /// `mountConflictDelay` in seconds, when not the default.
    pub delay: Option<u32>,
    /// The machine that has it mounted, as the last mount recorded.
    pub held: Option<Machine>,
    /// Since when, in seconds since 1970 by that machine's clock, and later than any that it saw written there.
    pub since: Option<u64>,
    /// The host object that the holder's exports are to.
    pub via: Option<HostName>,
    /// The machine from which the holder takes, or took, the volume over. Exports to it that are still there are removed before
    /// anybody exports the volume again.
    pub pending: Option<Machine>,
    /// Keys of a later release: kept as they are.
    pub further: Vec<(String, String)>,
}

/// Why a comment is not one of this plugin's, or cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommentError {
    /// Somebody else's, or none.
    #[error("the comment is not one of this plugin's")]
    Foreign,
    /// Ours, but a key is missing or has a value that means nothing.
    #[error("the comment's `{0}` is missing or not understood")]
    Key(&'static str),
    /// Over 511 characters.
    #[error("the comment would have {0} characters; an array takes 511")]
    TooLong(usize),
}

/// What follows the word and the slash that comments of one kind begin with.
pub(super) fn after<'t>(prefix: &str, text: &'t str) -> Result<&'t str, CommentError> {
    text.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('/'))
        .ok_or(CommentError::Foreign)
}

impl Comment {
    /// Reads a comment. The caller still has to check that the VV's own name is the one derived from the volume's.
    ///
    /// # Errors
    /// [`CommentError::Foreign`] for anything that does not begin with `dk1/`, [`CommentError::Key`] for a broken one.
    pub fn parse(text: &str) -> Result<Self, CommentError> {
        let rest = after(PREFIX, text)?;
        let mut pairs = Vec::new();
        for part in rest.split('/') {
            let (key, value) = part.split_once('=').ok_or(CommentError::Key("key=value"))?;
            let value = percent_decode_str(value)
                .decode_utf8()
                .map_err(|_| CommentError::Key("key=value"))?;
            pairs.push((key.to_owned(), value.into_owned()));
        }
        let mut take = |key: &str| {
            let at = pairs.iter().position(|(k, _)| k == key)?;
            Some(pairs.remove(at).1)
        };
        let need = |value: Option<String>, key: &'static str| value.ok_or(CommentError::Key(key));
        fn opt<T: std::str::FromStr>(
            value: Option<String>,
            key: &'static str,
        ) -> Result<Option<T>, CommentError> {
            value
                .map(|v| v.parse().map_err(|_| CommentError::Key(key)))
                .transpose()
        }
        let comment = Self {
            namespace: Namespace::new(&need(take("ns"), "ns")?)
                .map_err(|_| CommentError::Key("ns"))?,
            name: VolumeName::new(&need(take("name"), "name")?)
                .map_err(|_| CommentError::Key("name"))?,
            home: SystemId(
                need(take("home"), "home")?
                    .parse()
                    .map_err(|_| CommentError::Key("home"))?,
            ),
            op: OperationId::parse(&need(take("op"), "op")?).ok_or(CommentError::Key("op"))?,
            state: State::read(&need(take("state"), "state")?).ok_or(CommentError::Key("state"))?,
            origin: Origin::read(&need(take("origin"), "origin")?)
                .ok_or(CommentError::Key("origin"))?,
            format: Format::read(&need(take("fmt"), "fmt")?).ok_or(CommentError::Key("fmt"))?,
            group_is_ours: match take("grp").as_deref() {
                None => false,
                Some("ours") => true,
                Some(_) => return Err(CommentError::Key("grp")),
            },
            fs_type: opt(take("fs"), "fs")?.unwrap_or_default(),
            fs_owner: opt(take("own"), "own")?,
            fs_mode: opt(take("perm"), "perm")?,
            delay: opt(take("delay"), "delay")?,
            held: take("held")
                .map(|text| Machine::parse(&text).ok_or(CommentError::Key("held")))
                .transpose()?,
            since: opt(take("since"), "since")?,
            via: take("via")
                .map(|text| HostName::new(&text).map_err(|_| CommentError::Key("via")))
                .transpose()?,
            pending: take("pending")
                .map(|text| Machine::parse(&text).ok_or(CommentError::Key("pending")))
                .transpose()?,
            further: Vec::new(),
        };
        Ok(Self {
            further: pairs,
            ..comment
        })
    }

    /// The text for the array.
    ///
    /// # Errors
    /// [`CommentError::TooLong`] above 511 characters.
    pub fn encode(&self) -> Result<String, CommentError> {
        let mut text = PREFIX.to_owned();
        let mut put = |key: &str, value: &str| {
            text.push('/');
            text.push_str(key);
            text.push('=');
            text.extend(utf8_percent_encode(value, ESCAPED));
        };
        put("ns", self.namespace.as_str());
        put("name", self.name.as_str());
        put("home", &self.home.to_string());
        put("op", &self.op.to_string());
        put("state", self.state.word());
        put("origin", self.origin.word());
        put("fmt", self.format.word());
        if self.group_is_ours {
            put("grp", "ours");
        }
        if self.fs_type != FsType::default() {
            put("fs", &self.fs_type.to_string());
        }
        if let Some(owner) = self.fs_owner {
            put("own", &owner.to_string());
        }
        if let Some(mode) = self.fs_mode {
            put("perm", &mode.to_string());
        }
        if let Some(delay) = self.delay {
            put("delay", &delay.to_string());
        }
        if let Some(held) = &self.held {
            put("held", &held.to_string());
        }
        if let Some(since) = self.since {
            put("since", &since.to_string());
        }
        if let Some(via) = &self.via {
            put("via", via.as_str());
        }
        if let Some(pending) = &self.pending {
            put("pending", &pending.to_string());
        }
        for (key, value) in &self.further {
            put(key, value);
        }
        if text.len() > MAX {
            Err(CommentError::TooLong(text.len()))
        } else {
            Ok(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Comment {
        Comment {
            namespace: Namespace::default(),
            name: VolumeName::new("db1").unwrap(),
            home: SystemId(121_649),
            op: OperationId::parse("host7.4f2a").unwrap(),
            state: State::Ready,
            origin: Origin::Blank,
            format: Format::Done,
            group_is_ours: true,
            fs_type: FsType::Ext4,
            fs_owner: None,
            fs_mode: None,
            delay: None,
            held: None,
            since: None,
            via: None,
            pending: None,
            further: Vec::new(),
        }
    }

    #[test]
    fn is_written_as_the_decision_says() {
        assert_eq!(
            sample().encode().unwrap(),
            "dk1/ns=/name=db1/home=121649/op=host7.4f2a/state=ready/origin=blank/fmt=done/grp=ours"
        );
    }

    #[test]
    fn reads_back_what_it_wrote_and_keeps_what_it_does_not_know() {
        let mut comment = sample();
        comment.fs_type = FsType::Xfs;
        comment.fs_owner = Some("10:20".parse().unwrap());
        comment.fs_mode = Some("0750".parse().unwrap());
        comment.delay = Some(7);
        comment.held = Machine::parse("host 7");
        comment.since = Some(1_795_881_600);
        comment.via = Some(HostName::new("host7").unwrap());
        comment.pending = Machine::parse("host8@0a1b2c");
        comment.further = vec![("later".to_owned(), "a/b=c".to_owned())];
        let text = comment.encode().unwrap();
        assert!(
            text.bytes()
                .all(|b| b.is_ascii_graphic() && !b"\"'\\;|&<>`$".contains(&b)),
            "{text}"
        );
        assert_eq!(Comment::parse(&text), Ok(comment));
    }

    #[test]
    fn foreign_broken_and_too_long_ones_are_told_apart() {
        assert_eq!(Comment::parse("--"), Err(CommentError::Foreign));
        assert_eq!(
            Comment::parse("{\"volume_id\": 1}"),
            Err(CommentError::Foreign)
        );
        assert_eq!(
            Comment::parse("dk1/ns=/name=db1"),
            Err(CommentError::Key("home"))
        );
        assert_eq!(
            Comment::parse("dk1/ns=/name=../x/home=1/op=a.1/state=ready/origin=blank/fmt=no"),
            Err(CommentError::Key("key=value"))
        );
        let mut long = sample();
        long.held = Machine::parse(&"x".repeat(500));
        assert!(matches!(long.encode(), Err(CommentError::TooLong(_))));
    }

    #[test]
    fn the_longest_of_everything_fits() {
        let host = crate::model::HostName::new(&"h".repeat(31)).unwrap();
        let machine = Machine::new(&host, "1");
        let longest = Comment {
            namespace: Namespace::new("clusters").unwrap(),
            name: VolumeName::new(&"n".repeat(255)).unwrap(),
            home: SystemId(u32::MAX),
            op: OperationId {
                machine: machine.clone(),
                request: crate::model::RequestId::random(),
            },
            state: State::Removing,
            origin: Origin::Blank,
            format: Format::Doing,
            group_is_ours: true,
            fs_type: FsType::Xfs,
            fs_owner: Some("4294967294:4294967294".parse().unwrap()),
            fs_mode: Some("7777".parse().unwrap()),
            delay: Some(u32::MAX),
            held: Some(machine),
            since: Some(9_999_999_999),
            via: None,
            pending: None,
            further: Vec::new(),
        };
        assert_eq!(
            Comment::parse(&longest.encode().unwrap()).as_ref(),
            Ok(&longest)
        );
    }

    #[test]
    fn a_cut_comment_is_never_ready() {
        let text = sample().encode().unwrap();
        for end in 0..text.len() {
            if let Ok(cut) = Comment::parse(&text[..end]) {
                assert_eq!(cut.op, sample().op, "{}", &text[..end]);
                assert!(end > text.find("/fmt=done").unwrap());
            }
        }
    }
}
