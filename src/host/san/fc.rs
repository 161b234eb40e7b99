//! Fibre Channel: this machine's ports, and the array's ports that it sees.

use super::{
    machine::{attribute, names},
    scsi::Nexus,
};
use crate::{
    host::{HostError, Kernel},
    model::Initiator,
};

/// All of this machine's ports, up or down, by their port WWNs: one that is down is this machine's still, and arrays know it.
///
/// # Errors
/// [`HostError::Io`].
pub(super) fn initiators(kernel: &Kernel) -> Result<Vec<Initiator>, HostError> {
    let dir = kernel.sys().join("class/fc_host");
    let hosts = names(&dir)?.into_iter();
    Ok(hosts
        .filter_map(|host| digits(&attribute(&dir.join(host).join("port_name"))?))
        // A port that has no name yet says so in one of these ways.
        .filter(|name| !name.bytes().all(|b| b == b'0') && !name.bytes().all(|b| b == b'F'))
        .filter_map(|name| name.parse().ok())
        .collect())
}

/// Ways to a port of an array: one for each port of this machine that sees it, or, with `lost`, has seen it, and may be down itself.
///
/// # Errors
/// [`HostError::Io`].
pub(super) fn nexuses(kernel: &Kernel, wwpn: &str, lost: bool) -> Result<Vec<Nexus>, HostError> {
    let online = online(kernel)?;
    let dir = kernel.sys().join("class/fc_remote_ports");
    let mut found = Vec::new();
    for name in names(&dir)? {
        let Some((host, channel)) = place(&name).filter(|(host, _)| lost || online.contains(host))
        else {
            continue;
        };
        let port = dir.join(&name);
        let is_it = attribute(&port.join("port_name"))
            .and_then(|name| digits(&name))
            .is_some_and(|name| name.eq_ignore_ascii_case(wwpn));
        let up = lost || attribute(&port.join("port_state")).as_deref() == Some("Online");
        // -1 for a port that shows no volumes.
        let target = attribute(&port.join("scsi_target_id")).and_then(|id| id.parse().ok());
        if let Some(target) = target.filter(|_| is_it && up) {
            found.push(Nexus {
                host,
                channel,
                target,
            });
        }
    }
    Ok(found)
}

fn online(kernel: &Kernel) -> Result<Vec<u32>, HostError> {
    let dir = kernel.sys().join("class/fc_host");
    Ok(names(&dir)?
        .into_iter()
        .filter(|name| attribute(&dir.join(name).join("port_state")).as_deref() == Some("Online"))
        .filter_map(|name| name.strip_prefix("host")?.parse().ok())
        .collect())
}

/// `rport-<host>:<channel>-<number>`.
fn place(name: &str) -> Option<(u32, u32)> {
    let (host, rest) = name.strip_prefix("rport-")?.split_once(':')?;
    let (channel, _) = rest.split_once('-')?;
    Some((host.parse().ok()?, channel.parse().ok()?))
}

/// `0x2021000…`, without what goes before the digits.
fn digits(name: &str) -> Option<String> {
    let digits = name.strip_prefix("0x")?;
    (digits.len() == 16).then(|| digits.to_ascii_uppercase())
}
