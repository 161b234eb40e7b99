//! The ssh layer against a server with faults, against simulated arrays, and against OpenSSH.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod answers;
mod arrays;
mod commands;
mod connecting;
mod openssh;
#[path = "../rig/mod.rs"]
mod rig;
mod server;
mod shell;
mod snapshots;

use std::time::Duration;

use hpe3par_docker::model::Secret;
use hpe3par_docker::ssh::{Auth, Endpoint, Greeting, Pool};
use regex::Regex;
use server::{PASSWORD, Server};

/// More than anything here takes, so that a test that hangs fails instead.
const LONG: Duration = Duration::from_secs(30);

/// A client's side: where it connects, and its known hosts file, which must outlive its pools.
struct Client {
    endpoint: Endpoint,
    directory: tempfile::TempDir,
}

impl Client {
    /// Knows nothing of the server yet, and takes what it sees.
    fn new(server: &Server) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let endpoint = Endpoint {
            label: "east".into(),
            host: "127.0.0.1".into(),
            port: server.address.port(),
            login: "plugin".into(),
            auth: Auth::Password(Secret::new(PASSWORD.into())),
            known_hosts: directory.path().join("known_hosts"),
            strict: false,
            legacy_algorithms: false,
            connect_timeout: Duration::from_secs(10),
        };
        Self {
            endpoint,
            directory,
        }
    }

    fn pool(&self, cap: usize) -> Pool {
        Pool::new(self.endpoint.clone(), greeting(), cap)
    }

    fn known_hosts(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("known_hosts")).unwrap_or_default()
    }
}

fn greeting() -> Greeting {
    Greeting {
        probe: "greet".into(),
        accepts: |text| text.starts_with("far end "),
        identify: Some(("whoami".into(), |text| {
            text.trim()
                .strip_prefix("you are session ")
                .map(str::to_owned)
        })),
        prompt: Regex::new(r"cli%\s*$").unwrap(),
    }
}

/// Waits until something holds that another task or thread brings about.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, waiting)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}
