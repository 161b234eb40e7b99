//! The kernel's table of mounts, of this process and of others.

use std::{
    ffi::OsString,
    fmt, fs, io,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
    str::FromStr,
};

use super::HostError;

/// A block device as the kernel counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceNumber {
    /// Which driver.
    pub major: u32,
    /// Which of its devices.
    pub minor: u32,
}

impl FromStr for DeviceNumber {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (major, minor) = text.split_once(':').ok_or(())?;
        let number = |text: &str| text.parse().map_err(|_| ());
        Ok(Self {
            major: number(major)?,
            minor: number(minor)?,
        })
    }
}

impl fmt::Display for DeviceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

/// One line of mountinfo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountEntry {
    /// The device, or an invented number for a filesystem without one.
    pub device: DeviceNumber,
    /// Which directory of the filesystem is mounted: `/` unless it is a bind mount.
    pub root: PathBuf,
    /// Where.
    pub mountpoint: PathBuf,
    /// Options of this mount, for example `rw,relatime`.
    pub options: String,
    /// For example `ext4`.
    pub kind: String,
    /// For example `/dev/mapper/mpatha`.
    pub source: OsString,
    /// Options and state of the filesystem, whoever mounted it, for example `rw,emergency_ro`.
    pub filesystem: String,
}

impl MountEntry {
    /// True if nothing can be written: mounted so, or made so by the kernel after an error, which newer ones tell in words of
    /// their own (array fact 92).
    pub fn is_read_only(&self) -> bool {
        let all = self.options.split(',').chain(self.filesystem.split(','));
        all.into_iter()
            .any(|word| matches!(word, "ro" | "emergency_ro" | "shutdown"))
    }
}

/// A mount of a device that another process sees in a mount namespace of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// One process of that namespace.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// Where the device is mounted for it.
    pub mountpoint: PathBuf,
}

/// The kernel's own tables, at `/proc` and `/sys`, and the nodes in `/dev`, unless a test says otherwise.
#[derive(Debug, Clone)]
pub struct Kernel {
    proc: PathBuf,
    sys: PathBuf,
    dev: PathBuf,
}

impl Default for Kernel {
    fn default() -> Self {
        Self::at("/proc", "/sys")
    }
}

impl Kernel {
    /// Tables at other places.
    pub fn at(proc: impl Into<PathBuf>, sys: impl Into<PathBuf>) -> Self {
        Self {
            proc: proc.into(),
            sys: sys.into(),
            dev: "/dev".into(),
        }
    }

    /// The same tables, with the nodes of devices at another place.
    pub fn with_dev(self, dev: impl Into<PathBuf>) -> Self {
        Self {
            dev: dev.into(),
            ..self
        }
    }

    pub(super) fn sys(&self) -> &Path {
        &self.sys
    }

    pub(super) fn dev(&self) -> &Path {
        &self.dev
    }

    /// All mounts of this process's namespace, in the order they were made.
    ///
    /// # Errors
    /// [`HostError::Io`], [`HostError::Unrecognised`].
    pub fn mounts(&self) -> Result<Vec<MountEntry>, HostError> {
        let path = self.proc.join("self/mountinfo");
        let text = fs::read(&path).map_err(|e| HostError::io("read", &path, e))?;
        parse(&path, &text)
    }

    /// What is mounted on a directory: the topmost, where several are.
    ///
    /// # Errors
    /// As [`Kernel::mounts`].
    pub fn mounted_at(&self, mountpoint: &Path) -> Result<Option<MountEntry>, HostError> {
        let mut mounts = self.mounts()?;
        mounts.retain(|entry| entry.mountpoint == mountpoint);
        Ok(mounts.pop())
    }

    /// Where a device is mounted.
    ///
    /// # Errors
    /// As [`Kernel::mounts`].
    pub fn mounts_of(&self, device: DeviceNumber) -> Result<Vec<MountEntry>, HostError> {
        let mut mounts = self.mounts()?;
        mounts.retain(|entry| entry.device == device);
        Ok(mounts)
    }

    /// Processes in other mount namespaces that see a device mounted: one for each namespace. It names them for people;
    /// the proof that a device is free is that it can be opened for oneself alone.
    ///
    /// # Errors
    /// [`HostError::Unrecognised`]. What cannot be read, because it has just ended, is no error.
    pub fn holders_elsewhere(&self, device: DeviceNumber) -> Result<Vec<Holder>, HostError> {
        let namespace = |dir: &Path| fs::read_link(dir.join("ns/mnt")).ok();
        let mut seen: Vec<PathBuf> = namespace(&self.proc.join("self")).into_iter().collect();
        let mut holders = Vec::new();
        for (pid, dir) in self.processes() {
            let Some(namespace) = namespace(&dir).filter(|ns| !seen.contains(ns)) else {
                continue;
            };
            let path = dir.join("mountinfo");
            let text = match fs::read(&path) {
                Ok(text) => text,
                // It has ended, or is a zombie, or belongs to somebody else: another of its namespace may speak for it.
                Err(_) => continue,
            };
            seen.push(namespace);
            let name = Self::name_of(&dir);
            holders.extend(
                parse(&path, &text)?
                    .into_iter()
                    .filter(|entry| entry.device == device)
                    .map(|entry| Holder {
                        pid,
                        name: name.clone(),
                        mountpoint: entry.mountpoint,
                    }),
            );
        }
        Ok(holders)
    }

    /// All processes, as far as they can be listed: id and directory.
    pub(super) fn processes(&self) -> impl Iterator<Item = (u32, PathBuf)> {
        fs::read_dir(&self.proc)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|item| {
                let pid = item.file_name().to_str()?.parse().ok()?;
                Some((pid, item.path()))
            })
    }

    /// The name of a process, empty if it has ended.
    pub(super) fn name_of(dir: &Path) -> String {
        fs::read_to_string(dir.join("comm"))
            .unwrap_or_default()
            .trim()
            .to_owned()
    }
}

/// Reads mountinfo (proc_pid_mountinfo(5)).
fn parse(path: &Path, text: &[u8]) -> Result<Vec<MountEntry>, HostError> {
    text.split(|b| *b == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| {
            parse_line(line).ok_or_else(|| HostError::Unrecognised {
                path: path.to_owned(),
                line: String::from_utf8_lossy(line).into_owned(),
            })
        })
        .collect()
}

/// `id parent major:minor root mountpoint options tag* - kind source superoptions`
fn parse_line(line: &[u8]) -> Option<MountEntry> {
    let mut fields = line.split(|b| *b == b' ');
    let mut next = || fields.next().map(unescape);
    let (_id, _parent) = (next()?, next()?);
    let device = next()?.to_str()?.parse().ok()?;
    let (root, mountpoint, options) = (next()?, next()?, next()?);
    while next()? != "-" {}
    let (kind, source, filesystem) = (next()?, next()?, next()?);
    Some(MountEntry {
        device,
        root: root.into(),
        mountpoint: mountpoint.into(),
        options: options.into_string().ok()?,
        kind: kind.into_string().ok()?,
        source,
        filesystem: filesystem.into_string().ok()?,
    })
}

/// Space, tab, newline, backslash and `#` are written as a backslash and three octal digits.
fn unescape(field: &[u8]) -> OsString {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, after @ ..] = rest {
        let octal = after
            .first_chunk::<3>()
            .filter(|_| *first == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match octal {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    OsString::from_vec(bytes)
}

/// The device number of a block device's node.
///
/// # Errors
/// [`HostError::Io`], also if it is no block device.
pub(super) fn device_number(path: &Path) -> Result<DeviceNumber, HostError> {
    let data = fs::metadata(path).map_err(|e| HostError::io("look at", path, e))?;
    number_in(&data, path)
}

/// As [`device_number`], of what was read of a device already.
pub(super) fn number_in(data: &fs::Metadata, path: &Path) -> Result<DeviceNumber, HostError> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    if !data.file_type().is_block_device() {
        let wrong = io::Error::other("not a block device");
        return Err(HostError::io("look at", path, wrong));
    }
    let split = |part: u64| u32::try_from(part).unwrap_or(u32::MAX);
    Ok(DeviceNumber {
        major: split(nix::sys::stat::major(data.rdev())),
        minor: split(nix::sys::stat::minor(data.rdev())),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const HERE: &str = "\
21 1 254:3 / / rw,relatime shared:1 - ext4 /dev/vda3 rw
40 21 0:38 / /proc rw,nosuid shared:9 - proc proc rw
77 21 253:12 / /srv/a\\040b\\134c\\011d\\043 rw,noatime shared:30 master:2 - xfs /dev/mapper/360002ac0 rw,attr2
78 21 253:12 /sub /srv/bind ro - xfs /dev/mapper/360002ac0 rw,attr2
90 21 253:1 / /srv/twice rw - ext4 /dev/mapper/lower rw
91 90 253:2 / /srv/twice rw - ext4 /dev/mapper/upper rw
";

    fn machine(here: &str) -> (tempfile::TempDir, Kernel) {
        let dir = tempfile::tempdir().unwrap();
        process(dir.path(), "self", "1", "plugin", here);
        let kernel = Kernel::at(dir.path(), "/nowhere");
        (dir, kernel)
    }

    fn process(root: &Path, pid: &str, namespace: &str, name: &str, mountinfo: &str) {
        let dir = root.join(pid);
        fs::create_dir_all(dir.join("ns")).unwrap();
        symlink(format!("mnt:[{namespace}]"), dir.join("ns/mnt")).unwrap();
        fs::write(dir.join("comm"), format!("{name}\n")).unwrap();
        fs::write(dir.join("mountinfo"), mountinfo).unwrap();
    }

    #[test]
    fn reads_optional_fields_and_escapes() {
        let (_dir, kernel) = machine(HERE);
        let mounts = kernel.mounts().unwrap();
        assert_eq!(mounts.len(), 6);
        assert_eq!(
            mounts[2],
            MountEntry {
                device: DeviceNumber {
                    major: 253,
                    minor: 12
                },
                root: "/".into(),
                mountpoint: "/srv/a b\\c\td#".into(),
                options: "rw,noatime".to_owned(),
                kind: "xfs".to_owned(),
                source: "/dev/mapper/360002ac0".into(),
                filesystem: "rw,attr2".to_owned(),
            }
        );
        let of: Vec<_> = kernel
            .mounts_of(mounts[2].device)
            .unwrap()
            .into_iter()
            .map(|m| m.mountpoint)
            .collect();
        assert_eq!(of, [Path::new("/srv/a b\\c\td#"), Path::new("/srv/bind")]);
    }

    #[test]
    fn what_the_kernel_made_read_only_is_told_in_several_words() {
        for (options, filesystem, is) in [
            ("rw,relatime", "rw,errors=remount-ro", false),
            ("rw", "rw,norecovery", false),
            ("ro,relatime", "rw", true),
            ("rw,relatime", "ro", true),
            ("rw,relatime", "rw,emergency_ro", true),
            ("rw,relatime", "rw,shutdown", true),
        ] {
            let line = format!("9 1 7:3 / /srv {options} - ext4 /dev/loop3 {filesystem}\n");
            let (_dir, kernel) = machine(&line);
            let entry = kernel.mounted_at(Path::new("/srv")).unwrap().unwrap();
            assert_eq!(entry.is_read_only(), is, "{line}");
        }
    }

    #[test]
    fn a_backslash_that_begins_no_escape_is_itself() {
        for (field, is) in [
            ("a\\", "a\\"),
            ("\\04", "\\04"),
            ("\\999", "\\999"),
            ("\\0400", " 0"),
        ] {
            assert_eq!(unescape(field.as_bytes()), is, "{field}");
        }
    }

    #[test]
    fn the_topmost_mount_is_the_one_that_counts() {
        let (_dir, kernel) = machine(HERE);
        let top = kernel.mounted_at(Path::new("/srv/twice")).unwrap().unwrap();
        assert_eq!(top.source, "/dev/mapper/upper");
        assert_eq!(kernel.mounted_at(Path::new("/srv")).unwrap(), None);
    }

    #[test]
    fn a_line_that_is_not_understood_is_an_error_and_not_skipped() {
        for line in [
            "21 1 254:3 / /srv rw",
            "21 1 254 / / rw - ext4 x rw",
            "21 1 254:3 / / rw - ext4",
            "21 1 254:3 / / rw - ext4 x",
        ] {
            let (_dir, kernel) = machine(&format!("{HERE}{line}\n"));
            let error = kernel.mounts().unwrap_err();
            assert!(
                error
                    .to_string()
                    .ends_with(&format!("not understood: `{line}`")),
                "{error}"
            );
        }
    }

    #[test]
    fn holders_are_named_once_for_each_other_namespace() {
        let (dir, kernel) = machine(HERE);
        let seen = "5 1 253:12 / /host/srv rw - xfs /dev/mapper/360002ac0 rw\n";
        process(dir.path(), "10", "1", "sibling", HERE);
        process(dir.path(), "20", "2", "node_exporter", seen);
        process(dir.path(), "21", "2", "node_exporter", seen);
        process(
            dir.path(),
            "30",
            "3",
            "innocent",
            "5 1 253:99 / / rw - xfs x rw\n",
        );
        // Ended between the listing and the reading.
        process(dir.path(), "40", "4", "gone", seen);
        fs::remove_file(dir.path().join("40/mountinfo")).unwrap();
        fs::create_dir(dir.path().join("bus")).unwrap();
        let holders = kernel
            .holders_elsewhere(DeviceNumber {
                major: 253,
                minor: 12,
            })
            .unwrap();
        let [holder] = &holders[..] else {
            panic!("{holders:?}")
        };
        assert_eq!(
            (holder.name.as_str(), holder.mountpoint.as_path()),
            ("node_exporter", Path::new("/host/srv"))
        );
        assert!([20, 21].contains(&holder.pid));
    }

    #[test]
    fn a_file_is_no_block_device() {
        assert!(device_number(Path::new("/proc/self/mountinfo")).is_err());
    }

    #[test]
    fn the_real_tables_are_understood() {
        let mounts = Kernel::default().mounts().unwrap();
        assert!(mounts.iter().any(|m| m.mountpoint == Path::new("/proc")));
    }
}
