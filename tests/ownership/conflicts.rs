//! Waiting for the other host, and exports that this plugin never makes.

use std::time::{Duration, Instant};

use crate::duel::Duel;

#[tokio::test(flavor = "multi_thread")]
async fn the_wait_ends_when_the_other_host_lets_go() {
    let test = "conflicts::the_wait_ends_when_the_other_host_lets_go";
    let Some(duel) = Duel::set(test, "dead-host").await else {
        return;
    };
    duel.create("db1", 30).await;
    duel.stage.plugin.mount("db1", "c1").await.ok();
    let begun = Instant::now();
    let lets_go = async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        duel.stage.plugin.unmount("db1", "c1").await.ok();
    };
    let (mounted, ()) = tokio::join!(duel.other.mount("db1", "x1"), lets_go);
    mounted.ok();
    let waited = begun.elapsed();
    assert!((1..20).contains(&waited.as_secs()), "{waited:?}");
    assert_eq!(duel.exported_to("db1"), ["host2"]);
    duel.other.unmount("db1", "x1").await.ok();
}

/// Under every policy they are refused, named, and left as they are.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_administrator_exported_is_named_and_left_alone() {
    let test = "conflicts::what_an_administrator_exported_is_named_and_left_alone";
    let Some(duel) = Duel::set(test, "always").await else {
        return;
    };
    duel.create("db1", 0).await;
    // Of the volume's own host, so that only the kind of the export is in the way.
    duel.stage.plugin.mount("db1", "c1").await.ok();
    duel.stage.plugin.unmount("db1", "c1").await.ok();
    duel.types("setvv -pol no_one_host dkv-db1").await;
    duel.types("createhost -iscsi somebody iqn.2026-01.test.machines:somebody")
        .await;
    duel.types("createhostset cluster somebody").await;
    duel.types("createvvset databases dkv-db1").await;
    let exports = [
        (
            "dkv-db1 5 set:cluster",
            "host set `set:cluster` (LUN 5)",
            "no export that this plugin makes",
        ),
        (
            "set:databases 6 somebody",
            "host `somebody` as part of `set:databases`",
            "no export that this plugin makes",
        ),
        (
            "dkv-db1 7 0:2:1",
            "whoever comes to port `0:2:1` (LUN 7)",
            "no export that this plugin makes",
        ),
        (
            "dkv-db1 8 somebody",
            "host `somebody` (LUN 8)",
            "nothing shows that host object `somebody` is the last holder's",
        ),
    ];
    for (words, named, why) in exports {
        duel.types(&format!("createvlun -f {words}")).await;
        let before = duel.stage.arrays.dump();
        let said = duel.other.mount("db1", "x1").await.err();
        for part in [named, why, "an administrator removes"] {
            assert!(said.contains(part), "{words}: {said}");
        }
        if words.starts_with("dkv-db1 8") {
            let removal = "`removevlun -f dkv-db1 8 somebody` on array `";
            assert!(said.contains(removal), "{said}");
        }
        assert_eq!(duel.stage.arrays.dump(), before, "{words}");
        duel.types(&format!("removevlun -f {words}")).await;
    }
    duel.other.mount("db1", "x2").await.ok();
    duel.other.unmount("db1", "x2").await.ok();
}
