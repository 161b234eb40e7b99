//! Taking a volume off this machine, in the only order that loses nothing: the proof that nobody uses it, the map, the disks
//! one by one, and the sessions that nobody needs any more. Each part is looked for first, so all of it can be done again
//! after it was interrupted anywhere.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::{Instant, timeout};

use super::{
    PathState, San, iscsi, multipath,
    scsi::{self, Identity, ScsiPath},
    turns::IscsiPort,
};
use crate::{
    host::HostError,
    model::{Change, Wwn},
};

/// How long a detach waits for its turn: somebody is attaching the volume, or a detach hangs.
const TURN: Duration = Duration::from_secs(60);
/// How long it waits for sessions to end. They go on ending by themselves.
const LOGOUT: Duration = Duration::from_secs(5);
/// dm-multipath may make the map again between its removal and the removal of the last disk.
const AGAIN: u32 = 3;

pub(super) async fn detach(san: &San, wwn: &Wwn) -> Result<Change<()>, HostError> {
    let machine = &san.machine;
    let kernel = &machine.kernel;
    let mut turn = san.turns.volume(wwn, Instant::now() + TURN).await?;
    *turn += 1;
    let mut changed = false;
    let mut ports = san.turns.forget(wwn);
    for round in 1.. {
        let map = multipath::find(kernel, wwn)?;
        let mut disks = scsi::found_as(kernel, wwn)?;
        if let Some(map) = &map {
            disks.extend(map.paths(kernel)?);
        }
        disks.sort();
        disks.dedup();
        if map.is_none() && disks.is_empty() {
            break;
        }
        if round > AGAIN {
            return Err(HostError::NotProven {
                what: format!("removing WWN `{wwn}` from this machine"),
                but: "it comes back each time".to_owned(),
            });
        }
        changed = true;
        ports.extend(sessions_behind(san, &disks)?);
        if let Some(map) = &map {
            map.remove(machine).await?;
        }
        let each = disks.iter().map(|disk| remove(san, wwn, disk));
        for done in futures_util::future::join_all(each).await {
            done?;
        }
    }
    if changed {
        log::info!(wwn = wwn.as_str(); "volume detached");
    }
    let ending = {
        let san = san.clone();
        tokio::spawn(async move { san.log_out_unused(ports).await })
    };
    if timeout(LOGOUT, ending).await.is_err() {
        log::debug!(wwn = wwn.as_str(); "sessions are still ending");
    }
    Ok(if changed {
        Change::Changed(())
    } else {
        Change::Unchanged(())
    })
}

fn sessions_behind(san: &San, disks: &[ScsiPath]) -> Result<BTreeSet<IscsiPort>, HostError> {
    let sessions = iscsi::sessions(&san.machine.kernel)?.into_iter();
    Ok(sessions
        .filter(|session| disks.iter().any(|disk| disk.nexus == session.nexus))
        .filter_map(|session| Some((session.iqn, *session.portals.first()?)))
        .collect())
}

/// Removes a disk that no map is built on any more.
async fn remove(san: &San, wwn: &Wwn, disk: &ScsiPath) -> Result<(), HostError> {
    let machine = &san.machine;
    let kernel = &machine.kernel;
    let was_ours = disk.found_as(kernel)?.as_ref() == Some(wwn);
    let (identity, state) = match disk.identity(machine).await {
        Ok(identity) => (identity, disk.state(kernel)?),
        // What does not even answer that it is lost is lost.
        Err(HostError::Deadline { .. }) => (Identity::Silent, PathState::Blocked),
        Err(error) => return Err(error),
    };
    match identity {
        Identity::Volume(is) if is == *wwn => {}
        Identity::Silent if was_ours => {
            log::debug!(device = disk.name.as_str(), state:? = state; "path does not answer; removed by what it was");
        }
        // Found as ours, and another volume by now: nobody else knows it under that name, and it must not stay.
        _ if was_ours => {
            log::warn!(device = disk.name.as_str(), wwn = wwn.as_str(), is:% = identity; "path leads to another volume by now: removed");
        }
        _ if !disk.is_there(kernel) => return Ok(()),
        identity => {
            return Err(HostError::WrongDevice {
                device: disk.node(kernel),
                wwn: wwn.clone(),
                found: identity.to_string(),
            });
        }
    }
    disk.must_be_free(machine, wwn).await?;
    disk.delete(machine).await
}
