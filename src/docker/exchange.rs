//! The one log line that every request leaves.

use std::time::Instant;

use super::{answer::Ending, help::one_line, messages::Verb};
use crate::model::RequestId;

/// A request on its way. Writes its line when it ends, also when the engine hangs up before the answer.
pub(super) struct Exchange {
    pub id: RequestId,
    pub verb: Verb,
    /// The volume it is about, cut and cleaned for people; empty if none.
    pub volume: String,
    started: Instant,
    ended: bool,
}

impl Exchange {
    pub fn begin(verb: Verb) -> Self {
        Self {
            id: RequestId::random(),
            verb,
            volume: String::new(),
            started: Instant::now(),
            ended: false,
        }
    }

    /// Remembers which volume it is about; the name may be anything.
    pub fn about(&mut self, name: &str) {
        self.volume = one_line(&name.chars().take(80).collect::<String>());
    }

    /// Writes the line.
    pub fn end(mut self, ending: &Ending) {
        let (level, outcome, detail) = match ending {
            Ending::Answer(_) | Ending::Text(_) if self.verb.changes() => {
                (log::Level::Info, "ok", String::new())
            }
            Ending::Answer(_) | Ending::Text(_) => (log::Level::Debug, "ok", String::new()),
            // With every `docker volume create` comes a Get of a name that does not exist yet.
            Ending::Refused(message) if !self.verb.changes() => {
                (log::Level::Info, "refused", one_line(message))
            }
            Ending::Refused(message) | Ending::Misdirected(_, message) => {
                (log::Level::Warn, "refused", one_line(message))
            }
            Ending::Closed(why) => (log::Level::Warn, "closed", one_line(why)),
        };
        self.write(level, outcome, &detail);
        self.ended = true;
    }

    fn write(&self, level: log::Level, outcome: &str, detail: &str) {
        let ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        log::log!(
            level,
            request = self.id.as_str(),
            verb = self.verb.path(),
            volume = self.volume.as_str(),
            outcome = outcome,
            ms = ms,
            detail = detail;
            "request ended"
        );
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.ended {
            self.write(
                log::Level::Warn,
                "abandoned",
                "the engine hung up; the work goes on",
            );
        }
    }
}
