//! A volume of the python plugin that is in a remote copy group: out of it for its new name, and in again with a new copy (`taken/leaving`).
//!
//! The copy that it has had stays on the other array as it is until a person removes it, by another name: a new copy takes hours, and for as
//! long the other site has no other. Nothing here writes to it. One that has the volume's own WWN gets one of its own, because no array
//! makes a second VV with a WWN that it has (array fact 126).
//!
//! An adoption that fails puts the volume back into its group, with a new copy as well: the former one may have been used by the time, for the
//! array that sends may have been dead meanwhile. What the array refuses then is not tried again and again, as that stops the group each time:
//! the volume stays out, and that is told.

use std::time::Duration;

use crate::{
    index::JournalEntry,
    inform::{Array, Refusal, Vv, VvQuery},
    model::{Side, VvName, Wwn},
    replication::{Acting, Change, Newcomer, Pair, ReplicationError},
    volume::{
        backend::Backend,
        error::Cause,
        exports, group_lock, groups,
        inner::Inner,
        queue::{self, Coming, GroupKey},
        steps::{self, Intent, Seen, Steps},
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
/// The fact that the array does not take the volume into its group again, and why.
const STAYS_OUT: &str = "stays out";
/// How often the group was stopped for that in vain, and how often it may be.
const JOINS: &str = "joins";
/// When the last one was, in RFC 3339; and how long the next one waits after the first, the second and so on. Then it stays out.
const JOINED: &str = "joined";
const PAUSES: [Duration; 3] = [
    Duration::from_secs(60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(60 * 60),
];

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
    fn recall(entry: &JournalEntry) -> Option<Self> {
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
        let to = exports::look_on(steps, array, &was.name).await?;
        if !to.is_empty() {
            return Err(Cause::ExportedElsewhere {
                array: array.label().to_owned(),
                to: exports::names(&to),
            });
        }
        self.out_of_the_way(steps, &site.acting.other, &was.wwn)
            .await
    }

    /// Its other name and, if it has the volume's, its other WWN. One that somebody has removed or renamed meanwhile is in nobody's way.
    ///
    /// # Errors
    /// [`Cause::ForeignVv`] if something else has the copy's name by now; [`Cause::ExportedElsewhere`] if a host has the copy.
    async fn out_of_the_way(
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
                let to = exports::look_on(steps, other, name).await?;
                if !to.is_empty() {
                    return Err(Cause::ExportedElsewhere {
                        array: other.label().to_owned(),
                        to: exports::names(&to),
                    });
                }
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

/// Takes back that a volume left its group; it has its old name again by now. Gives what was done, or could not be, for people.
///
/// # Errors
/// What may be otherwise later: an array that does not answer, a group that a person has stopped, that is copying, or that is Primary on the other
/// array. Then the volume stays out of it for as long, and the operation in the journal.
pub(super) async fn join_again(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    steps: &mut Steps,
    was: &Was,
) -> Result<Option<String>, Cause> {
    let entry = steps.entry().clone();
    // By what was written down before it left: another operation at the same volume may have carried that out.
    let Some(former) = FormerCopy::recall(&entry) else {
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
    let at_the_copy = Intent::RenameCopy.is_in(&entry) || Intent::SetWwn.is_in(&entry);
    if at_the_copy
        && steps.is_resumed()
        && let Some(session) = steps::earlier_session(&inner.index, &before.other).await?
    {
        let why = steps::may_still_run(&before.other, &session);
        return Err(Cause::NotKnown(why));
    }
    let acting = where_it_is_now(backend, steps, &before).await?;
    if acting.side == Side::Peer {
        let why = CannotLeave::Elsewhere(at_home).into();
        return Err(taken::not_taken(&backend.array, &was.name, why));
    }
    let look = acting.array.showrcopy_group(&acting.group);
    let now = steps.look("group", look).await?;
    if now.as_ref().is_some_and(|group| group.holds(&was.name)) {
        return Ok(None);
    }
    must_have_rested(&entry, &was.name)?;
    let why = match entry.facts.get(STAYS_OUT) {
        Some(why) => why.clone(),
        None if now.is_none() => "the group does not exist".to_owned(),
        None => match join(inner, backend, coming, steps, (pair, &acting), &former, was).await {
            Ok(()) => {
                return Ok(Some(format!(
                    "`{}` is in remote copy group `{}` again, and all of it is copied; what its copy was is `{}` on array `{}`",
                    was.name,
                    acting.group,
                    former.afterwards,
                    acting.other.label()
                )));
            }
            Err(cause) if is_final(&cause, &entry, steps)? => {
                let why = cause.to_string();
                steps.record(&[(STAYS_OUT, &why)])?;
                // What is not in order yet is put in order before this is looked at again.
                if group_lock::is_ours(steps, &acting).await? {
                    return Err(cause);
                }
                why
            }
            Err(cause) => return Err(cause),
        },
    };
    let told = stays_out(steps, pair, &acting, &former, was, now.is_some(), &why).await;
    log::error!(vv = was.name.as_str(), group = acting.group.as_str(), array = acting.array.label(), told = told.as_str();
        "a volume that left its group for an adoption stays out of it: it is not replicated");
    Ok(Some(told))
}

/// What a person is told, with what can be typed, of a volume that does not come into its group again.
async fn stays_out(
    steps: &Steps,
    pair: &Pair,
    acting: &Acting,
    former: &FormerCopy,
    was: &Was,
    group_is_there: bool,
    why: &str,
) -> String {
    let (vv, group, target, other) = (&was.name, &acting.group, &acting.target, &acting.other);
    let told = format!(
        "`{vv}` is NOT in remote copy group `{group}` any more ({why}), and what its copy was, `{}` or `{}` on array `{}`, is not kept current",
        former.name,
        former.afterwards,
        other.label()
    );
    if !group_is_there {
        return told;
    }
    let own_wwn = if pair.wants.peer_persistence {
        ""
    } else {
        "-nowwn "
    };
    let mut lines = Vec::new();
    let array = other.label();
    let (from, to) = (&former.name, &former.afterwards);
    let look = async |name| {
        let found = steps
            .look("copy", other.showvv(VvQuery::Name(name)))
            .await?;
        Ok::<_, Cause>(found.into_iter().next())
    };
    let Ok([by_old, by_new]) = async { Ok::<_, Cause>([look(from).await?, look(to).await?]) }.await
    else {
        return format!("{told}; look at both on `{array}` when that answers");
    };
    let is_it = |vv: &&Vv| vv.id.to_string() == former.id;
    if let Some(copy) = by_old.iter().chain(&by_new).find(is_it) {
        if copy.name == *from {
            lines.push(format!(
                "on `{array}`, when no host has it: `setvv -name {to} {from}`"
            ));
        }
        if copy.wwn == was.wwn {
            lines.push(format!(
                "on `{array}`, when no host has it: `setvv -wwn auto {to}`"
            ));
        }
    }
    if by_old.iter().any(|vv| !is_it(&vv)) {
        return format!(
            "{told}; another VV is called `{from}` on `{array}` by now, and has to be called otherwise first"
        );
    }
    lines.push(format!(
        "on `{}`: `stoprcopygroup -f {group}`, `admitrcopyvv -createvv {own_wwn}{vv} {group} {target}:{vv}`, `startrcopygroup {group}`",
        acting.array.label()
    ));
    format!("{told}; by hand: {}", lines.join("; "))
}

/// Each join stops the group.
fn must_have_rested(entry: &JournalEntry, vv: &VvName) -> Result<(), Cause> {
    let fact = |key| entry.facts.get(key);
    let last: Option<jiff::Timestamp> = fact(JOINED).and_then(|at| at.parse().ok());
    let (Some(last), false) = (last, entry.facts.contains_key(STAYS_OUT)) else {
        return Ok(());
    };
    let pause = PAUSES[joins(entry).saturating_sub(1).min(PAUSES.len() - 1)];
    let next = last.saturating_add(pause).unwrap_or(last);
    if jiff::Timestamp::now() >= next {
        return Ok(());
    }
    Err(Cause::NotKnown(format!(
        "`{vv}` is not in its remote copy group now: that stops the group, and is tried again at {next:.0}"
    )))
}

fn joins(entry: &JournalEntry) -> usize {
    let joins = entry.facts.get(JOINS).and_then(|n| n.parse().ok());
    joins.unwrap_or(0)
}

async fn join(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    steps: &mut Steps,
    (pair, acting): (&Pair, &Acting),
    former: &FormerCopy,
    was: &Was,
) -> Result<(), Cause> {
    former
        .out_of_the_way(steps, &acting.other, &was.wwn)
        .await?;
    let newcomer = newcomer(steps, pair, acting, was).await?;
    let join = Change::Admit(Box::new(newcomer));
    put_in_order(inner, backend, coming, steps, acting, join, false).await
}

/// True for what only a person can put right or would be so again; and for what has stopped the group too often.
fn is_final(cause: &Cause, before: &JournalEntry, steps: &mut Steps) -> Result<bool, Cause> {
    if needs_a_person(cause) {
        return Ok(true);
    }
    let stops = |entry: &JournalEntry| {
        let stop = Intent::StopGroup.to_string();
        entry.steps.iter().filter(|step| **step == stop).count()
    };
    if stops(steps.entry()) > stops(before) {
        let failed = joins(before) + 1;
        let now = jiff::Timestamp::now().to_string();
        steps.record(&[(JOINS, &failed.to_string()), (JOINED, &now)])?;
        if failed > PAUSES.len() {
            return Ok(true);
        }
    }
    Ok(will_be_refused_again(cause))
}

fn needs_a_person(cause: &Cause) -> bool {
    match cause {
        Cause::Shared(cause) => needs_a_person(cause),
        Cause::ForeignVv { .. } | Cause::ExportedElsewhere { .. } => true,
        Cause::Replication { why, .. } => matches!(why, ReplicationError::Unmapped { .. }),
        _ => false,
    }
}

/// A refusal of this operation's own command that does not pass by itself.
fn will_be_refused_again(cause: &Cause) -> bool {
    let Cause::Array(error) = cause else {
        return false;
    };
    matches!(
        error.refusal(),
        Some(
            Refusal::Other
                | Refusal::NoSuchCpg
                | Refusal::NotLicensed
                | Refusal::NotPermitted
                | Refusal::BadName
                | Refusal::Exists
                | Refusal::Syntax
                | Refusal::SizesDiffer
                | Refusal::PhysicalCopy
        )
    )
}

async fn newcomer(
    steps: &Steps,
    pair: &Pair,
    acting: &Acting,
    was: &Was,
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
        group: acting.group.clone(),
        target: acting.target.clone(),
        cpg,
        // The group is there: none is made.
        snap_cpg: None,
        domain: None,
    })
}
