//! `exit`: ends an interactive session (the session does that itself); nothing else.

use super::{Answer, Call, Command, Options};

/// `exit`.
pub static COMMAND: Command = Command {
    name: "exit",
    syntax: "exit",
    flags: &[],
    valued: &[],
    changes: false,
    licence: None,
    run,
};

fn run(_: &mut Call<'_>, _: &Options) -> Answer {
    Answer::silent()
}
