//! Targets: one for each iSCSI port, with one portal, its initiators, and what each of them sees.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::CONFIGFS;
use super::disks::{self, GROUP};
use super::kernel::Kernel;
use super::wanted::{Initiator, Portal, Storage};
use crate::state::Chap;

/// Names of all targets that a simulated array may have unless the description gives another one.
const COMMON: &str = "iqn.2000-05.com.3pardata:";

/// TCP port of a portal.
const PORT: u16 = 3260;

/// What the kernel holds instead of a name or secret that was taken away.
const NOTHING: &str = "NULL";

fn root() -> PathBuf {
    Path::new(CONFIGFS).join("iscsi")
}

fn group(target: &str) -> PathBuf {
    root().join(target).join("tpgt_1")
}

/// Targets in the kernel that are the simulator's: all of 3PAR's naming, and those in `described`.
pub(super) fn present(kernel: &dyn Kernel, described: &BTreeSet<&str>) -> io::Result<Vec<String>> {
    let mut names = kernel.list(&root())?;
    names.retain(|name| name.starts_with(COMMON) || described.contains(name.as_str()));
    Ok(names)
}

/// Does this target take logins?
pub(super) fn is_on(kernel: &dyn Kernel, target: &str) -> bool {
    kernel
        .read(&group(target).join("enable"))
        .is_ok_and(|value| value == "1")
}

/// Switches a target on or off. Off, its sessions are gone with all their commands.
pub(super) fn switch(kernel: &mut dyn Kernel, target: &str, on: bool) -> io::Result<()> {
    if is_on(kernel, target) == on {
        return Ok(());
    }
    kernel.write(&group(target).join("enable"), if on { "1" } else { "0" })
}

/// Makes the target of a port, without what its initiators see. `is_new`: the link was made just now, and a portal from
/// before leads nowhere.
pub(super) fn make(
    kernel: &mut dyn Kernel,
    storage: &Storage,
    portal: &Portal,
    is_new: bool,
) -> io::Result<()> {
    let group = group(&portal.target);
    kernel.make(&group)?;
    set(kernel, &group.join("attrib/generate_node_acls"), "0")?;
    // Each initiator has its own word on that.
    set(kernel, &group.join("attrib/authentication"), "0")?;
    let wanted = format!("{}:{PORT}", portal.address);
    let portals = group.join("np");
    for old in kernel.list(&portals)? {
        if is_new || old != wanted {
            kernel.remove(&portals.join(old))?;
        }
    }
    let at = portals.join(&wanted);
    if !kernel.exists(&at) {
        let namespace = format!("--net=/run/netns/{}", storage.namespace);
        let ns = storage.namespace.as_str();
        // The address must be usable at this moment.
        let up = ["-n", ns, "link", "set", &portal.interface, "up"];
        kernel.run("ip", &up)?;
        // The portal listens in the namespace of whoever makes it.
        let path = at.to_string_lossy();
        kernel.run("nsenter", &[&namespace, "mkdir", &path])?;
    }
    Ok(())
}

/// Lets the initiators of a port log in, and shows each its LUNs; takes away what is not wanted.
pub(super) fn give(kernel: &mut dyn Kernel, storage: &Storage, portal: &Portal) -> io::Result<()> {
    let group = group(&portal.target);
    let acls = group.join("acls");
    for name in kernel.list(&acls)? {
        match portal.initiators.get(&name) {
            None => remove_initiator(kernel, &acls.join(name))?,
            Some(initiator) => take(kernel, storage, &acls.join(name), initiator)?,
        }
    }
    let needed: BTreeSet<&String> = portal
        .initiators
        .values()
        .flat_map(|initiator| initiator.luns.values())
        .collect();
    for lun in kernel.list(&group.join("lun"))? {
        let at = group.join("lun").join(lun);
        match disk_of(kernel, &at) {
            Some(disk) if needed.contains(&disk) => {}
            Some(disk) => take_from(kernel, &group, &disk)?,
            None => remove_lun(kernel, &at)?,
        }
    }
    for name in needed {
        let Some(disk) = storage.disks.get(name) else {
            continue;
        };
        let at = group.join("lun").join(format!("lun_{}", disk.number));
        kernel.make(&at)?;
        if disk_of(kernel, &at).is_none() {
            kernel.link(&disks::place(storage, name), &at.join(name))?;
        }
        set(kernel, &at.join("alua_tg_pt_gp"), GROUP)?;
    }
    for (name, initiator) in &portal.initiators {
        give_one(kernel, storage, &group, name, initiator)?;
    }
    Ok(())
}

fn give_one(
    kernel: &mut dyn Kernel,
    storage: &Storage,
    group: &Path,
    name: &str,
    initiator: &Initiator,
) -> io::Result<()> {
    let acl = group.join("acls").join(name);
    kernel.make(&acl)?;
    // A host that died is missed soon: seconds between pings of an idle connection, and until one must be answered.
    set(kernel, &acl.join("attrib/nopin_timeout"), "5")?;
    set(kernel, &acl.join("attrib/nopin_response_timeout"), "10")?;
    demand(kernel, &acl, initiator)?;
    for (lun, disk) in &initiator.luns {
        let Some(disk) = storage.disks.get(disk) else {
            continue;
        };
        let at = acl.join(format!("lun_{lun}"));
        if !kernel.exists(&at) || disk_of(kernel, &at).is_none() {
            kernel.make(&at)?;
            let shown = group.join("lun").join(format!("lun_{}", disk.number));
            kernel.link(&shown, &at.join("disk"))?;
        }
        // The kernel takes it only for a LUN that leads somewhere.
        if disk.read_only {
            set(kernel, &at.join("write_protect"), "1")?;
        }
    }
    Ok(())
}

/// CHAP with what the host object says, or no authentication at all.
fn demand(kernel: &mut dyn Kernel, acl: &Path, initiator: &Initiator) -> io::Result<()> {
    let auth = acl.join("auth");
    for (chap, name, secret) in [
        (&initiator.chap, "userid", "password"),
        (&initiator.target_chap, "userid_mutual", "password_mutual"),
    ] {
        let value = |of: fn(&Chap) -> &str| chap.as_ref().map_or(NOTHING, of);
        set_secret(kernel, &auth.join(name), value(|chap| &chap.name))?;
        set_secret(kernel, &auth.join(secret), value(|chap| &chap.secret))?;
    }
    let demanded = if initiator.chap.is_some() { "1" } else { "0" };
    set(kernel, &acl.join("attrib/authentication"), demanded)
}

/// As [`set`]; an error does not show the value.
fn set_secret(kernel: &mut dyn Kernel, at: &Path, value: &str) -> io::Result<()> {
    let present = kernel.read(at)?;
    if present == value || (present.is_empty() && value == NOTHING) {
        return Ok(());
    }
    kernel.write(at, value)
}

/// Writes an attribute that has another value. The kernel spells some values with a word before them.
fn set(kernel: &mut dyn Kernel, at: &Path, value: &str) -> io::Result<()> {
    let present = kernel.read(at)?;
    let same = present == value
        || present
            .lines()
            .next()
            .is_some_and(|line| line == format!("TG Port Alias: {value}"));
    if same {
        return Ok(());
    }
    kernel.write(at, value)
}

/// Takes the LUNs from an initiator that it is not to have, or that lead to another disk.
fn take(
    kernel: &mut dyn Kernel,
    storage: &Storage,
    acl: &Path,
    initiator: &Initiator,
) -> io::Result<()> {
    for lun in luns(kernel, acl)? {
        let at = acl.join(&lun);
        let wanted = lun
            .strip_prefix("lun_")
            .and_then(|number| initiator.luns.get(&number.parse().ok()?))
            .and_then(|disk| storage.disks.get(disk));
        let wanted = wanted.map(|disk| format!("lun_{}", disk.number));
        if disk_of(kernel, &at) != wanted || wanted.is_none() {
            remove_lun(kernel, &at)?;
        }
    }
    Ok(())
}

/// Takes a disk from every initiator of every target. The kernel waits for commands under way.
pub(super) fn take_from_all(kernel: &mut dyn Kernel, disk: &str) -> io::Result<()> {
    for target in kernel.list(&root())? {
        take_from(kernel, &group(&target), disk)?;
    }
    Ok(())
}

fn take_from(kernel: &mut dyn Kernel, group: &Path, disk: &str) -> io::Result<()> {
    for lun in kernel.list(&group.join("lun"))? {
        let at = group.join("lun").join(&lun);
        if disk_of(kernel, &at).as_deref() != Some(disk) {
            continue;
        }
        for initiator in kernel.list(&group.join("acls"))? {
            let acl = group.join("acls").join(initiator);
            for mapped in luns(kernel, &acl)? {
                let mapped = acl.join(mapped);
                if disk_of(kernel, &mapped).as_ref() == Some(&lun) {
                    remove_lun(kernel, &mapped)?;
                }
            }
        }
        remove_lun(kernel, &at)?;
    }
    Ok(())
}

/// Removes a target with everything in it.
pub(super) fn remove(kernel: &mut dyn Kernel, target: &str) -> io::Result<()> {
    let group = group(target);
    if kernel.exists(&group) {
        switch(kernel, target, false)?;
        for initiator in kernel.list(&group.join("acls"))? {
            remove_initiator(kernel, &group.join("acls").join(initiator))?;
        }
        for lun in kernel.list(&group.join("lun"))? {
            remove_lun(kernel, &group.join("lun").join(lun))?;
        }
        for portal in kernel.list(&group.join("np"))? {
            kernel.remove(&group.join("np").join(portal))?;
        }
        kernel.remove(&group)?;
    }
    kernel.remove(&root().join(target))
}

/// Initiators with a session at this target.
pub(super) fn logged_in(kernel: &dyn Kernel, target: &str) -> io::Result<Vec<String>> {
    let acls = group(target).join("acls");
    let mut names = kernel.list(&acls)?;
    names.retain(|name| {
        kernel
            .read(&acls.join(name).join("info"))
            .is_ok_and(|info| info.contains("LOGGED_IN"))
    });
    Ok(names)
}

fn remove_initiator(kernel: &mut dyn Kernel, acl: &Path) -> io::Result<()> {
    for lun in luns(kernel, acl)? {
        remove_lun(kernel, &acl.join(lun))?;
    }
    kernel.remove(acl)
}

fn remove_lun(kernel: &mut dyn Kernel, at: &Path) -> io::Result<()> {
    for name in kernel.list(at)? {
        if kernel.read_link(&at.join(&name)).is_ok() {
            kernel.unlink(&at.join(name))?;
        }
    }
    kernel.remove(at)
}

fn luns(kernel: &dyn Kernel, acl: &Path) -> io::Result<Vec<String>> {
    let mut names = kernel.list(acl)?;
    names.retain(|name| name.starts_with("lun_"));
    Ok(names)
}

/// Name of what a LUN leads to: a disk, or from an initiator's LUN the target's.
fn disk_of(kernel: &dyn Kernel, lun: &Path) -> Option<String> {
    let names = kernel.list(lun).ok()?;
    let found = names
        .iter()
        .find_map(|name| kernel.read_link(&lun.join(name)).ok())?;
    Some(found.file_name()?.to_string_lossy().into_owned())
}
