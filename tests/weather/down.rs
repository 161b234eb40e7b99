//! An array is switched off: before an operation, and in the middle of it.

use std::time::{Duration, Instant};

use hpe3par_sim::{Fault, Kind};
use serde_json::json;

use super::{
    rig::{
        arrays::{Arrays, HOME, PEER},
        plugin::Reply,
    },
    stage::{Case, Stage, assert_told, case, in_time, machine, plain, replicated},
};

async fn home_before() {
    let stage = Stage::set().await;
    stage.create("db1", plain()).await.ok();
    stage.create("db2", replicated()).await.ok();
    stage.arrays.control.down(HOME).await.unwrap();
    let home = stage.label(HOME);
    for options in [plain(), replicated()] {
        let said = stage.create("db3", options).await.err();
        assert_told(&said, &["db3", &home, "check address, port"]);
    }
    for name in ["db1", "db2"] {
        let said = stage.remove(name).await.err();
        assert_told(&said, &[name, &home]);
        let said = in_time(stage.plugin.mount(name, "id1")).await.err();
        assert_told(&said, &[name, &home]);
        // Nothing is forgotten.
        stage.plugin.get(name).await.ok();
    }
    assert_eq!(stage.plugin.list().await, ["db1", "db2"]);
    stage.arrays.control.up(HOME).await.unwrap();
    stage.calm_down().await;
    removed_soon(&stage, &["db1", "db2"]).await;
    stage.end().await;
}

async fn peer_before() {
    let stage = Stage::set().await;
    stage.create("db2", replicated()).await.ok();
    stage.settled().await;
    stage.arrays.control.down(PEER).await.unwrap();
    let said = stage.create("db1", replicated()).await.err();
    assert_told(&said, &["db1", &stage.label(PEER)]);
    let mut other = replicated();
    other["replicationGroup"] = json!("second");
    let said = stage.create("db1", other).await.err();
    assert_told(&said, &["db1", &stage.label(PEER)]);
    // A volume without a copy needs no peer.
    stage.create("db3", plain()).await.ok();
    stage.remove("db3").await.ok();
    let said = stage.remove("db2").await.err();
    assert_told(&said, &["db2", &stage.label(PEER)]);
    assert_eq!(stage.plugin.list().await, ["db2"]);
    stage.plugin.get("db2").await.ok();
    stage.arrays.control.up(PEER).await.unwrap();
    stage.calm_down().await;
    removed_soon(&stage, &["db2"]).await;
    stage.end().await;
}

/// Connections are tried again within two seconds, and groups start by themselves a moment after the links are there.
async fn removed_soon(stage: &Stage, names: &[&str]) {
    for name in names {
        let patience = Instant::now() + Duration::from_secs(60);
        while let Reply::Err(said) = stage.remove(name).await {
            assert!(Instant::now() < patience, "{said}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// An array goes down while a command of a create hangs on an array, and comes back after the answer.
async fn during_create(
    options: serde_json::Value,
    kind: Kind,
    command: &'static str,
    on: &'static str,
    down: &'static str,
) {
    let stage = Stage::set().await;
    let control = stage.arrays.control.clone();
    let only = format!("^{command}( |$)");
    control
        .fault(Fault::new(kind).on(on).matching(&only))
        .unwrap();
    let outage = async {
        let patience = Instant::now() + Duration::from_secs(60);
        while !control
            .log(Some(on))
            .iter()
            .any(|c| c.line.starts_with(command))
        {
            assert!(Instant::now() < patience, "{command} never came");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        control.down(down).await.unwrap();
        // What hung on the other array goes on, and meets the outage.
        control.release();
    };
    let (reply, ()) = tokio::join!(stage.create("db1", options.clone()), outage);
    println!("create, {command} on {on}, {down} goes down, {kind:?}: {reply:?}");
    if let Reply::Err(said) = &reply {
        assert_told(said, &["db1", "127.0.0.1:", "command `"]);
    }
    control.up(down).await.unwrap();
    stage.calm_down().await;
    if stage.plugin.list().await == ["db1"] {
        stage.plugin.get("db1").await.ok();
    }
    // An answer that was not "still running" is final.
    match &reply {
        Reply::Ok(_) => assert_eq!(stage.plugin.list().await, ["db1"]),
        Reply::Err(said) if !said.contains("still running") && !said.contains("completed or") => {
            assert_eq!(stage.plugin.list().await, Vec::<String>::new(), "{said}");
        }
        _ => {}
    }
    let patience = Instant::now() + Duration::from_secs(60);
    while let Reply::Err(said) = stage.create("db1", options.clone()).await {
        assert!(Instant::now() < patience, "{said}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    removed_soon(&stage, &["db1"]).await;
    stage.end().await;
}

async fn during_remove(
    options: serde_json::Value,
    kind: Kind,
    command: &'static str,
    down: &'static str,
) {
    let stage = Stage::set().await;
    stage.create("db1", options).await.ok();
    stage.settled().await;
    let control = stage.arrays.control.clone();
    control.clear_log();
    let only = format!("^{command}( |$)");
    control
        .fault(Fault::new(kind).on(HOME).matching(&only))
        .unwrap();
    let outage = async {
        let patience = Instant::now() + Duration::from_secs(60);
        while !control
            .log(Some(HOME))
            .iter()
            .any(|c| c.line.starts_with(command))
        {
            assert!(Instant::now() < patience, "{command} never came");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        control.down(down).await.unwrap();
        control.release();
    };
    let (reply, ()) = tokio::join!(stage.remove("db1"), outage);
    println!("remove, {command}, {down} goes down, {kind:?}: {reply:?}");
    if let Reply::Err(said) = &reply {
        assert_told(said, &["db1", "127.0.0.1:", "command `"]);
    }
    control.up(down).await.unwrap();
    stage.calm_down().await;
    removed_soon(&stage, &["db1"]).await;
    stage.end().await;
}

/// A plugin that has never seen its array, and one that has.
async fn an_unknown_name() {
    let arrays = Arrays::start().await;
    let machine = machine(&arrays, "host1");
    arrays.control.down(HOME).await.unwrap();
    let mut stage = Stage::raise(arrays, machine);
    assert_eq!(in_time(stage.plugin.get("db1")).await, Reply::Closed);
    // Not even when it is asked for by the thousand: nobody is told that it does not exist.
    let asked = (0..20).map(|n| stage.plugin.get(if n % 2 == 0 { "db1" } else { "db2" }));
    for reply in in_time(futures_util::future::join_all(asked)).await {
        assert_eq!(reply, Reply::Closed);
    }
    assert_eq!(stage.plugin.list().await, Vec::<String>::new());
    let said = stage.remove("db1").await.err();
    assert_told(&said, &["db1", &stage.label(HOME)]);
    stage.arrays.control.up(HOME).await.unwrap();
    stage.before = stage.arrays.dump();
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        match in_time(stage.plugin.get("db1")).await {
            Reply::Err(said) => break assert!(said.contains("no such volume"), "{said}"),
            other => assert!(Instant::now() < patience, "{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stage.end().await;
}

/// An array that is off leaves nothing behind.
pub fn cases() -> Vec<Case> {
    use Kind::{HangAfter, HangBefore};
    let mut cases: Vec<Case> = vec![
        case("home, before", home_before()),
        case("peer, before", peer_before()),
        case("an unknown name", an_unknown_name()),
    ];
    for kind in [HangBefore, HangAfter] {
        for (name, options, command, on, down) in [
            ("createvv, home", plain(), "createvv", HOME, HOME),
            ("setvv, home", plain(), "setvv", HOME, HOME),
            ("admit, home", replicated(), "admitrcopyvv", HOME, HOME),
            ("admit, peer", replicated(), "admitrcopyvv", HOME, PEER),
            ("start, peer", replicated(), "startrcopygroup", HOME, PEER),
            ("setvv there, peer", replicated(), "setvv", PEER, PEER),
        ] {
            let run = during_create(options, kind, command, on, down);
            cases.push(case(format!("create: {name}, {kind:?}"), run));
        }
        for (name, options, command, down) in [
            ("removevv, home", plain(), "removevv", HOME),
            ("dismiss, home", replicated(), "dismissrcopyvv", HOME),
            ("dismiss, peer", replicated(), "dismissrcopyvv", PEER),
        ] {
            let run = during_remove(options, kind, command, down);
            cases.push(case(format!("remove: {name}, {kind:?}"), run));
        }
    }
    cases
}
