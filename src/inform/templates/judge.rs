//! Judging an answer: complete and understood, refused, or neither.

use serde::Deserialize;

use super::{
    Templates,
    pattern::Pattern,
    table::is_separator,
    template::{Shape, Template},
};
use crate::inform::{
    error::{Problem, Refusal, refused, truncated, unrecognised},
    row::Row,
};

/// A line that means no.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefusalPattern {
    pattern: Pattern,
    kind: Refusal,
}

impl RefusalPattern {
    fn refusal(&self, line: &str) -> Option<Problem> {
        let mut groups = self.pattern.groups(line)?;
        let mut kind = self.kind.clone();
        if let Refusal::InitiatorTaken { host } = &mut kind {
            *host = groups.remove("host").unwrap_or_default();
        }
        Some(refused(kind, line))
    }
}

impl Templates {
    /// Judges an answer: rows if it is complete and understood, none for a silent success or an empty list. A command that changes
    /// something gives a row for each line that tells more than that it went well.
    ///
    /// # Errors
    /// [`Problem`]: refused, truncated or not understood.
    pub fn judge(
        &self,
        template: &Template,
        text: &str,
        exit_status: Option<i32>,
    ) -> Result<Vec<Row>, Problem> {
        let file = &template.file;
        let lines = text.lines().map(str::trim_end);
        let spoken: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        let failed = exit_status.is_some_and(|status| status != 0);
        if let Shape::Silent(shape) = &template.shape {
            let unknown = without(&file.ignore, &without(&shape.accepts, &spoken));
            return match self.refused(template, &unknown) {
                Some(problem) => Err(problem),
                None if failed => Err(refused(Refusal::Other, "a failure without words")),
                None => Ok(shape.told(&spoken)),
            };
        }
        if spoken.len() == 1 && without(&file.empty, &spoken).is_empty() {
            return Ok(Vec::new());
        }
        // No row of any table begins with this word, and stderr may come at any place among stdout (array fact 8).
        let mut errors = spoken.clone();
        errors.retain(|line| line.starts_with("Error:"));
        if let Some(problem) = self.refused(template, &errors) {
            return Err(problem);
        }
        let kept = without(&file.ignore, &spoken);
        if kept.is_empty() {
            return Err(truncated("nothing came"));
        }
        let rows = match &template.shape {
            Shape::Silent(_) => Ok(Vec::new()),
            Shape::Line(shape) => shape.read(&kept),
            Shape::Table(shape) => shape.read(&kept),
            Shape::Sections(shape) => shape.read(&kept),
            Shape::KeyValue(shape) => shape.read(&kept),
        };
        let rows = rows.map_err(|problem| {
            // Only where nothing looks like the listing: a comment in a row may well say "not found".
            let refusal = problem.headless.then(|| self.refusal(template, &spoken));
            refusal.flatten().unwrap_or(problem)
        })?;
        // Where no total tells that nothing is missing, the answer must end as this command's answers end. An exit status does
        // not tell: the SSH library says 0 also when none came (array fact 40).
        let (counted, end) = match &template.shape {
            Shape::Table(_) => (kept.iter().any(|line| is_separator(line)), "\n"),
            Shape::Sections(shape) if shape.ends_blank => (false, "\n\n"),
            _ => (false, "\n"),
        };
        if !counted && !text.replace('\r', "").ends_with(end) {
            return Err(truncated("the end is missing"));
        }
        if !counted && failed {
            return Err(unrecognised("the command reports a failure without words"));
        }
        Ok(rows)
    }

    /// The first line that is a known refusal.
    fn refusal(&self, template: &Template, lines: &[&str]) -> Option<Problem> {
        let known = || template.file.refusals.iter().chain(&self.refusals);
        let mut lines = lines.iter();
        lines.find_map(|line| known().find_map(|pattern| pattern.refusal(line)))
    }

    /// A refusal if there is any line: what none of them should be is a no, whatever it says.
    fn refused(&self, template: &Template, lines: &[&str]) -> Option<Problem> {
        let first = lines.first()?;
        let other = || refused(Refusal::Other, first);
        Some(self.refusal(template, lines).unwrap_or_else(other))
    }
}

/// The lines that none of the patterns knows.
fn without<'a>(known: &[Pattern], lines: &[&'a str]) -> Vec<&'a str> {
    let unknown = |line: &&&str| !known.iter().any(|pattern| pattern.is_match(line));
    lines.iter().filter(unknown).copied().collect()
}
