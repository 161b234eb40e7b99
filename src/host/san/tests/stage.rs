//! What the tests stand on: the machine made of files, and two arrays with two ports each.

use std::{
    fs,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tempfile::TempDir;
use tokio::time::Instant;

use super::{
    kernel::{FakeKernel, Shown, World, write},
    programs::FakePrograms,
};
use crate::{
    host::{
        BlockDevice, Export, HostError, Kernel, NodeRecords, Place, Programs, San, Turns,
        san::{machine::Patience, scsi::Nexus},
    },
    model::{Lun, NodeRecord, Size, TargetPort, Wwn},
};

pub const MIB: u64 = 1 << 20;
/// How long a test waits for what comes for certain.
pub const SOON: Duration = Duration::from_secs(20);

pub struct Stage {
    pub dir: TempDir,
    pub kernel: FakeKernel,
    pub programs: FakePrograms,
    pub san: San,
    pub made: Arc<Made>,
}

/// The records that the plugin wrote down.
#[derive(Debug, Default)]
pub struct Made {
    records: Mutex<Vec<NodeRecord>>,
    /// The disk is full.
    pub full: AtomicBool,
}

impl NodeRecords for Made {
    fn all(&self) -> Vec<NodeRecord> {
        self.records.lock().unwrap().clone()
    }

    fn put(&self, record: &NodeRecord) -> Result<(), String> {
        if self.full.load(Ordering::SeqCst) {
            return Err("no space left".to_owned());
        }
        self.forget(&record.iqn, record.portal);
        self.records.lock().unwrap().push(record.clone());
        Ok(())
    }

    fn forget(&self, iqn: &str, portal: SocketAddr) {
        self.records
            .lock()
            .unwrap()
            .retain(|known| !known.is_of(iqn, portal));
    }
}

/// Short, so that what ends by patience alone ends soon; a test that does not expect that end makes it long again.
fn patience() -> Patience {
    let ms = Duration::from_millis;
    Patience {
        look_again: ms(5),
        command: ms(5000),
        inquiry: ms(5000),
        login: ms(5000),
        iscsid: ms(500),
        scan: ms(5000),
        scan_again: ms(200),
        nudge: ms(50),
        settle: ms(400),
        grace: ms(100),
        flush: ms(5000),
        going: ms(5000),
        change: ms(2000),
        late: ms(20000),
    }
}

pub fn wwn(last: char) -> Wwn {
    format!("60002AC00000000000000A1F0001B2C{last}")
        .parse()
        .unwrap()
}

pub fn low(wwn: &Wwn) -> String {
    wwn.as_str().to_ascii_lowercase()
}

/// Port 1 or 2 of an array: `n` or `s`.
pub fn port(array: char, number: u8) -> TargetPort {
    TargetPort::Iscsi {
        iqn: iqn(array, number),
        portal: portal(array, number).parse().unwrap(),
    }
}

pub fn iqn(array: char, number: u8) -> String {
    let id = if array == 'n' { "99a1" } else { "99b2" };
    format!("iqn.2000-05.com.3pardata:2{number}210002ac01{id}")
}

pub fn portal(array: char, number: u8) -> String {
    let net = if array == 'n' { 1 } else { 2 };
    format!("10.99.{net}{number}.2:3260")
}

pub fn place(array: char, lun: u16) -> Place {
    Place {
        array: if array == 'n' { "north" } else { "south" }.to_owned(),
        lun: Lun(lun),
        ports: vec![port(array, 1), port(array, 2)],
        chap: None,
    }
}

pub fn export(last: char, lun: u16) -> Export {
    Export {
        serving: place('n', lun),
        second: None,
        wwn: wwn(last),
        size: Size::from_mib(64),
    }
}

pub fn pair(last: char, lun: u16) -> Export {
    Export {
        second: Some(place('s', lun)),
        ..export(last, lun)
    }
}

impl Stage {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let kernel = FakeKernel::new(dir.path());
        let programs = FakePrograms::new(dir.path(), &kernel);
        let name = dir.path().join("initiatorname.iscsi");
        fs::write(
            &name,
            "## a comment\nInitiatorName=iqn.1994-05.com.Example:host7\n",
        )
        .unwrap();
        let places = [dir.path().join("bin")];
        let tables = Kernel::at(dir.path().join("proc"), dir.path().join("sys"))
            .with_dev(dir.path().join("dev"));
        let made = Arc::new(Made::default());
        let turns = Turns::new(made.clone());
        let mut san = San::iscsi(tables, Programs::at(places), &turns, &name).unwrap();
        san.machine.patience = patience();
        Self {
            dir,
            kernel,
            programs,
            san,
            made,
        }
    }

    /// The same machine, and a plugin that has just been started there.
    pub fn restarted(&self) -> San {
        San {
            turns: Turns::new(self.made.clone()),
            ..self.san.clone()
        }
    }

    /// An array shows a volume at a port.
    pub fn show_at(&self, port: &str, lun: u64, wwn: &Wwn, mib: u64) {
        let shown = Shown {
            wwn: low(wwn),
            bytes: mib * MIB,
            read_only: false,
        };
        self.kernel
            .world()
            .shown
            .insert((port.to_owned(), lun), shown);
    }

    /// An array shows a volume at both ports.
    pub fn show(&self, array: char, lun: u64, wwn: &Wwn) {
        for number in [1, 2] {
            self.show_at(&iqn(array, number), lun, wwn, 64);
        }
    }

    pub fn hide(&self, array: char, lun: u64) {
        for number in [1, 2] {
            self.kernel.world().shown.remove(&(iqn(array, number), lun));
        }
    }

    pub fn soon(&self) -> Instant {
        Instant::now() + SOON
    }

    pub async fn attach(&self, export: &Export) -> Result<BlockDevice, HostError> {
        self.san.attach(export, self.soon()).await
    }

    /// As an attach that is known to fail at its deadline.
    pub async fn attach_in_vain(&self, export: &Export) -> HostError {
        let deadline = Instant::now() + Duration::from_millis(2500);
        self.san.attach(export, deadline).await.unwrap_err()
    }

    pub fn told(&self, part: &str) -> Vec<String> {
        let world = self.kernel.world();
        world
            .told
            .iter()
            .filter(|line| line.contains(part))
            .cloned()
            .collect()
    }

    pub fn disks(&self) -> Vec<String> {
        self.kernel.world().disks.keys().cloned().collect()
    }

    /// The disks in the map of a volume.
    pub fn in_map(&self, wwn: &Wwn) -> Vec<String> {
        let world = self.kernel.world();
        let Some(dm) = world.map_of(&low(wwn)) else {
            return Vec::new();
        };
        let mut names: Vec<String> = fs::read_dir(world.block(&dm).join("slaves"))
            .unwrap()
            .flatten()
            .map(|item| item.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub fn nexus_of(&self, port: &str) -> Nexus {
        let world = self.kernel.world();
        let (nexus, _) = world.ports.iter().find(|(_, name)| *name == port).unwrap();
        *nexus
    }

    /// A disk that is not of a volume of ours, or of one that was attached by somebody else.
    pub fn leftover(&self, port: &str, lun: u64, was: &Wwn) -> String {
        let nexus = self.nexus_of(port);
        let mut world = self.kernel.world();
        let shown = Shown {
            wwn: low(was),
            bytes: 64 * MIB,
            read_only: false,
        };
        self.kernel.add_disk(&mut world, nexus, lun, &shown)
    }

    /// Somebody mounts a device: `253:0`.
    pub fn mount(&self, number: &str) {
        let line = format!("21 1 {number} / /srv/db rw - ext4 /dev/x rw\n");
        fs::write(self.dir.path().join("proc/self/mountinfo"), line).unwrap();
    }

    pub fn unmount(&self) {
        fs::write(self.dir.path().join("proc/self/mountinfo"), "").unwrap();
    }

    /// The connection to a port is lost, or back.
    pub fn set_session(&self, array: char, number: u8, state: &str) {
        let name =
            super::programs::session_to(&self.kernel, &iqn(array, number), &portal(array, number));
        let dir = self
            .dir
            .path()
            .join("sys/class/iscsi_session")
            .join(name.unwrap());
        write(dir.join("state"), state);
    }

    pub fn sessions(&self) -> usize {
        let dir = self.dir.path().join("sys/class/iscsi_session");
        fs::read_dir(dir).map_or(0, Iterator::count)
    }

    /// Waits for what the kernel does by itself.
    pub async fn until(&self, what: &str, is: impl Fn(&World) -> bool) {
        let deadline = self.soon();
        while !is(&self.kernel.world()) {
            assert!(
                Instant::now() < deadline,
                "{what}: {:#?}",
                self.kernel.world().told
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.kernel.end();
        let asked = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(self.dir.path().join("asked"));
        let _ = std::io::Write::write_all(&mut asked.unwrap(), b"end\n");
    }
}
