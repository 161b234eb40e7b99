//! Logins that iscsid brings to their end after the iscsiadm that asked for them was given up (array fact 76).

use std::time::{Duration, Instant};

use super::{
    programs::{Instead, add_session},
    records::{discovered, key, settings},
    stage::{Stage, export, iqn, portal},
};
use crate::{
    host::{HostError, NodeRecords},
    model::Made,
};

impl Stage {
    /// Where iscsiadm is given up soon; and what comes of a login to each of the two ports.
    fn with_logins(first: Instead, second: Instead) -> Self {
        let mut stage = Self::new();
        stage.san.machine.patience.login = Duration::from_millis(200);
        for (number, login) in [(1, first), (2, second)] {
            let command = format!("{} --login", portal('n', number));
            stage.programs.instead(&command, login);
        }
        stage
    }

    async fn until_nothing_is_written_down(&self) {
        let what = "the end of what is written down";
        self.until(what, |_| self.made.all().is_empty()).await;
    }
}

/// When the attach that asked for it is over for certain.
fn later() -> Instead {
    Instead::Later(Duration::from_secs(5))
}

const TIMED_OUT: Instead = Instead::Say(8, "connection timed out");

#[tokio::test]
async fn a_session_that_comes_after_its_attach_has_failed_ends_and_its_record_goes() {
    let stage = Stage::with_logins(later(), later());
    // One port's record is an administrator's, and stays.
    stage.has_record(1, discovered());
    // iscsid refuses to end what it has not told the end of.
    stage
        .programs
        .instead_times("--logout", Instead::Say(9, "try again later"), 1);
    let error = stage.attach(&export('3', 5)).await.unwrap_err();
    let HostError::NoSession { why, .. } = &error else {
        panic!("{error}")
    };
    assert!(why.iter().all(|why| why.contains("did not end")), "{error}");
    stage.until("both sessions", |w| w.sessions == 2).await;
    stage.until("their end", |w| w.ports.is_empty()).await;
    stage.until_nothing_is_written_down().await;
    assert_eq!((stage.sessions(), stage.records()), (0, vec![key(1)]));
    assert_eq!(stage.told("--logout").len(), 3);
}

#[tokio::test]
async fn a_login_that_comes_to_nothing_is_forgotten_when_iscsid_has_given_up_and_not_before() {
    let stage = Stage::with_logins(Instead::Hang, TIMED_OUT);
    // A second for its tries, and one for the last.
    let mut record = settings();
    for name in [
        "node.session.initial_login_retry_max",
        "node.conn[0].timeo.login_timeout",
    ] {
        record.insert(name.to_owned(), "1".to_owned());
    }
    stage.has_record(1, record);
    stage.wrote_down(1, Made::Record);
    let begun = Instant::now();
    stage.attach(&export('3', 5)).await.unwrap_err();
    stage.until_nothing_is_written_down().await;
    let given_up = Duration::from_secs(2) + stage.san.machine.patience.iscsid;
    assert!(begun.elapsed() >= given_up);
    assert_eq!(stage.records(), [""; 0]);
    // Of the other login iscsid has told the end.
    let removed = stage.told("-o delete");
    assert!(
        removed.len() == 2 && removed[0].contains(&portal('n', 2)),
        "{removed:?}"
    );
}

#[tokio::test]
async fn a_plugin_that_is_started_anew_ends_what_comes_of_the_logins_of_the_one_before() {
    let stage = Stage::new();
    for (number, made) in [(1, Made::Record), (2, Made::Session)] {
        stage.has_record(number, settings());
        stage.wrote_down(number, made);
    }
    stage.restarted().log_out_of_leftovers().await;
    assert_eq!(stage.made.all().len(), 2);
    for number in [1, 2] {
        add_session(&stage.kernel, &iqn('n', number), &portal('n', number));
    }
    stage.until("their end", |w| w.ports.is_empty()).await;
    stage.until_nothing_is_written_down().await;
    assert_eq!(stage.records(), [key(2)]);
}

#[tokio::test]
async fn a_session_that_comes_for_the_next_attach_is_used_and_ends_with_its_volume() {
    let stage = Stage::with_logins(later(), TIMED_OUT);
    let export = export('3', 5);
    stage.show('n', 5, &export.wwn);
    stage.attach(&export).await.unwrap_err();
    // iscsid is at that login already.
    stage.programs.as_usual();
    for (number, login) in [(1, Instead::Say(15, "session exists")), (2, TIMED_OUT)] {
        let command = format!("{} --login", portal('n', number));
        stage.programs.instead(&command, login);
    }
    stage.attach(&export).await.unwrap();
    assert_eq!((stage.sessions(), stage.told("--logout").len()), (1, 0));
    stage.san.detach(&export.wwn).await.unwrap().into_inner();
    stage.until_nothing_is_written_down().await;
    assert_eq!((stage.sessions(), stage.records()), (0, vec![]));
}

#[tokio::test]
async fn a_session_is_not_ended_while_iscsid_is_making_it() {
    let stage = Stage::new();
    stage.has_record(1, settings());
    stage.wrote_down(1, Made::Record);
    add_session(&stage.kernel, &iqn('n', 1), &portal('n', 1));
    stage.set_session('n', 1, "FREE");
    stage.restarted().log_out_of_leftovers().await;
    assert_eq!(stage.told("--logout"), [""; 0]);
    stage.set_session('n', 1, "LOGGED_IN");
    stage.until("its end", |w| w.ports.is_empty()).await;
    stage.until_nothing_is_written_down().await;
}
