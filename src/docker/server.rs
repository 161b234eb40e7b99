//! Connections: taking them, closing one without an answer, and ending them all in good order.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use http_body_util::Limited;
use hyper::{
    Request, body::Incoming, server::conn::http1, service::Service as _, service::service_fn,
};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown, service::TowerToHyperService};
use tokio::time::{sleep, timeout};

use super::{answer::CloseWithoutAnswer, handlers::Api, routes::routes, socket::Socket};
use crate::volume::Volumes;

/// Largest request body, in bytes. The largest that an engine sends is a few KiB.
const MAX_BODY: usize = 1024 * 1024;

/// How long to wait for descriptors to become free when a connection cannot be taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Answers requests until `shutdown` is ready. Then takes no more connections, removes the socket, lets the requests in
/// flight end for at most `grace` and returns; those that are left find their connection closed when the process ends.
///
/// Idle connections are never closed before that: the engine keeps some for 30 s, and a request that meets a closing
/// connection is repeated without its body (array fact 22).
///
/// Work that a request has started outlives it; waiting for that is up to the owner of the volume service.
pub async fn serve<V: Volumes>(
    mut socket: Socket,
    api: Api<V>,
    grace: Duration,
    shutdown: impl Future<Output = ()>,
) {
    let service = TowerToHyperService::new(warp::service(routes(Arc::new(api))));
    let graceful = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let stream = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = socket.accept() => match accepted {
                Ok(stream) => stream,
                Err(error) => {
                    log::error!(error:% = error; "cannot take a connection");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let service = service.clone();
        let answer = service_fn(move |request: Request<Incoming>| {
            let answering = service.call(request.map(|body| Limited::new(body, MAX_BODY)));
            async move {
                match answering.await {
                    // To hyper this is a failure of its service, which ends the connection with nothing written.
                    Ok(response) => match response.extensions().get::<CloseWithoutAnswer>() {
                        Some(close) => Err(*close),
                        None => Ok(response),
                    },
                    Err(never) => match never {},
                }
            }
        });
        let connection = http1::Builder::new()
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(stream), answer);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                log::debug!(error:% = error; "connection ended");
            }
        });
    }
    socket.close();
    let open = graceful.count();
    if timeout(grace, graceful.shutdown()).await.is_err() {
        log::warn!(connections = open, seconds = grace.as_secs(); "requests were still running at the end");
    }
}
