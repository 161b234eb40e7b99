//! Whether both arrays see the quorum witness: asked only of groups that it is for.

use std::time::Duration;

use super::{Site, seen::Found};
use crate::{
    inform::Array,
    model::{Side, TargetName},
    replication::{GroupKind, Witness, Witnesses},
};

/// Asks both arrays, if the group is one that fails over by itself, or manages paths.
pub(super) async fn witnesses(found: &Found, site: &Site) -> Witnesses {
    let kind = found.sides.kind();
    if !kind.is_some_and(|kind| kind.manages_paths() || kind == GroupKind::OnlyAutoFailover) {
        return Witnesses::default();
    }
    let on = async |side: Side| match (
        &found.asked.on(side).answer,
        found.sides.on(side).half.seen(),
    ) {
        (Ok(_), Some(group)) => {
            let array = found.backend.pair.on(side);
            look(array, &group.target, site.patience).await
        }
        _ => Witness::NotAsked,
    };
    let (source, peer) = tokio::join!(on(Side::Source), on(Side::Peer));
    Witnesses { source, peer }
}

async fn look(array: &Array, target: &TargetName, patience: Duration) -> Witness {
    let shown = match tokio::time::timeout(patience, array.showrcopy_witness()).await {
        Ok(Ok(shown)) => shown,
        Ok(Err(error)) => {
            return Witness::NotReadable {
                why: error.to_string(),
            };
        }
        Err(_) => {
            return Witness::NotReadable {
                why: format!("no answer within {} s", patience.as_secs()),
            };
        }
    };
    let Some(of_target) = shown.into_iter().find(|one| one.target == *target) else {
        return Witness::NotReadable {
            why: format!("`showrcopy -qw targets` does not show `{target}`"),
        };
    };
    match of_target.server {
        None => Witness::None,
        Some(server) if of_target.is_seen => Witness::Seen { server },
        Some(server) => Witness::NotSeen {
            server,
            state: of_target.state,
        },
    }
}
