//! What no engine, or no careful user, sends.

use hyper::body::Bytes;
use serde_json::json;

use super::{
    rig::plugin::Reply,
    stage::{Stage, assert_told, plain},
};

const ALL: [&str; 9] = [
    "Plugin.Activate",
    "VolumeDriver.Capabilities",
    "VolumeDriver.Create",
    "VolumeDriver.Remove",
    "VolumeDriver.Mount",
    "VolumeDriver.Unmount",
    "VolumeDriver.Path",
    "VolumeDriver.Get",
    "VolumeDriver.List",
];

#[tokio::test(flavor = "multi_thread")]
async fn wrong_options_are_refused_before_anything_is_made() {
    let stage = Stage::set().await;
    let huge = format!("1{}", "0".repeat(30));
    for (options, part) in [
        (json!({ "size": "0" }), "size"),
        (json!({ "size": "-1" }), "size"),
        (json!({ "size": huge }), "size"),
        (json!({ "size": "abc" }), "size"),
        (json!({ "size": "1.5" }), "size"),
        (json!({ "size": "16385" }), "size"),
        (json!({ "sise": "1" }), "did you mean `size`"),
        (json!({ "replicationGroup": "prod" }), "`DEFAULT`"),
        (json!({ "backend": "mirrored" }), "`replicationGroup`"),
        (json!({ "backend": "nowhere" }), "nowhere"),
        (json!({ "cpg": "unknown" }), "unknown"),
        (json!({ "cpg": "a b; removevv -f *" }), "cpg"),
        (json!({ "fsOwner": "root:root", "fsMode": "rwx" }), "fsMode"),
        (json!({ "size": "1", "Size": "2" }), "did you mean `size`"),
    ] {
        let said = stage.create("db1", options).await.err();
        assert_told(&said, &["db1", part]);
    }
    assert_eq!(changed(&stage), Vec::<String>::new());
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_names_are_refused_by_every_request() {
    let stage = Stage::set().await;
    let long = "x".repeat(300);
    let before = std::fs::read_dir(stage.machine.dir.parent().unwrap()).unwrap();
    let before = before.count();
    for name in [
        "../x",
        &long,
        "",
        ".",
        "a/b",
        "a b",
        "-f",
        "dkv;removevv",
        "ä",
        "a\nb",
    ] {
        let shown: String = name.chars().take(20).collect();
        let said = stage.create(name, plain()).await.err();
        assert_told(&said, &[]);
        assert!(said.len() < 700, "{said}");
        if !name.contains('\n') {
            assert!(said.contains(&shown), "{said}");
        }
        for reply in [
            stage.remove(name).await,
            stage.plugin.mount(name, "id1").await,
            stage.plugin.unmount(name, "id1").await,
            stage.plugin.get(name).await,
        ] {
            let said = reply.err();
            assert!(!said.contains('\n') && said.len() < 700, "{said}");
        }
    }
    let after = std::fs::read_dir(stage.machine.dir.parent().unwrap()).unwrap();
    assert_eq!(before, after.count());
    assert_eq!(changed(&stage), Vec::<String>::new());
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_none_or_no_json_changes_nothing() {
    let stage = Stage::set().await;
    stage.create("db1", plain()).await.ok();
    let with_volume = stage.arrays.dump();
    for verb in ALL {
        for body in [
            "",
            "{",
            "nonsense",
            "[]",
            "\"db1\"",
            "7",
            "{\"Name\":7}",
            "\u{0}",
        ] {
            let reply = stage.plugin.send(verb, Bytes::from(body.to_owned())).await;
            match (verb, reply) {
                ("Plugin.Activate" | "VolumeDriver.Capabilities" | "VolumeDriver.List", reply) => {
                    reply.ok();
                }
                // An error would make the engine forget a volume.
                ("VolumeDriver.Get", reply) => assert_eq!(reply, Reply::Closed, "{body}"),
                (_, reply) => {
                    let said = reply.err();
                    assert!(
                        !said.is_empty() && !said.contains('\n'),
                        "{verb} {body}: {said}"
                    );
                }
            }
        }
    }
    assert_eq!(stage.plugin.list().await, ["db1"]);
    assert_eq!(stage.arrays.dump(), with_volume);
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_are_null_are_options_not_given() {
    let stage = Stage::set().await;
    let body = json!({ "Name": "db1", "Opts": null });
    stage.plugin.call("VolumeDriver.Create", &body).await.ok();
    let shown = stage.plugin.get("db1").await.ok();
    assert_eq!(shown["Volume"]["Status"]["size"], "100 GiB");
    stage.remove("db1").await.ok();
    let body = json!({ "Name": "db2", "Opts": { "size": null, "cpg": "" } });
    stage.plugin.call("VolumeDriver.Create", &body).await.ok();
    stage.remove("db2").await.ok();
    stage.end().await;
}

/// Commands that changed something.
fn changed(stage: &Stage) -> Vec<String> {
    let log = stage.arrays.control.log(None);
    log.into_iter()
        .filter(|c| c.changed)
        .map(|c| c.line)
        .collect()
}
