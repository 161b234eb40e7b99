//! What a long operation tells while it goes on.

use tokio::sync::mpsc;

/// Takes lines for whoever waits. Nobody need be there any more.
#[derive(Debug, Clone)]
pub struct Progress(mpsc::UnboundedSender<String>);

impl Progress {
    /// One, and where its lines come out.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<String>) {
        let (lines, told) = mpsc::unbounded_channel();
        (Self(lines), told)
    }

    /// Tells what happens now, in a line without a period.
    pub fn tell(&self, line: impl Into<String>) {
        // Whoever asked may have gone; the work goes on.
        let _ = self.0.send(line.into());
    }
}
