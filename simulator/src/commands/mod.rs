//! One file per InForm command, named as the command. Each takes a [`Call`] and gives an [`Answer`].

use crate::state::{Array, World};

/// One command line being carried out.
pub struct Call<'a> {
    /// All arrays: remote copy reaches over to the peer.
    pub world: &'a mut World,
    /// System name of the array the user is logged in to.
    pub array: &'a str,
    /// Login name.
    pub user: &'a str,
    /// Id of the session, as `showuserconn` prints it.
    pub session: u32,
    /// The words after the command's name; quotes are resolved, a quoted text is one word.
    pub args: &'a [String],
    /// Virtual time, seconds since 1970.
    pub now: i64,
    /// `setclienv csvtable 1` or `-csvtable`.
    pub csv: bool,
    /// `setclienv nohdtot 1` or `-nohdtot`.
    pub nohdtot: bool,
}

impl Call<'_> {
    /// The array the user is logged in to.
    ///
    /// # Panics
    /// If the array is not part of the world, which cannot happen for a session.
    #[allow(clippy::expect_used)]
    pub fn here(&mut self) -> &mut Array {
        self.world.arrays.get_mut(self.array).expect("a session belongs to an array")
    }
}

/// What a command prints and how it ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Standard output.
    pub stdout: String,
    /// Standard error; in a shell both come in one stream.
    pub stderr: String,
    /// Exit status of an exec channel.
    pub status: u32,
}

impl Answer {
    /// Success without a word.
    pub fn silent() -> Self {
        Self::default()
    }

    /// Success with text. `text` ends in a newline.
    pub fn says(text: impl Into<String>) -> Self {
        Self { stdout: text.into(), ..Self::default() }
    }

    /// A refusal on standard output, status 1.
    pub fn refuses(text: impl Into<String>) -> Self {
        let mut stdout = text.into();
        if !stdout.ends_with('\n') {
            stdout.push('\n');
        }
        Self { stdout, stderr: String::new(), status: 1 }
    }

    /// A refusal on standard error, status 1.
    pub fn refuses_on_stderr(text: impl Into<String>) -> Self {
        let mut stderr = text.into();
        if !stderr.ends_with('\n') {
            stderr.push('\n');
        }
        Self { stdout: String::new(), stderr, status: 1 }
    }
}
