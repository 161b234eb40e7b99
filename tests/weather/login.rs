//! The way to the array is barred.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use super::{
    rig::{
        arrays::{Arrays, HOME},
        plugin::Reply,
    },
    stage::{Stage, assert_told, machine, plain},
};

const WRONG: &str = "wrong-horse-battery";

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_sent_once() {
    let arrays = Arrays::start().await;
    let machine = machine(&arrays, "host1");
    std::fs::write(machine.dir.join("password"), WRONG).unwrap();
    let stage = Stage::raise(arrays, machine);
    let all = ["db1", "db2", "db3", "db4", "db5", "db6"];
    let answers = all.map(|name| stage.create(name, plain()));
    for (name, answer) in all
        .iter()
        .zip(futures_util::future::join_all(answers).await)
    {
        assert_told(
            &answer.err(),
            &[
                name,
                &stage.label(HOME),
                "showversion",
                "refuses the login",
                "check user, password",
            ],
        );
    }
    let said = stage.remove("db1").await.err();
    assert_told(&said, &["db1", &stage.label(HOME)]);
    assert_eq!(stage.plugin.get("db1").await, Reply::Closed);
    assert_eq!(stage.arrays.control.wrong_passwords(HOME).unwrap(), 1);
    let written = stage.plugin.log();
    assert!(!written.contains(WRONG));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_host_key_is_told_with_the_line_that_trusts_it() {
    let arrays = Arrays::start().await;
    let machine = machine(&arrays, "host1");
    let hosts = machine.dir.join("known_hosts");
    std::fs::write(&hosts, "").unwrap();
    let stage = Stage::raise(arrays, machine);
    let said = stage.create("db1", plain()).await.err();
    let line = stage.arrays.simulator.host_key_line(HOME);
    assert_told(
        &said,
        &[
            "db1",
            &stage.label(HOME),
            "unknown host key",
            "SHA256:",
            &line,
            hosts.to_str().unwrap(),
        ],
    );

    std::fs::write(&hosts, line + "\n").unwrap();
    trusted_soon(&stage).await;
    stage.remove("db1").await.ok();
    stage.end().await;
}

/// What is mended in a file is seen without a restart.
async fn trusted_soon(stage: &Stage) {
    let patience = Instant::now() + Duration::from_secs(60);
    while let Reply::Err(said) = stage.create("db1", plain()).await {
        assert!(Instant::now() < patience, "still: {said}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_host_key_is_an_alarm() {
    let stage = Stage::set().await;
    stage.create("db1", plain()).await.ok();
    stage.remove("db1").await.ok();
    let line = stage.arrays.control.change_host_key(HOME).unwrap();
    // The sessions that are open have seen the old key.
    stage.arrays.control.down(HOME).await.unwrap();
    stage.arrays.control.up(HOME).await.unwrap();
    let hosts = stage.machine.dir.join("known_hosts");
    let mut said = stage.create("db1", plain()).await.err();
    // The pool may still have held a session of before.
    while said.contains("was lost") {
        said = stage.create("db1", plain()).await.err();
    }
    assert_told(
        &said,
        &[
            "db1",
            &stage.label(HOME),
            "HAS CHANGED",
            "SHA256:",
            &line,
            hosts.to_str().unwrap(),
        ],
    );
    assert_eq!(stage.arrays.control.wrong_passwords(HOME).unwrap(), 0);

    let other = stage.arrays.simulator.host_key_line("birch");
    std::fs::write(&hosts, format!("{other}\n{line}\n")).unwrap();
    trusted_soon(&stage).await;
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_told_and_over_with_the_outage() {
    let stage = Stage::set().await;
    // Logged in: an outage in the middle of that is told otherwise.
    stage.create("db0", plain()).await.ok();
    stage.remove("db0").await.ok();
    stage.arrays.control.down(HOME).await.unwrap();
    let said = stage.create("db1", plain()).await.err();
    assert_told(
        &said,
        &["db1", &stage.label(HOME), "refused", "check address, port"],
    );
    stage.arrays.control.up(HOME).await.unwrap();
    stage.create("db1", plain()).await.ok();
    stage.remove("db1").await.ok();
    stage.end().await;
}

/// It takes connections and says nothing, as an array whose management processes hang.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_array_is_told_in_time() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let arrays = Arrays::start().await;
    let right = arrays.simulator.address(HOME).port();
    let machine = machine(&arrays, "host1");
    let conf = std::fs::read_to_string(machine.conf()).unwrap();
    let conf = conf.replace(
        &format!("san_ssh_port = {right}\n"),
        &format!("san_ssh_port = {port}\n"),
    );
    std::fs::write(machine.conf(), conf).unwrap();
    let stage = Stage::raise(arrays, machine);
    let said = stage.create("db1", plain()).await.err();
    assert_told(&said, &["db1", &format!("127.0.0.1:{port}"), "handshake"]);
    stage.end().await;
}

/// Another program than an SSH server.
#[tokio::test(flavor = "multi_thread")]
async fn something_else_behind_the_port_is_told() {
    let web = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = web.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in web.incoming() {
            let _ = stream
                .unwrap()
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let stage = Stage::set_with(
        |toml| toml,
        move |conf| {
            let from = conf.find("san_ssh_port = ").unwrap();
            let to = from + conf[from..].find('\n').unwrap();
            conf.replace(&conf[from..to], &format!("san_ssh_port = {port}"))
        },
    )
    .await;
    let said = stage.create("db1", plain()).await.err();
    assert_told(&said, &["db1", &format!("127.0.0.1:{port}")]);
    stage.end().await;
}
