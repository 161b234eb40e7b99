//! One array: a command goes out, its answer is recorded, judged and made a value.

mod attempt;

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

use self::attempt::Failed;
use super::{
    commands::showversion::Release,
    error::{ArrayError, At, Problem, Refusal, unrecognised},
    quoting::{Args, RenderError, is_safe_word},
    row::Row,
    templates::{Template, Templates},
    underway::Underway,
    wire::{Hurry, Lost, Wire},
};
use crate::{
    model::{RequestId, Secret, TaskId},
    ssh,
    transcript::{Entry, Transcript},
};

/// How long a lost session is waited for at most: the command on it may still be running (array fact 48).
const SESSION_WAIT: Duration = Duration::from_secs(30);
/// How often the array is asked whether the session is still there.
const SESSION_POLL: Duration = Duration::from_secs(2);

/// What stands for a secret in a command line.
const UNSAID: &str = "***";

/// Takes each command and its answer.
pub(in crate::inform) type Recorder = Arc<dyn Fn(&Entry<'_>) + Send + Sync>;

/// One 3PAR array. Cheap to clone; clones share the sessions.
#[derive(Clone)]
pub struct Array {
    label: Arc<str>,
    wire: Arc<dyn Wire>,
    record: Recorder,
    templates: Arc<Templates>,
    timeout: Duration,
    request: RequestId,
    hurry: Hurry,
    underway: Underway,
    /// What `showversion` said. Asked again when the array refuses columns: it may have been updated.
    release: Arc<Mutex<Option<Release>>>,
    /// It has no columns for the times of snapshots.
    untimed: Arc<AtomicBool>,
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Array")
            .field("label", &self.label)
            .field("request", &self.request)
            .finish()
    }
}

impl Array {
    /// An array behind a pool of sessions. `label` is its name in messages, `command_timeout` the deadline of one command.
    pub fn new(
        label: String,
        pool: ssh::Pool,
        transcript: Transcript,
        templates: Arc<Templates>,
        command_timeout: Duration,
    ) -> Self {
        let record = Arc::new(move |entry: &Entry<'_>| transcript.record(entry));
        Self::over(label, Arc::new(pool), record, templates, command_timeout)
    }

    pub(in crate::inform) fn over(
        label: String,
        wire: Arc<dyn Wire>,
        record: Recorder,
        templates: Arc<Templates>,
        timeout: Duration,
    ) -> Self {
        let request = RequestId::random();
        let release = Arc::default();
        Self {
            label: label.into(),
            wire,
            record,
            templates,
            timeout,
            request,
            hurry: Hurry::No,
            underway: Underway::default(),
            release,
            untimed: Arc::default(),
        }
    }

    /// The same array, with its commands in the transcript under this request.
    #[must_use]
    pub fn for_request(&self, request: &RequestId) -> Self {
        Self {
            request: request.clone(),
            ..self.clone()
        }
    }

    /// The same array, with its commands before those that wait for a session and are in no hurry: for as long as a group is stopped.
    #[must_use]
    pub fn urgent(&self) -> Self {
        Self {
            hurry: Hurry::Yes(None),
            ..self.clone()
        }
    }

    /// As [`Array::urgent`]; a command that has no session by then is not sent, which is [`ArrayError::Unreachable`].
    #[must_use]
    pub fn urgent_until(&self, by: Instant) -> Self {
        Self {
            hurry: Hurry::Yes(Some(by)),
            ..self.clone()
        }
    }

    /// True if both are the same array behind the same login: what one may see and do there, the other may.
    pub fn is_same_login(&self, other: &Self) -> bool {
        std::ptr::addr_eq(Arc::as_ptr(&self.wire), Arc::as_ptr(&other.wire))
    }

    /// Its name in messages.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Says that a look after a command does not show what it should have done.
    pub fn not_proven(
        &self,
        command: &str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> ArrayError {
        ArrayError::NotProven {
            at: self.at(command),
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// The command that this request waits for, if it waits for this array: of several the one that was given first.
    pub fn waits_for(&self, request: &RequestId) -> Option<At> {
        self.underway
            .first(request)
            .map(|command| self.at(&command))
    }

    fn at(&self, command: &str) -> At {
        At {
            array: self.label.to_string(),
            command: command.to_owned(),
        }
    }

    /// What the array runs, asked once.
    ///
    /// # Errors
    /// As for any reading command.
    pub async fn release(&self) -> Result<Release, ArrayError> {
        if let Some(known) = self.known_release() {
            return Ok(known);
        }
        // Boxed: every reading command may come here, `showversion` itself does not.
        let release = Box::pin(self.showversion()).await?;
        *self.release.lock().unwrap_or_else(PoisonError::into_inner) = Some(release.clone());
        Ok(release)
    }

    fn known_release(&self) -> Option<Release> {
        self.release
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The form of a listing of volumes that the array takes, as far as is known.
    pub(in crate::inform) fn volumes_form(&self) -> &'static str {
        if self.untimed.load(Ordering::Relaxed) {
            "showvv-untimed"
        } else {
            "showvv"
        }
    }

    /// Takes note that the array has no columns for the times of snapshots.
    pub(in crate::inform) fn is_untimed(&self) {
        if !self.untimed.swap(true, Ordering::Relaxed) {
            log::warn!(array = self.label(); "this array does not tell when snapshots expire");
        }
    }

    /// Forgets what `showversion` said; the next command that depends on it asks again.
    pub(in crate::inform) fn forget_release(&self) {
        *self.release.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Runs a command that only reads, again once if the connection is lost, and makes its rows a value.
    pub(in crate::inform) async fn read<T>(
        &self,
        form: &str,
        args: &Args,
        value: impl Fn(Vec<Row>) -> Result<T, Problem>,
    ) -> Result<T, ArrayError> {
        let (template, command) = self.prepare(form, args).await?;
        match self.once(&command, None, template, &value).await {
            Err(Failed::Lost(lost)) if lost.may_have_run => {
                log::info!(array:% = self.label, command:% = command; "connection lost while reading, reading again");
                let again = self.once(&command, None, template, &value).await;
                again.map_err(|failed| self.unreachable_or(&command, failed))
            }
            other => other.map_err(|failed| self.unreachable_or(&command, failed)),
        }
    }

    /// Runs a command that changes something. It is sent once, whatever happens.
    pub(in crate::inform) async fn change(
        &self,
        form: &str,
        args: &Args,
    ) -> Result<(), ArrayError> {
        let (template, command) = self.prepare(form, args).await?;
        self.send_once(template, &command, None, |_| Ok(())).await
    }

    /// As [`Array::change`], for a command that begins a task and tells its number. An answer without it is
    /// [`ArrayError::Unrecognised`], although the task may have begun.
    pub(in crate::inform) async fn begin(
        &self,
        form: &str,
        args: &Args,
    ) -> Result<TaskId, ArrayError> {
        let (template, command) = self.prepare(form, args).await?;
        let number = |rows: Vec<Row>| match rows.as_slice() {
            [row] => row.value("task").map_err(unrecognised),
            _ => Err(unrecognised("it does not tell one task")),
        };
        self.send_once(template, &command, None, number).await
    }

    /// As [`Array::change`], for a command with an argument `secret`. Whatever is written down or shown has [`UNSAID`] in its place.
    pub(in crate::inform) async fn change_with_secret(
        &self,
        form: &str,
        args: Args,
        secret: &Secret,
    ) -> Result<(), ArrayError> {
        if !is_safe_word(secret.reveal()) {
            return Err(ArrayError::Unsafe {
                at: self.at(form),
                what: "secret".to_owned(),
                text: UNSAID.to_owned(),
            });
        }
        let (template, command) = self.prepare(form, &args.with("secret", UNSAID)).await?;
        self.send_once(template, &command, Some(secret), |_| Ok(()))
            .await
    }

    async fn send_once<T>(
        &self,
        template: &Template,
        command: &str,
        secret: Option<&Secret>,
        value: impl Fn(Vec<Row>) -> Result<T, Problem>,
    ) -> Result<T, ArrayError> {
        // Until its end is known, whatever is asked in between.
        let _underway = self.underway.begin(&self.request, command);
        match self.once(command, secret, template, value).await {
            Err(Failed::Lost(lost)) if lost.may_have_run => {
                let ended = self.wait_for_end(lost.session.as_deref()).await;
                log::warn!(array:% = self.label, command:% = command, request:% = self.request, ended; "connection lost, outcome not known");
                let Lost {
                    session,
                    cause: source,
                    ..
                } = lost;
                Err(ArrayError::InDoubt {
                    at: self.at(command),
                    source,
                    session,
                    ended,
                })
            }
            other => other.map_err(|failed| self.unreachable_or(command, failed)),
        }
    }

    /// Says that this InForm OS does not offer something, where a template alone cannot tell.
    pub(in crate::inform) fn not_offered(&self, form: &str, what: &str) -> ArrayError {
        ArrayError::NotOffered {
            at: self.at(form),
            what: what.to_owned(),
        }
    }

    async fn prepare(&self, form: &str, args: &Args) -> Result<(&Template, String), ArrayError> {
        let major = if self.templates.varies(form) {
            Some(self.release().await?.major)
        } else {
            None
        };
        let not_offered = |what: String| ArrayError::NotOffered {
            at: self.at(form),
            what,
        };
        let template = self
            .templates
            .get(form, major)
            .ok_or_else(|| not_offered(form.to_owned()))?;
        let command = template.render(args).map_err(|error| match error {
            RenderError::NotOffered(what) => not_offered(what),
            RenderError::Unsafe(what, text) => ArrayError::Unsafe {
                at: self.at(form),
                what,
                text,
            },
        })?;
        Ok((template, command))
    }

    /// Waits until the array no longer lists the session. True if that was seen; a session without a known id cannot be waited for.
    async fn wait_for_end(&self, session: Option<&str>) -> bool {
        let Some(session) = session else { return false };
        let gone = async {
            loop {
                // Boxed: this is `read`, which the compiler must see to be finite.
                let listed = Box::pin(self.showuserconn(false)).await;
                if listed.is_ok_and(|all| !all.iter().any(|c| c.id == session)) {
                    return;
                }
                sleep(SESSION_POLL).await;
            }
        };
        timeout(SESSION_WAIT, gone).await.is_ok()
    }
}

/// True for the refusal that means: this OS does not have such columns.
pub(in crate::inform) fn is_bad_columns<T>(result: &Result<T, ArrayError>) -> bool {
    matches!(result, Err(error) if error.refusal() == Some(Refusal::BadColumns))
}
