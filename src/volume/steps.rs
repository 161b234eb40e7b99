//! The runner that carries every state change: look, act, prove.
//!
//! Before an action its intent is written to the journal, so that after a crash it is known what may have happened. The
//! journal does not say what *did* happen: that is always read from the arrays and the kernel.

use std::{fmt, future::Future, time::Duration};

use crate::{
    index::{Index, JournalEntry},
    inform::{Array, ArrayError, Refusal},
    model::OperationId,
};

use super::{
    backend::Backend,
    error::{Aftermath, Cause},
    groups,
    kill_points::{Doing, KillPoints},
};

/// How long an action that is on its way is looked at again.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long a command whose session is not known may be running after its connection was lost.
const DOUBT: Duration = Duration::from_secs(600);
/// The first pause before that, and the longest: others may wait for the end of it.
const LOOK_SOON: Duration = Duration::from_millis(50);
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What an operation sets out to do. Written to the journal before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    MakeVv,
    MakeGroup,
    LockGroup,
    UnlockGroup,
    SetGroup,
    StopGroup,
    Admit,
    StartGroup,
    MarkReady,
    MarkRemoving,
    Dismiss,
    RemoveGroup,
    RemoveVv,
    RemoveCopy,
    MakeHost,
    SetChap,
    AddPaths,
    RemoveHost,
    MarkTakeOver,
    Evict,
    Export,
    ExportSecond,
    Withdraw,
    WithdrawSecond,
    Attach,
    Detach,
    MarkFormatting,
    Format,
    MarkFormatted,
    MarkHolder,
    Mount,
    Unmount,
}

impl Intent {
    const ALL: [(Self, &'static str); 32] = [
        (Self::MakeVv, "make-vv"),
        (Self::MakeGroup, "make-group"),
        (Self::LockGroup, "lock-group"),
        (Self::UnlockGroup, "unlock-group"),
        (Self::SetGroup, "set-group"),
        (Self::StopGroup, "stop-group"),
        (Self::Admit, "admit"),
        (Self::StartGroup, "start-group"),
        (Self::MarkReady, "mark-ready"),
        (Self::MarkRemoving, "mark-removing"),
        (Self::Dismiss, "dismiss"),
        (Self::RemoveGroup, "remove-group"),
        (Self::RemoveVv, "remove-vv"),
        (Self::RemoveCopy, "remove-copy"),
        (Self::MakeHost, "make-host"),
        (Self::SetChap, "set-chap"),
        (Self::AddPaths, "add-paths"),
        (Self::RemoveHost, "remove-host"),
        (Self::MarkTakeOver, "mark-take-over"),
        (Self::Evict, "evict"),
        (Self::Export, "export"),
        (Self::ExportSecond, "export-second"),
        (Self::Withdraw, "withdraw"),
        (Self::WithdrawSecond, "withdraw-second"),
        (Self::Attach, "attach"),
        (Self::Detach, "detach"),
        (Self::MarkFormatting, "mark-formatting"),
        (Self::Format, "format"),
        (Self::MarkFormatted, "mark-formatted"),
        (Self::MarkHolder, "mark-holder"),
        (Self::Mount, "mount"),
        (Self::Unmount, "unmount"),
    ];

    /// The fact that the array refused it in words that say: it was not this operation's doing.
    pub fn refused(self) -> String {
        format!("refused {self}")
    }

    /// True if this operation may have done it.
    pub fn may_have_happened(self, entry: &JournalEntry) -> bool {
        self.is_in(entry) && !entry.facts.contains_key(&self.refused())
    }

    /// True if the journal entry says this was set out to be done.
    pub fn is_in(self, entry: &JournalEntry) -> bool {
        let word = self.to_string();
        entry.steps.contains(&word)
    }
}

impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::ALL
            .iter()
            .find(|(intent, _)| intent == self)
            .map_or("", |(_, word)| word);
        f.write_str(word)
    }
}

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

    /// A command that may still be running: until it has ended, nothing that goes against it is sent.
    fn note_doubt(&mut self, error: &ArrayError) -> Result<(), Cause> {
        let ArrayError::InDoubt {
            at,
            session,
            ended: false,
            ..
        } = error
        else {
            return Ok(());
        };
        let until = jiff::Timestamp::now() + DOUBT;
        let earlier = self.entry.facts.get("doubt").filter(|d| !d.is_empty());
        let (command, session) = match earlier {
            None => (
                at.command.clone(),
                session.as_deref().unwrap_or_default().to_owned(),
            ),
            // Of two that may be running the time alone can tell that both have ended.
            Some(earlier) => (format!("{earlier}; {}", at.command), String::new()),
        };
        self.record(&[
            ("doubt", &command),
            ("doubt array", &at.array),
            ("doubt session", &session),
            ("doubt until", &until.to_string()),
        ])
    }

    /// The command, if there is one, that may still be running on an array. It has ended when the array no longer lists its
    /// session; where that cannot be known, when ten minutes have passed.
    pub async fn doubt(&mut self, backend: &Backend) -> Result<Option<String>, Cause> {
        let acting = groups::acting_array(&self.entry, backend);
        if self.resumed
            && let Some(session) = earlier_session(&self.index, acting).await?
        {
            return Ok(Some(may_still_run(acting, &session)));
        }
        let fact = |key: &str| self.entry.facts.get(key).cloned().unwrap_or_default();
        let (command, label, session) = (fact("doubt"), fact("doubt array"), fact("doubt session"));
        if command.is_empty() {
            return Ok(None);
        }
        let past = fact("doubt until")
            .parse::<jiff::Timestamp>()
            .is_ok_and(|until| until < jiff::Timestamp::now());
        let array = match &backend.pair {
            Some(pair) if pair.peer.label() == label => &pair.peer,
            _ => &backend.array,
        };
        let ended = if session.is_empty() {
            past
        } else {
            let listed = self.look("sessions", array.showuserconn(false)).await?;
            !listed.iter().any(|connection| connection.id == session)
        };
        if ended {
            self.record(&[("doubt", "")])?;
            return Ok(None);
        }
        Ok(Some(format!(
            "`{command}` may still be running on array `{label}`"
        )))
    }

    /// True if a command of this operation may still be running.
    pub fn is_in_doubt(&self) -> bool {
        let doubt = self.entry.facts.get("doubt");
        doubt.is_some_and(|doubt| !doubt.is_empty())
    }

    /// True if the journal has this operation open, and none of its commands can still be running as far as this process knows.
    pub fn is_open_and_still(&self, op: &OperationId) -> bool {
        let open = self.index.open_entries();
        let doubt = |entry: &JournalEntry| entry.facts.get("doubt").is_some_and(|d| !d.is_empty());
        open.iter().any(|e| e.op == *op && !doubt(e))
    }

    /// True if no command of an earlier run of the plugin can still be running on the array.
    pub async fn no_earlier_session(&self, array: &Array) -> Result<bool, Cause> {
        Ok(earlier_session(&self.index, array).await?.is_none())
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

    fn intend(&mut self, intent: Intent) -> Result<(), Cause> {
        self.write(&intent.to_string(), &[])
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

/// Why nothing is done against what an earlier process began.
pub(super) fn may_still_run(array: &Array, session: &str) -> String {
    format!(
        "session {session} of this plugin's earlier run is still open on array `{}`, and its command may still be running",
        array.label()
    )
}

/// A session that an earlier process opened and the array still lists: the process died over its command. The command changes
/// nothing any more when the session is gone, or, at the latest, after ten minutes. Only the array that acts is asked: what is sent
/// to the other changes a comment, and the other may be away. Its exports are looked after by themselves (`second_export`).
pub(super) async fn earlier_session(
    index: &Index,
    array: &Array,
) -> Result<Option<String>, ArrayError> {
    let earlier = index.earlier_sessions(array.label());
    if earlier.is_empty() || index.open_for() > DOUBT {
        return Ok(None);
    }
    let listed = array.showuserconn(false).await?;
    let (open, ended): (Vec<_>, Vec<_>) = earlier
        .into_iter()
        .partition(|id| listed.iter().any(|connection| connection.id == *id));
    for id in ended {
        if let Err(error) = index.session_ended(array.label(), &id) {
            log::warn!(array = array.label(), session = id.as_str(), error:% = error; "could not forget a session");
        }
    }
    Ok(open.into_iter().next())
}
