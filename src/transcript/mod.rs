//! Every command that goes to an array and every answer, in files a storage administrator can read.
//!
//! One file per array, `<array>.log`; full or old ones are kept as `<array>.<timestamp>.log`. A record reads like a session:
//!
//! ```text
//! # time=2026-03-01T09:15:02.417Z array=prod request=5f0e11c9 session=2207 outcome=ok exit=0 ms=38 lines=2
//! prod cli% showcpg -nosuch
//! first line of the answer
//! second line of the answer
//!
//! ```
//!
//! * Header: `key=value` pairs, values percent-encoded; `session` and `exit` are `-` when not known; `newline=no` is added when the
//!   answer did not end in a line feed. Readers ignore keys they do not know.
//! * Exactly `lines` lines of answer follow the prompt line, whatever they look like.
//! * A backslash is written `\\`, and control characters (except tab and line feed) and characters that turn the direction of
//!   writing are written `\r`, `\0` or `\u{…}`, so that a terminal shows them and nothing is lost. An answer's line that begins with
//!   `# time=` is written with `\u{23}` for the `#`: so only a real header begins like that, and a reader finds its feet again behind
//!   a torn record.
//! * `# time=… array=… gap=N` says that `N` records could not be written there.
//!
//! Secrets never get in: the whole record is redacted before it is written. Writing happens on a thread of its own; a slow or full
//! disk costs records, with a warning and a `gap`, and never a command.

mod file;
mod files;
mod follow;
mod merge;
mod queue;
mod read;
mod record;
mod redact;
mod visible;
mod writer;

pub use file::Limits;
pub use files::{TranscriptFile, files};
pub use follow::Follower;
pub use merge::{Located, Merged, merged};
pub use read::{Damage, Records, read};
pub use record::{Entry, Record};
pub use writer::{Clock, Transcript};
