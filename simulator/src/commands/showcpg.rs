//! `showcpg`: the pools that volumes are made from.

use super::{Answer, Call, Command, Options};
use crate::patterns;
use crate::state::{Array, Cpg, Release, Vv};
use crate::table::{Column, Table};

/// `showcpg [<name or pattern>…]`.
pub static COMMAND: Command = Command {
    name: "showcpg",
    syntax: "showcpg [-d] [-listdom] [-domain <domain>] [<CPG name or pattern>...]",
    flags: &["d"],
    valued: &["domain"],
    changes: false,
    licence: None,
    run,
};

/// What one CPG holds.
struct Use {
    vvs: usize,
    thin: usize,
    dedup: usize,
    as_usr: usize,
    as_snp: usize,
    mib: u64,
}

impl Use {
    fn of(array: &Array, cpg: &Cpg) -> Self {
        let here = || array.vvs.values().filter(|vv| vv.cpg == cpg.name);
        let provisioned = |prov: &'static str| here().filter(|vv| vv.prov == prov).count();
        let as_snp = array
            .vvs
            .values()
            .filter(|vv| vv.snp_cpg.as_ref() == Some(&cpg.name))
            .count();
        Self {
            vvs: here().count(),
            thin: provisioned("tpvv"),
            dedup: provisioned("tdvv"),
            as_usr: here().count(),
            as_snp,
            mib: here().map(Vv::reserved_mib).sum(),
        }
    }
}

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let array = call.here();
    let cpgs: Vec<&Cpg> = array
        .cpgs
        .iter()
        .filter(|cpg| patterns::any_matches(&options.words, &cpg.name))
        .filter(|cpg| {
            options
                .value("domain")
                .is_none_or(|domain| cpg.domain.as_deref() == Some(domain))
        })
        .collect();
    if cpgs.is_empty() || array.switch("login_sees_nothing") {
        return Answer::says("no cpgs listed\n");
    }
    let layout = Layout::of(array.release);
    let mut columns = vec![Column::right("Id"), Column::left("Name")];
    if options.listdom {
        columns.push(Column::left("Domain"));
    }
    columns.extend(layout.columns.iter().map(|name| Column::right(*name)));
    let mut table = Table::new(columns);
    for groups in layout.groups {
        table = table.groups(groups);
    }
    for cpg in cpgs {
        let mut cells = vec![cpg.id.to_string(), cpg.name.clone()];
        if options.listdom {
            cells.push(cpg.domain.clone().unwrap_or_else(|| "-".to_owned()));
        }
        cells.push("-".to_owned());
        cells.extend(
            layout
                .numbers(&Use::of(array, cpg), cpg)
                .iter()
                .map(u64::to_string),
        );
        table.row(cells);
    }
    Answer::says(table.total_of(layout.summed).render(options.style))
}

/// A row of group titles: first column, last column, title.
type Titles = &'static [(&'static str, &'static str, &'static str)];

/// The columns after Name (and Domain), which differ by release.
struct Layout {
    columns: &'static [&'static str],
    groups: &'static [Titles],
    summed: &'static [&'static str],
    release: Release,
}

impl Layout {
    fn of(release: Release) -> Self {
        match release {
            Release::V322 => Self {
                columns: &[
                    "Warn%", "VVs", "TPVVs", "TDVVs", "Usr", "Snp", "Total", "Used", "Total",
                    "Used", "Total", "Used",
                ],
                groups: &[&[
                    ("VVs", "TDVVs", "Volumes"),
                    ("Usr", "Snp", "Usage"),
                    ("Total", "Used", " Usr "),
                    ("Total", "Used", " Snp "),
                    ("Total", "Used", " Adm "),
                ]],
                summed: &["Total", "Used", "Total", "Used", "Total", "Used"],
                release,
            },
            Release::V331 => Self {
                columns: &[
                    "Warn%", "VVs", "TPVVs", "TDVVs", "Usr", "Snp", "Base", "Snp", "Free", "Total",
                ],
                groups: &[&[
                    ("VVs", "TDVVs", "Volumes"),
                    ("Usr", "Snp", "Usage"),
                    ("Base", "Total", "(MiB)"),
                ]],
                summed: &["Base", "Snp", "Free", "Total"],
                release,
            },
            Release::V1050 => Self {
                columns: &["Warn%", "VVs", "TPVVs", "TDVVs", "Used", "Free", "Total"],
                groups: &[&[("VVs", "TDVVs", "Volumes"), ("Used", "Total", "(MiB)")]],
                summed: &["Used", "Free", "Total"],
                release,
            },
        }
    }

    /// The cells after `Warn%`.
    fn numbers(&self, used: &Use, cpg: &Cpg) -> Vec<u64> {
        let total = used.mib + cpg.free_mib;
        let mut numbers = vec![used.vvs as u64, used.thin as u64, used.dedup as u64];
        if self.release != Release::V1050 {
            numbers.extend([used.as_usr as u64, used.as_snp as u64]);
        }
        numbers.extend(match self.release {
            Release::V322 => vec![total, used.mib, 0, 0, 0, 0],
            Release::V331 => vec![used.mib, 0, cpg.free_mib, total],
            Release::V1050 => vec![used.mib, cpg.free_mib, total],
        });
        numbers
    }
}
