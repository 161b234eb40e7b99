//! What is to be there: the state of the arrays as namespaces, targets, disks and who sees which of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use crate::data;
use crate::remote_copy::peer_persistence;
use crate::state::{Array, Chap, Host, Port, PortProtocol, Release, Vv, World};

/// All arrays, by system name.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Wanted(pub(super) BTreeMap<String, Storage>);

/// One array as a machine in the network.
#[derive(Debug, PartialEq)]
pub(super) struct Storage {
    /// Network namespace.
    pub(super) namespace: String,
    /// Directory of its disks: `fileio_<system id>`.
    pub(super) adapter: String,
    /// Of its ALUA group. The initiator's kernel takes groups of one device with the same id for one, so that each array
    /// has its own.
    pub(super) group_id: u16,
    /// Powered on.
    pub(super) up: bool,
    /// Its iSCSI ports that have an address.
    pub(super) ports: Vec<Portal>,
    /// What any host sees of its VVs, by [`disk_name`].
    pub(super) disks: BTreeMap<String, Disk>,
}

/// One port: a link, and a target with one portal.
#[derive(Debug, PartialEq)]
pub(super) struct Portal {
    /// This machine's end of the link.
    pub(super) link: String,
    /// This machine's address on it.
    pub(super) near: Ipv4Addr,
    /// The array's end.
    pub(super) interface: String,
    /// The array's address.
    pub(super) address: Ipv4Addr,
    /// iSCSI name of the port.
    pub(super) target: String,
    /// The array is on, the port is ready, and nobody pulled its cable.
    pub(super) works: bool,
    /// Who may log in, by iSCSI name in lower case, as the kernel compares it.
    pub(super) initiators: BTreeMap<String, Initiator>,
}

/// What an initiator finds at a port.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Initiator {
    /// How it must prove who it is.
    pub(super) chap: Option<Chap>,
    /// How the array proves itself.
    pub(super) target_chap: Option<Chap>,
    /// LUN → name of the disk.
    pub(super) luns: BTreeMap<u32, String>,
}

/// A VV that some host sees.
#[derive(Debug, PartialEq)]
pub(super) struct Disk {
    /// Name of the VV.
    pub(super) vv: String,
    /// Id of the VV, which is its number within a target.
    pub(super) number: u32,
    /// Where its data are.
    pub(super) file: PathBuf,
    /// What hosts may do.
    pub(super) access: Access,
    /// A snapshot that nobody may write to.
    pub(super) read_only: bool,
    /// Of the INQUIRY data, 4 characters.
    pub(super) revision: &'static str,
    /// IEEE company id, 6 digits of the WWN.
    pub(super) company: String,
    /// Unit serial number: the 25 last digits of the WWN.
    pub(super) serial: String,
}

/// State of the paths to a disk, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Access {
    /// Reads and writes.
    Active,
    /// The same data, once the arrays change places.
    Standby,
    /// Neither.
    Unavailable,
}

impl Access {
    /// As the kernel numbers it.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Active => "0",
            Self::Standby => "2",
            Self::Unavailable => "3",
        }
    }

    /// What this number stands for.
    pub(super) fn of(code: &str) -> Option<Self> {
        [Self::Active, Self::Standby, Self::Unavailable]
            .into_iter()
            .find(|access| access.code() == code)
    }
}

/// Namespace of an array.
pub(super) fn namespace(array: &str) -> String {
    format!("sim-{array}")
}

/// This machine's end of a port's link.
pub(crate) fn link(system_id: u32, position: &str) -> String {
    let digits: String = position.split(':').collect();
    format!("sim{system_id:x}-{digits}")
}

/// This machine's address in the port's network of 24 bits.
pub(crate) fn near(port: Ipv4Addr) -> Ipv4Addr {
    let [a, b, c, _] = port.octets();
    Ipv4Addr::new(a, b, c, 254)
}

/// Name of a VV's disk. The two sides of a Peer Persistence volume have one WWN and may have one id.
pub(super) fn disk_name(array: &Array, vv: &Vv) -> String {
    let wwn = vv.wwn.to_lowercase();
    format!("{}{}-{}-{wwn}", super::OURS, array.id, vv.id)
}

impl Wanted {
    /// What the arrays show. `strangers` are initiators of no host object that may log in all the same, by array.
    pub(super) fn of(
        world: &World,
        data_dir: &Path,
        strangers: &BTreeMap<String, BTreeSet<String>>,
    ) -> Self {
        let nobody = BTreeSet::new();
        let arrays = world.arrays.iter().zip(1_u16..).map(|((name, array), at)| {
            let strangers = strangers.get(name).unwrap_or(&nobody);
            let storage = storage(world, array, at, data_dir, strangers);
            (name.clone(), storage)
        });
        Self(arrays.collect())
    }
}

fn storage(
    world: &World,
    array: &Array,
    at: u16,
    data_dir: &Path,
    strangers: &BTreeSet<String>,
) -> Storage {
    let hosts = array.hosts.values();
    let names: BTreeSet<String> = hosts
        .flat_map(|host| &host.paths)
        .chain(strangers)
        .filter(|path| path.contains('.'))
        .map(|path| path.to_lowercase())
        .collect();
    let ports: Vec<Portal> = array
        .ports
        .iter()
        .filter(|port| port.protocol == PortProtocol::Iscsi)
        .filter_map(|port| portal(array, port, &names))
        .collect();
    let luns = ports.iter().flat_map(|portal| portal.initiators.values());
    let shown: BTreeSet<&String> = luns.flat_map(|initiator| initiator.luns.values()).collect();
    let disks = array.vvs.values().filter_map(|vv| {
        let name = disk_name(array, vv);
        let disk = disk(world, array, vv, data_dir).filter(|_| shown.contains(&name))?;
        Some((name, disk))
    });
    let disks = disks.collect();
    Storage {
        namespace: namespace(&array.name),
        adapter: format!("fileio_{}", array.id),
        group_id: at * 256 + 1,
        up: array.up,
        ports,
        disks,
    }
}

/// Nothing for a port without name or address.
fn portal(array: &Array, port: &Port, names: &BTreeSet<String>) -> Option<Portal> {
    let address = port.ip.as_ref()?.parse().ok()?;
    let mut initiators: BTreeMap<String, Initiator> = names
        .iter()
        .map(|name| (name.clone(), initiator(array, name)))
        .collect();
    for vlun in array.vluns_for(&everywhere(names, &port.position)) {
        let seen = initiators.get_mut(&vlun.initiator.to_lowercase());
        let vv = array.vvs.get(&vlun.vv).filter(|vv| naa(vv).is_some());
        if let Some((initiator, vv)) = seen.zip(vv) {
            let name = disk_name(array, vv);
            initiator.luns.entry(vlun.lun).or_insert(name);
        }
    }
    Some(Portal {
        link: link(array.id, &port.position),
        near: near(address),
        interface: format!("port-{}", port.position.replace(':', "-")),
        address,
        target: port.iqn.clone()?,
        works: array.up && port.state() == "ready",
        initiators,
    })
}

/// The initiators as if each were logged in at this port: what it is offered does not depend on who is there.
fn everywhere(initiators: &BTreeSet<String>, position: &str) -> BTreeMap<String, Vec<String>> {
    initiators
        .iter()
        .map(|initiator| (initiator.clone(), vec![position.to_owned()]))
        .collect()
}

/// An initiator that sees nothing yet.
fn initiator(array: &Array, name: &str) -> Initiator {
    let host: Option<&Host> = array.host_of(name).and_then(|host| array.hosts.get(host));
    Initiator {
        chap: host.and_then(|host| host.chap.clone()),
        target_chap: host.and_then(|host| host.target_chap.clone()),
        luns: BTreeMap::new(),
    }
}

/// Company id and the rest of a WWN. Nothing for one that no disk can have: `setvv -wwn` takes 16 digits too.
fn naa(vv: &Vv) -> Option<(String, String)> {
    let wwn = vv.wwn.to_lowercase();
    let digits = wwn.strip_prefix('6').filter(|digits| digits.len() == 31)?;
    let (company, serial) = digits.split_at_checked(6)?;
    Some((company.to_owned(), serial.to_owned()))
}

fn disk(world: &World, array: &Array, vv: &Vv, data_dir: &Path) -> Option<Disk> {
    let (company, serial) = naa(vv)?;
    let access = if !peer_persistence::serves(world, &array.name, &vv.name) {
        Access::Unavailable
    } else if array.is_standby(&vv.name) {
        Access::Standby
    } else {
        Access::Active
    };
    Some(Disk {
        vv: vv.name.clone(),
        number: vv.id,
        file: data::path(data_dir, &array.name, vv),
        access,
        read_only: vv.read_only,
        revision: match array.release {
            Release::V322 => "3220",
            Release::V331 => "3310",
            Release::V1050 => "4500",
        },
        company,
        serial,
    })
}
