//! The connection is lost over the command that begins a copy.

use hpe3par_sim::{Fault, Kind};
use serde_json::json;

use super::{
    bench::{self, Flavour::*, at_once, clone, completed, end, given, slowly, state},
    rig::arrays::HOME,
    stage::{Case, all, assert_told, case},
};

/// It was carried out: nobody else marks it, so it is this plugin's, and is begun once.
async fn carried_out(quickly: bool) {
    // In 30 s a copy is complete, or it is not, and no day passes.
    let change = if quickly { |toml| toml } else { slowly };
    let stage = bench::set(V331, change).await;
    stage.create("db1", json!({ "size": "50" })).await.ok();
    let lose = Fault::new(Kind::DropAfter).matching("^createvvcopy");
    stage.arrays.control.fault(lose).unwrap();
    // It takes 30 s until that is certain.
    clone(&stage.plugin, "db1", "db2", json!({})).await;
    stage.calm_down().await;
    clone(&stage.plugin, "db1", "db2", json!({})).await.ok();
    if !quickly {
        // The number was in the answer that was lost.
        let task = bench::said(&bench::vv(&stage.arrays, "db2"), "task");
        assert!(task.is_some());
    }
    assert_eq!(given(&stage.arrays, "createvvcopy").len(), 1);
    stage.arrays.control.advance(200);
    completed(&stage, "db2").await;
    end(stage, &["db1", "db2"]).await;
}

/// It was not: that is told, and nothing is left.
async fn not_carried_out() {
    let stage = bench::set(V331, at_once).await;
    stage.create("db1", json!({ "size": "1" })).await.ok();
    let before = stage.arrays.dump();
    let lose = Fault::new(Kind::DropBefore).matching("^createvvcopy");
    stage.arrays.control.fault(lose).unwrap();
    let refused = clone(&stage.plugin, "db1", "db2", json!({})).await.err();
    assert_told(&refused, &["db2", "createvvcopy"]);
    stage.calm_down().await;
    assert_eq!(stage.arrays.dump(), before);
    clone(&stage.plugin, "db1", "db2", json!({})).await.ok();
    completed(&stage, "db2").await;
    end(stage, &["db1", "db2"]).await;
}

/// Something else came under that name meanwhile: it is nobody's clone, and is left alone.
async fn somebody_else_was_faster() {
    let stage = bench::set(V331, at_once).await;
    stage.create("db1", json!({ "size": "1" })).await.ok();
    let lose = Fault::new(Kind::HangBefore).matching("^createvvcopy");
    stage.arrays.control.fault(lose).unwrap();
    let asking = clone(&stage.plugin, "db1", "db2", json!({}));
    let meanwhile = async {
        bench::until("sent", || {
            stage.plugin.log().contains("createvvcopy")
                || !given(&stage.arrays, "showtask").is_empty()
        })
        .await;
        let make = "createvv -tpvv -snp_cpg ssd_r5 ssd_r5 dkv-db2 1g";
        assert_eq!(stage.arrays.type_in(HOME, make).await, "");
    };
    let (said, ()) = tokio::join!(asking, meanwhile);
    assert_told(&said.err(), &["db2"]);
    stage.calm_down().await;
    assert_eq!(state(&stage.arrays, "db2"), "none");
    assert_eq!(
        bench::vv(&stage.arrays, "db2")["copy_of"],
        serde_json::Value::Null
    );
    assert_eq!(stage.plugin.list().await, ["db1"]);
    stage.arrays.type_in(HOME, "removevv -f dkv-db2").await;
    end(stage, &["db1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_lost_connection_makes_one_clone_or_none() {
    let cases: Vec<Case> = vec![
        case("carried out, under way", carried_out(false)),
        case("carried out, complete", carried_out(true)),
        case("not carried out", not_carried_out()),
        case("somebody else", somebody_else_was_faster()),
    ];
    all(4, cases).await;
}
