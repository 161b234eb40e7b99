//! Exports as real iSCSI targets of the Linux kernel (LIO), for the lab: each array is a network namespace with a link for
//! each port, each port is a target, each exported VV a disk with the VV's WWN. All of it follows the state, by configfs
//! and a few programs; what is there is read before anything is changed, so that a simulator that was killed goes on
//! where it was.
//!
//! The data decide the order ([`Lio::withdraw`], then [`crate::data::settle`], then [`Lio::settle`]): first hosts stop
//! writing where they are not to write any more, then files go over, then hosts get them on the other side.

mod disks;
mod kernel;
mod loops;
mod network;
mod targets;
#[cfg(test)]
mod tests;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::data;
use crate::state::{PortProtocol, World};

use kernel::{Kernel, ThisMachine};
use loops::Loops;
use wanted::{Access, Storage, Wanted};
pub(crate) use wanted::{link, near};

/// Where the kernel's targets are configured.
const CONFIGFS: &str = "/sys/kernel/config/target";

/// How the names of the simulator's disks begin.
const OURS: &str = "hpe3par-sim-";

/// The kernel's targets and what they need.
pub(crate) struct Lio {
    kernel: Box<dyn Kernel>,
    data_dir: PathBuf,
    /// Initiators that may log in without a host object, by array.
    strangers: BTreeMap<String, BTreeSet<String>>,
    /// Read from the kernel when it is not known.
    loops: Option<Loops>,
    /// Volumes whose data were written past the loop device.
    overwritten: BTreeSet<data::Place>,
}

impl Lio {
    /// Targets of this machine's kernel, for volume data in `data_dir`. `strangers` are initiators that may log in
    /// without a host object, by array.
    ///
    /// # Errors
    /// The data directory cannot be made.
    pub fn new(data_dir: &Path, strangers: BTreeMap<String, BTreeSet<String>>) -> io::Result<Self> {
        std::fs::create_dir_all(data_dir)?;
        Ok(Self::on(
            Box::new(ThisMachine),
            // As the kernel tells where a loop device's file is.
            data_dir.canonicalize()?,
            strangers,
        ))
    }

    fn on(
        kernel: Box<dyn Kernel>,
        data_dir: PathBuf,
        strangers: BTreeMap<String, BTreeSet<String>>,
    ) -> Self {
        Self {
            kernel,
            data_dir,
            strangers,
            loops: None,
            overwritten: BTreeSet::new(),
        }
    }

    /// Before the data follow the state: takes from the hosts what is not theirs any more. An array that is off loses its
    /// links first and then its sessions, without a word; a disk that is less than it was is that now; a disk whose file
    /// changes is gone, when no command is under way any more.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn withdraw(&mut self, world: &World) -> io::Result<()> {
        let receiving = world.agreements.iter().map(|pair| pair.to.clone());
        self.overwritten.extend(receiving);
        let wanted = Wanted::of(world, &self.data_dir, &self.strangers);
        let moving = data::moving(world, &self.data_dir)?;
        let kernel = self.kernel.as_mut();
        for storage in wanted.0.values() {
            for portal in storage.ports.iter().filter(|portal| !portal.works) {
                network::switch(kernel, storage, portal, false)?;
            }
            for portal in storage.ports.iter().filter(|_| !storage.up) {
                targets::switch(kernel, &portal.target, false)?;
            }
        }
        for storage in wanted.0.values() {
            for (name, disk) in &storage.disks {
                let at = disks::place(storage, name);
                if disks::access(kernel, &at).is_some_and(|now| now < disk.access) {
                    disks::set_access(kernel, &at, disk.access)?;
                }
            }
        }
        for (array, storage) in &wanted.0 {
            for (name, disk) in &storage.disks {
                if moving.contains(&(array.clone(), disk.vv.clone())) {
                    remove_disk(kernel, &storage.adapter, name)?;
                }
            }
        }
        Ok(())
    }

    /// After the data followed the state: makes everything as it is to be.
    ///
    /// # Errors
    /// What the kernel says. What is missing then is made the next time.
    pub fn settle(&mut self, world: &World) -> io::Result<()> {
        let result = self.make_all(world);
        if result.is_err() {
            self.loops = None;
        }
        result
    }

    fn make_all(&mut self, world: &World) -> io::Result<()> {
        let wanted = Wanted::of(world, &self.data_dir, &self.strangers);
        let kernel = self.kernel.as_mut();
        if !kernel.exists(&Path::new(CONFIGFS).join("iscsi")) {
            let modules = ["target_core_mod", "target_core_file", "iscsi_target_mod"];
            kernel.run("modprobe", &[&["-a", "loop"], &modules[..]].concat())?;
            kernel.make(&Path::new(CONFIGFS).join("iscsi"))?;
        }
        let loops = match &mut self.loops {
            Some(loops) => loops,
            none => none.insert(Loops::look(kernel, &self.data_dir)?),
        };
        remove_unwanted(kernel, &wanted)?;
        for (array, storage) in &wanted.0 {
            make_disks(kernel, loops, array, storage, &mut self.overwritten)?;
            let new = network::make(kernel, storage)?;
            for portal in &storage.ports {
                targets::make(kernel, storage, portal, new.contains(&portal.interface))?;
                targets::give(kernel, storage, portal)?;
            }
        }
        // Whoever is to write does so last, when nobody else can any more.
        for step in [Access::Unavailable, Access::Standby, Access::Active] {
            for storage in wanted.0.values() {
                give_access(kernel, loops, storage, step)?;
            }
        }
        for storage in wanted.0.values() {
            for portal in &storage.ports {
                targets::switch(kernel, &portal.target, storage.up)?;
                network::switch(kernel, storage, portal, portal.works)?;
            }
        }
        let needed = wanted.0.values().flat_map(|storage| storage.disks.values());
        let needed = needed
            .filter_map(|disk| loops.of(&disk.file).map(str::to_owned))
            .collect();
        loops.keep_only(kernel, &needed)
    }

    /// Puts into the state who is logged in at the iSCSI ports.
    pub fn look_at_logins(&self, world: &mut World) {
        for array in world.arrays.values_mut() {
            let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
            let ports = array.ports.iter();
            for port in ports.filter(|port| port.protocol == PortProtocol::Iscsi) {
                let Some(target) = port.iqn.as_ref().filter(|_| array.up) else {
                    continue;
                };
                let there = targets::logged_in(self.kernel.as_ref(), target);
                for initiator in there.unwrap_or_default() {
                    found
                        .entry(initiator)
                        .or_default()
                        .push(port.position.clone());
                }
            }
            // Fibre Channel stays what the description and the control say.
            let elsewhere = array
                .logins
                .iter()
                .filter(|(initiator, _)| !initiator.contains('.'));
            found.extend(elsewhere.map(|(initiator, ports)| (initiator.clone(), ports.clone())));
            array.logins = found;
        }
    }

    /// Removes everything that the simulator made in the kernel for these arrays.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn take_down(&mut self, world: &World) -> io::Result<()> {
        let kernel = self.kernel.as_mut();
        remove_unwanted(kernel, &Wanted::default())?;
        let described: BTreeSet<&str> = described(world);
        for target in targets::present(kernel, &described)? {
            targets::remove(kernel, &target)?;
        }
        for array in world.arrays.keys() {
            network::remove(kernel, array)?;
        }
        let mut loops = Loops::look(kernel, &self.data_dir)?;
        loops.keep_only(kernel, &BTreeSet::new())
    }
}

fn described(world: &World) -> BTreeSet<&str> {
    let ports = world.arrays.values().flat_map(|array| &array.ports);
    ports.filter_map(|port| port.iqn.as_deref()).collect()
}

/// Targets of ports and disks of VVs that are not wanted any more.
fn remove_unwanted(kernel: &mut dyn Kernel, wanted: &Wanted) -> io::Result<()> {
    let all = wanted.0.values().flat_map(|storage| &storage.ports);
    let names: BTreeSet<&str> = all.map(|portal| portal.target.as_str()).collect();
    for target in targets::present(kernel, &names)? {
        if !names.contains(target.as_str()) {
            targets::remove(kernel, &target)?;
        }
    }
    for adapter in disks::adapters(kernel)? {
        let storage = wanted.0.values().find(|storage| storage.adapter == adapter);
        for disk in disks::present(kernel, &adapter)? {
            if !storage.is_some_and(|storage| storage.disks.contains_key(&disk)) {
                remove_disk(kernel, &adapter, &disk)?;
            }
        }
        if storage.is_none() {
            disks::remove_adapter(kernel, &adapter)?;
        }
    }
    Ok(())
}

fn remove_disk(kernel: &mut dyn Kernel, adapter: &str, disk: &str) -> io::Result<()> {
    targets::take_from_all(kernel, disk)?;
    disks::remove(kernel, adapter, disk)
}

/// The disks of an array, each on the loop device of its file and as large, without anything old in the cache.
fn make_disks(
    kernel: &mut dyn Kernel,
    loops: &mut Loops,
    array: &str,
    storage: &Storage,
    overwritten: &mut BTreeSet<data::Place>,
) -> io::Result<()> {
    for (name, disk) in &storage.disks {
        let device = loops.attach(kernel, &disk.file)?;
        loops.fit(kernel, &disk.file)?;
        if overwritten.remove(&(array.to_owned(), disk.vv.clone())) {
            kernel.drop_cache(&device)?;
        }
        let at = disks::place(storage, name);
        if kernel.exists(&at) && disks::fits(kernel, &at, disk, storage, &device) {
            continue;
        }
        remove_disk(kernel, &storage.adapter, name)?;
        kernel.drop_cache(&device)?;
        disks::make(kernel, &at, disk, storage, &device)?;
    }
    Ok(())
}

/// What was not readable until now is read anew: its file was written behind the loop device's back meanwhile.
fn give_access(
    kernel: &mut dyn Kernel,
    loops: &Loops,
    storage: &Storage,
    step: Access,
) -> io::Result<()> {
    for (name, disk) in &storage.disks {
        let at = disks::place(storage, name);
        let now = disks::access(kernel, &at);
        if disk.access != step || now == Some(step) {
            continue;
        }
        if let Some(device) = loops
            .of(&disk.file)
            .filter(|_| now == Some(Access::Unavailable))
        {
            kernel.drop_cache(device)?;
        }
        disks::set_access(kernel, &at, step)?;
    }
    Ok(())
}
