//! Both arrays are there: stop, failover, recover, restore.

use super::{Drill, GROUP, HOME, PEER, Release};

#[tokio::test(flavor = "multi_thread")]
async fn to_the_other_array_and_home_again() {
    there_and_back("to_the_other_array_and_home_again", Release::R331).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_the_other_array_and_home_again_later_release() {
    let test = "to_the_other_array_and_home_again_later_release";
    there_and_back(test, Release::R1050).await;
}

async fn there_and_back(test: &str, release: Release) {
    let test = format!("engine::failover::planned::{test}");
    let Some(mut drill) = Drill::set(&test, release).await else {
        return;
    };
    drill.write();
    drill.is_served_from(HOME);
    drill.shows(HOME, "replicating");

    drill.stop();
    drill
        .types(HOME, &format!("stoprcopygroup -f {GROUP}"))
        .await;
    drill.until_roles("Primary", "Secondary", "Stopped");
    drill.shows(HOME, "stopped, not replicating");
    drill.fail_over().await;
    drill.shows(PEER, "failed over, and not recovered yet");
    drill.start();
    drill.is_served_from(PEER);
    drill.reads_all();
    drill.write();
    drill.shows(PEER, "failed over, and not recovered yet");

    drill.recover().await;
    drill.shows(PEER, "replicating against its natural direction");
    drill.write();
    drill.reads_all();
    drill.is_served_from(PEER);
    // Once more, with roles that both have `-Rev`.
    drill.stop();
    drill.start();
    drill.is_served_from(PEER);
    drill.reads_all();
    drill.write();

    drill.stop();
    drill.restore().await;
    drill.shows(HOME, "replicating");
    drill.start();
    drill.is_served_from(HOME);
    drill.reads_all();
    drill.write();
    drill.reads_all();
    drill.stop();
    drill.is_clear();
}
