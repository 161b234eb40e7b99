//! A real Docker engine of its own: own data, own mount and pid namespace, so /run/docker/plugins is private.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use super::arrays::Machine;

/// A namespace with an engine in it. Ends, with everything in it, with the value.
pub struct Engine {
    holder: Child,
    inside: u32,
    dir: PathBuf,
}

impl Engine {
    /// Makes the namespaces and starts the engine, with an image `box` that has a shell and an empty `/data`.
    pub fn start(machine: &Machine, options: &[&str]) -> Self {
        let dir = machine.dir.join("engine");
        std::fs::create_dir_all(&dir).unwrap();
        // The first process of the namespace reaps what containers leave behind.
        let script = format!(
            "mount --make-rprivate / && mkdir -p /run/docker && mount -t tmpfs tmpfs /run/docker && \
             mkdir /run/docker/plugins && mount --bind {}/plugins /run/docker/plugins && touch {}/up && \
             trap : CHLD && while :; do sleep 3600 & wait; done",
            machine.dir.display(),
            dir.display()
        );
        let holder = Command::new("unshare")
            .args([
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                "sh",
                "-c",
                &script,
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        until("the namespace", || dir.join("up").exists());
        let inside = child_of(holder.id());
        let engine = Self {
            holder,
            inside,
            dir,
        };
        engine.start_daemon(options);
        engine.import_image();
        engine
    }

    /// The words to put before a command that is to run inside.
    pub fn inside(&self) -> Vec<String> {
        ["nsenter", "-t", &self.inside.to_string(), "-m", "-p"]
            .map(str::to_owned)
            .to_vec()
    }

    /// Starts the daemon, again. It ends with the namespace; nsenter waits for it there.
    #[expect(clippy::zombie_processes)]
    pub fn start_daemon(&self, options: &[&str]) {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.dir.join("dockerd.log"))
            .unwrap();
        let _ = std::fs::remove_file(self.dir.join("docker.pid"));
        let d = self.dir.display();
        let words = self.inside();
        let _daemon = Command::new(&words[0])
            .args(&words[1..])
            // Without a network namespace of its own it would remove the machine's `docker0` (array fact 30).
            .args(["unshare", "--net", "dockerd"])
            .args([
                format!("--data-root={d}/data"),
                format!("--exec-root={d}/exec"),
                format!("--pidfile={d}/docker.pid"),
                format!("--host=unix://{d}/docker.sock"),
            ])
            .args([
                "--bridge=none",
                "--iptables=false",
                "--ip6tables=false",
                "--storage-driver=vfs",
                // systemd knows nothing of pids in a namespace.
                "--exec-opt=native.cgroupdriver=cgroupfs",
            ])
            .args(options)
            // Its containerd writes there when it was slow to answer.
            .env("TMPDIR", &self.dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        until("the engine", || self.docker(&["version"]).status.success());
    }

    /// `kill -9` of the daemon alone: containers go on, as after a crash.
    pub fn kill_daemon(&self) {
        self.signal_daemon("-KILL");
    }

    /// An orderly stop of the daemon.
    pub fn stop_daemon(&self) {
        self.signal_daemon("-TERM");
    }

    fn signal_daemon(&self, signal: &str) {
        let pid = std::fs::read_to_string(self.dir.join("docker.pid")).unwrap();
        let words = self.inside();
        let run = |program: &str, arguments: &[&str]| {
            Command::new(&words[0])
                .args(&words[1..])
                .arg(program)
                .args(arguments)
                .stderr(Stdio::null())
                .status()
                .unwrap()
        };
        run("kill", &[signal, pid.trim()]);
        until("the engine's end", || {
            !run("kill", &["-0", pid.trim()]).success()
        });
        // Its containerd ends by itself a moment later, and a new engine must not find the old one's socket.
        until("its containerd's end", || {
            !run("pgrep", &["-x", "containerd"]).success()
        });
    }

    fn import_image(&self) {
        if self.docker(&["image", "inspect", "box"]).status.success() {
            return;
        }
        let root = self.dir.join("image");
        std::fs::create_dir_all(root.join("bin")).unwrap();
        std::fs::create_dir_all(root.join("data")).unwrap();
        std::fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
        for applet in [
            "sh", "sleep", "cat", "ls", "echo", "sync", "touch", "md5sum", "stat", "df", "true",
        ] {
            std::os::unix::fs::symlink("busybox", root.join("bin").join(applet)).unwrap();
        }
        let tar = self.dir.join("image.tar");
        let made = Command::new("tar")
            .args(["-C", text(&root), "-cf", text(&tar), "."])
            .status()
            .unwrap();
        assert!(made.success());
        self.ok(&["import", text(&tar), "box"]);
    }

    /// Runs `docker …` against this engine.
    pub fn docker(&self, arguments: &[&str]) -> Output {
        Command::new("docker")
            .arg("--host")
            .arg(format!("unix://{}/docker.sock", self.dir.display()))
            .args(arguments)
            .env_remove("DOCKER_HOST")
            .env_remove("DOCKER_CONTEXT")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs `docker …`, which must succeed; gives what it printed.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.docker(arguments);
        assert!(
            output.status.success(),
            "docker {arguments:?} failed: {}{}",
            String::from_utf8_lossy(&output.stderr),
            self.log_end()
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Runs `docker …`, which must fail; gives what it printed on standard error.
    #[track_caller]
    pub fn fails(&self, arguments: &[&str]) -> String {
        let output = self.docker(arguments);
        assert!(!output.status.success(), "docker {arguments:?} succeeded");
        String::from_utf8_lossy(&output.stderr).trim().to_owned()
    }

    fn log_end(&self) -> String {
        let log = std::fs::read_to_string(self.dir.join("dockerd.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        format!(
            "\n--- dockerd\n{}",
            lines[lines.len().saturating_sub(15)..].join("\n")
        )
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // With the first process of the pid namespace everything in it ends: engine, containers, plugin.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn child_of(parent: u32) -> u32 {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let children = std::fs::read_to_string(path).unwrap();
    children.split_whitespace().next().unwrap().parse().unwrap()
}

/// Waits for something outside this process that has no way of telling.
pub fn until(what: &str, mut ready: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !ready() {
        assert!(Instant::now() < patience, "{what} did not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}
