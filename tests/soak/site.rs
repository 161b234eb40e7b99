//! Two arrays, two hosts, and what is known of them.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    content::Content,
    host::Host,
    life::Life,
    place::Shown,
    rig::arrays::{Arrays, witnessed},
    watch::Watch,
};

/// Everything. Its parts end in this order.
pub struct Site {
    pub watch: Watch,
    pub hosts: [Host; 2],
    pub life: Life,
    pub content: Content,
    /// Mounts that succeeded.
    pub mounts: usize,
    /// Links, an array or the witness are out.
    pub outages: usize,
    /// Groups that ran or were not there when nothing was going on, and that nobody but the plugins touched since.
    pub run: BTreeSet<&'static str>,
    /// The arrays before anything was asked.
    pub before: Value,
    pub arrays: Arrays,
}

impl Site {
    pub async fn set() -> Self {
        let arrays = Arrays::start_with(|toml| witnessed(&toml)).await;
        // Both live: neither may take a volume from the other.
        for host in ["host1", "host2"] {
            arrays.log_in(host);
        }
        let before = arrays.dump();
        let hosts = ["host1", "host2"].map(|name| Host::set(&arrays, name));
        Self {
            watch: Watch::over(&hosts),
            hosts,
            life: Life::none(),
            content: Content::blank(),
            mounts: 0,
            outages: 0,
            run: BTreeSet::new(),
            before,
            arrays,
        }
    }

    pub fn shown(&self) -> Shown {
        Shown(self.arrays.dump())
    }

    /// Waits until neither plugin has anything open. False if that takes too long.
    pub async fn nothing_open(&self, patience: Duration) -> bool {
        let patience = Instant::now() + patience;
        while self.hosts.iter().any(|host| host.unended() > 0) {
            if Instant::now() > patience {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }
}
