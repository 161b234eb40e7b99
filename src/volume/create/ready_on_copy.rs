//! A create that said on the copy that the volume is ready, and died, or lost the array, before it said so on the volume itself. If the group
//! was failed over then, the volume was there for every host, and what they wrote has come home with it. So it is not taken back, but
//! completed.

use crate::{
    inform::{Vv, VvQuery},
    model::{Comment, State},
    volume::{
        backend::Backend,
        error::Cause,
        group_lock, groups,
        inner::Inner,
        known, mark,
        steps::{Intent, Steps},
    },
};

/// Says so on the volume itself, which is in its group, and not ready yet. Gives it as it is then; none if the copy does not say so either,
/// or if taking the create back was begun. `comment`: what the volume says.
pub(in crate::volume) async fn complete(
    inner: &Inner,
    backend: &Backend,
    steps: &mut Steps,
    comment: &Comment,
) -> Result<Option<(Vv, Comment)>, Cause> {
    let entry = steps.entry().clone();
    let acting = backend
        .pair
        .as_ref()
        .and_then(|pair| groups::recall(&entry, pair));
    let is_half =
        comment.op == entry.op && comment.state == State::Making && Intent::MarkReady.is_in(&entry);
    let Some(acting) = acting.filter(|_| is_half) else {
        return Ok(None);
    };
    steps.must_be_still(backend).await?;
    let look = acting.array.showrcopy_group(&acting.group);
    let now = steps.look("group", look).await?;
    let is_in = now.is_some_and(|group| group.holds(&entry.vv));
    // What takes it back begins with the group's lock.
    if !is_in || group_lock::is_ours(steps, &acting).await? {
        return Ok(None);
    }
    let look = acting.other.showvv(VvQuery::Name(&entry.vv));
    let copy = steps.look("copy", look).await?;
    let told = copy
        .first()
        .and_then(|copy| known::judge(inner, &acting.other, copy).ok())
        .filter(|told| told.home == comment.home && told.state == State::Ready);
    let Some(told) = told else {
        return Ok(None);
    };
    let ready = Comment {
        state: State::Ready,
        group_is_ours: told.group_is_ours,
        ..comment.clone()
    };
    let vv = mark::home(steps, Intent::MarkReady, &acting.array, &entry.vv, &ready).await?;
    log::info!(volume = entry.name.as_str(), vv = entry.vv.as_str(), op:% = entry.op;
        "the copy says that the volume is ready: completed");
    Ok(Some((vv, ready)))
}
