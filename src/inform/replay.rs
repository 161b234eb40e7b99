//! Reading a recorded answer again, with the templates of this release.

use super::{ProblemKind, Template, Templates};

impl Templates {
    /// The template a command line was written with, on an OS level if that is known: for replaying a transcript.
    pub fn find(&self, command_line: &str, major: Option<u32>) -> Option<&Template> {
        let words: Vec<&str> = command_line.split_whitespace().collect();
        self.iter()
            .map(|(_, template)| template)
            .filter(|t| literal(t).next() == words.first().copied())
            .filter(|t| {
                let mut rest = words.iter();
                literal(t).all(|word| rest.any(|w| *w == word))
            })
            .filter(|t| t.since() <= major.unwrap_or(u32::MAX))
            .max_by_key(|t| (literal(t).count(), t.since()))
    }

    /// What this release makes of an answer: how many rows it reads, or which refusal it is.
    ///
    /// # Errors
    /// Why it cannot be read: no template writes such a command, or the answer is cut or not understood.
    pub fn replay(
        &self,
        command: &str,
        output: &str,
        exit_status: Option<i32>,
    ) -> Result<String, String> {
        let template = self
            .find(command, None)
            .ok_or_else(|| "no template of this release writes such a command".to_owned())?;
        match self.judge(template, output, exit_status) {
            Ok(_) if template.changes() => Ok("done".to_owned()),
            Ok(rows) => Ok(format!("{} rows", rows.len())),
            Err(problem) => match problem.kind {
                ProblemKind::Refused(refusal) => Ok(format!("refused ({refusal:?})")),
                ProblemKind::Truncated => Err(format!("the answer is cut: {}", problem.why)),
                ProblemKind::Unrecognised => Err(problem.why),
            },
        }
    }
}

/// The words of the command line that are always the same.
fn literal(template: &Template) -> impl Iterator<Item = &str> {
    let words = template.command().split_whitespace();
    words.filter(|word| !word.contains('{'))
}
