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
