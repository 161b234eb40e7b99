//! The copy on the array that does not serve any more: on this machine, and on others.

use std::time::{Duration, Instant};

use hpe3par_sim::{Fault, Kind};

use crate::{
    bystander::{COPY_OF_ALL_MOUNTS, Holder, begin},
    meanwhile::used_by_another_host,
    rig::{
        arrays::{HOME, PEER},
        engine::until,
    },
    scene::Flavour,
    stage::Stage,
};

/// A failover under a running container: a second one does not get the old data.
#[tokio::test(flavor = "multi_thread")]
async fn a_further_user_is_not_given_the_old_copy() {
    let test = "former_primary::a_further_user_is_not_given_the_old_copy";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.mount_from(HOME, "db1", "c1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.fail_over().await;
    let said = stage.plugin.mount("db1", "c2").await.err();
    assert!(
        said.contains("is mounted on this host from array"),
        "{said}"
    );
    assert!(
        said.contains("stop the containers that use it here"),
        "{said}"
    );
    assert!(stage.mounted("db1"));
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.mount_from(PEER, "db1", "c2").await;
    stage.plugin.unmount("db1", "c2").await.ok();
    assert!(stage.is_clear());
}

/// Nobody unmounted it, as after a crash of the engine: with no user left the old copy makes way.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_nobody_took_back_is_taken_back_first() {
    let test = "former_primary::an_export_that_nobody_took_back_is_taken_back_first";
    let Some(mut stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.mount_from(HOME, "db1", "c1").await;
    stage.write("db1", "one");
    // The machine is restarted: mounts and devices are gone, the export is not.
    stage.kill();
    let at = stage.machine.mountpoint("db1").display().to_string();
    stage.namespace.sh(&format!("umount {at}"));
    for device in stage.devices() {
        stage.namespace.sh(&format!("losetup --detach {device}"));
    }
    std::fs::remove_file(stage.mounts_json()).unwrap();
    stage.fail_over().await;
    stage.arrays.control.clear_log();
    stage.start();
    stage.mount_from(PEER, "db1", "c2").await;
    assert_eq!(stage.read("db1"), ["one"]);
    stage.plugin.unmount("db1", "c2").await.ok();
    assert!(stage.is_clear());
}

/// Another host goes on with the old copy: its writes are lost, and it is not joined by a second one.
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_host_on_the_old_copy_is_told() {
    let test = "former_primary::a_foreign_host_on_the_old_copy_is_told";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.mount_from(HOME, "db1", "c1").await;
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.fail_over().await;
    let iqn = "iqn.2026-01.test.machines:host2";
    for line in [
        format!("createhost -iscsi host2 {iqn}"),
        "createvlun -f dkv-db1 7 host2".to_owned(),
    ] {
        stage.arrays.type_in(HOME, &line).await;
    }
    stage.arrays.control.login(HOME, iqn, &["0:2:1"]).unwrap();
    let before = stage.arrays.dump();
    let said = stage.plugin.mount("db1", "c2").await.err();
    assert!(said.contains("is in use by `host2`"), "{said}");
    assert_eq!(stage.arrays.dump(), before);
    assert!(!stage.mounted("db1") && stage.devices().is_empty());

    // Logged out, it has nothing. Its export is not this plugin's to take back.
    stage.arrays.control.login(HOME, iqn, &[]).unwrap();
    stage.plugin.mount("db1", "c2").await.ok();
    assert_eq!(stage.exports(HOME, "db1"), ["host2"]);
    assert_eq!(stage.exports(PEER, "db1"), ["host1"]);
    stage.plugin.unmount("db1", "c2").await.ok();
}

/// Somebody fails the group over between the look and the export: it is mounted from the other array in the same breath.
#[tokio::test(flavor = "multi_thread")]
async fn a_failover_in_the_middle_of_a_mount() {
    let test = "former_primary::a_failover_in_the_middle_of_a_mount";
    for formatted in [true, false] {
        let Some(stage) = Flavour::ThreePar.stage(test).await else {
            return;
        };
        stage.create_replicated("db1").await;
        if formatted {
            stage.mount_from(HOME, "db1", "c0").await;
            stage.write("db1", "one");
            stage.plugin.unmount("db1", "c0").await.ok();
        }
        let hang = Fault::new(Kind::HangAfter).on(HOME).matching("^createvlun");
        stage.arrays.control.fault(hang).unwrap();
        let failing_over = async {
            while stage.exports(HOME, "db1").is_empty() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            stage.fail_over().await;
            stage.arrays.control.release();
        };
        let (reply, ()) = tokio::join!(stage.plugin.mount("db1", "c1"), failing_over);
        if formatted {
            reply.ok();
            assert_eq!(stage.exports(HOME, "db1"), [""; 0]);
            assert_eq!(stage.exports(PEER, "db1"), ["host1"]);
            assert_eq!(stage.read("db1"), ["one"]);
            stage.plugin.unmount("db1", "c1").await.ok();
        } else {
            // It was never formatted on the one array, and is not on the other.
            let said = reply.err();
            assert!(said.contains("no filesystem"), "{said}");
            assert!(!stage.mounted("db1"), "{said}");
        }
        assert!(stage.is_clear());
        assert_eq!(stage.journal(), 0);
    }
}

/// Somebody here kept the device when the volume was unmounted, and its array was away while another host wrote to the other copy: when
/// that array serves again, and exports it here as before, what is in memory of it is older than what is on it.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_kept_is_not_joined_once_the_other_copy_was_used() {
    let test = "former_primary::a_device_that_was_kept_is_not_joined_once_the_other_copy_was_used";
    let Some(mut stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.mount_from(HOME, "db1", "c1").await;
    stage.write("db1", "one");
    let holder = begin(&stage, &COPY_OF_ALL_MOUNTS, "true");
    stage.plugin.unmount("db1", "c1").await.ok();
    // Nobody else has had it: it is what it was.
    stage.mount_from(HOME, "db1", "c2").await;
    stage.plugin.unmount("db1", "c2").await.ok();
    used_by_another_host(&mut stage).await;
    assert_eq!(stage.exports(HOME, "db1"), ["host1"]);

    let said = stage.plugin.mount("db1", "c3").await.err();
    assert!(
        said.contains(&format!("pid {} (`sleep`)", holder.pid)),
        "{said}"
    );
    assert!(!stage.mounted("db1"));
    holder.end(&stage);
    until("the detach", || stage.is_clear());
    stage.mount_from(HOME, "db1", "c4").await;
    assert_eq!(stage.read("db1"), ["one", "two"]);
    stage.plugin.unmount("db1", "c4").await.ok();
    assert!(stage.is_clear());
}

/// A mount namespace that is dying has the filesystem still when umount(2) has returned, and no table names it any more: here one whose own
/// mount is a lazily ended one. Gives who keeps it.
async fn unmounted_and_not_ended(stage: &Stage) -> Holder {
    stage.create_replicated("db1").await;
    stage.mount_from(HOME, "db1", "c1").await;
    stage.write("db1", "one");
    let at = stage.machine.mountpoint("db1").display().to_string();
    let line = format!("exec 3< {at}/file && umount --lazy {at}");
    let holder = begin(stage, &COPY_OF_ALL_MOUNTS, &line);
    stage.plugin.unmount("db1", "c1").await.ok();
    assert!(!stage.mounted("db1"));
    assert_eq!(stage.devices().len(), 1);
    holder
}

const WAITS: &str = "in use, and the kernel names nobody: the end of an unmount is waited for";

async fn somebody_waits(stage: &Stage) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !stage.plugin.log().contains(WAITS) {
        assert!(Instant::now() < patience, "nobody waits");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The array died under the container, and the group was failed over before the kernel gave up what it still had to write.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_an_unmount_is_waited_for() {
    let test = "former_primary::the_end_of_an_unmount_is_waited_for";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    let holder = unmounted_and_not_ended(&stage).await;
    stage.fail_over().await;
    let ends = async {
        somebody_waits(&stage).await;
        assert_eq!(stage.exports(PEER, "db1"), [""; 0]);
        holder.end(&stage);
    };
    let ((), ()) = tokio::join!(stage.mount_from(PEER, "db1", "c2"), ends);
    assert_eq!(stage.plugin.log().matches(WAITS).count(), 1);
    assert_eq!(stage.read("db1"), ["one"]);
    stage.plugin.unmount("db1", "c2").await.ok();
    assert!(stage.is_clear());
}

/// Whoever removes a container and its volume in one breath.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_an_unmount_is_waited_for_also_by_a_removal() {
    let test = "former_primary::the_end_of_an_unmount_is_waited_for_also_by_a_removal";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    let holder = unmounted_and_not_ended(&stage).await;
    let ends = async {
        somebody_waits(&stage).await;
        holder.end(&stage);
    };
    let (removed, ()) = tokio::join!(stage.plugin.remove("db1"), ends);
    removed.ok();
    assert!(stage.is_clear());
}

/// Who is named is not waited for.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_still_has_the_old_copy_here_is_named_at_once() {
    let test = "former_primary::somebody_who_still_has_the_old_copy_here_is_named_at_once";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.mount_from(HOME, "db1", "c1").await;
    let holder = begin(&stage, &COPY_OF_ALL_MOUNTS, "true");
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.fail_over().await;
    let said = stage.plugin.mount("db1", "c2").await.err();
    assert!(
        said.contains("is in use by this host (seen mounted"),
        "{said}"
    );
    let pid = format!("by pid {} (`sleep`)", holder.pid);
    assert!(said.contains(&pid), "{said}");
    assert!(!stage.plugin.log().contains(WAITS));
    holder.end(&stage);
    until("the detach", || stage.is_clear());
}

/// The same, of a device that is not what the volume is any more: another host has had it from the other array.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_an_unmount_is_waited_for_also_before_another_ones_data() {
    let test = "former_primary::the_end_of_an_unmount_is_waited_for_also_before_another_ones_data";
    let Some(mut stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    let holder = unmounted_and_not_ended(&stage).await;
    used_by_another_host(&mut stage).await;
    let ends = async {
        somebody_waits(&stage).await;
        holder.end(&stage);
    };
    let ((), ()) = tokio::join!(stage.mount_from(HOME, "db1", "c2"), ends);
    assert_eq!(stage.read("db1"), ["one", "two"]);
    stage.plugin.unmount("db1", "c2").await.ok();
    assert!(stage.is_clear());
}
