//! A volume that nobody uses any more and that has not left this machine yet: an Unmount that could not be ended, or a Mount that failed
//! and could not be undone, and who is in its way. The engine was told, and does not ask again; what is left is tried again and again.

use std::{collections::BTreeSet, time::Duration};

use serde::Serialize;

use crate::{
    host::{self, BlockDevice},
    index::{JournalEntry, OpKind},
    model::{VolumeName, Wwn},
};

use super::{detach, groups, inner::Inner};

/// How long an inspect waits for the kernel to say who is in the way.
const LOOKING: Duration = Duration::from_secs(2);

/// How long a removal waits for the kernel to end an unmount. The engine allows 60 s for all of it.
const ENDING: Duration = Duration::from_secs(20);

/// What is left, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Pending {
    /// When the operation began, in RFC 3339.
    since: String,
    /// The device that is still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// Who has that, or what is waited for.
    #[serde(rename = "held by")]
    held_by: String,
}

/// What an Unmount or a Mount of this name has left, as the kernel shows it now. A Mount that is still at work has left nothing yet.
pub(super) async fn look(inner: &Inner, name: &VolumeName) -> Option<Pending> {
    let mut at_work = inner.at_work.on(name);
    let entries = inner.index.open_entries().into_iter();
    // It may have begun or ended between the two.
    at_work.extend(inner.at_work.on(name));
    let is_left = |entry: &JournalEntry| match entry.kind {
        OpKind::Unmount => true,
        OpKind::Mount => !at_work.contains(&entry.op.request),
        _ => false,
    };
    let entry = entries
        .filter(|entry| entry.name == *name && is_left(entry))
        .min_by_key(|entry| entry.started)?;
    let wwn = detach::wwn_of(&entry);
    let device = wwn.and_then(|wwn| inner.attached(&wwn).ok().flatten());
    let device = device.map(|(_, device)| device);
    let held_by = match &device {
        Some(device) => holder(inner, device).await,
        None => array(inner, &entry),
    };
    Some(Pending {
        since: entry.started.to_string(),
        device: device.map(|device| device.path().display().to_string()),
        held_by,
    })
}

/// Gives an unmount that the kernel has not ended a little time, before what it left is cleaned up for a removal. Whether it has ended is
/// looked at there.
pub(super) async fn wait_a_little(inner: &Inner, name: &VolumeName) {
    let known = inner.index.get(name);
    // The copies of one volume of Peer Persistence have one.
    let wwns: BTreeSet<&Wwn> = known.iter().flat_map(|volume| volume.wwns()).collect();
    let ends = async {
        for wwn in wwns {
            if let Ok(Some((_, device))) = inner.attached(wwn) {
                // Whatever comes of it.
                let _ = host::busy_for_good(&inner.kernel, &device, LOOKING).await;
            }
        }
    };
    let _ = tokio::time::timeout(ENDING, ends).await;
}

async fn holder(inner: &Inner, device: &BlockDevice) -> String {
    match host::held_by(&inner.kernel, device, LOOKING).await {
        Ok(Some(by)) => by.to_string(),
        Ok(None) => "nobody any more: it goes within half a minute".to_owned(),
        Err(error) => format!("not known: {error}"),
    }
}

/// The device is gone, and an array exports the volume still.
fn array(inner: &Inner, entry: &JournalEntry) -> String {
    match inner.backend_of_entry(entry) {
        Ok(backend) => {
            let label = groups::acting_array(entry, &backend).label();
            let why = inner.news.out_of_reach(label).map(|why| format!(": {why}"));
            let why = why.unwrap_or_default();
            format!("its export by array `{label}`, which is withdrawn when that answers{why}")
        }
        Err(cause) => cause.to_string(),
    }
}
