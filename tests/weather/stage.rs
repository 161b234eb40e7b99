//! One plugin, two arrays of its own, and what holds after every case.

use std::{
    future::Future,
    path::Path,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::rig::{
    arrays::{Arrays, HOME, Machine, PASSWORD, PEER},
    compare::differences,
    plugin::{Plugin, Reply},
};

/// What the engine is said to allow, in hpe.conf.
pub const ENGINE_LIMIT: Duration = Duration::from_secs(40);
/// How long what was left behind may take to be cleaned up, once the fault is lifted.
const CLEANING: Duration = Duration::from_secs(60);

/// Processes and host keys are made a few at a time, so that nobody's time-out passes meanwhile.
static STARTING: Semaphore = Semaphore::const_new(3);

/// A plugin with two arrays.
pub struct Stage {
    // Dropped in this order: the plugin before its arrays.
    pub plugin: Plugin,
    pub machine: Machine,
    pub arrays: Arrays,
    /// The arrays before anything was asked.
    pub before: Value,
}

impl Stage {
    pub async fn set() -> Self {
        Self::set_with(|toml| toml, |conf| conf).await
    }

    /// After a change to the description of the arrays, and one to hpe.conf.
    pub async fn set_with(
        arrays: impl FnOnce(String) -> String,
        conf: impl FnOnce(String) -> String,
    ) -> Self {
        let _turn = STARTING.acquire().await.unwrap();
        let arrays = Arrays::start_with(arrays).await;
        let machine = machine(&arrays, "host1");
        let text = std::fs::read_to_string(machine.conf()).unwrap();
        std::fs::write(machine.conf(), conf(text)).unwrap();
        Self::raise(arrays, machine)
    }

    /// Starts the plugin of a machine that is ready.
    pub fn raise(arrays: Arrays, machine: Machine) -> Self {
        let before = arrays.dump();
        // The arrays of other cases live in the same runtime, and go on.
        let plugin = tokio::task::block_in_place(|| Plugin::start(&machine));
        Self {
            plugin,
            machine,
            arrays,
            before,
        }
    }

    /// Its name in messages.
    pub fn label(&self, array: &str) -> String {
        self.arrays.simulator.address(array).to_string()
    }

    pub async fn create(&self, name: &str, options: Value) -> Reply {
        in_time(self.plugin.create(name, options)).await
    }

    pub async fn remove(&self, name: &str) -> Reply {
        in_time(self.plugin.remove(name)).await
    }

    /// Lifts every fault, and waits until nothing is pending.
    pub async fn calm_down(&self) {
        self.arrays.control.clear_faults();
        self.arrays.control.release();
        let patience = Instant::now() + CLEANING;
        while self.machine.open_entries() > 0 {
            assert!(Instant::now() < patience, "operations are still open");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until the arrays stay as they are: copies are in step, and what a copy needed is gone.
    pub async fn settled(&self) {
        let patience = Instant::now() + Duration::from_secs(60);
        while self.arrays.dump().to_string().contains("Syncing") {
            assert!(Instant::now() < patience, "never in step");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the arrays are what they were: what synchronises needs a moment.
    pub async fn as_before(&self, before: &Value) {
        self.as_before_but_for(before, |dump| dump).await;
    }

    /// As [`Stage::as_before`], of what is left when both were made `neutral`.
    pub async fn as_before_but_for(&self, before: &Value, neutral: impl Fn(Value) -> Value) {
        let before = neutral(before.clone());
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let now = neutral(self.arrays.dump());
            if now == before {
                return;
            }
            assert!(
                Instant::now() < patience,
                "something is left on the arrays: {}",
                differences("", &before, &now).join("\n")
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The end of every case: nothing is pending, nothing is left anywhere, and no password was written down.
    pub async fn end(mut self) {
        self.calm_down().await;
        assert_eq!(self.plugin.list().await, Vec::<String>::new());
        self.as_before(&self.before).await;
        tokio::task::block_in_place(|| self.plugin.stop());
        no_secret(&self.machine.dir);
    }
}

/// A machine whose engine has little patience.
pub fn machine(arrays: &Arrays, name: &str) -> Machine {
    let machine = arrays.machine(name);
    machine.configure(&little_patience());
    machine
}

fn little_patience() -> String {
    format!(
        "engine_timeout = \"{}s\"\ncommand_timeout = \"8s\"\nssh_conn_timeout = \"8s\"",
        ENGINE_LIMIT.as_secs()
    )
}

/// Longer than a test holds a command, however slow it is.
const PATIENCE: &str = "engine_timeout = \"120s\"\ncommand_timeout = \"100s\"";

/// A machine for a test that holds a command and wants nobody to give it up.
#[allow(dead_code)] // In bad weather somebody does.
pub fn patient_machine(arrays: &Arrays, name: &str) -> Machine {
    let machine = arrays.machine(name);
    machine.configure(PATIENCE);
    machine
}

/// The hpe.conf of such a machine.
#[allow(dead_code)]
pub fn patient(conf: String) -> String {
    let little = little_patience();
    assert!(conf.contains(&little), "{conf}");
    conf.replace(&little, PATIENCE)
}

/// Options of a plain volume.
pub fn plain() -> Value {
    json!({ "size": "1" })
}

/// Options of a replicated volume.
pub fn replicated() -> Value {
    json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" })
}

/// An answer that comes inside the engine's limit.
pub async fn in_time<T>(answer: impl Future<Output = T>) -> T {
    tokio::time::timeout(ENGINE_LIMIT, answer)
        .await
        .expect("no answer inside the engine's limit")
}

/// What every error for a person is: one line, with these parts, a hint, and no password.
#[track_caller]
pub fn assert_told(said: &str, parts: &[&str]) {
    assert!(!said.contains(['\n', '\r']), "more than a line: {said}");
    assert!(!said.ends_with('.'), "{said}");
    assert!(said.contains("; hint: "), "no hint: {said}");
    assert!(!said.contains(PASSWORD), "{said}");
    for part in parts {
        assert!(said.contains(part), "`{part}` is missing in: {said}");
    }
}

/// Nothing that the plugin wrote holds the password; the file it was read from does.
pub fn no_secret(dir: &Path) {
    let mut seen = 0;
    look_for(PASSWORD, dir, &mut seen);
    assert!(seen > 3, "log, transcripts, state: {seen} files");
}

fn look_for(secret: &str, dir: &Path, seen: &mut usize) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            look_for(secret, &path, seen);
        } else if path.is_file() && path.file_name().unwrap() != "password" {
            *seen += 1;
            let text = std::fs::read(&path).unwrap();
            let found = text.windows(secret.len()).any(|w| w == secret.as_bytes());
            assert!(!found, "the password is in {}", path.display());
        }
    }
}

/// A case of a test with several.
pub type Case = (String, Pin<Box<dyn Future<Output = ()> + Send>>);

/// One case, by its name.
pub fn case(name: impl Into<String>, run: impl Future<Output = ()> + Send + 'static) -> Case {
    (name.into(), Box::pin(run))
}

/// Runs cases at the same time, `at_once` of them: most of their time they wait.
pub async fn all(at_once: usize, cases: Vec<Case>) {
    let places = Arc::new(Semaphore::new(at_once));
    let mut running = JoinSet::new();
    for (name, run) in cases {
        let places = Arc::clone(&places);
        running.spawn(async move {
            let _place = places.acquire().await.unwrap();
            let begun = Instant::now();
            let ended = tokio::spawn(run).await;
            (name, begun.elapsed(), ended.is_ok())
        });
    }
    let mut failed = Vec::new();
    while let Some(ended) = running.join_next().await {
        let (name, took, ok) = ended.unwrap();
        println!("{name}: {} ms", took.as_millis());
        if !ok {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "failed: {}", failed.join(", "));
}

/// Both arrays.
pub const BOTH: [&str; 2] = [HOME, PEER];
