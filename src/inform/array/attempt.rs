//! One attempt: the line is sent, recorded with whatever comes back, and judged.

use std::{borrow::Cow, time::Duration};

use tokio::time::Instant;

use super::{Array, UNSAID};
use crate::{
    inform::{
        error::{ArrayError, Problem, ProblemKind},
        row::Row,
        templates::Template,
        wire::{Answer, Lost},
    },
    model::Secret,
    transcript::Entry,
};

impl Array {
    /// Sends the line once, with the secret in its place, records it without, judges the answer.
    pub(super) async fn once<T>(
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
                // The line may have come back in pieces, as a terminal wraps it.
                if secret.is_some() {
                    lost.partial.clear();
                }
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

    pub(super) fn unreachable_or(&self, command: &str, failed: Failed) -> ArrayError {
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
}

/// Why one attempt gave no value.
pub(super) enum Failed {
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
