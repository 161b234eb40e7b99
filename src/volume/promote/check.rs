//! All that can be refused is looked at before anything is changed.

use crate::{
    index::IndexedVolume,
    inform::{Array, RcGroup, VlunQuery, Vv, VvQuery},
    model::{
        Comment, Format, GroupLock, GroupStatus, OperationId, Origin, RequestId, SetName, Side,
        State, VolumeName, VvName,
    },
    volume::{
        backend::Backend, error::Cause, exports, groups, inner::Inner, kill_points::Doing, known,
        serving, snapshots,
    },
};

use super::{GroupCourse, PromoteError, PromotedGroup};

/// What is to be done where.
pub(super) struct Promotable {
    /// The array that has the snapshot, by itself.
    pub backend: Backend,
    /// The same with its pair, if it has one.
    pub whole: Backend,
    /// The snapshot's VV.
    pub snapshot: VvName,
    /// The volume's group.
    pub group: Option<PromotedGroup>,
}

impl Promotable {
    /// The plugin stops the group, and starts it.
    pub fn is_cycle(&self) -> bool {
        let group = self.group.as_ref();
        group.is_some_and(|group| group.course == GroupCourse::Cycled)
    }
}

/// What decides whether the volume's group is stopped.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// Whoever asks lets the plugin stop it.
    pub stop_group: bool,
    /// The promotion that failed, and that is gone on with: it stopped the group.
    pub failed: Option<&'a OperationId>,
}

pub(super) async fn all(
    inner: &Inner,
    request: &RequestId,
    snapshot: &VolumeName,
    of: &VolumeName,
    asked: Asked<'_>,
) -> Result<Promotable, Cause> {
    let known = inner.index.get(snapshot).ok_or(Cause::NoSuchVolume)?;
    let no_volume = || PromoteError::NoVolume { of: of.clone() };
    let volume = inner.index.get(of).ok_or_else(no_volume)?;
    for name in [of, snapshot] {
        if let Some(at) = inner.mounted(name) {
            let (name, at) = (name.clone(), at.display().to_string());
            return Err(PromoteError::Mounted { name, at }.into());
        }
    }
    let whole = inner.backend(&known.backend)?.for_request(request);
    let backend = with_snapshot(inner, request, (&known, &volume), &whole).await?;
    let array = &backend.array;

    let vv = look(inner, array, &volume.vv)
        .await?
        .ok_or_else(no_volume)?;
    let taken = look(inner, array, &known.vv)
        .await?
        .ok_or(Cause::NoSuchVolume)?;
    if taken.copy_of.as_ref() != Some(&vv.name) {
        return Err(no_volume().into());
    }
    let comment = |vv: &Vv| known::judge(inner, array, vv);
    let mut of_volume = comment(&vv)?;
    known::note_filesystem(&volume, backend.side(), &mut of_volume);
    let of_snapshot = comment(&taken)?;
    let formats = [
        must_be_ready(of, &of_volume)?,
        must_be_ready(snapshot, &of_snapshot)?,
    ];
    must_be_of_one_format(of, formats)?;
    must_be_of_one_type(of, [&of_volume, &of_snapshot])?;
    if vv.size != taken.size {
        let (of, volume, snapshot) = (of.clone(), vv.size, taken.size);
        return Err(PromoteError::Sizes {
            of,
            volume,
            snapshot,
        }
        .into());
    }
    let sides: &[Side] = if whole.pair.is_some() {
        &Side::BOTH
    } else {
        &[Side::Source]
    };
    for side in sides {
        let array = whole.on(*side);
        must_not_be_exported(inner, array, of, &volume.vv).await?;
        must_not_be_exported(inner, array, snapshot, &known.vv).await?;
    }
    let group = match whole.pair {
        Some(_) => group(inner, array, of, &volume.vv, asked).await?,
        None => None,
    };
    // A former primary says Primary, too, until its group is recovered. What is to be stopped first is looked at on both arrays then.
    if let Some(group) = &group
        && group.course == GroupCourse::Left
        && serving::find(inner, &whole, of, &volume.vv).await?.side != backend.side()
    {
        return Err(PromoteError::Receives {
            of: of.clone(),
            group: group.group.clone(),
            array: array.label().to_owned(),
        }
        .into());
    }
    Ok(Promotable {
        snapshot: known.vv,
        whole,
        group,
        backend,
    })
}

/// The array that has the snapshot, by itself. One that was taken on both is put back where its volume is served: from there the other array
/// receives it.
async fn with_snapshot(
    inner: &Inner,
    request: &RequestId,
    (known, volume): (&IndexedVolume, &IndexedVolume),
    whole: &Backend,
) -> Result<Backend, Cause> {
    let backend = inner.backend_of(known)?.for_request(request);
    let Some(twin) = snapshots::twin(inner, &known.name, &backend) else {
        return Ok(backend);
    };
    if group_of(inner, &backend.array, &volume.vv).await?.is_none() {
        return Ok(backend);
    }
    let serving = serving::find(inner, whole, &volume.name, &volume.vv).await?;
    Ok(if serving.side == backend.side() {
        backend
    } else {
        twin.for_request(request)
    })
}

async fn look(inner: &Inner, array: &Array, vv: &VvName) -> Result<Option<Vv>, Cause> {
    let look = array.showvv(VvQuery::Name(vv));
    let found = inner.points.around(Doing::Look, "vv", look).await?;
    Ok(found.into_iter().next())
}

/// How far its filesystem is.
fn must_be_ready(name: &VolumeName, comment: &Comment) -> Result<Format, PromoteError> {
    let doing = match (comment.state, comment.format) {
        (State::Ready, Format::Doing) => "its filesystem is being made".to_owned(),
        (State::Ready, format) => return Ok(format),
        (state, _) => format!("it is {state}"),
    };
    let name = name.clone();
    Err(PromoteError::NotReady { name, doing })
}

/// The volume's comment stays as it is, so it has to be true of the snapshot's data, too.
fn must_be_of_one_format(
    of: &VolumeName,
    [volume, snapshot]: [Format; 2],
) -> Result<(), PromoteError> {
    if volume == snapshot {
        return Ok(());
    }
    let of = of.clone();
    Err(PromoteError::Formats {
        of,
        volume,
        snapshot,
    })
}

/// As [`must_be_of_one_format`], for a volume that is mounted with the type only that it was made with.
fn must_be_of_one_type(
    of: &VolumeName,
    [volume, snapshot]: [&Comment; 2],
) -> Result<(), PromoteError> {
    let is_made_here = volume.origin == Origin::Blank && volume.format == Format::Done;
    if is_made_here && volume.fs_type != snapshot.fs_type {
        return Err(PromoteError::FsTypes {
            of: of.clone(),
            volume: volume.fs_type,
            snapshot: snapshot.fs_type,
        });
    }
    Ok(())
}

async fn must_not_be_exported(
    inner: &Inner,
    array: &Array,
    name: &VolumeName,
    vv: &VvName,
) -> Result<(), Cause> {
    let look = array.showvlun_t(VlunQuery::Vv(vv));
    let templates = inner.points.around(Doing::Look, "exports", look).await?;
    if templates.is_empty() {
        return Ok(());
    }
    Err(PromoteError::Exported {
        name: name.clone(),
        array: array.label().to_owned(),
        to: exports::names(&templates),
    }
    .into())
}

/// The group that a volume is in, as one array shows it.
async fn group_of(inner: &Inner, array: &Array, vv: &VvName) -> Result<Option<RcGroup>, Cause> {
    let look = array.showrcopy_groups();
    let groups = inner.points.around(Doing::Look, "groups", look).await?;
    Ok(groups.into_iter().find(|group| group.holds(vv)))
}

/// The volume's group. It has to be stopped: by a person, or by this operation, if whoever asks lets it. Not by another operation, which is
/// about to start it.
async fn group(
    inner: &Inner,
    array: &Array,
    of: &VolumeName,
    vv: &VvName,
    asked: Asked<'_>,
) -> Result<Option<PromotedGroup>, Cause> {
    let Some(found) = group_of(inner, array, vv).await? else {
        return Ok(None);
    };
    let others = others(inner, &found, vv);
    let (of, group, label) = (of.clone(), found.name, array.label().to_owned());
    if !found.role.is_primary() {
        let array = label;
        return Err(PromoteError::Receives { of, group, array }.into());
    }
    let is_stopped = matches!(found.status, GroupStatus::Stopped | GroupStatus::New);
    if !is_stopped && !asked.stop_group {
        return Err(PromoteError::GroupRuns {
            of,
            group,
            array: label,
            others,
        }
        .into());
    }
    let lock = SetName::lock_of(&group);
    let look = array.showvvset(Some(&lock));
    let locks = inner.points.around(Doing::Look, "group lock", look).await?;
    let course = match locks.into_iter().next() {
        None if is_stopped => GroupCourse::Left,
        None => GroupCourse::Cycled,
        Some(set) => {
            let comment = set.comment.unwrap_or_default();
            match GroupLock::parse(&comment) {
                Ok(held) if Some(&held.op) == asked.failed => GroupCourse::Cycled,
                // A cycle of seconds is waited for.
                Ok(held) if held.promotes.is_none() && asked.stop_group => GroupCourse::Cycled,
                Ok(held) => return Err(groups::locked(&group, array, held)),
                Err(_) => {
                    return Err(Cause::ForeignLock {
                        set: lock,
                        array: label,
                        group,
                        comment,
                    });
                }
            }
        }
    };
    Ok(Some(PromotedGroup {
        group,
        array: label,
        others,
        course,
    }))
}

/// The other volumes of a group, as people call them.
fn others(inner: &Inner, group: &RcGroup, vv: &VvName) -> Vec<String> {
    let known = inner.index.list();
    let name = |vv: &VvName| {
        let volume = known.iter().find(|volume| volume.vv == *vv);
        volume.map_or_else(|| vv.to_string(), |volume| volume.name.to_string())
    };
    let members = group.volumes.iter().map(|volume| &volume.local);
    members.filter(|member| *member != vv).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_comment_says_of_the_filesystem_stays_true() {
        let of = VolumeName::new("db1").unwrap();
        for format in [Format::No, Format::Done] {
            assert!(must_be_of_one_format(&of, [format, format]).is_ok());
        }
        for formats in [[Format::Done, Format::No], [Format::No, Format::Done]] {
            let error = must_be_of_one_format(&of, formats).unwrap_err();
            assert!(matches!(error, PromoteError::Formats { .. }), "{error}");
        }
    }

    #[test]
    fn a_volume_that_was_made_here_gets_no_other_type_of_filesystem() {
        let of = VolumeName::new("db1").unwrap();
        let comment = |origin: &str, fs: &str| {
            let text = format!(
                "dk1/ns=/name=db1/home=130512/op=maker.1/state=ready/origin={origin}/fmt=done/fs={fs}"
            );
            Comment::parse(&text).unwrap()
        };
        let snapshot = comment("data", "xfs");
        for (volume, is_well) in [
            (comment("blank", "xfs"), true),
            (comment("blank", "ext4"), false),
            (comment("data", "ext4"), true),
        ] {
            let said = must_be_of_one_type(&of, [&volume, &snapshot]);
            assert_eq!(said.is_ok(), is_well, "{said:?}");
        }
    }
}
