//! Host keys, logins, algorithms, and the pool under the far end's limits.

use std::time::Duration;

use hpe3par_docker::model::Secret;
use hpe3par_docker::ssh::{Auth, Greeting, Outcome, Pool, SshErrorKind};
use russh::keys::{Algorithm, PrivateKey};

use crate::server::{Ask, Behaviour, Limit, Seen, Server, rsa_key};
use crate::{Client, LONG, greeting, until};

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_host_is_refused_with_the_line_that_trusts_it() {
    let server = Server::start(Behaviour::default()).await;
    let mut client = Client::new(&server);
    client.endpoint.strict = true;
    let error = client.pool(1).run("silent", LONG).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (SshErrorKind::HostKeyUnknown, Outcome::NotSent)
    );
    assert_eq!(Seen::count(&server.seen.passwords), 0);
    let text = format!("{error} {}", error.hint());
    let fingerprint = server
        .key
        .fingerprint(russh::keys::HashAlg::Sha256)
        .to_string();
    assert!(
        text.contains(&fingerprint),
        "{text} must have {fingerprint}"
    );
    let line = text.rsplit('`').nth(1).unwrap();
    assert!(
        line.starts_with(&format!(
            "[127.0.0.1]:{} ssh-ed25519 AAAA",
            server.address.port()
        )),
        "{line}"
    );
    // The very line, put where the message says, does it.
    std::fs::write(&client.endpoint.known_hosts, format!("{line}\n")).unwrap();
    assert!(client.pool(1).run("silent", LONG).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn first_use_is_trusted_if_allowed_and_a_change_never() {
    let server = Server::start(Behaviour::default()).await;
    let client = Client::new(&server);
    client.pool(1).run("silent", LONG).await.unwrap();
    let trusted = client.known_hosts();
    assert_eq!(trusted.lines().count(), 1);
    let address = server.address;
    server.stop().await;
    let other = PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).unwrap();
    let impostor = Server::start_at(address, Behaviour::default(), vec![other]).await;
    let error = client.pool(1).run("silent", LONG).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (SshErrorKind::HostKeyChanged, Outcome::NotSent)
    );
    assert!(error.to_string().contains("HAS CHANGED"), "{error}");
    assert_eq!(
        Seen::count(&impostor.seen.passwords),
        0,
        "no password for an impostor"
    );
    assert_eq!(client.known_hosts(), trusted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_known_by_its_rsa_key_is_asked_for_that_one() {
    let ed25519 = PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).unwrap();
    let server = Server::start_at(
        "127.0.0.1:0".parse().unwrap(),
        Behaviour::default(),
        vec![rsa_key(), ed25519],
    )
    .await;
    let mut client = Client::new(&server);
    client.endpoint.strict = true;
    let rsa = rsa_key().public_key().to_openssh().unwrap();
    std::fs::write(
        &client.endpoint.known_hosts,
        format!("[127.0.0.1]:{} {rsa}\n", server.address.port()),
    )
    .unwrap();
    client.pool(1).run("silent", LONG).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn old_algorithms_only_where_they_are_allowed() {
    let server = Server::start(Behaviour {
        legacy: true,
        ..Behaviour::default()
    })
    .await;
    let mut client = Client::new(&server);
    let error = client.pool(1).run("silent", LONG).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (SshErrorKind::Algorithms, Outcome::NotSent)
    );
    assert!(
        error.hint().contains("`ssh_legacy_algorithms = true`"),
        "{error}"
    );
    client.endpoint.legacy_algorithms = true;
    assert_eq!(
        client.pool(1).run("say old", LONG).await.unwrap().text,
        "old\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_sent_once_and_not_again() {
    for ask in [Ask::Password, Ask::KeyboardInteractive] {
        let server = Server::start(Behaviour {
            ask,
            ..Behaviour::default()
        })
        .await;
        let mut client = Client::new(&server);
        client.endpoint.auth = Auth::Password(Secret::new("wrong".into()));
        let pool = client.pool(4);
        let tasks: Vec<_> = (0..6)
            .map(|_| {
                let pool = pool.clone();
                tokio::spawn(async move { pool.run("silent", LONG).await.unwrap_err() })
            })
            .collect();
        for task in tasks {
            let error = task.await.unwrap();
            assert_eq!(
                (error.kind(), error.outcome()),
                (SshErrorKind::LoginRejected, Outcome::NotSent)
            );
            assert!(!error.to_string().contains("wrong"), "{error}");
        }
        assert_eq!(
            pool.run("silent", LONG).await.unwrap_err().kind(),
            SshErrorKind::LoginRejected
        );
        assert_eq!(Seen::count(&server.seen.passwords), 1);
        assert_eq!(
            Seen::count(&server.seen.connections),
            1,
            "the array is left alone"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keyboard_interactive_answers_only_what_it_understands() {
    let server = Server::start(Behaviour {
        ask: Ask::KeyboardInteractive,
        ..Behaviour::default()
    })
    .await;
    assert_eq!(
        Client::new(&server)
            .pool(1)
            .run("say in", LONG)
            .await
            .unwrap()
            .text,
        "in\n"
    );

    let server = Server::start(Behaviour {
        ask: Ask::Expired,
        ..Behaviour::default()
    })
    .await;
    let error = Client::new(&server)
        .pool(1)
        .run("silent", LONG)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), SshErrorKind::LoginRejected);
    assert!(error.to_string().contains("`New password:`"), "{error}");
    assert_eq!(Seen::count(&server.seen.passwords), 1);

    let server = Server::start(Behaviour {
        ask: Ask::Token,
        ..Behaviour::default()
    })
    .await;
    let error = Client::new(&server)
        .pool(1)
        .run("silent", LONG)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("which a program cannot answer"),
        "{error}"
    );
    assert_eq!(Seen::count(&server.seen.passwords), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_said_at_once() {
    let server = Server::start(Behaviour::default()).await;
    let client = Client::new(&server);
    server.stop().await;
    let error = client.pool(1).run("silent", LONG).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (SshErrorKind::Unreachable, Outcome::NotSent)
    );
    assert!(
        error
            .to_string()
            .starts_with("cannot reach `east` (127.0.0.1:"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_never_speaks_does_not_hold_the_caller() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::start(Behaviour::default()).await;
    let mut client = Client::new(&server);
    client.endpoint.port = silent.local_addr().unwrap().port();
    client.endpoint.connect_timeout = Duration::from_millis(300);
    let error = client.pool(1).run("silent", LONG).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (SshErrorKind::Closed, Outcome::NotSent)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn never_more_sessions_than_the_cap_and_one_command_each() {
    let server = Server::start(Behaviour::default()).await;
    let client = Client::new(&server);
    let pool = client.pool(3);
    let tasks: Vec<_> = (0..30)
        .map(|number| {
            let pool = pool.clone();
            tokio::spawn(async move {
                assert_eq!(
                    pool.run(&format!("say {number}"), LONG).await.unwrap().text,
                    format!("{number}\n")
                )
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(Seen::count(&server.seen.most_open) <= 3);
    assert!(Seen::count(&server.seen.most_running) <= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_arrays_limit_makes_callers_wait_and_not_fail() {
    for limit in [Limit::Text(2), Limit::Drop(2)] {
        let server = Server::start(Behaviour {
            limit: Some(limit),
            ..Behaviour::default()
        })
        .await;
        let client = Client::new(&server);
        let pool = client.pool(4);
        let holding: Vec<_> = (0..4)
            .map(|_| {
                let pool = pool.clone();
                tokio::spawn(async move { pool.run("hold", LONG).await })
            })
            .collect();
        until("the pool has met the limit", || pool.sessions().cap == 2).await;
        assert!(pool.sessions().last_failure.is_some());
        server.release();
        for task in holding {
            assert_eq!(task.await.unwrap().unwrap().text, "held\n");
        }
        assert_eq!(server.seen.times("hold"), 4, "each command ran once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_at_all_is_told_with_the_arrays_words() {
    let server = Server::start(Behaviour {
        limit: Some(Limit::Text(0)),
        ..Behaviour::default()
    })
    .await;
    let error = Client::new(&server)
        .pool(4)
        .run("hold", LONG)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (SshErrorKind::TooManySessions, Outcome::NotSent)
    );
    assert!(
        error
            .to_string()
            .contains("`Too many local CLI connections.`"),
        "{error}"
    );
    assert_eq!(server.seen.times("hold"), 0);
    assert_eq!(Seen::count(&server.seen.connections), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_lost_while_idle_are_replaced_without_a_word() {
    let server = Server::start(Behaviour::default()).await;
    let client = Client::new(&server);
    let pool = client.pool(3);
    let tasks: Vec<_> = (0..3)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.run("hold", LONG).await })
        })
        .collect();
    until("three sessions", || Seen::count(&server.seen.open) == 3).await;
    server.release();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    server.cut_all();
    let reply = pool.run("say again", LONG).await.unwrap();
    assert_eq!(
        (reply.text.as_str(), reply.session.as_deref()),
        ("again\n", Some("4"))
    );
    assert_eq!(server.seen.times("say again"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_the_array_refuses_to_serve_is_closed_and_its_command_runs_on_another() {
    let behaviour = Behaviour {
        limit: Some(Limit::Running(2)),
        ..Behaviour::default()
    };
    let server = Server::start(behaviour).await;
    let client = Client::new(&server);
    // Nothing is asked at login, so that the limit meets the command itself.
    let pool = Pool::new(
        client.endpoint.clone(),
        Greeting {
            identify: None,
            ..greeting()
        },
        4,
    );
    let holding: Vec<_> = (0..4)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.run("hold", LONG).await })
        })
        .collect();
    until("the pool has met the limit", || pool.sessions().cap == 2).await;
    server.release();
    for task in holding {
        assert_eq!(task.await.unwrap().unwrap().text, "held\n");
    }
    assert!(Seen::count(&server.seen.connections) > 2);
}

/// An array that goes down between the password and its verdict has not refused it, if it took it before. What was never accepted may have
/// been wrong: no second one is sent for a minute.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_cut_off_is_no_wrong_password_once_it_was_right() {
    for ask in [Ask::KeyboardInteractive, Ask::Password] {
        let behaviour = Behaviour {
            ask,
            leaves_passwords_open: true,
            ..Behaviour::default()
        };
        let server = Server::start(behaviour).await;
        let mut client = Client::new(&server);
        client.endpoint.connect_timeout = Duration::from_secs(3);
        let pool = client.pool(1);
        pool.run("say one", LONG).await.unwrap();
        server.cut_all();
        let error = pool.run("say two", LONG).await.unwrap_err();
        assert_eq!(error.kind(), SshErrorKind::Closed, "{error}");
        assert!(error.to_string().contains("logging in"), "{error}");
        let fresh = client.pool(1);
        let before = Seen::count(&server.seen.passwords);
        let error = fresh.run("say three", LONG).await.unwrap_err();
        assert_eq!(error.kind(), SshErrorKind::LoginRejected, "{error}");
        assert_eq!(Seen::count(&server.seen.passwords), before + 1);
    }
}
