//! Mounts that were counted, and of which the engine did not hear, or may not have heard.

use std::time::{Duration, Instant};

use hpe3par_sim::{Fault, Kind};

use crate::{
    rig::{arrays::HOME, engine::until, plugin::Reply},
    stage::Stage,
};

/// Long enough for what is to happen before it is over.
const LONG: (&str, &str) = ("HPE3PAR_DOCKER_PATIENCE_MS", "600000");
/// Long enough for the plugin to notice that nobody waits for its answer.
const SHORT: (&str, &str) = ("HPE3PAR_DOCKER_PATIENCE_MS", "500");
const NONE: (&str, &str) = ("HPE3PAR_DOCKER_PATIENCE_MS", "0");

impl Stage {
    fn start_patient(&mut self, patience: (&str, &str)) {
        self.start_with(&[(patience.0, patience.1.to_owned())]);
    }

    /// Starts the plugin, and asks it for a Mount. The points of what it does by itself after its start do not count.
    async fn mount_counting(&mut self, volume: &str, id: &str, more: (&str, String)) -> Reply {
        // A plugin that has just started also looks at what was exported then.
        until("a machine with nothing of it", || {
            self.is_clear() && self.journal() == 0
        });
        self.kill();
        let from = self.machine.dir.join("points-count");
        let _ = std::fs::remove_file(&from);
        let log_before = self.plugin.log().len();
        self.start_with(&[
            ("HPE3PAR_DOCKER_KILL_FROM", from.display().to_string()),
            more,
        ]);
        until("the first listings", || {
            let log = &self.plugin.log()[log_before..];
            log.matches("backend is ready").count() == 2
        });
        std::fs::write(&from, "").unwrap();
        self.plugin.mount(volume, id).await
    }

    /// Kills the plugin right after the last line that it writes for a Mount, before the answer. `at` is how many points it passes.
    async fn dies_before_the_answer(&mut self, volume: &str, id: &str, at: usize) {
        let die = ("HPE3PAR_DOCKER_KILL_AT", at.to_string());
        assert_eq!(self.mount_counting(volume, id, die).await, Reply::Closed);
        self.kill();
        assert_eq!(self.journal(), 0);
    }

    /// How many points a Mount of a volume with a filesystem passes.
    async fn points_of_a_mount(&mut self, volume: &str) -> usize {
        self.plugin.mount(volume, "c0").await.ok();
        self.plugin.unmount(volume, "c0").await.ok();
        let file = self.machine.dir.join("points");
        let list = ("HPE3PAR_DOCKER_KILL_LIST", file.display().to_string());
        self.mount_counting(volume, "c0", list).await.ok();
        let points = std::fs::read_to_string(&file).unwrap().lines().count();
        self.plugin.unmount(volume, "c0").await.ok();
        points
    }

    /// As in a container that lives: the same filesystem under another path.
    fn container_uses(&self, volume: &str) -> String {
        let at = self.machine.mountpoint(volume).display().to_string();
        let inside = self.machine.dir.join("inside").display().to_string();
        self.namespace
            .sh(&format!("mkdir -p {inside} && mount --bind {at} {inside}"));
        inside
    }

    fn users(&self, volume: &str) -> serde_json::Value {
        let text = std::fs::read_to_string(self.mounts_json()).unwrap();
        let records: serde_json::Value = serde_json::from_str(&text).unwrap();
        records["volumes"][volume]["refs"].clone()
    }

    async fn copies_into_the_container(&self, volume: &str, id: &str) {
        self.plugin.mount(volume, id).await.ok();
        self.plugin.unmount(volume, id).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plugin_dies_between_the_count_and_the_answer() {
    let test = "unheard::the_plugin_dies_between_the_count_and_the_answer";
    let Some(mut stage) = Stage::set(test).await else {
        return;
    };
    stage.create("db1").await;
    let points = stage.points_of_a_mount("db1").await;

    // The engine gives up: it asks with another id, or not at all.
    stage.dies_before_the_answer("db1", "c1", points).await;
    assert!(stage.mounted("db1"));
    stage.start_patient(LONG);
    stage.plugin.mount("db1", "c2").await.ok();
    stage.plugin.unmount("db1", "c2").await.ok();
    assert!(stage.mounted("db1"), "it may yet be used");
    stage.kill();
    stage.start_patient(NONE);
    until("the end of a mount that nobody heard of", || {
        stage.is_clear() && stage.journal() == 0
    });

    // The engine asks again for the same: it is one user.
    stage.dies_before_the_answer("db1", "c1", points).await;
    stage.start_patient(LONG);
    stage.plugin.mount("db1", "c1").await.ok();
    assert_eq!(stage.users("db1"), serde_json::json!({ "c1": 1 }));
    stage.plugin.unmount("db1", "c1").await.ok();
    assert!(stage.is_clear());

    // The engine removes the volume: it uses none of it.
    stage.dies_before_the_answer("db1", "c1", points).await;
    stage.start_patient(LONG);
    stage.plugin.remove("db1").await.ok();
    assert!(stage.is_clear());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plugin_dies_right_after_the_answer() {
    let test = "unheard::the_plugin_dies_right_after_the_answer";
    let Some(mut stage) = Stage::set(test).await else {
        return;
    };
    stage.create("db1").await;
    stage.kill();
    // To this plugin no answer has left.
    stage.start_patient(LONG);
    stage.plugin.mount("db1", "c1").await.ok();
    let inside = stage.container_uses("db1");
    stage.kill();
    // Before anything is decided the container is copied into: that is a further user, for the container is there.
    stage.start_patient(LONG);
    stage.copies_into_the_container("db1", "c1").await;
    assert!(stage.mounted("db1"), "the container uses it");
    stage.kill();
    stage.start_patient(NONE);
    stage.copies_into_the_container("db1", "c1").await;
    assert!(stage.mounted("db1"), "the container uses it");

    stage.namespace.sh(&format!("umount {inside}"));
    stage.plugin.unmount("db1", "c1").await.ok();
    assert!(stage.is_clear());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_nobody_heard_of_stays_while_the_device_is_in_use() {
    let test = "unheard::a_user_that_nobody_heard_of_stays_while_the_device_is_in_use";
    let Some(mut stage) = Stage::set(test).await else {
        return;
    };
    stage.create("db1").await;
    stage.kill();
    // To this plugin no answer has left.
    stage.start_patient(LONG);
    stage.plugin.mount("db1", "c1").await.ok();
    let inside = stage.container_uses("db1");
    stage.kill();
    stage.start_patient(NONE);
    until("the decision", || {
        stage
            .plugin
            .log()
            .contains("the engine heard of this mount")
    });
    stage.namespace.sh(&format!("umount {inside}"));
    stage.kill();
    stage.start_patient(NONE);
    stage.copies_into_the_container("db1", "c1").await;
    assert!(stage.mounted("db1"), "decided once and for all");
    stage.plugin.unmount("db1", "c1").await.ok();
    assert!(stage.is_clear());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_hangs_up_and_then_copies_under_the_same_id() {
    let test = "unheard::the_engine_hangs_up_and_then_copies_under_the_same_id";
    let Some(mut stage) = Stage::set(test).await else {
        return;
    };
    stage.create("db1").await;
    for (patience, copies) in [(LONG, 2), (SHORT, 0)] {
        stage.kill();
        stage.start_patient(patience);
        let log_before = stage.plugin.log().len();
        stage.arrays.control.clear_log();
        let hang = Fault::new(Kind::HangBefore)
            .on(HOME)
            .matching("^createvlun ");
        stage.arrays.control.fault(hang).unwrap();
        let export = || {
            let log = stage.arrays.control.log(Some(HOME));
            log.iter()
                .any(|entry| entry.line.starts_with("createvlun "))
        };
        let arrived = async {
            let patience = Instant::now() + Duration::from_secs(60);
            while !export() {
                assert!(Instant::now() < patience, "the mount exports nothing");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            reply = stage.plugin.mount("db1", "c1") => panic!("{reply:?}"),
            () = arrived => {}
        }
        let told = |what: &str| stage.plugin.log()[log_before..].contains(what);
        // It is known that nobody waits before there is something to tell.
        until("the hang-up", || told("the engine hung up"));
        stage.arrays.control.clear_faults();
        stage.arrays.control.release();
        until("the end of the mount", || {
            told("the engine did not wait for the answer")
        });
        for _ in 0..copies {
            stage.copies_into_the_container("db1", "c1").await;
            assert!(stage.is_clear(), "no user is left over");
        }
        let taken_back = || told("nobody came for this mount");
        match copies {
            0 => until("the end of a mount that nobody heard of", || {
                taken_back() && stage.is_clear()
            }),
            _ => assert!(!taken_back()),
        }
    }
}
