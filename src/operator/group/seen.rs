//! Reading what the commands show.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Connected, Site};
use crate::{
    model::{GroupName, Side, VolumeName, VvName},
    replication::{Exposure, GroupSides, InUse, Witnesses},
    volume::{
        LockSeen, NotAsked, PairAsked, SideInUse, ask_pairs, docker_names, in_use, look_again,
    },
};

/// A group, found by its name.
pub(super) struct Found {
    pub backend: Connected,
    pub asked: PairAsked,
    pub sides: GroupSides,
    pub at: Timestamp,
    /// What else is to be said: other backends that could not be asked.
    pub notes: Vec<String>,
}

/// Looks for a group in the backends there are.
///
/// # Errors
/// Why it was not found, a line each.
pub(super) async fn find(site: &Site, name: &str) -> Result<Found, Vec<String>> {
    let group = GroupName::new(name).map_err(|error| vec![error.to_string()])?;
    let pairs: Vec<_> = site.backends.iter().map(|b| b.pair.clone()).collect();
    let asked = ask_pairs(&pairs, site.patience).await;
    let (mut found, mut missed) = (Vec::new(), Vec::new());
    for (backend, asked) in site.backends.iter().zip(asked) {
        let asked = asked.fresh(site.patience).await;
        match asked.find(&group, site.patience).await {
            Ok(sides) => found.push((backend.clone(), asked, sides)),
            Err(why) => missed.push(format!("backend `{}`: {why}", backend.name)),
        }
    }
    // Of several backends between the same arrays it is the one's that replicates in its way.
    let in_its_way = |(backend, _, sides): &(Connected, PairAsked, GroupSides)| {
        backend.pair.wants.describe_sides(sides)
    };
    if found.iter().any(in_its_way) {
        found.retain(in_its_way);
    }
    if found.len() > 1 {
        let names: Vec<String> = found
            .iter()
            .map(|(backend, ..)| format!("`{}`", backend.name))
            .collect();
        return Err(vec![format!(
            "remote copy group `{group}` is known to the backends {}; hint: say which with `--backend`",
            names.join(" and ")
        )]);
    }
    let Some((backend, asked, sides)) = found.pop() else {
        return Err(missed);
    };
    let mut notes = Vec::new();
    if !asked.is_certain() {
        notes.push(format!(
            "array `{}` has several remote copy targets: that this group's other half is on array `{}` is not certain while that cannot be asked",
            asked.peer.label, asked.source.label
        ));
    }
    notes.extend(cannot_be_asked(&asked));
    Ok(Found {
        at: asked.at(),
        backend,
        asked,
        sides,
        notes,
    })
}

/// A line for each array that could not be asked.
pub(super) fn cannot_be_asked(asked: &PairAsked) -> Vec<String> {
    let line = |(array, not_asked): (&str, &NotAsked)| match &not_asked.hint {
        Some(hint) => format!("array `{array}` cannot be asked: {not_asked}; hint: {hint}"),
        None => format!("array `{array}` cannot be asked: {not_asked}"),
    };
    asked.unreadable().into_iter().map(line).collect()
}

/// Docker's names for the VVs of an array, or why they are not known.
pub(super) type Names = Result<BTreeMap<VvName, VolumeName>, NotAsked>;

impl Found {
    /// The same group again.
    pub async fn again(&self, site: &Site) -> GroupSides {
        look_again(&self.backend.pair, &self.sides, site.patience).await
    }

    /// Exports and users of the group's volumes on both arrays.
    pub async fn in_use(&self, site: &Site) -> [Result<SideInUse, NotAsked>; 2] {
        let (source, peer) = tokio::join!(
            self.in_use_on(Side::Source, site),
            self.in_use_on(Side::Peer, site)
        );
        [source, peer]
    }

    async fn in_use_on(&self, side: Side, site: &Site) -> Result<SideInUse, NotAsked> {
        match (&self.asked.on(side).answer, self.sides.on(side).half.seen()) {
            (Ok(_), Some(group)) => in_use(self.backend.pair.on(side), group, site.patience).await,
            (Err(why), _) => Err(why.clone()),
            (Ok(_), None) => Err(NotAsked {
                why: format!("array `{}` shows no such group", self.sides.on(side).array),
                hint: None,
            }),
        }
    }

    /// Docker's names on both arrays.
    pub async fn names(&self, site: &Site) -> [Names; 2] {
        names(&self.asked, site).await
    }

    /// An array as people know it: its address, and its own name if it told.
    pub fn array(&self, side: Side) -> String {
        array(&self.asked, side)
    }
}

/// Docker's names on both arrays of a backend.
pub(super) async fn names(asked: &PairAsked, site: &Site) -> [Names; 2] {
    let on = async |side: Side| match &asked.on(side).answer {
        Ok(_) => docker_names(asked.pair.on(side), &site.namespace, site.patience).await,
        Err(why) => Err(why.clone()),
    };
    let (source, peer) = tokio::join!(on(Side::Source), on(Side::Peer));
    [source, peer]
}

/// An array as people know it: its address, and its own name if it told.
pub(super) fn array(asked: &PairAsked, side: Side) -> String {
    let asked = asked.on(side);
    match &asked.answer {
        Ok(shown) if shown.system.name != asked.label => {
            format!("{} ({})", asked.label, shown.system.name)
        }
        _ => asked.label.clone(),
    }
}

/// The lock of the group, on whichever array has one.
pub(super) fn lock(sides: &[Result<SideInUse, NotAsked>; 2]) -> Option<&LockSeen> {
    let mut sides = sides.iter();
    sides.find_map(|side| side.as_ref().ok()?.lock.as_ref())
}

/// Whom the administrator's commands could hurt.
pub(super) fn exposure(sides: &[Result<SideInUse, NotAsked>; 2], witness: Witnesses) -> Exposure {
    let hosts = |side: &Result<SideInUse, NotAsked>| match side {
        Ok(shown) => shown.hosts(),
        Err(not_asked) => InUse::NotShown {
            why: not_asked.why.clone(),
        },
    };
    let [source, peer] = sides;
    Exposure {
        source: hosts(source),
        peer: hosts(peer),
        lock: lock(sides).map(|lock| lock.told.clone()),
        witness,
    }
}

/// Docker's name for a volume of a group, from whichever array tells it. The copy may have no comment.
pub(super) fn docker_name<'n>(
    names: &'n [Names; 2],
    here: Option<&VvName>,
    there: Option<&VvName>,
) -> Option<&'n VolumeName> {
    let [source, peer] = names;
    let of = |names: &'n Names, vv: Option<&VvName>| names.as_ref().ok()?.get(vv?);
    of(source, here).or_else(|| of(peer, there))
}
