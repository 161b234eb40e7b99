//! `docker volume create`.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    index::{IndexedVolume, JournalEntry, OpKind},
    inform::{ArrayError, CreateVv, Refusal, Vv, VvQuery},
    model::{Comment, CreateVolume, Format, OperationId, Origin, RequestId, State, VvName},
    replication::{self, Action, Newcomer, Pair, ReplicationError, Undoing},
};

use super::{
    backend::{Backend, Identity},
    error::{Aftermath, Cause, VolumeError},
    known::{self, Known},
    mark, recover,
    service::Inner,
    steps::{Intent, Seen, Steps},
};

/// How long another host's unfinished create is waited for.
const OTHERS_TURN: Duration = Duration::from_secs(20);

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
    if let Some(known) = inner.index.get(name) {
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
    let vv = name.vv_name(&inner.namespace);
    let op = OperationId {
        machine: inner.machine.clone(),
        request: request.clone(),
    };
    let entry = JournalEntry {
        op: op.clone(),
        kind: OpKind::Create,
        name: name.clone(),
        backend: backend.name.clone(),
        vv: vv.clone(),
        started: inner.now(),
        steps: Vec::new(),
        facts: BTreeMap::new(),
        request: serde_json::to_value(asked).unwrap_or_default(),
    };

    match existing(inner, request, &backend, &vv, asked)
        .await
        .map_err(clean)?
    {
        Known::Absent => {}
        Known::Ours(vv, comment) => {
            // Made by another host: take it into the index, if it is what was asked for.
            let volume = known::volume(inner, &backend, &vv, &comment, None);
            same_on_the_array(&volume, asked).map_err(clean)?;
            inner.index.put(volume).map_err(|e| clean(e.into()))?;
            return Ok(());
        }
    }

    let mut steps = Steps::begin(&inner.index, &inner.points, entry)
        .await
        .map_err(clean)?;
    let made = make(inner, &backend, &identity, &mut steps, asked, &vv, &op).await;
    match made {
        Ok(volume) => {
            inner.index.put(volume).map_err(|e| clean(e.into()))?;
            steps.finish().map_err(clean)?;
            log::info!(volume = name.as_str(), vv = vv.as_str(), request = request.as_str(); "created");
            Ok(())
        }
        Err(cause) => {
            let aftermath = undo(&backend, steps).await;
            Err(VolumeError {
                volume: name.clone(),
                cause,
                aftermath,
            })
        }
    }
}

fn same_or_error(is: &CreateVolume, asked: &CreateVolume) -> Result<(), Cause> {
    let differences = is.differences(asked);
    if differences.is_empty() {
        Ok(())
    } else {
        Err(Cause::DifferentOptions(differences.join(", ")))
    }
}

/// Compares what the array itself tells: how it was asked for elsewhere is not written there.
fn same_on_the_array(is: &IndexedVolume, asked: &CreateVolume) -> Result<(), Cause> {
    let mut comparable = asked.clone();
    comparable.mount_conflict_delay = is.options.mount_conflict_delay;
    comparable.cpg = asked.cpg.as_ref().and(is.options.cpg.clone());
    comparable.snap_cpg = asked.snap_cpg.as_ref().and(is.options.snap_cpg.clone());
    let mut there = is.options.clone();
    there.cpg = asked.cpg.as_ref().and(there.cpg);
    there.snap_cpg = asked.snap_cpg.as_ref().and(there.snap_cpg);
    same_or_error(&there, &comparable)
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
        match known::look(inner, &other, &vv).await {
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
        match known::look(inner, backend, vv).await? {
            Known::Absent => return Ok(Known::Absent),
            Known::Ours(vv, comment) if comment.state == State::Ready => {
                return Ok(Known::Ours(vv, comment));
            }
            Known::Ours(_, comment) if comment.op.machine == inner.machine => {
                // The journal entry went with the state directory; the comment still says whose it is to clean up.
                let entry = leftover(inner, backend, vv, asked, &comment);
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
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        }
    }
}

/// What the journal would have said of an unfinished operation of this machine. Whether it stopped its group nobody knows any
/// more, so the group is not started.
fn leftover(
    inner: &Inner,
    backend: &Backend,
    vv: &VvName,
    asked: &CreateVolume,
    comment: &Comment,
) -> JournalEntry {
    let (kind, mut intents) = match comment.state {
        State::Removing => (OpKind::Remove, vec![Intent::MarkRemoving]),
        State::Making | State::Ready => (OpKind::Create, vec![Intent::MakeVv, Intent::Admit]),
    };
    if comment.group_is_ours && kind == OpKind::Create {
        intents.push(Intent::MakeGroup);
    }
    JournalEntry {
        op: comment.op.clone(),
        kind,
        name: asked.name.clone(),
        backend: backend.name.clone(),
        vv: vv.clone(),
        started: inner.now(),
        steps: intents.iter().map(ToString::to_string).collect(),
        facts: BTreeMap::new(),
        request: serde_json::to_value(asked).unwrap_or_default(),
    }
}

async fn make(
    inner: &Inner,
    backend: &Backend,
    identity: &Identity,
    steps: &mut Steps,
    asked: &CreateVolume,
    vv: &VvName,
    op: &OperationId,
) -> Result<IndexedVolume, Cause> {
    let array = &backend.array;
    let cpg = asked.cpg.clone().or_else(|| backend.cpgs.first().cloned());
    let cpg = cpg.ok_or_else(|| Cause::NoSuchBackend(backend.name.clone()))?;
    let snap_cpg = asked
        .snap_cpg
        .clone()
        .or_else(|| backend.snap_cpgs.first().cloned())
        .unwrap_or_else(|| cpg.clone());

    // All that can be refused without having made anything is refused here.
    let mut plan = Vec::new();
    if let (Some(group), Some(pair)) = (&asked.replication_group, &backend.pair) {
        let unmapped = |cpg: &crate::model::CpgName| ReplicationError::Unmapped {
            cpg: cpg.to_string(),
            vv: vv.clone(),
        };
        let cpgs = pair.wants.cpg(&cpg).ok_or_else(|| unmapped(&cpg))?;
        let snap = pair
            .wants
            .snap_cpg(&snap_cpg)
            .ok_or_else(|| unmapped(&snap_cpg))?;
        let found = steps
            .look("group", pair.source.showrcopy_group(group))
            .await?;
        // Primera and later have no snapshot CPG (array fact 5).
        let snap = identity.release.has_snapshot_cpg().then_some(snap);
        let newcomer = Newcomer {
            vv,
            group,
            cpg: &cpgs,
            snap_cpg: snap.as_ref(),
            domain: None,
        };
        plan = replication::plan_admission(array.label(), found.as_ref(), &newcomer, &pair.wants)?;
        check_peer_is_free(pair, steps, vv).await?;
    }

    let mut comment = Comment {
        namespace: inner.namespace.clone(),
        name: asked.name.clone(),
        home: identity.system.id,
        op: op.clone(),
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
            Ok(ours_by_op(array.showvv(VvQuery::Name(vv)).await?, &comment))
        })
        .await?;
    steps.record(&[("wwn", made.wwn.as_str()), ("vv_id", &made.id.to_string())])?;

    for action in &plan {
        carry_out(steps, backend, action).await?;
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

fn ours_by_op(found: Vec<Vv>, comment: &Comment) -> Seen<Vv> {
    let Some(vv) = found.into_iter().next() else {
        return Seen::NotDone("no such VV".to_owned());
    };
    match vv.comment.as_deref().map(Comment::parse) {
        Some(Ok(is)) if is.op == comment.op && is.name == comment.name => Seen::Done(vv),
        Some(Ok(is)) => Seen::NotDone(format!("the VV belongs to operation `{}`", is.op)),
        _ => Seen::NotDone("the VV has another comment".to_owned()),
    }
}

/// One action on a group, and the look that proves it.
pub(super) async fn carry_out(
    steps: &mut Steps,
    backend: &Backend,
    action: &Action,
) -> Result<(), Cause> {
    let intent = match action {
        Action::Make(_) => Intent::MakeGroup,
        Action::SetPeriod { .. } | Action::SetPolicy { .. } => Intent::SetGroup,
        Action::Stop(_) => Intent::StopGroup,
        Action::Admit(_) => Intent::Admit,
        Action::Start(_) => Intent::StartGroup,
        Action::Dismiss { .. } => Intent::Dismiss,
        Action::Remove(_) => Intent::RemoveGroup,
    };
    let array = &backend.array;
    let sent = steps
        .act(intent, action.carry_out(array), || async {
            let now = array.showrcopy_group(action.group()).await?;
            Ok(match action.proof(now.as_ref()) {
                replication::Proof::Done => Seen::Done(()),
                replication::Proof::Underway => Seen::Underway,
                replication::Proof::NotDone => Seen::NotDone(now.map_or_else(
                    || format!("there is no group `{}`", action.group()),
                    |g| {
                        format!(
                            "group `{}` is {} with {} volumes",
                            g.name,
                            g.status,
                            g.volumes.len()
                        )
                    },
                )),
            })
        })
        .await;
    match sent {
        // Somebody was faster; what was wanted is so.
        Err(Cause::Array(error)) if already_so(action, &error) => {
            let now = steps
                .look("group", array.showrcopy_group(action.group()))
                .await?;
            if action.proof(now.as_ref()) == replication::Proof::Done {
                Ok(())
            } else {
                Err(error.into())
            }
        }
        other => other,
    }
}

fn already_so(action: &Action, error: &ArrayError) -> bool {
    matches!(
        (action, error.refusal()),
        (Action::Start(_), Some(Refusal::GroupStarted))
            | (Action::Stop(_), Some(Refusal::GroupNotStarted))
            | (Action::Admit(_), Some(Refusal::AlreadyInGroup))
            | (
                Action::Remove(_) | Action::Dismiss { .. },
                Some(Refusal::NotFound)
            )
    )
}

/// Takes back what an unfinished create may have done. Only what provably belongs to the operation is touched: the VV by the
/// operation in its comment, the group if this operation made it and nothing else is in it.
pub(super) async fn undo(backend: &Backend, mut steps: Steps) -> Aftermath {
    let mut undone = Vec::new();
    match try_undo(backend, &mut steps, &mut undone).await {
        Ok(()) => match steps.finish() {
            Ok(()) => Aftermath::Undone(undone),
            Err(cause) => Aftermath::Left {
                what: "a journal entry".to_owned(),
                why: cause.to_string(),
            },
        },
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
            may_have_made: Intent::MakeGroup.is_in(&entry),
            may_have_stopped: Intent::StopGroup.is_in(&entry),
            may_have_admitted: ours && Intent::Admit.is_in(&entry),
        };
        if undoing != Undoing::default() {
            let now = steps.look("group", array.showrcopy_group(&group)).await?;
            for action in replication::plan_undo(now.as_ref(), vv, undoing) {
                carry_out(steps, backend, &action).await?;
                undone.push(action.to_string());
            }
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
                Seen::NotDone(format!("VV `{vv}` is still listed"))
            })
        })
        .await
}
