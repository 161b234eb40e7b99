//! What an array's VV means to this plugin.

use crate::{
    index::{IndexedVolume, LastRoles},
    inform::{Array, Vv, VvProvisioning, VvQuery},
    model::{Comment, CreateVolume, GroupName, OperationId, Origin, Provisioning, Side, VvName},
};

use super::{backend::Backend, error::Cause, inner::Inner};

/// What is under a VV's name.
#[derive(Debug)]
pub(super) enum Known {
    /// Nothing: the array said so.
    Absent,
    /// A volume of this plugin, in this namespace, at home on this array.
    Ours(Box<Vv>, Box<Comment>),
}

/// Asks the array.
///
/// # Errors
/// [`Cause::ForeignVv`] if the VV is not what its name says, [`Cause::Copy`] if it is the copy of a volume that is at home on
/// another array, [`Cause::Array`] if nothing is known.
pub(super) async fn look(inner: &Inner, backend: &Backend, vv: &VvName) -> Result<Known, Cause> {
    let found = backend.array.showvv(VvQuery::Name(vv)).await?;
    let Some(vv) = found.into_iter().next() else {
        return Ok(Known::Absent);
    };
    let comment = judge(inner, &backend.array, &vv)?;
    if !is_at_home(inner, backend, &vv, &comment).await? {
        return Err(Cause::Copy {
            array: backend.array.label().to_owned(),
            vv: vv.name,
            home: comment.home,
        });
    }
    Ok(Known::Ours(Box::new(vv), Box::new(comment)))
}

/// True for a volume of a backend of this array. One that was made while its group was Primary on the peer names that as its home;
/// that the group is this array's its name tells, for the other array's have the id added (array fact 3).
async fn is_at_home(
    inner: &Inner,
    backend: &Backend,
    vv: &Vv,
    comment: &Comment,
) -> Result<bool, Cause> {
    if comment.home == backend.identity().await?.system.id {
        return Ok(true);
    }
    for (backend, pair) in inner.pairs_of(backend) {
        if backend.peer_id(pair).await? == Some(comment.home) {
            let groups = pair.source.showrcopy_groups().await?;
            return Ok(groups
                .iter()
                .any(|group| group.holds(&vv.name) && !group.name.is_of_another_array()));
        }
    }
    Ok(false)
}

/// The comment counts only if the VV's own name is the one derived from it: otherwise it is a copied comment.
pub(super) fn judge(inner: &Inner, array: &Array, vv: &Vv) -> Result<Comment, Cause> {
    let foreign = |why: String| Cause::ForeignVv {
        array: array.label().to_owned(),
        vv: vv.name.clone(),
        why,
    };
    let text = vv
        .comment
        .as_deref()
        .ok_or_else(|| foreign("it has no comment".to_owned()))?;
    let comment = Comment::parse(text).map_err(|e| foreign(e.to_string()))?;
    if comment.namespace != inner.namespace {
        return Err(foreign(format!(
            "it is of namespace `{}`",
            comment.namespace.as_str()
        )));
    }
    if comment.name.vv_name(&inner.namespace) != vv.name {
        return Err(foreign(format!(
            "its comment belongs to volume `{}`",
            comment.name
        )));
    }
    Ok(comment)
}

/// A copy that never got its comment, because its array takes none on a secondary (array fact 17): if this machine knows the WWN it was
/// made with, it stands for its volume. `Data`: nothing is ever formatted on the word of the index.
pub(super) fn copy_without_comment(
    inner: &Inner,
    side: Side,
    vv: &Vv,
    op: &OperationId,
) -> Option<Comment> {
    let volumes = inner.index.list();
    let volume = volumes.into_iter().find(|volume| volume.vv == vv.name)?;
    let is_it =
        side == Side::Peer && vv.comment.is_none() && volume.copy_wwn.as_ref() == Some(&vv.wwn);
    is_it.then_some(Comment {
        namespace: inner.namespace.clone(),
        name: volume.name,
        home: volume.home,
        op: op.clone(),
        state: volume.state,
        origin: Origin::Data,
        format: volume.format,
        group_is_ours: false,
        fs_type: volume.options.fs_type,
        fs_owner: volume.options.fs_owner,
        fs_mode: volume.options.fs_mode,
        delay: None,
        held: None,
        further: Vec::new(),
    })
}

/// The index entry for a VV on one of a backend's arrays and its comment. The group is what `showrcopy` said, never the comment, by its
/// name on the backend's own array. When it was made is for the caller to say, if it knows: the array's own clock is of no known zone.
pub(super) fn volume(
    inner: &Inner,
    backend: &Backend,
    side: Side,
    vv: &Vv,
    comment: &Comment,
    group: Option<GroupName>,
) -> IndexedVolume {
    let (cpg, snap_cpg) = match (side, &backend.pair) {
        (Side::Peer, Some(pair)) => (
            vv.user_cpg
                .as_ref()
                .and_then(|cpg| pair.wants.source_cpg(cpg)),
            None,
        ),
        _ => (vv.user_cpg.clone(), vv.snap_cpg.clone()),
    };
    let options = CreateVolume {
        name: comment.name.clone(),
        backend: backend.name.clone(),
        size: vv.size,
        provisioning: provisioning(vv),
        cpg,
        snap_cpg,
        mount_conflict_delay: comment
            .delay
            .unwrap_or(CreateVolume::DEFAULT_MOUNT_CONFLICT_DELAY),
        fs_owner: comment.fs_owner,
        fs_mode: comment.fs_mode,
        fs_type: comment.fs_type,
        replication_group: group.clone(),
    };
    let on = |wanted: Side| (side == wanted).then(|| vv.wwn.clone());
    IndexedVolume {
        name: comment.name.clone(),
        backend: backend.name.clone(),
        vv: vv.name.clone(),
        wwn: on(Side::Source),
        copy_wwn: on(Side::Peer),
        last_roles: LastRoles::default(),
        vv_id: vv.id,
        options,
        created: None,
        format: comment.format,
        state: comment.state,
        group,
        home: comment.home,
        status: serde_json::Value::Null,
        seen: inner.now(),
        missed: 0,
        copy_missed: 0,
    }
}

fn provisioning(vv: &Vv) -> Provisioning {
    match vv.prov {
        VvProvisioning::Full | VvProvisioning::FullCpg => Provisioning::Full,
        VvProvisioning::Dedup => Provisioning::Dedup,
        _ => Provisioning::Thin,
    }
}
