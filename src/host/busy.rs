//! Is a device in use? The kernel's answer, not a record of ours.

use std::{
    fmt, fs,
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::libc;
use tokio::time::{Instant, sleep};

use super::{BlockDevice, Holder, HostError, Kernel, command::blocking};

/// How long an unmount that the kernel has not ended is waited for. umount(2) returns while a mount namespace that is dying still has the
/// filesystem; what that still has to write to a device without a path fails when dm-multipath gives up, after 90 s as docs/hosts.md has
/// it. It was lost before anybody asks, and a mount that waits as long, and then takes some 10 s, is in time for an engine that allows
/// 120 s; one that is not goes on, and is kept for the engine's next try.
const ENDING: Duration = Duration::from_secs(90);
/// Between two looks: at first, where an unmount ends in no time; and then, as each look reads the mounts of every process, and all volumes of a
/// dead array may be waited for at once.
const LOOK_SOON: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// Who uses a device, as far as the kernel tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Busy {
    /// Where it is mounted in this mount namespace.
    pub mounts: Vec<PathBuf>,
    /// Who sees it mounted in another mount namespace.
    pub holders: Vec<Holder>,
    /// Devices built on it, for example `dm-3`.
    pub stacked: Vec<String>,
    /// Processes with files open on it: process id and name.
    pub users: Vec<(u32, String)>,
    /// It cannot be opened for oneself alone.
    pub claimed: bool,
}

impl Busy {
    /// True if the device is claimed and there is nobody who could be told to stop: so it is from when umount(2) has returned until the
    /// kernel ends the filesystem.
    pub fn names_nobody(&self) -> bool {
        let Self {
            mounts,
            holders,
            stacked,
            users,
            claimed,
        } = self;
        *claimed
            && mounts.is_empty()
            && holders.is_empty()
            && stacked.is_empty()
            && users.is_empty()
    }
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        parts.extend(
            self.mounts
                .iter()
                .map(|m| format!("mounted on `{}`", m.display())),
        );
        parts.extend(self.holders.iter().map(|h| {
            format!(
                "seen mounted on `{}` by pid {} (`{}`)",
                h.mountpoint.display(),
                h.pid,
                h.name
            )
        }));
        parts.extend(self.stacked.iter().map(|name| format!("part of `{name}`")));
        parts.extend(
            self.users
                .iter()
                .map(|(pid, name)| format!("open in pid {pid} (`{name}`)")),
        );
        if parts.is_empty() {
            f.write_str("the kernel says so, and names nobody")
        } else {
            f.write_str(&parts.join(", "))
        }
    }
}

/// Who uses a device; `None` is the proof that nobody does: not mounted here or in any other mount namespace, nothing built
/// on it, and the kernel lets it be opened exclusively.
///
/// # Errors
/// [`HostError::Io`], [`HostError::Deadline`].
pub async fn busy(
    kernel: &Kernel,
    device: &BlockDevice,
    limit: Duration,
) -> Result<Option<Busy>, HostError> {
    let (kernel, device) = (kernel.clone(), device.clone());
    let what = format!("looking who uses `{}`", device.path().display());
    blocking(what, limit, move || look(&kernel, &device)).await
}

/// As [`busy`], but waits up to 90 s for a device that [names nobody](Busy::names_nobody): an unmount that has not ended does so by
/// itself. Whoever is named is told at once. Each look may take `limit`.
///
/// # Errors
/// As [`busy`].
pub async fn busy_for_good(
    kernel: &Kernel,
    device: &BlockDevice,
    limit: Duration,
) -> Result<Option<Busy>, HostError> {
    let begun = Instant::now();
    let mut is_told = false;
    loop {
        let by = busy(kernel, device, limit).await?;
        let is_ending = by.as_ref().is_some_and(Busy::names_nobody);
        if !is_ending || begun.elapsed() >= ENDING {
            return Ok(by);
        }
        if !is_told {
            log::info!(device:% = device.path().display(), wwn = device.wwn().as_str(), patience_s = ENDING.as_secs();
                "in use, and the kernel names nobody: the end of an unmount is waited for");
            is_told = true;
        }
        let is_new = begun.elapsed() < LOOK_AGAIN;
        let pause = if is_new { LOOK_SOON } else { LOOK_AGAIN };
        sleep(pause.min(ENDING.saturating_sub(begun.elapsed()))).await;
    }
}

/// The maps that kpartx makes, by a rule of udev, of a partition table that it finds in a map of dm-multipath. They use nothing by being
/// there, and `multipath -f` removes them itself (array fact 79); one that somebody uses is a use of the whole.
fn is_free_partition(kernel: &Kernel, device: &BlockDevice, name: &str) -> Result<bool, HostError> {
    let block = kernel.sys().join("block").join(name);
    let made_for = fs::read_to_string(block.join("dm/uuid")).unwrap_or_default();
    let of = made_for.trim().strip_prefix("part").and_then(|rest| {
        let (number, of) = rest.split_once("-mpath-3")?;
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        is_number.then_some(of)
    });
    if !of.is_some_and(|of| of.eq_ignore_ascii_case(device.wwn().as_str())) {
        return Ok(false);
    }
    let node = kernel.dev().join(name);
    match BlockDevice::named(kernel, name, &node, device.wwn()) {
        Ok(partition) => Ok(look(kernel, &partition)?.is_none()),
        // It went while it was looked at.
        Err(_) if !block.exists() => Ok(true),
        Err(error) => Err(error),
    }
}

fn look(kernel: &Kernel, device: &BlockDevice) -> Result<Option<Busy>, HostError> {
    let number = device.number();
    let mounts = kernel
        .mounts_of(number)?
        .into_iter()
        .map(|entry| entry.mountpoint)
        .collect();
    let holders = kernel.holders_elsewhere(number)?;
    let stacked = kernel.sys().join(format!("dev/block/{number}/holders"));
    let built_on_it: Vec<String> = match fs::read_dir(&stacked) {
        Ok(items) => items
            .flatten()
            .map(|item| item.file_name().to_string_lossy().into_owned())
            .collect(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(HostError::io("read", stacked, e)),
    };
    let mut stacked = Vec::new();
    for name in &built_on_it {
        if !is_free_partition(kernel, device, name)? {
            stacked.push(name.clone());
        }
    }
    // They claim it for device-mapper, beside which nothing but another map can.
    let partitioned = stacked.len() < built_on_it.len();
    // A mounted filesystem, a map and mkfs each claim their device exclusively, in whatever namespace they are (array fact 37).
    let claimed = match OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_EXCL)
        .open(device.path())
    {
        Ok(_) => Ok(false),
        Err(e) if e.raw_os_error() == Some(libc::EBUSY) => Ok(!partitioned),
        Err(e) => Err(HostError::io("open", device.path(), e)),
    };
    let busy = Busy {
        mounts,
        holders,
        stacked,
        users: Vec::new(),
        claimed: matches!(claimed, Ok(true)),
    };
    // Who is known to use it is an answer even if it cannot be opened, as a disk whose path is lost.
    if busy == Busy::default() {
        claimed.map(|_| None)
    } else {
        Ok(Some(busy))
    }
}

/// As [`busy`], for people: where it is mounted, with the processes that have files open there. Looks at every process.
///
/// # Errors
/// As [`busy`].
pub async fn held_by(
    kernel: &Kernel,
    device: &BlockDevice,
    limit: Duration,
) -> Result<Option<Busy>, HostError> {
    let (kernel, device) = (kernel.clone(), device.clone());
    let what = format!("looking who holds `{}`", device.path().display());
    blocking(what, limit, move || {
        let Some(mut busy) = look(&kernel, &device)? else {
            return Ok(None);
        };
        for mountpoint in &busy.mounts {
            busy.users.extend(users_of(&kernel, mountpoint).users);
        }
        busy.users.sort();
        busy.users.dedup();
        Ok(Some(busy))
    })
    .await
}

/// [`HostError::InUse`] unless nobody uses it.
pub(super) async fn must_be_free(
    kernel: &Kernel,
    device: &BlockDevice,
    limit: Duration,
) -> Result<(), HostError> {
    match busy(kernel, device, limit).await? {
        None => Ok(()),
        Some(by) => Err(HostError::InUse {
            path: device.path().to_owned(),
            by: Box::new(by),
        }),
    }
}

/// Why a mountpoint cannot be unmounted: processes of this process table with a file or directory beneath it, and mounts
/// beneath it.
pub(super) fn users_of(kernel: &Kernel, mountpoint: &Path) -> Busy {
    let beneath = |path: &Path| path.starts_with(mountpoint);
    let mounts = kernel.mounts().unwrap_or_default();
    let mounts = mounts
        .into_iter()
        .map(|entry| entry.mountpoint)
        .filter(|path| path != mountpoint && beneath(path))
        .collect();
    let users = kernel
        .processes()
        .filter(|(_, dir)| {
            let open = fs::read_dir(dir.join("fd"))
                .into_iter()
                .flatten()
                .flatten()
                .map(|fd| fd.path());
            ["cwd", "root"]
                .map(|link| dir.join(link))
                .into_iter()
                .chain(open)
                .any(|link| fs::read_link(link).is_ok_and(|path| beneath(&path)))
        })
        .map(|(pid, dir)| (pid, Kernel::name_of(&dir)))
        .collect();
    Busy {
        mounts,
        users,
        ..Busy::default()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, process::Command};

    use tempfile::TempDir;

    use super::*;
    use crate::model::Wwn;

    const WWN: &str = "60002AC00000000000000A1F0001B2C3";

    /// A loop device as map `dm-0`, in tables of its own where nobody is named.
    struct Stage {
        dir: TempDir,
        node: String,
        kernel: Kernel,
        device: BlockDevice,
    }

    impl Stage {
        fn set() -> Option<Self> {
            let dir = tempfile::tempdir().unwrap();
            let image = dir.path().join("image");
            fs::write(&image, vec![0; 1 << 20]).unwrap();
            let bind = ["--find", "--show"];
            let bound = Command::new("losetup").args(bind).arg(&image).output();
            let Some(bound) = bound.ok().filter(|bound| bound.status.success()) else {
                assert!(std::env::var_os("REQUIRE_ALL").is_none());
                println!("skipped: no loop device");
                return None;
            };
            let node = String::from_utf8(bound.stdout).unwrap().trim().to_owned();
            let [sys, dev] = ["sys", "dev"].map(|name| dir.path().join(name));
            let kernel = Kernel::at(dir.path().join("proc"), &sys).with_dev(&dev);
            fs::create_dir_all(dir.path().join("proc/self")).unwrap();
            fs::write(dir.path().join("proc/self/mountinfo"), "").unwrap();
            fs::create_dir(&dev).unwrap();
            block(&sys, "dm-0", "253:0");
            let wwn: Wwn = WWN.parse().unwrap();
            let device = BlockDevice::named(&kernel, "dm-0", Path::new(&node), &wwn).unwrap();
            Some(Self {
                dir,
                node,
                kernel,
                device,
            })
        }

        /// Holds it for itself, as a filesystem does that the kernel has not ended, and device-mapper what its maps are built on.
        fn claim(&self) -> File {
            OpenOptions::new()
                .read(true)
                .custom_flags(libc::O_EXCL)
                .open(&self.node)
                .unwrap()
        }

        /// Builds map `dm-1` on it, with this name in device-mapper.
        fn build(&self, uuid: &str) {
            let sys = self.dir.path().join("sys");
            let map = block(&sys, "dm-1", "253:1");
            fs::write(map.join("dm/uuid"), uuid).unwrap();
            fs::write(self.dir.path().join("dev/dm-1"), "").unwrap();
            fs::write(sys.join("block/dm-0/holders/dm-1"), "").unwrap();
        }
    }

    impl Drop for Stage {
        fn drop(&mut self) {
            let detach = ["--detach", &self.node];
            let _ = Command::new("losetup").args(detach).status();
        }
    }

    fn block(sys: &Path, name: &str, number: &str) -> PathBuf {
        let block = sys.join("block").join(name);
        fs::create_dir_all(block.join("dm")).unwrap();
        fs::create_dir_all(block.join("holders")).unwrap();
        fs::create_dir_all(sys.join("dev/block")).unwrap();
        fs::write(block.join("dev"), number).unwrap();
        fs::write(block.join("size"), "2048").unwrap();
        std::os::unix::fs::symlink(&block, sys.join("dev/block").join(number)).unwrap();
        block
    }

    #[test]
    fn what_a_free_partition_claims_is_claimed_by_nobody_else() {
        let Some(stage) = Stage::set() else { return };
        let _alone = stage.claim();
        let claimed = look(&stage.kernel, &stage.device).unwrap();
        assert!(claimed.is_some_and(|by| by.claimed));
        stage.build(&format!("part1-mpath-3{}", WWN.to_ascii_lowercase()));
        assert_eq!(look(&stage.kernel, &stage.device).unwrap(), None);
    }

    async fn waited(stage: &Stage) -> (Option<Busy>, Duration) {
        let begun = Instant::now();
        let by = busy_for_good(&stage.kernel, &stage.device, Duration::from_secs(30)).await;
        (by.unwrap(), begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn an_unmount_that_the_kernel_has_not_ended_is_waited_for() {
        let Some(stage) = Stage::set() else { return };
        let claim = stage.claim();
        let ends = async {
            sleep(Duration::from_secs(60)).await;
            drop(claim);
        };
        let ((by, first), ()) = tokio::join!(waited(&stage), ends);
        assert_eq!(by, None);
        let seconds = first.as_secs();
        assert!((60..=63).contains(&seconds), "{seconds}");
        assert_eq!(waited(&stage).await, (None, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn who_names_nobody_for_ever_is_told_in_the_end() {
        let Some(stage) = Stage::set() else { return };
        let _claim = stage.claim();
        let (by, in_all) = waited(&stage).await;
        assert_eq!(in_all, Duration::from_secs(90));
        let by = by.unwrap();
        assert!(by.names_nobody());
        assert_eq!(by.to_string(), "the kernel says so, and names nobody");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_named_is_told_at_once_also_in_the_middle_of_a_wait() {
        let Some(stage) = Stage::set() else { return };
        let _claim = stage.claim();
        let comes = async {
            sleep(Duration::from_secs(10)).await;
            stage.build("LVM-somebody");
        };
        let ((by, first), ()) = tokio::join!(waited(&stage), comes);
        assert!((10..=12).contains(&first.as_secs()), "{first:?}");
        assert_eq!(by.unwrap().to_string(), "part of `dm-1`");
        let (by, again) = waited(&stage).await;
        assert_eq!((by.unwrap().stacked.len(), again), (1, Duration::ZERO));
    }
}
