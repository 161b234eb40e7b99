//! Where an array shows a volume to this machine: the LUN, and the ports to look at.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

use crate::{
    host::Place,
    inform::{Array, ExportTarget, HostEntry, PortMode, PortProtocol, PortState, VlunTemplate},
    model::{Initiator, Lun, Protocol, Side, TargetPort, Wwn},
};

use super::{backend::Backend, chap, error::Cause, inner::Inner, steps::Steps};

/// Where iSCSI targets listen unless hpe.conf says otherwise.
const ISCSI_PORT: u16 = 3260;

/// The place of an export. `system` is what the array calls itself.
///
/// # Errors
/// [`Cause::NoPorts`] if the array has none that this machine could use.
pub(super) async fn of(
    inner: &Inner,
    backend: &Backend,
    side: Side,
    steps: &mut Steps,
    system: &str,
    template: &VlunTemplate,
) -> Result<Place, Cause> {
    let array = backend.on(side).clone();
    let ports = ports(backend, side).await?;
    let chap = match &template.target {
        ExportTarget::Host(host) if backend.reach(side).chap => {
            Some(chap::ensure(inner, backend, steps, &array, host).await?)
        }
        _ => None,
    };
    Ok(Place {
        array: system.to_owned(),
        lun: template.lun,
        ports,
        chap,
    })
}

/// As [`of`], for an export that was made before: nothing is changed on the array.
///
/// # Errors
/// As [`of`].
pub(super) async fn seen(
    inner: &Inner,
    backend: &Backend,
    side: Side,
    template: &VlunTemplate,
) -> Result<Place, Cause> {
    let system = match (&backend.pair, side) {
        (Some(pair), Side::Peer) => backend.peer_identity(pair).await?,
        _ => backend.identity().await?,
    };
    let chap = match &template.target {
        ExportTarget::Host(host) if backend.reach(side).chap => Some(chap::own(inner, host)?),
        _ => None,
    };
    Ok(Place {
        array: system.system.name.clone(),
        lun: template.lun,
        ports: ports(backend, side).await?,
        chap,
    })
}

/// The ports of an array at which this machine may look for its volumes: the ready ones, of those that hpe.conf names if it names any
/// (iSCSI), or at which this machine is logged in (Fibre Channel).
///
/// # Errors
/// [`Cause::NoPorts`] if there is none.
pub(super) async fn ports(backend: &Backend, side: Side) -> Result<Vec<TargetPort>, Cause> {
    let array = backend.on(side);
    let none = |why: String| Cause::NoPorts {
        array: array.label().to_owned(),
        why,
    };
    let ports = match backend.transport.protocol() {
        Protocol::Simulated => return Ok(Vec::new()),
        Protocol::Iscsi => iscsi(backend, side, array).await?,
        Protocol::Fc => fc(backend, array).await?,
    };
    match ports {
        Ok(ports) => Ok(ports),
        Err(why) => Err(none(why)),
    }
}

type Found = Result<Vec<TargetPort>, String>;

async fn iscsi(backend: &Backend, side: Side, array: &Array) -> Result<Found, Cause> {
    let listed = array.showport_iscsi().await?;
    let names = array.showport_iscsiname().await?;
    let wanted = &backend.reach(side).portals;
    let mut ready = Vec::new();
    let mut found = Vec::new();
    for port in listed.iter().filter(|p| p.state == PortState::Ready) {
        let (Some(ip), Some(name)) = (
            port.ip,
            names.iter().find(|name| name.position == port.position),
        ) else {
            continue;
        };
        ready.push(ip.to_string());
        let portals: Vec<_> = if wanted.is_empty() {
            vec![(ip, ISCSI_PORT).into()]
        } else {
            wanted.iter().copied().filter(|p| p.ip() == ip).collect()
        };
        found.extend(portals.into_iter().map(|portal| TargetPort::Iscsi {
            iqn: name.iqn.clone(),
            portal,
        }));
    }
    Ok(match (found.is_empty(), ready.is_empty()) {
        (false, _) => Ok(found),
        (true, true) => Err("no iSCSI port is ready and has an address".to_owned()),
        (true, false) => Err(format!(
            "none of the `hpe3par_iscsi_ips` is an iSCSI port that is ready ({} are)",
            ready.join(", ")
        )),
    })
}

async fn fc(backend: &Backend, array: &Array) -> Result<Found, Cause> {
    let hosts = array.showhost().await?;
    let listed = array.showport().await?;
    let usable = listed.iter().filter(|port| {
        port.mode == PortMode::Target
            && port.state == PortState::Ready
            && port
                .protocol
                .as_ref()
                .is_none_or(|protocol| *protocol == PortProtocol::Fc)
    });
    let here = backend.transport.initiators();
    let logged_in: Vec<_> = hosts
        .iter()
        .flat_map(|host: &HostEntry| &host.paths)
        .filter(|path| path.initiator.as_ref().is_some_and(|i| here.contains(i)))
        .filter_map(|path| path.port)
        .collect();
    let mut found = Vec::new();
    for port in usable.filter(|port| logged_in.contains(&port.position)) {
        // What is no WWN is another kind of port.
        if let Ok(Initiator::Fc(wwpn)) = port.address.parse() {
            found.push(TargetPort::Fc { wwpn });
        }
    }
    Ok(if found.is_empty() {
        let names: Vec<String> = here.iter().map(|i| format!("`{i}`")).collect();
        Err(format!(
            "this machine ({}) is logged in at none of its Fibre Channel ports",
            names.join(", ")
        ))
    } else {
        Ok(found)
    })
}

/// All ports of an array at which this machine may have paths, whatever state they are in now and whatever hpe.conf says.
async fn all_ports(backend: &Backend, side: Side) -> Result<Vec<TargetPort>, Cause> {
    let array = backend.on(side);
    Ok(match backend.transport.protocol() {
        Protocol::Simulated => Vec::new(),
        Protocol::Iscsi => {
            let wanted = &backend.reach(side).portals;
            let names = array.showport_iscsiname().await?;
            let portals = |ip: IpAddr| {
                let named = wanted.iter().copied().filter(move |p| p.ip() == ip);
                named.chain([SocketAddr::new(ip, ISCSI_PORT)])
            };
            let ports = names
                .into_iter()
                .filter_map(|name| Some((name.iqn, name.ip?)));
            ports
                .flat_map(|(iqn, ip)| {
                    portals(ip).map(move |portal| TargetPort::Iscsi {
                        iqn: iqn.clone(),
                        portal,
                    })
                })
                .collect()
        }
        Protocol::Fc => {
            let ports = array.showport().await?.into_iter();
            ports
                .filter(|port| port.mode == PortMode::Target)
                .filter_map(|port| match port.address.parse() {
                    Ok(Initiator::Fc(wwpn)) => Some(TargetPort::Fc { wwpn }),
                    Ok(Initiator::Iscsi(_)) | Err(_) => None,
                })
                .collect()
        }
    })
}

/// Takes the paths to one array away from a volume that may be in use, before the array takes the export back: its LUN may be another
/// volume's soon. Nothing where volumes come without paths.
///
/// # Errors
/// What keeps the ports from being known, or a path from being removed: then it is still there.
pub(super) async fn leave(backend: &Backend, array: &Array, wwn: &Wwn) -> Result<(), Cause> {
    let Some(side) = side(backend, array) else {
        return Ok(());
    };
    let ports = all_ports(backend, side).await?;
    if !ports.is_empty() {
        let dropped = backend.transport.drop_paths(wwn, &ports).await?;
        log::debug!(array = array.label(), wwn = wwn.as_str(), changed = dropped.is_changed(); "paths dropped");
    }
    Ok(())
}

/// The LUNs of an array at which this machine has disks that the array knows nothing of: left behind, and dangerous. They are for no other
/// volume as long as they are there.
///
/// # Errors
/// As [`leave`].
pub(super) async fn left_behind(
    backend: &Backend,
    array: &Array,
    listed: &BTreeSet<Lun>,
) -> Result<BTreeSet<Lun>, Cause> {
    let Some(side) = side(backend, array) else {
        return Ok(BTreeSet::new());
    };
    let ports = all_ports(backend, side).await?;
    let mut luns = backend.transport.occupied(&ports)?;
    luns.retain(|lun| !listed.contains(lun));
    Ok(luns)
}

fn side(backend: &Backend, array: &Array) -> Option<Side> {
    Side::BOTH
        .into_iter()
        .find(|side| backend.on(*side).label() == array.label())
}
