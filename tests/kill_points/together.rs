//! Several operations that share the cycles of one group. They interleave differently each time, so it is what must hold in the end that
//! is looked at: every volume is whole or gone, the group runs with those that are whole, and there is no lock.

use std::{
    io::Write,
    sync::atomic::{AtomicUsize, Ordering},
};

use futures_util::future::join_all;
use serde_json::Value;

use super::{
    creating::replicated,
    every::{in_lanes, run},
    rig::{
        arrays::{HOME, PEER},
        plugin::{Plugin, Reply},
    },
    stage::Stage,
};

/// A death at every third point: those before something and those after it, in turn.
const STEP: usize = 3;

/// Volumes that come and volumes that go, at once, in a group with another one, or in one that is not there yet.
#[derive(Debug, Clone, Copy)]
struct Together {
    name: &'static str,
    come: &'static [&'static str],
    go: &'static [&'static str],
    beside: &'static [&'static str],
}

impl Together {
    async fn prepare(&self, stage: &Stage, plugin: &Plugin) {
        for volume in self.beside.iter().chain(self.go) {
            plugin.create(volume, replicated()).await.ok();
        }
        stage.arrays.control.clear_log();
        stage.count_points();
    }

    async fn perform(&self, plugin: &Plugin) -> Vec<Reply> {
        let come = join_all(self.come.iter().map(|v| plugin.create(v, replicated())));
        let go = join_all(self.go.iter().map(|v| plugin.remove(v)));
        let (came, gone) = tokio::join!(come, go);
        came.into_iter().chain(gone).collect()
    }

    /// Whole or gone, each of them.
    async fn check(&self, stage: &Stage, plugin: &Plugin) {
        let listed = plugin.list().await;
        let dump = stage.arrays.dump();
        let mut whole: Vec<&str> = self.beside.to_vec();
        for volume in self.come.iter().chain(self.go) {
            let there = listed.contains(&(*volume).to_owned());
            for array in [HOME, PEER] {
                let vv = &dump[array]["vvs"][format!("dkv-{volume}")];
                let comment = vv["comment"].as_str().unwrap_or("none");
                let ready = comment.contains("/state=ready/");
                assert!(if there { ready } else { vv.is_null() }, "{array}: {vv:#}");
            }
            if there {
                whole.push(volume);
            }
        }
        whole.sort_unstable();
        if whole.is_empty() {
            for (status, _) in stage.group("prod") {
                assert_eq!(status, "none", "the group was made for those that are gone");
            }
        } else {
            stage.assert_group("prod", &whole);
        }
        assert!(!dump.to_string().contains("dkl-"), "a lock is left");
        assert_eq!(stage.open_entries(), 0);
    }

    /// The same again succeeds, and then it can all be taken away.
    async fn again(&self, stage: &Stage, plugin: &Plugin, before: &Value) {
        for reply in self.perform(plugin).await {
            reply.ok();
        }
        self.check(stage, plugin).await;
        for volume in self.come.iter().chain(self.beside) {
            plugin.remove(volume).await.ok();
        }
        assert_eq!(stage.arrays.dump(), *before);
    }

    /// How many points there are when nothing goes wrong, and how often the group is stopped then.
    async fn derive(&self) -> (usize, usize) {
        let stage = Stage::new().await;
        let plugin = stage.plugin();
        stage.listed_once().await;
        let before = stage.arrays.dump();
        self.prepare(&stage, &plugin).await;
        for reply in self.perform(&plugin).await {
            reply.ok();
        }
        let passed = (stage.passed(), stops(&stage));
        self.check(&stage, &plugin).await;
        self.again(&stage, &plugin, &before).await;
        passed
    }

    /// Gives how often the group was stopped to clean up after this death, if it came.
    async fn die_and_recover(&self, at: usize) -> Option<usize> {
        let stage = Stage::new().await;
        let mut plugin = stage.plugin_that_dies_at(at + 1);
        stage.listed_once().await;
        let before = stage.arrays.dump();
        self.prepare(&stage, &plugin).await;
        let died = self.perform(&plugin).await.contains(&Reply::Closed);
        plugin.kill();
        drop(plugin);
        stage.arrays.control.clear_log();
        // Here and there it dies while it cleans up, too.
        let twice = (at / STEP).is_multiple_of(3) && stage.open_entries() > 0;
        if twice {
            stage.clean_up_and_die_at(at % 17 + 1).await;
        }
        let plugin = stage.plugin();
        stage.cleaned_up().await;
        let stopped = stops(&stage);
        self.check(&stage, &plugin).await;
        self.again(&stage, &plugin, &before).await;
        (died && !twice).then_some(stopped)
    }

    fn every_point(&self) {
        let (points, stopped) = run(self.derive());
        let deaths: Vec<usize> = (0..points).step_by(STEP).collect();
        let (died, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let told = |at: usize| format!("killed at point {} of about {points}", at + 1);
        in_lanes(self.name, &deaths, told, |at| {
            if let Some(stopped) = run(self.die_and_recover(at)) {
                died.fetch_add(1, Ordering::SeqCst);
                most.fetch_max(stopped, Ordering::SeqCst);
            }
        });
        let (died, most) = (died.into_inner(), most.into_inner());
        let _ = writeln!(
            std::io::stderr(),
            "{points} kill points of {}, {stopped} stops; {} deaths, {died} of them once and in the middle, cleaned up after with {most} stops at most",
            self.name,
            deaths.len()
        );
        assert!(stopped <= 1, "they share a cycle");
        assert!(most <= 2, "{most} stops for what one death left");
        // Those at the end may come too late, by how the operations interleave; a third dies twice.
        assert!(died >= deaths.len() / 2, "{died} of {}", deaths.len());
    }
}

/// How often the group was stopped since the log was cleared.
fn stops(stage: &Stage) -> usize {
    let log = stage.arrays.control.log(Some(HOME));
    let stops = log.iter().filter(|c| c.line.starts_with("stoprcopygroup "));
    stops.count()
}

#[test]
fn kill_points_of_three_creates_at_once() {
    let together = Together {
        name: "three creates at once",
        come: &["db1", "db2", "db3"],
        go: &[],
        beside: &["other"],
    };
    together.every_point();
}

#[test]
fn kill_points_of_a_create_and_a_remove_at_once() {
    let together = Together {
        name: "a create and a remove at once",
        come: &["db1"],
        go: &["old"],
        beside: &["other"],
    };
    together.every_point();
}

#[test]
fn kill_points_of_two_creates_at_once_with_a_new_group() {
    let together = Together {
        name: "two creates at once with a new group",
        come: &["db1", "db2"],
        go: &[],
        beside: &[],
    };
    together.every_point();
}
