//! hpe.conf: what is accepted, and what is said about the rest.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod accepted;
mod command;
mod convert;
mod mistakes;
#[path = "../rig/needs.rs"]
mod needs;
mod old_format;
mod old_mistakes;
mod sample;
mod secret_files;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use hpe3par_docker::config::{Config, Doubt, Warning};
use tempfile::TempDir;

/// A directory with hpe.conf and the password file `pw`, both for the owner only.
struct Site {
    dir: TempDir,
}

impl Site {
    /// In the text, `@` stands for the directory.
    fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let site = Self { dir };
        site.write("pw", "open sesame\n", 0o600);
        site.write(
            "hpe.conf",
            &text.replace('@', site.dir.path().to_str().unwrap()),
            0o600,
        );
        site
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn conf(&self) -> PathBuf {
        self.path("hpe.conf")
    }
}

/// The mistakes as text, the directory written `@` again.
fn mistakes(text: &str) -> Vec<String> {
    let site = Site::new(text);
    let mistakes = Config::load(&site.conf()).expect_err("it was accepted");
    let dir = site.dir.path().to_str().unwrap();
    mistakes
        .iter()
        .map(|mistake| mistake.to_string().replace(dir, "@"))
        .collect()
}

fn loaded(path: &Path) -> (Config, Vec<Warning>) {
    match Config::load(path) {
        Ok(loaded) => loaded,
        Err(mistakes) => panic!(
            "{}",
            mistakes
                .iter()
                .map(|m| format!("{m}\n"))
                .collect::<String>()
        ),
    }
}

fn accepted(text: &str) -> (Config, Vec<String>) {
    let (config, warnings) = loaded(&Site::new(text).conf());
    (config, warnings.iter().map(ToString::to_string).collect())
}

/// A backend without replication; `{}` is where more of its keys go.
const PLAIN: &str = "\
[prod]
san_ip = \"10.0.0.1\"
san_login = \"dock\"
san_password_file = \"@/pw\"
hpe3par_cpg = [\"gold\", \"silver\"]
{}
";

/// A backend with replication; `{}` is where more keys of the target go.
const REPLICATED: &str = "\
[prod]
san_ip = \"10.0.0.1\"
san_login = \"dock\"
san_password_file = \"@/pw\"
hpe3par_cpg = [\"gold\"]
[prod.replication_device]
backend_id = \"far\"
san_ip = \"10.0.0.2\"
san_login = \"dock\"
san_password_file = \"@/pw\"
{}
";

fn plain(more: &str) -> String {
    PLAIN.replace("{}", more)
}

fn replicated(more: &str) -> String {
    REPLICATED.replace("{}", more)
}
