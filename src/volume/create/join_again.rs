//! An adoption that fails puts the volume back into the group that it left (`former_copy`), with a new copy: the former one may have been used
//! by then, for the array that sends may have been dead meanwhile. Each try stops the group, so what the array refuses is not tried again and
//! again: the volume stays out, and that is told.

use std::time::Duration;

use crate::{
    index::JournalEntry,
    inform::{Refusal, Vv, VvQuery},
    model::{Side, VvName},
    replication::{Acting, Change, Newcomer, Pair, ReplicationError},
    volume::{
        backend::Backend,
        error::Cause,
        group_lock, groups,
        inner::Inner,
        queue::Coming,
        steps::{self, Intent, Steps},
        taken::{self, CannotLeave, Was},
    },
};

use super::{
    former_copy::FormerCopy,
    undo::{put_in_order, where_it_is_now},
};

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
