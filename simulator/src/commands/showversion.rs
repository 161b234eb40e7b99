//! `showversion`: the release.

use super::{Answer, Call, Command, Options, usage};
use crate::state::Release;
use crate::table::{Column, Table};

/// `showversion [-s|-a|-b]`.
pub static COMMAND: Command = Command {
    name: "showversion",
    syntax: "showversion [-a] [-b] [-s]",
    flags: &["a", "b", "s"],
    valued: &[],
    changes: false,
    licence: None,
    run,
};

/// Width of both columns of the component list.
const COMPONENT_WIDTH: usize = 32;

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    if !options.words.is_empty() {
        return usage(&COMMAND, "Too many arguments");
    }
    let release = call.here().release;
    let (number, update) = match release {
        Release::V322 => ("3.2.2", " (MU2)"),
        Release::V331 => ("3.3.1", " (MU2)"),
        Release::V1050 => ("10.5.0", ""),
    };
    if options.has("s") {
        return Answer::says(format!("{number}{update}\n"));
    }
    let build = if options.has("b") {
        format!("{number}.278")
    } else {
        format!("{number}{update}")
    };
    let second = match release {
        Release::V1050 => "Release Type: Standard Support Release",
        Release::V322 | Release::V331 => "Patches:  None",
    };
    let mut components = Table::new(vec![
        Column::left("Component Name").min(COMPONENT_WIDTH),
        Column::left("Version").min(COMPONENT_WIDTH),
    ]);
    components.row(["CLI Server", &build]);
    components.row(["CLI Client", number]);
    components.row(["System Manager", &build]);
    components.row(["Kernel", &build]);
    if release != Release::V1050 {
        components.row(["TPD Kernel Code", &build]);
    }
    if options.has("a") {
        components.row(["IO Stack", &build]);
        components.row(["Drive Firmware", &build]);
        components.row(["Enclosure Firmware", &build]);
    }
    Answer::says(format!(
        "Release version {number}{update}\n{second}\n\n{}",
        components.render(options.style)
    ))
}
