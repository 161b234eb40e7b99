//! The plugin as a process, and the engine's side of its socket.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes};
use hyper_util::rt::TokioIo;
use nix::{sys::signal::Signal, unistd::Pid};
use serde_json::{Value, json};

use super::arrays::Machine;

/// A running plugin. Ends with the value.
pub struct Plugin {
    child: Child,
    /// The words before the command, where it runs in a namespace.
    under: Vec<String>,
    ended: bool,
    pub socket: PathBuf,
    log: PathBuf,
}

/// What came back for a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Status 200.
    Ok(Value),
    /// The `Err` of any other status.
    Err(String),
    /// The connection was closed without an answer, or there was none to begin with.
    Closed,
}

impl Reply {
    /// The answer, of a request that must succeed.
    #[track_caller]
    pub fn ok(self) -> Value {
        match self {
            Self::Ok(value) => value,
            other => panic!("expected success, got {other:?}"),
        }
    }

    /// The error, of a request that must fail.
    #[track_caller]
    pub fn err(self) -> String {
        match self {
            Self::Err(error) => error,
            other => panic!("expected an error, got {other:?}"),
        }
    }
}

impl Plugin {
    /// Starts it and waits until its socket answers.
    pub fn start(machine: &Machine) -> Self {
        Self::start_with(machine, &[], &[])
    }

    /// Starts it under another command (for example in a mount namespace), with more environment.
    pub fn start_with(machine: &Machine, under: &[String], environment: &[(&str, String)]) -> Self {
        let plugin = Self::launch(machine, under, environment);
        plugin.wait_for_socket();
        plugin
    }

    /// As [`Plugin::start_with`], without waiting: for one that may die before it listens.
    pub fn launch(machine: &Machine, under: &[String], environment: &[(&str, String)]) -> Self {
        let binary = env!("CARGO_BIN_EXE_hpe3par-docker");
        let log = machine.dir.join("plugin.log");
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        let mut words: Vec<String> = under.to_vec();
        words.extend([binary.to_owned(), "serve".to_owned(), "--config".to_owned()]);
        words.push(machine.conf().display().to_string());
        let child = Command::new(&words[0])
            .args(&words[1..])
            // On a slow machine an inspect would often show what was seen last.
            .env("HPE3PAR_DOCKER_NEWS_MS", "8000")
            .envs(environment.iter().map(|(k, v)| (*k, v.clone())))
            .env("RUST_LOG", "debug")
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self {
            child,
            under: under.to_vec(),
            ended: false,
            socket: machine.socket(),
            log,
        }
    }

    fn wait_for_socket(&self) {
        let patience = Instant::now() + Duration::from_secs(60);
        while std::os::unix::net::UnixStream::connect(&self.socket).is_err() {
            assert!(
                Instant::now() < patience,
                "the plugin did not come up: {}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What it wrote to its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        self.end(Signal::SIGKILL);
    }

    /// Ends it as `kill -9` does, while somebody waits for its answer.
    pub fn strike(&self) {
        self.signal(Signal::SIGKILL);
    }

    /// Asks it to stop, and waits.
    pub fn stop(&mut self) -> std::process::ExitStatus {
        self.end(Signal::SIGTERM)
    }

    /// Signals it once only: in a namespace it is found by its name, and the next plugin has the same.
    fn end(&mut self, signal: Signal) -> std::process::ExitStatus {
        if !self.ended {
            self.ended = true;
            self.signal(signal);
        }
        self.child.wait().unwrap()
    }

    fn signal(&self, signal: Signal) {
        if self.under.is_empty() {
            let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
            // It may have ended by itself.
            let _ = nix::sys::signal::kill(pid, signal);
        } else {
            // The child is nsenter; it waits for the plugin, which has a pid of its own in there.
            let _ = Command::new(&self.under[0])
                .args(&self.under[1..])
                .args([
                    "pkill",
                    &format!("-{}", signal as i32),
                    "-x",
                    "hpe3par-docker",
                ])
                .status();
        }
    }

    /// True once it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub async fn create(&self, name: &str, options: Value) -> Reply {
        self.call(
            "VolumeDriver.Create",
            &json!({ "Name": name, "Opts": options }),
        )
        .await
    }

    pub async fn remove(&self, name: &str) -> Reply {
        self.call("VolumeDriver.Remove", &json!({ "Name": name }))
            .await
    }

    pub async fn mount(&self, name: &str, id: &str) -> Reply {
        self.call("VolumeDriver.Mount", &json!({ "Name": name, "ID": id }))
            .await
    }

    pub async fn unmount(&self, name: &str, id: &str) -> Reply {
        self.call("VolumeDriver.Unmount", &json!({ "Name": name, "ID": id }))
            .await
    }

    pub async fn get(&self, name: &str) -> Reply {
        self.call("VolumeDriver.Get", &json!({ "Name": name }))
            .await
    }

    /// The names that `List` gives, sorted.
    pub async fn list(&self) -> Vec<String> {
        let answer = self.call("VolumeDriver.List", &json!({})).await.ok();
        let mut names: Vec<String> = answer["Volumes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|volume| volume["Name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }

    /// One request, as an engine sends it: no content type.
    pub async fn call(&self, verb: &str, body: &Value) -> Reply {
        self.send(verb, Bytes::from(body.to_string())).await
    }

    /// One request with any body.
    pub async fn send(&self, verb: &str, body: Bytes) -> Reply {
        exchange(&self.socket, verb, body)
            .await
            .unwrap_or(Reply::Closed)
    }
}

async fn exchange(socket: &Path, verb: &str, body: Bytes) -> Option<Reply> {
    let stream = tokio::net::UnixStream::connect(socket).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .ok()?;
    let connection = tokio::spawn(connection);
    let request = Request::post(format!("/{verb}"))
        .header("Host", "plugin.moby.localhost")
        .header("Accept", "application/vnd.docker.plugins.v1.2+json")
        .body(Full::new(body))
        .ok()?;
    let response = sender.send_request(request).await.ok()?;
    let status = response.status();
    let bytes = response.into_body().collect().await.ok()?.to_bytes();
    connection.abort();
    let value: Value = serde_json::from_slice(&bytes).ok()?;
    let error = value["Err"].as_str().unwrap_or_default().to_owned();
    Some(if status.as_u16() == 200 && error.is_empty() {
        Reply::Ok(value)
    } else {
        Reply::Err(error)
    })
}

impl Drop for Plugin {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- the plugin's log\n{}", self.log());
        }
    }
}
