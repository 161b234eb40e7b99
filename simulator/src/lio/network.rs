//! The network of the arrays: a namespace each, and a link for each port between it and this machine.

use std::io;
use std::path::{Path, PathBuf};

use super::kernel::Kernel;
use super::wanted::{Portal, Storage, namespace};

const NAMESPACES: &str = "/run/netns";

/// Makes namespace and links that are missing. Gives the interfaces made now.
pub(super) fn make(kernel: &mut dyn Kernel, storage: &Storage) -> io::Result<Vec<String>> {
    let ns = storage.namespace.as_str();
    if !kernel.exists(&Path::new(NAMESPACES).join(ns)) {
        kernel.run("ip", &["netns", "add", ns])?;
    }
    let mut made = Vec::new();
    for portal in &storage.ports {
        let (link, interface) = (portal.link.as_str(), portal.interface.as_str());
        let is_new = !kernel.exists(&sysfs(link));
        if is_new {
            let new = ["link", "add", link, "type", "veth", "peer", "name"];
            let new = [&new[..], &[interface, "netns", ns]].concat();
            kernel.run("ip", &new)?;
            made.push(interface.to_owned());
        }
        // An interface that was made and not yet set up carries nothing.
        if is_new || kernel.read(&sysfs(link).join("carrier")).is_err() {
            let near = format!("{}/24", portal.near);
            let far = format!("{}/24", portal.address);
            kernel.run(
                "ip",
                &["-n", ns, "address", "replace", &far, "dev", interface],
            )?;
            kernel.run("ip", &["-n", ns, "link", "set", interface, "up"])?;
            kernel.run("ip", &["address", "replace", &near, "dev", link])?;
            kernel.run("ip", &["link", "set", link, "up"])?;
        }
    }
    Ok(made)
}

/// Pulls the cable of a port, or plugs it in, at the array's end: this machine sees no carrier.
pub(super) fn switch(
    kernel: &mut dyn Kernel,
    storage: &Storage,
    portal: &Portal,
    up: bool,
) -> io::Result<()> {
    let carrier = sysfs(&portal.link).join("carrier");
    let is_up = kernel.read(&carrier).is_ok_and(|value| value == "1");
    if is_up == up || !kernel.exists(&sysfs(&portal.link)) {
        return Ok(());
    }
    let ns = storage.namespace.as_str();
    let word = if up { "up" } else { "down" };
    kernel.run("ip", &["-n", ns, "link", "set", &portal.interface, word])?;
    Ok(())
}

/// Removes a namespace with its links.
pub(super) fn remove(kernel: &mut dyn Kernel, array: &str) -> io::Result<()> {
    let ns = namespace(array);
    if kernel.exists(&Path::new(NAMESPACES).join(&ns)) {
        kernel.run("ip", &["netns", "delete", &ns])?;
    }
    Ok(())
}

fn sysfs(link: &str) -> PathBuf {
    Path::new("/sys/class/net").join(link)
}
