//! A plugin on its arrays, and volumes to clone.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{
    rig::{
        arrays::{Arrays, HOME},
        plugin::{Plugin, Reply},
    },
    stage::Stage,
};

/// Longer than the longest pause between two looks at a copy.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// InForm OS of both arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    V322,
    V331,
    V1050,
}

impl Flavour {
    pub const ALL: [Self; 3] = [Self::V322, Self::V331, Self::V1050];

    fn describe(self, toml: &str) -> String {
        let release = match self {
            Self::V322 => "release = \"3.2.2\"\n",
            Self::V331 => "",
            Self::V1050 => "release = \"10.5.0\"\n",
        };
        toml.replace("latency_ms = 0", &format!("{release}latency_ms = 0"))
    }
}

/// What an array takes seconds for is done by the time it is looked at.
pub fn at_once(toml: String) -> String {
    toml.replace("factor = 20.0", "factor = 100000.0")
}

/// What an array takes a second for takes it one.
pub fn slowly(toml: String) -> String {
    toml.replace("factor = 20.0", "factor = 1.0")
}

/// A stage with another backend, `second`, on the array of `DEFAULT`.
pub async fn set(flavour: Flavour, change: impl FnOnce(String) -> String) -> Stage {
    let mut stage = Stage::set_with(|toml| change(flavour.describe(&toml)), with_second).await;
    let index = stage.machine.dir.join("state/index.json");
    until("listed", || {
        let text = std::fs::read_to_string(&index).unwrap_or_default();
        let index: Value = serde_json::from_str(&text).unwrap_or_default();
        index["seeded"].as_array().is_some_and(|all| all.len() == 3)
    })
    .await;
    copies_fail(&stage, false);
    stage.before = stage.arrays.dump();
    stage
}

/// Whether copies on the home array end badly.
pub fn copies_fail(stage: &Stage, fail: bool) {
    let control = &stage.arrays.control;
    control.switch(HOME, "copies_fail", fail).unwrap();
}

fn with_second(conf: String) -> String {
    let from = conf.find("[mirrored]").unwrap();
    let to = conf.find("[mirrored.replication_device]").unwrap();
    let second = conf[from..to].replace("[mirrored]", "[second]");
    format!("{conf}\n{second}")
}

/// What an inspect shows.
pub async fn status(plugin: &Plugin, name: &str) -> Value {
    plugin.get(name).await.ok()["Volume"]["Status"].clone()
}

/// The VV of a volume on the home array.
pub fn vv(arrays: &Arrays, name: &str) -> Value {
    arrays.dump()[HOME]["vvs"][format!("dkv-{name}")].clone()
}

/// What its comment says of a key.
pub fn said(vv: &Value, key: &str) -> Option<String> {
    let comment = vv["comment"].as_str()?;
    let mut pairs = comment.split('/').filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(name, _)| *name == key)
        .map(|(_, value)| value.to_owned())
}

/// How far a volume is.
pub fn state(arrays: &Arrays, name: &str) -> String {
    said(&vv(arrays, name), "state").unwrap_or_else(|| "none".to_owned())
}

/// Waits until it is as it is to be.
#[track_caller]
pub fn until(what: &str, ready: impl Fn() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let patience = Instant::now() + PATIENCE;
        while !ready() {
            assert!(Instant::now() < patience, "{caller}: never {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Waits until a clone is ready, and the plugin knows.
pub async fn completed(stage: &Stage, name: &str) {
    until("ready", || state(&stage.arrays, name) == "ready").await;
    stage.calm_down().await;
    let state = status(&stage.plugin, name).await["state"].clone();
    assert_eq!(state, "ready");
}

/// Asks for a clone, with further options.
pub async fn clone(plugin: &Plugin, of: &str, name: &str, more: Value) -> Reply {
    let mut options = json!({ "cloneOf": of });
    for (key, value) in more.as_object().unwrap() {
        options[key] = value.clone();
    }
    plugin.create(name, options).await
}

/// Commands of a kind that the home array was given since the log was cleared.
pub fn given(arrays: &Arrays, command: &str) -> Vec<String> {
    let log = arrays.control.log(Some(HOME));
    let lines = log.into_iter().map(|entry| entry.line);
    lines
        .filter(|line| line.split(' ').next() == Some(command))
        .collect()
}

/// Removes volumes, and ends with the arrays as they were.
pub async fn end(stage: Stage, names: &[&str]) {
    for name in names {
        stage.settled().await;
        stage.remove(name).await.ok();
    }
    stage.end().await;
}
