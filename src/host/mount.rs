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
    damage::{self, When, must_be_sound},
    kernel_log::KernelLog,
};
use crate::model::{Change, FsType};

/// What a device is mounted as. Mount options follow from that; nobody gives them as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountAs {
    /// A volume: to read and write, its journal replayed, and the kernel's defaults for all else. Of two devices with one XFS the kernel
    /// mounts one, which keeps copies of a volume apart.
    Volume,
    /// A snapshot or a clone that is a volume of its own: as [`MountAs::Volume`], beside what it is of, whose XFS it has.
    Twin,
}

impl MountAs {
    fn options(self, kind: FsType) -> Option<&'static str> {
        match (self, kind) {
            (Self::Volume, _) | (Self::Twin, FsType::Ext4) => None,
            (Self::Twin, FsType::Xfs) => Some("nouuid"),
        }
    }
}

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

/// What is mounted on the directories in a directory: of several on the same one, the topmost comes last.
///
/// # Errors
/// [`HostError::Io`], [`HostError::Unrecognised`].
pub fn mounted_beneath(kernel: &Kernel, directory: &Path) -> Result<Vec<MountEntry>, HostError> {
    let directory = match fs::canonicalize(directory) {
        Ok(directory) => directory,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(HostError::io("look up", directory, e)),
    };
    let mut mounts = kernel.mounts()?;
    mounts.retain(|entry| entry.mountpoint.parent() == Some(&directory));
    Ok(mounts)
}

/// Mounts a device, making the directory if need be. Unchanged if it is mounted there already. A volume that the kernel mounts in
/// spite of damage, or cannot write to, is unmounted again. mount(2) takes at most `limit`, the looks around it take their own time.
///
/// # Errors
/// [`HostError::Unsound`] for a damaged filesystem, [`HostError::ReadOnly`], [`HostError::MountedTwin`], [`HostError::NoFilesystem`];
/// [`HostError::OtherMount`], [`HostError::WrongDevice`], [`HostError::InUse`], [`HostError::Deadline`] (the mount may still
/// happen: look before the next attempt), [`HostError::ToolMissing`], [`HostError::Io`], [`HostError::NotProven`].
pub async fn mount(
    kernel: &Kernel,
    device: &BlockDevice,
    mountpoint: &Path,
    kind: FsType,
    mount_as: MountAs,
    limit: Duration,
) -> Result<Change<MountEntry>, HostError> {
    if let Some(entry) = is_mounted(kernel, mountpoint)? {
        return match entry {
            entry if is_all_of(&entry, device) => {
                takes_writes(&entry).map(|()| Change::Unchanged(entry))
            }
            other => Err(other_mount(other)),
        };
    }
    device.still_there(kernel)?;
    must_be_sound(device, kind, When::Before).await?;
    let what = format!(
        "mounting `{}` on `{}`",
        device.path().display(),
        mountpoint.display()
    );
    let job = (kernel.clone(), device.clone(), mountpoint.to_owned());
    let mount = move || mount_now(&job.0, &job.1, &job.2, kind, mount_as);
    let entry = match blocking(what, limit, mount).await {
        Err(HostError::Io { source, .. }) if source.raw_os_error() == Some(Errno::EBUSY as i32) => {
            let by = Box::new(busy::busy(kernel, device, limit).await?.unwrap_or_default());
            return Err(HostError::InUse {
                path: device.path().to_owned(),
                by,
            });
        }
        other => other?,
    };
    let kept = match takes_writes(&entry) {
        // What was wrong may have been in the journal.
        Ok(()) => must_be_sound(device, kind, When::Mounted).await,
        refused => refused,
    };
    match kept {
        Ok(()) => Ok(Change::Changed(entry)),
        Err(refusal) => {
            if let Err(error) = unmount(kernel, mountpoint, limit).await {
                log::warn!(mountpoint:% = mountpoint.display(), error:% = error; "not unmounted again after its mount was refused");
            }
            Err(refusal)
        }
    }
}

/// The whole filesystem of the device, and not a directory of it that is bound there.
pub(super) fn is_all_of(entry: &MountEntry, device: &BlockDevice) -> bool {
    entry.device == device.number() && entry.root == Path::new("/")
}

fn other_mount(entry: MountEntry) -> HostError {
    HostError::OtherMount {
        found: entry.source.to_string_lossy().into_owned(),
        mountpoint: entry.mountpoint,
    }
}

/// A volume is to be written to: read-only is no success.
fn takes_writes(entry: &MountEntry) -> Result<(), HostError> {
    if entry.is_read_only() {
        return Err(HostError::ReadOnly {
            path: entry.mountpoint.clone(),
            why: format!(
                "its options are `{}`, its filesystem's `{}`",
                entry.options, entry.filesystem
            ),
        });
    }
    Ok(())
}

/// What is mounted on a directory takes writes: the kernel may have put an end to that after an error. No error if nothing is mounted.
///
/// # Errors
/// [`HostError::ReadOnly`], [`HostError::Io`], [`HostError::Unrecognised`].
pub fn must_be_writable(kernel: &Kernel, mountpoint: &Path) -> Result<(), HostError> {
    match is_mounted(kernel, mountpoint)? {
        Some(entry) => takes_writes(&entry),
        None => Ok(()),
    }
}

fn mount_now(
    kernel: &Kernel,
    device: &BlockDevice,
    mountpoint: &Path,
    kind: FsType,
    mount_as: MountAs,
) -> Result<MountEntry, HostError> {
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
    if let Some(other) = kernel.mounted_at(&target)? {
        return Err(other_mount(other));
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
    let held = device.hold_now(kernel)?;
    let mut log = KernelLog::from_now();
    let done = nix::mount::mount(
        Some(device.path()),
        &target,
        Some(kind.to_string().as_str()),
        MsFlags::empty(),
        mount_as.options(kind),
    );
    drop(held);
    if let Err(refusal) = done {
        // What is the matter only the log says (array fact 91).
        let said = log.about(&damage::name_in_log(kernel, device));
        return Err(damage::explain(device, kind, refusal, &said));
    }
    match kernel.mounted_at(&target)? {
        Some(entry) if is_all_of(&entry, device) => Ok(entry),
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
