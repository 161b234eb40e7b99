//! What an array exports to this machine of a volume that is not mounted from it is taken back when the plugin has started.

use std::{fs::Permissions, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use hpe3par_sim::{Fault, Kind};
use tempfile::TempDir;

use super::{
    rig::arrays::{HOME, PEER},
    stage::{Release, Stage, can_mount, leave},
};

/// The machine restarted while its array was dead; the container goes on from the other one, and the index knows it by its copy.
async fn goes_on_from_the_copy(release: Release) -> Stage {
    let mut stage = Stage::set(release).await;
    stage.create("db1").await;
    let at = stage.machine.mountpoint("db1");
    stage.plugin.mount("db1", "c1").await.ok();
    std::fs::write(at.join("ledger"), "42").unwrap();
    // What the machine itself had is gone with it; not what the array was told.
    stage.kill();
    leave(stage.arrays.dir.path());
    std::fs::remove_file(stage.machine.dir.join("run/mounts.json")).unwrap();
    stage.forget_index();
    stage.down(HOME).await;
    stage.fails_over().await;
    stage.start();
    stage.lists(&["db1"]).await;
    stage.plugin.mount("db1", "c2").await.ok();
    assert_eq!(std::fs::read_to_string(at.join("ledger")).unwrap(), "42");
    let vluns = stage.arrays.dump()[HOME]["vluns"].clone();
    assert_eq!(stage.exported(HOME, "db1").len(), 1, "{vluns}");
    assert_eq!(stage.exported(PEER, "db1").len(), 1);
    stage
}

async fn the_former_primary_s(release: Release) {
    let mut stage = goes_on_from_the_copy(release).await;
    let at = stage.machine.mountpoint("db1");
    let there = stage.exported(PEER, "db1");
    stage.restart();
    stage.up(HOME).await;
    stage
        .until("the withdrawal", || stage.exported(HOME, "db1").is_empty())
        .await;
    assert_eq!(stage.exported(PEER, "db1"), there);
    std::fs::write(at.join("ledger"), "43").unwrap();
    let users = stage.status("db1").await["mounted here"]["users"].clone();
    assert_eq!(users, 1);
    stage.plugin.unmount("db1", "c2").await.ok();
    assert!(!at.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_former_primary_s_is_taken_back() {
    if can_mount("stale_exports::the_former_primary_s_is_taken_back") {
        tokio::join!(
            the_former_primary_s(Release::R331),
            the_former_primary_s(Release::R1050)
        );
    }
}

/// The first listing of the array passes over a volume that is being looked at: a program of this machine is slow.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_listing_that_passed_over_it_was_not_the_last() {
    if !can_mount("stale_exports::the_listing_that_passed_over_it_was_not_the_last") {
        return;
    }
    let mut stage = goes_on_from_the_copy(Release::R331).await;
    stage.kill();
    let slow = Slow::new("/usr/sbin/dumpe2fs");
    // The array lists at once, and is waited for until the volume is being looked at.
    let conf = std::fs::read_to_string(stage.machine.conf()).unwrap();
    let patient = conf.replace("command_timeout = \"5s\"", "command_timeout = \"100s\"");
    assert_ne!(patient, conf);
    std::fs::write(stage.machine.conf(), patient).unwrap();
    stage.up(HOME).await;
    let listing = Fault::new(Kind::HangAfter).on(HOME);
    let listing = listing.matching(r"^showvv .*dkv-\*").repeat();
    stage.arrays.control.fault(listing).unwrap();
    let before = stage.plugin.log().len();
    stage.start();
    stage
        .until("a look at the filesystem", || slow.is_waited_for())
        .await;
    stage.arrays.control.clear_faults();
    stage
        .until("a listing", || {
            // Again and again: one may have been about to hang.
            stage.arrays.control.release();
            stage.plugin.log()[before..].contains("backend is ready backend=mirrored")
        })
        .await;
    slow.go_on();
    stage
        .until("the withdrawal", || stage.exported(HOME, "db1").is_empty())
        .await;
    assert_eq!(stage.exported(PEER, "db1").len(), 1);
    stage.plugin.unmount("db1", "c2").await.ok();
}

/// A program that does not begin before it is told to, in this test's own mount namespace.
struct Slow {
    _dir: TempDir,
    started: PathBuf,
    may_begin: PathBuf,
}

impl Slow {
    fn new(program: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let [real, gate, started, may_begin] =
            ["real", "gate", "started", "may-begin"].map(|name| dir.path().join(name));
        std::fs::copy(program, &real).unwrap();
        let script = format!(
            "#!/bin/sh\ntouch {}\nwhile ! test -e {}; do sleep 0.02; done\nexec {} \"$@\"\n",
            started.display(),
            may_begin.display(),
            real.display()
        );
        std::fs::write(&gate, script).unwrap();
        std::fs::set_permissions(&gate, Permissions::from_mode(0o755)).unwrap();
        let bind = Command::new("mount")
            .args(["--bind".as_ref(), gate.as_os_str(), program.as_ref()])
            .status();
        assert!(bind.unwrap().success());
        Self {
            _dir: dir,
            started,
            may_begin,
        }
    }

    fn is_waited_for(&self) -> bool {
        self.started.exists()
    }

    fn go_on(&self) {
        std::fs::write(&self.may_begin, "").unwrap();
    }
}

/// The copy's, while the volume is mounted from its own array; and nothing that is somebody else's.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_copy_s_is_taken_back() {
    if !can_mount("stale_exports::the_copy_s_is_taken_back") {
        return;
    }
    let mut stage = Stage::set(Release::R331).await;
    stage.create("db1").await;
    stage.create("db2").await;
    stage.create("db3").await;
    let at = stage.machine.mountpoint("db1");
    stage.plugin.mount("db1", "c1").await.ok();
    std::fs::write(at.join("ledger"), "42").unwrap();
    stage.kill();
    for line in [
        "createhost -iscsi -persona 2 host1 iqn.2026-01.test.machines:host1",
        "createhost -iscsi -persona 2 host9 iqn.2026-01.test.machines:host9",
        "createvv -tpvv ssd_r5 payroll 1g",
        "createvlun -f dkv-db1 auto host1",
        "createvlun -f dkv-db2 auto host1",
        "createvlun -f dkv-db3 auto host9",
        "createvlun -f payroll auto host1",
    ] {
        stage.types(PEER, line).await;
    }
    let here = stage.exported(HOME, "db1");
    stage.start();
    stage
        .until("the withdrawals", || {
            stage.exported(PEER, "db1").is_empty() && stage.exported(PEER, "db2").is_empty()
        })
        .await;
    assert!(stage.exported(PEER, "db3")[0].contains("host9"));
    assert!(
        stage.arrays.dump()[PEER]["vluns"]
            .to_string()
            .contains("payroll")
    );
    assert_eq!(stage.exported(HOME, "db1"), here);
    std::fs::write(at.join("ledger"), "43").unwrap();
    stage.plugin.unmount("db1", "c1").await.ok();
    assert!(stage.exported(HOME, "db1").is_empty());
}

/// What was mounted when the array was asked, and is unmounted by the time it has answered, is nobody's to take back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_unmount_in_between_is_believed() {
    if !can_mount("stale_exports::an_unmount_in_between_is_believed") {
        return;
    }
    let mut stage = Stage::set(Release::R331).await;
    let plain = serde_json::json!({ "size": "1" });
    stage.create_with("db1", plain.clone()).await;
    stage.create_with("db2", plain).await;
    stage.plugin.mount("db1", "c1").await.ok();
    stage.kill();
    let vlun = stage.arrays.dump()[HOME]["vluns"][0].clone();
    let host = vlun["host"].as_str().unwrap();
    let line = format!("createvlun -f dkv-db2 auto {host}");
    stage.types(HOME, &line).await;
    let asked = "showvlun -t -host";
    let answer_waits = Fault::new(Kind::HangAfter).on(HOME).matching(asked);
    stage.arrays.control.fault(answer_waits).unwrap();
    stage.arrays.control.clear_log();
    stage.start();
    let is_asked = || {
        let log = stage.arrays.control.log(Some(HOME));
        log.iter().any(|command| command.line.starts_with(asked))
    };
    stage.until("the look", is_asked).await;
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.arrays.control.release();
    // In the order of their names.
    stage
        .until("the withdrawal of the other one", || {
            stage.exported(HOME, "db2").is_empty()
        })
        .await;
    let log = stage.plugin.log();
    let taken_back = |volume: &str| {
        let event = format!("not mounted from there: taken back volume={volume}");
        log.contains(&event)
    };
    assert!(taken_back("db2"), "{log}");
    assert!(!taken_back("db1"), "{log}");
}

/// Somebody has removed the volume, and given its VV's name to another that this machine is to have.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_vv_of_the_name_is_left_alone() {
    let mut stage = Stage::set(Release::R331).await;
    let plain = serde_json::json!({ "size": "1" });
    stage.create_with("db1", plain.clone()).await;
    stage.create_with("db2", plain).await;
    stage.kill();
    for line in [
        "createhost -iscsi -persona 2 host1 iqn.2026-01.test.machines:host1",
        "removevv -f dkv-db1",
        "createvv -tpvv ssd_r5 dkv-db1 1g",
        "createvlun -f dkv-db1 auto host1",
        "createvlun -f dkv-db2 auto host1",
    ] {
        stage.types(HOME, line).await;
    }
    let before = stage.exported(HOME, "db1");
    assert_eq!(before.len(), 1);
    stage.start();
    // In the order of their names.
    stage
        .until("the withdrawal of the other one", || {
            stage.exported(HOME, "db2").is_empty()
        })
        .await;
    assert_eq!(stage.exported(HOME, "db1"), before);
}
