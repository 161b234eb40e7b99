//! `hpe3par-docker config convert`: another format, the same meaning.

use std::{
    os::unix::fs::MetadataExt,
    process::{Command, Output},
    str::FromStr,
};

use super::*;

fn convert(site: &Site, arguments: &[&str]) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_hpe3par-docker"))
        .args(["config", "convert", "--config", "hpe.conf"])
        .args(arguments)
        .current_dir(site.dir.path())
        .env_remove("RUST_LOG")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// A backend that gives no reason for any warning but the one of the format.
const QUIET: &str = "\
[DEFAULT]
ssh_hosts_key_file = /k
strict_ssh_host_key_policy = True
[a.b]
hpedockerplugin_driver = hpedockerplugin.hpe.hpe_3par_fc.HPE3PARFCDriver
san_ip = array-a
san_login = \"quo\"ted
san_password_file = @/pw
san_ssh_port = 2222
ssh_conn_timeout = 45
hpe3par_cpg = gold, FC.r6
replication_device = backend_id:far,
  replication_mode:SYNCHRONOUS,
  quorum_witness_ip:10.0.0.3,
  cpg_map:gold:lead FC.r6:FC.r5,
  san_ip:array-b,
  san_login:dock\\er,
  san_password_file:@/pw,
";

#[test]
fn what_is_written_means_the_same() {
    for text in [
        include_str!("old/active_passive.conf"),
        include_str!("old/peer_persistence.conf"),
        QUIET,
    ] {
        let site = Site::new(text);
        let (status, out, err) = convert(&site, &["-o", "new.conf"]);
        assert_eq!((status, out.as_str()), (0, ""), "{err}");
        let new = site.path("new.conf");
        assert_eq!(fs::metadata(&new).unwrap().mode() & 0o7777, 0o600);
        let written = fs::read_to_string(&new).unwrap();
        toml::Table::from_str(&written).unwrap();
        let (old, _) = loaded(&site.conf());
        let (new, warnings) = loaded(&new);
        assert_eq!((&new.global, &new.backends), (&old.global, &old.backends));
        let gone = |warning: &Warning| {
            !matches!(
                warning.doubt,
                Doubt::NotStrict
                    | Doubt::NotMapped { .. }
                    | Doubt::NoEffect { .. }
                    | Doubt::SharedLimits { .. }
            )
        };
        assert!(!warnings.iter().any(gone), "{warnings:?}");
    }
}

#[test]
fn comments_say_what_is_not_as_it_was() {
    let site = Site::new(include_str!("old/active_passive.conf"));
    let (status, _, err) = convert(&site, &["--output", "new.conf"]);
    assert_eq!(status, 0);
    assert!(
        err.ends_with(
            "wrote `new.conf`; hint: read it, run `hpe3par-docker config check --config new.conf`, then put it in place of the \
             old file\n"
        ),
        "{err}"
    );
    let new = fs::read_to_string(site.path("new.conf")).unwrap();
    let (_, warnings) = loaded(&site.conf());
    let told: Vec<String> = warnings
        .iter()
        .filter(|warning| {
            let stays = matches!(
                warning.doubt,
                Doubt::OldFormat | Doubt::NotStrict | Doubt::SharedLimits { .. }
            );
            !stays
        })
        .map(|warning| format!("# - {warning}"))
        .collect();
    assert_eq!(told.len(), 17);
    let listed: Vec<&str> = new
        .lines()
        .filter(|line| line.starts_with("# - "))
        .collect();
    assert_eq!(listed, told);
    for line in [
        "# Written by `hpe3par-docker config convert` from hpe.conf, which was in the format of HPE's python plugin.",
        "[rooms.replication_device]",
        "protocol = \"iscsi\"",
        "cpg_map = { FC_r6 = \"DR_FC_r6\", SSD_r6 = \"DR_SSD_r6\" }",
        "replication_mode = \"asynchronous\"",
        "strict_ssh_host_key_policy = false",
        "# Better in a file of its own, mode 0600: san_password_file = \"/etc/hpedockerplugin/<name>.password\"",
        "san_password = \"=Nor:th=2\"",
    ] {
        assert!(new.lines().any(|found| found == line), "{line}:\n{new}");
    }
    for gone in [
        "etcd = ",
        "hpedockerplugin_driver",
        "api_url = ",
        "[backend_defaults]",
    ] {
        assert!(!new.contains(gone), "{gone}:\n{new}");
    }
}

#[test]
fn standard_output_is_for_files_without_passwords() {
    let site = Site::new(QUIET);
    let (status, out, err) = convert(&site, &[]);
    assert_eq!(status, 0, "{err}");
    assert!(out.contains("\n[\"a.b\".replication_device]\n"), "{out}");
    site.write("new.conf", &out, 0o600);
    assert_eq!(
        loaded(&site.path("new.conf")).0.backends,
        loaded(&site.conf()).0.backends
    );

    let site = Site::new(include_str!("old/peer_persistence.conf"));
    let (status, out, err) = convert(&site, &[]);
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(
        err.ends_with(
            "error: hpe.conf: holds passwords, which are not written to standard output; hint: `-o NEW` makes a file with mode \
             0600\n"
        ),
        "{err}"
    );
    assert!(!err.contains("vault 7"), "{err}");
}

#[test]
fn nothing_is_written_over_and_nothing_by_halves() {
    let site = Site::new(QUIET);
    site.write("new.conf", "mine", 0o600);
    let (status, _, err) = convert(&site, &["-o", "new.conf"]);
    assert_eq!(status, 1);
    assert!(
        err.contains("error: cannot write `new.conf`: File exists"),
        "{err}"
    );
    assert_eq!(fs::read_to_string(site.path("new.conf")).unwrap(), "mine");
    let (status, _, err) = convert(&site, &["-o", "no/where"]);
    assert_eq!(status, 1);
    assert!(err.contains("error: cannot write `no/where`: "), "{err}");

    let site = Site::new(&QUIET.replace("gold, FC.r6", "zinc"));
    let (status, out, err) = convert(&site, &["-o", "new.conf"]);
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(
        err.starts_with(
            "error: hpe.conf: line 15: [a.b.replication_device] `cpg_map`: has no entry for `zinc`"
        ),
        "{err}"
    );
    let names: Vec<_> = fs::read_dir(site.dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "hpe.conf and pw alone: {names:?}");
}

#[test]
fn toml_needs_no_conversion() {
    let told = |text: &str| convert(&Site::new(text), &["-o", "new.conf"]);
    let (status, _, err) = told(&plain(""));
    assert_eq!(
        (status, err.as_str()),
        (
            1,
            "error: hpe.conf: this file is TOML already, there is nothing to convert\n"
        )
    );
    let (status, _, err) = told(&plain("lone_primary = \"mount"));
    assert_eq!(status, 1);
    assert!(
        err.starts_with("error: hpe.conf: line 6: not valid TOML: "),
        "{err}"
    );
}
