//! Somebody who writes to a mounted volume all the time, and notices every write that fails.

use std::process::{Child, Command, Stdio};

use crate::{rig::engine::until, stage::Stage};

/// Numbers every line, and ends when it is told to.
pub struct Writer {
    child: Child,
    volume: String,
}

impl Writer {
    /// Begins to write lines to a file of a mounted volume, each of which is on the device before the next.
    pub fn begin(stage: &Stage, volume: &str) -> Self {
        let at = stage.machine.mountpoint(volume).display().to_string();
        let dir = stage.machine.dir.display().to_string();
        let line = format!(
            "n=0; while [ ! -e {dir}/{volume}.enough ]; do n=$((n+1)); \
             {{ echo line $n >> {at}/lines && sync {at}/lines && echo $n > {dir}/{volume}.written; }} \
             || {{ echo $n >> {dir}/{volume}.lost; exit 1; }}; sleep 0.01; done"
        );
        let words = stage.namespace.words();
        let child = Command::new(&words[0])
            .args(&words[1..])
            .args(["sh", "-c", &line])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let writer = Self {
            child,
            volume: volume.to_owned(),
        };
        writer.goes_on(stage);
        writer
    }

    fn written(&self, stage: &Stage) -> u64 {
        let file = stage.machine.dir.join(format!("{}.written", self.volume));
        let text = std::fs::read_to_string(file).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }

    /// It writes on, from now.
    #[track_caller]
    pub fn goes_on(&self, stage: &Stage) {
        let lost = stage.machine.dir.join(format!("{}.lost", self.volume));
        let before = self.written(stage);
        until("a few lines more", || {
            assert!(!lost.exists(), "a write failed");
            self.written(stage) >= before + 3
        });
    }

    /// Ends, with every line in the file, and not one of them lost.
    #[track_caller]
    pub fn ends(mut self, stage: &Stage) -> Lines {
        self.goes_on(stage);
        let enough = stage.machine.dir.join(format!("{}.enough", self.volume));
        std::fs::write(&enough, "").unwrap();
        assert!(self.child.wait().unwrap().success());
        std::fs::remove_file(enough).unwrap();
        let lines = Lines(self.written(stage));
        lines.are_in(stage, &self.volume);
        lines
    }
}

/// So many lines were written.
pub struct Lines(u64);

impl Lines {
    /// Every one of them is in the file of the mounted volume, once, and nothing else.
    #[track_caller]
    pub fn are_in(&self, stage: &Stage, volume: &str) {
        let at = stage.machine.mountpoint(volume).display().to_string();
        let text = stage.namespace.sh(&format!("cat {at}/lines"));
        let expected: String = (1..=self.0).map(|n| format!("line {n}\n")).collect();
        assert_eq!(text, expected);
    }
}
