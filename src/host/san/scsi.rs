//! The SCSI disks of this machine, as sysfs shows them and as they answer themselves.
//!
//! The kernel asks a disk who it is when it finds it, and never again. When the array puts another volume at that LUN, sysfs
//! goes on telling the old name while every write reaches the new volume (array fact 70). So before a disk is used or
//! removed, it is asked itself, by udev's scsi_id.

use std::{
    ffi::OsStr,
    fmt,
    fs::OpenOptions,
    io::{ErrorKind, Write},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use tokio::sync::Semaphore;

use super::machine::{self, Machine, names};
use crate::{
    host::{
        Access, BlockDevice, HostError, Kernel, PathState, busy::must_be_free, command::blocking,
    },
    model::{Lun, Wwn},
};

/// LUNs from 256 on may be shown in the flat form of SAM: the number with this bit (array fact 71).
const FLAT: u64 = 0x4000;

/// Places for asking disks who they are, in the whole process: each takes a program with two pipes, and when an array hangs all paths to it
/// are asked at once and do not answer. So many leave most of the usual 1024 descriptors to the rest, and do not keep the disks of an array
/// that answers waiting for long.
static INQUIRIES: Semaphore = Semaphore::const_new(128);

/// A connection between a port of this machine and one of an array: all of a disk's address but the LUN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Nexus {
    pub host: u32,
    pub channel: u32,
    pub target: u32,
}

impl fmt::Display for Nexus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.host, self.channel, self.target)
    }
}

/// A disk: one path to a volume.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ScsiPath {
    /// For example `sdc`. A name is used again when a disk is gone.
    pub name: String,
    pub nexus: Nexus,
    /// As the kernel writes it, which may be the flat form.
    pub lun: u64,
}

/// Who a disk says it is, now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    Volume(Wwn),
    /// Something else: what it says, as udev writes it.
    Other(String),
    /// It does not answer: the path is lost, or the volume is not exported any more.
    Silent,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Volume(wwn) => write!(f, "it is WWN `{wwn}`"),
            Self::Other(id) => write!(f, "it is `{id}`"),
            Self::Silent => f.write_str("it does not answer"),
        }
    }
}

/// How udev and dm-multipath write a WWN: `3`, for the kind of name, and the digits in lower case.
pub(super) fn wwid(wwn: &Wwn) -> String {
    format!("3{}", wwn.as_str().to_ascii_lowercase())
}

/// The WWN in what udev and dm-multipath write.
pub(super) fn of_wwid(wwid: &str) -> Option<Wwn> {
    wwid.strip_prefix('3')?.parse().ok()
}

/// All disks.
pub(super) fn list(kernel: &Kernel) -> Result<Vec<ScsiPath>, HostError> {
    let block = kernel.sys().join("block");
    let disks = names(&block)?.into_iter();
    Ok(disks
        .filter(|name| name.starts_with("sd"))
        .filter_map(|name| ScsiPath::find(kernel, &name))
        .collect())
}

/// The disks that were found to be a volume, whatever they are now.
pub(super) fn found_as(kernel: &Kernel, wwn: &Wwn) -> Result<Vec<ScsiPath>, HostError> {
    let mut paths = Vec::new();
    for path in list(kernel)? {
        if path.found_as(kernel)?.as_ref() == Some(wwn) {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// `H:C:T:L`.
fn address(text: &str) -> Option<(Nexus, u64)> {
    let mut parts = text.split(':');
    let mut next = || u32::from_str(parts.next()?).ok();
    let (host, channel, target) = (next()?, next()?, next()?);
    let lun = parts.next()?.parse().ok()?;
    let nexus = Nexus {
        host,
        channel,
        target,
    };
    parts.next().is_none().then_some((nexus, lun))
}

impl ScsiPath {
    /// The disk that has this name now.
    pub fn find(kernel: &Kernel, name: &str) -> Option<Self> {
        let device = kernel.sys().join("block").join(name).join("device");
        let target = std::fs::read_link(device).ok()?;
        let (nexus, lun) = address(target.file_name()?.to_str()?)?;
        Some(Self {
            name: name.to_owned(),
            nexus,
            lun,
        })
    }

    /// Whether it is still there, at the same address.
    pub fn is_there(&self, kernel: &Kernel) -> bool {
        Self::find(kernel, &self.name).as_ref() == Some(self)
    }

    /// True if it is at this LUN, in either form.
    pub fn is_at(&self, lun: Lun) -> bool {
        let lun = u64::from(lun.0);
        self.lun == lun || (lun >= 256 && self.lun == FLAT + lun)
    }

    pub fn node(&self, kernel: &Kernel) -> PathBuf {
        kernel.dev().join(&self.name)
    }

    fn attribute(&self, kernel: &Kernel, name: &str) -> Option<String> {
        self.read(kernel, name).ok().flatten()
    }

    fn read(&self, kernel: &Kernel, name: &str) -> Result<Option<String>, HostError> {
        let block = kernel.sys().join("block").join(&self.name);
        machine::read(&block.join(name))
    }

    /// The volume it was when the kernel found it.
    ///
    /// # Errors
    /// [`HostError::Io`].
    pub fn found_as(&self, kernel: &Kernel) -> Result<Option<Wwn>, HostError> {
        let wwid = self.read(kernel, "device/wwid")?;
        Ok(wwid.and_then(|wwid| wwid.strip_prefix("naa.")?.parse().ok()))
    }

    /// As for a person: what it was when the kernel found it.
    pub fn found_as_text(&self, kernel: &Kernel) -> String {
        match self.attribute(kernel, "device/wwid") {
            Some(wwid) if !wwid.is_empty() => format!("`{wwid}`"),
            _ => "a disk without a name".to_owned(),
        }
    }

    /// Whether what it says now is what it was when the kernel found it; also if its name is of a kind that cannot be compared.
    ///
    /// # Errors
    /// [`HostError::Io`].
    pub fn is_what_it_was(&self, kernel: &Kernel, now: &Identity) -> Result<bool, HostError> {
        Ok(match now {
            Identity::Volume(is) => self.found_as(kernel)?.as_ref() == Some(is),
            Identity::Other(_) => {
                let named = self.read(kernel, "device/wwid")?;
                self.found_as(kernel)?.is_none() && named.is_some_and(|name| !name.is_empty())
            }
            Identity::Silent => false,
        })
    }

    /// Its state, as the kernel's error handling has it.
    ///
    /// # Errors
    /// [`HostError::Io`].
    pub fn state(&self, kernel: &Kernel) -> Result<PathState, HostError> {
        Ok(match self.read(kernel, "device/state")?.as_deref() {
            Some("running" | "created") => PathState::Running,
            Some("blocked" | "created-blocked" | "quiesce") => PathState::Blocked,
            Some("offline" | "transport-offline") => PathState::Offline,
            _ => PathState::Missing,
        })
    }

    /// What the array says of it (ALUA). None if nothing asks the array.
    pub fn access(&self, kernel: &Kernel) -> Option<Access> {
        let state = self.attribute(kernel, "device/access_state")?;
        Some(match state.as_str() {
            "active/optimized" => Access::Optimized,
            "active/non-optimized" => Access::NonOptimized,
            "standby" => Access::Standby,
            "transitioning" => Access::Transitioning,
            _ => Access::Unavailable,
        })
    }

    /// In bytes. None if it is gone.
    pub fn bytes(&self, kernel: &Kernel) -> Option<u64> {
        let sectors: u64 = self.attribute(kernel, "size")?.parse().ok()?;
        sectors.checked_mul(512)
    }

    /// It takes no writes.
    pub fn read_only(&self, kernel: &Kernel) -> bool {
        self.attribute(kernel, "ro").is_some_and(|ro| ro != "0")
    }

    /// The devices that are built on it, for example `dm-3`.
    pub fn holders(&self, kernel: &Kernel) -> Result<Vec<String>, HostError> {
        names(&kernel.sys().join("block").join(&self.name).join("holders"))
    }

    /// [`HostError::InUse`] unless nobody uses it, by itself or through a map.
    pub async fn must_be_free(&self, machine: &Machine, wwn: &Wwn) -> Result<(), HostError> {
        let kernel = &machine.kernel;
        let device = match BlockDevice::named(kernel, &self.name, &self.node(kernel), wwn) {
            Ok(device) => device,
            Err(_) if !self.is_there(kernel) => return Ok(()),
            Err(error) => return Err(error),
        };
        match must_be_free(kernel, &device, machine.patience.going).await {
            // Its path is lost, so that nobody can open it; mounts and maps were looked at before.
            Err(HostError::Io { source, .. })
                if source.raw_os_error() == Some(nix::libc::ENXIO) =>
            {
                Ok(())
            }
            Err(_) if !self.is_there(kernel) => Ok(()),
            done => done,
        }
    }

    /// Asks the disk itself, as soon as there is a place for one more. That does not count as waiting for its answer.
    ///
    /// # Errors
    /// [`HostError::ToolMissing`], [`HostError::Deadline`], [`HostError::Io`]. A disk that does not answer is [`Identity::Silent`].
    pub async fn identity(&self, machine: &Machine) -> Result<Identity, HostError> {
        let _place = INQUIRIES.acquire().await;
        // It would wait with the others until the connection is back or given up.
        if self.state(&machine.kernel)? != PathState::Running {
            return Ok(Identity::Silent);
        }
        let mut device = std::ffi::OsString::from("--device=");
        device.push(self.node(&machine.kernel));
        let args = [
            OsStr::new("--page=0x83"),
            OsStr::new("--whitelisted"),
            &device,
        ];
        let limit = machine.patience.inquiry;
        let report = machine.programs.run("scsi_id", &args, limit).await?;
        let said = report.stdout.trim();
        Ok(match (report.code, of_wwid(said)) {
            (Some(0), Some(wwn)) => Identity::Volume(wwn),
            (Some(0), None) if !said.is_empty() => Identity::Other(said.to_owned()),
            _ => Identity::Silent,
        })
    }

    /// Lets the kernel read its size anew.
    ///
    /// # Errors
    /// [`HostError::Io`], [`HostError::Deadline`].
    pub async fn rescan(&self, machine: &Machine) -> Result<(), HostError> {
        self.order(machine, "device/rescan", machine.patience.scan)
            .await
    }

    /// Removes it from this machine, and proves that it is gone. The volume is not touched.
    ///
    /// # Errors
    /// [`HostError::Io`], [`HostError::Deadline`], [`HostError::NotProven`].
    pub async fn delete(&self, machine: &Machine) -> Result<(), HostError> {
        let limit = machine.patience.going;
        let block = machine.kernel.sys().join("block").join(&self.name);
        // The disk goes first, and then what it was attached to: only then nothing is behind the session any more.
        let Ok(device) = std::fs::canonicalize(block.join("device")) else {
            return Ok(());
        };
        self.order(machine, "device/delete", limit).await?;
        let deadline = tokio::time::Instant::now() + limit;
        while self.is_there(&machine.kernel) || device.exists() {
            if tokio::time::Instant::now() >= deadline {
                return Err(HostError::NotProven {
                    what: format!("removing `{}`", self.node(&machine.kernel).display()),
                    but: "it is still there".to_owned(),
                });
            }
            tokio::time::sleep(machine.patience.look_again).await;
        }
        log::debug!(device = self.name.as_str(), nexus:% = self.nexus, lun = self.lun; "path removed");
        Ok(())
    }

    /// Writes a 1 to a file of the disk. Gone already is as good.
    async fn order(&self, machine: &Machine, file: &str, limit: Duration) -> Result<(), HostError> {
        let block = machine.kernel.sys().join("block").join(&self.name);
        // By the address: the name may be another disk's by then.
        let Ok(device) = std::fs::canonicalize(block.join("device")) else {
            return Ok(());
        };
        if !self.is_there(&machine.kernel) {
            return Ok(());
        }
        let file = device.join(file.trim_start_matches("device/"));
        match write(file, "1", limit).await {
            Err(HostError::Io { source, .. })
                if source.kind() == ErrorKind::NotFound
                    || source.raw_os_error() == Some(nix::libc::ENODEV) =>
            {
                Ok(())
            }
            other => other,
        }
    }
}

/// Lets the kernel look at one LUN of one port of an array. Never at all of them: that would bring devices nobody asked for,
/// and bring those back that somebody is just removing.
///
/// # Errors
/// [`HostError::Io`], [`HostError::Deadline`].
pub(super) async fn scan(machine: &Machine, nexus: Nexus, lun: Lun) -> Result<(), HostError> {
    let host = format!("class/scsi_host/host{}/scan", nexus.host);
    let file = machine.kernel.sys().join(host);
    let lun = u64::from(lun.0);
    let forms = if lun < 256 {
        vec![lun]
    } else {
        vec![FLAT + lun, lun]
    };
    for lun in forms {
        let order = format!("{} {} {lun}", nexus.channel, nexus.target);
        write(file.clone(), &order, machine.patience.scan).await?;
    }
    Ok(())
}

async fn write(file: PathBuf, text: &str, limit: Duration) -> Result<(), HostError> {
    let what = format!("writing `{text}` to `{}`", file.display());
    let text = format!("{text}\n");
    blocking(what, limit, move || {
        OpenOptions::new()
            .write(true)
            .open(&file)
            .and_then(|mut open| open.write_all(text.as_bytes()))
            .map_err(|e| HostError::io("write to", &file, e))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_are_read_strictly() {
        let nexus = Nexus {
            host: 12,
            channel: 0,
            target: 3,
        };
        assert_eq!(address("12:0:3:16640"), Some((nexus, 16640)));
        for wrong in ["", "12:0:3", "12:0:3:4:5", "12:0:x:4", "target12:0:3"] {
            assert_eq!(address(wrong), None, "{wrong}");
        }
        let wwn: Wwn = "60002AC00000000000000A1F0001B2C3".parse().unwrap();
        assert_eq!(wwid(&wwn), "360002ac00000000000000a1f0001b2c3");
        assert_eq!(of_wwid(&wwid(&wwn)), Some(wwn));
        assert_eq!(of_wwid("260002ac00000000000000a1f0001b2c3"), None);
        assert_eq!(of_wwid(""), None);
    }

    #[test]
    fn a_large_lun_is_known_in_both_forms_and_a_small_one_in_one() {
        let at = |lun| ScsiPath {
            name: "sda".to_owned(),
            nexus: Nexus {
                host: 1,
                channel: 0,
                target: 0,
            },
            lun,
        };
        assert!(at(5).is_at(Lun(5)) && !at(16389).is_at(Lun(5)) && !at(6).is_at(Lun(5)));
        assert!(at(300).is_at(Lun(300)) && at(16684).is_at(Lun(300)));
    }
}
