//! The program: `serve`, `ctl` and `cli`.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

struct Program {
    serve: Child,
    socket: PathBuf,
    _dir: tempfile::TempDir,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.serve.kill();
        let _ = self.serve.wait();
    }
}

impl Program {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pair.toml");
        let text = std::fs::read_to_string(example).unwrap();
        let text = text
            .replace("ssh_port = 2201", "ssh_port = 0")
            .replace("ssh_port = 2202", "ssh_port = 0");
        let text = text.replace("latency_ms = 300", "latency_ms = 0");
        let config = dir.path().join("sim.toml");
        std::fs::write(&config, text).unwrap();
        let socket = dir.path().join("control.sock");
        let serve = Command::new(env!("CARGO_BIN_EXE_hpe3par-sim"))
            .args(["serve", "--config"])
            .arg(config)
            .arg("--state")
            .arg(dir.path().join("state"))
            .arg("--control")
            .arg(&socket)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut program = Self {
            serve,
            socket,
            _dir: dir,
        };
        let mut lines = BufReader::new(program.serve.stdout.take().unwrap()).lines();
        assert!(
            lines
                .next()
                .unwrap()
                .unwrap()
                .starts_with("par-north listens on 127.0.0.1:")
        );
        // The socket is bound right after the addresses are printed.
        while !program.ctl(&["arrays"]).status.success() {
            assert!(program.serve.try_wait().unwrap().is_none(), "serve ended");
        }
        program
    }

    fn command(&self, what: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hpe3par-sim"));
        command
            .env_remove("SSH_ORIGINAL_COMMAND")
            .arg(what)
            .arg("--control")
            .arg(&self.socket);
        command
    }

    fn ctl(&self, arguments: &[&str]) -> Output {
        self.command("ctl").args(arguments).output().unwrap()
    }
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn ctl_and_cli_share_the_state_of_serve() {
    let program = Program::start();
    let cli = |arguments: &[&str]| {
        program
            .command("cli")
            .args(["--array", "par-north"])
            .args(arguments)
            .output()
            .unwrap()
    };
    assert!(cli(&["-c", "createvvset s1"]).status.success());
    let refused = cli(&["-c", "createvvset -nonsense"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        String::from_utf8(refused.stderr)
            .unwrap()
            .contains("SYNTAX")
    );
    let mut forced = program.command("cli");
    let forced = forced
        .args(["--array", "par-north"])
        .env("SSH_ORIGINAL_COMMAND", "showversion -s")
        .output()
        .unwrap();
    assert_eq!(text(&forced), "3.3.1 (MU2)\n");

    let dump = program.ctl(&["dump"]);
    let dump: serde_json::Value = serde_json::from_slice(&dump.stdout).unwrap();
    assert_eq!(
        dump["par-north"]["vv_sets"]["s1"]["members"],
        serde_json::json!([])
    );
    let log: serde_json::Value =
        serde_json::from_slice(&program.ctl(&["log", "par-north"]).stdout).unwrap();
    assert_eq!(log[0]["line"], "createvvset s1");

    assert!(
        program
            .ctl(&[
                "fault",
                "drop-after",
                "--matching",
                "^createvvset",
                "--nth",
                "1"
            ])
            .status
            .success()
    );
    assert_eq!(
        cli(&["-c", "createvvset s2"]).status.code(),
        Some(255),
        "broken off"
    );
    assert!(text(&program.ctl(&["dump"])).contains("\"s2\""));
    assert!(text(&program.ctl(&["change-host-key", "par-south"])).contains("ssh-ed25519"));
    let wrong = program.ctl(&["down", "nowhere"]);
    assert!(!wrong.status.success());
    assert!(
        String::from_utf8(wrong.stderr)
            .unwrap()
            .contains("there is no array `nowhere`")
    );
    for fine in [
        vec!["advance", "60"],
        vec!["cut-links", "par-north", "par-south"],
        vec!["restore-links", "par-north", "par-south"],
        vec!["cut-witness", "par-north"],
        vec!["restore-witness", "par-north"],
        vec!["cpg-full", "par-north", "gold_r6"],
        vec!["cpg-restore", "par-north", "gold_r6"],
        vec![
            "login",
            "par-north",
            "iqn.2005-03.org.open-iscsi:other",
            "0:2:1",
        ],
        vec!["logout", "par-north", "iqn.2005-03.org.open-iscsi:other"],
        vec!["latency", "par-north", "5"],
        vec!["session-limit", "par-north", "9"],
        vec!["session-limit", "par-north"],
        vec!["switch", "par-north", "shell_only", "true"],
        vec!["down", "par-south"],
        vec!["up", "par-south"],
        vec!["release"],
        vec!["clear-faults"],
        vec!["clear-log"],
    ] {
        let output = program.ctl(&fine);
        assert!(output.status.success(), "{fine:?}: {output:?}");
    }
}

#[test]
fn the_dump_tells_how_groups_stand_on_both_arrays() {
    let program = Program::start();
    let cli = |array: &str, line: &str| {
        let mut command = program.command("cli");
        let output = command.args(["--array", array, "-c", line]).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        text(&output)
    };
    for line in [
        "createvv -tpvv -snp_cpg gold_r6 gold_r6 v1 1g",
        "creatercopygroup -usr_cpg gold_r6 to-south:silver_r6 -snp_cpg gold_r6 to-south:silver_r6 g1 to-south:sync",
        "admitrcopyvv -createvv v1 g1 to-south:v1",
    ] {
        cli("par-north", line);
    }
    let line = "setrcopygroup failover -f -waittask g1.r131071";
    cli("par-south", line);
    let dump: serde_json::Value = serde_json::from_slice(&program.ctl(&["dump"]).stdout).unwrap();
    for (array, group, role) in [
        ("par-north", "g1", "Primary"),
        ("par-south", "g1.r131071", "Primary-Rev"),
    ] {
        let group = &dump[array]["groups"][group];
        assert_eq!(group["role"], role);
        assert_eq!(group["status"], "Stopped");
        assert_eq!(group["mode"], "Sync");
        assert_eq!(group["volumes"][0]["sync"], "New");
    }

    let quorum = || cli("par-north", "showrcopy -qw targets -nohdtot");
    assert!(quorum().contains(" Started "));
    program.ctl(&["cut-witness", "par-north"]);
    assert!(quorum().contains(" Failed "));
    let dump = text(&program.ctl(&["dump"]));
    assert!(dump.contains("\"witness_lost\": true") || dump.contains("\"witness_lost\":true"));
    program.ctl(&["restore-witness", "par-north"]);
    assert!(quorum().contains(" Started "));
}

#[test]
fn an_array_that_is_off_has_no_command_line() {
    let program = Program::start();
    let cli = |array: &str| {
        let mut command = program.command("cli");
        command.args(["--array", array, "-c", "showversion -s"]);
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr.clone()).unwrap();
        (output.status.code(), text(&output), said)
    };
    let mut session = program
        .command("cli")
        .args(["--array", "par-south"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut heard = [0; "par-south cli% ".len()];
    session
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut heard)
        .unwrap();
    assert!(program.ctl(&["down", "par-south"]).status.success());
    let off = (
        Some(255),
        String::new(),
        "array `par-south` is off\n".to_owned(),
    );
    assert_eq!(cli("par-south"), off);
    assert_eq!(cli("par-north").0, Some(0));
    let (status, _, said) = cli("par-west");
    assert_eq!(
        (status, &*said),
        (Some(1), "there is no array `par-west`\n")
    );
    let mut stdin = session.stdin.take().unwrap();
    stdin.write_all(b"createvvset s1\n").unwrap();
    drop(stdin);
    assert_eq!(session.wait().unwrap().code(), Some(255), "it was cut");
    program.ctl(&["up", "par-south"]);
    assert_eq!(cli("par-south").0, Some(0));
    assert!(!text(&program.ctl(&["dump"])).contains("\"s1\""));
}

#[test]
fn cli_without_a_command_is_a_session_that_asks() {
    let program = Program::start();
    let mut session = program
        .command("cli")
        .args(["--array", "par-north"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = session.stdin.take().unwrap();
    stdin
        .write_all(b"createvvset s1\nremovevvset s1\ny\nsetclienv csvtable 1\nshowversion -s\n")
        .unwrap();
    drop(stdin);
    let output = session.wait_with_output().unwrap();
    let heard = text(&output);
    assert!(
        heard.starts_with("par-north cli% par-north cli% "),
        "{heard}"
    );
    assert!(heard.contains("select q=quit y=yes n=no: "), "{heard}");
    assert!(
        heard.ends_with("par-north cli% 3.3.1 (MU2)\npar-north cli% \n"),
        "{heard}"
    );
    assert!(!text(&program.ctl(&["dump"])).contains("\"s1\""));
}

#[test]
fn a_chap_secret_is_in_no_dump_and_no_log() {
    let program = Program::start();
    let output = program
        .command("cli")
        .args(["--array", "par-north", "-c"])
        .arg("createhost h1 ; sethost initchap -chapname lab secretsecret1 h1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let dump = String::from_utf8(program.ctl(&["dump"]).stdout).unwrap();
    assert!(dump.contains("\"name\": \"lab\""), "{dump}");
    assert!(!dump.contains("secretsecret1"), "{dump}");
    let log = String::from_utf8(program.ctl(&["log"]).stdout).unwrap();
    assert!(
        log.contains("sethost initchap -chapname lab **** h1"),
        "{log}"
    );
    assert!(!log.contains("secretsecret1"), "{log}");
}

#[test]
fn a_cable_is_pulled_and_plugged_in_again() {
    let program = Program::start();
    let state = || {
        let output = program
            .command("cli")
            .args([
                "--array",
                "par-north",
                "-c",
                "showport -iscsi -csvtable -nohdtot 0:2:1",
            ])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(state().contains(",ready,"), "{}", state());
    assert!(
        program
            .ctl(&["cut-port", "par-north", "0:2:1"])
            .status
            .success()
    );
    assert!(state().contains(",loss_sync,"), "{}", state());
    assert!(
        program
            .ctl(&["restore-port", "par-north", "0:2:1"])
            .status
            .success()
    );
    assert!(state().contains(",ready,"), "{}", state());
    let refused = program.ctl(&["cut-port", "par-north", "9:9:9"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("has no port `9:9:9`"), "{said}");
}
