//! `showvv`: lists VVs.

mod columns;

use columns::{COLUMNS, ColumnOf};

use super::createvv::refuse;
use super::{Answer, Call, Command, Options};
use crate::patterns::matches;
use crate::state::{Array, Release, Vv};
use crate::table::Table;

/// `showvv [options] [<VV_name|pattern|set:name>...]`.
pub static COMMAND: Command = Command {
    name: "showvv",
    syntax: "showvv [options] [<VV_name|pattern|VV_set> ...]",
    flags: &[
        "d", "pol", "cpgalloc", "cpprog", "state", "hist", "rcopy", "listcols", "notree", "p",
        "expired", "retained", "failed",
    ],
    valued: &[
        "showcols",
        "domain",
        "type",
        "prov",
        "cpg",
        "usrcpg",
        "snpcpg",
        "rcopygroup",
        "copyof",
        "baseid",
        "host",
        "policy",
    ],
    changes: false,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let now = call.now;
    let array = call.here();
    if options.has("listcols") {
        let names: Vec<&str> = COLUMNS
            .iter()
            .filter(|column| column.is_in(array))
            .map(|column| column.name)
            .collect();
        return Answer::says(names.join(",") + "\n");
    }
    let Layout {
        columns,
        titles,
        plain_heads,
    } = match layout(array, options) {
        Ok(layout) => layout,
        Err(unknown) => {
            return refuse(format!("Invalid columns specified: {}", unknown.join(" ")));
        }
    };
    let shown = tree(array, selected(array, options, now), !options.has("notree"));
    if shown.is_empty() || array.switch("login_sees_nothing") {
        return Answer::says("no vv listed\n");
    }
    let drawn = columns
        .iter()
        .map(|(column, head)| column.draw(head, plain_heads));
    let mut table = Table::new(drawn.collect());
    if let Some(titles) = titles {
        table = table.groups(titles);
    }
    for (depth, vv) in shown {
        table.row(columns.iter().map(|(column, _)| {
            let cell = (column.cell)(array, vv);
            match column.name {
                "Name" => " ".repeat(depth) + &cell,
                "Copied_MB" => copied(vv, now).map_or(cell, |(mib, _)| mib.to_string()),
                "Copied_Perc" => copied(vv, now).map_or(cell, |(_, percent)| percent),
                _ => cell,
            }
        }));
    }
    let summed: Vec<&str> = columns
        .iter()
        .filter(|(column, _)| column.name.ends_with("_MB"))
        .map(|(_, head)| *head)
        .collect();
    Answer::says(table.total_of(&summed).render(options.style))
}

/// Copied so far, MiB and percent, of a copy.
fn copied(vv: &Vv, now: i64) -> Option<(u64, String)> {
    let (done, all) = match &vv.copying {
        Some(copying) => (copying.copied_mib(now), copying.size_mib),
        None if vv.kind == "pcopy" && !vv.copy_failed => (vv.size_mib, vv.size_mib),
        None => return None,
    };
    #[allow(clippy::cast_precision_loss)]
    let percent = done as f64 * 100.0 / all.max(1) as f64;
    Some((done, format!("{percent:.2}")))
}

/// VVs that all filters let through.
fn selected<'a>(array: &'a Array, options: &Options, now: i64) -> Vec<&'a Vv> {
    let named: Vec<String> = options
        .words
        .iter()
        .flat_map(|word| array.vvs_named(word))
        .collect();
    let fits = |option: &str, value: &dyn Fn(&Vv) -> Vec<String>, vv: &Vv| {
        options.value(option).is_none_or(|list| {
            let values = value(vv);
            list.split(',')
                .any(|pattern| values.iter().any(|value| matches(pattern, value)))
        })
    };
    array
        .vvs
        .values()
        .filter(|vv| options.words.is_empty() || named.contains(&vv.name))
        .filter(|vv| {
            let wanted = vv.copy_failed || !options.has("failed");
            wanted && fits("domain", &|vv| vv.domain.iter().cloned().collect(), vv)
        })
        .filter(|vv| fits("type", &|vv| vec![vv.kind.clone()], vv))
        .filter(|vv| fits("prov", &|vv| vec![vv.prov.clone()], vv))
        .filter(|vv| fits("usrcpg", &|vv| vec![vv.cpg.clone()], vv))
        .filter(|vv| fits("snpcpg", &|vv| vv.snp_cpg.iter().cloned().collect(), vv))
        .filter(|vv| {
            fits(
                "cpg",
                &|vv| vv.snp_cpg.iter().chain([&vv.cpg]).cloned().collect(),
                vv,
            )
        })
        .filter(|vv| fits("copyof", &|vv| vv.copy_of.iter().cloned().collect(), vv))
        .filter(|vv| fits("baseid", &|vv| vec![array.base_of(vv).id.to_string()], vv))
        .filter(|vv| fits("policy", &|vv| vv.policies.clone(), vv))
        .filter(|vv| {
            fits(
                "rcopygroup",
                &|vv| {
                    array
                        .group_of(&vv.name)
                        .iter()
                        .map(|group| group.name.clone())
                        .collect()
                },
                vv,
            )
        })
        .filter(|vv| {
            fits(
                "host",
                &|vv| {
                    let hosts = array
                        .exports_of(&vv.name)
                        .into_iter()
                        .filter_map(|vlun| vlun.host.as_ref());
                    hosts.flat_map(|host| array.hosts_behind(host)).collect()
                },
                vv,
            )
        })
        .filter(|vv| !options.has("expired") || vv.expires_at.is_some_and(|end| end <= now))
        .filter(|vv| !options.has("retained") || vv.retained_until.is_some_and(|end| end > now))
        .collect()
}

/// Parents before their copies, each with its depth among what is shown; by name.
fn tree<'a>(array: &'a Array, shown: Vec<&'a Vv>, indented: bool) -> Vec<(usize, &'a Vv)> {
    if !indented {
        return shown.into_iter().map(|vv| (0, vv)).collect();
    }
    let path = |vv: &'a Vv| {
        let mut path = vec![vv.name.as_str()];
        let mut at = vv;
        while let Some(parent) = at.parent().and_then(|name| array.vvs.get(name)) {
            path.insert(0, &parent.name);
            at = parent;
        }
        path
    };
    let mut rows: Vec<(Vec<&str>, &Vv)> = shown.iter().map(|vv| (path(vv), *vv)).collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    rows.into_iter()
        .map(|(path, vv)| {
            let above = path.iter().rev().skip(1);
            let depth = above
                .filter(|name| shown.iter().any(|vv| vv.name == **name))
                .count();
            (depth, vv)
        })
        .collect()
}

type Titles = &'static [(&'static str, &'static str, &'static str)];

/// What a form of the listing shows.
struct Layout {
    /// The columns with their heads.
    columns: Vec<(&'static ColumnOf, &'static str)>,
    /// Group titles over them.
    titles: Option<Titles>,
    /// No dashes around heads.
    plain_heads: bool,
}

/// The form that the options ask for, or the names that are no columns of this release.
fn layout(array: &Array, options: &Options) -> Result<Layout, Vec<String>> {
    if let Some(list) = options.value("showcols") {
        let found: Vec<Result<&'static ColumnOf, String>> = list
            .split(',')
            .map(|name| column(array, name).ok_or_else(|| name.to_owned()))
            .collect();
        let unknown: Vec<String> = found.iter().filter_map(|one| one.clone().err()).collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        return Ok(Layout {
            columns: found
                .into_iter()
                .flatten()
                .map(|one| (one, one.name))
                .collect(),
            titles: None,
            plain_heads: true,
        });
    }
    let kind: &str = if array.release == Release::V322 {
        "Id,Name,Prov,Type"
    } else {
        "Id,Name,Prov,Compr,Dedup,Type"
    };
    let (list, titles): (String, Option<Titles>) = if options.has("d") {
        let list = "Id,Name,Rd,Mstr,Prnt,Roch,Rwch,PPrnt,PBlkRemain,VV_WWN,CreationTime,Udid";
        (list.to_owned(), None)
    } else if options.has("pol") {
        ("Id,Name,Policies".to_owned(), None)
    } else if options.has("cpgalloc") && array.release == Release::V1050 {
        (format!("{kind},CPG"), None)
    } else if options.has("cpgalloc") {
        (format!("{kind},UsrCPG,SnpCPG"), None)
    } else if options.has("cpprog") {
        let list = "CopyOf,VSize_MB,Copied_MB,Copied_Perc";
        (format!("{kind},{list}"), None)
    } else if options.has("state") {
        (format!("{kind},State,Detailed_State"), None)
    } else if options.has("hist") {
        let list = "CreationTime,RetentionEndTime,ExpirationTime,SpaceCalcTime,Comment";
        (format!("{kind},{list}"), None)
    } else {
        let (list, titles): (&str, Option<Titles>) = match array.release {
            Release::V322 => (
                "CopyOf,BsId,Rd,Detailed_State,Adm_Rsvd_MB,Snp_Rsvd_MB,Usr_Rsvd_MB,VSize_MB",
                Some(&[("Adm", "Usr", "Rsvd(MB)"), ("VSize", "VSize", "(MB)")]),
            ),
            Release::V331 => (
                "CopyOf,BsId,Rd,Detailed_State,Snp_Rsvd_MB,Usr_Rsvd_MB,VSize_MB",
                Some(&[("Snp", "Usr", "Rsvd(MiB)"), ("VSize", "VSize", "(MB)")]),
            ),
            Release::V1050 => ("CopyOf,BsId,Rd,Detailed_State,Data_Rsvd_MB,VSize_MB", None),
        };
        (format!("{kind},{list}"), titles)
    };
    let mut list = list;
    if options.has("rcopy") {
        list += ",RcopyStatus,RcopyGroup";
    }
    if options.listdom {
        list = list.replacen("Id,Name", "Id,Name,Domain", 1);
    }
    let columns = list
        .split(',')
        .filter_map(|name| {
            COLUMNS
                .iter()
                .find(|column| column.name == name || column.head == name)
        })
        .map(|column| {
            let head = match (array.release, column.name) {
                (_, "VSize_MB") if options.has("cpprog") => "VSize_MB",
                (Release::V1050, "VSize_MB") => "VSize(MiB)",
                _ => column.head,
            };
            (column, head)
        })
        .collect();
    Ok(Layout {
        columns,
        titles,
        plain_heads: false,
    })
}

fn column(array: &Array, name: &str) -> Option<&'static ColumnOf> {
    COLUMNS
        .iter()
        .find(|column| column.name == name && column.is_in(array))
}
