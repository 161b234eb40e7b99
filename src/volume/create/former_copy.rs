//! A volume of the python plugin that is in a remote copy group: out of it for its new name, and in again with a new copy (`taken/leaving`).
//!
//! The copy that it has had stays on the other array as it is until a person removes it, by another name: a new copy takes hours, and for as
//! long the other site has no other. Nothing here writes to it. One that has the volume's own WWN gets one of its own, because no array
//! makes a second VV with a WWN that it has (array fact 126).

use crate::{
    index::JournalEntry,
    inform::{Array, Vv, VvQuery},
    model::{VvName, Wwn},
    replication::{Acting, Change, ReplicationError},
    volume::{
        error::Cause,
        exports, groups,
        inner::Inner,
        queue::{self, Coming, GroupKey},
        steps::{Intent, Seen, Steps},
        taken::{self, Around, CannotLeave, NotTaken, Was},
    },
};

use super::admission::Admission;

const NAME: &str = "former copy";
const ID: &str = "former id";
const WWN: &str = "former wwn";

/// The copy that a volume has until it leaves its group.
#[derive(Debug)]
pub(super) struct FormerCopy {
    /// Its name on the other array while the volume is in the group.
    pub name: VvName,
    /// Its name afterwards.
    pub afterwards: VvName,
    /// It is known by this: both its name and its WWN change.
    pub id: String,
    wwn: Wwn,
}

impl FormerCopy {
    /// Looks at all that can stand in the way of leaving the group. Nothing is changed.
    pub async fn check(
        inner: &Inner,
        steps: &Steps,
        admission: &Admission<'_>,
        vv: &VvName,
    ) -> Result<Self, Cause> {
        let Acting {
            array,
            other,
            group,
            ..
        } = admission.acting();
        let refused = |why: NotTaken| taken::not_taken(array, vv, why);
        let cannot = |why: CannotLeave| refused(why.into());
        let now = steps.look("group", array.showrcopy_group(group)).await?;
        let now = now.ok_or_else(|| {
            cannot(CannotLeave::Group(ReplicationError::NotInStep {
                group: group.clone(),
                vv: vv.clone(),
                sync: None,
            }))
        })?;
        let member = taken::may_leave(array.label(), &now, vv).map_err(refused)?;
        let (copy, label) = (&member.remote, other.label());
        let found = steps
            .look("copy", other.showvv(VvQuery::Name(copy)))
            .await?;
        let found = found.into_iter().next().ok_or_else(|| {
            cannot(CannotLeave::NoCopy {
                copy: copy.clone(),
                array: label.to_owned(),
            })
        })?;
        let around = Around::look(inner, other, Some(copy)).await?;
        if let Some(to) = around.exported_to(copy) {
            return Err(cannot(CannotLeave::CopyExported {
                copy: copy.clone(),
                array: label.to_owned(),
                to,
            }));
        }
        let afterwards = taken::former_name(label, copy).map_err(cannot)?;
        let look = other.showvv(VvQuery::Name(&afterwards));
        if !steps.look("former copy", look).await?.is_empty() {
            return Err(cannot(CannotLeave::FormerName {
                copy: copy.clone(),
                array: label.to_owned(),
                taken: true,
            }));
        }
        Ok(Self {
            name: copy.clone(),
            afterwards,
            id: found.id.to_string(),
            wwn: found.wwn,
        })
    }

    /// As it was written down.
    pub fn recall(entry: &JournalEntry) -> Option<Self> {
        let name = VvName::new(entry.facts.get(NAME)?).ok()?;
        Some(Self {
            // Which array has it is for messages only.
            afterwards: taken::former_name("", &name).ok()?,
            name,
            id: entry.facts.get(ID)?.clone(),
            wwn: entry.facts.get(WWN)?.parse().ok()?,
        })
    }

    /// Out of the group, in a cycle with all others that wait; and the copy out of the way of the new one.
    pub async fn leave(
        &self,
        inner: &Inner,
        admission: &Admission<'_>,
        coming: &mut Coming,
        steps: &mut Steps,
        was: &Was,
    ) -> Result<(), Cause> {
        steps.record(&[
            (NAME, self.name.as_str()),
            (ID, &self.id),
            (WWN, self.wwn.as_str()),
        ])?;
        let part = Change::Part(was.name.clone());
        let site = admission.site(inner);
        // Whoever made the group: one that is empty for the moment is not removed.
        queue::change(coming, steps, &site, part, false).await?;
        // Whoever leads the next cycle waits for this one: a new volume that came first would keep it out while that is copied.
        let key = GroupKey::find(site.backend, site.group_at_home, &site.acting.group);
        coming.announce(key.await?);
        // The python plugin knows nothing of a lock, and the volume by this name.
        let array = &site.acting.array;
        exports::must_be_none(steps, array, &was.name).await?;
        self.out_of_the_way(steps, &site.acting.other, &was.wwn)
            .await
    }

    /// Its other name and, if it has the volume's, its other WWN. One that somebody has removed or renamed meanwhile is in nobody's way.
    ///
    /// # Errors
    /// [`Cause::ForeignVv`] if something else has the copy's name by now; [`Cause::ExportedElsewhere`] if a host has the copy.
    pub async fn out_of_the_way(
        &self,
        steps: &mut Steps,
        other: &Array,
        of: &Wwn,
    ) -> Result<(), Cause> {
        let (name, afterwards) = (&self.name, &self.afterwards);
        let is_it = |vv: &Vv| vv.id.to_string() == self.id;
        let found = steps
            .look("copy", other.showvv(VvQuery::Name(name)))
            .await?;
        match found.first() {
            Some(vv) if is_it(vv) => {
                exports::must_be_none(steps, other, name).await?;
                let rename = other.setvv_name(name, afterwards);
                steps
                    .act(Intent::RenameCopy, rename, || async {
                        let found = other.showvv(VvQuery::Name(afterwards)).await?;
                        Ok(match found.first() {
                            Some(vv) if is_it(vv) => Seen::Done(()),
                            _ => Seen::NotDone(format!(
                                "`{name}` on array `{}` is not called `{afterwards}`",
                                other.label()
                            )),
                        })
                    })
                    .await?;
            }
            Some(vv) => {
                return Err(Cause::ForeignVv {
                    array: other.label().to_owned(),
                    vv: name.clone(),
                    why: vv
                        .comment
                        .clone()
                        .unwrap_or_else(|| "no comment".to_owned()),
                });
            }
            None => {}
        }
        let look = other.showvv(VvQuery::Name(afterwards));
        let found = steps.look("former copy", look).await?;
        if found.first().is_some_and(|vv| is_it(vv) && vv.wwn == *of) {
            self.other_wwn(steps, other, of).await?;
        }
        Ok(())
    }

    async fn other_wwn(&self, steps: &mut Steps, other: &Array, than: &Wwn) -> Result<(), Cause> {
        let vv = &self.afterwards;
        steps
            .act(Intent::SetWwn, other.setvv_other_wwn(vv), || async {
                let found = other.showvv(VvQuery::Name(vv)).await?.into_iter().next();
                Ok(match found {
                    Some(found) if found.wwn != *than => Seen::Done(()),
                    Some(_) => Seen::NotDone(format!(
                        "`{vv}` on array `{}` still has WWN {than}",
                        other.label()
                    )),
                    None => {
                        Seen::NotDone(format!("VV `{vv}` is gone from array `{}`", other.label()))
                    }
                })
            })
            .await
    }
}

/// What may be left of a volume that leaves its group, for people; none if it does not.
pub(super) fn left(entry: &JournalEntry) -> Option<String> {
    let former = FormerCopy::recall(entry)?;
    let group = groups::name_at_home(entry)?;
    Some(format!(
        ", perhaps not in remote copy group `{group}`, with what its copy was as `{}` or `{}` on the other array",
        former.name, former.afterwards
    ))
}
