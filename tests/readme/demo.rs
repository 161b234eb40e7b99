//! `make demo`, to its end; and `make try`, interrupted.

use std::{
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, Output},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use crate::{
    needs::{Need, met},
    stage::{Stage, has_engine},
};

/// What the story comes to, with an engine and without.
#[track_caller]
fn assert_told(ran: &Output) -> String {
    let told = String::from_utf8(ran.stdout.clone()).unwrap();
    assert!(ran.status.success(), "{told}");
    for line in [
        "hpe.conf: no mistake; backends: DEFAULT, mirrored, persistent",
        "prod         to-maple   Started  Primary    Sync     auto_recover",
        "prod.r130512 to-linden  Started  Secondary  Sync     auto_recover",
        "no difference",
        "== Done; everything that was started is stopped and removed again",
    ] {
        assert!(told.lines().any(|told| told == line), "`{line}`:\n{told}");
    }
    let refused = told.matches("was not created: ").count();
    assert_eq!(refused, 3, "{told}");
    told
}

#[test]
fn the_story_is_told_to_its_end() {
    if !has_engine("demo::the_story_is_told_to_its_end") {
        return;
    }
    let stage = Stage::new();
    let told = assert_told(&stage.script("demo").output().unwrap());
    assert!(!told.contains("skipped"), "{told}");
    // Read on the first array, on the other one after the failover, and at home again.
    assert_eq!(
        told.lines().filter(|line| *line == "ledger").count(),
        3,
        "{told}"
    );
    // As an array prints it; in a plan the same line is indented.
    let roles = told
        .lines()
        .filter(|line| line.starts_with("setrcopygroup for "))
        .count();
    assert_eq!(
        roles, 5,
        "failover, recover, restore, switchover twice: {told}"
    );
    assert!(!told.lines().any(|line| line == "a write failed"), "{told}");
    assert!(told.lines().any(|line| line == "both arrays"), "{told}");
    assert!(
        told.lines().any(|line| line == "written on maple"),
        "{told}"
    );
    stage.assert_nothing_left();
}

#[test]
fn without_an_engine_it_says_what_is_skipped_and_tells_the_rest() {
    let test = "demo::without_an_engine_it_says_what_is_skipped_and_tells_the_rest";
    if !met(test, &[Need::Program("curl")]) {
        return;
    }
    let stage = Stage::new();
    let mut demo = stage.script("demo");
    let told = assert_told(&demo.env("ENGINE", "no").output().unwrap());
    assert_eq!(told.matches("# skipped, for want of").count(), 7, "{told}");
    assert!(!told.contains("\n$ docker "), "{told}");
    stage.assert_nothing_left();
}

/// Interrupted while a container uses a replicated volume.
#[test]
fn interrupted_it_leaves_nothing() {
    if !has_engine("demo::interrupted_it_leaves_nothing") {
        return;
    }
    let line = "docker volume create -d hpe --name db1 -o backend=mirrored -o replicationGroup=prod -o size=1 && \
                docker run -d -v db1:/data busybox sh -c 'while :; do date > /data/now; done' && basename $PWD && sleep 60";
    for (signal, status) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let stage = Stage::new();
        // As a terminal does it: the script and all it has started get the signal.
        let mut shell = stage
            .script("try")
            .arg(line)
            .process_group(0)
            .spawn()
            .unwrap();
        let told = BufReader::new(shell.stdout.take().unwrap());
        let mut said = told.lines().map(Result::unwrap);
        let work = said.find(|line| line.starts_with("hpe3par-try.")).unwrap();
        killpg(Pid::from_raw(shell.id().try_into().unwrap()), signal).unwrap();
        let rest: Vec<String> = said.collect();
        assert_eq!(shell.wait().unwrap().code(), Some(status), "{rest:?}");
        stage.assert_nothing_left();
        assert_eq!(control_groups(&work), [] as [PathBuf; 0]);
    }
}

/// The control groups of a stage. They are called as its directory was.
fn control_groups(work: &str) -> Vec<PathBuf> {
    let root = PathBuf::from("/sys/fs/cgroup");
    // Version 1 has a tree for each controller.
    let mut trees = vec![root.clone()];
    let controllers = std::fs::read_dir(&root).into_iter().flatten().flatten();
    trees.extend(controllers.map(|item| item.path()));
    let mut groups: Vec<PathBuf> = trees.iter().map(|tree| tree.join(work)).collect();
    groups.retain(|group| group.exists());
    groups
}

/// `sh` reads them to the end without carrying anything out.
#[test]
fn every_script_is_one() {
    let root = env!("CARGO_MANIFEST_DIR");
    for (shell, script) in [
        ("sh", "scripts/demo"),
        ("sh", "scripts/try"),
        ("sh", "scripts/stage"),
        ("sh", "scripts/setup"),
        ("sh", "scripts/deny"),
        ("bash", ".ci/run"),
    ] {
        let mut read = Command::new(shell);
        let read = read.args(["-n", script]).current_dir(root).output();
        let read = read.unwrap();
        assert!(read.status.success() && read.stderr.is_empty(), "{read:?}");
    }
}
