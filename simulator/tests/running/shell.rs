//! Interactive sessions, with and without a pty, and questions.

use hpe3par_sim::Simulator;

use crate::client::{blocking, hear, log_in, run, type_in};
use crate::{NORTH, description, start};

#[tokio::test]
async fn without_a_pty_the_prompt_is_glued_to_the_answer_and_nothing_is_echoed() {
    let simulator = start().await;
    let heard = type_in(
        &simulator,
        NORTH,
        None,
        "showversion -s\nsetclienv csvtable 1\nshowrcopy groups nope\nexit\n",
    )
    .await;
    assert!(
        heard
            .stdout
            .starts_with("par-north cli% 3.3.1 (MU2)\npar-north cli% par-north cli% "),
        "{}",
        heard.stdout
    );
    assert!(
        heard.stdout.contains("does not exist on the system"),
        "errors come in the same stream: {}",
        heard.stdout
    );
    assert!(
        heard.stdout.ends_with("par-north cli% "),
        "{}",
        heard.stdout
    );
    assert_eq!((heard.stderr.as_str(), heard.status), ("", Some(0)));
}

#[tokio::test]
async fn the_end_of_the_input_ends_the_session_after_a_last_line_without_end() {
    let simulator = start().await;
    let heard = type_in(&simulator, NORTH, None, "showversion -s").await;
    assert_eq!(
        heard.stdout,
        "par-north cli% 3.3.1 (MU2)\npar-north cli% \n"
    );
}

#[tokio::test]
async fn a_pty_echoes_early_input_twice_and_ends_lines_for_a_terminal() {
    let mut description = description();
    // The prompt comes after what is typed at once.
    description.arrays[0].latency_ms = 300;
    let simulator = Simulator::start(description).await.unwrap();
    let heard = type_in(
        &simulator,
        NORTH,
        Some(80),
        "setclienv csvtable 1\nshowversion -s\nexit\n",
    )
    .await;
    let expected = "setclienv csvtable 1\r\nshowversion -s\r\nexit\r\n\
        par-north cli% setclienv csvtable 1\r\n\
        par-north cli% showversion -s\r\n3.3.1 (MU2)\r\n\
        par-north cli% exit\r\n";
    assert_eq!(heard.stdout, expected);
}

#[tokio::test]
async fn several_commands_on_one_line_share_the_environment() {
    let simulator = start().await;
    let line = "setclienv csvtable 1 ; setclienv nohdtot 1 ; showcpg";
    let rows = "0,gold_r6,-,0,0,0,0,0,0,0,20971520,20971520\n1,disk_r6,-,0,0,0,0,0,0,0,52428800,52428800\n";
    assert_eq!(run(&simulator, NORTH, line).await.stdout, rows);
    assert!(
        run(&simulator, NORTH, "showcpg")
            .await
            .stdout
            .contains("total"),
        "the next channel begins anew"
    );
    assert_eq!(
        run(&simulator, NORTH, "showcpg -csvtable -nohdtot")
            .await
            .stdout,
        rows
    );
}

/// Types `answer` to the question of a command in an exec channel; none closes the input.
async fn asked(simulator: &Simulator, answer: Option<&'static str>) -> crate::client::Heard {
    use std::io::Write;
    let address = simulator.address(NORTH);
    blocking(move || {
        let session = log_in(address);
        let mut channel = session.channel_session().unwrap();
        channel.exec("removevvset doomed").unwrap();
        match answer {
            Some(answer) => channel.write_all(answer.as_bytes()).unwrap(),
            None => channel.send_eof().unwrap(),
        }
        hear(channel)
    })
    .await
}

fn is_there(simulator: &Simulator) -> bool {
    simulator.control().dump()[NORTH]["vv_sets"]
        .as_object()
        .unwrap()
        .contains_key("doomed")
}

#[tokio::test]
async fn a_question_waits_for_yes() {
    let simulator = start().await;
    run(&simulator, NORTH, "createvvset doomed").await;
    let heard = asked(&simulator, None).await;
    assert!(
        heard.stdout.contains("select q=quit y=yes n=no: "),
        "{heard:?}"
    );
    assert!(is_there(&simulator));
    asked(&simulator, Some("n\n")).await;
    assert!(is_there(&simulator));
    asked(&simulator, Some("y\n")).await;
    assert!(!is_there(&simulator));
}

#[tokio::test]
async fn in_a_session_the_next_line_answers_the_question() {
    let simulator = start().await;
    let text = "createvvset doomed\nremovevvset doomed\nn\nshowversion -s\nremovevvset doomed\ny\nshowvvset doomed\n";
    let heard = type_in(&simulator, NORTH, None, text).await;
    assert!(
        heard.stdout.contains("3.3.1 (MU2)") && heard.stdout.contains("No vv set listed"),
        "{}",
        heard.stdout
    );
}

#[tokio::test]
async fn a_question_on_closed_input_can_wait_for_ever() {
    let simulator = start().await;
    let control = simulator.control();
    run(&simulator, NORTH, "createvvset doomed").await;
    control.switch(NORTH, "closed_stdin_hangs", true).unwrap();
    let mut heard = std::pin::pin!(asked(&simulator, None));
    // Polls the client until the question is asked, then looks whether it still waits.
    loop {
        tokio::select! {
            biased;
            heard = &mut heard => panic!("it ended: {heard:?}"),
            () = tokio::task::yield_now() => {
                if control.log(None).iter().any(|entry| entry.line == "removevvset doomed") {
                    break;
                }
            }
        }
    }
    let listing = run(&simulator, NORTH, "showuserconn").await.stdout;
    assert!(listing.contains("2 total"), "{listing}");
    // A release that comes before it hangs is not for it, so release until it ends.
    loop {
        control.release();
        tokio::select! {
            biased;
            heard = &mut heard => { assert!(!heard.broken); break }
            () = tokio::task::yield_now() => {}
        }
    }
    assert!(is_there(&simulator));
}
