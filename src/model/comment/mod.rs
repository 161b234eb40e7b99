//! The comment on a VV: where a volume's Docker name and state live (decision 1).
//!
//! `dk1/ns=/name=db1/home=121649/op=host7@3f9c21.4f2a/state=ready/origin=blank/fmt=done`: no character in it needs quoting.

mod room;
mod words;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{
    CreateVolume, FsMode, FsOwner, FsType, GroupName, Holds, HostName, ImportPolicy, Machine,
    Namespace, OperationId, ScheduleName, SetName, Size, SystemId, VolumeName, VvName, python,
};

pub use words::{Becomes, Format, Origin, State};

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
    /// Since when, in seconds since 1970 by that machine's clock, and later than what it saw written there. For people; and for a device that
    /// stayed on a host, which is not joined if a copy's says later.
    pub since: Option<u64>,
    /// With Peer Persistence: which of the two copies' holders was the last.
    pub holds: Option<Holds>,
    /// The host object that the holder's exports are to.
    pub via: Option<HostName>,
    /// The machine from which the holder takes, or took, the volume over. Exports to it that are still there are removed before
    /// anybody exports the volume again.
    pub pending: Option<Machine>,
    /// The volume that it is a snapshot or a clone of; left out of the text when that would be too long.
    pub of: Option<VolumeName>,
    /// The VV set with a QoS rule that it was put into.
    pub qos: Option<SetName>,
    /// The VV set with a QoS rule that was asked for, and that an imported VV was in already: it is still in there when it is given back.
    pub was_in: Option<SetName>,
    /// What the flash cache was told of it, in a VV set of its own.
    pub flash_cache: Option<bool>,
    /// This snapshot was taken on both arrays at one instant: the other one has its twin.
    pub both: bool,
    /// The schedule that goes with this snapshot.
    pub schedule: Option<ScheduleName>,
    /// What a clone is to be that is not ready yet. It stays while that is being removed, so that a remove that failed leaves what
    /// there was.
    pub becomes: Option<Becomes>,
    /// What the VV was called before it was imported or adopted.
    pub was: Option<VvName>,
    /// What becomes of an imported one when it is removed.
    pub import: Option<ImportPolicy>,
    /// The comment that the VV had before it was imported or adopted, if it had one. Goes with `was`.
    pub old: Option<String>,
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
    /// That of an empty volume that is being made as asked.
    pub fn asked(
        namespace: Namespace,
        home: SystemId,
        op: OperationId,
        asked: &CreateVolume,
    ) -> Self {
        let delay = asked.mount_conflict_delay;
        Self {
            namespace,
            name: asked.name.clone(),
            home,
            op,
            state: State::Making,
            origin: Origin::Blank,
            format: Format::No,
            group_is_ours: false,
            fs_type: asked.fs_type,
            fs_owner: asked.fs_owner,
            fs_mode: asked.fs_mode,
            delay: (delay != CreateVolume::DEFAULT_MOUNT_CONFLICT_DELAY).then_some(delay),
            held: None,
            since: None,
            holds: None,
            via: None,
            pending: None,
            of: None,
            becomes: None,
            qos: asked.qos.clone(),
            was_in: None,
            flash_cache: asked.flash_cache,
            both: false,
            schedule: None,
            was: None,
            import: None,
            old: None,
            further: Vec::new(),
        }
    }

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
        let was: Option<VvName> = opt(take("was"), "was")?;
        let old = match (take("old"), take("py"), &was) {
            (old, None, _) => old,
            (None, Some(short), Some(was)) => {
                Some(python::lengthen(was, &short).ok_or(CommentError::Key("py"))?)
            }
            (Some(_), Some(_), _) | (None, Some(_), None) => return Err(CommentError::Key("py")),
        };
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
            holds: opt(take("holds"), "holds")?,
            via: take("via")
                .map(|text| HostName::new(&text).map_err(|_| CommentError::Key("via")))
                .transpose()?,
            pending: take("pending")
                .map(|text| Machine::parse(&text).ok_or(CommentError::Key("pending")))
                .transpose()?,
            of: take("of")
                .map(|text| VolumeName::new(&text).map_err(|_| CommentError::Key("of")))
                .transpose()?,
            qos: opt(take("qos"), "qos")?,
            was_in: opt(take("in"), "in")?,
            flash_cache: opt(take("flash"), "flash")?,
            both: match take("both").as_deref() {
                None => false,
                Some("yes") => true,
                Some(_) => return Err(CommentError::Key("both")),
            },
            schedule: opt(take("sched"), "sched")?,
            becomes: match opt(take("want"), "want")? {
                None => None,
                Some(mib) => Some(Becomes {
                    size: Size::from_mib(mib),
                    group: take("into")
                        .map(|text| GroupName::new(&text).map_err(|_| CommentError::Key("into")))
                        .transpose()?,
                    task: opt(take("task"), "task")?,
                }),
            },
            was,
            import: opt(take("imp"), "imp")?,
            old,
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
        if let Some(holds) = &self.holds {
            put("holds", &holds.to_string());
        }
        if let Some(via) = &self.via {
            put("via", via.as_str());
        }
        if let Some(pending) = &self.pending {
            put("pending", &pending.to_string());
        }
        if let Some(qos) = &self.qos {
            put("qos", qos.as_str());
        }
        if let Some(set) = &self.was_in {
            put("in", set.as_str());
        }
        if let Some(flash_cache) = self.flash_cache {
            put("flash", &flash_cache.to_string());
        }
        if self.both {
            put("both", "yes");
        }
        if let Some(schedule) = &self.schedule {
            put("sched", schedule.as_str());
        }
        if let Some(becomes) = &self.becomes {
            put("want", &becomes.size.mib().to_string());
            if let Some(group) = &becomes.group {
                put("into", group.as_str());
            }
            if let Some(task) = becomes.task {
                put("task", &task.to_string());
            }
        }
        if let Some(was) = &self.was {
            put("was", was.as_str());
        }
        if let Some(import) = &self.import {
            put("imp", &import.to_string());
        }
        if let Some(old) = &self.old {
            let short = self.was.as_ref().and_then(|was| python::shorten(was, old));
            match short {
                Some(short) => put("py", &short),
                None => put("old", old),
            }
        }
        for (key, value) in &self.further {
            put(key, value);
        }
        // A name may have 255 characters, and two of them do not fit. The array tells, too, of what it is a copy.
        let of = self.of.as_ref().map(|of| format!("/of={of}"));
        if let Some(of) = of.filter(|of| text.len() + of.len() <= MAX) {
            text.push_str(&of);
        }
        if text.len() > MAX {
            Err(CommentError::TooLong(text.len()))
        } else {
            Ok(text)
        }
    }
}

impl Comment {
    /// The VV set whose QoS rule was asked for, whoever put the VV into it.
    pub fn rule_of(&self) -> Option<&SetName> {
        self.qos.as_ref().or(self.was_in.as_ref())
    }
}

#[cfg(test)]
mod tests;
