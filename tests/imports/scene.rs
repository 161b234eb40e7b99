//! A plugin, its two arrays, and VVs that somebody else has made there.

use std::future::Future;

use serde_json::{Value, json};

use super::{
    rig::{
        arrays::HOME,
        plugin::{Plugin, Reply},
    },
    stage::{Case, Stage, all, assert_told, case},
};

/// The InForm OS levels of the arrays.
pub const FLAVOURS: [&str; 3] = ["3.2.2", "3.3.1", "10.5.0"];

/// A comment with all that could go wrong on a command line.
pub const COMMENT: &str = r#"Oracle data; "ask Ann" [first] $HOME {a \ b} -name x"#;

/// Arrays of this level; what an array takes seconds for is done by the time it is looked at.
pub fn flavour(release: &str) -> impl Fn(String) -> String {
    let level = format!("release = \"{release}\"\nlatency_ms = 0");
    move |toml| {
        toml.replace("latency_ms = 0", &level)
            .replace("factor = 20.0", "factor = 100000.0")
    }
}

/// Runs one thing in every flavour.
pub async fn in_every_flavour<F>(name: &str, run: impl Fn(Scene) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    in_every_flavour_with(name, |conf| conf, run).await;
}

/// After a change to hpe.conf.
pub async fn in_every_flavour_with<F>(
    name: &str,
    conf: fn(String) -> String,
    run: impl Fn(Scene) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut cases: Vec<Case> = Vec::new();
    for release in FLAVOURS {
        let scene = Scene::set_with(release, |toml| toml, conf).await;
        cases.push(case(format!("{name} on {release}"), run(scene)));
    }
    all(3, cases).await;
}

pub struct Scene {
    pub stage: Stage,
    pub release: &'static str,
}

impl Scene {
    pub async fn set(release: &'static str) -> Self {
        Self::set_with(release, |toml| toml, |conf| conf).await
    }

    pub async fn set_with(
        release: &'static str,
        arrays: impl FnOnce(String) -> String,
        conf: impl FnOnce(String) -> String,
    ) -> Self {
        let describe = |toml| arrays(flavour(release)(toml));
        let stage = Stage::set_with(describe, conf).await;
        stage.machine.listed_once(&stage.arrays).await;
        Self { stage, release }
    }

    pub fn has_snapshot_cpgs(&self) -> bool {
        self.release != "10.5.0"
    }

    /// What an administrator types on an array, which must not be refused.
    pub async fn types(&self, array: &str, line: &str) {
        types(&self.stage, array, line).await;
    }

    /// A VV with data of somebody's, of 1.5 GiB.
    pub async fn has_vv(&self, name: &str) {
        self.types(HOME, &making(name)).await;
    }

    /// A schedule that takes snapshots of a VV, once a year and not before most of one has passed: a day is a second here.
    pub async fn has_schedule(&self, name: &str, of: &str) {
        let command = format!("createsv -f -exp 24h {name}.@y@@m@@d@@H@ {of}");
        let a_month_ago = self.stage.arrays.control.now() - 30 * 24 * 3600;
        let day = jiff::Timestamp::from_second(a_month_ago).unwrap();
        let yearly = day.strftime("0 3 %-d %-m *");
        let line = format!("createsched \"{command}\" \"{yearly}\" {name}");
        self.types(HOME, &line).await;
    }

    /// A VV on an array, by its name there.
    pub fn vv(&self, array: &str, name: &str) -> Value {
        self.stage.arrays.dump()[array]["vvs"][name].clone()
    }

    pub async fn import(&self, name: &str, vv: &str, more: Value) -> Reply {
        self.stage.create(name, importing(vv, more)).await
    }

    /// It is refused, nobody asked an array for a change, and everything is as it was.
    pub async fn refuses(&self, name: &str, options: Value, parts: &[&str]) {
        let before = self.stage.arrays.dump();
        let known = self.stage.plugin.list().await;
        self.stage.arrays.control.clear_log();
        let said = self.stage.create(name, options).await.err();
        assert_told(&said, &[&format!("volume `{name}`")]);
        assert_told(&said, parts);
        self.nothing_changed(&before).await;
        assert_eq!(self.stage.plugin.list().await, known);
    }

    /// A volume is neither removed nor released, and everything is as it was.
    pub async fn keeps(&self, name: &str, parts: &[&str]) {
        let before = self.stage.arrays.dump();
        self.stage.arrays.control.clear_log();
        let said = self.stage.remove(name).await.err();
        assert_told(&said, &[&format!("volume `{name}`")]);
        assert_told(&said, parts);
        self.nothing_changed(&before).await;
        assert!(self.stage.plugin.list().await.contains(&name.to_owned()));
    }

    async fn nothing_changed(&self, before: &Value) {
        let log = self.stage.arrays.control.log(None);
        let changing: Vec<_> = log.iter().filter(|entry| entry.changed).collect();
        assert!(changing.is_empty(), "{changing:#?}");
        assert_eq!(self.stage.arrays.dump(), *before);
        self.stage.calm_down().await;
    }

    /// What an inspect shows.
    pub async fn status(&self, name: &str) -> Value {
        self.stage.plugin.get(name).await.ok()["Volume"]["Status"].clone()
    }

    /// The plugin is killed and starts again, with its state or without.
    pub async fn restart(&mut self, with_state: bool) {
        let stage = &mut self.stage;
        tokio::task::block_in_place(|| stage.plugin.kill());
        if !with_state {
            std::fs::remove_dir_all(stage.machine.dir.join("state")).unwrap();
        }
        stage.plugin = tokio::task::block_in_place(|| Plugin::start(&stage.machine));
        stage.machine.listed_once(&stage.arrays).await;
    }

    /// Ends with the arrays as they are in `before`, and no volume.
    pub async fn end_as(mut self, before: &Value) {
        self.stage.before = before.clone();
        self.stage.end().await;
    }
}

/// The line that makes a VV of 1.5 GiB with a comment of somebody's.
pub fn making(name: &str) -> String {
    let comment = quoted(COMMENT);
    format!("createvv -tpvv -comment {comment} ssd_r5 {name} 1500")
}

/// As a person types it.
pub fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

pub async fn types(stage: &Stage, array: &str, line: &str) {
    let printed = stage.arrays.type_in(array, line).await;
    let words = printed.to_lowercase();
    let refused = ["error", "syntax", "invalid", "not ", "already", "failed"];
    assert!(
        !refused.iter().any(|word| words.contains(word)),
        "{array}: {line}: {printed}"
    );
}

/// Options of an import.
pub fn importing(vv: &str, more: Value) -> Value {
    let mut options = json!({ "importVol": vv });
    for (key, value) in more.as_object().unwrap() {
        options[key] = value.clone();
    }
    options
}

/// Options of an import into group `prod`.
pub fn into_group() -> Value {
    json!({ "backend": "mirrored", "replicationGroup": "prod" })
}
