//! Reading a group on both arrays at once.

use std::time::Duration;

use crate::{
    index::IndexedVolume,
    inform::{Array, ArrayError, RcGroup},
    model::{GroupName, Role, Side, TargetName, VolumeName, VvName},
    replication::{GroupSide, GroupSides, Half, Pair, Way},
};

use super::{backend::Backend, error::Cause, inner::Inner};

/// How long an array may take to show its half. The engine waits two minutes for a mount, which looks twice.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The group that a volume is in, as both arrays show it.
///
/// # Errors
/// [`Cause::NotProven`] if an array says that the volume is in no group.
pub(super) async fn of_volume(
    inner: &Inner,
    backend: &Backend,
    pair: &Pair,
    name: &VolumeName,
    vv: &VvName,
    patience: Duration,
) -> Result<GroupSides, Cause> {
    let known = inner.index.get(name);
    let group = known.as_ref().and_then(|volume| volume.group.clone());
    // Of a volume that was made on the peer, the comment names that as its home: then the name leads nowhere, and the VV does.
    let id = backend
        .known_id()
        .or_else(|| known.as_ref().map(|volume| volume.home));
    let there = match (&group, id) {
        (Some(group), Some(id)) => pair.peer_name(group, id),
        _ => None,
    };
    let last = known.map(|volume| volume.last_roles).unwrap_or_default();
    let (here, there) = tokio::join!(
        half(&pair.source, group.as_ref(), vv, last.source, patience),
        half(&pair.peer, there.as_ref(), vv, last.peer, patience),
    );
    let (here, there) = (here?, there?);
    let name_of = |half: &Half| half.seen().map(|group| group.name.clone());
    let group = match (group, &here, &there) {
        (_, Half::Seen(here), _) => here.name.clone(),
        (Some(group), ..) => group,
        // The peer's name tells what the source calls it, if the source made it.
        (None, _, Half::Seen(there)) => match there.name.made_by() {
            Some((name, _)) => name,
            None => there.name.clone(),
        },
        (None, ..) => {
            return Err(Cause::NotKnown(format!(
                "no array can be asked in which remote copy group `{vv}` is"
            )));
        }
    };
    let mut sides = GroupSides {
        source: GroupSide {
            array: pair.source.label().to_owned(),
            name: name_of(&here).or_else(|| Some(group.clone())),
            half: here,
            way: None,
        },
        peer: GroupSide {
            array: pair.peer.label().to_owned(),
            name: name_of(&there),
            half: there,
            way: None,
        },
        group,
    };
    // How an array sees its way matters where the other one says nothing.
    for side in Side::BOTH {
        if sides.on(side.other()).half.is_unreadable()
            && let Half::Seen(group) = &sides.on(side).half
        {
            let target = group.target.clone();
            let way = way(pair.on(side), &target, patience).await;
            match side {
                Side::Source => sides.source.way = way,
                Side::Peer => sides.peer.way = way,
            }
        }
    }
    inner.note_roles(name, &sides)?;
    Ok(sides)
}

/// One array's half: by its name, and where that is not known or does not hold the VV, by the VV.
async fn half(
    array: &Array,
    name: Option<&GroupName>,
    vv: &VvName,
    last_seen: Option<Role>,
    patience: Duration,
) -> Result<Half, Cause> {
    let look = tokio::time::timeout(patience, find(array, name, vv)).await;
    let why = match look {
        Ok(Ok(Found::Group(group))) => return Ok(Half::Seen(group)),
        Ok(Ok(Found::NoSuchGroup)) => return Ok(Half::Absent),
        Ok(Ok(Found::Nowhere)) => {
            return Err(Cause::NotProven {
                intent: "mount".to_owned(),
                found: format!(
                    "`{vv}` is in no remote copy group on array `{}`",
                    array.label()
                ),
            });
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("it did not answer within {} s", patience.as_secs()),
    };
    log::warn!(vv = vv.as_str(), array = array.label(), why = why.as_str(); "array cannot be asked about a remote copy group");
    Ok(Half::Unreadable { why, last_seen })
}

/// True if both arrays say that the VV is in no group. It was in one, which is asked for by its name: a listing has no total, and alone is no
/// proof. An array that cannot be asked, or has not answered in time, says nothing.
pub(super) async fn is_in_no_group(
    backend: &Backend,
    pair: &Pair,
    volume: &IndexedVolume,
    patience: Duration,
) -> bool {
    // A listing may have taken note already that it is in none by now.
    let Some(group) = volume.made_as().replication_group else {
        return false;
    };
    let there = pair.peer_name(&group, backend.known_id().unwrap_or(volume.home));
    let (here, there) = tokio::join!(
        tokio::time::timeout(patience, find(&pair.source, Some(&group), &volume.vv)),
        tokio::time::timeout(patience, find(&pair.peer, there.as_ref(), &volume.vv)),
    );
    [here, there]
        .iter()
        .all(|found| matches!(found, Ok(Ok(Found::Nowhere | Found::NoSuchGroup))))
}

enum Found {
    Group(RcGroup),
    /// In the array's own words.
    NoSuchGroup,
    /// The array has groups, and none with this VV.
    Nowhere,
}

async fn find(array: &Array, name: Option<&GroupName>, vv: &VvName) -> Result<Found, ArrayError> {
    let mut absent = false;
    if let Some(name) = name {
        match array.showrcopy_group(name).await? {
            Some(group) if group.holds(vv) => return Ok(Found::Group(group)),
            Some(_) => {}
            None => absent = true,
        }
    }
    let mut all = array.showrcopy_groups().await?.into_iter();
    Ok(match all.find(|group| group.holds(vv)) {
        Some(group) => Found::Group(group),
        None if absent => Found::NoSuchGroup,
        None => Found::Nowhere,
    })
}

/// An array's way to the other one; none if it cannot be asked.
async fn way(array: &Array, target: &TargetName, patience: Duration) -> Option<Way> {
    let asked = async {
        let (targets, links) = tokio::join!(array.showrcopy_targets(), array.showrcopy_links());
        Ok::<_, ArrayError>((targets?, links?))
    };
    match tokio::time::timeout(patience, asked).await {
        Ok(Ok((targets, links))) => Way::to(target, &targets, &links),
        Ok(Err(error)) => {
            log::warn!(array = array.label(), error:% = error; "remote copy links cannot be asked for");
            None
        }
        Err(_) => None,
    }
}
