//! A plugin, its two arrays, and the storage administrator who types on them.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    rig::{
        arrays::{HOME, PEER, persistent, witnessed},
        plugin::{Plugin, Reply},
    },
    stage::{Stage, assert_told},
};

/// The group, as its own array calls it.
pub const GROUP: &str = "prod";
/// The group, as the peer calls it.
pub const GROUP_THERE: &str = "prod.r130512";
/// The arrays' ids, as a comment's `home`.
pub const HOME_ID: u32 = 130_512;
pub const PEER_ID: u32 = 130_777;

/// How the backend `mirrored` replicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Synchronous,
    /// Every ten minutes.
    Asynchronous,
    Streaming,
    PeerPersistence,
}

/// InForm OS of both arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    R331,
    R1050,
}

pub struct Scene {
    pub stage: Stage,
    release: Release,
}

/// hpe.conf with another CPG on the peer than on the source.
pub fn other_cpgs(conf: String) -> String {
    let map = "cpg_map = { ssd_r5 = \"ssd_r5\", ssd_r6 = \"ssd_r6\" }";
    assert!(conf.contains(map));
    conf.replace(
        map,
        "cpg_map = { ssd_r5 = \"ssd_r6\", ssd_r6 = \"ssd_r5\" }",
    )
}

impl Scene {
    pub async fn set(way: Way, release: Release) -> Self {
        Self::set_with(way, release, |toml| toml, |conf| conf).await
    }

    /// After further changes to the description of the arrays and to hpe.conf.
    pub async fn set_with(
        way: Way,
        release: Release,
        arrays: impl FnOnce(String) -> String,
        conf: impl FnOnce(String) -> String,
    ) -> Self {
        let describe = |mut toml: String| {
            if release == Release::R1050 {
                toml = toml.replace("latency_ms = 0", "release = \"10.5.0\"\nlatency_ms = 0");
            }
            if way == Way::PeerPersistence {
                toml = witnessed(&toml);
            }
            arrays(toml)
        };
        let configure = |text: String| {
            let synchronous = "replication_mode = \"synchronous\"";
            conf(match way {
                Way::Synchronous => text,
                Way::Asynchronous => text.replace(
                    synchronous,
                    "replication_mode = \"asynchronous\"\nsync_period = 600",
                ),
                Way::Streaming => text.replace(synchronous, "replication_mode = \"streaming\""),
                Way::PeerPersistence => persistent(&text),
            })
        };
        Self {
            stage: Stage::set_with(describe, configure).await,
            release,
        }
    }

    /// What an administrator types on an array, which must not be refused.
    #[track_caller]
    pub fn types<'a>(
        &'a self,
        array: &'a str,
        line: &'a str,
    ) -> impl Future<Output = String> + use<'a> {
        let caller = std::panic::Location::caller();
        async move {
            let printed = self.stage.arrays.type_in(array, line).await;
            let words = printed.to_lowercase();
            let refused = ["error", "syntax", "invalid", "not ", "already", "failed"];
            assert!(
                !refused.iter().any(|word| words.contains(word)),
                "{caller}: {array}: {line}: {printed}"
            );
            printed
        }
    }

    /// An administrator's group.
    pub async fn admin_makes_group(&self, name: &str, target: &str, mode: &str) {
        let mut cpgs = format!("-usr_cpg ssd_r5 {target}:ssd_r5");
        if self.release == Release::R331 {
            cpgs += &format!(" -snp_cpg ssd_r5 {target}:ssd_r5");
        }
        let line = format!("creatercopygroup {cpgs} {name} {target}:{mode}");
        self.types(HOME, &line).await;
    }

    /// A volume that is none of Docker's, in such a group.
    pub async fn admin_fills_group(&self, name: &str, target: &str) {
        let snapshots = match self.release {
            Release::R331 => "-snp_cpg ssd_r5 ",
            Release::R1050 => "",
        };
        let make = format!("createvv -tpvv {snapshots}ssd_r5 payroll 1g");
        self.types(HOME, &make).await;
        let admit = format!("admitrcopyvv -createvv -nowwn payroll {name} {target}:payroll");
        self.types(HOME, &admit).await;
    }

    /// Waits until nothing starts or is copied any more.
    pub async fn at_rest(&self) {
        let patience = Instant::now() + Duration::from_secs(60);
        let moves = |dump: String| dump.contains("\"Syncing\"") || dump.contains("\"Starting\"");
        while moves(self.stage.arrays.dump().to_string()) {
            assert!(Instant::now() < patience, "never at rest");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn create(&self, name: &str) -> Reply {
        self.create_with(name, json!({})).await
    }

    /// A volume of the backend `mirrored`, with further options.
    pub async fn create_with(&self, name: &str, more: Value) -> Reply {
        let mut options = json!({ "size": "1", "backend": "mirrored", "replicationGroup": GROUP });
        for (key, value) in more.as_object().unwrap() {
            options[key] = value.clone();
        }
        self.stage.create(name, options).await
    }

    /// A volume is refused before anything was made: nobody asked an array for a change, and everything is as it was.
    pub async fn refuses(&self, more: Value, parts: &[&str]) {
        let quiet = self.quiet().await;
        let known = self.stage.plugin.list().await;
        let said = self.create_with("db9", more).await.err();
        assert_told(&said, &["volume `db9`"]);
        assert_told(&said, parts);
        self.is_as(&quiet).await;
        assert_eq!(self.stage.plugin.list().await, known);
    }

    /// A volume is not removed, and is there as before.
    pub async fn keeps(&self, name: &str, parts: &[&str]) {
        let quiet = self.quiet().await;
        let said = self.stage.remove(name).await.err();
        assert_told(&said, &[&format!("volume `{name}`")]);
        assert_told(&said, parts);
        self.is_as(&quiet).await;
        assert!(self.stage.plugin.list().await.contains(&name.to_owned()));
        self.stage.plugin.get(name).await.ok();
    }

    async fn quiet(&self) -> Value {
        self.at_rest().await;
        self.stage.arrays.control.clear_log();
        self.stage.arrays.dump()
    }

    async fn is_as(&self, before: &Value) {
        let log = self.stage.arrays.control.log(None);
        let asked: Vec<_> = log.iter().map(|entry| entry.line.as_str()).collect();
        let all_look = asked.iter().all(|line| line.starts_with("show"));
        assert!(all_look && !asked.is_empty(), "{asked:#?}");
        self.stage.as_before(before).await;
        self.stage.calm_down().await;
        self.has_no_lock();
    }

    /// The set that is a group's lock is on neither array.
    #[track_caller]
    pub fn has_no_lock(&self) {
        for array in [HOME, PEER] {
            let sets = self.dump(array)["vv_sets"].to_string();
            assert!(!sets.contains("dkl-"), "{array}: {sets}");
        }
    }

    /// One array, as it is now.
    pub fn dump(&self, array: &str) -> Value {
        self.stage.arrays.dump()[array].clone()
    }

    /// The VV of a volume on one array.
    pub fn vv(&self, array: &str, volume: &str) -> Value {
        self.dump(array)["vvs"][format!("dkv-{volume}")].clone()
    }

    /// The group's two halves.
    pub fn halves(&self) -> [Value; 2] {
        [
            self.dump(HOME)["groups"][GROUP].clone(),
            self.dump(PEER)["groups"][GROUP_THERE].clone(),
        ]
    }

    /// Role and status on both arrays.
    pub fn roles(&self) -> [String; 2] {
        self.halves().map(|half| {
            let word = |field: &str| half[field].as_str().unwrap_or("none").to_owned();
            format!("{} {}", word("role"), word("status"))
        })
    }

    /// Commands of a kind that an array was given since the log was cleared.
    pub fn given(&self, array: &str, command: &str) -> Vec<String> {
        let log = self.stage.arrays.control.log(Some(array));
        let mut lines: Vec<String> = log.into_iter().map(|entry| entry.line).collect();
        lines.retain(|line| line.split(' ').next() == Some(command));
        lines
    }

    /// Waits until an array was given such a command.
    pub async fn was_given(&self, array: &str, command: &str, times: usize) {
        let patience = Instant::now() + Duration::from_secs(60);
        while self.given(array, command).len() < times {
            assert!(Instant::now() < patience, "{command} never came");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until the plugin has found out that an array is back: it tries again every few seconds.
    pub async fn answers(&self, array: &str) {
        let patience = Instant::now() + Duration::from_secs(60);
        let name = self.stage.plugin.list().await.remove(0);
        loop {
            let status = self.status(&name).await;
            let side = if array == PEER {
                &status["peer"]
            } else {
                &status
            };
            if side["unreachable"].is_null() && !side["seen"].is_null() {
                return;
            }
            assert!(Instant::now() < patience, "{status:#}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What an inspect shows.
    pub async fn status(&self, name: &str) -> Value {
        self.stage.plugin.get(name).await.ok()["Volume"]["Status"].clone()
    }

    /// Stops the plugin, and starts it again; it has listed its arrays then.
    pub async fn restart(&mut self, with_index: bool) {
        let state = self.stage.machine.dir.join("state");
        tokio::task::block_in_place(|| self.stage.plugin.stop());
        if !with_index {
            std::fs::remove_dir_all(state).unwrap();
        }
        let before = self.listed().len();
        self.stage.plugin = tokio::task::block_in_place(|| Plugin::start(&self.stage.machine));
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let listed = self.listed();
            let since: BTreeSet<&String> = listed[before..].iter().collect();
            if since.len() >= 2 {
                return;
            }
            assert!(Instant::now() < patience, "never listed");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Backends of which a listing has ended well, in order.
    fn listed(&self) -> Vec<String> {
        let log = self.stage.plugin.log();
        let ready = log.lines().filter(|line| line.contains("backend is ready"));
        ready
            .filter_map(|line| {
                line.split_whitespace()
                    .find(|word| word.starts_with("backend="))
            })
            .map(str::to_owned)
            .collect()
    }

    /// Removes volumes, and ends with the arrays as they were.
    pub async fn end(self, volumes: &[&str]) {
        for name in volumes {
            self.at_rest().await;
            self.stage.remove(name).await.ok();
            self.has_no_lock();
        }
        self.stage.end().await;
    }
}
