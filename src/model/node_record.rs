//! What this plugin made on this machine for a port of an array: iscsiadm's record of it, or a session with somebody else's record.

use std::net::SocketAddr;

use serde::{Deserialize, Deserializer, Serialize};

/// What this plugin made for a port, or was about to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// The port's iSCSI name, lower case.
    pub iqn: String,
    /// Where it listens.
    pub portal: SocketAddr,
    /// How much of it is the plugin's.
    #[serde(alias = "complete", deserialize_with = "made_or_complete")]
    pub made: Made,
}

/// How much of a port's record and session is the plugin's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Made {
    /// The record, which has not got all its settings: it was never logged in with.
    HalfRecord,
    /// The record and the session.
    Record,
    /// The session alone: the record is an administrator's, who does not want a session at every boot.
    Session,
}

/// Before the plugin ended sessions that it made with somebody else's record, it wrote only whether its own record was `complete`.
fn made_or_complete<'de, D: Deserializer<'de>>(from: D) -> Result<Made, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Made(Made),
        Complete(bool),
    }
    Ok(match Written::deserialize(from)? {
        Written::Made(made) => made,
        Written::Complete(true) => Made::Record,
        Written::Complete(false) => Made::HalfRecord,
    })
}

impl NodeRecord {
    /// It is the one of this port.
    pub fn is_of(&self, iqn: &str, portal: SocketAddr) -> bool {
        self.iqn == iqn && self.portal == portal
    }
}
