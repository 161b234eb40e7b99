//! What is on the disks of both arrays, and when.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use hpe3par_sim::state::Release;
use hpe3par_sim::{Description, Simulator};

use crate::client::run;
use crate::{NORTH, SOUTH, description};

/// Byte `at` of a volume's data, and a way to write it.
pub struct Data(pub std::path::PathBuf);

impl Data {
    pub fn of(simulator: &Simulator, dir: &std::path::Path, array: &str, vv: &str) -> Self {
        let dump = simulator.control().dump();
        let vv = &dump[array]["vvs"][vv];
        let name = format!("{}-{}.img", vv["id"], vv["wwn"].as_str().unwrap());
        Self(dir.join(array).join(name))
    }

    pub fn read(&self, at: u64) -> u8 {
        let mut byte = [0];
        fs::File::open(&self.0)
            .unwrap()
            .read_exact_at(&mut byte, at)
            .unwrap();
        byte[0]
    }

    pub fn write(&self, at: u64, byte: u8) {
        fs::OpenOptions::new()
            .write(true)
            .open(&self.0)
            .unwrap()
            .write_all_at(&[byte], at)
            .unwrap();
    }
}

/// Runs lines that must not be refused.
pub async fn all(simulator: &Simulator, array: &str, lines: &[&str]) {
    for line in lines {
        let heard = run(simulator, array, line).await;
        assert_eq!(
            (heard.status, heard.stderr.as_str()),
            (Some(0), ""),
            "{line}: {heard:?}"
        );
    }
}

/// Arrays for which time passes only when a test says so.
pub fn standing_still() -> Description {
    Description {
        factor: 1e-6,
        ..description()
    }
}

/// A started Active/Passive group `g1` of one volume `v1`, and its data on both arrays.
async fn replicated(dir: &Path, release: Release, mode: &str) -> (Simulator, Data, Data) {
    let mut description = standing_still();
    description.data_dir = Some(dir.to_owned());
    for array in &mut description.arrays {
        array.release = release;
    }
    replicated_as(description, dir, mode).await
}

async fn replicated_as(
    description: Description,
    dir: &Path,
    mode: &str,
) -> (Simulator, Data, Data) {
    let release = description.arrays[0].release;
    let simulator = Simulator::start(description).await.unwrap();
    // 10.x knows no snapshot CPGs.
    let (vv, group) = if release == Release::V1050 {
        ("", "")
    } else {
        ("-snp_cpg gold_r6", "-snp_cpg gold_r6 to-south:silver_r6")
    };
    let lines = [
        format!("createvv -tpvv {vv} gold_r6 v1 1g"),
        format!("creatercopygroup -usr_cpg gold_r6 to-south:silver_r6 {group} g1 to-south:{mode}"),
        "admitrcopyvv -createvv -nowwn v1 g1 to-south:v1".to_owned(),
        "startrcopygroup g1".to_owned(),
    ];
    all(&simulator, NORTH, &lines.each_ref().map(String::as_str)).await;
    let north = Data::of(&simulator, dir, NORTH, "v1");
    let south = Data::of(&simulator, dir, SOUTH, "v1");
    (simulator, north, south)
}

#[tokio::test]
async fn data_reach_the_peer_while_links_are_up_and_never_after() {
    for release in [Release::V331, Release::V1050] {
        let dir = tempfile::tempdir().unwrap();
        let (simulator, north, south) = replicated(dir.path(), release, "sync").await;
        let control = simulator.control();
        north.write(100, 1);
        assert_eq!(south.read(100), 0, "not synchronised yet");
        control.advance(3600);
        assert_eq!(south.read(100), 1, "the first synchronisation is complete");

        north.write(200, 2);
        control.cut_links(NORTH, SOUTH).unwrap();
        assert_eq!(south.read(200), 2, "a synchronous group had sent it");
        north.write(300, 3);
        control.advance(3600);
        control.dump();
        assert_eq!(
            south.read(300),
            0,
            "nothing goes over while the links are down"
        );

        control.restore_links(NORTH, SOUTH).unwrap();
        all(&simulator, NORTH, &["startrcopygroup g1"]).await;
        control.advance(3600);
        assert_eq!(south.read(300), 3);
        north.write(400, 4);
        control.down(NORTH).await.unwrap();
        assert_eq!(south.read(400), 4, "what was written before the array died");
    }
}

#[tokio::test]
async fn a_periodic_group_sends_once_a_period_and_nothing_over_cut_links() {
    for release in [Release::V331, Release::V1050] {
        let dir = tempfile::tempdir().unwrap();
        let (simulator, north, south) = replicated(dir.path(), release, "periodic").await;
        let control = simulator.control();
        all(&simulator, NORTH, &["setrcopygroup period 15m to-south g1"]).await;
        control.advance(60);
        north.write(100, 1);
        control.advance(600);
        assert_eq!(south.read(100), 0, "between two periods");
        control.advance(300);
        assert_eq!(south.read(100), 1);
        north.write(200, 2);
        control.cut_links(NORTH, SOUTH).unwrap();
        control.advance(3600);
        control.dump();
        assert_eq!(south.read(200), 0);
        control.restore_links(NORTH, SOUTH).unwrap();
        all(&simulator, NORTH, &["startrcopygroup g1"]).await;
        control.advance(60);
        assert_eq!(south.read(200), 0, "a start waits for the period");
        control.advance(900);
        assert_eq!(south.read(200), 2);
    }
}

#[tokio::test]
async fn failover_keeps_the_copies_apart_and_recover_overwrites_the_former_primary() {
    for release in [Release::V331, Release::V1050] {
        let dir = tempfile::tempdir().unwrap();
        let (simulator, north, south) = replicated(dir.path(), release, "sync").await;
        let control = simulator.control();
        control.advance(3600);
        north.write(100, 1);
        control.down(NORTH).await.unwrap();
        control.advance(60);
        all(&simulator, SOUTH, &["setrcopygroup failover -f g1.r131071"]).await;
        control.advance(60);
        assert_eq!(south.read(100), 1, "a synchronous group lost nothing");
        control.up(NORTH).await.unwrap();
        // Both sides take writes now.
        north.write(200, 2);
        south.write(300, 3);
        control.advance(3600);
        assert_eq!((north.read(300), south.read(200)), (0, 0));

        all(&simulator, SOUTH, &["setrcopygroup recover -f g1.r131071"]).await;
        control.advance(3600);
        assert_eq!(
            (north.read(100), north.read(200), north.read(300)),
            (1, 0, 3),
            "as the new primary is"
        );
        south.write(400, 4);
        all(&simulator, SOUTH, &["setrcopygroup restore -f g1.r131071"]).await;
        control.advance(3600);
        assert_eq!(
            north.read(400),
            4,
            "what was written until the roles changed"
        );
        south.write(500, 5);
        north.write(600, 6);
        control.advance(3600);
        control.cut_links(NORTH, SOUTH).unwrap();
        assert_eq!((south.read(500), south.read(600)), (0, 6));
    }
}

#[tokio::test]
async fn what_a_periodic_group_had_not_sent_is_lost_with_its_primary() {
    for release in [Release::V331, Release::V1050] {
        let dir = tempfile::tempdir().unwrap();
        let (simulator, north, south) = replicated(dir.path(), release, "periodic").await;
        let control = simulator.control();
        all(&simulator, NORTH, &["setrcopygroup period 15m to-south g1"]).await;
        north.write(100, 1);
        control.advance(960);
        north.write(200, 2);
        control.down(NORTH).await.unwrap();
        let line = "setrcopygroup failover -f -waittask g1.r131071";
        all(&simulator, SOUTH, &[line]).await;
        control.advance(3600);
        assert_eq!((south.read(100), south.read(200)), (1, 0));
        south.write(300, 3);
        control.up(NORTH).await.unwrap();
        assert_eq!(north.read(200), 2, "it is there until the copy back");
        all(&simulator, SOUTH, &["setrcopygroup recover -f g1.r131071"]).await;
        control.advance(60);
        assert_eq!((north.read(200), north.read(300)), (0, 3));
        // Restore sends what was written since.
        south.write(400, 4);
        let line = "setrcopygroup restore -f -waittask g1.r131071";
        all(&simulator, SOUTH, &[line]).await;
        assert_eq!(north.read(400), 4);
    }
}

#[tokio::test]
async fn a_copy_back_that_is_interrupted_changes_nothing_until_it_is_complete() {
    for release in [Release::V331, Release::V1050] {
        for dead in [NORTH, SOUTH] {
            let dir = tempfile::tempdir().unwrap();
            let (simulator, north, south) = replicated(dir.path(), release, "sync").await;
            let control = simulator.control();
            control.advance(60);
            control.down(NORTH).await.unwrap();
            let line = "setrcopygroup failover -f -waittask g1.r131071";
            all(&simulator, SOUTH, &[line]).await;
            south.write(100, 1);
            control.up(NORTH).await.unwrap();
            north.write(200, 2);
            let recover = "setrcopygroup recover -f g1.r131071";
            all(&simulator, SOUTH, &[recover]).await;
            control.advance(2);
            let volumes = &control.dump()[SOUTH]["groups"]["g1.r131071"]["volumes"];
            assert_eq!(volumes[0]["sync"], "Syncing");
            control.down(dead).await.unwrap();
            control.advance(3600);
            assert_eq!((north.read(100), north.read(200)), (0, 2));
            if dead == SOUTH {
                // Whoever fails over now goes on with what was there before; nothing of it is lost again.
                let line = "setrcopygroup failover -f -waittask g1";
                all(&simulator, NORTH, &[line]).await;
                north.write(300, 3);
                control.up(SOUTH).await.unwrap();
                all(&simulator, NORTH, &["setrcopygroup recover -f g1"]).await;
                control.advance(60);
                let both = [&north, &south].map(|data| [100, 200, 300].map(|at| data.read(at)));
                assert_eq!(both, [[0, 2, 3]; 2]);
            } else {
                control.up(NORTH).await.unwrap();
                all(&simulator, SOUTH, &["startrcopygroup g1.r131071"]).await;
                control.advance(60);
                assert_eq!((north.read(100), north.read(200)), (1, 0));
            }
        }
    }
}

#[tokio::test]
async fn a_reverse_on_one_side_discards_what_was_written_there() {
    for release in [Release::V331, Release::V1050] {
        let dir = tempfile::tempdir().unwrap();
        let (simulator, north, south) = replicated(dir.path(), release, "sync").await;
        let control = simulator.control();
        control.advance(3600);
        all(&simulator, NORTH, &["stoprcopygroup -f g1"]).await;
        all(
            &simulator,
            SOUTH,
            &["setrcopygroup failover -f -waittask g1.r131071"],
        )
        .await;
        north.write(100, 1);
        south.write(200, 2);
        let line = "setrcopygroup reverse -f -local -current -waittask g1.r131071";
        all(&simulator, SOUTH, &[line]).await;
        all(&simulator, NORTH, &["startrcopygroup g1"]).await;
        control.advance(3600);
        assert_eq!((south.read(100), south.read(200)), (1, 0));
    }
}

#[tokio::test]
async fn time_passes_although_nobody_asks() {
    let dir = tempfile::tempdir().unwrap();
    let mut description = description();
    description.factor = 100.0;
    description.data_dir = Some(dir.path().to_owned());
    let (simulator, north, south) = replicated_as(description, dir.path(), "sync").await;
    all(&simulator, NORTH, &["stoprcopygroup -f g1"]).await;
    north.write(100, 1);
    all(&simulator, NORTH, &["startrcopygroup g1"]).await;
    let written = tokio::time::timeout(std::time::Duration::from_secs(30), async {
        while south.read(100) == 0 {
            tokio::task::yield_now().await;
        }
    });
    written.await.expect("nothing was copied");
    simulator.shutdown();
}
