//! Sessions: who logs in where, and who logs out.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use super::{
    programs::{Instead, add_session},
    stage::{Stage, export, iqn, pair, portal, wwn},
};
use crate::{
    host::{ForeignRecord, HostError, san::iscsi},
    model::{Chap, Secret, TargetPort},
};

const SECRET: &str = "correct-horse";

fn chap(secret: &str) -> Option<Chap> {
    Some(Chap {
        user: "host7".to_owned(),
        secret: Secret::new(secret.to_owned()),
    })
}

#[test]
fn this_machines_name_is_read_or_the_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("name");
    let read = |text: &str| {
        fs::write(&file, text).unwrap();
        iscsi::initiator(&file)
    };
    let name = read("#InitiatorName=iqn.a:no\n  InitiatorName = iqn.1994-05.com.Example:Host7 \n")
        .unwrap();
    assert_eq!(name.to_string(), "iqn.1994-05.com.example:host7");
    for wrong in [
        "",
        "InitiatorName=\n",
        "# nothing\nInitiatorAlias=x\n",
        "InitiatorName=2021000000000001\n",
    ] {
        let error = read(wrong).unwrap_err();
        assert!(matches!(error, HostError::NoInitiator { .. }), "{wrong}");
        assert!(
            error.to_string().contains(file.to_str().unwrap()),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("iscsi-iname"));
    }
    assert!(iscsi::initiator(Path::new("/nowhere/name")).is_err());
}

#[tokio::test]
async fn a_record_is_made_as_it_should_be_and_a_second_session_never() {
    let stage = Stage::new();
    let export = export('3', 5);
    stage.show('n', 5, &export.wwn);
    // Somebody has a session to one of the ports.
    add_session(&stage.kernel, &iqn('n', 1), &portal('n', 1));
    stage.attach(&export).await.unwrap();
    stage.until("both sessions", |w| w.ports.len() == 2).await;
    assert_eq!(stage.told("--login").len(), 1);
    let records = stage.programs.records.lock().unwrap();
    assert_eq!(records.len(), 1);
    let record = &records[&format!("{} {}", iqn('n', 2), portal('n', 2))];
    for (name, value) in [
        ("node.startup", "manual"),
        ("node.session.scan", "manual"),
        ("node.session.auth.authmethod", "None"),
        ("node.session.timeo.replacement_timeout", "10"),
        ("node.conn[0].timeo.noop_out_interval", "5"),
        ("node.conn[0].timeo.noop_out_timeout", "10"),
    ] {
        assert_eq!(record[name], value, "{name}");
    }
    assert!(
        !stage
            .told("iscsiadm")
            .iter()
            .any(|line| line.contains("discovery"))
    );
}

#[tokio::test]
async fn a_wrong_secret_is_told_with_the_port_and_a_right_one_logs_in_and_is_nowhere_to_be_read() {
    let stage = Stage::new();
    *stage.programs.chap.lock().unwrap() = Some(("host7".to_owned(), SECRET.to_owned()));
    let mut export = export('3', 5);
    stage.show('n', 5, &export.wwn);
    export.serving.chap = chap("battery-staple");
    let begun = Instant::now();
    let error = stage.attach(&export).await.unwrap_err();
    assert!(
        matches!(&error, HostError::WrongChap { port: TargetPort::Iscsi { iqn: of, .. } } if *of == iqn('n', 1)),
        "{error}"
    );
    assert!(
        begun.elapsed() < super::stage::SOON,
        "it waited for the deadline"
    );
    assert!(error.to_string().contains(&portal('n', 1)) && error.hint().unwrap().contains("CHAP"));
    assert!(!format!("{error} {error:?}").contains("battery"));
    export.serving.chap = chap(SECRET);
    stage.attach(&export).await.unwrap();
    stage.until("both sessions", |w| w.ports.len() == 2).await;
    // A secret that has changed since matters at the next login, not to a session that is there.
    *stage.programs.chap.lock().unwrap() = None;
    export.serving.chap = chap("something-new");
    stage.attach(&export).await.unwrap();
    assert_eq!(stage.told("--login").len(), 4);
}

#[tokio::test]
async fn a_record_that_is_not_the_plugins_and_has_not_the_chap_that_is_wanted_is_named_with_the_way_out()
 {
    let stage = Stage::new();
    *stage.programs.chap.lock().unwrap() = Some(("host7".to_owned(), SECRET.to_owned()));
    let mut export = export('3', 5);
    stage.show('n', 5, &export.wwn);
    export.serving.chap = chap(SECRET);
    let auth = |name: &str, value: &str| (format!("node.session.auth.{name}"), value.to_owned());
    let manual = ("node.startup".to_owned(), "manual".to_owned());
    let set = |record: &[(String, String)]| {
        let mut records = stage.programs.records.lock().unwrap();
        for number in [1, 2] {
            let key = format!("{} {}", iqn('n', number), portal('n', number));
            records.insert(key, record.iter().cloned().collect());
        }
    };
    let refused = |error: HostError, why| {
        let HostError::ForeignRecord { port, but } = &error else {
            panic!("{error}")
        };
        assert_eq!((port, *but), (&super::stage::port('n', 1), why));
        let remove = format!(
            "`iscsiadm -m node -T {} -p {} -o delete`",
            iqn('n', 1),
            portal('n', 1)
        );
        let hint = error.hint().unwrap();
        assert!(
            hint.contains(&remove) && !hint.contains("removechap"),
            "{hint}"
        );
    };
    let method = auth("authmethod", "CHAP");
    for record in [
        vec![manual.clone()],
        vec![
            manual.clone(),
            auth("authmethod", "None"),
            auth("username", "host7"),
        ],
        vec![manual.clone(), method.clone(), auth("username", "host8")],
    ] {
        set(&record);
        let error = stage.attach(&export).await.unwrap_err();
        refused(error, ForeignRecord::OtherName);
        assert_eq!(stage.told("--login"), [""; 0]);
    }
    // The name is right, and what the array says of the secret is told of the record.
    let name = auth("username", "host7");
    set(&[
        manual.clone(),
        method.clone(),
        name.clone(),
        auth("password", "old"),
    ]);
    let error = stage.attach(&export).await.unwrap_err();
    refused(error, ForeignRecord::Refused);
    // Nor is one that a person wants at every boot any better.
    set(&[method.clone(), name.clone(), auth("password", "old")]);
    let error = stage.attach(&export).await.unwrap_err();
    refused(error, ForeignRecord::Refused);
    // An administrator's that is right is used, and one without CHAP where none is wanted.
    set(&[manual.clone(), method, name, auth("password", SECRET)]);
    stage.attach(&export).await.unwrap();
    stage.san.detach(&export.wwn).await.unwrap().into_inner();
    *stage.programs.chap.lock().unwrap() = None;
    export.serving.chap = None;
    set(&[manual]);
    stage.attach(&export).await.unwrap();
    assert_eq!(stage.told("-o "), [""; 0]);
    // Once it is removed, the plugin makes its own.
    stage.san.detach(&export.wwn).await.unwrap().into_inner();
    *stage.programs.chap.lock().unwrap() = Some(("host7".to_owned(), SECRET.to_owned()));
    export.serving.chap = chap(SECRET);
    stage.programs.records.lock().unwrap().clear();
    stage.attach(&export).await.unwrap();
}

#[tokio::test]
async fn a_report_of_a_failed_update_hides_the_secret() {
    let stage = Stage::new();
    let mut export = export('3', 5);
    export.serving.chap = chap(SECRET);
    stage
        .programs
        .instead("-o update", Instead::Say(7, "no such value: correct-horse"));
    let error = stage.attach(&export).await.unwrap_err();
    assert!(
        matches!(&error, HostError::NoSession { why, .. } if why.len() == 2),
        "{error}"
    );
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("-v ***") && text.contains("value: ***") && !text.contains("horse"),
        "{text}"
    );
    // A new record as iscsiadm makes it is logged in to at every boot: it would be taken for an administrator's.
    assert_eq!(stage.programs.records.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn statuses_that_are_no_failure_are_none() {
    let stage = Stage::new();
    let export = export('3', 5);
    stage.show('n', 5, &export.wwn);
    // The records are locked for a moment; an old release has words of its own for what is not there; iscsid was faster.
    stage
        .programs
        .instead_times("-o new", Instead::Say(6, "locked"), 2);
    stage
        .programs
        .instead_times(&portal('n', 1), Instead::Say(255, ""), 1);
    stage.programs.instead("--login", Instead::DoneBut(15));
    stage.attach(&export).await.unwrap();
    stage.until("both sessions", |w| w.ports.len() == 2).await;
}

#[tokio::test]
async fn a_daemon_that_is_not_there_is_named() {
    for status in [18, 20] {
        let stage = Stage::new();
        stage.programs.instead(
            "--login",
            Instead::Say(status, "can not connect to iSCSI daemon"),
        );
        let error = stage.attach(&export('3', 5)).await.unwrap_err();
        assert!(
            matches!(
                &error,
                HostError::DaemonDown {
                    daemon: "iscsid",
                    ..
                }
            ),
            "{error}"
        );
        assert!(
            error
                .hint()
                .unwrap()
                .contains("systemctl enable --now iscsid")
        );
    }
}

#[tokio::test]
async fn a_program_that_is_not_installed_is_named_with_its_package() {
    let stage = Stage::new();
    fs::remove_file(stage.dir.path().join("bin/iscsiadm")).unwrap();
    let error = stage.attach(&export('3', 5)).await.unwrap_err();
    assert!(
        matches!(error, HostError::ToolMissing("iscsiadm")),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("open-iscsi"));
}

#[tokio::test]
async fn ports_that_cannot_be_reached_are_all_told() {
    let stage = Stage::new();
    stage.programs.instead(
        &format!("{} --login", portal('n', 1)),
        Instead::Say(8, "connection timed out"),
    );
    stage
        .programs
        .instead("--login", Instead::Say(4, "cannot connect"));
    let error = stage.attach(&export('3', 5)).await.unwrap_err();
    let HostError::NoSession { array, why } = &error else {
        panic!("{error}")
    };
    assert_eq!(array, "north");
    assert!(
        why[0].contains("timed out") && why[1].contains("cannot connect"),
        "{error}"
    );
}

#[tokio::test]
async fn a_dead_portal_of_either_array_keeps_nobody_waiting() {
    let stage = Stage::new();
    let export = pair('3', 5);
    stage.show('n', 5, &export.wwn);
    stage.show('s', 5, &export.wwn);
    for (array, number) in [('n', 2), ('s', 1), ('s', 2)] {
        stage
            .programs
            .instead(&format!("{} --login", portal(array, number)), Instead::Hang);
    }
    let mut san = stage.san.clone();
    san.machine.patience.login = Duration::from_secs(3600);
    san.attach(&export, stage.soon()).await.unwrap();
    assert_eq!(stage.in_map(&export.wwn), ["sda"]);
    // The next volume does not wait for those ports, either.
    let other = super::stage::pair('4', 6);
    stage.show('n', 6, &other.wwn);
    san.attach(&other, stage.soon()).await.unwrap();
}

#[tokio::test]
async fn an_attach_that_fails_leaves_no_session_behind() {
    let stage = Stage::new();
    let error = stage.attach_in_vain(&export('3', 5)).await;
    assert!(matches!(error, HostError::NoPath { .. }), "{error}");
    stage
        .until("the end of the sessions", |w| w.ports.is_empty())
        .await;
    let records = stage.programs.records.clone();
    stage
        .until("the end of the records", |_| {
            records.lock().unwrap().is_empty()
        })
        .await;
}

#[tokio::test]
async fn sessions_end_with_their_last_volume_and_not_before() {
    let stage = Stage::new();
    let (one, two) = (export('3', 5), pair('4', 6));
    for export in [&one, &two] {
        stage.show('n', u64::from(export.serving.lun.0), &export.wwn);
        stage.show('s', u64::from(export.serving.lun.0), &export.wwn);
        stage.attach(export).await.unwrap();
    }
    stage.until("all paths", |w| w.disks.len() == 6).await;
    stage.san.detach(&one.wwn).await.unwrap().into_inner();
    assert_eq!((stage.sessions(), stage.told("--logout").len()), (4, 0));
    // A plugin that has just been started knows them by what is behind them.
    stage
        .restarted()
        .detach(&two.wwn)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (
            stage.sessions(),
            stage.programs.records.lock().unwrap().len()
        ),
        (0, 0)
    );
}

#[tokio::test]
async fn a_session_that_a_person_set_up_stays() {
    let stage = Stage::new();
    let export = export('3', 5);
    stage.show('n', 5, &export.wwn);
    // One with a record that is logged in to at every boot, and one without any.
    add_session(&stage.kernel, &iqn('n', 1), &portal('n', 1));
    add_session(&stage.kernel, &iqn('n', 2), &portal('n', 2));
    let key = format!("{} {}", iqn('n', 1), portal('n', 1));
    let record = [("node.startup".to_owned(), "automatic".to_owned())];
    stage
        .programs
        .records
        .lock()
        .unwrap()
        .insert(key.clone(), record.clone().into());
    stage.attach(&export).await.unwrap();
    stage.san.detach(&export.wwn).await.unwrap().into_inner();
    assert_eq!((stage.sessions(), stage.disks().len()), (2, 0));
    assert_eq!(stage.told("--logout"), [""; 0]);
    // Its settings are not changed, either, and it is used to log in.
    stage.kernel.world().told.clear();
    let fresh = Stage::new();
    fresh.show('n', 5, &export.wwn);
    fresh
        .programs
        .records
        .lock()
        .unwrap()
        .insert(key, record.into());
    fresh.attach(&export).await.unwrap();
    fresh.until("both sessions", |w| w.ports.len() == 2).await;
    assert_eq!(fresh.told("-o update").len(), 1);
}

#[tokio::test]
async fn a_session_to_something_else_stays() {
    let stage = Stage::new();
    let mut export = export('3', 5);
    let other = "iqn.2010-06.com.example:array";
    export.serving.ports = vec![TargetPort::Iscsi {
        iqn: other.to_owned(),
        portal: portal('n', 1).parse().unwrap(),
    }];
    stage.show_at(other, 5, &export.wwn, 64);
    stage.attach(&export).await.unwrap();
    stage.san.detach(&export.wwn).await.unwrap().into_inner();
    assert_eq!((stage.sessions(), stage.told("--logout").len()), (1, 0));
    assert_eq!(wwn('3'), export.wwn);
}
