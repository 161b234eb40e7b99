//! How long a host is waited for, and what it costs.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use super::arena::{ARRAY, Arena, Dice};
use crate::model::Takeover;

#[tokio::test(start_paused = true)]
async fn a_live_host_is_waited_for_as_long_as_the_volume_says() {
    let arena = Arena::new().await;
    let dice = Dice::new(7);
    for delay in [0, 30, 90] {
        arena.set(delay, true).await;
        let holder = arena.host("m1", "node", Takeover::DeadHost, &dice);
        holder.mounts().await.unwrap();
        let other = arena.host("m2", "other", Takeover::DeadHost, &dice);
        let begun = Instant::now();
        let said = other.mounts().await.unwrap_err();
        let waited = begun.elapsed().as_secs();
        let delay = u64::from(delay);
        assert!((delay..delay + 15).contains(&waited), "{waited} s: {said}");
        assert!(said.contains("host `node` is alive"), "{said}");
        // Every 2 s, and not more.
        let asked = arena.control.log(Some(ARRAY)).len() as u64;
        assert!(asked < 60 + delay * 4, "{asked} commands in {delay} s");
        holder.unmounts().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_ends_soon_after_the_other_host_lets_go() {
    let arena = Arc::new(Arena::new().await);
    let dice = Dice::new(7);
    arena.set(60, true).await;
    let holder = arena.host("m1", "node", Takeover::DeadHost, &dice);
    holder.mounts().await.unwrap();
    let other = arena.host("m2", "other", Takeover::DeadHost, &dice);
    let begun = Instant::now();
    let lets_go = async {
        sleep(Duration::from_secs(20)).await;
        holder.unmounts().await;
    };
    let (mounted, ()) = tokio::join!(other.mounts(), lets_go);
    mounted.unwrap();
    assert!((20..40).contains(&begun.elapsed().as_secs()));
    other.unmounts().await;
}

#[tokio::test(start_paused = true)]
async fn two_machines_of_one_name_have_a_host_object_each() {
    let arena = Arena::new().await;
    let dice = Dice::new(7);
    arena.set(0, true).await;
    let one = arena.host("m1", "node", Takeover::Never, &dice);
    let other = arena.host("m2", "node", Takeover::Never, &dice);
    let volume = arena.exported_to();
    assert!(volume.is_empty());
    arena
        .types("createhost -iscsi node iqn.2026-01.test:m1")
        .await;
    other.mounts().await.unwrap();
    let digits = other.machine().to_string();
    let (_, digits) = digits.split_once('@').unwrap();
    assert_eq!(arena.exported_to(), [format!("node-{digits}")]);
    other.unmounts().await;
    one.mounts().await.unwrap();
    assert_eq!(arena.exported_to(), ["node"]);
    one.unmounts().await;
}

/// A machine has a host object for its iSCSI name and one for its Fibre Channel ports: a path of either is a sign of life.
#[tokio::test(start_paused = true)]
async fn a_path_of_any_host_object_of_the_machine_is_a_sign_of_life() {
    let arena = Arena::new().await;
    let dice = Dice::new(7);
    arena.set(0, true).await;
    let mut holder = arena.host("m1", "node", Takeover::DeadHost, &dice);
    holder.mounts().await.unwrap();
    holder.goes_down();
    let (further, initiator) = (
        holder.machine().host_name().unwrap(),
        "iqn.2026-01.test:m1-more",
    );
    for line in [
        format!("createhost -comment dk1-host:m1 -iscsi {further} {initiator}"),
        "createvv -tpvv ssd_r5 seen 1g".to_owned(),
        format!("createvlun -f seen 3 {further}"),
    ] {
        let said = arena.types(&line).await;
        assert!(
            said.is_empty() || said.starts_with("Warning"),
            "{line}: {said}"
        );
    }
    arena.control.login(ARRAY, initiator, &["0:2:1"]).unwrap();
    let other = arena.host("m2", "other", Takeover::DeadHost, &dice);
    let said = other.mounts().await.unwrap_err();
    assert!(
        said.contains(&format!("host `{further}` is alive")),
        "{said}"
    );
    arena.control.logout(ARRAY, initiator).unwrap();
    other.mounts().await.unwrap();
    other.unmounts().await;
}

/// An array that takes every export shows one of a set under the name of the set only.
#[tokio::test(start_paused = true)]
async fn an_export_of_a_set_that_the_volume_is_in_is_somebody_elses() {
    let arena = Arena::new().await;
    let dice = Dice::new(7);
    arena.set(0, false).await;
    for line in [
        "createhost -iscsi somebody iqn.2026-01.test:somebody",
        "createvvset databases dkv-db1",
        "createvlun -f set:databases 6 somebody",
    ] {
        let said = arena.types(line).await;
        assert!(
            said.is_empty() || said.starts_with("Warning"),
            "{line}: {said}"
        );
    }
    arena.control.clear_log();
    let host = arena.host("m1", "node", Takeover::Always, &dice);
    let said = host.mounts().await.unwrap_err();
    assert!(
        said.contains("host `somebody` as part of `set:databases` (LUN 6)"),
        "{said}"
    );
    let log = format!("{:?}", arena.control.log(Some(ARRAY)));
    assert!(!log.contains("createvlun"), "{log}");
    arena.types("removevlun -f set:databases 6 somebody").await;
    host.mounts().await.unwrap();
    host.unmounts().await;
}
