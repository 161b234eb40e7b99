//! A second opinion: OpenSSH's own server, here with a small script as its command line, in `arrays` with the simulator's.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hpe3par_docker::ssh::{Auth, Endpoint, Outcome, Pool, SshErrorKind};
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey};

use crate::{
    LONG, greeting,
    rig::needs::{Need, met},
};

const SSHD: &str = "/usr/sbin/sshd";

pub struct Sshd {
    child: Child,
    directory: tempfile::TempDir,
    pub endpoint: Endpoint,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts sshd with this forced command, which may name the directory of everything about it. `None`, after saying why, if there
/// is no sshd here (Debian: openssh-server).
pub async fn sshd(test: &str, forced: impl FnOnce(&Path) -> String) -> Option<Sshd> {
    if !met(test, &[Need::Program("sshd")]) {
        return None;
    }
    // sshd, started by root, wants it; the package's service unit makes it otherwise.
    if let Err(error) = std::fs::create_dir("/run/sshd") {
        assert!(
            matches!(
                error.kind(),
                ErrorKind::AlreadyExists | ErrorKind::PermissionDenied
            ),
            "{error}"
        );
    }
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    // The script must be readable for the user who logs in.
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let key = |name: &str| {
        let key = PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).unwrap();
        key.write_openssh_file(path(name), LineEnding::LF).unwrap();
        key.public_key().to_openssh().unwrap()
    };
    let host_key = key("host_key");
    std::fs::write(path("authorized"), key("user_key")).unwrap();
    std::fs::write(path("cli.sh"), include_str!("openssh_cli.sh")).unwrap();
    let forced = forced(directory.path());
    let port = free_port();
    let config = format!(
        "ListenAddress 127.0.0.1:{port}\nHostKey {0}/host_key\nAuthorizedKeysFile {0}/authorized\nPidFile none\nUsePAM no\n\
         StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n\
         PrintMotd no\nPrintLastLog no\nForceCommand {forced}\n",
        directory.path().display()
    );
    std::fs::write(path("config"), config).unwrap();
    std::fs::write(
        path("known_hosts"),
        format!("[127.0.0.1]:{port} {host_key}\n"),
    )
    .unwrap();
    let login = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout)
        .unwrap()
        .trim()
        .to_owned();
    let log = std::fs::File::create(path("log")).unwrap();
    let child = Command::new(SSHD)
        .arg("-De")
        .arg("-f")
        .arg(path("config"))
        .stdin(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let endpoint = Endpoint {
        label: "real".into(),
        host: "127.0.0.1".into(),
        port,
        login,
        auth: Auth::Key {
            path: path("user_key"),
            passphrase: None,
        },
        known_hosts: path("known_hosts"),
        strict: true,
        legacy_algorithms: false,
        connect_timeout: Duration::from_secs(10),
    };
    let sshd = Sshd {
        child,
        directory,
        endpoint,
    };
    let listening = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
    crate::until("sshd listens", listening).await;
    Some(sshd)
}

/// The small script; `exec`: whether it answers to exec.
fn script(exec: bool) -> impl FnOnce(&Path) -> String {
    let exec = if exec { "yes" } else { "no" };
    move |directory| format!("env EXEC={exec} sh {}/cli.sh", directory.display())
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

impl Sshd {
    fn pool(&self, cap: usize) -> Pool {
        Pool::new(self.endpoint.clone(), greeting(), cap)
    }

    /// What sshd wrote, for a failed test.
    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exec_with_key_and_strict_host_key() {
    let Some(sshd) = sshd("exec_with_key_and_strict_host_key", script(true)).await else {
        return;
    };
    let pool = sshd.pool(2);
    let reply = pool
        .run("say hello", LONG)
        .await
        .unwrap_or_else(|error| panic!("{error}\n{}", sshd.log()));
    assert_eq!(
        (reply.text.as_str(), reply.exit_status),
        ("hello\n", Some(0))
    );
    assert!(reply.session.is_some());
    let reply = pool.run("fail", LONG).await.unwrap();
    let mut lines: Vec<_> = reply.text.lines().collect();
    // Two pipes: sshd reads them in any order.
    lines.sort_unstable();
    assert_eq!(
        (lines, reply.exit_status),
        (vec!["no such thing", "titles"], Some(3))
    );
    assert_eq!(pool.run("ask", LONG).await.unwrap().text, "aborted\n");
    for _ in 0..20 {
        assert_eq!(
            pool.run("trickle", LONG).await.unwrap().text,
            "one byte after the other cli% and on\n"
        );
        assert_eq!(pool.run("silent", LONG).await.unwrap().text, "");
    }
    let error = pool
        .run("never", Duration::from_millis(500))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (SshErrorKind::Deadline, Outcome::Unknown)
    );
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_where_exec_says_nothing() {
    let Some(sshd) = sshd("a_shell_where_exec_says_nothing", script(false)).await else {
        return;
    };
    let pool = sshd.pool(2);
    let reply = pool
        .run("say hello", LONG)
        .await
        .unwrap_or_else(|error| panic!("{error}\n{}", sshd.log()));
    assert_eq!((reply.text.as_str(), reply.exit_status), ("hello\n", None));
    for _ in 0..5 {
        assert_eq!(
            pool.run("trickle", LONG).await.unwrap().text,
            "one byte after the other cli% and on\n"
        );
        assert_eq!(pool.run("silent", LONG).await.unwrap().text, "");
        assert_eq!(
            pool.run("fail", LONG).await.unwrap().text,
            "titles\nno such thing\n"
        );
    }
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_authorised() {
    let Some(sshd) = sshd("a_key_that_is_not_authorised", script(true)).await else {
        return;
    };
    std::fs::write(sshd.directory.path().join("authorized"), "").unwrap();
    let error = sshd.pool(1).run("silent", LONG).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (SshErrorKind::LoginRejected, Outcome::NotSent)
    );
    let mut endpoint = sshd.endpoint.clone();
    endpoint.auth = Auth::Key {
        path: sshd.directory.path().join("missing"),
        passphrase: None,
    };
    let error = Pool::new(endpoint, greeting(), 1)
        .run("silent", LONG)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), SshErrorKind::PrivateKey);
}
