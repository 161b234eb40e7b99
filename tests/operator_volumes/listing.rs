//! `volume list` and `volume show`, and what they say when there is nobody to ask.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::{
    command::volume,
    rig::{
        arrays::{HOME, PEER},
        engine::until,
    },
    scene::{Release::*, Scene, Way::*},
    stage::{Stage, assert_told, plain},
};

/// The row of a volume.
#[track_caller]
fn row<'a>(table: &'a str, volume: &str) -> &'a str {
    let mut rows = table.lines();
    let row = rows.find(|line| line.split("  ").next() == Some(volume));
    row.unwrap_or_else(|| panic!("`{volume}` is missing:\n{table}"))
}

#[track_caller]
fn of<'a>(all: &'a Value, volume: &str) -> &'a Value {
    let mut all = all.as_array().unwrap().iter();
    all.find(|one| one["name"] == volume).expect(volume)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_volume_is_on_one_line() {
    let scene = Scene::set(Synchronous, R331).await;
    let (stage, machine) = (&scene.stage, &scene.stage.machine);
    let said = volume(machine, &["list"]);
    assert_eq!(said.err, "no volume is known on this host\n");
    assert_eq!(said.ok(), "");
    stage.create("db1", plain()).await.ok();
    let options = json!({ "virtualCopyOf": "db1" });
    stage.create("s1", options).await.ok();
    scene.create("db2").await.ok();
    scene.at_rest().await;

    let table = volume(machine, &["list"]).ok();
    let home = stage.label(HOME);
    for (name, parts) in [
        ("db1", vec!["DEFAULT", &home, "1 GiB", "volume", "ready"]),
        ("s1", vec!["snapshot of db1", "ready"]),
        ("db2", vec!["mirrored", "prod", "Primary", "Synced"]),
    ] {
        for part in parts {
            assert!(row(&table, name).contains(part), "`{part}`:\n{table}");
        }
    }
    assert!(!table.contains('\u{1b}'), "nothing is coloured");
    let listing = volume(machine, &["list", "--json"]).json();
    assert_eq!(listing["adoptable"]["all"], json!([]));
    let all = listing["volumes"].clone();
    assert_eq!(all.as_array().unwrap().len(), 3);
    assert_eq!(of(&all, "s1")["source"]["snapshot"]["of"], "db1");
    let replicated = of(&all, "db2");
    assert_eq!(replicated["replication"]["sync"], "Synced");
    assert_eq!(replicated["size_mib"], 1024);
    assert_eq!(replicated["in_hpe_conf"], true);

    // What the array does not say now is not made up.
    stage.arrays.control.down(HOME).await.unwrap();
    let table = volume(machine, &["list"]).ok();
    let shown = row(&table, "db2");
    let said: Vec<&str> = shown.split_whitespace().collect();
    assert_eq!(
        said.iter().filter(|word| **word == "?").count(),
        2,
        "{table}"
    );
    assert!(!shown.contains("Primary"), "{table}");
    let listing = volume(machine, &["list", "--json"]).json();
    let replication = &of(&listing["volumes"], "db2")["replication"];
    assert_eq!(
        (&replication["role"], &replication["sync"]),
        (&json!(null), &json!(null))
    );
    stage.arrays.control.up(HOME).await.unwrap();
    stage.arrays.control.up(PEER).await.unwrap();
    scene.answers(HOME).await;
    scene.end(&["s1", "db1", "db2"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_volume_is_shown_as_inspect_shows_it() {
    let scene = Scene::set(Synchronous, R1050).await;
    let machine = &scene.stage.machine;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    let shown = volume(machine, &["show", "db1", "--json"]).json();
    let inspected = scene.stage.plugin.get("db1").await.ok()["Volume"].clone();
    assert_eq!(shown["Name"], "db1");
    assert_eq!(shown["CreatedAt"], inspected["CreatedAt"]);
    assert!(shown["CreatedAt"].is_string());
    for field in ["backend", "vv", "size", "group state", "serving"] {
        let field = (&shown["Status"][field], &inspected["Status"][field]);
        assert!(!field.0.is_null() && field.0 == field.1, "{field:?}");
    }
    let told = volume(machine, &["show", "db1"]).ok();
    for line in ["volume:", "replication:", "  group:", "size:"] {
        assert!(
            told.lines().any(|l| l.starts_with(line)),
            "`{line}`: {told}"
        );
    }
    let said = volume(machine, &["show", "db9"]).refused();
    assert_told(&said, &["`db9`", "volume list"]);
    scene.end(&["db1"]).await;
}

/// What somebody else has grown, on another host or by hand, has its new size here, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_grew_elsewhere_is_listed_as_it_is() {
    let mut stage = Stage::set().await;
    stage.create("db1", plain()).await.ok();
    stage.arrays.type_in(HOME, "growvv -f dkv-db1 2g").await;
    tokio::task::block_in_place(|| {
        stage.plugin.kill();
        stage.plugin = super::rig::plugin::Plugin::start(&stage.machine);
    });
    until("the listing at the start", || {
        row(&volume(&stage.machine, &["list"]).ok(), "db1").contains("3 GiB")
    });
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answers_when_the_plugin_does_not_run() {
    let mut stage = Stage::set().await;
    let socket = stage.machine.dir.join("run/operator.sock");
    let mode = socket.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    stage.create("db1", plain()).await.ok();
    // A kill leaves the socket behind, and a stop takes it away.
    for kill in [true, false] {
        tokio::task::block_in_place(|| {
            if kill {
                stage.plugin.kill();
            } else {
                stage.plugin.stop();
            }
        });
        assert_eq!(socket.exists(), kill);
        for words in [&["list"][..], &["show", "db1"], &["grow", "db1", "2"]] {
            let said = volume(&stage.machine, words).refused();
            assert_told(&said, &["does not run", "serve", "--config"]);
        }
        tokio::task::block_in_place(|| {
            stage.plugin = super::rig::plugin::Plugin::start(&stage.machine);
        });
        assert!(volume(&stage.machine, &["list"]).ok().contains("db1"));
    }
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_command_line_asks_nobody() {
    let stage = Stage::set().await;
    for words in [
        &[][..],
        &["grow", "db1"],
        &["grow", "db1", "1.5"],
        &["grow", "db1", "-1"],
        &["grow", "db1", "0"],
        &["grow", "d/b", "2"],
        &["show"],
        &["adopt"],
        &["adopt", "--all", "db1"],
        &["release"],
        &["erase", "db1"],
    ] {
        let said = volume(&stage.machine, words);
        assert_eq!(
            (said.code, said.out.as_str()),
            (2, ""),
            "{words:?}: {said:?}"
        );
    }
    let help = volume(&stage.machine, &["--help"]).ok();
    for word in [
        "list",
        "show",
        "grow",
        "promote",
        "The plugin has to run on this host",
    ] {
        assert!(help.contains(word), "{help}");
    }
    let missing = stage.machine.dir.join("none.conf");
    let said = super::command::with_conf(&missing, &["list"]);
    assert_eq!(said.code, 1, "{said:?}");
    stage.end().await;
}
