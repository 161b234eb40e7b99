//! A Peer Persistence volume on this machine, and what happens to its arrays.

use serde_json::{Value, json};

use crate::{
    rig::{
        arrays::{HOME, PEER, later, persistent, witnessed},
        engine::until,
        plugin::{Plugin, Reply},
    },
    stage::Stage,
};

/// The group as its own array calls it, and as the peer does.
pub const GROUP: &str = "prod";
pub const GROUP_THERE: &str = "prod.r130512";
/// This machine's host object.
const HOST: &str = "host1";

/// InForm OS of both arrays, and what no source tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    ThreePar,
    Alletra,
    /// A switchover leaves the natural direction as it is.
    KeepsNatural,
}

impl Flavour {
    pub async fn stage(self, test: &str) -> Option<Stage> {
        let describe = |toml: String| {
            let toml = witnessed(&toml);
            match self {
                Self::ThreePar => toml,
                Self::Alletra => later(&toml),
                Self::KeepsNatural => toml.replace(
                    "latency_ms = 0",
                    "switches = { switchover_keeps_natural = true }\nlatency_ms = 0",
                ),
            }
        };
        Stage::set_with(test, describe, |conf| persistent(&conf)).await
    }

    /// The roles at home and on the peer after a switchover.
    pub fn switched_over(self) -> [&'static str; 2] {
        match self {
            Self::KeepsNatural => ["Secondary-Rev", "Primary-Rev"],
            Self::ThreePar | Self::Alletra => ["Secondary", "Primary"],
        }
    }
}

impl Stage {
    /// Makes a volume of 1 GiB in the group, and waits until it is Synced.
    pub async fn create_replicated(&self, name: &str) {
        let options = json!({ "size": "1", "backend": "mirrored", "replicationGroup": GROUP, "mountConflictDelay": "1" });
        self.plugin.create(name, options).await.ok();
        self.in_step();
    }

    /// The group's halves, at home and on the peer.
    pub fn halves(&self) -> [Value; 2] {
        let dump = self.arrays.dump();
        [(HOME, GROUP), (PEER, GROUP_THERE)]
            .map(|(array, group)| dump[array]["groups"][group].clone())
    }

    pub fn roles(&self) -> [String; 2] {
        self.halves()
            .map(|half| half["role"].as_str().unwrap_or("none").to_owned())
    }

    pub fn statuses(&self) -> [String; 2] {
        self.halves()
            .map(|half| half["status"].as_str().unwrap_or("none").to_owned())
    }

    /// Waits until both arrays replicate and every volume is equal.
    #[track_caller]
    pub fn in_step(&self) {
        until("both Started and Synced", || self.are_in_step());
    }

    /// True if both arrays replicate and every volume is equal.
    pub fn are_in_step(&self) -> bool {
        let synced = |volume: &Value| volume["sync"] == "Synced";
        self.halves().iter().all(|half| {
            let volumes = half["volumes"].as_array();
            half["status"] == "Started" && volumes.is_some_and(|all| all.iter().all(synced))
        })
    }

    /// Waits for these roles at home and on the peer.
    #[track_caller]
    pub fn until_roles(&self, home: &str, peer: &str) {
        until(&format!("{home} and {peer}"), || {
            self.roles() == [home, peer]
        });
    }

    /// What a person types on an array, which must not be refused.
    pub async fn types(&self, array: &str, line: &str) {
        let said = self.arrays.type_in(array, line).await;
        assert!(
            said.is_empty() || said.contains("started with tasks"),
            "{array}: {line}: {said}"
        );
    }

    /// The LUN at which an array exports a volume to this machine.
    pub fn lun(&self, array: &str, volume: &str) -> Option<u64> {
        self.exported_to(array, volume)
            .into_iter()
            .find(|(host, _)| host == HOST)
            .map(|(_, lun)| lun)
    }

    /// The hosts to which an array exports a volume, and at which LUN.
    pub fn exported_to(&self, array: &str, volume: &str) -> Vec<(String, u64)> {
        let dump = self.arrays.dump();
        let vluns = dump[array]["vluns"].as_array().unwrap();
        let of_it = vluns
            .iter()
            .filter(|vlun| vlun["vv"] == format!("dkv-{volume}"));
        of_it
            .map(|vlun| {
                let host = vlun["host"].as_str().unwrap_or("?").to_owned();
                (host, vlun["lun"].as_u64().unwrap())
            })
            .collect()
    }

    /// Both arrays export the volume to this machine alone, at one LUN, and it is mounted here by one device.
    #[track_caller]
    pub fn is_on_both(&self, volume: &str) {
        let [here, there] = [HOME, PEER].map(|array| self.exported_to(array, volume));
        assert_eq!(here.len(), 1, "{here:?}");
        assert_eq!(here[0].0, HOST);
        assert_eq!(here, there);
        assert!(self.mounted(volume));
    }

    /// Only this array exports the volume, to this machine.
    #[track_caller]
    pub fn is_only_on(&self, array: &str, volume: &str) {
        let other = if array == HOME { PEER } else { HOME };
        assert!(self.lun(array, volume).is_some(), "not on {array}");
        assert_eq!(self.exported_to(array, volume).len(), 1);
        assert_eq!(self.exported_to(other, volume), []);
        assert!(self.mounted(volume));
    }

    /// Waits until the plugin has added the missing export.
    #[track_caller]
    pub fn until_on_both(&self, volume: &str) {
        until("the missing export", || {
            [HOME, PEER]
                .iter()
                .all(|array| self.lun(array, volume).is_some())
        });
    }

    /// Nothing of any volume is on this machine, nor on an array for it, and nothing is open.
    #[track_caller]
    pub fn is_clear_at_last(&self) {
        until("nothing left", || {
            self.is_clear() && self.machine.open_entries() == 0
        });
    }

    /// What an inspect shows.
    pub async fn status(&self, name: &str) -> Value {
        self.plugin.get(name).await.ok()["Volume"]["Status"].clone()
    }

    /// Waits until an inspect shows something.
    pub async fn shows(&self, name: &str, what: &str, is: impl Fn(&Value) -> bool) {
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(45);
        loop {
            let status = self.status(name).await;
            if is(&status) {
                return;
            }
            assert!(std::time::Instant::now() < patience, "{what}: {status:#}");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }

    /// An array's name in messages.
    pub fn label(&self, array: &str) -> String {
        self.arrays.simulator.address(array).to_string()
    }
}

/// Mounts `db1`, as soon as the plugin has found out that an array is back.
pub async fn mounts_at_last(plugin: &Plugin, id: &str) {
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(45);
    loop {
        match plugin.mount("db1", id).await {
            Reply::Err(said) => assert!(std::time::Instant::now() < patience, "{said}"),
            reply => {
                reply.ok();
                return;
            }
        }
    }
}
