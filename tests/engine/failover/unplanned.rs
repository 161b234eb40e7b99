//! The array that serves dies under a running container, and comes back later.

use super::{Drill, GROUP, HOME, PEER, Release, on_both_releases, until};

#[test]
fn the_array_dies_and_comes_back() {
    on_both_releases(dies_and_comes_back);
}

async fn dies_and_comes_back(release: Release) {
    let test = "engine::failover::unplanned::the_array_dies_and_comes_back";
    let Some(mut drill) = Drill::set(test, release).await else {
        return;
    };
    drill.write();
    drill.shows(HOME, "replicating");
    drill.stage.arrays.control.down(HOME).await.unwrap();
    let label = |array: &str| drill.stage.arrays.simulator.address(array).to_string();
    let (home, peer) = (label(HOME), label(PEER));
    let nobody = format!(
        "none: remote copy group `{GROUP}` is not readable on array `{home}`, Secondary and Stopped on array `{peer}`: the primary cannot be asked"
    );
    drill.shows_serving(&nobody, "the primary cannot be asked");
    drill.lists_it();
    drill.stop();

    drill.fail_over().await;
    drill.stage.restart_plugin();
    drill.lists_it();
    let without_home = format!("{peer}, as far as it can be known without `{home}`");
    let lone = "failed over, and the former primary cannot be asked";
    drill.shows_serving(&without_home, lone);
    drill.start();
    drill.reads_all();
    drill.write();
    drill.stage.restart_plugin();
    drill.lists_it();
    drill.write();
    drill.reads_all();
    drill.shows_serving(&without_home, lone);
    // Restarted while the array is still dead.
    drill.stop();
    drill.start();
    drill.reads_all();

    assert_eq!((drill.exports(HOME), drill.exports(PEER)), (1, 1));
    drill.stage.arrays.control.up(HOME).await.unwrap();
    until("the end of the old export", || drill.exports(HOME) == 0);
    until("an empty journal", || {
        drill.stage.machine.open_entries() == 0
    });
    drill.is_served_from(PEER);
    drill.reads_all();
    drill.shows(PEER, "failed over, and not recovered yet");
    drill.stop();
    drill.start();
    drill.is_served_from(PEER);
    drill.write();

    drill.recover().await;
    drill.write();
    drill.reads_all();
    drill.shows(PEER, "replicating against its natural direction");
    drill.stop();
    drill.restore().await;
    drill.shows(HOME, "replicating");
    drill.start();
    drill.is_served_from(HOME);
    drill.reads_all();
    drill.write();
    drill.stop();
    drill.is_clear();
}
