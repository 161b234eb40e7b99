//! The lines in README.md that a person types and whose answer is not shown; and what it says and links besides.

use std::{path::Path, process::Command};

use regex::Regex;

use crate::blocks;

/// Programs that are not ours.
const OTHERS: [&str; 4] = ["install", "editor", "ssh-keyscan", "ssh-keygen"];

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// True if a program of ours would carry the line out.
fn would_run(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let mut command = match words.next().unwrap() {
        "make" => {
            let mut make = Command::new("make");
            // Tells what it would do, and that there is such a target.
            make.arg("--dry-run").env_remove("MAKEFLAGS");
            make
        }
        "hpe3par-docker" => Command::new(env!("CARGO_BIN_EXE_hpe3par-docker")),
        other => return OTHERS.contains(&other),
    };
    command.args(words).current_dir(ROOT);
    if line.starts_with("hpe3par-docker ") {
        // An argument that does not exist is refused before help is given.
        command.arg("--help");
    }
    command.output().unwrap().status.success()
}

#[test]
fn every_command_exists() {
    for block in blocks::of("") {
        for (at, line) in block.lines.iter().enumerate() {
            let line = line.split(" # ").next().unwrap().trim();
            assert!(
                line.is_empty() || would_run(line),
                "README.md:{}: `{line}`",
                block.first + at
            );
        }
    }
}

#[test]
fn a_command_that_does_not_exist_is_found() {
    for line in [
        "make deom",
        "hpe3par-docker confg check",
        "hpe3par-docker config check --confg x",
        "rm -r x",
    ] {
        assert!(!would_run(line), "{line}");
    }
}

#[test]
fn every_link_leads_to_a_file() {
    let link = Regex::new(r"\]\(([^)#]+)[^)]*\)").unwrap();
    let readme = blocks::readme();
    let links: Vec<&str> = link
        .captures_iter(&readme)
        .map(|found| found.get(1).unwrap().as_str())
        .filter(|link| !link.contains("://"))
        .collect();
    assert!(links.contains(&"LICENSE"), "{links:?}");
    for link in links {
        assert!(Path::new(ROOT).join(link).exists(), "`{link}`");
    }
}

/// The oldest Rust that builds it is said in three places.
#[test]
fn there_is_one_oldest_rust() {
    let read = |file: &str| std::fs::read_to_string(Path::new(ROOT).join(file)).unwrap();
    let version = |text: &str, pattern: &str| {
        let found = Regex::new(pattern).unwrap().captures(text);
        found.unwrap_or_else(|| panic!("{pattern}"))[1].to_owned()
    };
    let manifest = version(&read("Cargo.toml"), r#"rust-version = "([^"]+)""#);
    assert_eq!(version(&read("README.md"), r"Rust (\d\S*)"), manifest);
    assert_eq!(
        version(&read("scripts/setup"), r"need_rust=(\S+)"),
        manifest
    );
}
