//! `hpe3par-docker transcript` as a person runs it.

use std::{
    io::{BufRead, BufReader, Write as _},
    process::{Command, Stdio},
};

use super::*;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hpe3par-docker"));
    command
        .arg("transcript")
        .args(arguments)
        .env_remove("RUST_LOG");
    command
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = command(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// The commands of what was shown.
fn commands(out: &str) -> Vec<String> {
    let lines = out.lines().filter_map(|line| line.split_once(" cli% "));
    lines
        .map(|(array, command)| format!("{array}: {command}"))
        .collect()
}

/// Two arrays, three requests, one of them about `db1`, one about `db10`.
fn site() -> tempfile::TempDir {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let [near, far] = ["near", "far"].map(|array| {
        Transcript::open_with_clock(dir.path(), array, ROOMY, Vec::new(), hand.clock())
    });
    let lines = [
        (&near, "a1", "showsys", "ok"),
        (&near, "a1", "createvv gold dkv-db1 1g", "ok"),
        (&far, "b2", "showvv dkv-db10", "refused"),
        (&far, "a1", "setvv -comment x dkv-db1", "refused"),
        (&near, "a1", "showrcopy", "ok"),
        (&near, "c3", "showcpg", "ok"),
    ];
    for (transcript, request, command, outcome) in lines {
        hand.forward(Duration::from_secs(1));
        transcript.record(&Entry {
            outcome,
            ..entry(&RequestId::from(request), command, "answer\n")
        });
    }
    // Their end waits for a slow disk for two seconds only.
    for transcript in [near, far] {
        assert!(transcript.flush(Duration::from_secs(60)));
    }
    dir
}

#[test]
fn show_puts_arrays_together_by_time() {
    let dir = site();
    let dir = dir.path().to_str().unwrap();
    let (status, out, err) = run(&["show", "--dir", dir]);
    assert_eq!((status, err.as_str()), (0, ""));
    let expected = [
        "near: showsys",
        "near: createvv gold dkv-db1 1g",
        "far: showvv dkv-db10",
        "far: setvv -comment x dkv-db1",
        "near: showrcopy",
        "near: showcpg",
    ];
    assert_eq!(commands(&out), expected);
}

#[test]
fn show_can_be_narrowed_down() {
    let dir = site();
    let dir = dir.path().to_str().unwrap();
    let show = |more: &[&str]| {
        let (status, out, err) = run(&[&["show", "--dir", dir], more].concat());
        assert_eq!((status, err.as_str()), (0, ""));
        commands(&out)
    };
    let of_db1 = [
        "near: showsys",
        "near: createvv gold dkv-db1 1g",
        "far: setvv -comment x dkv-db1",
        "near: showrcopy",
    ];
    assert_eq!(show(&["--volume", "db1"]), of_db1);
    assert_eq!(show(&["--request", "a1"]), of_db1);
    assert_eq!(
        show(&["--volume", "db1", "--failed"]),
        ["far: setvv -comment x dkv-db1"]
    );
    assert_eq!(
        show(&["--failed"]),
        ["far: showvv dkv-db10", "far: setvv -comment x dkv-db1"]
    );
    assert_eq!(show(&["--volume", "db1", "--namespace", "blue"]), [""; 0]);
    let (_, json, _) = run(&["show", "--dir", dir, "--request", "b2", "--json"]);
    let record: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(record["output"], "answer\n");
    assert_eq!(record["time"], "2026-03-01T09:15:05.417Z");
}

#[test]
fn the_configuration_says_where_and_which_namespace() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let logs = dir.path().join("logs");
    record(&open(&logs, ROOMY, &hand, &[]), "showvv dkn-blue-db1", "");
    let conf = dir.path().join("hpe.conf");
    let text = format!(
        "[DEFAULT]\ntranscript_dir = {logs:?}\nnamespace = \"blue\"\nsan_ip = \"10.0.0.1\"\nsan_login = \"x\"\nsan_password = \"y\"\nhpe3par_cpg = \"z\"\n"
    );
    std::fs::write(&conf, text).unwrap();
    let (status, out, _) = run(&[
        "show",
        "--config",
        conf.to_str().unwrap(),
        "--volume",
        "db1",
    ]);
    assert_eq!(
        (status, commands(&out)),
        (0, vec!["prod: showvv dkn-blue-db1".to_owned()])
    );
    let (status, _, err) = run(&["list", "--config", "/nowhere/hpe.conf"]);
    assert_eq!(status, 1);
    assert!(
        err.ends_with("hint: `--dir` reads a directory without the configuration\n"),
        "{err}"
    );
    let (status, _, err) = run(&["show", "--dir", "/x", "--volume", "../x"]);
    assert_eq!(status, 1);
    assert!(
        err.starts_with("error: `../x` is not a valid volume name"),
        "{err}"
    );
}

#[test]
fn list_counts_records_failures_and_damage() {
    let dir = site();
    let far = dir.path().join("far.log");
    let text = std::fs::read_to_string(&far).unwrap();
    std::fs::write(&far, &text[..text.len() - 5]).unwrap();
    let dir = dir.path().to_str().unwrap();
    let (status, out, err) = run(&["list", "--dir", dir]);
    assert_eq!((status, err.as_str()), (0, ""));
    let rows: Vec<Vec<&str>> = out
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().skip(1).collect())
        .collect();
    let at = "2026-03-01T09:15:05.417Z";
    let far = far.to_str().unwrap();
    assert_eq!(rows[0], ["1", "1", "1", at, at, far]);
    assert_eq!(rows[1][..3], ["4", "0", "0"]);
    let (_, json, _) = run(&["list", "--dir", dir, "--json"]);
    let files: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&files[0]["damaged"], &files[1]["records"]),
        (&1.into(), &4.into())
    );

    let (status, out, _) = run(&["show", far, "--volume", "db10"]);
    assert_eq!(
        (status, commands(&out).len()),
        (0, 1),
        "files need no configuration"
    );
    let (status, out, err) = run(&["show", far]);
    assert_eq!(status, 0, "a torn record is no error");
    assert_eq!(commands(&out), ["far: showvv dkv-db10"]);
    assert!(
        err.contains("note: ") && err.contains("line 5: the record of request `a1` breaks off"),
        "{err}"
    );
}

#[test]
fn replay_needs_a_file_that_can_be_read() {
    let (status, out, err) = run(&["replay", "/nowhere/x.log"]);
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(
        err.starts_with("error: cannot read `/nowhere/x.log`: "),
        "{err}"
    );
    assert_eq!(run(&["replay"]).0, 2);
}

#[test]
fn show_follows_until_its_reader_goes_away() {
    let dir = tempfile::tempdir().unwrap();
    let transcript = open(dir.path(), ROOMY, &Hand::new(), &[]);
    record(&transcript, "before", "");
    let mut child = command(&[
        "show",
        "--follow",
        "--json",
        "--dir",
        dir.path().to_str().unwrap(),
    ])
    .stdout(Stdio::piped())
    .spawn()
    .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // It is not known when the other process begins to follow; so write until something comes.
    let done = std::sync::atomic::AtomicBool::new(false);
    let first = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                record(&transcript, "after", "");
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let first = lines.next().unwrap().unwrap();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        first
    });
    assert!(first.contains("\"command\":\"after\""), "{first}");
    drop(lines);
    let gone = loop {
        record(&transcript, "into the void", &"x\n".repeat(100_000));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(50));
        std::io::stdout().flush().unwrap();
    };
    assert_eq!(gone.code(), Some(0));
}
