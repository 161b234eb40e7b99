//! The index is gone, and the array that the volume was made on is dead.

use serde_json::Value;

use super::{
    rig::arrays::{HOME, PEER},
    stage::{Release, Stage, can_mount},
};

/// Everything from the other array: the name, what an inspect shows, and after a failover the data. The index is completed when the
/// first array is back, without a second volume.
async fn all_from_the_other_array(release: Release) {
    let mut stage = Stage::set(release).await;
    stage.create("db1").await;
    let at = stage.machine.mountpoint("db1");
    stage.plugin.mount("db1", "c1").await.ok();
    std::fs::write(at.join("ledger"), "42").unwrap();
    stage.plugin.unmount("db1", "c1").await.ok();
    let whole = stage.known("db1");
    assert_eq!(whole["copy_wwn"], stage.wwn(PEER, "db1"), "{whole:#}");

    stage.kill();
    stage.forget_index();
    stage.down(HOME).await;
    let before = stage.arrays.dump()[PEER].clone();
    stage.start();
    stage.lists(&["db1"]).await;
    let status = stage.shown("db1", |status| !status["peer"].is_null()).await;
    assert_eq!(status["backend"], "mirrored", "{status:#}");
    assert_eq!(status["peer"]["group"], "prod.r130512", "{status:#}");
    assert_eq!(status["peer"]["role"], "Secondary", "{status:#}");
    let known = stage.known("db1");
    assert_eq!(known["wwn"], Value::Null, "{known:#}");
    assert_eq!(known["copy_wwn"], stage.wwn(PEER, "db1"), "{known:#}");
    assert_eq!(known["last_roles"]["peer"], "Secondary", "{known:#}");
    for same in ["group", "home", "backend", "format", "vv"] {
        assert_eq!(known[same], whole[same], "{same}");
    }
    assert_eq!(known["options"]["cpg"], whole["options"]["cpg"]);
    // A secondary is not mounted.
    let said = stage.plugin.mount("db1", "c2").await.err();
    assert!(said.contains("the primary cannot be asked"), "{said}");
    assert_eq!(stage.arrays.dump()[PEER], before);

    stage.fails_over().await;
    stage.plugin.mount("db1", "c2").await.ok();
    assert_eq!(std::fs::read_to_string(at.join("ledger")).unwrap(), "42");
    std::fs::write(at.join("ledger"), "43").unwrap();

    stage.up(HOME).await;
    stage
        .until("the completed index", || {
            stage.known("db1")["wwn"] == stage.wwn(HOME, "db1")
        })
        .await;
    let again = stage.known("db1");
    for same in [
        "copy_wwn", "vv_id", "group", "home", "backend", "format", "state",
    ] {
        assert_eq!(again[same], whole[same], "{same}");
    }
    let options = again["options"].as_object().unwrap();
    assert_eq!(options, whole["options"].as_object().unwrap());
    stage.lists(&["db1"]).await;
    assert_eq!(std::fs::read_to_string(at.join("ledger")).unwrap(), "43");
    stage.plugin.unmount("db1", "c2").await.ok();
    assert!(stage.exported(PEER, "db1").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_other_array_knows_everything() {
    if can_mount("lone_copy::the_other_array_knows_everything") {
        tokio::join!(
            all_from_the_other_array(Release::R331),
            all_from_the_other_array(Release::R1050)
        );
    }
}

/// The group was Primary on the other array, and a volume was made there: its comment names that array as its home.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_made_on_the_other_array() {
    if !can_mount("lone_copy::what_was_made_on_the_other_array") {
        return;
    }
    let mut stage = Stage::set(Release::R331).await;
    stage.create("db1").await;
    for (array, line) in [
        (HOME, "stoprcopygroup -f prod"),
        (HOME, "setrcopygroup reverse -f -waittask prod"),
        (PEER, "startrcopygroup prod.r130512"),
    ] {
        stage.types(array, line).await;
    }
    stage.at_rest().await;
    stage.create("db2").await;
    let at = stage.machine.mountpoint("db2");
    stage.plugin.mount("db2", "c1").await.ok();
    std::fs::write(at.join("ledger"), "42").unwrap();
    stage.plugin.unmount("db2", "c1").await.ok();
    let whole = stage.known("db2");
    assert_eq!(whole["home"], 130_777, "{whole:#}");

    stage.kill();
    stage.forget_index();
    stage.down(HOME).await;
    stage.start();
    stage.lists(&["db1", "db2"]).await;
    let known = stage.known("db2");
    assert_eq!(known["wwn"], Value::Null, "{known:#}");
    for same in ["copy_wwn", "group", "home", "backend", "format"] {
        assert_eq!(known[same], whole[same], "{same}");
    }
    let status = stage.shown("db2", |status| !status["peer"].is_null()).await;
    assert_eq!(status["backend"], "mirrored", "{status:#}");
    assert_eq!(status["peer"]["role"], "Primary", "{status:#}");
    stage.plugin.mount("db2", "c2").await.ok();
    assert_eq!(std::fs::read_to_string(at.join("ledger")).unwrap(), "42");
    stage.up(HOME).await;
    stage
        .until("the completed index", || {
            stage.known("db2")["wwn"] == stage.wwn(HOME, "db2")
        })
        .await;
    assert_eq!(stage.known("db2")["copy_wwn"], whole["copy_wwn"]);
    stage.plugin.unmount("db2", "c2").await.ok();
    assert!(stage.exported(PEER, "db2").is_empty());
}

/// Before any listing, by name.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_unknown_name_is_asked_for_on_the_peer_of_a_dead_array() {
    let mut stage = Stage::set(Release::R331).await;
    stage.create("db1").await;
    stage.kill();
    stage.forget_index();
    stage.down(HOME).await;
    let listing =
        hpe3par_sim::Fault::new(hpe3par_sim::Kind::Truncate).matching(r"^showvv .*dkv-\*");
    stage.arrays.control.fault(listing.repeat()).unwrap();
    let before = stage.arrays.dump()[PEER].clone();
    stage.start();
    assert_eq!(stage.plugin.list().await, [""; 0]);
    let status = stage.status("db1").await;
    assert_eq!(status["backend"], "mirrored", "{status:#}");
    // What the dead array may have is not denied.
    let reply = stage.plugin.get("db2").await;
    assert_eq!(reply, super::rig::plugin::Reply::Closed);
    assert_eq!(stage.arrays.dump()[PEER], before);
}

/// An array that takes no comment on a secondary: another host knows the copy by its group.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_copy_without_a_comment_is_known_by_its_group() {
    let refuse = |toml: String| {
        toml.replace(
            "latency_ms = 0",
            "switches = { secondary_comment_refused = true }\nlatency_ms = 0",
        )
    };
    let mut stage = Stage::set_with(refuse, |_, _| {}).await;
    stage.create("db1").await;
    let copy = stage.vv(PEER, "db1");
    assert_eq!(copy["comment"].as_str().unwrap_or_default(), "");
    stage.kill();
    stage.forget_index();
    stage.start();
    stage.lists(&["db1"]).await;
    // Whichever array was listed first; the copy can be told only once the volume is known.
    stage.restart();
    stage
        .until("the copy", || {
            stage.known("db1")["copy_wwn"] == stage.wwn(PEER, "db1")
        })
        .await;
}
