//! One array: a command goes out, its answer is recorded, judged and made a value.

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

use super::{
    commands::showversion::Release,
    error::{ArrayError, At, Problem, ProblemKind, Refusal},
    quoting::{Args, RenderError, is_safe_word},
    row::Row,
    templates::{Template, Templates},
    underway::Underway,
    wire::{Answer, Hurry, Lost, Wire},
};
use crate::{
    model::{RequestId, Secret},
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
pub(super) type Recorder = Arc<dyn Fn(&Entry<'_>) + Send + Sync>;

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

    pub(super) fn over(
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

    /// Forgets what `showversion` said; the next command that depends on it asks again.
    pub(super) fn forget_release(&self) {
        *self.release.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Runs a command that only reads, again once if the connection is lost, and makes its rows a value.
    pub(super) async fn read<T>(
        &self,
        form: &str,
        args: &Args,
        value: impl Fn(Vec<Row>) -> Result<T, Problem>,
    ) -> Result<T, ArrayError> {
        let (template, command) = self.prepare(form, args).await?;
        match self.once(&command, None, &template, &value).await {
            Err(Failed::Lost(lost)) if lost.may_have_run => {
                log::info!(array:% = self.label, command:% = command; "connection lost while reading, reading again");
                let again = self.once(&command, None, &template, &value).await;
                again.map_err(|failed| self.unreachable_or(&command, failed))
            }
            other => other.map_err(|failed| self.unreachable_or(&command, failed)),
        }
    }

    /// Runs a command that changes something. It is sent once, whatever happens.
    pub(super) async fn change(&self, form: &str, args: &Args) -> Result<(), ArrayError> {
        let (template, command) = self.prepare(form, args).await?;
        self.send_once(&template, &command, None).await
    }

    /// As [`Array::change`], for a command with an argument `secret`. Whatever is written down or shown has [`UNSAID`] in its place.
    pub(super) async fn change_with_secret(
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
        self.send_once(&template, &command, Some(secret)).await
    }

    async fn send_once(
        &self,
        template: &Template,
        command: &str,
        secret: Option<&Secret>,
    ) -> Result<(), ArrayError> {
        // Until its end is known, whatever is asked in between.
        let _underway = self.underway.begin(&self.request, command);
        match self.once(command, secret, template, |_| Ok(())).await {
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

    async fn prepare(&self, form: &str, args: &Args) -> Result<(Template, String), ArrayError> {
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
        Ok((template.clone(), command))
    }

    /// Sends the line once, with the secret in its place, records it without, judges the answer.
    async fn once<T>(
        &self,
        command: &str,
        secret: Option<&Secret>,
        template: &Template,
        value: impl Fn(Vec<Row>) -> Result<T, Problem>,
    ) -> Result<T, Failed> {
        let _underway = self.underway.begin(&self.request, command);
        let mut record = Record {
            array: self,
            command,
            started: Instant::now(),
            done: false,
        };
        let sent = match secret {
            Some(secret) => Cow::Owned(command.replacen(UNSAID, secret.reveal(), 1)),
            None => Cow::Borrowed(command),
        };
        // An array that repeats the line must not bring it back.
        let without = |text: String| match secret {
            Some(secret) => text.replace(secret.reveal(), UNSAID),
            None => text,
        };
        match self.wire.send(&sent, self.timeout, self.hurry).await {
            Ok(mut answer) => {
                answer.text = without(answer.text);
                let judged = self
                    .templates
                    .judge(template, &answer.text, answer.exit_status)
                    .and_then(value);
                let outcome = match judged.as_ref().map_err(|problem| &problem.kind) {
                    Ok(_) => "ok",
                    Err(ProblemKind::Refused(_)) => "refused",
                    Err(ProblemKind::Truncated) => "truncated",
                    Err(ProblemKind::Unrecognised) => "unrecognised",
                };
                record.write(
                    outcome,
                    answer.session.as_deref(),
                    answer.exit_status,
                    answer.elapsed,
                    &answer.text,
                );
                judged.map_err(|problem| Failed::Answered(answer, problem))
            }
            Err(mut lost) => {
                lost.partial = without(lost.partial);
                let outcome = if lost.may_have_run {
                    "lost"
                } else {
                    "not-sent"
                };
                let elapsed = record.started.elapsed();
                record.write(
                    outcome,
                    lost.session.as_deref(),
                    None,
                    elapsed,
                    &lost.partial,
                );
                Err(Failed::Lost(lost))
            }
        }
    }

    fn unreachable_or(&self, command: &str, failed: Failed) -> ArrayError {
        let at = self.at(command);
        match failed {
            Failed::Lost(lost) => ArrayError::Unreachable {
                at,
                source: lost.cause,
            },
            Failed::Answered(answer, Problem { kind, why, .. }) => match kind {
                ProblemKind::Truncated => ArrayError::Truncated {
                    at,
                    why,
                    text: answer.text,
                },
                ProblemKind::Unrecognised => ArrayError::Unrecognised {
                    at,
                    why,
                    text: answer.text,
                },
                ProblemKind::Refused(refusal) => {
                    let silent = answer.text.trim().is_empty();
                    let words = if silent {
                        why
                    } else {
                        answer.text.trim().to_owned()
                    };
                    ArrayError::Refused { at, refusal, words }
                }
            },
        }
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

/// Why one attempt gave no value.
enum Failed {
    Answered(Answer, Problem),
    Lost(Lost),
}

/// Writes one command to the transcript, even if nobody waits for its answer any more.
struct Record<'a> {
    array: &'a Array,
    command: &'a str,
    started: Instant,
    done: bool,
}

impl Record<'_> {
    fn write(
        &mut self,
        outcome: &str,
        session: Option<&str>,
        exit_status: Option<i32>,
        elapsed: Duration,
        output: &str,
    ) {
        self.done = true;
        let Self { array, command, .. } = *self;
        log::debug!(array:% = array.label, request:% = array.request, command, outcome, ms = elapsed.as_millis() as u64; "command done");
        let request = &array.request;
        (array.record)(&Entry {
            request,
            session,
            command,
            outcome,
            exit_status,
            elapsed,
            output,
        });
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        if !self.done {
            let elapsed = self.started.elapsed();
            self.write("lost", None, None, elapsed, "");
        }
    }
}

/// True for the refusal that means: this OS does not have such columns.
pub(super) fn is_bad_columns<T>(result: &Result<T, ArrayError>) -> bool {
    matches!(result, Err(error) if error.refusal() == Some(Refusal::BadColumns))
}
