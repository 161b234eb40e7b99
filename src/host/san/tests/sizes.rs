//! A volume that has grown on the array.

use std::time::Duration;

use super::{
    programs::Instead,
    stage::{MIB, Stage, export, iqn, wwn},
};
use crate::{host::HostError, model::Size};

async fn attached(stage: &Stage) -> crate::host::Export {
    let export = export('3', 5);
    stage.show('n', 5, &export.wwn);
    stage.attach(&export).await.unwrap();
    stage.until("both paths", |w| w.disks.len() == 2).await;
    export
}

fn grow(stage: &Stage, port: &str, mib: u64) {
    stage.show_at(port, 5, &wwn('3'), mib);
}

#[tokio::test]
async fn paths_are_read_anew_then_the_map_grows() {
    let stage = Stage::new();
    let export = attached(&stage).await;
    stage.kernel.world().told.clear();
    for number in [1, 2] {
        grow(&stage, &iqn('n', number), 96);
    }
    // multipathd has no time at first.
    stage
        .programs
        .instead_times("multipathd resize", Instead::Say(1, "timeout"), 1);
    stage
        .programs
        .instead_times("multipathd resize", Instead::Say(0, "fail"), 1);
    let grown = stage
        .san
        .resize(&export.wwn, Size::from_mib(96))
        .await
        .unwrap();
    assert!(grown.is_changed());
    let devices = stage.san.list().unwrap();
    assert!(
        devices
            .iter()
            .any(|one| *one.wwn() == export.wwn && one.bytes() == 96 * MIB)
    );
    let told = stage.told("");
    let last_rescan = told
        .iter()
        .rposition(|line| line.starts_with("rescan"))
        .unwrap();
    let resizes: Vec<_> = told
        .iter()
        .enumerate()
        .filter(|(_, line)| line.contains("resize map"))
        .collect();
    assert!(
        resizes.len() == 3 && resizes[0].0 > last_rescan,
        "{told:#?}"
    );
    // Again: nothing is done.
    stage.kernel.world().told.clear();
    let again = stage.san.resize(&export.wwn, Size::from_mib(96)).await;
    assert!(!again.unwrap().is_changed());
    assert_eq!(stage.told(""), [""; 0]);
}

#[tokio::test]
async fn a_path_that_keeps_its_former_size_stops_it() {
    let stage = Stage::new();
    let export = attached(&stage).await;
    grow(&stage, &iqn('n', 1), 96);
    let error = stage
        .san
        .resize(&export.wwn, Size::from_mib(96))
        .await
        .unwrap_err();
    let small = stage.nexus_of(&iqn('n', 2));
    let world = stage.kernel.world();
    let (name, _) = world
        .disks
        .iter()
        .find(|(_, disk)| disk.nexus == small)
        .unwrap();
    assert!(
        matches!(&error, HostError::WrongSize { device, expected, found }
        if device.ends_with(name) && *expected == 96 * MIB && *found == 64 * MIB),
        "{error}"
    );
    assert!(!world.told.iter().any(|line| line.contains("resize map")));
}

#[tokio::test]
async fn a_map_that_says_it_grew_and_did_not_is_told() {
    let stage = Stage::new();
    let export = attached(&stage).await;
    for number in [1, 2] {
        grow(&stage, &iqn('n', number), 96);
    }
    stage
        .programs
        .instead("multipathd resize", Instead::Say(0, "ok"));
    let error = stage
        .san
        .resize(&export.wwn, Size::from_mib(96))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, HostError::WrongSize { found, .. } if *found == 64 * MIB),
        "{error}"
    );
    stage.programs.as_usual();
    stage
        .programs
        .instead("multipathd resize", Instead::Say(1, "fail"));
    let error = stage
        .san
        .resize(&export.wwn, Size::from_mib(96))
        .await
        .unwrap_err();
    assert!(matches!(&error, HostError::Command(_)), "{error}");
}

#[tokio::test]
async fn an_attach_finds_a_volume_that_grew_meanwhile_and_refuses_one_of_another_size() {
    let stage = Stage::new();
    let mut export = attached(&stage).await;
    for number in [1, 2] {
        grow(&stage, &iqn('n', number), 96);
    }
    export.size = Size::from_mib(96);
    assert_eq!(stage.attach(&export).await.unwrap().bytes(), 96 * MIB);
    export.size = Size::from_mib(128);
    let mut san = stage.san.clone();
    san.machine.patience.change = Duration::from_millis(100);
    let error = san.attach(&export, stage.soon()).await.unwrap_err();
    assert!(matches!(error, HostError::WrongSize { .. }), "{error}");
}

#[tokio::test]
async fn an_attach_of_what_is_in_use_does_not_mind_that_it_is_larger() {
    let stage = Stage::new();
    let mut export = attached(&stage).await;
    // What the array said before it grew.
    export.size = Size::from_mib(32);
    let mut san = stage.san.clone();
    san.machine.patience.change = Duration::from_millis(100);
    let error = san.attach(&export, stage.soon()).await.unwrap_err();
    assert!(matches!(error, HostError::WrongSize { .. }), "{error}");
    stage.mount("253:0");
    let device = san.attach(&export, stage.soon()).await.unwrap();
    assert_eq!(device.bytes(), 64 * MIB);
    // One that is smaller grows.
    for number in [1, 2] {
        grow(&stage, &iqn('n', number), 96);
    }
    export.size = Size::from_mib(96);
    assert_eq!(stage.attach(&export).await.unwrap().bytes(), 96 * MIB);
}

#[tokio::test]
async fn what_is_not_attached_does_not_grow() {
    let stage = Stage::new();
    let error = stage
        .san
        .resize(&wwn('3'), Size::from_mib(96))
        .await
        .unwrap_err();
    assert!(matches!(error, HostError::NoDevice { .. }), "{error}");
}
