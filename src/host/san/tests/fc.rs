//! Fibre Channel: this machine's ports, the array's, and nothing but the LUN that is wanted.

use super::{
    kernel::write,
    stage::{Stage, export, wwn},
};
use crate::{
    host::{Export, HostError, San, Turns, san::scsi::Nexus},
    model::TargetPort,
};

const ARRAY: [&str; 2] = ["20210002AC0199A1", "21210002AC0199A1"];
const OTHER: &str = "500A0981892A1B2C";

/// A port of this machine.
fn add_port(stage: &Stage, wwpn: &str, state: &str) -> u32 {
    let host = stage.kernel.add_host();
    let dir = stage
        .dir
        .path()
        .join(format!("sys/class/fc_host/host{host}"));
    write(dir.join("port_name"), &format!("0x{}", wwpn.to_lowercase()));
    write(dir.join("port_state"), state);
    host
}

/// A port that a port of this machine sees.
fn add_remote(stage: &Stage, host: u32, number: u32, wwpn: &str, state: &str, target: &str) {
    let dir = format!("sys/class/fc_remote_ports/rport-{host}:0-{number}");
    let dir = stage.dir.path().join(dir);
    write(dir.join("port_name"), &format!("0x{}", wwpn.to_lowercase()));
    write(dir.join("port_state"), state);
    write(dir.join("scsi_target_id"), target);
    let mut world = stage.kernel.world();
    if let Ok(target) = target.parse() {
        let nexus = Nexus {
            host,
            channel: 0,
            target,
        };
        world.ports.insert(nexus, wwpn.to_owned());
    }
}

fn over_fc(stage: &Stage) -> San {
    let machine = stage.san.machine.clone();
    let mut san = San::fc(
        machine.kernel.clone(),
        machine.programs.clone(),
        &Turns::new(stage.made.clone()),
        &stage.dir.path().join("initiatorname.iscsi"),
    );
    san.machine = machine;
    san
}

fn exported() -> Export {
    let mut export = export('3', 5);
    export.serving.ports = ARRAY
        .map(|wwpn| TargetPort::Fc {
            wwpn: wwpn.to_owned(),
        })
        .into();
    export
}

#[tokio::test]
async fn this_machine_is_known_by_all_its_ports_up_or_down() {
    let stage = Stage::new();
    assert_eq!(over_fc(&stage).initiators(), []);
    assert!(HostError::no_fc_port().hint().unwrap().contains("fc_host"));
    add_port(&stage, "21000024FF3A0001", "Linkdown");
    add_port(&stage, "21000024FF3A0002", "Online");
    // What has not been given a name yet.
    add_port(&stage, "0000000000000000", "Offline");
    add_port(&stage, "FFFFFFFFFFFFFFFF", "Offline");
    let names: Vec<String> = over_fc(&stage)
        .initiators()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["21000024FF3A0001", "21000024FF3A0002"]);
}

#[tokio::test]
async fn paths_of_a_port_that_is_down_by_now_can_be_dropped() {
    let stage = Stage::new();
    let host = add_port(&stage, "21000024FF3A0001", "Online");
    add_remote(&stage, host, 0, ARRAY[0], "Online", "0");
    let export = exported();
    stage.show_at(ARRAY[0], 5, &export.wwn, 64);
    let san = over_fc(&stage);
    san.attach(&export, stage.soon()).await.unwrap();
    let state = format!("sys/class/fc_host/host{host}/port_state");
    write(stage.dir.path().join(state), "Linkdown");
    let dropped = san.drop_paths(&export.wwn, &export.serving.ports).await;
    assert!(dropped.unwrap().is_changed());
    assert_eq!(stage.disks(), [""; 0]);
}

#[tokio::test]
async fn only_the_arrays_ports_are_looked_at_and_only_at_the_lun() {
    let stage = Stage::new();
    let (one, two, down) = (
        add_port(&stage, "21000024FF3A0001", "Online"),
        add_port(&stage, "21000024FF3A0002", "Online"),
        add_port(&stage, "21000024FF3A0003", "Linkdown"),
    );
    add_remote(&stage, one, 0, ARRAY[0], "Online", "0");
    add_remote(&stage, one, 1, ARRAY[1], "Online", "3");
    add_remote(&stage, one, 2, OTHER, "Online", "4");
    // A port that shows no volumes, one that was lost, and one seen by a port that is down.
    add_remote(&stage, two, 0, ARRAY[0], "Online", "-1");
    add_remote(&stage, two, 1, ARRAY[1], "Blocked", "1");
    add_remote(&stage, down, 0, ARRAY[0], "Online", "0");
    let export = exported();
    for port in ARRAY {
        stage.show_at(port, 5, &export.wwn, 64);
    }
    stage.show_at(OTHER, 5, &wwn('9'), 64);
    let san = over_fc(&stage);
    san.attach(&export, stage.soon()).await.unwrap();
    stage.until("both paths", |w| w.disks.len() == 2).await;
    let mut scans = stage.told("scan host");
    scans.sort();
    scans.dedup();
    assert_eq!(scans, ["scan host0: 0 0 5", "scan host0: 0 3 5"]);
    assert_eq!(stage.told("iscsiadm"), [""; 0]);
    let seen = san.paths(&export.wwn, &[&export.serving]).await.unwrap();
    let usable = seen.iter().filter(|path| path.is_usable()).count();
    // Two ways more are expected: the port that was seen and is lost, and the one seen by a port that is down.
    assert_eq!((seen.len(), usable), (4, 2), "{seen:#?}");
    san.detach(&export.wwn).await.unwrap().into_inner();
    assert_eq!(stage.disks(), [""; 0]);
}

#[tokio::test]
async fn a_port_that_appears_later_is_waited_for() {
    let stage = Stage::new();
    let host = add_port(&stage, "21000024FF3A0001", "Online");
    let export = exported();
    stage.show_at(ARRAY[1], 5, &export.wwn, 64);
    let san = over_fc(&stage);
    let (waiting, wanted, deadline) = (san.clone(), export.clone(), stage.soon());
    let waiting = tokio::spawn(async move { waiting.attach(&wanted, deadline).await });
    stage
        .until("a first look", |w| {
            w.told.iter().any(|l| l.contains("show daemon"))
        })
        .await;
    add_remote(&stage, host, 0, ARRAY[1], "Online", "7");
    waiting.await.unwrap().unwrap();
    let scans = stage.told("scan host");
    assert!(
        !scans.is_empty() && scans.iter().all(|l| l == "scan host0: 0 7 5"),
        "{scans:?}"
    );
}

#[tokio::test]
async fn ports_that_nobody_sees_are_named() {
    let stage = Stage::new();
    let host = add_port(&stage, "21000024FF3A0001", "Online");
    add_remote(&stage, host, 0, OTHER, "Online", "0");
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_millis(300);
    let error = over_fc(&stage)
        .attach(&exported(), deadline)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, HostError::NoRemotePort { array, ports } if array == "north" && ports.len() == 2),
        "{error}"
    );
    assert!(error.to_string().contains(ARRAY[0]) && error.hint().unwrap().contains("zon"));
    assert_eq!(stage.told("scan host"), [""; 0]);
}
