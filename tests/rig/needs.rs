//! What a test needs of the machine. What is missing is said in an ordinary line; under `REQUIRE_ALL=1` it is a failure.
#![allow(dead_code)] // Each test program uses its part.

use std::{io::Write, path::Path};

/// Something that not every machine has.
#[derive(Debug, Clone, Copy)]
pub enum Need {
    /// Root.
    Root,
    /// A program, by its name.
    Program(&'static str),
    /// A device of the kernel, by its path.
    Device(&'static str),
}

/// True if the machine has all of it.
pub fn met(test: &str, needs: &[Need]) -> bool {
    let Some(missing) = needs.iter().find_map(|need| missing(*need)) else {
        return true;
    };
    skip(test, &missing);
    false
}

/// Says that a test does not run here, and why. Under `REQUIRE_ALL=1` it fails.
pub fn skip(test: &str, why: &str) {
    assert!(
        std::env::var_os("REQUIRE_ALL").is_none_or(|all| all != "1"),
        "{test} cannot run: {why}, and REQUIRE_ALL=1 is set"
    );
    say_skipped(test, why);
}

/// The line that says it. For what no machine is asked to have; see [`skip`] for all else.
pub fn say_skipped(test: &str, why: &str) {
    // Not println!: the harness keeps that from the screen when a test passes.
    let _ = writeln!(std::io::stderr(), "test {test} ... skipped: {why}");
}

/// What the machine lacks, in words.
pub fn missing(need: Need) -> Option<String> {
    match need {
        Need::Root if nix::unistd::geteuid().is_root() => None,
        Need::Root => Some("it needs root".to_owned()),
        Need::Program(name) => {
            let found = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
                .iter()
                .any(|folder| Path::new(folder).join(name).exists());
            (!found).then(|| format!("`{name}` is not installed"))
        }
        Need::Device(path) => {
            (!Path::new(path).exists()).then(|| format!("this kernel has no `{path}`"))
        }
    }
}
