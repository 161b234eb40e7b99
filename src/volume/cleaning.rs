//! When what an operation left behind is tried again: at the start, and then soon, less and less often the longer it fails.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{task::JoinSet, time::Instant};

use crate::model::{RequestId, VolumeName};

use super::{inner::Inner, reconcile, recover};

/// How often the journal is looked at, which costs nothing, and the pause after a first failure.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(30);

/// What failed, and when it is due again. Every volume has its own pause: one array that stays dead delays nothing on another.
#[derive(Debug, Default)]
struct Failed(HashMap<VolumeName, (Instant, Duration)>);

impl Failed {
    fn is_due(&self, name: &VolumeName) -> bool {
        self.0
            .get(name)
            .is_none_or(|(due, _)| *due <= Instant::now())
    }

    fn note(&mut self, name: VolumeName, done: bool) {
        if done {
            self.0.remove(&name);
            return;
        }
        let pause = self
            .0
            .get(&name)
            .map_or(FIRST, |(_, before)| (*before * 2).min(LONGEST));
        self.0.insert(name, (Instant::now() + pause, pause));
    }
}

/// Ends every open journal entry that can be ended, and every mount without a user, for as long as the runtime lives.
pub(super) async fn run(inner: Arc<Inner>) {
    recover::tell_stranded(&inner);
    let mut failed = Failed::default();
    let mut tries = JoinSet::new();
    let mut trying = HashSet::new();
    loop {
        let open = inner.unfinished().into_iter();
        for name in open.chain(reconcile::unused(&inner)) {
            if failed.is_due(&name) && trying.insert(name.clone()) {
                tries.spawn(try_one(Arc::clone(&inner), name));
            }
        }
        tokio::time::sleep(FIRST).await;
        while let Some(ended) = tries.try_join_next() {
            match ended {
                Ok((name, done)) => {
                    trying.remove(&name);
                    failed.note(name, done);
                }
                // Its name stays in `trying`: what panics once is not tried for ever.
                Err(panic) => log::error!("internal error while cleaning up: {panic}"),
            }
        }
    }
}

/// The task of a request that is at work holds the lock; by the time it is ours the entry may be gone.
async fn try_one(inner: Arc<Inner>, name: VolumeName) -> (VolumeName, bool) {
    let _lock = inner.locks.lock(&name).await;
    let request = RequestId::random();
    let _at_work = inner.at_work.enter(&name, &request);
    let cleaned = inner.clean_up_after(&request, &name).await;
    if let Err(cause) = &cleaned {
        log::warn!(volume = name.as_str(), request = request.as_str(), cause:% = cause; "not cleaned up yet");
    }
    let released = reconcile::release_unused(&inner, &request, &name).await;
    if let Err(error) = &released {
        log::warn!(request = request.as_str(), error:% = error; "not released yet");
    }
    (name, cleaned.is_ok() && released.is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_end_with_success() {
        let name = VolumeName::new("db1").unwrap();
        let mut failed = Failed::default();
        assert!(failed.is_due(&name), "at once");
        let mut pauses = Vec::new();
        for _ in 0..7 {
            failed.note(name.clone(), false);
            let begun = Instant::now();
            while !failed.is_due(&name) {
                tokio::time::advance(Duration::from_millis(500)).await;
            }
            pauses.push(begun.elapsed().as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        failed.note(name.clone(), false);
        assert!(failed.is_due(&VolumeName::new("db2").unwrap()));
        failed.note(name.clone(), true);
        assert!(failed.is_due(&name));
        failed.note(name.clone(), false);
        tokio::time::advance(FIRST).await;
        assert!(failed.is_due(&name), "from the beginning");
    }
}
