//! The configuration and the systemd unit in README.md.

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use crate::{
    blocks,
    needs::{Need, met},
};

/// Where everything of the configuration is, as README.md says.
const FOLDER: &str = "/etc/hpedockerplugin";

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Carries out the line with which README.md makes a password file, for every password file that the configuration names.
fn make_password_files(text: &str, dir: &Path) {
    let plain = blocks::of("");
    let install = plain
        .iter()
        .flat_map(|block| &block.lines)
        .find(|line| line.starts_with("install "))
        .unwrap();
    let (making, example) = install.rsplit_once(' ').unwrap();
    let conf: toml::Table = text.parse().unwrap();
    let mut files: Vec<&str> = Vec::new();
    for backend in conf.values() {
        for section in [Some(backend), backend.get("replication_device")] {
            let file = section.and_then(|section| section.get("san_password_file"));
            files.extend(file.and_then(toml::Value::as_str));
        }
    }
    assert!(files.contains(&example), "`{example}` is not in {files:?}");
    for file in files {
        let here = file.replace(FOLDER, dir.to_str().unwrap());
        let made = Command::new("sh")
            .args(["-c", &format!("{making} '{here}'")])
            .status()
            .unwrap();
        assert!(made.success(), "{making} {here}");
        let mode = std::fs::metadata(&here).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{install}");
        // The editor.
        std::fs::write(&here, "correct-horse-battery\n").unwrap();
    }
}

#[test]
fn every_configuration_passes_config_check() {
    for block in blocks::of("toml") {
        let dir = tempfile::tempdir().unwrap();
        make_password_files(&block.text(), dir.path());
        let text = block.text().replace(FOLDER, dir.path().to_str().unwrap());
        let conf = dir.path().join("hpe.conf");
        std::fs::write(&conf, text).unwrap();
        let check = Command::new(env!("CARGO_BIN_EXE_hpe3par-docker"))
            .args(["config", "check", "--config"])
            .arg(&conf)
            .env_remove("RUST_LOG")
            .output()
            .unwrap();
        let said = said(&check);
        assert!(
            check.status.success() && said.contains(": no mistake; "),
            "README.md:{}: {said}",
            block.first
        );
    }
}

#[test]
fn the_unit_is_one_that_systemd_reads() {
    let needs = [Need::Program("systemd-analyze")];
    if !met("configuration::the_unit_is_one_that_systemd_reads", &needs) {
        return;
    }
    for block in blocks::of("ini") {
        let dir = tempfile::tempdir().unwrap();
        let unit = dir.path().join("hpe3par-docker.service");
        let text = block.text();
        let start = "ExecStart=/usr/bin/hpe3par-docker serve\n";
        assert!(text.contains(start), "{text}");
        // The binary is where it was built.
        let built = env!("CARGO_BIN_EXE_hpe3par-docker");
        let text = text.replace(start, &format!("ExecStart={built} serve\n"));
        std::fs::write(&unit, text).unwrap();
        let verify = Command::new("systemd-analyze")
            .args(["verify", "--man=no"])
            .arg(&unit)
            .output()
            .unwrap();
        // It calls an unknown key a warning and ends well; and it speaks of the machine's other units, too.
        let said = said(&verify);
        assert!(
            verify.status.success() && !said.contains("hpe3par-docker.service"),
            "README.md:{}: {said}",
            block.first
        );
    }
}
