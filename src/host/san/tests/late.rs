//! Paths that come after the volume is in use.

use std::time::Duration;

use super::{
    programs::Instead,
    stage::{SOON, Stage, export, iqn, pair, portal},
};

#[tokio::test]
async fn paths_of_a_port_that_answers_late_are_added_by_themselves() {
    let stage = Stage::new();
    let export = pair('3', 5);
    stage.show('n', 5, &export.wwn);
    stage.show('s', 5, &export.wwn);
    let slow = Instead::After(Duration::from_millis(1500));
    stage
        .programs
        .instead(&format!("{} --login", portal('s', 1)), slow);
    stage.attach(&export).await.unwrap();
    assert!(!stage.in_map(&export.wwn).contains(&"sdd".to_owned()));
    stage.until("all paths", |w| w.disks.len() == 4).await;
    assert_eq!(stage.in_map(&export.wwn).len(), 4);
}

#[tokio::test]
async fn paths_that_come_after_the_volume_has_gone_are_not_looked_for_and_their_session_ends() {
    let stage = Stage::new();
    let export = export('3', 5);
    stage.show('n', 5, &export.wwn);
    let slow = Instead::After(Duration::from_millis(1000));
    stage
        .programs
        .instead(&format!("{} --login", portal('n', 2)), slow);
    stage.attach(&export).await.unwrap();
    stage.san.detach(&export.wwn).await.unwrap().into_inner();
    stage.until("the late login", |w| w.sessions == 2).await;
    stage
        .until("the end of the sessions", |w| w.ports.is_empty())
        .await;
    assert!(!stage.told("scan host0").is_empty());
    assert_eq!(stage.told("scan host1"), [""; 0]);
    assert_eq!(stage.disks().len(), 0);
}

#[tokio::test]
async fn who_comes_late_for_a_former_attach_does_not_look_at_its_lun() {
    let stage = Stage::new();
    let before = export('3', 5);
    stage.show('n', 5, &before.wwn);
    let slow = Instead::After(Duration::from_millis(1500));
    let login = format!("{} --login", portal('n', 2));
    stage.programs.instead_times(&login, slow, 1);
    // The former attach goes on when its slow port answers, and not before: it does not see that the volume was gone meanwhile.
    let mut former = stage.san.clone();
    former.machine.patience.scan_again = SOON;
    former.attach(&before, stage.soon()).await.unwrap();
    stage.kernel.world().told.clear();
    let now = export('3', 7);
    // One port does not show it, so that it goes on being looked for there.
    stage.show_at(&iqn('n', 1), 7, &now.wwn, 64);
    // The new attach waits for its turn before the former one does.
    let (gone, there) = tokio::join!(stage.san.detach(&before.wwn), stage.attach(&now));
    assert!(gone.unwrap().is_changed() && there.is_ok());
    stage.until("the slow port", |w| w.ports.len() == 2).await;
    // Both of them have had their turn by then.
    tokio::time::sleep(Duration::from_millis(600)).await;
    let scans = stage.told("scan host");
    assert!(
        !scans.is_empty() && scans.iter().all(|l| l.ends_with(" 7")),
        "{scans:?}"
    );
}

#[tokio::test]
async fn a_volume_attached_again_gets_the_paths_that_were_missing() {
    let stage = Stage::new();
    let export = pair('3', 5);
    stage.show('n', 5, &export.wwn);
    for number in [1, 2] {
        let login = format!("{} --login", portal('s', number));
        stage.programs.instead(&login, Instead::Say(4, "no route"));
    }
    stage.attach(&export).await.unwrap();
    assert_eq!(stage.sessions(), 2);
    stage.programs.as_usual();
    stage.show('s', 5, &export.wwn);
    stage.mount("253:0");
    stage.attach(&export).await.unwrap();
    stage.until("all paths", |w| w.disks.len() == 4).await;
    assert_eq!(stage.in_map(&export.wwn).len(), 4);
}

#[tokio::test]
async fn a_session_that_is_lost_for_the_moment_is_not_made_twice() {
    let stage = Stage::new();
    let export = export('3', 5);
    stage.show('n', 5, &export.wwn);
    stage.attach(&export).await.unwrap();
    stage.until("both paths", |w| w.disks.len() == 2).await;
    stage.set_session('n', 1, "FAILED");
    let lost = stage.nexus_of(&iqn('n', 1));
    let name = {
        let world = stage.kernel.world();
        let (name, _) = world
            .disks
            .iter()
            .find(|(_, disk)| disk.nexus == lost)
            .unwrap();
        world.set_state(name, "blocked");
        name.clone()
    };
    stage.attach(&export).await.unwrap();
    assert_eq!((stage.sessions(), stage.told("--login").len()), (2, 2));
    assert!(stage.in_map(&export.wwn).contains(&name));
    // With all of them lost there is nothing to use.
    stage.set_session('n', 2, "FAILED");
    let error = stage.attach_in_vain(&export).await;
    assert!(error.to_string().contains("session is lost"), "{error}");
}
