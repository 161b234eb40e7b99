//! `showuserconn`: sessions that are connected or still run a command.

use super::{Answer, Call, Command, Options};
use crate::clock;
use crate::table::{Column, Table};

/// `showuserconn [-current] [-d]`.
pub static COMMAND: Command = Command {
    name: "showuserconn",
    syntax: "showuserconn [-current] [-d]",
    flags: &["current", "d"],
    valued: &[],
    changes: false,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let own = call.session;
    let array = call.here();
    let mut table = Table::new(vec![
        Column::right("Id"),
        Column::left("Name"),
        Column::dashed("IP_Addr"),
        Column::left("Role"),
        Column::dashed("Connected_since"),
        Column::left("Current"),
        Column::left("Client"),
        Column::left("ClientName"),
    ]);
    for connection in &array.connections {
        let current = connection.id == own;
        if options.has("current") && !current {
            continue;
        }
        let role = array
            .users
            .iter()
            .find(|user| user.name == connection.user)
            .map_or("--", |user| &user.role);
        table.row([
            connection.id.to_string(),
            connection.user.clone(),
            connection.address.clone(),
            role.to_owned(),
            clock::date(connection.since, &array.time_zone),
            if current { "current" } else { "" }.to_owned(),
            "CLI".to_owned(),
            "--".to_owned(),
        ]);
    }
    Answer::says(table.total(Vec::new()).render(options.style))
}
