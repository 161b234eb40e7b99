//! The paths of a volume in use are asked, from time to time, who they are.

use super::stage::{Stage, export, iqn, pair, wwn};

#[tokio::test]
async fn a_path_that_leads_to_another_volume_by_now_is_taken_out_and_no_other() {
    let stage = Stage::new();
    let export = pair('3', 5);
    assert_eq!(stage.san.confirm(&export.wwn).await.unwrap(), [""; 0]);
    stage.show('n', 5, &export.wwn);
    stage.show('s', 5, &export.wwn);
    stage.attach(&export).await.unwrap();
    stage.until("all paths", |w| w.disks.len() == 4).await;
    stage.mount("253:0");
    stage.kernel.world().told.clear();
    assert_eq!(stage.san.confirm(&export.wwn).await.unwrap(), [""; 0]);
    assert_eq!(stage.told("scsi_id").len(), 4);
    // One is another volume, one does not answer, one is lost.
    let of = |port: &str| {
        let nexus = stage.nexus_of(port);
        let world = stage.kernel.world();
        let mut disks = world.disks.iter();
        disks.find(|(_, d)| d.nexus == nexus).unwrap().0.clone()
    };
    let (lying, lost) = (of(&iqn('s', 1)), of(&iqn('n', 1)));
    stage.show_at(&iqn('s', 1), 5, &wwn('4'), 64);
    stage.kernel.world().shown.remove(&(iqn('s', 2), 5));
    stage.kernel.world().set_state(&lost, "blocked");
    let taken_out = stage.san.confirm(&export.wwn).await.unwrap();
    assert_eq!(taken_out, std::slice::from_ref(&lying));
    let in_map = stage.in_map(&export.wwn);
    assert!(in_map.len() == 3 && !in_map.contains(&lying), "{in_map:?}");
    assert!(!stage.disks().contains(&lying));
    assert_eq!(stage.san.confirm(&export.wwn).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn the_last_path_goes_too_and_one_that_stays_for_now_keeps_no_other_in() {
    let stage = Stage::new();
    let export = export('3', 5);
    stage.show('n', 5, &export.wwn);
    stage.attach(&export).await.unwrap();
    stage.until("both paths", |w| w.disks.len() == 2).await;
    stage.mount("253:0");
    stage.show('n', 5, &wwn('4'));
    stage.kernel.world().stuck.push("delete sda".to_owned());
    let mut san = stage.san.clone();
    san.machine.patience.going = std::time::Duration::from_millis(200);
    san.confirm(&export.wwn).await.unwrap_err();
    assert_eq!(stage.in_map(&export.wwn), [""; 0]);
    assert!(!stage.disks().contains(&"sdb".to_owned()));
}
