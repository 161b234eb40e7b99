//! `setrcopygroup switchover`: the arrays change places while hosts work on.

use crate::scene::{NORTH, RELEASES, SOUTH, Scene, USUAL};

const OVER: &str = "setrcopygroup switchover -f g1";
const BACK: &str = "setrcopygroup switchover -f g1.r131071";

#[tokio::test]
async fn a_writer_notices_nothing_of_a_switchover_there_and_back() {
    for release in RELEASES {
        for (keeps, over) in [
            (false, "Started Secondary | Started Primary"),
            (true, "Started Secondary-Rev | Started Primary-Rev"),
        ] {
            let scene = Scene::set(release, &USUAL).await;
            for array in [NORTH, SOUTH] {
                let name = "switchover_keeps_natural";
                scene.control.switch(array, name, keeps).unwrap();
            }
            let device = scene.opens(NORTH);
            for (at, (array, line, roles)) in [
                (NORTH, OVER, over),
                (SOUTH, BACK, "Started Primary | Started Secondary"),
            ]
            .into_iter()
            .enumerate()
            {
                let at = at as u64 * 1000;
                device.writes(at, 1);
                scene.types(array, line).await;
                device.writes(at + 1, 2);
                assert_eq!(scene.visible(), [true, true], "while it is done");
                scene.pass(2);
                device.writes(at + 2, 3);
                assert_eq!(scene.roles(), roles, "{release:?}");
                assert_eq!(scene.visible(), [true, true]);
                for (offset, byte) in [(0, 1), (1, 2), (2, 3)] {
                    assert_eq!(scene.hold(at + offset), [byte; 2]);
                }
                assert!(device.is_on(&scene, NORTH) && device.is_on(&scene, SOUTH));
            }
        }
    }
}

#[tokio::test]
async fn each_refusal_of_a_switchover() {
    for release in RELEASES {
        let scene = Scene::stopped(release, &["auto_failover"]).await;
        scene.refused(NORTH, OVER, "path_management").await;
        scene
            .types(NORTH, "setrcopygroup pol path_management g1")
            .await;
        scene.refused(NORTH, OVER, "Group isn't started").await;
        scene
            .refused(SOUTH, BACK, "allowed only on the primary side")
            .await;
        scene.types(NORTH, "startrcopygroup g1").await;
        scene
            .refused(NORTH, OVER, "Not all volumes of group g1 are synced")
            .await;
        scene.pass(60);
        scene
            .refused(SOUTH, BACK, "allowed only on the primary side")
            .await;
        scene.control.cut_links(NORTH, SOUTH).unwrap();
        // It stops at the same instant.
        scene.refused(NORTH, OVER, "Group isn't started").await;
        scene.control.restore_links(NORTH, SOUTH).unwrap();
        scene.types(NORTH, "startrcopygroup g1").await;
        scene.pass(60);
        scene.types(SOUTH, "removevlun -f v1 7 h1").await;
        // Only out of its group a VV gets another WWN.
        scene.types(NORTH, "stoprcopygroup -f g1").await;
        scene.types(NORTH, "dismissrcopyvv -f v1 g1").await;
        scene.types(SOUTH, "setvv -wwn auto v1").await;
        scene.types(NORTH, "admitrcopyvv v1 g1 to-south:v1").await;
        scene.types(NORTH, "startrcopygroup g1").await;
        scene.pass(60);
        scene
            .refused(NORTH, OVER, "another WWN on the target")
            .await;
        assert_eq!(scene.visible(), [true, false]);
        scene.types(SOUTH, "createvlun v1 7 h1").await;
        assert_eq!(
            scene.visible(),
            [true, false],
            "another volume for a host, and it only receives"
        );
    }
}

/// Whether arrays look at that nobody tells.
#[tokio::test]
async fn a_switchover_may_want_every_host_on_both_arrays() {
    for release in RELEASES {
        let scene = Scene::set(release, &USUAL).await;
        let needs = "switchover_needs_hosts";
        scene.control.switch(NORTH, needs, true).unwrap();
        scene.types(SOUTH, "removevlun -f v1 7 h1").await;
        scene
            .refused(
                NORTH,
                OVER,
                "exported to hosts that do not have it on the target",
            )
            .await;
        // It is a matter of paths, not of names.
        scene.types(SOUTH, "removehost h1").await;
        let host = "createhost -iscsi -persona 2 node iqn.2005-03.org.open-iscsi:sim-host1";
        scene.types(SOUTH, host).await;
        scene.types(SOUTH, "createvlun v1 9 node").await;
        scene.types(NORTH, OVER).await;
        scene.pass(2);
        assert_eq!(scene.roles(), "Started Secondary | Started Primary");
        let scene = Scene::set(release, &USUAL).await;
        scene.types(SOUTH, "removevlun -f v1 7 h1").await;
        scene.types(NORTH, OVER).await;
        scene.pass(2);
        assert_eq!(
            scene.visible(),
            [true, false],
            "the host has it where it is one file"
        );
    }
}

#[tokio::test]
async fn a_switchover_that_the_links_interrupt_does_not_happen() {
    for release in RELEASES {
        let scene = Scene::set(release, &USUAL).await;
        let device = scene.opens(NORTH);
        scene.types(NORTH, OVER).await;
        scene.control.cut_links(NORTH, SOUTH).unwrap();
        scene.pass(60);
        assert_eq!(scene.roles(), "Stopped Primary | Stopped Secondary");
        let tasks = scene.types(NORTH, "showtask").await;
        assert!(tasks.contains("failed"), "{tasks}");
        assert_eq!(scene.visible(), [true, false]);
        assert!(device.is_on(&scene, NORTH));
    }
}

/// Whichever array dies, and whenever: the other one serves, with everything that was written.
#[tokio::test]
async fn an_array_that_dies_around_a_switchover_is_taken_over() {
    for release in RELEASES {
        for (seconds, dies, visible) in [
            (0, NORTH, [false, true]),
            (0, SOUTH, [true, false]),
            (5, NORTH, [false, true]),
            (5, SOUTH, [true, false]),
        ] {
            let scene = Scene::set(release, &USUAL).await;
            let device = scene.opens(SOUTH);
            scene.types(NORTH, OVER).await;
            scene.pass(seconds);
            device.writes(100, 1);
            scene.control.down(dies).await.unwrap();
            scene.pass(30);
            let told = format!("{release:?}: {dies} after {seconds} s: {}", scene.roles());
            assert_eq!(scene.visible(), visible, "{told}");
            let lives = if dies == NORTH { SOUTH } else { NORTH };
            assert!(device.is_on(&scene, lives), "{told}");
            assert_eq!(scene.holds(lives, 100), 1, "{told}");
            scene.control.up(dies).await.unwrap();
            scene.pass(60);
            let runs = scene.roles().matches("Started").count() == 2;
            let expected = if runs { [true, true] } else { visible };
            assert_eq!(scene.visible(), expected, "{told}, then {}", scene.roles());
            assert!(device.is_on(&scene, lives), "{told}");
        }
    }
}

#[tokio::test]
async fn volumes_come_and_go_in_a_group_that_was_switched_over() {
    for release in RELEASES {
        let scene = Scene::set(release, &USUAL).await;
        let device = scene.opens(NORTH);
        scene.types(NORTH, OVER).await;
        scene.pass(5);
        scene
            .refused(
                NORTH,
                "stoprcopygroup -f g1",
                "allowed only on the primary side",
            )
            .await;
        scene.types(SOUTH, "stoprcopygroup -f g1.r131071").await;
        assert_eq!(scene.visible(), [false, true]);
        device.writes(100, 1);
        let vv = scene.snapshot_cpgs().0.replace("gold", "silver");
        let lines = [
            format!("createvv -tpvv {vv} silver_r6 v2 1g"),
            "admitrcopyvv -createvv v2 g1.r131071 to-north:v2".to_owned(),
            "startrcopygroup g1.r131071".to_owned(),
        ];
        for line in &lines {
            scene.types(SOUTH, line).await;
        }
        scene.pass(60);
        assert_eq!(scene.visible(), [true, true]);
        assert_eq!(scene.hold(100), [1, 1]);
        assert!(device.is_on(&scene, NORTH));
        let wwn = |array: &str| scene.control.dump()[array]["vvs"]["v2"]["wwn"].clone();
        assert_eq!(wwn(NORTH), wwn(SOUTH));
        scene.types(SOUTH, "stoprcopygroup -f g1.r131071").await;
        scene
            .types(SOUTH, "dismissrcopyvv -f -removevv v2 g1.r131071")
            .await;
        scene.types(SOUTH, "startrcopygroup g1.r131071").await;
        scene.pass(60);
        scene.types(SOUTH, BACK).await;
        scene.pass(5);
        assert_eq!(scene.roles(), "Started Primary | Started Secondary");
        assert!(device.is_on(&scene, NORTH) && device.is_on(&scene, SOUTH));
    }
}
