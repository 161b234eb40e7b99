//! One command by exec: what comes back, and what is known when something goes wrong in the middle.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hpe3par_docker::ssh::{Ledger, Outcome, Pool, SshErrorKind};

use crate::server::{Behaviour, Exec, Seen, Server};
use crate::{Client, LONG, greeting, until};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_its_status_and_its_session() {
    let server = Server::start(Behaviour::default()).await;
    let client = Client::new(&server);
    let pool = client.pool(4);
    let reply = pool.run("say hello there", LONG).await.unwrap();
    assert_eq!(
        (
            reply.text.as_str(),
            reply.exit_status,
            reply.session.as_deref()
        ),
        ("hello there\n", Some(0), Some("1"))
    );
    assert_eq!(pool.run("silent", LONG).await.unwrap().text, "");
    assert_eq!(pool.run("crlf", LONG).await.unwrap().text, "one\ntwo\n");
    assert_eq!(
        server.seen.times("greet"),
        1,
        "exec or shell is chosen once"
    );
    assert_eq!(
        Seen::count(&server.seen.connections),
        1,
        "one session is used again"
    );
    pool.close().await;
    until("goodbye", || Seen::count(&server.seen.goodbyes) == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stdout_and_stderr_come_as_one_with_the_status() {
    let server = Server::start(Behaviour::default()).await;
    let reply = Client::new(&server)
        .pool(1)
        .run("fail", LONG)
        .await
        .unwrap();
    assert_eq!(
        (reply.text.as_str(), reply.exit_status),
        ("titles\nno such thing\n", Some(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_exit_status_looks_like_zero_and_proves_nothing() {
    let server = Server::start(Behaviour::default()).await;
    let reply = Client::new(&server)
        .pool(1)
        .run("nostatus", LONG)
        .await
        .unwrap();
    assert_eq!(
        (reply.text.as_str(), reply.exit_status),
        ("partial", Some(0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_killed_by_a_signal_is_cut() {
    let server = Server::start(Behaviour::default()).await;
    let error = Client::new(&server)
        .pool(1)
        .run("signal", LONG)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome(), error.partial()),
        (SshErrorKind::Cut, Outcome::Unknown, Some("some"))
    );
    assert!(error.to_string().contains("signal KILL"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_meets_a_closed_stdin() {
    let server = Server::start(Behaviour::default()).await;
    assert_eq!(
        Client::new(&server)
            .pool(1)
            .run("ask", LONG)
            .await
            .unwrap()
            .text,
        "sure? aborted\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_one_at_a_time() {
    let server = Server::start(Behaviour::default()).await;
    assert_eq!(
        Client::new(&server)
            .pool(1)
            .run("trickle", LONG)
            .await
            .unwrap()
            .text,
        "first line\nsecond line\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn five_megabytes_of_stderr_do_not_hang() {
    let server = Server::start(Behaviour::default()).await;
    let text = Client::new(&server)
        .pool(1)
        .run("flood", LONG)
        .await
        .unwrap()
        .text;
    assert_eq!(
        text.len(),
        "begin\n".len() + 5 * 1024 * 1024 + "\nend\n".len()
    );
    assert!(text.starts_with("begin\neee") && text.ends_with("eee\nend\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_is_stopped() {
    let server = Server::start(Behaviour::default()).await;
    let client = Client::new(&server);
    let pool = client.pool(1);
    let error = pool.run("endless", LONG).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (SshErrorKind::TooLong, Outcome::Unknown)
    );
    assert_eq!(
        pool.run("say on", LONG).await.unwrap().session.as_deref(),
        Some("2"),
        "the session is not used again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_in_the_middle_leaves_the_outcome_unknown() {
    let server = Server::start(Behaviour::default()).await;
    let client = Client::new(&server);
    let pool = client.pool(1);
    let error = pool.run("cut", LONG).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome(), error.session()),
        (SshErrorKind::Cut, Outcome::Unknown, Some("1"))
    );
    // libssh2 throws away what arrives together with the end of the connection.
    assert!("half an ans".starts_with(error.partial().unwrap()));
    assert_eq!(server.seen.times("cut"), 1, "never sent twice");
    assert_eq!(
        pool.run("say on", LONG).await.unwrap().session.as_deref(),
        Some("2")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_holds_and_closes_the_session() {
    let server = Server::start(Behaviour::default()).await;
    let client = Client::new(&server);
    let pool = client.pool(1);
    pool.run("silent", LONG).await.unwrap();
    let begun = Instant::now();
    let error = pool
        .run("never", Duration::from_millis(700))
        .await
        .unwrap_err();
    assert!(
        (700..20_000).contains(&begun.elapsed().as_millis()),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(
        (error.kind(), error.outcome()),
        (SshErrorKind::Deadline, Outcome::Unknown)
    );
    assert_eq!(
        (error.partial(), error.session()),
        (Some("wait for it"), Some("1"))
    );
    // The whole connection, and not only the channel, because the command goes on otherwise.
    until("the session ends", || Seen::count(&server.seen.open) == 0).await;
    assert_eq!(
        pool.run("say on", LONG).await.unwrap().session.as_deref(),
        Some("2")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_leaves_does_not_stop_the_command() {
    let server = Server::start(Behaviour::default()).await;
    let client = Client::new(&server);
    let pool = client.pool(1);
    let leaving = tokio::spawn({
        let pool = pool.clone();
        async move { pool.run("hold", LONG).await }
    });
    until("the command runs", || {
        Seen::count(&server.seen.running) == 1 && server.seen.times("hold") == 1
    })
    .await;
    leaving.abort();
    assert!(leaving.await.is_err());
    assert_eq!(pool.sessions().busy, 1);
    server.release();
    let reply = pool.run("say next", LONG).await.unwrap();
    assert_eq!(
        (reply.text.as_str(), reply.session.as_deref()),
        ("next\n", Some("1")),
        "the same session, with its own answer"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn control_characters_never_leave() {
    let server = Server::start(Behaviour::default()).await;
    let client = Client::new(&server);
    let pool = client.pool(1);
    for command in ["say a\nsay b", "say a\rsay b", "say \0", ""] {
        let error = pool.run(command, LONG).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.outcome()),
            (SshErrorKind::BadCommand, Outcome::NotSent)
        );
    }
    assert_eq!(Seen::count(&server.seen.connections), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn exec_that_says_nothing_and_no_shell_that_fits_is_no_command_line() {
    let server = Server::start(Behaviour {
        exec: Exec::Empty,
        ..Behaviour::default()
    })
    .await;
    let client = Client::new(&server);
    let greeting = hpe3par_docker::ssh::Greeting {
        accepts: |text| text.starts_with("something else"),
        ..greeting()
    };
    let error = hpe3par_docker::ssh::Pool::new(client.endpoint.clone(), greeting, 1)
        .run("silent", LONG)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (SshErrorKind::NoCommandLine, Outcome::NotSent)
    );
    let text = error.to_string();
    assert!(
        text.contains("exec: an empty answer; shell: `far end 3.1`"),
        "{text}"
    );
    assert!(!text.contains('\n'));
}

/// What a ledger was told.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<String>>);

impl Ledger for Told {
    fn opened(&self, label: &str, session: &str) {
        self.0.lock().unwrap().push(format!("{label} {session}"));
    }

    fn ended(&self, label: &str, session: &str) {
        let line = format!("{label} {session} ended");
        self.0.lock().unwrap().push(line);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_keeps_every_session_whose_command_may_be_running() {
    let server = Server::start(Behaviour::default()).await;
    let client = Client::new(&server);
    let told = Arc::new(Told::default());
    let ledger = Arc::clone(&told);
    let pool = Pool::with_ledger(client.endpoint.clone(), greeting(), 1, ledger);
    let soon = Duration::from_secs(3);
    pool.run("never", soon).await.unwrap_err();
    pool.run("say on", LONG).await.unwrap();
    assert_eq!(*told.0.lock().unwrap(), ["east 1", "east 2"]);
    pool.close().await;
    assert_eq!(told.0.lock().unwrap()[2..], ["east 2 ended"]);
}
