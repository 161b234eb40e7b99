//! Groups as a person asks for them: by name, as both arrays show them now, without an index. Nothing is changed.

use std::{fmt, time::Duration};

use crate::{
    inform::{RcGroup, RcTarget},
    model::{GroupName, Side, SystemId, TargetName},
    replication::{GroupSide, GroupSides, Half, Pair, Way},
};

use super::asked::{ArrayShown, PairAsked, within};

/// Why a name means no group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotFound {
    /// Neither array has it, in their own words.
    NoSuchGroup,
    /// The array that could be asked does not have it.
    NotSeen {
        /// Why the other one could not.
        why: Vec<String>,
    },
    /// It replicates, but not to the array of the backend's `replication_device`.
    OtherTarget {
        /// The array that has it.
        array: String,
        /// Where it replicates to.
        target: TargetName,
    },
    /// The name fits more than one.
    Several(Vec<GroupName>),
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchGroup => f.write_str("neither array has a remote copy group of that name"),
            Self::NotSeen { why } => write!(
                f,
                "no remote copy group of that name was seen, and not every array could be asked: {}",
                why.join("; ")
            ),
            Self::OtherTarget { array, target } => write!(
                f,
                "remote copy group on array `{array}` replicates to target `{target}`, which is not the array of the backend's `replication_device`"
            ),
            Self::Several(names) => {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                write!(f, "it may be one of {}", names.join(", "))
            }
        }
    }
}

impl PairAsked {
    /// Every group between the two arrays, by its name on the backend's own one.
    pub async fn groups(&self, patience: Duration) -> Vec<GroupSides> {
        let mut there: Vec<RcGroup> = self.leading_back(Side::Peer);
        let mut groups = Vec::new();
        for here in self.leading_back(Side::Source) {
            let name = self.name_on(Side::Peer, &here);
            let by_name = there
                .iter()
                .position(|one| Some(&one.name) == name.as_ref());
            let at = by_name.or_else(|| there.iter().position(|one| are_halves(&here, one)));
            let other = at.map(|at| there.remove(at));
            groups.push(self.sides(Side::Source, here, other, patience).await);
        }
        for alone in there {
            groups.push(self.sides(Side::Peer, alone, None, patience).await);
        }
        groups.sort_by(|one, other| one.group.cmp(&other.group));
        groups
    }

    /// The group that a person means: by its name on either array; where the backend's own cannot be asked, by its name there.
    ///
    /// # Errors
    /// [`NotFound`].
    pub async fn find(&self, name: &GroupName, patience: Duration) -> Result<GroupSides, NotFound> {
        let all = self.groups(patience).await;
        let called = |sides: &&GroupSides| {
            let names = sides.both().map(|side| side.name.as_ref());
            sides.group == *name || names.contains(&Some(name))
        };
        let mut fits: Vec<GroupSides> = all.iter().filter(called).cloned().collect();
        // The name somebody types is that of the array they know it from.
        let exact = |sides: &GroupSides| sides.source.name.as_ref() == Some(name);
        if fits.len() > 1 && fits.iter().filter(|sides| exact(sides)).count() == 1 {
            fits.retain(exact);
        }
        match (fits.pop(), fits.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(last), false) => {
                fits.push(last);
                let names = fits.iter().flat_map(|sides| sides.peer.name.clone());
                Err(NotFound::Several(names.collect()))
            }
            (None, _) => Err(self.not_found(name, patience).await),
        }
    }

    async fn not_found(&self, name: &GroupName, patience: Duration) -> NotFound {
        let mut why = Vec::new();
        for side in Side::BOTH {
            let (asked, array) = (self.on(side), self.pair.on(side));
            if let Err(reason) = &asked.answer {
                why.push(reason.why.clone());
                continue;
            }
            // The listing has no total: only the array's own words are proof (array fact 9).
            match within(array, patience, array.showrcopy_group(name)).await {
                Ok(Some(group)) => {
                    return NotFound::OtherTarget {
                        array: asked.label.clone(),
                        target: group.target,
                    };
                }
                Ok(None) => {}
                Err(reason) => why.push(reason.why),
            }
        }
        if why.is_empty() {
            NotFound::NoSuchGroup
        } else {
            NotFound::NotSeen { why }
        }
    }

    fn shown(&self, side: Side) -> Option<&ArrayShown> {
        self.on(side).answer.as_ref().ok()
    }

    fn id(&self, side: Side) -> Option<SystemId> {
        self.shown(side).map(|shown| shown.system.id)
    }

    /// The groups of an array whose target is the other one, by its system id; a target's name is no identity (array fact 15). While
    /// the other one cannot be asked, hpe.conf names the target, and on the peer nothing does.
    fn leading_back(&self, side: Side) -> Vec<RcGroup> {
        let Some(shown) = self.shown(side) else {
            return Vec::new();
        };
        let leads = |target: &&RcTarget| match (self.id(side.other()), side) {
            (Some(id), _) => target.system_id == Some(id),
            (None, Side::Source) => target.name == self.pair.wants.target,
            (None, Side::Peer) => true,
        };
        let targets: Vec<&TargetName> = shown
            .targets
            .iter()
            .filter(leads)
            .map(|target| &target.name)
            .collect();
        let groups = shown.groups.iter();
        groups
            .filter(|group| targets.contains(&&group.target))
            .cloned()
            .collect()
    }

    /// What one array calls a group that the other one showed: whichever made it adds its id for the other (array fact 3).
    fn name_on(&self, side: Side, shown: &RcGroup) -> Option<GroupName> {
        self.pair.peer_name(&shown.name, self.id(side.other())?)
    }

    /// Both halves, from the one that was seen.
    async fn sides(
        &self,
        side: Side,
        seen: RcGroup,
        other: Option<RcGroup>,
        patience: Duration,
    ) -> GroupSides {
        let name = seen.name.clone();
        let other_name = match &other {
            Some(other) => Some(other.name.clone()),
            None => self.name_on(side.other(), &seen),
        };
        let group = match (side, &other_name) {
            (Side::Peer, Some(here)) => here.clone(),
            _ => name.clone(),
        };
        let this = self.side(side, Some(name), Some(seen), patience).await;
        let that = self.side(side.other(), other_name, other, patience).await;
        let (source, peer) = match side {
            Side::Source => (this, that),
            Side::Peer => (that, this),
        };
        GroupSides {
            group,
            source,
            peer,
        }
    }

    async fn side(
        &self,
        side: Side,
        name: Option<GroupName>,
        group: Option<RcGroup>,
        patience: Duration,
    ) -> GroupSide {
        let asked = self.on(side);
        let unreadable = |why: String| Half::Unreadable {
            why,
            last_seen: None,
        };
        let half = match (&asked.answer, group, &name) {
            (_, Some(group), _) => Half::Seen(group),
            (Err(not_asked), None, _) => unreadable(not_asked.why.clone()),
            (Ok(_), None, None) => unreadable("what it calls the group is not known".to_owned()),
            (Ok(_), None, Some(name)) => {
                let array = self.pair.on(side);
                match within(array, patience, array.showrcopy_group(name)).await {
                    Ok(None) => Half::Absent,
                    Ok(Some(group)) => Half::Seen(group),
                    Err(not_asked) => unreadable(not_asked.why),
                }
            }
        };
        let way = half.seen().and_then(|group| {
            let shown = self.shown(side)?;
            Way::to(&group.target, &shown.targets, &shown.links)
        });
        GroupSide {
            array: asked.label.clone(),
            name,
            half,
            way,
        }
    }
}

/// The halves of a group once more, by the names it has, and nothing else of the arrays: how they see the way to each other is not asked.
pub async fn look_again(pair: &Pair, sides: &GroupSides, patience: Duration) -> GroupSides {
    let half = async |side: Side| {
        let shown = sides.on(side);
        let unreadable = |why: String| Half::Unreadable {
            why,
            last_seen: None,
        };
        let half = match &shown.name {
            None => unreadable(format!(
                "what array `{}` calls it is not known",
                shown.array
            )),
            Some(name) => {
                let array = pair.on(side);
                let look = within(array, patience, array.showrcopy_group(name)).await;
                look.map_or_else(|not_asked| unreadable(not_asked.why), Half::from)
            }
        };
        GroupSide {
            half,
            way: None,
            ..shown.clone()
        }
    };
    let (source, peer) = tokio::join!(half(Side::Source), half(Side::Peer));
    GroupSides {
        group: sides.group.clone(),
        source,
        peer,
    }
}

/// Each array has its own names for the volumes, and both know both.
fn are_halves(here: &RcGroup, there: &RcGroup) -> bool {
    let mut volumes = here.volumes.iter();
    volumes.any(|volume| {
        let mut others = there.volumes.iter();
        others.any(|other| other.local == volume.remote && other.remote == volume.local)
    })
}
