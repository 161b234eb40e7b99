//! Files are put aside by size and age, and thrown away by age and number.

use hpe3par_docker::transcript::files;

use super::*;

fn commands(dir: &Path) -> Vec<Vec<String>> {
    files(dir)
        .unwrap()
        .iter()
        .map(|file| {
            whole(&file.path)
                .into_iter()
                .map(|record| record.command)
                .collect()
        })
        .collect()
}

#[test]
fn a_file_never_outgrows_its_size_unless_one_record_does() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let limits = Limits {
        max_size: 300,
        ..ROOMY
    };
    let transcript = open(dir.path(), limits, &hand, &[]);
    for n in 0..6 {
        record(&transcript, &format!("showvv {n}"), "x\n");
    }
    record(&transcript, "big", &"x\n".repeat(500));
    record(&transcript, "after", "");
    let sizes: Vec<u64> = files(dir.path())
        .unwrap()
        .iter()
        .map(|f| f.path.metadata().unwrap().len())
        .collect();
    assert_eq!(
        sizes.iter().filter(|size| **size > 300).count(),
        1,
        "{sizes:?}"
    );
    let commands = commands(dir.path());
    let expected = [
        "showvv 0", "showvv 1", "showvv 2", "showvv 3", "showvv 4", "showvv 5", "big", "after",
    ];
    assert_eq!(commands.concat(), expected);
    assert_eq!(
        commands[0].len(),
        2,
        "records that fit share a file: {commands:?}"
    );
}

#[test]
fn a_quiet_array_rotates_by_age_and_old_files_go() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let limits = Limits {
        max_age: 30 * DAY,
        ..ROOMY
    };
    let transcript = open(dir.path(), limits, &hand, &[]);
    record(&transcript, "day 0", "");
    hand.forward(30 * DAY);
    record(&transcript, "day 30", "");
    assert_eq!(commands(dir.path()), [vec!["day 0", "day 30"]]);
    hand.forward(DAY);
    record(&transcript, "day 31", "");
    assert_eq!(
        commands(dir.path()),
        [vec!["day 0", "day 30"], vec!["day 31"]]
    );
    hand.forward(30 * DAY);
    record(&transcript, "day 61", "");
    assert_eq!(
        commands(dir.path()).len(),
        2,
        "put aside 30 days ago and kept until then"
    );
    hand.forward(DAY);
    record(&transcript, "day 62", "");
    assert_eq!(
        commands(dir.path()),
        [vec!["day 31", "day 61"], vec!["day 62"]]
    );
}

#[test]
fn the_age_of_a_file_is_known_after_a_restart() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let limits = Limits {
        max_age: 30 * DAY,
        ..ROOMY
    };
    record(&open(dir.path(), limits, &hand, &[]), "day 0", "");
    hand.forward(31 * DAY);
    record(&open(dir.path(), limits, &hand, &[]), "day 31", "");
    assert_eq!(commands(dir.path()), [["day 0"], ["day 31"]]);
}

#[test]
fn a_busy_array_keeps_a_hundred_files() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let transcript = open(
        dir.path(),
        Limits {
            max_size: 1,
            ..ROOMY
        },
        &hand,
        &[],
    );
    for n in 0..150 {
        record(&transcript, &n.to_string(), "");
    }
    let commands = commands(dir.path()).concat();
    assert_eq!(commands.len(), 101);
    assert_eq!(
        (commands[0].as_str(), commands[100].as_str()),
        ("49", "149")
    );
}

#[test]
fn another_array_and_other_files_are_left_alone() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let limits = Limits {
        max_size: 1,
        max_age: DAY,
    };
    let other = Transcript::open_with_clock(dir.path(), "prod.b", limits, Vec::new(), hand.clock());
    record(&other, "b", "");
    record(&other, "b2", "");
    std::fs::write(dir.path().join("prod.20200101T000000000Z.log.keep"), "").unwrap();
    hand.forward(9 * DAY);
    let ours = open(dir.path(), limits, &hand, &[]);
    record(&ours, "a", "");
    assert_eq!(commands(dir.path()), [["a"], ["b"], ["b2"]]);
    assert!(
        dir.path()
            .join("prod.20200101T000000000Z.log.keep")
            .exists()
    );
}

#[test]
fn two_writers_share_a_file_and_its_rotation() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let limits = Limits {
        max_size: 2000,
        ..ROOMY
    };
    let writers = [(), ()].map(|()| open(dir.path(), limits, &hand, &[]));
    std::thread::scope(|scope| {
        for writer in &writers {
            scope.spawn(|| {
                for n in 0..200 {
                    writer.record(&entry(
                        &RequestId::from("1"),
                        "showvv",
                        &"x\n".repeat(n % 7),
                    ));
                }
            });
        }
    });
    drop(writers);
    assert_eq!(commands(dir.path()).concat().len(), 400);
}
