//! After a failover: the former primary comes back, becomes a copy, and serves again, while hosts have the volume open.

use hpe3par_sim::state::Release;

use crate::scene::{Device, NORTH, RELEASES, SOUTH, Scene, USUAL};

/// The primary died, the other array took over with the host that writes, and the primary is back.
async fn back(release: Release, policies: &[&str]) -> (Scene, Device) {
    let scene = Scene::set(release, policies).await;
    let device = scene.opens(NORTH);
    device.writes(100, 1);
    scene.control.down(NORTH).await.unwrap();
    device.writes(200, 2);
    scene.pass(30);
    device.writes(300, 3);
    scene.control.up(NORTH).await.unwrap();
    (scene, device)
}

const FAILSAFE: &str = "Failsafe Primary | Stopped Primary-Rev";

#[tokio::test]
async fn recover_and_restore_while_a_host_writes() {
    for release in RELEASES {
        let (scene, device) = back(release, &USUAL).await;
        scene.pass(600);
        assert_eq!(scene.roles(), FAILSAFE);
        assert_eq!(scene.visible(), [false, true]);
        assert_eq!(
            [100, 200, 300].map(|at| scene.hold(at)),
            [[1, 1], [0, 2], [0, 3]]
        );

        scene
            .types(SOUTH, "setrcopygroup recover -f g1.r131071")
            .await;
        scene.pass(1);
        assert_eq!(
            scene.roles(),
            "Starting Secondary-Rev | Starting Primary-Rev"
        );
        assert_eq!(
            scene.visible(),
            [false, true],
            "what it has is half overwritten"
        );
        device.writes(400, 4);
        scene.pass(60);
        assert_eq!(scene.roles(), "Started Secondary-Rev | Started Primary-Rev");
        assert_eq!(scene.visible(), [true, true]);
        device.writes(500, 5);
        assert_eq!(
            [200, 400, 500].map(|at| scene.hold(at)),
            [[2, 2], [4, 4], [5, 5]]
        );

        scene
            .types(SOUTH, "setrcopygroup restore -f g1.r131071")
            .await;
        device.writes(600, 6);
        scene.pass(1);
        assert_eq!(scene.roles(), "Starting Primary | Starting Secondary");
        assert_eq!(
            scene.visible(),
            [true, false],
            "the other one is behind until it is Synced"
        );
        device.writes(700, 7);
        assert_eq!((scene.hold(600), scene.hold(700)), ([6, 6], [7, 0]));
        scene.pass(60);
        assert_eq!(scene.visible(), [true, true]);
        device.writes(800, 8);
        assert_eq!((scene.hold(700), scene.hold(800)), ([7, 7], [8, 8]));
        assert!(device.is_on(&scene, NORTH) && device.is_on(&scene, SOUTH));
    }
}

/// Several changes of sides between two looks at the clock: what the host has open is still the volume.
#[tokio::test]
async fn a_host_goes_on_through_a_way_home_in_one_command() {
    for release in RELEASES {
        let (scene, device) = back(release, &USUAL).await;
        scene
            .types(SOUTH, "setrcopygroup restore -f -waittask g1.r131071")
            .await;
        assert!(
            device.is_on(&scene, NORTH),
            "{release:?}: {}",
            scene.roles()
        );
        device.writes(400, 4);
        scene.pass(3600);
        assert_eq!(scene.roles(), "Started Primary | Started Secondary");
        assert_eq!(
            [200, 300, 400].map(|at| scene.hold(at)),
            [[2, 2], [3, 3], [4, 4]]
        );
        assert!(device.is_on(&scene, SOUTH));
    }
}

#[tokio::test]
async fn an_override_beside_an_array_that_took_over_makes_two_volumes() {
    for release in RELEASES {
        let (scene, device) = back(release, &USUAL).await;
        scene
            .types(NORTH, "setrcopygroup override -f -waittask g1")
            .await;
        assert_eq!(scene.roles(), "Stopped Primary | Stopped Primary-Rev");
        assert_eq!(scene.visible(), [true, true]);
        let old = scene.opens(NORTH);
        assert_ne!(old.file(), device.file(), "a person forced it");
        assert_eq!((old.reads(300), device.reads(300)), (0, 3));
        old.writes(400, 4);
        scene
            .types(SOUTH, "setrcopygroup recover -f -waittask g1.r131071")
            .await;
        scene.pass(60);
        assert_eq!(scene.visible(), [true, true]);
        assert_eq!((scene.hold(300), scene.hold(400)), ([3, 3], [0, 0]));
        assert!(device.is_on(&scene, NORTH) && !old.is_on(&scene, NORTH));
    }
}

#[tokio::test]
async fn an_override_where_nobody_took_over_lets_the_hosts_go_on() {
    for release in RELEASES {
        let scene = Scene::set(release, &USUAL).await;
        let device = scene.opens(NORTH);
        for array in [NORTH, SOUTH] {
            scene.control.cut_witness(array).unwrap();
        }
        scene.control.cut_links(NORTH, SOUTH).unwrap();
        device.writes(100, 1);
        scene.pass(30);
        assert_eq!(scene.visible(), [false, false]);
        scene
            .types(NORTH, "setrcopygroup override -f -waittask g1")
            .await;
        assert_eq!(scene.roles(), "Stopped Primary | Stopped Secondary");
        assert_eq!(scene.visible(), [true, false]);
        assert!(device.is_on(&scene, NORTH) && scene.holds(NORTH, 100) == 1);
        scene
            .refused(NORTH, "setrcopygroup override -f g1", "not in failsafe")
            .await;
    }
}

#[tokio::test]
async fn a_person_takes_over_with_the_hosts_from_a_primary_that_gave_up() {
    for release in RELEASES {
        let scene = Scene::set(release, &USUAL).await;
        let device = scene.opens(NORTH);
        for array in [NORTH, SOUTH] {
            scene.control.cut_witness(array).unwrap();
        }
        scene.control.cut_links(NORTH, SOUTH).unwrap();
        scene.pass(30);
        device.writes(100, 1);
        scene
            .types(SOUTH, "setrcopygroup failover -f -waittask g1.r131071")
            .await;
        assert_eq!(scene.roles(), FAILSAFE);
        assert_eq!((scene.visible(), scene.hold(100)), ([false, true], [0, 1]));
        assert!(device.is_on(&scene, SOUTH));
    }
}

#[tokio::test]
async fn with_auto_synchronize_the_arrays_go_half_the_way_by_themselves() {
    for (release, roles) in [
        (Release::V331, "Started Secondary-Rev | Started Primary-Rev"),
        (Release::V1050, "Started Secondary | Started Primary"),
    ] {
        let policies = [&USUAL[..], &["auto_synchronize"]].concat();
        let (scene, device) = back(release, &policies).await;
        assert_eq!(
            scene.roles(),
            "Starting Secondary-Rev | Starting Primary-Rev"
        );
        assert_eq!(scene.visible(), [false, true]);
        scene.pass(60);
        assert_eq!(scene.roles(), roles);
        assert_eq!(scene.visible(), [true, true]);
        assert_eq!(scene.hold(300), [3, 3]);
        assert!(device.is_on(&scene, NORTH) && device.is_on(&scene, SOUTH));
    }
}

/// The array with the newest data is lost before they are home.
#[tokio::test]
async fn a_second_failure_during_the_copy_back_shows_nobody_half_a_copy() {
    for release in RELEASES {
        let (scene, device) = back(release, &USUAL).await;
        scene
            .types(SOUTH, "setrcopygroup recover -f g1.r131071")
            .await;
        scene.pass(2);
        scene.control.down(SOUTH).await.unwrap();
        scene.pass(600);
        assert_eq!(scene.roles(), "Stopped Secondary-Rev | Stopped Primary-Rev");
        assert_eq!(scene.visible(), [false, false]);
        scene.control.up(SOUTH).await.unwrap();
        scene.pass(60);
        assert_eq!(scene.roles(), "Started Secondary-Rev | Started Primary-Rev");
        assert_eq!(scene.visible(), [true, true]);
        assert_eq!(scene.hold(300), [3, 3]);
        assert!(device.is_on(&scene, NORTH));

        // Once it is Synced, the former primary takes over.
        scene.control.down(SOUTH).await.unwrap();
        device.writes(400, 4);
        scene.pass(30);
        assert_eq!(scene.visible(), [true, false]);
        assert!(device.is_on(&scene, NORTH) && scene.holds(NORTH, 400) == 4);
        scene.control.up(SOUTH).await.unwrap();
        assert_eq!(scene.roles(), "Stopped Primary | Failsafe Primary-Rev");
        assert_eq!(scene.visible(), [true, false]);
        // The side that gave up has older data, and is not asked.
        let words = "is in failsafe state";
        for operation in ["recover", "restore"] {
            let line = format!("setrcopygroup {operation} -f g1.r131071");
            scene.refused(SOUTH, &line, words).await;
        }
        scene.types(NORTH, "setrcopygroup recover -f g1").await;
        scene.pass(60);
        assert_eq!(scene.roles(), "Started Primary | Started Secondary");
        assert_eq!(scene.hold(400), [4, 4]);
    }
}
