//! Schedules: snapshots that the array takes by itself, for as long as the Docker snapshot is there that they go with.

use hpe3par_sim::faults::{Fault, Kind};
use serde_json::{Value, json};

use super::{
    rig::{arrays::HOME, engine::until},
    stage::{Stage, all, assert_told, case, plain},
    taking::{RELEASES, of, set, status},
};

pub fn scheduled(name: &str) -> Value {
    json!({
        "virtualCopyOf": "db1",
        "scheduleName": name,
        "scheduleFrequency": "0 * * * *",
        "snapshotPrefix": "hour",
        "expHrs": "12",
        "retHrs": "6",
    })
}

fn schedules(stage: &Stage) -> Value {
    stage.arrays.dump()[HOME]["schedules"].clone()
}

/// It is made, runs, is explained, and goes with its snapshot; what it took stays.
async fn good(release: &'static str) {
    let stage = set(release).await;
    stage.create("db1", plain()).await.ok();
    stage.create("s1", scheduled("hourly")).await.ok();
    let made = schedules(&stage).to_string();
    for part in ["hourly", "createsv", "-exp 12h", "-retain 6h", "dkv-db1"] {
        assert!(made.contains(part), "{part}: {made}");
    }
    assert_eq!(status(&stage, "s1").await["schedule"], "hourly");
    stage.arrays.control.advance(3600);
    let taken = || {
        let vvs = stage.arrays.dump()[HOME]["vvs"].clone();
        let names = vvs.as_object().unwrap().keys().cloned();
        names
            .filter(|name| name.starts_with("hour."))
            .collect::<Vec<_>>()
    };
    until("the array to take one", || !taken().is_empty());
    let said = stage.remove("db1").await.err();
    assert_told(&said, &["volume `s1`", &taken()[0], "by schedule `hourly`"]);
    // The same again is nothing new, another time is.
    stage.create("s1", scheduled("hourly")).await.ok();
    let mut daily = scheduled("hourly");
    daily["scheduleFrequency"] = json!("@daily");
    let said = stage.create("s1", daily).await.err();
    assert_told(&said, &["scheduleFrequency: 0 * * * *, not 0 0 * * *"]);
    stage.remove("s1").await.ok();
    assert!(!schedules(&stage).to_string().contains("hourly"));
    // Retained, expired, and then the volume is free.
    stage.arrays.control.advance(13 * 3600);
    until("the array to remove them", || taken().is_empty());
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_runs_until_its_snapshot_is_removed() {
    let cases = RELEASES.map(|release| case(release, good(release)));
    all(3, cases.into()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_automatic_name_comes_from_the_snapshot() {
    let stage = set("3.3.1").await;
    stage.create("db1", plain()).await.ok();
    stage.create("s1", scheduled("auto")).await.ok();
    assert!(schedules(&stage).to_string().contains("dks-s1"));
    stage.create("s1", scheduled("auto")).await.ok();
    stage.remove("s1").await.ok();
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_schedule_is_said_before_anything_is_made() {
    let stage = set("3.3.1").await;
    stage.create("db1", plain()).await.ok();
    let before = stage.arrays.dump();
    let but = |option: &str, value: &str| {
        let mut options = scheduled("hourly");
        options[option] = json!(value);
        options
    };
    let mut alone = of("db1");
    alone["expHrs"] = json!("5");
    let cases = [
        (
            but("scheduleFrequency", ""),
            "`scheduleFrequency` must be given with `scheduleName`",
        ),
        (but("scheduleFrequency", "61 25 * *"), "needs five"),
        (but("scheduleFrequency", "61 25 * * *"), "minute"),
        (but("snapshotPrefix", ""), "`snapshotPrefix` must be given"),
        (
            but("snapshotPrefix", "sixteen-letters-"),
            "`snapshotPrefix`",
        ),
        (but("scheduleName", "a b"), "`scheduleName`"),
        (but("retHrs", "13"), "`retHrs`"),
        (
            but("expirationHours", "5"),
            "`expirationHours` cannot be given with `scheduleName`",
        ),
        (
            but("retentionHours", "5"),
            "`retentionHours` cannot be given with `scheduleName`",
        ),
        (alone, "`expHrs` needs `scheduleName`"),
    ];
    for (options, words) in cases {
        let said = stage.create("s1", options).await.err();
        assert_told(&said, &["`s1`", words]);
        assert_eq!(stage.arrays.dump(), before, "{words}");
    }
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_in_use_is_refused_and_left_alone() {
    let stage = set("3.3.1").await;
    stage.create("db1", plain()).await.ok();
    let line = "createsched \"createsv -ro other.@y@@m@@d@@H@@M@@S@ payroll\" \"0 3 * * *\" hourly";
    stage.arrays.type_in(HOME, line).await;
    let before = stage.arrays.dump();
    let said = stage.create("s1", scheduled("hourly")).await.err();
    assert_told(
        &said,
        &["has a schedule `hourly` already", "showsched hourly"],
    );
    assert_eq!(stage.arrays.dump(), before);
    stage.arrays.type_in(HOME, "removesched -f hourly").await;
    stage.remove("db1").await.ok();
    stage.end().await;
}

/// The array makes no schedule: then there is no snapshot either.
async fn refused_by_the_array(release: &'static str) {
    let stage = set(release).await;
    stage.create("db1", plain()).await.ok();
    let before = stage.arrays.dump();
    let fault = Fault {
        matching: Some("^createsched".to_owned()),
        words: "Error: too many schedules".to_owned(),
        ..Fault::new(Kind::Refuse)
    };
    stage.arrays.control.fault(fault).unwrap();
    let said = stage.create("s1", scheduled("hourly")).await.err();
    assert_told(&said, &["`s1`", "createsched", "too many schedules"]);
    stage.calm_down().await;
    assert_eq!(stage.arrays.dump(), before);
    assert_eq!(stage.plugin.list().await, ["db1"]);
    stage.create("s1", scheduled("hourly")).await.ok();
    stage.remove("s1").await.ok();
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_the_array_refuses_leaves_nothing() {
    let cases = RELEASES.map(|release| case(release, refused_by_the_array(release)));
    all(3, cases.into()).await;
}

/// The snapshot fails after its schedule was made: both are gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_undone_when_its_snapshot_fails() {
    let stage = set("3.3.1").await;
    stage.create("db1", plain()).await.ok();
    let before = stage.arrays.dump();
    let fault = Fault {
        matching: Some("^createsv".to_owned()),
        words: "Error: No space left in CPG ssd_r5".to_owned(),
        ..Fault::new(Kind::Refuse)
    };
    stage.arrays.control.fault(fault).unwrap();
    let said = stage.create("s1", scheduled("hourly")).await.err();
    assert_told(&said, &["`s1`", "schedule `hourly` removed"]);
    stage.calm_down().await;
    assert_eq!(stage.arrays.dump(), before);
    stage.remove("db1").await.ok();
    stage.end().await;
}

/// Its schedule went first. That is told, and nobody goes on believing in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_cannot_be_removed_after_its_schedule_says_so() {
    let stage = set("3.3.1").await;
    stage.create("db1", plain()).await.ok();
    stage.create("s1", scheduled("hourly")).await.ok();
    let fault = Fault {
        matching: Some("^removevv".to_owned()),
        words: "Error: Volume dkv-s1 is busy".to_owned(),
        ..Fault::new(Kind::Refuse)
    };
    stage.arrays.control.fault(fault).unwrap();
    let said = stage.remove("s1").await.err();
    assert_told(
        &said,
        &["`s1`", "usable again", "schedule `hourly` stays removed"],
    );
    assert_eq!(schedules(&stage), json!({}));
    let vv = stage.arrays.dump()[HOME]["vvs"]["dkv-s1"].clone();
    assert!(!vv["comment"].to_string().contains("hourly"), "{vv:#}");
    assert_eq!(status(&stage, "s1").await["schedule"], Value::Null);
    let said = stage.create("s1", scheduled("hourly")).await.err();
    assert_told(&said, &["scheduleName: not given, not hourly"]);
    stage.remove("s1").await.ok();
    stage.remove("db1").await.ok();
    stage.end().await;
}

/// An administrator has removed the snapshot: its schedule would go on filling the array.
#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_does_not_outlive_its_snapshot() {
    let stage = set("3.3.1").await;
    stage.create("db1", plain()).await.ok();
    stage.create("s1", scheduled("hourly")).await.ok();
    stage.arrays.type_in(HOME, "removevv -f dkv-s1").await;
    assert!(schedules(&stage).to_string().contains("hourly"));
    stage.remove("s1").await.ok();
    assert!(!schedules(&stage).to_string().contains("hourly"));
    stage.remove("db1").await.ok();
    stage.end().await;
}
