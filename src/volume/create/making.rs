//! The steps of making a volume.

use crate::{
    index::{IndexedVolume, JournalEntry},
    inform::{CreateVv, Vv, VvQuery},
    model::{Comment, CpgName, CreateVolume, Side, Source, State, SystemId},
    volume::{
        backend::{Backend, Identity},
        error::Cause,
        inner::Inner,
        known, mark,
        queue::Coming,
        service_levels::{self, ServiceLevel},
        steps::{Intent, Seen, Steps},
    },
};

use super::{
    admission::{Admission, Admitted},
    clone, import,
};

/// Makes the VV, admits it to its group, and marks it ready. Gives what the index is to know of it.
pub(super) async fn make(
    inner: &Inner,
    backend: &Backend,
    identity: &Identity,
    coming: &mut Coming,
    steps: &mut Steps,
    asked: &CreateVolume,
) -> Result<IndexedVolume, Cause> {
    match &asked.source {
        Source::Clone { of } => {
            return clone::make(inner, backend, identity, steps, asked, of).await;
        }
        Source::Import { vv, .. } => {
            return import::import(inner, backend, identity, coming, steps, asked, vv).await;
        }
        // A snapshot is taken elsewhere.
        Source::Blank | Source::Snapshot(_) => {}
    }
    let JournalEntry { vv, op, .. } = steps.entry().clone();
    let vv = &vv;
    let mut place = place(backend, identity, asked)?;
    let (cpg, snap_cpg) = (place.cpg.clone(), place.snap_cpg.clone());

    // All that can be refused without having made anything is refused here.
    let admission = match (&asked.replication_group, &backend.pair) {
        (Some(group), Some(pair)) => {
            let admission = Admission::check(inner, backend, pair, steps, group, &place).await?;
            place = admission.place().clone();
            Some(admission)
        }
        _ => None,
    };
    let array = admission.as_ref().map_or(&backend.array, Admission::array);
    let level = ServiceLevel::asked(asked);
    service_levels::check(steps, array, &level).await?;

    let mut comment = Comment {
        group_is_ours: admission.as_ref().is_some_and(Admission::group_is_ours),
        ..Comment::asked(inner.namespace.clone(), place.home, op, asked)
    };
    // Refused before anything is made, if it does not fit.
    comment.can_be_used()?;
    let create = CreateVv {
        name: vv.clone(),
        cpg: place.cpg,
        snap_cpg: place.snap_cpg,
        size: asked.size,
        provisioning: asked.provisioning,
        compression: asked.compression,
        comment: comment.encode()?,
        one_host: true,
    };
    let made: Vv = steps
        .act(Intent::MakeVv, array.createvv(&create), || async {
            Ok(ours_by_op(
                array.label(),
                array.showvv(VvQuery::Name(vv)).await?,
                &comment,
            ))
        })
        .await?;
    steps.record(&[("wwn", made.wwn.as_str()), ("vv_id", &made.id.to_string())])?;

    service_levels::give(steps, array, vv, &level).await?;

    if let Some(admission) = &admission {
        let Admitted {
            copy,
            group_is_ours,
        } = admission.admit(inner, coming, steps).await?;
        comment.group_is_ours = group_is_ours;
        comment.state = State::Ready;
        mark::copy(steps, Intent::MarkReady, admission.other(), vv, &comment).await?;
        // The index knows a volume by the VV on the backend's own array, whichever array is Primary.
        let ready = mark::home(steps, Intent::MarkReady, array, vv, &comment).await?;
        let (own, copy) = if admission.is_on_the_peer() {
            (copy, ready)
        } else {
            (ready, copy)
        };
        let mut volume = indexed(inner, backend, &own, &comment, asked, cpg, snap_cpg);
        volume.copy_wwn = Some(copy.wwn);
        return Ok(volume);
    }
    comment.state = State::Ready;
    // The last step: from here on the volume is there, for every host.
    let ready = mark::home(steps, Intent::MarkReady, array, vv, &comment).await?;
    Ok(indexed(
        inner, backend, &ready, &comment, asked, cpg, snap_cpg,
    ))
}

/// Where the VV is made if the backend's own array makes it.
pub(super) fn place(
    backend: &Backend,
    identity: &Identity,
    asked: &CreateVolume,
) -> Result<Place, Cause> {
    let cpg = asked.cpg.clone().or_else(|| backend.cpgs.first().cloned());
    let cpg = cpg.ok_or_else(|| Cause::NoSuchBackend(backend.name.clone()))?;
    let snap_cpg = asked
        .snap_cpg
        .clone()
        .or_else(|| backend.snap_cpgs.first().cloned())
        .unwrap_or_else(|| cpg.clone());
    Ok(Place {
        home: identity.system.id,
        cpg,
        // Primera and later have no snapshot CPG (array fact 5).
        snap_cpg: identity.release.has_snapshot_cpg().then_some(snap_cpg),
    })
}

/// Where a VV is made.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The array's id.
    pub home: SystemId,
    pub cpg: CpgName,
    /// None on Primera and later.
    pub snap_cpg: Option<CpgName>,
}

fn indexed(
    inner: &Inner,
    backend: &Backend,
    vv: &Vv,
    comment: &Comment,
    asked: &CreateVolume,
    cpg: CpgName,
    snap_cpg: Option<CpgName>,
) -> IndexedVolume {
    IndexedVolume {
        options: CreateVolume {
            cpg: Some(cpg),
            snap_cpg,
            ..asked.clone()
        },
        created: Some(inner.now()),
        ..known::volume(
            inner,
            backend,
            Side::Source,
            vv,
            comment,
            asked.replication_group.clone(),
        )
    }
}

pub(super) fn ours_by_op(array: &str, found: Vec<Vv>, comment: &Comment) -> Seen<Vv> {
    let Some(vv) = found.into_iter().next() else {
        return Seen::NotDone(format!("no such VV on array `{array}`"));
    };
    match vv.comment.as_deref().map(Comment::parse) {
        Some(Ok(is)) if is.op == comment.op && is.name == comment.name => Seen::Done(vv),
        Some(Ok(is)) => Seen::NotDone(format!(
            "the VV on array `{array}` belongs to operation `{}`",
            is.op
        )),
        _ => Seen::NotDone(format!("the VV on array `{array}` has another comment")),
    }
}
