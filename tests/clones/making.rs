//! Every option of a clone, on every flavour, granted and refused.

use serde_json::{Value, json};

use super::{
    bench::{self, Flavour, Flavour::*, at_once, clone, completed, end, given, said, status, vv},
    rig::arrays::HOME,
    stage::{Case, Stage, all, assert_told, case},
};

/// A clone of a volume of 16 GiB is made, is what was asked for, and goes again.
async fn is_made(flavour: Flavour, options: Value, looks: fn(&Value), command: Vec<&'static str>) {
    let stage = bench::set(flavour, at_once).await;
    stage.create("db1", json!({ "size": "16" })).await.ok();
    stage.arrays.control.clear_log();
    clone(&stage.plugin, "db1", "db2", options.clone())
        .await
        .ok();
    completed(&stage, "db2").await;
    let made = vv(&stage.arrays, "db2");
    looks(&made);
    let sent = given(&stage.arrays, "createvvcopy");
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(
        sent[0].starts_with("createvvcopy -p dkv-db1 -online "),
        "{sent:?}"
    );
    for word in command {
        let (wanted, word) = match word.strip_prefix('!') {
            Some(word) => (false, word),
            None => (true, word),
        };
        assert_eq!(sent[0].contains(word), wanted, "{word}: {sent:?}");
    }
    for (key, value) in [("origin", "data"), ("fmt", "no"), ("of", "db1")] {
        assert_eq!(said(&made, key).as_deref(), Some(value), "{made:#}");
    }
    for key in ["want", "into"] {
        assert_eq!(said(&made, key), None, "{made:#}");
    }
    assert_eq!(made["kind"], "base", "{made:#}");
    // The same again is the same volume.
    clone(&stage.plugin, "db1", "db2", options).await.ok();
    assert_eq!(given(&stage.arrays, "createvvcopy").len(), 1);
    // What it was made of can go first.
    end(stage, &["db1", "db2"]).await;
}

/// It is refused, and nothing is asked of an array but to show something.
async fn is_refused(flavour: Flavour, options: Value, parts: &'static [&'static str]) {
    let stage = bench::set(flavour, at_once).await;
    stage.create("db1", json!({ "size": "16" })).await.ok();
    let before = stage.arrays.dump();
    let refused = clone(&stage.plugin, "db1", "db2", options).await.err();
    assert_told(&refused, &["volume `db2`"]);
    assert_told(&refused, parts);
    stage.calm_down().await;
    assert_eq!(stage.arrays.dump(), before);
    assert_eq!(stage.plugin.list().await, ["db1"]);
    end(stage, &["db1"]).await;
}

fn size(gib: u64) -> fn(&Value) {
    match gib {
        16 => |vv| assert_eq!(vv["size_mib"], 16 * 1024),
        _ => |vv| assert_eq!(vv["size_mib"], 20 * 1024),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn what_can_be_had_is_had() {
    let mut cases: Vec<Case> = Vec::new();
    for flavour in Flavour::ALL {
        let mut add = |name: &str, options, looks, command| {
            let name = format!("{flavour:?} {name}");
            cases.push(case(name, is_made(flavour, options, looks, command)));
        };
        let old = flavour != V1050;
        let snp = if old { "-snp_cpg ssd_r5" } else { "!-snp_cpg" };
        add(
            "as it is",
            json!({}),
            size(16),
            vec!["-tpvv", snp, " ssd_r5 dkv-db2"],
        );
        add("same size", json!({ "size": "16" }), size(16), vec![]);
        add("larger", json!({ "size": "20" }), size(20), vec![]);
        add(
            "cpg",
            json!({ "cpg": "ssd_r6" }),
            |vv| assert_eq!(vv["cpg"], "ssd_r6"),
            vec![" ssd_r6 dkv-db2"],
        );
        add("backend", json!({ "backend": "second" }), size(16), vec![]);
        add(
            "dedup",
            json!({ "provisioning": "dedup" }),
            |vv| assert_eq!(vv["prov"], "tdvv"),
            vec![if old { "-tdvv" } else { "-reduce" }],
        );
        add(
            "mountConflictDelay",
            json!({ "mountConflictDelay": "7" }),
            |vv| assert_eq!(said(vv, "delay").as_deref(), Some("7")),
            vec![],
        );
        if old {
            add(
                "snapcpg",
                json!({ "snapcpg": "ssd_r6" }),
                |vv| assert_eq!(vv["snp_cpg"], "ssd_r6"),
                vec!["-snp_cpg ssd_r6"],
            );
            add(
                "full",
                json!({ "provisioning": "full" }),
                |vv| assert_ne!(vv["prov"], "tpvv"),
                vec!["!-tpvv"],
            );
        }
        if flavour != V322 {
            add(
                "compression",
                json!({ "compression": "true" }),
                |vv| assert_eq!(vv["compressed"], true),
                vec![],
            );
        }
    }
    all(4, cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn what_cannot_be_had_is_refused() {
    let mut cases: Vec<Case> = Vec::new();
    for flavour in Flavour::ALL {
        let mut add = |name: &str, options, parts| {
            let name = format!("{flavour:?} {name}");
            cases.push(case(name, is_refused(flavour, options, parts)));
        };
        add("smaller", json!({ "size": "15" }), &["`size`", "db1"]);
        add("larger than any", json!({ "size": "16385" }), &["`size`"]);
        add("cpg", json!({ "cpg": "tape" }), &["`cpg`", "tape"]);
        add(
            "snapcpg",
            json!({ "snapcpg": "tape" }),
            &["`snapcpg`", "tape"],
        );
        add(
            "backend",
            json!({ "backend": "third" }),
            &["`backend`", "third"],
        );
        add(
            "no volume",
            json!({ "cloneOf": "db7" }),
            &["`cloneOf`", "db7"],
        );
        add(
            "no group",
            json!({ "backend": "mirrored" }),
            &["`replicationGroup` must be given"],
        );
        add(
            "group without replication",
            json!({ "replicationGroup": "prod" }),
            &["`replicationGroup`", "replication_device"],
        );
        add(
            "filesystem",
            json!({ "fsType": "xfs" }),
            &["`fsType`", "cloneOf"],
        );
        match flavour {
            V322 => add(
                "compression",
                json!({ "compression": "true" }),
                &["compression"],
            ),
            V331 => {}
            V1050 => add("full", json!({ "provisioning": "full" }), &["createvvcopy"]),
        }
    }
    all(4, cases).await;
}

/// The array has its own opinion: what it refuses is told in its words, and nothing is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn what_the_array_refuses_leaves_nothing() {
    let mut cases: Vec<Case> = Vec::new();
    for flavour in Flavour::ALL {
        cases.push(case(format!("{flavour:?} full cpg"), async move {
            let stage = bench::set(flavour, at_once).await;
            stage.create("db1", json!({ "size": "1" })).await.ok();
            let before = stage.arrays.dump();
            stage.arrays.control.cpg_full(HOME, "ssd_r6").unwrap();
            let full = json!({ "cpg": "ssd_r6" });
            let refused = clone(&stage.plugin, "db1", "db2", full).await.err();
            assert_told(&refused, &["db2", "createvvcopy", "free space"]);
            stage.arrays.control.cpg_restore(HOME, "ssd_r6").unwrap();
            stage.calm_down().await;
            assert_eq!(stage.arrays.dump(), before);
            is_still_copying(&stage).await;
            end(stage, &["db1"]).await;
        }));
    }
    all(3, cases).await;
}

/// A clone of what is a clone on its way is refused, too.
async fn is_still_copying(stage: &Stage) {
    bench::copies_fail(stage, true);
    clone(&stage.plugin, "db1", "db2", json!({})).await.ok();
    let refused = clone(&stage.plugin, "db2", "db3", json!({})).await.err();
    assert_told(
        &refused,
        &["volume `db3`", "`db2` cannot be cloned now", "copied"],
    );
    let shown = status(&stage.plugin, "db2").await;
    assert_eq!(shown["copying"]["of"], "db1", "{shown:#}");
    stage.remove("db2").await.ok();
    bench::copies_fail(stage, false);
}
