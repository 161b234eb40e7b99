//! `showqos`

use super::{each, words::open_words};
use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args, row::Row},
    model::{QosLimits, QosRange, SetName},
};

open_words!(
    /// What a rule is for.
    QosTargetKind {
        /// A VV set.
        VvSet = "vvset",
        /// A domain.
        Domain = "domain",
        /// The system, for what has no rule of its own.
        System = "sys",
    }
);

/// A rule for quality of service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QosRule {
    /// What it is for.
    pub kind: QosTargetKind,
    /// The name of the set or domain.
    pub name: String,
    /// True if it is in force.
    pub on: bool,
    /// What it allows.
    pub limits: QosLimits,
}

impl Array {
    /// The rules of the array, or that of one VV set; an absent one is no error. The layout of this listing is a guess (array
    /// fact 123): an error is more likely than elsewhere, and then a file in `template_dir` helps.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showqos(&self, set: Option<&SetName>) -> Result<Vec<QosRule>, ArrayError> {
        let args = Args::new().with_some("set", set);
        self.read("showqos", &args, |rows| each(rows, rule)).await
    }
}

fn rule(row: &Row) -> Result<QosRule, String> {
    let state = row.text("state")?;
    Ok(QosRule {
        kind: row.text("kind")?.to_ascii_lowercase().as_str().into(),
        name: row.text("name")?.to_owned(),
        on: match state.to_ascii_lowercase().as_str() {
            "on" | "enabled" => true,
            "off" | "disabled" => false,
            _ => return Err(format!("`{state}` is neither on nor off")),
        },
        limits: QosLimits {
            io: range(row, "io_min", "io_max")?,
            bandwidth: range(row, "bw_min", "bw_max")?,
            latency_ms: number(row, "latency")?,
            priority: row.parsed("priority")?,
        },
    })
}

/// A number, or none where there is no limit.
fn number<T: std::str::FromStr<Err: std::fmt::Display>>(
    row: &Row,
    column: &str,
) -> Result<Option<T>, String> {
    match row.opt(column) {
        Some("unlimited") => Ok(None),
        _ => row.parsed(column),
    }
}

fn range(row: &Row, min: &str, max: &str) -> Result<Option<QosRange>, String> {
    let (min, max) = (number(row, min)?, number(row, max)?);
    Ok(max.map(|max| QosRange { min, max }))
}
