//! What a person does to the group between the first look of an operation and its lock.

use std::time::{Duration, Instant};

use hpe3par_sim::{Fault, Kind};

use super::{
    job::{Job, Place, Ready, Way},
    point::Point,
    rig::{
        arrays::{HOME, PEER},
        plugin::{Plugin, Reply},
    },
    stage::{Stage, assert_told, patient},
};

/// A job on its stage, with a plugin that waits for a command for as long as it is held up.
async fn unhurried(job: Job) -> Ready {
    let mut ready = job.stage().await;
    let Stage {
        plugin,
        machine,
        arrays,
        ..
    } = &mut ready.stage;
    let conf = std::fs::read_to_string(machine.conf()).unwrap();
    std::fs::write(machine.conf(), patient(conf)).unwrap();
    arrays.control.clear_log();
    tokio::task::block_in_place(|| {
        plugin.stop();
        *plugin = Plugin::start(machine);
    });
    machine.listed_once(arrays).await;
    ready
}

/// Holds an operation up before a command of the home array until somebody has typed these lines.
async fn meanwhile(ready: &Ready, before: &str, lines: &[(&str, &str)]) -> Reply {
    let point = Point {
        array: HOME.to_owned(),
        name: before.to_owned(),
        nth: 1,
        changes: true,
    };
    point.arm(&ready.stage, Fault::new(Kind::HangBefore));
    let arrays = &ready.stage.arrays;
    let typing = async {
        let patience = Instant::now() + Duration::from_secs(60);
        while point.sent(arrays).is_none() {
            assert!(Instant::now() < patience, "{point} never came");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        for (array, line) in lines {
            println!("{line}: {}", arrays.type_in(array, line).await);
        }
        arrays.control.release();
    };
    tokio::join!(ready.perform(), typing).0
}

/// The group as (role, status) on an array.
fn half(ready: &Ready, array: &str, name: &str) -> (String, String) {
    let dump = ready.stage.arrays.dump();
    let group = &dump[array]["groups"][name];
    let text = |key: &str| group[key].as_str().unwrap_or("none").to_owned();
    (text("role"), text("status"))
}

async fn failed_over(way: Way) {
    let ready = unhurried(Job::new(way, Place::Beside)).await;
    ready.begin().await;
    let lines = [
        (HOME, "stoprcopygroup -f prod"),
        (PEER, "setrcopygroup failover -f -waittask prod.r130512"),
        (PEER, "setrcopygroup recover -f -waittask prod.r130512"),
    ];
    let said = meanwhile(&ready, "createvvset", &lines).await.err();
    assert_told(&said, &["db1", "has changed its roles meanwhile"]);
    let now = half(&ready, PEER, "prod.r130512");
    assert_eq!(now.1, "Started", "{now:?}");
    let log = ready.stage.arrays.control.log(None);
    let touching = [
        "stoprcopygroup -f",
        "admitrcopyvv",
        "dismissrcopyvv",
        "startrcopygroup",
    ];
    let touched: Vec<&str> = log
        .iter()
        .map(|command| command.line.as_str())
        .filter(|line| touching.iter().any(|word| line.starts_with(word)))
        .collect();
    assert_eq!(touched, [lines[0].1], "nothing but what the person typed");
    ready.stage.calm_down().await;
    for array in [HOME, PEER] {
        let sets = ready.stage.arrays.dump()[array]["vv_sets"].to_string();
        assert!(!sets.contains("dkl-"), "{sets}");
    }
    let back = "setrcopygroup restore -f -waittask prod.r130512";
    ready.stage.arrays.type_in(PEER, back).await;
    ready.stage.settled().await;
    if way == Way::Out {
        ready.assert_whole();
        ready.stage.remove("db1").await.ok();
    }
    ready.assert_without().await;
    ready.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_was_failed_over_before_the_lock_is_left_alone_by_a_create() {
    failed_over(Way::In).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_was_failed_over_before_the_lock_is_left_alone_by_a_remove() {
    failed_over(Way::Out).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_an_administrator_made_meanwhile_is_the_administrators() {
    let ready = unhurried(Job::new(Way::In, Place::Alone)).await;
    ready.begin().await;
    let line = "creatercopygroup -usr_cpg ssd_r5 to-birch:ssd_r5 -snp_cpg ssd_r5 to-birch:ssd_r5 prod to-birch:sync";
    meanwhile(&ready, "createvv", &[(HOME, line)]).await.ok();
    ready.assert_whole();
    ready.stage.remove("db1").await.ok();
    let (role, _) = half(&ready, HOME, "prod");
    assert_eq!(role, "Primary", "the group is left, empty");
    let removed = ready
        .stage
        .arrays
        .type_in(HOME, "removercopygroup -f prod")
        .await;
    println!("{removed}");
    ready.assert_without().await;
    ready.end().await;
}
