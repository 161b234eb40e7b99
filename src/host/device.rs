//! A block device that has been recognised as a volume.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    DeviceNumber, HostError, Kernel,
    command::blocking,
    mountinfo::{device_number, number_in},
};
use crate::model::Wwn;

/// A block device of this machine and the volume it is. Only a transport makes one, after checking that it is that volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockDevice {
    path: PathBuf,
    number: DeviceNumber,
    bytes: u64,
    wwn: Wwn,
}

impl BlockDevice {
    /// Reads what the kernel knows of a device which is `wwn`.
    pub(super) fn read(kernel: &Kernel, path: &Path, wwn: &Wwn) -> Result<Self, HostError> {
        let number = device_number(path)?;
        let bytes = size(kernel, number)?;
        Ok(Self {
            path: path.to_owned(),
            number,
            bytes,
            wwn: wwn.clone(),
        })
    }

    /// As [`BlockDevice::read`], for a device that the kernel calls `name`: `sda`, `dm-3`.
    pub(super) fn named(
        kernel: &Kernel,
        name: &str,
        path: &Path,
        wwn: &Wwn,
    ) -> Result<Self, HostError> {
        let file = kernel.sys().join("block").join(name).join("dev");
        let text = fs::read_to_string(&file).map_err(|e| HostError::io("read", &file, e))?;
        let number = text.trim().parse().map_err(|()| HostError::Unrecognised {
            path: file,
            line: text.clone(),
        })?;
        let bytes = size(kernel, number)?;
        Ok(Self {
            path: path.to_owned(),
            number,
            bytes,
            wwn: wwn.clone(),
        })
    }

    /// Its node in `/dev`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its number.
    pub fn number(&self) -> DeviceNumber {
        self.number
    }

    /// Its size in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The volume it is.
    pub fn wwn(&self) -> &Wwn {
        &self.wwn
    }

    /// Holds it open, and checks that it is still what it was. As long as what this gives is there, nobody can remove it, so that its
    /// number and its node are no other device's. It is read from nowhere by that: what is cached of a device that is held stays cached
    /// (array fact 35), so nothing is to be looked at meanwhile.
    ///
    /// # Errors
    /// As [`BlockDevice::still_there`]; [`HostError::Deadline`].
    pub(super) async fn hold(&self, kernel: &Kernel, limit: Duration) -> Result<File, HostError> {
        let (device, kernel) = (self.clone(), kernel.clone());
        let what = format!("opening `{}`", self.path.display());
        blocking(what, limit, move || device.hold_now(&kernel)).await
    }

    /// As [`BlockDevice::hold`], where one may block.
    pub(super) fn hold_now(&self, kernel: &Kernel) -> Result<File, HostError> {
        let fail = |e| HostError::io("open", &self.path, e);
        let held = File::open(&self.path).map_err(fail)?;
        let number = number_in(&held.metadata().map_err(fail)?, &self.path)?;
        if number != self.number {
            return Err(self.is_another(number));
        }
        self.still_there(kernel)?;
        Ok(held)
    }

    fn is_another(&self, number: DeviceNumber) -> HostError {
        HostError::WrongDevice {
            device: self.path.clone(),
            wwn: self.wwn.clone(),
            found: format!("it is device {number} now, not {}", self.number),
        }
    }

    /// Checks that node, number and size are still what they were, right before something irrevocable.
    pub(super) fn still_there(&self, kernel: &Kernel) -> Result<(), HostError> {
        let number = device_number(&self.path)?;
        if number != self.number {
            return Err(self.is_another(number));
        }
        // A number is given again when a map is gone.
        if let Some(uuid) = made_by_multipath_for(kernel, number)
            && !uuid.eq_ignore_ascii_case(&format!("3{}", self.wwn))
        {
            return Err(HostError::WrongDevice {
                device: self.path.clone(),
                wwn: self.wwn.clone(),
                found: format!("it is the map of `{uuid}` now"),
            });
        }
        let found = size(kernel, number)?;
        if found != self.bytes {
            return Err(HostError::WrongSize {
                device: self.path.clone(),
                expected: self.bytes,
                found,
            });
        }
        Ok(())
    }
}

/// Which volume dm-multipath made this map for. None if it is none of its maps.
fn made_by_multipath_for(kernel: &Kernel, number: DeviceNumber) -> Option<String> {
    let file = kernel.sys().join(format!("dev/block/{number}/dm/uuid"));
    let uuid = fs::read_to_string(file).ok()?;
    Some(uuid.trim().strip_prefix("mpath-")?.to_owned())
}

/// In bytes; the kernel counts in units of 512, whatever the device's own sectors are (array fact 39).
fn size(kernel: &Kernel, number: DeviceNumber) -> Result<u64, HostError> {
    let path = kernel.sys().join(format!("dev/block/{number}/size"));
    let text = fs::read_to_string(&path).map_err(|e| HostError::io("read", &path, e))?;
    text.trim()
        .parse::<u64>()
        .ok()
        .and_then(|sectors| sectors.checked_mul(512))
        .ok_or(HostError::Unrecognised { path, line: text })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any block device will do, bound or not; only root may open it.
    #[test]
    fn a_device_is_held_as_long_as_wanted_and_only_if_it_is_the_right_one() {
        let node = Path::new("/dev/loop0");
        if let Err(why) = File::open(node) {
            assert!(std::env::var_os("REQUIRE_ALL").is_none(), "{why}");
            println!("skipped: `{}` cannot be opened: {why}", node.display());
            return;
        }
        let sys = tempfile::tempdir().unwrap();
        let kernel = Kernel::at("/nowhere", sys.path());
        let number = device_number(node).unwrap();
        let dir = sys.path().join(format!("dev/block/{number}"));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("size"), "8\n").unwrap();
        let wwn: Wwn = "60002AC00000000000000A1F0001B2C3".parse().unwrap();
        let device = BlockDevice::read(&kernel, node, &wwn).unwrap();
        let held = device.hold_now(&kernel).unwrap();
        let same = number_in(&held.metadata().unwrap(), node).unwrap();
        assert_eq!(same, number);
        let other = BlockDevice {
            number: DeviceNumber {
                minor: number.minor + 1,
                ..number
            },
            ..device.clone()
        };
        let error = other.hold_now(&kernel).unwrap_err();
        assert!(matches!(error, HostError::WrongDevice { .. }), "{error}");
        fs::write(dir.join("size"), "16\n").unwrap();
        let error = device.hold_now(&kernel).unwrap_err();
        assert!(matches!(error, HostError::WrongSize { .. }), "{error}");
    }

    #[test]
    fn a_map_says_which_volume_it_was_made_for() {
        let sys = tempfile::tempdir().unwrap();
        let kernel = Kernel::at("/nowhere", sys.path());
        let number = DeviceNumber {
            major: 253,
            minor: 4,
        };
        assert_eq!(made_by_multipath_for(&kernel, number), None);
        let dir = sys.path().join("dev/block/253:4/dm");
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("uuid"), "LVM-abc\n").unwrap();
        assert_eq!(made_by_multipath_for(&kernel, number), None);
        fs::write(dir.join("uuid"), "mpath-360002ac0\n").unwrap();
        let made = made_by_multipath_for(&kernel, number);
        assert_eq!(made.as_deref(), Some("360002ac0"));
    }
}
