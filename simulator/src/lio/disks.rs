//! Disks: what the kernel calls a backstore, one for each VV that hosts see, on the loop device of its data. Every write
//! is synchronous, so that what a host was told is written is in the file.

use std::io;
use std::path::{Path, PathBuf};

use super::kernel::Kernel;
use super::wanted::{Access, Disk, Storage};
use super::{CONFIGFS, OURS};

/// The one ALUA group of each disk beside the kernel's own.
pub(super) const GROUP: &str = "array";

/// Where a disk is configured.
pub(super) fn place(storage: &Storage, disk: &str) -> PathBuf {
    adapter(&storage.adapter).join(disk)
}

fn adapter(name: &str) -> PathBuf {
    Path::new(CONFIGFS).join("core").join(name)
}

/// Disks of this simulator under an adapter.
pub(super) fn present(kernel: &dyn Kernel, adapter_name: &str) -> io::Result<Vec<String>> {
    let mut names = kernel.list(&adapter(adapter_name))?;
    names.retain(|name| name.starts_with(OURS));
    Ok(names)
}

/// Adapters that hold disks of this simulator.
pub(super) fn adapters(kernel: &dyn Kernel) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for name in kernel.list(&Path::new(CONFIGFS).join("core"))? {
        if name.starts_with("fileio_") && !present(kernel, &name)?.is_empty() {
            found.push(name);
        }
    }
    Ok(found)
}

/// What hosts may do now; nothing for a disk that is not ready.
pub(super) fn access(kernel: &dyn Kernel, at: &Path) -> Option<Access> {
    let state = kernel.read(&state(at)).ok()?;
    Access::of(&state)
}

fn state(at: &Path) -> PathBuf {
    at.join("alua").join(GROUP).join("alua_access_state")
}

/// Changes what hosts may do. Commands under way are not waited for.
pub(super) fn set_access(kernel: &mut dyn Kernel, at: &Path, access: Access) -> io::Result<()> {
    kernel.write(&state(at), access.code())
}

/// Is it the disk that is wanted, on this device and complete?
pub(super) fn fits(
    kernel: &dyn Kernel,
    at: &Path,
    disk: &Disk,
    storage: &Storage,
    device: &str,
) -> bool {
    let is = |attribute: &str, wanted: &str| {
        kernel
            .read(&at.join(attribute))
            .is_ok_and(|value| value == wanted)
    };
    let serial = kernel.read(&at.join("wwn/vpd_unit_serial"));
    let group = format!("alua/{GROUP}/tg_pt_gp_id");
    is("udev_path", device)
        && is("enable", "1")
        && serial.is_ok_and(|serial| serial.ends_with(&disk.serial))
        && is(&group, &storage.group_id.to_string())
        && access(kernel, at).is_some()
}

/// Makes a disk. Hosts see it when it is given to them.
pub(super) fn make(
    kernel: &mut dyn Kernel,
    at: &Path,
    disk: &Disk,
    storage: &Storage,
    device: &str,
) -> io::Result<()> {
    kernel.make(at)?;
    kernel.write(
        &at.join("control"),
        // Without `fd_buffered_io` every write is synchronous. Without a size it is that of the device, always.
        &format!("fd_dev_name={device}"),
    )?;
    kernel.write(&at.join("enable"), "1")?;
    let wwn = at.join("wwn");
    kernel.write(&wwn.join("vendor_id"), "3PARdata")?;
    kernel.write(&wwn.join("product_id"), "VV")?;
    kernel.write(&wwn.join("revision"), disk.revision)?;
    kernel.write(&wwn.join("company_id"), &format!("0x{}", disk.company))?;
    kernel.write(&wwn.join("vpd_unit_serial"), &disk.serial)?;
    kernel.write(&at.join("attrib/emulate_tpu"), "1")?;
    let group = at.join("alua").join(GROUP);
    kernel.make(&group)?;
    kernel.write(&group.join("tg_pt_gp_id"), &storage.group_id.to_string())?;
    // 1 is implicit: the array alone says which paths are good.
    kernel.write(&group.join("alua_access_type"), "1")?;
    set_access(kernel, at, disk.access)?;
    // The kernel does nothing with it. What has it is complete.
    kernel.write(&at.join("udev_path"), device)
}

/// Removes a disk that no target shows.
pub(super) fn remove(kernel: &mut dyn Kernel, adapter_name: &str, disk: &str) -> io::Result<()> {
    let at = adapter(adapter_name).join(disk);
    let group = at.join("alua").join(GROUP);
    if kernel.exists(&group) {
        kernel.remove(&group)?;
    }
    if kernel.exists(&at) {
        kernel.remove(&at)?;
    }
    Ok(())
}

/// Removes an adapter without disks.
pub(super) fn remove_adapter(kernel: &mut dyn Kernel, adapter_name: &str) -> io::Result<()> {
    if kernel.list(&adapter(adapter_name))?.is_empty() {
        kernel.remove(&adapter(adapter_name))?;
    }
    Ok(())
}
