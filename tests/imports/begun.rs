//! Adoptions that the same machine has begun before: they are ended before anything else is said of the volume.

use std::path::Path;

use hpe3par_sim::{Fault, Kind};

use super::{
    adopting::{ORDERS, desk, objects},
    in_a_group::{FORMER, copied, with_orders},
    process,
    rig::arrays::{HOME, Machine, PEER},
    scene::Scene,
    stage::assert_told,
};

/// Out of its group, and not in again.
async fn left_half_way() -> (Scene, Machine) {
    let scene = Scene::set("3.3.1").await;
    with_orders(&scene, false).await;
    let desk = desk(&scene);
    let control = &scene.stage.arrays.control;
    // The second lock is for the way in.
    let fault = Fault::new(Kind::DropBefore).on(HOME);
    let fault = fault.matching("^createvvset ").nth(2).repeat();
    control.fault(fault).unwrap();
    process::adopt_anew(&desk, "orders", None, &[]).await.err();
    assert_eq!(desk.open_entries(), 1);
    control.clear_faults();
    (scene, desk)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_try_ends_the_one_before() {
    let (scene, desk) = left_half_way().await;
    let before = scene.stage.arrays.dump();
    objects(
        &process::list_anew(&desk).await,
        ORDERS,
        &["is being imported, adopted or released by host `desk`"],
    );
    assert_eq!(scene.stage.arrays.dump(), before);
    // It is in its group again, and what was its copy is in the way of another one.
    let said = process::adopt_anew(&desk, "orders", None, &[]).await.err();
    assert_told(&said, &[FORMER, "is taken"]);
    assert_eq!(desk.open_entries(), 0);
    copied(&scene.stage.arrays).await;
    let volumes = scene.stage.arrays.dump()[HOME]["groups"]["books"].to_string();
    assert!(volumes.contains(ORDERS), "{volumes}");
    scene.types(PEER, &format!("removevv -f {FORMER}")).await;
    process::adopt_anew(&desk, "orders", None, &[]).await.ok();
    copied(&scene.stage.arrays).await;
    let volumes = scene.stage.arrays.dump()[HOME]["groups"]["books"].to_string();
    assert!(volumes.contains("dkv-orders"), "{volumes}");
}

/// Nobody knows any more that it was in a group: it does not go on without one unless a person says what it is.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_journal_it_is_not_taken_by_the_name_that_it_had() {
    let (scene, desk) = left_half_way().await;
    let journal: &Path = &desk.dir.join("state");
    std::fs::remove_dir_all(journal).unwrap();
    let before = scene.stage.arrays.dump();
    let told = ["no record of that any more", "….old"];
    for list in [process::list(&desk).await, process::list_anew(&desk).await] {
        objects(&list, ORDERS, &told);
    }
    let said = process::adopt_anew(&desk, "orders", None, &[]).await.err();
    assert_told(&said, &["has no volume `orders`"]);
    let said = process::adopt_anew(&desk, ORDERS, None, &[]).await.err();
    assert_told(&said, &told);
    assert_eq!(scene.stage.arrays.dump(), before);
    process::adopt(&desk, ORDERS, Some("orders"), &[])
        .await
        .ok();
    assert!(scene.vv(HOME, ORDERS).is_null());
}
