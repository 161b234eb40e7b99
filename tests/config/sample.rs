//! hpe.conf.sample is complete and right.

use hpe3par_docker::model::{Mode, Protocol};

use super::*;

fn sample() -> String {
    with_our_secrets(include_str!("../../hpe.conf.sample"))
}

/// The text with its secrets, files of a real machine, replaced by ours.
fn with_our_secrets(text: &str) -> String {
    let quoted = |line: &str| {
        let file = ["san_password_file", "san_private_key"]
            .iter()
            .any(|key| line.contains(key));
        match line.split_once(" = ") {
            Some((key, _)) if file => format!("{key} = \"@/pw\""),
            _ => line.to_owned(),
        }
    };
    text.lines().map(|line| quoted(line) + "\n").collect()
}

#[test]
fn it_is_valid_and_shows_both_kinds_of_replication() {
    let (config, warnings) = accepted(&sample());
    assert!(warnings.is_empty(), "{warnings:?}");
    let [clinic, warehouse] = config.backends.values().collect::<Vec<_>>()[..] else {
        panic!()
    };
    assert_eq!(
        (clinic.name.as_str(), warehouse.name.as_str()),
        ("clinic", "warehouse")
    );
    assert_eq!(
        (clinic.protocol, warehouse.protocol),
        (Protocol::Fc, Protocol::Iscsi)
    );
    let (pp, ap) = (
        clinic.replication.as_ref().unwrap(),
        warehouse.replication.as_ref().unwrap(),
    );
    assert!(pp.is_peer_persistence() && pp.mode == Mode::Sync && pp.sync_period.is_none());
    assert!(!ap.is_peer_persistence() && ap.mode == Mode::Periodic && ap.sync_period == Some(900));
}

/// The first configuration of README.md is one.
#[test]
fn the_readmes_is_valid_too() {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("```toml\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    let (config, warnings) = accepted(&with_our_secrets(text));
    assert!(warnings.is_empty(), "{warnings:?}");
    let replicated = |name: &str| {
        let backend = config.backends.values().find(|b| b.name.as_str() == name);
        backend.unwrap().replication.as_ref().map(|r| r.mode)
    };
    assert_eq!(
        (replicated("plain"), replicated("mirrored")),
        (None, Some(Mode::Sync))
    );
}

/// The lines `# key = value`.
fn commented() -> Vec<(usize, String)> {
    let is_key = |line: &str| {
        line.strip_prefix("# ")
            .and_then(|rest| rest.split_once(" = "))
            .is_some_and(|(key, _)| {
                !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            })
    };
    let lines = sample();
    let all = lines.lines().enumerate().filter(|(_, line)| is_key(line));
    all.map(|(n, line)| (n, line[2..].to_owned())).collect()
}

#[test]
fn every_line_that_is_commented_out_is_right_too() {
    let commented = commented();
    assert!(commented.len() > 25, "{commented:?}");
    for (n, line) in commented {
        let text: String = sample()
            .lines()
            .enumerate()
            .map(|(at, old)| {
                if at == n {
                    format!("{line}\n")
                } else {
                    format!("{old}\n")
                }
            })
            .collect();
        let site = Site::new(&text);
        let Err(mistakes) = Config::load(&site.conf()) else {
            continue;
        };
        // Some keys need or exclude another one; anything else would be a wrong line in the sample.
        let told = mistakes.iter().map(ToString::to_string).collect::<Vec<_>>();
        let fine = told
            .iter()
            .all(|m| m.contains("cannot stand together") || m.contains("only with"));
        assert!(fine, "{line}: {told:?}");
    }
}

#[test]
fn values_said_to_be_defaults_are_the_defaults() {
    let site = Site::new(&sample());
    let before = loaded(&site.conf()).0;
    let mut compared = 0;
    for (_, line) in commented() {
        let (key, value) = line.split_once(" = ").unwrap();
        let setting = before.settings.iter().find(|setting| setting.key == key);
        let Some(setting) = setting.filter(|s| s.origin == hpe3par_docker::config::Origin::BuiltIn)
        else {
            continue;
        };
        assert_eq!(setting.value, value, "{key}");
        compared += 1;
    }
    assert!(compared > 20, "{compared}");
}

#[test]
fn it_has_every_key() {
    let sample = sample();
    for key in hpe3par_docker::config::known_keys() {
        let there = sample.lines().any(|line| {
            let line = line.strip_prefix("# ").unwrap_or(line);
            line.starts_with(&format!("{key} = ")) || line.ends_with(&format!(".{key}]"))
        });
        assert!(there, "{key}");
    }
}
