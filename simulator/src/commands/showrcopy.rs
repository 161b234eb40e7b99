//! `showrcopy`: targets, links and groups of remote copy.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::clock;
use crate::patterns::{any_matches, matches};
use crate::remote_copy::peer_persistence::TAKEOVER_AFTER;
use crate::remote_copy::{Half, target_status};
use crate::state::{Array, Group, Mode, Release, Replicated, World};
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

    /// A group's own head and row, and the volumes below.
    fn group(&self, group: &Group) -> String {
        let inform3 = self.array.release != Release::V1050;
        let mut columns = vec![Column::left("Name").min(12)];
        if self.detailed {
            columns.push(Column::right("ID  "));
        }
        columns.extend([
            Column::left("Target").min(10),
            Column::left("Status").min(8),
            Column::left("Role").min(10),
            Column::left("Mode").min(8),
        ]);
        if self.detailed {
            columns.push(Column::left("LocalUserCpg"));
            if inform3 {
                columns.push(Column::left("LocalSnpCpg"));
            }
            columns.push(Column::left("RmUserCpg").min(10));
            if inform3 {
                columns.push(Column::left("RmSnpCpg").min(10));
            }
        }
        columns.push(Column::left("Options"));
        let mut row = vec![group.name.clone()];
        if self.detailed {
            row.push(group.id.to_string());
        }
        row.push(group.target.clone());
        row.extend([group.status.word(), group.role.word(), group.mode.word()].map(str::to_owned));
        if self.detailed {
            let (local_usr, remote_usr) = group.usr_cpg.clone().unwrap_or_default();
            let (local_snp, remote_snp) = group.snp_cpg.clone().unwrap_or_default();
            row.push(local_usr);
            row.extend(inform3.then_some(local_snp));
            row.push(remote_usr);
            row.extend(inform3.then_some(remote_snp));
        }
        row.push(self.options(group));
        let mut head = Table::new(columns).padded_csv_heads();
        head.row(row);
        head.render(self.style) + &self.volumes(group)
    }

    /// `Last-Sync <time>, Period 5m,policy,policy`; the parts before the policies only in a periodic group.
    fn options(&self, group: &Group) -> String {
        let mut parts = Vec::new();
        let (before, after) = if self.style.csv { (" ", " ") } else { ("", "") };
        if group.mode == Mode::Periodic && group.period > 0 {
            let last = group
                .volumes
                .iter()
                .filter_map(|volume| volume.last_sync)
                .max();
            let period = period(group.period);
            parts.push(match last.filter(|_| group.sends()) {
                Some(last) => format!("Last-Sync {}{before}, Period {period}", self.date(last)),
                None => format!("Period {period}"),
            });
        }
        let policies = group.policies.join(",");
        if parts.is_empty() || policies.is_empty() {
            return parts.concat() + &policies;
        }
        format!("{},{after}{policies}", parts.concat())
    }

    fn volumes(&self, group: &Group) -> String {
        let mut columns = vec![
            Column::left("LocalVV").min(12),
            Column::right("ID  "),
            Column::left("RemoteVV").min(12),
            Column::right("ID  "),
            Column::left("SyncStatus").min(13),
        ];
        if self.detailed {
            columns.extend([
                Column::left("Resync_ss"),
                Column::left("Sync_ss").min(8),
                Column::left("VV_iter"),
                Column::left("R_iter"),
                Column::left("S_iter"),
                Column::left("LastSyncTime").min(13),
                Column::left("LocalSet"),
                Column::left("RemoteSet"),
            ]);
        } else {
            columns.push(Column::left("LastSyncTime"));
        }
        let mut table = Table::new(columns).indent(2).padded_csv_heads();
        let peer = Half::new(&self.array.name, &group.name).other(self.world);
        let id = |array: Option<&Array>, vv: &str| {
            array
                .and_then(|array| array.vvs.get(vv))
                .map_or_else(|| "-".to_owned(), |vv| vv.id.to_string())
        };
        for volume in &group.volumes {
            let far = peer
                .as_ref()
                .and_then(|peer| self.world.arrays.get(&peer.array));
            let mut row = vec![
                volume.local.clone(),
                id(Some(self.array), &volume.local),
                volume.remote.clone(),
                id(far, &volume.remote),
                self.sync_status(group, volume),
            ];
            if self.detailed {
                row.push(
                    volume
                        .resync_snapshot
                        .clone()
                        .unwrap_or_else(|| "none".into()),
                );
                row.extend(["none", "NA", "NA", "NA"].map(str::to_owned));
            }
            row.push(self.last_sync(group, volume));
            if self.detailed {
                let (local, remote) = volume.sets.clone().unwrap_or(("NA".into(), "NA".into()));
                row.extend([local, remote]);
            }
            table.row(row);
        }
        table.render(self.style)
    }

    /// With the percentage on the side that sends.
    fn sync_status(&self, group: &Group, volume: &Replicated) -> String {
        match (volume.syncing_since, volume.synced_at) {
            (Some(since), Some(until)) if group.sends() => {
                let percent = (self.now - since) * 100 / (until - since).max(1);
                format!("{} ({}%)", volume.sync, percent.clamp(0, 100))
            }
            _ => volume.sync.to_string(),
        }
    }

    /// `NA` in a started synchronous group.
    fn last_sync(&self, group: &Group, volume: &Replicated) -> String {
        match volume.last_sync {
            Some(at) if group.mode != Mode::Sync || !group.is_started() => self.date(at),
            _ => "NA".to_owned(),
        }
    }

    fn date(&self, at: i64) -> String {
        clock::date(at, &self.array.time_zone)
    }
}

fn period(seconds: u32) -> String {
    [(86_400, 'd'), (3600, 'h'), (60, 'm')]
        .into_iter()
        .find(|(unit, _)| seconds.is_multiple_of(*unit))
        .map_or_else(
            || format!("{seconds}s"),
            |(unit, letter)| format!("{}{letter}", seconds / unit),
        )
}
