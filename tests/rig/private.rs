//! A mount namespace for one test.

use std::process::{Command, Stdio};

const INSIDE: &str = "RIG_PRIVATE_MOUNTS";

/// True in a process whose mounts nobody else sees: the test goes on there. False in the one the test was started in, once the other
/// has passed. `test` is the test's full name.
pub fn mounts_are_private(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    // A name that is not this test's would run nothing, successfully.
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{test}: {said}"
    );
    false
}
