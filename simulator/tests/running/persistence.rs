//! A state directory, exports.

use std::fs;

use hpe3par_sim::Simulator;
use hpe3par_sim::description::Exports;

use crate::client::run;
use crate::{NORTH, SOUTH, description, start};

#[tokio::test]
async fn state_host_keys_and_time_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let simulator = Simulator::start_in(description(), Some(dir.path()))
        .await
        .unwrap();
    run(&simulator, NORTH, "createvv -tpvv gold_r6 v1 2g").await;
    simulator
        .control()
        .switch(SOUTH, "errors_exit_zero", true)
        .unwrap();
    simulator.control().advance(100_000);
    run(&simulator, NORTH, "createvvset s1 v1").await;
    let (dump, now) = (simulator.control().dump(), simulator.control().now());
    let key = simulator
        .host_key_line(NORTH)
        .split_once(' ')
        .unwrap()
        .1
        .to_owned();
    simulator.shutdown();

    let again = Simulator::start_in(description(), Some(dir.path()))
        .await
        .unwrap();
    assert_eq!(again.control().dump(), dump);
    assert!(again.control().now() >= now);
    assert!(again.host_key_line(NORTH).ends_with(&key));
    assert!(
        run(&again, NORTH, "showvvset s1")
            .await
            .stdout
            .contains("v1")
    );
}

#[tokio::test]
async fn a_damaged_state_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("world.json"), "{").unwrap();
    assert!(
        Simulator::start_in(description(), Some(dir.path()))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn dumps_of_equal_arrays_are_equal_and_tell_a_difference() {
    let (one, two) = (start().await, start().await);
    one.control().advance(500);
    assert_eq!(one.control().dump(), two.control().dump());
    run(&one, NORTH, "createvvset s1").await;
    assert_ne!(one.control().dump(), two.control().dump());
}

#[tokio::test]
async fn volumes_have_data_and_exports_are_links_to_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut description = description();
    description.data_dir = Some(dir.path().join("data"));
    description.exports_dir = Some(dir.path().join("exports"));
    description.exports = Exports::Simulated;
    let simulator = Simulator::start(description).await.unwrap();
    for line in [
        "createvv -tpvv gold_r6 v1 1g",
        "createhost -iscsi -persona 2 h1 iqn.2005-03.org.open-iscsi:sim-host1",
        "createvlun v1 7 h1",
    ] {
        let heard = run(&simulator, NORTH, line).await;
        assert_eq!(heard.status, Some(0), "{line}: {heard:?}");
    }
    let wwn = simulator.control().dump()[NORTH]["vvs"]["v1"]["wwn"]
        .as_str()
        .unwrap()
        .to_owned();
    let export = dir.path().join(format!("exports/{NORTH}/h1/7.{wwn}"));
    assert_eq!(
        fs::metadata(&export).unwrap().len(),
        1 << 30,
        "the link leads to the data"
    );
    let data = fs::canonicalize(&export).unwrap();

    simulator.control().down(NORTH).await.unwrap();
    assert!(
        fs::symlink_metadata(&export).is_err(),
        "a dead array shows nothing"
    );
    simulator.control().up(NORTH).await.unwrap();
    assert!(export.exists());

    run(&simulator, NORTH, "removevlun -f v1 7 h1").await;
    assert!(fs::symlink_metadata(&export).is_err());
    run(&simulator, NORTH, "removevv -f v1").await;
    assert!(!data.exists());
}
