//! `showflashcache`: what VV sets are told about the flash cache.

use super::setflashcache::check_system;
use super::{Answer, Call, Command, Options, usage};
use crate::patterns::any_matches;
use crate::table::{Column, Table};

/// `showflashcache -vvset [<set or pattern>...]`.
pub static COMMAND: Command = Command {
    name: "showflashcache",
    syntax: "showflashcache -vvset [<set_name|pattern> ...]",
    flags: &["vvset"],
    valued: &[],
    changes: false,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let array = call.here();
    if let Err(refusal) = check_system(array) {
        return refusal;
    }
    if !options.has("vvset") {
        return usage(&COMMAND, "-vvset is needed");
    }
    let mut table = Table::new(vec![
        Column::right("Id"),
        Column::left("VVSetName"),
        Column::left("AFCPolicy"),
    ]);
    let mut any = false;
    for (name, set) in &array.vv_sets {
        let Some(uses) = set.flash_cache else {
            continue;
        };
        if any_matches(&options.words, name) {
            any = true;
            let policy = if uses { "enabled" } else { "disabled" };
            table.row([set.id.to_string(), name.clone(), policy.to_owned()]);
        }
    }
    if !any {
        return Answer::says("No vv set listed\n");
    }
    Answer::says(table.total_of(&[]).render(options.style))
}
