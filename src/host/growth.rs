//! A filesystem that is smaller than its device is made as large, while it is mounted.

use std::{path::Path, time::Duration};

use super::{
    BlockDevice, CommandReport, HostError, Kernel,
    command::{run, run_ok},
    mount::is_all_of,
    probe::LOOKING,
};
use crate::model::{Change, FsType};

/// What a filesystem may leave unused at the end of its device: a piece that is too small for its own bookkeeping, at most one of
/// ext4's block groups.
const REST: u64 = 128 << 20;

/// How large a filesystem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extent {
    blocks: u64,
    block_size: u64,
}

impl Extent {
    fn bytes(self) -> u64 {
        self.blocks.saturating_mul(self.block_size)
    }

    /// What a whole number of blocks would still find room in.
    fn room(self, device: u64) -> u64 {
        let whole = device - device.checked_rem(self.block_size).unwrap_or(0);
        whole.saturating_sub(self.bytes())
    }
}

/// Makes a mounted filesystem as large as its device, and returns its size in bytes. Unchanged if it is so already. Can be done again,
/// however an earlier one ended: the kernel grows a filesystem in steps of which each is whole. An ext4 takes more than root (array fact 93).
/// The program takes at most `limit`.
///
/// # Errors
/// [`HostError::OtherMount`], [`HostError::ReadOnly`] if the device is not mounted there to be written to; [`HostError::ToolMissing`],
/// [`HostError::Command`], [`HostError::Deadline`], [`HostError::WrongSize`]; [`HostError::NotProven`] if it did not grow after all.
pub async fn grow_filesystem(
    kernel: &Kernel,
    device: &BlockDevice,
    mountpoint: &Path,
    kind: FsType,
    limit: Duration,
) -> Result<Change<u64>, HostError> {
    let entry = super::is_mounted(kernel, mountpoint)?.filter(|entry| is_all_of(entry, device));
    let Some(entry) = entry else {
        return Err(HostError::OtherMount {
            mountpoint: mountpoint.to_owned(),
            found: format!("something other than `{}`", device.path().display()),
        });
    };
    super::must_be_writable(kernel, mountpoint)?;
    device.still_there(kernel)?;
    let before = extent(device, &entry.mountpoint, kind).await?;
    if before.room(device.bytes()) == 0 {
        return Ok(Change::Unchanged(before.bytes()));
    }
    let report = match kind {
        FsType::Ext4 => run("resize2fs", &[device.path().as_ref()], limit).await?,
        FsType::Xfs => {
            let args = ["-d".as_ref(), entry.mountpoint.as_os_str()];
            run("xfs_growfs", &args, limit).await?
        }
    };
    let after = extent(device, &entry.mountpoint, kind).await?;
    judge(report, before, after, device.bytes())
}

fn judge(
    report: CommandReport,
    before: Extent,
    after: Extent,
    device: u64,
) -> Result<Change<u64>, HostError> {
    if report.code != Some(0) {
        Err(HostError::Command(report))
    } else if after.room(device) > REST {
        Err(HostError::NotProven {
            what: format!("`{}`", report.command),
            but: format!(
                "the filesystem has {} bytes, its device {device}",
                after.bytes()
            ),
        })
    } else if after.bytes() > before.bytes() {
        Ok(Change::Changed(after.bytes()))
    } else {
        // What is left is too small to be of use.
        Ok(Change::Unchanged(after.bytes()))
    }
}

/// Exact: what statfs(2) counts lacks what the filesystem keeps for itself.
async fn extent(
    device: &BlockDevice,
    mountpoint: &Path,
    kind: FsType,
) -> Result<Extent, HostError> {
    let (report, found) = match kind {
        FsType::Ext4 => {
            let args = ["-h".as_ref(), device.path().as_ref()];
            let report = run_ok("dumpe2fs", &args, LOOKING).await?;
            let found = of_ext4(&report.stdout);
            (report, found)
        }
        FsType::Xfs => {
            let args = ["-n".as_ref(), mountpoint.as_os_str()];
            let report = run_ok("xfs_growfs", &args, LOOKING).await?;
            let found = of_xfs(&report.stdout);
            (report, found)
        }
    };
    found
        .filter(|extent| extent.block_size > 0)
        .ok_or(HostError::Command(report))
}

fn of_ext4(said: &str) -> Option<Extent> {
    let value = |key: &str| {
        let mut pairs = said.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = pairs.find(|(k, _)| *k == key)?;
        value.trim().parse().ok()
    };
    Some(Extent {
        blocks: value("Block count")?,
        block_size: value("Block size")?,
    })
}

/// `data     =                       bsize=4096   blocks=76800, imaxpct=25`
fn of_xfs(said: &str) -> Option<Extent> {
    let data = said.lines().find(|line| line.starts_with("data "))?;
    let value = |key: &str| {
        let mut words = data.split_whitespace();
        let value = words.find_map(|word| word.strip_prefix(key))?;
        value.trim_end_matches(',').parse().ok()
    };
    Some(Extent {
        blocks: value("blocks=")?,
        block_size: value("bsize=")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(blocks: u64) -> Extent {
        Extent {
            blocks,
            block_size: 4096,
        }
    }

    #[test]
    fn both_tools_are_understood() {
        let ext4 = "Reserved block count:     15360\nBlock count:              307200\nBlock size:               4096\n";
        assert_eq!(of_ext4(ext4), Some(extent(307_200)));
        let xfs = "meta-data=/dev/loop2 isize=512 agcount=4, agsize=19200 blks\n\
                   data     =                       bsize=4096   blocks=76800, imaxpct=25\n\
                   log      =internal log           bsize=4096   blocks=16384, version=2\n";
        assert_eq!(of_xfs(xfs), Some(extent(76_800)));
        for said in ["", "data     = bsize=4096\n", "Block count: many\n"] {
            assert_eq!(of_xfs(said).or(of_ext4(said)), None, "{said}");
        }
    }

    #[test]
    fn a_part_of_a_block_is_no_room() {
        assert_eq!(extent(2).room(8192), 0);
        assert_eq!(extent(2).room(8192 + 4095), 0);
        assert_eq!(extent(2).room(8192 + 4096), 4096);
        assert_eq!(
            extent(3).room(8192),
            0,
            "larger than its device is none either"
        );
    }

    #[test]
    fn success_is_what_the_filesystem_says_afterwards() {
        let report = |code| CommandReport {
            command: "resize2fs /dev/x".to_owned(),
            code: Some(code),
            stdout: String::new(),
            stderr: String::new(),
        };
        let device = extent(100_000).bytes();
        let judged =
            |code, before, after| judge(report(code), extent(before), extent(after), device);
        assert!(matches!(judged(0, 50_000, 100_000), Ok(Change::Changed(_))));
        assert!(matches!(judged(0, 50_000, 99_990), Ok(Change::Changed(_))));
        assert!(matches!(
            judged(0, 99_990, 99_990),
            Ok(Change::Unchanged(_))
        ));
        assert!(matches!(
            judged(0, 50_000, 50_000),
            Err(HostError::NotProven { .. })
        ));
        assert!(matches!(
            judged(0, 50_000, 60_000),
            Err(HostError::NotProven { .. })
        ));
        assert!(matches!(
            judged(1, 50_000, 100_000),
            Err(HostError::Command(_))
        ));
    }
}
