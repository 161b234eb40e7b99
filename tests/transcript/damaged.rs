//! Files that are torn, foreign or cannot be written.

use std::{fs, io::Write, os::unix::fs::PermissionsExt};

use hpe3par_docker::transcript::Follower;

use super::{
    needs::{Need, met, skip},
    *,
};

fn three_records(dir: &Path) -> Vec<u8> {
    let transcript = open(dir, ROOMY, &Hand::new(), &[]);
    record(&transcript, "showvv", "one\ntwo\n");
    record(&transcript, "showcpg", "\n\nx");
    record(&transcript, "showsys", "");
    fs::read(dir.join("prod.log")).unwrap()
}

#[test]
fn a_file_cut_anywhere_gives_whole_records_then_one_torn_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("prod.log");
    let bytes = three_records(dir.path());
    let all = whole(&path);
    for cut in 0..bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        let mut found = items(&path);
        let torn = found
            .pop_if(|last| matches!(last, Err(Damage::Torn { .. })))
            .is_some();
        let found: Vec<Record> = found.into_iter().map(Result::unwrap).collect();
        assert!(all.starts_with(&found), "cut at {cut}");
        let at_an_end = [0, found.iter().map(|r| r.text().len()).sum()].contains(&cut);
        let before_the_blank = found.iter().map(|r| r.text().len()).sum::<usize>() == cut + 1;
        assert_eq!(torn, !at_an_end && !before_the_blank, "cut at {cut}");
    }
}

#[test]
fn writing_goes_on_behind_a_record_cut_anywhere_and_no_cut_answer_passes_for_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("prod.log");
    let bytes = three_records(dir.path());
    let all = whole(&path);
    for cut in 1..bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        record(&open(dir.path(), ROOMY, &Hand::new(), &[]), "later", "on\n");
        let mut found = items(&path);
        assert_eq!(
            found.pop().unwrap().unwrap().command,
            "later",
            "cut at {cut}"
        );
        for item in found {
            match item {
                Ok(record) => assert!(all.contains(&record), "cut at {cut}: {record:?}"),
                Err(Damage::Torn { .. } | Damage::Foreign { .. }) => {}
                Err(other) => panic!("cut at {cut}: {other}"),
            }
        }
    }
}

#[test]
fn what_is_no_transcript_is_named_and_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("prod.log");
    let bytes = three_records(dir.path());
    let mut mixed = b"Dear support,\nhere it is \xff\xfe:\n".to_vec();
    mixed.extend(&bytes);
    mixed.extend(b"# time=yesterday\nregards\n");
    fs::write(&path, mixed).unwrap();
    let found = items(&path);
    assert!(
        matches!(found[0], Err(Damage::Foreign { line: 1, lines: 2 })),
        "{:?}",
        found[0]
    );
    assert!(found[1..4].iter().all(Result::is_ok));
    assert!(
        matches!(found[4], Err(Damage::Foreign { line: 17, lines: 2 })),
        "{:?}",
        found[4]
    );
    assert_eq!(found.len(), 5);
}

#[test]
fn a_directory_that_cannot_be_made_costs_records_and_says_how_many() {
    let dir = tempfile::tempdir().unwrap();
    let blocked = dir.path().join("in-the-way");
    fs::write(&blocked, "").unwrap();
    let transcript = open(&blocked, ROOMY, &Hand::new(), &[]);
    record(&transcript, "showvv", "lost\n");
    record(&transcript, "showvv", "lost too\n");
    fs::remove_file(&blocked).unwrap();
    record(&transcript, "showcpg", "written\n");
    record(&transcript, "showsys", "written\n");
    let found = items(&blocked.join("prod.log"));
    assert!(
        matches!(found[0], Err(Damage::Gap { records: 2, .. })),
        "{:?}",
        found[0]
    );
    assert_eq!(found[1..].iter().filter(|item| item.is_ok()).count(), 2);
    assert_eq!(found.len(), 3);
}

/// Takes a file system away again, whatever happened on it.
struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = nix::mount::umount2(self.0, nix::mount::MntFlags::MNT_DETACH);
    }
}

#[test]
fn a_full_disk_tears_one_record_and_no_command() {
    // /dev/full stands for the disk, but only a regular file is written to; so a small file system is needed.
    let test = "damaged::a_full_disk_tears_one_record_and_no_command";
    if !met(test, &[Need::Root]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let flags = nix::mount::MsFlags::empty();
    let size = Some("size=16k");
    if let Err(error) = nix::mount::mount(Some("tmpfs"), dir.path(), Some("tmpfs"), flags, size) {
        return skip(test, &format!("it cannot mount: {error}"));
    }
    let _mounted = Mounted(dir.path());
    let transcript = open(dir.path(), ROOMY, &Hand::new(), &[]);
    record(&transcript, "showvv", &"fits\n".repeat(100));
    record(&transcript, "showvv", &"too much\n".repeat(4000));
    record(&transcript, "showvv", &"still full\n".repeat(1000));
    let path = dir.path().join("prod.log");
    let before = items(&path);
    fs::rename(&path, dir.path().join("elsewhere")).unwrap();
    fs::remove_file(dir.path().join("elsewhere")).unwrap();
    record(&transcript, "showcpg", "room again\n");
    let after = items(&path);
    drop(transcript);
    nix::mount::umount(dir.path()).expect("the last handle is gone, so the file is closed");
    assert!(
        before[0].is_ok() && matches!(before[1], Err(Damage::Torn { .. })),
        "{before:?}"
    );
    assert!(
        matches!(after[0], Err(Damage::Gap { records: 2, .. })),
        "{after:?}"
    );
    assert!(after[1].is_ok() && after.len() == 2);
}

#[test]
fn nobody_else_may_read_it_and_a_link_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("deep/logs");
    record(&open(&logs, ROOMY, &Hand::new(), &[]), "showvv", "x\n");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&logs), 0o700);
    assert_eq!(mode(&logs.join("prod.log")), 0o600);

    fs::remove_file(logs.join("prod.log")).unwrap();
    let elsewhere = dir.path().join("elsewhere");
    std::os::unix::fs::symlink(&elsewhere, logs.join("prod.log")).unwrap();
    record(&open(&logs, ROOMY, &Hand::new(), &[]), "showvv", "x\n");
    assert!(!elsewhere.exists());
}

#[test]
fn a_follower_waits_for_the_rest_of_a_record_and_goes_along_with_rotation() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("prod.log");
    let bytes = three_records(dir.path());
    let first = whole(&path)[0].text().len();
    fs::write(&path, &bytes[..first]).unwrap();
    let mut follower = Follower::from_now(dir.path().to_owned()).unwrap();
    let mut seen: Vec<String> = Vec::new();
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    for byte in &bytes[first..] {
        file.write_all(&[*byte]).unwrap();
        seen.extend(
            follower
                .poll()
                .unwrap()
                .into_iter()
                .map(|item| item.unwrap().command),
        );
    }
    assert_eq!(seen, ["showcpg", "showsys"]);

    let hand = Hand::new();
    let transcript = open(
        dir.path(),
        Limits {
            max_size: 1,
            ..ROOMY
        },
        &hand,
        &[],
    );
    for command in ["a", "b", "c"] {
        hand.forward(Duration::from_secs(1));
        record(&transcript, command, "");
    }
    let seen: Vec<String> = follower
        .poll()
        .unwrap()
        .into_iter()
        .map(|item| item.unwrap().command)
        .collect();
    assert_eq!(seen, ["a", "b", "c"]);
}
