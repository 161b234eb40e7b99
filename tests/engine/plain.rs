//! A volume without replication, through its whole life.

use super::{Stage, rig::engine::until};

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_lives_through_containers_and_ends() {
    let Some(stage) = Stage::set("engine::plain::a_volume_lives_through_containers_and_ends").await
    else {
        return;
    };
    let before = stage.arrays.dump();

    stage.create("db1", &["size=1", "fsOwner=1000:1000", "fsMode=0750"]);
    assert!(stage.engine.ok(&["volume", "ls"]).contains("db1"));
    let inspect = stage.inspect("db1");
    assert_eq!(inspect["Driver"], "hpe");
    assert_eq!(inspect["Status"]["size"], "1 GiB");
    assert_eq!(inspect["Status"]["backend"], "DEFAULT");
    // Only the array tells, and an inspect does not wait long for it.
    let until_made = |is: &str| {
        until(&format!("a filesystem that is made: {is}"), || {
            stage.inspect("db1")["Status"]["filesystem"]["made"] == is
        });
    };
    until_made("no");

    // Where the image has no directory. (Where it has one, the engine gives an empty volume that directory's owner and mode.)
    let fresh = |line: &str| {
        stage.engine.ok(&[
            "run",
            "--rm",
            "--network",
            "none",
            "-v",
            "db1:/fresh",
            "--volume-driver",
            "hpe",
            "box",
            "sh",
            "-c",
            line,
        ])
    };
    assert_eq!(
        fresh("stat -c %u:%g:%a /fresh; ls /fresh"),
        "1000:1000:750",
        "and no lost+found"
    );
    assert_eq!(fresh("echo one > /fresh/file; ls /fresh"), "file");
    assert_eq!(
        stage.run("db1", "cat /data/file; stat -c %u:%g:%a /data"),
        "one\n1000:1000:750"
    );
    assert!(!stage.mounted("db1"));
    assert!(!stage.exported());
    until_made("done");

    stage.start("c1", "db1");
    assert!(stage.mounted("db1"));
    stage.engine.ok(&["restart", "-t", "1", "c1"]);
    assert_eq!(stage.exec("c1", "cat /data/file"), "one");

    // docker cp mounts and unmounts with the id of the running container.
    let file = stage.machine.dir.join("two");
    std::fs::write(&file, "two\n").unwrap();
    stage
        .engine
        .ok(&["cp", file.to_str().unwrap(), "c1:/data/two"]);
    assert!(
        stage.mounted("db1"),
        "docker cp must not take the volume from the container"
    );
    assert_eq!(
        stage.exec(
            "c1",
            "cat /data/two; echo three > /data/three; cat /data/three"
        ),
        "two\nthree"
    );

    stage.start("c2", "db1");
    assert_eq!(stage.exec("c2", "cat /data/three"), "three");
    stage.engine.ok(&["rm", "-f", "c1"]);
    assert!(stage.mounted("db1"));
    assert_eq!(stage.exec("c2", "cat /data/two"), "two");
    let refused = stage.engine.fails(&["volume", "rm", "db1"]);
    assert!(refused.contains("in use"), "{refused}");
    stage.engine.ok(&["rm", "-f", "c2"]);
    assert!(!stage.mounted("db1"));
    assert!(!stage.exported());

    stage.engine.ok(&["volume", "rm", "db1"]);
    assert!(!stage.engine.ok(&["volume", "ls"]).contains("db1"));
    let after = stage.arrays.dump();
    // The machine's own host object stays; everything else is as before.
    assert_eq!(after["amber"]["vvs"], before["amber"]["vvs"]);
    assert_eq!(after["amber"]["vluns"], before["amber"]["vluns"]);
    assert_eq!(after["birch"], before["birch"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_option_and_help_are_told_on_one_line() {
    let Some(stage) =
        Stage::set("engine::plain::a_wrong_option_and_help_are_told_on_one_line").await
    else {
        return;
    };
    let before = stage.arrays.dump();
    let said = stage
        .engine
        .fails(&stage.creating("db1", &["sise=1", "provisioning=thick", "fsMode=9"]));
    for part in ["sise", "size", "thick", "thin", "fsMode"] {
        assert!(said.contains(part), "{part} is missing in: {said}");
    }
    let said = stage
        .engine
        .fails(&stage.creating("db1", &["replicationGroup=prod"]));
    assert!(
        said.contains("replicationGroup") && said.contains("DEFAULT"),
        "{said}"
    );
    let said = stage
        .engine
        .fails(&stage.creating("db1", &["backend=mirrored", "size=1"]));
    assert!(
        said.contains("replicationGroup") && said.contains("mirrored"),
        "{said}"
    );
    let help = stage.engine.fails(&stage.creating("x1", &["help"]));
    assert!(
        help.contains("replicationGroup") && help.contains("size"),
        "{help}"
    );
    assert_eq!(stage.arrays.dump(), before);
}
