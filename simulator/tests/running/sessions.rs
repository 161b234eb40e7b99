//! Sessions as the array counts and lists them.

use hpe3par_sim::{Fault, Kind};

use crate::client::{blocking, exec, log_in, run};
use crate::{NORTH, start};

/// Ids in the first column of `showuserconn`.
fn ids(listing: &str) -> Vec<u32> {
    listing
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with('-'))
        .map(|line| line.split_whitespace().next().unwrap().parse().unwrap())
        .collect()
}

#[tokio::test]
async fn one_id_for_each_connection_and_its_own_is_current() {
    let simulator = start().await;
    let address = simulator.address(NORTH);
    blocking(move || {
        let (one, two) = (log_in(address), log_in(address));
        let first = ids(&exec(&one, "showuserconn -current").stdout);
        assert_eq!(
            first,
            ids(&exec(&one, "showuserconn -current").stdout),
            "the same for each channel"
        );
        let second = ids(&exec(&two, "showuserconn -current").stdout);
        assert_ne!(first, second);
        let all = exec(&two, "showuserconn");
        assert_eq!(ids(&all.stdout), [first, second].concat());
        let own = all
            .stdout
            .lines()
            .find(|line| line.contains(" current "))
            .unwrap();
        assert!(
            own.contains("3paradm") && own.contains("127.0.0.1") && own.contains("super"),
            "{own}"
        );
        assert!(all.stdout.ends_with('\n') && all.stdout.contains("2 total"));
    })
    .await;
}

#[tokio::test]
async fn the_limit_refuses_one_more_and_lets_it_in_when_another_goes() {
    let simulator = start().await;
    simulator.control().session_limit(NORTH, Some(1)).unwrap();
    let address = simulator.address(NORTH);
    blocking(move || {
        let one = log_in(address);
        assert_eq!(exec(&one, "showversion -s").status, Some(0));
        let refused = exec(&log_in(address), "showversion -s");
        assert!(
            refused.stderr.contains("Too many local CLI connections."),
            "{refused:?}"
        );
        assert_eq!(refused.stdout, "");
        one.disconnect(None, "bye", None).unwrap();
        drop(one);
        let again = (0..100)
            .map(|_| exec(&log_in(address), "showversion -s"))
            .find(|heard| heard.status == Some(0));
        assert!(again.is_some());
    })
    .await;
}

#[tokio::test]
async fn a_dead_connection_stays_listed_until_its_command_ends() {
    let simulator = start().await;
    let control = simulator.control();
    control
        .fault(Fault::new(Kind::HangBefore).matching("^createvvset"))
        .unwrap();
    let address = simulator.address(NORTH);
    blocking(move || {
        let session = log_in(address);
        let mut channel = session.channel_session().unwrap();
        channel.exec("createvvset lost").unwrap();
        session.disconnect(None, "gone", None).unwrap();
    })
    .await;
    // The command hangs from when it is in the record.
    while control.log(None).is_empty() {
        tokio::task::yield_now().await;
    }
    let listing = run(&simulator, NORTH, "showuserconn").await.stdout;
    assert_eq!(ids(&listing).len(), 2, "{listing}");
    assert!(!control.log(None)[0].ran);
    assert!(
        !control.dump()[NORTH]["vv_sets"]
            .as_object()
            .unwrap()
            .contains_key("lost")
    );

    control.release();
    while !control.log(None)[0].ran {
        tokio::task::yield_now().await;
    }
    assert!(
        control.dump()[NORTH]["vv_sets"]
            .as_object()
            .unwrap()
            .contains_key("lost"),
        "it took effect all the same"
    );
    let mut left = 2;
    for _ in 0..100 {
        left = ids(&run(&simulator, NORTH, "showuserconn").await.stdout).len();
        if left == 1 {
            break;
        }
    }
    assert_eq!(left, 1);
}
