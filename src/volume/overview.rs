//! Every volume on one line, for people: what is known here, and how the groups are now.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use crate::{
    index::IndexedVolume,
    model::{
        BackendName, GroupName, RequestId, Role, Size, Source, State, SyncStatus, VolumeName,
        VvName,
    },
};

use super::inner::Inner;

/// How long the arrays may take to show their groups: what is known is not kept back by one that hangs.
const PATIENCE: Duration = Duration::from_secs(5);

/// A volume on one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// Docker's name.
    pub name: VolumeName,
    /// The section of hpe.conf it is of.
    pub backend: BackendName,
    /// False if hpe.conf has no such section any more: then nothing can be done with the volume.
    pub in_hpe_conf: bool,
    /// The array it is on; of a replicated one the backend's own. Not known without its backend.
    pub array: Option<String>,
    /// Its VV.
    pub vv: VvName,
    /// Its size as last seen.
    pub size_mib: Size,
    /// What it was made from.
    pub source: Source,
    /// How it is replicated, if it is.
    pub replication: Option<ReplicationOverview>,
    /// Where it is mounted on this host, if it is.
    pub mounted: Option<PathBuf>,
    /// How far it is.
    pub state: State,
}

/// Its group, as the backend's own array has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicationOverview {
    /// By its name on that array.
    pub group: GroupName,
    /// Its role there; none if it could not be asked now.
    pub role: Option<Role>,
    /// How far the volume's copy is; none if it could not be asked now.
    pub sync: Option<SyncStatus>,
}

type Groups = BTreeMap<(BackendName, VvName), (Role, SyncStatus)>;

/// All that the index knows. Each array with groups of these volumes is asked once.
pub(super) async fn all(inner: &Inner, request: &RequestId) -> Vec<Overview> {
    let volumes = inner.index.list();
    let groups = groups(inner, request, &volumes).await;
    let mut all: Vec<Overview> = volumes.iter().map(|v| one(inner, v, &groups)).collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all
}

async fn groups(inner: &Inner, request: &RequestId, volumes: &[IndexedVolume]) -> Groups {
    let replicated = volumes.iter().filter(|volume| volume.group.is_some());
    let backends: BTreeSet<&BackendName> = replicated.map(|volume| &volume.backend).collect();
    let asked = backends.into_iter().filter_map(|name| {
        let pair = inner.backends.get(name)?.pair.as_ref()?;
        let array = pair.source.for_request(request);
        Some(async move {
            let look = tokio::time::timeout(PATIENCE, array.showrcopy_groups());
            (name, look.await)
        })
    });
    let mut groups = Groups::new();
    for (backend, seen) in join_all(asked).await {
        let Ok(Ok(seen)) = seen else { continue };
        for group in seen {
            for volume in group.volumes {
                let key = (backend.clone(), volume.local);
                groups.insert(key, (group.role, volume.sync));
            }
        }
    }
    groups
}

fn one(inner: &Inner, volume: &IndexedVolume, groups: &Groups) -> Overview {
    let backend = inner.backend_of(volume).ok();
    let seen = groups.get(&(volume.backend.clone(), volume.vv.clone()));
    let replication = volume.group.clone().map(|group| ReplicationOverview {
        group,
        role: seen.map(|(role, _)| *role),
        sync: seen.map(|(_, sync)| *sync),
    });
    Overview {
        name: volume.name.clone(),
        backend: volume.backend.clone(),
        in_hpe_conf: backend.is_some(),
        array: backend.map(|backend| backend.array.label().to_owned()),
        vv: volume.vv.clone(),
        size_mib: volume.options.size,
        source: volume.options.source.clone(),
        replication,
        mounted: inner.mounted(&volume.name),
        state: volume.state,
    }
}
