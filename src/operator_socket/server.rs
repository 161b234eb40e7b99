//! The plugin's end.

use std::{convert::Infallible, future::Future, time::Duration};

use futures_util::stream;
use http_body_util::{BodyExt, Limited, StreamBody};
use hyper::{
    Method, Response, StatusCode,
    body::{Body, Bytes, Frame, Incoming},
    service::service_fn,
};
use tokio::{sync::mpsc, time::timeout};

use super::messages::{Adoptions, Answer, Candidates, Failure, Line, Listing, Request, Shown};
use crate::{
    model::{RequestId, VolumeName},
    socket::{self, Socket},
    volume::{AdoptLeave, Lookup, Progress, PromoteLeave, Service, UserError, Volumes},
};

/// How long a list waits for what the python plugin has made: what is known is not kept back by an array that hangs.
const ADOPTABLE: Duration = Duration::from_secs(5);
/// Nobody was asked whether anything may be copied anew.
const AS_IT_IS: AdoptLeave = AdoptLeave { copy_anew: false };

/// Answers requests until `shutdown` is ready, and those in flight for at most `grace` more.
pub async fn serve(
    socket: Socket,
    service: Service,
    grace: Duration,
    shutdown: impl Future<Output = ()>,
) {
    let answer = service_fn(move |request: hyper::Request<Limited<Incoming>>| {
        let service = service.clone();
        async move {
            let lines = match read(request).await {
                Ok(request) => work(service, request),
                Err(failure) => at_once(Line::Failed(failure)),
            };
            Ok::<_, Infallible>(respond(lines))
        }
    });
    socket::serve(socket, answer, grace, shutdown).await;
}

async fn read(request: hyper::Request<Limited<Incoming>>) -> Result<Request, Failure> {
    let not_understood = |why: String| Failure {
        message: format!(
            "the plugin that runs (release {}) does not understand the request: {why}",
            env!("CARGO_PKG_VERSION")
        ),
        hint: Some("restart it, so that it is of the release of this command".to_owned()),
    };
    if request.method() != Method::POST {
        return Err(not_understood("it is no POST".to_owned()));
    }
    let body = request.into_body().collect().await;
    let body = body.map_err(|error| not_understood(error.to_string()))?;
    serde_json::from_slice(&body.to_bytes()).map_err(|error| not_understood(error.to_string()))
}

type Lines = mpsc::UnboundedReceiver<Line>;

fn at_once(line: Line) -> Lines {
    let (tell, lines) = mpsc::unbounded_channel();
    // The other end is in this function.
    let _ = tell.send(line);
    lines
}

/// On a task of its own, which goes on when whoever asked hangs up.
fn work(service: Service, request: Request) -> Lines {
    let (tell, lines) = mpsc::unbounded_channel();
    let (progress, mut told) = Progress::channel();
    tokio::spawn(async move {
        let done = carry_out(&service, request, progress);
        tokio::pin!(done);
        let last = loop {
            tokio::select! {
                biased;
                Some(line) = told.recv() => {
                    let _ = tell.send(Line::Progress(line));
                }
                last = &mut done => break last,
            }
        };
        // What was told in the same moment as the end.
        while let Ok(line) = told.try_recv() {
            let _ = tell.send(Line::Progress(line));
        }
        let _ = tell.send(match last {
            Ok(answer) => Line::Done(answer),
            Err(error) => Line::Failed(error.into()),
        });
    });
    lines
}

async fn carry_out(
    service: &Service,
    asked: Request,
    progress: Progress,
) -> Result<Answer, UserError> {
    let request = RequestId::random();
    log::info!(request = request.as_str(), asked:? = asked; "asked by an operator");
    match asked {
        Request::List => {
            let adoptable = timeout(ADOPTABLE, service.adoptable(&request, AS_IT_IS));
            let (volumes, adoptable) = tokio::join!(service.overview(&request), adoptable);
            Ok(Answer::List(Listing {
                volumes,
                adoptable: adoptable.ok().map(Candidates::from),
            }))
        }
        Request::Show { name } => show(service, request, name).await.map(Answer::Show),
        Request::Grow { name, to } => {
            let grown = service.grow(request, name, to, progress).await;
            grown.map(Answer::Grown)
        }
        Request::Promote {
            snapshot,
            overwrite,
            stop_group,
        } => {
            let leave = PromoteLeave {
                overwrite,
                stop_group,
            };
            let promoted = service.promote(request, snapshot, leave, progress);
            promoted.await.map(Answer::Promoted)
        }
        Request::Adoptable { copy_anew } => {
            let found = service.adoptable(&request, AdoptLeave { copy_anew }).await;
            Ok(Answer::Adoptable(found.into()))
        }
        Request::AdoptableAs {
            which,
            name,
            copy_anew,
        } => {
            let leave = AdoptLeave { copy_anew };
            let found = service.adoptable_as(&request, &which, &name, leave).await?;
            Ok(Answer::Adoptable(found.into()))
        }
        Request::Adopt {
            which,
            name,
            copy_anew,
        } => {
            let leave = AdoptLeave { copy_anew };
            let adopted = service.adopt(request, which, name, leave).await?;
            Ok(Answer::Adopted(Adoptions {
                adopted: vec![adopted],
                ..Adoptions::default()
            }))
        }
        Request::AdoptAll { copy_anew } => {
            let leave = AdoptLeave { copy_anew };
            let done = adopt_all(service, &request, leave, &progress).await;
            Ok(Answer::Adopted(done))
        }
        Request::Release { name } => {
            let schedules = service.release(request, name).await?;
            Ok(Answer::Released { schedules })
        }
        Request::Forget { name } => service.forget(request, name).await.map(Answer::Forgotten),
    }
}

/// One after the other, volumes before their snapshots; what is refused keeps nobody else.
async fn adopt_all(
    service: &Service,
    request: &RequestId,
    leave: AdoptLeave,
    progress: &Progress,
) -> Adoptions {
    let found = service.adoptable(request, leave).await;
    let mut done = Adoptions {
        not_asked: found.not_asked,
        ..Adoptions::default()
    };
    for candidate in found.all {
        if let Some(why) = candidate.objection() {
            done.refused.push(why.into());
            continue;
        }
        let which = candidate.vv.to_string();
        // An operation of its own, with an id of its own.
        match service.adopt(RequestId::random(), which, None, leave).await {
            Ok(adopted) => {
                progress.tell(format!(
                    "`{}` is volume `{}` now",
                    adopted.was, adopted.name
                ));
                done.adopted.push(adopted);
            }
            Err(error) => done.refused.push(error.into()),
        }
    }
    done
}

async fn show(service: &Service, request: RequestId, name: VolumeName) -> Result<Shown, UserError> {
    match service.get(request, name.clone()).await? {
        Lookup::Found(volume) => Ok(Shown {
            name: volume.name,
            mountpoint: volume.mountpoint,
            created_at: volume.created_at,
            status: volume.status,
        }),
        Lookup::Absent => Err(UserError {
            message: format!("there is no volume `{name}`"),
            hint: Some("see `hpe3par-docker volume list`".to_owned()),
        }),
        Lookup::Unknown => Err(UserError {
            message: format!("whether there is a volume `{name}` cannot be said now"),
            hint: Some("see `docker volume create -d hpe -o help=backends`".to_owned()),
        }),
    }
}

fn respond(lines: Lines) -> Response<impl Body<Data = Bytes, Error = Infallible> + Send + 'static> {
    let frames = stream::unfold(lines, |mut lines| async {
        let line = lines.recv().await?;
        // Nothing in a line is a map whose keys are no text.
        let mut text = serde_json::to_string(&line).unwrap_or_default();
        text.push('\n');
        Some((Ok(Frame::data(Bytes::from(text))), lines))
    });
    let mut response = Response::new(StreamBody::new(frames));
    *response.status_mut() = StatusCode::OK;
    response
}
