//! Off the machine again: in the right order, never under anybody, and again after an interruption anywhere.

use std::time::{Duration, Instant};

use super::{
    kernel::write,
    programs::Instead,
    stage::{MIB, SOON, Stage, export, iqn, low, pair, portal, wwn},
};
use crate::{
    host::{Export, HostError, san::San},
    model::{Change, Wwn},
};

async fn attached(stage: &Stage) -> Wwn {
    let export = export('3', 5);
    stage.show('n', 5, &export.wwn);
    stage.attach(&export).await.unwrap();
    stage.until("both paths", |w| w.disks.len() == 2).await;
    stage.kernel.world().told.clear();
    export.wwn
}

fn nothing_is_left(stage: &Stage) {
    let world = stage.kernel.world();
    assert_eq!(
        (world.disks.len(), world.maps.len()),
        (0, 0),
        "{:#?}",
        world.told
    );
}

#[tokio::test]
async fn map_then_disks_then_sessions() {
    let stage = Stage::new();
    let wwn = attached(&stage).await;
    assert_eq!(stage.san.detach(&wwn).await.unwrap(), Change::Changed(()));
    nothing_is_left(&stage);
    let told = stage.told("");
    let place = |part: &str| told.iter().position(|line| line.contains(part));
    let order = [
        place("multipath -f"),
        place("delete sda"),
        place("--logout"),
        place("-o delete"),
    ];
    assert!(
        order.is_sorted() && order.iter().all(Option::is_some),
        "{told:#?}"
    );
    let last_delete = told
        .iter()
        .rposition(|line| line.starts_with("delete "))
        .unwrap();
    assert!(Some(last_delete) < place("--logout"), "{told:#?}");
    assert!(
        !told.iter().any(|line| line.contains("disablequeueing")),
        "{told:#?}"
    );
    assert_eq!(stage.san.list().unwrap(), []);
    assert_eq!(stage.san.detach(&wwn).await.unwrap(), Change::Unchanged(()));
}

#[tokio::test]
async fn what_is_in_use_stays_as_it_is() {
    let stage = Stage::new();
    let wwn = attached(&stage).await;
    stage.mount("253:0");
    let error = stage.san.detach(&wwn).await.unwrap_err();
    assert!(
        matches!(&error, HostError::InUse { by, .. } if by.mounts.len() == 1),
        "{error}"
    );
    assert!(error.to_string().contains("/srv/db"));
    assert_eq!(
        stage.told("multipath -f").len() + stage.told("delete").len(),
        0
    );
    assert_eq!(stage.in_map(&wwn), ["sda", "sdb"]);
    stage.unmount();
    // Something built on it is as good a use.
    let holders = stage.dir.path().join("sys/block/dm-0/holders/dm-9");
    std::fs::write(&holders, "").unwrap();
    let error = stage.san.detach(&wwn).await.unwrap_err();
    assert!(
        matches!(&error, HostError::InUse { by, .. } if by.stacked == ["dm-9"]),
        "{error}"
    );
    std::fs::remove_file(holders).unwrap();
    stage.san.detach(&wwn).await.unwrap().into_inner();
    nothing_is_left(&stage);
}

#[tokio::test]
async fn queueing_ends_only_when_no_path_is_left_and_nobody_uses_it() {
    let stage = Stage::new();
    let wwn = attached(&stage).await;
    for state in ["transport-offline", "blocked"] {
        for name in ["sda", "sdb"] {
            stage.kernel.world().set_state(name, state);
        }
    }
    stage.mount("253:0");
    assert!(stage.san.detach(&wwn).await.is_err());
    assert_eq!(stage.told("disablequeueing").len(), 0);
    stage.unmount();
    stage.san.detach(&wwn).await.unwrap().into_inner();
    nothing_is_left(&stage);
    let told = stage.told("multipath");
    let place = |part: &str| told.iter().position(|line| line.contains(part)).unwrap();
    assert!(
        place("disablequeueing map") < place("multipath -f"),
        "{told:#?}"
    );
    // Lost disks were not asked who they are: the question would have waited with everything else.
    assert_eq!(stage.told("scsi_id").len(), 0);
}

#[tokio::test]
async fn a_map_that_could_not_be_removed_queues_again() {
    let stage = Stage::new();
    let wwn = attached(&stage).await;
    assert_eq!(stage.told("restorequeueing").len(), 0);
    stage.hide('n', 5);
    stage
        .programs
        .instead("multipath -f", Instead::Say(1, "no"));
    stage.san.detach(&wwn).await.unwrap_err();
    let map = format!("restorequeueing map 3{}", low(&wwn));
    let told = stage.told("");
    let place = |part: &str| told.iter().position(|line| line.contains(part)).unwrap();
    assert!(place("multipath -f") < place(&map), "{told:#?}");
    // With a path nothing had been ended. A plugin that was killed in the middle may have left it so: an attach sees to that.
    stage.show('n', 5, &wwn);
    stage.kernel.world().told.clear();
    stage.san.detach(&wwn).await.unwrap_err();
    assert_eq!(stage.told(&map).len(), 0);
    stage
        .programs
        .instead("restorequeueing", Instead::Say(1, "fail"));
    stage.attach(&export('3', 5)).await.unwrap();
    assert_eq!(stage.told(&map).len(), 1);
}

#[tokio::test]
async fn paths_that_multipathd_found_failed_are_no_paths() {
    let stage = Stage::new();
    let wwn = attached(&stage).await;
    // The export is gone already: disks run, and do not answer.
    stage.hide('n', 5);
    stage.san.detach(&wwn).await.unwrap().into_inner();
    assert_eq!(stage.told("disablequeueing").len(), 1);
    nothing_is_left(&stage);
}

#[tokio::test]
async fn without_multipathd_the_map_goes_nevertheless() {
    let stage = Stage::new();
    let wwn = attached(&stage).await;
    stage
        .programs
        .instead("multipathd", Instead::Say(1, "error"));
    for name in ["sda", "sdb"] {
        stage.kernel.world().set_state(name, "offline");
    }
    stage.san.detach(&wwn).await.unwrap().into_inner();
    nothing_is_left(&stage);
}

#[tokio::test]
async fn a_status_proves_nothing_the_kernel_does() {
    // It says yes, and the map stays.
    let stage = Stage::new();
    let wwn = attached(&stage).await;
    stage.programs.instead("multipath -f", Instead::Say(0, ""));
    let error = stage.san.detach(&wwn).await.unwrap_err();
    assert!(matches!(error, HostError::NotProven { .. }), "{error}");
    assert_eq!(stage.told("delete").len(), 0);
    // It says no, and names nobody.
    stage.programs.as_usual();
    stage
        .programs
        .instead("multipath -f", Instead::Say(1, "map in use"));
    let error = stage.san.detach(&wwn).await.unwrap_err();
    assert!(
        matches!(&error, HostError::Command(report) if report.stdout.contains("in use")),
        "{error}"
    );
    // It says no, and the map is gone.
    stage.programs.as_usual();
    stage.programs.instead("multipath -f", Instead::DoneBut(1));
    stage.san.detach(&wwn).await.unwrap().into_inner();
    nothing_is_left(&stage);
}

#[tokio::test]
async fn a_flush_that_hangs_is_told_and_hangs_nobody_else() {
    let stage = Stage::new();
    let wwn = attached(&stage).await;
    let other = export('4', 6);
    stage.show('n', 6, &other.wwn);
    stage
        .programs
        .instead(&format!("multipath -f 3{}", low(&wwn)), Instead::Hang);
    let mut san = stage.san.clone();
    // The other volume has to come and go meanwhile.
    san.machine.patience.flush = SOON;
    let (hanging, of) = (san.clone(), wwn.clone());
    let hanging = tokio::spawn(async move { hanging.detach(&of).await });
    stage
        .until("the flush", |w| {
            w.told.iter().any(|l| l.starts_with("multipath -f"))
        })
        .await;
    stage.attach(&other).await.unwrap();
    stage.san.detach(&other.wwn).await.unwrap().into_inner();
    assert!(!hanging.is_finished(), "the other volume waited");
    let error = hanging.await.unwrap().unwrap_err();
    assert!(
        matches!(&error, HostError::FlushHangs { map, .. } if map.ends_with(&low(&wwn))),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("multipath -ll"));
    stage.programs.as_usual();
    stage.san.detach(&wwn).await.unwrap().into_inner();
    nothing_is_left(&stage);
}

#[tokio::test]
async fn a_disk_that_does_not_go_is_told() {
    let stage = Stage::new();
    let wwn = attached(&stage).await;
    stage.kernel.world().stuck.push("delete".to_owned());
    let error = stage.san.detach(&wwn).await.unwrap_err();
    assert!(
        matches!(&error, HostError::NotProven { what, .. } if what.contains("sd")),
        "{error}"
    );
    // The map is gone. What is left is found, and goes at the next try.
    assert_eq!(stage.san.list().unwrap().len(), 1);
    stage.kernel.world().stuck.clear();
    assert_eq!(stage.san.detach(&wwn).await.unwrap(), Change::Changed(()));
    nothing_is_left(&stage);
}

#[tokio::test]
async fn what_an_interrupted_detach_left_is_detached() {
    for left in ["disks", "one disk", "a map without disks"] {
        let stage = Stage::new();
        let wwn = attached(&stage).await;
        {
            let mut world = stage.kernel.world();
            if left == "a map without disks" {
                stage.kernel.remove_disk(&mut world, "sda");
                stage.kernel.remove_disk(&mut world, "sdb");
            } else {
                let dm = world.map_of(&low(&wwn)).unwrap();
                world.remove_map(&dm);
            }
            if left == "one disk" {
                stage.kernel.remove_disk(&mut world, "sda");
            }
        }
        let found = stage.restarted().list().unwrap();
        assert_eq!(
            (found.len(), found[0].wwn(), found[0].bytes()),
            (1, &wwn, 64 * MIB),
            "{left}"
        );
        assert_eq!(
            stage.restarted().detach(&wwn).await.unwrap(),
            Change::Changed(()),
            "{left}"
        );
        nothing_is_left(&stage);
    }
}

#[tokio::test]
async fn a_disk_that_is_another_volume_by_now_goes_and_a_foreign_one_stays() {
    let stage = Stage::new();
    let wwn3 = attached(&stage).await;
    // Found as ours; the array has put another volume at that LUN since.
    stage.show_at(&iqn('n', 2), 5, &wwn('4'), 64);
    stage.san.detach(&wwn3).await.unwrap().into_inner();
    nothing_is_left(&stage);
    // Found as another one, and in our map all the same: that is for a person to look at.
    let stage = Stage::new();
    let wwn3 = attached(&stage).await;
    let foreign = stage.leftover(&iqn('n', 1), 9, &wwn('4'));
    stage.show_at(&iqn('n', 1), 9, &wwn('4'), 64);
    {
        let mut world = stage.kernel.world();
        let own = world.map_of(&low(&wwn('4'))).unwrap();
        world.remove_map(&own);
        let dm = world.map_of(&low(&wwn3)).unwrap();
        world.join(&dm, &foreign);
    }
    let error = stage.san.detach(&wwn3).await.unwrap_err();
    assert!(
        matches!(&error, HostError::WrongDevice { device, .. } if device.ends_with(&foreign)),
        "{error}"
    );
    assert_eq!(stage.disks(), [foreign]);
}

#[tokio::test]
async fn a_map_that_comes_back_is_removed_again() {
    let stage = Stage::new();
    let wwn = attached(&stage).await;
    // multipathd makes it anew while the first disk is slow to go.
    stage.kernel.world().stuck.push("delete".to_owned());
    let (san, of) = (stage.san.clone(), wwn.clone());
    let detaching = tokio::spawn(async move { san.detach(&of).await });
    stage
        .until("the disks' turn", |w| {
            w.told.iter().any(|l| l.starts_with("delete"))
        })
        .await;
    {
        let mut world = stage.kernel.world();
        world.stuck.clear();
        stage.kernel.take_in(&mut world, "sda");
        stage.kernel.remove_disk(&mut world, "sda");
        stage.kernel.remove_disk(&mut world, "sdb");
    }
    detaching.await.unwrap().unwrap().into_inner();
    nothing_is_left(&stage);
    assert_eq!(stage.told("multipath -f").len(), 2);
}

#[tokio::test]
async fn attach_and_detach_of_one_volume_take_turns() {
    let stage = Stage::new();
    let export = pair('3', 5);
    stage.show('n', 5, &export.wwn);
    stage.show('s', 5, &export.wwn);
    // Two plugins' worth of requests at once: whatever the order, the end is whole.
    let again = |san: San| {
        let (export, deadline) = (export.clone(), stage.soon());
        tokio::spawn(async move {
            for _ in 0..2 {
                san.attach(&export, deadline).await?;
                san.detach(&export.wwn).await?.into_inner();
            }
            Ok::<_, HostError>(())
        })
    };
    let (one, two) = (again(stage.san.clone()), again(stage.san.clone()));
    one.await.unwrap().unwrap();
    two.await.unwrap().unwrap();
    stage.san.detach(&export.wwn).await.unwrap().into_inner();
    nothing_is_left(&stage);
}

#[tokio::test]
async fn a_logout_that_hangs_does_not_keep_the_detach() {
    let stage = Stage::new();
    let wwn = attached(&stage).await;
    stage
        .programs
        .instead(&format!("{} --logout", portal('n', 1)), Instead::Hang);
    let mut san = stage.san.clone();
    san.machine.patience.login = Duration::from_secs(3600);
    let begun = Instant::now();
    san.detach(&wwn).await.unwrap().into_inner();
    assert!(begun.elapsed() < SOON);
    nothing_is_left(&stage);
    stage
        .until("the end of the other session", |w| w.ports.len() == 1)
        .await;
}

/// A volume that an array took over from another maker's keeps its WWN.
#[tokio::test]
async fn a_volume_with_the_wwn_of_another_maker_is_found_and_goes() {
    let stage = Stage::new();
    let export = Export {
        wwn: "600508B4000971CD0000A000021F0000".parse().unwrap(),
        ..export('3', 5)
    };
    stage.show('n', 5, &export.wwn);
    let device = stage.attach(&export).await.unwrap();
    stage.until("both paths", |w| w.disks.len() == 2).await;
    assert_eq!(stage.san.find(&export.wwn).unwrap(), Some(device));
    // Nobody knows that a device of that maker is of an array.
    assert_eq!(stage.san.list().unwrap(), []);
    let done = stage.san.detach(&export.wwn).await.unwrap();
    assert_eq!(done, Change::Changed(()));
    nothing_is_left(&stage);
    assert_eq!(stage.san.find(&export.wwn).unwrap(), None);
}

/// udev has kpartx make maps of a partition table that somebody else has written on the volume.
#[tokio::test]
async fn maps_of_its_partitions_are_a_use_only_if_somebody_uses_them() {
    let stage = Stage::new();
    let wwn = attached(&stage).await;
    let sys = stage.dir.path().join("sys");
    let partition = |minor: u32, uuid: &str| {
        let name = format!("dm-{minor}");
        let block = sys.join("block").join(&name);
        std::fs::create_dir_all(block.join("holders")).unwrap();
        write(block.join("dev"), &format!("253:{minor}"));
        write(block.join("size"), "2048");
        write(block.join("dm/uuid"), uuid);
        let number = sys.join(format!("dev/block/253:{minor}"));
        std::os::unix::fs::symlink(&block, number).unwrap();
        std::fs::write(stage.dir.path().join("dev").join(&name), "").unwrap();
        let holder = sys.join("block/dm-0/holders").join(&name);
        std::fs::write(&holder, "").unwrap();
        (block.join("holders/dm-20"), holder)
    };
    let (built_on_it, _) = partition(7, &format!("part1-mpath-3{}", low(&wwn)));
    let (_, another) = partition(8, "part1-mpath-3600508b4000971cd0000a000021f0000");
    let stacked = async || match stage.san.detach(&wwn).await {
        Err(HostError::InUse { by, .. }) => by.stacked,
        other => panic!("{other:?}"),
    };
    assert_eq!(stacked().await, ["dm-8"]);
    std::fs::remove_file(another).unwrap();
    stage.mount("253:7");
    assert_eq!(stacked().await, ["dm-7"]);
    stage.unmount();
    std::fs::write(&built_on_it, "").unwrap();
    assert_eq!(stacked().await, ["dm-7"]);
    std::fs::remove_file(built_on_it).unwrap();
    stage.san.detach(&wwn).await.unwrap().into_inner();
    nothing_is_left(&stage);
}
