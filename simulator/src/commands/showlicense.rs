//! `showlicense`: licensed features, one a line.

use super::{Answer, Call, Command, Options};

/// `showlicense [-raw]`.
pub static COMMAND: Command = Command {
    name: "showlicense",
    syntax: "showlicense [-raw]",
    flags: &["raw"],
    valued: &[],
    changes: false,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let licences = &call.here().licenses;
    if options.has("raw") {
        return Answer::says("0000-0000-0000-0000-0000-0000-0000-0000\n");
    }
    let lines: String = licences
        .iter()
        .map(|licence| format!("  {licence}\n"))
        .collect();
    Answer::says(format!("License features currently enabled:\n{lines}"))
}
