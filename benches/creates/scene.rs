//! Two arrays that take their time, a group that protects volumes, and a plugin.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    measured::Measured,
    rig::{
        arrays::{Arrays, HOME, Machine, PEER},
        plugin::{Plugin, Reply},
    },
};

/// What an array takes to answer a command.
pub const LATENCY_MS: u64 = 300;
/// Volumes that are in the group already, and are what this is about: while the group is stopped, nothing protects them.
pub const PROTECTED: usize = 4;
/// The group.
pub const GROUP: &str = "prod";

/// The n-th new volume.
pub fn name(nth: usize) -> String {
    format!("bench-{nth:03}")
}

/// Ends with the value.
pub struct Scene {
    // The plugin ends before its arrays.
    pub plugin: Plugin,
    pub machine: Machine,
    pub arrays: Arrays,
    begun: Cell<Instant>,
}

impl Scene {
    /// A started group with volumes that are Synced. The arrays answer at once until [`Scene::begin`].
    pub async fn set() -> Self {
        let arrays = Arrays::start_with(|toml| toml.replace("factor = 20.0", "factor = 1.0")).await;
        let machine = arrays.machine("host1");
        let plugin = tokio::task::block_in_place(|| Plugin::start(&machine));
        machine.listed_once(&arrays).await;
        let scene = Self {
            plugin,
            machine,
            arrays,
            begun: Cell::new(Instant::now()),
        };
        let names = (1..=PROTECTED).map(|nth| format!("before-{nth}"));
        futures_util::future::join_all(names.map(|name| scene.create(name))).await;
        let patience = Instant::now() + Duration::from_secs(60);
        while !scene.is_synced() {
            assert!(Instant::now() < patience, "the group never is in step");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        scene
    }

    /// From now on commands take their time, and are counted.
    pub fn begin(&self) {
        for array in [HOME, PEER] {
            self.arrays.control.latency(array, LATENCY_MS).unwrap();
        }
        self.arrays.control.clear_log();
        self.begun.set(Instant::now());
    }

    /// What there was since then.
    pub fn measure(&self) -> Measured {
        let log = self.arrays.control.log(None);
        Measured::of(self.begun.get().elapsed(), &log)
    }

    /// Creates a volume in the group. An engine has only so much patience: who is told that it is still running asks again.
    pub async fn create(&self, name: String) {
        let options = json!({ "size": "1", "backend": "mirrored", "replicationGroup": GROUP });
        loop {
            match self.plugin.create(&name, options.clone()).await {
                Reply::Ok(_) => return,
                Reply::Err(said) if said.contains("still running after ") => {}
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    fn group(&self, array: &str, group: &str) -> Value {
        self.arrays.dump()[array]["groups"][group].clone()
    }

    fn is_synced(&self) -> bool {
        let members = self.group(HOME, GROUP)["volumes"].clone();
        let members = members.as_array().unwrap();
        members.iter().all(|member| member["sync"] == "Synced")
    }

    /// The group runs on both arrays with all of its volumes: otherwise nothing was measured.
    pub fn end(self, new: usize) {
        for (array, group) in [(HOME, GROUP), (PEER, "prod.r130512")] {
            let group = self.group(array, group);
            assert_eq!(group["status"], "Started", "{array}");
            let members = group["volumes"].as_array().unwrap().len();
            assert_eq!(members, PROTECTED + new, "{array}");
        }
    }
}
