//! Commands that the array runs by itself.

use hpe3par_sim::state::Release::V1050;

use crate::{RELEASES, desk, names};

const HOURLY: &str =
    "createsched \"createsv -ro -exp 3h auto.@y@@m@@d@@H@@M@@S@ db\" \"0 * * * *\" hourly";

#[test]
fn snapshots_are_made_and_go_when_their_time_comes() {
    for release in RELEASES {
        let mut desk = desk(release);
        // 23:13:20 in Berlin.
        desk.quiet(&[HOURLY]);
        desk.pass(2799);
        assert!(names(&mut desk, "north").is_empty());
        desk.pass(1);
        assert_eq!(names(&mut desk, "north"), ["auto.231115000000"]);
        desk.pass(5 * 3600 + 60);
        let left = [
            "auto.231115030000",
            "auto.231115040000",
            "auto.231115050000",
        ];
        assert_eq!(names(&mut desk, "north"), left);
        let line = "showtask -all -type scheduled_task";
        assert_eq!(desk.column("north", line, "Name"), ["hourly"; 6]);
        assert_eq!(desk.column("north", line, "Status"), ["done"; 6]);
        assert_eq!(desk.column("north", line, "User"), ["admin1"; 6]);
    }
}

#[test]
fn a_run_that_fails_is_a_failed_task_and_the_schedule_stays() {
    let mut desk = desk(RELEASES[1]);
    for (name, command) in [
        (
            "too-long",
            "createsv -ro a-prefix-of-22-letters.@y@@m@@d@@H@@M@@S@ db",
        ),
        ("absent", "createsv -ro x.@H@ nothing"),
        ("beyond", "createsv -f -ro -exp 1h -retain 2h x.@H@ db"),
        ("asks", "createsv -ro -retain 1h x.@H@ db"),
        ("unknown", "compactcpg -f fast"),
    ] {
        desk.quiet(&[&format!("createsched \"{command}\" @hourly {name}")]);
    }
    desk.pass(3600);
    assert!(names(&mut desk, "north").is_empty());
    let line = "showtask -failed -type scheduled_task";
    let mut failed = desk.column("north", line, "Name");
    failed.sort();
    assert_eq!(failed, ["absent", "asks", "beyond", "too-long", "unknown"]);
    let answer = desk.ask("north", "showtask -d -failed");
    assert!(answer.stdout.contains("VV nothing not found"), "{answer:?}");
    assert_eq!(desk.column("north", "showsched", "SchedName").len(), 5);
    // Whoever made it may not any more.
    desk.quiet(&[HOURLY]);
    desk.array("north").users[0].role = "browse".into();
    desk.pass(3600);
    let failed = desk.column("north", line, "Name");
    assert!(failed.contains(&"hourly".to_owned()), "{failed:?}");
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut desk = desk(RELEASES[1]);
    desk.quiet(&[HOURLY]);
    let long = "n".repeat(32);
    for (line, words) in [
        (HOURLY, "already exists"),
        (
            "createsched \"showvv\" \"88 * * * *\" n",
            "88 is not a valid value",
        ),
        (
            "createsched \"showvv\" \"0 * * *\" n",
            "The schedule format is <minute>",
        ),
        (
            "createsched \"showvv\" @fortnightly n",
            "The schedule format is <minute>",
        ),
        ("createsched \"showvv\" @daily a/b", "Invalid schedule name"),
        (
            &format!("createsched \"showvv\" @daily {long}"),
            "Invalid schedule name",
        ),
        ("createsched showvv @daily", "SYNTAX"),
        ("createsched createsv -ro s db 0 * * * * n", "SYNTAX"),
        ("removesched -f absent", "does not exist"),
        ("setsched -suspend absent", "does not exist"),
        ("setsched -s \"0 0 * *\" hourly", "The schedule format is"),
        ("setsched -name a/b hourly", "Invalid schedule name"),
    ] {
        let told = desk.refused("north", line);
        assert!(told.contains(words), "{line}: {told}");
    }
    let before = desk.world.clone();
    for line in ["createsched \"showvv\" @daily n", "removesched -f hourly"] {
        let told = desk.ask_as("north", "looker", line, false);
        assert!(told.stderr.contains("Permission denied"), "{told:?}");
    }
    assert_eq!(before, desk.world);
}

#[test]
fn a_suspended_one_does_not_run_and_a_removed_one_is_gone() {
    let mut desk = desk(RELEASES[1]);
    desk.quiet(&[HOURLY, "setsched -suspend hourly"]);
    desk.pass(7200);
    assert!(names(&mut desk, "north").is_empty());
    assert_eq!(desk.column("north", "showsched", "Status"), ["suspended"]);
    desk.quiet(&[
        "setsched -resume hourly",
        "setsched -s @daily -name nightly hourly",
    ]);
    assert_eq!(desk.column("north", "showsched", "SchedName"), ["nightly"]);
    desk.pass(7200);
    assert!(names(&mut desk, "north").is_empty());
    desk.pass(86_400);
    // Runs of a day ago are expired, this one is not.
    desk.quiet(&["setsched -s @hourly nightly"]);
    desk.pass(3600);
    assert_eq!(names(&mut desk, "north").len(), 1);
    assert!(desk.ask("north", "removesched nightly").question.is_some());
    desk.quiet(&["removesched -f nightly"]);
    assert_eq!(
        desk.ask("north", "showsched").stdout,
        "No scheduled tasks listed\n"
    );
    desk.pass(7200);
    assert_eq!(names(&mut desk, "north").len(), 1);
}

#[test]
fn an_array_that_is_off_misses_its_runs() {
    let mut desk = desk(RELEASES[1]);
    desk.quiet(&[HOURLY]);
    desk.array("north").up = false;
    desk.pass(10 * 3600);
    desk.array("north").up = true;
    desk.pass(3600);
    assert_eq!(names(&mut desk, "north"), ["auto.231115100000"]);
}

#[test]
fn the_listing_has_a_column_more_on_10() {
    let mut desk = desk(RELEASES[1]);
    desk.quiet(&[HOURLY, "createsched \"showvv\" \"5,35 8-18/2 * * 1-5\" b"]);
    let text = desk.ask("north", "showsched").stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].trim().contains("- Schedule -"), "{text}");
    let words: Vec<&str> = lines[1].split_whitespace().collect();
    let heads = "SchedName File/Command Min Hour DOM Month DOW CreatedBy Status Alert NextRunTime";
    assert_eq!(words, heads.split(' ').collect::<Vec<_>>());
    let begins = lines[0].len() - lines[0].trim_start().len();
    assert_eq!(lines[1].find("Min"), Some(begins + 1), "{text}");
    assert!(
        lines[2].starts_with("hourly    createsv -ro -exp 3h auto."),
        "{text}"
    );
    assert!(
        lines[2].ends_with("active     Y 2023-11-15 00:00:00 CET"),
        "{text}"
    );
    assert!(lines[5].starts_with("2         total"), "{text}");
    assert_eq!(lines.len(), 6);
    assert_eq!(desk.column("north", "showsched b", "SchedName"), ["b"]);

    let mut later = crate::desk(V1050);
    later.quiet(&[HOURLY]);
    let text = later.ask("north", "showsched").stdout;
    let words: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(words[2..4], ["Interval", "Min"]);
}

#[test]
fn what_expires_is_gone_before_the_next_run() {
    let mut desk = desk(RELEASES[1]);
    desk.quiet(&["createsched \"createsv -ro -exp 1h last db\" @hourly rolling"]);
    desk.pass(5 * 3600);
    let line = "showtask -all -type scheduled_task";
    assert_eq!(desk.column("north", line, "Status"), ["done"; 5]);
    assert_eq!(names(&mut desk, "north"), ["last"]);
}
