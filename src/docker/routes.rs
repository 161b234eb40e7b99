//! The warp filters: one path a request, POST only, bodies as bytes.

use std::{convert::Infallible, sync::Arc};

use hyper::{StatusCode, body::Bytes};
use warp::{Filter, Rejection, reject, reply};

use super::{
    answer::Ending,
    handlers::{Api, Body},
    messages::Verb,
};
use crate::volume::Volumes;

/// The whole protocol as a filter that never rejects.
pub(super) fn routes<V: Volumes>(
    api: Arc<Api<V>>,
) -> impl Filter<Extract = (reply::Response,), Error = Infallible> + Clone {
    warp::path::param::<Verb>()
        .and(warp::path::end())
        .and(warp::post())
        .and(body())
        .then(move |verb: Verb, body: Body<Bytes>| {
            let api = Arc::clone(&api);
            async move { api.handle(verb, body).await.into_response() }
        })
        .recover(|rejection: Rejection| async move { Ok::<_, Infallible>(misdirected(&rejection)) })
        .unify()
}

/// The body as bytes, whatever its type is said to be (the engine says none, Podman an own one: array fact 28); `None` if
/// it cannot be read to its end.
fn body() -> impl Filter<Extract = (Body<Bytes>,), Error = Infallible> + Clone {
    warp::body::bytes()
        .map(Some)
        .or_else(|_: Rejection| async { Ok::<_, Infallible>((None,)) })
}

fn misdirected(rejection: &Rejection) -> reply::Response {
    let ending = if rejection.find::<reject::MethodNotAllowed>().is_some() {
        let message =
            "only POST is answered here; hint: this is the socket of a Docker volume plugin";
        Ending::Misdirected(StatusCode::METHOD_NOT_ALLOWED, message.to_owned())
    } else {
        let message = "no such request; hint: this plugin speaks the Docker volume protocol only";
        Ending::Misdirected(StatusCode::NOT_FOUND, message.to_owned())
    };
    ending.into_response()
}
