//! Which volumes the arrays are being asked about right now, and which arrays were out of reach a moment ago: an inspect must
//! neither ask twice nor wait for what has just failed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use crate::model::VolumeName;

/// How long an array that could not be reached is not asked for news again.
const PAUSE: Duration = Duration::from_secs(10);

/// How long an inspect waits for news of its volume. An engine that shuts down or prunes asks for many volumes one by one.
///
/// `HPE3PAR_DOCKER_NEWS_MS` is in its place in a debug build: most tests want the news, however slow the machine is.
pub(super) fn patience() -> Duration {
    let other = || std::env::var("HPE3PAR_DOCKER_NEWS_MS").ok()?.parse().ok();
    let other = cfg!(debug_assertions).then(other).flatten();
    other.map_or(Duration::from_secs(2), Duration::from_millis)
}

/// How long, of that, it waits for what it asks for beside the volume itself: that may be missing.
pub(super) fn patience_beside() -> Duration {
    patience() * 3 / 4
}

/// What is being asked, and what failed. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct News(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// Closed when the answer is there.
    asking: HashMap<VolumeName, watch::Receiver<()>>,
    /// By label.
    failed: HashMap<String, (Instant, String)>,
}

impl News {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The array answered, whatever it said.
    pub fn reached(&self, array: &str) {
        self.inner().failed.remove(array);
    }

    /// The array could not be asked just now.
    pub fn not_reached(&self, array: &str, why: String) {
        let failed = (Instant::now(), why);
        self.inner().failed.insert(array.to_owned(), failed);
    }

    /// Why the array could not be asked, if that was less than ten seconds ago.
    pub fn out_of_reach(&self, array: &str) -> Option<String> {
        let inner = self.inner();
        let (at, why) = inner.failed.get(array)?;
        (at.elapsed() < PAUSE).then(|| why.clone())
    }

    /// Waits, at most so long, for the question about a volume that is on its way, or for this one, which goes on in a task of its
    /// own whoever still waits for it. True if it was answered in time.
    pub async fn ask<F>(
        &self,
        name: &VolumeName,
        patience: Duration,
        question: impl FnOnce() -> F,
    ) -> bool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut answered = {
            let mut inner = self.inner();
            match inner.asking.get(name) {
                // A closed one is of a task that panicked.
                Some(asking) if asking.has_changed().is_ok() => asking.clone(),
                _ => {
                    let (done, answered) = watch::channel(());
                    inner.asking.insert(name.clone(), answered.clone());
                    let (news, name, question) = (self.clone(), name.clone(), question());
                    tokio::spawn(async move {
                        let _done = done;
                        question.await;
                        news.inner().asking.remove(&name);
                    });
                    answered
                }
            }
        };
        tokio::time::timeout(patience, answered.changed())
            .await
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[test]
    fn an_engine_does_not_wait_long_for_news() {
        assert_eq!(patience().as_millis(), 2000);
        assert_eq!(patience_beside().as_millis(), 1500);
    }

    #[tokio::test(start_paused = true)]
    async fn one_question_a_volume_at_a_time_and_nobody_waits_longer_than_he_wants() {
        let news = News::default();
        let name = VolumeName::new("db1").unwrap();
        let asked = Arc::new(AtomicU32::new(0));
        let answer = Arc::new(Notify::new());
        let ask = || {
            let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
            let question = move || async move {
                asked.fetch_add(1, Ordering::SeqCst);
                answer.notified().await;
            };
            news.ask(&name, Duration::from_secs(2), question)
        };
        let begun = Instant::now();
        let (one, two) = tokio::join!(ask(), ask());
        assert!(!one && !two);
        assert_eq!(begun.elapsed().as_secs(), 2);
        assert_eq!(asked.load(Ordering::SeqCst), 1, "the second joined");
        assert!(!ask().await, "it is still on its way");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        answer.notify_one();
        assert!(ask().await, "answered");
        assert!(news.inner().asking.is_empty());
        answer.notify_one();
        assert!(ask().await, "a new one");
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_not_the_last_question() {
        let news = News::default();
        let name = VolumeName::new("db1").unwrap();
        let second = Duration::from_secs(1);
        assert!(
            news.ask(&name, second, || async { panic!("on purpose") })
                .await
        );
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        let question = move || async move {
            count.fetch_add(1, Ordering::SeqCst);
        };
        assert!(news.ask(&name, second, question).await);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_counts_for_ten_seconds_or_until_the_next_success() {
        let news = News::default();
        let fail = || news.not_reached("amber", "no route".to_owned());
        assert_eq!(news.out_of_reach("amber"), None);
        fail();
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(news.out_of_reach("amber").as_deref(), Some("no route"));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(news.out_of_reach("amber"), None);
        fail();
        news.reached("amber");
        assert_eq!(news.out_of_reach("amber"), None);
    }
}
