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
