//! A create that died when the copy was said to be ready, and the volume not yet.

use serde_json::json;

use crate::{
    first_mount::comment,
    meanwhile::{dies_at, used_by_another_host},
    rig::{
        arrays::{HOME, PEER},
        engine::until,
    },
    scene::Flavour,
    stage::Stage,
};

const READY: (&str, &str) = (PEER, "^setvv .*state=ready");

async fn is_whole(stage: &Stage, lines: &[&str]) {
    for array in [HOME, PEER] {
        assert!(comment(stage, array).contains("/state=ready/"), "{array}");
    }
    stage.mount_from(HOME, "db1", "c2").await;
    assert_eq!(stage.read("db1"), lines);
    stage.plugin.unmount("db1", "c2").await.ok();
}

/// The home array takes no comment while it is the secondary: it learns nothing of what becomes of the volume on the other site.
async fn dies(stage: &mut Stage) {
    let control = &stage.arrays.control;
    control
        .switch(HOME, "secondary_comment_refused", true)
        .unwrap();
    let options = json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" });
    dies_at(stage, READY, async |plugin| {
        plugin.create("db1", options).await
    })
    .await;
    assert!(comment(stage, HOME).contains("/state=making/"));
    assert!(comment(stage, PEER).contains("/state=ready/"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_used_on_the_other_site_since_is_completed() {
    let test = "half_made::what_was_used_on_the_other_site_since_is_completed";
    let Some(mut stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    dies(&mut stage).await;
    used_by_another_host(&mut stage).await;
    tokio::task::block_in_place(|| {
        stage.start();
        until("the end of the create", || {
            stage.machine.open_entries() == 0
        });
    });
    is_whole(&stage, &["two"]).await;
    stage.plugin.remove("db1").await.ok();
}

/// The journal went with the state directory.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_create_of_that_name_finds_it() {
    let test = "half_made::the_next_create_of_that_name_finds_it";
    let Some(mut stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    dies(&mut stage).await;
    used_by_another_host(&mut stage).await;
    std::fs::remove_dir_all(stage.machine.dir.join("state")).unwrap();
    tokio::task::block_in_place(|| stage.start());
    let options = json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" });
    stage.plugin.create("db1", options).await.ok();
    is_whole(&stage, &["two"]).await;
}

/// An import keeps its new name, under which it was used.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_completed_too() {
    let test = "half_made::an_import_is_completed_too";
    let Some(mut stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    // What is imported has a filesystem.
    stage.create("old").await;
    stage.plugin.mount("old", "c1").await.ok();
    stage.write("old", "one");
    stage.plugin.unmount("old", "c1").await.ok();
    tokio::task::block_in_place(|| stage.kill());
    for line in [
        "setvv -f -comment none dkv-old",
        "setvv -f -name oracle_01 dkv-old",
        "setvv -f -snp_cpg ssd_r5 oracle_01",
    ] {
        assert_eq!(stage.arrays.type_in(HOME, line).await, "", "{line}");
    }
    std::fs::remove_dir_all(stage.machine.dir.join("state")).unwrap();
    tokio::task::block_in_place(|| stage.start());
    let options =
        json!({ "importVol": "oracle_01", "backend": "mirrored", "replicationGroup": "prod" });
    dies_at(&mut stage, READY, async |plugin| {
        plugin.create("db1", options).await
    })
    .await;
    used_by_another_host(&mut stage).await;
    tokio::task::block_in_place(|| {
        stage.start();
        until("the end of the import", || {
            stage.machine.open_entries() == 0
        });
    });
    is_whole(&stage, &["one", "two"]).await;
}
