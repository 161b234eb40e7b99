//! The array takes a command and says nothing more.

use std::time::Duration;

use hpe3par_sim::{Fault, Kind};
use serde_json::Value;

use super::{
    rig::{
        arrays::{HOME, PEER},
        plugin::Reply,
    },
    stage::{Case, Stage, assert_told, case, plain, replicated},
};

/// With the time until the answer longer than the plugin waits for the session of a lost command to end.
const LATE: Duration = Duration::from_secs(24);

fn hang(kind: Kind, array: &str, command: &str) -> Fault {
    let only = format!("^{command}( |$)");
    Fault::new(kind).on(array).matching(&only)
}

/// A reply that came in time: success, or an error that names volume, array and command.
fn told(stage: &Stage, reply: &Reply, array: &str, command: &str) {
    if let Reply::Err(said) = reply {
        assert_told(said, &["db1", &stage.label(array), command]);
    }
}

async fn creating(options: Value, kind: Kind, array: &str, command: &str, later: Duration) {
    let stage = Stage::set().await;
    stage
        .arrays
        .control
        .fault(hang(kind, array, command))
        .unwrap();
    let reply = stage.create("db1", options.clone()).await;
    println!("create, {command}, {kind:?}: {reply:?}");
    assert!(matches!(reply, Reply::Err(_)), "it hung");
    told(&stage, &reply, array, command);
    tokio::time::sleep(later).await;
    stage.calm_down().await;
    // It may have come to a good end after its answer.
    let listed = stage.plugin.list().await;
    assert!(listed.is_empty() || listed == ["db1"], "{listed:?}");
    stage.create("db1", options).await.ok();
    stage.plugin.get("db1").await.ok();
    stage.remove("db1").await.ok();
    stage.end().await;
}

async fn removing(options: Value, kind: Kind, array: &str, command: &str, later: Duration) {
    let stage = Stage::set().await;
    stage.create("db1", options).await.ok();
    stage
        .arrays
        .control
        .fault(hang(kind, array, command))
        .unwrap();
    let reply = stage.remove("db1").await;
    println!("remove, {command}, {kind:?}: {reply:?}");
    assert!(matches!(reply, Reply::Err(_)), "it hung");
    told(&stage, &reply, array, command);
    tokio::time::sleep(later).await;
    stage.calm_down().await;
    stage.remove("db1").await.ok();
    stage.end().await;
}

/// Every reading command hangs from some moment on.
async fn reading() {
    let stage = Stage::set().await;
    stage.create("db1", plain()).await.ok();
    let control = &stage.arrays.control;
    control
        .fault(hang(Kind::HangBefore, HOME, "showvv").repeat())
        .unwrap();
    let said = stage.create("db2", plain()).await.err();
    assert_told(&said, &["db2", &stage.label(HOME), "showvv"]);
    stage.plugin.get("db1").await.ok();
    assert_eq!(stage.plugin.list().await, ["db1"]);
    stage.calm_down().await;
    stage.remove("db1").await.ok();
    stage.end().await;
}

/// Commands that hang end complete or clean.
pub fn cases() -> Vec<Case> {
    use Kind::{HangAfter, HangBefore};
    let now = Duration::ZERO;
    let mut cases = vec![case("showvv", reading())];
    for (kind, later) in [
        (HangBefore, now),
        (HangAfter, now),
        (HangBefore, LATE),
        (HangAfter, LATE),
    ] {
        let name = |command: &str| format!("{command} {kind:?} {later:?}");
        cases.extend([
            case(
                name("createvv"),
                creating(plain(), kind, HOME, "createvv", later),
            ),
            case(
                name("admitrcopyvv"),
                creating(replicated(), kind, HOME, "admitrcopyvv", later),
            ),
            case(
                name("startrcopygroup"),
                creating(replicated(), kind, HOME, "startrcopygroup", later),
            ),
            case(
                name("setvv on the peer"),
                creating(replicated(), kind, PEER, "setvv", later),
            ),
            case(
                name("dismissrcopyvv"),
                removing(replicated(), kind, HOME, "dismissrcopyvv", later),
            ),
            case(
                name("removevv"),
                removing(plain(), kind, HOME, "removevv", later),
            ),
        ]);
    }
    cases
}
