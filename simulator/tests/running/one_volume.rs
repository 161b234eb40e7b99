//! Peer Persistence: what hosts have is one volume on two arrays, and what becomes of it when the two part.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use hpe3par_sim::Simulator;
use hpe3par_sim::description::Exports;

use crate::data::{Data, all, standing_still};
use crate::{NORTH, SOUTH};

/// A Peer Persistence group `g1` of one volume, exported from both arrays to one host, started and synced; what the host
/// has open, and the data on both arrays.
async fn peer_persistent(dir: &Path) -> (Simulator, fs::File, Data, Data) {
    let mut description = standing_still();
    description.data_dir = Some(dir.join("data"));
    description.exports_dir = Some(dir.join("exports"));
    description.exports = Exports::Simulated;
    let simulator = Simulator::start(description).await.unwrap();
    all(&simulator, NORTH, &[
        "createvv -tpvv -snp_cpg gold_r6 gold_r6 v1 1g",
        "creatercopygroup -usr_cpg gold_r6 to-south:silver_r6 -snp_cpg gold_r6 to-south:silver_r6 g1 to-south:sync",
        "setrcopygroup pol auto_failover g1",
        "setrcopygroup pol path_management g1",
        "setrcopygroup pol auto_recover g1",
        "admitrcopyvv -createvv v1 g1 to-south:v1",
        "startrcopygroup g1",
    ])
    .await;
    for array in [NORTH, SOUTH] {
        let host = "createhost -iscsi -persona 2 h1 iqn.2005-03.org.open-iscsi:sim-host1";
        all(&simulator, array, &[host, "createvlun v1 7 h1"]).await;
    }
    simulator.control().advance(3600);
    let data = dir.join("data");
    let north = Data::of(&simulator, &data, NORTH, "v1");
    let south = Data::of(&simulator, &data, SOUTH, "v1");
    let device = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(export(&simulator, dir, NORTH))
        .unwrap();
    (simulator, device, north, south)
}

/// The link by which the host sees `v1` on an array.
fn export(simulator: &Simulator, dir: &Path, array: &str) -> std::path::PathBuf {
    let dump = simulator.control().dump();
    let wwn = dump[array]["vvs"]["v1"]["wwn"].as_str().unwrap().to_owned();
    dir.join(format!("exports/{array}/h1/7.{wwn}"))
}

fn is_open_as(device: &fs::File, data: &Data) -> bool {
    device.metadata().unwrap().ino() == fs::metadata(&data.0).unwrap().ino()
}

#[tokio::test]
async fn a_peer_persistence_volume_is_one_file_until_its_group_stops() {
    let dir = tempfile::tempdir().unwrap();
    let (simulator, device, north, south) = peer_persistent(dir.path()).await;
    let control = simulator.control();
    device.write_all_at(&[1], 100).unwrap();
    assert_eq!(south.read(100), 1, "at that instant");
    assert!(is_open_as(&device, &north) && is_open_as(&device, &south));

    all(
        &simulator,
        NORTH,
        &["setrcopygroup switchover -f -waittask g1"],
    )
    .await;
    assert!(is_open_as(&device, &north) && is_open_as(&device, &south));
    device.write_all_at(&[2], 200).unwrap();
    assert_eq!((north.read(200), south.read(200)), (2, 2));

    all(&simulator, SOUTH, &["stoprcopygroup -f g1.r131071"]).await;
    assert!(is_open_as(&device, &south), "the side that sends keeps it");
    device.write_all_at(&[3], 300).unwrap();
    assert_eq!((north.read(200), north.read(300)), (2, 0));
    assert!(export(&simulator, dir.path(), SOUTH).exists());
    assert!(
        !export(&simulator, dir.path(), NORTH).exists(),
        "a copy that only receives is no use to a host"
    );
    all(&simulator, SOUTH, &["startrcopygroup g1.r131071"]).await;
    control.advance(3600);
    assert!(is_open_as(&device, &north) && north.read(300) == 3);
    assert!(export(&simulator, dir.path(), NORTH).exists());
}

#[tokio::test]
async fn cut_links_part_a_peer_persistence_volume() {
    let dir = tempfile::tempdir().unwrap();
    let (simulator, device, north, south) = peer_persistent(dir.path()).await;
    let control = simulator.control();
    control.cut_links(NORTH, SOUTH).unwrap();
    device.write_all_at(&[1], 100).unwrap();
    control.advance(3600);
    control.dump();
    assert_eq!((north.read(100), south.read(100)), (1, 0));
    // The primary sees the witness and went on alone: what a person fails over to now is older.
    control.down(NORTH).await.unwrap();
    all(
        &simulator,
        SOUTH,
        &["setrcopygroup failover -f -waittask g1.r131071"],
    )
    .await;
    assert!(!is_open_as(&device, &south));
    assert_eq!(south.read(100), 0);
}

#[tokio::test]
async fn a_failover_beside_a_primary_that_serves_takes_no_hosts_along() {
    let dir = tempfile::tempdir().unwrap();
    let (simulator, device, north, south) = peer_persistent(dir.path()).await;
    simulator.control().cut_links(NORTH, SOUTH).unwrap();
    let line = "setrcopygroup failover -f -waittask g1.r131071";
    all(&simulator, SOUTH, &[line]).await;
    assert!(is_open_as(&device, &north) && !is_open_as(&device, &south));
}

#[tokio::test]
async fn hosts_go_on_at_the_secondary_when_the_primary_dies() {
    let dir = tempfile::tempdir().unwrap();
    let (simulator, device, north, south) = peer_persistent(dir.path()).await;
    let control = simulator.control();
    device.write_all_at(&[1], 100).unwrap();
    control.down(NORTH).await.unwrap();
    // It waits in the host until somebody serves it.
    device.write_all_at(&[2], 200).unwrap();
    control.advance(30);
    assert_eq!(
        control.dump()[SOUTH]["groups"]["g1.r131071"]["role"],
        "Primary-Rev"
    );
    assert!(is_open_as(&device, &south));
    assert_eq!((south.read(100), south.read(200)), (1, 2));
    assert_eq!((north.read(100), north.read(200)), (1, 0), "as it died");
    assert!(export(&simulator, dir.path(), SOUTH).exists());

    control.up(NORTH).await.unwrap();
    assert_eq!(control.dump()[NORTH]["groups"]["g1"]["status"], "Failsafe");
    assert!(
        fs::symlink_metadata(export(&simulator, dir.path(), NORTH)).is_err(),
        "what it has is old, under the same WWN"
    );
    all(
        &simulator,
        SOUTH,
        &["setrcopygroup recover -f -waittask g1.r131071"],
    )
    .await;
    control.advance(3600);
    control.dump();
    assert!(is_open_as(&device, &north) && is_open_as(&device, &south));
    assert_eq!(north.read(200), 2);
    all(
        &simulator,
        SOUTH,
        &["setrcopygroup restore -f -waittask g1.r131071"],
    )
    .await;
    control.advance(3600);
    control.dump();
    assert!(is_open_as(&device, &north) && is_open_as(&device, &south));
}

#[tokio::test]
async fn a_dead_primary_that_is_back_before_anyone_took_over_serves_on() {
    let dir = tempfile::tempdir().unwrap();
    let (simulator, device, north, south) = peer_persistent(dir.path()).await;
    let control = simulator.control();
    control.down(NORTH).await.unwrap();
    device.write_all_at(&[2], 200).unwrap();
    control.up(NORTH).await.unwrap();
    control.advance(3600);
    control.dump();
    assert!(is_open_as(&device, &north) && is_open_as(&device, &south));
    assert_eq!(south.read(200), 2);
}

#[tokio::test]
async fn a_primary_in_failsafe_shows_its_hosts_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (simulator, device, north, south) = peer_persistent(dir.path()).await;
    let control = simulator.control();
    control.cut_links(NORTH, SOUTH).unwrap();
    control.cut_witness(NORTH).unwrap();
    device.write_all_at(&[1], 100).unwrap();
    control.advance(30);
    assert_eq!(control.dump()[NORTH]["groups"]["g1"]["status"], "Failsafe");
    assert!(fs::symlink_metadata(export(&simulator, dir.path(), NORTH)).is_err());
    assert!(is_open_as(&device, &south) && south.read(100) == 1);
    assert_eq!(north.read(100), 0);
}
