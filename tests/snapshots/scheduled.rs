//! Schedules: snapshots that the array takes by itself, for as long as the Docker snapshot is there that they go with.

use std::time::{Duration, Instant};

use hpe3par_sim::faults::{Fault, Kind};
use serde_json::{Value, json};

use super::{
    rig::{
        arrays::{HOME, Machine},
        engine::until,
        plugin::Plugin,
    },
    scene::{Release::*, Scene, Way::*},
    stage::{Stage, all, assert_told, case, patient, patient_machine, plain},
    taking::{RELEASES, away_from_the_hour, of, set, set_with, status},
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

/// Waits until an inspect says so of the schedule; it shows the last look where an array takes long.
async fn says(stage: &Stage, words: &str) {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let status = status(stage, "s1").await;
        let runs = status["schedule runs"].as_str().unwrap_or_default();
        if runs.contains(words) {
            // All else is shown beside it.
            assert_eq!(status["schedule"], "hourly");
            assert_eq!(status["vv"]["state"], "normal");
            return;
        }
        assert!(Instant::now() < patience, "{words}: {status:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// When it runs is shown as the array has it now.
async fn inspected(release: &'static str) {
    let stage = set(release).await;
    stage.create("db1", plain()).await.ok();
    assert!(status(&stage, "db1").await["schedule runs"].is_null());
    stage.create("s1", scheduled("hourly")).await.ok();
    let runs = status(&stage, "s1").await["schedule runs"].clone();
    assert_eq!(runs, "0 * * * *");
    let types = async |line: &str| {
        let said = stage.arrays.type_in(HOME, line).await;
        assert!(!said.to_lowercase().contains("error"), "{line}: {said}");
    };
    types("setsched -s \"30 6 * * 1\" hourly").await;
    says(&stage, "30 6 * * 1").await;
    types("setsched -suspend hourly").await;
    says(&stage, "30 6 * * 1 (suspended)").await;
    let control = &stage.arrays.control;
    let fault = |kind| Fault::new(kind).on(HOME).matching("^showsched ");
    control
        .fault(fault(Kind::Refuse).words("Error: the moon is wrong"))
        .unwrap();
    says(&stage, "not known: ").await;
    control.fault(fault(Kind::HangBefore)).unwrap();
    says(&stage, "did not answer within 6000 ms").await;
    control.clear_faults();
    control.release();
    types("removesched -f hourly").await;
    says(&stage, "never: array ").await;
    types("createsched \"createsv other.@y@@m@@d@ payroll\" \"0 3 * * *\" hourly").await;
    says(
        &stage,
        "is another one by now: `createsv other.@y@@m@@d@ payroll`",
    )
    .await;
    types("removesched -f hourly").await;
    stage.remove("s1").await.ok();
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inspect_says_when_a_schedule_runs() {
    let cases = RELEASES.map(|release| case(release, inspected(release)));
    all(3, cases.into()).await;
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
    // One that somebody has renamed says still that the schedule goes with it.
    for line in ["removevv -f dkv-s1", "setvv -name kept dkv-s1"] {
        stage.create("s1", scheduled("hourly")).await.ok();
        stage.arrays.type_in(HOME, line).await;
        assert!(schedules(&stage).to_string().contains("hourly"));
        stage.remove("s1").await.ok();
        assert!(!schedules(&stage).to_string().contains("hourly"), "{line}");
    }
    stage.arrays.type_in(HOME, "removevv -f kept").await;
    stage.remove("db1").await.ok();
    stage.end().await;
}

/// Its removal had marked it, and its host died; then somebody removed the VV.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_removal_that_was_cut_short_goes_on_with_the_schedule() {
    let (stage, machine, mut other) = two_hosts().await;
    let control = &stage.arrays.control;
    other.create("s1", scheduled("hourly")).await.ok();
    let looks = Fault::new(Kind::HangBefore).on(HOME).matching("^showsched");
    control.fault(looks).unwrap();
    control.clear_log();
    let dies = async {
        until_given(&stage, "showsched", 1).await;
        let dump = stage.arrays.dump().to_string();
        assert!(dump.contains("state=removing"), "{dump}");
        other.strike();
    };
    let (_, ()) = tokio::join!(other.remove("s1"), dies);
    tokio::task::block_in_place(|| other.kill());
    stage.arrays.type_in(HOME, "removevv -f dkv-s1").await;
    control.release();
    assert!(schedules(&stage).to_string().contains("hourly"));
    assert_eq!(machine.open_entries(), 1);
    let mut other = tokio::task::block_in_place(|| Plugin::start(&machine));
    tokio::task::block_in_place(|| until("gone on with", || machine.open_entries() == 0));
    assert_eq!(schedules(&stage), json!({}));
    tokio::task::block_in_place(|| other.stop());
    stage.remove("s1").await.ok();
    stage.remove("db1").await.ok();
    stage.end().await;
}

/// A snapshot with a schedule, whose VV an administrator has removed; two listings have shown that.
async fn gone_from_listings() -> Scene {
    let mut scene = Scene::set(Synchronous, R331).await;
    away_from_the_hour(&scene.stage);
    scene.stage.create("db1", plain()).await.ok();
    scene.stage.create("s1", scheduled("hourly")).await.ok();
    scene.types(HOME, "removevv -f dkv-s1").await;
    for _ in 0..2 {
        scene.restart(true).await;
    }
    assert_eq!(scene.stage.plugin.list().await, ["db1", "s1"]);
    let told = status(&scene.stage, "s1").await["gone"].to_string();
    assert!(told.contains("schedule `hourly` goes on"), "{told}");
    scene
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_goes_with_a_snapshot_that_no_listing_shows_any_more() {
    let mut scene = gone_from_listings().await;
    scene.stage.remove("s1").await.ok();
    assert_eq!(schedules(&scene.stage), json!({}));
    scene.restart(true).await;
    assert_eq!(scene.stage.plugin.list().await, ["db1"]);
    scene.end(&["db1"]).await;
}

/// Another host has removed it, or a person.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_gone_is_forgotten_with_its_schedule() {
    let mut scene = gone_from_listings().await;
    scene.types(HOME, "removesched -f hourly").await;
    scene.restart(true).await;
    assert_eq!(scene.stage.plugin.list().await, ["db1"]);
    scene.end(&["db1"]).await;
}

fn given(stage: &Stage, command: &str) -> usize {
    let log = stage.arrays.control.log(Some(HOME));
    let first = |line: &str| line.split(' ').next() == Some(command);
    log.iter().filter(|entry| first(&entry.line)).count()
}

/// Waits while what is beside it goes on.
async fn soon(what: &str, ready: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !ready() {
        assert!(Instant::now() < patience, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn until_given(stage: &Stage, command: &str, times: usize) {
    let what = format!("`{command}` for the {times}th time");
    soon(&what, || given(stage, command) >= times).await;
}

async fn until_made(stage: &Stage) {
    soon("a schedule", || schedules(stage) != json!({})).await;
}

/// A volume, and a second host that knows it.
async fn two_hosts() -> (Stage, Machine, Plugin) {
    let stage = set_with("3.3.1", patient).await;
    stage.create("db1", plain()).await.ok();
    let machine = patient_machine(&stage.arrays, "host2");
    let other = tokio::task::block_in_place(|| Plugin::start(&machine));
    machine.listed_once(&stage.arrays).await;
    stage.arrays.control.clear_log();
    (stage, machine, other)
}

/// There is one snapshot with its schedule, which goes with it.
async fn one_with_its_schedule(stage: Stage, mut other: Plugin, name: &str) {
    assert!(schedules(&stage).to_string().contains(name));
    tokio::task::block_in_place(|| other.stop());
    stage.remove("s1").await.ok();
    assert_eq!(schedules(&stage), json!({}));
    stage.remove("db1").await.ok();
    stage.end().await;
}

/// What a service of a swarm does on every node.
async fn by_both(name: &'static str) {
    let (stage, _machine, other) = two_hosts().await;
    let control = &stage.arrays.control;
    let made = Fault::new(Kind::HangAfter)
        .on(HOME)
        .matching("^createsched");
    control.fault(made).unwrap();
    let second = async {
        until_made(&stage).await;
        other.create("s1", scheduled(name)).await
    };
    // The second one has found the schedule, and looks for the snapshot.
    let release = async {
        until_given(&stage, "showsched", 3).await;
        control.release();
    };
    let first = stage.plugin.create("s1", scheduled(name));
    let (one, two, ()) = tokio::join!(first, second, release);
    one.ok();
    two.ok();
    assert_eq!(given(&stage, "createsched"), 1);
    assert_eq!(given(&stage, "removesched"), 0);
    let made = if name == "auto" { "dks-s1" } else { name };
    one_with_its_schedule(stage, other, made).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hosts_that_make_one_snapshot_have_one_schedule() {
    let cases = ["hourly", "auto"].map(|name| case(name, by_both(name)));
    all(2, cases.into()).await;
}

/// A host that lost its connection over the command sees the other one's schedule, and not whose it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_schedule_that_another_host_made_is_not_taken_back() {
    let (stage, _machine, other) = two_hosts().await;
    let control = &stage.arrays.control;
    let looked = Fault::new(Kind::HangAfter)
        .on(HOME)
        .matching("^showsched hourly");
    control.fault(looked).unwrap();
    let first = async {
        until_given(&stage, "showsched", 1).await;
        let made = stage.create("s1", scheduled("hourly")).await;
        let lost = Fault::new(Kind::DropBefore)
            .on(HOME)
            .matching("^createsched");
        control.fault(lost).unwrap();
        control.release();
        made
    };
    let (two, one) = tokio::join!(other.create("s1", scheduled("hourly")), first);
    one.ok();
    two.ok();
    assert_eq!(given(&stage, "createsched"), 2);
    assert_eq!(given(&stage, "removesched"), 0);
    one_with_its_schedule(stage, other, "hourly").await;
}

/// It was killed between its intent and the command.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_host_that_died_over_a_schedule_does_not_take_back_another_ones() {
    let (stage, machine, mut other) = two_hosts().await;
    let control = &stage.arrays.control;
    let sent = Fault::new(Kind::HangBefore)
        .on(HOME)
        .matching("^createsched");
    control.fault(sent).unwrap();
    let dies = async {
        until_given(&stage, "createsched", 1).await;
        other.strike();
    };
    let (_, ()) = tokio::join!(other.create("s1", scheduled("hourly")), dies);
    stage.create("s1", scheduled("hourly")).await.ok();
    control.release();
    tokio::task::block_in_place(|| other.kill());
    assert_eq!(machine.open_entries(), 1);
    let other = tokio::task::block_in_place(|| Plugin::start(&machine));
    tokio::task::block_in_place(|| until("taken back", || machine.open_entries() == 0));
    assert_eq!(given(&stage, "removesched"), 0);
    one_with_its_schedule(stage, other, "hourly").await;
}

/// The one has lost its connection over the command, and fails then; the other one, whose schedule it is, has not taken its snapshot yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_schedule_whose_snapshot_is_on_its_way_is_not_taken_back() {
    let (stage, _machine, other) = two_hosts().await;
    let control = &stage.arrays.control;
    let arm = |fault: Fault| control.fault(fault.on(HOME)).unwrap();
    arm(Fault::new(Kind::HangAfter).matching("^showsched hourly"));
    arm(Fault::new(Kind::HangAfter).matching("^createsched"));
    arm(Fault::new(Kind::HangBefore).matching("^createsv .*op=host1@"));
    let no_space = Fault::new(Kind::Refuse).matching("^createsv .*op=host2@");
    arm(no_space.words("Error: No space left in CPG ssd_r5"));
    arm(Fault::new(Kind::DropBefore).matching("^createsched").nth(2));
    let first = async {
        until_given(&stage, "showsched", 1).await;
        stage.plugin.create("s1", scheduled("hourly")).await
    };
    let meanwhile = async {
        until_made(&stage).await;
        // Both go on: the one from its look, the other one to its snapshot, which hangs.
        control.release();
        until_given(&stage, "createsv", 2).await;
        let before = given(&stage, "showsched");
        until_given(&stage, "showsched", before + 2).await;
        control.release();
    };
    let (two, one, ()) = tokio::join!(other.create("s1", scheduled("hourly")), first, meanwhile);
    one.ok();
    assert_told(&two.err(), &["`s1`", "No space"]);
    assert_eq!(given(&stage, "removesched"), 0);
    one_with_its_schedule(stage, other, "hourly").await;
}
