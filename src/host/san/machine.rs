//! What all of this needs of the machine: the kernel's tables, its programs, and how long each may take.

use std::{fs, path::Path, time::Duration};

use nix::libc;

use super::super::{HostError, Kernel, Programs};

/// The kernel's tables, the programs, and patience with both.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    pub kernel: Kernel,
    pub programs: Programs,
    pub patience: Patience,
}

/// How long things may take. Tests shorten it.
#[derive(Debug, Clone)]
pub(super) struct Patience {
    /// Between two looks at sysfs.
    pub look_again: Duration,
    /// For a program that answers at once when all is well.
    pub command: Duration,
    /// For a disk to say who it is.
    pub inquiry: Duration,
    /// For one login; iscsid goes on trying after it.
    pub login: Duration,
    /// For iscsid to end its last try, once its time for a login is over.
    pub iscsid: Duration,
    /// For the kernel to look at one LUN.
    pub scan: Duration,
    /// Between two looks at a LUN where the volume has not shown yet.
    pub scan_again: Duration,
    /// For dm-multipath to make a map by itself, before it is told to.
    pub nudge: Duration,
    /// For the other reachable paths to join, once one is usable.
    pub settle: Duration,
    /// For the other ports to answer, once one path is usable.
    pub grace: Duration,
    /// For `multipath -f`.
    pub flush: Duration,
    /// For a device that was removed to be gone.
    pub going: Duration,
    /// For a map that is read-only, or has its former size, to change.
    pub change: Duration,
    /// For paths that come after the volume is in use.
    pub late: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            look_again: Duration::from_millis(100),
            command: seconds(15),
            inquiry: seconds(5),
            login: seconds(30),
            iscsid: seconds(15),
            scan: seconds(10),
            scan_again: seconds(3),
            nudge: seconds(3),
            settle: seconds(3),
            grace: Duration::from_millis(500),
            flush: seconds(60),
            going: seconds(30),
            change: seconds(20),
            late: seconds(150),
        }
    }
}

/// One attribute of sysfs, if it can be read.
pub(super) fn attribute(file: &Path) -> Option<String> {
    read(file).ok().flatten()
}

/// One attribute of sysfs; none if its device has not got it or is just going away. What cannot be read for another reason, for example because
/// the process has no descriptor left, is not absent for that.
///
/// # Errors
/// [`HostError::Io`].
pub(super) fn read(file: &Path) -> Result<Option<String>, HostError> {
    let error = match fs::read(file) {
        // A foreign disk may have any name.
        Ok(bytes) => return Ok(Some(String::from_utf8_lossy(&bytes).trim().to_owned())),
        Err(error) => error,
    };
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENODEV | libc::ENXIO | libc::EINVAL) => Ok(None),
        _ => Err(HostError::io("read", file, error)),
    }
}

/// The names in a directory of sysfs, in order; none if it is not there: a class appears with its first driver.
pub(super) fn names(dir: &Path) -> Result<Vec<String>, HostError> {
    let items = match fs::read_dir(dir) {
        Ok(items) => items,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(HostError::io("read", dir, e)),
    };
    let mut names: Vec<String> = items
        .flatten()
        .filter_map(|item| item.file_name().into_string().ok())
        .collect();
    names.sort();
    Ok(names)
}
