//! One command at a group: sent, and proven.

use crate::{
    inform::{Array, ArrayError, RcGroup, Refusal},
    model::{GroupName, GroupStatus},
    replication::{self, Action},
    volume::{
        error::Cause,
        steps::{Intent, Seen, Sent, Steps},
    },
};

/// One action on a group, and the look that proves it.
pub(in crate::volume) async fn carry_out(
    steps: &mut Steps,
    array: &Array,
    action: &Action,
) -> Result<(), Cause> {
    let intent = intent(action);
    if let Action::Remove(group) = action {
        // Removing a group dismisses whatever is in it by now.
        let now = steps.look("group", array.showrcopy_group(group)).await?;
        match now {
            None => return Ok(()),
            Some(now) if !now.volumes.is_empty() => {
                let ours = Intent::stop_is_ours(steps.entry());
                if ours && now.status == GroupStatus::Stopped {
                    let start = Action::Start(group.clone());
                    return Box::pin(carry_out(steps, array, &start)).await;
                }
                return Ok(());
            }
            Some(_) => {}
        }
    }
    let sent = match steps.send(intent, action.carry_out(array)).await {
        // Not made by this operation, then, and not stopped by it: neither is its to take back.
        Err(Cause::Array(error)) if not_ours(action, &error) => {
            steps.record(&[(&intent.refused(), "yes")])?;
            return Err(error.into());
        }
        // Somebody was faster: what was wanted is so, or is about to be.
        Err(Cause::Array(error)) if already_so(action, &error) => Sent::refused(error),
        sent => sent?,
    };
    let look = || async {
        let now = array.showrcopy_group(action.group()).await?;
        Ok(match action.proof(now.as_ref()) {
            replication::Proof::Done => Seen::Done(()),
            replication::Proof::Underway => Seen::Underway,
            replication::Proof::NotDone => Seen::NotDone(told(action.group(), array, now.as_ref())),
        })
    };
    steps.prove(intent, sent, look).await?;
    match action {
        Action::Start(_) => steps.note(Intent::GroupRuns),
        _ => Ok(()),
    }
}

/// What an action is called in the journal.
pub(in crate::volume) fn intent(action: &Action) -> Intent {
    match action {
        Action::Make(_) => Intent::MakeGroup,
        Action::SetPeriod { .. } | Action::SetPolicy { .. } => Intent::SetGroup,
        Action::Stop(_) => Intent::StopGroup,
        Action::Admit(_) => Intent::Admit,
        Action::Start(_) => Intent::StartGroup,
        Action::Dismiss { .. } => Intent::Dismiss,
        Action::Remove(_) => Intent::RemoveGroup,
    }
}

/// A group as a look showed it, for people.
pub(in crate::volume) fn told(group: &GroupName, array: &Array, now: Option<&RcGroup>) -> String {
    let label = array.label();
    now.map_or_else(
        || format!("there is no group `{group}` on array `{label}`"),
        |now| {
            format!(
                "group `{group}` on array `{label}` is {} with {} volumes",
                now.status,
                now.volumes.len()
            )
        },
    )
}

/// A refusal that says: it is so already.
pub(in crate::volume) fn already_so(action: &Action, error: &ArrayError) -> bool {
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
