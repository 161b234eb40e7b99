//! `showuser`: who may log in.

use super::{Answer, Call, Command, Options};
use crate::patterns;
use crate::table::{Column, Table};

/// `showuser [<user or pattern>…]`.
pub static COMMAND: Command = Command {
    name: "showuser",
    syntax: "showuser [<user>|<pattern>...]",
    flags: &[],
    valued: &[],
    changes: false,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let mut table = Table::new(
        ["Username", "Domain", "Role", "Default"]
            .map(Column::left)
            .to_vec(),
    );
    for user in call
        .here()
        .users
        .iter()
        .filter(|user| patterns::any_matches(&options.words, &user.name))
    {
        table.row([user.name.as_str(), "all", user.role.as_str(), "N"]);
    }
    Answer::says(table.total(Vec::new()).render(options.style))
}
