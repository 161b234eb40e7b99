//! How often a group is stopped, and for how long.

use tokio::time::Instant;

use super::stage::{Seen, Stage, names};

/// No command of a turn is given to a session later than so many seconds after the stop was.
const LIMIT: f64 = 10.0;
const MANY: usize = 32;

/// The cycles since the book was opened, none of which keeps the group stopped for longer than it may.
#[track_caller]
fn cycles(stage: &Stage, what: &str) -> Vec<Seen> {
    let cycles = stage.cycles();
    for cycle in &cycles {
        println!(
            "{what}: {} turns, the last {:.1} s after the stop, start {:.1} s after it",
            cycle.turns.len(),
            cycle.turns.last().unwrap_or(&f64::NAN),
            cycle.started.unwrap_or(f64::NAN),
        );
        assert!(cycle.turns.iter().all(|after| *after <= LIMIT), "{cycle:?}");
    }
    cycles
}

fn turns(cycles: &[Seen]) -> usize {
    cycles.iter().map(|cycle| cycle.turns.len()).sum()
}

fn and_other(mut names: Vec<String>) -> Vec<String> {
    names.push("other".to_owned());
    names
}

#[tokio::test(start_paused = true)]
async fn thirty_two_creates_stop_their_group_three_times_at_most() {
    let stage = Stage::set(300).await;
    stage.create("other").await.unwrap();
    stage.at_rest().await;
    let failed = stage.at_once(stage.host.creates(&names(MANY))).await;
    assert!(failed.is_empty(), "{failed:?}");
    let cycles = cycles(&stage, "32 creates at 300 ms");
    assert!(cycles.len() <= 3, "{cycles:?}");
    assert_eq!(turns(&cycles), MANY);
    stage.assert_consistent(and_other(names(MANY)));
}

#[tokio::test(start_paused = true)]
async fn on_slow_arrays_all_get_in_over_several_cycles() {
    let stage = Stage::set(900).await;
    stage.create("other").await.unwrap();
    stage.at_rest().await;
    let failed = stage.at_once(stage.host.creates(&names(MANY))).await;
    assert!(failed.is_empty(), "{failed:?}");
    let cycles = cycles(&stage, "32 creates at 900 ms");
    assert!((3..=5).contains(&cycles.len()), "{cycles:?}");
    assert_eq!(turns(&cycles), MANY);
    stage.assert_consistent(and_other(names(MANY)));
}

/// Where a stop alone takes as long as all the turns may, each cycle still brings somebody in.
#[tokio::test(start_paused = true)]
async fn however_slow_an_array_is_a_cycle_is_not_for_nothing() {
    let stage = Stage::set(6000).await;
    stage.create("other").await.unwrap();
    stage.at_rest().await;
    let failed = stage.at_once(stage.host.creates(&names(3))).await;
    assert!(failed.is_empty(), "{failed:?}");
    let each: Vec<usize> = stage.cycles().iter().map(|c| c.turns.len()).collect();
    assert_eq!(each, [1, 1, 1]);
    stage.assert_consistent(and_other(names(3)));
}

/// While the group is stopped nothing waits behind those who are in no hurry, however many they are.
#[tokio::test(start_paused = true)]
async fn a_cycle_does_not_wait_behind_the_looks_of_others() {
    let stage = Stage::set(100).await;
    stage.create("other").await.unwrap();
    stage.at_rest().await;
    (0..40).for_each(|_| stage.host.keeps_busy());
    let failed = stage.at_once(stage.host.creates(&names(4))).await;
    assert!(failed.is_empty(), "{failed:?}");
    let cycles = cycles(&stage, "4 creates among 40 who look");
    // Stop, four admissions and start, with a look after each but the first three of these: 9 commands, each behind one at most.
    let [cycle] = &cycles[..] else {
        panic!("{cycles:?}")
    };
    assert!(cycle.started.unwrap() <= 9.0 * 0.2, "{cycle:?}");
}

/// A command that waits for a session until it would be too late is not sent: it waits for the next cycle.
#[tokio::test(start_paused = true)]
async fn what_has_no_session_in_time_is_not_sent() {
    let stage = Stage::set(2100).await;
    stage.create("other").await.unwrap();
    stage.at_rest().await;
    // With all sessions taken at the moment at which it is answered, every command takes twice as long.
    (0..8).for_each(|_| stage.host.keeps_busy());
    let failed = stage.at_once(stage.host.creates(&names(3))).await;
    assert!(failed.is_empty(), "{failed:?}");
    let each: Vec<usize> = cycles(&stage, "3 creates among many looks")
        .iter()
        .map(|cycle| cycle.turns.len())
        .collect();
    assert_eq!(each, [1, 1, 1]);
    stage.assert_consistent(and_other(names(3)));
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_not_there_yet_is_made_for_all() {
    let stage = Stage::set(300).await;
    let failed = stage.at_once(stage.host.creates(&names(MANY))).await;
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(stage.sent("creatercopygroup").len(), 1);
    let cycles = cycles(&stage, "32 creates of a new group");
    assert!(cycles.len() <= 2, "{cycles:?}");
    stage.assert_consistent(names(MANY));
    stage.at_rest().await;
    let failed = stage.at_once(stage.host.removes(&names(MANY))).await;
    assert!(failed.is_empty(), "{failed:?}");
    stage.assert_consistent([]);
}

#[tokio::test(start_paused = true)]
async fn thirty_two_removes_stop_their_group_three_times_at_most() {
    let stage = Stage::set(300).await;
    let there = and_other(names(MANY));
    assert!(stage.at_once(stage.host.creates(&there)).await.is_empty());
    stage.at_rest().await;
    let failed = stage.at_once(stage.host.removes(&names(MANY))).await;
    assert!(failed.is_empty(), "{failed:?}");
    let cycles = cycles(&stage, "32 removes at 300 ms");
    assert!(cycles.len() <= 3, "{cycles:?}");
    assert_eq!(turns(&cycles), MANY);
    stage.assert_consistent(["other".to_owned()]);
}

#[tokio::test(start_paused = true)]
async fn who_comes_and_who_goes_share_a_cycle() {
    let stage = Stage::set(300).await;
    let old = names(8);
    assert!(stage.at_once(stage.host.creates(&old)).await.is_empty());
    stage.at_rest().await;
    let new: Vec<String> = (0..8).map(|n| format!("new{n}")).collect();
    let mut all = stage.host.creates(&new);
    all.extend(stage.host.removes(&old));
    let failed = stage.at_once(all).await;
    assert!(failed.is_empty(), "{failed:?}");
    let cycles = cycles(&stage, "8 creates and 8 removes");
    assert_eq!(cycles.len(), 1, "{cycles:?}");
    assert_eq!(turns(&cycles), 16);
    stage.assert_consistent(new);
}

/// Nobody waits for others who are not there.
#[tokio::test(start_paused = true)]
async fn one_that_is_alone_waits_for_nobody() {
    let stage = Stage::set(300).await;
    stage.create("other").await.unwrap();
    stage.at_rest().await;
    let begun = Instant::now();
    stage.create("db1").await.unwrap();
    let commands = stage.commands();
    let took = begun.elapsed().as_secs_f64();
    println!("one create: {took:.1} s, {commands} commands");
    assert!(took <= 0.3 * f64::from(u32::try_from(commands).unwrap()) + 0.1);
}
