//! `hpe3par-docker config` as a person runs it.

use std::process::{Command, Output};

use super::*;

fn run(arguments: &[&str], conf: &Path) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_hpe3par-docker"))
        .args(arguments)
        .arg("--config")
        .arg(conf)
        .env_remove("RUST_LOG")
        .output()
        .unwrap();
    let dir = conf.parent().unwrap().to_str().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(dir, "@");
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[test]
fn check_says_that_all_is_well_or_everything_that_is_not() {
    let site = Site::new(&plain("ssh_legacy_algorithms = true"));
    let (status, out, err) = run(&["config", "check"], &site.conf());
    let expected = "warning: @/hpe.conf: line 6: [prod] `ssh_legacy_algorithms`: SHA-1 and other outdated algorithms are allowed for this \
                    array\n@/hpe.conf: no mistake; backends: prod\n";
    assert_eq!((status, out.as_str(), err.as_str()), (0, expected, ""));

    let site = Site::new(&plain("takover = \"x\"\nsan_ssh_port = 0"));
    let (status, out, err) = run(&["config", "check"], &site.conf());
    let expected = "error: @/hpe.conf: line 6: [prod] `takover`: unknown key; hint: did you mean `takeover`?\n\
                    error: @/hpe.conf: line 7: [prod] `san_ssh_port`: 0 is out of range: 1 to 65535 are allowed\n\
                    @/hpe.conf: 2 mistakes\n";
    assert_eq!((status, out.as_str(), err.as_str()), (1, expected, ""));

    let (status, out, _) = run(&["config", "check", "--json"], &site.conf());
    let findings: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(status, 1);
    assert_eq!(findings[1]["line"], 7);
    assert_eq!(findings[1]["key"], "san_ssh_port");
    assert_eq!(findings[1]["severity"], "error");
}

#[test]
fn show_prints_what_is_in_force_as_toml_and_hides_secrets() {
    let text = format!(
        "[DEFAULT]\nssh_pool_size = 2\n{}",
        replicated(
            "replication_mode = \"asynchronous\"\ncpg_map = { gold = \"lead\" }\nsan_ssh_port = 23"
        )
    );
    let site = Site::new(&text.replacen(
        "san_password_file = \"@/pw\"",
        "san_password = \"sesame\"",
        1,
    ));
    let (status, out, err) = run(&["config", "show"], &site.conf());
    assert_eq!(status, 0);
    assert_eq!(err, "");
    assert!(!out.contains("sesame"), "{out}");
    let has = |line: &str, origin: &str| {
        let found = out
            .lines()
            .find(|found| found.starts_with(line))
            .unwrap_or_else(|| panic!("{line}: {out}"));
        assert!(found.ends_with(&format!(" # {origin}")), "{found}");
    };
    has("san_password = \"***\"", "line 6");
    has("ssh_pool_size = 2", "[DEFAULT], line 2");
    has("sync_period = 900", "default");
    has("snap_cpg_map = { gold = \"lead\" }", "default");
    has(
        "mount_prefix = \"/var/lib/hpe3par-docker/mounts\"",
        "default",
    );
    let sections: Vec<&str> = out.lines().filter(|line| line.starts_with('[')).collect();
    assert_eq!(
        sections,
        ["[DEFAULT]", "[prod]", "[prod.replication_device]"]
    );

    // It is a configuration itself, with the same meaning.
    site.write(
        "again.conf",
        &out.replace("\"***\"", "\"sesame\"")
            .replace('@', site.dir.path().to_str().unwrap()),
        0o600,
    );
    let (before, after) = (loaded(&site.conf()).0, loaded(&site.path("again.conf")).0);
    assert_eq!(
        (before.global, before.backends),
        (after.global, after.backends)
    );

    // Whatever the names are.
    let dots = replicated("replication_mode = \"synchronous\"\ncpg_map = { \"g.d\" = \"lead\" }")
        .replace("[prod", "[\"prod.1\"")
        .replace("[\"gold\"]", "\"g.d\"");
    let dotted = Site::new(&dots);
    let (_, out, _) = run(&["config", "show"], &dotted.conf());
    dotted.write(
        "again.conf",
        &out.replace('@', dotted.dir.path().to_str().unwrap()),
        0o600,
    );
    assert_eq!(
        loaded(&dotted.conf()).0.backends,
        loaded(&dotted.path("again.conf")).0.backends
    );

    let (_, json, _) = run(&["config", "show", "--json"], &site.conf());
    let settings: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert!(settings.iter().any(|s| s["key"] == "san_password"
        && s["value"] == "\"***\""
        && s["origin"]["line"] == 6));
}

#[test]
fn wrong_files_and_wrong_command_lines_have_their_own_status() {
    let site = Site::new("");
    let (status, out, err) = run(&["config", "show"], &site.conf());
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(err.starts_with("error: @/hpe.conf: no backend"), "{err}");
    let (status, ..) = run(&["config", "improve"], &site.conf());
    assert_eq!(status, 2);
    let (status, _, err) = run(&["serve"], &site.path("nowhere"));
    assert_eq!(status, 1);
    assert!(
        err.contains("@/nowhere: cannot be read: No such file"),
        "{err}"
    );
}
