//! Locks by name, and creates and removes that others can join.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedMutexGuard, watch};

use crate::model::{CreateVolume, VolumeName};

use super::UserError;

/// One lock a name, of a volume or an array. Get and List never take it.
#[derive(Debug, Clone)]
pub(super) struct Locks<K>(Arc<Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>>);

impl<K> Default for Locks<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Clone + Eq + Hash> Locks<K> {
    /// Waits for the name. First come, first served.
    pub async fn lock(&self, name: &K) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Nobody else holds, or waits for, a lock that only this map knows.
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            locks.entry(name.clone()).or_default().clone()
        };
        lock.lock_owned().await
    }

    /// The name's lock, if nobody has it.
    pub fn try_lock(&self, name: &K) -> Option<OwnedMutexGuard<()>> {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            locks.entry(name.clone()).or_default().clone()
        };
        lock.try_lock_owned().ok()
    }
}

/// What can be joined.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Joinable {
    Create(Box<CreateVolume>),
    Remove,
}

type Outcome = Option<Result<(), UserError>>;

/// Creates and removes on their way, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Running(Arc<Mutex<HashMap<VolumeName, OnItsWay>>>);

/// What runs, and where its outcome will be told.
type OnItsWay = (Joinable, watch::Receiver<Outcome>);

impl Running {
    /// Joins a running operation of the same kind, or starts this one in a task of its own, which goes on whatever becomes of
    /// the caller. A running create with other options is an error that shows the difference.
    pub async fn join_or_start<F>(
        &self,
        name: &VolumeName,
        what: Joinable,
        start: impl FnOnce() -> F,
    ) -> Result<(), UserError>
    where
        F: Future<Output = Result<(), UserError>> + Send + 'static,
    {
        let mut outcome = {
            let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match running.get(name) {
                Some((same, outcome)) if *same == what => outcome.clone(),
                Some((Joinable::Create(is), _)) if matches!(what, Joinable::Create(_)) => {
                    let Joinable::Create(asked) = &what else {
                        return Ok(());
                    };
                    return Err(UserError {
                        message: format!(
                            "volume `{name}` is just being created with other options ({})",
                            is.differences(asked).join(", ")
                        ),
                        hint: Some("wait for it, then look at it".to_owned()),
                    });
                }
                // A remove during a create, or the reverse: the name's lock puts them in order.
                Some(_) | None => {
                    let (tell, outcome) = watch::channel(None);
                    let joinable = !running.contains_key(name);
                    if joinable {
                        running.insert(name.clone(), (what, outcome.clone()));
                    }
                    let all = Arc::clone(&self.0);
                    let name = name.clone();
                    let work = start();
                    tokio::spawn(async move {
                        // The task inside, so that a panic there still ends the wait of all who joined.
                        let result = tokio::spawn(work).await.unwrap_or_else(|panic| {
                            log::error!(volume = name.as_str(); "internal error: {panic}");
                            Err(UserError {
                                message: format!("volume `{name}`: internal error"),
                                hint: Some("see the plugin's log".to_owned()),
                            })
                        });
                        if joinable {
                            all.lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .remove(&name);
                        }
                        // Nobody may be waiting any more.
                        let _ = tell.send(Some(result));
                    });
                    outcome
                }
            }
        };
        match outcome.wait_for(Option::is_some).await {
            Ok(done) => done.clone().unwrap_or(Ok(())),
            Err(_) => Err(UserError {
                message: format!("volume `{name}`: the plugin is stopping"),
                hint: None,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        sync::oneshot,
        task::{JoinHandle, yield_now},
        time::timeout,
    };

    use super::*;
    use crate::model::{BackendName, Size};

    fn db1() -> VolumeName {
        VolumeName::new("db1").unwrap()
    }

    fn asked() -> CreateVolume {
        CreateVolume {
            size: Size::from_gib(1),
            ..CreateVolume::new(db1(), BackendName::new("DEFAULT").unwrap())
        }
    }

    fn create(of: CreateVolume) -> Joinable {
        Joinable::Create(Box::new(of))
    }

    fn full() -> UserError {
        UserError {
            message: "volume `db1`: CPG `ssd_r5` is full".to_owned(),
            hint: None,
        }
    }

    type Done = Result<(), UserError>;

    /// Operations that end when they are told to, and what became of them.
    #[derive(Clone, Default)]
    struct Bench {
        running: Running,
        locks: Locks<VolumeName>,
        events: Arc<Mutex<Vec<String>>>,
    }

    impl Bench {
        fn note(&self, event: impl Into<String>) {
            self.events.lock().unwrap().push(event.into());
        }

        fn events(&self) -> Vec<String> {
            self.events.lock().unwrap().clone()
        }

        /// Asks for an operation and lets everything that can go on go on. What runs holds the name's lock, as the service's do, until
        /// the sender tells how it ends; dropped, it panics.
        async fn ask(
            &self,
            what: Joinable,
            event: &'static str,
        ) -> (JoinHandle<Done>, oneshot::Sender<Done>) {
            let (end, ends) = oneshot::channel();
            let bench = self.clone();
            let asking = tokio::spawn(async move {
                let inner = bench.clone();
                let work = move || async move {
                    inner.note(format!("{event} asked"));
                    let _lock = inner.locks.lock(&db1()).await;
                    inner.note(format!("{event} runs"));
                    let result = ends.await.unwrap();
                    inner.note(format!("{event} ends"));
                    result
                };
                bench.running.join_or_start(&db1(), what, work).await
            });
            settle().await;
            (asking, end)
        }
    }

    /// What a task gives. Time is virtual: when all of them wait for each other, it fails at once.
    async fn end_of<T>(task: JoinHandle<T>) -> T {
        let ended = timeout(Duration::from_secs(60), task).await;
        ended.expect("it waits for ever").unwrap()
    }

    /// Lets every task go on until all of them wait. There is one thread, so that is soon.
    async fn settle() {
        for _ in 0..50 {
            yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_equal_create_joins_and_hears_the_same() {
        for outcome in [Ok(()), Err(full())] {
            let bench = Bench::default();
            let (first, end) = bench.ask(create(asked()), "create").await;
            let (second, _) = bench.ask(create(asked()), "second").await;
            let (third, _) = bench.ask(create(asked()), "third").await;
            assert!(!second.is_finished(), "it waits for the first");
            end.send(outcome.clone()).unwrap();
            for asking in [first, second, third] {
                assert_eq!(end_of(asking).await, outcome);
            }
            assert_eq!(
                bench.events(),
                ["create asked", "create runs", "create ends"]
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_create_with_other_options_is_refused_with_the_difference_while_the_first_goes_on() {
        let bench = Bench::default();
        let (first, end) = bench.ask(create(asked()), "create").await;
        let other = CreateVolume {
            size: Size::from_gib(2),
            ..asked()
        };
        let differences = asked().differences(&other).join(", ");
        let (second, _) = bench.ask(create(other), "second").await;
        let error = end_of(second).await.unwrap_err();
        assert!(error.message.contains("`db1`"), "{error}");
        assert!(differences.contains("size"), "{differences}");
        assert!(error.message.contains(&differences), "{error}");
        assert!(!first.is_finished());
        end.send(Ok(())).unwrap();
        assert_eq!(end_of(first).await, Ok(()));
        assert_eq!(
            bench.events(),
            ["create asked", "create runs", "create ends"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_remove_joins_a_remove() {
        let bench = Bench::default();
        let (first, end) = bench.ask(Joinable::Remove, "remove").await;
        let (second, _) = bench.ask(Joinable::Remove, "second").await;
        end.send(Err(full())).unwrap();
        assert_eq!(end_of(first).await, Err(full()));
        assert_eq!(end_of(second).await, Err(full()));
        assert_eq!(
            bench.events(),
            ["remove asked", "remove runs", "remove ends"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_ended_is_not_joined() {
        let bench = Bench::default();
        for _ in 0..2 {
            let (asking, end) = bench.ask(create(asked()), "create").await;
            end.send(Ok(())).unwrap();
            end_of(asking).await.unwrap();
        }
        let twice = ["create asked", "create runs", "create ends"].repeat(2);
        assert_eq!(bench.events(), twice);
        assert!(bench.running.0.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_remove_during_a_create_waits_for_the_lock_and_leaves_the_create_joinable() {
        let bench = Bench::default();
        let (making, made) = bench.ask(create(asked()), "create").await;
        let (removing, removed) = bench.ask(Joinable::Remove, "remove").await;
        assert_eq!(
            bench.events(),
            ["create asked", "create runs", "remove asked"]
        );
        let (joining, _) = bench.ask(create(asked()), "second").await;
        made.send(Ok(())).unwrap();
        end_of(making).await.unwrap();
        end_of(joining).await.unwrap();
        settle().await;
        assert_eq!(bench.events()[3..], ["create ends", "remove runs"]);
        removed.send(Ok(())).unwrap();
        end_of(removing).await.unwrap();
        assert_eq!(bench.events()[5..], ["remove ends"]);
        assert!(bench.running.0.lock().unwrap().is_empty());
    }

    /// The one that is not in the table must not take the table's entry with it when it ends first.
    #[tokio::test(start_paused = true)]
    async fn a_second_kind_that_ends_first_leaves_the_first_joinable() {
        let running = Running::default();
        let (end, ends) = oneshot::channel::<Done>();
        let all = running.clone();
        let making = tokio::spawn(async move {
            let work = move || async move { ends.await.unwrap() };
            all.join_or_start(&db1(), create(asked()), work).await
        });
        settle().await;
        let refused = running
            .join_or_start(&db1(), Joinable::Remove, || async { Err(full()) })
            .await;
        assert_eq!(refused, Err(full()));
        let all = running.clone();
        let joining = tokio::spawn(async move {
            let never = || async { panic!("there is one to join") };
            all.join_or_start(&db1(), create(asked()), never).await
        });
        settle().await;
        end.send(Ok(())).unwrap();
        assert_eq!(end_of(making).await, Ok(()));
        assert_eq!(end_of(joining).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_inside_ends_every_wait_and_frees_the_name() {
        let bench = Bench::default();
        let (first, end) = bench.ask(create(asked()), "create").await;
        let (second, _) = bench.ask(create(asked()), "second").await;
        drop(end);
        for asking in [first, second] {
            let error = end_of(asking).await.unwrap_err();
            assert!(error.message.contains("`db1`: internal error"), "{error}");
        }
        let (again, end) = bench.ask(create(asked()), "again").await;
        assert_eq!(
            bench.events()[2..],
            ["again asked", "again runs"],
            "the lock is free too"
        );
        end.send(Ok(())).unwrap();
        assert_eq!(end_of(again).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_started_goes_on_when_all_who_asked_have_left() {
        let bench = Bench::default();
        let (asking, end) = bench.ask(create(asked()), "create").await;
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
        let (joining, _) = bench.ask(create(asked()), "second").await;
        end.send(Ok(())).unwrap();
        assert_eq!(end_of(joining).await, Ok(()));
        assert_eq!(
            bench.events(),
            ["create asked", "create runs", "create ends"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_is_given_in_the_order_it_was_asked_for() {
        let locks = Locks::<VolumeName>::default();
        let held = locks.lock(&db1()).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = Vec::new();
        for n in 0..8 {
            let (locks, order) = (locks.clone(), Arc::clone(&order));
            waiting.push(tokio::spawn(async move {
                let _lock = locks.lock(&db1()).await;
                order.lock().unwrap().push(n);
                // Whoever pushed in would do it now.
                yield_now().await;
            }));
            settle().await;
        }
        assert!(order.lock().unwrap().is_empty());
        drop(held);
        for task in waiting {
            end_of(task).await;
        }
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[tokio::test(start_paused = true)]
    async fn names_do_not_wait_for_each_other_and_free_ones_are_forgotten() {
        let locks = Locks::<VolumeName>::default();
        let names: Vec<_> = (0..20)
            .map(|n| VolumeName::new(&format!("db{n}")).unwrap())
            .collect();
        let mut held = Vec::new();
        for name in &names {
            held.push(locks.lock(name).await);
        }
        let known = |locks: &Locks<VolumeName>| locks.0.lock().unwrap().len();
        assert_eq!(known(&locks), names.len());
        let waiting = tokio::spawn({
            let locks = locks.clone();
            async move { drop(locks.lock(&db1()).await) }
        });
        settle().await;
        held.truncate(2);
        let other = VolumeName::new("other").unwrap();
        let _other = locks.lock(&other).await;
        assert_eq!(
            known(&locks),
            3,
            "db0 and db1, which are held, and the new one"
        );
        assert!(
            !waiting.is_finished(),
            "it waits for the lock that is held, not for a new one"
        );
        held.clear();
        end_of(waiting).await;
    }
}
