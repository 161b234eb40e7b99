//! `docker volume rm`.

use crate::{
    index::{JournalEntry, OpKind},
    inform::{Array, VvQuery},
    model::{Comment, RequestId, State, VolumeName},
    replication::{self, Action, ReplicationError},
};

use super::{
    backend::Backend,
    create::remove_vv,
    detach,
    error::{Aftermath, Cause, VolumeError},
    exports::{self, Exports},
    groups,
    inner::Inner,
    kill_points::Doing,
    known::{self, Known},
    lookup, mark,
    steps::{Intent, Steps},
    unmount,
};

/// Removes the volume and its copy. A volume that certainly does not exist is removed already.
pub(super) async fn remove(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
) -> Result<(), VolumeError> {
    let clean = |cause: Cause| VolumeError::clean(name, cause);
    let _lock = inner.locks.lock(name).await;
    inner.clean_up_after(request, name).await.map_err(clean)?;
    // An engine removes only what it does not use. What an engine before it used it may have forgotten to unmount: the kernel
    // knows. What was counted since is somebody's, perhaps another engine's.
    let counted = inner
        .index
        .mount(name)
        .is_some_and(|record| record.has_live_references());
    if let Some(mountpoint) = inner.mounted(name)
        && (counted || !unmount::release_if_unused(inner, request, name).await?)
    {
        return Err(clean(Cause::MountedHere(mountpoint.display().to_string())));
    }
    let backend = match lookup::backend_of(inner, request, name)
        .await
        .map_err(clean)?
    {
        Some(backend) => backend,
        None => return Ok(()),
    };
    let vv = name.vv_name(&inner.namespace);
    let look = known::look(inner, &backend, &vv);
    let comment = match inner.points.around(Doing::Look, "vv", look).await {
        Ok(Known::Ours(_, comment)) => comment,
        Ok(Known::Absent) => {
            inner.forget(name).map_err(clean)?;
            return Ok(());
        }
        Err(cause) => return Err(clean(cause)),
    };
    if comment.state != State::Ready && comment.op.machine != inner.machine {
        return Err(clean(Cause::Busy {
            machine: comment.op.machine.clone(),
            doing: if comment.state == State::Making {
                "making"
            } else {
                "removing"
            },
            op: comment.op.to_string(),
        }));
    }

    let entry = inner.new_entry(request, OpKind::Remove, name, &backend);
    let _cycle = match backend.pair {
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
    match take_away(&backend, &mut steps, *comment).await {
        Ok(()) => {
            inner.forget(name).map_err(clean)?;
            steps.finish().map_err(clean)?;
            log::info!(volume = name.as_str(), request = request.as_str(); "removed");
            Ok(())
        }
        Err(cause) => {
            let aftermath = back_out(&backend, steps).await;
            Err(VolumeError {
                volume: name.clone(),
                cause,
                aftermath,
            })
        }
    }
}

/// All that can be refused is looked at before anything is changed.
async fn take_away(
    backend: &Backend,
    steps: &mut Steps,
    mut comment: Comment,
) -> Result<(), Cause> {
    let array = &backend.array;
    let vv = steps.entry().vv.clone();
    let exports = exports::look(steps, backend, &vv).await?;
    if let Exports::Foreign { to, .. } = &exports {
        return Err(Cause::ExportedElsewhere {
            array: array.label().to_owned(),
            to: to.clone(),
        });
    }
    let mut plan = Vec::new();
    if let Some(pair) = &backend.pair {
        let groups = steps.look("groups", pair.source.showrcopy_groups()).await?;
        if let Some(group) = groups.iter().find(|group| group.holds(&vv)) {
            plan = replication::plan_dismissal(array.label(), group, &vv, comment.group_is_ours)
                .map_err(|why| unfit(array, why))?;
            steps.record(&[("group", group.name.as_str())])?;
            let there = exports::look_on(steps, &pair.peer, &vv).await?;
            if !there.is_empty() {
                return Err(Cause::ExportedElsewhere {
                    array: pair.peer.label().to_owned(),
                    to: exports::names(&there),
                });
            }
        }
    }
    if let Exports::Ours(template) = &exports {
        // Left over from a mount that ended badly: nothing is mounted here, remove() has looked.
        detach::device(steps, backend, &vv).await?;
        exports::withdraw(steps, backend, template).await?;
    }

    comment.state = State::Removing;
    comment.op = steps.entry().op.clone();
    mark::home(steps, Intent::MarkRemoving, array, &vv, &comment).await?;
    // Who exported it between the first look and the mark has not seen the mark. Who exports it from now on sees it, and
    // withdraws.
    let mut since = exports::look_on(steps, array, &vv).await?;
    if let Some(pair) = &backend.pair {
        since.extend(exports::look_on(steps, &pair.peer, &vv).await?);
    }
    if !since.is_empty() {
        return Err(Cause::ExportedElsewhere {
            array: array.label().to_owned(),
            to: exports::names(&since),
        });
    }
    finish_removal(backend, steps, &plan).await
}

fn unfit(array: &Array, why: ReplicationError) -> Cause {
    Cause::Replication {
        array: array.label().to_owned(),
        why,
    }
}

async fn finish_removal(
    backend: &Backend,
    steps: &mut Steps,
    plan: &[Action],
) -> Result<(), Cause> {
    let vv = steps.entry().vv.clone();
    groups::carry_out_all(steps, backend, plan, &mut Vec::new()).await?;
    if let Some(pair) = &backend.pair {
        let copy = steps
            .look("vv on the peer", pair.peer.showvv(VvQuery::Name(&vv)))
            .await?;
        if !copy.is_empty() {
            return Err(Cause::NotProven {
                intent: Intent::Dismiss.to_string(),
                found: format!("`{vv}` is still on array `{}`", pair.peer.label()),
            });
        }
    }
    // Another host may have removed it meanwhile, and made another of that name: only what carries this operation's mark is removed.
    let found = steps
        .look("vv", backend.array.showvv(VvQuery::Name(&vv)))
        .await?;
    let Some(found) = found.first() else {
        return Ok(());
    };
    let comment = found.comment.as_deref().map(Comment::parse);
    match comment {
        Some(Ok(comment)) if comment.op == steps.entry().op => {}
        Some(Ok(comment)) => {
            return Err(Cause::Busy {
                machine: comment.op.machine.clone(),
                doing: match comment.state {
                    State::Making => "making",
                    State::Removing => "removing",
                    State::Ready => "using",
                },
                op: comment.op.to_string(),
            });
        }
        _ => {
            return Err(Cause::ForeignVv {
                array: backend.array.label().to_owned(),
                vv,
                why: "its comment was changed while it was being removed".to_owned(),
            });
        }
    }
    remove_vv(steps, backend, &vv).await
}

/// A remove that failed: its group runs again, and the volume is usable again if its VV was not touched yet.
async fn back_out(backend: &Backend, mut steps: Steps) -> Aftermath {
    if !Intent::MarkRemoving.is_in(steps.entry()) {
        if let Ok(None) = steps.doubt(backend).await {
            // Nothing is under way any more.
        } else {
            return Aftermath::Left {
                what: "an export that was being withdrawn".to_owned(),
                why: "the command may still be running".to_owned(),
            };
        }
        return steps.close(Aftermath::Unchanged);
    }
    let mut undone = Vec::new();
    match try_back_out(backend, &mut steps, &mut undone).await {
        Ok(()) => steps.close(Aftermath::Undone(undone)),
        Err(cause) => {
            let what = format!("VV `{}`, marked as being removed", steps.entry().vv);
            Aftermath::Left {
                what,
                why: cause.to_string(),
            }
        }
    }
}

async fn try_back_out(
    backend: &Backend,
    steps: &mut Steps,
    undone: &mut Vec<String>,
) -> Result<(), Cause> {
    if let Some(doubt) = steps.doubt(backend).await? {
        return Err(Cause::NotKnown(doubt));
    }
    let entry = steps.entry().clone();
    let array = &backend.array;
    let found = steps
        .look("vv", array.showvv(VvQuery::Name(&entry.vv)))
        .await?;
    let comment = found
        .first()
        .and_then(|vv| vv.comment.as_deref())
        .and_then(|text| Comment::parse(text).ok())
        .filter(|comment| comment.op == entry.op);
    if let Some(pair) = &backend.pair {
        let groups = steps.look("groups", pair.source.showrcopy_groups()).await?;
        // After a dismissal that the look before did not show yet, too: the next remove finds no group any more.
        let ours = comment.as_ref().is_some_and(|c| c.group_is_ours);
        for action in leftover_group(&entry, &groups, ours) {
            groups::carry_out(steps, backend, &action).await?;
            undone.push(action.to_string());
        }
    }
    // A volume that lost its copy is not what was asked for: it stays marked, and the next `docker volume rm` goes on.
    if Intent::Dismiss.is_in(&entry) && !still_replicated(backend, steps).await? {
        return Err(Cause::Half(
            "the volume has lost its copy and stays marked as being removed; `docker volume rm` goes on with it",
        ));
    }
    if let Some(mut comment) = comment {
        comment.state = State::Ready;
        mark::home(steps, Intent::MarkReady, array, &entry.vv, &comment).await?;
        undone.push("the volume is usable again".to_owned());
    }
    Ok(())
}

/// True if the VV is in a group, and its copy is on the peer.
async fn still_replicated(backend: &Backend, steps: &Steps) -> Result<bool, Cause> {
    let Some(pair) = &backend.pair else {
        return Ok(true);
    };
    let vv = &steps.entry().vv;
    let groups = steps.look("groups", pair.source.showrcopy_groups()).await?;
    let copy = steps
        .look("vv on the peer", pair.peer.showvv(VvQuery::Name(vv)))
        .await?;
    Ok(groups.iter().any(|group| group.holds(vv)) && !copy.is_empty())
}

/// Goes on with a remove that an earlier run of the plugin left: what is marked as being removed is removed.
pub(super) async fn resume(
    inner: &Inner,
    backend: &Backend,
    mut steps: Steps,
) -> Result<(), Cause> {
    if let Some(doubt) = steps.doubt(backend).await? {
        return Err(Cause::NotKnown(doubt));
    }
    let entry = steps.entry().clone();
    let found = steps
        .look("vv", backend.array.showvv(VvQuery::Name(&entry.vv)))
        .await?;
    let comment = found
        .first()
        .and_then(|vv| vv.comment.as_deref())
        .map(Comment::parse);
    match comment {
        Some(Ok(comment)) if comment.state == State::Removing && comment.op == entry.op => {
            let mut plan = Vec::new();
            if let Some(pair) = &backend.pair {
                let groups = steps.look("groups", pair.source.showrcopy_groups()).await?;
                plan = match groups.iter().find(|group| group.holds(&entry.vv)) {
                    Some(group) => {
                        let mut plan = replication::plan_dismissal(
                            backend.array.label(),
                            group,
                            &entry.vv,
                            comment.group_is_ours,
                        )
                        .map_err(|why| unfit(&backend.array, why))?;
                        restart_others(&entry, group, &mut plan);
                        plan
                    }
                    None => leftover_group(&entry, &groups, comment.group_is_ours),
                };
            }
            finish_removal(backend, &mut steps, &plan).await?;
            inner.forget(&entry.name)?;
        }
        Some(_) => {}
        None => inner.forget(&entry.name)?,
    }
    steps.finish()
}

/// The stop before the crash was ours: so is the start.
fn restart_others(entry: &JournalEntry, group: &crate::inform::RcGroup, plan: &mut Vec<Action>) {
    let start = Action::Start(group.name.clone());
    let others = group.volumes.iter().any(|v| v.local != entry.vv);
    let starts = plan.iter().any(|action| matches!(action, Action::Start(_)));
    if Intent::StopGroup.may_have_happened(entry) && others && !starts {
        plan.push(start);
    }
}

/// The volume is out of its group already: the group is started for the others, or, empty and ours, removed.
fn leftover_group(
    entry: &JournalEntry,
    groups: &[crate::inform::RcGroup],
    ours: bool,
) -> Vec<Action> {
    let Some(group) = entry
        .facts
        .get("group")
        .and_then(|name| groups.iter().find(|group| group.name.as_str() == name))
    else {
        return Vec::new();
    };
    let stopped = group.status == crate::model::GroupStatus::Stopped;
    match group.volumes.is_empty() {
        true if ours => vec![Action::Remove(group.name.clone())],
        false if stopped && Intent::StopGroup.may_have_happened(entry) => {
            vec![Action::Start(group.name.clone())]
        }
        _ => Vec::new(),
    }
}
