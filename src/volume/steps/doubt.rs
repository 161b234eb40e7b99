//! Commands that may still be running: a connection was lost over them, or an earlier process died.

use std::time::Duration;

use crate::{
    index::{Index, JournalEntry},
    inform::{Array, ArrayError},
    model::OperationId,
    volume::{backend::Backend, error::Cause, groups},
};

use super::Steps;

/// How long a command whose session is not known may be running after its connection was lost.
const DOUBT: Duration = Duration::from_secs(600);

impl Steps {
    /// A command that may still be running: until it has ended, nothing that goes against it is sent.
    pub(super) fn note_doubt(&mut self, error: &ArrayError) -> Result<(), Cause> {
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
    async fn doubt(&mut self, backend: &Backend) -> Result<Option<String>, Cause> {
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
        let array = backend.called(&label);
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

    /// Whoever goes on with an operation, or takes it back, waits for its last command.
    ///
    /// # Errors
    /// [`Cause::NotKnown`] while that may still be running.
    pub async fn must_be_still(&mut self, backend: &Backend) -> Result<(), Cause> {
        self.doubt(backend)
            .await?
            .map_or(Ok(()), |doubt| Err(Cause::NotKnown(doubt)))
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
}

/// Why nothing is done against what an earlier process began.
pub(in crate::volume) fn may_still_run(array: &Array, session: &str) -> String {
    format!(
        "session {session} of this plugin's earlier run is still open on array `{}`, and its command may still be running",
        array.label()
    )
}

/// A session that an earlier process opened and the array still lists: the process died over its command. The command changes
/// nothing any more when the session is gone, or, at the latest, after ten minutes. Whoever resumes an operation asks the array that
/// acts: the other may be away, and what is sent there changes a comment, unless it is looked after by itself (`second_export`,
/// `former_copy`, growths).
pub(in crate::volume) async fn earlier_session(
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
