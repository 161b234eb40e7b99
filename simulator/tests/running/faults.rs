//! What can be made to go wrong.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use hpe3par_sim::{Control, Fault, Kind, Simulator};

use crate::client::{blocking, exec, log_in, run, type_in};
use crate::{NORTH, SOUTH, description, start};

fn has_set(control: &Control, name: &str) -> bool {
    control.dump()[NORTH]["vv_sets"]
        .as_object()
        .unwrap()
        .contains_key(name)
}

#[tokio::test]
async fn a_connection_dropped_before_the_command_took_effect() {
    let simulator = start().await;
    let control = simulator.control();
    control
        .fault(
            Fault::new(Kind::DropBefore)
                .on(NORTH)
                .matching("^createvvset"),
        )
        .unwrap();
    assert!(run(&simulator, NORTH, "createvvset s1").await.broken);
    assert!(!has_set(&control, "s1"));
    assert!(
        !run(&simulator, NORTH, "createvvset s1").await.broken,
        "armed once"
    );
    assert!(has_set(&control, "s1"));
}

#[tokio::test]
async fn a_connection_dropped_after_the_nth_command_took_effect() {
    let simulator = start().await;
    let control = simulator.control();
    control
        .fault(Fault::new(Kind::DropAfter).matching("^createvvset").nth(2))
        .unwrap();
    assert!(!run(&simulator, NORTH, "createvvset s1").await.broken);
    let heard = run(&simulator, NORTH, "createvvset s2").await;
    assert!(heard.broken && heard.stdout.is_empty(), "{heard:?}");
    assert!(has_set(&control, "s2"));
    let log = control.log(Some(NORTH));
    let lines: Vec<_> = log
        .iter()
        .map(|entry| (entry.line.as_str(), entry.ran, entry.changed))
        .collect();
    assert_eq!(
        lines,
        [
            ("createvvset s1", true, true),
            ("createvvset s2", true, true)
        ]
    );
}

#[tokio::test]
async fn the_record_tells_what_ran_and_what_changed() {
    let simulator = start().await;
    let control = simulator.control();
    control
        .fault(Fault::new(Kind::DropBefore).matching("lost"))
        .unwrap();
    for line in [
        "showcpg",
        "createvvset s1 -comment \"two words\"",
        "createvvset s1",
        "createvvset lost",
    ] {
        run(&simulator, NORTH, line).await;
    }
    run(&simulator, SOUTH, "showcpg").await;
    let log = control.log(Some(NORTH));
    let lines: Vec<_> = log
        .iter()
        .map(|entry| (entry.line.as_str(), entry.ran, entry.changed))
        .collect();
    let expected = [
        ("showcpg", true, false),
        ("createvvset s1 -comment \"two words\"", true, true),
        ("createvvset s1", true, false),
        ("createvvset lost", false, false),
    ];
    assert_eq!(lines, expected);
    control.clear_log();
    assert!(control.log(None).is_empty());
}

#[tokio::test]
async fn the_record_tells_when() {
    let simulator = start().await;
    let control = simulator.control();
    control.latency(NORTH, 40).unwrap();
    control
        .fault(Fault::new(Kind::DropBefore).matching("lost"))
        .unwrap();
    for line in ["createvvset s1", "createvvset lost", "showcpg"] {
        run(&simulator, NORTH, line).await;
        control.advance(60);
    }
    let log = control.log(Some(NORTH));
    let ran = |at: usize| log[at].ran_ms.unwrap();
    assert!(ran(0) >= log[0].received_ms + 40, "{log:?}");
    assert_eq!(log[1].ran_ms, None);
    assert!(log[1].received_ms >= ran(0) + 60_000, "{log:?}");
    assert!(log[2].received_ms >= log[1].received_ms + 60_000, "{log:?}");
    assert!(ran(2) >= log[2].received_ms + 40, "{log:?}");
}

#[tokio::test]
async fn half_an_answer_then_the_connection_breaks() {
    let simulator = start().await;
    simulator
        .control()
        .fault(Fault::new(Kind::DropMid).bytes(10))
        .unwrap();
    let heard = run(&simulator, NORTH, "showversion -s").await;
    assert_eq!((heard.stdout.as_str(), heard.status), ("3.3.1 (MU2", None));
}

#[tokio::test]
async fn half_an_answer_that_looks_whole() {
    let simulator = start().await;
    simulator
        .control()
        .fault(Fault::new(Kind::Truncate).bytes(5))
        .unwrap();
    let heard = run(&simulator, NORTH, "showversion -s").await;
    assert_eq!(
        (heard.stdout.as_str(), heard.status, heard.broken),
        ("3.3.1", Some(0), false)
    );
}

#[tokio::test]
async fn a_refusal_says_its_words_and_nothing_is_done() {
    let simulator = start().await;
    let control = simulator.control();
    let before = control.dump();
    control.clear_log();
    let fault = Fault::new(Kind::Refuse).matching("^createvvset");
    control
        .fault(fault.words("The array is busy with something else"))
        .unwrap();
    let heard = run(&simulator, NORTH, "createvvset one").await;
    assert_eq!(
        (heard.stdout.as_str(), heard.status),
        ("The array is busy with something else\n", Some(1))
    );
    assert_eq!(control.dump(), before);
    let log = control.log(None);
    assert!(!log[0].ran && !log[0].changed, "{log:?}");
    assert_eq!(
        run(&simulator, NORTH, "createvvset one").await.status,
        Some(0)
    );
    assert_ne!(control.dump(), before);
}

#[tokio::test]
async fn one_byte_at_a_time_and_no_exit_status() {
    let simulator = start().await;
    let whole = run(&simulator, NORTH, "showport").await;
    simulator
        .control()
        .fault(Fault::new(Kind::Trickle).repeat())
        .unwrap();
    assert_eq!(run(&simulator, NORTH, "showport").await, whole);
    assert_eq!(run(&simulator, NORTH, "showport").await, whole, "repeated");
    simulator.control().clear_faults();
    simulator
        .control()
        .fault(Fault::new(Kind::NoStatus))
        .unwrap();
    // libssh2 reports 0 when there was none: only the refusal tells the difference.
    assert_eq!(
        run(&simulator, NORTH, "showvv -nonsense").await.status,
        Some(0)
    );
    assert_eq!(
        run(&simulator, NORTH, "showvv -nonsense").await.status,
        Some(1)
    );
}

#[tokio::test]
async fn an_answer_that_waits_for_release() {
    let simulator = start().await;
    let control = simulator.control();
    control
        .fault(Fault::new(Kind::HangAfter).matching("^createvvset"))
        .unwrap();
    let mut heard = std::pin::pin!(run(&simulator, NORTH, "createvvset s1"));
    while !has_set(&control, "s1") {
        tokio::select! {
            biased;
            heard = &mut heard => panic!("it answered: {heard:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
    loop {
        control.release();
        tokio::select! {
            biased;
            heard = &mut heard => { assert!(!heard.broken); break }
            () = tokio::task::yield_now() => {}
        }
    }
}

#[tokio::test]
async fn switches_for_exit_status_and_streams() {
    let simulator = start().await;
    let control = simulator.control();
    let refused = "showrcopy groups nope";
    let plain = run(&simulator, NORTH, refused).await;
    assert!(
        plain.stderr.contains("does not exist") && !plain.stdout.contains("does not exist"),
        "{plain:?}"
    );
    assert_eq!(plain.status, Some(1));
    control.switch(NORTH, "errors_exit_zero", true).unwrap();
    assert_eq!(run(&simulator, NORTH, refused).await.status, Some(0));
    control.switch(NORTH, "errors_on_stdout", true).unwrap();
    let joined = run(&simulator, NORTH, refused).await;
    assert!(
        joined.stderr.is_empty() && joined.stdout.contains("does not exist"),
        "{joined:?}"
    );
    control.switch(NORTH, "shell_only", true).unwrap();
    assert_eq!(run(&simulator, NORTH, "showversion").await.stdout, "");
    assert!(
        type_in(&simulator, NORTH, None, "showversion -s\n")
            .await
            .stdout
            .contains("3.3.1")
    );
    assert!(control.switch(NORTH, "no_such_switch", true).is_err());
}

#[tokio::test]
async fn a_dead_array_cuts_and_refuses_until_it_is_back() {
    let simulator = start().await;
    let control = simulator.control();
    let address = simulator.address(NORTH);
    let session = blocking(move || log_in(address)).await;
    control.down(NORTH).await.unwrap();
    blocking(move || {
        assert!(
            session.channel_session().is_err(),
            "the open connection is cut"
        );
        assert!(TcpStream::connect(address).is_err(), "new ones are refused");
    })
    .await;
    assert!(
        !run(&simulator, SOUTH, "showsys").await.broken,
        "the other one lives"
    );
    control.up(NORTH).await.unwrap();
    assert_eq!(
        run(&simulator, NORTH, "showversion -s").await.stdout,
        "3.3.1 (MU2)\n",
        "at the same address"
    );
}

#[tokio::test]
async fn a_command_that_hung_when_the_array_died_never_takes_effect() {
    let simulator = start().await;
    let control = simulator.control();
    control
        .fault(Fault::new(Kind::HangBefore).matching("^createvvset"))
        .unwrap();
    let mut heard = std::pin::pin!(run(&simulator, NORTH, "createvvset s1"));
    while control.log(None).is_empty() {
        tokio::select! {
            biased;
            heard = &mut heard => panic!("it answered: {heard:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
    control.down(NORTH).await.unwrap();
    assert!(heard.await.broken);
    control.up(NORTH).await.unwrap();
    control.release();
    run(&simulator, NORTH, "showsys").await;
    assert!(!has_set(&control, "s1"));
}

#[tokio::test]
async fn a_full_cpg_and_its_space_back() {
    let simulator = start().await;
    let control = simulator.control();
    let before = control.dump();
    control.cpg_full(NORTH, "gold_r6").unwrap();
    let refused = run(&simulator, NORTH, "createvv -tpvv gold_r6 v1 10g").await;
    assert_eq!(refused.status, Some(1), "{refused:?}");
    control.cpg_restore(NORTH, "gold_r6").unwrap();
    assert_eq!(control.dump(), before);
    assert_eq!(
        run(&simulator, NORTH, "createvv -tpvv gold_r6 v1 10g")
            .await
            .status,
        Some(0)
    );
    assert!(
        control.cpg_restore(NORTH, "gold_r6").is_err(),
        "it was not filled"
    );
    assert!(control.cpg_full(NORTH, "nope").is_err());
}

#[tokio::test]
async fn links_between_arrays() {
    let simulator = start().await;
    let control = simulator.control();
    control.cut_links(NORTH, SOUTH).unwrap();
    for array in [NORTH, SOUTH] {
        assert!(
            run(&simulator, array, "showrcopy targets")
                .await
                .stdout
                .contains("failed"),
            "{array}"
        );
    }
    control.restore_links(SOUTH, NORTH).unwrap();
    assert!(
        !run(&simulator, NORTH, "showrcopy targets")
            .await
            .stdout
            .contains("failed")
    );
    assert!(control.cut_links(NORTH, NORTH).is_err());
}

#[tokio::test]
async fn latency_is_virtual() {
    let mut description = description();
    description.factor = 100.0;
    let simulator = Simulator::start(description).await.unwrap();
    simulator.control().latency(NORTH, 20_000).unwrap();
    let address = simulator.address(NORTH);
    let took = blocking(move || {
        let session = log_in(address);
        let begun = Instant::now();
        exec(&session, "showversion -s");
        begun.elapsed()
    })
    .await;
    assert!(took >= Duration::from_millis(200), "{took:?}");
    assert!(took < Duration::from_secs(15), "{took:?}");
}

/// Another program, or another array, that took the port meanwhile would answer in its place.
#[tokio::test]
async fn an_array_that_is_down_keeps_its_address() {
    let simulator = start().await;
    let control = simulator.control();
    let address = simulator.address(NORTH);
    for _ in 0..3 {
        control.down(NORTH).await.unwrap();
        assert!(TcpStream::connect(address).is_err(), "refused");
        let taken = tokio::net::TcpSocket::new_v4().unwrap().bind(address);
        assert_eq!(
            taken.unwrap_err().kind(),
            std::io::ErrorKind::AddrInUse,
            "nobody else is given it"
        );
        control.up(NORTH).await.unwrap();
        assert!(!run(&simulator, NORTH, "showsys").await.broken);
    }
}
