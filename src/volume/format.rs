//! The one place where a filesystem is made: once, at the first mount, on a device that is proven empty (decision 9).

use std::time::Duration;

use crate::{
    host::{self, BlockDevice, Found},
    inform::{System, Vv},
    model::{Comment, Format, FsType, Origin},
};

use super::{
    backend::Backend,
    error::Cause,
    inner::Inner,
    mark,
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
    steps: &mut Steps,
    system: &System,
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
            other => Err(Cause::Format(format!(
                "the comment of VV `{}` says that it has a filesystem, but on this host's device `{}` there is {}",
                vv.name,
                device.path().display(),
                told(&other)
            ))),
        };
    }
    if comment.origin != Origin::Blank || comment.home != system.id {
        return Err(Cause::Format(format!(
            "VV `{}` has no filesystem that its comment knows of, and it was not made empty here, so none is made on it: there is {}",
            vv.name,
            told(&found)
        )));
    }
    let resuming = comment.format == Format::Doing;
    if resuming {
        let known = inner.index.formatting(&comment.name);
        // The WWN in the index tells it from a namesake, also where an older comment has the name alone.
        if !comment.op.machine.may_be(&inner.machine) || known.as_ref() != Some(&vv.wwn) {
            return Err(Cause::Format(format!(
                "making its filesystem was begun by host `{}` (operation `{}`) and not finished; only that host may go on",
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
    mark::home(
        steps,
        Intent::MarkFormatting,
        &backend.array,
        &vv.name,
        comment,
    )
    .await?;
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
    mark::home(
        steps,
        Intent::MarkFormatted,
        &backend.array,
        &vv.name,
        comment,
    )
    .await?;
    let name = &comment.name;
    inner.write("formatted", |index| index.set_formatting(name, None))?;
    inner.note_format(&comment.name, Format::Done)?;
    if let Some(pair) = backend.pair.as_ref() {
        // The copy's comment is a convenience of the other site; the filesystem itself is replicated.
        if let Err(cause) =
            mark::copy(steps, Intent::MarkFormatted, &pair.peer, &vv.name, comment).await
        {
            log::warn!(vv = vv.name.as_str(), cause:% = cause; "the copy's comment does not say that there is a filesystem");
        }
    }
    Ok(comment.fs_type)
}
