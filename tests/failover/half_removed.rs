//! A remove that died, or failed, and a volume that was used on the other site since: in Active/Passive the comment of one array may know
//! nothing of that.

use hpe3par_sim::faults::{Fault, Kind};
use serde_json::json;

use crate::{
    first_mount::{comment, formatted_and_not_written_down},
    meanwhile::{dies_at, used_by_another_host},
    rig::{
        arrays::{HOME, PEER},
        engine::until,
        plugin::Plugin,
    },
    scene::Flavour,
    stage::Stage,
};

async fn remove_dies_at(stage: &mut Stage, matching: &str) {
    let remove = async |plugin: &Plugin| plugin.remove("db1").await;
    dies_at(stage, (HOME, matching), remove).await;
}

/// A replicated volume with the line `one`, whose remove died when it was marked at home alone.
async fn marked_at_home_alone(stage: &mut Stage) {
    stage.create_replicated("db1").await;
    stage.mount_from(HOME, "db1", "c1").await;
    stage.write("db1", "one");
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.until_synced(HOME, "prod");
    remove_dies_at(stage, "^setvv .*state=removing").await;
    assert!(comment(stage, HOME).contains("/state=removing/"));
    assert!(comment(stage, PEER).contains("/state=ready/"));
}

async fn holds_everything(stage: &Stage) {
    for array in [HOME, PEER] {
        assert!(comment(stage, array).contains("/state=ready/"), "{array}");
    }
    stage.mount_from(HOME, "db1", "c2").await;
    assert_eq!(stage.read("db1"), ["one", "two"]);
    stage.plugin.unmount("db1", "c2").await.ok();
    // It can be removed like any other.
    stage.plugin.remove("db1").await.ok();
    for array in [HOME, PEER] {
        assert_eq!(comment(stage, array), "null");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_used_on_the_other_site_since_is_not_removed() {
    let test = "half_removed::what_was_used_on_the_other_site_since_is_not_removed";
    let Some(mut stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    marked_at_home_alone(&mut stage).await;
    used_by_another_host(&mut stage).await;
    tokio::task::block_in_place(|| stage.start());
    until("the end of the remove", || {
        stage.machine.open_entries() == 0
    });
    assert!(stage.plugin.list().await.contains(&"db1".to_owned()));
    holds_everything(&stage).await;
}

/// The journal went with the state directory: what a create finds is the volume, and nothing to clean up first.
#[tokio::test(flavor = "multi_thread")]
async fn a_create_of_that_name_finds_the_volume() {
    let test = "half_removed::a_create_of_that_name_finds_the_volume";
    let Some(mut stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    marked_at_home_alone(&mut stage).await;
    used_by_another_host(&mut stage).await;
    std::fs::remove_dir_all(stage.machine.dir.join("state")).unwrap();
    tokio::task::block_in_place(|| stage.start());
    let options = json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" });
    stage.plugin.create("db1", options).await.ok();
    holds_everything(&stage).await;
}

/// An array that takes no comment on a secondary shows of no remove how far it is.
#[tokio::test(flavor = "multi_thread")]
async fn where_a_copy_takes_no_mark_a_remove_that_died_is_taken_back() {
    let test = "half_removed::where_a_copy_takes_no_mark_a_remove_that_died_is_taken_back";
    let Some(mut stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    let control = &stage.arrays.control;
    control
        .switch(PEER, "secondary_comment_refused", true)
        .unwrap();
    stage.create_replicated("db1").await;
    stage.mount_from(HOME, "db1", "c1").await;
    stage.write("db1", "one");
    stage.plugin.unmount("db1", "c1").await.ok();
    remove_dies_at(&mut stage, "^stoprcopygroup ").await;
    tokio::task::block_in_place(|| stage.start());
    until("the end of the remove", || {
        stage.machine.open_entries() == 0
    });
    assert!(comment(&stage, HOME).contains("/state=ready/"));
    stage.until_synced(HOME, "prod");
    stage.mount_from(HOME, "db1", "c1").await;
    assert_eq!(stage.read("db1"), ["one"]);
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.plugin.remove("db1").await.ok();
    assert_eq!(comment(&stage, PEER), "null");
}

/// A volume with the line `one` in a filesystem that only the copy's array was told of.
async fn formatted_on_the_copy_alone(stage: &Stage) {
    formatted_and_not_written_down(stage, HOME).await;
    stage.plugin.mount("db1", "c1").await.err();
    stage.until_synced(HOME, "prod");
    stage.fail_over().await;
    stage.mount_from(PEER, "db1", "c1").await;
    stage.write("db1", "one");
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.recover().await;
    stage.restore().await;
    assert!(comment(stage, HOME).contains("fmt=doing"));
}

async fn remove_fails(stage: &Stage) {
    let fault = Fault {
        words: "Error: the system is busy".to_owned(),
        ..Fault::new(Kind::Refuse)
            .on(HOME)
            .matching("^dismissrcopyvv ")
    };
    stage.arrays.control.fault(fault).unwrap();
    let said = stage.plugin.remove("db1").await.err();
    assert!(said.contains("the volume is usable again"), "{said}");
    stage.until_synced(HOME, "prod");
}

/// Each array keeps what it knows of the filesystem.
#[tokio::test(flavor = "multi_thread")]
async fn a_remove_that_fails_leaves_each_array_its_comment() {
    let test = "half_removed::a_remove_that_fails_leaves_each_array_its_comment";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    formatted_on_the_copy_alone(&stage).await;
    remove_fails(&stage).await;
    assert!(comment(&stage, HOME).contains("fmt=doing"));
    for word in ["fmt=done", "state=ready"] {
        assert!(comment(&stage, PEER).contains(word));
    }
    stage.mount_from(HOME, "db1", "c2").await;
    assert_eq!(stage.read("db1"), ["one"]);
    stage.plugin.unmount("db1", "c2").await.ok();
}

/// A copy that never got a comment gets none from a remove: what is known at home need not be so there.
#[tokio::test(flavor = "multi_thread")]
async fn a_remove_that_fails_says_nothing_for_a_copy_that_has_no_comment() {
    let test = "half_removed::a_remove_that_fails_says_nothing_for_a_copy_that_has_no_comment";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    let refused = |on: bool| {
        let control = &stage.arrays.control;
        control
            .switch(PEER, "secondary_comment_refused", on)
            .unwrap();
    };
    refused(true);
    stage.create_replicated("db1").await;
    refused(false);
    formatted_on_the_copy_alone(&stage).await;
    remove_fails(&stage).await;
    assert_eq!(comment(&stage, PEER), "\"\"");
    // Nobody can say that what is there was never used.
    let said = stage.plugin.mount("db1", "c2").await.err();
    assert!(said.contains("nothing is formatted over it"), "{said}");
}
