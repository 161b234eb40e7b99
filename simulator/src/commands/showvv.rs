//! `showvv`: lists VVs.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options};
use crate::clock;
use crate::patterns::matches;
use crate::state::{Array, Release, Vv};
use crate::table::{Column, Table};

/// `showvv [options] [<VV_name|pattern|set:name>...]`.
pub static COMMAND: Command = Command {
    name: "showvv",
    syntax: "showvv [options] [<VV_name|pattern|VV_set> ...]",
    flags: &[
        "d", "pol", "cpgalloc", "state", "hist", "rcopy", "listcols", "notree", "p", "expired",
        "retained", "failed",
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
    if shown.is_empty() {
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
            if column.name == "Name" {
                " ".repeat(depth) + &cell
            } else {
                cell
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
            !options.has("failed") && fits("domain", &|vv| vv.domain.iter().cloned().collect(), vv)
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
        while let Some(parent) = at.copy_of.as_ref().and_then(|name| array.vvs.get(name)) {
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

/// In which releases a column is.
#[derive(PartialEq, Eq)]
enum In {
    All,
    Inform3,
    Later10,
    /// 3.3.1 only.
    Inform331,
    /// 3.3.1 and later.
    Not322,
    /// With the Remote Copy licence.
    Licensed,
}

/// How a column is drawn.
#[derive(PartialEq, Eq)]
enum Look {
    Left,
    Right,
    Dashed,
}

/// A column of VVs: its name for `-showcols`, its head in the fixed forms.
struct ColumnOf {
    name: &'static str,
    head: &'static str,
    look: Look,
    releases: In,
    cell: fn(&Array, &Vv) -> String,
}

impl ColumnOf {
    const fn only(self, releases: In) -> Self {
        Self { releases, ..self }
    }

    fn is_in(&self, array: &Array) -> bool {
        match self.releases {
            In::All => true,
            In::Inform3 => array.release != Release::V1050,
            In::Later10 => array.release == Release::V1050,
            In::Inform331 => array.release == Release::V331,
            In::Not322 => array.release != Release::V322,
            In::Licensed => array.release == Release::V1050 || array.licensed("Remote Copy"),
        }
    }

    fn draw(&self, head: &str, plain_heads: bool) -> Column {
        match self.look {
            Look::Right => Column::right(head),
            Look::Dashed if !plain_heads => Column::dashed(head),
            Look::Left | Look::Dashed => Column::left(head),
        }
    }
}

/// A column of all releases whose fixed head is its name.
const fn plain(name: &'static str, look: Look, cell: fn(&Array, &Vv) -> String) -> ColumnOf {
    ColumnOf {
        name,
        head: name,
        look,
        releases: In::All,
        cell,
    }
}

const fn of(
    name: &'static str,
    head: &'static str,
    look: Look,
    releases: In,
    cell: fn(&Array, &Vv) -> String,
) -> ColumnOf {
    ColumnOf {
        name,
        head,
        look,
        releases,
        cell,
    }
}

fn or(text: Option<String>, none: &str) -> String {
    text.unwrap_or_else(|| none.to_owned())
}

fn date(array: &Array, at: Option<i64>) -> String {
    or(at.map(|at| clock::date(at, &array.time_zone)), "--")
}

fn compression(array: &Array, vv: &Vv) -> String {
    let base = array.base_of(vv);
    match base.prov.as_str() {
        "full" => "NA",
        _ if base.compressed && array.release == Release::V1050 => "v2",
        _ if base.compressed => "Yes",
        _ => "No",
    }
    .to_owned()
}

fn dedup(array: &Array, vv: &Vv) -> String {
    match array.base_of(vv).prov.as_str() {
        "full" => "NA",
        "tdvv" => "Yes",
        _ => "No",
    }
    .to_owned()
}

fn usr_reserved(_: &Array, vv: &Vv) -> String {
    if vv.prov == "snp" {
        "--".to_owned()
    } else {
        vv.reserved_mib().to_string()
    }
}

fn usr_used(_: &Array, vv: &Vv) -> String {
    if vv.prov == "full" {
        vv.size_mib.to_string()
    } else {
        "0".to_owned()
    }
}

fn zero(_: &Array, _: &Vv) -> String {
    "0".to_owned()
}

fn admin(_: &Array, vv: &Vv) -> String {
    match vv.prov.as_str() {
        "full" => "0",
        "snp" => "--",
        _ => "256",
    }
    .to_owned()
}

fn none3(_: &Array, _: &Vv) -> String {
    "---".to_owned()
}

fn child(array: &Array, vv: &Vv, read_only: bool) -> String {
    let children = array.children(&vv.name);
    or(
        children
            .iter()
            .find(|child| child.read_only == read_only)
            .map(|child| child.id.to_string()),
        "---",
    )
}

static COLUMNS: &[ColumnOf] = &[
    plain("Id", Look::Right, |_, vv| vv.id.to_string()),
    plain("Name", Look::Left, |_, vv| vv.name.clone()),
    plain("Prov", Look::Left, |_, vv| vv.prov.clone()),
    plain("Compr", Look::Left, compression).only(In::Not322),
    plain("Dedup", Look::Left, dedup).only(In::Inform331),
    of("Deduplication", "Dedup", Look::Left, In::Later10, dedup),
    plain("Type", Look::Left, |_, vv| vv.kind.clone()),
    plain("CopyOf", Look::Left, |_, vv| or(vv.copy_of.clone(), "---")),
    plain("BsId", Look::Right, |array, vv| {
        array.base_of(vv).id.to_string()
    }),
    plain("Rd", Look::Left, |_, vv| {
        if vv.read_only { "RO" } else { "RW" }.to_owned()
    }),
    plain("State", Look::Left, |_, _| "normal".to_owned()),
    of(
        "Detailed_State",
        "Detailed_State",
        Look::Dashed,
        In::All,
        |_, _| "normal".to_owned(),
    ),
    plain("Mstr", Look::Left, |_, vv| {
        if vv.id % 2 == 0 { "0/1/-" } else { "1/0/-" }.to_owned()
    }),
    plain("Prnt", Look::Right, |array, vv| {
        or(
            vv.copy_of
                .as_ref()
                .and_then(|name| array.vvs.get(name))
                .map(|parent| parent.id.to_string()),
            "---",
        )
    }),
    plain("Roch", Look::Right, |array, vv| child(array, vv, true)),
    plain("Rwch", Look::Right, |array, vv| child(array, vv, false)),
    plain("PPrnt", Look::Right, none3),
    plain("PBlkRemain", Look::Right, |_, _| "--".to_owned()),
    plain("VV_WWN", Look::Dashed, |_, vv| vv.wwn.clone()),
    plain("CreationTime", Look::Dashed, |array, vv| {
        date(array, Some(vv.created))
    }),
    plain("Udid", Look::Right, |_, vv| vv.id.to_string()),
    plain("Policies", Look::Left, |_, vv| {
        or(
            Some(vv.policies.join(",")).filter(|list| !list.is_empty()),
            "---",
        )
    }),
    of("UsrCPG", "UsrCPG", Look::Left, In::Inform3, |_, vv| {
        or(Some(vv.cpg.clone()).filter(|cpg| !cpg.is_empty()), "--")
    }),
    of("SnpCPG", "SnpCPG", Look::Left, In::Inform3, |_, vv| {
        or(vv.snp_cpg.clone(), "--")
    }),
    of("CPG", "CPG", Look::Left, In::Later10, |_, vv| {
        or(Some(vv.cpg.clone()).filter(|cpg| !cpg.is_empty()), "--")
    }),
    of("Adm_Rsvd_MB", "Adm", Look::Right, In::Inform3, admin),
    of("Adm_Used_MB", "Adm_Used_MB", Look::Right, In::Inform3, zero),
    of("Snp_Rsvd_MB", "Snp", Look::Right, In::Inform3, zero),
    of("Snp_Used_MB", "Snp_Used_MB", Look::Right, In::Inform3, zero),
    of("Usr_Rsvd_MB", "Usr", Look::Right, In::Inform3, usr_reserved),
    of(
        "Usr_Used_MB",
        "Usr_Used_MB",
        Look::Right,
        In::Inform3,
        usr_used,
    ),
    of(
        "Data_Rsvd_MB",
        "Rsvd(MiB)",
        Look::Right,
        In::Later10,
        usr_reserved,
    ),
    of(
        "Data_Used_MB",
        "Data_Used_MB",
        Look::Right,
        In::Later10,
        usr_used,
    ),
    plain("Tot_Rsvd_MB", Look::Right, usr_reserved),
    plain("Tot_Used_MB", Look::Right, usr_used),
    of("VSize_MB", "VSize", Look::Right, In::All, |_, vv| {
        vv.size_mib.to_string()
    }),
    plain("Host_Wrt_MB", Look::Right, zero),
    plain("Domain", Look::Left, |_, vv| or(vv.domain.clone(), "-")),
    plain("RetentionEndTime", Look::Dashed, |array, vv| {
        date(array, vv.retained_until)
    }),
    plain("ExpirationTime", Look::Dashed, |array, vv| {
        date(array, vv.expires_at)
    }),
    plain("SpaceCalcTime", Look::Dashed, |array, vv| {
        date(array, Some(vv.created))
    }),
    plain("Comment", Look::Left, |_, vv| {
        or(
            Some(vv.comment.clone()).filter(|comment| !comment.is_empty()),
            "--",
        )
    }),
    of(
        "RcopyStatus",
        "RcopyStatus",
        Look::Left,
        In::Licensed,
        |array, vv| {
            or(
                array.group_of(&vv.name).map(|group| group.role.clone()),
                "--",
            )
        },
    ),
    of(
        "RcopyGroup",
        "RcopyGroup",
        Look::Left,
        In::Licensed,
        |array, vv| {
            or(
                array.group_of(&vv.name).map(|group| group.name.clone()),
                "--",
            )
        },
    ),
];
