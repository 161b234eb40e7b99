//! An Unmount that cannot be ended: what inspect says of it, and how it ends.

use serde_json::Value;

use crate::{
    bystander::{COPY_OF_ALL_MOUNTS, begin},
    rig::{engine::until, plugin::Reply},
    stage::Stage,
};

/// What an inspect shows of the volume.
async fn status(stage: &Stage) -> Value {
    let reply = stage.plugin.get("db1").await.ok();
    reply["Volume"]["Status"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_another_namespace_holds_is_pending_and_its_holder_named() {
    let test = "pending::a_device_that_another_namespace_holds_is_pending_and_its_holder_named";
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    stage.create("db1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    let device = stage.devices().pop().unwrap();
    let holder = begin(&stage, &COPY_OF_ALL_MOUNTS, "true");
    assert!(status(&stage).await["detach pending"].is_null());
    // The data are safe, and the engine does not ask again.
    stage.plugin.unmount("db1", "c1").await.ok();
    let shown = status(&stage).await;
    let pending = &shown["detach pending"];
    assert_eq!(pending["device"], device.as_str(), "{shown}");
    let by = pending["held by"].as_str().unwrap();
    assert!(
        by.contains("state/mounts/db1`") && by.contains(&format!("pid {} (`sleep`)", holder.pid)),
        "{by}"
    );
    assert!(pending["since"].as_str().unwrap().ends_with('Z'), "{shown}");
    assert!(
        stage.exported(),
        "never withdrawn before the device is gone"
    );

    holder.end(&stage);
    until("the detach", || stage.is_clear() && stage.journal() == 0);
    assert!(status(&stage).await["detach pending"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_files_open_where_it_is_mounted_is_named() {
    let test = "pending::who_has_files_open_where_it_is_mounted_is_named";
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    stage.create("db1").await;
    let at = stage.plugin.mount("db1", "c1").await.ok();
    let into = format!("cd {}", at["Mountpoint"].as_str().unwrap());
    let sitter = begin(&stage, &[], &into);
    let error = stage.plugin.unmount("db1", "c1").await.err();
    assert!(error.contains("in use"), "{error}");
    let shown = status(&stage).await;
    let by = shown["detach pending"]["held by"].as_str().unwrap();
    assert!(
        by.contains("mounted on `") && by.contains(&format!("pid {} (`sleep`)", sitter.pid)),
        "{by}"
    );
    sitter.end(&stage);
    until("the detach", || stage.is_clear() && stage.journal() == 0);
}

/// A mount that failed is undone, but not under somebody who has got hold of its device meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_mount_that_cannot_be_undone_names_who_is_in_its_way() {
    let test = "pending::a_mount_that_cannot_be_undone_names_who_is_in_its_way";
    let Some(mut stage) = Stage::set(test).await else {
        return;
    };
    stage.create("db1").await;
    let list = stage.machine.dir.join("points");
    stage.plugin.mount("db1", "c1").await.ok();
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.kill();
    stage.start_with(&[("HPE3PAR_DOCKER_KILL_LIST", list.display().to_string())]);
    stage.plugin.mount("db1", "c2").await.ok();
    stage.plugin.unmount("db1", "c2").await.ok();
    let points = std::fs::read_to_string(&list).unwrap();
    let attached = points
        .lines()
        .find_map(|line| line.strip_suffix(" after local attach"));
    let attached = attached.unwrap_or_else(|| panic!("{points}")).to_owned();
    stage.kill();
    stage.start_with(&[("HPE3PAR_DOCKER_KILL_AT", attached)]);
    assert_eq!(stage.plugin.mount("db1", "c3").await, Reply::Closed);
    stage.kill();
    let device = stage.devices().pop().unwrap();
    let at = stage.machine.dir.join("elsewhere").display().to_string();
    stage
        .namespace
        .sh(&format!("mkdir {at} && mount {device} {at}"));
    stage.start();
    let pending = status(&stage).await["detach pending"].clone();
    assert_eq!(pending["device"], device.as_str(), "{pending}");
    let by = pending["held by"].as_str().unwrap();
    assert!(by.contains(&format!("mounted on `{at}`")), "{by}");
    stage.namespace.sh(&format!("umount {at}"));
    until("the end of the mount", || {
        stage.is_clear() && stage.journal() == 0
    });
    assert!(status(&stage).await["detach pending"].is_null());
}
