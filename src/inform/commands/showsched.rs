//! `showsched`

use super::{each, local_time::LocalTime, words::open_words};
use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args, row::Row},
    model::{ScheduleFrequency, ScheduleName},
};

open_words!(
    /// What a schedule does.
    SchedStatus {
        /// It runs.
        Active = "active",
        /// It does not run.
        Suspended = "suspended",
    }
);

/// A command that the array runs by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sched {
    /// Its name as the array writes it; whoever else makes schedules may name them as this plugin never would.
    pub name: String,
    /// The command line it runs.
    pub command: String,
    /// When; none if the array says it in a way that is not understood.
    pub frequency: Option<ScheduleFrequency>,
    /// Who made it: it runs with what that user may do.
    pub created_by: String,
    /// What it does.
    pub status: SchedStatus,
    /// When it runs next.
    pub next: Option<LocalTime>,
}

impl Array {
    /// The schedule of that name, or all; an absent one is no error.
    ///
    /// # Errors
    /// [`ArrayError`]. A listing that is not complete is an error, never a shorter listing.
    pub async fn showsched(&self, name: Option<&ScheduleName>) -> Result<Vec<Sched>, ArrayError> {
        let args = Args::new().with_some("name", name);
        self.read("showsched", &args, |rows| each(rows, sched))
            .await
    }
}

fn sched(row: &Row) -> Result<Sched, String> {
    let fields = ["minute", "hour", "day", "month", "weekday"];
    let fields = fields.map(|field| row.text(field));
    let fields: Vec<&str> = fields.into_iter().collect::<Result<_, _>>()?;
    Ok(Sched {
        name: row.text("name")?.to_owned(),
        command: row.text("command")?.to_owned(),
        frequency: ScheduleFrequency::new(&fields.join(" ")).ok(),
        created_by: row.text("created_by")?.to_owned(),
        status: row.text("status")?.into(),
        next: row.parsed("next")?,
    })
}
