//! `showtask`

use std::sync::LazyLock;

use regex::Regex;

use super::{each, unreadable, words::open_words};
use crate::{
    inform::{
        array::Array,
        error::{ArrayError, Problem, unrecognised},
        quoting::Args,
        row::Row,
    },
    model::{Size, TaskId, VvName},
};

open_words!(
    /// How a task is.
    TaskStatus {
        /// Under way.
        Active = "active",
        /// Ended well.
        Done = "done",
        /// Ended badly.
        Failed = "failed",
        /// Ended by somebody.
        Cancelled = "cancelled",
    }
);

/// A task of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its number.
    pub id: TaskId,
    /// For example `vv_copy`, `promote_sv`, `remote_copy_sync`.
    pub kind: String,
    /// What it works on, as the array writes it: `<parent>-><copy>` for a copy.
    pub name: String,
    /// How it is.
    pub status: TaskStatus,
    /// How many of its steps are done, and how many there are, if it has steps.
    pub step: Option<(u32, u32)>,
    /// How much is copied, and of how much, if the array told so far and in this listing.
    pub copied: Option<(Size, Size)>,
    /// When it began, as the array writes it.
    pub started: String,
    /// When it ended, as the array writes it.
    pub finished: Option<String>,
    /// The last line that the array wrote about it, if this listing has them: why it failed, for example.
    pub last_line: Option<String>,
}

/// What an array calls the task of `promotesv`.
const PROMOTION: &str = "promote_sv";

impl Task {
    /// True if it puts the data of this snapshot back. The numbers wrap: what is listed under one may be another's by now.
    pub fn promotes(&self, snapshot: &VvName) -> bool {
        self.kind == PROMOTION && self.name == snapshot.as_str()
    }
}

impl Array {
    /// The task of this number with its details; an absent one is no error. The numbers wrap: compare kind and name.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showtask(&self, id: TaskId) -> Result<Option<Task>, ArrayError> {
        let args = Args::new().with("id", id);
        let found = self.read("showtask", &args, |rows| detailed(&rows)).await;
        match found {
            Err(error) if error.refusal() == Some(crate::inform::Refusal::NotFound) => Ok(None),
            other => other.map(|task| task.filter(|task| task.id == id)),
        }
    }

    /// The copies of volumes of the last day, also those that have ended. The listing has no total: that one is not in it proves
    /// nothing.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showtask_copies(&self) -> Result<Vec<Task>, ArrayError> {
        self.recent("vv_copy").await
    }

    /// The promotions of snapshots of the last day, also those that have ended. The name of each is its snapshot. As with
    /// [`Array::showtask_copies`], that one is not listed proves nothing.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showtask_promotions(&self) -> Result<Vec<Task>, ArrayError> {
        self.recent(PROMOTION).await
    }

    async fn recent(&self, kind: &str) -> Result<Vec<Task>, ArrayError> {
        let args = Args::new().with("kind", kind);
        self.read("showtask-recent", &args, |rows| each(rows, task))
            .await
    }

    /// The tasks that are under way. The listing has no total: that one is not in it proves nothing.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showtask_active(&self) -> Result<Vec<Task>, ArrayError> {
        self.read("showtask-active", &Args::new(), |rows| each(rows, task))
            .await
    }
}

/// The one task of a detailed listing, with what its lines tell.
fn detailed(rows: &[Row]) -> Result<Option<Task>, Problem> {
    let tasks: Vec<&Row> = rows.iter().filter(|row| row.part == "task").collect();
    let [first] = tasks.as_slice() else {
        return match tasks.as_slice() {
            [] => Ok(None),
            many => Err(unrecognised(format!("{} tasks of one number", many.len()))),
        };
    };
    let mut task = task(first).map_err(|why| unreadable(first, &why))?;
    let lines = rows.iter().filter(|row| row.part == "line");
    for text in lines.filter_map(|row| row.opt("text")) {
        task.copied = progress(text).or(task.copied);
        task.last_line = Some(text.to_owned());
    }
    Ok(Some(task))
}

/// `completed 10238MB of 12544MB (81.62%) …`.
fn progress(line: &str) -> Option<(Size, Size)> {
    static PROGRESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)\bcompleted (?<done>\d+) ?Mi?B of (?<of>\d+) ?Mi?B\b").ok()
    });
    let found = PROGRESS.as_ref()?.captures(line)?;
    let size = |name| Some(Size::from_mib(found.name(name)?.as_str().parse().ok()?));
    Some((size("done")?, size("of")?))
}

fn task(row: &Row) -> Result<Task, String> {
    let step = row.opt("step").map(|text| {
        let (done, of) = text.split_once('/')?;
        Some((done.parse().ok()?, of.parse().ok()?))
    });
    Ok(Task {
        id: row.value("id")?,
        kind: row.text("kind")?.to_owned(),
        name: row.text("name")?.to_owned(),
        status: row.text("status")?.to_ascii_lowercase().as_str().into(),
        step: step.flatten(),
        copied: None,
        started: row.text("started")?.to_owned(),
        finished: row.opt("finished").map(str::to_owned),
        last_line: None,
    })
}
