//! Far ends that refuse exec.

use std::time::Duration;

use hpe3par_docker::ssh::{Outcome, SshErrorKind};

use crate::server::{Behaviour, Exec, Seen, Server};
use crate::{Client, LONG, until};

fn refusing(echoes: usize, trickle: bool) -> Behaviour {
    Behaviour {
        exec: Exec::Refuse,
        echoes,
        trickle,
        ..Behaviour::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_typed_whatever_the_echo() {
    for (echoes, trickle) in [
        (0, false),
        (1, false),
        (2, false),
        (0, true),
        (1, true),
        (2, true),
    ] {
        let server = Server::start(refusing(echoes, trickle)).await;
        let client = Client::new(&server);
        let pool = client.pool(2);
        let long = format!("say {}", "dk1/ns=/name=db1 ".repeat(12).trim());
        for _ in 0..3 {
            let reply = pool.run(&long, LONG).await.unwrap();
            assert_eq!(
                reply.text,
                format!("{}\n", &long[4..]),
                "echoes {echoes} trickle {trickle}"
            );
            assert_eq!(
                (reply.exit_status, reply.session.as_deref()),
                (None, Some("1"))
            );
            assert_eq!(pool.run("silent", LONG).await.unwrap().text, "");
        }
        assert_eq!(
            pool.run("table 40", LONG)
                .await
                .unwrap()
                .text
                .lines()
                .count(),
            40
        );
        assert_eq!(Seen::count(&server.seen.connections), 1);
        assert_eq!(server.seen.times("greet"), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_answer_to_the_probe_means_shell_too_and_is_remembered() {
    let server = Server::start(Behaviour {
        exec: Exec::Empty,
        ..Behaviour::default()
    })
    .await;
    let client = Client::new(&server);
    let pool = client.pool(1);
    assert_eq!(pool.run("say a", LONG).await.unwrap().text, "a\n");
    server.cut_all();
    let reply = pool.run("say b", LONG).await.unwrap();
    assert_eq!(
        (reply.text.as_str(), reply.session.as_deref()),
        ("b\n", Some("2"))
    );
    assert_eq!(
        server.seen.times("greet"),
        3,
        "exec and shell at first, only the shell's own the second time"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_that_does_not_answer_or_ends_is_given_up() {
    let server = Server::start(refusing(1, false)).await;
    let client = Client::new(&server);
    let pool = client.pool(1);
    pool.run("silent", LONG).await.unwrap();
    let error = pool
        .run("never", Duration::from_millis(500))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome(), error.session()),
        (SshErrorKind::Deadline, Outcome::Unknown, Some("1"))
    );
    let error = pool.run("leave", LONG).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome(), error.session()),
        (SshErrorKind::Cut, Outcome::Unknown, Some("2"))
    );
    assert!(error.partial().unwrap().contains("bye"));
    assert_eq!(
        pool.run("say on", LONG).await.unwrap().session.as_deref(),
        Some("3")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn text_nobody_asked_for_ends_the_shell_before_it_is_taken_for_an_answer() {
    let server = Server::start(refusing(1, false)).await;
    let client = Client::new(&server);
    let pool = client.pool(1);
    // Usually the afterthought is there before the next command; if not, that command runs into its deadline, because the echo must
    // come first. In no case is it taken for an answer.
    let mut noticed = 0;
    for round in 1..=5 {
        let first = pool.run("afterthought", LONG).await.unwrap();
        assert_eq!(first.text, "");
        server.seen.poke.notify_one();
        until("the afterthought", || {
            Seen::count(&server.seen.afterthoughts) == round
        })
        .await;
        match pool.run("say mine", Duration::from_secs(5)).await {
            Ok(reply) => {
                assert_eq!(reply.text, "mine\n");
                assert_ne!(
                    reply.session, first.session,
                    "the shell is not trusted again"
                );
                noticed += 1;
            }
            Err(error) => assert_eq!(error.kind(), SshErrorKind::Deadline),
        }
    }
    assert!(noticed > 0, "it must be noticed before the command is sent");
}
