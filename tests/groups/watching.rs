//! `group watch`, as a process.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use nix::{sys::signal::Signal, unistd::Pid};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
};

use crate::{
    administrator::group,
    rig::{
        arrays::HOME,
        needs::{Need, met},
    },
    scene::{GROUP, Release::*, Scene, Way::*},
    stage::{self, case},
};

/// A group whose copy takes 200 s, unless the arrays' clock is moved.
async fn copying() -> Scene {
    let scene = Scene::set(Synchronous, R331).await;
    let long = json!({ "size": "4000" });
    scene.create_with("db1", long).await.ok();
    scene
}

fn watch(scene: &Scene, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_hpe3par-docker"))
        .args(["group", "watch", GROUP, "--interval", "1", "--config"])
        .arg(scene.stage.machine.conf())
        .args(more)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn ends(mut child: Child) -> (i32, String) {
    let status = tokio::time::timeout(Duration::from_secs(30), child.wait())
        .await
        .expect("it goes on watching");
    let mut err = String::new();
    let mut stream = child.stderr.take().unwrap();
    stream.read_to_string(&mut err).await.unwrap();
    (status.unwrap().code().unwrap(), err)
}

async fn until_synced() {
    let scene = copying().await;
    for more in [&[][..], &["--json"]] {
        let mut child = watch(&scene, more);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next_line().await.unwrap().unwrap();
        if more.is_empty() {
            assert!(first.contains("copying: 0 of 1 volumes Synced"), "{first}");
            drop(lines);
            continue;
        }
        let first: Value = serde_json::from_str(&first).unwrap();
        assert_eq!(first["state"], "copying");
        // The arrays' clock goes on, and it is done.
        scene.stage.arrays.control.advance(5000);
        let mut last = Value::Null;
        while let Some(line) = lines.next_line().await.unwrap() {
            last = serde_json::from_str(&line).unwrap();
        }
        assert_eq!(last["state"], "synced");
        assert_eq!(last["percent"], 100);
        assert_eq!(ends(child).await, (0, String::new()));
    }
    let said = group(&scene, &["watch", GROUP]).await;
    assert_eq!(said.status, 0);
    assert!(
        said.out.contains("synced: 1 of 1 volumes Synced, 100%"),
        "{said:?}"
    );
}

async fn what_does_not_go_on() {
    let scene = copying().await;
    scene.types(HOME, "stoprcopygroup -f prod").await;
    let said = group(&scene, &["watch", GROUP, "--grace", "0"]).await;
    assert_eq!(said.status, 1);
    assert!(
        said.err.contains("it does not go on: ") && said.err.contains("stopped, not replicating"),
        "{said:?}"
    );
    assert!(
        said.err
            .contains("; hint: see `hpe3par-docker group show prod`"),
        "{said:?}"
    );
}

async fn interrupted() {
    let scene = copying().await;
    let mut child = watch(&scene, &[]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next_line().await.unwrap().unwrap();
    let before = scene.roles();
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap());
    nix::sys::signal::kill(pid, Signal::SIGINT).unwrap();
    let (status, err) = ends(child).await;
    assert_eq!(status, 1);
    assert_eq!(
        err,
        "not waiting any longer; the arrays go on by themselves\n"
    );
    assert_eq!(scene.roles(), before);
}

/// On a terminal there is a bar, without colours, and it is gone in the end.
async fn bar() {
    if !met("watching::bar", &[Need::Program("script")]) {
        return;
    }
    let scene = copying().await;
    let line = format!(
        "{} group watch prod --interval 1 --config {}",
        env!("CARGO_BIN_EXE_hpe3par-docker"),
        scene.stage.machine.conf().display()
    );
    let mut child = Command::new("script")
        .args(["-q", "-e", "-c", &line, "/dev/null"])
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stream = child.stdout.take().unwrap();
    let (mut shown, mut buffer) = (String::new(), [0; 4096]);
    let patience = Instant::now() + Duration::from_secs(60);
    let mut moved = false;
    loop {
        assert!(Instant::now() < patience, "{shown}");
        let count = stream.read(&mut buffer).await.unwrap();
        if count == 0 {
            break;
        }
        shown += &String::from_utf8_lossy(&buffer[..count]);
        if !moved && shown.contains("0 of 1 Synced") {
            moved = true;
            scene.stage.arrays.control.advance(5000);
        }
    }
    assert!(moved && shown.contains("prod ["), "{shown:?}");
    assert!(!shown.contains("\u{1b}[3"), "colours: {shown:?}");
    assert!(
        shown
            .trim_end()
            .ends_with("every volume of `prod` is Synced"),
        "{shown:?}"
    );
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_watch_ends_when_there_is_nothing_to_wait_for() {
    let cases = vec![
        case("until synced", until_synced()),
        case("what does not go on", what_does_not_go_on()),
        case("interrupted", interrupted()),
        case("a bar", bar()),
    ];
    stage::all(4, cases).await;
}
