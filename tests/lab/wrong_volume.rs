//! What may lead to the data of another volume, or to none: a LUN that changes its volume, a secret that is not right.

use std::time::Duration;

use crate::{
    run::Scenario,
    stage::{AMBER, PATIENCE, Replication, Stage},
};

pub const SCENARIOS: &[Scenario<Stage>] = &[
    (
        "a_lun_number_is_given_to_another_volume",
        a_lun_number_is_given_to_another_volume,
    ),
    (
        "another_volume_is_exported_by_hand_at_the_lun_of_one_in_use",
        another_volume_is_exported_by_hand_at_the_lun_of_one_in_use,
    ),
    ("chap_is_right_and_then_wrong", chap_is_right_and_then_wrong),
];

/// The kernel keeps believing in the old volume behind the LUN; a write to it would go to the new one.
fn a_lun_number_is_given_to_another_volume(stage: &mut Stage) {
    for volume in ["old", "new"] {
        stage.create(volume, Replication::None, "");
    }
    stage.run_in("new", "echo of the new one > /data/file");
    stage.start("old", "");
    stage.exec("old", "echo of the old one > /data/file && sync");
    let (lun, host) = stage.export(AMBER, "dkv-old");
    stage.administer(AMBER, &format!("removevlun -f dkv-old {lun} {host}"));

    // It is mounted, or refused with a reason; what is seen is of the new one.
    let mount = "docker run --rm --network none -v new:/data box cat /data/file";
    let outcome = stage.machine.run(mount, PATIENCE);
    if outcome.status == 0 {
        assert_eq!(outcome.stdout, "of the new one\n");
    }
    // Whoever still has the old one may fail, or wait; nothing of it comes to the new one.
    let write =
        "timeout -s KILL 100 docker exec old sh -c 'cat /bin/busybox > /data/more && sync'; true";
    let _ = stage.machine.run(write, PATIENCE);
    stage.docker("rm -f old");
    let seen = stage.run_in("new", "cat /data/file; ls /data");
    assert_eq!(seen, "of the new one\nfile\n");
    assert_eq!(stage.run_in("old", "cat /data/file"), "of the old one\n");
    for volume in ["old", "new"] {
        stage.docker(&format!("volume rm {volume}"));
    }
    stage.nothing_left();
}

/// The machine's disks at that LUN lead to the other volume then, without a word from the kernel. They are asked who they are, and go.
fn another_volume_is_exported_by_hand_at_the_lun_of_one_in_use(stage: &mut Stage) {
    for volume in ["old", "new"] {
        stage.create(volume, Replication::None, "");
    }
    stage.run_in("new", "echo of the new one > /data/file");
    stage.start("old", "");
    stage.exec("old", "echo of the old one > /data/file && sync");
    let (lun, host) = stage.export(AMBER, "dkv-old");
    let wwn = stage.wwn(AMBER, "dkv-old").to_lowercase();
    let disks_of_old = format!("grep -il {wwn} /sys/block/sd*/device/wwid");
    assert_eq!(stage.machine.run(&disks_of_old, PATIENCE).status, 0);
    stage.administer(AMBER, &format!("removevlun -f dkv-old {lun} {host}"));
    stage.administer(AMBER, &format!("createvlun dkv-new {lun} {host}"));
    let gone = format!("! {disks_of_old}");
    stage
        .machine
        .until("no disk is taken for the old one", &gone, PATIENCE);

    // What is written now fails, or waits.
    let write =
        "timeout -s KILL 20 docker exec old sh -c 'cat /bin/busybox > /data/more && sync'; true";
    let _ = stage.machine.run(write, Duration::from_secs(120));
    stage.start("new", "");
    assert_eq!(stage.export(AMBER, "dkv-new"), (lun, host));
    let seen = stage.exec("new", "cat /data/file; ls /data");
    assert_eq!(seen, "of the new one\nfile\n");
    stage.docker("rm -f old");
    stage.clear("new");
    assert_eq!(stage.run_in("old", "cat /data/file"), "of the old one\n");
    stage.docker("volume rm old");
    stage.nothing_left();
}

fn chap_is_right_and_then_wrong(stage: &mut Stage) {
    stage.configure("hpe3par_iscsi_chap_enabled = true");
    stage.restart_plugin();
    stage.create("secret", Replication::None, "");
    stage.start("secret", "");
    stage.exec("secret", "echo kept > /data/file");
    // One session may come up later than the mount.
    stage.until_paths("secret", 2);
    let sessions = "sort -u /sys/class/iscsi_session/session*/username";
    let name = stage.machine.ok(sessions).trim().to_owned();
    let (_, host) = stage.export(AMBER, "dkv-secret");
    assert!(name.starts_with(&format!("{host}.")), "{name}");

    // In a set its host object outlives its last export, and what is set there meanwhile.
    stage.administer(AMBER, &format!("createhostset kept {host}"));
    stage.docker("rm -f secret");
    let set = format!("sethost initchap -f -chapname {name} another-secret {host}");
    stage.administer(AMBER, &set);
    let said = stage.docker_fails("run --rm --network none -v secret:/data box true");
    assert!(said.contains("CHAP"), "{said}");
    assert!(!stage.log().contains("another-secret"));
    stage.administer(AMBER, &format!("sethost removechap {host}"));
    // Out of the set, the plugin may remove it at any time.
    stage.administer(AMBER, "removehostset -f kept");

    // It sets its own again.
    assert_eq!(stage.run_in("secret", "cat /data/file"), "kept\n");
    stage.docker("volume rm secret");
    stage.nothing_left();
    stage.configure("");
    stage.restart_plugin();
}
