//! A group that is synchronised now and then: a failover without warning costs what was written since.

use super::{Arrays, Drill, GROUP, HOME, Release, on_both_releases, until};

/// Seconds between two synchronisations, as the arrays count them. None comes by itself while the test runs.
const PERIOD: u32 = 3600;

#[test]
fn what_was_written_since_the_last_sync_is_lost() {
    on_both_releases(lost_and_said_before);
}

async fn lost_and_said_before(release: Release) {
    let test = "engine::failover::periodic::what_was_written_since_the_last_sync_is_lost";
    let asynchronous = |_: &Arrays, conf: String| {
        conf.replace(
            "replication_mode = \"synchronous\"",
            &format!("replication_mode = \"asynchronous\"\nsync_period = {PERIOD}"),
        )
    };
    let Some(mut drill) = Drill::set_with(test, release, asynchronous).await else {
        return;
    };
    let first = drill.last_sync();
    drill.write();
    drill.write();
    assert_eq!(
        drill.last_sync(),
        first,
        "nothing of it is on the other array"
    );
    drill.stage.arrays.control.advance(PERIOD);
    until("the next synchronisation", || drill.last_sync() > first);
    drill.stage.until_group(HOME, GROUP, "Primary", "Started");
    let second = drill.last_sync();

    let kept = drill.files.clone();
    drill.write();
    assert_eq!(drill.last_sync(), second, "the third is only here");
    drill.stage.arrays.control.down(HOME).await.unwrap();
    drill.stop();
    assert_eq!(drill.last_sync(), second, "as it was last seen");
    drill.fail_over().await;
    drill.start();
    drill.files = kept;
    drill.reads_all();
    drill.write();

    drill.stage.arrays.control.up(HOME).await.unwrap();
    until("the end of the old export", || drill.exports(HOME) == 0);
    drill.recover().await;
    drill.write();
    drill.stop();
    drill.restore().await;
    drill.shows(HOME, "replicating");
    drill.start();
    drill.is_served_from(HOME);
    drill.reads_all();
    drill.stop();
    until("an empty journal", || {
        drill.stage.machine.open_entries() == 0
    });
    drill.is_clear();
}

impl Drill {
    /// When the volume was last copied, as `docker volume inspect` shows it.
    fn last_sync(&self) -> String {
        let mut shown = None;
        // An inspect does not wait long for the array.
        until("a last sync", || {
            let status = self.status();
            let at = &status["replication"]["volumes"][0]["last sync"];
            shown = at.as_str().map(str::to_owned);
            shown.is_some()
        });
        shown.unwrap()
    }
}
