//! What is on a device? Empty only if it is proven.
//!
//! blkid(8) ends with status 2 both for "nothing found" and for "could not be read" (array fact 33), so its word alone proves
//! nothing.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
    time::Duration,
};

use nix::libc;

use super::{
    BlockDevice, CommandReport, HostError, Kernel,
    command::{blocking, run, run_ok},
};
use crate::model::Wwn;

/// What a device holds.
#[derive(Debug)]
pub enum Found {
    /// Nothing, proven: no signature known to blkid or wipefs, the first 2 MiB and the last 1 MiB read as zeros.
    Empty(ProvenEmpty),
    /// Exactly one filesystem.
    Filesystem {
        /// As blkid calls it, for example `ext4`.
        kind: String,
        /// Its UUID, if it has one.
        uuid: Option<String>,
    },
    /// Anything else: LVM, RAID, a partition table, several signatures, data of no known kind.
    Signature {
        /// What, for people.
        what: String,
    },
}

/// A device that was proven empty just now, or reclaimed from an interrupted mkfs. The only key to making a filesystem, and
/// good for one.
#[derive(Debug)]
pub struct ProvenEmpty(BlockDevice);

impl ProvenEmpty {
    /// Only for the two places that have the proof.
    pub(super) fn of(device: &BlockDevice) -> Self {
        Self(device.clone())
    }

    /// The device.
    pub fn device(&self) -> &BlockDevice {
        &self.0
    }

    /// The volume.
    pub fn wwn(&self) -> &Wwn {
        self.0.wwn()
    }
}

/// Longest time for one look at a device.
pub(super) const LOOKING: Duration = Duration::from_secs(30);
const MIB: u64 = 1 << 20;
const HEAD: u64 = 2 * MIB;
const TAIL: u64 = MIB;
/// Direct reads need memory and offsets aligned to the device's sectors, which are at most this large.
const ALIGN: usize = 4096;

/// Finds out what a device holds. Changes nothing.
///
/// # Errors
/// [`HostError::Command`], [`HostError::Io`] and [`HostError::Deadline`] when it cannot be told: that is not emptiness.
pub async fn probe(kernel: &Kernel, device: &BlockDevice) -> Result<Found, HostError> {
    device.still_there(kernel)?;
    // Pages cached before another machine, or another path, wrote must not be what is looked at (array fact 35).
    run_ok(
        "blockdev",
        &["--flushbufs".as_ref(), device.path().as_ref()],
        LOOKING,
    )
    .await?;
    match signature(device.path()).await? {
        Some(found) => Ok(found),
        None => match data(device).await? {
            Some(at) => Ok(Found::Signature {
                what: format!("data of no known kind at byte {at}"),
            }),
            None => {
                device.still_there(kernel)?;
                Ok(Found::Empty(ProvenEmpty::of(device)))
            }
        },
    }
}

/// What blkid and wipefs agree on; `None` if both find nothing, which may also mean that they could not read.
pub(super) async fn signature(path: &Path) -> Result<Option<Found>, HostError> {
    let args = [
        "-p".as_ref(),
        "-o".as_ref(),
        "export".as_ref(),
        path.as_os_str(),
    ];
    let blkid = run("blkid", &args, LOOKING).await?;
    let kinds = kinds(path).await?;
    let found = judge(&blkid, &kinds);
    match found {
        Some(Verdict::Nothing) => Ok(None),
        Some(Verdict::Found(found)) => Ok(Some(found)),
        None => Err(HostError::Command(blkid)),
    }
}

#[derive(Debug)]
enum Verdict {
    Nothing,
    Found(Found),
}

/// `None` for an answer of blkid that is neither yes nor no.
fn judge(blkid: &CommandReport, kinds: &[String]) -> Option<Verdict> {
    let value = |key: &str| {
        let mut pairs = blkid.stdout.lines().filter_map(|line| line.split_once('='));
        pairs
            .find(|(k, _)| *k == key)
            .map(|(_, value)| value.to_owned())
    };
    let signature = |what| Some(Verdict::Found(Found::Signature { what }));
    let silent = blkid.stdout.trim().is_empty() && blkid.stderr.trim().is_empty();
    match blkid.code {
        Some(0) => {
            let kind = value("TYPE");
            match kind {
                // wipefs must see that one and nothing else: blkid shows the first it believes in.
                Some(kind)
                    if value("USAGE").as_deref() == Some("filesystem")
                        && kinds == [kind.as_str()] =>
                {
                    Some(Verdict::Found(Found::Filesystem {
                        kind,
                        uuid: value("UUID"),
                    }))
                }
                Some(kind) => signature(with_others(kind, kinds)),
                None => match value("PTTYPE") {
                    Some(table) => signature(format!("a partition table ({table})")),
                    None => signature(format!(
                        "something blkid found: {}",
                        blkid.stdout.trim().replace('\n', ", ")
                    )),
                },
            }
        }
        Some(2) if silent && kinds.is_empty() => Some(Verdict::Nothing),
        Some(2) if silent => signature(kinds.join(", ")),
        Some(8) => signature(with_others(
            "several contradicting signatures".to_owned(),
            kinds,
        )),
        _ => None,
    }
}

fn with_others(kind: String, kinds: &[String]) -> String {
    let others: Vec<&str> = kinds
        .iter()
        .map(String::as_str)
        .filter(|other| *other != kind)
        .collect();
    if others.is_empty() {
        kind
    } else {
        format!("{kind} ({})", others.join(", "))
    }
}

/// The type of every signature wipefs would erase, without erasing any.
async fn kinds(path: &Path) -> Result<Vec<String>, HostError> {
    let args = ["--no-act".as_ref(), "--parsable".as_ref(), path.as_os_str()];
    let report = run_ok("wipefs", &args, LOOKING).await?;
    let lines = report
        .stdout
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut kinds: Vec<String> = lines
        .map(|line| {
            line.rsplit_once(',')
                .map_or(line, |(_, kind)| kind)
                .to_owned()
        })
        .collect();
    // XFS, for one, may be found by more than one of its marks.
    kinds.dedup();
    Ok(kinds)
}

/// Where the first byte that is not zero is, in the first 2 MiB and the last 1 MiB.
async fn data(device: &BlockDevice) -> Result<Option<u64>, HostError> {
    let (path, bytes) = (device.path().to_owned(), device.bytes());
    blocking(
        format!("reading `{}`", path.display()),
        LOOKING,
        move || {
            let fail = |e| HostError::io("read", &path, e);
            // Direct: the device itself, and not what the page cache remembers of it (array fact 35).
            let file = OpenOptions::new()
                .read(true)
                .custom_flags(libc::O_DIRECT)
                .open(&path)
                .map_err(fail)?;
            let tail = bytes.saturating_sub(TAIL) / ALIGN as u64 * ALIGN as u64;
            for (from, to) in [(0, bytes.min(HEAD)), (tail, bytes)] {
                if let Some(at) = nonzero(&file, from, to).map_err(fail)? {
                    return Ok(Some(at));
                }
            }
            Ok(None)
        },
    )
    .await
}

/// A short read is an error: bytes that were not read are not zeros.
fn nonzero(file: &File, from: u64, to: u64) -> std::io::Result<Option<u64>> {
    let mut room = vec![0_u8; MIB as usize + ALIGN];
    let start = room.as_ptr().align_offset(ALIGN).min(ALIGN);
    let buffer = &mut room[start..start + MIB as usize];
    let mut at = from;
    while at < to {
        let want = usize::try_from(to - at)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let got = file.read_at(&mut buffer[..want], at)?;
        if got == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(offset) = buffer[..got].iter().position(|byte| *byte != 0) {
            return Ok(Some(at + offset as u64));
        }
        at += got as u64;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn report(code: i32, stdout: &str, stderr: &str) -> CommandReport {
        CommandReport {
            command: "blkid -p -o export /dev/x".to_owned(),
            code: Some(code),
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        }
    }

    fn verdict(code: i32, stdout: &str, stderr: &str, kinds: &[&str]) -> String {
        let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        match judge(&report(code, stdout, stderr), &kinds) {
            None => "unknown".to_owned(),
            Some(Verdict::Nothing) => "nothing".to_owned(),
            Some(Verdict::Found(Found::Filesystem { kind, uuid })) => {
                format!("filesystem {kind} {}", uuid.unwrap_or_default())
            }
            Some(Verdict::Found(Found::Signature { what })) => format!("signature {what}"),
            Some(Verdict::Found(Found::Empty(_))) => panic!("nobody proved that"),
        }
    }

    #[test]
    fn only_status_2_and_silence_on_all_sides_is_nothing() {
        assert_eq!(verdict(2, "", "", &[]), "nothing");
        assert_eq!(
            verdict(2, "", "blkid: error: /dev/x: Input/output error\n", &[]),
            "unknown"
        );
        assert_eq!(verdict(2, "DEVNAME=/dev/x\n", "", &[]), "unknown");
        assert_eq!(
            verdict(2, "", "", &["LVM2_member"]),
            "signature LVM2_member"
        );
        for code in [1, 4, 127] {
            assert_eq!(verdict(code, "", "", &[]), "unknown");
        }
    }

    #[test]
    fn a_filesystem_is_one_that_both_see_and_nothing_beside_it() {
        let ext4 = "DEVNAME=/dev/x\nUUID=abc\nTYPE=ext4\nUSAGE=filesystem\n";
        assert_eq!(verdict(0, ext4, "", &["ext4"]), "filesystem ext4 abc");
        assert_eq!(
            verdict(0, ext4, "", &["ext4", "gpt"]),
            "signature ext4 (gpt)"
        );
        assert_eq!(verdict(0, ext4, "", &[]), "signature ext4");
        let lvm = "TYPE=LVM2_member\nUSAGE=raid\n";
        assert_eq!(
            verdict(0, lvm, "", &["LVM2_member"]),
            "signature LVM2_member"
        );
        assert_eq!(
            verdict(0, "PTTYPE=dos\n", "", &["dos"]),
            "signature a partition table (dos)"
        );
        assert_eq!(
            verdict(0, "A=1\nB=2\n", "", &[]),
            "signature something blkid found: A=1, B=2"
        );
        assert_eq!(
            verdict(8, "", "blkid: ambivalent\n", &["xfs", "swap"]),
            "signature several contradicting signatures (xfs, swap)"
        );
    }

    #[test]
    fn the_first_byte_that_is_not_zero_is_found_and_a_short_read_is_an_error() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![0; 3 * MIB as usize]).unwrap();
        assert_eq!(nonzero(&file, 0, 3 * MIB).unwrap(), None);
        for at in [0, 1, MIB - 1, MIB, 2 * MIB + 4095, 3 * MIB - 1] {
            file.write_at(&[9], at).unwrap();
            assert_eq!(nonzero(&file, 0, 3 * MIB).unwrap(), Some(at));
            file.write_at(&[0], at).unwrap();
        }
        assert!(nonzero(&file, 0, 3 * MIB + 512).is_err());
    }
}
