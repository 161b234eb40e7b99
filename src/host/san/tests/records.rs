//! iscsiadm's records: the plugin's own, an administrator's, and those that an earlier process left.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use super::{
    programs::add_session,
    stage::{Stage, export, iqn, portal},
};
use crate::{
    host::{HostError, NodeRecords},
    model::{Made, NodeRecord},
};

pub fn key(number: u8) -> String {
    format!("{} {}", iqn('n', number), portal('n', number))
}

/// As the plugin makes them, to the letter.
pub fn settings() -> BTreeMap<String, String> {
    let all = [
        ("node.startup", "manual"),
        ("node.session.scan", "manual"),
        ("node.session.timeo.replacement_timeout", "10"),
        ("node.conn[0].timeo.noop_out_interval", "5"),
        ("node.conn[0].timeo.noop_out_timeout", "10"),
        ("node.session.auth.authmethod", "None"),
    ];
    let all = all.into_iter();
    all.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// As iscsiadm makes one.
fn new_record() -> BTreeMap<String, String> {
    [("node.startup".to_owned(), "automatic".to_owned())].into()
}

impl Stage {
    pub fn has_record(&self, number: u8, record: BTreeMap<String, String>) {
        let mut records = self.programs.records.lock().unwrap();
        records.insert(key(number), record);
    }

    pub fn records(&self) -> Vec<String> {
        let records = self.programs.records.lock().unwrap();
        records.keys().cloned().collect()
    }

    pub fn wrote_down(&self, number: u8, made: Made) {
        let record = NodeRecord {
            iqn: iqn('n', number),
            portal: portal('n', number).parse().unwrap(),
            made,
        };
        self.made.put(&record).unwrap();
    }
}

/// As an administrator's discovery makes one where Debian's settings hold: other settings than the plugin's, and no wish for a boot.
pub fn discovered() -> BTreeMap<String, String> {
    let mut record = settings();
    record.insert("node.session.scan".to_owned(), "auto".to_owned());
    record
}

#[tokio::test]
async fn an_administrators_record_stays_as_it_is_and_the_session_the_plugin_made_with_it_ends() {
    for theirs in [settings(), discovered()] {
        let stage = Stage::new();
        let export = export('3', 5);
        stage.show('n', 5, &export.wwn);
        stage.has_record(1, theirs.clone());
        for _ in 0..2 {
            stage.attach(&export).await.unwrap();
            stage.until("both sessions", |w| w.ports.len() == 2).await;
            let mut made: Vec<_> = stage.made.all().into_iter().map(|one| one.made).collect();
            made.sort_by_key(|made| *made == Made::Record);
            assert_eq!(made, [Made::Session, Made::Record]);
            stage.san.detach(&export.wwn).await.unwrap().into_inner();
            assert_eq!((stage.sessions(), stage.records()), (0, vec![key(1)]));
            assert_eq!(stage.made.all(), []);
        }
        assert_eq!(stage.programs.records.lock().unwrap()[&key(1)], theirs);
        // One that died before its login changes nothing of that.
        stage.wrote_down(1, Made::Session);
        stage.attach(&export).await.unwrap();
        stage.san.detach(&export.wwn).await.unwrap().into_inner();
        assert_eq!(stage.programs.records.lock().unwrap()[&key(1)], theirs);
        // A plugin that was killed left its session.
        stage.wrote_down(1, Made::Session);
        add_session(&stage.kernel, &iqn('n', 1), &portal('n', 1));
        stage.restarted().log_out_of_leftovers().await;
        assert_eq!((stage.sessions(), stage.records()), (0, vec![key(1)]));
        assert_eq!(stage.programs.records.lock().unwrap()[&key(1)], theirs);
    }
}

#[tokio::test]
async fn an_enclosure_that_a_login_found_keeps_no_session_and_a_disk_beside_it_does() {
    let stage = Stage::new();
    let (one, two) = (export('3', 5), export('4', 6));
    stage.show('n', 5, &one.wwn);
    stage.show_at(&iqn('n', 1), 6, &two.wwn, 64);
    stage.has_record(1, discovered());
    stage.attach(&one).await.unwrap();
    stage.attach(&two).await.unwrap();
    stage.until("all paths", |w| w.disks.len() == 3).await;
    for number in [1, 2] {
        let nexus = stage.nexus_of(&iqn('n', number));
        stage.kernel.add_enclosure(nexus);
    }
    // Nobody looks any more for the second volume at the second port.
    let san = stage.restarted();
    san.detach(&one.wwn).await.unwrap().into_inner();
    assert_eq!((stage.sessions(), stage.disks().len()), (1, 1));
    san.log_out_of_leftovers().await;
    assert_eq!((stage.sessions(), stage.disks().len()), (1, 1));
    san.detach(&two.wwn).await.unwrap().into_inner();
    assert_eq!((stage.sessions(), stage.records()), (0, vec![key(1)]));
}

#[tokio::test]
async fn a_session_that_was_there_or_is_wanted_at_every_boot_is_not_the_plugins_to_end() {
    let stage = Stage::new();
    let export = export('3', 5);
    stage.show('n', 5, &export.wwn);
    stage.has_record(1, discovered());
    add_session(&stage.kernel, &iqn('n', 1), &portal('n', 1));
    stage.has_record(2, new_record());
    stage.attach(&export).await.unwrap();
    stage.until("both sessions", |w| w.ports.len() == 2).await;
    assert_eq!(stage.made.all(), []);
    stage.san.detach(&export.wwn).await.unwrap().into_inner();
    let records = vec![key(1), key(2)];
    assert_eq!((stage.sessions(), stage.records()), (2, records.clone()));
    // Nor does a start touch them.
    stage.restarted().log_out_of_leftovers().await;
    assert_eq!((stage.sessions(), stage.records()), (2, records));
}

#[tokio::test]
async fn a_record_whose_administrator_removed_it_is_made_anew_as_the_plugins() {
    let stage = Stage::new();
    let export = export('3', 5);
    stage.show('n', 5, &export.wwn);
    stage.wrote_down(1, Made::Session);
    stage.attach(&export).await.unwrap();
    stage.until("both sessions", |w| w.ports.len() == 2).await;
    assert!(stage.made.all().iter().all(|one| one.made == Made::Record));
    stage.san.detach(&export.wwn).await.unwrap().into_inner();
    assert_eq!((stage.sessions(), stage.records()), (0, vec![]));
}

#[tokio::test]
async fn a_session_that_was_left_right_after_its_login_ends_at_the_start() {
    let stage = Stage::new();
    let export = export('3', 5);
    stage.show_at(&iqn('n', 1), 5, &export.wwn, 64);
    stage.attach(&export).await.unwrap();
    stage.until("both sessions", |w| w.ports.len() == 2).await;
    assert_eq!(stage.disks().len(), 1);
    // Nobody looked for a LUN at the second port any more.
    stage.restarted().log_out_of_leftovers().await;
    assert_eq!((stage.sessions(), stage.records()), (1, vec![key(1)]));
    assert_eq!(stage.disks().len(), 1, "the session with a disk stays");
    let made: Vec<_> = stage.made.all().into_iter().map(|one| one.iqn).collect();
    assert_eq!(made, [iqn('n', 1)]);
}

#[tokio::test]
async fn a_session_that_is_wanted_just_then_stays() {
    let stage = Stage::new();
    stage.has_record(1, settings());
    stage.wrote_down(1, Made::Record);
    add_session(&stage.kernel, &iqn('n', 1), &portal('n', 1));
    let san = stage.restarted();
    let ports = [(iqn('n', 1), portal('n', 1).parse().unwrap())].into();
    let wanting = san.turns.want(&ports);
    san.log_out_of_leftovers().await;
    assert_eq!((stage.sessions(), stage.made.all().len()), (1, 1));
    drop(wanting);
    san.log_out_of_leftovers().await;
    assert_eq!((stage.sessions(), stage.made.all().len()), (0, 0));
}

#[tokio::test]
async fn a_record_that_is_half_made_is_removed_at_the_start_or_finished_by_an_attach() {
    let stage = Stage::new();
    // One died before `new`, and one after it.
    stage.wrote_down(1, Made::HalfRecord);
    stage.wrote_down(2, Made::HalfRecord);
    stage.has_record(2, new_record());
    stage.restarted().log_out_of_leftovers().await;
    assert_eq!((stage.records(), stage.made.all()), (vec![], vec![]));

    let stage = Stage::new();
    let export = export('3', 5);
    stage.show('n', 5, &export.wwn);
    stage.wrote_down(2, Made::HalfRecord);
    stage.has_record(2, new_record());
    stage.attach(&export).await.unwrap();
    stage.until("both sessions", |w| w.ports.len() == 2).await;
    assert_eq!(stage.programs.records.lock().unwrap()[&key(2)], settings());
    assert!(
        stage
            .made
            .all()
            .iter()
            .all(|record| record.made == Made::Record)
    );
    stage.san.detach(&export.wwn).await.unwrap().into_inner();
    assert_eq!((stage.records(), stage.made.all()), (vec![], vec![]));
}

#[tokio::test]
async fn a_record_that_a_person_wants_at_every_boot_by_now_is_the_plugins_no_more() {
    let stage = Stage::new();
    stage.wrote_down(1, Made::Record);
    let mut record = settings();
    record.insert("node.startup".to_owned(), "automatic".to_owned());
    stage.has_record(1, record);
    add_session(&stage.kernel, &iqn('n', 1), &portal('n', 1));
    stage.restarted().log_out_of_leftovers().await;
    assert_eq!((stage.sessions(), stage.records()), (1, vec![key(1)]));
    assert_eq!(stage.made.all(), []);
}

#[tokio::test]
async fn no_record_is_made_that_is_not_written_down_before() {
    let stage = Stage::new();
    stage.made.full.store(true, Ordering::SeqCst);
    let error = stage.attach(&export('3', 5)).await.unwrap_err();
    assert!(
        matches!(&error, HostError::NoSession { why, .. } if why[0].contains("no space left")),
        "{error}"
    );
    assert_eq!(stage.told("-o new"), [""; 0]);
}
