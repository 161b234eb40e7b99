//! The Docker volume protocol: nine requests on a unix socket, and the options of `docker volume create`.
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

use std::{future::Future, sync::Arc, time::Duration};

use hyper_util::service::TowerToHyperService;

use crate::{
    socket::{self, Socket},
    volume::Volumes,
};

pub use answer::Deadlines;
pub use handlers::Api;

/// Answers an engine's requests on a socket until `shutdown` is ready, and those in flight for at most `grace` more.
pub async fn serve<V: Volumes>(
    socket: Socket,
    api: Api<V>,
    grace: Duration,
    shutdown: impl Future<Output = ()>,
) {
    let service = TowerToHyperService::new(warp::service(routes::routes(Arc::new(api))));
    socket::serve(socket, service, grace, shutdown).await;
}
