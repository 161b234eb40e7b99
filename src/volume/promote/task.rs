//! The one command, and its task: begun, followed, and found again by a run of the plugin that did not begin it.

use std::{collections::BTreeSet, sync::OnceLock, time::Duration};

use jiff::SignedDuration;

use crate::{
    index::JournalEntry,
    inform::{Array, ArrayError, Task, TaskStatus, VvQuery, VvState},
    model::{TaskId, VvName},
    volume::{
        Progress,
        error::Cause,
        steps::{Intent, Seen, Steps},
    },
};

use super::PromoteError;

/// What the journal calls them.
const TASK: &str = "task";
const SNAPSHOT: &str = "snapshot";
/// Tasks of the snapshot that the array told of before the command.
const BEFORE: &str = "tasks before";
/// That one of this operation did not end well. It stays there until one does.
const FAILED: &str = "failed";
/// How often the task is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long an array tells of a task that has ended, a little less than the day it is asked about.
const TOLD_FOR: SignedDuration = SignedDuration::from_hours(23);

/// How far the array is.
#[derive(Debug)]
pub(super) enum Course {
    /// It was never begun.
    NotBegun,
    /// It goes on.
    Underway(Option<Task>),
    /// It has ended well.
    Done,
    /// It has not, or nobody can tell.
    Failed(Box<Ill>),
    /// Somebody has removed the volume meanwhile: nothing is half written any more, and nothing has the data.
    Gone,
}

/// How a promotion ended that did not end well.
#[derive(Debug)]
pub struct Ill {
    /// The array's task, if that is known.
    pub task: Option<TaskId>,
    /// How it is, as the array calls it.
    pub status: String,
    /// The last line of the task.
    pub said: String,
}

/// The snapshot of an entry of a promotion.
pub(in crate::volume) fn snapshot_of(entry: &JournalEntry) -> Option<VvName> {
    VvName::new(entry.facts.get(SNAPSHOT)?).ok()
}

/// True if this operation had a task that did not end well, and none since that did.
pub(super) fn has_failed(entry: &JournalEntry) -> bool {
    entry.facts.contains_key(FAILED)
}

/// True if the array may have begun with what was asked for last.
pub(super) fn has_begun(entry: &JournalEntry) -> bool {
    entry.facts.get(TASK).is_some_and(|task| !task.is_empty())
}

/// Writes down that the volume may have a part of the data only.
pub(super) fn note_failure(steps: &mut Steps, ill: &Ill) -> Result<(), Cause> {
    if has_failed(steps.entry()) {
        return Ok(());
    }
    steps.record(&[(FAILED, &ill.status)])
}

/// Writes down what is to be put back, and which tasks of it there were before, so that none of those is ever taken for this operation's.
pub(super) async fn prepare(
    steps: &mut Steps,
    array: &Array,
    snapshot: &VvName,
) -> Result<(), Cause> {
    let before = steps.look("tasks", promotions(array, snapshot)).await?;
    let before: Vec<String> = before.iter().map(|task| task.id.to_string()).collect();
    let before = before.join(",");
    steps.record(&[(SNAPSHOT, snapshot.as_str()), (TASK, ""), (BEFORE, &before)])
}

/// Begins it. An answer that is lost is looked for among the tasks that there were not before.
pub(super) async fn begin(
    steps: &mut Steps,
    array: &Array,
    snapshot: &VvName,
    is_replicated: bool,
    progress: &Progress,
) -> Result<(), Cause> {
    let told = OnceLock::new();
    let command = async {
        let task = array.promotesv(snapshot, is_replicated).await?;
        // It is set here only.
        let _ = told.set(task);
        Ok(())
    };
    let sent = steps.send(Intent::Promote, command).await?;
    let task = match told.into_inner() {
        Some(task) => steps.settle(Intent::Promote, sent, Ok(Seen::Done(task)))?,
        None => {
            let known = known_before(steps.entry());
            let look = || async {
                let new = new_one(promotions(array, snapshot).await?, &known);
                Ok(match new {
                    Some(task) => Seen::Done(task.id),
                    None => Seen::NotDone(format!("array `{}` shows no task of it", array.label())),
                })
            };
            steps.prove(Intent::Promote, sent, look).await?
        }
    };
    steps.record(&[(TASK, &task.to_string())])?;
    progress.tell(format!(
        "task {task} on array `{}` puts the data back",
        array.label()
    ));
    Ok(())
}

/// Waits for its end, and tells how far it is.
pub(super) async fn follow(
    steps: &Steps,
    array: &Array,
    progress: &Progress,
) -> Result<Course, Cause> {
    let mut shown = None;
    loop {
        let task = match look(steps, array).await? {
            Course::Underway(task) => task,
            ended => return Ok(ended),
        };
        let copied = task.and_then(|task| task.copied);
        let copied = copied.map(|(done, all)| format!("{done} of {all}"));
        if copied != shown
            && let Some(copied) = &copied
        {
            progress.tell(copied.clone());
        }
        shown = copied;
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Why nothing is ended yet.
pub(super) fn underway(entry: &JournalEntry, array: &Array, task: Option<Task>) -> Cause {
    let snapshot = snapshot_of(entry).unwrap_or_else(|| entry.vv.clone());
    PromoteError::Underway {
        snapshot,
        array: array.label().to_owned(),
        task: task.map_or_else(|| "not listed".to_owned(), |task| task.id.to_string()),
    }
    .into()
}

/// How far it is, by the array alone.
pub(super) async fn look(steps: &Steps, array: &Array) -> Result<Course, Cause> {
    let entry = steps.entry();
    let (true, Some(snapshot)) = (Intent::Promote.is_in(entry), snapshot_of(entry)) else {
        return Ok(Course::NotBegun);
    };
    let recorded = entry.facts.get(TASK).and_then(|id| id.parse().ok());
    let task = match recorded {
        Some(id) => {
            let found = steps.look("task", array.showtask(id)).await?;
            found.filter(|task| task.promotes(&snapshot))
        }
        None => {
            let all = steps.look("tasks", promotions(array, &snapshot)).await?;
            new_one(all, &known_before(entry))
        }
    };
    let vv = array.showvv(VvQuery::Name(&entry.vv));
    let vv = steps.look("vv", vv).await?.into_iter().next();
    let age = jiff::Timestamp::now().duration_since(entry.started);
    Ok(judge(
        recorded,
        task,
        vv.as_ref().map(|vv| &vv.state),
        has_failed(entry),
        age < TOLD_FOR,
    ))
}

/// What the task and the volume, if it is there, say together. `tells`: the array would still tell of a task of this operation.
fn judge(
    recorded: Option<TaskId>,
    task: Option<Task>,
    volume: Option<&VvState>,
    has_failed: bool,
    tells: bool,
) -> Course {
    let Some(volume) = volume else {
        return Course::Gone;
    };
    let ill = |status: String, task: Option<Task>| {
        Course::Failed(Box::new(Ill {
            task: task.as_ref().map(|task| task.id).or(recorded),
            status,
            said: task.and_then(|task| task.last_line).unwrap_or_default(),
        }))
    };
    // Whether there are further words, as for one that waits for its turn, nobody tells.
    let is_active = |task: &Task| match task.status {
        TaskStatus::Active => true,
        TaskStatus::Done | TaskStatus::Failed | TaskStatus::Cancelled => false,
        TaskStatus::Other(_) => task.finished.is_none(),
    };
    match (task, volume) {
        (task, VvState::Promoting) => Course::Underway(task),
        (Some(task), _) if is_active(&task) => Course::Underway(Some(task)),
        (task, VvState::CopyFailed) => ill(VvState::CopyFailed.to_string(), task),
        (Some(task), _) if task.status == TaskStatus::Done => Course::Done,
        (Some(task), _) => ill(task.status.to_string(), Some(task)),
        (None, _) if recorded.is_none() && !has_failed && tells => Course::NotBegun,
        (None, _) if recorded.is_none() && has_failed => ill("failed".to_owned(), None),
        (None, _) => ill("not listed any more".to_owned(), None),
    }
}

async fn promotions(array: &Array, snapshot: &VvName) -> Result<Vec<Task>, ArrayError> {
    let mut all = array.showtask_promotions().await?;
    all.retain(|task| task.promotes(snapshot));
    Ok(all)
}

fn known_before(entry: &JournalEntry) -> BTreeSet<String> {
    let before = entry.facts.get(BEFORE).map_or("", String::as_str);
    before.split(',').map(str::to_owned).collect()
}

fn new_one(all: Vec<Task>, before: &BTreeSet<String>) -> Option<Task> {
    all.into_iter()
        .find(|task| !before.contains(&task.id.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(status: TaskStatus) -> Task {
        Task {
            id: TaskId::try_from(7).unwrap(),
            kind: "promote_sv".to_owned(),
            name: "dkv-s1".to_owned(),
            status,
            step: None,
            copied: None,
            started: "-".to_owned(),
            finished: None,
            last_line: None,
        }
    }

    fn told(course: &Course) -> &'static str {
        match course {
            Course::NotBegun => "not begun",
            Course::Underway(_) => "underway",
            Course::Done => "done",
            Course::Failed(_) => "failed",
            Course::Gone => "gone",
        }
    }

    #[test]
    fn only_a_task_that_is_done_is_an_end_that_is_good() {
        let id = TaskId::try_from(7).ok();
        let waiting = TaskStatus::Other("waiting".to_owned());
        let (done, active) = (TaskStatus::Done, TaskStatus::Active);
        for (recorded, status, volume, says) in [
            (id, Some(done.clone()), VvState::Normal, "done"),
            (None, Some(done.clone()), VvState::Normal, "done"),
            (id, Some(done.clone()), VvState::CopyFailed, "failed"),
            (id, Some(done), VvState::Promoting, "underway"),
            (id, Some(active.clone()), VvState::Normal, "underway"),
            (None, Some(active), VvState::CopyFailed, "underway"),
            (id, Some(waiting), VvState::Normal, "underway"),
            (id, Some(TaskStatus::Cancelled), VvState::Normal, "failed"),
            (None, Some(TaskStatus::Failed), VvState::Normal, "failed"),
            (id, None, VvState::Normal, "failed"),
            (None, None, VvState::CopyFailed, "failed"),
            (None, None, VvState::Promoting, "underway"),
            (None, None, VvState::Normal, "not begun"),
        ] {
            let course = judge(
                recorded,
                status.clone().map(task),
                Some(&volume),
                false,
                true,
            );
            assert_eq!(told(&course), says, "{recorded:?} {status:?} {volume}");
        }
        // A task that is done is no proof that there is a volume with the data.
        let course = judge(id, Some(task(TaskStatus::Done)), None, false, true);
        assert_eq!(told(&course), "gone");
        // What an earlier try of the same operation left, and what no array tells of any more, is not taken for well.
        for (has_failed, tells) in [(true, true), (false, false), (true, false)] {
            let course = judge(None, None, Some(&VvState::Normal), has_failed, tells);
            assert_eq!(told(&course), "failed", "{has_failed} {tells}");
        }
    }
}
