//! Schedules: what an array takes by itself for as long as a snapshot is there (V5).

use crate::{
    inform::{Array, ArrayError, CreateSched, Refusal, Sched},
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
    let exists = || SnapshotError::ScheduleExists {
        array: array.label().to_owned(),
        name: name.clone(),
    };
    let found = steps.look("schedule", array.showsched(Some(name))).await?;
    if !found.is_empty() {
        return Err(exists().into());
    }
    if schedule.retention.is_some() {
        may_retain(steps, array).await?;
    }
    steps.record(&[(NAME, name.as_str()), (OF, source.as_str())])?;
    let asked = CreateSched {
        name: name.clone(),
        frequency: schedule.frequency.clone(),
        source: source.clone(),
        prefix: schedule.prefix.clone(),
        read_only: false,
        expires: schedule.expiration,
        retained: schedule.retention,
    };
    let made = steps
        .act(Intent::MakeSchedule, array.createsched(&asked), || {
            is_there(array, name, source, schedule)
        })
        .await;
    match made {
        // Another host was faster.
        Err(Cause::Array(error)) if error.refusal() == Some(Refusal::Exists) => {
            steps.record(&[(&Intent::MakeSchedule.refused(), "yes")])?;
            Err(exists().into())
        }
        made => made,
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
        Some(sched)
            if is_of(sched, source) && sched.frequency.as_ref() == Some(&schedule.frequency) =>
        {
            Seen::Done(())
        }
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

/// Takes back the schedule that an unfinished create may have made.
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
    let (Some(name), Some(source)) = (name, source) else {
        return Ok(());
    };
    if remove(steps, array, &name, &source).await? {
        undone.push(format!("schedule `{name}` removed"));
    }
    Ok(())
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
    remove(steps, array, name, source).await.map(drop)
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

/// Removes a schedule, if it is the one of these snapshots. True if it did.
pub(in crate::volume) async fn remove(
    steps: &mut Steps,
    array: &Array,
    name: &ScheduleName,
    source: &VvName,
) -> Result<bool, Cause> {
    let found = steps.look("schedule", array.showsched(Some(name))).await?;
    let Some(sched) = found.first() else {
        return Ok(false);
    };
    if !is_of(sched, source) {
        log::warn!(schedule = name.as_str(), array = array.label(), command = sched.command.as_str();
            "the schedule of that name is another one by now: left alone");
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
    all.iter().find(|sched| {
        let name = sched.command.split_whitespace().rev().nth(1);
        let prefix = name.and_then(|name| name.split_once(".@"));
        let prefix = prefix.and_then(|(prefix, _)| SnapshotPrefix::new(prefix).ok());
        is_of(sched, of) && prefix.is_some_and(|prefix| prefix.is_of(vv))
    })
}
