//! `showport`

use std::net::IpAddr;

use super::{each, words::open_words};
use crate::{
    inform::{
        array::Array,
        error::{ArrayError, unrecognised},
        quoting::Args,
    },
    model::{Initiator, PortPosition},
};

open_words!(
    /// State of a port.
    PortState {
        /// Usable.
        Ready = "ready",
        /// Nothing on the other end.
        LossSync = "loss_sync",
        /// Switched off.
        Offline = "offline",
    }
);

open_words!(
    /// Which end of the connection a port is.
    PortMode {
        /// Hosts log in here.
        Target = "target",
        /// The array logs in elsewhere.
        Initiator = "initiator",
        /// Remote copy.
        Peer = "peer",
    }
);

open_words!(
    /// What a port is used for.
    PortUse {
        /// Hosts are logged in.
        Host = "host",
        /// Nobody is logged in.
        Free = "free",
        /// iSCSI hosts.
        Iscsi = "iscsi",
        /// Remote copy over Fibre Channel.
        RemoteCopyFc = "rcfc",
        /// Remote copy over IP.
        RemoteCopyIp = "rcip",
    }
);

open_words!(
    /// What a port speaks.
    PortProtocol {
        /// Fibre Channel.
        Fc = "FC",
        /// iSCSI.
        Iscsi = "iSCSI",
    }
);

/// A port of the array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Where it is.
    pub position: PortPosition,
    /// Which end it is.
    pub mode: PortMode,
    /// How it is.
    pub state: PortState,
    /// Port WWN or hardware address.
    pub address: String,
    /// What it is used for.
    pub usage: PortUse,
    /// What it speaks, where this InForm OS prints it.
    pub protocol: Option<PortProtocol>,
}

/// An iSCSI port of the array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IscsiPort {
    /// Where it is.
    pub position: PortPosition,
    /// How it is.
    pub state: PortState,
    /// Its address; none where it has no own (unset, or only on VLANs).
    pub ip: Option<IpAddr>,
    /// Target portal group tag.
    pub tpgt: Option<u16>,
}

/// What an iSCSI port is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IscsiName {
    /// Where the port is.
    pub position: PortPosition,
    /// Its iSCSI name, lower case.
    pub iqn: String,
    /// Its address; none where it has no own.
    pub ip: Option<IpAddr>,
}

impl Array {
    /// All ports.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showport(&self) -> Result<Vec<Port>, ArrayError> {
        self.read("showport", &Args::new(), |rows| {
            each(rows, |row| {
                Ok(Port {
                    position: row.value("position")?,
                    mode: row.text("mode")?.into(),
                    state: row.text("state")?.into(),
                    address: row.text("wwn")?.to_owned(),
                    usage: row.text("kind")?.into(),
                    protocol: row.opt("protocol").map(Into::into),
                })
            })
        })
        .await
    }

    /// The iSCSI ports; an array without any is no error.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showport_iscsi(&self) -> Result<Vec<IscsiPort>, ArrayError> {
        self.read("showport-iscsi", &Args::new(), |rows| {
            each(rows, |row| {
                let ip: Option<IpAddr> = row.parsed("address")?;
                Ok(IscsiPort {
                    position: row.value("position")?,
                    state: row.text("state")?.into(),
                    ip: ip.filter(|ip| !ip.is_unspecified()),
                    tpgt: row.parsed("tpgt")?,
                })
            })
        })
        .await
    }

    /// The names of the iSCSI ports; an array without any is no error.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showport_iscsiname(&self) -> Result<Vec<IscsiName>, ArrayError> {
        self.read("showport-iscsiname", &Args::new(), |rows| {
            let named = each(rows, |row| {
                let ip: Option<IpAddr> = row.parsed("address")?;
                let name = row.opt("name").map(str::to_owned);
                Ok((row.value("position")?, ip, name))
            })?;
            named
                .into_iter()
                .filter_map(|(position, ip, name)| Some((position, ip, name?)))
                .map(|(position, ip, name)| match name.parse() {
                    Ok(Initiator::Iscsi(iqn)) => Ok(IscsiName {
                        position,
                        iqn,
                        ip: ip.filter(|ip| !ip.is_unspecified()),
                    }),
                    Ok(Initiator::Fc(_)) | Err(_) => {
                        Err(unrecognised(format!("`{name}`, which is no iSCSI name")))
                    }
                })
                .collect()
        })
        .await
    }
}
