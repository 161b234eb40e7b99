//! `showrcopy`: targets, links and groups of remote copy.

mod groups;

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::patterns::{any_matches, matches};
use crate::remote_copy::peer_persistence::TAKEOVER_AFTER;
use crate::remote_copy::target_status;
use crate::state::{Array, Group, Release, World};
use crate::table::{Column, Style, Table};

/// `showrcopy [options] [links | groups [<pattern>...] | targets [<pattern>...]]`.
pub static COMMAND: Command = Command {
    name: "showrcopy",
    syntax: "showrcopy [options <arg>] [links | groups [<name_or_pattern> ...] | targets [<name_or_pattern> ...]]",
    flags: &["d", "qw"],
    valued: &["domain"],
    changes: false,
    licence: None,
    run,
};

/// What one listing needs to know.
struct View<'a> {
    world: &'a World,
    array: &'a Array,
    now: i64,
    detailed: bool,
    style: Style,
}

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let (section, patterns) = match options.words.split_first() {
        None => (None, &[][..]),
        Some((section, patterns)) => (Some(section.as_str()), patterns),
    };
    if !matches!(section, None | Some("links" | "groups" | "targets")) {
        return usage(&COMMAND, "links, groups or targets is expected");
    }
    let now = call.now;
    let release = call.here().release;
    if !call.here().remote_copy {
        return Answer::says(if release == Release::V322 {
            "Remote Copy is not configured on this system.\n"
        } else {
            "Remote Copy is not configured for this system\n"
        });
    }
    let Some(array) = call.world.arrays.get(call.array) else {
        return Answer::silent();
    };
    let view = View {
        world: call.world,
        array,
        now,
        detailed: options.has("d"),
        style: options.style,
    };
    let mut sections = Vec::new();
    if matches!(section, None | Some("targets")) {
        sections.push((
            "Target Information",
            view.targets(options.has("qw"), patterns),
        ));
    }
    if matches!(section, None | Some("links")) {
        sections.push(("Link Information", view.links()));
    }
    let mut absent = None;
    if matches!(section, None | Some("groups")) {
        let groups: Vec<&Group> = array
            .groups
            .values()
            .filter(|group| any_matches(patterns, &group.name))
            .filter(|group| {
                options.value("domain").is_none_or(|list| {
                    let domain = group.domain.as_deref().unwrap_or("-");
                    list.split(',').any(|pattern| matches(pattern, domain))
                })
            })
            .collect();
        if groups.is_empty() {
            absent = patterns.first();
        }
        let blocks: Vec<String> = groups.iter().map(|group| view.group(group)).collect();
        // Every group is followed by an empty line (array fact 11).
        let blocks: String = blocks.iter().map(|block| format!("{block}\n")).collect();
        sections.push(("Group Information", blocks));
    }
    let mut text = String::new();
    for (title, block) in sections {
        if view.style.nohdtot {
            text += &block;
        } else {
            text += &format!("\n{title}\n\n{block}");
        }
    }
    if !view.style.nohdtot {
        text = format!("\nRemote Copy System Information\nStatus: Started, Normal\n{text}");
    }
    match absent {
        None => Answer::says(text),
        Some(name) => Answer {
            stdout: text,
            ..refuse(format!(
                "Error: group matching {name} does not exist on the system"
            ))
        },
    }
}

impl View<'_> {
    fn targets(&self, witness: bool, patterns: &[String]) -> String {
        let mut columns = vec![
            Column::left("Name"),
            Column::right("ID"),
            Column::left("Type"),
            Column::left("Status"),
        ];
        if witness {
            columns.extend(
                ["Policy", "QW-Server", "QW-Ver", "Q-Status", "Q-Status-Qual"].map(Column::left),
            );
            columns.push(Column::right("ATF-Timeout"));
        } else {
            columns.push(Column::left("Options"));
            if self.detailed {
                columns.push(Column::right("Version"));
            }
            columns.push(Column::left("Policy"));
            if self.detailed {
                columns.extend([
                    Column::right("Socks"),
                    Column::right("Buffsz").min(7),
                    Column::left("SysName"),
                    Column::right("SysID"),
                    Column::left("RemoteName"),
                    Column::right("RemoteID"),
                ]);
            }
        }
        let mut table = Table::new(columns).padded_csv_heads();
        for target in self
            .array
            .targets
            .iter()
            .filter(|target| any_matches(patterns, &target.name))
        {
            let status = target_status(self.world, &self.array.name, target);
            let policies = target.policies.join(",");
            let mut row: Vec<String> = vec![
                target.name.clone(),
                target.id.to_string(),
                "IP".into(),
                status.to_owned(),
            ];
            if witness {
                row.push(policies);
                row.extend(match &target.witness {
                    Some(address) => {
                        let state = match self.array.witness_lost {
                            None => ["Started", "normal"],
                            Some(_) => ["Failed", "failed"],
                        };
                        [
                            address,
                            "NA",
                            state[0],
                            state[1],
                            &TAKEOVER_AFTER.to_string(),
                        ]
                        .map(str::to_owned)
                    }
                    None => ["NA"; 5].map(str::to_owned),
                });
            } else {
                row.push("-".into());
                if self.detailed {
                    row.push("57".into());
                }
                row.push(policies);
                if self.detailed {
                    let peer = self.world.arrays.get(&target.array);
                    let back = peer.and_then(|peer| {
                        peer.targets
                            .iter()
                            .find(|back| back.array == self.array.name)
                    });
                    row.extend([
                        "20".into(),
                        "2097152".into(),
                        target.array.clone(),
                        peer.map_or(0, |peer| peer.id).to_string(),
                        back.map_or_else(|| "-".into(), |back| back.name.clone()),
                        back.map_or(0, |back| back.id).to_string(),
                    ]);
                }
            }
            table.row(row);
        }
        table.render(self.style)
    }

    /// Sending links, then those of other arrays that end here: their target reads `receive`.
    fn links(&self) -> String {
        let mut rows: Vec<[String; 4]> = Vec::new();
        for target in &self.array.targets {
            let peer_on = self
                .world
                .arrays
                .get(&target.array)
                .is_some_and(|peer| peer.up);
            for link in &target.links {
                let status = if link.up && peer_on { "Up" } else { "Down" };
                rows.push([
                    target.name.clone(),
                    link.port.clone(),
                    link.address.clone(),
                    status.into(),
                ]);
            }
        }
        for other in self
            .world
            .arrays
            .values()
            .filter(|other| other.name != self.array.name)
        {
            for link in other
                .targets
                .iter()
                .filter(|target| target.array == self.array.name)
                .flat_map(|t| &t.links)
            {
                let port = self
                    .array
                    .ports
                    .iter()
                    .find(|port| port.ip.as_ref() == Some(&link.address));
                let position = port.map_or_else(|| "-".into(), |port| port.position.clone());
                let status = if link.up && other.up { "Up" } else { "Down" };
                rows.push([
                    "receive".into(),
                    position,
                    link.address.clone(),
                    status.into(),
                ]);
            }
        }
        let mut columns = vec![Column::left("Target")];
        if self.detailed {
            columns.extend([
                Column::left("Name"),
                Column::left("IPC"),
                Column::right("ID"),
            ]);
        }
        columns.extend(["Node", "Address", "Status", "Options"].map(Column::left));
        let mut table = Table::new(columns).padded_csv_heads();
        for ([target, node, address, status], at) in rows.into_iter().zip(20..) {
            let mut row = vec![target.clone()];
            if self.detailed {
                let (start, kind) = if target == "receive" {
                    ("rcv_ip", 'r')
                } else {
                    (target.as_str(), 's')
                };
                row.extend([
                    format!("{start}_{}", node.replace(':', "_")),
                    format!("RC{kind}0{at}"),
                    at.to_string(),
                ]);
            }
            row.extend([node, address, status, "-".into()]);
            table.row(row);
        }
        table.render(self.style)
    }
}
