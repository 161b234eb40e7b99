//! Taking the paths to one array away from a volume that stays.

use std::time::Duration;

use super::{
    programs::Instead,
    stage::{Stage, iqn, pair},
};
use crate::host::HostError;

/// A volume with two paths to either array, and the disks of the second one.
async fn paired(stage: &Stage) -> (crate::host::Export, Vec<String>) {
    let export = pair('3', 5);
    stage.show('n', 5, &export.wwn);
    stage.show('s', 5, &export.wwn);
    stage.attach(&export).await.unwrap();
    stage.until("all paths", |w| w.disks.len() == 4).await;
    let ports = [1, 2].map(|number| stage.nexus_of(&iqn('s', number)));
    let world = stage.kernel.world();
    let of_south = world
        .disks
        .iter()
        .filter(|(_, disk)| ports.contains(&disk.nexus));
    let names = of_south.map(|(name, _)| name.clone()).collect();
    (export, names)
}

#[tokio::test]
async fn a_disk_that_does_not_go_keeps_no_other_one_in() {
    let stage = Stage::new();
    let (export, south) = paired(&stage).await;
    stage.mount("253:0");
    stage
        .kernel
        .world()
        .stuck
        .push(format!("delete {}", south[0]));
    let san = &stage.san;
    let ports = &export.second.as_ref().unwrap().ports;
    let error = san.drop_paths(&export.wwn, ports).await.unwrap_err();
    assert!(
        matches!(&error, HostError::NotProven { what, .. } if what.contains(&south[0])),
        "{error}"
    );
    assert!(!stage.disks().contains(&south[1]));
    // The map has let go of both.
    assert_eq!(stage.in_map(&export.wwn).len(), 2);
    stage.kernel.world().stuck.clear();
    let dropped = san.drop_paths(&export.wwn, ports).await.unwrap();
    assert!(dropped.is_changed());
    assert!(
        !san.drop_paths(&export.wwn, ports)
            .await
            .unwrap()
            .is_changed()
    );
    assert_eq!(stage.in_map(&export.wwn).len(), 2);
}

#[tokio::test]
async fn a_disk_that_comes_meanwhile_goes_too() {
    let stage = Stage::new();
    let (export, south) = paired(&stage).await;
    stage
        .programs
        .instead("del path", Instead::After(Duration::from_millis(300)));
    let (san, parted) = (stage.san.clone(), export.clone());
    let parting = tokio::spawn(async move {
        let ports = &parted.second.as_ref().unwrap().ports;
        san.drop_paths(&parted.wwn, ports).await
    });
    stage
        .until("the first path going", |w| {
            w.told.iter().any(|line| line.contains("del path"))
        })
        .await;
    // The kernel has been looking for itself.
    let late = stage.leftover(&iqn('s', 1), 8, &export.wwn);
    assert!(parting.await.unwrap().unwrap().is_changed());
    let disks = stage.disks();
    assert!(
        !disks.contains(&late) && !south.iter().any(|name| disks.contains(name)),
        "{disks:?}"
    );
    assert_eq!(disks.len(), 2);
}
