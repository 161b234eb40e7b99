//! A volume of the python plugin that is in a remote copy group: out of it for its new name, and in again with a new copy (`taken/leaving`).
//!
//! The copy that it has had stays on the other array as it is until a person removes it, by another name: a new copy takes hours, and for as
//! long the other site has no other. One that has the volume's own WWN gets one of its own, because no array makes a second VV with a WWN
//! that it has (array fact 126).
//!
//! An adoption that fails puts all of that back: nothing was written to the volume meanwhile, so the former copy, admitted again, is
//! overwritten with what it has.

use crate::{
    index::JournalEntry,
    inform::{Array, VvQuery},
    model::{Side, VvName, Wwn},
    replication::{Acting, Change, Newcomer, Pair, ReplicationError},
    volume::{
        backend::Backend,
        error::Cause,
        groups,
        inner::Inner,
        queue::{self, Coming},
        steps::{Intent, Seen, Steps},
        taken::{self, Around, CannotLeave, NotTaken, Was},
    },
};

use super::{
    admission::Admission,
    undo::{put_in_order, where_it_is_now},
};

const NAME: &str = "former copy";
const ID: &str = "former id";
const WWN: &str = "former wwn";

/// The copy that a volume has until it leaves its group.
#[derive(Debug)]
pub(super) struct FormerCopy {
    /// Its name on the other array while the volume is in the group.
    name: VvName,
    /// Its name afterwards.
    afterwards: VvName,
    /// It is known by this: both its name and its WWN change.
    id: String,
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
        let now = now.ok_or_else(|| cannot(CannotLeave::Left(group.clone())))?;
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
        let no_name = |taken| {
            cannot(CannotLeave::FormerName {
                copy: copy.clone(),
                array: label.to_owned(),
                taken,
            })
        };
        let afterwards = taken::former_name(copy).ok_or_else(|| no_name(false))?;
        let look = other.showvv(VvQuery::Name(&afterwards));
        if !steps.look("former copy", look).await?.is_empty() {
            return Err(no_name(true));
        }
        Ok(Self {
            name: copy.clone(),
            afterwards,
            id: found.id.to_string(),
            wwn: found.wwn,
        })
    }

    /// As it was written down.
    fn recall(entry: &JournalEntry) -> Option<Self> {
        let name = VvName::new(entry.facts.get(NAME)?).ok()?;
        Some(Self {
            afterwards: taken::former_name(&name)?,
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
        // Whoever made the group: one that is empty for the moment is not removed.
        queue::change(coming, steps, &admission.site(inner), part, false).await?;
        let other = &admission.acting().other;
        self.rename(steps, other, &self.name, &self.afterwards)
            .await?;
        if self.wwn == was.wwn {
            set_wwn(steps, other, &self.afterwards, None, &self.wwn).await?;
        }
        Ok(())
    }

    async fn rename(
        &self,
        steps: &mut Steps,
        other: &Array,
        from: &VvName,
        to: &VvName,
    ) -> Result<(), Cause> {
        let is = Was {
            name: from.clone(),
            comment: None,
            wwn: self.wwn.clone(),
        };
        taken::rename(steps, Intent::RenameCopy, other, &is, from, to)
            .await
            .map(drop)
    }

    /// The name and the WWN that it had.
    async fn as_it_was(&self, steps: &mut Steps, other: &Array) -> Result<(), Cause> {
        let look = other.showvv(VvQuery::Name(&self.afterwards));
        let found = steps.look("former copy", look).await?;
        let found = found.into_iter().next();
        let Some(found) = found.filter(|found| found.id.to_string() == self.id) else {
            return Ok(());
        };
        if found.wwn != self.wwn {
            set_wwn(steps, other, &self.afterwards, Some(&self.wwn), &found.wwn).await?;
        }
        self.rename(steps, other, &self.afterwards, &self.name)
            .await
    }
}

/// Another WWN than it has; none: one that the array makes.
async fn set_wwn(
    steps: &mut Steps,
    array: &Array,
    vv: &VvName,
    to: Option<&Wwn>,
    from: &Wwn,
) -> Result<(), Cause> {
    steps
        .act(Intent::SetWwn, array.setvv_wwn(vv, to), || async {
            let found = array.showvv(VvQuery::Name(vv)).await?.into_iter().next();
            Ok(match found {
                Some(vv) if to.map_or(vv.wwn != *from, |to| vv.wwn == *to) => Seen::Done(()),
                Some(found) => Seen::NotDone(format!(
                    "`{vv}` on array `{}` has WWN {}",
                    array.label(),
                    found.wwn
                )),
                None => Seen::NotDone(format!("VV `{vv}` is gone from array `{}`", array.label())),
            })
        })
        .await
}

/// Takes back that a volume left its group, which has its old name again by now. Gives what was done, for people.
///
/// # Errors
/// Also if the group is Primary on the other array by now, or a person has stopped it: then the volume stays out of it, and the operation in
/// the journal.
pub(super) async fn join_again(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    steps: &mut Steps,
    was: &Was,
) -> Result<Option<String>, Cause> {
    let entry = steps.entry().clone();
    let Some(former) = FormerCopy::recall(&entry).filter(|_| Intent::Dismiss.is_in(&entry)) else {
        return Ok(None);
    };
    let recalled = backend.pair.as_ref().and_then(|pair| {
        let before = groups::recall(&entry, pair)?;
        Some((pair, before, groups::name_at_home(&entry)?))
    });
    let Some((pair, before, at_home)) = recalled else {
        return Err(Cause::NotKnown(
            "the journal does not say in which group it was".to_owned(),
        ));
    };
    let acting = where_it_is_now(backend, steps, &before).await?;
    if acting.side == Side::Peer {
        let why = NotTaken::GroupElsewhere(at_home);
        return Err(taken::not_taken(&backend.array, &was.name, why));
    }
    let look = acting.array.showrcopy_group(&acting.group);
    let now = steps.look("group", look).await?;
    if now.as_ref().is_some_and(|group| group.holds(&was.name)) {
        return Ok(None);
    }
    former.as_it_was(steps, &acting.other).await?;
    let newcomer = newcomer(steps, pair, &acting, was, former.name).await?;
    let join = Change::Admit(Box::new(newcomer));
    put_in_order(inner, backend, coming, steps, &acting, join, false).await?;
    Ok(Some(format!(
        "`{}` is in remote copy group `{}` again, and its copy on array `{}` is written anew",
        was.name,
        acting.group,
        acting.other.label()
    )))
}

async fn newcomer(
    steps: &Steps,
    pair: &Pair,
    acting: &Acting,
    was: &Was,
    copy: VvName,
) -> Result<Newcomer, Cause> {
    let look = acting.array.showvv(VvQuery::Name(&was.name));
    let vv = steps.look("vv by its old name", look).await?;
    let cpg = vv.into_iter().next().and_then(|vv| vv.user_cpg);
    let mapped = cpg.as_ref().and_then(|cpg| pair.wants.cpg(cpg));
    let cpg = mapped.ok_or_else(|| {
        let why = ReplicationError::Unmapped {
            cpg: cpg.map_or_else(|| "-".to_owned(), |cpg| cpg.to_string()),
            vv: was.name.clone(),
        };
        groups::refused(&acting.array, why)
    })?;
    Ok(Newcomer {
        vv: was.name.clone(),
        copy: Some(copy),
        group: acting.group.clone(),
        target: acting.target.clone(),
        cpg,
        // The group is there: it is made of nothing.
        snap_cpg: None,
        domain: None,
    })
}
