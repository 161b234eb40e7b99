//! The plugin, or the machine, ends between two steps.

use crate::{
    rig::{arrays::HOME, engine::until, plugin::Reply},
    stage::Stage,
};

/// The plugin was killed at this moment of the first mount of `db1`. Nothing is attached but what that left.
async fn killed_at(test: &str, moment: &str) -> Option<Stage> {
    let mut stage = Stage::set(test).await?;
    for volume in ["first", "second", "db1"] {
        stage.create(volume).await;
    }
    // One that an administrator made stays: all mounts take the same steps.
    let object = "createhost -iscsi host1 iqn.2026-01.test.machines:host1";
    assert_eq!(stage.arrays.type_in(HOME, object).await, "");
    stage.plugin.mount("first", "c0").await.ok();
    let list = stage.machine.dir.join("points");
    stage.kill();
    stage.start_with(&[("HPE3PAR_DOCKER_KILL_LIST", list.display().to_string())]);
    stage.plugin.mount("second", "c0").await.ok();
    let points = std::fs::read_to_string(&list).unwrap();
    let point = points
        .lines()
        .find_map(|line| line.strip_suffix(moment)?.strip_suffix(' '));
    let point = point.unwrap_or_else(|| panic!("{points}")).to_owned();
    for volume in ["first", "second"] {
        stage.plugin.unmount(volume, "c0").await.ok();
    }
    assert!(stage.is_clear());
    stage.kill();
    stage.start_with(&[("HPE3PAR_DOCKER_KILL_AT", point)]);
    assert_eq!(stage.plugin.mount("db1", "c1").await, Reply::Closed);
    stage.kill();
    Some(stage)
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_new_filesystem_was_prepared() {
    let test = "killed::while_a_new_filesystem_was_prepared";
    let Some(mut stage) = killed_at(test, "after local format").await else {
        return;
    };
    // A moment earlier it would have left this.
    let [device] = &stage.devices()[..] else {
        panic!("{:?}", stage.devices())
    };
    let link = stage
        .namespace
        .sh(&format!("losetup --noheadings --output BACK-FILE {device}"));
    let wwn = link.trim().rsplit('/').next().unwrap();
    let scratch = stage.machine.dir.join(format!("run/prepare-{wwn}"));
    std::fs::create_dir(&scratch).unwrap();
    stage
        .namespace
        .sh(&format!("mount {device} {}", scratch.display()));

    stage.start();
    until("the end of the mount that was killed", || {
        stage.is_clear() && stage.journal() == 0
    });
    assert!(!scratch.exists());
    stage.plugin.mount("db1", "c1").await.ok();
    assert!(stage.mounted("db1"));
    stage.plugin.unmount("db1", "c1").await.ok();
    assert!(stage.is_clear());
}

/// What the index says of a filesystem that was begun lets it be wiped. It must not outlive the line on the array that it is there.
#[tokio::test(flavor = "multi_thread")]
async fn between_the_two_lines_that_a_filesystem_is_there() {
    let test = "killed::between_the_two_lines_that_a_filesystem_is_there";
    let Some(mut stage) = killed_at(test, "before writing formatted").await else {
        return;
    };
    let dump = stage.arrays.dump();
    let done = dump[HOME]["vvs"]["dkv-db1"]["comment"].as_str().unwrap();
    assert!(done.contains("/fmt=done"), "{done}");
    let begun = |stage: &Stage| {
        let index = std::fs::read_to_string(stage.index_json()).unwrap();
        let index: serde_json::Value = serde_json::from_str(&index).unwrap();
        index["formatting"]["db1"].clone()
    };
    assert!(begun(&stage).is_string(), "{}", begun(&stage));

    stage.start();
    let at = stage.plugin.mount("db1", "c1").await.ok();
    let at = at["Mountpoint"].as_str().unwrap().to_owned();
    assert!(begun(&stage).is_null(), "{}", begun(&stage));
    stage
        .namespace
        .sh(&format!("echo kept > {at}/file; sync -f {at}/file"));
    stage.plugin.unmount("db1", "c1").await.ok();
    // Should the comment go back ever, as when another host writes over it what it read before.
    let doing = done.replace("/fmt=done", "/fmt=doing");
    let line = format!("setvv -comment {doing} dkv-db1");
    assert_eq!(stage.arrays.type_in(HOME, &line).await, "");
    let said = stage.plugin.mount("db1", "c2").await.err();
    assert!(said.contains("was begun by host `host1`"), "{said}");
    // Or as when this host's own line comes late, over a whole life of the volume on another one: it may go on, but not over that.
    stage.kill();
    let mut index: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(stage.index_json()).unwrap()).unwrap();
    index["formatting"]["db1"] = dump[HOME]["vvs"]["dkv-db1"]["wwn"].clone();
    std::fs::write(stage.index_json(), index.to_string()).unwrap();
    stage.start();
    let op = done
        .split('/')
        .find(|part| part.starts_with("op="))
        .unwrap();
    let late = doing.replace(op, &format!("{}.0badcafe", op.rsplit_once('.').unwrap().0));
    let line = format!("setvv -comment {late} dkv-db1");
    assert_eq!(stage.arrays.type_in(HOME, &line).await, "");
    let said = stage.plugin.mount("db1", "c2").await.err();
    assert!(said.contains("this operation did not make"), "{said}");
    let line = format!("setvv -comment {done} dkv-db1");
    assert_eq!(stage.arrays.type_in(HOME, &line).await, "");
    stage.plugin.mount("db1", "c3").await.ok();
    assert_eq!(stage.namespace.sh(&format!("cat {at}/file")), "kept\n");
    stage.plugin.unmount("db1", "c3").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn between_the_count_of_an_unmount_and_its_first_line_in_the_journal() {
    let test = "killed::between_the_count_of_an_unmount_and_its_first_line_in_the_journal";
    let Some(mut stage) = Stage::set(test).await else {
        return;
    };
    stage.create("db1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    stage.kill();
    stage.start_with(&[("HPE3PAR_DOCKER_KILL_AT", "2".to_owned())]);
    assert_eq!(stage.plugin.unmount("db1", "c1").await, Reply::Closed);
    stage.kill();
    let records = std::fs::read_to_string(stage.mounts_json()).unwrap();
    assert!(records.contains("\"refs\": {}"), "{records}");
    assert!(stage.mounted("db1") && stage.journal() == 0);

    stage.start();
    until("the end of the unmount that was killed", || {
        !stage.mounted("db1") && stage.is_clear()
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_machine_with_volumes_mounted() {
    let Some(mut stage) = Stage::set("killed::the_machine_with_volumes_mounted").await else {
        return;
    };
    for volume in ["db1", "db2"] {
        stage.create(volume).await;
        stage.plugin.mount(volume, "c1").await.ok();
    }
    stage.kill();
    // db2: by the time the plugin starts, somebody has mounted its device by hand.
    let by_hand = stage.machine.dir.join("by-hand");
    std::fs::create_dir(&by_hand).unwrap();
    let at = stage.machine.mountpoint("db2");
    stage.namespace.sh(&format!(
        "mount --bind {0} '{1}' && umount {0}",
        at.display(),
        by_hand.display()
    ));
    let table = stage.namespace.sh("cat /proc/self/mountinfo");
    let line = table.lines().find(|line| line.contains("by-hand")).unwrap();
    let in_use = line
        .split_whitespace()
        .find(|word| word.starts_with("/dev/loop"))
        .unwrap()
        .to_owned();
    stage.namespace.sh(&format!(
        "umount {}",
        stage.machine.mountpoint("db1").display()
    ));
    for device in stage.devices().iter().filter(|d| **d != in_use) {
        stage.namespace.sh(&format!("losetup --detach {device}"));
    }
    std::fs::remove_dir_all(stage.machine.dir.join("run")).unwrap();
    stage.arrays.control.down("amber").await.unwrap();

    // A dead array does not keep the plugin from starting.
    stage.start();
    assert_eq!(stage.plugin.list().await, ["db1", "db2"]);
    assert_eq!(exports(&stage), 2);
    stage.arrays.control.up("amber").await.unwrap();
    until("the withdrawal", || exports(&stage) == 1);
    until("the look at db2", || {
        stage.plugin.log().contains("left as it is")
    });
    assert_eq!(stage.devices(), [in_use]);
    assert_eq!(stage.journal(), 0);
    stage
        .namespace
        .sh(&format!("umount '{}'", by_hand.display()));
    for volume in ["db1", "db2"] {
        stage.plugin.mount(volume, "c1").await.ok();
        stage.plugin.unmount(volume, "c1").await.ok();
    }
    assert!(stage.is_clear());
}

fn exports(stage: &Stage) -> usize {
    let dump = stage.arrays.dump();
    dump["amber"]["vluns"].as_array().unwrap().len()
}
