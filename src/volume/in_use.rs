//! What the volumes of a group are called in Docker, to whom they are exported, and which hosts use them: for a person, without an index.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::try_join_all;

use crate::{
    inform::{
        ActiveVlun, Array, ArrayError, ExportedVv, RcGroup, VlunQuery, VlunTemplate, Vv, VvQuery,
    },
    model::{Comment, GroupLock, Namespace, SetName, VolumeName, VvName},
    replication::{HostUse, InUse},
};

use super::{
    asked::{NotAsked, within},
    group_lock,
};

/// A group with more volumes than this is asked for with all exports of the array at once.
const ONE_BY_ONE: usize = 16;

/// What one array showed of the exports of a group's volumes.
#[derive(Debug, Clone)]
pub struct SideInUse {
    /// The exports that were asked for, with the volume each is about.
    pub exports: Vec<(VvName, VlunTemplate)>,
    /// The live paths.
    pub paths: Vec<ActiveVlun>,
    /// The plugin's lock on the group: somebody is stopping and starting it, or has died over that.
    pub lock: Option<LockSeen>,
}

/// The lock of a group, for a person.
#[derive(Debug, Clone)]
pub struct LockSeen {
    /// Who holds it, and since when.
    pub told: String,
    /// It is so old that its holder has left it.
    pub is_left: bool,
}

impl SideInUse {
    /// The hosts that have volumes now.
    pub fn hosts(&self) -> InUse {
        let uses = self.paths.iter().map(|path| HostUse {
            vv: path.vv.clone(),
            host: path.host.clone(),
        });
        InUse::Shown(uses.collect())
    }
}

/// Asks one array about the volumes of a group.
///
/// # Errors
/// Why not.
pub async fn in_use(
    array: &Array,
    group: &RcGroup,
    patience: Duration,
) -> Result<SideInUse, NotAsked> {
    within(array, patience, look(array, group)).await
}

async fn look(array: &Array, group: &RcGroup) -> Result<SideInUse, ArrayError> {
    let members: Vec<&VvName> = group.volumes.iter().map(|volume| &volume.local).collect();
    let (exports, paths, lock) = if members.len() > ONE_BY_ONE {
        tokio::try_join!(
            all_exports(array, &members),
            all_paths(array, &members),
            lock(array, group)
        )?
    } else {
        tokio::try_join!(
            exports(array, &members),
            paths(array, &members),
            lock(array, group)
        )?
    };
    Ok(SideInUse {
        exports,
        paths,
        lock,
    })
}

async fn exports(
    array: &Array,
    members: &[&VvName],
) -> Result<Vec<(VvName, VlunTemplate)>, ArrayError> {
    let of_each = members.iter().map(|vv| async move {
        let exports = array.showvlun_t(VlunQuery::Vv(vv)).await?;
        let exports = exports.into_iter().map(|export| ((*vv).clone(), export));
        Ok::<Vec<_>, ArrayError>(exports.collect())
    });
    Ok(try_join_all(of_each).await?.concat())
}

async fn paths(array: &Array, members: &[&VvName]) -> Result<Vec<ActiveVlun>, ArrayError> {
    let of_each = members.iter().map(|vv| array.showvlun_a(VlunQuery::Vv(vv)));
    Ok(try_join_all(of_each).await?.concat())
}

async fn all_exports(
    array: &Array,
    members: &[&VvName],
) -> Result<Vec<(VvName, VlunTemplate)>, ArrayError> {
    let all = array.showvlun_t(VlunQuery::All).await?;
    let by_set = |export: &VlunTemplate| matches!(export.vv, ExportedVv::Set(_));
    let sets = if all.iter().any(by_set) {
        array.showvvset(None).await?
    } else {
        Vec::new()
    };
    let about = |export: VlunTemplate| -> Vec<(VvName, VlunTemplate)> {
        let holds = |vv: &VvName| match &export.vv {
            ExportedVv::One(one) => one == vv,
            ExportedVv::Set(name) => sets
                .iter()
                .any(|set| set.name == *name && set.members.contains(vv)),
        };
        let about = members.iter().filter(|vv| holds(vv));
        about.map(|vv| ((*vv).clone(), export.clone())).collect()
    };
    Ok(all.into_iter().flat_map(about).collect())
}

async fn all_paths(array: &Array, members: &[&VvName]) -> Result<Vec<ActiveVlun>, ArrayError> {
    let mut all = array.showvlun_a(VlunQuery::All).await?;
    all.retain(|path| members.contains(&&path.vv));
    Ok(all)
}

/// The set that is the lock of a group (decision 15), and who holds it.
async fn lock(array: &Array, group: &RcGroup) -> Result<Option<LockSeen>, ArrayError> {
    let name = SetName::lock_of(&group.name);
    let sets = array.showvvset(Some(&name)).await?;
    let Some(set) = sets.into_iter().next() else {
        return Ok(None);
    };
    let label = array.label();
    let comment = set.comment.unwrap_or_default();
    let Ok(held) = GroupLock::parse(&comment) else {
        return Ok(Some(LockSeen {
            told: format!(
                "VV set `{name}` on array `{label}` is there, and does not say who made it"
            ),
            is_left: false,
        }));
    };
    let is_left = group_lock::is_left(array, &held).await?;
    let since = held.since.strftime("%Y-%m-%d %H:%M:%S");
    let (op, zone) = (&held.op, &held.zone);
    let (holds, more) = match held.promotes {
        Some(snapshot) => (
            "holds",
            format!(", to put back what is in snapshot `{snapshot}`"),
        ),
        None if is_left => ("has left", String::new()),
        None => ("holds", String::new()),
    };
    let told = format!(
        "operation `{op}` {holds} VV set `{name}` on array `{label}`, taken at {since} {zone} by that array's clock{more}"
    );
    Ok(Some(LockSeen { told, is_left }))
}

/// The Docker names of an array's VVs that are this plugin's, in this namespace.
///
/// # Errors
/// Why not.
pub async fn docker_names(
    array: &Array,
    namespace: &Namespace,
    patience: Duration,
) -> Result<BTreeMap<VvName, VolumeName>, NotAsked> {
    let prefix = namespace.vv_prefix();
    let vvs = within(array, patience, array.showvv(VvQuery::Prefix(&prefix))).await?;
    let named = vvs.iter().filter_map(|vv| docker_name(vv, namespace));
    Ok(named.collect())
}

/// The comment counts only if the VV's own name is the one derived from it: otherwise it is a copied comment.
fn docker_name(vv: &Vv, namespace: &Namespace) -> Option<(VvName, VolumeName)> {
    let comment = Comment::parse(vv.comment.as_deref()?).ok()?;
    let ours = comment.namespace == *namespace && comment.name.vv_name(namespace) == vv.name;
    ours.then(|| (vv.name.clone(), comment.name))
}
