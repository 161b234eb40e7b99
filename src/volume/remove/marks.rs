//! The marks of a remove: `state=removing` and its operation, on the volume and on its copy.
//!
//! An array takes whatever comment it is given, so two hosts may mark one volume at once. The mark on the array that acts decides whose
//! remove it is: whoever wrote there last. The other one sees that before it does anything (decision 8): before it marks the copy, under the
//! group's lock before it dismisses, and before the VV is removed.

use crate::{
    inform::Array,
    model::{Comment, State},
    volume::{
        backend::Backend,
        create::remove_vv,
        error::Cause,
        groups,
        mark::{self, Mark},
        steps::{Intent, Steps},
    },
};

use super::acting;

/// Marks the volume, and then its copy if it has one. None if another host has removed it since it was looked at.
pub(super) async fn set(steps: &mut Steps, backend: &Backend) -> Result<Option<Comment>, Cause> {
    let array = groups::acting_array(steps.entry(), backend).clone();
    let other = acting(steps, backend).map(|acting| acting.other);
    let here = steps.entry().op.machine.clone();
    let vv = steps.entry().vv.clone();
    let mut comment = match mark::read(steps, &array).await? {
        Mark::Gone => return gone(steps, &array, other.as_ref()).await,
        Mark::Own(comment) => *comment,
        Mark::Others(Some(comment))
            if comment.state == State::Ready || comment.op.machine == here =>
        {
            *comment
        }
        Mark::Others(comment) => return Err(mark::not_ours(&here, &array, &vv, comment)),
    };
    comment.state = State::Removing;
    comment.op = steps.entry().op.clone();
    let intent = Intent::MarkRemoving;
    if let Err(cause) = mark::home(steps, intent, &array, &vv, &comment).await {
        // Another host may have been faster.
        return match mark::read(steps, &array).await {
            Ok(Mark::Gone) => gone(steps, &array, other.as_ref()).await,
            Ok(Mark::Others(Some(theirs))) if theirs.state != State::Ready => {
                Err(mark::not_ours(&here, &array, &vv, Some(theirs)))
            }
            _ => Err(cause),
        };
    }
    let Some(other) = other else {
        return Ok(Some(comment));
    };
    match mark::read(steps, &array).await? {
        Mark::Own(_) => {}
        Mark::Gone => return gone(steps, &array, Some(&other)).await,
        Mark::Others(theirs) => return Err(mark::not_ours(&here, &array, &vv, theirs)),
    }
    match mark::read(steps, &other).await? {
        // Whose it is takes it back: it finds that the volume is not its own.
        Mark::Others(Some(theirs))
            if theirs.state == State::Removing && theirs.op.machine != here =>
        {
            log::warn!(vv = vv.as_str(), array = other.label(), theirs:% = theirs.op;
                "the copy carries the mark of another host's remove: left to it");
        }
        // Dismissed by another host whose mark this one wrote over: this one goes on with what is left.
        Mark::Gone => {}
        _ => {
            if let Err(cause) = mark::copy(steps, intent, &other, &vv, &comment).await
                && !matches!(mark::read(steps, &other).await, Ok(Mark::Gone))
            {
                return Err(cause);
            }
        }
    }
    Ok(Some(comment))
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

/// Takes back what is still this operation's own, on each array by itself. The volume is there.
pub(super) async fn take_back(
    steps: &mut Steps,
    backend: &Backend,
    undone: &mut Vec<String>,
) -> Result<(), Cause> {
    let array = groups::acting_array(steps.entry(), backend).clone();
    let vv = steps.entry().vv.clone();
    if let Some(comment) = removing(mark::read(steps, &array).await?) {
        mark::home(steps, Intent::MarkReady, &array, &vv, &comment).await?;
        undone.push("the volume is usable again".to_owned());
    }
    if let Some(acting) = acting(steps, backend)
        && let Some(comment) = removing(mark::read(steps, &acting.other).await?)
    {
        mark::copy(steps, Intent::MarkReady, &acting.other, &vv, &comment).await?;
    }
    Ok(())
}

/// The comment to write where this operation's mark is.
fn removing(mark: Mark) -> Option<Comment> {
    match mark {
        Mark::Own(comment) if comment.state == State::Removing => Some(Comment {
            state: State::Ready,
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
    if removing(mark::read(steps, &acting.other).await?).is_some() {
        let vv = steps.entry().vv.clone();
        remove_vv(steps, &acting.other, &vv).await?;
    }
    Ok(())
}
