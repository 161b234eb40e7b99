//! The virtual machine: booted by `scripts/lab up`, commanded over SSH, ended with the value.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Seek, Write},
    os::unix::process::CommandExt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{sys::signal::Signal, unistd::Pid};
use tempfile::TempDir;

use crate::run::Scene;

/// For what answers at once: hundreds of times as long as it takes on a quiet machine.
const SOON: Duration = Duration::from_secs(150);
/// For a shutdown with containers, volumes and sessions.
const SHUTDOWN: Duration = Duration::from_secs(400);
/// The status that `timeout` ends with when the time is over.
const TOOK_LONGER: i32 = 124;
/// The status that `ssh` ends with when it cannot reach the machine.
const CONNECTION_LOST: i32 = 255;
/// Lines of the console that are shown after a failure.
const CONSOLE: usize = 60;

/// True when `scripts/lab image` has done its work for what is in the scripts now.
pub fn image_is_built() -> bool {
    let built = Command::new(script())
        .arg("built")
        .stdout(Stdio::null())
        .status();
    built.unwrap().success()
}

fn text(mut file: fs::File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/lab")
}

/// A running machine.
pub struct Machine {
    group: &'static str,
    /// Its disk, its share, its console.
    folder: TempDir,
    /// The process that keeps it.
    up: Option<Child>,
}

/// What a command in the machine came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// Both streams, to look for words in.
    pub fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl Scene for Machine {
    fn set(group: &'static str) -> Self {
        let folder = tempfile::Builder::new().prefix("hpe3par-lab-").tempdir();
        let mut machine = Self {
            group,
            folder: folder.unwrap(),
            up: None,
        };
        machine.start();
        machine
    }

    /// The end of its console; all of it is kept beside the image.
    fn last_words(&self) -> String {
        let console = fs::read(self.folder.path().join("serial.log")).unwrap_or_default();
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .with_file_name("lab")
            .join(format!("{}.serial.log", self.group));
        let _ = fs::write(&kept, &console);
        let console = String::from_utf8_lossy(&console);
        let lines: Vec<&str> = console.lines().collect();
        let end = lines[lines.len().saturating_sub(CONSOLE)..].join("\n");
        format!(
            "--- the machine's console (all of it: {})\n{end}",
            kept.display()
        )
    }
}

impl Machine {
    /// Boots what is on the disk.
    fn start(&mut self) {
        // With this process goes the machine, and its folder. It is the main thread that boots it, and that is what the kernel
        // watches. What a terminal sends to all of a group is for this process alone.
        let mut up = Command::new("setpriv")
            .args(["--pdeathsig", "USR1"])
            .arg(script())
            .arg("up")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut said = String::new();
        let stdout = up.stdout.take().unwrap();
        self.up = Some(up);
        // `up` has a patience of its own.
        BufReader::new(stdout).read_line(&mut said).unwrap();
        assert_eq!(said, "ready\n", "the machine did not boot");
    }

    /// Runs a shell line as root. Fails when that takes longer.
    pub fn run(&self, line: &str, within: Duration) -> Outcome {
        self.feed(line, b"", within)
    }

    fn feed(&self, line: &str, input: &[u8], within: Duration) -> Outcome {
        let outcome = self.attempt(line, input, within);
        assert_ne!(
            outcome.status,
            TOOK_LONGER,
            "`{line}` took longer than {within:?}: {}",
            outcome.said()
        );
        outcome
    }

    /// Runs a shell line, and ends it when its time is over.
    fn attempt(&self, line: &str, input: &[u8], within: Duration) -> Outcome {
        // Files, not pipes: the connection that commands share has them open for as long as a command that hangs.
        let said = || {
            let file = tempfile::tempfile().unwrap();
            (file.try_clone().unwrap(), file)
        };
        let ((to_stdout, stdout), (to_stderr, stderr)) = (said(), said());
        let mut ssh = Command::new("timeout")
            .args(["--kill-after", "5", &within.as_secs().to_string()])
            .args(["ssh", "-F"])
            .arg(self.folder.path().join("ssh.conf"))
            .args(["lab", line])
            .stdin(Stdio::piped())
            .stdout(to_stdout)
            .stderr(to_stderr)
            .spawn()
            .unwrap();
        ssh.stdin.take().unwrap().write_all(input).unwrap();
        let status = ssh.wait().unwrap();
        let outcome = Outcome {
            status: status.code().unwrap_or(-1),
            stdout: text(stdout),
            stderr: text(stderr),
        };
        assert_ne!(
            outcome.status,
            CONNECTION_LOST,
            "the machine cannot be reached: `{line}`: {}",
            outcome.said()
        );
        outcome
    }

    /// Runs a shell line for what it says, if the machine still answers.
    pub fn try_run(&self, line: &str) -> String {
        let run = AssertUnwindSafe(|| self.run(line, SOON).said());
        catch_unwind(run).unwrap_or_default()
    }

    /// Runs a shell line that must succeed, and soon. Gives its stdout.
    #[track_caller]
    pub fn ok(&self, line: &str) -> String {
        let outcome = self.run(line, SOON);
        assert_eq!(outcome.status, 0, "`{line}`: {}", outcome.said());
        outcome.stdout
    }

    /// Looks until a shell line succeeds. A look that does not end soon is a no, and the next one may end: an engine answers nobody until
    /// its containers run.
    #[track_caller]
    pub fn until(&self, what: &str, line: &str, within: Duration) {
        let patience = Instant::now() + within;
        loop {
            let outcome = self.attempt(line, b"", SOON);
            if outcome.status == 0 {
                return;
            }
            assert!(
                Instant::now() < patience,
                "{what} did not come within {within:?}: {outcome:?}"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Writes a file in the machine, for root alone.
    pub fn write(&self, path: &str, text: &str) {
        let line = format!("umask 077; mkdir -p \"$(dirname {path})\" && cat > {path}");
        let outcome = self.feed(&line, text.as_bytes(), SOON);
        assert_eq!(outcome.status, 0, "writing {path}: {}", outcome.said());
    }

    /// The folder that is `/share` in the machine.
    pub fn share(&self) -> PathBuf {
        self.folder.path().join("share")
    }

    /// Shuts it down in order and boots it again.
    pub fn reboot(&mut self) {
        // The connection may go before the answer comes.
        let _ = Command::new("timeout")
            .args(["20", "ssh", "-F"])
            .arg(self.folder.path().join("ssh.conf"))
            .args(["lab", "systemctl reboot"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let patience = Instant::now() + SHUTDOWN;
        let up = self.up.as_mut().unwrap();
        while up.try_wait().unwrap().is_none() {
            assert!(
                Instant::now() < patience,
                "the machine did not shut down within {SHUTDOWN:?}"
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        self.start();
    }

    /// Takes its power away and boots it again.
    pub fn power_cut(&mut self) {
        self.end();
        self.start();
    }

    fn end(&mut self) {
        if let Some(mut up) = self.up.take() {
            let pid = Pid::from_raw(i32::try_from(up.id()).unwrap());
            let _ = nix::sys::signal::kill(pid, Signal::SIGTERM);
            let _ = up.wait();
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.end();
    }
}
