//! The plugin dies in the middle of something, and another host uses the volume on the other site before it is back.

use std::time::{Duration, Instant};

use hpe3par_sim::faults::{Fault, Kind};

use crate::{
    first_mount::comment,
    rig::{
        arrays::{HOME, PEER},
        engine::until,
        plugin::{Plugin, Reply},
    },
    scene::THERE,
    stage::{Namespace, Stage},
};

/// The plugin dies in a request, when an array has carried out a command.
pub async fn dies_at(
    stage: &mut Stage,
    (array, matching): (&str, &str),
    request: impl AsyncFnOnce(&Plugin) -> Reply,
) {
    let fault = Fault::new(Kind::HangAfter).on(array).matching(matching);
    stage.arrays.control.fault(fault).unwrap();
    let is_it = regex::Regex::new(matching).unwrap();
    stage.arrays.control.clear_log();
    let dying = async {
        let ran = || {
            let log = stage.arrays.control.log(Some(array));
            log.iter().any(|c| is_it.is_match(&c.line) && c.ran)
        };
        let patience = Instant::now() + Duration::from_secs(60);
        while !ran() {
            assert!(Instant::now() < patience, "{matching} did not come");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stage.plugin.strike();
    };
    let (reply, ()) = tokio::join!(request(&stage.plugin), dying);
    assert_eq!(reply, Reply::Closed);
    tokio::task::block_in_place(|| stage.kill());
    stage.arrays.control.release();
}

/// Another host adds the line `two` on the other site, and everything goes home again, where the comment stays as it was.
pub async fn used_by_another_host(stage: &mut Stage) {
    let before = comment(stage, HOME);
    stage.until_synced(HOME, "prod");
    stage.fail_over().await;
    stage.recover().await;
    let mut machine = stage.arrays.machine("host2");
    let mut namespace = Namespace::new(&machine.dir);
    let mut plugin = Plugin::start_with(&machine, &namespace.words(), &[]);
    let mut change_places = |stage: &mut Stage| {
        std::mem::swap(&mut stage.machine, &mut machine);
        std::mem::swap(&mut stage.namespace, &mut namespace);
        std::mem::swap(&mut stage.plugin, &mut plugin);
    };
    change_places(stage);
    stage.plugin.mount("db1", "c1").await.ok();
    assert_eq!(stage.exports(PEER, "db1"), ["host2"]);
    stage.write("db1", "two");
    stage.plugin.unmount("db1", "c1").await.ok();
    tokio::task::block_in_place(|| {
        until("the end of its export", || {
            stage.exports(PEER, "db1").is_empty()
        });
    });
    change_places(stage);
    drop(plugin);
    stage.until_synced(PEER, THERE);
    stage.restore().await;
    assert_eq!(comment(stage, HOME), before);
}
