//! A simulated array's export directory, and a process with a mount namespace of its own to use it in.

use std::{
    fs,
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::{FileExt, symlink},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

use hpe3par_docker::{
    host::{BlockDevice, Export, Kernel, Place, Simulated, Transport},
    model::{FsUuid, HostName, Lun, OperationId, Size, Wwn},
};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::rig::{
    needs::{Need, met},
    private::mounts_are_private,
};

pub const SOON: Duration = Duration::from_secs(60);
pub const MIB: u64 = 1 << 20;

/// Runs a test as root, in a process of its own whose mounts nobody else sees. `test` is its full name.
pub fn privately<F: Future<Output = ()>>(test: &str, body: impl FnOnce(Lab) -> F) {
    let programs = [
        "losetup",
        "blkid",
        "wipefs",
        "blockdev",
        "mkfs.ext4",
        "mkfs.xfs",
        "mkswap",
        "dumpe2fs",
        "debugfs",
        "tune2fs",
        "xfs_db",
        "resize2fs",
        "xfs_growfs",
        "unshare",
    ];
    let mut needs = vec![Need::Root, Need::Device("/dev/loop-control")];
    needs.extend(programs.map(Need::Program));
    if met(test, &needs) && mounts_are_private(test) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        runtime.unwrap().block_on(body(Lab::new()));
    }
}

pub fn wwn(last: char) -> Wwn {
    format!("60002AC00000000000000A1F0001B2C{last}")
        .parse()
        .unwrap()
}

/// The UUID of the filesystem that this operation makes.
pub fn uuid_of(operation: &str) -> FsUuid {
    FsUuid::of(&OperationId::parse(operation).unwrap(), &wwn('0'))
}

/// Another one each time: the kernel mounts no XFS twice.
pub fn uuid() -> FsUuid {
    uuid_of(&format!("host1@6f2c11.{:08x}", rand::random::<u32>()))
}

pub struct Lab {
    dir: TempDir,
    pub kernel: Kernel,
}

impl Lab {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            kernel: Kernel::default(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn transport(&self, host: &str) -> Transport {
        Transport::Simulated(self.simulated(host))
    }

    pub fn simulated(&self, host: &str) -> Simulated {
        Simulated::new(
            self.kernel.clone(),
            &self.path("exports"),
            HostName::new(host).unwrap(),
            format!("iqn.1994-05.com.example:{host}").parse().unwrap(),
        )
        .unwrap()
    }

    /// The data file of a volume of the array `north`.
    pub fn data(&self, wwn: &Wwn) -> PathBuf {
        self.path(&format!("data/17-{wwn}.img"))
    }

    /// A volume of zeros, not exported yet.
    pub fn volume(&self, wwn: &Wwn, mib: u64) -> Export {
        fs::create_dir_all(self.path("data")).unwrap();
        File::create(self.data(wwn))
            .unwrap()
            .set_len(mib * MIB)
            .unwrap();
        Export {
            serving: Place {
                array: "north".to_owned(),
                lun: Lun(5),
                ports: Vec::new(),
                chap: None,
            },
            second: None,
            wwn: wwn.clone(),
            size: Size::from_mib(mib),
        }
    }

    pub fn exported_as(&self, export: &Export, host: &str) -> PathBuf {
        let dir = self.path("exports").join(&export.serving.array).join(host);
        fs::create_dir_all(&dir).unwrap();
        dir.join(format!("{}.{}", export.serving.lun, export.wwn))
    }

    pub fn export(&self, export: &Export, host: &str) {
        symlink(self.data(&export.wwn), self.exported_as(export, host)).unwrap();
    }

    pub fn soon(&self) -> Instant {
        Instant::now() + SOON
    }

    /// A blank volume, exported to and attached on `host7`.
    pub async fn attached(&self, last: char, mib: u64) -> BlockDevice {
        let export = self.volume(&wwn(last), mib);
        self.export(&export, "host7");
        self.transport("host7")
            .attach(&export, self.soon())
            .await
            .unwrap()
    }

    pub fn write(&self, device: &BlockDevice, bytes: &[u8], at: u64) {
        let file = OpenOptions::new().write(true).open(device.path()).unwrap();
        file.write_all_at(bytes, at).unwrap();
        file.sync_all().unwrap();
    }

    /// Everything on a volume, as the array has it.
    pub fn content(&self, device: &BlockDevice) -> Vec<u8> {
        fs::read(self.data(device.wwn())).unwrap()
    }

    /// Loop devices on files of this lab.
    pub fn loops(&self) -> Vec<PathBuf> {
        let items = fs::read_dir("/sys/block").unwrap().flatten();
        let ours = |dir: &Path| {
            fs::read_to_string(dir.join("loop/backing_file"))
                .is_ok_and(|f| Path::new(&f).starts_with(self.dir.path()))
        };
        items
            .filter(|item| ours(&item.path()))
            .map(|item| Path::new("/dev").join(item.file_name()))
            .collect()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for entry in self.kernel.mounts().unwrap().into_iter().rev() {
            if entry.mountpoint.starts_with(self.dir.path()) {
                nix::mount::umount(&entry.mountpoint).unwrap();
            }
        }
        for device in self.loops() {
            tool("losetup", &["-d", device.to_str().unwrap()]);
        }
    }
}

pub fn tool(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
}

/// A process with a copy of all mounts in a namespace of its own, as a monitoring container has.
pub struct Elsewhere {
    child: Child,
    alive: ChildStdin,
}

impl Elsewhere {
    pub fn begin() -> Self {
        let mut child = Command::new("unshare")
            .args([
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-c",
                "echo ready; read nothing",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; 5];
        child.stdout.take().unwrap().read_exact(&mut ready).unwrap();
        assert_eq!(&ready, b"ready");
        let alive = child.stdin.take().unwrap();
        Self { child, alive }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn end(mut self) {
        self.alive.write_all(b"\n").unwrap();
        self.child.wait().unwrap();
    }
}
