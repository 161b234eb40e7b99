//! `help`: the commands there are, or the usage of one.

use super::{Answer, COMMANDS, Call, Command, Options, find};

/// `help [<command>]`.
pub static COMMAND: Command = Command {
    name: "help",
    syntax: "help [<command>]",
    flags: &[],
    valued: &[],
    changes: false,
    licence: None,
    run,
};

fn run(_: &mut Call<'_>, options: &Options) -> Answer {
    let Some(name) = options.words.first() else {
        let names: String = COMMANDS
            .iter()
            .map(|command| format!("{}\n", command.name))
            .collect();
        return Answer::says(names);
    };
    match find(name) {
        Some(command) => Answer::says(format!("SYNTAX\n    {}\n", command.syntax)),
        None => Answer::refuses_on_stderr(format!("Error: no help for {name}")),
    }
}
