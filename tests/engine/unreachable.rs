//! The array is down while the engine asks for something.

use super::{Plugin, Stage};

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
