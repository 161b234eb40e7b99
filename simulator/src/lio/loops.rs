//! Loop devices: each data file that a host sees has one, however many names it has and disks show it. The target on top
//! reads through the device's cache, so that a second device on the same file would show old data.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::stat::{major, minor};
use serde::Deserialize;

use super::kernel::Kernel;

/// Which file: device numbers and inode. A name may get another file, and a file another name.
pub(super) type FileId = (u64, u64, u64);

/// The loop devices on files of the data directory.
#[derive(Debug, Default)]
pub(super) struct Loops {
    devices: BTreeMap<FileId, String>,
}

#[derive(Deserialize)]
struct Listing {
    loopdevices: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    #[serde(rename = "back-ino")]
    inode: u64,
    #[serde(rename = "back-maj:min")]
    device: String,
    #[serde(rename = "back-file")]
    file: Option<String>,
}

/// The file that has this name now.
pub(super) fn file_id(file: &Path) -> io::Result<FileId> {
    let data = fs::metadata(file)?;
    Ok((major(data.dev()), minor(data.dev()), data.ino()))
}

impl Loops {
    /// What there is, also from an earlier life.
    pub(super) fn look(kernel: &mut dyn Kernel, data_dir: &Path) -> io::Result<Self> {
        let columns = "NAME,BACK-INO,BACK-MAJ:MIN,BACK-FILE";
        let text = kernel.run("losetup", &["--list", "--json", "--output", columns])?;
        // Without any device it prints nothing at all.
        if text.is_empty() {
            return Ok(Self::default());
        }
        let listing: Listing = serde_json::from_str(&text)?;
        let mut devices = BTreeMap::new();
        for listed in listing.loopdevices {
            let ours = listed
                .file
                .is_some_and(|file| Path::new(&file).starts_with(data_dir));
            let numbers = listed.device.trim().split_once(':');
            let numbers = numbers.and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
            if let Some((major, minor)) = numbers.filter(|_| ours) {
                devices.insert((major, minor, listed.inode), listed.name);
            }
        }
        Ok(Self { devices })
    }

    /// The device of a file; made if there is none.
    pub(super) fn attach(&mut self, kernel: &mut dyn Kernel, file: &Path) -> io::Result<String> {
        let id = file_id(file)?;
        if let Some(device) = self.devices.get(&id) {
            return Ok(device.clone());
        }
        let name = file.to_string_lossy();
        let device = kernel.run("losetup", &["--find", "--show", &name])?;
        self.devices.insert(id, device.clone());
        Ok(device)
    }

    /// The device of a file, if it has one.
    pub(super) fn of(&self, file: &Path) -> Option<&str> {
        self.devices.get(&file_id(file).ok()?).map(String::as_str)
    }

    /// The device becomes as large as its file.
    pub(super) fn fit(&self, kernel: &mut dyn Kernel, file: &Path) -> io::Result<()> {
        let Some(device) = self.of(file) else {
            return Ok(());
        };
        let name = device.trim_start_matches("/dev/");
        let sectors = kernel.read(&Path::new("/sys/block").join(name).join("size"))?;
        if sectors.parse() != Ok(fs::metadata(file)?.len() / 512) {
            kernel.run("losetup", &["--set-capacity", device])?;
        }
        Ok(())
    }

    /// Detaches what no disk needs any more.
    pub(super) fn keep_only(
        &mut self,
        kernel: &mut dyn Kernel,
        needed: &BTreeSet<String>,
    ) -> io::Result<()> {
        let idle: Vec<(FileId, String)> = self
            .devices
            .iter()
            .filter(|(_, device)| !needed.contains(*device))
            .map(|(id, device)| (*id, device.clone()))
            .collect();
        for (id, device) in idle {
            kernel.run("losetup", &["--detach", &device])?;
            self.devices.remove(&id);
        }
        Ok(())
    }
}
