//! The ports of an array at which a machine reaches its volumes.

use std::{fmt, net::SocketAddr};

use super::Secret;

/// A port of an array that shows volumes to hosts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetPort {
    /// An iSCSI port: every one has a name of its own.
    Iscsi {
        /// Its iSCSI name, lower case.
        iqn: String,
        /// Where it listens.
        portal: SocketAddr,
    },
    /// A Fibre Channel port.
    Fc {
        /// 16 upper-case hexadecimal digits.
        wwpn: String,
    },
}

impl fmt::Display for TargetPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Iscsi { iqn, portal } => write!(f, "{iqn} at {portal}"),
            Self::Fc { wwpn } => f.write_str(wwpn),
        }
    }
}

/// How this machine proves to an array who it is (CHAP).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chap {
    /// The name it gives.
    pub user: String,
    /// 12 to 16 ASCII characters.
    pub secret: Secret,
}
