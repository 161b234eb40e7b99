//! A VV that a storage administrator makes larger under a container: device and filesystem follow.

use crate::{
    run::Scenario,
    stage::{AMBER, PATIENCE, Replication, Stage},
    writer::Writer,
};

pub const SCENARIOS: &[Scenario<Stage>] = &[("a_mounted_volume_grows", a_mounted_volume_grows)];

/// An ext4 under a writer, and an XFS.
fn a_mounted_volume_grows(stage: &mut Stage) {
    stage.create("grown", Replication::None, "");
    stage.docker("volume create -d hpe -o size=1 -o fsType=xfs tall");
    stage.start("tall", "");
    stage.exec("tall", "echo kept > /data/file");
    let writer = Writer::start(stage, "grown");
    for volume in ["grown", "tall"] {
        assert!(mib(stage, volume) < 1024);
        stage.administer(AMBER, &format!("growvv -f dkv-{volume} 1g"));
    }
    for volume in ["grown", "tall"] {
        let grown = format!("test $({}) -gt 1800", size(volume));
        stage.machine.until(volume, &grown, PATIENCE);
    }
    writer.goes_on();
    writer.finish();
    assert_eq!(stage.exec("tall", "cat /data/file"), "kept\n");
    stage.docker("rm -f tall");
    // It is as large when it comes again.
    for volume in ["grown", "tall"] {
        let said = stage.run_in(volume, "df -m /data | tail -n 1");
        let blocks: u64 = said.split_whitespace().nth(1).unwrap().parse().unwrap();
        assert!(blocks > 1800, "{said}");
        stage.docker(&format!("volume rm {volume}"));
    }
    stage.nothing_left();
}

fn mib(stage: &Stage, volume: &str) -> u64 {
    stage.machine.ok(&size(volume)).trim().parse().unwrap()
}

/// Prints the MiB of a mounted filesystem.
fn size(volume: &str) -> String {
    format!("df -m --output=size /var/lib/hpe3par-docker/mounts/{volume} | tail -n 1")
}
