//! The lock of a group: a VV set on the array that is Primary, made by whoever stops the group (decision 15).

use std::time::{Duration, Instant};

use hpe3par_sim::{Fault, Kind};
use serde_json::{Value, json};

use super::{
    rig::{
        arrays::{HOME, PEER},
        engine::until,
        plugin::{Plugin, Reply},
    },
    scene::{GROUP_THERE, Release::*, Scene, Way::*},
    stage::{self, assert_told, case},
};

/// An operation of another host.
const OTHERS: &str = "host9@0a1b2c.00000009";
/// The arrays' zone, as `showdate` prints it and a lock spells it: `UTC (UTC)`.
const ZONE: &str = "UTC%20%28UTC%29";

/// The age of a lock that must not count as left while a test looks: ten minutes of the array's clock pass in half a minute here.
const HELD: i64 = -3600;

impl Scene {
    /// Another host takes the lock of a group, so many seconds ago by the array's clock.
    async fn others_lock(&self, array: &str, group: &str, ago: i64) {
        let then = self.stage.arrays.control.now() - ago;
        let then = jiff::Timestamp::from_second(then).unwrap();
        let then = then.strftime("%Y-%m-%d%%20%H:%M:%S");
        let comment = format!("dkl1/op={OTHERS}/at={then}/zone={ZONE}");
        let line = format!("createvvset -comment {comment} dkl-{group}");
        self.types(array, &line).await;
    }
}

/// Another host admits a volume right now: it is waited for, whatever the group looks like meanwhile.
async fn waited_for(stopped: bool) {
    let scene = Scene::set(Synchronous, R331).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    scene.others_lock(HOME, "prod", HELD).await;
    if stopped {
        scene.types(HOME, "stoprcopygroup -f prod").await;
    }
    scene.stage.arrays.control.clear_log();
    let other_host = async {
        scene.was_given(HOME, "showdate", 3).await;
        for command in [
            "stoprcopygroup",
            "admitrcopyvv",
            "startrcopygroup",
            "removevvset",
        ] {
            assert_eq!(scene.given(HOME, command), Vec::<String>::new());
        }
        if stopped {
            scene.types(HOME, "startrcopygroup prod").await;
        }
        scene.types(HOME, "removevvset -f dkl-prod").await;
    };
    let (made, ()) = tokio::join!(scene.create("db2"), other_host);
    made.ok();
    scene.has_no_lock();
    assert_eq!(scene.roles(), ["Primary Started", "Secondary Started"]);
    // To be removed, too.
    scene.at_rest().await;
    scene.others_lock(HOME, "prod", HELD).await;
    scene.stage.arrays.control.clear_log();
    let other_host = async {
        scene.was_given(HOME, "showdate", 3).await;
        assert_eq!(scene.given(HOME, "dismissrcopyvv"), Vec::<String>::new());
        scene.types(HOME, "removevvset -f dkl-prod").await;
    };
    let (removed, ()) = tokio::join!(scene.stage.remove("db2"), other_host);
    removed.ok();
    scene.end(&["db1"]).await;
}

/// A lock that is ten minutes old was left by a host that died: whoever comes starts the group, and goes on.
async fn left() {
    let scene = Scene::set(Synchronous, R331).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    scene.types(HOME, "stoprcopygroup -f prod").await;
    scene.others_lock(HOME, "prod", 11 * 60).await;
    scene.stage.arrays.control.clear_log();
    scene.create("db2").await.ok();
    scene.has_no_lock();
    assert_eq!(scene.roles(), ["Primary Started", "Secondary Started"]);
    // Once for what the other host left stopped, and once for its own cycle.
    assert_eq!(scene.given(HOME, "startrcopygroup").len(), 2);
    assert!(scene.stage.plugin.log().contains("was left by its holder"));
    scene.end(&["db1", "db2"]).await;
}

/// Ten minutes by the array's clock, while somebody waits: on the array that is Primary, whichever that is.
async fn left_while_waited_for() {
    let scene = Scene::set(PeerPersistence, R1050).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    scene
        .types(HOME, "setrcopygroup switchover -f -waittask prod")
        .await;
    scene.others_lock(PEER, GROUP_THERE, HELD).await;
    scene.stage.arrays.control.clear_log();
    let time_passes = async {
        scene.was_given(PEER, "showdate", 3).await;
        assert_eq!(scene.given(PEER, "removevvset"), Vec::<String>::new());
        scene.stage.arrays.control.advance(71 * 60);
    };
    let (made, ()) = tokio::join!(scene.create("db2"), time_passes);
    made.ok();
    scene.has_no_lock();
    scene.end(&["db1", "db2"]).await;
}

/// What is in the lock's place and is no lock stays there.
async fn somebody_elses_set() {
    let scene = Scene::set(Synchronous, R331).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    for line in [
        "createvvset -comment kept-for-the-auditors dkl-prod",
        "createvvset dkl-prod",
    ] {
        scene.types(HOME, line).await;
        let before = scene.stage.arrays.dump();
        let said = scene.create("db2").await.err();
        let home = scene.stage.label(HOME);
        assert_told(&said, &["db2", &home, "`dkl-prod`", "removevvset dkl-prod"]);
        scene.stage.calm_down().await;
        scene.stage.as_before(&before).await;
        let said = scene.stage.remove("db1").await.err();
        assert_told(&said, &["db1", &home, "`dkl-prod`", "removevvset dkl-prod"]);
        scene.stage.calm_down().await;
        // Its mark is taken back: the volume is as usable as before.
        let comment = scene.vv(HOME, "db1")["comment"].to_string();
        assert!(comment.contains("state=ready"), "{comment}");
        assert_eq!(scene.stage.plugin.list().await, ["db1"]);
        scene.types(HOME, "removevvset -f dkl-prod").await;
    }
    scene.create("db2").await.ok();
    scene.end(&["db1", "db2"]).await;
}

/// The group runs again, and its lock cannot be given back; then a person stops the group, and it stays stopped.
async fn stopped_before_the_lock_went() {
    let scene = Scene::set(Synchronous, R331).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    let control = &scene.stage.arrays.control;
    let fault = Fault::new(Kind::Refuse).on(HOME);
    let fault = fault.matching("^removevvset .*dkl-").repeat();
    control
        .fault(fault.words("Error: the moon is wrong"))
        .unwrap();
    scene.create("db2").await.err();
    let gave_up = || {
        let log = scene.stage.plugin.log();
        log.matches("not cleaned up yet").count() >= 2 && scene.roles()[0] == "Primary Started"
    };
    until("attempts to give the lock back", gave_up);
    scene.types(HOME, "stoprcopygroup -f prod").await;
    control.clear_log();
    control.clear_faults();
    let has_lock = || !scene.dump(HOME)["vv_sets"]["dkl-prod"].is_null();
    until("the end of the lock", || {
        !has_lock() && scene.stage.machine.open_entries() == 0
    });
    assert_eq!(scene.given(HOME, "startrcopygroup"), Vec::<String>::new());
    assert_eq!(scene.roles()[0], "Primary Stopped");
    scene.types(HOME, "startrcopygroup prod").await;
    scene.end(&["db1"]).await;
}

/// The plugin dies in the middle of a cycle. Its next run ends that at once, and nobody waits ten minutes.
async fn own_dead_operation(kind: Kind, acting: &'static str) {
    let mut scene = Scene::set(PeerPersistence, R331).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    if acting == PEER {
        scene
            .types(HOME, "setrcopygroup switchover -f -waittask prod")
            .await;
    }
    let roles = scene.roles();
    scene.stage.arrays.control.clear_log();
    let fault = Fault::new(kind).on(acting).matching("^admitrcopyvv ");
    scene.stage.arrays.control.fault(fault).unwrap();
    let death = async {
        scene.was_given(acting, "admitrcopyvv", 1).await;
        scene.stage.plugin.strike();
    };
    tokio::join!(scene.create("db2"), death);
    let stopped = roles.clone().map(|half| half.replace("Started", "Stopped"));
    assert_eq!(scene.roles(), stopped);
    assert!(
        scene.dump(acting)["vv_sets"]
            .to_string()
            .contains("dkl-prod")
    );
    scene.stage.arrays.control.clear_faults();
    scene.stage.arrays.control.release();
    tokio::task::block_in_place(|| scene.stage.plugin.kill());
    scene.stage.plugin = tokio::task::block_in_place(|| Plugin::start(&scene.stage.machine));
    let begun = Instant::now();
    scene.create("db3").await.ok();
    scene.stage.calm_down().await;
    assert!(begun.elapsed() < Duration::from_secs(120));
    scene.has_no_lock();
    assert_eq!(scene.stage.plugin.list().await, ["db1", "db3"]);
    assert_eq!(scene.roles(), roles);
    scene.end(&["db1", "db3"]).await;
}

/// The plugin dies while it takes a volume out. Its next run goes on with that, also while the group runs against its natural direction.
async fn own_dead_removal(kind: Kind, acting: &'static str) {
    let mut scene = Scene::set(Synchronous, R331).await;
    scene.create("db1").await.ok();
    scene.create("db2").await.ok();
    scene.at_rest().await;
    if acting == PEER {
        scene.types(HOME, "stoprcopygroup -f prod").await;
        for move_there in ["failover", "recover"] {
            let line = format!("setrcopygroup {move_there} -f -waittask {GROUP_THERE}");
            scene.types(PEER, &line).await;
        }
        scene.at_rest().await;
        assert_eq!(
            scene.roles(),
            ["Secondary-Rev Started", "Primary-Rev Started"]
        );
    }
    let roles = scene.roles();
    scene.stage.arrays.control.clear_log();
    let fault = Fault::new(kind).on(acting).matching("^dismissrcopyvv ");
    scene.stage.arrays.control.fault(fault).unwrap();
    let death = async {
        scene.was_given(acting, "dismissrcopyvv", 1).await;
        scene.stage.plugin.strike();
    };
    tokio::join!(scene.stage.remove("db2"), death);
    let stopped = roles.clone().map(|half| half.replace("Started", "Stopped"));
    assert_eq!(scene.roles(), stopped);
    scene.stage.arrays.control.clear_faults();
    scene.stage.arrays.control.release();
    tokio::task::block_in_place(|| scene.stage.plugin.kill());
    scene.stage.plugin = tokio::task::block_in_place(|| Plugin::start(&scene.stage.machine));
    scene.stage.calm_down().await;
    scene.has_no_lock();
    assert_eq!(scene.stage.plugin.list().await, ["db1"]);
    assert_eq!(scene.roles(), roles);
    scene.end(&["db1"]).await;
}

/// What fails under the lock gives it back.
async fn given_back_after_a_failure() {
    let scene = Scene::set(Synchronous, R331).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    let before = scene.stage.arrays.dump();
    scene.stage.arrays.control.cpg_full(PEER, "ssd_r5").unwrap();
    scene.create("db2").await.err();
    scene.has_no_lock();
    scene
        .stage
        .arrays
        .control
        .cpg_restore(PEER, "ssd_r5")
        .unwrap();
    scene.at_rest().await;
    scene.stage.as_before(&before).await;
    // The copy goes where the group puts it, and that is not where hpe.conf wants it.
    let said = scene
        .create_with("db2", json!({ "cpg": "ssd_r6" }))
        .await
        .err();
    assert_told(&said, &["db2", "undone"]);
    scene.has_no_lock();
    scene.at_rest().await;
    scene.stage.as_before(&before).await;
    scene.end(&["db1"]).await;
}

/// What was looked at before the lock was there may have changed when it is: then nothing is done to the group, and the VV goes.
async fn changed_while_waited_for(line: &'static str, parts: &'static [&'static str]) {
    let scene = Scene::set(PeerPersistence, R331).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    scene.others_lock(HOME, "prod", HELD).await;
    scene.stage.arrays.control.clear_log();
    let person = async {
        scene.was_given(HOME, "showdate", 3).await;
        scene.types(HOME, line).await;
        scene.at_rest().await;
        scene.stage.arrays.control.clear_log();
        scene.types(HOME, "removevvset -f dkl-prod").await;
    };
    let (said, ()) = tokio::join!(scene.create("db2"), person);
    let said = said.err();
    assert_told(&said, &["db2", "`prod`", "VV `dkv-db2` removed"]);
    assert_told(&said, parts);
    scene.stage.calm_down().await;
    scene.has_no_lock();
    for array in [HOME, PEER] {
        assert_eq!(scene.vv(array, "db2"), Value::Null);
        for command in ["stoprcopygroup", "startrcopygroup", "admitrcopyvv"] {
            assert_eq!(scene.given(array, command), Vec::<String>::new());
        }
    }
}

/// Asks until it is made: who is told that it is still running asks again, and waits for the same.
async fn made(plugin: &Plugin, name: &str, options: &Value) {
    loop {
        match plugin.create(name, options.clone()).await {
            Reply::Err(said) if said.starts_with("still running") => {}
            reply => {
                reply.ok();
                return;
            }
        }
    }
}

/// Two hosts fill one group at the same time: each waits for the other's cycles, and nobody takes the other's stop for a person's.
async fn two_hosts(left: bool) {
    let scene = Scene::set(Synchronous, R331).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    if left {
        scene.types(HOME, "stoprcopygroup -f prod").await;
        scene.others_lock(HOME, "prod", 11 * 60).await;
    }
    let host2 = stage::machine(&scene.stage.arrays, "host2");
    let mut other = tokio::task::block_in_place(|| Plugin::start(&host2));
    let options = json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" });
    let one = &scene.stage.plugin;
    tokio::join!(
        made(one, "db2", &options),
        made(one, "db3", &options),
        made(&other, "db4", &options),
        made(&other, "db5", &options),
    );
    scene.has_no_lock();
    assert_eq!(scene.roles(), ["Primary Started", "Secondary Started"]);
    assert_eq!(scene.halves()[1]["volumes"].as_array().unwrap().len(), 5);
    scene.at_rest().await;
    let (a, b) = tokio::join!(scene.stage.remove("db2"), other.remove("db4"));
    a.ok();
    b.ok();
    other.remove("db5").await.ok();
    tokio::task::block_in_place(|| other.stop());
    scene.end(&["db3", "db1"]).await;
}

/// Whose group it is shows under the lock: what was missing before, or empty, an administrator or another host may have made since.
async fn made_meanwhile(by_a_plugin: bool) {
    let scene = Scene::set(Synchronous, R331).await;
    scene.others_lock(HOME, "prod", HELD).await;
    if by_a_plugin {
        scene.admin_makes_group("prod", "to-birch", "sync").await;
    }
    scene.stage.arrays.control.clear_log();
    let somebody = async {
        scene.was_given(HOME, "showdate", 3).await;
        if by_a_plugin {
            let comment = format!(
                "dk1/ns=/name=db8/home=130512/op={OTHERS}/state=making/origin=blank/fmt=no/grp=ours"
            );
            let make =
                format!("createvv -tpvv -snp_cpg ssd_r5 -comment {comment} ssd_r5 dkv-db8 1g");
            for line in [
                make.as_str(),
                "admitrcopyvv -createvv -nowwn dkv-db8 prod to-birch:dkv-db8",
                "startrcopygroup prod",
            ] {
                scene.types(HOME, line).await;
            }
        } else {
            scene.admin_makes_group("prod", "to-birch", "sync").await;
        }
        scene.types(HOME, "removevvset -f dkl-prod").await;
    };
    let (made, ()) = tokio::join!(scene.create("db1"), somebody);
    made.ok();
    scene.has_no_lock();
    for array in [HOME, PEER] {
        let vv = scene.vv(array, "db1");
        let comment = vv["comment"].as_str().unwrap();
        assert_eq!(comment.contains("/grp=ours"), by_a_plugin, "{comment}");
    }
    scene.at_rest().await;
    if by_a_plugin {
        for line in [
            "stoprcopygroup -f prod",
            "dismissrcopyvv -f -removevv dkv-db8 prod",
            "removevv -f dkv-db8",
            "startrcopygroup prod",
        ] {
            scene.types(HOME, line).await;
        }
        scene.end(&["db1"]).await;
    } else {
        // An administrator's stays, empty.
        scene.stage.remove("db1").await.ok();
        assert_eq!(scene.halves()[0]["name"], "prod");
        scene.types(HOME, "removercopygroup -f prod").await;
        scene.end(&[]).await;
    }
}

/// An undo that could not be ended keeps the lock of a group that it could not start: the next create goes on from there.
async fn own_left_open() {
    let scene = Scene::set(Synchronous, R331).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    let control = scene.stage.arrays.control.clone();
    control.clear_log();
    let hang = Fault::new(Kind::HangBefore).on(HOME);
    control.fault(hang.matching("^admitrcopyvv ")).unwrap();
    let outage = async {
        scene.was_given(HOME, "admitrcopyvv", 1).await;
        control.down(PEER).await.unwrap();
        control.release();
    };
    let (said, ()) = tokio::join!(scene.create("db2"), outage);
    let said = said.err();
    assert_told(
        &said,
        &["db2", "still there", "`prod`, stopped", "`dkl-prod`"],
    );
    assert!(scene.dump(HOME)["vv_sets"].to_string().contains("dkl-prod"));
    control.up(PEER).await.unwrap();
    let patience = Instant::now() + Duration::from_secs(90);
    while let Reply::Err(said) = scene.create("db3").await {
        assert!(Instant::now() < patience, "{said}");
        assert!(!said.contains("did not stop it"), "{said}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    scene.stage.calm_down().await;
    scene.has_no_lock();
    assert_eq!(scene.stage.plugin.list().await, ["db1", "db3"]);
    assert_eq!(scene.roles(), ["Primary Started", "Secondary Started"]);
    scene.end(&["db1", "db3"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_lock_is_waited_for_taken_over_and_given_back() {
    let cases = vec![
        case("lock: waited for, started", waited_for(false)),
        case("lock: waited for, stopped", waited_for(true)),
        case("lock: left", left()),
        case("lock: left while waited for", left_while_waited_for()),
        case("lock: somebody else's set", somebody_elses_set()),
        case(
            "lock: own, before",
            own_dead_operation(Kind::HangBefore, HOME),
        ),
        case(
            "lock: own there, before",
            own_dead_operation(Kind::HangBefore, PEER),
        ),
        case(
            "lock: own, after",
            own_dead_operation(Kind::HangAfter, HOME),
        ),
        case(
            "lock: own there, after",
            own_dead_operation(Kind::HangAfter, PEER),
        ),
        case(
            "lock: own removal, before",
            own_dead_removal(Kind::HangBefore, HOME),
        ),
        case(
            "lock: own removal, after",
            own_dead_removal(Kind::HangAfter, HOME),
        ),
        case(
            "lock: own removal there, before",
            own_dead_removal(Kind::HangBefore, PEER),
        ),
        case(
            "lock: own removal there, after",
            own_dead_removal(Kind::HangAfter, PEER),
        ),
        case(
            "lock: a stop before it went",
            stopped_before_the_lock_went(),
        ),
        case("lock: given back", given_back_after_a_failure()),
        case(
            "lock: roles changed",
            changed_while_waited_for(
                "setrcopygroup switchover -f -waittask prod",
                &["changed its roles", "try again"],
            ),
        ),
        case(
            "lock: stopped meanwhile",
            changed_while_waited_for(
                "stoprcopygroup -f prod",
                &["Stopped", "startrcopygroup prod"],
            ),
        ),
        case("lock: group made meanwhile", made_meanwhile(false)),
        case("lock: group filled meanwhile", made_meanwhile(true)),
        case("lock: own, left open", own_left_open()),
        case("lock: two hosts", two_hosts(false)),
        case("lock: two hosts and a left one", two_hosts(true)),
    ];
    stage::all(24, cases).await;
}
