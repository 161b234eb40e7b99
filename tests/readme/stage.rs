//! `scripts/demo` and `scripts/try`, run here, and what they leave.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::needs::{Need, met};

/// True if a Docker engine can be started here.
pub fn has_engine(test: &str) -> bool {
    let programs = [
        "dockerd",
        "docker",
        "unshare",
        "nsenter",
        "losetup",
        "mkfs.ext4",
        "busybox",
    ];
    let mut needs = vec![Need::Root];
    needs.extend(programs.map(Need::Program));
    met(test, &needs)
}

/// A directory for everything that a script makes.
pub struct Stage(TempDir);

impl Stage {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A script of `scripts/`, with arrays 20 times as fast as real ones. Standard error goes where standard output goes.
    pub fn script(&self, name: &str) -> Command {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let built = Path::new(env!("CARGO_BIN_EXE_hpe3par-docker"));
        let target = built.parent().and_then(Path::parent).unwrap();
        let mut command = Command::new("sh");
        command
            .args(["-c", "exec \"$0\" \"$@\" 2>&1"])
            .arg(root.join("scripts").join(name))
            .env("CARGO_TARGET_DIR", target)
            .env("TMPDIR", self.0.path())
            .env("SPEED", "20")
            .env_remove("ENGINE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
    }

    /// Nothing of a script that has ended is left: no file, loop device, control group or process.
    #[track_caller]
    pub fn assert_nothing_left(&self) {
        let here = self.0.path();
        let left: Vec<_> = std::fs::read_dir(here).unwrap().flatten().collect();
        assert!(left.is_empty(), "files: {left:?}");
        let within = |text: &[u8]| String::from_utf8_lossy(text).contains(here.to_str().unwrap());
        for block in std::fs::read_dir("/sys/block").unwrap().flatten() {
            let backing = std::fs::read(block.path().join("loop/backing_file"));
            assert!(!backing.is_ok_and(|file| within(&file)), "{block:?}");
        }
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            let words = std::fs::read(process.path().join("cmdline"));
            assert!(!words.is_ok_and(|words| within(&words)), "{process:?}");
        }
    }
}
