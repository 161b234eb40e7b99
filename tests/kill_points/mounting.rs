//! Mount and Unmount, with real loop devices, filesystems and mounts.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{
    every::{Operation, derive, every_point, run},
    rig::{
        needs::{Need, met},
        plugin::{Plugin, Reply},
        private::mounts_are_private,
    },
    stage::Stage,
};

/// The mount that makes the filesystem.
pub struct First;

impl Operation for First {
    const NAME: &'static str = "the first mount";

    async fn prepare(&self, _: &Stage, plugin: &Plugin) {
        plugin.create("db1", json!({ "size": "1" })).await.ok();
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        plugin.mount("db1", "m1").await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, _: &Value) {
        ends_mounted_or_not_here(stage);
        let mut users = users_of(stage);
        let at = mount(plugin, "m2").await;
        users.push("m2".to_owned());
        assert_eq!(
            std::fs::read_dir(&at).unwrap().count(),
            0,
            "a new filesystem is empty"
        );
        write(&at, "one");
        unmount(stage, plugin, users).await;
        data_are_there(stage, plugin, "one").await;
    }
}

/// A mount of a volume that has data.
struct Second;

impl Operation for Second {
    const NAME: &'static str = "a later mount";

    async fn prepare(&self, stage: &Stage, plugin: &Plugin) {
        plugin.create("db1", json!({ "size": "1" })).await.ok();
        write(&mount(plugin, "m0").await, "one");
        unmount(stage, plugin, vec!["m0".to_owned()]).await;
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        plugin.mount("db1", "m1").await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, _: &Value) {
        ends_mounted_or_not_here(stage);
        let mut users = users_of(stage);
        let at = mount(plugin, "m2").await;
        users.push("m2".to_owned());
        assert_eq!(read(&at), "one");
        write(&at, "two");
        unmount(stage, plugin, users).await;
        data_are_there(stage, plugin, "two").await;
    }
}

/// The unmount of the last user.
pub struct Unmount;

impl Operation for Unmount {
    const NAME: &'static str = "unmount";

    async fn prepare(&self, _: &Stage, plugin: &Plugin) {
        plugin.create("db1", json!({ "size": "1" })).await.ok();
        write(&mount(plugin, "m1").await, "one");
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        plugin.unmount("db1", "m1").await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, _: &Value) {
        if users_of(stage).is_empty() {
            stage
                .until("the end of a mount without users", || {
                    stage.mounts().is_empty()
                })
                .await;
            stage.cleaned_up().await;
            stage.assert_nothing_here();
        } else {
            // Nothing was even written down of the request.
            ends_mounted_or_not_here(stage);
        }
        plugin.unmount("db1", "m1").await.ok();
        stage.assert_nothing_here();
        data_are_there(stage, plugin, "one").await;
    }
}

/// An operation on a volume that both arrays export.
struct OnBoth<O>(O);

macro_rules! on_both {
    ($operation:ty, $name:literal, $mounted:literal, $formatted:literal) => {
        impl Operation for OnBoth<$operation> {
            const NAME: &'static str = $name;
            const AT_ONCE: &'static [&'static str] = &["showrcopy"];

            async fn stage(&self) -> Stage {
                Stage::persistent().await
            }

            async fn prepare(&self, stage: &Stage, plugin: &Plugin) {
                let options =
                    json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" });
                plugin.create("db1", options).await.ok();
                stage.assert_group("prod", &["db1"]);
                if $formatted {
                    write(&mount(plugin, "m1").await, "one");
                }
                if $formatted && !$mounted {
                    unmount(stage, plugin, vec!["m1".to_owned()]).await;
                }
            }

            async fn perform(&self, plugin: &Plugin) -> Reply {
                self.0.perform(plugin).await
            }

            async fn check(&self, stage: &Stage, plugin: &Plugin, before: &Value) {
                self.0.check(stage, plugin, before).await;
            }
        }
    };
}

on_both!(First, "the first mount from both arrays", false, false);
on_both!(Second, "a later mount from both arrays", false, true);
on_both!(Unmount, "unmount from both arrays", true, true);

/// The volume is mounted and somebody uses it, or nothing of it is on this machine.
fn ends_mounted_or_not_here(stage: &Stage) {
    if users_of(stage).is_empty() {
        stage.assert_nothing_here();
    } else {
        assert_eq!(stage.mounts(), [stage.machine.mountpoint("db1")]);
        assert_eq!(stage.loops().len(), 1);
        assert_eq!(stage.exports().len(), stage.exported_by);
    }
}

/// The mount ids that count as users of the volume.
fn users_of(stage: &Stage) -> Vec<String> {
    let users = stage.mount_records()["db1"]["refs"].clone();
    users
        .as_object()
        .into_iter()
        .flatten()
        .map(|(id, _)| id.clone())
        .collect()
}

async fn mount(plugin: &Plugin, id: &str) -> PathBuf {
    let answer = plugin.mount("db1", id).await.ok();
    PathBuf::from(answer["Mountpoint"].as_str().unwrap())
}

async fn unmount(stage: &Stage, plugin: &Plugin, users: Vec<String>) {
    for id in users {
        plugin.unmount("db1", &id).await.ok();
    }
    stage.assert_nothing_here();
}

/// Once more here and away, and the volume can be removed.
async fn data_are_there(stage: &Stage, plugin: &Plugin, data: &str) {
    let at = mount(plugin, "m9").await;
    assert_eq!(read(&at), data);
    unmount(stage, plugin, vec!["m9".to_owned()]).await;
    assert_eq!(stage.open_entries(), 0);
    plugin.remove("db1").await.ok();
}

fn write(at: &std::path::Path, data: &str) {
    std::fs::write(at.join("file"), data).unwrap();
}

fn read(at: &std::path::Path) -> String {
    std::fs::read_to_string(at.join("file")).unwrap()
}

/// Runs a test that mounts, where the machine allows it.
pub fn privately(test: &str, body: impl FnOnce()) {
    let programs = ["unshare", "losetup", "blkid", "wipefs", "mkfs.ext4"];
    let mut needs = vec![Need::Root];
    needs.extend(programs.map(Need::Program));
    if met(test, &needs) && mounts_are_private(test) {
        body();
    }
}

/// Within the making of the filesystem there is no point: mkfs and what follows are one step. Its root is mounted aside for a moment.
async fn dies_with_the_new_root_mounted() {
    let (points, _) = derive(&First).await;
    let made = points
        .iter()
        .position(|point| !point.before && point.doing == "local" && point.what == "format");
    let stage = Stage::new().await;
    let mut plugin = stage.plugin_that_dies_at(made.unwrap() + 1);
    First.prepare(&stage, &plugin).await;
    stage.count_points();
    assert_eq!(First.perform(&plugin).await, Reply::Closed);
    plugin.kill();
    let wwn = stage.vv("db1")["wwn"].as_str().unwrap().to_owned();
    let aside = stage.machine.dir.join(format!("run/prepare-{wwn}"));
    std::fs::create_dir(&aside).unwrap();
    let none = None::<&str>;
    let flags = nix::mount::MsFlags::empty();
    nix::mount::mount(Some(&stage.loops()[0]), &aside, Some("ext4"), flags, none).unwrap();

    let plugin = stage.plugin();
    stage.cleaned_up().await;
    assert!(!aside.exists());
    First.check(&stage, &plugin, &Value::Null).await;
}

#[test]
fn killed_while_the_new_root_is_mounted_aside() {
    privately(
        "mounting::killed_while_the_new_root_is_mounted_aside",
        || {
            run(dies_with_the_new_root_mounted());
        },
    );
}

#[test]
fn every_kill_point_of_the_first_mount() {
    privately("mounting::every_kill_point_of_the_first_mount", || {
        every_point(&First)
    });
}

#[test]
fn every_kill_point_of_a_later_mount() {
    privately("mounting::every_kill_point_of_a_later_mount", || {
        every_point(&Second)
    });
}

#[test]
fn every_kill_point_of_an_unmount() {
    privately("mounting::every_kill_point_of_an_unmount", || {
        every_point(&Unmount)
    });
}

#[test]
fn every_kill_point_of_a_first_mount_from_both_arrays() {
    let test = "mounting::every_kill_point_of_a_first_mount_from_both_arrays";
    privately(test, || every_point(&OnBoth(First)));
}

#[test]
fn every_kill_point_of_a_later_mount_from_both_arrays() {
    let test = "mounting::every_kill_point_of_a_later_mount_from_both_arrays";
    privately(test, || every_point(&OnBoth(Second)));
}

#[test]
fn every_kill_point_of_an_unmount_from_both_arrays() {
    let test = "mounting::every_kill_point_of_an_unmount_from_both_arrays";
    privately(test, || every_point(&OnBoth(Unmount)));
}
