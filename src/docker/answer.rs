//! How a request ends, and how long it may take to get there.

use std::{future::Future, time::Duration};

use hyper::{
    Response, StatusCode,
    header::{CONTENT_TYPE, HeaderValue},
};
use tokio::{task::JoinHandle, time::timeout};
use warp::reply;

use super::{help::one_line, messages::Answer};
use crate::socket::CloseWithoutAnswer;

/// What engines have sent in `Accept` since version 1.2 of the protocol. None of them looks at it.
const MEDIA_TYPE: HeaderValue =
    HeaderValue::from_static("application/vnd.docker.plugins.v1.2+json");

/// The longest that an engine waits for anything but Create and Mount.
const SHORT_LIMIT: Duration = Duration::from_secs(60);

/// When an answer must be there, counted from the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// For Create and Mount.
    pub long: Duration,
    /// For all others.
    pub short: Duration,
}

impl Deadlines {
    /// Deadlines inside the limits of an engine that allows `engine_timeout` for Create and Mount and at most 60 s for
    /// the rest: 10 s earlier, or a third earlier where the limit is 30 s or less (array fact 25).
    pub fn within(engine_timeout: Duration) -> Self {
        let inside = |limit: Duration| {
            if limit <= Duration::from_secs(30) {
                limit * 2 / 3
            } else {
                limit.saturating_sub(Duration::from_secs(10))
            }
        };
        Self {
            long: inside(engine_timeout),
            short: inside(engine_timeout.min(SHORT_LIMIT)),
        }
    }
}

/// How a request ends.
#[derive(Debug)]
pub(super) enum Ending {
    /// 200 with a body.
    Answer(Answer),
    /// 500 with one line in `Err`, which the engine shows to its user.
    Refused(String),
    /// 500 with a text of several lines in `Err`: the only way to show a user help.
    Text(String),
    /// 404 or 405 with one line in `Err`: no request of the protocol.
    Misdirected(StatusCode, String),
    /// The connection ends without a byte, and the engine knows no more than before. The text is for the log.
    Closed(String),
}

impl Ending {
    pub fn into_response(self) -> reply::Response {
        match self {
            Self::Answer(answer) => match serde_json::to_string(&answer) {
                Ok(body) => with_body(StatusCode::OK, body),
                Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
            },
            Self::Refused(message) => {
                refused(StatusCode::INTERNAL_SERVER_ERROR, &one_line(&message))
            }
            Self::Text(text) => refused(StatusCode::INTERNAL_SERVER_ERROR, &text),
            Self::Misdirected(status, message) => refused(status, &one_line(&message)),
            Self::Closed(_) => {
                let mut response = refused(StatusCode::INTERNAL_SERVER_ERROR, "not answered");
                response.extensions_mut().insert(CloseWithoutAnswer);
                response
            }
        }
    }
}

fn refused(status: StatusCode, message: &str) -> reply::Response {
    with_body(status, serde_json::json!({ "Err": message }).to_string())
}

fn with_body(status: StatusCode, body: String) -> reply::Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, MEDIA_TYPE);
    response
}

/// Why a call has no result yet, or never will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// The deadline passed; the work goes on.
    StillRunning,
    /// The work panicked, or the runtime is going down.
    Broken,
}

/// Runs `work` on a task of its own and waits for it until the deadline.
///
/// hyper drops a handler when its client hangs up; the task goes on.
pub(super) async fn detached<T: Send + 'static>(
    deadline: Duration,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Unfinished> {
    let task: JoinHandle<T> = tokio::spawn(work);
    match timeout(deadline, task).await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(_)) => Err(Unfinished::Broken),
        Err(_) => Err(Unfinished::StillRunning),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_inside_the_engines_limit() {
        for (engine, long, short) in [
            (120, 110, 50),
            (180, 170, 50),
            (60, 50, 50),
            (31, 21, 21),
            (30, 20, 20),
        ] {
            let expected = Deadlines {
                long: Duration::from_secs(long),
                short: Duration::from_secs(short),
            };
            assert_eq!(
                Deadlines::within(Duration::from_secs(engine)),
                expected,
                "{engine}"
            );
        }
        let podman = Deadlines::within(Duration::from_secs(5));
        assert!(podman.long < Duration::from_secs(4) && podman.long > Duration::from_secs(3));
    }
}
