//! Where an array shows a volume to this machine: the LUN, and the ports to look at.

use crate::{
    host::Place,
    inform::{Array, ExportTarget, HostEntry, PortMode, PortProtocol, PortState, VlunTemplate},
    model::{Initiator, Protocol, Side, TargetPort},
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
