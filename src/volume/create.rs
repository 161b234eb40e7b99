//! `docker volume create`.

use std::time::Duration;

use crate::{
    index::{IndexedVolume, JournalEntry, OpKind},
    inform::{CreateVv, Refusal, Vv, VvQuery},
    model::{Comment, CreateVolume, Format, Origin, RequestId, State, VvName},
    replication::{self, Action, Newcomer, Pair, ReplicationError, Undoing},
};

use super::{
    backend::{Backend, Identity},
    error::{Aftermath, Cause, VolumeError},
    groups,
    kill_points::Doing,
    known::{self, Known},
    mark, recover, refresh,
    service::Inner,
    steps::{Intent, Seen, Steps},
};

/// How long another host's unfinished create is waited for.
const OTHERS_TURN: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Makes the volume, or finds that it is there already as asked.
pub(super) async fn create(
    inner: &Inner,
    request: &RequestId,
    asked: &CreateVolume,
) -> Result<(), VolumeError> {
    let name = &asked.name;
    let clean = |cause: Cause| VolumeError::clean(name, cause);
    let _lock = inner.locks.lock(name).await;
    inner.clean_up_after(request, name).await.map_err(clean)?;
    if let Some(known) = inner.index.get(name)
        && still_there(inner, request, &known).await.map_err(clean)?
    {
        return same_or_error(&known.options, asked).map_err(clean);
    }
    let backend = inner
        .backend(&asked.backend)
        .map_err(clean)?
        .for_request(request);
    check_other_arrays(inner, request, &backend, asked)
        .await
        .map_err(clean)?;

    let identity = backend
        .identity()
        .await
        .map_err(|e| clean(e.into()))?
        .clone();
    let entry = JournalEntry {
        request: serde_json::to_value(asked).unwrap_or_default(),
        ..inner.new_entry(request, OpKind::Create, name, &backend)
    };
    let vv = entry.vv.clone();

    match existing(inner, request, &backend, &vv, asked)
        .await
        .map_err(clean)?
    {
        Known::Absent => {}
        Known::Ours(vv, comment) => {
            let taken = take_over(inner, request, &backend, asked, &vv, &comment).await;
            return taken.map_err(clean);
        }
    }

    let cycle = match asked.replication_group {
        Some(_) => Some(
            inner
                .group_locks
                .lock(&backend.array.label().to_owned())
                .await,
        ),
        None => None,
    };
    let mut steps = Steps::begin(&inner.index, &inner.points, entry)
        .await
        .map_err(clean)?;
    let made = make(inner, &backend, &identity, &mut steps, asked).await;
    match made {
        Ok(volume) => {
            inner
                .write("volume", |index| index.put(volume))
                .map_err(clean)?;
            steps.finish().map_err(clean)?;
            log::info!(volume = name.as_str(), vv = vv.as_str(), request = request.as_str(); "created");
            Ok(())
        }
        Err(cause) => {
            let aftermath = undo(&backend, steps).await;
            // Cleaning up after somebody takes it again.
            drop(cycle);
            // The VV's name is the lock: another host was faster, and perhaps with the same in mind.
            let beaten =
                matches!(&cause, Cause::Array(error) if error.refusal() == Some(Refusal::Exists));
            if beaten
                && !matches!(aftermath, Aftermath::Left { .. })
                && let Known::Ours(vv, comment) = existing(inner, request, &backend, &vv, asked)
                    .await
                    .map_err(clean)?
            {
                let taken = take_over(inner, request, &backend, asked, &vv, &comment).await;
                return taken.map_err(clean);
            }
            Err(VolumeError {
                volume: name.clone(),
                cause,
                aftermath,
            })
        }
    }
}

/// Is a volume of the index still on its array? Another host may have removed it since the last listing. An array that cannot be
/// asked is believed to be as it was.
async fn still_there(
    inner: &Inner,
    request: &RequestId,
    known: &IndexedVolume,
) -> Result<bool, Cause> {
    let backend = inner.backend(&known.backend)?.for_request(request);
    let there = match known::look(inner, &backend, &known.vv).await {
        Ok(Known::Absent) => false,
        Ok(Known::Ours(vv, _)) => vv.wwn == known.wwn,
        Err(cause) if cause.is_unreachable() => true,
        Err(cause) => return Err(cause),
    };
    if !there {
        if let Some(mountpoint) = inner.mounted(&known.name) {
            return Err(Cause::MountedHere(mountpoint.display().to_string()));
        }
        log::info!(volume = known.name.as_str(), wwn = known.wwn.as_str(); "volume is gone from the array");
        inner.forget(&known.name)?;
    }
    Ok(there)
}

/// A volume that another host made: taken into the index, if it is what was asked for.
async fn take_over(
    inner: &Inner,
    request: &RequestId,
    backend: &Backend,
    asked: &CreateVolume,
    vv: &Vv,
    comment: &Comment,
) -> Result<(), Cause> {
    let arrays = inner.arrays();
    let here = |of: &&Backend| of.array.is_same_login(&backend.array);
    let sharing: Vec<&Backend> = arrays.into_iter().flatten().filter(here).collect();
    let entry = refresh::entry(inner, request, &sharing, vv, comment).await?;
    let (by_group, mut volume) = entry.ok_or_else(|| {
        Cause::NotKnown(format!(
            "`{}` belongs to a backend with another login",
            vv.name
        ))
    })?;
    // Several backends may have one array; which of those without replication it was made for is not written there.
    if by_group.pair.is_some() == backend.pair.is_some() {
        volume.backend = backend.name.clone();
        volume.options.backend = backend.name.clone();
    }
    same_on_the_array(&volume, asked)?;
    inner.write("volume", |index| index.put(volume))
}

/// Is a volume that is there already what was asked for? A CPG that was not asked for may be any: what it is was decided when the
/// volume was made. The snapshot CPG of an array that has none is not compared.
fn same_or_error(is: &CreateVolume, asked: &CreateVolume) -> Result<(), Cause> {
    let mut comparable = asked.clone();
    comparable.cpg = asked.cpg.clone().or_else(|| is.cpg.clone());
    comparable.snap_cpg = asked
        .snap_cpg
        .clone()
        .filter(|_| is.snap_cpg.is_some())
        .or_else(|| is.snap_cpg.clone());
    let differences = is.differences(&comparable);
    if differences.is_empty() {
        Ok(())
    } else {
        Err(Cause::DifferentOptions(differences.join(", ")))
    }
}

/// As [`same_or_error`], by what the array itself tells.
fn same_on_the_array(is: &IndexedVolume, asked: &CreateVolume) -> Result<(), Cause> {
    let mut comparable = asked.clone();
    comparable.mount_conflict_delay = is.options.mount_conflict_delay;
    same_or_error(&is.options, &comparable)
}

/// A name is one volume, whichever backend it is on: the other arrays are asked too. One that cannot be asked is believed by its
/// last listing, which the index holds.
async fn check_other_arrays(
    inner: &Inner,
    request: &RequestId,
    backend: &Backend,
    asked: &CreateVolume,
) -> Result<(), Cause> {
    for other in inner.other_arrays(backend) {
        let other = other.for_request(request);
        let vv = asked.name.vv_name(&inner.namespace);
        let look = known::look(inner, &other, &vv);
        match inner.points.around(Doing::Look, "vv", look).await {
            Ok(Known::Absent) => {}
            Ok(Known::Ours(..)) => {
                return Err(Cause::DifferentOptions(format!(
                    "backend: {}, not {}",
                    other.name, asked.backend
                )));
            }
            // Somebody else's VV of that name there is in nobody's way here.
            Err(Cause::ForeignVv { .. } | Cause::Copy { .. }) => {}
            Err(cause) if cause.is_unreachable() => {
                log::warn!(volume = asked.name.as_str(), array = other.array.label(), cause:% = cause;
                    "could not ask whether the name is taken there; its last listing decides");
            }
            Err(cause) => return Err(cause),
        }
    }
    Ok(())
}

/// What is under the VV's name now. Another host's unfinished create is waited for, a little; our own is taken away.
async fn existing(
    inner: &Inner,
    request: &RequestId,
    backend: &Backend,
    vv: &VvName,
    asked: &CreateVolume,
) -> Result<Known, Cause> {
    let give_up = tokio::time::Instant::now() + OTHERS_TURN;
    loop {
        let look = known::look(inner, backend, vv);
        match inner.points.around(Doing::Look, "vv", look).await? {
            Known::Absent => return Ok(Known::Absent),
            Known::Ours(vv, comment) if comment.state == State::Ready => {
                return Ok(Known::Ours(vv, comment));
            }
            Known::Ours(_, comment) if comment.op.machine == inner.machine => {
                // The journal entry went with the state directory; the comment still says whose it is to clean up.
                let entry = leftover(inner, request, backend, asked, &comment).await?;
                let (kind, op) = (entry.kind.to_string(), entry.op.to_string());
                inner.index.begin(entry.clone())?;
                recover::entry(inner, request, entry)
                    .await
                    .map_err(|cause| Cause::Unfinished {
                        kind,
                        op,
                        why: cause.to_string(),
                    })?;
            }
            Known::Ours(_, comment) => {
                if tokio::time::Instant::now() >= give_up {
                    return Err(Cause::Busy {
                        machine: comment.op.machine.clone(),
                        doing: if comment.state == State::Making {
                            "making"
                        } else {
                            "removing"
                        },
                        op: comment.op.to_string(),
                    });
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
    }
}

/// What the journal would have said of an unfinished operation of this machine. Whether it stopped its group nobody knows any
/// more, so the group is not started.
async fn leftover(
    inner: &Inner,
    request: &RequestId,
    backend: &Backend,
    asked: &CreateVolume,
    comment: &Comment,
) -> Result<JournalEntry, Cause> {
    let vv = asked.name.vv_name(&inner.namespace);
    // Which group it was to be in, only the group itself can tell.
    let group = match &backend.pair {
        Some(pair) => pair
            .source
            .showrcopy_groups()
            .await?
            .into_iter()
            .find(|group| group.holds(&vv))
            .map(|group| group.name),
        None => None,
    };
    let (kind, mut intents) = match comment.state {
        State::Removing => (OpKind::Remove, vec![Intent::MarkRemoving]),
        State::Making | State::Ready => (OpKind::Create, vec![Intent::MakeVv, Intent::Admit]),
    };
    if comment.group_is_ours && kind == OpKind::Create {
        intents.push(Intent::MakeGroup);
    }
    let made = CreateVolume {
        replication_group: group,
        ..asked.clone()
    };
    Ok(JournalEntry {
        op: comment.op.clone(),
        steps: intents.iter().map(ToString::to_string).collect(),
        request: serde_json::to_value(made).unwrap_or_default(),
        ..inner.new_entry(request, kind, &asked.name, backend)
    })
}

async fn make(
    inner: &Inner,
    backend: &Backend,
    identity: &Identity,
    steps: &mut Steps,
    asked: &CreateVolume,
) -> Result<IndexedVolume, Cause> {
    let array = &backend.array;
    let JournalEntry { vv, op, .. } = steps.entry().clone();
    let vv = &vv;
    let cpg = asked.cpg.clone().or_else(|| backend.cpgs.first().cloned());
    let cpg = cpg.ok_or_else(|| Cause::NoSuchBackend(backend.name.clone()))?;
    let snap_cpg = asked
        .snap_cpg
        .clone()
        .or_else(|| backend.snap_cpgs.first().cloned())
        .unwrap_or_else(|| cpg.clone());

    // All that can be refused without having made anything is refused here.
    let mut plan = Vec::new();
    let unfit = |why| Cause::Replication {
        array: array.label().to_owned(),
        why,
    };
    if let (Some(group), Some(pair)) = (&asked.replication_group, &backend.pair) {
        let unmapped = |cpg: &crate::model::CpgName| ReplicationError::Unmapped {
            cpg: cpg.to_string(),
            vv: vv.clone(),
        };
        let cpgs = pair.wants.cpg(&cpg).ok_or_else(|| unfit(unmapped(&cpg)))?;
        let snap = pair
            .wants
            .snap_cpg(&snap_cpg)
            .ok_or_else(|| unfit(unmapped(&snap_cpg)))?;
        let found = groups::calm(steps, &pair.source, group).await?;
        groups::check_set_exports(steps, &pair.source, group, found.as_ref()).await?;
        // Primera and later have no snapshot CPG (array fact 5).
        let snap = identity.release.has_snapshot_cpg().then_some(snap);
        let newcomer = Newcomer {
            vv,
            group,
            cpg: &cpgs,
            snap_cpg: snap.as_ref(),
            domain: None,
        };
        plan = replication::plan_admission(array.label(), found.as_ref(), &newcomer, &pair.wants)
            .map_err(unfit)?;
        check_peer_is_free(pair, steps, vv).await?;
    }

    let mut comment = Comment {
        namespace: inner.namespace.clone(),
        name: asked.name.clone(),
        home: identity.system.id,
        op,
        state: State::Making,
        origin: Origin::Blank,
        format: Format::No,
        group_is_ours: plan.iter().any(|action| matches!(action, Action::Make(_))),
        fs_type: asked.fs_type,
        fs_owner: asked.fs_owner,
        fs_mode: asked.fs_mode,
        delay: (asked.mount_conflict_delay != CreateVolume::DEFAULT_MOUNT_CONFLICT_DELAY)
            .then_some(asked.mount_conflict_delay),
        held: None,
        further: Vec::new(),
    };
    if let (false, Some(group), Some(pair)) = (
        comment.group_is_ours,
        &asked.replication_group,
        &backend.pair,
    ) {
        comment.group_is_ours = group_was_made_here(inner, pair, steps, group).await?;
    }

    let create = CreateVv {
        name: vv.clone(),
        cpg: cpg.clone(),
        snap_cpg: identity
            .release
            .has_snapshot_cpg()
            .then(|| snap_cpg.clone()),
        size: asked.size,
        provisioning: asked.provisioning,
        comment: comment.encode()?,
        one_host: true,
    };
    let made: Vv = steps
        .act(Intent::MakeVv, array.createvv(&create), || async {
            Ok(ours_by_op(
                array.label(),
                array.showvv(VvQuery::Name(vv)).await?,
                &comment,
            ))
        })
        .await?;
    steps.record(&[("wwn", made.wwn.as_str()), ("vv_id", &made.id.to_string())])?;

    for action in &plan {
        groups::carry_out(steps, backend, action).await?;
    }

    comment.state = State::Ready;
    if let Some(pair) = backend
        .pair
        .as_ref()
        .filter(|_| asked.replication_group.is_some())
    {
        mark::copy(steps, &pair.peer, vv, &comment).await?;
    }
    // The last step: from here on the volume is there, for every host.
    let ready = mark::home(steps, Intent::MarkReady, array, vv, &comment).await?;
    let mut options = asked.clone();
    options.cpg = Some(cpg);
    options.snap_cpg = create.snap_cpg.clone();
    let mut volume = known::volume(
        inner,
        backend,
        &ready,
        &comment,
        asked.replication_group.clone(),
    );
    volume.options = options;
    volume.created = Some(inner.now());
    Ok(volume)
}

/// A group whose members carry `grp=ours` was made by this plugin.
async fn group_was_made_here(
    inner: &Inner,
    pair: &Pair,
    steps: &Steps,
    group: &crate::model::GroupName,
) -> Result<bool, Cause> {
    let found = steps
        .look("group members", pair.source.showrcopy_group(group))
        .await?;
    let Some(member) = found.and_then(|g| g.volumes.into_iter().next()) else {
        return Ok(false);
    };
    if !member.local.is_ours(&inner.namespace) {
        return Ok(false);
    }
    let vvs = steps
        .look(
            "group member",
            pair.source.showvv(VvQuery::Name(&member.local)),
        )
        .await?;
    Ok(vvs
        .first()
        .and_then(|vv| vv.comment.as_deref())
        .and_then(|text| Comment::parse(text).ok())
        .is_some_and(|comment| comment.group_is_ours))
}

async fn check_peer_is_free(pair: &Pair, steps: &Steps, vv: &VvName) -> Result<(), Cause> {
    let there = steps
        .look("vv on the peer", pair.peer.showvv(VvQuery::Name(vv)))
        .await?;
    match there.first() {
        None => Ok(()),
        Some(taken) => Err(Cause::ForeignVv {
            array: pair.peer.label().to_owned(),
            vv: vv.clone(),
            why: taken
                .comment
                .clone()
                .unwrap_or_else(|| "no comment".to_owned()),
        }),
    }
}

fn ours_by_op(array: &str, found: Vec<Vv>, comment: &Comment) -> Seen<Vv> {
    let Some(vv) = found.into_iter().next() else {
        return Seen::NotDone(format!("no such VV on array `{array}`"));
    };
    match vv.comment.as_deref().map(Comment::parse) {
        Some(Ok(is)) if is.op == comment.op && is.name == comment.name => Seen::Done(vv),
        Some(Ok(is)) => Seen::NotDone(format!(
            "the VV on array `{array}` belongs to operation `{}`",
            is.op
        )),
        _ => Seen::NotDone(format!("the VV on array `{array}` has another comment")),
    }
}

/// Takes back what an unfinished create may have done. Only what provably belongs to the operation is touched: the VV by the
/// operation in its comment, the group if this operation made it and nothing else is in it.
pub(super) async fn undo(backend: &Backend, mut steps: Steps) -> Aftermath {
    let mut undone = Vec::new();
    match try_undo(backend, &mut steps, &mut undone).await {
        Ok(()) => steps.close(Aftermath::Undone(undone)),
        Err(cause) => {
            let entry = steps.entry();
            let mut what = Vec::new();
            if Intent::MakeVv.is_in(entry) && !undone.iter().any(|u| u.starts_with("VV")) {
                what.push(format!(
                    "VV `{}` on array `{}`",
                    entry.vv,
                    backend.array.label()
                ));
            }
            if Intent::StopGroup.is_in(entry) {
                what.push("a stopped remote copy group".to_owned());
            }
            log::error!(volume = entry.name.as_str(), op:% = entry.op, cause:% = cause; "could not undo a create");
            Aftermath::Left {
                what: what.join(", "),
                why: cause.to_string(),
            }
        }
    }
}

async fn try_undo(
    backend: &Backend,
    steps: &mut Steps,
    undone: &mut Vec<String>,
) -> Result<(), Cause> {
    let entry = steps.entry().clone();
    if !Intent::MakeVv.is_in(&entry) {
        return Ok(());
    }
    if let Some(doubt) = steps.doubt(backend).await? {
        return Err(Cause::NotKnown(doubt));
    }
    let array = &backend.array;
    let vv = &entry.vv;
    let found = steps.look("vv", array.showvv(VvQuery::Name(vv))).await?;
    let comment = found
        .first()
        .and_then(|v| v.comment.as_deref())
        .map(Comment::parse);
    let ours = matches!(&comment, Some(Ok(comment)) if comment.op == entry.op);

    let asked: Option<CreateVolume> = serde_json::from_value(entry.request.clone()).ok();
    if let Some(group) = asked.and_then(|asked| asked.replication_group) {
        let undoing = Undoing {
            may_have_made: Intent::MakeGroup.may_have_happened(&entry),
            may_have_stopped: Intent::StopGroup.may_have_happened(&entry),
            may_have_admitted: ours && Intent::Admit.is_in(&entry),
        };
        if undoing != Undoing::default() {
            let now = steps.look("group", array.showrcopy_group(&group)).await?;
            let plan = replication::plan_undo(now.as_ref(), vv, undoing);
            groups::carry_out_all(steps, backend, &plan, undone).await?;
        }
    }
    if ours {
        remove_vv(steps, backend, vv).await?;
        undone.push(format!("VV `{vv}` removed"));
    }
    Ok(())
}

/// `removevv`, and the listing that shows it gone.
pub(super) async fn remove_vv(
    steps: &mut Steps,
    backend: &Backend,
    vv: &VvName,
) -> Result<(), Cause> {
    let array = &backend.array;
    steps
        .act(Intent::RemoveVv, array.removevv(vv), || async {
            Ok(if array.showvv(VvQuery::Name(vv)).await?.is_empty() {
                Seen::Done(())
            } else {
                Seen::NotDone(format!("VV `{vv}` is still on array `{}`", array.label()))
            })
        })
        .await
}
