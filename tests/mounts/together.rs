//! The first two mounts of a machine, at one moment.

use std::time::{Duration, Instant};

use hpe3par_sim::{Fault, Kind};

use crate::{rig::arrays::HOME, stage::Stage};

/// Both find no host object of this machine and set out to make one; the array makes it once.
#[tokio::test(flavor = "multi_thread")]
async fn both_use_the_host_object_that_one_of_them_made() {
    let test = "together::both_use_the_host_object_that_one_of_them_made";
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    stage.create("db1").await;
    stage.create("db2").await;
    let control = &stage.arrays.control;
    control.clear_log();
    let hang = Fault::new(Kind::HangBefore)
        .on(HOME)
        .matching("^createhost");
    control.fault(hang).unwrap();
    let both_asked = async {
        let asked = || {
            let log = control.log(Some(HOME));
            let makes = log.iter().filter(|e| e.line.starts_with("createhost"));
            makes.count()
        };
        let patience = Instant::now() + Duration::from_secs(60);
        while asked() < 2 {
            assert!(Instant::now() < patience, "only {} asked for one", asked());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        control.release();
    };
    let (one, two, ()) = tokio::join!(
        stage.plugin.mount("db1", "c1"),
        stage.plugin.mount("db2", "c2"),
        both_asked
    );
    one.ok();
    two.ok();
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.plugin.unmount("db2", "c2").await.ok();
    assert!(stage.is_clear());
}
