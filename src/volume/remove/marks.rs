//! The marks of a remove: `state=removing` and its operation, on the volume and on its copy.
//!
//! An array takes whatever comment it is given, so two hosts may mark one volume at once. The mark on the array that acts decides whose
//! remove it is: whoever wrote there last. The other one sees that before it does anything (decision 8): before it marks the copy, under the
//! group's lock before it dismisses, and before the VV is removed.
//!
//! Each array keeps the rest of its own comment: in Active/Passive whichever served has written there of the filesystem, and with Peer
//! Persistence of the holder, and the other one may know nothing of it (`format.rs`, `ownership/last.rs`).

use crate::{
    inform::{Array, VvQuery},
    model::{Comment, ImportPolicy, State, Wwn},
    volume::{
        backend::Backend,
        create::remove_vv,
        error::Cause,
        groups,
        mark::{self, Mark},
        service_levels,
        snapshots::schedules,
        steps::{Intent, Steps},
    },
};

use super::{acting, release};

/// Marks the volume, and then its copy if it has one. None if another host has removed it since it was looked at. `seen`: the WWN that it
/// had then on the backend's own array.
///
/// # Errors
/// [`Cause::OtherIdentity`] if the VV of that name is another by now; [`Cause::ForeignVv`] if it is to be removed, and was imported since.
pub(super) async fn set(
    steps: &mut Steps,
    backend: &Backend,
    seen: &Wwn,
) -> Result<Option<Comment>, Cause> {
    let array = groups::acting_array(steps.entry(), backend).clone();
    let other = acting(steps, backend).map(|acting| acting.other);
    let here = steps.entry().op.machine.clone();
    let vv = steps.entry().vv.clone();
    let acts_at_home = array.label() == backend.array.label();
    let look = backend.array.showvv(VvQuery::Name(&vv));
    let now = steps.look("mark", look).await?;
    if let Some(other) = now.first().filter(|vv| vv.wwn != *seen) {
        return Err(Cause::other_identity(&backend.array, other, seen));
    }
    let mark = match acts_at_home {
        true => Mark::of(now.first(), &steps.entry().op),
        false => mark::read(steps, &array).await?,
    };
    let comment = match mark {
        Mark::Gone => return gone(steps, &array, other.as_ref()).await,
        Mark::Own(comment) => *comment,
        Mark::Others(Some(comment)) if comment.state.is_there() || comment.op.machine == here => {
            *comment
        }
        Mark::Others(comment) => return Err(mark::not_ours(&here, &array, &vv, comment)),
    };
    if !release::is_one(steps.entry()) && release::is_to_be_kept(&comment) {
        return Err(release::imported_since(&array, &vv));
    }
    let comment = marked(steps, comment);
    match mark::home(steps, Intent::MarkRemoving, &array, &vv, &comment).await {
        Ok(marked) if acts_at_home && marked.wwn != *seen => {
            return Err(Cause::other_identity(&array, &marked, seen));
        }
        Ok(_) => {}
        Err(cause) => {
            // Another host may have been faster.
            return match mark::read(steps, &array).await {
                Ok(Mark::Gone) => gone(steps, &array, other.as_ref()).await,
                Ok(Mark::Others(Some(theirs))) if !theirs.state.is_there() => {
                    Err(mark::not_ours(&here, &array, &vv, Some(theirs)))
                }
                _ => Err(cause),
            };
        }
    }
    let Some(other) = other else {
        return Ok(Some(comment));
    };
    match mark::read(steps, &array).await? {
        Mark::Own(_) => {}
        Mark::Gone => return gone(steps, &array, Some(&other)).await,
        Mark::Others(theirs) => return Err(mark::not_ours(&here, &array, &vv, theirs)),
    }
    set_on_copy(steps, &other).await?;
    Ok(Some(comment))
}

/// Marks the copy, which need not be there any more.
pub(super) async fn set_on_copy(steps: &mut Steps, other: &Array) -> Result<(), Cause> {
    let vv = steps.entry().vv.clone();
    let comment = match mark::read(steps, other).await? {
        // Dismissed by another host whose mark this one wrote over: this one goes on with what is left.
        Mark::Gone => return Ok(()),
        // Whose it is takes it back: it finds that the volume is not its own.
        Mark::Others(Some(theirs))
            if theirs.state == State::Removing && theirs.op.machine != steps.entry().op.machine =>
        {
            log::warn!(vv = vv.as_str(), array = other.label(), theirs:% = theirs.op;
                "the copy carries the mark of another host's remove: left to it");
            return Ok(());
        }
        // What the other array says of the filesystem need not be so here, and would stay if the remove fails.
        Mark::Others(None) => {
            log::warn!(vv = vv.as_str(), array = other.label(); "the copy has no comment: not marked");
            return Ok(());
        }
        Mark::Own(comment) | Mark::Others(Some(comment)) => marked(steps, *comment),
    };
    match mark::copy(steps, Intent::MarkRemoving, other, &vv, &comment).await {
        Err(_) if matches!(mark::read(steps, other).await, Ok(Mark::Gone)) => Ok(()),
        marked => marked,
    }
}

/// An array's own comment with the mark of this operation.
fn marked(steps: &Steps, comment: Comment) -> Comment {
    let entry = steps.entry();
    Comment {
        state: State::Removing,
        op: entry.op.clone(),
        // Whoever goes on with a release without the journal does not remove it.
        import: release::is_one(entry)
            .then_some(ImportPolicy::Release)
            .or(comment.import),
        ..comment
    }
}

/// Gone from the array that acts. What is left on the other one is half a volume.
async fn gone(
    steps: &Steps,
    array: &Array,
    other: Option<&Array>,
) -> Result<Option<Comment>, Cause> {
    if let Some(other) = other
        && !matches!(mark::read(steps, other).await?, Mark::Gone)
    {
        return Err(Cause::HalfThere {
            array: other.label().to_owned(),
            missing: array.label().to_owned(),
            vv: steps.entry().vv.clone(),
        });
    }
    Ok(None)
}

/// Takes back what is still this operation's own, on each array by itself. The volume is there. True if it is a snapshot whose schedule is
/// not.
pub(super) async fn take_back(
    steps: &mut Steps,
    backend: &Backend,
    undone: &mut Vec<String>,
) -> Result<bool, Cause> {
    let mut lost_schedule = false;
    let array = groups::acting_array(steps.entry(), backend).clone();
    let vv = steps.entry().vv.clone();
    if let Some(mut comment) = removing(steps, mark::read(steps, &array).await?) {
        service_levels::give_again(steps, &array, &vv, &comment).await;
        if let Some(gone) = schedules::is_gone(steps, &array, &comment).await? {
            comment.schedule = None;
            undone.push(format!("its schedule `{gone}` stays removed"));
            lost_schedule = true;
        }
        mark::home(steps, Intent::MarkReady, &array, &vv, &comment).await?;
        undone.push("the volume is usable again".to_owned());
    }
    if let Some(acting) = acting(steps, backend)
        && let Some(comment) = removing(steps, mark::read(steps, &acting.other).await?)
    {
        mark::copy(steps, Intent::MarkReady, &acting.other, &vv, &comment).await?;
    }
    Ok(lost_schedule)
}

/// The comment to write where this operation's mark is.
fn removing(steps: &Steps, mark: Mark) -> Option<Comment> {
    match mark {
        Mark::Own(comment) if comment.state == State::Removing => Some(Comment {
            state: if comment.becomes.is_some() {
                State::Copying
            } else {
                State::Ready
            },
            import: release::policy(steps.entry()).or(comment.import),
            ..*comment
        }),
        _ => None,
    }
}

/// The volume is gone from the array that acts. What is left on the other one and carries this operation's mark goes, too: the roles were
/// changed after it was out of its group.
pub(super) async fn remove_rest(steps: &mut Steps, backend: &Backend) -> Result<(), Cause> {
    let Some(acting) = acting(steps, backend) else {
        return Ok(());
    };
    if removing(steps, mark::read(steps, &acting.other).await?).is_some() {
        let vv = steps.entry().vv.clone();
        remove_vv(steps, &acting.other, &vv).await?;
    }
    Ok(())
}
