//! `setclienv`: how the rest of the session prints.

use super::{Answer, Call, Command, Options, usage};

/// `setclienv <param> <value>`.
pub static COMMAND: Command = Command {
    name: "setclienv",
    syntax: "setclienv <parameter> <value>",
    flags: &[],
    valued: &[],
    changes: false,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let [parameter, value] = options.words.as_slice() else {
        return usage(&COMMAND, "Wrong number of arguments");
    };
    let environment = &mut call.environment;
    let setting = match parameter.as_str() {
        "csvtable" => &mut environment.style.csv,
        "nohdtot" => &mut environment.style.nohdtot,
        "listdom" => &mut environment.listdom,
        // Known, without effect here.
        "shortnames" | "nowrap" | "haltonerror" | "hafter" | "editor" => return Answer::silent(),
        _ => return usage(&COMMAND, &format!("Invalid parameter {parameter}")),
    };
    match value.as_str() {
        "0" => *setting = false,
        "1" => *setting = true,
        _ => return usage(&COMMAND, &format!("Invalid value {value}")),
    }
    Answer::silent()
}
