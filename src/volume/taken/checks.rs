//! What can stand in the way of taking a VV: all of it is looked at before anything is changed.

use crate::{
    inform::{Array, ArrayError, Vv, VvKind, VvQuery, can_be_quoted},
    model::{
        Comment, CreateVolume, Format, GroupName, OperationId, Origin, PythonName, Source, State,
        SystemId, VolumeName, VvName,
    },
    volume::{
        backend::Backend, error::Cause, inner::Inner, kill_points::Doing, known, steps::Steps,
    },
};

use super::{Around, NotTaken, Was, leaves, not_taken, op_of, scheduled, schedules};

/// Who wants a VV taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::volume) enum Asked {
    /// `docker volume create -o importVol=`.
    Import,
    /// `hpe3par-docker volume adopt`.
    Adoption,
}

/// A VV that can be taken.
#[derive(Debug)]
pub(in crate::volume) struct Fit {
    pub vv: Vv,
    /// The comment it gets, `making`.
    pub comment: Comment,
}

/// What the name alone says. Nothing has to be asked for that. A volume of the python plugin is adopted; only an import can take it into
/// a remote copy group.
pub(in crate::volume) fn name(
    vv: &VvName,
    asked: Asked,
    group: Option<&GroupName>,
) -> Result<(), NotTaken> {
    let text = vv.as_str();
    let of_the_array = text.starts_with('.')
        || text == "admin"
        || ["rcpy.", "sv.rcpy."]
            .iter()
            .any(|prefix| text.starts_with(prefix));
    if of_the_array {
        return Err(NotTaken::System);
    }
    if asked == Asked::Import && is_adopted(vv, group) {
        return Err(NotTaken::Python);
    }
    Ok(())
}

/// True for what comes by an adoption only.
fn is_adopted(vv: &VvName, group: Option<&GroupName>) -> bool {
    group.is_none() && PythonName::of(vv).is_some()
}

/// Whose it is, by its comment.
pub(in crate::volume) fn owner(inner: &Inner, vv: &Vv) -> Result<(), NotTaken> {
    let comment = vv.comment.as_deref().map(Comment::parse);
    match comment {
        Some(Ok(comment)) if comment.name.vv_name(&comment.namespace) == vv.name => {
            if comment.namespace == inner.namespace {
                return Err(NotTaken::IsVolume(comment.name));
            }
            return Err(NotTaken::OtherNamespace {
                name: comment.name,
                namespace: comment.namespace,
            });
        }
        // Between its old name and its new one.
        Some(Ok(comment)) if comment.was.as_ref() == Some(&vv.name) => {
            return Err(NotTaken::Busy { op: comment.op });
        }
        _ => {}
    }
    let reserved = ["dkv-", "dkn-"];
    if reserved.iter().any(|p| vv.name.as_str().starts_with(p)) {
        return Err(NotTaken::Reserved);
    }
    Ok(())
}

/// The comment that it gets, if that has room for what it says now.
pub(in crate::volume) fn comment(
    inner: &Inner,
    op: OperationId,
    home: SystemId,
    asked: &CreateVolume,
    vv: &Vv,
    of: Option<VolumeName>,
) -> Result<Comment, NotTaken> {
    let import = match &asked.source {
        Source::Import { policy, .. } => Some(*policy),
        _ => None,
    };
    let comment = Comment {
        // It is never formatted; what is on it shows at the first mount.
        origin: Origin::Data,
        format: Format::Done,
        fs_owner: None,
        fs_mode: None,
        of,
        was: Some(vv.name.clone()),
        import,
        old: vv.comment.clone(),
        ..Comment::asked(inner.namespace.clone(), home, op, asked)
    };
    if let Some(old) = &comment.old {
        if !can_be_quoted(old) {
            return Err(NotTaken::CommentSigns);
        }
        comment.has_room().map_err(NotTaken::CommentLength)?;
    }
    Ok(comment)
}

/// The comment of the volume of this plugin that a snapshot is of, and its VV. None for what is no snapshot.
pub(in crate::volume) async fn parent(
    inner: &Inner,
    array: &Array,
    vv: &Vv,
) -> Result<Option<(Comment, Vv)>, Cause> {
    if vv.kind != VvKind::VirtualCopy {
        return Ok(None);
    }
    let foreign = |parent: String| {
        Err(not_taken(
            array,
            &vv.name,
            NotTaken::ForeignParent { parent },
        ))
    };
    let Some(parent) = &vv.copy_of else {
        return foreign("-".to_owned());
    };
    let look = array.showvv(VvQuery::Name(parent));
    let found: Vec<Vv> = inner
        .points
        .around(Doing::Look, "parent", look)
        .await
        .map_err(|error: ArrayError| Cause::from(error))?;
    let Some(parent_vv) = found.into_iter().next() else {
        return foreign(parent.to_string());
    };
    match known::judge(inner, array, &parent_vv) {
        Ok(comment) if comment.state == State::Ready => Ok(Some((comment, parent_vv))),
        _ => foreign(parent.to_string()),
    }
}

/// Looks at all of it.
pub(in crate::volume) async fn check(
    inner: &Inner,
    backend: &Backend,
    steps: &Steps,
    asked: &CreateVolume,
    old: &VvName,
) -> Result<Fit, Cause> {
    let array = &backend.array;
    let refused = |why| not_taken(array, old, why);
    let home = backend.identity().await?.system.id;
    let found = steps
        .look("vv by its old name", array.showvv(VvQuery::Name(old)))
        .await?;
    let vv = found.into_iter().next();
    let vv = vv.ok_or_else(|| refused(NotTaken::Absent))?;
    owner(inner, &vv).map_err(refused)?;
    if vv.kind == VvKind::VirtualCopy && asked.replication_group.is_some() {
        return Err(refused(NotTaken::SnapshotInGroup));
    }
    let around = Around::look(inner, array, Some(old)).await?;
    let leaves = leaves(steps.entry());
    let (of, parent) = parent(inner, array, &vv).await?.unzip();
    around
        .judge(backend.cpgs.first(), &vv, parent.as_ref(), leaves.as_ref())
        .map_err(refused)?;
    if let (Some(of), Some(parent)) = (&of, parent)
        && of.home != home
    {
        // It is in no group any more.
        return Err(refused(NotTaken::CopyParent {
            parent: parent.name,
        }));
    }
    // Who adopts a VV wants all of it moved, and is told of them with the answer.
    if leaves.is_none()
        && !is_adopted(old, asked.replication_group.as_ref())
        && let Some(all) = schedules(inner, array).await
    {
        let found = scheduled(&all, old);
        if !found.is_empty() {
            return Err(refused(NotTaken::Scheduled(found)));
        }
    }
    let of = of.map(|of| of.name);
    let comment =
        comment(inner, steps.entry().op.clone(), home, asked, &vv, of).map_err(refused)?;
    Ok(Fit { vv, comment })
}

/// An import that this machine began and of which its journal knows nothing any more: what is on the array says all that is needed to
/// take it back.
pub(in crate::volume) fn left_here(inner: &Inner, vv: &Vv) -> Option<(Comment, Was)> {
    let comment = Comment::parse(vv.comment.as_deref()?).ok()?;
    let was = Was::told(vv, &comment)?;
    let open = inner.index.open_entries();
    let is_left = was.name == vv.name
        && comment.namespace == inner.namespace
        && comment.op.machine == inner.machine
        && !open
            .iter()
            .any(|entry| Some(&entry.op) == op_of(vv).as_ref());
    is_left.then_some((comment, was))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arrays_own_and_the_python_plugins_are_told_by_name() {
        let named = |text: &str, asked| name(&VvName::new(text).unwrap(), asked, None);
        for own in [
            "admin",
            ".srdata",
            ".shared.tpvv_0",
            "rcpy.7.x",
            "sv.rcpy.7.x",
        ] {
            for asked in [Asked::Import, Asked::Adoption] {
                assert_eq!(named(own, asked), Err(NotTaken::System), "{own}");
            }
        }
        let python = "dcs-L4I73ONuTci9Fd4ceij-MQ";
        assert_eq!(named(python, Asked::Import), Err(NotTaken::Python));
        assert_eq!(named(python, Asked::Adoption), Ok(()));
        let group = GroupName::for_create("prod").unwrap();
        let python = VvName::new(python).unwrap();
        assert_eq!(name(&python, Asked::Import, Some(&group)), Ok(()));
        assert_eq!(named("dcv-orders", Asked::Import), Ok(()));
    }
}
