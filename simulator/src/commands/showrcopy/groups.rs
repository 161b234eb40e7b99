//! The section `Group Information`.

use super::View;
use crate::clock;
use crate::remote_copy::Half;
use crate::state::{Array, Group, Mode, Release, Replicated};
use crate::table::{Column, Table};

impl View<'_> {
    /// A group's own head and row, and the volumes below.
    pub(super) fn group(&self, group: &Group) -> String {
        let inform3 = self.array.release != Release::V1050;
        let mut columns = vec![Column::left("Name").min(12)];
        if self.detailed {
            columns.push(Column::right("ID  "));
        }
        columns.extend([
            Column::left("Target").min(10),
            Column::left("Status").min(8),
            Column::left("Role")
                .min(10)
                .runs_over(self.array.switch("rev_runs_over")),
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
