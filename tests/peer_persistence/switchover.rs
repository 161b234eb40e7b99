//! The arrays change places under somebody who writes, and home again.

use hpe3par_sim::faults::{Fault, Kind};

use crate::{
    rig::{
        arrays::{HOME, PEER},
        engine::until,
    },
    scene::{Flavour, GROUP, GROUP_THERE},
    writer::Writer,
};

async fn there_and_back(flavour: Flavour, test: &str) {
    let Some(stage) = flavour.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    stage.is_on_both("db1");
    let writer = Writer::begin(&stage, "db1");

    stage
        .types(HOME, &format!("setrcopygroup switchover -f {GROUP}"))
        .await;
    let [home, peer] = flavour.switched_over();
    stage.until_roles(home, peer);
    writer.goes_on(&stage);
    stage.is_on_both("db1");
    let (here, there) = (stage.label(HOME), stage.label(PEER));
    stage
        .shows("db1", "the peer serves", |status| {
            status["serving"] == there
        })
        .await;
    let shown = stage.status("db1").await;
    assert_eq!(shown["mounted here"]["from"].as_array().unwrap().len(), 2);
    assert_eq!(shown["mounted here"]["exported by"], "both arrays");
    // A further user, and one that mounts anew, from the array that serves now.
    stage.plugin.mount("db1", "c2").await.ok();
    stage.plugin.unmount("db1", "c2").await.ok();

    // A volume is made in the group that was switched over; the other one is written to meanwhile.
    stage.create_replicated("db2").await;
    assert_eq!(stage.roles(), [home, peer]);
    stage.plugin.mount("db2", "c3").await.ok();
    stage.is_on_both("db2");
    stage.is_on_both("db1");
    let second = Writer::begin(&stage, "db2");
    writer.goes_on(&stage);

    stage
        .types(PEER, &format!("setrcopygroup switchover -f {GROUP_THERE}"))
        .await;
    stage.until_roles("Primary", "Secondary");
    stage.in_step();
    writer.goes_on(&stage);
    second.goes_on(&stage);
    stage
        .shows("db1", "the home array serves", |status| {
            status["serving"] == here
        })
        .await;
    let lines = writer.ends(&stage);
    let more = second.ends(&stage);
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.plugin.unmount("db2", "c3").await.ok();
    stage.is_clear_at_last();

    stage.plugin.mount("db1", "c4").await.ok();
    stage.plugin.mount("db2", "c5").await.ok();
    lines.are_in(&stage, "db1");
    more.are_in(&stage, "db2");
    stage.plugin.unmount("db1", "c4").await.ok();
    stage.plugin.unmount("db2", "c5").await.ok();
    stage.is_clear_at_last();
    stage.plugin.remove("db1").await.ok();
    stage.plugin.remove("db2").await.ok();
    until("nothing is left", || {
        let dump = stage.arrays.dump().to_string();
        !dump.contains("db1") && !dump.contains("prod")
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn there_and_back_3_3() {
    there_and_back(Flavour::ThreePar, "switchover::there_and_back_3_3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_and_back_10_x() {
    there_and_back(Flavour::Alletra, "switchover::there_and_back_10_x").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_and_back_in_the_natural_direction() {
    there_and_back(
        Flavour::KeepsNatural,
        "switchover::there_and_back_in_the_natural_direction",
    )
    .await;
}

/// Made, and mounted for the first time, while the group was switched over: the filesystem is made on the peer.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_mount_after_a_switchover() {
    let test = "switchover::a_first_mount_after_a_switchover";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage
        .types(HOME, &format!("setrcopygroup switchover -f {GROUP}"))
        .await;
    stage.until_roles("Secondary", "Primary");
    stage.in_step();
    stage.plugin.mount("db1", "c1").await.ok();
    stage.is_on_both("db1");
    let lines = Writer::begin(&stage, "db1").ends(&stage);
    stage.plugin.unmount("db1", "c1").await.ok();
    stage
        .types(PEER, &format!("setrcopygroup switchover -f {GROUP_THERE}"))
        .await;
    stage.until_roles("Primary", "Secondary");
    stage.plugin.mount("db1", "c2").await.ok();
    lines.are_in(&stage, "db1");
    stage.plugin.unmount("db1", "c2").await.ok();
    stage.is_clear_at_last();
}

/// The copy's comment was not written when the filesystem was made. When that array serves, both say so before anything is mounted.
#[tokio::test(flavor = "multi_thread")]
async fn a_comment_that_does_not_know_the_filesystem_is_put_right() {
    let test = "switchover::a_comment_that_does_not_know_the_filesystem_is_put_right";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    let fault = Fault {
        matching: Some("^setvv .*fmt=done".to_owned()),
        words: "Error: the system is busy".to_owned(),
        ..Fault::new(Kind::Refuse).on(PEER)
    };
    stage.arrays.control.fault(fault).unwrap();
    let fmt = || {
        [HOME, PEER].map(|array| {
            let comment = stage.arrays.dump()[array]["vvs"]["dkv-db1"]["comment"].to_string();
            let fmt = comment
                .split('/')
                .find_map(|word| word.strip_prefix("fmt="));
            fmt.unwrap_or_default().to_owned()
        })
    };
    stage.plugin.mount("db1", "c1").await.ok();
    let lines = Writer::begin(&stage, "db1").ends(&stage);
    stage.plugin.unmount("db1", "c1").await.ok();
    assert_eq!(fmt(), ["done", "no"]);
    stage
        .types(HOME, &format!("setrcopygroup switchover -f {GROUP}"))
        .await;
    stage.until_roles("Secondary", "Primary");
    stage.in_step();
    stage.plugin.mount("db1", "c2").await.ok();
    assert_eq!(fmt(), ["done", "done"]);
    lines.are_in(&stage, "db1");
    stage.plugin.unmount("db1", "c2").await.ok();
    stage.is_clear_at_last();
}
