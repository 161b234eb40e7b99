//! One 3PAR array as typed async calls.
//!
//! [`Array`] has one method for each InForm command, in a file of that name under commands/. A call fills the command's
//! template (templates/inform), sends the line through the SSH pool, writes both to the transcript, and turns the answer into a
//! value or an [`ArrayError`]. Exit status 0 proves nothing, silence proves nothing: what a command did is seen by the `show`
//! its template names, and looking there is the caller's business.

mod array;
mod commands;
mod error;
mod greeting;
mod quoting;
mod replay;
mod row;
mod template_dir;
mod templates;
mod underway;
mod wire;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::in_memory;

pub use array::Array;
pub use commands::*;
pub use error::{ArrayError, At, Cause, Problem, ProblemKind, Refusal};
pub use greeting::greeting;
pub use quoting::can_be_quoted;
pub use row::Row;
pub use template_dir::TemplateError;
pub use templates::{Template, Templates};
