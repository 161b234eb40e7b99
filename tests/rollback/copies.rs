//! What is left of the copy on the peer is removed only if it is proven to be the copy.

use super::{
    dying::{comes_back, dies_after},
    job::{Job, Place, Way},
    point::Point,
    rig::arrays::{HOME, PEER},
};

/// A create dies when its group runs and its copy was read. Then somebody takes the volume out of the group and leaves the copy.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    /// The copy is as it was.
    Nothing,
    /// Another VV has the copy's name.
    Replaced,
}

async fn left_behind(then: Then) {
    let mut ready = Job::new(Way::In, Place::Beside).stage().await;
    ready.begin().await;
    let point = Point {
        array: PEER.to_owned(),
        name: "setvv".to_owned(),
        nth: 1,
        changes: true,
    };
    dies_after(&mut ready, &point).await;
    let arrays = &ready.stage.arrays;
    arrays.type_in(HOME, "stoprcopygroup -f prod").await;
    arrays.type_in(HOME, "dismissrcopyvv -f dkv-db1 prod").await;
    arrays.type_in(HOME, "startrcopygroup prod").await;
    // Its comment does not say any more whose it is.
    arrays.type_in(PEER, "setvv -comment lost dkv-db1").await;
    if then == Then::Replaced {
        arrays.type_in(PEER, "removevv -f dkv-db1").await;
        arrays
            .type_in(PEER, "createvv -tpvv ssd_r5 dkv-db1 2g")
            .await;
    }
    let copy = arrays.dump()[PEER]["vvs"]["dkv-db1"].clone();
    assert!(copy["wwn"].is_string(), "{copy}");
    comes_back(&mut ready).await;
    let now = ready.stage.arrays.dump();
    assert!(now[HOME]["vvs"]["dkv-db1"].is_null());
    let there = &now[PEER]["vvs"]["dkv-db1"];
    let log = ready.stage.plugin.log();
    let told = "nothing proves that this VV is the copy this operation made: left alone";
    assert_eq!(log.contains(told), then == Then::Replaced);
    match then {
        Then::Nothing => assert!(there.is_null(), "{there:#}"),
        Then::Replaced => {
            assert_eq!(*there, copy);
            // It is in the way, and said to be.
            let said = ready.perform().await.err();
            let label = ready.stage.label(PEER);
            assert!(
                said.contains(&label) && said.contains("did not make"),
                "{said}"
            );
            assert_eq!(ready.stage.arrays.dump()[PEER]["vvs"]["dkv-db1"], copy);
            ready
                .stage
                .arrays
                .type_in(PEER, "removevv -f dkv-db1")
                .await;
        }
    }
    ready.assert_without().await;
    ready.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_known_by_its_wwn_and_id_is_removed() {
    left_behind(Then::Nothing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_vv_of_the_copys_name_is_left_alone() {
    left_behind(Then::Replaced).await;
}
