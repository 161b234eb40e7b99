//! A cycle under its lock: the group is stopped, everyone aboard has a turn, and one look proves all of it. How it ends is in `arrival`.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    inform::RcGroup,
    replication::{self, Action, Change, CyclePlan, Ending, Proof, Turn as Planned},
    volume::{
        error::Cause,
        exports, groups,
        mark::{self, Mark},
        steps::{Intent, Steps},
    },
};

use super::{
    Changed, Site,
    arrival::{Failure, is_started},
    cycle::{self, Found},
    turn::{self, Answered, Pending, Seen},
    waiting::{Lead, Waiting},
};

/// For so long after the stop turns are given: the volumes in the group are unprotected meanwhile. One change is carried out however
/// long that takes, or the group would have been stopped for nothing.
const TURNS: Duration = Duration::from_secs(9);
/// The command of a turn is not sent later than this, even if all sessions were busy meanwhile.
const LATEST: Duration = Duration::from_secs(10);

/// What is known when the lock is held.
pub(super) struct Cycle<'a> {
    pub lead: &'a Lead,
    pub site: &'a Site<'a>,
    pub now: Option<RcGroup>,
    pub found: Found,
    /// The operation stopped the group before, and has had the lock since.
    pub stop_is_ours: bool,
}

/// One aboard, with what it has to do.
pub(super) struct Seat {
    pub waiting: Waiting,
    pub me: bool,
    pub action: Option<Action>,
    pub answered: Option<Answered>,
    /// The look showed what it was to do.
    pub done: bool,
}

impl Seat {
    /// Its command may have been carried out.
    fn has_sent(&self) -> bool {
        matches!(self.answered, Some(Answered::Sent | Answered::InDoubt))
    }

    fn note(&mut self, now: Option<&RcGroup>) {
        let action = self.action.as_ref();
        self.done = self.has_sent() && action.is_some_and(|a| a.proof(now) == Proof::Done);
    }

    fn admits(&self) -> bool {
        matches!(self.action, Some(Action::Admit(_)))
    }

    /// It wanted out, and that is so, whatever became of those who wanted in.
    pub fn is_out(&self) -> bool {
        !self.admits() && (self.done || self.action.is_none())
    }
}

/// What the leader keeps while it drives.
pub(super) struct Driving<'a> {
    pub cycle: Cycle<'a>,
    pub seats: Vec<Seat>,
    /// They wait for the next cycle.
    pub left_over: Vec<Waiting>,
    /// What became of the leader's own change; none as long as it may still have a turn.
    pub mine: Option<Result<(), Cause>>,
    pending: Option<Pending>,
    pub group_is_ours: bool,
}

/// From boarding to the lock's end. `None` if the leader's own change has to wait for another cycle.
pub(super) async fn drive(cycle: Cycle<'_>, steps: &mut Steps) -> Option<Result<Changed, Cause>> {
    let aboard = cycle.lead.board(|rider| cycle.found.allows(rider));
    let (aboard, refused) = still_marked(&cycle, steps, aboard).await;
    let changes: Vec<_> = aboard.iter().map(|w| w.rider.change.clone()).collect();
    let array = cycle.site.acting.array.label();
    let wants = &cycle.site.pair.wants;
    let stop_is_ours = cycle.stop_is_ours;
    let plan = replication::plan_cycle(array, cycle.now.as_ref(), stop_is_ours, &changes, wants);
    let mut driving = Driving {
        group_is_ours: cycle.found.ours == Some(true),
        cycle,
        seats: Vec::new(),
        left_over: Vec::new(),
        mine: refused,
        pending: None,
    };
    driving.seat(aboard, &plan);
    let failure = driving.run(steps, &plan).await;
    driving.arrive(steps, failure).await
}

/// Who wants a volume out, or completes a clone, says so in its comment, and somebody else may have written over that until the lock was
/// taken. Gives those who go on, and the leader's own refusal.
async fn still_marked(
    cycle: &Cycle<'_>,
    steps: &Steps,
    aboard: Vec<Waiting>,
) -> (Vec<Waiting>, Option<Result<(), Cause>>) {
    let array = &cycle.site.acting.array;
    let (mut marked, mut mine) = (Vec::new(), None);
    for waiting in aboard {
        let vv = match &waiting.rider.change {
            Change::Dismiss(vv) | Change::Part(vv) if waiting.rider.marked => vv,
            Change::Admit(newcomer) if waiting.rider.marked => &newcomer.vv,
            _ => {
                marked.push(waiting);
                continue;
            }
        };
        let leaves = waiting.rider.change.leaving().is_some();
        let parts = matches!(waiting.rider.change, Change::Part(_));
        let cause = match mark::read_of(steps, array, vv, &waiting.rider.op).await {
            // It comes back by another name, which whoever has it does not know.
            Ok(Mark::Own(_)) if parts => match exports::must_be_none(steps, array, vv).await {
                Ok(()) => {
                    marked.push(waiting);
                    continue;
                }
                Err(cause) => cause,
            },
            Ok(Mark::Own(_)) => {
                marked.push(waiting);
                continue;
            }
            // What is gone needs no dismissal.
            Ok(Mark::Gone) if leaves => {
                marked.push(waiting);
                continue;
            }
            Ok(Mark::Gone) => Cause::NoSuchVolume,
            Ok(Mark::Others(comment)) => {
                mark::not_ours(&waiting.rider.op.machine, array, vv, comment)
            }
            Err(cause) => cause,
        };
        if cycle.lead.is_me(&waiting) {
            mine = Some(Err(cause));
        } else {
            waiting.end(Err(Arc::new(cause)));
        }
    }
    (marked, mine)
}

impl Driving<'_> {
    /// Who has a turn, who has nothing to do, who waits on, and who is refused.
    fn seat(&mut self, aboard: Vec<Waiting>, plan: &CyclePlan) {
        let array = &self.cycle.site.acting.array;
        for (waiting, planned) in aboard.into_iter().zip(&plan.turns) {
            let me = self.cycle.lead.is_me(&waiting);
            let action = match planned {
                Planned::Act(action) => Some(action.clone()),
                Planned::Nothing => None,
                Planned::Later => {
                    self.left_over.push(waiting);
                    continue;
                }
                Planned::Refused(why) if cycle::waits_on(why, &waiting) => {
                    self.left_over.push(waiting);
                    continue;
                }
                Planned::Refused(why) => {
                    let why = groups::refused(array, why.clone());
                    if me {
                        self.mine = Some(Err(why));
                    } else {
                        waiting.end(Err(Arc::new(why)));
                    }
                    continue;
                }
            };
            self.seats.push(Seat {
                waiting,
                me,
                action,
                answered: None,
                done: false,
            });
        }
    }

    /// Stop, turns, look, start. Gives what failed for everyone.
    async fn run(&mut self, steps: &mut Steps, plan: &CyclePlan) -> Option<Failure> {
        let array = self.cycle.site.acting.array.urgent();
        let stopped = Instant::now();
        for action in &plan.first {
            if let Err(cause) = groups::carry_out(steps, &array, action).await {
                return Some(self.give_up(steps, cause).await);
            }
        }
        self.group_is_ours &=
            self.cycle.now.is_some() || Intent::MakeGroup.may_have_happened(steps.entry());
        self.give_turns(steps, stopped).await;
        let now = if plan.is_idle() {
            self.cycle.now.clone()
        } else {
            match self.look(steps).await {
                Ok(now) => now,
                Err(cause) => return Some(Failure::kept(cause)),
            }
        };
        let end = replication::plan_end(now.as_ref(), self.ending());
        match self.end(steps, &end).await {
            // Somebody else starts it: that it runs is to be seen.
            Ok(()) if self.any_in() && end.is_empty() && !now.as_ref().is_some_and(is_started) => {
                let acting = self.cycle.site.acting;
                let cause = Cause::NotProven {
                    intent: Intent::StartGroup.to_string(),
                    found: groups::told(&acting.group, &acting.array, now.as_ref()),
                };
                self.take_back(steps, cause).await
            }
            Ok(()) => None,
            Err(cause) => self.take_back(steps, cause).await,
        }
    }

    /// One after the other, for as long as there is time and each is answered for certain.
    async fn give_turns(&mut self, steps: &mut Steps, stopped: Instant) {
        let (mut any, mut certain) = (false, true);
        let mut seats = Vec::new();
        for mut seat in std::mem::take(&mut self.seats) {
            let Some(action) = seat.action.clone() else {
                seats.push(seat);
                continue;
            };
            if !certain || (any && stopped.elapsed() >= TURNS) {
                self.left_over.push(seat.waiting);
                continue;
            }
            let by = any.then(|| stopped + LATEST);
            any = true;
            seat.answered = self.turn(steps, &seat, action, false, by).await;
            if seat.answered == Some(Answered::TooLate) {
                self.left_over.push(seat.waiting);
                continue;
            }
            certain = seat.answered != Some(Answered::InDoubt);
            seats.push(seat);
        }
        self.seats = seats;
    }

    pub(super) async fn turn(
        &mut self,
        steps: &mut Steps,
        seat: &Seat,
        action: Action,
        back: bool,
        by: Option<Instant>,
    ) -> Option<Answered> {
        let ours = self.group_is_ours;
        if !seat.me {
            return seat.waiting.turn(action, ours, back, by).await;
        }
        let array = &self.cycle.site.acting.array;
        let sent = turn::send(steps, array, action, ours, back, by).await;
        let answered = Answered::of(&sent);
        match sent {
            Ok(pending) => self.pending = pending,
            Err(cause) => self.mine = Some(Err(cause)),
        }
        Some(answered)
    }

    /// The one look that proves everyone's command.
    pub(super) async fn look(&mut self, steps: &mut Steps) -> Result<Option<RcGroup>, Cause> {
        let acting = self.cycle.site.acting;
        let look = acting.array.urgent();
        let look = steps.look("prove the turns", look.showrcopy_group(&acting.group));
        let seen: Seen = Arc::new(look.await.map_err(Arc::new));
        for seat in self.seats.iter().filter(|seat| seat.has_sent() && !seat.me) {
            seat.waiting.seen(&seen);
        }
        if let Some(pending) = self.pending.take()
            && let Err(cause) = pending.judge(steps, &acting.array, &seen)
        {
            self.mine = Some(Err(cause));
        }
        match seen.as_ref() {
            Ok(now) => {
                self.seats
                    .iter_mut()
                    .for_each(|seat| seat.note(now.as_ref()));
                Ok(now.clone())
            }
            Err(cause) => Err(Cause::Shared(Arc::clone(cause))),
        }
    }

    /// Somebody was admitted.
    fn any_in(&self) -> bool {
        self.seats.iter().any(|seat| seat.admits() && seat.done)
    }

    pub(super) fn ending(&self) -> Ending {
        let known = self
            .seats
            .iter()
            .any(|seat| seat.waiting.rider.group_is_ours);
        let unsettled =
            |seat: &Seat| seat.admits() && seat.answered == Some(Answered::InDoubt) && !seat.done;
        Ending {
            ours: self.group_is_ours || known,
            unsettled: self.seats.iter().any(unsettled),
            ..Ending::of(self.cycle.now.as_ref(), self.cycle.stop_is_ours)
        }
    }
}
