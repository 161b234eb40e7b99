//! How a cycle ends: the group is started again or, empty and the plugin's own, removed. What does not start is taken back, and everyone
//! aboard is told what became of it.

use std::sync::Arc;

use crate::{
    inform::{ArrayError, DismissedCopy, RcGroup},
    model::GroupStatus,
    replication::{self, Action},
    volume::{error::Cause, group_lock, groups, steps::Steps},
};

use super::{Changed, aboard::Driving, could_not_take_back};

impl Driving<'_> {
    /// Started for those that are in it, or removed.
    pub(super) async fn end(&mut self, steps: &mut Steps, plan: &[Action]) -> Result<(), Cause> {
        let array = self.cycle.site.acting.array.urgent();
        for action in plan {
            groups::carry_out(steps, &array, action).await?;
            if matches!(self.mine, Some(Err(_))) {
                steps.note_undone(action.to_string());
            }
        }
        Ok(())
    }

    /// The group does not start with what was admitted: out with that again, and then once more for the others.
    pub(super) async fn take_back(&mut self, steps: &mut Steps, cause: Cause) -> Option<Failure> {
        if may_still_run(&cause) {
            return Some(Failure::kept(cause));
        }
        let now = match self.look_alone(steps).await {
            Ok(now) => now,
            Err(_) => return Some(Failure::kept(cause)),
        };
        if now.as_ref().is_some_and(is_started) {
            log::warn!(group = self.cycle.site.acting.group.as_str(), cause:% = cause; "started, although that was not seen at first");
            return None;
        }
        let mine = self.mine.take();
        let mut seats = std::mem::take(&mut self.seats);
        let mut any = false;
        for seat in seats.iter_mut().filter(|seat| seat.done) {
            let Some(Action::Admit(admit)) = &seat.action else {
                continue;
            };
            let back = Action::Dismiss {
                group: admit.group.clone(),
                vv: admit.vv.clone(),
                copy: DismissedCopy::Removed,
            };
            any = true;
            seat.answered = self.turn(steps, seat, back, true, None).await;
        }
        self.seats = seats;
        if !any {
            self.mine = mine;
            return Some(self.give_up(steps, cause).await);
        }
        let again = async {
            let now = self.look(steps).await?;
            let plan = replication::plan_end(now.as_ref(), self.ending());
            let array = self.cycle.site.acting.array.urgent();
            for action in &plan {
                groups::carry_out(steps, &array, action).await?;
                steps.note_undone(action.to_string());
            }
            Ok::<_, Cause>(())
        };
        let again = again.await;
        if let Some(Err(cause)) = std::mem::replace(&mut self.mine, mine) {
            could_not_take_back(&cause);
        }
        match again {
            Ok(()) => Some(Failure::over(cause)),
            Err(more) => {
                log::error!(group = self.cycle.site.acting.group.as_str(), cause:% = more; "could not put the group in order after its start failed");
                Some(self.give_up(steps, cause).await)
            }
        }
    }

    /// Nothing more can be done now. The lock stays with a group that is not in order: whoever takes it back starts it.
    pub(super) async fn give_up(&self, steps: &mut Steps, cause: Cause) -> Failure {
        if may_still_run(&cause) {
            return Failure::kept(cause);
        }
        match self.look_alone(steps).await {
            Ok(now) if now.as_ref().is_none_or(is_started) => Failure::over(cause),
            Ok(_) | Err(_) => Failure::kept(cause),
        }
    }

    async fn look_alone(&self, steps: &Steps) -> Result<Option<RcGroup>, Cause> {
        let acting = self.cycle.site.acting;
        let look = acting.array.urgent();
        steps
            .look("group", look.showrcopy_group(&acting.group))
            .await
    }

    /// Everyone is told, and the lock given back.
    pub(super) async fn arrive(
        mut self,
        steps: &mut Steps,
        failure: Option<Failure>,
    ) -> Option<Result<Changed, Cause>> {
        let me_left = self.left_over.iter().any(|w| self.cycle.lead.is_me(w));
        let (keeps_lock, shared) = match failure {
            None => (false, None),
            Some(failure) => (failure.keeps_lock, Some(Arc::new(failure.cause))),
        };
        let left_behind = shared.clone();
        let changed = Changed {
            group_is_ours: self.group_is_ours,
        };
        for seat in self.seats {
            let result = match &shared {
                Some(cause) if keeps_lock || !seat.is_out() => Err(Arc::clone(cause)),
                _ => Ok(changed),
            };
            if seat.me {
                if !matches!(self.mine, Some(Err(_))) {
                    self.mine = Some(result.map(drop).map_err(Cause::Shared));
                }
            } else {
                seat.waiting.end(result);
            }
        }
        self.cycle.lead.put_back(self.left_over);
        let unlocked = if keeps_lock {
            Ok(())
        } else {
            group_lock::release(steps, self.cycle.site.acting).await
        };
        match (self.mine, unlocked) {
            (None | Some(Ok(())), Err(cause)) if !me_left => Some(Err(cause)),
            (_, Err(cause)) if me_left => {
                log::error!(cause:% = cause; "could not give the lock back");
                None
            }
            (Some(Err(mine)), _) => Some(Err(mine)),
            // What is not in order is put in order by whoever has the lock, before anything is tried again.
            _ if me_left && keeps_lock => left_behind.map(|cause| Err(Cause::Shared(cause))),
            _ if me_left => None,
            _ => Some(Ok(changed)),
        }
    }
}

/// What failed for all aboard.
pub(super) struct Failure {
    cause: Cause,
    keeps_lock: bool,
}

impl Failure {
    pub fn kept(cause: Cause) -> Self {
        Self {
            cause,
            keeps_lock: true,
        }
    }

    fn over(cause: Cause) -> Self {
        Self {
            cause,
            keeps_lock: false,
        }
    }
}

pub(super) fn is_started(group: &RcGroup) -> bool {
    group.status == GroupStatus::Started
}

/// Nothing that goes against it is sent before it has ended.
fn may_still_run(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::Array(ArrayError::InDoubt { ended: false, .. })
    )
}
