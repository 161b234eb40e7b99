//! Which of iscsiadm's records, and which sessions, this plugin made. They are known by being written down, never by what they say: an
//! administrator's may say the same.

use std::{fmt, net::SocketAddr};

use crate::model::NodeRecord;

/// Where they are written down.
pub trait NodeRecords: fmt::Debug + Send + Sync {
    /// All of them.
    fn all(&self) -> Vec<NodeRecord>;

    /// Writes one down, in place of what was known of it. It is on the disk when this returns.
    ///
    /// # Errors
    /// Why it is not, in one line.
    fn put(&self, record: &NodeRecord) -> Result<(), String>;

    /// One is gone, or an administrator's by now.
    fn forget(&self, iqn: &str, portal: SocketAddr);
}
