//! A replicated volume on this machine, and what a storage administrator does to its group.

use serde_json::{Value, json};

use crate::{
    rig::{
        arrays::{HOME, PEER},
        engine::until,
    },
    stage::Stage,
};

/// The group as the peer calls it.
pub const THERE: &str = "prod.r130512";

/// A flavour of InForm OS on both arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// 3.3.1.
    ThreePar,
    /// 10.x.
    Alletra,
}

impl Flavour {
    pub async fn stage(self, test: &str) -> Option<Stage> {
        Stage::set_on(test, |toml| self.describe(toml)).await
    }

    fn describe(self, toml: String) -> String {
        match self {
            Self::ThreePar => toml,
            Self::Alletra => toml.replace("latency_ms = 0", "latency_ms = 0\nrelease = \"10.5.0\""),
        }
    }
}

impl Stage {
    /// Makes a volume of 1 GiB in the group `prod`, and waits until it is Synced.
    pub async fn create_replicated(&self, name: &str) {
        let options = json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" });
        self.plugin.create(name, options).await.ok();
        self.until_synced(HOME, "prod");
    }

    /// Waits until the group is Started and all in it Synced, as this array shows it.
    pub fn until_synced(&self, array: &str, group: &str) {
        until(&format!("`{group}` on `{array}` Synced"), || {
            let now = &self.arrays.dump()[array]["groups"][group];
            let volumes = now["volumes"].as_array();
            let synced = |volume: &Value| volume["sync"] == "Synced";
            now["status"] == "Started" && volumes.is_some_and(|all| all.iter().all(synced))
        });
    }

    /// Waits until the group has these roles at home and on the peer.
    pub fn until_roles(&self, home: &str, peer: &str) {
        until(&format!("{home} and {peer}"), || {
            self.roles() == [home, peer]
        });
    }

    pub fn roles(&self) -> [String; 2] {
        let dump = self.arrays.dump();
        let role = |array: &str, group: &str| {
            dump[array]["groups"][group]["role"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        [role(HOME, "prod"), role(PEER, THERE)]
    }

    /// Stops the group and fails it over to the peer.
    pub async fn fail_over(&self) {
        assert_eq!(
            self.arrays.type_in(HOME, "stoprcopygroup -f prod").await,
            ""
        );
        self.take_over().await;
    }

    /// Fails the group over: what is typed on the peer, whether or not the home array is alive.
    pub async fn take_over(&self) {
        self.operate("failover").await;
        until("the failover", || {
            let dump = self.arrays.dump();
            dump[PEER]["groups"][THERE]["role"] == "Primary-Rev"
        });
    }

    /// `setrcopygroup <operation> -f` on the peer.
    pub async fn operate(&self, operation: &str) {
        let line = format!("setrcopygroup {operation} -f {THERE}");
        let said = self.arrays.type_in(PEER, &line).await;
        assert!(
            said.contains(&format!("{operation} started with tasks")),
            "{said}"
        );
    }

    pub async fn recover(&self) {
        self.operate("recover").await;
        self.until_roles("Secondary-Rev", "Primary-Rev");
        self.until_synced(PEER, THERE);
    }

    pub async fn restore(&self) {
        self.operate("restore").await;
        self.until_roles("Primary", "Secondary");
        self.until_synced(HOME, "prod");
    }

    /// Writes a line into a file of the mounted volume.
    pub fn write(&self, volume: &str, line: &str) {
        let at = self.machine.mountpoint(volume).display().to_string();
        self.namespace
            .sh(&format!("echo {line} >> {at}/file; sync -f {at}/file"));
    }

    /// The lines of that file.
    pub fn read(&self, volume: &str) -> Vec<String> {
        let at = self.machine.mountpoint(volume).display().to_string();
        let text = self.namespace.sh(&format!("cat {at}/file"));
        text.lines().map(str::to_owned).collect()
    }

    /// The hosts to which an array exports a volume.
    pub fn exports(&self, array: &str, volume: &str) -> Vec<String> {
        let dump = self.arrays.dump();
        let vluns = dump[array]["vluns"].as_array().unwrap();
        let of_it = |vlun: &&Value| vlun["vv"] == format!("dkv-{volume}");
        let hosts = vluns.iter().filter(of_it);
        hosts
            .map(|vlun| vlun["host"].as_str().unwrap_or("?").to_owned())
            .collect()
    }

    /// Mounts a volume, from this array and from no other.
    pub async fn mount_from(&self, array: &str, volume: &str, id: &str) {
        self.plugin.mount(volume, id).await.ok();
        let other = if array == HOME { PEER } else { HOME };
        assert_eq!(self.exports(array, volume), ["host1"]);
        assert_eq!(self.exports(other, volume), [""; 0]);
        assert_eq!(self.devices().len(), 1);
        assert!(self.mounted(volume));
    }
}
