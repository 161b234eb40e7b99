//! A replicated volume grows while its group is stopped, and the group is started when both arrays have the new size.
//!
//! What an array does with `growvv` in a started group nobody tells (array fact 122). One that grew its own side alone would leave a copy
//! on which a filesystem that has grown does not fit, and a failover in that moment would lead to it. So the group is always stopped
//! first, for seconds, as for an admission.

use crate::{
    model::{GroupStatus, NewSize, Size},
    replication::{self, Acting, Action},
    volume::{
        Progress,
        backend::Backend,
        create,
        error::Cause,
        group_lock, groups,
        inner::Inner,
        queue::{self, Alone, Coming},
        steps::{Intent, Steps},
    },
};

use super::{GrowError, look, to_size, wanted};

/// The fact that the lock of a growth under way was taken away.
const TAKEN_OVER: &str = "taken over";

/// The whole cycle.
pub(super) async fn grow(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    steps: &mut Steps,
    acting: &Acting,
    to: NewSize,
    progress: &Progress,
) -> Result<(), Cause> {
    let group = &acting.group;
    progress.tell(format!("waiting for remote copy group `{group}`"));
    let Some(alone) = queue::alone(inner, backend, coming, steps, acting).await? else {
        return Ok(());
    };
    let done = match under_lock(steps, acting, &alone, to, progress).await {
        Ok(()) => Ok(()),
        Err(cause) => {
            // Of what failed before the sizes differed nothing is left but the stop.
            match start_if_equal(steps, acting).await {
                Ok(()) => {}
                Err(more) => {
                    log::error!(volume = steps.entry().name.as_str(), group = group.as_str(), cause:% = more;
                        "the group stays stopped after a volume of it could not grow");
                    alone.end();
                    return Err(cause);
                }
            }
            Err(cause)
        }
    };
    let unlocked = group_lock::release(steps, acting).await;
    alone.end();
    done.and(unlocked)
}

async fn under_lock(
    steps: &mut Steps,
    acting: &Acting,
    alone: &Alone,
    to: NewSize,
    progress: &Progress,
) -> Result<(), Cause> {
    let group = &acting.group;
    let array = acting.array.urgent();
    let vv = &steps.entry().vv;
    let now = alone.now.as_ref().filter(|now| now.holds(vv));
    let Some(now) = now else {
        let group = group.clone();
        return Err(GrowError::NotInGroup { group }.into());
    };
    if !alone.stop_is_ours {
        replication::check_growth(array.label(), now)
            .map_err(|why| groups::refused(&array, why))?;
    }
    // Another host may have made it larger while this one waited: what is added comes to that, and a size that is reached is enough.
    let [here, there] = sizes(steps, acting).await?;
    let wanted = wanted(here, to.at_least(here))?;
    if here >= wanted && here == there && now.status == GroupStatus::Started {
        return Ok(());
    }
    progress.tell(format!("stopping remote copy group `{group}`"));
    groups::carry_out(steps, &array, &Action::Stop(group.clone())).await?;
    progress.tell(format!(
        "growing it to {wanted} on array `{}`",
        array.label()
    ));
    to_size(steps, Intent::Grow, &array, here, wanted).await?;
    make_equal(steps, acting, Some(progress)).await?;
    progress.tell(format!("starting remote copy group `{group}`"));
    groups::carry_out(steps, &array, &Action::Start(group.clone())).await
}

/// What both arrays show: the one that acts, and the other one.
async fn sizes(steps: &Steps, acting: &Acting) -> Result<[Size; 2], Cause> {
    let here = look(steps, &acting.array.urgent()).await?.size;
    let there = look(steps, &acting.other.urgent()).await?.size;
    Ok([here, there])
}

/// Where the other array has not followed by itself, it is told to; and the reverse.
async fn make_equal(
    steps: &mut Steps,
    acting: &Acting,
    progress: Option<&Progress>,
) -> Result<(), Cause> {
    let [here, there] = sizes(steps, acting).await?;
    let wanted = here.max(there);
    if let (Some(progress), true) = (progress, there < wanted) {
        progress.tell(format!(
            "growing it on array `{}`, too",
            acting.other.label()
        ));
    }
    to_size(
        steps,
        Intent::GrowCopy,
        &acting.other.urgent(),
        there,
        wanted,
    )
    .await?;
    to_size(steps, Intent::Grow, &acting.array.urgent(), here, wanted).await?;
    must_be_equal(steps, acting).await
}

async fn must_be_equal(steps: &Steps, acting: &Acting) -> Result<(), Cause> {
    let sizes = sizes(steps, acting).await?;
    if sizes[0] == sizes[1] {
        return Ok(());
    }
    Err(GrowError::SizesDiffer {
        vv: steps.entry().vv.clone(),
        sizes,
        arrays: [&acting.array, &acting.other].map(|array| array.label().to_owned()),
    }
    .into())
}

/// Starts what this operation stopped, unless the arrays would refuse it.
async fn start_if_equal(steps: &mut Steps, acting: &Acting) -> Result<(), Cause> {
    if !Intent::StopGroup.may_have_happened(steps.entry()) {
        return Ok(());
    }
    if steps.is_in_doubt() {
        return Err(Cause::NotKnown("a command may still be running".to_owned()));
    }
    must_be_equal(steps, acting).await?;
    let array = acting.array.urgent();
    let look = array.showrcopy_group(&acting.group);
    let now = steps.look("group", look).await?;
    if now.is_some_and(|now| now.status != GroupStatus::Started) {
        groups::carry_out(steps, &array, &Action::Start(acting.group.clone())).await?;
    }
    Ok(())
}

/// What is not as it was, for people; none if all is.
pub(super) async fn left(backend: &Backend, steps: &Steps) -> Option<String> {
    let acting = groups::recall(steps.entry(), backend.pair.as_ref()?)?;
    let free = match group_lock::is_ours(steps, &acting).await {
        Ok(ours) => !ours,
        Err(_) => false,
    };
    let group = &acting.group;
    (!free).then(|| {
        let vv = &steps.entry().vv;
        format!("perhaps remote copy group `{group}`, stopped, and `{vv}` larger on one array than on the other")
    })
}

/// True if a person took the lock away: what the group is like since is that person's.
fn is_taken_over(steps: &Steps) -> bool {
    steps.entry().facts.contains_key(TAKEN_OVER)
}

/// A group that was taken over, and does not run, is left as it is.
async fn tell_of_stop(steps: &Steps, acting: &Acting) -> Result<(), Cause> {
    let look = acting.array.showrcopy_group(&acting.group);
    let now = steps.look("group", look).await?;
    if now.is_some_and(|now| now.status == GroupStatus::Stopped) {
        log::warn!(volume = steps.entry().name.as_str(), group = acting.group.as_str(), array = acting.array.label();
            "the lock of the group was taken away while a volume of it grew: the group is left as it is, stopped");
    }
    Ok(())
}

/// Ends the cycle that an interrupted growth was in. Gives where the group is changed now, if the volume is in one.
pub(super) async fn settle(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    steps: &mut Steps,
) -> Result<Option<Acting>, Cause> {
    let Some(pair) = &backend.pair else {
        return Ok(None);
    };
    let Some(before) = groups::recall(steps.entry(), pair) else {
        return Ok(None);
    };
    if Intent::GrowCopy.is_in(steps.entry()) && !steps.no_earlier_session(&before.other).await? {
        let why = format!(
            "a `growvv` may still be running on array `{}`",
            before.other.label()
        );
        return Err(Cause::NotKnown(why));
    }
    let acting = create::where_it_is_now(backend, steps, &before).await?;
    let held = group_lock::is_ours(steps, &acting).await?;
    let differ = Intent::Grow.is_in(steps.entry()) && must_be_equal(steps, &acting).await.is_err();
    if !held && Intent::StopGroup.may_have_happened(steps.entry()) {
        // Before a lock of its own is there again, which says nothing of who stopped the group.
        steps.record(&[(TAKEN_OVER, "yes")])?;
    }
    if held || differ {
        let Some(alone) = queue::alone(inner, backend, coming, steps, &acting).await? else {
            return Ok(Some(acting));
        };
        let stop_is_ours = alone.stop_is_ours && !is_taken_over(steps);
        let mut done = make_equal(steps, &acting, None).await;
        if done.is_ok() && stop_is_ours {
            done = start_if_equal(steps, &acting).await;
        }
        // Sizes that differ stay in the journal, and a group of its own with them: no array starts it so.
        if done.is_ok() || !stop_is_ours {
            done = done.and(group_lock::release(steps, &acting).await);
        }
        alone.end();
        done?;
    }
    if is_taken_over(steps) {
        tell_of_stop(steps, &acting).await?;
    }
    coming.leave();
    Ok(Some(acting))
}
