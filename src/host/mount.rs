//! Mounting and unmounting, each proven by the kernel's table. Never lazily, and nothing is ever removed but an empty
//! directory that is no mountpoint.

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    errno::Errno,
    mount::{MntFlags, MsFlags},
};

use super::{
    BlockDevice, HostError, Kernel, MountEntry,
    busy::{self, users_of},
    command::blocking,
};
use crate::model::{Change, FsType};

/// What is mounted on a directory.
///
/// # Errors
/// [`HostError::Io`], [`HostError::Unrecognised`].
pub fn is_mounted(kernel: &Kernel, mountpoint: &Path) -> Result<Option<MountEntry>, HostError> {
    match resolve(mountpoint)? {
        Some(mountpoint) => kernel.mounted_at(&mountpoint),
        None => Ok(None),
    }
}

/// Mounts a device, making the directory if need be. Unchanged if it is mounted there already.
///
/// # Errors
/// [`HostError::OtherMount`], [`HostError::WrongDevice`], [`HostError::InUse`], [`HostError::Deadline`] (the mount may still
/// happen: look before the next attempt), [`HostError::Io`], [`HostError::NotProven`].
pub async fn mount(
    kernel: &Kernel,
    device: &BlockDevice,
    mountpoint: &Path,
    kind: FsType,
    limit: Duration,
) -> Result<Change<MountEntry>, HostError> {
    let what = format!(
        "mounting `{}` on `{}`",
        device.path().display(),
        mountpoint.display()
    );
    let job = (kernel.clone(), device.clone(), mountpoint.to_owned());
    let done = blocking(what, limit, move || mount_now(&job.0, &job.1, &job.2, kind)).await;
    match done {
        Err(HostError::Io { source, .. }) if source.raw_os_error() == Some(Errno::EBUSY as i32) => {
            let by = Box::new(busy::busy(kernel, device, limit).await?.unwrap_or_default());
            Err(HostError::InUse {
                path: device.path().to_owned(),
                by,
            })
        }
        other => other,
    }
}

fn mount_now(
    kernel: &Kernel,
    device: &BlockDevice,
    mountpoint: &Path,
    kind: FsType,
) -> Result<Change<MountEntry>, HostError> {
    let mut directory = fs::DirBuilder::new();
    // Anybody may pass through to the volumes; the bare directory beneath a volume is for nobody.
    if let Some(parent) = mountpoint.parent() {
        directory
            .recursive(true)
            .mode(0o711)
            .create(parent)
            .map_err(|e| HostError::io("make directory", parent, e))?;
    }
    let Some(target) = resolve(mountpoint)? else {
        return Err(HostError::io(
            "make directory",
            mountpoint,
            ErrorKind::NotFound.into(),
        ));
    };
    let is_ours =
        |entry: &MountEntry| entry.device == device.number() && entry.root == Path::new("/");
    if let Some(entry) = kernel.mounted_at(&target)? {
        return if is_ours(&entry) {
            Ok(Change::Unchanged(entry))
        } else {
            Err(HostError::OtherMount {
                mountpoint: target,
                found: entry.source.to_string_lossy().into_owned(),
            })
        };
    }
    match directory.recursive(false).mode(0o700).create(&target) {
        Ok(()) => {}
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            let fail = |e| HostError::io("look into", &target, e);
            // A symbolic link would mount the volume somewhere else.
            if !fs::symlink_metadata(&target).map_err(fail)?.is_dir() {
                return Err(fail(ErrorKind::NotADirectory.into()));
            }
            if fs::read_dir(&target).map_err(fail)?.next().is_some() {
                log::warn!(mountpoint = target.display().to_string().as_str();
                    "files in the directory itself are hidden by the mount: they were written while nothing was mounted there");
            }
        }
        Err(e) => return Err(HostError::io("make directory", &target, e)),
    }
    device.still_there(kernel)?;
    let kind = kind.to_string();
    nix::mount::mount(
        Some(device.path()),
        &target,
        Some(kind.as_str()),
        MsFlags::empty(),
        None::<&str>,
    )
    .map_err(|e| HostError::io("mount", device.path(), e.into()))?;
    match kernel.mounted_at(&target)? {
        Some(entry) if is_ours(&entry) => Ok(Change::Changed(entry)),
        other => Err(HostError::NotProven {
            what: format!(
                "mounting `{}` on `{}`",
                device.path().display(),
                target.display()
            ),
            but: other.map_or_else(
                || "nothing is mounted there".to_owned(),
                |entry| format!("`{}` is mounted there", entry.source.to_string_lossy()),
            ),
        }),
    }
}

/// Unmounts a directory. Unchanged if nothing was mounted there. The directory stays: see [`remove_mountpoint`].
///
/// # Errors
/// [`HostError::InUse`] with who has files open, [`HostError::Deadline`] (it may still happen), [`HostError::Io`],
/// [`HostError::NotProven`] if something is mounted there still.
pub async fn unmount(
    kernel: &Kernel,
    mountpoint: &Path,
    limit: Duration,
) -> Result<Change<()>, HostError> {
    let what = format!("unmounting `{}`", mountpoint.display());
    let job = (kernel.clone(), mountpoint.to_owned());
    blocking(what, limit, move || unmount_now(&job.0, &job.1)).await
}

fn unmount_now(kernel: &Kernel, mountpoint: &Path) -> Result<Change<()>, HostError> {
    let Some(target) = resolve(mountpoint)? else {
        return Ok(Change::Unchanged(()));
    };
    if kernel.mounted_at(&target)?.is_none() {
        return Ok(Change::Unchanged(()));
    }
    match nix::mount::umount2(&target, MntFlags::UMOUNT_NOFOLLOW) {
        Ok(()) => {}
        Err(Errno::EBUSY) => {
            return Err(HostError::InUse {
                by: Box::new(users_of(kernel, &target)),
                path: target,
            });
        }
        Err(e) => return Err(HostError::io("unmount", target, e.into())),
    }
    match kernel.mounted_at(&target)? {
        None => Ok(Change::Changed(())),
        Some(entry) => Err(HostError::NotProven {
            what: format!("unmounting `{}`", target.display()),
            but: format!(
                "`{}` is mounted there still",
                entry.source.to_string_lossy()
            ),
        }),
    }
}

/// Removes the bare directory of a volume, once its device is proven gone and not before: removing a directory makes the
/// kernel lazily unmount whatever other mount namespaces still have mounted on it (array fact 36). One that holds files is
/// left, with a warning.
///
/// # Errors
/// [`HostError::OtherMount`] if something is mounted on it, [`HostError::Io`].
pub fn remove_mountpoint(kernel: &Kernel, mountpoint: &Path) -> Result<(), HostError> {
    let Some(target) = resolve(mountpoint)? else {
        return Ok(());
    };
    if let Some(entry) = kernel.mounted_at(&target)? {
        let found = entry.source.to_string_lossy().into_owned();
        return Err(HostError::OtherMount {
            mountpoint: target,
            found,
        });
    }
    // rmdir(2): it never removes what has something in it.
    match fs::remove_dir(&target) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => {
            log::warn!(mountpoint = target.display().to_string().as_str(); "directory left, it holds files");
            Ok(())
        }
        Err(e) => Err(HostError::io("remove directory", target, e)),
    }
}

/// The path as the kernel writes it in its table. Only what leads to the mountpoint is looked up: looking at a mountpoint
/// itself may hang or fail when its device is lost. `None` if what leads there does not exist.
fn resolve(mountpoint: &Path) -> Result<Option<PathBuf>, HostError> {
    let (Some(parent), Some(name)) = (mountpoint.parent(), mountpoint.file_name()) else {
        return Err(HostError::io(
            "use",
            mountpoint,
            ErrorKind::InvalidInput.into(),
        ));
    };
    match fs::canonicalize(parent) {
        Ok(parent) => Ok(Some(parent.join(name))),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(HostError::io("look up", parent, e)),
    }
}
