//! Keeping the index true: one filtered listing per array a minute. What is seen on either array of a pair is taken in: a volume is
//! known by the one, its copy, or both.

mod taking_in;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    index::{IndexError, IndexedVolume},
    inform::{RcGroup, Vv, VvQuery},
    model::{BackendName, Comment, RequestId, Side, VvName, Wwn},
};

use super::{
    arrays::Login,
    backend::Backend,
    error::Cause,
    inner::Inner,
    known, shown,
    snapshots::schedules,
    whose::{View, Whose},
};

use taking_in::{Times, copy_alone, copy_without_comment, place, take_in, take_in_copy, turn};

/// What came of a listing.
#[derive(Debug)]
pub(in crate::volume) struct Listing {
    /// What it took into the index.
    pub taken: Taken,
    /// The remote copy groups that the array showed with it.
    pub groups: Vec<RcGroup>,
    /// The backends of which the array may hide all that it has, and why that is believed: nothing of theirs is gone.
    pub hidden: BTreeMap<BackendName, String>,
}

/// What a listing took into the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::volume) enum Taken {
    /// Every volume it showed.
    All,
    /// Not those that were being worked on.
    Some,
}

/// Lists the VVs of this plugin on one array, and takes what is new or changed into the index.
pub(in crate::volume) async fn list(
    inner: &Inner,
    request: &RequestId,
    login: &Login<'_>,
) -> Result<Listing, Cause> {
    let view = View::new(inner, request, login);
    view.id().await?;
    let begun = inner.now();
    let vvs = view
        .array()
        .showvv(VvQuery::Prefix(&inner.namespace.vv_prefix()))
        .await?;
    let groups = view.groups().await?;
    let mut seen = Seen::default();
    let mut complete = true;
    let mut into_the_index = Taken::All;
    for vv in &vvs {
        // Before the comment is judged: a volume does not go away because somebody edited that.
        seen.all.push((vv.name.clone(), vv.wwn.clone()));
        inner.growth.listed(&vv.wwn, vv.size);
        let comment = match known::judge(inner, view.array(), vv) {
            Ok(comment) => comment,
            Err(_) if vv.comment.is_none() => {
                copy_without_comment(inner, &view, vv, begun).await?;
                continue;
            }
            Err(_) => continue,
        };
        let known = inner.index.get(&comment.name);
        let whose = view.whose(vv, &comment, known.as_ref()).await;
        if let Ok(Whose::CopyOf(backend, _)) = &whose {
            let backend = backend.name.clone();
            seen.copies.insert(vv.name.clone(), backend);
        }
        let _turn = turn(inner);
        // Whoever works on the volume right now knows better than a listing that may be older.
        let Some(_lock) = inner.locks.try_lock(&comment.name) else {
            into_the_index = Taken::Some;
            continue;
        };
        let taken = match whose {
            Ok(Whose::Own) => take_in(inner, login, vv, &comment, groups, begun),
            Ok(Whose::CopyOf(backend, group)) if login.has_copies_of(backend) => {
                let asked = groups.asked;
                take_in_copy(inner, backend, vv, &comment, &group, Times { begun, asked })
            }
            Ok(Whose::CopyOf(..) | Whose::Foreign) => Ok(()),
            Err(cause) => Err(cause),
        };
        match taken {
            Ok(()) => {}
            // One volume in conflict keeps no other out.
            Err(Cause::Index(conflict @ IndexError::OtherVolume { .. })) => {
                log::error!(volume = comment.name.as_str(), vv = vv.name.as_str(), array = view.array().label(), error:% = conflict;
                    "volume left as it was known");
            }
            Err(Cause::NotKnown(why)) => {
                complete = false;
                log::warn!(volume = comment.name.as_str(), array = view.array().label(), why = why.as_str(); "volume not taken in");
            }
            Err(cause) => return Err(cause),
        }
    }
    let mut hidden = BTreeMap::new();
    for (backend, side) in login.backends() {
        let not_its = match side {
            Side::Source => BTreeSet::new(),
            Side::Peer => view.not_copies_of(backend).await?,
        };
        let seen = seen.by(backend, side, &not_its);
        if let Err(cause) = must_be_believed(inner, &view, backend, side, &seen).await {
            // The other backends' volumes are shown.
            if side == Side::Peer {
                log::warn!(backend = backend.name.as_str(), cause:% = cause; "copies may be hidden");
            }
            hidden.insert(backend.name.clone(), cause.to_string());
            continue;
        }
        for gone in inner
            .index
            .note_listing(&backend.name, side, begun, &seen)?
        {
            log::info!(volume = gone.name.as_str(), backend = backend.name.as_str(); "volume is gone from the array");
        }
        forget_without_schedule(inner, &view, backend).await?;
        if complete && side == Side::Source {
            inner.index.set_seeded(&backend.name)?;
        }
    }
    Ok(Listing {
        taken: into_the_index,
        groups: groups.found().cloned().collect(),
        hidden,
    })
}

/// Of an array that shows nothing that is known of a backend. Before its own array was listed for the first time, nothing is.
///
/// # Errors
/// If it may hide what it has, or is another array.
async fn must_be_believed(
    inner: &Inner,
    view: &View<'_>,
    backend: &Backend,
    side: Side,
    seen: &[(VvName, Wwn)],
) -> Result<(), Cause> {
    let mut known = inner.index.list();
    known.retain(|volume| volume.backend == backend.name && volume.wwn_on(side).is_some());
    let is_seen = |volume: &IndexedVolume| {
        let wwn = volume.wwn_on(side);
        wwn.is_some_and(|wwn| seen.contains(&(volume.vv.clone(), wwn.clone())))
    };
    let is_new = side == Side::Source && !inner.index.seeded(&backend.name);
    if known.iter().any(is_seen) || (known.is_empty() && !is_new) {
        return Ok(());
    }
    shown::must_show_a_cpg(view.array(), backend, side).await?;
    match side {
        Side::Source => {
            let here = view.id().await?;
            let named = |volume: &IndexedVolume| seen.iter().any(|(vv, _)| *vv == volume.vv);
            let named = known.iter().any(named);
            shown::must_have_made_one(view.array(), here, backend, &known, named).await
        }
        Side::Peer => Ok(()),
    }
}

/// A snapshot whose VV is gone stays known while its schedule runs, so that `docker volume rm` takes that away. Another host may have done
/// that, or a person.
async fn forget_without_schedule(
    inner: &Inner,
    view: &View<'_>,
    backend: &Backend,
) -> Result<(), Cause> {
    let here = view.id().await?;
    let is_left = |volume: &IndexedVolume| {
        let is_its = volume.backend == backend.name && volume.home == here;
        is_its && volume.is_gone() && volume.schedule().is_some()
    };
    let mut left = inner.index.list();
    left.retain(is_left);
    if left.is_empty() {
        return Ok(());
    }
    let all = match view.array().showsched(None).await {
        Ok(all) => all,
        Err(error) => {
            log::warn!(array = view.array().label(), error:% = error; "schedules of snapshots that are gone cannot be asked for");
            return Ok(());
        }
    };
    for volume in left {
        let snapshot = volume.options.source.snapshot();
        let source = snapshot.map(|snapshot| snapshot.of.vv_name(&inner.namespace));
        if let (Some(name), Some(source)) = (volume.schedule(), source)
            && schedules::runs(&all, name, &source)
        {
            continue;
        }
        let Some(_lock) = inner.locks.try_lock(&volume.name) else {
            continue;
        };
        let open = inner.index.open_entries();
        let is_busy = open.iter().any(|entry| entry.name == volume.name)
            || inner.index.mount(&volume.name).is_some();
        // It may have been made anew since.
        if !is_busy && inner.index.get(&volume.name).as_ref().is_some_and(is_left) {
            inner.forget(&volume.name)?;
            log::info!(volume = volume.name.as_str(), backend = backend.name.as_str(); "snapshot and schedule are gone from the array");
        }
    }
    Ok(())
}

/// What a listing showed.
#[derive(Debug, Default)]
struct Seen {
    all: Vec<(VvName, Wwn)>,
    /// Copies, and whose they are.
    copies: BTreeMap<VvName, BackendName>,
}

impl Seen {
    /// What may be a backend's. A copy that is another's is none of its: it may have been taken for one while its own array could
    /// not be asked.
    fn by(&self, backend: &Backend, side: Side, not_its: &BTreeSet<VvName>) -> Vec<(VvName, Wwn)> {
        let may_be = |vv: &VvName| match self.copies.get(vv) {
            Some(is) => side == Side::Source || *is == backend.name,
            None => !not_its.contains(vv),
        };
        let all = self.all.iter().cloned();
        all.filter(|(vv, _)| may_be(vv)).collect()
    }
}

/// The backend and the index entry of a VV found just now on an array. `None` if it is no volume of this login's backends.
///
/// # Errors
/// If the array cannot say in which group it is.
pub(in crate::volume) async fn entry(
    inner: &Inner,
    view: &View<'_>,
    vv: &Vv,
    comment: &Comment,
    whose: &Whose<'_>,
) -> Result<Option<(Backend, IndexedVolume)>, Cause> {
    match whose {
        Whose::Own => {
            let groups = view.groups().await?;
            let place = place(inner, &view.login, (vv, comment), groups)?;
            Ok(place.map(|(backend, group)| {
                let volume = known::volume(inner, backend, Side::Source, vv, comment, group);
                (backend.clone(), volume)
            }))
        }
        Whose::CopyOf(backend, group) if view.login.has_copies_of(backend) => {
            let now = inner.now();
            let times = Times {
                begun: now,
                asked: now,
            };
            let volume = copy_alone(inner, backend, vv, comment, group, times);
            Ok(Some(((*backend).clone(), volume)))
        }
        Whose::CopyOf(..) | Whose::Foreign => Ok(None),
    }
}
