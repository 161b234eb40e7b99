//! Volumes of a backend that is not in hpe.conf any more: known, marked, and left alone.

use serde_json::json;

use super::{
    command::volume,
    rig::{arrays::HOME, engine::until, plugin::Plugin},
    stage::{Stage, assert_told, plain, replicated},
};

const GONE: &str = "backend `mirrored` is not in hpe.conf any more";

#[tokio::test(flavor = "multi_thread")]
async fn they_are_listed_and_refuse_everything() {
    let mut stage = Stage::set().await;
    stage.create("db1", replicated()).await.ok();
    stage.settled().await;
    let of = json!({ "virtualCopyOf": "db1" });
    stage.create("s1", of).await.ok();
    stage.create("db2", plain()).await.ok();
    let conf = stage.machine.conf();
    let whole = std::fs::read_to_string(&conf).unwrap();
    let less = whole.split("\n[mirrored]").next().unwrap();
    restart(&mut stage, less);
    let before = stage.arrays.dump();

    assert_eq!(stage.plugin.list().await, ["db1", "db2", "s1"]);
    for name in ["db1", "s1"] {
        let status = stage.plugin.get(name).await.ok()["Volume"]["Status"].clone();
        assert_eq!(status["backend"], "mirrored");
        let why = status["unusable"].as_str().unwrap_or_default();
        assert!(why.contains(GONE), "{status:#}");
        let create = if name == "db1" {
            replicated()
        } else {
            json!({ "virtualCopyOf": "db1" })
        };
        for said in [
            stage.plugin.mount(name, "c1").await,
            stage.remove(name).await,
            stage.create(name, create).await,
        ] {
            assert_told(&said.err(), &["mirrored", "hpe.conf"]);
        }
    }
    for (words, parts) in [
        (&["grow", "db1", "+1"][..], [GONE, "`db1`"]),
        (&["promote", "s1", "--yes"], [GONE, "`s1`"]),
    ] {
        assert_told(&volume(&stage.machine, words).refused(), &parts);
    }
    let table = volume(&stage.machine, &["list"]).ok();
    let marked = table
        .lines()
        .filter(|row| row.contains("backend not in hpe.conf"));
    assert_eq!(marked.count(), 2, "{table}");
    let all = volume(&stage.machine, &["list", "--json"]).json();
    assert_eq!(all["volumes"][0]["in_hpe_conf"], false, "{all:#}");
    assert_eq!(stage.arrays.dump(), before);

    restart(&mut stage, &whole);
    for name in ["s1", "db1", "db2"] {
        stage.remove(name).await.ok();
    }
    stage.end().await;
}

/// Every VV's name has the namespace in it: with another one all volumes would seem to be gone, and Docker would make them anew, empty.
#[tokio::test(flavor = "multi_thread")]
async fn another_namespace_starts_nothing() {
    let mut stage = Stage::set().await;
    stage.create("db1", plain()).await.ok();
    let conf = std::fs::read_to_string(stage.machine.conf()).unwrap();
    let other = conf.replacen("[DEFAULT]\n", "[DEFAULT]\nnamespace = \"prod\"\n", 1);
    assert_ne!(other, conf);
    std::fs::write(stage.machine.conf(), &other).unwrap();
    tokio::task::block_in_place(|| {
        stage.plugin.stop();
        stage.plugin = Plugin::launch(&stage.machine, &[], &[]);
    });
    until("it to end", || stage.plugin.has_ended());
    let log = stage.plugin.log();
    let said = log.lines().find(|line| line.starts_with("error: "));
    let parts = [
        "`db1`",
        "`dkv-db1`",
        "`dkn-prod-db1`",
        "nothing was started",
    ];
    assert_told(said.unwrap_or_default(), &parts);
    restart(&mut stage, &conf);
    assert_eq!(stage.plugin.list().await, ["db1"]);
    stage.remove("db1").await.ok();
    // Without volumes it may be any.
    restart(&mut stage, &other);
    stage.create("db1", plain()).await.ok();
    assert!(stage.arrays.dump()[HOME]["vvs"]["dkn-prod-db1"].is_object());
    stage.remove("db1").await.ok();
    stage.end().await;
}

fn restart(stage: &mut Stage, conf: &str) {
    std::fs::write(stage.machine.conf(), conf).unwrap();
    tokio::task::block_in_place(|| {
        stage.plugin.stop();
        stage.plugin = Plugin::start(&stage.machine);
    });
}
