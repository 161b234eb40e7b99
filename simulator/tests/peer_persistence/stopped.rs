//! A group that is stopped and started while hosts write, as for every volume that is admitted.

use crate::scene::{NORTH, RELEASES, SOUTH, Scene, USUAL};

#[tokio::test]
async fn nothing_written_while_it_is_stopped_is_on_the_peer_before_it_is_synced() {
    for release in RELEASES {
        let scene = Scene::set(release, &USUAL).await;
        // Whoever has it open through the other array's export has the same file.
        let (device, there) = (scene.opens(NORTH), scene.opens(SOUTH));
        scene.types(NORTH, "stoprcopygroup -f g1").await;
        assert_eq!(scene.visible(), [true, false]);
        device.writes(100, 1);
        there.writes(200, 2);
        assert_eq!((scene.hold(100), scene.hold(200)), ([1, 0], [2, 0]));
        scene.pass(600);
        scene.types(NORTH, "startrcopygroup g1").await;
        assert_eq!(scene.visible(), [true, false], "Starting");
        scene.pass(2);
        assert_eq!(scene.visible(), [true, false], "Syncing");
        assert_eq!(scene.hold(100), [1, 0]);
        scene.pass(1);
        assert_eq!(scene.visible(), [true, true], "Synced");
        assert_eq!((scene.hold(100), scene.hold(200)), ([1, 1], [2, 2]));
        assert!(device.is_on(&scene, SOUTH) && there.is_on(&scene, NORTH));
    }
}

/// What the peer has is old: nobody takes over by itself, and who does so by hand has what was there at the stop.
#[tokio::test]
async fn a_primary_that_dies_while_it_is_stopped_or_copies_is_not_taken_over() {
    for release in RELEASES {
        for starts in [false, true] {
            let scene = Scene::set(release, &USUAL).await;
            let device = scene.opens(NORTH);
            device.writes(100, 1);
            scene.types(NORTH, "stoprcopygroup -f g1").await;
            device.writes(200, 2);
            if starts {
                scene.types(NORTH, "startrcopygroup g1").await;
                scene.pass(2);
            }
            scene.control.down(NORTH).await.unwrap();
            scene.pass(600);
            let told = format!("{release:?}, copying: {starts}");
            assert_eq!(
                scene.roles(),
                "Stopped Primary | Stopped Secondary",
                "{told}"
            );
            assert_eq!(scene.visible(), [false, false], "{told}");
            scene
                .types(SOUTH, "setrcopygroup failover -f -waittask g1.r131071")
                .await;
            assert_eq!(scene.visible(), [false, true], "{told}");
            assert_eq!(
                (scene.hold(100), scene.hold(200)),
                ([1, 1], [2, 0]),
                "{told}"
            );
            assert!(
                device.is_on(&scene, NORTH),
                "{told}: what a host had open is not on that array"
            );
            scene.control.up(NORTH).await.unwrap();
            scene.pass(60);
            assert_eq!(
                scene.visible(),
                [false, true],
                "{told}: the newer data are in Failsafe"
            );
            assert_eq!(
                scene.roles(),
                "Failsafe Primary | Stopped Primary-Rev",
                "{told}"
            );
        }
    }
}

#[tokio::test]
async fn a_copy_that_hosts_see_is_not_let_go_of_under_the_same_wwn() {
    for release in RELEASES {
        let scene = Scene::set(release, &USUAL).await;
        scene.types(NORTH, "stoprcopygroup -f g1").await;
        let words = "Please unexport the secondary volume";
        for line in [
            "dismissrcopyvv -f v1 g1",
            "dismissrcopyvv -f -keepalua v1 g1",
            "removercopygroup -f g1",
        ] {
            scene.refused(NORTH, line, words).await;
        }
        scene.types(SOUTH, "removevlun -f v1 7 h1").await;
        scene.types(NORTH, "dismissrcopyvv -f v1 g1").await;
        assert_eq!(scene.visible(), [true, false]);
        scene.types(NORTH, "removercopygroup -f g1").await;
    }
}
