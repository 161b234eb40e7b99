//! In which remote copy groups the VVs of an array are, as far as it can be asked.

use std::collections::BTreeSet;

use crate::{
    inform::{Array, ArrayError, RcGroup, Refusal, Vv, VvKind},
    model::{Comment, GroupName, Side, SystemId, VvName},
};

use super::{arrays::Login, error::Cause, inner::Inner};

/// Remote copy groups of an array.
#[derive(Debug)]
pub(super) struct Groups {
    found: Vec<RcGroup>,
    all: bool,
    /// When they were asked for.
    pub asked: jiff::Timestamp,
}

/// Where a VV is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    In(&'a RcGroup),
    InNone,
    NotKnown,
}

impl Groups {
    fn new(found: Vec<RcGroup>, all: bool, asked: jiff::Timestamp) -> Self {
        Self { found, all, asked }
    }

    pub fn found(&self) -> impl Iterator<Item = &RcGroup> {
        self.found.iter()
    }

    pub fn of(&self, vv: &Vv) -> Place<'_> {
        self.of_name(&vv.name)
    }

    /// Where the volume is that a VV is of: a snapshot is in no group, but what it is of may be.
    pub fn of_original(&self, vv: &Vv) -> Place<'_> {
        match (&vv.kind, &vv.copy_of) {
            (VvKind::VirtualCopy, Some(original)) => self.of_name(original),
            _ => self.of(vv),
        }
    }

    /// Where a clone is to be that is being copied.
    pub fn to_be_of(&self, comment: &Comment) -> Option<&RcGroup> {
        let into = comment.becomes.as_ref()?.group.as_ref()?;
        self.found.iter().find(|group| group.name == *into)
    }

    fn of_name(&self, vv: &VvName) -> Place<'_> {
        match self.found.iter().find(|group| group.holds(vv)) {
            Some(group) => Place::In(group),
            None if self.all => Place::InNone,
            None => Place::NotKnown,
        }
    }

    /// The groups of an array. Where the whole listing cannot be read, because of one group that nobody understands, those of known
    /// volumes are asked for one by one.
    pub async fn ask(
        inner: &Inner,
        login: &Login<'_>,
        array: &Array,
        here: SystemId,
    ) -> Result<Self, Cause> {
        let asked = inner.now();
        let replicates = login.replicates();
        // What this login does not see because it does not replicate, another one may.
        let arrays = inner.arrays();
        let same =
            |other: &&Login<'_>| other.replicates() && other.array().label() == array.label();
        let array = match arrays.iter().find(same) {
            _ if replicates => array,
            Some(other) => other.array(),
            None => return Ok(Self::new(Vec::new(), true, asked)),
        };
        let error = match array.showrcopy_groups().await {
            Ok(found) => return Ok(Self::new(found, true, asked)),
            Err(error) => error,
        };
        // Nothing that belongs to a backend without replication waits for what its array says of groups.
        let must = login.pairs().next().is_some();
        if must && !matches!(error, ArrayError::Unrecognised { .. })
            || replicates && error.is_unreachable()
        {
            return Err(error.into());
        }
        if error.refusal() == Some(Refusal::NotConfigured) {
            return Ok(Self::new(Vec::new(), true, asked));
        }
        log::warn!(array = array.label(), error:% = error; "remote copy groups cannot be listed, asking for known ones by name");
        let mut found = Vec::new();
        for name in known(inner, login, here) {
            match array.showrcopy_group(&name).await {
                Ok(group) => found.extend(group),
                Err(error) if error.is_unreachable() && replicates => return Err(error.into()),
                Err(error) => {
                    log::warn!(array = array.label(), group = name.as_str(), error:% = error; "group left as it was known");
                }
            }
        }
        Ok(Self::new(found, false, asked))
    }
}

/// The groups of known volumes, by their names on this array.
fn known(inner: &Inner, login: &Login<'_>, here: SystemId) -> BTreeSet<GroupName> {
    let mut names = BTreeSet::new();
    let sources = inner.source_ids(here);
    for volume in inner.index.list() {
        let Some(group) = volume.group else { continue };
        let mut backends = login.backends();
        let name = match backends.find(|(backend, _)| backend.name == volume.backend) {
            Some((_, Side::Source)) => Some(group),
            Some((backend, Side::Peer)) => {
                let source = sources.get(&backend.name);
                let pair = backend.pair.as_ref().zip(source);
                pair.and_then(|(pair, source)| pair.peer_name(&group, *source))
            }
            None => None,
        };
        names.extend(name);
    }
    names
}
