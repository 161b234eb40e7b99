//! With `auto_synchronize` the arrays of a later release turn the group round by themselves, and its roles lose `-Rev`.

use super::{Drill, GROUP, GROUP_THERE, HOME, PEER, Release};

#[tokio::test(flavor = "multi_thread")]
async fn the_peer_is_plainly_primary_after_a_failover() {
    let test = "engine::failover::auto_synchronize::the_peer_is_plainly_primary_after_a_failover";
    let Some(mut drill) = Drill::set(test, Release::R1050).await else {
        return;
    };
    drill
        .types(HOME, &format!("setrcopygroup pol auto_synchronize {GROUP}"))
        .await;
    drill.write();
    drill.stop();
    drill
        .types(HOME, &format!("stoprcopygroup -f {GROUP}"))
        .await;
    drill
        .types(PEER, &format!("setrcopygroup failover -f {GROUP_THERE}"))
        .await;
    drill.until_roles("Secondary", "Primary", "Started");
    drill.shows(PEER, "replicating");
    drill.start();
    drill.is_served_from(PEER);
    drill.reads_all();
    drill.write();
    drill.stop();
    drill.start();
    drill.is_served_from(PEER);
    drill.reads_all();
    drill.write();

    // `restore` has nothing to restore: home again is one more failover.
    let restore = format!("setrcopygroup restore -f {GROUP_THERE}");
    let said = drill.stage.arrays.type_in(PEER, &restore).await;
    assert!(said.contains("was not previously switched"), "{said}");
    drill.stop();
    drill
        .types(PEER, &format!("stoprcopygroup -f {GROUP_THERE}"))
        .await;
    drill.shows(PEER, "stopped, not replicating");
    drill
        .types(HOME, &format!("setrcopygroup failover -f {GROUP}"))
        .await;
    drill.until_roles("Primary", "Secondary", "Started");
    drill.shows(HOME, "replicating");
    drill.start();
    drill.is_served_from(HOME);
    drill.reads_all();
    drill.write();
    drill.stop();
    drill.is_clear();
}
