//! Reading a recorded answer again, with the templates of this release.

use super::{ProblemKind, Templates};

impl Templates {
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
            Ok(rows) if template.changes() => {
                debug_assert!(rows.is_empty());
                Ok("done".to_owned())
            }
            Ok(rows) => Ok(format!("{} rows", rows.len())),
            Err(problem) => match problem.kind {
                ProblemKind::Refused(refusal) => Ok(format!("refused ({refusal:?})")),
                ProblemKind::Truncated => Err(format!("the answer is cut: {}", problem.why)),
                ProblemKind::Unrecognised => Err(problem.why),
            },
        }
    }
}
