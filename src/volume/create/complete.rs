//! Making a clone whose data are there what it is to be: as large as was asked, in its group, usable. Its comment says what is still to do,
//! so that it is gone on with after a death, and from an empty index, too. What was begun and not ended is looked at again, or, of a group,
//! taken back; then it is tried anew.

use crate::{
    index::{IndexedVolume, JournalEntry, OpKind},
    inform::{Array, Vv, VvKind, VvQuery},
    model::{Comment, CpgName, CreateVolume, GroupName, RequestId, Side, State, Wwn},
    volume::{
        backend::Backend,
        error::Cause,
        groups, grow,
        inner::Inner,
        known, mark,
        queue::{Coming, GroupKey},
        service_levels::{self, ServiceLevel},
        steps::{Intent, Seen, Steps},
    },
};

use super::{
    admission::{Admission, Admitted},
    making::Place,
    undo,
};

/// Says in the journal that a clone is on the peer of its backend.
const ON_THE_PEER: &str = "on the peer";

/// Which array of its backend a clone is on that is completed; what else is in the journal is on its backend's own.
pub(super) fn side(entry: &JournalEntry) -> Side {
    match entry.facts.get(ON_THE_PEER) {
        Some(_) => Side::Peer,
        None => Side::Source,
    }
}

/// Why a clone could not be completed.
#[derive(Debug)]
pub(in crate::volume) struct NotCompleted {
    pub cause: Cause,
    /// To try it costs something, and it will most likely end like this again: its group may have been stopped, or a person has to change
    /// something on the array first.
    pub is_not_to_be_hurried: bool,
}

impl From<Cause> for NotCompleted {
    fn from(cause: Cause) -> Self {
        Self {
            is_not_to_be_hurried: matches!(cause, Cause::ServiceLevel(_)),
            cause,
        }
    }
}

/// Completes a clone, which is on one of its backend's arrays. `tied`: it is still called a copy of its parent. The caller holds the name's
/// lock, and nothing of the volume is open.
pub(in crate::volume) async fn complete(
    inner: &Inner,
    request: &RequestId,
    (backend, on): (&Backend, Side),
    vv: Vv,
    comment: Comment,
    tied: bool,
) -> Result<(), NotCompleted> {
    let name = comment.name.clone();
    // Under the operation that the comment names: the volume is still that one's.
    let mut entry = JournalEntry {
        op: comment.op.clone(),
        ..inner.new_entry(request, OpKind::Completion, &name, backend)
    };
    if on == Side::Peer {
        let facts = [(ON_THE_PEER, "yes"), ("acting", backend.on(on).label())];
        let facts = facts.map(|(key, value)| (key.to_owned(), value.to_owned()));
        entry.facts.extend(facts);
    }
    let mut coming = inner.queues.nobody_yet();
    let becomes = comment.becomes.as_ref();
    let group = becomes.and_then(|becomes| becomes.group_at_home(on));
    if let (Some(group), Some(_)) = (&group, &backend.pair) {
        let identity = backend.identity().await.map_err(Cause::from)?;
        coming.announce(GroupKey::new(identity.system.id, group));
    }
    let mut steps = Steps::begin(&inner.index, &inner.points, entry).await?;
    match finish(inner, backend, &mut coming, &mut steps, vv, comment, tied).await {
        Ok(volume) => {
            inner.write("volume", |index| index.put(volume))?;
            steps.finish()?;
            log::info!(volume = name.as_str(), request = request.as_str(); "clone is complete");
            Ok(())
        }
        Err(cause) => {
            let group_was_changed = [Intent::StopGroup, Intent::Admit]
                .iter()
                .any(|intent| intent.is_in(steps.entry()));
            if let Err(left) = settle(inner, backend, &mut coming, steps).await {
                log::warn!(volume = name.as_str(), cause:% = left; "what the completion of a clone began is not in order yet");
            }
            let mut not_completed = NotCompleted::from(cause);
            not_completed.is_not_to_be_hurried |= group_was_changed;
            Err(not_completed)
        }
    }
}

async fn finish(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    steps: &mut Steps,
    vv: Vv,
    mut comment: Comment,
    tied: bool,
) -> Result<IndexedVolume, Cause> {
    let on = side(steps.entry());
    let array = backend.on(on);
    let known = inner.index.get(&comment.name);
    if let Some(was) = known.as_ref().and_then(|known| known.wwn_on(on))
        && *was != vv.wwn
    {
        return Err(Cause::other_identity(array, &vv, was));
    }
    steps.record(&[("wwn", vv.wwn.as_str()), ("vv_id", &vv.id.to_string())])?;
    if tied {
        untie(steps, array, &vv).await?;
    }
    let group = match comment.becomes.take() {
        Some(becomes) => {
            if becomes.size > vv.size {
                grow::to_size(steps, Intent::Grow, array, vv.size, becomes.size).await?;
            }
            becomes.group_at_home(on)
        }
        None => None,
    };
    // All that can be refused without stopping the group is refused here: it is tried again and again.
    let admission = match &group {
        Some(group) => {
            let cpgs = known.as_ref().map(|known| &known.options);
            let at_home = place(backend, on, (&vv, &comment), cpgs)?;
            Some(admission(inner, backend, steps, &comment, (group, &at_home)).await?)
        }
        None => None,
    };
    let level = ServiceLevel::of(&comment);
    service_levels::check(steps, array, &level).await?;
    service_levels::give(steps, array, &vv.name, &level).await?;
    let copy_wwn = match &admission {
        Some(admission) => {
            let Admitted {
                copy,
                group_is_ours,
            } = admission.admit(inner, coming, steps).await?;
            comment.group_is_ours = group_is_ours;
            Some(copy.wwn)
        }
        None => None,
    };
    comment.state = State::Ready;
    if let (Some(pair), Some(_)) = (&backend.pair, &copy_wwn) {
        let other = pair.on(on.other());
        mark::copy(steps, Intent::MarkReady, other, &vv.name, &comment).await?;
    }
    // Another host may have marked it as being removed since it was looked at.
    let now = steps
        .look("mark", array.showvv(VvQuery::Name(&vv.name)))
        .await?;
    let mark = now.first().and_then(|vv| vv.comment.as_deref());
    match mark.map(Comment::parse) {
        Some(Ok(now)) if now.op == comment.op && now.state == State::Copying => {}
        Some(Ok(now)) => return Err(Cause::busy(&inner.machine, &now)),
        Some(Err(_)) | None => {
            return Err(mark::not_ours(&inner.machine, array, &vv.name, None));
        }
    }
    // The last step: from here on any host may have it.
    let ready = mark::home(steps, Intent::MarkReady, array, &vv.name, &comment).await?;
    let on = (backend, on);
    Ok(indexed(inner, on, &ready, &comment, group, copy_wwn, known))
}

fn indexed(
    inner: &Inner,
    (backend, on): (&Backend, Side),
    vv: &Vv,
    comment: &Comment,
    group: Option<GroupName>,
    copy_wwn: Option<Wwn>,
    known: Option<IndexedVolume>,
) -> IndexedVolume {
    let mut volume = known::volume(inner, backend, on, vv, comment, group);
    if let Some(copy) = copy_wwn {
        volume.note_wwn(on.other(), copy);
    }
    if let Some(known) = known {
        volume.options = known.options;
        volume.created = known.created;
    }
    volume
}

/// A copy that is complete becomes a volume of its own.
async fn untie(steps: &mut Steps, array: &Array, vv: &Vv) -> Result<(), Cause> {
    let name = &vv.name;
    steps
        .act(Intent::PromoteCopy, array.promotevvcopy(name), || async {
            let now = array.showvv(VvQuery::Name(name)).await?;
            Ok(match now.first() {
                Some(vv) if vv.kind == VvKind::Base => Seen::Done(()),
                Some(vv) => Seen::NotDone(format!("`{name}` is of type `{}`", vv.kind)),
                None => Seen::NotDone(format!("`{name}` is gone")),
            })
        })
        .await
}

fn not_possible(found: String) -> Cause {
    Cause::NotProven {
        intent: Intent::Admit.to_string(),
        found,
    }
}

/// Where the clone is; of one on the peer, where it would be on the source. `asked`: what it was made as, if that is known here.
fn place(
    backend: &Backend,
    on: Side,
    (vv, comment): (&Vv, &Comment),
    asked: Option<&CreateVolume>,
) -> Result<Place, Cause> {
    let Some(cpg) = vv.user_cpg.clone() else {
        return Err(not_possible(format!("`{}` is in no CPG", vv.name)));
    };
    let (cpg, snap_cpg) = match (on, &backend.pair) {
        (Side::Peer, Some(pair)) => {
            let wants = &pair.wants;
            let [known, known_snap] = [
                asked.and_then(|asked| asked.cpg.as_ref()),
                asked.and_then(|asked| asked.snap_cpg.as_ref()),
            ];
            let mut sources = known.into_iter().chain(wants.cpg_map.keys());
            let leads_there = |source: &&CpgName| {
                let there = wants.cpg(source);
                there.is_some_and(|there| there.peer == cpg)
            };
            let Some(source) = sources.find(leads_there) else {
                return Err(not_possible(format!(
                    "no CPG of `cpg_map` has its copies in `{cpg}`, in which `{}` is",
                    vv.name
                )));
            };
            let snaps = wants.snap_cpg_map.keys().chain(wants.cpg_map.keys());
            let leads_there = |source: &&CpgName| {
                let there = wants.snap_cpg(source);
                there.is_some_and(|there| Some(&there.peer) == vv.snap_cpg.as_ref())
            };
            let snap = known_snap.into_iter().chain(snaps).find(leads_there);
            (source.clone(), snap.cloned())
        }
        _ => (cpg, vv.snap_cpg.clone()),
    };
    Ok(Place {
        home: comment.home,
        cpg,
        snap_cpg,
    })
}

async fn admission<'a>(
    inner: &Inner,
    backend: &'a Backend,
    steps: &mut Steps,
    comment: &Comment,
    (group, place): (&'a GroupName, &Place),
) -> Result<Admission<'a>, Cause> {
    let Some(pair) = &backend.pair else {
        return Err(not_possible(format!(
            "backend `{}` has no `replication_device` any more",
            backend.name
        )));
    };
    let on = side(steps.entry());
    let admission = Admission::check(inner, backend, pair, steps, group, place).await?;
    if admission.side() != on {
        return Err(Cause::GroupElsewhere {
            group: group.clone(),
            primary: admission.array().label().to_owned(),
            of: comment.of.clone().unwrap_or_else(|| comment.name.clone()),
            wanted: pair.on(on).label().to_owned(),
        });
    }
    Ok(admission)
}

/// Brings what a completion began, and did not end, into order. The clone stays as it is, and is completed anew; one that is ready was
/// completed.
pub(in crate::volume) async fn settle(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    mut steps: Steps,
) -> Result<(), Cause> {
    steps.must_be_still(backend).await?;
    let entry = steps.entry().clone();
    let on = side(&entry);
    let array = backend.on(on);
    let found = steps
        .look("vv", array.showvv(VvQuery::Name(&entry.vv)))
        .await?;
    let comment = found.first().and_then(|vv| vv.comment.as_deref());
    let comment = comment.and_then(|text| Comment::parse(text).ok());
    let ours = comment.as_ref().filter(|comment| comment.op == entry.op);
    if let (Some(vv), Some(comment)) = (found.first(), ours)
        && comment.state == State::Ready
        && Intent::MarkReady.is_in(&entry)
    {
        let group = groups::name_at_home(&entry);
        let copy_wwn = entry.facts.get("copy wwn").and_then(|wwn| wwn.parse().ok());
        let known = inner.index.get(&entry.name);
        let on = (backend, on);
        let volume = indexed(inner, on, vv, comment, group, copy_wwn, known);
        inner.write("volume", |index| index.put(volume))?;
        return steps.finish();
    }
    // Another host may have marked it as being removed since, or taken its mark back: what this operation brought into the group comes out
    // all the same, as long as it is no volume yet.
    let recorded = entry.facts.get("wwn").map(String::as_str);
    let is_it = found
        .first()
        .is_some_and(|vv| Some(vv.wwn.as_str()) == recorded);
    let still = comment.is_some_and(|comment| match comment.state {
        State::Copying => true,
        State::Removing => comment.becomes.is_some(),
        State::Making | State::Ready => false,
    }) && is_it;
    let mut undone = Vec::new();
    undo::out_of_group(inner, backend, coming, &mut steps, still, &mut undone).await?;
    if !undone.is_empty() {
        log::info!(volume = entry.name.as_str(), undone = undone.join(", ").as_str(); "admission of a clone taken back");
    }
    steps.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::service_levels::ServiceLevelError;

    #[test]
    fn what_a_person_has_to_mend_on_the_array_is_not_to_be_hurried() {
        let hurried = |cause: Cause| !NotCompleted::from(cause).is_not_to_be_hurried;
        let no_cache = ServiceLevelError::NoFlashCache {
            array: "eva".to_owned(),
        };
        assert!(!hurried(no_cache.into()));
        assert!(hurried(Cause::NotKnown("the array is busy".to_owned())));
    }
}
