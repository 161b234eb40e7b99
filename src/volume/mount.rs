//! Mounting a volume on this machine.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use tokio::time::Instant;

use crate::{
    host::{self, BlockDevice, Export},
    index::{JournalEntry, MountPlace, OpKind},
    inform::{Vv, VvQuery},
    model::{Comment, LinkStatus, MountId, RequestId, State, SystemId, TargetStatus, VolumeName},
    replication::{self, Pair, Peer},
};

use super::{
    backend::Backend,
    detach,
    error::{Aftermath, Cause, VolumeError},
    exports::{self, Exports},
    format,
    inner::Inner,
    known, lookup, mark,
    steps::{Intent, Steps},
    unheard,
};

/// How long a device may take to appear.
const DEVICE: Duration = Duration::from_secs(60);
/// How long mount(2) may take: it may have to replay a journal.
const MOUNTING: Duration = Duration::from_secs(60);

/// Mounts the volume, or counts one more user of a mount that is there. The kernel's own tables decide which it is.
pub(super) async fn mount(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
    id: &MountId,
) -> Result<PathBuf, VolumeError> {
    let clean = |cause: Cause| VolumeError::clean(name, cause);
    let _lock = inner.locks.lock(name).await;
    inner
        .clean_up_before_mount(request, name)
        .await
        .map_err(clean)?;
    let pending = inner.pending_unmounts(name);
    let taken_over = || -> Result<(), Cause> {
        for unmount in &pending {
            inner.index.finish(&unmount.op)?;
        }
        Ok(())
    };
    let mountpoint = inner.mountpoint(name);
    if inner.mounted(name).is_some() {
        let known = inner.index.get(name).map(|volume| volume.wwn);
        inner.check_device(name, known.as_ref()).map_err(clean)?;
        unheard::confirm(inner, name).await;
        inner.count_mount(name, id).map_err(clean)?;
        taken_over().map_err(clean)?;
        return Ok(mountpoint);
    }
    let backend = lookup::backend_of(inner, request, name)
        .await
        .map_err(clean)?
        .ok_or_else(|| clean(Cause::NoSuchVolume))?;

    let entry = JournalEntry {
        facts: BTreeMap::from([("id".to_owned(), id.to_string())]),
        ..inner.new_entry(request, OpKind::Mount, name, &backend)
    };
    let mut steps = Steps::begin(&inner.index, &inner.points, entry)
        .await
        .map_err(clean)?;
    match bring_here(inner, &backend, &mut steps).await {
        Ok(place) => {
            inner
                .write("mount", |index| index.mounted(name, place))
                .map_err(clean)?;
            inner.count_mount(name, id).map_err(clean)?;
            taken_over().map_err(clean)?;
            steps.finish().map_err(clean)?;
            log::info!(volume = name.as_str(), request = request.as_str(); "mounted");
            Ok(mountpoint)
        }
        Err(cause) => {
            let aftermath = undo(inner, &backend, steps).await;
            Err(VolumeError {
                volume: name.clone(),
                cause,
                aftermath,
            })
        }
    }
}

async fn bring_here(
    inner: &Inner,
    backend: &Backend,
    steps: &mut Steps,
) -> Result<MountPlace, Cause> {
    let array = &backend.array;
    let name = steps.entry().name.clone();
    let vv = name.vv_name(&inner.namespace);
    let identity = backend.identity().await?.clone();
    if let Some(pair) = &backend.pair {
        serving(inner, pair, steps, identity.system.id).await?;
    }
    // The identity is read from the serving array at every mount.
    let (found, comment) = ready(inner, backend, steps).await?;
    if let Some(known) = inner.index.get(&name)
        && known.wwn != found.wwn
    {
        return Err(Cause::OtherIdentity {
            array: array.label().to_owned(),
            vv: vv.clone(),
            is: found.wwn.to_string(),
            was: known.wwn.to_string(),
        });
    }
    steps.record(&[("wwn", found.wwn.as_str())])?;

    let template = match exports::look(steps, backend, &vv).await? {
        Exports::Ours(template) => template,
        Exports::Foreign { to, .. } => {
            return Err(Cause::ExportedElsewhere {
                array: array.label().to_owned(),
                to,
            });
        }
        Exports::None => {
            let host = exports::host(steps, backend).await?;
            exports::export(steps, backend, &vv, &host).await?
        }
    };
    // Somebody may have begun to remove it between the look and the export.
    let (found, mut comment) = match ready(inner, backend, steps).await {
        Ok((again, now)) if again.wwn == found.wwn && now.format == comment.format => (again, now),
        Ok((again, _)) => {
            return Err(Cause::OtherIdentity {
                array: array.label().to_owned(),
                vv: vv.clone(),
                is: again.wwn.to_string(),
                was: found.wwn.to_string(),
            });
        }
        Err(cause) => return Err(cause),
    };
    let export = Export {
        array: identity.system.name.clone(),
        lun: template.lun,
        wwn: found.wwn.clone(),
        size: found.size,
    };
    let device: BlockDevice = steps
        .local(
            Intent::Attach,
            backend.transport.attach(&export, Instant::now() + DEVICE),
        )
        .await?;
    let fs_type = format::filesystem(
        inner,
        backend,
        steps,
        &identity.system,
        &found,
        &mut comment,
        &device,
    )
    .await?;
    if comment.held.as_ref() != Some(&inner.machine) {
        comment.held = Some(inner.machine.clone());
        comment.op = steps.entry().op.clone();
        mark::home(steps, Intent::MarkHolder, array, &vv, &comment).await?;
    }
    let mountpoint = inner.mountpoint(&name);
    steps
        .local(
            Intent::Mount,
            host::mount(&inner.kernel, &device, &mountpoint, fs_type, MOUNTING),
        )
        .await?
        .into_inner();
    Ok(MountPlace {
        wwn: found.wwn,
        device: device.path().to_owned(),
        mountpoint,
    })
}

/// Whether the home array serves the volume. Both sides are asked at every mount.
async fn serving(inner: &Inner, pair: &Pair, steps: &Steps, home: SystemId) -> Result<(), Cause> {
    let vv = steps.entry().vv.clone();
    if pair.wants.peer_persistence {
        return Err(Cause::NotYet(
            "this release does not mount volumes of Peer Persistence backends (`quorum_witness_ip`): it would export them from one array only",
        ));
    }
    let volume = inner.index.get(&steps.entry().name);
    let group = match volume.as_ref().and_then(|volume| volume.group.as_ref()) {
        Some(group) => {
            steps
                .look("group", pair.source.showrcopy_group(group))
                .await?
        }
        None => None,
    };
    let group = match group.filter(|group| group.holds(&vv)) {
        Some(group) => group,
        None => steps
            .look("groups", pair.source.showrcopy_groups())
            .await?
            .into_iter()
            .find(|group| group.holds(&vv))
            .ok_or_else(|| Cause::NotProven {
                intent: Intent::Mount.to_string(),
                found: format!(
                    "`{vv}` is in no remote copy group on array `{}`",
                    pair.source.label()
                ),
            })?,
    };
    let name_there = pair.peer_name(&group.name, home);
    let there = match &name_there {
        Some(name) => {
            steps
                .look("group on the peer", pair.peer.showrcopy_group(name))
                .await
        }
        None => Ok(None),
    };
    let peer = match &there {
        Ok(seen) => Peer::Seen(seen.as_ref()),
        Err(cause) if cause.is_unreachable() => {
            log::warn!(volume = steps.entry().name.as_str(), group = group.name.as_str(), cause:% = cause;
                "the peer cannot be asked whether it serves the volume");
            let last_seen_primary = volume
                .and_then(|volume| volume.status["peer"]["role"].as_str().map(str::to_owned))
                .is_some_and(|role| role.starts_with("Primary"));
            Peer::Unreachable {
                last_seen_primary,
                linked: linked(pair, steps).await?,
            }
        }
        Err(_) => return there.map(|_| ()),
    };
    Ok(replication::serves_at_home(
        &group,
        peer,
        pair.wants.lone_primary,
    )?)
}

/// True if the home array has the peer as ready, over at least one sending link that is Up.
async fn linked(pair: &Pair, steps: &Steps) -> Result<bool, Cause> {
    let targets = steps
        .look("targets", pair.source.showrcopy_targets())
        .await?;
    let links = steps.look("links", pair.source.showrcopy_links()).await?;
    let target = &pair.wants.target;
    let ready = targets
        .iter()
        .any(|t| t.name == *target && t.status == TargetStatus::Ready);
    let up = links
        .iter()
        .any(|l| l.target.as_ref() == Some(target) && l.status == LinkStatus::Up);
    Ok(ready && up)
}

/// The VV and its comment, if it may be mounted.
async fn ready(inner: &Inner, backend: &Backend, steps: &Steps) -> Result<(Vv, Comment), Cause> {
    let vv = &steps.entry().vv;
    let found = steps
        .look("vv", backend.array.showvv(VvQuery::Name(vv)))
        .await?;
    let found = found.into_iter().next().ok_or(Cause::NoSuchVolume)?;
    let comment = known::judge(inner, backend, &found)?;
    match comment.state {
        State::Ready => Ok((found, comment)),
        State::Making | State::Removing => Err(Cause::busy(&inner.machine, &comment)),
    }
}

async fn take_back(inner: &Inner, backend: &Backend, steps: &mut Steps) -> Result<(), Cause> {
    detach::everything(inner, backend, steps, None).await?;
    let name = &steps.entry().name;
    if inner.index.mount(name).is_some() {
        inner.write("no mount", |index| index.unmounted(name))?;
    }
    Ok(())
}

/// Takes back what an unfinished mount did.
pub(super) async fn undo(inner: &Inner, backend: &Backend, mut steps: Steps) -> Aftermath {
    if steps.entry().steps.is_empty() {
        return steps.close(Aftermath::Unchanged);
    }
    match take_back(inner, backend, &mut steps).await {
        Ok(()) => steps.close(Aftermath::Undone(vec![
            "the export and the device".to_owned(),
        ])),
        Err(cause) => {
            log::error!(volume = steps.entry().name.as_str(), cause:% = cause; "could not undo a mount");
            Aftermath::Left {
                what: format!(
                    "the export of `{}` on array `{}` to this host",
                    steps.entry().vv,
                    backend.array.label()
                ),
                why: cause.to_string(),
            }
        }
    }
}
