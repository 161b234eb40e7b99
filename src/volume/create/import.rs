//! A volume that is on the array already: it is renamed and marked, and its data are left as they are (`taken/`).

use crate::{
    index::{IndexedVolume, JournalEntry, OpKind},
    inform::{Vv, VvKind, VvQuery},
    model::{Comment, CpgName, CreateVolume, RequestId, Side, Source, State, VvName},
    volume::{
        backend::{Backend, Identity},
        error::Cause,
        groups,
        inner::Inner,
        kill_points::Doing,
        known, mark,
        queue::Coming,
        recover,
        service_levels::{self, ServiceLevel},
        steps::{Intent, Seen, Steps},
        taken::{self, Fit, NotTaken, Was},
    },
};

use super::{
    admission::{Admission, Admitted},
    former_copy::{self, FormerCopy},
    join_again,
    making::Place,
    undo::{leave_group, remove_copy},
};

/// The VV that a request, or a journal entry's request, takes.
pub(in crate::volume) fn taken_by(asked: &CreateVolume) -> Option<&VvName> {
    match &asked.source {
        Source::Import { vv, .. } => Some(vv),
        _ => None,
    }
}

/// True if a create takes a VV that is there: then nothing of it is ever removed.
pub(super) fn is_one(entry: &JournalEntry) -> bool {
    Intent::TakeVv.is_in(entry)
}

/// Takes it. Gives what the index is to know of it.
pub(super) async fn import(
    inner: &Inner,
    backend: &Backend,
    identity: &Identity,
    coming: &mut Coming,
    steps: &mut Steps,
    asked: &CreateVolume,
    old: &VvName,
) -> Result<IndexedVolume, Cause> {
    let array = &backend.array;
    let new = steps.entry().vv.clone();
    let Fit { vv, mut comment } = taken::check(inner, backend, steps, asked, old).await?;
    comment.can_be_used()?;
    // What is in no snapshot CPG cannot be replicated or have snapshots. Primera and later have none (array fact 5).
    let lacks_snap_cpg =
        identity.release.has_snapshot_cpg() && vv.kind == VvKind::Base && vv.snap_cpg.is_none();
    let user_cpg = vv.user_cpg.clone();
    let snap_cpg = match backend.snap_cpgs.first() {
        _ if !lacks_snap_cpg => None,
        Some(cpg) => Some(cpg.clone()),
        None => user_cpg.clone(),
    };
    let admission = match (&asked.replication_group, &backend.pair) {
        (Some(group), Some(pair)) => {
            let no_cpg = || taken::not_taken(array, old, NotTaken::NoCpg);
            let place = Place {
                home: identity.system.id,
                cpg: user_cpg.ok_or_else(no_cpg)?,
                snap_cpg: snap_cpg.clone().or_else(|| vv.snap_cpg.clone()),
            };
            let admission = Admission::check(inner, backend, pair, steps, group, &place).await?;
            if admission.is_on_the_peer() {
                let why = NotTaken::GroupElsewhere(group.clone());
                return Err(taken::not_taken(array, old, why));
            }
            Some(admission)
        }
        _ => None,
    };

    let former = match &admission {
        Some(admission) if taken::leaves(steps.entry()).is_some() => {
            Some(FormerCopy::check(inner, steps, admission, old).await?)
        }
        _ => None,
    };

    let mut level = ServiceLevel::asked(asked);
    service_levels::check(steps, array, &level).await?;
    if service_levels::is_in_its_set(steps, array, old, &level).await? {
        // An administrator put it there: it stays there when it is given back.
        level.leave_set_alone();
        comment.was_in = comment.qos.take();
    }
    let was = Was::now(&vv);
    steps.record(&was.facts())?;
    comment.group_is_ours = admission.as_ref().is_some_and(Admission::group_is_ours);
    taken::claim(steps, array, &was, &comment).await?;
    if let (Some(former), Some(admission)) = (&former, &admission) {
        former.leave(inner, admission, coming, steps, &was).await?;
    }
    taken::give_name(steps, array, &was, &comment).await?;
    if let Some(cpg) = &snap_cpg {
        set_snap_cpg(steps, backend, &new, cpg).await?;
    }
    service_levels::give(steps, array, &new, &level).await?;
    let mut copy_wwn = None;
    if let Some(admission) = &admission {
        let Admitted {
            copy,
            group_is_ours,
        } = admission.admit(inner, coming, steps).await?;
        comment.group_is_ours = group_is_ours;
        comment.state = State::Ready;
        mark::copy(steps, Intent::MarkReady, admission.other(), &new, &comment).await?;
        copy_wwn = Some(copy.wwn);
    }
    comment.state = State::Ready;
    // The last step: from here on the volume is there, for every host.
    let ready = mark::home(steps, Intent::MarkReady, array, &new, &comment).await?;
    Ok(IndexedVolume {
        copy_wwn,
        ..indexed(inner, backend, &ready, &comment, asked)
    })
}

fn indexed(
    inner: &Inner,
    backend: &Backend,
    vv: &Vv,
    comment: &Comment,
    asked: &CreateVolume,
) -> IndexedVolume {
    let group = asked.replication_group.clone();
    let volume = known::volume(inner, backend, Side::Source, vv, comment, group);
    IndexedVolume {
        options: asked.filled_from(&volume.options),
        created: Some(inner.now()),
        ..volume
    }
}

async fn set_snap_cpg(
    steps: &mut Steps,
    backend: &Backend,
    vv: &VvName,
    cpg: &CpgName,
) -> Result<(), Cause> {
    let array = &backend.array;
    let set = array.setvv_snp_cpg(vv, cpg);
    steps
        .act(Intent::SetSnapCpg, set, || async {
            let found = array.showvv(VvQuery::Name(vv)).await?.into_iter().next();
            Ok(match found.and_then(|vv| vv.snap_cpg) {
                Some(is) if is == *cpg => Seen::Done(()),
                is => Seen::NotDone(format!(
                    "the snapshot CPG of `{vv}` is {}",
                    is.map_or_else(|| "none".to_owned(), |is| format!("`{is}`"))
                )),
            })
        })
        .await
}

/// What an import of this machine left of this VV under its old name, in case the journal went with the state directory.
pub(super) async fn put_in_order(
    inner: &Inner,
    request: &RequestId,
    backend: &Backend,
    asked: &CreateVolume,
    old: &VvName,
) -> Result<(), Cause> {
    let look = backend.array.showvv(VvQuery::Name(old));
    let look = inner.points.around(Doing::Look, "vv by its old name", look);
    let found = look.await?.into_iter().next();
    let Some((comment, was)) = found.and_then(|vv| taken::left_here(inner, &vv)) else {
        return Ok(());
    };
    // The caller has the lock of its own name.
    let _lock = match comment.name == asked.name {
        true => None,
        false => match inner.locks.try_lock(&comment.name) {
            Some(lock) => Some(lock),
            None => return Ok(()),
        },
    };
    let entry = leftover(inner, request, backend, &comment, &was);
    inner.index.begin(entry.clone())?;
    let ended = recover::end(inner, request, entry.clone()).await;
    ended.map_err(|cause| Cause::unfinished(&entry, cause))
}

/// What the journal would have said of an unfinished import.
fn leftover(
    inner: &Inner,
    request: &RequestId,
    backend: &Backend,
    comment: &Comment,
    was: &Was,
) -> JournalEntry {
    let facts = was.facts().into_iter();
    let facts = facts.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let asked = CreateVolume {
        source: Source::Import {
            vv: was.name.clone(),
            policy: comment.import.unwrap_or_default(),
        },
        ..CreateVolume::new(comment.name.clone(), backend.name.clone())
    };
    JournalEntry {
        op: comment.op.clone(),
        steps: vec![Intent::TakeVv.to_string(), Intent::Rename.to_string()],
        facts: facts.collect(),
        request: serde_json::to_value(asked).unwrap_or_default(),
        ..inner.new_entry(request, OpKind::Create, &comment.name, backend)
    }
}

/// Takes an unfinished import back: out of its group, its old name, into the group that it was in, its old comment.
pub(super) async fn try_undo(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    steps: &mut Steps,
    undone: &mut Vec<String>,
) -> Result<(), Cause> {
    steps.must_be_still(backend).await?;
    let entry = steps.entry().clone();
    let array = &backend.array;
    let was = Was::recall(&entry)
        .ok_or_else(|| Cause::NotKnown("the journal does not say what it was".to_owned()))?;
    let acting = backend
        .pair
        .as_ref()
        .and_then(|pair| groups::recall(&entry, pair));
    if let Some(acting) = &acting {
        let look = array.showvv(VvQuery::Name(&entry.vv));
        let found = steps.look("vv", look).await?;
        let ours = found
            .first()
            .is_some_and(|vv| taken::op_of(vv).as_ref() == Some(&entry.op));
        let left = leave_group(inner, backend, coming, steps, acting, ours).await;
        undone.append(&mut steps.undone());
        if left? {
            remove_copy(steps, acting, undone).await?;
        }
    }
    service_levels::undo(steps, array, &entry.vv, undone).await?;
    let mut joined = None;
    let join_again = async |steps: &mut Steps| {
        joined = join_again::join_again(inner, backend, coming, steps, &was).await?;
        Ok(())
    };
    undone.append(&mut taken::give_back(inner, steps, array, &was, join_again).await?);
    undone.extend(joined);
    if Intent::SetSnapCpg.may_have_happened(&entry) {
        undone.push("the snapshot CPG that it was given stays".to_owned());
    }
    Ok(())
}

/// What may be left of it, for people.
pub(super) fn left(entry: &JournalEntry, backend: &Backend) -> String {
    let was = Was::recall(entry).map_or_else(|| "it".to_owned(), |was| format!("`{}`", was.name));
    let out = former_copy::left(entry).unwrap_or_default();
    format!(
        "VV {was} on array `{}`, perhaps by the name `{}`, with this plugin's comment{out}",
        backend.array.label(),
        entry.vv
    )
}
