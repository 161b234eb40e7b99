//! The Docker volume protocol: a unix socket, nine requests, and the options of `docker volume create`.
//!
//! Two rules shape it. An engine that is told of an error in `Get` forgets the volume and every reference to it
//! (array fact 21), so a `Get` that cannot be answered for certain closes its connection instead. And an engine that hangs up
//! must not stop work that changes an array, so every call runs on a task of its own and only the answer has a deadline.

mod answer;
mod exchange;
mod handlers;
mod help;
mod messages;
mod options;
mod routes;
mod schema;
mod server;
mod socket;

pub use answer::Deadlines;
pub use handlers::Api;
pub use server::serve;
pub use socket::{Socket, SocketError};
