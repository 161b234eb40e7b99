//! Clones that the array is still copying: who finishes them, and when.
//!
//! A create is answered when the copy has begun and the VV says whose it is (`create/clone`). From then on its comment alone says what
//! there is still to do: the machine in `op` looks at the copy until it is complete, and completes the volume (`create/complete`).

mod ending;
mod progress;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, task::JoinSet, time::Instant};

use crate::{
    index::IndexedVolume,
    inform::VvQuery,
    model::{Comment, RequestId, Side, State, VolumeName},
};

use super::{
    backend::Backend,
    create::{NotCompleted, complete},
    error::Cause,
    inner::Inner,
    kill_points::KillPoints,
    known,
};

pub(super) use ending::{check_not_copied_from, end};
pub(super) use progress::{Progress, look, not_ready, shown};

/// How often it is looked whether a look is due, which costs nothing.
const TURN: Duration = Duration::from_secs(1);
/// The shortest and the longest pause between two looks at one copy.
const SOON: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(30);
/// The longest pause between two tries to complete one, after several that ended badly.
const BACKED_OFF: Duration = Duration::from_secs(600);
/// How long a mount waits for the last bit of a copy.
const MOUNT_WAITS: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The clones that are being copied, as far as this machine looks after them. Nothing is kept over a restart.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// Told when a copy has begun.
    begun: Notify,
    /// Why one is not completed, for people.
    why_not: Mutex<HashMap<VolumeName, WhyNot>>,
}

/// Why a clone is not completed.
#[derive(Debug)]
struct WhyNot {
    why: String,
    /// When it is tried again, once that is decided.
    again: Option<Instant>,
}

impl Copies {
    /// A copy has begun.
    pub fn begun(&self) {
        self.begun.notify_one();
    }

    /// Why a clone whose data are there is not completed, and when that is tried again.
    pub fn why_not(&self, name: &VolumeName) -> Option<String> {
        let all = self.why_not.lock().unwrap_or_else(PoisonError::into_inner);
        let WhyNot { why, again } = all.get(name)?;
        let pause = again.map(|again| again.saturating_duration_since(Instant::now()).as_secs());
        Some(match pause {
            Some(pause) if pause > 0 => format!("{why} (tried again in {pause} s)"),
            _ => why.clone(),
        })
    }

    /// What is no clone any more, or never was one of this name, is nothing to tell of.
    fn forget_others(&self, copying: &HashSet<VolumeName>) {
        let mut all = self.why_not.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|name, _| copying.contains(name));
    }

    /// True if that is news.
    fn note(&self, name: &VolumeName, why: Option<String>) -> bool {
        let mut all = self.why_not.lock().unwrap_or_else(PoisonError::into_inner);
        let new = why.map(|why| WhyNot { why, again: None });
        let now = new.as_ref().map(|new| new.why.clone());
        let was = match new {
            Some(new) => all.insert(name.clone(), new),
            None => all.remove(name),
        };
        was.map(|was| was.why) != now
    }

    fn tries_again(&self, name: &VolumeName, at: Instant) {
        let mut all = self.why_not.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why_not) = all.get_mut(name) {
            why_not.again = Some(at);
        }
    }
}

/// What came of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// There is nothing more to do.
    Over,
    /// So much is copied.
    Underway(u8),
    /// Nothing to be done about it now.
    Idle,
    /// It could not be completed, and to try it again soon is no good.
    NotCompleted,
}

/// When a copy is looked at again.
#[derive(Debug)]
struct Watch {
    since: Instant,
    due: Instant,
    /// How often it could not be completed, one after the other.
    failed: u32,
}

impl Watch {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            since: now,
            due: now,
            failed: 0,
        }
    }

    fn note(&mut self, turn: Turn) {
        let pause = match turn {
            Turn::Underway(percent) => {
                self.failed = 0;
                pause(self.since.elapsed(), percent)
            }
            Turn::Over | Turn::Idle => LONGEST,
            Turn::NotCompleted => {
                let doubled = LONGEST.saturating_mul(2_u32.saturating_pow(self.failed));
                self.failed = self.failed.saturating_add(1);
                doubled.min(BACKED_OFF)
            }
        };
        self.due = Instant::now() + pause;
    }
}

/// Half of what it may still take, by what it took so far.
fn pause(elapsed: Duration, percent: u8) -> Duration {
    let left = u32::from(100 - percent.min(100));
    let remaining = elapsed * left / u32::from(percent.max(1));
    (remaining / 2).clamp(SOON, LONGEST)
}

/// The array that a clone on its way is on, where that is not its backend's own: the peer served when it was begun. It is in no group yet,
/// so that it is used like a volume of that array alone.
pub(super) fn side(volume: &IndexedVolume) -> Option<Side> {
    let there = volume.wwn.is_none() && volume.copy_wwn.is_some();
    (volume.state == State::Copying && there).then_some(Side::Peer)
}

/// Looks after every clone that is being copied, for as long as the runtime lives.
pub(super) async fn run(inner: Arc<Inner>) {
    let mut watched: HashMap<VolumeName, Watch> = HashMap::new();
    let mut looks = JoinSet::new();
    let mut looking = HashSet::new();
    let mut listed = inner.listed.subscribe();
    loop {
        let volumes = inner.index.list().into_iter();
        let copying: HashSet<VolumeName> = volumes
            .filter(|volume| volume.state == State::Copying)
            .map(|volume| volume.name)
            .collect();
        watched.retain(|name, _| copying.contains(name));
        inner.copies.forget_others(&copying);
        for name in copying {
            let watch = watched.entry(name.clone()).or_insert_with(Watch::new);
            if watch.due <= Instant::now() && looking.insert(name.clone()) {
                looks.spawn(look_after(Arc::clone(&inner), name));
            }
        }
        tokio::select! {
            () = tokio::time::sleep(TURN), if !watched.is_empty() => {}
            () = inner.copies.begun.notified() => {}
            // What other hosts began, and what was forgotten here.
            _ = listed.changed() => {}
        }
        while let Some(ended) = looks.try_join_next() {
            match ended {
                Ok((name, turn)) => {
                    looking.remove(&name);
                    if let Some(watch) = watched.get_mut(&name) {
                        watch.note(turn);
                        inner.copies.tries_again(&name, watch.due);
                    }
                }
                // Its name stays in `looking`: what panics once is not tried for ever.
                Err(panic) => log::error!("internal error while looking after a copy: {panic}"),
            }
        }
    }
}

async fn look_after(inner: Arc<Inner>, name: VolumeName) -> (VolumeName, Turn) {
    let _lock = inner.locks.lock(&name).await;
    let request = RequestId::random();
    let _at_work = inner.at_work.enter(&name, &request);
    let (turn, why) = match one(&inner, &request, &name).await {
        Ok(turn) => (turn, None),
        Err(why) if why.is_not_to_be_hurried => (Turn::NotCompleted, Some(why.cause.to_string())),
        Err(why) => (Turn::Idle, Some(why.cause.to_string())),
    };
    if inner.copies.note(&name, why.clone()) {
        match why {
            Some(why) => {
                log::warn!(volume = name.as_str(), request = request.as_str(), why = why.as_str(); "clone not completed yet");
            }
            None => log::info!(volume = name.as_str(); "clone is looked after again"),
        }
    }
    (name, turn)
}

/// One look, and what is to be done then. The caller holds the name's lock.
async fn one(inner: &Inner, request: &RequestId, name: &VolumeName) -> Result<Turn, NotCompleted> {
    inner.clean_up_after(request, name).await?;
    let Some(volume) = inner.index.get(name).filter(|v| v.state == State::Copying) else {
        return Ok(Turn::Over);
    };
    let here = inner.backend_of(&volume)?.for_request(request);
    let Some((vv, progress)) = look(&inner.points, &here.array, &volume.vv).await? else {
        // The listings see to it.
        return Ok(Turn::Idle);
    };
    let comment = known::judge(inner, &here.array, &vv)?;
    if comment.state == State::Ready {
        completed_elsewhere(inner, name)?;
        return Ok(Turn::Over);
    }
    let ours = comment.state == State::Copying && comment.op.machine == inner.machine;
    match progress {
        Progress::Underway { percent, .. } => Ok(Turn::Underway(percent)),
        _ if !ours => Ok(Turn::Idle),
        Progress::Failed(_) | Progress::Unknown => Err(not_ready(&comment, &vv, &progress).into()),
        Progress::Complete { tied } => {
            let backend = inner.backend(&volume.backend)?.for_request(request);
            let completion = complete(inner, request, (&backend, here.side()), vv, comment, tied);
            // Boxed, as there is a depth to which the compiler goes.
            Box::pin(completion).await?;
            Ok(Turn::Over)
        }
    }
}

/// Another host has completed it since it was listed.
fn completed_elsewhere(inner: &Inner, name: &VolumeName) -> Result<(), Cause> {
    inner.write("volume", |index| {
        index.change(name, |volume| volume.state = State::Ready)
    })?;
    Ok(())
}

/// A clone that another host has completed, and brought into its group, is used like any volume from then on, also before it is listed.
///
/// # Errors
/// [`Cause::Array`] if nothing is known of it.
pub(super) async fn note_completed(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
) -> Result<(), Cause> {
    let Some(volume) = inner.index.get(name).filter(|v| v.state == State::Copying) else {
        return Ok(());
    };
    let here = inner.backend_of(&volume)?.for_request(request);
    let found = here.array.showvv(VvQuery::Name(&volume.vv)).await?;
    let comment = found.first().map(|vv| known::judge(inner, &here.array, vv));
    match comment {
        Some(Ok(comment)) if comment.state == State::Ready => completed_elsewhere(inner, name),
        _ => Ok(()),
    }
}

/// Gives a clone that is nearly there a little time before it is mounted. The caller does not hold the name's lock.
pub(super) async fn wait_a_little(inner: &Inner, name: &VolumeName) {
    let copying = || {
        let volume = inner.index.get(name);
        volume.is_some_and(|volume| volume.state == State::Copying)
    };
    let patience = Instant::now() + MOUNT_WAITS;
    // One that waits for a person is not waited for.
    while copying() && inner.copies.why_not(name).is_none() && Instant::now() < patience {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// May the volume be mounted, as far as copying goes? It is looked at before its group, in which it is not yet.
///
/// # Errors
/// [`Cause::Copying`], [`Cause::CopyFailed`], [`Cause::CopyEndUnknown`].
pub(super) async fn check_ready(
    inner: &Inner,
    backend: &Backend,
    name: &VolumeName,
) -> Result<(), Cause> {
    let Some(volume) = inner.index.get(name).filter(|v| v.state == State::Copying) else {
        return Ok(());
    };
    let points = KillPoints::default();
    let Some((vv, progress)) = look(&points, &backend.array, &volume.vv).await? else {
        return Err(Cause::NoSuchVolume);
    };
    let comment = known::judge(inner, &backend.array, &vv)?;
    match comment.state {
        State::Ready => completed_elsewhere(inner, name),
        State::Copying => Err(why_not_ready(inner, &comment, &vv, &progress)),
        State::Making | State::Removing => Err(Cause::busy(&inner.machine, &comment)),
    }
}

fn why_not_ready(
    inner: &Inner,
    comment: &Comment,
    vv: &crate::inform::Vv,
    progress: &Progress,
) -> Cause {
    match (progress, inner.copies.why_not(&comment.name)) {
        (Progress::Complete { .. }, Some(why)) => Cause::NotCompleted { why },
        _ => not_ready(comment, vv, progress),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_looked_at_as_often_as_it_moves() {
        let seconds = |elapsed, percent| pause(Duration::from_secs(elapsed), percent).as_secs();
        assert_eq!(seconds(0, 0), 2, "nothing is known yet");
        assert_eq!(seconds(20, 50), 10);
        assert_eq!(seconds(20, 99), 2);
        assert_eq!(seconds(3600, 10), 30);
        assert_eq!(seconds(3600, 100), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_completed_is_tried_less_and_less_often() {
        let mut watch = Watch::new();
        let mut next = async |turn| {
            tokio::time::sleep_until(watch.due).await;
            watch.note(turn);
            (watch.due - Instant::now()).as_secs()
        };
        for pause in [30, 60, 120, 240, 480, 600, 600] {
            assert_eq!(next(Turn::NotCompleted).await, pause);
        }
        // Nor is an array that cannot be asked meanwhile a reason to hurry.
        assert_eq!(next(Turn::Idle).await, 30);
        assert_eq!(next(Turn::NotCompleted).await, 600);
        for _ in 0..40 {
            assert_eq!(next(Turn::NotCompleted).await, 600);
        }
        // It is another copy.
        assert_eq!(next(Turn::Underway(100)).await, 2);
        assert_eq!(next(Turn::NotCompleted).await, 30);
    }
}
