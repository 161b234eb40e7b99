//! LUNs that are used again while disks of the former volume are still there.

use super::stage::{Stage, export, iqn, low, wwn};
use crate::host::HostError;

/// A volume at LUN 5 of both ports, whose export went without its disks, and another one in its place.
async fn reused(stage: &Stage) -> crate::host::Export {
    let before = export('4', 5);
    stage.show('n', 5, &before.wwn);
    stage.attach(&before).await.unwrap();
    stage.until("both paths", |w| w.disks.len() == 2).await;
    let now = export('3', 5);
    stage.show('n', 5, &now.wwn);
    now
}

#[tokio::test]
async fn disks_of_a_former_volume_are_removed_before_the_lun_is_looked_at() {
    let stage = Stage::new();
    let now = reused(&stage).await;
    let device = stage.attach(&now).await.unwrap();
    assert_eq!(
        (device.wwn(), stage.in_map(&now.wwn).is_empty()),
        (&now.wwn, false)
    );
    stage.until("both paths", |w| w.disks.len() == 2).await;
    let world = stage.kernel.world();
    assert!(
        world
            .disks
            .values()
            .all(|disk| disk.found_as == low(&now.wwn))
    );
    assert_eq!(world.map_of(&low(&wwn('4'))), None);
    let place = |part: &str| {
        world
            .told
            .iter()
            .position(|line| line.contains(part))
            .unwrap()
    };
    for name in ["sda", "sdb"] {
        let gone = place(&format!("delete {name}"));
        // A map that has other paths still is not flushed: what it holds would go to the wrong volume.
        assert!(place(&format!("del path {name}")) < gone);
        assert!(gone < place(&format!("multipath -f 3{}", low(&wwn('4')))));
    }
}

#[tokio::test]
async fn disks_that_do_not_answer_are_removed_too() {
    let stage = Stage::new();
    let now = reused(&stage).await;
    for name in ["sda", "sdb"] {
        stage.kernel.world().set_state(name, "transport-offline");
    }
    stage.attach(&now).await.unwrap();
    assert!(!stage.disks().contains(&"sda".to_owned()));
}

#[tokio::test]
async fn paths_that_lead_to_another_volume_leave_a_map_that_is_in_use() {
    let stage = Stage::new();
    let now = reused(&stage).await;
    stage.mount("253:0");
    stage.kernel.world().told.clear();
    let device = stage.attach(&now).await.unwrap();
    assert_eq!(device.wwn(), &now.wwn);
    stage
        .until("both paths", |w| {
            w.disks.len() == 2 && w.disks.values().all(|d| d.found_as == low(&now.wwn))
        })
        .await;
    assert_eq!(stage.in_map(&wwn('4')), [""; 0]);
    // Whoever uses it has it still, and what is written there goes nowhere.
    assert!(stage.kernel.world().map_of(&low(&wwn('4'))).is_some());
    assert_eq!(stage.told("multipath -f"), [""; 0]);
    assert_eq!(stage.told("disablequeueing"), [""; 0]);
}

#[tokio::test]
async fn a_volume_keeps_its_paths_where_it_still_is() {
    let stage = Stage::new();
    let now = reused(&stage).await;
    // The other one is at the second port still.
    stage.show_at(&iqn('n', 2), 5, &wwn('4'), 64);
    let mut only_one = now.clone();
    only_one.serving.ports.truncate(1);
    stage.attach(&only_one).await.unwrap();
    assert_eq!(stage.in_map(&wwn('4')).len(), 1);
    assert_eq!(stage.told("multipath -f"), [""; 0]);
}

#[tokio::test]
async fn a_lun_where_another_volume_is_at_home_is_not_believed_and_nothing_is_removed() {
    let stage = Stage::new();
    let (there, wrong) = (export('4', 5), export('3', 5));
    stage.show('n', 5, &there.wwn);
    stage.attach(&there).await.unwrap();
    stage.until("both paths", |w| w.disks.len() == 2).await;
    stage.kernel.world().told.clear();
    let error = stage.attach(&wrong).await.unwrap_err();
    let HostError::WrongLun { lun, found, .. } = &error else {
        panic!("{error}")
    };
    assert!(
        lun.0 == 5 && found.contains(there.wwn.as_str()) && error.hint().is_some(),
        "{error}"
    );
    for what in ["delete", "del path", "multipath -f", "scan host"] {
        assert_eq!(stage.told(what), [""; 0]);
    }
    assert_eq!(stage.in_map(&there.wwn), ["sda", "sdb"]);
}

#[tokio::test]
async fn a_disk_that_something_else_is_built_on_is_in_use() {
    let stage = Stage::new();
    let now = reused(&stage).await;
    {
        let mut world = stage.kernel.world();
        let dm = world.map_of(&low(&wwn('4'))).unwrap();
        world.remove_map(&dm);
        std::fs::write(world.block("sda").join("holders/md0"), "").unwrap();
    }
    let error = stage.attach(&now).await.unwrap_err();
    assert!(
        matches!(&error, HostError::StaleInUse { by, .. } if by.stacked == ["md0"]),
        "{error}"
    );
    assert!(stage.disks().contains(&"sda".to_owned()));
}

#[tokio::test]
async fn a_disk_that_is_mounted_by_itself_is_in_use() {
    let stage = Stage::new();
    let now = reused(&stage).await;
    {
        let mut world = stage.kernel.world();
        let dm = world.map_of(&low(&wwn('4'))).unwrap();
        world.remove_map(&dm);
    }
    stage.mount("8:0");
    let error = stage.attach(&now).await.unwrap_err();
    assert!(
        matches!(&error, HostError::StaleInUse { by, .. } if by.mounts.len() == 1),
        "{error}"
    );
}

#[tokio::test]
async fn a_disk_found_as_another_volume_that_is_ours_by_now_is_found_anew() {
    // What the kernel calls it decides into which map it goes; so it must be found again under its own name.
    let stage = Stage::new();
    let now = reused(&stage).await;
    assert_eq!(stage.in_map(&wwn('4')), ["sda", "sdb"]);
    stage.attach(&now).await.unwrap();
    assert_eq!(stage.in_map(&wwn('4')), [""; 0]);
}

#[tokio::test]
async fn paths_at_a_former_lun_of_the_volume_go_with_their_map() {
    let stage = Stage::new();
    let before = export('3', 5);
    stage.show('n', 5, &before.wwn);
    stage.attach(&before).await.unwrap();
    stage.until("both paths", |w| w.disks.len() == 2).await;
    // The export was withdrawn by somebody, and made again at another LUN.
    stage.hide('n', 5);
    let now = export('3', 7);
    stage.show('n', 7, &now.wwn);
    stage.attach(&now).await.unwrap();
    stage.until("both paths", |w| w.disks.len() == 2).await;
    let luns: Vec<u64> = stage
        .kernel
        .world()
        .disks
        .values()
        .map(|disk| disk.lun)
        .collect();
    assert_eq!(luns, [7, 7]);

    // The former LUN is another volume's by now: its paths leave the map though it is in use.
    let stage = Stage::new();
    stage.show('n', 5, &before.wwn);
    stage.attach(&before).await.unwrap();
    stage.until("both paths", |w| w.disks.len() == 2).await;
    stage.mount("253:0");
    stage.show('n', 5, &wwn('4'));
    stage.show('n', 7, &now.wwn);
    stage.attach(&now).await.unwrap();
    let in_map = stage.in_map(&now.wwn);
    let world = stage.kernel.world();
    assert!(
        !in_map.is_empty() && in_map.iter().all(|name| world.disks[name].lun == 7),
        "{in_map:?}"
    );
}

#[tokio::test]
async fn a_neighbour_is_not_touched() {
    let stage = Stage::new();
    let (one, two) = (export('3', 5), export('4', 6));
    stage.show('n', 5, &one.wwn);
    stage.show('n', 6, &two.wwn);
    stage.attach(&one).await.unwrap();
    // A disk of nobody's, at a LUN of nobody's.
    stage.leftover(&iqn('n', 1), 9, &wwn('9'));
    stage.kernel.world().told.clear();
    stage.attach(&two).await.unwrap();
    assert_eq!(
        stage.told("delete").len() + stage.told("multipath -f").len(),
        0
    );
}
