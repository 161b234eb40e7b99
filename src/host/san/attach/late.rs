//! Paths that come after the volume is in use: of ports that answer late.

use tokio::time::{Instant, sleep, timeout};

use super::{
    super::{
        confirm::confirm,
        look::look,
        multipath::{self, Map},
        scsi::Nexus,
    },
    Effort, Login,
};
use crate::host::HostError;

/// How often a port is looked at again after the volume is in use.
const LATE_LOOKS: u32 = 5;

impl Effort {
    pub(super) fn is_something_missing(&self, map: &Map) -> Result<bool, HostError> {
        let there = map.paths(&self.san.machine.kernel)?;
        let pending = self
            .ways
            .iter()
            .any(|way| matches!(way.login, Login::Pending));
        let reachable = self.reachable()?;
        let missing = |nexus: &Nexus| !there.iter().any(|path| path.nexus == *nexus);
        Ok(pending || reachable.keys().any(missing))
    }

    /// Adds the paths that come late, as long as the volume is attached as it was then: `turn`.
    pub(super) async fn late(mut self, turn: u64) {
        let patience = self.san.machine.patience.clone();
        let until = Instant::now() + patience.late;
        let mut as_it_was = true;
        let mut heard = true;
        while as_it_was && Instant::now() < until {
            if heard {
                match timeout(patience.scan_again, self.logins.recv()).await {
                    Ok(Some((index, result))) => self.hear(index, result),
                    Ok(None) => heard = false,
                    Err(_) => {}
                }
            } else {
                sleep(patience.scan_again).await;
            }
            match self.add_missing(turn, until).await {
                Ok(Late::AllThere) if !heard => break,
                Ok(Late::AllThere | Late::Missing) => {}
                Ok(Late::Changed) => as_it_was = false,
                Err(error) => {
                    log::warn!(wwn = self.export.wwn.as_str(), error:% = error; "a path that came late was not added");
                }
            }
        }
        if !as_it_was {
            // A session that came after the volume had gone is nobody's.
            self.give_up().await;
        }
    }

    async fn add_missing(&mut self, turn: u64, until: Instant) -> Result<Late, HostError> {
        let wwn = &self.export.wwn;
        let kernel = &self.san.machine.kernel;
        let now = self.san.turns.volume(wwn, until).await?;
        let Some(map) = multipath::find(kernel, wwn)?.filter(|_| *now == turn) else {
            return Ok(Late::Changed);
        };
        let there = map.paths(kernel)?;
        let mut all = true;
        for (nexus, (lun, _)) in self.reachable()? {
            let looked = self.looked.entry(nexus).or_default();
            if there.iter().any(|path| path.nexus == nexus) || looked.times >= LATE_LOOKS {
                continue;
            }
            looked.times += 1;
            all = false;
            self.confirmed
                .extend(look(&self.san, wwn, nexus, lun, until).await?);
        }
        // What has come since was found by its name, and is asked for it all the same.
        let mut new = map.paths(kernel)?;
        new.retain(|path| !self.confirmed.contains(path));
        let answers = confirm(&self.san.machine, &map, wwn, new).await?;
        self.confirmed.extend(answers.ours);
        Ok(if all { Late::AllThere } else { Late::Missing })
    }
}

enum Late {
    AllThere,
    Missing,
    /// Somebody detached it, or attached it anew.
    Changed,
}
