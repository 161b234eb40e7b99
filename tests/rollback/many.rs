//! Many volumes of one host at one group at once: they share the cycles in which it is stopped (R5).

use std::time::Instant;

use super::{
    rig::{
        arrays::{Arrays, Machine},
        plugin::{Plugin, Reply},
    },
    stage::replicated,
    two_hosts::{FACTOR, assert_consistent, calm, stops},
};

const MANY: usize = 32;

struct Crowd {
    arrays: Arrays,
    machine: Machine,
    plugin: Plugin,
}

impl Crowd {
    /// Arrays with a group `prod` that runs and has one volume, `other`.
    async fn gather() -> Self {
        let arrays = Arrays::start_with(|toml| toml.replace("factor = 20.0", FACTOR)).await;
        let machine = arrays.machine("host1");
        let plugin = tokio::task::block_in_place(|| Plugin::start(&machine));
        plugin.create("other", replicated()).await.ok();
        arrays.control.clear_log();
        Self {
            arrays,
            machine,
            plugin,
        }
    }

    /// All of it at once; nothing stands in the way of any. Gives how often the group was stopped for it.
    async fn at_once(&self, what: &str, come: &[String], go: &[String]) -> usize {
        let begun = Instant::now();
        let come = come
            .iter()
            .map(|name| self.plugin.create(name, replicated()));
        let go = go.iter().map(|name| self.plugin.remove(name));
        let (came, gone) = tokio::join!(
            futures_util::future::join_all(come),
            futures_util::future::join_all(go)
        );
        let all: Vec<Reply> = came.into_iter().chain(gone).collect();
        println!(
            "{what}: {} in {} ms",
            all.len(),
            begun.elapsed().as_millis()
        );
        for reply in all {
            reply.ok();
        }
        calm([&self.machine]).await;
        stops(&self.arrays, what)
    }
}

fn names(of: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{of}{n:02}")).collect()
}

fn with_other(names: &[String]) -> Vec<String> {
    let mut all = names.to_vec();
    all.push("other".to_owned());
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_come_and_go_at_once_and_stop_their_group_three_times_at_most() {
    let mut crowd = Crowd::gather().await;
    let old = names("old", MANY);
    let stopped = crowd.at_once("32 creates", &old, &[]).await;
    assert!((1..=3).contains(&stopped), "{stopped}");
    assert_consistent(&crowd.arrays, &with_other(&old));

    let new = names("new", MANY / 2);
    let stopped = crowd.at_once("16 creates, 32 removes", &new, &old).await;
    assert!((1..=3).contains(&stopped), "{stopped}");
    assert_consistent(&crowd.arrays, &with_other(&new));

    let stopped = crowd.at_once("16 removes", &[], &new).await;
    assert!((1..=3).contains(&stopped), "{stopped}");
    assert_consistent(&crowd.arrays, &with_other(&[]));
    crowd.plugin.remove("other").await.ok();
    let left = crowd.arrays.dump().to_string();
    assert!(!left.contains("dkv-") && !left.contains("dkl-"), "{left}");
    tokio::task::block_in_place(|| crowd.plugin.stop());
}
