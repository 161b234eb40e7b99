//! Running the machine's own programs: fixed places, argument lists, one language, a deadline each.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
    time::{Instant, timeout},
};

use super::HostError;
use crate::model::Secret;

/// Where programs are looked for: never in the caller's `PATH`. The last two are where udev has its own.
const PLACES: [&str; 6] = [
    "/usr/sbin",
    "/sbin",
    "/usr/bin",
    "/bin",
    "/usr/lib/udev",
    "/lib/udev",
];
/// How long a killed program may take to die before it is left behind.
const DYING: Duration = Duration::from_secs(2);
/// More output than this is cut.
const OUTPUT: u64 = 1 << 20;

/// What a program did: the command, how it ended, what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandReport {
    /// The command line, for people.
    pub command: String,
    /// Its exit status; none if a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl fmt::Display for CommandReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ", self.command)?;
        match self.code {
            Some(code) => write!(f, "ended with status {code}")?,
            None => f.write_str("was killed")?,
        }
        let said: Vec<&str> = self
            .stderr
            .lines()
            .chain(self.stdout.lines())
            .map(str::trim)
            .collect();
        let said: Vec<&str> = said
            .into_iter()
            .filter(|line| !line.is_empty())
            .take(6)
            .collect();
        if said.is_empty() {
            f.write_str(" and said nothing")
        } else {
            write!(f, ": {}", said.join(" / "))
        }
    }
}

/// The programs of this machine, at their usual places unless a test says otherwise.
#[derive(Debug, Clone)]
pub struct Programs {
    places: Vec<PathBuf>,
}

impl Default for Programs {
    fn default() -> Self {
        Self::at(PLACES)
    }
}

impl Programs {
    /// Programs at other places. The first one that has it wins.
    pub fn at(places: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        Self {
            places: places.into_iter().map(Into::into).collect(),
        }
    }

    /// Runs a program to its end, whatever the end is.
    ///
    /// # Errors
    /// [`HostError::ToolMissing`], [`HostError::Deadline`] (it was killed, and may still be dying), [`HostError::Io`].
    pub(super) async fn run(
        &self,
        program: &'static str,
        args: &[&OsStr],
        limit: Duration,
    ) -> Result<CommandReport, HostError> {
        run_hiding(self, program, args, None, limit).await
    }

    /// As [`Programs::run`], with an argument that no report and no log may show. Who may read all processes' arguments can
    /// see it while the program runs: only for programs that take it in no other way.
    pub(super) async fn run_hiding(
        &self,
        program: &'static str,
        args: &[&OsStr],
        secret: &Secret,
        limit: Duration,
    ) -> Result<CommandReport, HostError> {
        run_hiding(self, program, args, Some(secret), limit).await
    }

    /// Where a program is.
    ///
    /// # Errors
    /// [`HostError::ToolMissing`].
    pub(super) fn find(&self, program: &'static str) -> Result<PathBuf, HostError> {
        self.places
            .iter()
            .map(|place| place.join(program))
            .find(|path| path.is_file())
            .ok_or(HostError::ToolMissing(program))
    }

    fn search_path(&self) -> OsString {
        let places: Vec<&OsStr> = self.places.iter().map(|place| place.as_os_str()).collect();
        places.join(OsStr::new(":"))
    }
}

/// A secret that may be in a text is made unreadable there.
fn hidden(text: String, secret: Option<&Secret>) -> String {
    match secret.map(Secret::reveal).filter(|s| !s.is_empty()) {
        Some(secret) => text.replace(secret, "***"),
        None => text,
    }
}

async fn run_hiding(
    programs: &Programs,
    program: &'static str,
    args: &[&OsStr],
    secret: Option<&Secret>,
    limit: Duration,
) -> Result<CommandReport, HostError> {
    let path = programs.find(program)?;
    let mut shown = OsString::from(program);
    for arg in args {
        shown.push(" ");
        shown.push(arg);
    }
    let command = hidden(shown.to_string_lossy().into_owned(), secret);
    let begun = Instant::now();
    let mut child = Command::new(&path)
        .args(args)
        .env_clear()
        .env("PATH", programs.search_path())
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // An operation that is dropped must not leave half a filesystem behind.
        .kill_on_drop(false)
        .spawn()
        .map_err(|e| HostError::io("run", &path, e))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let work = async {
        let (status, stdout, stderr) = tokio::join!(child.wait(), read(stdout), read(stderr));
        status.map(|status| (status.code(), stdout, stderr))
    };
    match timeout(limit, work).await {
        Ok(Ok((code, stdout, stderr))) => {
            let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            log::debug!(command = command.as_str(), code = code.unwrap_or(-1), ms = ms; "host command done");
            Ok(CommandReport {
                command,
                code,
                stdout: hidden(stdout, secret),
                stderr: hidden(stderr, secret),
            })
        }
        Ok(Err(e)) => Err(HostError::io("wait for", &path, e)),
        Err(_) => {
            // A program in an uninterruptible wait (lost paths, queueing) dies when the kernel lets it, not before.
            let killed = child.start_kill();
            let dead = killed.is_ok() && timeout(DYING, child.wait()).await.is_ok();
            log::warn!(command = command.as_str(), dead = dead; "host command exceeded its deadline");
            if !dead {
                tokio::spawn(async move { child.wait().await });
            }
            Err(HostError::Deadline {
                what: format!("`{command}`"),
                after: limit,
            })
        }
    }
}

/// Runs one of the machine's usual programs, as [`Programs::run`].
pub(super) async fn run(
    program: &'static str,
    args: &[&OsStr],
    limit: Duration,
) -> Result<CommandReport, HostError> {
    Programs::default().run(program, args, limit).await
}

/// As [`run`], for a program whose only good end is status 0.
pub(super) async fn run_ok(
    program: &'static str,
    args: &[&OsStr],
    limit: Duration,
) -> Result<CommandReport, HostError> {
    let report = run(program, args, limit).await?;
    if report.code == Some(0) {
        Ok(report)
    } else {
        Err(HostError::Command(report))
    }
}

/// Runs something that may block in the kernel, and stops waiting for it at the deadline. It goes on by itself then.
///
/// # Errors
/// Its own, and [`HostError::Deadline`].
pub(super) async fn blocking<T: Send + 'static>(
    what: String,
    limit: Duration,
    work: impl FnOnce() -> Result<T, HostError> + Send + 'static,
) -> Result<T, HostError> {
    match timeout(limit, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(result)) => result,
        Ok(Err(broken)) => Err(HostError::NotProven {
            what,
            but: broken.to_string(),
        }),
        Err(_) => Err(HostError::Deadline { what, after: limit }),
    }
}

/// Where one of the machine's usual programs is, as [`Programs::find`].
pub(super) fn find(program: &'static str) -> Result<PathBuf, HostError> {
    Programs::default().find(program)
}

async fn read(from: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // What was read before an error is worth showing; the exit status decides.
        let _ = from.take(OUTPUT).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args<'a>(words: &'a [&'a str]) -> Vec<&'a OsStr> {
        words.iter().map(OsStr::new).collect()
    }

    #[tokio::test]
    async fn tells_command_status_and_both_streams_in_one_line() {
        let script = "echo \"out $LC_ALL $HOME\"; echo 'err  ' >&2; echo >&2; exit 3";
        let error = run_ok("sh", &args(&["-c", script]), Duration::from_secs(20))
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("`sh -c {script}` ended with status 3: err / out C")
        );
        let silent = run_ok("false", &[], Duration::from_secs(20))
            .await
            .unwrap_err();
        assert_eq!(
            silent.to_string(),
            "`false` ended with status 1 and said nothing"
        );
    }

    #[tokio::test]
    async fn input_is_empty_and_output_is_complete() {
        let report = run_ok("cat", &[], Duration::from_secs(20)).await.unwrap();
        assert_eq!((report.code, report.stdout.as_str()), (Some(0), ""));
        let report = run_ok("seq", &args(&["20000"]), Duration::from_secs(20))
            .await
            .unwrap();
        assert!(report.stdout.ends_with("\n20000\n"));
    }

    #[tokio::test]
    async fn a_missing_program_is_said_to_be_missing() {
        let error = run("mkfs.nothing", &[], Duration::from_secs(1))
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`mkfs.nothing` is not installed on this machine"
        );
    }

    #[tokio::test]
    async fn a_secret_is_in_no_report() {
        let secret = Secret::new("open sesame".to_owned());
        let args = args(&["-c", "echo \"$0\"; echo \"x$0\" >&2; exit 3", "open sesame"]);
        let programs = Programs::default();
        let report = programs
            .run_hiding("sh", &args, &secret, Duration::from_secs(20))
            .await
            .unwrap();
        assert_eq!(
            (report.stdout.trim(), report.stderr.trim()),
            ("***", "x***")
        );
        assert!(!format!("{report} {report:?}").contains("sesame"));
        assert!(report.command.ends_with(" ***"), "{}", report.command);
        let args = [
            OsStr::new("-c"),
            OsStr::new("exec sleep 1000"),
            OsStr::new("open sesame"),
        ];
        let error = programs
            .run_hiding("sh", &args, &secret, Duration::from_millis(50))
            .await
            .unwrap_err();
        assert!(!format!("{error} {error:?}").contains("sesame"), "{error}");
    }

    #[tokio::test]
    async fn programs_are_looked_for_where_they_are_said_to_be() {
        let dir = tempfile::tempdir().unwrap();
        let programs = Programs::at([dir.path()]);
        assert!(matches!(
            programs.find("sh"),
            Err(HostError::ToolMissing("sh"))
        ));
        std::fs::write(dir.path().join("sh"), "").unwrap();
        assert_eq!(programs.find("sh").unwrap(), dir.path().join("sh"));
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_killed_at_its_deadline() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        // The deadline must not be met before the program has said who it is.
        let script = format!(
            "echo $$ > {0}.new; mv {0}.new {0}; exec sleep 1000",
            file.display()
        );
        let error = run("sh", &args(&["-c", &script]), Duration::from_secs(3))
            .await
            .unwrap_err();
        assert!(matches!(error, HostError::Deadline { .. }), "{error}");
        let pid = std::fs::read_to_string(file).unwrap();
        assert!(!PathBuf::from("/proc").join(pid.trim()).exists());
    }

    #[tokio::test]
    async fn work_in_the_kernel_is_not_waited_for_longer_than_allowed() {
        let (release, held) = std::sync::mpsc::channel::<()>();
        let stuck = blocking("`mount`".to_owned(), Duration::from_millis(50), move || {
            let _ = held.recv();
            Ok(())
        });
        assert_eq!(
            stuck.await.unwrap_err().to_string(),
            "`mount` did not end within 0 s"
        );
        drop(release);
        let fine = blocking("x".to_owned(), Duration::from_secs(20), || Ok(7)).await;
        assert!(matches!(fine, Ok(7)));
    }
}
