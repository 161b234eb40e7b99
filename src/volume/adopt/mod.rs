//! The volumes of HPE's python plugin: which there are, and taking them over one by one. Its database is not needed: names and comments on
//! the arrays tell enough (`model/python.rs`).
//!
//! An adopted volume is an imported one (`create/import.rs`) that is Docker's own: `docker volume rm` removes it, and only
//! `volume release` gives it back.

mod found;
mod names;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    index::OpKind,
    model::{
        BackendName, CreateVolume, GroupName, ImportPolicy, RequestId, SetName, Size, Source,
        VolumeName, VvName,
    },
};

use super::{
    UserError, create,
    error::{Cause, VolumeError},
    inner::Inner,
    lookup,
    remove::{
        self, Ending,
        forget::{Forgotten, forget},
    },
    service::Service,
    taken::{self, Asked, NotTaken, Was},
};

/// A VV that the python plugin made.
#[derive(Debug, Clone)]
pub struct Adoptable {
    /// Its name on the array.
    pub vv: VvName,
    /// The array.
    pub array: String,
    /// The backend that it would belong to; none if hpe.conf has none without replication on that array.
    pub backend: Option<BackendName>,
    /// Its size.
    pub size: Size,
    /// Of a snapshot: the VV it is of.
    pub snapshot_of: Option<VvName>,
    /// What Docker called it, if its comment tells.
    pub was: Option<VolumeName>,
    /// What Docker would call it, or why that cannot be told.
    pub name: Result<VolumeName, NotTaken>,
    /// Whether it can be taken, and its comment has room for the name that it would have.
    pub fit: Result<(), NotTaken>,
    /// The remote copy group that it is in.
    pub group: Option<GroupName>,
    /// What becomes of the copy that it has, if it may leave that group.
    pub former: Option<FormerCopy>,
    /// The VV set that the python plugin made for it alone: that goes with the volume, and with it its QoS rule.
    pub own_set: Option<SetName>,
    /// The other VV sets that it is in: as long as it is, `docker volume rm` is refused.
    pub other_sets: Vec<SetName>,
    /// The array's schedules for it, which know it by the name that it has now; none if the array did not tell.
    pub schedules: Option<Vec<String>>,
}

impl Adoptable {
    /// Why it is not adopted by the name that it had, and what to do; none if it is.
    pub fn objection(&self) -> Option<UserError> {
        let why = self.fit.as_ref().err().or(self.name.as_ref().err())?;
        Some(self.refused(why))
    }

    fn refused(&self, why: &NotTaken) -> UserError {
        UserError {
            message: format!("VV `{}` on array `{}` {why}", self.vv, self.array),
            hint: Some(why.hint(&self.vv)),
        }
    }
}

/// All that the arrays show. Volumes come before their snapshots.
#[derive(Debug, Clone, Default)]
pub struct AdoptionList {
    /// What the python plugin made.
    pub all: Vec<Adoptable>,
    /// Arrays that could not be asked, and why: equal names may be there.
    pub not_asked: Vec<String>,
}

/// A copy that was a volume's until that left its group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerCopy {
    /// Its name afterwards.
    pub vv: VvName,
    /// The array that has it.
    pub array: String,
}

/// What whoever asks for an adoption lets be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdoptLeave {
    /// A volume that is in a remote copy group may leave it for its new name, and join it again: then it is copied to the other array anew.
    pub copy_anew: bool,
}

/// One that is to be called otherwise than before.
#[derive(Debug, Clone, Copy)]
struct Renamed<'a> {
    /// Its name on the array, or the one that it had in Docker.
    which: &'a str,
    to: &'a VolumeName,
}

/// What became of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopted {
    /// Its name on the array, until now.
    pub was: VvName,
    /// Docker's name of it.
    pub name: VolumeName,
    /// The array.
    pub array: String,
    /// What its copy was until now, of one that was copied anew.
    pub former: Option<FormerCopy>,
    /// The array's schedules for the name that it had: each of their runs fails from now on. None if the array did not tell.
    pub schedules: Option<Vec<String>>,
}

impl Service {
    /// Looks at all volumes of the python plugin. Nothing is changed.
    pub async fn adoptable(&self, request: &RequestId, leave: AdoptLeave) -> AdoptionList {
        found::list(&self.inner(), request, leave, None).await
    }

    /// Looks whether one can be adopted by another name than it had. Nothing is changed.
    ///
    /// # Errors
    /// If `which` goes by none or by several. All else that stands in the way is told by the one that the list has then.
    pub async fn adoptable_as(
        &self,
        request: &RequestId,
        which: &str,
        name: &VolumeName,
        leave: AdoptLeave,
    ) -> Result<AdoptionList, UserError> {
        let inner = self.inner();
        let to = Renamed { which, to: name };
        let listed = found::list(&inner, request, leave, Some(to)).await;
        let mut item = names::only_one(&listed, which)?.clone();
        let free = names::is_free(&inner, request, &item, name).await;
        item.name = free.map(|()| name.clone());
        Ok(AdoptionList {
            all: vec![item],
            ..listed
        })
    }

    /// Adopts one, by the name that it has on the array or had in Docker; `name` is what it is to be called, if not as before.
    ///
    /// # Errors
    /// Whatever stands in the way. Then nothing is changed, or it was taken back.
    pub async fn adopt(
        &self,
        request: RequestId,
        which: String,
        name: Option<VolumeName>,
        leave: AdoptLeave,
    ) -> Result<Adopted, UserError> {
        let inner = self.inner();
        let work = async move { Box::pin(adopt(&inner, &request, &which, name, leave)).await };
        whatever_becomes_of_the_caller(work).await
    }

    /// Gives an imported or adopted volume its old name and its old comment back, whatever its `importPolicy`. Its data stay. Gives the array's
    /// schedules for it by the name that it had until then; none if the array did not tell.
    ///
    /// # Errors
    /// Whatever stands in the way. Then nothing is changed, or it was taken back.
    pub async fn release(
        &self,
        request: RequestId,
        name: VolumeName,
    ) -> Result<Option<Vec<String>>, UserError> {
        let inner = self.inner();
        let work = async move {
            let _at_work = inner.at_work.enter(&name, &request);
            let on = lookup::backend_of(&inner, &request, &name).await;
            let schedules = match on {
                Ok(Some(backend)) => {
                    let vv = name.vv_name(&inner.namespace);
                    taken::schedules_of(&inner, &backend.array, &vv).await
                }
                // The release itself says what is wrong.
                Ok(None) | Err(_) => None,
            };
            let ended = Box::pin(remove::end(&inner, &request, &name, Ending::Release)).await;
            ended.map(|()| schedules).map_err(UserError::from)
        };
        whatever_becomes_of_the_caller(work).await
    }

    /// Ends a release, or an import that is taken back, whose VV somebody has removed or renamed on the array: the volume is forgotten.
    ///
    /// # Errors
    /// If that VV is there after all, if that cannot be told, or if nothing is unfinished. Then nothing is changed.
    pub async fn forget(
        &self,
        request: RequestId,
        name: VolumeName,
    ) -> Result<Forgotten, UserError> {
        let inner = self.inner();
        let work = async move {
            let _at_work = inner.at_work.enter(&name, &request);
            let ended = Box::pin(forget(&inner, &request, &name)).await;
            ended.map_err(UserError::from)
        };
        whatever_becomes_of_the_caller(work).await
    }
}

/// On a task of its own.
async fn whatever_becomes_of_the_caller<T: Send + 'static>(
    work: impl Future<Output = Result<T, UserError>> + Send + 'static,
) -> Result<T, UserError> {
    tokio::spawn(work).await.unwrap_or_else(|panic| {
        log::error!("internal error: {panic}");
        Err(UserError {
            message: "internal error".to_owned(),
            hint: None,
        })
    })
}

/// What an earlier try of this host left open is completed or taken back before anything is looked at: it may be out of its group.
async fn end_what_was_begun(
    inner: &Inner,
    request: &RequestId,
    which: &str,
    name: Option<&VolumeName>,
) -> Result<(), UserError> {
    for entry in inner.index.open_entries() {
        let was = Was::recall(&entry);
        let is_it = entry.name.as_str() == which
            || Some(&entry.name) == name
            || was.is_some_and(|was| was.name.as_str() == which);
        if entry.kind == OpKind::Create && is_it {
            let _lock = inner.locks.lock(&entry.name).await;
            let ended = inner.clean_up_after(request, &entry.name).await;
            ended.map_err(|cause| UserError::from(VolumeError::clean(&entry.name, cause)))?;
        }
    }
    Ok(())
}

async fn adopt(
    inner: &Arc<Inner>,
    request: &RequestId,
    which: &str,
    name: Option<VolumeName>,
    leave: AdoptLeave,
) -> Result<Adopted, UserError> {
    end_what_was_begun(inner, request, which, name.as_ref()).await?;
    let renamed = name.as_ref().map(|to| Renamed { which, to });
    let listed = found::list(inner, request, leave, renamed).await;
    let item = names::only_one(&listed, which)?;
    item.fit.as_ref().map_err(|why| item.refused(why))?;
    let given = name.is_some();
    let name = match name {
        Some(name) => name,
        None => item.name.clone().map_err(|why| item.refused(&why))?,
    };
    let clean = |cause| UserError::from(VolumeError::clean(&name, cause));
    if !given && !listed.not_asked.is_empty() {
        let why = listed.not_asked.join("; ");
        return Err(clean(Cause::NotKnown(format!(
            "another of that name may be on an array that could not be asked ({why})"
        ))));
    }
    let backend = item.backend.clone();
    let backend = backend.ok_or_else(|| item.refused(&NotTaken::NoPlainBackend))?;
    let asked = CreateVolume {
        source: Source::Import {
            vv: item.vv.clone(),
            policy: ImportPolicy::Own,
        },
        replication_group: item.group.clone(),
        ..CreateVolume::new(name.clone(), backend)
    };
    let _at_work = inner.at_work.enter(&name, request);
    create::create_for(inner, request, &asked, Asked::Adoption)
        .await
        .map_err(UserError::from)?;
    Ok(Adopted {
        was: item.vv.clone(),
        name,
        array: item.array.clone(),
        former: item.former.clone(),
        schedules: item.schedules.clone(),
    })
}
