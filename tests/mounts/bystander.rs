//! A process beside the plugin that keeps a mounted volume busy.
#![allow(dead_code)] // Each test program uses its part.

use std::process::{Child, Command, Stdio};

use crate::{rig::engine::until, stage::Stage};

/// As a monitoring container has a copy of all mounts.
pub const COPY_OF_ALL_MOUNTS: [&str; 4] = ["unshare", "--mount", "--propagation", "private"];

/// A process in the plugin's sight that runs after `line`. It ends with the stage at the latest.
pub fn begin(stage: &Stage, under: &[&str], line: &str) -> Holder {
    let up = stage.machine.dir.join("holder");
    let words = stage.namespace.words();
    let child = Command::new(&words[0])
        .args(&words[1..])
        .args(under)
        .args(["sh", "-c"])
        .arg(format!(
            "{line} && echo $$ > {0}.new && mv {0}.new {0} && exec sleep 600",
            up.display()
        ))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("the process", || up.exists());
    let pid = std::fs::read_to_string(up).unwrap().trim().to_owned();
    Holder { pid, child }
}

/// It.
pub struct Holder {
    /// Its id in the namespace.
    pub pid: String,
    child: Child,
}

impl Holder {
    /// Ends it.
    pub fn end(mut self, stage: &Stage) {
        stage.namespace.sh(&format!("kill -KILL {}", self.pid));
        self.child.wait().unwrap();
    }
}
