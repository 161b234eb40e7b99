//! The columns of VVs.

use crate::clock;
use crate::state::{Array, CopyKind, Release, Vv};
use crate::table::Column;

/// In which releases a column is.
#[derive(PartialEq, Eq)]
pub(super) enum In {
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
pub(super) enum Look {
    Left,
    Right,
    Dashed,
}

/// A column of VVs: its name for `-showcols`, its head in the fixed forms.
pub(super) struct ColumnOf {
    pub(super) name: &'static str,
    pub(super) head: &'static str,
    pub(super) look: Look,
    pub(super) releases: In,
    pub(super) cell: fn(&Array, &Vv) -> String,
}

impl ColumnOf {
    const fn only(self, releases: In) -> Self {
        Self { releases, ..self }
    }

    /// Has this array the column?
    pub(super) fn is_in(&self, array: &Array) -> bool {
        let is_time = ["RetentionEndTime", "ExpirationTime"].contains(&self.name);
        if is_time && array.switch("no_time_columns") {
            return false;
        }
        match self.releases {
            In::All => true,
            In::Inform3 => array.release != Release::V1050,
            In::Later10 => array.release == Release::V1050,
            In::Inform331 => array.release == Release::V331,
            In::Not322 => array.release != Release::V322,
            In::Licensed => array.release == Release::V1050 || array.licensed("Remote Copy"),
        }
    }

    /// For the table printer; `plain_heads`: without dashes around the head.
    pub(super) fn draw(&self, head: &str, plain_heads: bool) -> Column {
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

fn none2(_: &Array, _: &Vv) -> String {
    "--".to_owned()
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

fn detailed_state(vv: &Vv) -> &'static str {
    let kind = vv.copying.as_ref().map(|copying| copying.kind);
    if kind == Some(CopyKind::Promote) {
        "promoting"
    } else if vv.copy_failed {
        "copy_failed"
    } else {
        "normal"
    }
}

/// All columns.
pub(super) static COLUMNS: &[ColumnOf] = &[
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
    plain("State", Look::Left, |_, vv| {
        if vv.copy_failed { "failed" } else { "normal" }.to_owned()
    }),
    of(
        "Detailed_State",
        "Detailed_State",
        Look::Dashed,
        In::All,
        |_, vv| detailed_state(vv).to_owned(),
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
    // What is copied depends on the time: the listing fills it in.
    plain("Copied_MB", Look::Right, none2),
    plain("Copied_Perc", Look::Right, none2),
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
                array.group_of(&vv.name).map(|group| group.role.to_string()),
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
