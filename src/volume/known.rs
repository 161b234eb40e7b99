//! What an array's VV means to this plugin.

use crate::{
    index::{IndexedVolume, LastRoles},
    inform::{Array, LocalTime, Vv, VvKind, VvProvisioning, VvQuery},
    model::{
        Comment, CreateVolume, Format, GroupName, Hours, OperationId, Origin, Provisioning, Side,
        SnapshotOf, Source, VolumeName, VvName,
    },
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
        // The snapshot of a copy is a volume where it is, and so is a clone that was begun while the peer served.
        Found::Here(vv, comment, Whose::CopyOf(of, _))
            if of.name == backend.name
                && (vv.kind == VvKind::VirtualCopy || comment.becomes.is_some()) =>
        {
            Ok(Known::Ours(vv, comment))
        }
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
        view.may_have_lost(vv).await?;
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
        state: volume.state,
        origin: Origin::Data,
        format: volume.format,
        delay: None,
        qos: None,
        flash_cache: None,
        ..Comment::asked(
            inner.namespace.clone(),
            volume.home,
            op.clone(),
            &volume.options,
        )
    })
}

/// What is made of a volume has the filesystem that the volume has. A copy's comment is written by itself and may be behind: a filesystem that
/// was seen is there, whatever it says. Nothing is ever formatted because of that: what is made of a volume has data.
pub(super) fn note_filesystem(volume: &IndexedVolume, side: Side, comment: &mut Comment) {
    if side == Side::Peer && volume.format == Format::Done {
        comment.format = Format::Done;
    }
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
    let group = group.filter(|_| vv.kind != VvKind::VirtualCopy);
    let (cpg, snap_cpg) = match (side, &backend.pair) {
        (Side::Peer, Some(pair)) => (
            vv.user_cpg
                .as_ref()
                .and_then(|cpg| pair.wants.source_cpg(cpg)),
            None,
        ),
        _ => (vv.user_cpg.clone(), vv.snap_cpg.clone()),
    };
    let becomes = comment.becomes.as_ref();
    let options = CreateVolume {
        // What a clone is to be is what was asked for.
        size: becomes.map_or(vv.size, |becomes| becomes.size),
        provisioning: provisioning(vv),
        cpg,
        snap_cpg,
        mount_conflict_delay: comment
            .delay
            .unwrap_or(CreateVolume::DEFAULT_MOUNT_CONFLICT_DELAY),
        fs_owner: comment.fs_owner,
        fs_mode: comment.fs_mode,
        fs_type: comment.fs_type,
        replication_group: group
            .clone()
            .or_else(|| becomes.and_then(|becomes| becomes.group_at_home(side))),
        flash_cache: comment.flash_cache,
        qos: comment.rule_of().cloned(),
        source: source(inner, vv, comment),
        ..CreateVolume::new(comment.name.clone(), backend.name.clone())
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

/// What it was made from. Of a snapshot the array tells that it is one; what its volume is called, the index, or its comment.
fn source(inner: &Inner, vv: &Vv, comment: &Comment) -> Source {
    if let (Some(was), Some(policy)) = (&comment.was, comment.import) {
        return Source::Import {
            vv: was.clone(),
            policy,
        };
    }
    if vv.kind == VvKind::VirtualCopy {
        return Source::Snapshot(Box::new(SnapshotOf {
            of: parent(inner, vv, comment),
            expiration: hours_until(vv, vv.expires.as_ref()),
            retention: hours_until(vv, vv.retained_until.as_ref()),
            both: comment.both,
            schedule: comment.schedule.clone(),
            scheduled: None,
        }));
    }
    match &comment.of {
        Some(of) => Source::Clone { of: of.clone() },
        None => Source::Blank,
    }
}

/// For how many hours after it was taken; whole ones were asked for.
fn hours_until(vv: &Vv, end: Option<&LocalTime>) -> Option<Hours> {
    let taken: LocalTime = vv.created.parse().ok()?;
    let minutes = end?.local.duration_since(taken.local).as_mins();
    Hours::new(u32::try_from((minutes + 30) / 60).ok()?).ok()
}

fn parent(inner: &Inner, vv: &Vv, comment: &Comment) -> VolumeName {
    let parent = vv.copy_of.as_ref();
    let known = parent.and_then(|parent| {
        let mut volumes = inner.index.list().into_iter();
        volumes.find(|volume| volume.vv == *parent)
    });
    let by_comment = || comment.of.clone();
    let by_vv = || VolumeName::new(parent?.as_str()).ok();
    known
        .map(|volume| volume.name)
        .or_else(by_comment)
        .or_else(by_vv)
        .unwrap_or_else(|| comment.name.clone())
}

fn provisioning(vv: &Vv) -> Provisioning {
    match vv.prov {
        VvProvisioning::Full | VvProvisioning::FullCpg => Provisioning::Full,
        VvProvisioning::Dedup => Provisioning::Dedup,
        _ => Provisioning::Thin,
    }
}
