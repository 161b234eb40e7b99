//! Which volumes of the python plugin there are on the arrays, and whether each could be taken.

use crate::{
    index::OpKind,
    inform::{Array, RcGroup, Vv, VvQuery, VvSet},
    model::{
        CreateVolume, ImportPolicy, PythonKind, PythonName, RequestId, Source, SystemId, VolumeName,
    },
    volume::{
        arrays::Login,
        backend::Backend,
        error::Cause,
        inner::Inner,
        kill_points::Doing,
        taken::{self, Around, CannotLeave, NotTaken},
    },
};

use super::{AdoptLeave, Adoptable, AdoptionList, FormerCopy, Renamed, names};

/// All of them. Whether the one that is to be called otherwise can be taken is judged by the name that it is to have.
pub(super) async fn list(
    inner: &Inner,
    request: &RequestId,
    leave: AdoptLeave,
    renamed: Option<Renamed<'_>>,
) -> AdoptionList {
    let mut list = AdoptionList::default();
    for login in inner.arrays() {
        if login.own.is_empty() {
            continue;
        }
        match on_array(inner, request, &login, leave, renamed).await {
            Ok(mut found) => list.all.append(&mut found),
            Err(cause) => list
                .not_asked
                .push(format!("array `{}`: {cause}", login.array().label())),
        }
    }
    names::refuse_equal_names(&mut list.all);
    for item in &mut list.all {
        if let Ok(name) = &item.name
            && inner.index.get(name).is_some()
        {
            item.name = Err(NotTaken::NoName(format!(
                "was Docker's volume `{name}`, and there is another one of that name by now"
            )));
        }
    }
    list
}

async fn on_array(
    inner: &Inner,
    request: &RequestId,
    login: &Login<'_>,
    leave: AdoptLeave,
    renamed: Option<Renamed<'_>>,
) -> Result<Vec<Adoptable>, Cause> {
    let (backend, _) = login.asked_by(request);
    let array = login.array().for_request(request);
    let mut vvs = Vec::new();
    for kind in PythonKind::ALL {
        let look = array.showvv(VvQuery::Prefix(kind.prefix()));
        let found = inner.points.around(Doing::Look, "python", look).await?;
        let named = |vv: &Vv| PythonName::of(&vv.name).is_some_and(|n| n.kind == kind);
        vvs.extend(found.into_iter().filter(named));
    }
    if vvs.is_empty() {
        return Ok(Vec::new());
    }
    let around = Around::look(inner, &array, None).await?;
    let schedules = taken::schedules(inner, &array).await;
    let home = backend.identity().await?.system.id;
    let mut all: Vec<Adoptable> = Vec::new();
    for vv in &vvs {
        let group = around.group_of(&vv.name);
        // The copy of a volume goes with that.
        if group.is_some_and(|group| taken::has_copies(group.role)) {
            continue;
        }
        let place = match group {
            Some(group) => replicated_backend(login, vv, group),
            None => plain_backend(login, vv),
        };
        let name = names::before(inner, vv);
        let was = name.as_ref().ok();
        let renamed = renamed.filter(|to| names::goes_by(&vv.name, was, to.which));
        let new_name = renamed.map(|to| to.to).or(was);
        let parent = parent(inner, &array, vv, &vvs, &all).await?;
        let leaves = group.filter(|_| leave.copy_anew);
        let free = is_free(inner, vv);
        let fit = match (&free, &parent, &place) {
            (Err(why), _, _) | (Ok(()), Err(why), _) | (Ok(()), Ok(_), Err(why)) => {
                Err(why.clone())
            }
            (Ok(()), Ok(parent), Ok(place)) => around
                .judge(
                    place.cpgs.first(),
                    vv,
                    parent.as_ref(),
                    leaves.map(|group| &group.name),
                )
                .and_then(|()| match taken::left_here(inner, vv) {
                    // What it says now is not what is kept.
                    Some(_) => Ok(()),
                    None => has_room(inner, request, (home, place), vv, leaves, new_name),
                }),
        };
        let former = match (&fit, leaves) {
            (Ok(()), Some(group)) => former_copy(array.label(), group, &place, vv),
            _ => Ok(None),
        };
        let (fit, former) = match former {
            Ok(former) => (fit, former),
            Err(why) => (Err(why), None),
        };
        let place = place.ok();
        let own_set = PythonName::of(&vv.name).and_then(|name| name.vv_set());
        let sets = around.sets_of(&vv.name);
        let is_own = |set: &&VvSet| Some(&set.name) == own_set.as_ref() && set.members.len() == 1;
        let (own, others): (Vec<&VvSet>, _) = sets.partition(is_own);
        all.push(Adoptable {
            own_set: own.first().map(|set| set.name.clone()),
            other_sets: others.iter().map(|set| set.name.clone()).collect(),
            vv: vv.name.clone(),
            array: array.label().to_owned(),
            backend: place.map(|backend| backend.name.clone()),
            size: vv.size,
            snapshot_of: vv.copy_of.clone(),
            schedules: schedules
                .as_ref()
                .map(|all| taken::scheduled(all, &vv.name)),
            was: was.cloned(),
            name,
            fit,
            group: group.map(|group| group.name.clone()),
            former,
        });
    }
    Ok(all)
}

/// Of one that a host has begun to take, nothing else that is seen says how it will be. What this host has no record of it ends when it takes it.
fn is_free(inner: &Inner, vv: &Vv) -> Result<(), NotTaken> {
    match taken::left_here(inner, vv) {
        Some(_) => Ok(()),
        None => taken::owner(inner, vv),
    }
}

/// A volume in no group belongs to a backend without replication.
fn plain_backend<'a>(login: &Login<'a>, vv: &Vv) -> Result<&'a Backend, NotTaken> {
    backend(login, vv, |backend| backend.pair.is_none()).ok_or(NotTaken::NoPlainBackend)
}

/// A volume in a group belongs to a backend that replicates to the group's target as the group does. Whether all else fits is looked at when
/// it is taken.
fn replicated_backend<'a>(
    login: &Login<'a>,
    vv: &Vv,
    group: &RcGroup,
) -> Result<&'a Backend, NotTaken> {
    let fits = |backend: &Backend| {
        let pair = backend.pair.as_ref();
        pair.is_some_and(|pair| pair.wants.target == group.target && pair.wants.describe(group))
    };
    backend(login, vv, fits).ok_or_else(|| {
        let (group, target) = (group.name.clone(), group.target.clone());
        CannotLeave::NoBackend { group, target }.into()
    })
}

/// One that fits: with the volume's CPG, if there is such.
fn backend<'a>(login: &Login<'a>, vv: &Vv, fits: impl Fn(&Backend) -> bool) -> Option<&'a Backend> {
    let has_cpg = |backend: &&Backend| {
        let cpg = vv.user_cpg.as_ref();
        cpg.is_some_and(|cpg| backend.cpgs.contains(cpg))
    };
    let found = login.own.iter().copied().filter(|backend| fits(backend));
    found.min_by_key(|backend| !has_cpg(backend))
}

/// What becomes of the copy that it has, if the group lets it go. Whether a host has it, and whether its name is free afterwards, is looked
/// at by the adoption: the other array may be one that no backend asks for volumes.
fn former_copy(
    array: &str,
    group: &RcGroup,
    place: &Result<&Backend, NotTaken>,
    vv: &Vv,
) -> Result<Option<FormerCopy>, NotTaken> {
    let member = taken::may_leave(array, group, &vv.name)?;
    let Some(pair) = place.as_ref().ok().and_then(|place| place.pair.as_ref()) else {
        return Ok(None);
    };
    let array = pair.peer.label().to_owned();
    let vv = taken::former_name(&array, &member.remote)?;
    Ok(Some(FormerCopy { vv, array }))
}

/// Of a snapshot: the volume it is of, which must be one of this plugin or among those that can be adopted.
async fn parent(
    inner: &Inner,
    array: &Array,
    vv: &Vv,
    vvs: &[Vv],
    judged: &[Adoptable],
) -> Result<Result<Option<Vv>, NotTaken>, Cause> {
    if let Some(name) = &vv.copy_of
        && let Some(volume) = judged.iter().find(|item| item.vv == *name)
    {
        let parent = vvs.iter().find(|vv| vv.name == *name).cloned();
        let foreign = NotTaken::ForeignParent {
            parent: name.to_string(),
        };
        return Ok(volume.fit.clone().map(|()| parent).map_err(|_| foreign));
    }
    match taken::parent(inner, array, vv).await {
        Ok(parent) => Ok(Ok(parent.map(|(_, vv)| vv))),
        Err(Cause::NotTaken { why, .. }) => Ok(Err(why)),
        Err(cause) => Err(cause),
    }
}

fn has_room(
    inner: &Inner,
    request: &RequestId,
    (home, backend): (SystemId, &Backend),
    vv: &Vv,
    group: Option<&RcGroup>,
    name: Option<&VolumeName>,
) -> Result<(), NotTaken> {
    // One without a name gets a name that is looked at when it is given.
    let Some(name) = name else { return Ok(()) };
    let asked = CreateVolume {
        source: Source::Import {
            vv: vv.name.clone(),
            policy: ImportPolicy::Own,
        },
        replication_group: group.map(|group| group.name.clone()),
        ..CreateVolume::new(name.clone(), backend.name.clone())
    };
    let op = inner.new_entry(request, OpKind::Create, name, backend).op;
    taken::comment(inner, op, home, &asked, vv, None).map(drop)
}
