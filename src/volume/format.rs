//! The one place where a filesystem is made: once, at the first mount, on a device that is proven empty (decision 9).

use std::time::Duration;

use crate::{
    host::{self, BlockDevice, Found, HostError},
    inform::{Array, Vv, VvQuery},
    model::{Comment, Format, FsType, FsUuid, Origin},
};

use super::{
    backend::Backend,
    error::Cause,
    inner::Inner,
    known, mark,
    serving::Serving,
    steps::{Intent, Steps},
};

/// How long mkfs may take. It does not discard, so the size of the volume hardly matters.
const MKFS: Duration = Duration::from_secs(90);

fn told(found: &Found) -> String {
    match found {
        Found::Empty(_) => "nothing".to_owned(),
        Found::Filesystem { kind, .. } => format!("a filesystem of type `{kind}`"),
        Found::Signature { what } => what.clone(),
    }
}

/// The type of the filesystem on the device; it is made if, and only if, it may be.
pub(super) async fn filesystem(
    inner: &Inner,
    backend: &Backend,
    from: &Serving,
    steps: &mut Steps,
    vv: &Vv,
    comment: &mut Comment,
    device: &BlockDevice,
) -> Result<FsType, Cause> {
    let kernel = &inner.kernel;
    host::end_preparing(kernel, &vv.wwn, &inner.scratch).await?;
    let found = host::probe(kernel, device).await?;
    if comment.format == Format::Done {
        // A kill between that line on the array and the one here: what is begun may be wiped, and this is not.
        let name = &comment.name;
        if inner.index.formatting(name).is_some() {
            inner.write("formatted", |index| index.set_formatting(name, None))?;
        }
        return match found {
            // Of one that was made here, and nowhere else, the type is known.
            Found::Filesystem { kind, .. }
                if comment.origin == Origin::Blank && kind.parse() != Ok(comment.fs_type) =>
            {
                Err(Cause::OtherFilesystem {
                    vv: vv.name.clone(),
                    device: device.path().to_owned(),
                    wwn: vv.wwn.clone(),
                    made: comment.fs_type,
                    found: kind,
                })
            }
            Found::Filesystem { kind, .. } => {
                let is = kind.parse().map_err(|_| {
                    Cause::Format(format!(
                        "VV `{}` has a filesystem of type `{kind}`, which this plugin does not mount",
                        vv.name
                    ))
                })?;
                if comment.origin == Origin::Data && comment.fs_type != is {
                    learn(inner, from, steps, vv, comment, is).await?;
                }
                Ok(is)
            }
            // A superblock that is damaged is not recognised as one.
            Found::Signature { what } => Err(HostError::Unsound {
                device: device.path().to_owned(),
                wwn: device.wwn().clone(),
                kind: comment.fs_type,
                found: format!(
                    "the comment of VV `{}` says that it has been made, but what is there now is {what}",
                    vv.name
                ),
            }
            .into()),
            other => Err(Cause::Format(format!(
                "the comment of VV `{}` says that it has a filesystem, but on this host's device `{}` there is {}",
                vv.name,
                device.path().display(),
                told(&other)
            ))),
        };
    }
    // A comment that was not written, or not in time, on the one array or the other: the filesystem came with the data.
    let beside = beside(inner, backend, from, steps, comment, &found).await?;
    if let Found::Filesystem { kind, .. } = &found
        && kind.parse() == Ok(comment.fs_type)
        && (comment.home != from.system.id || beside == Some(Format::Done))
    {
        expect(inner, from, steps, vv, comment).await?;
        return Ok(comment.fs_type);
    }
    may_be_made(inner, backend, from, steps, vv, comment, &found).await?;
    let resuming = comment.format == Format::Doing;
    let begun = FsUuid::of(&comment.op, &vv.wwn);
    if resuming {
        // The line on the array may be older than a whole life of the volume elsewhere: what says so is the filesystem.
        if let Found::Filesystem { kind, uuid } = &found
            && uuid.as_ref() != Some(&begun.to_string())
        {
            return Err(Cause::Format(format!(
                "making its filesystem was begun by host `{}` (operation `{}`) and not finished, but there is a filesystem of type {kind} that this operation did not make: it may hold data, and nothing is formatted over it; if it was never used, remove the volume and create it again",
                comment.op.machine.name(),
                comment.op
            )));
        }
        // After a failover it may have been mounted from the other array, and what is here have come back from there.
        if backend.pair.is_some() && beside.is_none() && !matches!(found, Found::Empty(_)) {
            return Err(Cause::Format(format!(
                "making its filesystem was begun (operation `{}`) and not finished, and the comment of its other copy, which would tell whether it was mounted from there since, cannot be read; there is {}, and nothing is formatted over it",
                comment.op,
                told(&found)
            )));
        }
        let known = inner.index.formatting(&comment.name);
        // The WWN in the index tells it from a namesake, also where an older comment has the name alone.
        if !comment.op.machine.may_be(&inner.machine) || known.as_ref() != Some(&vv.wwn) {
            return Err(Cause::Format(format!(
                "making its filesystem was begun by host `{}` (operation `{}`) and not finished; only that host may go on, but nothing was ever mounted on it, so it may be removed and created again",
                comment.op.machine.name(),
                comment.op
            )));
        }
    }
    let empty = match found {
        Found::Empty(empty) => empty,
        // Nothing was ever mounted: `fmt=done` is read back before the first mount, from whichever array. What is there, mkfs left.
        _ if resuming => host::reclaim(kernel, device, comment.fs_type, &begun, &vv.wwn).await?,
        other => {
            return Err(Cause::Format(format!(
                "VV `{}` was made empty, but on this host's device `{}` there is {}; nothing is formatted over it",
                vv.name,
                device.path().display(),
                told(&other)
            )));
        }
    };

    host::can_make(comment.fs_type)?;
    let array = &from.array;
    must_be_as_read(inner, steps, array, vv, comment).await?;
    let name = &comment.name;
    inner.write("formatting", |index| {
        index.set_formatting(name, Some(&vv.wwn))
    })?;
    comment.format = Format::Doing;
    comment.op = steps.entry().op.clone();
    let uuid = FsUuid::of(&comment.op, &vv.wwn);
    mark::home(steps, Intent::MarkFormatting, array, &vv.name, comment).await?;
    steps
        .local(Intent::Format, async {
            host::make(kernel, empty, comment.fs_type, &uuid, MKFS).await?;
            host::prepare_root(
                kernel,
                device,
                comment.fs_type,
                comment.fs_owner,
                comment.fs_mode,
                &inner.scratch,
            )
            .await
        })
        .await?;
    comment.format = Format::Done;
    mark::home(steps, Intent::MarkFormatted, array, &vv.name, comment).await?;
    let name = &comment.name;
    inner.write("formatted", |index| index.set_formatting(name, None))?;
    inner.note_format(&comment.name, Format::Done)?;
    if let Some(pair) = backend.pair.as_ref() {
        // The copy's comment is a convenience of the other site; the filesystem itself is replicated.
        let other = pair.on(from.side.other());
        if let Err(cause) = mark::copy(steps, Intent::MarkFormatted, other, &vv.name, comment).await
        {
            log::warn!(vv = vv.name.as_str(), cause:% = cause; "the copy's comment does not say that there is a filesystem");
        }
    }
    Ok(comment.fs_type)
}

/// Since the comment was read somebody may have taken the volume over, and made its filesystem: that line is not written over.
async fn must_be_as_read(
    inner: &Inner,
    steps: &Steps,
    array: &Array,
    vv: &Vv,
    comment: &Comment,
) -> Result<(), Cause> {
    let look = array.showvv(VvQuery::Name(&vv.name));
    let found = steps.look("vv", look).await?;
    let now = found.into_iter().next().ok_or(Cause::NoSuchVolume)?;
    let now = known::judge(inner, array, &now)?;
    let says = |comment: &Comment| (comment.format, comment.op.clone(), comment.held.clone());
    if says(&now) == says(comment) {
        return Ok(());
    }
    Err(Cause::Format(format!(
        "what the comment of VV `{}` says was changed by operation `{}` before its filesystem was made",
        vv.name, now.op
    )))
}

/// What the other copy's comment says of the filesystem, where this array's says that there is none yet and there is something; none if that
/// cannot be read. The two are written one after the other, and in Active/Passive by whichever array serves.
async fn beside(
    inner: &Inner,
    backend: &Backend,
    from: &Serving,
    steps: &Steps,
    comment: &Comment,
    found: &Found,
) -> Result<Option<Format>, Cause> {
    let Some(pair) = &backend.pair else {
        return Ok(None);
    };
    if comment.home != from.system.id || matches!(found, Found::Empty(_)) {
        return Ok(None);
    }
    let other = pair.on(from.side.other());
    let vv = &steps.entry().vv;
    let copy = steps.look("copy", other.showvv(VvQuery::Name(vv))).await;
    let copy = match copy {
        Ok(copy) => copy.into_iter().next(),
        Err(cause) if cause.is_unreachable() => None,
        Err(cause) => return Err(cause),
    };
    let known = copy.and_then(|copy| known::judge(inner, other, &copy).ok());
    Ok(known.map(|known| known.format))
}

/// There is the volume's filesystem, and a comment that does not say so. It does before anything is mounted: the other array's may say for
/// ever that making it was begun.
async fn expect(
    inner: &Inner,
    from: &Serving,
    steps: &mut Steps,
    vv: &Vv,
    comment: &mut Comment,
) -> Result<(), Cause> {
    log::warn!(vv = vv.name.as_str(), array = from.array.label(), said:% = comment.format;
        "the comment does not say that there is a filesystem; there is the one the volume was made with");
    comment.format = Format::Done;
    // Who knows a copy without a comment knows it by its WWN, and leaves it so.
    if vv.comment.is_some() {
        let array = &from.array;
        mark::home(steps, Intent::MarkHolder, array, &vv.name, comment).await?;
    }
    let name = &comment.name;
    inner.write("formatted", |index| index.set_formatting(name, None))?;
    inner.note_format(&comment.name, Format::Done)
}

/// What is on a volume that was not made here shows at its first mount. From then on it is expected there.
async fn learn(
    inner: &Inner,
    from: &Serving,
    steps: &mut Steps,
    vv: &Vv,
    comment: &mut Comment,
    is: FsType,
) -> Result<(), Cause> {
    let learned = Comment {
        fs_type: is,
        ..comment.clone()
    };
    mark::home(steps, Intent::MarkHolder, &from.array, &vv.name, &learned).await?;
    *comment = learned;
    inner
        .index
        .change(&comment.name, |volume| volume.options.fs_type = is)?;
    Ok(())
}

/// A filesystem is made where the volume was made empty, while that array serves in the natural direction (decision 9). On the other
/// array, or against the natural direction, only when that is as certain: both arrays replicate, the volume is equal on both, and neither
/// copy was ever formatted.
async fn may_be_made(
    inner: &Inner,
    backend: &Backend,
    from: &Serving,
    steps: &Steps,
    vv: &Vv,
    comment: &Comment,
    found: &Found,
) -> Result<(), Cause> {
    let refused = |why: &str| {
        Err(Cause::Format(format!(
            "VV `{}` on array `{}` has no filesystem that its comment knows of, and {why}, so none is made on it: there is {}",
            vv.name,
            from.array.label(),
            told(found)
        )))
    };
    if let (Origin::Data, Some(of)) = (comment.origin, &comment.of) {
        return Err(Cause::NeverFormatted { of: of.clone() });
    }
    if comment.origin != Origin::Blank {
        return refused("it was not made empty here");
    }
    if comment.home == from.system.id && from.natural {
        return Ok(());
    }
    let Some(pair) = backend.pair.as_ref().filter(|_| from.in_step) else {
        return refused("it was made on another array, with which it is not in step now");
    };
    let other = pair.on(from.side.other());
    let copy = steps
        .look("copy", other.showvv(VvQuery::Name(&vv.name)))
        .await?;
    let Some(copy) = copy.first() else {
        return refused("its other copy is gone");
    };
    let copy = known::judge(inner, other, copy)?;
    if copy.format != Format::No || copy.origin != Origin::Blank {
        return refused("its other copy is not called empty");
    }
    Ok(())
}
