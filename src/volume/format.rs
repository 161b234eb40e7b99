//! The one place where a filesystem is made: once, at the first mount, on a device that is proven empty (decision 9).

use std::time::Duration;

use crate::{
    host::{self, BlockDevice, Found, HostError},
    inform::{Vv, VvQuery},
    model::{Comment, Format, FsType, Origin},
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
        return match found {
            Found::Filesystem { kind, .. } => kind.parse().map_err(|_| {
                Cause::Format(format!(
                    "VV `{}` has a filesystem of type `{kind}`, which this plugin does not mount",
                    vv.name
                ))
            }),
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
    // A copy's comment is written by itself, and may be behind: the filesystem came with the data.
    if comment.home != from.system.id
        && let Found::Filesystem { kind, .. } = &found
        && kind.parse() == Ok(comment.fs_type)
    {
        log::warn!(vv = vv.name.as_str(), array = from.array.label();
            "the comment of this copy does not say that it has a filesystem; it has the one the volume was made with");
        comment.format = Format::Done;
        inner.note_format(&comment.name, Format::Done)?;
        return Ok(comment.fs_type);
    }
    may_be_made(inner, backend, from, steps, vv, comment, &found).await?;
    let resuming = comment.format == Format::Doing;
    if resuming {
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
        // Nothing was ever mounted: `fmt=done` is read back before the first mount. What is there, mkfs left.
        _ if resuming => host::reclaim(kernel, device, comment.fs_type, &vv.wwn).await?,
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
    let name = &comment.name;
    inner.write("formatting", |index| {
        index.set_formatting(name, Some(&vv.wwn))
    })?;
    comment.format = Format::Doing;
    comment.op = steps.entry().op.clone();
    let array = &from.array;
    mark::home(steps, Intent::MarkFormatting, array, &vv.name, comment).await?;
    steps
        .local(Intent::Format, async {
            host::make(kernel, empty, comment.fs_type, MKFS).await?;
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
