//! From an export to one device, and what keeps it from being one.

use std::time::{Duration, Instant};

use super::{
    programs::{Instead, add_session},
    stage::{MIB, SOON, Stage, export, iqn, pair, portal, wwn},
};
use crate::host::{Access, HostError, PathState};

#[tokio::test]
async fn a_volume_of_two_arrays_becomes_one_device_of_all_paths() {
    let stage = Stage::new();
    let export = pair('3', 5);
    stage.show('n', 5, &export.wwn);
    stage.show('s', 5, &export.wwn);
    let device = stage.attach(&export).await.unwrap();
    let node = stage.dir.path().join("dev/dm-0");
    assert_eq!((device.path(), device.bytes()), (node.as_path(), 64 * MIB));
    stage.until("all paths", |w| w.disks.len() == 4).await;
    assert_eq!(stage.in_map(&export.wwn), ["sda", "sdb", "sdc", "sdd"]);
    // Each was asked itself, each LUN was looked for by its address, and nothing else was.
    for name in ["sda", "sdb", "sdc", "sdd"] {
        let device = format!(
            "--whitelisted --device={}/dev/{name}",
            stage.dir.path().display()
        );
        stage
            .until("a question to each", |w| {
                w.told.iter().any(|line| line.ends_with(&device))
            })
            .await;
    }
    let mut scans = stage.told("scan host");
    let looks = scans.len();
    scans.sort();
    // The kernel may take its time.
    scans.dedup();
    assert_eq!(
        scans,
        [
            "scan host0: 0 0 5",
            "scan host1: 0 0 5",
            "scan host2: 0 0 5",
            "scan host3: 0 0 5"
        ]
    );

    // Again, and after a restart: the same device, and nothing is done anew.
    assert_eq!(stage.attach(&export).await.unwrap(), device);
    assert_eq!(
        stage
            .restarted()
            .attach(&export, stage.soon())
            .await
            .unwrap(),
        device
    );
    assert_eq!(
        (stage.told("scan host").len(), stage.told("--login").len()),
        (looks, 4)
    );
    assert_eq!(stage.san.list().unwrap(), [device]);
}

#[tokio::test]
async fn paths_are_counted_by_port() {
    let stage = Stage::new();
    let export = pair('3', 5);
    stage.show('n', 5, &export.wwn);
    stage.show('s', 5, &export.wwn);
    stage.attach(&export).await.unwrap();
    stage.until("all paths", |w| w.disks.len() == 4).await;
    let places = [&export.serving, export.second.as_ref().unwrap()];
    let seen = stage.san.paths(&export.wwn, &places).await.unwrap();
    assert_eq!(seen.len(), 4);
    assert!(
        seen.iter()
            .all(|path| path.is_usable() && path.access == Some(Access::Optimized))
    );
    assert_eq!(seen[0].port, export.serving.ports[0]);
    assert_eq!([&seen[0].array, &seen[2].array], ["north", "south"]);

    let of = |port: &str| {
        let nexus = stage.nexus_of(port);
        let world = stage.kernel.world();
        let (name, _) = world
            .disks
            .iter()
            .find(|(_, disk)| disk.nexus == nexus)
            .unwrap();
        name.clone()
    };
    let (blocked, gone, failed) = (of(&iqn('n', 1)), of(&iqn('n', 2)), of(&iqn('s', 1)));
    {
        let mut world = stage.kernel.world();
        world.set_state(&blocked, "blocked");
        stage.kernel.remove_disk(&mut world, &gone);
        world.shown.remove(&(iqn('s', 1), 5));
    }
    let states = |seen: &[crate::host::PathSeen]| -> Vec<PathState> {
        seen.iter().map(|p| p.state).collect()
    };
    let seen = stage.san.paths(&export.wwn, &places).await.unwrap();
    assert_eq!(
        states(&seen),
        [
            PathState::Blocked,
            PathState::Missing,
            PathState::Failed,
            PathState::Running
        ]
    );
    assert_eq!(seen[2].device, Some(failed));
    stage
        .kernel
        .world()
        .set_state(&blocked, "transport-offline");
    let other = Stage::new();
    assert_eq!(
        states(&stage.san.paths(&export.wwn, &places[..1]).await.unwrap())[0],
        PathState::Offline
    );
    let nothing = other.san.paths(&export.wwn, &places).await.unwrap();
    assert_eq!(states(&nothing), [PathState::NotConnected; 4]);
}

#[tokio::test]
async fn an_export_that_comes_late_is_waited_for() {
    let stage = Stage::new();
    let export = export('3', 5);
    let (san, wanted) = (stage.san.clone(), export.clone());
    let deadline = stage.soon();
    let waiting = tokio::spawn(async move { san.attach(&wanted, deadline).await });
    stage
        .until("a first look", |w| {
            w.told.iter().any(|line| line.starts_with("scan "))
        })
        .await;
    stage.show('n', 5, &export.wwn);
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_volume_that_does_not_come_is_told_apart_from_a_map_that_does_not() {
    let stage = Stage::new();
    let export = export('3', 5);
    let error = stage.attach_in_vain(&export).await;
    assert!(
        matches!(&error, HostError::NoPath { array, lun, .. } if array == "north" && lun.0 == 5),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("showvlun"));
    assert_eq!(stage.san.list().unwrap(), []);

    stage.show('n', 5, &export.wwn);
    stage.kernel.world().automatic = false;
    stage
        .programs
        .instead("multipathd add path", Instead::Say(1, "fail"));
    let error = stage.attach_in_vain(&export).await;
    assert!(
        matches!(&error, HostError::NoMap { paths, .. } if paths.len() == 2),
        "{error}"
    );
    assert!(error.to_string().contains("fail"), "{error}");
    // What there is of it can be found, to be cleaned away. It is no map.
    let found = stage.san.list().unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].wwn(), &export.wwn);
    assert!(
        found[0].path().ends_with("sda") || found[0].path().ends_with("sdb"),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_configuration_that_wants_two_paths_is_told_to_take_one() {
    let stage = Stage::new();
    let export = export('3', 5);
    stage.show_at(&iqn('n', 1), 5, &export.wwn, 64);
    stage.kernel.world().automatic = false;
    stage.attach(&export).await.unwrap();
    let node = stage.dir.path().join("dev/sda");
    assert_eq!(
        stage.told("multipath -a"),
        [format!("multipath -a {}", node.display())]
    );
    assert_eq!(
        stage.told("multipathd add path"),
        ["multipathd add path sda"]
    );
}

#[tokio::test]
async fn a_multipathd_that_is_busy_is_asked_again() {
    let mut stage = Stage::new();
    // Its end is not waited for here.
    stage.san.machine.patience.command = Duration::from_secs(600);
    let export = export('3', 5);
    stage.show('n', 5, &export.wwn);
    for (code, said) in [
        (1, "timeout"),
        (0, "timeout"),
        (1, "error -104 receiving packet"),
    ] {
        let busy = Instead::Say(code, said);
        stage
            .programs
            .instead_times("multipathd show daemon", busy, 1);
    }
    stage.attach(&export).await.unwrap();
    assert_eq!(stage.told("multipathd show daemon").len(), 4);
}

#[tokio::test]
async fn a_missing_multipathd_is_missing_at_once() {
    let mut stage = Stage::new();
    stage.san.machine.patience.command = Duration::from_secs(600);
    std::fs::remove_file(stage.dir.path().join("bin/multipathd")).unwrap();
    let export = export('3', 5);
    let error = tokio::time::timeout(SOON, stage.attach(&export));
    let error = error.await.unwrap().unwrap_err();
    assert!(
        matches!(error, HostError::ToolMissing("multipathd")),
        "{error}"
    );
}

#[tokio::test]
async fn without_multipathd_nothing_is_begun() {
    let mut stage = Stage::new();
    let patience = Duration::from_millis(400);
    stage.san.machine.patience.command = patience;
    let export = export('3', 5);
    stage.show('n', 5, &export.wwn);
    stage.programs.instead(
        "multipathd show daemon",
        Instead::Say(1, "error -104 receiving packet"),
    );
    let begun = Instant::now();
    let error = stage.attach(&export).await.unwrap_err();
    // As long as another answer could come; the pause before that is as long as five looks.
    let pause = stage.san.machine.patience.look_again * 5;
    assert!(begun.elapsed() + pause >= patience, "{:?}", begun.elapsed());
    assert!(
        matches!(
            &error,
            HostError::DaemonDown {
                daemon: "multipathd",
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error
            .hint()
            .unwrap()
            .contains("systemctl enable --now multipathd")
    );
    assert_eq!(
        stage.told("iscsiadm").len() + stage.told("scan host").len(),
        0
    );
}

#[tokio::test]
async fn a_path_to_another_volume_is_taken_out_of_the_map_before_that_is_used() {
    let stage = Stage::new();
    let export = export('3', 5);
    stage.show('n', 5, &export.wwn);
    // A port of somebody else's: what is behind its disk has changed since the kernel found it.
    add_session(&stage.kernel, &iqn('s', 1), &portal('s', 1));
    let lying = stage.leftover(&iqn('s', 1), 9, &export.wwn);
    stage.show_at(&iqn('s', 1), 9, &wwn('4'), 64);
    stage.attach(&export).await.unwrap();
    assert!(!stage.in_map(&export.wwn).is_empty());
    assert!(!stage.disks().contains(&lying));
    assert_eq!(
        stage.told("del path"),
        [format!("multipathd del path {lying}")]
    );
}

#[tokio::test]
async fn a_silent_path_stays_where_the_volume_is_expected_and_nowhere_else() {
    let stage = Stage::new();
    let export = export('3', 5);
    stage.show('n', 5, &export.wwn);
    stage.attach(&export).await.unwrap();
    stage.until("both paths", |w| w.disks.len() == 2).await;
    stage.mount("253:0");
    add_session(&stage.kernel, &iqn('s', 1), &portal('s', 1));
    let elsewhere = stage.leftover(&iqn('s', 1), 5, &export.wwn);
    let former = stage.leftover(&iqn('n', 1), 9, &export.wwn);
    stage.kernel.world().shown.remove(&(iqn('n', 2), 5));
    stage.attach(&export).await.unwrap();
    assert_eq!(stage.in_map(&export.wwn), ["sda", "sdb"]);
    let disks = stage.disks();
    assert!(!disks.contains(&elsewhere) && !disks.contains(&former));
}

#[tokio::test]
async fn a_volume_that_is_in_use_gets_paths_of_any_array() {
    let stage = Stage::new();
    let export = pair('3', 5);
    stage.show('n', 5, &export.wwn);
    stage.show('s', 5, &export.wwn);
    stage.attach(&export).await.unwrap();
    stage.until("all paths", |w| w.disks.len() == 4).await;
    for number in [1, 2] {
        stage.set_session('n', number, "FAILED");
    }
    let error = stage.attach_in_vain(&export).await;
    assert!(matches!(error, HostError::NoSession { .. }), "{error}");
    stage.mount("253:0");
    stage.attach(&export).await.unwrap();
}

#[tokio::test]
async fn what_multipathd_takes_too_long_for_does_not_outlast_the_deadline() {
    let slow = Instead::After(SOON * 2);
    let patient = |stage: &Stage| {
        let mut san = stage.san.clone();
        san.machine.patience.command = SOON * 10;
        san.machine.patience.change = SOON * 10;
        san
    };
    // Time enough for all that comes before.
    let soon = || tokio::time::Instant::now() + SOON / 3;
    for what in ["multipath -a", "multipathd add path"] {
        let stage = Stage::new();
        let export = export('3', 5);
        stage.show('n', 5, &export.wwn);
        stage.kernel.world().automatic = false;
        stage.programs.instead(what, slow.clone());
        let begun = std::time::Instant::now();
        let error = patient(&stage).attach(&export, soon()).await.unwrap_err();
        assert!(matches!(error, HostError::NoMap { .. }), "{error}");
        assert!(begun.elapsed() < SOON, "{what}");
    }
    for what in ["resize map", "reload map"] {
        let stage = Stage::new();
        let mut export = export('3', 5);
        stage.show('n', 5, &export.wwn);
        stage.attach(&export).await.unwrap();
        stage.until("both paths", |w| w.disks.len() == 2).await;
        if what == "resize map" {
            export.size = crate::model::Size::from_mib(96);
            for number in [1, 2] {
                stage.show_at(&iqn('n', number), 5, &export.wwn, 96);
            }
        } else {
            let block = stage.kernel.world().block("dm-0");
            super::kernel::write(block.join("ro"), "1");
        }
        stage.programs.instead(what, slow.clone());
        let begun = std::time::Instant::now();
        let error = patient(&stage).attach(&export, soon()).await.unwrap_err();
        assert!(matches!(error, HostError::Deadline { .. }), "{error}");
        assert!(begun.elapsed() < SOON, "{what}");
    }
}

#[tokio::test]
async fn a_path_that_does_not_answer_keeps_nobody_waiting() {
    let stage = Stage::new();
    let export = export('3', 5);
    stage.show('n', 5, &export.wwn);
    stage.programs.instead("/dev/sda", Instead::Hang);
    let mut san = stage.san.clone();
    san.machine.patience.inquiry = std::time::Duration::from_millis(300);
    let device = san.attach(&export, stage.soon()).await.unwrap();
    assert_eq!(device.wwn(), &export.wwn);
}

#[tokio::test]
async fn a_map_that_is_read_only_is_read_anew_until_it_is_not() {
    let stage = Stage::new();
    let export = export('3', 5);
    stage.show('n', 5, &export.wwn);
    let read_only = |is| {
        for shown in stage.kernel.world().shown.values_mut() {
            shown.read_only = is;
        }
    };
    read_only(true);
    let mut short = stage.san.clone();
    short.machine.patience.change = std::time::Duration::from_millis(200);
    let error = short.attach(&export, stage.soon()).await.unwrap_err();
    assert!(matches!(error, HostError::ReadOnly { .. }), "{error}");
    let (san, wanted, deadline) = (stage.san.clone(), export.clone(), stage.soon());
    let waiting = tokio::spawn(async move { san.attach(&wanted, deadline).await });
    let before = stage.told("multipathd reload").len();
    stage
        .until("another try", |w| {
            w.told.iter().filter(|l| l.contains("reload")).count() > before
        })
        .await;
    read_only(false);
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_large_lun_is_found_in_either_form() {
    for flat in [false, true] {
        let stage = Stage::new();
        let export = export('3', 300);
        stage.show('n', 300, &export.wwn);
        stage.kernel.world().flat = flat;
        stage.attach(&export).await.unwrap();
        stage.attach(&export).await.unwrap();
        let luns: Vec<u64> = stage
            .kernel
            .world()
            .disks
            .values()
            .map(|disk| disk.lun)
            .collect();
        assert_eq!(luns, [if flat { 16684 } else { 300 }; 2]);
    }
}
