//! The one place where a filesystem is made: once, at the first mount, on a device that is proven empty (decision 9).

use crate::{
    host::{self, BlockDevice, Found},
    inform::{System, Vv},
    model::{Comment, Format, FsType, Origin},
};

use super::{
    backend::Backend,
    error::Cause,
    mark,
    service::Inner,
    steps::{Intent, Steps},
};

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
    let found = host::probe(device).await?;
    if comment.format == Format::Done {
        return match found {
            Found::Filesystem { kind: Some(kind), .. } => Ok(kind),
            other => Err(Cause::Format(format!(
                "array and comment say that VV `{}` has a filesystem, but on this host's device `{}` there is {other}",
                vv.name,
                device.path.display()
            ))),
        };
    }
    if comment.origin != Origin::Blank || comment.home != system.id {
        return Err(Cause::Format(format!(
            "VV `{}` has no filesystem that its comment knows of, and it was not made empty here, so none is made on it: there is {found}",
            vv.name
        )));
    }
    let resuming = comment.format == Format::Doing;
    if resuming {
        let known = inner.index.formatting(&comment.name);
        if comment.op.machine != inner.machine || known.as_ref() != Some(&vv.wwn) {
            return Err(Cause::Format(format!(
                "making its filesystem was begun by host `{}` (operation `{}`) and not finished; only that host may go on",
                comment.op.machine, comment.op
            )));
        }
    }
    let empty = host::prove_empty(device, &vv.wwn, comment.fs_type, resuming).await?;

    inner.index.set_formatting(&comment.name, Some(&vv.wwn))?;
    comment.format = Format::Doing;
    comment.op = steps.entry().op.clone();
    mark::home(steps, Intent::MarkFormatting, &backend.array, &vv.name, comment).await?;
    steps
        .local(Intent::Format, async {
            host::make_filesystem(empty, comment.fs_type).await?;
            host::prepare_root(device, comment.fs_type, comment.fs_owner, comment.fs_mode).await
        })
        .await?;
    comment.format = Format::Done;
    mark::home(steps, Intent::MarkFormatted, &backend.array, &vv.name, comment).await?;
    inner.index.set_formatting(&comment.name, None)?;
    inner.note_format(&comment.name, Format::Done)?;
    if let Some(pair) = backend.pair.as_ref() {
        // The copy's comment is a convenience of the other site; the filesystem itself is replicated.
        if let Err(cause) = mark::copy(steps, &pair.peer, &vv.name, comment).await {
            log::warn!(vv = vv.name.as_str(), cause:% = cause; "the copy's comment does not say that there is a filesystem");
        }
    }
    Ok(comment.fs_type)
}
