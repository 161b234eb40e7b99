//! Changing remote copy groups, step by step.

use std::time::Duration;

use crate::{
    inform::{Array, ArrayError, ExportedVv, RcGroup, Refusal, VlunQuery},
    model::{GroupName, GroupStatus},
    replication::{self, Action, ReplicationError},
};

use super::{
    backend::Backend,
    error::Cause,
    exports,
    steps::{Intent, Seen, Steps},
};

/// How long a group that is copying is waited for before it is stopped.
const CALM: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The group as it is, once none of its volumes is being copied, or after a while. Whoever plans then sees which it is.
pub(super) async fn calm(
    steps: &Steps,
    array: &Array,
    group: &GroupName,
) -> Result<Option<RcGroup>, Cause> {
    let give_up = tokio::time::Instant::now() + CALM;
    loop {
        let found = steps.look("group", array.showrcopy_group(group)).await?;
        let copying = found.as_ref().is_some_and(RcGroup::is_syncing);
        if !copying || tokio::time::Instant::now() >= give_up {
            return Ok(found);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// The array keeps a VV set of its own for a group. Where that is exported, an admitted volume is seen by other hosts at once.
pub(super) async fn check_set_exports(
    steps: &Steps,
    array: &Array,
    group: &GroupName,
    found: Option<&RcGroup>,
) -> Result<(), Cause> {
    if found.is_none() {
        return Ok(());
    }
    let prefix = format!("RCP_{group}");
    let all = steps
        .look("exports", array.showvlun_t(VlunQuery::All))
        .await?;
    let of_the_group = |vv: &ExportedVv| match vv {
        ExportedVv::Set(set) => set.as_str().starts_with(&prefix),
        ExportedVv::One(_) => false,
    };
    let seen: Vec<_> = all.into_iter().filter(|t| of_the_group(&t.vv)).collect();
    match seen.first() {
        None => Ok(()),
        Some(first) => Err(Cause::Replication {
            array: array.label().to_owned(),
            why: ReplicationError::SetExported {
                group: group.clone(),
                set: first.vv.to_string(),
                to: exports::names(&seen),
            },
        }),
    }
}

/// Carries out a plan that takes something back. When a dismissal is refused, the group is started again all the same: the
/// other volumes in it have nothing to do with it.
pub(super) async fn carry_out_all(
    steps: &mut Steps,
    backend: &Backend,
    plan: &[Action],
    done: &mut Vec<String>,
) -> Result<(), Cause> {
    let mut first_failure = None;
    for action in plan {
        if first_failure.is_some() && !matches!(action, Action::Start(_)) {
            continue;
        }
        match carry_out(steps, backend, action).await {
            Ok(()) => done.push(action.to_string()),
            Err(cause) if first_failure.is_none() => first_failure = Some(cause),
            Err(cause) => log::error!(action:% = action, cause:% = cause; "could not undo"),
        }
    }
    first_failure.map_or(Ok(()), Err)
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
    let label = array.label();
    if let Action::Remove(group) = action {
        // Removing a group dismisses whatever is in it by now.
        let now = steps.look("group", array.showrcopy_group(group)).await?;
        match now {
            None => return Ok(()),
            Some(now) if !now.volumes.is_empty() => {
                let ours = Intent::StopGroup.may_have_happened(steps.entry());
                if ours && now.status == GroupStatus::Stopped {
                    let start = Action::Start(group.clone());
                    return Box::pin(carry_out(steps, backend, &start)).await;
                }
                return Ok(());
            }
            Some(_) => {}
        }
    }
    let sent = steps
        .act(intent, action.carry_out(array), || async {
            let now = array.showrcopy_group(action.group()).await?;
            Ok(match action.proof(now.as_ref()) {
                replication::Proof::Done => Seen::Done(()),
                replication::Proof::Underway => Seen::Underway,
                replication::Proof::NotDone => Seen::NotDone(now.map_or_else(
                    || format!("there is no group `{}` on array `{label}`", action.group()),
                    |g| {
                        format!(
                            "group `{}` on array `{label}` is {} with {} volumes",
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
        // Not made by this operation, then, and not stopped by it: neither is its to take back.
        Err(Cause::Array(error)) if not_ours(action, &error) => {
            steps.record(&[(&intent.refused(), "yes")])?;
            Err(error.into())
        }
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
            | (Action::Admit(_), Some(Refusal::AlreadyInGroup))
            | (
                Action::Remove(_) | Action::Dismiss { .. },
                Some(Refusal::NotFound)
            )
    )
}

/// A refusal that says: somebody else made, or stopped, the group.
fn not_ours(action: &Action, error: &ArrayError) -> bool {
    matches!(
        (action, error.refusal()),
        (Action::Make(_), Some(Refusal::Exists))
            | (Action::Stop(_), Some(Refusal::GroupNotStarted))
    )
}
