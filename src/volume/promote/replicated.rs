//! A snapshot of a replicated volume is put back while the volume's group is stopped: what comes back would have to be sent as it comes, and
//! no array does that (array fact 121). The plugin stops the group when whoever asks lets it, because a promotion may last for hours, and no
//! other volume of the group is replicated meanwhile.
//!
//! The lock of the group is held all that time, and says so (`group_lock`): it is what tells a stop of the plugin's from a person's. The lead
//! at the group's queue is not: those who come meanwhile are told, instead of waiting for hours.
//!
//! A promotion that failed, or of which nobody can tell how it ended, leaves a volume with a part of the data on the array that sends. A
//! start would send that part over what may be the last good copy, on the other array. So the group stays stopped and locked then, and the
//! entry in the journal: until a promotion ends well, until a person starts the group or takes the lock away, or until the group has
//! been failed over to that copy.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    inform::{ArrayError, Refusal},
    model::{GroupStatus, SetName, VolumeName, VvName},
    replication::{self, Acting, Action},
    volume::{
        Progress,
        backend::Backend,
        create,
        error::Cause,
        group_lock,
        groups::{self, Found, Standing},
        inner::Inner,
        queue::{self, Alone, Coming, GroupKey},
        steps::{Intent, Steps},
    },
};

use super::{
    PromoteError,
    error::Kept,
    task::{self, Course, Ill},
};

/// How long an array may still call a volume promoted whose task has ended.
const SOON: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Where the group is stopped: only on the array that has the snapshot, and only a group that runs. What does not let it be stopped is
/// refused here.
pub(super) async fn find(
    steps: &mut Steps,
    whole: &Backend,
    with_snapshot: &str,
    of: &VolumeName,
) -> Result<Acting, Cause> {
    let vv = steps.entry().vv.clone();
    let pair = whole.pair.as_ref().ok_or(Cause::NoSuchVolume)?;
    let at_home = steps.look("groups", pair.source.showrcopy_groups()).await?;
    let at_home = at_home.into_iter().find(|group| group.holds(&vv));
    let at_home = at_home.ok_or(Cause::NoSuchVolume)?.name;
    let Found { acting, now } =
        groups::find(steps, whole, pair, &at_home, Standing::Before).await?;
    let array = acting.array.label();
    if array != with_snapshot {
        let (of, group, array) = (of.clone(), at_home, with_snapshot.to_owned());
        return Err(PromoteError::Receives { of, group, array }.into());
    }
    if !task::has_failed(steps.entry()) {
        group_lock::judge(steps, &acting, now, |now| match now {
            Some(now) => replication::check_growth(array, now),
            None => Ok(()),
        })
        .await?;
    }
    groups::remember(steps, &acting, &at_home)?;
    Ok(acting)
}

/// The whole of it. True if the group runs again.
pub(super) async fn promote(
    inner: &Inner,
    whole: &Backend,
    coming: &mut Coming,
    steps: &mut Steps,
    acting: &Acting,
    (snapshot, of): (&VvName, &VolumeName),
    progress: &Progress,
) -> Result<bool, Cause> {
    task::prepare(steps, &acting.array, snapshot).await?;
    let group = &acting.group;
    if let (Some(id), Some(at_home)) = (whole.known_id(), groups::name_at_home(steps.entry())) {
        coming.announce(GroupKey::new(id, &at_home));
    }
    progress.tell(format!("waiting for remote copy group `{group}`"));
    let Some(alone) = queue::alone(inner, whole, coming, steps, acting).await? else {
        return Err(not_in_group(of, acting));
    };
    let begun = stop_and_begin(steps, acting, &alone, (snapshot, of), progress).await;
    if begun.is_err() && !steps.is_in_doubt() {
        // Of what failed before the array began nothing is left but the stop.
        if let Err(cause) = as_before(steps, acting).await {
            log::error!(volume = of.as_str(), group = group.as_str(), cause:% = cause;
                "the group stays stopped after a snapshot could not be put back");
        }
    }
    alone.end();
    begun?;
    let course = task::follow(steps, &acting.array, progress).await?;
    if matches!(course, Course::Done) {
        progress.tell(format!("starting remote copy group `{group}`"));
    }
    let is_gone = matches!(course, Course::Gone);
    let is_started = settle(inner, whole, coming, steps, acting, course).await?;
    if is_gone {
        return Err(Cause::NoSuchVolume);
    }
    Ok(is_started)
}

fn not_in_group(of: &VolumeName, acting: &Acting) -> Cause {
    let (of, group) = (of.clone(), acting.group.clone());
    PromoteError::NotInGroup { of, group }.into()
}

async fn stop_and_begin(
    steps: &mut Steps,
    acting: &Acting,
    alone: &Alone,
    (snapshot, of): (&VvName, &VolumeName),
    progress: &Progress,
) -> Result<(), Cause> {
    let array = acting.array.urgent();
    let vv = &steps.entry().vv;
    let now = alone.now.as_ref().filter(|now| now.holds(vv));
    let now = now.ok_or_else(|| not_in_group(of, acting))?;
    if !(alone.stop_is_ours && now.status == GroupStatus::Stopped) {
        replication::check_growth(array.label(), now)
            .map_err(|why| groups::refused(&array, why))?;
        progress.tell(format!("stopping remote copy group `{}`", acting.group));
        groups::carry_out(steps, &array, &Action::Stop(acting.group.clone())).await?;
    }
    task::begin(steps, &array, snapshot, true, progress).await
}

/// Under the lock: started, and unlocked, unless the array has begun.
async fn as_before(steps: &mut Steps, acting: &Acting) -> Result<(), Cause> {
    let course = task::look(steps, &acting.array.urgent()).await?;
    must_be_believed(steps, acting, &course).await?;
    match course {
        Course::NotBegun | Course::Done | Course::Gone => {
            start_again(steps, acting).await?;
            group_lock::release(steps, acting).await
        }
        Course::Failed(ill) => task::note_failure(steps, &ill),
        Course::Underway(_) => Ok(()),
    }
}

/// Of a volume that is gone the group does not know any more: one empty listing starts no group over the last good copy.
async fn must_be_believed(steps: &Steps, acting: &Acting, course: &Course) -> Result<(), Cause> {
    if !matches!(course, Course::Gone) {
        return Ok(());
    }
    let vv = &steps.entry().vv;
    let look = acting.array.showrcopy_group(&acting.group);
    let now = steps.look("group", look).await?;
    match now.is_some_and(|now| now.holds(vv)) {
        true => Err(Cause::NotKnown(format!(
            "array `{}` does not show VV `{vv}`, and has it in remote copy group `{}`",
            acting.array.label(),
            acting.group
        ))),
        false => Ok(()),
    }
}

/// Starts what this operation stopped. An array says for a moment that the volume is being promoted still.
async fn start_again(steps: &mut Steps, acting: &Acting) -> Result<(), Cause> {
    if !Intent::StopGroup.may_have_happened(steps.entry()) {
        return Ok(());
    }
    let array = acting.array.urgent();
    let give_up = Instant::now() + SOON;
    loop {
        let look = array.showrcopy_group(&acting.group);
        let now = steps.look("group", look).await?;
        if now.is_none_or(|now| now.status == GroupStatus::Started) {
            return Ok(());
        }
        let start = Action::Start(acting.group.clone());
        match groups::carry_out(steps, &array, &start).await {
            Err(Cause::Array(ArrayError::Refused {
                refusal: Refusal::Busy,
                ..
            })) if Instant::now() < give_up => tokio::time::sleep(LOOK_AGAIN).await,
            done => return done,
        }
    }
}

/// Ends it when the array has ended. True if the group runs again; false if it is left to a person, who took the lock away or failed the
/// group over.
///
/// # Errors
/// [`PromoteError::Failed`] if the group stays stopped; whatever keeps it from being started now.
pub(super) async fn settle(
    inner: &Inner,
    whole: &Backend,
    coming: &mut Coming,
    steps: &mut Steps,
    before: &Acting,
    course: Course,
) -> Result<bool, Cause> {
    if let Course::Underway(task) = course {
        return Err(task::underway(steps.entry(), &before.array, task));
    }
    let name = steps.entry().name.clone();
    let (group, array) = (before.group.as_str(), before.array.label());
    let acting = create::where_it_is_now(whole, steps, before).await?;
    if acting.side != before.side || !group_lock::is_ours(steps, &acting).await? {
        let locked = Intent::LockGroup.is_in(steps.entry());
        if locked && !matches!(course, Course::NotBegun) {
            log::warn!(volume = name.as_str(), group = group, array = array;
                "the group was failed over, or its lock taken away, while a snapshot was put back: it is left as it is");
        }
        return match course {
            Course::Failed(ill) if acting.side == before.side => {
                Err(failed(&name, &acting, ill, false))
            }
            _ => Ok(false),
        };
    }
    must_be_believed(steps, &acting, &course).await?;
    if let Course::Failed(ill) = course {
        let look = acting.array.showrcopy_group(&acting.group);
        let now = steps.look("group", look).await?;
        // Failed over since the look at both arrays: what runs is sent the other way.
        if now.as_ref().is_some_and(|now| !now.role.is_primary()) {
            return Err(Cause::RolesChanged(acting.group.clone()));
        }
        if now.is_some_and(|now| now.status == GroupStatus::Started) {
            log::warn!(volume = name.as_str(), group = group, array = array;
                "somebody has started the group after a promotion failed: its lock is given back");
            group_lock::release(steps, &acting).await?;
            return Err(failed(&name, &acting, ill, false));
        }
        task::note_failure(steps, &ill)?;
        return Err(failed(&name, &acting, ill, true));
    }
    let Some(alone) = queue::alone(inner, whole, coming, steps, &acting).await? else {
        return Ok(false);
    };
    let done = async {
        // It may have been taken away since.
        if alone.stop_is_ours {
            start_again(steps, &acting).await?;
        }
        group_lock::release(steps, &acting).await
    };
    let done = done.await;
    let is_started = alone.stop_is_ours;
    alone.end();
    done.map(|()| is_started)
}

fn failed(of: &VolumeName, acting: &Acting, ill: Box<Ill>, is_kept: bool) -> Cause {
    let array = acting.array.label().to_owned();
    let kept = is_kept.then(|| {
        Box::new(Kept {
            group: acting.group.clone(),
            array: array.clone(),
            lock: Some(SetName::lock_of(&acting.group)),
        })
    });
    let of = of.clone();
    PromoteError::Failed {
        of,
        array,
        ill,
        kept,
    }
    .into()
}

/// What is not as it was, for people; none if all is.
pub(super) async fn left(whole: &Backend, steps: &Steps) -> Option<String> {
    let acting = groups::recall(steps.entry(), whole.pair.as_ref()?)?;
    let held = group_lock::is_ours(steps, &acting).await;
    held.unwrap_or(true).then(|| {
        format!(
            "remote copy group `{}` on array `{}`, stopped and locked for this promotion",
            acting.group,
            acting.array.label()
        )
    })
}
