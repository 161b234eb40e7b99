//! What a group's queue waits for: locks of other hosts, and copies.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::stage::{Asked, HOME, OTHERS, PEER, Stage, names};

impl Stage {
    /// The peer serves from now on, and replicates back.
    async fn fail_over(&self) {
        for (array, line) in [
            (HOME, "stoprcopygroup -f prod"),
            (PEER, "setrcopygroup failover -f -waittask prod.r130512"),
            (PEER, "setrcopygroup recover -f -waittask prod.r130512"),
        ] {
            println!("{}", self.types(array, line).await);
        }
        self.at_rest().await;
    }
}

/// For five and a half minutes another host's lock is waited for, by all at once.
#[tokio::test(start_paused = true)]
async fn a_lock_that_stays_is_waited_for_and_told() {
    let stage = Stage::with_others().await;
    stage.others_lock(0).await;
    let before = stage.control.dump();
    let begun = Instant::now();
    let failed = stage.at_once(stage.host.creates(&names(4))).await;
    let waited = begun.elapsed().as_secs();
    println!("a lock was waited for for {waited} s");
    assert!((330..345).contains(&waited), "{waited}");
    assert_eq!(failed.len(), 4);
    for error in &failed {
        let said = error.to_string();
        assert!(
            said.contains(OTHERS) && said.contains("10 minutes"),
            "{said}"
        );
    }
    assert_eq!(stage.sent("stoprcopygroup").len(), 0);
    assert_eq!(stage.control.dump(), before, "nothing is left");
    assert_eq!(stage.host.open_entries(), 0);
}

/// Ten minutes after it was taken its holder has died: the group is started, and the cycle goes on.
#[tokio::test(start_paused = true)]
async fn a_lock_that_was_left_is_broken_after_ten_minutes() {
    let stage = Stage::with_others().await;
    stage.types(HOME, "stoprcopygroup -f prod").await;
    stage.others_lock(300).await;
    let begun = Instant::now();
    let failed = stage.at_once(stage.host.creates(&names(4))).await;
    assert!(failed.is_empty(), "{failed:?}");
    let waited = begun.elapsed().as_secs();
    assert!((299..330).contains(&waited), "{waited}");
    let removed = stage.sent("removevvset");
    let broken = removed[0].at.duration_since(begun).as_secs();
    println!("a lock was broken {} s after it was taken", broken + 300);
    assert!((299..306).contains(&broken), "{broken}");
    // Once for what the other host had left stopped, and once for the cycle.
    assert_eq!(stage.sent("startrcopygroup").len(), 2);
    let mut all = names(4);
    all.push("other".to_owned());
    stage.assert_consistent(all);
}

/// A first copy of so many GiB takes about as many seconds.
async fn copying(gib: u64) -> Stage {
    let stage = Stage::with_others().await;
    stage.host.create("big", gib).await.unwrap();
    stage.forget();
    assert!(stage.control.dump().to_string().contains("\"Syncing\""));
    stage
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_waited_for_without_the_lock() {
    let stage = copying(120).await;
    let looking = async {
        sleep(Duration::from_secs(60)).await;
        let locks = stage.sent("createvvset");
        assert!(locks.is_empty(), "{locks:?}");
        assert!(stage.sent("showrcopy").len() > 30);
    };
    let (failed, ()) = tokio::join!(stage.at_once(stage.host.creates(&names(4))), looking);
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(stage.cycles().len(), 1);
    let mut all = names(4);
    all.extend(["other".to_owned(), "big".to_owned()]);
    stage.assert_consistent(all);
}

/// After five minutes who wants in, and who wants out, is told; all but the volume that is being copied itself.
#[tokio::test(start_paused = true)]
async fn a_copy_that_takes_too_long_is_not_stopped_for_others() {
    let stage = copying(2000).await;
    for asked in [stage.host.create("db1", 1), stage.host.remove("other")] {
        let begun = Instant::now();
        let said = asked.await.unwrap_err().to_string();
        assert!(said.contains("still copying a volume"), "{said}");
        let waited = begun.elapsed().as_secs();
        assert!((300..315).contains(&waited), "{waited}");
    }
    assert_eq!(stage.sent("stoprcopygroup").len(), 0);
    stage.assert_consistent(["other".to_owned(), "big".to_owned()]);
    let begun = Instant::now();
    stage.host.remove("big").await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(15));
    stage.assert_consistent(["other".to_owned()]);
}

/// The same group, from both sides: the cycles of two backends do not cross.
#[tokio::test(start_paused = true)]
async fn two_backends_that_swap_their_arrays_have_one_queue() {
    let stage = Stage::with_others().await;
    stage.fail_over().await;
    let mut all: Vec<String> = Vec::new();
    let mut asked = Vec::new();
    for n in 0..8 {
        let (here, there) = (format!("here{n}"), format!("there{n}"));
        asked.push(stage.host.create_by("mirrored", "prod", &here, 1));
        let group = "prod.r130512";
        asked.push(stage.host.create_by("mirrored-back", group, &there, 1));
        all.extend([here, there]);
    }
    let failed = stage.at_once(asked).await;
    assert!(failed.is_empty(), "{failed:?}");
    let cycles = stage.cycles();
    println!("two backends: {} cycles", cycles.len());
    assert_eq!(cycles.len(), 2, "{cycles:?}");
    assert!(stage.sent("stoprcopygroup").iter().all(|s| s.array == PEER));
    // Nobody found the other's lock in its way, or took it for one that was left.
    assert_eq!(stage.sent("createvvset").len(), 2);
    assert_eq!(stage.sent("removevvset").len(), 2);
    all.push("other".to_owned());
    stage.assert_consistent(all);
}

/// Who looks at the group while it is stopped for a cycle takes that for what it is, also when it runs against its natural direction.
#[tokio::test(start_paused = true)]
async fn who_comes_in_the_middle_of_a_cycle_is_not_refused() {
    for reversed in [false, true] {
        let stage = Stage::set(150).await;
        stage.create("other").await.unwrap();
        stage.at_rest().await;
        if reversed {
            stage.fail_over().await;
        }
        let later = |n: usize, asked: Asked| -> Asked {
            Box::pin(async move {
                sleep(Duration::from_secs(1) * u32::try_from(n).unwrap()).await;
                asked.await
            })
        };
        let all = stage.host.creates(&names(24)).into_iter().enumerate();
        let failed = stage.at_once(all.map(|(n, asked)| later(n, asked))).await;
        assert!(failed.is_empty(), "{failed:?}");
        println!("24 creates in 24 s: {} cycles", stage.cycles().len());
        stage.at_rest().await;
        let all = stage.host.removes(&names(24)).into_iter().enumerate();
        let failed = stage.at_once(all.map(|(n, asked)| later(n, asked))).await;
        assert!(failed.is_empty(), "{failed:?}");
        println!("24 removes in 24 s: {} cycles", stage.cycles().len());
        stage.assert_consistent(["other".to_owned()]);
    }
}

/// Whoever has more cycles to do lets the other host have its turn in between.
#[tokio::test(start_paused = true)]
async fn two_hosts_take_turns() {
    let stage = Stage::set(900).await;
    stage.create("other").await.unwrap();
    stage.at_rest().await;
    let other = stage.another_host();
    let theirs: Vec<String> = (0..16).map(|n| format!("two{n:02}")).collect();
    let mut asked = stage.host.creates(&names(16));
    asked.extend(other.creates(&theirs));
    let failed = stage.at_once(asked).await;
    assert!(failed.is_empty(), "{failed:?}");
    let mut order: Vec<bool> = Vec::new();
    for sent in stage.sent("admitrcopyvv") {
        let host2 = sent.line.contains("dkv-two");
        if order.last() != Some(&host2) {
            order.push(host2);
        }
    }
    let cycles = stage.cycles().len();
    println!(
        "two hosts with 16 each: {cycles} cycles, in turns of {}",
        order.len()
    );
    assert!(cycles <= 8, "{cycles}");
    assert!(order.len() >= 4, "one kept the other out: {order:?}");
    let mut all = names(16);
    all.extend(theirs);
    all.push("other".to_owned());
    stage.assert_consistent(all);
}
