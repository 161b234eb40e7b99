//! Every changing command of a create and a remove, each of which goes wrong on its way in every way there is.

use hpe3par_sim::{Fault, Kind};
use serde_json::Value;

use super::{
    rig::plugin::Reply,
    stage::{Case, Stage, all, assert_told, case, plain, replicated},
};

/// How an answer goes wrong.
#[derive(Debug, Clone, Copy)]
enum Wrong {
    /// The connection is lost, nothing was done.
    Before,
    /// The connection is lost, it was done.
    After,
    /// The connection is lost in the middle of the answer.
    Middle,
    /// The answer ends at its beginning, or in its middle, and looks whole.
    Cut(usize),
}

const ALL: [Wrong; 5] = [
    Wrong::Before,
    Wrong::After,
    Wrong::Middle,
    Wrong::Cut(0),
    Wrong::Cut(9),
];

impl Wrong {
    fn fault(self) -> Fault {
        match self {
            Self::Before => Fault::new(Kind::DropBefore),
            Self::After => Fault::new(Kind::DropAfter),
            Self::Middle => Fault::new(Kind::DropMid).bytes(9),
            Self::Cut(bytes) => Fault::new(Kind::Truncate).bytes(bytes),
        }
    }
}

/// The n-th command of this name on an array.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Command {
    array: String,
    name: String,
    nth: u32,
}

impl Command {
    fn goes_wrong(&self, wrong: Wrong) -> Fault {
        let only = format!("^{}( |$)", self.name);
        let fault = wrong.fault().on(&self.array);
        fault.matching(&only).nth(self.nth)
    }
}

/// The changing commands since the log was cleared.
fn changing(stage: &Stage) -> Vec<Command> {
    let mut all: Vec<Command> = Vec::new();
    for entry in stage.arrays.control.log(None) {
        let name = entry.line.split(' ').next().unwrap().to_owned();
        let earlier = |c: &&Command| c.array == entry.array && c.name == name;
        let nth = 1 + all.iter().filter(earlier).count();
        if entry.changed {
            all.push(Command {
                array: entry.array,
                name,
                nth: u32::try_from(nth).unwrap(),
            });
        }
    }
    all
}

/// A volume on its way in or out.
#[derive(Debug, Clone)]
struct Job {
    options: Value,
    /// Another volume is in the group already, and stays.
    beside: bool,
}

impl Job {
    async fn stage(&self) -> (Stage, Value) {
        let stage = Stage::set().await;
        if self.beside {
            stage.create("other", self.options.clone()).await.ok();
        }
        stage.settled().await;
        let before = stage.arrays.dump();
        (stage, before)
    }

    /// The end of a case: everything but the other volume is gone, and that is as it was.
    async fn as_before(&self, stage: &Stage, before: &Value) {
        let listed = stage.plugin.list().await;
        let other: &[&str] = if self.beside { &["other"] } else { &[] };
        assert_eq!(listed, other);
        stage.as_before(before).await;
    }

    async fn end(&self, stage: Stage) {
        if self.beside {
            stage.remove("other").await.ok();
        }
        stage.end().await;
    }
}

/// A failed operation names the volume, the array and the command.
fn told(stage: &Stage, reply: &Reply, command: &Command) {
    if let Reply::Err(said) = reply {
        assert_told(said, &["db1", &stage.label(&command.array), &command.name]);
    }
}

async fn creating(job: Job, wrong: Wrong) {
    let (stage, before) = job.stage().await;
    stage.arrays.control.clear_log();
    stage.create("db1", job.options.clone()).await.ok();
    let commands = changing(&stage);
    assert!(commands.len() >= 2, "{commands:?}");
    stage.remove("db1").await.ok();
    stage.settled().await;
    job.as_before(&stage, &before).await;
    for command in &commands {
        stage
            .arrays
            .control
            .fault(command.goes_wrong(wrong))
            .unwrap();
        let reply = stage.create("db1", job.options.clone()).await;
        println!("create, {wrong:?} of {command:?}: {reply:?}");
        told(&stage, &reply, command);
        stage.calm_down().await;
        if matches!(reply, Reply::Err(_)) {
            job.as_before(&stage, &before).await;
            // Nothing stands in the way of a second try.
            stage.create("db1", job.options.clone()).await.ok();
        }
        stage.plugin.get("db1").await.ok();
        stage.remove("db1").await.ok();
        job.as_before(&stage, &before).await;
    }
    job.end(stage).await;
}

async fn removing(job: Job, wrong: Wrong) {
    let (stage, before) = job.stage().await;
    stage.create("db1", job.options.clone()).await.ok();
    stage.arrays.control.clear_log();
    stage.remove("db1").await.ok();
    let commands = changing(&stage);
    assert!(commands.len() >= 2, "{commands:?}");
    stage.settled().await;
    job.as_before(&stage, &before).await;
    for command in &commands {
        stage.create("db1", job.options.clone()).await.ok();
        stage
            .arrays
            .control
            .fault(command.goes_wrong(wrong))
            .unwrap();
        let reply = stage.remove("db1").await;
        println!("remove, {wrong:?} of {command:?}: {reply:?}");
        told(&stage, &reply, command);
        stage.calm_down().await;
        if matches!(reply, Reply::Err(_)) {
            // It is whole, or the removal went on after the answer.
            if stage.plugin.list().await.iter().any(|name| name == "db1") {
                stage.plugin.get("db1").await.ok();
            }
            stage.remove("db1").await.ok();
        }
        job.as_before(&stage, &before).await;
    }
    job.end(stage).await;
}

fn cases(name: &str, options: &Value, beside: bool) -> Vec<Case> {
    let job = Job {
        options: options.clone(),
        beside,
    };
    ALL.iter()
        .flat_map(|&wrong| {
            [
                case(
                    format!("create {name}, {wrong:?}"),
                    creating(job.clone(), wrong),
                ),
                case(
                    format!("remove {name}, {wrong:?}"),
                    removing(job.clone(), wrong),
                ),
            ]
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn every_changing_command_ends_complete_or_clean() {
    let mut all_cases = cases("plain", &plain(), false);
    all_cases.extend(cases("in a new group", &replicated(), false));
    all_cases.extend(cases("beside another", &replicated(), true));
    all(10, all_cases).await;
}
