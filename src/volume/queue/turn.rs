//! One's turn in a cycle: its command, in its own name, and what the look that everyone shares says of it.

use std::sync::Arc;

use tokio::{sync::oneshot, time::Instant};

use crate::{
    inform::{Array, RcGroup},
    replication::{Action, Proof},
    volume::{
        error::Cause,
        groups,
        steps::{self, Intent, Sent, Steps},
    },
};

/// The fact in the journal that the group is the plugin's own, as it showed under the lock before the volume was admitted: whoever takes
/// the admission back removes the group, should it be empty then.
pub(in crate::volume) const GROUP_IS_OURS: &str = "group is ours";

/// The group after the turns, or why it could not be looked at.
pub(super) type Seen = Arc<Result<Option<RcGroup>, Arc<Cause>>>;

/// How a command was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    /// It was answered, and not certainly refused: the look decides.
    Sent,
    /// The connection was lost: only the look can tell what it did, and perhaps not even that.
    InDoubt,
    /// It was certainly not carried out.
    Refused,
    /// There was no session for it in time: it was not sent.
    TooLate,
}

/// The leave to send one command.
#[derive(Debug)]
pub(super) struct Turn {
    pub action: Action,
    pub group_is_ours: bool,
    /// It takes back what this operation did in the same cycle.
    pub back: bool,
    /// It is not sent later than this.
    pub by: Option<Instant>,
    pub answered: oneshot::Sender<Answered>,
}

/// A command that was sent and is to be judged by the look.
#[derive(Debug)]
pub(super) struct Pending {
    intent: Intent,
    action: Action,
    sent: Sent,
    back: bool,
}

impl Turn {
    /// Sends the command and says that it was answered. None if there was no session for it in time.
    pub async fn take(self, steps: &mut Steps, array: &Array) -> Result<Option<Pending>, Cause> {
        let Self {
            action,
            group_is_ours,
            back,
            by,
            answered,
        } = self;
        let sent = send(steps, array, action, group_is_ours, back, by).await;
        // A leader that has gone needs no answer.
        let _ = answered.send(Answered::of(&sent));
        sent
    }
}

impl Answered {
    pub fn of(sent: &Result<Option<Pending>, Cause>) -> Self {
        match sent {
            Ok(None) => Self::TooLate,
            Ok(Some(pending)) if pending.sent.is_in_doubt() => Self::InDoubt,
            Ok(Some(_)) => Self::Sent,
            Err(_) => Self::Refused,
        }
    }
}

/// Writes down what it is about to do, and sends the one command before all that are in no hurry.
pub(super) async fn send(
    steps: &mut Steps,
    array: &Array,
    action: Action,
    group_is_ours: bool,
    back: bool,
    by: Option<Instant>,
) -> Result<Option<Pending>, Cause> {
    let intent = groups::intent(&action);
    if intent == Intent::Admit && group_is_ours {
        steps.record(&[(GROUP_IS_OURS, "yes")])?;
    }
    let urgent = by.map_or_else(|| array.urgent(), |by| array.urgent_until(by));
    let sent = steps.send(intent, action.carry_out(&urgent)).await;
    let late = by.is_some_and(|by| Instant::now() >= by);
    let sent = match sent {
        Err(cause) if late && cause.is_unreachable() => return Ok(None),
        Err(Cause::Array(error)) if groups::already_so(&action, &error) => Sent::refused(error),
        other => other?,
    };
    Ok(Some(Pending {
        intent,
        action,
        sent,
        back,
    }))
}

impl Pending {
    /// It takes back what this operation did in the same cycle.
    pub fn is_back(&self) -> bool {
        self.back
    }

    /// What the look says of it.
    pub fn judge(self, steps: &mut Steps, array: &Array, seen: &Seen) -> Result<(), Cause> {
        let seen = match seen.as_ref() {
            Ok(now) => Ok(match self.action.proof(now.as_ref()) {
                Proof::Done => steps::Seen::Done(()),
                Proof::Underway | Proof::NotDone => {
                    steps::Seen::NotDone(groups::told(self.action.group(), array, now.as_ref()))
                }
            }),
            Err(cause) => Err(Cause::Shared(Arc::clone(cause))),
        };
        steps.settle(self.intent, self.sent, seen)?;
        if self.back {
            steps.note_undone(self.action.to_string());
        }
        Ok(())
    }
}
