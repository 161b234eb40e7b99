//! Who waits at a group, who is about to, and who leads. Knows nothing of arrays.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, sleep_until, timeout_at},
};

use crate::{
    model::{BackendName, OperationId},
    replication::{Action, Change},
    volume::error::Cause,
};

use super::{
    Changed, GroupKey,
    turn::{Answered, Seen, Turn},
};

/// How long those who are about to join are waited for.
const GATHERING: Duration = Duration::from_secs(15);
/// How long the lock is left alone after a cycle, when there are more who wait: another host looks at it once a second.
const REST: Duration = Duration::from_secs(2);

/// Every group's queue. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(in crate::volume) struct Queues(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    groups: HashMap<GroupKey, Group>,
    /// Operations that drive a cycle: their locks are in good hands.
    leading: HashSet<OperationId>,
    tickets: u64,
}

#[derive(Debug, Default)]
struct Group {
    coming: usize,
    waiting: Vec<Waiting>,
    led: bool,
    rest_until: Option<Instant>,
    /// Told when somebody who was coming has joined or left.
    arrived: Arc<Notify>,
}

/// One who wants something of a group, as a leader has to know it.
#[derive(Debug, Clone)]
pub(super) struct Rider {
    pub op: OperationId,
    pub backend: BackendName,
    /// The array that acts.
    pub array: String,
    pub change: Change,
    /// The comment of its VV says whose it is, and another host may write over that.
    pub marked: bool,
    /// What it knows of that.
    pub group_is_ours: bool,
    /// It set out to take the lock, and may have it still.
    pub may_hold_lock: bool,
    pub since: Instant,
}

/// One who waits, and how it is told what comes next.
#[derive(Debug)]
pub(super) struct Waiting {
    ticket: u64,
    pub rider: Rider,
    words: mpsc::UnboundedSender<Word>,
}

/// What one who waits is told.
#[derive(Debug)]
pub(super) enum Word {
    /// Drive the cycle.
    Lead(Lead),
    /// Send your command.
    Turn(Turn),
    /// What the group is like after the turns.
    Seen(Seen),
    /// It is over.
    End(Result<Changed, Arc<Cause>>),
}

impl Queues {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody who may change a group soon, and does not say yet which.
    pub fn nobody_yet(&self) -> Coming {
        Coming {
            queues: self.clone(),
            announced: None,
        }
    }

    /// True if this operation drives a cycle now.
    pub fn is_leading(&self, op: &OperationId) -> bool {
        self.state().leading.contains(op)
    }

    /// True if somebody waits at the group, or is about to.
    pub fn is_anybody_at(&self, key: &GroupKey) -> bool {
        self.state().groups.contains_key(key)
    }

    fn left(&self, key: &GroupKey) {
        let mut state = self.state();
        if let Some(group) = state.groups.get_mut(key) {
            group.coming = group.coming.saturating_sub(1);
            group.arrived.notify_waiters();
        }
        state.forget_if_idle(key);
    }

    /// Gives the lead to somebody who waits, if nobody has it.
    fn appoint(&self, key: &GroupKey, whom: impl Fn(&Waiting) -> bool) {
        let (words, lead) = {
            let mut state = self.state();
            let State {
                groups, leading, ..
            } = &mut *state;
            let Some(group) = groups.get_mut(key).filter(|group| !group.led) else {
                return;
            };
            group.waiting.retain(|waiting| !waiting.words.is_closed());
            let next = group.waiting.iter().find(|waiting| whom(waiting));
            let Some(next) = next.or(group.waiting.first()) else {
                state.forget_if_idle(key);
                return;
            };
            group.led = true;
            leading.insert(next.rider.op.clone());
            let lead = Lead {
                queues: self.clone(),
                key: key.clone(),
                ticket: next.ticket,
                op: next.rider.op.clone(),
                backend: next.rider.backend.clone(),
                array: next.rider.array.clone(),
                given_away: false,
            };
            (next.words.clone(), lead)
        };
        // If it has just gone, the lead comes back with the word, and goes to the next when it is dropped.
        let _ = words.send(Word::Lead(lead));
    }
}

impl State {
    fn forget_if_idle(&mut self, key: &GroupKey) {
        let idle = |group: &Group| group.coming == 0 && group.waiting.is_empty() && !group.led;
        if self.groups.get(key).is_some_and(idle) {
            self.groups.remove(key);
        }
    }
}

/// Somebody who is about to join a group's queue, for as long as it is not dropped: whoever leads waits a while for it.
#[derive(Debug)]
pub(in crate::volume) struct Coming {
    queues: Queues,
    announced: Option<GroupKey>,
}

impl Coming {
    /// Says which group it will be.
    pub fn announce(&mut self, key: GroupKey) {
        self.leave();
        let mut state = self.queues.state();
        state.groups.entry(key.clone()).or_default().coming += 1;
        drop(state);
        self.announced = Some(key);
    }

    /// It does not join, for now.
    pub fn leave(&mut self) {
        if let Some(key) = self.announced.take() {
            self.queues.left(&key);
        }
    }

    /// It joins.
    pub(super) fn join(&mut self, key: &GroupKey, rider: Rider) -> Member {
        let (words, heard) = mpsc::unbounded_channel();
        let ticket = {
            let mut state = self.queues.state();
            state.tickets += 1;
            let ticket = state.tickets;
            let group = state.groups.entry(key.clone()).or_default();
            group.waiting.push(Waiting {
                ticket,
                rider,
                words,
            });
            ticket
        };
        self.leave();
        let member = Member {
            queues: self.queues.clone(),
            key: key.clone(),
            ticket,
            heard,
        };
        self.queues.appoint(key, |_| true);
        member
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The place of one who waits. Dropping it gives the place up.
pub(super) struct Member {
    queues: Queues,
    key: GroupKey,
    ticket: u64,
    heard: mpsc::UnboundedReceiver<Word>,
}

impl Member {
    /// What comes next; none if whoever led the cycle has gone.
    pub async fn next(&mut self) -> Option<Word> {
        self.heard.recv().await
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut state = self.queues.state();
        if let Some(group) = state.groups.get_mut(&self.key) {
            group.waiting.retain(|w| w.ticket != self.ticket);
        }
        state.forget_if_idle(&self.key);
    }
}

/// The lead at a group. Dropping it hands it to the next who waits, whatever has become of the one who had it.
#[derive(Debug)]
pub(super) struct Lead {
    queues: Queues,
    key: GroupKey,
    ticket: u64,
    op: OperationId,
    backend: BackendName,
    array: String,
    given_away: bool,
}

impl Lead {
    /// Waits for those who are about to join, within bounds, and lets other hosts have their turn.
    pub async fn gather(&self) {
        let rest = {
            let state = self.queues.state();
            state.groups.get(&self.key).and_then(|g| g.rest_until)
        };
        if let Some(until) = rest {
            sleep_until(until).await;
        }
        // Only then: who was in the last cycle may have announced itself since.
        let until = Instant::now() + GATHERING;
        loop {
            let arrived = {
                let state = self.queues.state();
                match state.groups.get(&self.key) {
                    Some(group) if group.coming > 0 => Arc::clone(&group.arrived),
                    _ => break,
                }
            };
            let notified = arrived.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            let still_coming = {
                let state = self.queues.state();
                let group = state.groups.get(&self.key);
                group.is_some_and(|group| group.coming > 0)
            };
            if still_coming && timeout_at(until, notified).await.is_err() {
                break;
            }
        }
    }

    /// Hands the lead to one who may have the lock already, if this one has not. None if it did.
    pub fn unless_another_should(mut self) -> Option<Self> {
        let better = {
            let state = self.queues.state();
            let group = state.groups.get(&self.key);
            let mut waiting = group.into_iter().flat_map(|group| &group.waiting);
            let me = waiting.clone().find(|w| w.ticket == self.ticket);
            if me.is_some_and(|me| me.rider.may_hold_lock) {
                None
            } else {
                waiting.find(|w| w.rider.may_hold_lock && !w.words.is_closed())
            }
            .map(|better| better.ticket)
        };
        let Some(better) = better else {
            return Some(self);
        };
        self.hand_over(|waiting| waiting.ticket == better);
        None
    }

    fn hand_over(&mut self, whom: impl Fn(&Waiting) -> bool) {
        if std::mem::replace(&mut self.given_away, true) {
            return;
        }
        let mut state = self.queues.state();
        state.leading.remove(&self.op);
        if let Some(group) = state.groups.get_mut(&self.key) {
            group.led = false;
        }
        drop(state);
        self.queues.appoint(&self.key, whom);
    }

    /// True if this operation drives a cycle now.
    pub fn is_leading(&self, op: &OperationId) -> bool {
        self.queues.is_leading(op)
    }

    /// True if it is the leader's own place.
    pub fn is_me(&self, waiting: &Waiting) -> bool {
        waiting.ticket == self.ticket
    }

    /// One who wants the same of the same arrays as the leader: what this one found out is true for it.
    fn shares(&self, rider: &Rider) -> bool {
        rider.backend == self.backend && rider.array == self.array
    }

    /// Those who wait and can come along, the leader among them.
    pub fn riders(&self) -> Vec<Rider> {
        let state = self.queues.state();
        let group = state.groups.get(&self.key);
        let waiting = group.into_iter().flat_map(|group| &group.waiting);
        let riders = waiting.map(|waiting| &waiting.rider);
        riders.filter(|rider| self.shares(rider)).cloned().collect()
    }

    /// Takes along everyone who waits and may come, the leader first, and then in the order they came.
    pub fn board(&self, may_come: impl Fn(&Rider) -> bool) -> Vec<Waiting> {
        let mut state = self.queues.state();
        let Some(group) = state.groups.get_mut(&self.key) else {
            return Vec::new();
        };
        let all = std::mem::take(&mut group.waiting);
        let (mut aboard, waiting): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|w| self.shares(&w.rider) && may_come(&w.rider) && !w.words.is_closed());
        group.waiting = waiting;
        aboard.sort_by_key(|waiting| !self.is_me(waiting));
        aboard
    }

    /// Tells those who wait why they will not come along, but for the leader itself.
    pub fn refuse(&self, whom: impl Fn(&Rider) -> bool, why: &Arc<Cause>) {
        let refused = self.board(whom);
        let (me, others): (Vec<_>, Vec<_>) = refused.into_iter().partition(|w| self.is_me(w));
        self.put_back(me);
        for other in others {
            other.end(Err(Arc::clone(why)));
        }
    }

    /// Those who did not come along after all wait on, before those who came since.
    pub fn put_back(&self, mut those: Vec<Waiting>) {
        if those.is_empty() {
            return;
        }
        let mut state = self.queues.state();
        let group = state.groups.entry(self.key.clone()).or_default();
        those.append(&mut group.waiting);
        those.sort_by_key(|waiting| waiting.ticket);
        group.waiting = those;
    }

    /// A cycle has ended. Who waits for the next one lets another host's come in between.
    pub fn rest(&self) {
        let mut state = self.queues.state();
        if let Some(group) = state.groups.get_mut(&self.key)
            && !group.waiting.is_empty()
        {
            group.rest_until = Some(Instant::now() + REST);
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.hand_over(|_| true);
    }
}

impl Waiting {
    /// Its turn: gives what it says when its command was answered. Nothing, if it is not there any more.
    pub async fn turn(
        &self,
        action: Action,
        group_is_ours: bool,
        back: bool,
        by: Option<Instant>,
    ) -> Option<Answered> {
        let (answered, answer) = oneshot::channel();
        let turn = Turn {
            action,
            group_is_ours,
            back,
            by,
            answered,
        };
        self.words.send(Word::Turn(turn)).ok()?;
        // One that dies over its command has perhaps sent it.
        Some(answer.await.unwrap_or(Answered::InDoubt))
    }

    /// What the look after the turns showed.
    pub fn seen(&self, seen: &Seen) {
        // Whoever has gone has its journal entry.
        let _ = self.words.send(Word::Seen(Arc::clone(seen)));
    }

    /// How it ended.
    pub fn end(self, result: Result<Changed, Arc<Cause>>) {
        let _ = self.words.send(Word::End(result));
    }
}

#[cfg(test)]
#[path = "waiting_tests.rs"]
mod tests;
