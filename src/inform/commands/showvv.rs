//! `showvv`

use super::{each, local_time::LocalTime, words::open_words};
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
        /// What was to be copied into it is not all there.
        CopyFailed = "copy_failed",
        /// A snapshot is being put back.
        Promoting = "promoting",
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
    /// When it goes by itself, if ever.
    pub expires: Option<LocalTime>,
    /// Until when nobody can remove it; may have passed.
    pub retained_until: Option<LocalTime>,
    /// Its comment, if it has one.
    pub comment: Option<String>,
    /// True if hosts may only read.
    pub read_only: bool,
}

/// How far a copy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyProgress {
    /// Where the data come from; none once the volume is on its own.
    pub copy_of: Option<VvName>,
    /// What the volume is.
    pub kind: VvKind,
    /// Its virtual size.
    pub size: Size,
    /// Copied so far, if the array says something of it.
    pub copied: Option<Size>,
    /// True if the array compresses it; none before InForm OS 3.3.1, and if the array says it in words that are not known.
    pub compressed: Option<bool>,
}

/// Which volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VvQuery<'a> {
    /// The one of this name.
    Name(&'a VvName),
    /// All whose names begin so, for example `dkv-`: letters, digits, `.`, `_`, `-`.
    Prefix(&'a str),
    /// The snapshots and clones made of this one directly, whatever they are called.
    CopiesOf(&'a VvName),
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
            VvQuery::CopiesOf(name) => Args::new().with("copies", name),
        };
        let read = |form| self.read(form, &args, |rows| each(rows, vv));
        let first = read(self.volumes_form()).await;
        if !is_bad_columns(&first) {
            return first;
        }
        // The array may have been updated since it was asked what it runs (array fact 5).
        self.forget_release();
        let second = read(self.volumes_form()).await;
        if !is_bad_columns(&second) {
            return second;
        }
        // That 3.x has the columns of snapshots' times under these names is a guess (array fact 112).
        let third = read("showvv-untimed").await;
        if third.is_ok() {
            self.is_untimed();
        }
        third
    }

    /// How far a copy or promotion is; none if there is no such volume.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showvv_cpprog(&self, vv: &VvName) -> Result<Option<CopyProgress>, ArrayError> {
        let args = Args::new().with("name", vv);
        let all = self
            .read("showvv-cpprog", &args, |rows| each(rows, progress))
            .await?;
        Ok(all.into_iter().next())
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
        expires: row.parsed("expires")?,
        retained_until: row.parsed("retained_until")?,
        comment: row.opt("comment").map(str::to_owned),
        read_only: row.text("rd")? == "RO",
    })
}

fn progress(row: &Row) -> Result<CopyProgress, String> {
    Ok(CopyProgress {
        copy_of: row.parsed("copy_of")?,
        kind: row.text("kind")?.into(),
        size: Size::from_mib(row.value("size")?),
        copied: row.parsed("copied")?.map(Size::from_mib),
        compressed: row.opt("compressed").and_then(compressed),
    })
}

/// Later releases tell the kind of compression (array fact 125).
fn compressed(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "yes" | "v1" | "v2" => Some(true),
        "no" | "na" => Some(false),
        _ => None,
    }
}
