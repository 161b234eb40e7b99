//! Loop devices, as sysfs lists them and losetup(8) makes them.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{CommandReport, HostError, Kernel, command::run_ok};

const LIMIT: Duration = Duration::from_secs(30);

/// A loop device that is bound to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LoopDevice {
    /// `/dev/loopN`.
    pub path: PathBuf,
    /// The file. The kernel follows symbolic links when it is bound, and renames afterwards.
    pub file: PathBuf,
    /// The file has no name any more; what has the name now is another one.
    pub unlinked: bool,
}

/// All loop devices that are bound to a file.
pub(super) fn list(kernel: &Kernel) -> Result<Vec<LoopDevice>, HostError> {
    let block = kernel.sys().join("block");
    let items = fs::read_dir(&block).map_err(|e| HostError::io("read", &block, e))?;
    let mut found = Vec::new();
    for item in items.flatten() {
        let name = item.file_name();
        if !name.as_bytes().starts_with(b"loop") {
            continue;
        }
        // The directory `loop` is there only while the device is bound.
        let Ok(mut file) = fs::read(item.path().join("loop/backing_file")) else {
            continue;
        };
        file.truncate(file.trim_ascii_end().len());
        let unlinked = file.ends_with(b" (deleted)");
        if unlinked {
            file.truncate(file.len() - b" (deleted)".len());
        }
        found.push(LoopDevice {
            path: Path::new("/dev").join(name),
            file: OsString::from_vec(file).into(),
            unlinked,
        });
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Binds a file to a free loop device.
pub(super) async fn bind(file: &Path) -> Result<PathBuf, HostError> {
    let args = [
        "--find".as_ref(),
        "--show".as_ref(),
        "--direct-io=off".as_ref(),
        file.as_os_str(),
    ];
    let CommandReport { stdout, .. } = run_ok("losetup", &args, LIMIT).await?;
    let path = PathBuf::from(OsStr::new(stdout.trim()));
    if path.starts_with("/dev") {
        Ok(path)
    } else {
        Err(HostError::NotProven {
            what: format!("binding `{}` to a loop device", file.display()),
            but: format!("losetup named `{}`", path.display()),
        })
    }
}

/// Has a loop device take the size that its file has by now, under whoever uses it.
pub(super) async fn take_size(path: &Path) -> Result<(), HostError> {
    run_ok(
        "losetup",
        &["--set-capacity".as_ref(), path.as_os_str()],
        LIMIT,
    )
    .await
    .map(drop)
}

/// Frees a loop device. Status 0 proves nothing: a device that somebody has open is only marked to go later
/// (array fact 32).
pub(super) async fn free(path: &Path) -> Result<(), HostError> {
    run_ok("losetup", &["--detach".as_ref(), path.as_os_str()], LIMIT)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bound_loop_devices_are_listed() {
        let sys = tempfile::tempdir().unwrap();
        for (name, file) in [
            ("loop3", Some("/d/a b.img\n")),
            ("loop1", Some("/d/x (deleted)\n")),
            ("loop0", None),
            ("sda", Some("/d/y\n")),
        ] {
            let dir = sys.path().join("block").join(name);
            fs::create_dir_all(dir.join("loop")).unwrap();
            if let Some(file) = file {
                fs::write(dir.join("loop/backing_file"), file).unwrap();
            }
        }
        let bound = |path: &str, file: &str, unlinked| LoopDevice {
            path: path.into(),
            file: file.into(),
            unlinked,
        };
        assert_eq!(
            list(&Kernel::at("/nowhere", sys.path())).unwrap(),
            [
                bound("/dev/loop1", "/d/x", true),
                bound("/dev/loop3", "/d/a b.img", false)
            ]
        );
    }
}
