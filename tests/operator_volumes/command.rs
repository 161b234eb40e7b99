//! The command as a person types it.

use std::path::Path;

use serde_json::Value;

use super::rig::arrays::Machine;

/// What it said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    /// What it printed, of one that must succeed.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// The same, as JSON.
    #[track_caller]
    pub fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// The last line of what it complained about, of one that must fail without printing anything.
    #[track_caller]
    pub fn refused(self) -> String {
        assert_eq!((self.code, self.out.as_str()), (1, ""), "{self:?}");
        let line = self.err.lines().last().unwrap_or_default();
        line.strip_prefix("error: ").expect("an error").to_owned()
    }
}

/// `hpe3par-docker volume …` with the hpe.conf of a machine.
pub fn volume(machine: &Machine, words: &[&str]) -> Said {
    with_conf(&machine.conf(), words)
}

pub fn with_conf(conf: &Path, words: &[&str]) -> Said {
    let conf = conf.display().to_string();
    let command = || {
        std::process::Command::new(env!("CARGO_BIN_EXE_hpe3par-docker"))
            .arg("volume")
            .args(words)
            .args(["--config", &conf])
            .env_remove("RUST_LOG")
            .output()
            .unwrap()
    };
    // The arrays live in the same runtime as the test, and go on.
    let output = tokio::task::block_in_place(command);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}
