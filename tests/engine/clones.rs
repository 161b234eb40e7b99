//! A clone, through a container.

use super::{Stage, rig::engine::until};

#[tokio::test(flavor = "multi_thread")]
async fn a_larger_clone_has_the_data_and_has_grown() {
    let test = "engine::clones::a_larger_clone_has_the_data_and_has_grown";
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    // XFS, as growing an ext4 takes more than root has on every machine (array fact 93).
    stage.create("db1", &["size=1", "fsType=xfs"]);
    stage.run("db1", "echo one > /data/file");
    stage.create("db2", &["cloneOf=db1", "size=2"]);
    assert!(stage.engine.ok(&["volume", "ls"]).contains("db2"));
    assert_eq!(stage.inspect("db2")["Driver"], "hpe");
    until("the clone", || {
        stage.inspect("db2")["Status"]["state"] == "ready"
    });
    assert_eq!(stage.run("db2", "cat /data/file"), "one");
    let kib = stage.run(
        "db2",
        "df -k /data | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2",
    );
    assert!(kib.parse::<u64>().unwrap() > 3 << 19, "{kib}");
    // They are two.
    stage.run("db2", "echo two > /data/file");
    assert_eq!(stage.run("db1", "cat /data/file"), "one");
    stage.engine.ok(&["volume", "rm", "db1", "db2"]);
}
