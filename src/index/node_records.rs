//! Which of iscsiadm's records and sessions the plugin made: its own it removes again, and an administrator's it leaves as they are.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Index, IndexError};
use crate::model::NodeRecord;

/// What iscsi.json holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NodeRecords {
    version: u64,
    records: Vec<NodeRecord>,
}

impl NodeRecords {
    pub(super) const VERSION: u64 = 1;

    pub(super) fn new() -> Self {
        Self {
            version: Self::VERSION,
            records: Vec::new(),
        }
    }

    fn forget(&mut self, iqn: &str, portal: SocketAddr) -> bool {
        let before = self.records.len();
        self.records.retain(|record| !record.is_of(iqn, portal));
        self.records.len() != before
    }
}

impl Index {
    /// The records that the plugin made and has not removed.
    pub fn node_records(&self) -> Vec<NodeRecord> {
        self.0.node_records.get().records.clone()
    }

    /// Writes a record down, in place of what was known of it.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn put_node_record(&self, record: &NodeRecord) -> Result<(), IndexError> {
        self.0.node_records.change_if(|all| {
            let known = all.records.contains(record);
            all.forget(&record.iqn, record.portal);
            all.records.push(record.clone());
            Ok((!known, ()))
        })
    }

    /// Forgets a record that is gone, or an administrator's by now.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn forget_node_record(&self, iqn: &str, portal: SocketAddr) -> Result<(), IndexError> {
        self.0
            .node_records
            .change_if(|all| Ok((all.forget(iqn, portal), ())))
    }
}
