//! Several backends and one copy: whose it is.

use serde_json::{Value, json};

use super::{
    rig::{
        arrays::{HOME, PEER},
        plugin::Reply,
    },
    stage::{Release, Stage, THIRD, add_backend, with_a_third},
};

const SAME: [(&str, &str); 2] = [("ssd_r5", "ssd_r5"), ("ssd_r6", "ssd_r6")];

/// `mirrored` replicates from the one to the other, `back` the other way.
async fn each_other_s_peer(release: Release) {
    let describe = |toml| release.of(toml);
    let mut stage = Stage::set_with(describe, |arrays, machine| {
        add_backend(arrays, machine, "back", (PEER, Some(HOME)), &SAME);
    })
    .await;
    stage.create("db1").await;
    let options = json!({ "size": "1", "backend": "back", "replicationGroup": "reverse" });
    stage.create_with("db2", options).await;
    let expected = [("db1", "mirrored", HOME, PEER), ("db2", "back", PEER, HOME)];
    for dead in [None, Some(HOME), Some(PEER)] {
        stage.kill();
        stage.forget_index();
        if let Some(dead) = dead {
            stage.down(dead).await;
        }
        stage.start();
        stage.lists(&["db1", "db2"]).await;
        for (name, backend, own, copy) in expected {
            let on = |array| match dead {
                Some(dead) if dead == array => Value::Null,
                _ => stage.wwn(array, name),
            };
            stage
                .until("what both arrays show", || {
                    let known = stage.known(name);
                    known["wwn"] == on(own) && known["copy_wwn"] == on(copy)
                })
                .await;
            assert_eq!(stage.known(name)["backend"], backend, "{name} {dead:?}");
            assert_eq!(
                stage.status(name).await["backend"],
                backend,
                "{name} {dead:?}"
            );
        }
        if let Some(dead) = dead {
            stage.up(dead).await;
        }
    }
    assert!(!stage.plugin.log().contains("two arrays have a volume"));
}

/// Two backends of dead arrays have one peer. The CPG of the copy tells, or nothing does.
async fn two_dead_arrays(cpg: &str, told: bool) {
    let mut stage = Stage::set_with(with_a_third, |arrays, machine| {
        // The copies of `mirrored` are in either CPG, those of `third` in one.
        add_backend(arrays, machine, "third", (THIRD, Some(PEER)), &SAME[..1]);
    })
    .await;
    let options =
        json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod", "cpg": cpg });
    stage.create_with("db1", options).await;
    stage.kill();
    stage.forget_index();
    stage.down(HOME).await;
    stage.down(THIRD).await;
    let before = stage.arrays.dump()[PEER].clone();
    stage.start();
    if told {
        stage.lists(&["db1"]).await;
        assert_eq!(stage.status("db1").await["backend"], "mirrored");
    } else {
        let why = "which backend it belongs to cannot be told (`mirrored` or `third`)";
        stage
            .until("the reason", || stage.plugin.log().contains(why))
            .await;
        assert_eq!(stage.plugin.list().await, [""; 0]);
        assert_eq!(stage.plugin.get("db1").await, Reply::Closed);
        let said = stage.plugin.mount("db1", "c1").await.err();
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(stage.arrays.dump()[PEER], before);
    // The array whose volume it is tells.
    stage.up(HOME).await;
    stage
        .until("the volume", || {
            stage.known("db1")["wwn"] == stage.wwn(HOME, "db1")
        })
        .await;
    assert_eq!(stage.known("db1")["backend"], "mirrored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_backends_that_are_each_other_s_peer() {
    tokio::join!(
        each_other_s_peer(Release::R331),
        each_other_s_peer(Release::R1050)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_dead_arrays_with_one_peer() {
    tokio::join!(
        two_dead_arrays("ssd_r6", true),
        two_dead_arrays("ssd_r5", false)
    );
}

/// What the CPG told was wrong, and the array that could have said so is back: the other one, whose volume it was believed to be.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_wrong_guess_is_dropped() {
    let mut stage = Stage::set_with(with_a_third, |arrays, machine| {
        add_backend(arrays, machine, "third", (THIRD, Some(PEER)), &SAME);
    })
    .await;
    let options =
        json!({ "size": "1", "backend": "third", "replicationGroup": "prod", "cpg": "ssd_r6" });
    stage.create_with("db1", options).await;
    stage.kill();
    stage.forget_index();
    let conf = std::fs::read_to_string(stage.machine.conf()).unwrap();
    let at = conf.rfind("hpe3par_cpg").unwrap();
    let third = conf[at..]
        .replace(", \"ssd_r6\"]", "]")
        .replace(", ssd_r6 = \"ssd_r6\"", "");
    std::fs::write(stage.machine.conf(), format!("{}{third}", &conf[..at])).unwrap();
    stage.down(HOME).await;
    stage.down(THIRD).await;
    stage.start();
    stage.lists(&["db1"]).await;
    assert_eq!(stage.known("db1")["backend"], "mirrored");
    stage.up(HOME).await;
    stage.restart();
    stage
        .until("the first listing that knows better", || {
            stage.known("db1")["copy_missed"] == 1
        })
        .await;
    stage.restart();
    stage.lists(&[]).await;
    stage.up(THIRD).await;
    stage.restart();
    stage.lists(&["db1"]).await;
    assert_eq!(stage.status("db1").await["backend"], "third");
}

/// A copy whose volume belongs to no backend of this hpe.conf is no volume, wherever it was made.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_copy_of_a_volume_that_is_not_known_here() {
    let mut stage = Stage::set_with(with_a_third, |arrays, machine| {
        add_backend(arrays, machine, "third", (THIRD, Some(PEER)), &SAME);
    })
    .await;
    let options = json!({ "size": "1", "backend": "third", "replicationGroup": "prod" });
    stage.create_with("db1", options).await;
    stage.create("db2").await;
    stage.kill();
    stage.forget_index();
    // The plugin of another cluster, which has no backend on the third array.
    stage.machine.configure("");
    stage.start();
    stage.lists(&["db2"]).await;
    stage
        .until("both arrays", || {
            stage.known("db2")["copy_wwn"] == stage.wwn(PEER, "db2")
        })
        .await;
    assert_eq!(stage.plugin.list().await, ["db2"]);
    let reply = stage.plugin.get("db1").await;
    assert!(reply.err().contains("db1"), "no volume here");
}

/// A name that a volume of a dead array has is not given to another.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_dead_array_s_names_are_taken() {
    let mut stage = Stage::set_with(with_a_third, |arrays, machine| {
        add_backend(arrays, machine, "far", (THIRD, None), &SAME);
    })
    .await;
    stage.create("db1").await;
    stage.kill();
    stage.forget_index();
    stage.down(HOME).await;
    let listing =
        hpe3par_sim::Fault::new(hpe3par_sim::Kind::Truncate).matching(r"^showvv .*dkv-\*");
    stage.arrays.control.fault(listing.repeat()).unwrap();
    stage.start();
    let said = stage
        .plugin
        .create("db1", json!({ "size": "1", "backend": "far" }))
        .await
        .err();
    assert!(said.contains("backend: mirrored, not far"), "{said}");
    assert_eq!(stage.vv(THIRD, "db1"), Value::Null);
}
