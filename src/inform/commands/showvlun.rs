//! `showvlun`

use std::fmt;

use super::{each, words::open_words};
use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args, row::Row},
    model::{HostName, Initiator, Lun, PortPosition, SetName, VvName},
};

/// How an export was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VlunKind {
    /// To a host object, on any port.
    Host,
    /// To a host set.
    HostSet,
    /// To a host object on one port.
    MatchedSet,
    /// To whoever comes to a port.
    Port,
}

/// What is exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportedVv {
    /// One volume.
    One(VvName),
    /// Every volume of a VV set, also those added later.
    Set(SetName),
}

impl fmt::Display for ExportedVv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(vv) => vv.fmt(f),
            Self::Set(set) => write!(f, "set:{set}"),
        }
    }
}

/// To whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportTarget {
    /// A host object.
    Host(HostName),
    /// Every host of a host set, also those added later.
    HostSet(SetName),
    /// Whoever comes to a port.
    Port(PortPosition),
}

impl fmt::Display for ExportTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => host.fmt(f),
            Self::HostSet(set) => write!(f, "set:{set}"),
            Self::Port(port) => port.fmt(f),
        }
    }
}

/// An export as it was asked for, whether or not anybody is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VlunTemplate {
    /// Its LUN.
    pub lun: Lun,
    /// What is exported.
    pub vv: ExportedVv,
    /// To whom.
    pub target: ExportTarget,
    /// On which port, if only on one.
    pub port: Option<PortPosition>,
    /// How it was made.
    pub kind: VlunKind,
}

open_words!(
    /// State of a path to an export.
    VlunStatus {
        /// Serves.
        Active = "active",
        /// Serves through the node that does not own the volume.
        NonOptimised = "nonopt",
        /// Peer Persistence: the other array serves.
        Standby = "standby",
    }
);

/// A path over which a host sees a volume now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveVlun {
    /// Its LUN.
    pub lun: Lun,
    /// Which volume.
    pub vv: VvName,
    /// Which host, also where the export is to a set.
    pub host: HostName,
    /// Which of its initiators; none for a kind this plugin has no use for.
    pub initiator: Option<Initiator>,
    /// On which port.
    pub port: Option<PortPosition>,
    /// How the export was made.
    pub kind: VlunKind,
    /// Its state.
    pub status: VlunStatus,
}

/// Which exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VlunQuery<'a> {
    /// All of the array.
    All,
    /// Those of a volume.
    Vv(&'a VvName),
    /// Those to a host; whether those to a set with that host are among them is not known.
    Host(&'a HostName),
}

impl VlunQuery<'_> {
    fn args(&self) -> Args {
        match self {
            Self::All => Args::new(),
            Self::Vv(vv) => Args::new().with("vv", vv),
            Self::Host(host) => Args::new().with("host", host),
        }
    }
}

impl Array {
    /// The exports that were asked for.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showvlun_t(&self, query: VlunQuery<'_>) -> Result<Vec<VlunTemplate>, ArrayError> {
        self.read("showvlun-t", &query.args(), |rows| each(rows, template))
            .await
    }

    /// The paths over which hosts see volumes now.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showvlun_a(&self, query: VlunQuery<'_>) -> Result<Vec<ActiveVlun>, ArrayError> {
        self.read("showvlun-a", &query.args(), |rows| each(rows, active))
            .await
    }
}

fn kind(row: &Row) -> Result<VlunKind, String> {
    Ok(match row.text("kind")? {
        "host" => VlunKind::Host,
        "host set" => VlunKind::HostSet,
        "matched set" => VlunKind::MatchedSet,
        "port" | "port presents" => VlunKind::Port,
        other => return Err(format!("`{other}` is no type of VLUN")),
    })
}

fn set(name: &str) -> Result<SetName, String> {
    SetName::new(name).map_err(|why| why.to_string())
}

fn template(row: &Row) -> Result<VlunTemplate, String> {
    let kind = kind(row)?;
    let port: Option<PortPosition> = row.parsed("port")?;
    let vv = match row.text("vv")?.strip_prefix("set:") {
        Some(name) => ExportedVv::Set(set(name)?),
        None => ExportedVv::One(row.value("vv")?),
    };
    let host = row.text("host")?.strip_prefix("set:");
    let (target, port) = match (kind, host, port) {
        (VlunKind::Port, None, Some(port)) if row.opt("host").is_none() => {
            (ExportTarget::Port(port), Some(port))
        }
        (VlunKind::HostSet | VlunKind::MatchedSet, Some(name), port) => {
            (ExportTarget::HostSet(set(name)?), port)
        }
        (VlunKind::Host | VlunKind::MatchedSet, None, port) => {
            (ExportTarget::Host(row.value("host")?), port)
        }
        _ => return Err("type, host and port of a VLUN do not fit together".to_owned()),
    };
    Ok(VlunTemplate {
        lun: Lun(row.value("lun")?),
        vv,
        target,
        port,
        kind,
    })
}

fn active(row: &Row) -> Result<ActiveVlun, String> {
    Ok(ActiveVlun {
        lun: Lun(row.value("lun")?),
        vv: row.value("vv")?,
        host: row.value("host")?,
        initiator: row.text("path")?.parse().ok(),
        port: row.parsed("port")?,
        kind: kind(row)?,
        status: row.text("status")?.into(),
    })
}
