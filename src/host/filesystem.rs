//! Making a filesystem, once, on a device proven empty (decision 9).
//!
//! mkfs.ext4 looks for an existing filesystem only when a terminal is there to ask on (array fact 34), so leaving
//! `-F` away protects nothing here: the proof is ours, and [`ProvenEmpty`] is the only way in.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::ErrorKind,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    BlockDevice, Found, HostError, Kernel, ProvenEmpty,
    busy::must_be_free,
    command::{self, blocking, run_ok},
    mount::{MountAs, mount, remove_mountpoint, unmount},
    probe::{self, LOOKING, probe},
};
use crate::model::{FsMode, FsOwner, FsType, FsUuid, Wwn};

/// The program that makes a filesystem, and its options. No discard: a new thin volume has nothing to give back, and arrays
/// are slow, or fail, at it.
fn maker(kind: FsType) -> (&'static str, &'static [&'static str]) {
    match kind {
        FsType::Ext4 => ("mkfs.ext4", &["-q", "-E", "nodiscard,lazy_itable_init=1"]),
        FsType::Xfs => ("mkfs.xfs", &["-q", "-K"]),
    }
}

/// How it is told the UUID.
fn with_uuid(kind: FsType, uuid: &FsUuid) -> [String; 2] {
    match kind {
        FsType::Ext4 => ["-U".to_owned(), uuid.to_string()],
        FsType::Xfs => ["-m".to_owned(), format!("uuid={uuid}")],
    }
}

/// Whether this machine has what makes a filesystem of this type. To be asked before anything says that one is being made.
///
/// # Errors
/// [`HostError::ToolMissing`].
pub fn can_make(kind: FsType) -> Result<(), HostError> {
    command::find(maker(kind).0).map(drop)
}

/// Makes a filesystem with this UUID. When this returns, it is on the device. Takes at most `limit`, and a look.
///
/// # Errors
/// [`HostError::InUse`] and [`HostError::WrongDevice`] before anything was written; afterwards [`HostError::Command`],
/// [`HostError::Deadline`] (mkfs was killed; what it left is for [`reclaim`]) and [`HostError::NotProven`].
pub async fn make(
    kernel: &Kernel,
    empty: ProvenEmpty,
    kind: FsType,
    uuid: &FsUuid,
    limit: Duration,
) -> Result<(), HostError> {
    let device = empty.device();
    let held = device.hold(kernel, LOOKING).await?;
    must_be_free(kernel, device, LOOKING).await?;
    let (program, options) = maker(kind);
    let with_uuid = with_uuid(kind, uuid);
    let mut args: Vec<&OsStr> = options.iter().map(OsStr::new).collect();
    args.extend(with_uuid.iter().map(OsStr::new));
    args.push(device.path().as_ref());
    log::info!(device = device.path().display().to_string().as_str(), wwn = device.wwn().as_str(), kind = kind.to_string().as_str();
        "making filesystem");
    run_ok(program, &args, limit).await?;
    drop(held);
    sync(device).await?;
    match probe(kernel, device).await? {
        Found::Filesystem {
            kind: found,
            uuid: Some(is),
        } if found == kind.to_string() && is == uuid.to_string() => Ok(()),
        other => Err(HostError::NotProven {
            what: format!("`{program}` on `{}`", device.path().display()),
            but: format!("the device holds {other:?}"),
        }),
    }
}

/// Gets a device back from an mkfs of this machine that was interrupted before anything was ever mounted: an empty device as
/// it is, and one that holds nothing but a signature of `kind` with the `uuid` that was meant for it by erasing that. `journalled` is the WWN
/// that this machine's journal recorded before that mkfs.
///
/// # Errors
/// [`HostError::WrongDevice`] if the journal is about another volume, [`HostError::NotEmpty`] for anything else found,
/// [`HostError::InUse`] (also while the interrupted mkfs is still dying), and as [`probe`](super::probe).
pub async fn reclaim(
    kernel: &Kernel,
    device: &BlockDevice,
    kind: FsType,
    uuid: &FsUuid,
    journalled: &Wwn,
) -> Result<ProvenEmpty, HostError> {
    if journalled != device.wwn() {
        return Err(HostError::WrongDevice {
            device: device.path().to_owned(),
            wwn: journalled.clone(),
            found: format!("it is `{}`", device.wwn()),
        });
    }
    must_be_free(kernel, device, LOOKING).await?;
    match probe(kernel, device).await? {
        Found::Empty(empty) => Ok(empty),
        Found::Filesystem {
            kind: found,
            uuid: Some(is),
        } if found == kind.to_string() && is == uuid.to_string() => {
            log::warn!(device = device.path().display().to_string().as_str(), wwn = device.wwn().as_str(), kind = found.as_str();
                "erasing the signature of an interrupted mkfs");
            let args = [
                "--all".as_ref(),
                "--types".as_ref(),
                OsStr::new(&found),
                device.path().as_ref(),
            ];
            let held = device.hold(kernel, LOOKING).await?;
            run_ok("wipefs", &args, LOOKING).await?;
            drop(held);
            sync(device).await?;
            match probe::signature(device.path()).await? {
                None => Ok(ProvenEmpty::of(device)),
                Some(rest) => Err(not_empty(device, rest)),
            }
        }
        other => Err(not_empty(device, other)),
    }
}

/// Gives the root directory of a new filesystem its owner and mode, and removes ext4's `lost+found` (docker copies an image's
/// files, and databases initialise, only into an empty directory: array fact 27). Mounts it for the moment in `scratch`, a
/// directory that is root's own. Repeating it changes nothing.
///
/// # Errors
/// As [`mount`](super::mount::mount) and [`unmount`](super::mount::unmount); [`HostError::Io`].
pub async fn prepare_root(
    kernel: &Kernel,
    device: &BlockDevice,
    kind: FsType,
    owner: Option<FsOwner>,
    mode: Option<FsMode>,
    scratch: &Path,
) -> Result<(), HostError> {
    let root = preparing_at(scratch, device.wwn());
    let _ = mount(kernel, device, &root, kind, MountAs::Volume, LOOKING).await?;
    let (directory, what) = (
        root.clone(),
        format!("preparing `{}`", device.path().display()),
    );
    let prepared = blocking(what, LOOKING, move || prepare(&directory, owner, mode)).await;
    let _ = unmount(kernel, &root, LOOKING).await?;
    remove_mountpoint(kernel, &root)?;
    prepared?;
    sync(device).await
}

/// Ends a [`prepare_root`] that was killed: what it left mounted would keep the device in use until the machine restarts.
/// No error if nothing was mounted.
///
/// # Errors
/// As [`unmount`](super::mount::unmount) and [`remove_mountpoint`](super::mount::remove_mountpoint).
pub async fn end_preparing(kernel: &Kernel, wwn: &Wwn, scratch: &Path) -> Result<(), HostError> {
    let root = preparing_at(scratch, wwn);
    let ended = unmount(kernel, &root, LOOKING).await?;
    remove_mountpoint(kernel, &root)?;
    if ended.is_changed() {
        log::warn!(wwn = wwn.as_str(), mountpoint:% = root.display(); "ended the preparing of a filesystem that an earlier run left");
    }
    Ok(())
}

fn preparing_at(scratch: &Path, wwn: &Wwn) -> PathBuf {
    scratch.join(format!("prepare-{wwn}"))
}

fn prepare(root: &Path, owner: Option<FsOwner>, mode: Option<FsMode>) -> Result<(), HostError> {
    let lost = root.join("lost+found");
    // rmdir(2): if there is anything in it, it stays.
    match fs::remove_dir(&lost) {
        Ok(()) => {}
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {}
        Err(e) => return Err(HostError::io("remove", lost, e)),
    }
    if let Some(FsOwner { uid, gid }) = owner {
        chown(root, Some(uid), Some(gid))
            .map_err(|e| HostError::io("change the owner of", root, e))?;
    }
    if let Some(FsMode(bits)) = mode {
        fs::set_permissions(root, fs::Permissions::from_mode(bits))
            .map_err(|e| HostError::io("change the mode of", root, e))?;
    }
    let sync = File::open(root).and_then(|root| nix::unistd::syncfs(&root).map_err(Into::into));
    sync.map_err(|e| HostError::io("sync", root, e))
}

/// Waits until the device has everything.
async fn sync(device: &BlockDevice) -> Result<(), HostError> {
    let path = device.path().to_owned();
    blocking(
        format!("syncing `{}`", path.display()),
        LOOKING,
        move || {
            File::open(&path)
                .and_then(|file| file.sync_all())
                .map_err(|e| HostError::io("sync", &path, e))
        },
    )
    .await
}

fn not_empty(device: &BlockDevice, found: Found) -> HostError {
    let found = match found {
        Found::Empty(_) => "nothing".to_owned(),
        Found::Filesystem { kind, uuid } => {
            format!(
                "{kind} filesystem with UUID {}",
                uuid.as_deref().unwrap_or("none")
            )
        }
        Found::Signature { what } => what,
    };
    HostError::NotEmpty {
        device: device.path().to_owned(),
        wwn: device.wwn().clone(),
        found,
    }
}
