//! A plugin that dies in the middle of an operation, at a command.

use std::time::{Duration, Instant};

use hpe3par_sim::{Fault, Kind};

use super::{
    job::Ready,
    point::Point,
    rig::plugin::{Plugin, Reply},
};

/// Kills the plugin when a command has taken effect and its answer has not come. The command's session ends with it.
pub async fn dies_after(ready: &mut Ready, point: &Point) {
    point.arm(&ready.stage, Fault::new(Kind::HangAfter));
    let dying = async {
        let patience = Instant::now() + Duration::from_secs(60);
        let done = || point.sent(&ready.stage.arrays).is_some_and(|sent| sent.ran);
        while !done() {
            assert!(Instant::now() < patience, "{point} never came");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        ready.stage.plugin.strike();
    };
    let (reply, ()) = tokio::join!(ready.perform(), dying);
    assert_eq!(reply, Reply::Closed);
    tokio::task::block_in_place(|| ready.stage.plugin.kill());
    ready.stage.arrays.control.release();
}

/// Starts it again, and waits until it has cleaned up.
pub async fn comes_back(ready: &mut Ready) {
    ready.stage.plugin = tokio::task::block_in_place(|| Plugin::start(&ready.stage.machine));
    ready.stage.calm_down().await;
}
