//! Locks that were left by a host that died over a cycle.

use std::time::Duration;

use hpe3par_sim::{Fault, Kind};
use serde_json::Value;
use tokio::time::sleep;

use super::stage::{HOME, PEER, Stage};

const OLD: i64 = 11 * 60;
/// By then every array has been listed again.
const LISTED: Duration = Duration::from_secs(90);

impl Stage {
    fn status(&self) -> String {
        let dump = self.control.dump();
        let status = &dump[HOME]["groups"]["prod"]["status"];
        status.as_str().unwrap_or("none").to_owned()
    }

    /// Stopped by a host that has died, so many seconds ago.
    async fn left_stopped(&self, ago: i64) {
        self.types(HOME, "stoprcopygroup -f prod").await;
        self.others_lock(ago).await;
    }

    /// The plugin runs for so long; the arrays are as they were, and were only looked at.
    async fn stays_for(&self, how_long: Duration, before: &Value) {
        self.forget();
        sleep(how_long).await;
        assert_eq!(self.control.dump(), *before);
        for command in [
            "startrcopygroup",
            "stoprcopygroup",
            "createvvset",
            "removevvset",
        ] {
            assert_eq!(self.sent(command).len(), 0, "{command}");
        }
        assert_eq!(self.host.open_entries(), 0);
    }
}

/// The stop of whoever died is still on its way: without its lock it would be taken for a person's as soon as it is through.
#[tokio::test(start_paused = true)]
async fn a_group_that_is_being_stopped_keeps_its_lock_until_it_is_started() {
    let stage = Stage::with_others().await;
    for array in [HOME, PEER] {
        stage.control.switch(array, "stops_slowly", true).unwrap();
    }
    stage.others_lock(OLD).await;
    stage.types(HOME, "stoprcopygroup -f prod").await;
    assert_eq!(stage.status(), "Stopping");
    stage.create("db1").await.unwrap();
    assert_eq!(stage.sent("startrcopygroup").len(), 2);
    stage.at_rest().await;
    stage.assert_consistent(["db1", "other"].map(str::to_owned));
}

/// It comes by itself to where the lock may go.
#[tokio::test(start_paused = true)]
async fn a_group_that_is_being_started_is_not_started_twice() {
    let stage = Stage::with_others().await;
    stage.types(HOME, "stoprcopygroup -f prod").await;
    stage.others_lock(OLD).await;
    stage.types(HOME, "startrcopygroup prod").await;
    assert_eq!(stage.status(), "Starting");
    let begun = tokio::time::Instant::now();
    stage.create("db1").await.unwrap();
    let unlocked = stage.sent("removevvset")[0].at;
    assert!(unlocked.duration_since(begun).as_millis() >= 1000);
    assert_eq!(stage.sent("startrcopygroup").len(), 1, "after its own stop");
    stage.at_rest().await;
    stage.assert_consistent(["db1", "other"].map(str::to_owned));
}

/// Nobody comes to the group, and its volumes are not replicated: within a minute it is started by itself, and is as it was.
#[tokio::test(start_paused = true)]
async fn a_group_whose_stopper_died_is_started_within_a_minute() {
    for role_changed in [false, true] {
        let stage = Stage::with_others().await;
        let (array, group) = if role_changed {
            stage.types(HOME, "stoprcopygroup -f prod").await;
            for what in ["failover", "recover"] {
                let line = format!("setrcopygroup {what} -f -waittask prod.r130512");
                stage.types(PEER, &line).await;
            }
            stage.at_rest().await;
            (PEER, "prod.r130512")
        } else {
            (HOME, "prod")
        };
        let before = stage.control.dump();
        stage
            .types(array, &format!("stoprcopygroup -f {group}"))
            .await;
        stage.lock_on(array, group, "dkl1", OLD, "").await;
        assert_ne!(stage.control.dump(), before);
        stage.host.tries_again();
        sleep(LISTED).await;
        assert_eq!(stage.control.dump(), before);
        let sent = |command| stage.sent(command).len();
        assert_eq!((sent("startrcopygroup"), sent("removevvset")), (1, 1));
        assert_eq!(sent("createvvset"), 0, "it wants no lock of its own");
        assert_eq!(stage.host.open_entries(), 0);
    }
}

/// A lock may be held for as long as nobody may take it for left.
#[tokio::test(start_paused = true)]
async fn a_lock_that_is_young_stays() {
    let stage = Stage::with_others().await;
    let before = stage.control.dump();
    stage.left_stopped(60).await;
    let locked = stage.control.dump();
    stage.host.tries_again();
    stage.stays_for(Duration::from_secs(8 * 60), &locked).await;
    sleep(Duration::from_secs(60) + LISTED).await;
    assert_eq!(stage.control.dump(), before);
}

/// A promotion's lock says that a start could send bad data over the last good copy. What is no lock, and what was stopped by a person, is
/// nobody's to touch.
#[tokio::test(start_paused = true)]
async fn what_was_not_left_by_a_cycle_stays_as_it_is() {
    for line in ["promotion", "createvvset -comment kept dkl-prod", ""] {
        let stage = Stage::with_others().await;
        stage.types(HOME, "stoprcopygroup -f prod").await;
        if line == "promotion" {
            let more = "/promotes=dkv-before";
            stage.lock_on(HOME, "prod", "dkl2", 30 * OLD, more).await;
        } else if !line.is_empty() {
            assert_eq!(stage.types(HOME, line).await, "");
        }
        let before = stage.control.dump();
        stage.host.tries_again();
        stage.stays_for(Duration::from_secs(1200), &before).await;
    }
}

/// A person has started it since. The next stop, weeks later and on purpose, is not taken for the dead host's.
#[tokio::test(start_paused = true)]
async fn a_lock_that_was_left_at_a_group_that_runs_goes_and_a_later_stop_stays() {
    let stage = Stage::with_others().await;
    let before = stage.control.dump();
    stage.others_lock(OLD).await;
    stage.host.tries_again();
    stage.forget();
    sleep(LISTED).await;
    assert_eq!(stage.control.dump(), before);
    assert_eq!(stage.sent("startrcopygroup").len(), 0);
    stage.types(HOME, "stoprcopygroup -f prod").await;
    let stopped = stage.control.dump();
    let said = stage.create("db1").await.unwrap_err().to_string();
    assert!(
        said.contains("`prod`") && said.contains("Stopped"),
        "{said}"
    );
    stage.stays_for(Duration::from_secs(600), &stopped).await;
}

/// Somebody failed the group over meanwhile, and both say primary: which of them may send is a person's to say.
#[tokio::test(start_paused = true)]
async fn nothing_is_started_while_the_other_array_is_primary_too() {
    let stage = Stage::with_others().await;
    stage.left_stopped(OLD).await;
    let line = "setrcopygroup failover -f -waittask prod.r130512";
    stage.types(PEER, line).await;
    sleep(Duration::from_secs(5)).await;
    let before = stage.control.dump();
    let role = |array: &str, group: &str| before[array]["groups"][group]["role"].to_string();
    assert_eq!(role(HOME, "prod"), "\"Primary\"");
    assert_eq!(role(PEER, "prod.r130512"), "\"Primary-Rev\"");
    stage.host.tries_again();
    stage.stays_for(Duration::from_secs(600), &before).await;
}

/// Each host looks once a minute, and all find the same lock.
#[tokio::test(start_paused = true)]
async fn two_hosts_that_find_a_left_lock_are_not_in_each_others_way() {
    let stage = Stage::with_others().await;
    let before = stage.control.dump();
    let other = stage.another_host();
    other.tries_again();
    stage.host.tries_again();
    sleep(LISTED).await;
    stage.left_stopped(OLD).await;
    sleep(LISTED).await;
    assert_eq!(stage.control.dump(), before);
    assert_eq!(stage.host.open_entries() + other.open_entries(), 0);
    let (one, two) = (stage.host.create("db1", 1), other.create("db2", 1));
    assert_eq!(stage.at_once([one, two]).await.len(), 0);
}

/// A start of which nobody knows whether it is still on its way is not sent again; when that has ended the group is looked at anew.
#[tokio::test(start_paused = true)]
async fn a_start_that_is_in_doubt_is_not_repeated() {
    let stage = Stage::with_others().await;
    let before = stage.control.dump();
    let hang = Fault::new(Kind::HangBefore).on(HOME);
    stage
        .control
        .fault(hang.matching("^startrcopygroup "))
        .unwrap();
    stage.left_stopped(OLD).await;
    stage.forget();
    stage.host.tries_again();
    sleep(Duration::from_secs(500)).await;
    assert_eq!(stage.sent("startrcopygroup").len(), 1);
    assert_eq!(stage.host.open_entries(), 1);
    stage.control.release();
    sleep(2 * LISTED).await;
    assert_eq!(stage.control.dump(), before);
    assert_eq!(stage.sent("startrcopygroup").len(), 1);
    assert_eq!(stage.host.open_entries(), 0);
}
