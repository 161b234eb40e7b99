//! Plugin and engine end without a word.

use super::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn the_plugin_is_killed_under_a_running_container() {
    let Some(mut stage) =
        Stage::set("engine::crashes::the_plugin_is_killed_under_a_running_container").await
    else {
        return;
    };
    stage.create("db1", &["size=1"]);
    stage.start("c1", "db1");
    stage.exec("c1", "echo one > /data/file; sync");
    stage.restart_plugin();
    assert!(stage.mounted("db1"));
    assert_eq!(
        stage.exec(
            "c1",
            "cat /data/file; echo two >> /data/file; cat /data/file"
        ),
        "one\none\ntwo"
    );
    stage.start("c2", "db1");
    stage.engine.ok(&["rm", "-f", "c1"]);
    assert_eq!(stage.exec("c2", "cat /data/file"), "one\ntwo");
    stage.engine.ok(&["rm", "-f", "c2"]);
    assert!(!stage.mounted("db1"));
    assert!(!stage.exported());
    stage.engine.ok(&["volume", "rm", "db1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_is_killed_and_its_containers_with_it() {
    let Some(stage) =
        Stage::set("engine::crashes::the_engine_is_killed_and_its_containers_with_it").await
    else {
        return;
    };
    stage.create("db1", &["size=1"]);
    stage.start("c1", "db1");
    stage.exec("c1", "echo one > /data/file; sync");
    stage.engine.kill_daemon();
    stage.engine.start_daemon(&[]);
    // No Unmount came. The Mount that comes now has the id of the lost one.
    stage.engine.ok(&["start", "c1"]);
    assert_eq!(stage.exec("c1", "cat /data/file"), "one");
    stage.engine.ok(&["rm", "-f", "c1"]);
    assert!(
        !stage.mounted("db1"),
        "one Unmount for two Mounts, and nobody uses it"
    );
    assert!(!stage.exported());
    assert_eq!(
        stage.inspect("db1")["Options"]["size"],
        "1",
        "the engine has not forgotten the volume"
    );
    stage.engine.ok(&["volume", "rm", "db1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_is_killed_and_its_containers_live_on() {
    let Some(stage) = Stage::set_with(
        "engine::crashes::the_engine_is_killed_and_its_containers_live_on",
        &["--live-restore"],
    )
    .await
    else {
        return;
    };
    stage.create("db1", &["size=1"]);
    stage.start("c1", "db1");
    stage.exec("c1", "echo one > /data/file; sync");
    stage.engine.kill_daemon();
    stage.engine.start_daemon(&["--live-restore"]);
    assert!(stage.mounted("db1"));
    assert_eq!(stage.exec("c1", "cat /data/file"), "one");
    // The engine mounts and unmounts for the copy, with an id that may be the container's own.
    let file = stage.machine.dir.join("two");
    std::fs::write(&file, "two\n").unwrap();
    stage
        .engine
        .ok(&["cp", file.to_str().unwrap(), "c1:/data/two"]);
    assert_eq!(
        stage.exec(
            "c1",
            "cat /data/two; echo three > /data/three; cat /data/three"
        ),
        "two\nthree"
    );
    stage.engine.ok(&["rm", "-f", "c1"]);
    // This engine sends no Unmount for a container that it found running; the next use ends it.
    assert_eq!(stage.run("db1", "cat /data/three"), "three");
    stage.engine.ok(&["volume", "rm", "db1"]);
    assert!(!stage.mounted("db1"));
    assert!(!stage.exported());
}
