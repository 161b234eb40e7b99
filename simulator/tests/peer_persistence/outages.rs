//! What is lost, and who serves then: each row of the failure matrix, with what hosts see before and after it is decided.

use crate::scene::{NORTH, RELEASES, SOUTH, Scene, USUAL};

/// Seconds until it is decided who serves.
const TIMEOUT: u32 = 10;

/// What is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    Links,
    Witness(&'static str),
    Power(&'static str),
    /// Links, ten minutes after an array lost the witness.
    WitnessLongBefore,
}

impl Lost {
    async fn happens(self, scene: &Scene) {
        let control = &scene.control;
        match self {
            Self::Links => control.cut_links(NORTH, SOUTH).unwrap(),
            Self::Witness(array) => control.cut_witness(array).unwrap(),
            Self::Power(array) => control.down(array).await.unwrap(),
            Self::WitnessLongBefore => {
                control.cut_witness(NORTH).unwrap();
                scene.pass(600);
                control.cut_links(NORTH, SOUTH).unwrap();
            }
        }
    }
}

/// What is lost, in this order; on which arrays hosts see the volume at once, and after it is decided; the end.
struct Row {
    lost: &'static [Lost],
    at_once: [bool; 2],
    decided: [bool; 2],
    roles: &'static str,
}

const SECONDARY_STAYS: &str = "Stopped Primary | Stopped Secondary";

const ROWS: [Row; 9] = [
    Row {
        lost: &[Lost::Links],
        at_once: [true, false],
        decided: [true, false],
        roles: SECONDARY_STAYS,
    },
    Row {
        lost: &[Lost::Witness(NORTH)],
        at_once: [true, true],
        decided: [true, true],
        roles: "Started Primary | Started Secondary",
    },
    Row {
        lost: &[Lost::Witness(NORTH), Lost::Witness(SOUTH)],
        at_once: [true, true],
        decided: [true, true],
        roles: "Started Primary | Started Secondary",
    },
    Row {
        lost: &[Lost::Power(NORTH)],
        at_once: [false, false],
        decided: [false, true],
        roles: "Stopped Primary | Stopped Primary-Rev",
    },
    Row {
        lost: &[Lost::Power(SOUTH)],
        at_once: [true, false],
        decided: [true, false],
        roles: SECONDARY_STAYS,
    },
    Row {
        lost: &[Lost::Witness(SOUTH), Lost::Links],
        at_once: [true, false],
        decided: [true, false],
        roles: SECONDARY_STAYS,
    },
    Row {
        lost: &[Lost::Links, Lost::Witness(NORTH)],
        at_once: [true, false],
        decided: [false, true],
        roles: "Failsafe Primary | Stopped Primary-Rev",
    },
    Row {
        lost: &[Lost::Witness(NORTH), Lost::Witness(SOUTH), Lost::Links],
        at_once: [true, false],
        decided: [false, false],
        roles: "Failsafe Primary | Stopped Secondary",
    },
    Row {
        lost: &[Lost::WitnessLongBefore],
        at_once: [true, false],
        decided: [true, false],
        roles: SECONDARY_STAYS,
    },
];

#[tokio::test]
async fn each_row_of_the_failure_matrix() {
    for release in RELEASES {
        for row in ROWS {
            let told = format!("{release:?} {:?}", row.lost);
            let scene = Scene::set(release, &USUAL).await;
            let device = scene.opens(NORTH);
            device.writes(100, 1);
            for lost in row.lost {
                lost.happens(&scene).await;
            }
            assert_eq!(scene.visible(), row.at_once, "{told}: at once");
            // What an array cannot take at this moment waits in the host.
            device.writes(200, 2);
            scene.pass(TIMEOUT - 1);
            assert_eq!(
                scene.visible(),
                row.at_once,
                "{told}: not before the time is over"
            );
            scene.pass(1);
            assert_eq!(scene.roles(), row.roles, "{told}");
            assert_eq!(scene.visible(), row.decided, "{told}: decided");
            device.writes(300, 3);
            let goes_over = [row.roles.starts_with("Started"), row.decided[1]];
            let [in_step, took_over] = goes_over;
            let last = match (in_step, took_over) {
                (true, _) => [3, 3],
                (false, true) => [0, 3],
                (false, false) => [3, 0],
            };
            assert_eq!(scene.hold(100), [1, 1], "{told}");
            // Nobody serves: where what hosts still hold goes is not decided yet.
            if row.decided != [false, false] {
                assert_eq!(scene.hold(300), last, "{told}");
            }
            assert_eq!(device.is_on(&scene, SOUTH), row.decided[1], "{told}");
            scene.pass(3600);
            assert_eq!(scene.roles(), row.roles, "{told}: that is the end");
        }
    }
}

#[tokio::test]
async fn nobody_takes_over_by_itself_without_auto_failover_or_what_was_equal() {
    for release in RELEASES {
        let scene = Scene::set(release, &["path_management"]).await;
        scene.control.down(NORTH).await.unwrap();
        scene.pass(3600);
        assert_eq!(scene.roles(), SECONDARY_STAYS);
        assert_eq!(scene.visible(), [false, false]);

        // The links were lost before, and the primary went on alone: the other array has old data.
        let scene = Scene::set(release, &USUAL).await;
        let device = scene.opens(NORTH);
        scene.control.cut_links(NORTH, SOUTH).unwrap();
        scene.pass(TIMEOUT);
        device.writes(100, 1);
        scene.control.down(NORTH).await.unwrap();
        scene.pass(3600);
        assert_eq!(scene.roles(), SECONDARY_STAYS);
        assert_eq!((scene.visible(), scene.hold(100)), ([false, false], [1, 0]));
        // What a person fails over to is older than what the host wrote.
        scene
            .types(SOUTH, "setrcopygroup failover -f -waittask g1.r131071")
            .await;
        assert_eq!((scene.visible(), scene.hold(100)), ([false, true], [1, 0]));
        assert!(!device.is_on(&scene, SOUTH));
    }
}

#[tokio::test]
async fn a_primary_that_is_back_before_it_is_decided_serves_on() {
    for release in RELEASES {
        let scene = Scene::set(release, &USUAL).await;
        let device = scene.opens(NORTH);
        scene.control.down(NORTH).await.unwrap();
        device.writes(100, 1);
        scene.pass(TIMEOUT - 1);
        scene.control.up(NORTH).await.unwrap();
        assert_eq!(scene.visible(), [true, false]);
        scene.pass(60);
        assert_eq!(scene.roles(), "Started Primary | Started Secondary");
        assert_eq!((scene.visible(), scene.hold(100)), ([true, true], [1, 1]));
        assert!(device.is_on(&scene, NORTH) && device.is_on(&scene, SOUTH));
    }
}

/// Nobody knows what the other one did meanwhile, until both are there.
#[tokio::test]
async fn after_a_loss_of_both_arrays_nobody_serves_before_they_see_each_other() {
    for release in RELEASES {
        for first in [NORTH, SOUTH] {
            let scene = Scene::set(release, &USUAL).await;
            let device = scene.opens(NORTH);
            for array in [NORTH, SOUTH] {
                scene.control.down(array).await.unwrap();
            }
            device.writes(100, 1);
            scene.pass(3600);
            scene.control.up(first).await.unwrap();
            scene.pass(3600);
            assert_eq!(
                scene.visible(),
                [false, false],
                "{release:?}, {first} first"
            );
            let second = if first == NORTH { SOUTH } else { NORTH };
            scene.control.up(second).await.unwrap();
            scene.pass(60);
            assert_eq!(scene.roles(), "Started Primary | Started Secondary");
            assert_eq!((scene.visible(), scene.hold(100)), ([true, true], [1, 1]));
            assert!(device.is_on(&scene, NORTH) && device.is_on(&scene, SOUTH));
        }
    }
}

/// Two volumes under one WWN, as long as a person wants it so.
#[tokio::test]
async fn a_failover_beside_a_primary_that_serves_takes_no_hosts_along() {
    for release in RELEASES {
        let scene = Scene::set(release, &USUAL).await;
        let device = scene.opens(NORTH);
        scene.control.cut_links(NORTH, SOUTH).unwrap();
        scene
            .types(SOUTH, "setrcopygroup failover -f -waittask g1.r131071")
            .await;
        assert_eq!(scene.roles(), "Stopped Primary | Stopped Primary-Rev");
        assert_eq!(scene.visible(), [true, true]);
        device.writes(100, 1);
        assert_eq!(scene.hold(100), [1, 0]);
        assert!(device.is_on(&scene, NORTH) && !device.is_on(&scene, SOUTH));
    }
}

#[tokio::test]
async fn a_primary_that_dies_before_it_is_decided_is_taken_over_with_all_its_hosts_wrote() {
    for release in RELEASES {
        let scene = Scene::set(release, &USUAL).await;
        let device = scene.opens(NORTH);
        scene.control.cut_links(NORTH, SOUTH).unwrap();
        device.writes(100, 1);
        scene.pass(5);
        scene.control.down(NORTH).await.unwrap();
        scene.pass(TIMEOUT - 5);
        assert_eq!(scene.visible(), [false, true]);
        assert_eq!(scene.hold(100), [0, 1]);
        assert!(device.is_on(&scene, SOUTH));
    }
}

#[tokio::test]
async fn without_auto_failover_a_person_takes_over_with_the_hosts() {
    for release in RELEASES {
        let scene = Scene::set(release, &["path_management", "auto_recover"]).await;
        let device = scene.opens(NORTH);
        scene.control.down(NORTH).await.unwrap();
        device.writes(100, 1);
        scene.pass(600);
        scene
            .types(SOUTH, "setrcopygroup failover -f -waittask g1.r131071")
            .await;
        assert_eq!(scene.visible(), [false, true]);
        assert!(device.is_on(&scene, SOUTH) && scene.holds(SOUTH, 100) == 1);
        scene.control.up(NORTH).await.unwrap();
        assert_eq!(scene.roles(), "Failsafe Primary | Stopped Primary-Rev");
        assert_eq!(scene.visible(), [false, true]);
    }
}
