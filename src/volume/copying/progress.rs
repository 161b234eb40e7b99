//! How far a clone is, by what its array shows.

use serde_json::{Map, Value, json};

use crate::{
    inform::{Array, CopyProgress, Task, TaskStatus, Vv, VvKind, VvQuery, VvState},
    model::{Comment, Side, TaskId, VvName},
    volume::{
        error::{Cause, StillCopying},
        kill_points::{Doing, KillPoints},
    },
};

/// How far the copy into a VV is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::volume) enum Progress {
    /// The array is at it.
    Underway {
        /// How much is copied.
        percent: u8,
        /// Its task, if the array lists that.
        task: Option<TaskId>,
    },
    /// It ended, and not all data are there; why, for people.
    Failed(String),
    /// It is not underway, and nothing tells how it ended.
    Unknown,
    /// All data are there.
    Complete {
        /// It is still tied to what it was copied from.
        tied: bool,
    },
}

/// Looks at the copy into a VV. `None` if there is no such VV.
///
/// The lists of tasks go back a day only, and what is not in them proves nothing. So where they do not tell, the task in the comment is asked
/// for by its number. A copy of which no task tells any more is complete if the array still has the VV as a copy that has all it is to have,
/// and else nobody knows: a VV that is like any other may as well be what a failed copy left.
pub(in crate::volume) async fn look(
    points: &KillPoints,
    array: &Array,
    vv: &VvName,
) -> Result<Option<(Vv, Progress)>, Cause> {
    // The tasks first: what they say has ended shows in the VV.
    let look = |what| points.around(Doing::Look, what, array.showtask_copies());
    let mut tasks = look("copies").await?;
    let look = |what| points.around(Doing::Look, what, array.showvv(VvQuery::Name(vv)));
    let Some(mut found) = look("vv").await?.into_iter().next() else {
        return Ok(None);
    };
    let mut progress = judge(&found, newest(tasks, vv, task_of(&found)).as_ref());
    if progress == Progress::Unknown {
        tasks = points
            .around(Doing::Look, "tasks", array.showtask_active())
            .await?;
        if let Some(id) = task_of(&found) {
            let look = points.around(Doing::Look, "task", array.showtask(id));
            tasks.extend(look.await?);
        }
        let task = newest(tasks, vv, task_of(&found));
        let Some(again) = look("vv").await?.into_iter().next() else {
            return Ok(None);
        };
        found = again;
        progress = judge(&found, task.as_ref());
    }
    let copied = |what| points.around(Doing::Look, what, array.showvv_cpprog(vv));
    match &mut progress {
        Progress::Underway { percent, .. } => {
            *percent = copied("progress").await?.as_ref().map_or(0, per_cent);
        }
        Progress::Unknown if found.kind == VvKind::PhysicalCopy => {
            if copied("progress").await?.as_ref().is_some_and(has_all) {
                progress = Progress::Complete { tied: true };
            }
        }
        Progress::Unknown | Progress::Failed(_) | Progress::Complete { .. } => {}
    }
    Ok(Some((found, progress)))
}

/// The task in the comment of a clone.
fn task_of(vv: &Vv) -> Option<TaskId> {
    Comment::parse(vv.comment.as_deref()?).ok()?.becomes?.task
}

/// The task that copies, or copied, to this VV: an active one, or else that of this number, or, where the number is not known, the one that
/// was begun last.
fn newest(tasks: Vec<Task>, vv: &VvName, id: Option<TaskId>) -> Option<Task> {
    let to_it = |task: &Task| {
        let it = task.status == TaskStatus::Active || id.is_none_or(|id| task.id == id);
        it && copies_to(task).is_some_and(|to| to == vv.as_str())
    };
    let age = |task: &Task| (task.status == TaskStatus::Active, task.started.clone());
    tasks.into_iter().filter(to_it).max_by_key(age)
}

/// The VV that a task copies to (array fact 120).
pub(super) fn copies_to(task: &Task) -> Option<&str> {
    task.name.rsplit_once("->").map(|(_, to)| to)
}

/// The VV that a task copies from.
pub(super) fn copies_from(task: &Task) -> Option<&str> {
    task.name.rsplit_once("->").map(|(from, _)| from)
}

fn judge(vv: &Vv, task: Option<&Task>) -> Progress {
    let underway = Progress::Underway {
        percent: 0,
        task: task.map(|task| task.id),
    };
    if vv.state == VvState::CopyFailed {
        return Progress::Failed(format!("array state `{}`", vv.state));
    }
    let done = match task.map(|task| (&task.status, task.id)) {
        Some((TaskStatus::Active, _)) => return underway,
        Some((status @ (TaskStatus::Failed | TaskStatus::Cancelled), id)) => {
            return Progress::Failed(
                format!("task {id} was {status}").replace("was failed", "failed"),
            );
        }
        Some((TaskStatus::Done, _)) => true,
        Some((TaskStatus::Other(_), _)) => return underway,
        None => false,
    };
    match &vv.kind {
        VvKind::PhysicalCopy if done => Progress::Complete { tied: true },
        VvKind::Base if done => Progress::Complete { tied: false },
        _ if vv.state == VvState::Normal => Progress::Unknown,
        _ => underway,
    }
}

/// How much is copied; never all, while the array does not say that it is done.
fn per_cent(progress: &CopyProgress) -> u8 {
    let copied = progress.copied.map_or(0, |copied| copied.mib());
    let percent = copied * 100 / progress.size.mib().max(1);
    u8::try_from(percent).unwrap_or(99).min(99)
}

/// True if the array calls it a copy that has all it is to have.
fn has_all(progress: &CopyProgress) -> bool {
    let whole = progress.copied == Some(progress.size);
    whole && progress.kind == VvKind::PhysicalCopy && progress.copy_of.is_some()
}

/// Why no host may have a clone yet, or ever.
pub(in crate::volume) fn not_ready(comment: &Comment, vv: &Vv, progress: &Progress) -> Cause {
    let of = of(comment, vv);
    let percent = match progress {
        Progress::Failed(why) => {
            return Cause::CopyFailed {
                of,
                why: why.clone(),
            };
        }
        Progress::Unknown => return Cause::CopyEndUnknown { of },
        Progress::Underway { percent, .. } => Some(*percent),
        Progress::Complete { .. } => None,
    };
    Cause::Copying(StillCopying {
        of,
        percent,
        by: comment.op.machine.clone(),
    })
}

/// What an inspect shows of a clone that is being copied. `made_on`: which of its backend's arrays that is on.
pub(in crate::volume) fn shown(
    comment: &Comment,
    vv: &Vv,
    progress: &Progress,
    made_on: Side,
) -> Value {
    let mut shown = Map::new();
    shown.insert("of".to_owned(), json!(of(comment, vv)));
    match progress {
        Progress::Underway { percent, task } => {
            shown.insert("per cent".to_owned(), json!(percent));
            if let Some(task) = task {
                shown.insert("task".to_owned(), json!(task));
            }
        }
        Progress::Failed(why) => {
            shown.insert("failed".to_owned(), json!(why));
        }
        Progress::Unknown => {
            let unknown = "the array does not tell any more how the copy ended";
            shown.insert("failed".to_owned(), json!(unknown));
        }
        Progress::Complete { .. } => {
            shown.insert("per cent".to_owned(), json!(100));
        }
    }
    if let Some(becomes) = &comment.becomes {
        if becomes.size > vv.size {
            shown.insert("then size".to_owned(), json!(becomes.size.to_string()));
        }
        if let Some(group) = becomes.group_at_home(made_on) {
            shown.insert("then group".to_owned(), json!(group));
        }
    }
    shown.insert("by".to_owned(), json!(comment.op.machine.name()));
    Value::Object(shown)
}

/// What it is a clone of, for people: a long name may not have fitted into the comment.
fn of(comment: &Comment, vv: &Vv) -> String {
    match (&comment.of, &vv.copy_of) {
        (Some(of), _) => of.to_string(),
        (None, Some(parent)) => parent.to_string(),
        (None, None) => "another volume".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inform::VvProvisioning;
    use crate::model::{CpgName, Size, VvId};

    fn vv(kind: VvKind, state: VvState) -> Vv {
        Vv {
            id: VvId(7),
            name: VvName::new("dkv-b").unwrap(),
            prov: VvProvisioning::Thin,
            copy_of: None,
            kind,
            size: Size::from_gib(1),
            wwn: "60002AC0000000000000002A0001DB50".parse().unwrap(),
            user_cpg: CpgName::new("cpg").ok(),
            snap_cpg: None,
            state,
            created: String::new(),
            expires: None,
            retained_until: None,
            comment: None,
            read_only: false,
        }
    }

    fn task(id: u16, name: &str, status: TaskStatus, started: &str) -> Task {
        Task {
            id: TaskId::try_from(id).unwrap(),
            kind: "vv_copy".to_owned(),
            name: name.to_owned(),
            status,
            step: None,
            copied: None,
            started: started.to_owned(),
            finished: None,
            last_line: None,
        }
    }

    #[test]
    fn only_what_the_array_calls_done_is_complete() {
        use TaskStatus::{Active, Cancelled, Done, Failed};
        let judged = |kind, state, status: Option<TaskStatus>| {
            let task = status.map(|status| task(5, "dkv-a->dkv-b", status, ""));
            judge(&vv(kind, state), task.as_ref())
        };
        let complete = |tied| Progress::Complete { tied };
        let (base, tied) = (VvKind::Base, VvKind::PhysicalCopy);
        let normal = VvState::Normal;
        assert_eq!(
            judged(base.clone(), normal.clone(), Some(Done)),
            complete(false)
        );
        assert_eq!(
            judged(tied.clone(), normal.clone(), Some(Done)),
            complete(true)
        );
        let underway = |progress| matches!(progress, Progress::Underway { .. });
        // Hosts may have a copy on line at once: that it is a base volume already proves nothing.
        assert!(underway(judged(base.clone(), normal.clone(), Some(Active))));
        // An array may leave either of what a copy that failed has made.
        for kind in [base.clone(), tied.clone()] {
            assert_eq!(judged(kind, normal.clone(), None), Progress::Unknown);
        }
        assert!(underway(judged(base.clone(), VvState::Promoting, None)));
        let failed = |progress| matches!(progress, Progress::Failed(_));
        assert!(failed(judged(
            base.clone(),
            VvState::CopyFailed,
            Some(Done)
        )));
        assert!(failed(judged(base.clone(), normal.clone(), Some(Failed))));
        assert!(failed(judged(tied, normal, Some(Cancelled))));
    }

    #[test]
    fn an_earlier_clone_of_that_name_says_nothing() {
        let tasks = vec![
            task(
                29_999,
                "dkv-a->dkv-b",
                TaskStatus::Cancelled,
                "2026-11-20 08:15:01 CET",
            ),
            task(
                3,
                "dkv-a->dkv-b",
                TaskStatus::Done,
                "2026-11-20 09:15:01 CET",
            ),
            task(
                4,
                "dkv-b->dkv-c",
                TaskStatus::Active,
                "2026-11-20 10:15:01 CET",
            ),
        ];
        let b = VvName::new("dkv-b").unwrap();
        let found = newest(tasks.clone(), &b, None).unwrap();
        assert_eq!(found.status, TaskStatus::Done);
        let numbered = |id: &str| newest(tasks.clone(), &b, id.parse().ok());
        assert_eq!(numbered("29999").unwrap().status, TaskStatus::Cancelled);
        assert!(numbered("4").is_none(), "a number that was given again");
        assert!(numbered("5").is_none());
    }
}
