//! The runner that carries every state change: look, act, prove.
//!
//! Before an action its intent is written to the journal, so that after a crash it is known what may have happened. The
//! journal does not say what *did* happen: that is always read from the arrays and the kernel.

mod doubt;
mod intent;

use std::{future::Future, time::Duration};

use crate::{
    index::{Index, JournalEntry},
    inform::{ArrayError, Refusal},
};

use super::{
    error::{Aftermath, Cause},
    kill_points::{Doing, KillPoints},
};

pub(super) use doubt::{earlier_session, may_still_run};
pub(super) use intent::Intent;

/// How long an action that is on its way is looked at again.
const PATIENCE: Duration = Duration::from_secs(90);
/// The first pause before that, and the longest: others may wait for the end of it.
const LOOK_SOON: Duration = Duration::from_millis(50);
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What a look after an action showed.
#[derive(Debug)]
pub(super) enum Seen<T> {
    /// It took place.
    Done(T),
    /// It is on its way: look again.
    Underway,
    /// It did not take place; what was found instead.
    NotDone(String),
}

/// A command that was sent and not certainly refused.
#[derive(Debug)]
#[must_use]
pub(super) struct Sent {
    /// Why it is not known what it did.
    doubt: Option<ArrayError>,
}

impl Sent {
    /// The array refused it in words that say: it is so already. The look decides.
    pub fn refused(error: ArrayError) -> Self {
        Self { doubt: Some(error) }
    }

    /// True if the connection was lost over it: only the look can tell what it did, and it may not have ended yet.
    pub fn is_in_doubt(&self) -> bool {
        self.doubt.as_ref().is_some_and(ArrayError::is_in_doubt)
    }
}

/// One operation on its way.
pub(super) struct Steps {
    index: Index,
    entry: JournalEntry,
    points: KillPoints,
    /// What the entry says last may be on its way on a session of an earlier process.
    resumed: bool,
    /// What was taken back already, for people.
    undone: Vec<String>,
}

impl Steps {
    /// Opens the journal entry.
    pub async fn begin(
        index: &Index,
        points: &KillPoints,
        entry: JournalEntry,
    ) -> Result<Self, Cause> {
        let steps = Self {
            index: index.clone(),
            entry,
            points: points.clone(),
            resumed: false,
            undone: Vec::new(),
        };
        steps
            .points
            .writing("begin", || steps.index.begin(steps.entry.clone()))?;
        Ok(steps)
    }

    /// Goes on with an entry that an earlier run of the plugin left open.
    pub fn resume(index: &Index, points: &KillPoints, entry: JournalEntry) -> Self {
        Self {
            index: index.clone(),
            entry,
            points: points.clone(),
            resumed: true,
            undone: Vec::new(),
        }
    }

    /// True if an earlier run of the plugin began it, or an earlier attempt left it open.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// The entry as written so far.
    pub fn entry(&self) -> &JournalEntry {
        &self.entry
    }

    /// Something that was taken back before the operation failed for good.
    pub fn note_undone(&mut self, what: String) {
        self.undone.push(what);
    }

    /// What was taken back until now, to be told.
    pub fn undone(&mut self) -> Vec<String> {
        std::mem::take(&mut self.undone)
    }

    /// One reading command.
    pub async fn look<T>(
        &self,
        what: &str,
        look: impl Future<Output = Result<T, ArrayError>>,
    ) -> Result<T, Cause> {
        Ok(self.points.around(Doing::Look, what, look).await?)
    }

    /// Writes the intent, sends the one changing command, and looks whether it took place. A command whose outcome is not
    /// known (the connection was lost, or nobody understands the answer) is never sent again: the look decides.
    pub async fn act<T, P, F>(
        &mut self,
        intent: Intent,
        act: impl Future<Output = Result<(), ArrayError>>,
        prove: P,
    ) -> Result<T, Cause>
    where
        P: FnMut() -> F,
        F: Future<Output = Result<Seen<T>, ArrayError>>,
    {
        let sent = self.send(intent, act).await?;
        self.prove(intent, sent, prove).await
    }

    /// Looks whether a command that was sent took place, for as long as it is on its way.
    pub async fn prove<T, P, F>(
        &mut self,
        intent: Intent,
        sent: Sent,
        mut prove: P,
    ) -> Result<T, Cause>
    where
        P: FnMut() -> F,
        F: Future<Output = Result<Seen<T>, ArrayError>>,
    {
        let patience = tokio::time::Instant::now() + PATIENCE;
        let mut pause = LOOK_SOON;
        loop {
            let seen = self.look(&format!("prove {intent}"), prove()).await;
            if matches!(seen, Ok(Seen::Underway)) && tokio::time::Instant::now() < patience {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LOOK_AGAIN);
            } else {
                return self.settle(intent, sent, seen);
            }
        }
    }

    /// The first half of [`Steps::act`]: writes the intent and sends the one command.
    ///
    /// # Errors
    /// Whatever says that it certainly was not carried out.
    pub async fn send(
        &mut self,
        intent: Intent,
        act: impl Future<Output = Result<(), ArrayError>>,
    ) -> Result<Sent, Cause> {
        self.intend(intent)?;
        self.points.before(Doing::Act, &intent.to_string());
        let outcome = act.await;
        self.points.after(Doing::Act, &intent.to_string());
        match outcome {
            Ok(()) => Ok(Sent { doubt: None }),
            Err(error) if error.is_in_doubt() || is_not_understood(&error) => {
                Ok(Sent { doubt: Some(error) })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The second half: what a look afterwards, perhaps somebody else's, says of the command.
    pub fn settle<T>(
        &mut self,
        intent: Intent,
        sent: Sent,
        seen: Result<Seen<T>, Cause>,
    ) -> Result<T, Cause> {
        let not_proven = |found| Cause::NotProven {
            intent: intent.to_string(),
            found,
        };
        match (seen, sent.doubt) {
            (Ok(Seen::Done(value)), _) => Ok(value),
            (Ok(Seen::Underway), doubt) => {
                doubt.iter().try_for_each(|error| self.note_doubt(error))?;
                Err(not_proven(format!(
                    "it is still on its way after {} s",
                    PATIENCE.as_secs()
                )))
            }
            (Ok(Seen::NotDone(found)), None) => Err(not_proven(found)),
            // The command's fate was not known. The look says that it did nothing, so far; or what was answered was a refusal.
            (Ok(Seen::NotDone(_)) | Err(_), Some(error)) => {
                self.note_doubt(&error)?;
                Err(error.into())
            }
            (Err(cause), None) => Err(cause),
        }
    }

    /// Writes the intent and does something on this machine.
    pub async fn local<T, E: Into<Cause>>(
        &mut self,
        intent: Intent,
        act: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Cause> {
        self.intend(intent)?;
        let what = intent.to_string();
        let done = self.points.around(Doing::Local, &what, act).await;
        done.map_err(Into::into)
    }

    /// Writes down what identifies the things this operation makes.
    pub fn record(&mut self, facts: &[(&str, &str)]) -> Result<(), Cause> {
        self.write("facts", facts)
    }

    /// Writes down what was seen.
    pub fn note(&mut self, seen: Intent) -> Result<(), Cause> {
        self.write(&seen.to_string(), &[])
    }

    fn intend(&mut self, intent: Intent) -> Result<(), Cause> {
        let refused = intent.refused();
        let before = self.entry.facts.get(&refused);
        // What was refused before, in another cycle of the operation, says nothing of this one.
        let forget = before.is_some_and(|fact| !fact.is_empty());
        let facts: &[(&str, &str)] = if forget { &[(&refused, "")] } else { &[] };
        self.write(&intent.to_string(), facts)
    }

    fn write(&mut self, step: &str, facts: &[(&str, &str)]) -> Result<(), Cause> {
        let op = &self.entry.op;
        self.points
            .writing(step, || self.index.intend(op, step, facts))?;
        self.entry.steps.push(step.to_owned());
        let facts = facts
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        self.entry.facts.extend(facts);
        Ok(())
    }

    /// Closes the journal entry: what was begun is complete, or undone.
    pub fn finish(self) -> Result<(), Cause> {
        let op = &self.entry.op;
        Ok(self.points.writing("finish", || self.index.finish(op))?)
    }

    /// Closes the journal entry of an operation that failed and left nothing behind. An entry that cannot be closed is something
    /// left.
    pub fn close(self, aftermath: Aftermath) -> Aftermath {
        match self.finish() {
            Ok(()) => aftermath,
            Err(cause) => Aftermath::Left {
                what: "a journal entry".to_owned(),
                why: cause.to_string(),
            },
        }
    }
}

/// An answer that may be a refusal in words nobody has seen yet, or half of one that says it was done.
fn is_not_understood(error: &ArrayError) -> bool {
    match error {
        ArrayError::Truncated { .. } | ArrayError::Unrecognised { .. } => true,
        ArrayError::Refused { refusal, .. } => *refusal == Refusal::Other,
        _ => false,
    }
}
