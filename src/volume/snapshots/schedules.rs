//! Schedules: what an array takes by itself for as long as a snapshot is there (V5).

use std::{sync::OnceLock, time::Duration};

use tokio::time::Instant;

use crate::{
    inform::{Array, ArrayError, CreateSched, Refusal, Sched, SchedStatus, Vv, VvQuery},
    model::{Comment, Schedule, ScheduleName, SnapshotOf, SnapshotPrefix, VvName},
    volume::{
        error::Cause,
        steps::{Intent, Seen, Steps},
    },
};

use super::error::{SnapshotError, VIRTUAL_LOCK};

/// Says in the journal which schedule an operation makes.
const NAME: &str = "schedule";
/// What it takes snapshots of.
const OF: &str = "schedule of";
/// What their names begin with.
const PREFIX: &str = "schedule prefix";
/// The array said that it has made it: it is nobody else's.
const MADE: &str = "schedule made";

/// So long a host that has made a schedule may need to take the snapshot that it goes with.
const CLAIMED: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Has the array take further snapshots, if that was asked. Before the snapshot itself is taken: that is complete at once.
///
/// # Errors
/// [`SnapshotError::ScheduleExists`] for a name that is in use, [`SnapshotError::NotLicensedToRetain`].
pub(in crate::volume) async fn make(
    steps: &mut Steps,
    array: &Array,
    source: &VvName,
    snapshot: &SnapshotOf,
) -> Result<(), Cause> {
    let (Some(name), Some(schedule)) = (&snapshot.schedule, &snapshot.scheduled) else {
        return Ok(());
    };
    let exists = |found: &[Sched]| SnapshotError::ScheduleExists {
        array: array.label().to_owned(),
        name: name.clone(),
        as_asked: found.iter().any(|it| is_as_asked(it, source, schedule)),
    };
    let found = steps.look("schedule", array.showsched(Some(name))).await?;
    if !found.is_empty() {
        return Err(exists(&found).into());
    }
    if schedule.retention.is_some() {
        may_retain(steps, array).await?;
    }
    steps.record(&[
        (NAME, name.as_str()),
        (OF, source.as_str()),
        (PREFIX, schedule.prefix.as_str()),
    ])?;
    let asked = CreateSched {
        name: name.clone(),
        frequency: schedule.frequency.clone(),
        source: source.clone(),
        prefix: schedule.prefix.clone(),
        read_only: false,
        expires: schedule.expiration,
        retained: schedule.retention,
    };
    let answered = OnceLock::new();
    let act = async {
        array.createsched(&asked).await?;
        let _ = answered.set(());
        Ok(())
    };
    let made = steps
        .act(Intent::MakeSchedule, act, || {
            is_there(array, name, source, schedule)
        })
        .await;
    match made {
        // Another host was faster.
        Err(Cause::Array(error)) if error.refusal() == Some(Refusal::Exists) => {
            steps.record(&[(&Intent::MakeSchedule.refused(), "yes")])?;
            let found = steps.look("schedule", array.showsched(Some(name))).await?;
            Err(exists(&found).into())
        }
        Ok(()) if answered.get().is_some() => steps.record(&[(MADE, "yes")]),
        made => made,
    }
}

/// Waits until whoever has made a schedule has taken the snapshot that it goes with, a little.
pub(in crate::volume) async fn until_taken(
    array: &Array,
    name: &ScheduleName,
    vv: &VvName,
) -> Result<(), ArrayError> {
    let give_up = Instant::now() + CLAIMED;
    loop {
        let is_taken = !array.showvv(VvQuery::Name(vv)).await?.is_empty();
        if is_taken || Instant::now() >= give_up || array.showsched(Some(name)).await?.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// An array takes any command into a schedule, and refuses it every time it is due (array fact 114).
async fn may_retain(steps: &Steps, array: &Array) -> Result<(), Cause> {
    match steps.look("licences", array.showlicense()).await {
        Ok(licenses) if licenses.may_allow(VIRTUAL_LOCK) => Ok(()),
        Ok(_) => Err(SnapshotError::NotLicensedToRetain {
            array: array.label().to_owned(),
        }
        .into()),
        Err(cause) if cause.is_unreachable() => Err(cause),
        Err(cause) => {
            log::warn!(array = array.label(), cause:% = cause; "its licences are not understood: whether it can retain is not known");
            Ok(())
        }
    }
}

async fn is_there(
    array: &Array,
    name: &ScheduleName,
    source: &VvName,
    schedule: &Schedule,
) -> Result<Seen<()>, ArrayError> {
    let found = array.showsched(Some(name)).await?;
    Ok(match found.first() {
        Some(sched) if is_as_asked(sched, source, schedule) => Seen::Done(()),
        Some(sched) => Seen::NotDone(format!(
            "schedule `{name}` on array `{}` is another one: `{}`",
            array.label(),
            sched.command
        )),
        None => Seen::NotDone(format!(
            "array `{}` has no schedule `{name}`",
            array.label()
        )),
    })
}

/// True if a schedule takes snapshots of this VV: its command ends with it.
fn is_of(sched: &Sched, source: &VvName) -> bool {
    let mut words = sched.command.split_whitespace();
    words.next() == Some("createsv") && words.next_back() == Some(source.as_str())
}

/// True if one of an array's schedules has this name, and takes snapshots of this VV.
pub(in crate::volume) fn runs(all: &[Sched], name: &ScheduleName, source: &VvName) -> bool {
    all.iter()
        .any(|sched| sched.name == name.as_str() && is_of(sched, source))
}

/// When a schedule runs, as its array tells it now, for people.
pub(in crate::volume) async fn runs_at(
    array: &Array,
    name: &ScheduleName,
    source: &VvName,
) -> Result<String, ArrayError> {
    let found = array.showsched(Some(name)).await?;
    Ok(match found.first() {
        None => format!("never: array `{}` has it no more", array.label()),
        Some(sched) if !is_of(sched, source) => format!(
            "never: that of this name on array `{}` is another one by now: `{}`",
            array.label(),
            sched.command
        ),
        Some(sched) => {
            let times = sched.frequency.as_ref().map(ToString::to_string);
            let times = times.unwrap_or_else(|| "at times that are not understood".to_owned());
            match &sched.status {
                SchedStatus::Active => times,
                other => format!("{times} ({other})"),
            }
        }
    })
}

/// What the names of its snapshots begin with, if it takes any as this plugin's schedules do.
fn prefix_of(sched: &Sched) -> Option<SnapshotPrefix> {
    let name = sched.command.split_whitespace().rev().nth(1)?;
    SnapshotPrefix::new(name.split_once(".@")?.0).ok()
}

fn is_as_asked(sched: &Sched, source: &VvName, schedule: &Schedule) -> bool {
    is_of(sched, source)
        && prefix_of(sched).as_ref() == Some(&schedule.prefix)
        && sched.frequency.as_ref() == Some(&schedule.frequency)
}

/// Takes back the schedule that an unfinished create may have made. Its name does not tell whose it is: two hosts may have set out to make
/// the same one.
pub(in crate::volume) async fn undo(
    steps: &mut Steps,
    array: &Array,
    undone: &mut Vec<String>,
) -> Result<(), Cause> {
    let entry = steps.entry();
    if !Intent::MakeSchedule.may_have_happened(entry) {
        return Ok(());
    }
    let name = entry.facts.get(NAME).and_then(|name| name.parse().ok());
    let source = entry.facts.get(OF).and_then(|of| of.parse().ok());
    let prefix = entry.facts.get(PREFIX).and_then(|it| it.parse().ok());
    let (Some(name), Some(source)) = (name, source) else {
        return Ok(());
    };
    if !entry.facts.contains_key(MADE) {
        // Nobody has said that it is this operation's. Another host that has made it takes the snapshot next.
        until_claimed(steps, array, &name, &source).await?;
    }
    if remove(steps, array, &name, &source, prefix.as_ref()).await? {
        undone.push(format!("schedule `{name}` removed"));
    }
    Ok(())
}

/// Waits until a snapshot says that a schedule goes with it, or nobody who has made the schedule can still be about to take one.
async fn until_claimed(
    steps: &Steps,
    array: &Array,
    name: &ScheduleName,
    source: &VvName,
) -> Result<(), Cause> {
    let give_up = Instant::now() + CLAIMED;
    while Instant::now() < give_up {
        let found = steps.look("schedule", array.showsched(Some(name))).await?;
        if found.is_empty() || is_anothers(steps, array, name, source).await? {
            return Ok(());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

/// True if a snapshot of the volume that another operation has taken, perhaps under the same name, says that the schedule goes with it.
async fn is_anothers(
    steps: &Steps,
    array: &Array,
    name: &ScheduleName,
    source: &VvName,
) -> Result<bool, Cause> {
    let look = array.showvv(VvQuery::CopiesOf(source));
    let copies = steps.look("copies", look).await?;
    // One that somebody has renamed is no volume, whatever it says.
    let comment = |vv: &Vv| {
        let comment = Comment::parse(vv.comment.as_deref()?).ok()?;
        (comment.name.vv_name(&comment.namespace) == vv.name).then_some(comment)
    };
    let mut comments = copies.iter().filter_map(comment);
    Ok(comments
        .any(|comment| comment.schedule.as_ref() == Some(name) && comment.op != steps.entry().op))
}

/// Takes away the schedule that goes with a snapshot, before the snapshot itself goes.
pub(in crate::volume) async fn remove_of(
    steps: &mut Steps,
    array: &Array,
    comment: &Comment,
    source: &VvName,
) -> Result<(), Cause> {
    let Some(name) = &comment.schedule else {
        return Ok(());
    };
    remove(steps, array, name, source, None).await.map(drop)
}

/// The schedule that went before the removal of its snapshot failed.
pub(in crate::volume) async fn is_gone(
    steps: &Steps,
    array: &Array,
    comment: &Comment,
) -> Result<Option<ScheduleName>, Cause> {
    let Some(name) = &comment.schedule else {
        return Ok(None);
    };
    if !Intent::RemoveSchedule.may_have_happened(steps.entry()) {
        return Ok(None);
    }
    let found = steps.look("schedule", array.showsched(Some(name))).await?;
    Ok(found.is_empty().then(|| name.clone()))
}

/// Removes a schedule, if it is the one of these snapshots, and goes with no other operation's. True if it did.
pub(in crate::volume) async fn remove(
    steps: &mut Steps,
    array: &Array,
    name: &ScheduleName,
    source: &VvName,
    prefix: Option<&SnapshotPrefix>,
) -> Result<bool, Cause> {
    let found = steps.look("schedule", array.showsched(Some(name))).await?;
    let Some(sched) = found.first() else {
        return Ok(false);
    };
    let is_it = prefix.is_none_or(|prefix| prefix_of(sched).as_ref() == Some(prefix));
    if !is_of(sched, source) || !is_it {
        log::warn!(schedule = name.as_str(), array = array.label(), command = sched.command.as_str();
            "the schedule of that name is another one by now: left alone");
        return Ok(false);
    }
    if is_anothers(steps, array, name, source).await? {
        log::info!(schedule = name.as_str(), array = array.label(); "the schedule goes with another host's snapshot: left alone");
        return Ok(false);
    }
    let gone = || async {
        Ok(if array.showsched(Some(name)).await?.is_empty() {
            Seen::Done(())
        } else {
            Seen::NotDone(format!(
                "schedule `{name}` is still on array `{}`",
                array.label()
            ))
        })
    };
    steps
        .act(Intent::RemoveSchedule, array.removesched(name), gone)
        .await?;
    Ok(true)
}

/// The schedule that takes snapshots of a VV under such names, if the array has one.
pub(super) fn that_made<'a>(all: &'a [Sched], vv: &VvName, of: &VvName) -> Option<&'a Sched> {
    all.iter()
        .find(|sched| is_of(sched, of) && prefix_of(sched).is_some_and(|prefix| prefix.is_of(vv)))
}
