//! The steps of making a volume.

use crate::{
    index::{IndexedVolume, JournalEntry},
    inform::{CreateVv, Vv, VvQuery},
    model::{Comment, CpgName, CreateVolume, Format, GroupName, Origin, State, VvName},
    replication::{self, Action, Newcomer, Pair, ReplicationError},
    volume::{
        backend::{Backend, Identity},
        error::Cause,
        groups,
        inner::Inner,
        known, mark,
        steps::{Intent, Seen, Steps},
    },
};

/// Makes the VV, admits it to its group, and marks it ready. Gives what the index is to know of it.
pub(super) async fn make(
    inner: &Inner,
    backend: &Backend,
    identity: &Identity,
    steps: &mut Steps,
    asked: &CreateVolume,
) -> Result<IndexedVolume, Cause> {
    let array = &backend.array;
    let JournalEntry { vv, op, .. } = steps.entry().clone();
    let vv = &vv;
    let cpg = asked.cpg.clone().or_else(|| backend.cpgs.first().cloned());
    let cpg = cpg.ok_or_else(|| Cause::NoSuchBackend(backend.name.clone()))?;
    let snap_cpg = asked
        .snap_cpg
        .clone()
        .or_else(|| backend.snap_cpgs.first().cloned())
        .unwrap_or_else(|| cpg.clone());

    // All that can be refused without having made anything is refused here.
    let mut plan = Vec::new();
    let unfit = |why| Cause::Replication {
        array: array.label().to_owned(),
        why,
    };
    if let (Some(group), Some(pair)) = (&asked.replication_group, &backend.pair) {
        let unmapped = |cpg: &CpgName| ReplicationError::Unmapped {
            cpg: cpg.to_string(),
            vv: vv.clone(),
        };
        let cpgs = pair.wants.cpg(&cpg).ok_or_else(|| unfit(unmapped(&cpg)))?;
        let snap = pair
            .wants
            .snap_cpg(&snap_cpg)
            .ok_or_else(|| unfit(unmapped(&snap_cpg)))?;
        let found = groups::calm(steps, &pair.source, group).await?;
        groups::check_set_exports(steps, &pair.source, group, found.as_ref()).await?;
        // Primera and later have no snapshot CPG (array fact 5).
        let snap = identity.release.has_snapshot_cpg().then_some(snap);
        let newcomer = Newcomer {
            vv,
            group,
            cpg: &cpgs,
            snap_cpg: snap.as_ref(),
            domain: None,
        };
        plan = replication::plan_admission(array.label(), found.as_ref(), &newcomer, &pair.wants)
            .map_err(unfit)?;
        check_peer_is_free(pair, steps, vv).await?;
    }

    let mut comment = Comment {
        namespace: inner.namespace.clone(),
        name: asked.name.clone(),
        home: identity.system.id,
        op,
        state: State::Making,
        origin: Origin::Blank,
        format: Format::No,
        group_is_ours: plan.iter().any(|action| matches!(action, Action::Make(_))),
        fs_type: asked.fs_type,
        fs_owner: asked.fs_owner,
        fs_mode: asked.fs_mode,
        delay: (asked.mount_conflict_delay != CreateVolume::DEFAULT_MOUNT_CONFLICT_DELAY)
            .then_some(asked.mount_conflict_delay),
        held: None,
        further: Vec::new(),
    };
    if let (false, Some(group), Some(pair)) = (
        comment.group_is_ours,
        &asked.replication_group,
        &backend.pair,
    ) {
        comment.group_is_ours = group_was_made_here(inner, pair, steps, group).await?;
    }

    let create = CreateVv {
        name: vv.clone(),
        cpg: cpg.clone(),
        snap_cpg: identity
            .release
            .has_snapshot_cpg()
            .then(|| snap_cpg.clone()),
        size: asked.size,
        provisioning: asked.provisioning,
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

    for action in &plan {
        groups::carry_out(steps, backend, action).await?;
    }

    comment.state = State::Ready;
    if let Some(pair) = backend
        .pair
        .as_ref()
        .filter(|_| asked.replication_group.is_some())
    {
        mark::copy(steps, &pair.peer, vv, &comment).await?;
    }
    // The last step: from here on the volume is there, for every host.
    let ready = mark::home(steps, Intent::MarkReady, array, vv, &comment).await?;
    let mut options = asked.clone();
    options.cpg = Some(cpg);
    options.snap_cpg = create.snap_cpg.clone();
    let mut volume = known::volume(
        inner,
        backend,
        &ready,
        &comment,
        asked.replication_group.clone(),
    );
    volume.options = options;
    volume.created = Some(inner.now());
    Ok(volume)
}

/// A group whose members carry `grp=ours` was made by this plugin.
async fn group_was_made_here(
    inner: &Inner,
    pair: &Pair,
    steps: &Steps,
    group: &GroupName,
) -> Result<bool, Cause> {
    let found = steps
        .look("group members", pair.source.showrcopy_group(group))
        .await?;
    let Some(member) = found.and_then(|g| g.volumes.into_iter().next()) else {
        return Ok(false);
    };
    if !member.local.is_ours(&inner.namespace) {
        return Ok(false);
    }
    let vvs = steps
        .look(
            "group member",
            pair.source.showvv(VvQuery::Name(&member.local)),
        )
        .await?;
    Ok(vvs
        .first()
        .and_then(|vv| vv.comment.as_deref())
        .and_then(|text| Comment::parse(text).ok())
        .is_some_and(|comment| comment.group_is_ours))
}

/// The copy gets the name of its original: on the peer it must be free.
async fn check_peer_is_free(pair: &Pair, steps: &Steps, vv: &VvName) -> Result<(), Cause> {
    let there = steps
        .look("vv on the peer", pair.peer.showvv(VvQuery::Name(vv)))
        .await?;
    match there.first() {
        None => Ok(()),
        Some(taken) => Err(Cause::ForeignVv {
            array: pair.peer.label().to_owned(),
            vv: vv.clone(),
            why: taken
                .comment
                .clone()
                .unwrap_or_else(|| "no comment".to_owned()),
        }),
    }
}

fn ours_by_op(array: &str, found: Vec<Vv>, comment: &Comment) -> Seen<Vv> {
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
