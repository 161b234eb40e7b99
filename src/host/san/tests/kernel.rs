//! The kernel of the machine made of files.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, Write},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::host::san::scsi::Nexus;

/// A LUN that an array shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Lower case.
    pub wwn: String,
    pub bytes: u64,
    pub read_only: bool,
}

#[derive(Debug, Clone)]
pub struct Disk {
    pub nexus: Nexus,
    pub lun: u64,
    pub found_as: String,
}

/// What the files do not say.
#[derive(Default)]
pub struct World {
    pub root: PathBuf,
    /// By port (IQN or WWPN) and LUN.
    pub shown: BTreeMap<(String, u64), Shown>,
    /// Which port is behind which connection.
    pub ports: BTreeMap<Nexus, String>,
    pub disks: BTreeMap<String, Disk>,
    pub maps: BTreeMap<String, String>,
    /// dm-multipath makes maps of single paths by itself.
    pub automatic: bool,
    /// LUNs from 256 on show in the flat form.
    pub flat: bool,
    /// Writes to control files that have no effect: `scan`, `delete`, `rescan`, or for one disk `delete sda`.
    pub stuck: Vec<String>,
    /// What programs and the kernel were told, in order.
    pub told: Vec<String>,
    pub sessions: u32,
    hosts: u32,
    next_disk: u8,
    next_map: u32,
    pipes: Vec<File>,
}

/// The kernel, shared by everything that acts on it.
#[derive(Clone, Default)]
pub struct FakeKernel(Arc<Mutex<World>>);

pub fn write(path: impl AsRef<Path>, text: &str) {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    // A reader never sees half of it.
    let new = path.with_extension("new");
    fs::write(&new, format!("{text}\n")).unwrap();
    fs::rename(new, path).unwrap();
}

impl FakeKernel {
    pub fn new(root: &Path) -> Self {
        let kernel = Self::default();
        {
            let mut world = kernel.world();
            world.root = root.to_owned();
            world.automatic = true;
        }
        for dir in [
            "sys/block",
            "sys/dev/block",
            "sys/class",
            "dev/mapper",
            "proc/self",
            "bin",
        ] {
            fs::create_dir_all(root.join(dir)).unwrap();
        }
        fs::write(root.join("proc/self/mountinfo"), "").unwrap();
        kernel
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        // A test that fails must not fail again when it cleans up.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of all pipes, so that their threads end.
    pub fn end(&self) {
        let mut world = self.world();
        // Whoever opens one from now on fails at once, and does not wait for a reader.
        let _ = fs::remove_dir_all(world.root.join("sys"));
        for mut pipe in world.pipes.drain(..) {
            let _ = pipe.write_all(b"end\n");
        }
    }

    /// A control file: each line written to it is an order.
    fn control(&self, world: &mut World, path: PathBuf, act: impl Fn(&str) + Send + 'static) {
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let open = || {
            OpenOptions::new()
                .read(true)
                .write(true)
                .open(&path)
                .unwrap()
        };
        let (reader, keep) = (open(), open());
        world.pipes.push(keep);
        std::thread::spawn(move || {
            for line in BufReader::new(reader).lines() {
                let Ok(line) = line else { return };
                if line == "end" {
                    return;
                }
                act(&line);
            }
        });
    }

    /// A host bus adapter, or what iSCSI makes for each session.
    pub fn add_host(&self) -> u32 {
        let mut world = self.world();
        let host = world.hosts;
        world.hosts += 1;
        let dir = world.root.join(format!("sys/class/scsi_host/host{host}"));
        fs::create_dir_all(&dir).unwrap();
        let kernel = self.clone();
        self.control(&mut world, dir.join("scan"), move |order| {
            kernel.scan(host, order);
        });
        host
    }

    fn scan(&self, host: u32, order: &str) {
        let mut world = self.world();
        world.told.push(format!("scan host{host}: {order}"));
        let numbers: Vec<u64> = order.split(' ').map(|n| n.parse().unwrap()).collect();
        let [channel, target, lun] = numbers[..] else {
            panic!("{order}")
        };
        let number = |n| u32::try_from(n).unwrap();
        let nexus = Nexus {
            host,
            channel: number(channel),
            target: number(target),
        };
        let Some(port) = world.ports.get(&nexus).cloned() else {
            return;
        };
        let bare = if lun >= 0x4000 { lun - 0x4000 } else { lun };
        if bare >= 256 && world.flat != (lun >= 0x4000) || world.stuck.contains(&"scan".to_owned())
        {
            return;
        }
        let there = world
            .disks
            .values()
            .any(|disk| disk.nexus == nexus && disk.lun == lun);
        if let Some(shown) = world.shown.get(&(port, bare)).cloned().filter(|_| !there) {
            self.add_disk(&mut world, nexus, lun, &shown);
        }
    }

    /// A disk appears, as it is now.
    pub fn add_disk(&self, world: &mut World, nexus: Nexus, lun: u64, shown: &Shown) -> String {
        let name = format!("sd{}", char::from(b'a' + world.next_disk));
        let minor = u32::from(world.next_disk) * 16;
        world.next_disk += 1;
        let root = world.root.clone();
        let address = format!("{nexus}:{lun}");
        let parent = match fs::canonicalize(root.join(format!("sys/nexus/{nexus}"))) {
            Ok(session) => session.join(format!("target{nexus}")),
            Err(_) => root.join(format!("sys/devices/host{}/target{nexus}", nexus.host)),
        };
        let device = parent.join(&address);
        write(device.join("state"), "running");
        write(device.join("type"), "0");
        write(device.join("wwid"), &format!("naa.{}", shown.wwn));
        write(device.join("access_state"), "active/optimized");
        let block = root.join("sys/block").join(&name);
        fs::create_dir_all(block.join("holders")).unwrap();
        write(block.join("dev"), &format!("8:{minor}"));
        write(block.join("size"), &(shown.bytes / 512).to_string());
        write(block.join("ro"), if shown.read_only { "1" } else { "0" });
        symlink(&block, root.join(format!("sys/dev/block/8:{minor}"))).unwrap();
        fs::write(root.join("dev").join(&name), "").unwrap();
        for file in ["delete", "rescan"] {
            let (kernel, name) = (self.clone(), name.clone());
            self.control(world, device.join(file), move |order| {
                assert_eq!(order, "1");
                kernel.ordered(file, &name);
            });
        }
        world.disks.insert(
            name.clone(),
            Disk {
                nexus,
                lun,
                found_as: shown.wwn.clone(),
            },
        );
        // Last: a disk is known by its address.
        symlink(&device, block.join("device")).unwrap();
        if world.automatic {
            self.take_in(world, &name);
        }
        name
    }

    /// What an array shows beside its volumes is found by a login that looks for everything: no disk, and nothing to remove.
    pub fn add_enclosure(&self, nexus: Nexus) {
        let root = self.world().root.clone();
        let session = fs::canonicalize(root.join(format!("sys/nexus/{nexus}"))).unwrap();
        let device = session.join(format!("target{nexus}/{nexus}:254"));
        write(device.join("type"), "13");
        write(device.join("state"), "running");
    }

    fn ordered(&self, file: &str, name: &str) {
        let mut world = self.world();
        world.told.push(format!("{file} {name}"));
        let stuck = [file.to_owned(), format!("{file} {name}")];
        if stuck.iter().any(|order| world.stuck.contains(order)) {
            return;
        }
        match file {
            "delete" => self.remove_disk(&mut world, name),
            _ => {
                if let Some(shown) = world.behind(name) {
                    let block = world.block(name);
                    write(block.join("size"), &(shown.bytes / 512).to_string());
                    write(block.join("ro"), if shown.read_only { "1" } else { "0" });
                }
            }
        }
    }

    pub fn remove_disk(&self, world: &mut World, name: &str) {
        let block = world.block(name);
        let Ok(device) = fs::canonicalize(block.join("device")) else {
            return;
        };
        for dm in world.maps.keys() {
            let _ = fs::remove_file(world.block(dm).join("slaves").join(name));
        }
        fs::remove_dir_all(&block).unwrap();
        fs::remove_dir_all(device).unwrap();
        fs::remove_file(world.root.join("dev").join(name)).unwrap();
        world.disks.remove(name);
    }

    /// dm-multipath makes a map of a disk, or adds it to the one there is.
    pub fn take_in(&self, world: &mut World, name: &str) {
        let wwn = world.disks[name].found_as.clone();
        let made = world.maps.iter().find(|(_, of)| **of == wwn);
        let dm = match made {
            Some((dm, _)) => dm.clone(),
            None => self.make_map(world, &wwn, &format!("3{wwn}")),
        };
        world.join(&dm, name);
    }

    pub fn make_map(&self, world: &mut World, wwn: &str, name: &str) -> String {
        let dm = format!("dm-{}", world.next_map);
        let number = format!("253:{}", world.next_map);
        world.next_map += 1;
        let block = world.block(&dm);
        fs::create_dir_all(block.join("slaves")).unwrap();
        fs::create_dir_all(block.join("holders")).unwrap();
        write(block.join("dev"), &number);
        write(block.join("size"), "0");
        write(block.join("ro"), "0");
        write(block.join("dm/name"), name);
        symlink(&block, world.root.join("sys/dev/block").join(number)).unwrap();
        fs::write(world.root.join("dev").join(&dm), "").unwrap();
        let node = world.root.join("dev/mapper").join(name);
        let _ = fs::remove_file(&node);
        symlink(Path::new("..").join(&dm), node).unwrap();
        world.maps.insert(dm.clone(), wwn.to_owned());
        write(block.join("dm/uuid"), &format!("mpath-3{wwn}"));
        dm
    }
}

impl World {
    pub fn block(&self, name: &str) -> PathBuf {
        self.root.join("sys/block").join(name)
    }

    pub fn join(&mut self, dm: &str, name: &str) {
        let (map, disk) = (self.block(dm), self.block(name));
        for file in ["size", "ro"] {
            if fs::read_dir(map.join("slaves")).unwrap().count() == 0 {
                write(
                    map.join(file),
                    fs::read_to_string(disk.join(file)).unwrap().trim(),
                );
            }
        }
        fs::write(disk.join("holders").join(dm), "").unwrap();
        fs::write(map.join("slaves").join(name), "").unwrap();
    }

    /// A disk is taken out of its map.
    pub fn leave(&mut self, name: &str) {
        for dm in self.maps.keys() {
            let _ = fs::remove_file(self.block(dm).join("slaves").join(name));
            let _ = fs::remove_file(self.block(name).join("holders").join(dm));
        }
    }

    pub fn remove_map(&mut self, dm: &str) {
        let map = self.block(dm);
        for name in self.disks.keys() {
            let _ = fs::remove_file(self.block(name).join("holders").join(dm));
        }
        let name = fs::read_to_string(map.join("dm/name")).unwrap();
        let number = fs::read_to_string(map.join("dev")).unwrap();
        fs::remove_dir_all(&map).unwrap();
        fs::remove_file(self.root.join("sys/dev/block").join(number.trim())).unwrap();
        let node = self.root.join("dev/mapper").join(name.trim());
        let ours = fs::read_link(&node).is_ok_and(|to| to.ends_with(dm));
        if ours {
            fs::remove_file(node).unwrap();
        }
        self.maps.remove(dm);
    }

    /// What is behind a disk now. None if it does not answer.
    pub fn behind(&self, name: &str) -> Option<Shown> {
        let disk = self.disks.get(name)?;
        let lun = disk.lun % 0x4000;
        let port = self.ports.get(&disk.nexus)?;
        self.shown.get(&(port.clone(), lun)).cloned()
    }

    pub fn set_state(&self, name: &str, state: &str) {
        let device = fs::canonicalize(self.block(name).join("device")).unwrap();
        write(device.join("state"), state);
    }

    pub fn map_of(&self, wwn: &str) -> Option<String> {
        let found = self.maps.iter().find(|(_, of)| *of == wwn);
        found.map(|(dm, _)| dm.clone())
    }
}
