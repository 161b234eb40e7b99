//! What becomes of an adoption out of a remote copy group that fails: the volume is put back into its group, or that is told; and nothing is
//! written to the copy that it had.

use std::time::{Duration, Instant};

use hpe3par_sim::{Fault, Kind};

use super::{
    adopting::{ORDERS, OTHER, OTHER_ID, desk, making},
    in_a_group::{
        FORMER, copied, desk_with, is_back, members, persistent_scene, replicate, with_orders,
    },
    process,
    rig::{
        arrays::{HOME, Machine, PEER, persistent},
        plugin::Plugin,
    },
    scene::{Scene, in_every_flavour},
    stage::assert_told,
};

/// The volume, and another one that stays in the group.
async fn with_another(scene: &Scene, persistent: bool) {
    let has_snapshot_cpgs = scene.has_snapshot_cpgs();
    with_orders(scene, persistent).await;
    scene.types(HOME, &making(OTHER, OTHER_ID, "other")).await;
    if has_snapshot_cpgs {
        let snap_cpg = format!("setvv -snp_cpg ssd_r5 {OTHER}");
        scene.types(HOME, &snap_cpg).await;
    }
    replicate(&scene.stage.arrays, OTHER, persistent, has_snapshot_cpgs).await;
}

async fn undone(scene: Scene) {
    with_another(&scene, false).await;
    let desk = desk(&scene);
    undone_at(
        &scene,
        &desk,
        &[
            (HOME, "^dismissrcopyvv "),
            (PEER, "^setvv -name "),
            (HOME, "^setvv -name dkv-orders "),
            (HOME, "^admitrcopyvv .* dkv-orders "),
            (HOME, "state=ready.* dkv-orders"),
        ],
    )
    .await;
}

/// Each command is refused once; everything is as it was, and then it succeeds.
async fn undone_at(scene: &Scene, desk: &Machine, faults: &[(&str, &str)]) {
    for (array, command) in faults {
        let before = scene.stage.arrays.dump();
        let fault = Fault::new(Kind::Refuse).on(array).matching(command);
        let fault = fault.words("Error: the moon is wrong");
        scene.stage.arrays.control.fault(fault).unwrap();
        let reply = process::adopt_anew(desk, "orders", None, &[]).await;
        let said = reply.err();
        assert!(said.contains("the moon is wrong"), "{command}: {said}");
        assert!(!said.contains("still there"), "{command}: {said}");
        scene.stage.calm_down().await;
        if is_back(&scene.stage.arrays, &before).await {
            assert_told(&said, &["is in remote copy group `books` again", FORMER]);
        }
    }
    process::adopt_anew(desk, "orders", None, &[]).await.ok();
    copied(&scene.stage.arrays).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adoption_that_fails_half_way_puts_the_volume_back_into_its_group() {
    in_every_flavour("undone", undone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persistent_one_that_fails_half_way_is_put_back_with_its_wwn() {
    for release in ["3.3.1", "10.5.0"] {
        let scene = persistent_scene(release).await;
        with_another(&scene, true).await;
        let desk = desk_with(&scene, |conf| persistent(&conf));
        undone_at(
            &scene,
            &desk,
            &[
                (PEER, "^setvv -wwn auto "),
                (HOME, "^admitrcopyvv .* dkv-orders "),
            ],
        )
        .await;
    }
}

/// The lines of this command that an array has carried out, or refused.
fn given(scene: &Scene, array: &str, command: &str) -> usize {
    let log = scene.stage.arrays.control.log(Some(array));
    log.iter().filter(|e| e.line.starts_with(command)).count()
}

/// An array that takes the volume in under neither name is not asked again and again: each time the group would be stopped.
#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_its_group_does_not_take_again_stays_out_and_that_is_told() {
    let scene = Scene::set("3.3.1").await;
    with_another(&scene, false).await;
    let before = scene.stage.arrays.dump();
    let desk = desk(&scene);
    let fault = Fault::new(Kind::Refuse).on(HOME).matching("^admitrcopyvv ");
    let fault = fault.words("Error: the moon is wrong").repeat();
    scene.stage.arrays.control.fault(fault).unwrap();
    scene.stage.arrays.control.clear_log();
    let said = process::adopt_anew(&desk, "orders", None, &[]).await.err();
    let by_hand = format!("`admitrcopyvv -createvv -nowwn {ORDERS} books to-birch:{ORDERS}`");
    let home = format!(
        "on `{}`: `stoprcopygroup -f books`",
        scene.stage.label(HOME)
    );
    assert_told(&said, &["the moon is wrong", "is NOT in", &by_hand, &home]);
    assert_eq!(desk.open_entries(), 0);
    // Out, and in twice.
    assert_eq!(given(&scene, HOME, "stoprcopygroup"), 3);
    let now = scene.stage.arrays.dump();
    assert_eq!(now[HOME]["vvs"], before[HOME]["vvs"]);
    assert_eq!(members(&now, HOME, "books"), [OTHER]);
    assert_eq!(now[HOME]["groups"]["books"]["status"], "Started");
    assert_eq!(
        now[PEER]["vvs"][FORMER]["id"],
        before[PEER]["vvs"][ORDERS]["id"]
    );
    // What it says can be typed.
    scene.stage.arrays.control.clear_faults();
    for line in [
        "stoprcopygroup -f books".to_owned(),
        format!("admitrcopyvv -createvv -nowwn {ORDERS} books to-birch:{ORDERS}"),
        "startrcopygroup books".to_owned(),
    ] {
        scene.types(HOME, &line).await;
    }
}

/// What passes is waited for; where that stops the group, for a minute at least, and until a person has done it.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_passes_does_not_keep_a_volume_out_of_its_group() {
    let scene = Scene::set("3.3.1").await;
    with_another(&scene, false).await;
    let desk = desk(&scene);
    let refuse = |array: &str, at: &str| {
        let fault = Fault::new(Kind::Refuse).on(array).matching(at);
        let fault = fault.words("Error: the operation could be retried later");
        scene.stage.arrays.control.fault(fault.repeat()).unwrap();
    };
    let before = scene.stage.arrays.dump();
    refuse(PEER, "^setvv -name ");
    process::adopt_anew(&desk, "orders", None, &[]).await.err();
    assert_eq!(desk.open_entries(), 1);
    scene.stage.arrays.control.clear_faults();
    let mut plugin = tokio::task::block_in_place(|| Plugin::start(&desk));
    ended(&desk).await;
    assert!(is_back(&scene.stage.arrays, &before).await);
    tokio::task::block_in_place(|| plugin.kill());

    refuse(HOME, "^admitrcopyvv ");
    scene.stage.arrays.control.clear_log();
    process::adopt_anew(&desk, "orders", None, &[]).await.err();
    // Out, in by its new name, and in by its old one.
    assert_eq!(given(&scene, HOME, "stoprcopygroup"), 3);
    scene.stage.arrays.control.clear_faults();
    let plugin = tokio::task::block_in_place(|| Plugin::start(&desk));
    let patience = Instant::now() + Duration::from_secs(60);
    while !plugin.log().contains("is tried again at") {
        assert!(Instant::now() < patience, "{}", plugin.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(given(&scene, HOME, "stoprcopygroup"), 3);
    for line in [
        "stoprcopygroup -f books".to_owned(),
        format!("admitrcopyvv -createvv -nowwn {ORDERS} books to-birch:{ORDERS}"),
        "startrcopygroup books".to_owned(),
    ] {
        scene.types(HOME, &line).await;
    }
    ended(&desk).await;
    drop(plugin);
}

/// The other site has lost the array that sends, and uses the copy, or what it is called now; then that array is back, and what was begun there is
/// taken back. Nothing is written to the copy.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_somebody_uses_meanwhile_is_left_alone() {
    // Before and after it got its other name: the second lock is for the way in.
    for (array, at, nth, name) in [
        (PEER, "^setvv -name ", 1, ORDERS),
        (HOME, "^createvvset ", 2, FORMER),
    ] {
        let scene = Scene::set("3.3.1").await;
        with_another(&scene, false).await;
        let id = scene.vv(PEER, ORDERS)["id"].clone();
        let desk = desk(&scene);
        let fault = Fault::new(Kind::DropBefore).on(array).matching(at);
        let fault = fault.nth(nth).repeat();
        scene.stage.arrays.control.fault(fault).unwrap();
        process::adopt_anew(&desk, "orders", None, &[]).await.err();
        for line in [
            "createhost -iscsi saviour iqn.2026-01.test:saviour".to_owned(),
            format!("createvlun {name} 3 saviour"),
        ] {
            scene.types(PEER, &line).await;
        }
        scene.stage.arrays.control.clear_faults();
        let plugin = tokio::task::block_in_place(|| Plugin::start(&desk));
        ended(&desk).await;
        let now = scene.stage.arrays.dump();
        assert_eq!(now[PEER]["vvs"][name]["id"], id, "{name}");
        let exports = now[PEER]["vluns"].to_string();
        assert!(exports.contains(name), "{exports}");
        let volumes = now[PEER]["groups"]["books.r130512"]["volumes"].to_string();
        let in_a_group = volumes.contains(&format!("\"{ORDERS}\""));
        // Its name is taken: the volume stays out. Or it has another copy.
        assert_eq!(in_a_group, name == FORMER, "{volumes}");
        assert_eq!(now[HOME]["groups"]["books"]["status"], "Started");
        drop(plugin);
    }
}

/// The site is lost after the volume has left its group: the rest of the group goes on at the other site, and the volume waits outside of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_fails_over_in_between_is_waited_for() {
    let scene = Scene::set("3.3.1").await;
    with_another(&scene, false).await;
    let control = &scene.stage.arrays.control;
    let before = scene.stage.arrays.dump();
    let desk = desk(&scene);
    // The second lock is for the way in.
    let fault = Fault::new(Kind::DropBefore).on(HOME);
    let fault = fault.matching("^createvvset ").nth(2).repeat();
    control.fault(fault).unwrap();
    process::adopt_anew(&desk, "orders", None, &[]).await.err();
    assert_eq!(desk.open_entries(), 1);
    control.down(HOME).await.unwrap();
    control.clear_faults();
    let failover = "setrcopygroup failover -f -waittask books.r130512";
    scene.types(PEER, failover).await;
    control.up(HOME).await.unwrap();
    // Both say Primary; then it is the other one that sends; then all is as it was.
    for (line, why) in [
        ("", "is Primary on array"),
        (
            "setrcopygroup recover -f -waittask books.r130512",
            "is Primary on the other array",
        ),
    ] {
        if !line.is_empty() {
            scene.types(PEER, line).await;
        }
        copied(&scene.stage.arrays).await;
        let found = scene.stage.arrays.dump();
        let mut plugin = tokio::task::block_in_place(|| Plugin::start(&desk));
        let patience = Instant::now() + Duration::from_secs(60);
        while !plugin.log().contains(why) {
            assert!(Instant::now() < patience, "{}", plugin.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::task::block_in_place(|| plugin.kill());
        assert_eq!(desk.open_entries(), 1);
        let now = scene.stage.arrays.dump();
        for array in [HOME, PEER] {
            for of in ["groups", "vvs"] {
                assert_eq!(now[array][of], found[array][of], "{array}: {of}");
            }
        }
    }
    let restore = "setrcopygroup restore -f -waittask books.r130512";
    scene.types(PEER, restore).await;
    let plugin = tokio::task::block_in_place(|| Plugin::start(&desk));
    ended(&desk).await;
    assert!(is_back(&scene.stage.arrays, &before).await);
    drop(plugin);
}

pub async fn ended(desk: &Machine) {
    let patience = Instant::now() + Duration::from_secs(60);
    while desk.open_entries() > 0 {
        assert!(Instant::now() < patience, "it is still open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The group does not start with the new copy, and then not with another one: it is put in order when it does, and the former copy stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_former_copy_outlives_an_undo_that_fails() {
    let scene = Scene::set("3.3.1").await;
    with_orders(&scene, false).await;
    let before = scene.stage.arrays.dump();
    let desk = desk(&scene);
    let fault = Fault::new(Kind::Refuse)
        .on(HOME)
        .matching("^startrcopygroup ");
    // After the dismissal nobody is left in the group, so that nothing is started.
    let fault = fault.words("Error: the moon is wrong").repeat();
    scene.stage.arrays.control.fault(fault).unwrap();
    let said = process::adopt_anew(&desk, "orders", None, &[]).await.err();
    assert_told(&said, &["the moon is wrong", "remote copy group `books`"]);
    scene.stage.arrays.control.clear_faults();
    let plugin = tokio::task::block_in_place(|| Plugin::start(&desk));
    ended(&desk).await;
    let now = scene.stage.arrays.dump();
    assert_eq!(now[HOME]["vvs"], before[HOME]["vvs"]);
    assert_eq!(now[HOME]["vv_sets"], before[HOME]["vv_sets"]);
    let id = &before[PEER]["vvs"][ORDERS]["id"];
    assert_eq!(now[PEER]["vvs"][FORMER]["id"], *id, "{said}");
    drop(plugin);
}

/// The python plugin knows nothing of a lock: it mounts what it knows by this name.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_before_it_has_its_name_is_put_back() {
    let scene = Scene::set("3.3.1").await;
    with_another(&scene, false).await;
    let host = "createhost -iscsi oldhost iqn.2026-01.test:oldhost";
    scene.types(HOME, host).await;
    let before = scene.stage.arrays.dump();
    let desk = desk(&scene);
    for at in ["^setvv -comment dk1/.*was=", "^dismissrcopyvv "] {
        let fault = Fault::new(Kind::HangBefore).on(HOME).matching(at);
        scene.stage.arrays.control.fault(fault).unwrap();
        scene.stage.arrays.control.clear_log();
        let adopt = process::adopt_anew(&desk, "orders", None, &[]);
        let export = async {
            let patience = Instant::now() + Duration::from_secs(60);
            let line = at.trim_start_matches('^');
            let line = line.split(' ').next().unwrap();
            while given(&scene, HOME, line) == 0 {
                assert!(Instant::now() < patience, "{at}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            scene
                .types(HOME, &format!("createvlun {ORDERS} 3 oldhost"))
                .await;
            scene.stage.arrays.control.release();
        };
        let (reply, ()) = tokio::join!(adopt, export);
        assert_told(&reply.err(), &["exports it to `oldhost`"]);
        scene
            .types(HOME, &format!("removevlun -f {ORDERS} 3 oldhost"))
            .await;
        scene.stage.calm_down().await;
        is_back(&scene.stage.arrays, &before).await;
    }
}
