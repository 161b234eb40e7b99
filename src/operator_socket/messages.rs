//! What is asked and answered.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    model::{BackendName, GroupName, NewSize, SetName, Size, VolumeName, VvName},
    volume::{
        Adoptable, Adopted, AdoptionList, Forgotten, FormerCopy, Grown, Overview, Promoted,
        UserError,
    },
};

/// What the plugin is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Tell of every volume.
    List,
    /// Tell all of one volume.
    Show {
        /// Docker's name.
        name: VolumeName,
    },
    /// Make a volume larger.
    Grow {
        /// Docker's name.
        name: VolumeName,
        /// How large.
        to: NewSize,
    },
    /// Put a snapshot's data back into its volume.
    Promote {
        /// Docker's name of the snapshot.
        snapshot: VolumeName,
        /// Otherwise it is only looked at whether that can be done.
        overwrite: bool,
        /// The volume's group may be stopped for that, and started again.
        stop_group: bool,
    },
    /// Tell of every volume that HPE's python plugin has made.
    Adoptable {
        /// Those that are in a remote copy group, too, would be copied anew.
        copy_anew: bool,
    },
    /// Tell whether one of them could be taken over by another name than it had.
    AdoptableAs {
        /// Its name on the array, or the one that it had in Docker.
        which: String,
        /// What Docker would call it.
        name: VolumeName,
        /// Also one that is in a remote copy group.
        copy_anew: bool,
    },
    /// Take one of them over.
    Adopt {
        /// Its name on the array, or the one that it had in Docker.
        which: String,
        /// What Docker is to call it, if not as before.
        name: Option<VolumeName>,
        /// Also one that is in a remote copy group: it leaves that for its new name, joins it again, and is copied anew.
        copy_anew: bool,
    },
    /// Take all of them over that can be.
    AdoptAll {
        /// Also those that are in a remote copy group.
        copy_anew: bool,
    },
    /// Give a volume that was there before Docker its old name and comment back.
    Release {
        /// Docker's name.
        name: VolumeName,
    },
    /// End a release whose VV is nowhere.
    Forget {
        /// Docker's name.
        name: VolumeName,
    },
}

/// A line of an answer. The last one is no [`Line::Progress`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    /// What happens now.
    Progress(String),
    /// It is done.
    Done(Answer),
    /// It is not done.
    Failed(Failure),
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Every volume.
    List(Listing),
    /// One volume.
    Show(Shown),
    /// It is larger.
    Grown(Grown),
    /// It has the snapshot's data, or could have.
    Promoted(Promoted),
    /// What HPE's python plugin has made.
    Adoptable(Candidates),
    /// What was taken over, and what was not.
    Adopted(Adoptions),
    /// It is not Docker's any more.
    Released {
        /// The array's schedules for it by the name that is gone; none if the array did not tell.
        schedules: Option<Vec<String>>,
    },
    /// It is not Docker's any more, and was nowhere.
    Forgotten(Forgotten),
}

/// Every volume, and what could be one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    /// All that this host knows.
    pub volumes: Vec<Overview>,
    /// What HPE's python plugin has made; none if the arrays did not tell in time.
    pub adoptable: Option<Candidates>,
}

/// What HPE's python plugin has made, volumes before their snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidates {
    /// All.
    pub all: Vec<Candidate>,
    /// Arrays that could not be asked, and why.
    pub not_asked: Vec<String>,
}

/// One VV of that plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its name on the array.
    pub vv: VvName,
    /// The array.
    pub array: String,
    /// The backend that it would belong to, if there is one.
    pub backend: Option<BackendName>,
    /// Its size.
    pub size_mib: Size,
    /// Of a snapshot: the VV it is of.
    pub snapshot_of: Option<VvName>,
    /// What Docker called it, if that can be told.
    pub was: Option<VolumeName>,
    /// What Docker would call it, if that can be told.
    pub name: Option<VolumeName>,
    /// Why it is not taken over as it is.
    pub objection: Option<Failure>,
    /// The remote copy group that it is in.
    pub group: Option<GroupName>,
    /// What becomes of the copy that it has, if it may leave that group.
    pub former: Option<FormerCopy>,
    /// The VV set that was made for it alone, which goes with it.
    pub own_set: Option<SetName>,
    /// The other VV sets that it is in, and stays in.
    pub other_sets: Vec<SetName>,
    /// The array's schedules for it, which know it by the name that it has now; none if the array did not tell.
    pub schedules: Option<Vec<String>>,
}

/// What was taken over, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adoptions {
    /// Under which names.
    pub adopted: Vec<Adopted>,
    /// Why not.
    pub refused: Vec<Failure>,
    /// Arrays that could not be asked, and why.
    pub not_asked: Vec<String>,
}

impl From<AdoptionList> for Candidates {
    fn from(list: AdoptionList) -> Self {
        Self {
            all: list.all.into_iter().map(Candidate::from).collect(),
            not_asked: list.not_asked,
        }
    }
}

impl From<Adoptable> for Candidate {
    fn from(found: Adoptable) -> Self {
        Self {
            objection: found.objection().map(Failure::from),
            vv: found.vv,
            array: found.array,
            backend: found.backend,
            size_mib: found.size,
            snapshot_of: found.snapshot_of,
            was: found.was,
            name: found.name.ok(),
            group: found.group,
            former: found.former,
            own_set: found.own_set,
            other_sets: found.other_sets,
            schedules: found.schedules,
        }
    }
}

/// A volume, with the words of `docker volume inspect`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Shown {
    /// Docker's name.
    pub name: VolumeName,
    /// Where it is mounted on this host.
    pub mountpoint: Option<PathBuf>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// All else.
    pub status: Map<String, Value>,
}

/// Why something is not done, in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl From<UserError> for Failure {
    fn from(error: UserError) -> Self {
        let UserError { message, hint } = error;
        Self { message, hint }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; hint: {hint}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Size;

    #[test]
    fn what_is_sent_is_what_is_read() {
        let name = VolumeName::new("db1").unwrap();
        for (request, text) in [
            (Request::List, r#"{"do":"list"}"#),
            (
                Request::Grow {
                    name: name.clone(),
                    to: NewSize::More(Size::from_gib(2)),
                },
                r#"{"do":"grow","name":"db1","to":{"more":2048}}"#,
            ),
            (
                Request::Promote {
                    snapshot: name,
                    overwrite: false,
                    stop_group: true,
                },
                r#"{"do":"promote","snapshot":"db1","overwrite":false,"stop_group":true}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&request).unwrap(), text);
            assert_eq!(serde_json::from_str::<Request>(text).unwrap(), request);
        }
        // Another release may know more: it must not be taken for less than it says.
        for text in [
            r#"{"do":"grow","name":"db1","to":{"more":2048},"shrink":true}"#,
            r#"{"do":"erase"}"#,
        ] {
            assert!(serde_json::from_str::<Request>(text).is_err(), "{text}");
        }
    }
}
