//! The array is down while the engine asks for something.

use std::time::{Duration, Instant};

use super::{
    Plugin, Stage,
    rig::{
        arrays::{HOME, PEER},
        engine::until,
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_forgotten_while_the_array_is_down() {
    let Some(mut stage) =
        Stage::set("engine::unreachable::nothing_is_forgotten_while_the_array_is_down").await
    else {
        return;
    };
    stage.create("db1", &["size=1"]);
    stage.create("db2", &["size=1"]);
    stage.start("c1", "db1");
    stage.exec("c1", "echo one > /data/file; sync");
    stage.arrays.control.down("amber").await.unwrap();

    // Get and List.
    let inspect = stage.inspect("db1");
    assert_eq!(inspect["Options"]["size"], "1");
    assert!(stage.engine.ok(&["volume", "ls"]).contains("db2"));
    // Also for a plugin that has never seen the array.
    stage.plugin.kill();
    stage.plugin = Plugin::start_with(&stage.machine, &stage.engine.inside(), &[]);
    assert_eq!(stage.inspect("db2")["Options"]["size"], "1");
    assert!(stage.engine.ok(&["volume", "ls"]).contains("db1"));

    // Mount: an error that names the array; and a second user of what is mounted needs no array.
    let said = stage.engine.fails(&[
        "run",
        "--rm",
        "--network",
        "none",
        "-v",
        "db2:/data",
        "--volume-driver",
        "hpe",
        "box",
        "true",
    ]);
    assert!(said.contains("db2") && said.contains("127.0.0.1"), "{said}");
    stage.engine.ok(&["rm", "-f", "x"]);
    stage.start("c2", "db1");
    assert_eq!(stage.exec("c2", "cat /data/file"), "one");

    // Unmount: the data are safe, the export is taken back when the array is there again.
    stage.engine.ok(&["rm", "-f", "c1"]);
    stage.engine.ok(&["rm", "-f", "c2"]);
    assert!(!stage.mounted("db1"));

    // Remove: refused, and the volume stays.
    let said = stage.engine.fails(&["volume", "rm", "db1"]);
    assert!(said.contains("db1"), "{said}");
    assert!(stage.engine.ok(&["volume", "ls"]).contains("db1"));

    stage.arrays.control.up("amber").await.unwrap();
    assert_eq!(stage.run("db1", "cat /data/file"), "one");
    stage.engine.ok(&["volume", "rm", "db1"]);
    stage.engine.ok(&["volume", "rm", "db2"]);
    assert!(!stage.exported());
}

/// What one array that is dead means for a replicated volume, at every request.
#[tokio::test(flavor = "multi_thread")]
async fn a_replicated_volume_while_one_of_its_arrays_is_down() {
    let test = "engine::unreachable::a_replicated_volume_while_one_of_its_arrays_is_down";
    let limit =
        |_: &_, conf: String| conf.replacen("[DEFAULT]", "[DEFAULT]\nengine_timeout = \"60s\"", 1);
    let Some(stage) = Stage::set_on(test, &[], |arrays| arrays, limit).await else {
        return;
    };
    let group = ["backend=mirrored", "replicationGroup=prod", "size=1"];
    stage.create("db1", &group);
    stage.until_group(HOME, "prod", "Primary", "Started");
    for array in [HOME, PEER] {
        let before = stage.arrays.dump();
        let label = stage.arrays.simulator.address(array).to_string();
        stage.arrays.control.down(array).await.unwrap();
        let in_time = |said: String, began: Instant| {
            // The plugin answers within 50 s, a slow machine a while later.
            assert!(
                began.elapsed() < Duration::from_secs(90),
                "{array}: {:?}",
                began.elapsed()
            );
            said
        };

        // A look at the array may take longer than an inspect waits.
        until("an inspect that says so", || {
            let began = Instant::now();
            let inspect = in_time(stage.inspect("db1").to_string(), began);
            assert!(
                inspect.contains("replicationGroup"),
                "the engine's options: {inspect}"
            );
            assert!(inspect.contains("prod"), "{inspect}");
            inspect.contains("unreachable")
        });
        let began = Instant::now();
        let list = in_time(stage.engine.ok(&["volume", "ls"]), began);
        assert!(list.contains("db1"), "{list}");

        let refused = |words: &[&str]| {
            let began = Instant::now();
            let said = in_time(stage.engine.fails(words), began);
            assert_eq!(said.lines().count(), 1, "{said}");
            let name = words.iter().rev().find(|word| word.starts_with("db"));
            let parts = [
                &format!("volume `{}`", name.unwrap()),
                &format!("array `{label}`"),
            ];
            for part in parts.into_iter().map(String::as_str).chain(["; hint: "]) {
                assert!(said.contains(part), "{array}: {part} is missing in: {said}");
            }
        };
        std::thread::scope(|both| {
            both.spawn(|| refused(&stage.creating("db2", &group)));
            both.spawn(|| refused(&["volume", "rm", "db1"]));
        });
        assert!(!stage.engine.ok(&["volume", "ls"]).contains("db2"));

        stage.arrays.control.up(array).await.unwrap();
        stage.until_group(HOME, "prod", "Primary", "Started");
        until("an empty journal", || {
            let journal = stage.machine.dir.join("state/journal");
            std::fs::read_dir(journal).is_ok_and(|mut open| open.next().is_none())
        });
        until("the arrays as they were before", || {
            stage.arrays.dump() == before
        });
        // The plugin knocks at an array that was dead every two seconds.
        until("an inspect that shows both arrays", || {
            let inspect = stage.inspect("db1").to_string();
            assert!(inspect.contains("replicationGroup"), "{inspect}");
            !inspect.contains("unreachable")
        });
    }
    stage.engine.ok(&["volume", "rm", "db1"]);
}
