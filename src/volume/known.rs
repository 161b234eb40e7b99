//! What an array's VV means to this plugin.

use crate::{
    index::{IndexedVolume, LastRoles},
    inform::{Array, Vv, VvProvisioning, VvQuery},
    model::{Comment, CreateVolume, GroupName, OperationId, Origin, Provisioning, Side, VvName},
};

use super::{
    backend::Backend,
    error::Cause,
    inner::Inner,
    whose::{View, Whose},
};

/// What is under a VV's name.
#[derive(Debug)]
pub(super) enum Known {
    /// Nothing: the array said so.
    Absent,
    /// A volume of this plugin, in this namespace, of a backend whose own array this is.
    Ours(Box<Vv>, Box<Comment>),
}

/// As [`Known`], where copies count too.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// Nothing: the array said so.
    Absent,
    /// A VV of this plugin, in this namespace.
    Here(Box<Vv>, Box<Comment>, Whose<'a>),
}

/// Asks a backend's own array.
///
/// # Errors
/// [`Cause::ForeignVv`] if the VV is not what its name says, [`Cause::Copy`] if it is the copy of a volume that is at home on
/// another array, [`Cause::NotKnown`] if that cannot be told, [`Cause::Array`] if nothing is known.
pub(super) async fn look(inner: &Inner, backend: &Backend, vv: &VvName) -> Result<Known, Cause> {
    let login = inner.login(&backend.array);
    let login = login.ok_or_else(|| Cause::NoSuchBackend(backend.name.clone()))?;
    // It is tied to a request.
    let view = View::by(inner, &login, (backend.clone(), Side::Source));
    match find(inner, &view, vv).await? {
        Found::Absent => Ok(Known::Absent),
        Found::Here(vv, comment, Whose::Own) => Ok(Known::Ours(vv, comment)),
        Found::Here(vv, comment, Whose::CopyOf(..) | Whose::Foreign) => {
            Err(is_copy(&view, &vv, &comment))
        }
    }
}

/// The VV is no volume here, but the copy of one.
pub(super) fn is_copy(view: &View<'_>, vv: &Vv, comment: &Comment) -> Cause {
    Cause::Copy {
        array: view.array().label().to_owned(),
        vv: vv.name.clone(),
        home: comment.home,
    }
}

/// It is somebody else's to know, with the same hpe.conf.
pub(super) fn other_login(vv: &Vv) -> Cause {
    Cause::NotKnown(format!(
        "`{}` belongs to a backend with another login",
        vv.name
    ))
}

/// Asks an array what it has under a name, and whose that is.
///
/// # Errors
/// As [`look`], but for copies.
pub(super) async fn find<'a>(
    inner: &Inner,
    view: &View<'a>,
    vv: &VvName,
) -> Result<Found<'a>, Cause> {
    let found = view.array().showvv(VvQuery::Name(vv)).await?;
    let Some(vv) = found.into_iter().next() else {
        return Ok(Found::Absent);
    };
    let comment = judge(inner, view.array(), &vv)?;
    let known = inner.index.get(&comment.name);
    let whose = view.whose(&vv, &comment, known.as_ref()).await?;
    Ok(Found::Here(Box::new(vv), Box::new(comment), whose))
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
        since: None,
        via: None,
        pending: None,
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
