//! Connections: taking them, closing one without an answer, and ending them all in good order.

use std::{convert::Infallible, error::Error, future::Future, pin::pin, time::Duration};

use http_body_util::Limited;
use hyper::{
    Request, Response,
    body::{Body, Incoming},
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown};
use tokio::time::{sleep, timeout};

use super::Socket;

/// Largest request body, in bytes. The largest that an engine sends is a few KiB.
const MAX_BODY: usize = 1024 * 1024;

/// How long to wait for descriptors to become free when a connection cannot be taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Marks a response that must not be sent: its connection is closed in its place.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("closed without an answer")]
pub struct CloseWithoutAnswer;

/// Answers requests until `shutdown` is ready. Then takes no more connections, removes the socket, lets the requests in
/// flight end for at most `grace` and returns; those that are left find their connection closed when the process ends.
///
/// Idle connections are never closed before that: the engine keeps some for 30 s, and a request that meets a closing
/// connection is repeated without its body (array fact 22).
///
/// Work that a request has started outlives it; waiting for that is up to the owner of the volume service.
pub async fn serve<S, B>(
    mut socket: Socket,
    service: S,
    grace: Duration,
    shutdown: impl Future<Output = ()>,
) where
    S: Service<Request<Limited<Incoming>>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
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
