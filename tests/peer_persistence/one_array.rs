//! Either array dies: before an operation, and at every command that the operation gives it. As long as the other one serves, a volume is
//! mounted, unmounted and inspected; it is removed when both are back.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use hpe3par_sim::{Fault, Kind, engine::LogEntry};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    rig::{
        arrays::{HOME, PEER},
        engine::until,
        plugin::Reply,
    },
    scene::{Flavour, GROUP_THERE},
    stage::Stage,
};

/// So many stages at once: most of their time they wait for an array that is dead. Fewer than there are threads: some wait without giving
/// theirs away.
const AT_ONCE: usize = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Mount,
    Unmount,
    Remove,
}

impl Operation {
    /// A volume with data, as the operation finds it.
    async fn stage(self, test: &str) -> Option<Stage> {
        let stage = Flavour::ThreePar.stage(test).await?;
        stage.create_replicated("db1").await;
        stage.plugin.mount("db1", "c1").await.ok();
        let at = stage.machine.mountpoint("db1").display().to_string();
        stage
            .namespace
            .sh(&format!("echo ledger > {at}/file; sync -f {at}/file"));
        if self != Self::Unmount {
            stage.plugin.unmount("db1", "c1").await.ok();
            stage.is_clear_at_last();
        }
        stage.machine.listed_once(&stage.arrays).await;
        Some(stage)
    }

    async fn perform(self, stage: &Stage) -> Reply {
        match self {
            Self::Mount => stage.plugin.mount("db1", "c2").await,
            Self::Unmount => stage.plugin.unmount("db1", "c1").await,
            Self::Remove => stage.plugin.remove("db1").await,
        }
    }
}

/// An array dies at a command: the how many-th of its kind, before or after that took effect.
#[derive(Debug, Clone)]
struct Death {
    array: &'static str,
    command: String,
    nth: u32,
    after: bool,
}

/// Every death there can be in an operation, by the commands that it gives when nothing goes wrong.
fn deaths(array: &'static str, log: &[LogEntry]) -> Vec<Death> {
    let mut deaths = Vec::new();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for entry in log {
        let command = entry.line.split(' ').next().unwrap().to_owned();
        let nth = seen.entry(command.clone()).or_default();
        *nth += 1;
        // What a session is opened with belongs to no operation.
        if ["showversion", "showuserconn", "showsys"].contains(&command.as_str()) {
            continue;
        }
        let death = Death {
            array,
            command,
            nth: *nth,
            after: false,
        };
        if entry.changed {
            deaths.push(Death {
                after: true,
                ..death.clone()
            });
        }
        deaths.push(death);
    }
    deaths
}

async fn of_a_clean(operation: Operation, test: &str) -> Option<Vec<Death>> {
    let stage = operation.stage(test).await?;
    stage.arrays.control.clear_log();
    operation.perform(&stage).await.ok();
    let mut all = Vec::new();
    for array in [HOME, PEER] {
        let mut log = stage.arrays.control.log(Some(array));
        if operation == Operation::Remove {
            // While it only looks, nothing has happened yet: `dead_all_the_time`.
            log.retain(|entry| entry.changed);
        }
        all.extend(deaths(array, &log));
    }
    if operation == Operation::Mount {
        stage.plugin.unmount("db1", "c2").await.ok();
    }
    Some(all)
}

impl Death {
    /// The operation, with the array dying in the middle of it.
    async fn in_the_middle_of(&self, operation: Operation, stage: &Stage) -> Reply {
        let control = &stage.arrays.control;
        control
            .fault(Fault {
                kind: if self.after {
                    Kind::HangAfter
                } else {
                    Kind::HangBefore
                },
                array: Some(self.array.to_owned()),
                matching: Some(format!("^{}\\b", self.command)),
                nth: self.nth,
                bytes: 0,
                words: String::new(),
                repeat: false,
            })
            .unwrap();
        control.clear_log();
        let dies = async {
            let patience = Instant::now() + Duration::from_secs(60);
            let given = || {
                let log = control.log(Some(self.array));
                let word = |entry: &&LogEntry| entry.line.split(' ').next() == Some(&self.command);
                log.iter().filter(word).count()
            };
            while given() < self.nth as usize {
                assert!(Instant::now() < patience, "{self:?} never came");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            control.down(self.array).await.unwrap();
            control.clear_faults();
        };
        let (reply, ()) = tokio::join!(operation.perform(stage), dies);
        reply
    }
}

/// The dead array is back, and the group at home and in step.
async fn heal(stage: &Stage, dead: &str) {
    stage.arrays.control.up(dead).await.unwrap();
    if stage.roles()[1] == "Primary-Rev" {
        for (operation, [home, peer]) in [
            ("recover", ["Secondary-Rev", "Primary-Rev"]),
            ("restore", ["Primary", "Secondary"]),
        ] {
            let line = format!("setrcopygroup {operation} -f {GROUP_THERE}");
            let said = stage.arrays.type_in(PEER, &line).await;
            // A removal may be gone on with as soon as that can be, and the group goes with its last volume.
            let is_gone = || stage.roles() == ["none", "none"];
            let is_begun = said.is_empty() || said.contains("started with tasks");
            assert!(is_begun || is_gone(), "{line}: {said}");
            until(&format!("{operation}: {home} and {peer}, in step"), || {
                is_gone() || stage.roles() == [home, peer] && stage.are_in_step()
            });
            if is_gone() {
                return;
            }
        }
    }
}

fn data_are_there(stage: &Stage) {
    let at = stage.machine.mountpoint("db1").display().to_string();
    assert_eq!(stage.namespace.sh(&format!("cat {at}/file")), "ledger\n");
}

/// Mounted once more from both, and away.
async fn is_well(stage: &Stage) {
    stage.plugin.mount("db1", "c9").await.ok();
    stage.until_on_both("db1");
    data_are_there(stage);
    stage.plugin.unmount("db1", "c9").await.ok();
    stage.is_clear_at_last();
}

async fn mount(death: &Death, stage: &Stage) {
    let reply = death.in_the_middle_of(Operation::Mount, stage).await;
    if death.array == PEER {
        reply.ok();
    } else {
        if let Reply::Err(said) = &reply {
            assert!(said.contains(&stage.label(HOME)), "{said}");
        }
        until("the automatic failover", || {
            stage.roles()[1] == "Primary-Rev"
        });
        if !matches!(reply, Reply::Ok(_)) {
            stage.plugin.mount("db1", "c2").await.ok();
        }
    }
    data_are_there(stage);
    heal(stage, death.array).await;
    stage.in_step();
    stage.until_on_both("db1");
    data_are_there(stage);
    stage.plugin.unmount("db1", "c2").await.ok();
    stage.is_clear_at_last();
    is_well(stage).await;
}

async fn unmount(death: &Death, stage: &Stage) {
    death.in_the_middle_of(Operation::Unmount, stage).await.ok();
    assert!(!stage.mounted("db1"));
    heal(stage, death.array).await;
    stage.in_step();
    stage.is_clear_at_last();
    is_well(stage).await;
}

async fn remove(death: &Death, stage: &Stage) {
    let reply = death.in_the_middle_of(Operation::Remove, stage).await;
    heal(stage, death.array).await;
    until("nothing left open", || stage.machine.open_entries() == 0);
    if let Reply::Err(said) = reply {
        assert!(said.contains(&stage.label(death.array)), "{said}");
        // Gone on with, or taken back.
        if !stage.plugin.list().await.is_empty() {
            stage.in_step();
            is_well(stage).await;
            stage.plugin.remove("db1").await.ok();
        }
    }
    for word in ["dkv-", "dkl-", "\"prod"] {
        until(word, || !stage.arrays.dump().to_string().contains(word));
    }
}

async fn every(operation: Operation, test: &'static str) {
    let Some(deaths) = of_a_clean(operation, test).await else {
        return;
    };
    let count = deaths.len();
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut cases = JoinSet::new();
    for death in deaths {
        let turns = Arc::clone(&turns);
        cases.spawn(async move {
            let _turn = turns.acquire_owned().await.unwrap();
            let stage = operation.stage(test).await.unwrap();
            match operation {
                Operation::Mount => mount(&death, &stage).await,
                Operation::Unmount => unmount(&death, &stage).await,
                Operation::Remove => remove(&death, &stage).await,
            }
            println!("{operation:?}: {death:?}: passed");
        });
    }
    let mut passed = 0;
    while let Some(case) = cases.join_next().await {
        case.unwrap();
        passed += 1;
    }
    assert_eq!(passed, count);
    println!("{operation:?}: {count} deaths");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 24)]
async fn dies_in_the_middle_of_a_mount() {
    every(Operation::Mount, "one_array::dies_in_the_middle_of_a_mount").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 24)]
async fn dies_in_the_middle_of_an_unmount() {
    every(
        Operation::Unmount,
        "one_array::dies_in_the_middle_of_an_unmount",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 24)]
async fn dies_in_the_middle_of_a_remove() {
    every(
        Operation::Remove,
        "one_array::dies_in_the_middle_of_a_remove",
    )
    .await;
}

/// One of them is dead all the time.
#[tokio::test(flavor = "multi_thread")]
async fn dead_all_the_time() {
    let test = "one_array::dead_all_the_time";
    for dead in [HOME, PEER] {
        let Some(stage) = Operation::Mount.stage(test).await else {
            return;
        };
        stage.arrays.control.down(dead).await.unwrap();
        let alive = if dead == HOME {
            until("the automatic failover", || {
                stage.roles()[1] == "Primary-Rev"
            });
            PEER
        } else {
            HOME
        };
        let begun = Instant::now();
        stage.status("db1").await;
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "an inspect waits"
        );
        // A look at the arrays may take longer than an inspect waits.
        stage
            .shows("db1", "who serves", |status| {
                let serving = status["serving"].as_str().unwrap_or_default();
                serving.starts_with(&stage.label(alive))
            })
            .await;
        stage.plugin.mount("db1", "c2").await.ok();
        stage.is_only_on(alive, "db1");
        data_are_there(&stage);
        let status = stage.status("db1").await;
        let from = &status["mounted here"]["from"];
        assert_eq!(*from, serde_json::json!([stage.label(alive)]));
        let why = status["mounted here"]["exported by"].as_str().unwrap();
        assert!(why.starts_with("one array only"), "{why}");
        assert!(why.contains(&stage.label(dead)), "{why}");
        stage.plugin.unmount("db1", "c2").await.ok();
        assert!(!stage.mounted("db1"));
        // Nothing was changed.
        let before = stage.arrays.dump();
        let said = stage.plugin.remove("db1").await.err();
        assert!(said.contains(&stage.label(dead)), "{said}");
        assert_eq!(stage.arrays.dump(), before, "{said}");
        heal(&stage, dead).await;
        stage.in_step();
        is_well(&stage).await;
        stage.plugin.remove("db1").await.ok();
        until("nothing of it", || {
            !stage.arrays.dump().to_string().contains("db1")
        });
    }
}
