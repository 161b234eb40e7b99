//! An Unmount that cannot be ended: what inspect says of it, and how it ends.

use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::{rig::engine::until, stage::Stage};

/// What an inspect shows of the volume.
async fn status(stage: &Stage) -> Value {
    let reply = stage.plugin.get("db1").await.ok();
    reply["Volume"]["Status"].clone()
}

/// A process with a copy of all mounts in a namespace of its own, as a monitoring container has.
fn copies_the_mounts(stage: &Stage) -> Child {
    let up = stage.machine.dir.join("copied");
    let words = stage.namespace.words();
    let line = format!("touch {} && exec sleep 600", up.display());
    let holder = Command::new(&words[0])
        // Without the pid namespace: what is killed is the process itself.
        .args(words[1..].iter().filter(|word| *word != "-p"))
        .args(["unshare", "--mount", "--propagation", "private", "sh", "-c"])
        .arg(line)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    until("the copy of the mounts", || up.exists());
    holder
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
    let mut holder = copies_the_mounts(&stage);
    assert!(status(&stage).await["detach pending"].is_null());
    // The data are safe, and the engine does not ask again.
    stage.plugin.unmount("db1", "c1").await.ok();
    let shown = status(&stage).await;
    let pending = &shown["detach pending"];
    assert_eq!(pending["device"], device.as_str(), "{shown}");
    let by = pending["held by"].as_str().unwrap();
    assert!(
        by.contains("state/mounts/db1`") && by.contains("(`sleep`)"),
        "{by}"
    );
    assert!(pending["since"].as_str().unwrap().ends_with('Z'), "{shown}");
    assert!(
        stage.exported(),
        "never withdrawn before the device is gone"
    );

    holder.kill().unwrap();
    holder.wait().unwrap();
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
    let mut sitter = stage.namespace.sit_in(at["Mountpoint"].as_str().unwrap());
    let error = stage.plugin.unmount("db1", "c1").await.err();
    assert!(error.contains("in use"), "{error}");
    let shown = status(&stage).await;
    let by = shown["detach pending"]["held by"].as_str().unwrap();
    assert!(
        by.contains("mounted on `") && by.contains("(`sleep`)"),
        "{by}"
    );
    sitter.kill().unwrap();
    sitter.wait().unwrap();
    until("the detach", || stage.is_clear() && stage.journal() == 0);
}
