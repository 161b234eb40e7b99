//! `showvv`

use super::{each, words::open_words};
use crate::{
    inform::{
        array::{Array, is_bad_columns},
        error::ArrayError,
        quoting::Args,
        row::Row,
    },
    model::{CpgName, Size, VvId, VvName, Wwn},
};

open_words!(
    /// How a volume takes space, as the array says it.
    VvProvisioning {
        /// Fully provisioned.
        Full = "full",
        /// Fully provisioned, with snapshot space of a CPG.
        FullCpg = "cpvv",
        /// Thin.
        Thin = "tpvv",
        /// Thin and deduplicated.
        Dedup = "tdvv",
        /// A snapshot's.
        Snapshot = "snp",
    }
);

open_words!(
    /// What a volume is.
    VvKind {
        /// A volume of its own.
        Base = "base",
        /// A snapshot.
        VirtualCopy = "vcopy",
        /// A clone that is still tied to its parent.
        PhysicalCopy = "pcopy",
    }
);

open_words!(
    /// Detailed state of a volume.
    VvState {
        /// Nothing to say.
        Normal = "normal",
    }
);

/// A virtual volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vv {
    /// Its id on this array.
    pub id: VvId,
    /// Its name.
    pub name: VvName,
    /// How it takes space.
    pub prov: VvProvisioning,
    /// What it is.
    pub kind: VvKind,
    /// Parent of a snapshot or copy.
    pub copy_of: Option<VvName>,
    /// Virtual size.
    pub size: Size,
    /// Its WWN on this array.
    pub wwn: Wwn,
    /// Where its data are.
    pub user_cpg: Option<CpgName>,
    /// Where its snapshots are; none from Primera on, where that is the same CPG.
    pub snap_cpg: Option<CpgName>,
    /// Detailed state.
    pub state: VvState,
    /// When it was made, as the array writes it.
    pub created: String,
    /// Its comment, if it has one.
    pub comment: Option<String>,
    /// True if hosts may only read.
    pub read_only: bool,
}

/// Which volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VvQuery<'a> {
    /// The one of this name.
    Name(&'a VvName),
    /// All whose names begin so, for example `dkv-`: letters, digits, `.`, `_`, `-`.
    Prefix(&'a str),
}

impl Array {
    /// The volumes asked for; an absent one is no error.
    ///
    /// # Errors
    /// [`ArrayError`]. A listing that is not complete is an error, never a shorter listing.
    pub async fn showvv(&self, query: VvQuery<'_>) -> Result<Vec<Vv>, ArrayError> {
        let args = match query {
            VvQuery::Name(name) => Args::new().with("name", name),
            VvQuery::Prefix(prefix) => Args::new().with("name", format!("{prefix}*")),
        };
        let read = || self.read("showvv", &args, |rows| each(rows, vv));
        let first = read().await;
        if !is_bad_columns(&first) {
            return first;
        }
        // The array may have been updated since it was asked what it runs (array fact 5).
        self.forget_release();
        read().await
    }
}

fn vv(row: &Row) -> Result<Vv, String> {
    Ok(Vv {
        id: VvId(row.value("id")?),
        name: row.value("name")?,
        prov: row.text("prov")?.into(),
        kind: row.text("kind")?.into(),
        copy_of: row.parsed("copy_of")?,
        size: Size::from_mib(row.value("size")?),
        wwn: row.value("wwn")?,
        user_cpg: row.parsed("cpg")?,
        snap_cpg: row.parsed("snap_cpg")?,
        state: row.text("state")?.into(),
        created: row.text("created")?.to_owned(),
        comment: row.opt("comment").map(str::to_owned),
        read_only: row.text("rd")? == "RO",
    })
}
