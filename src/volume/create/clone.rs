//! A clone: the array makes a copy of another volume on line (array fact 120). The create is over when the copy has begun and its comment says
//! so; whoever is named there completes it (`volume/copying`).
//!
//! `createvvcopy` takes no comment. Until that is written, a VV under the name is this operation's if the array said that it had begun the
//! copy, and nobody's otherwise: a host that is alive marks what it makes within seconds.

use std::{sync::OnceLock, time::Duration};

use tokio::time::Instant;

use crate::{
    index::{IndexedVolume, JournalEntry},
    inform::{Array, ArrayError, OnlineCopy, Vv, VvKind, VvQuery},
    model::{Becomes, Comment, CreateVolume, Format, Origin, State, TaskId, VolumeName, VvName},
    volume::{
        backend::{Backend, Identity},
        copying,
        error::Cause,
        inner::Inner,
        known, mark,
        service_levels::{self, ServiceLevel},
        serving,
        steps::{Intent, Seen, Steps},
    },
};

use super::{admission::Admission, inherited::Filled, making};

/// How long a VV has to be without a comment before it is taken for what a dead connection, or a dead plugin, left.
const UNMARKED: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// What the copy is made of; a fact of the journal entry.
const PARENT: &str = "parent";
/// The tasks of copies between the two names that there were before; a fact of the journal entry.
const EARLIER: &str = "earlier tasks";

/// Begins the copy, and marks it. Gives what the index is to know of it.
pub(super) async fn make(
    inner: &Inner,
    backend: &Backend,
    identity: &Identity,
    steps: &mut Steps,
    asked: &CreateVolume,
    of: &VolumeName,
) -> Result<IndexedVolume, Cause> {
    let JournalEntry { vv, op, .. } = steps.entry().clone();
    let Parent {
        array,
        vv: parent,
        comment: origin,
        known: options,
        made_there,
    } = parent(inner, steps, of).await?;
    let array = &array;
    if asked.size < parent.size && Some(asked.size) != known_size(inner, of) {
        return Err(Cause::NotToBeCloned {
            of: of.clone(),
            why: format!(
                "it has {} by now, and a clone has all of it, not {}",
                parent.size, asked.size
            ),
        });
    }
    // The data are copied within the array that serves them. Where a group is changed shows when that is looked at.
    if backend.pair.is_none() && array.label() != backend.array.label() {
        return Err(Cause::ServedElsewhere {
            of: of.clone(),
            serving: array.label().to_owned(),
            backend: backend.name.clone(),
            wanted: backend.array.label().to_owned(),
        });
    }
    let at_home = making::place(backend, identity, asked)?;
    let admission = match (&asked.replication_group, &backend.pair) {
        (Some(group), Some(pair)) => {
            let admission = Admission::check(inner, backend, pair, steps, group, &at_home).await?;
            if admission.array().label() != array.label() {
                return Err(Cause::GroupElsewhere {
                    group: group.clone(),
                    primary: admission.array().label().to_owned(),
                    of: of.clone(),
                    wanted: array.label().to_owned(),
                });
            }
            Some(admission)
        }
        _ => None,
    };
    let side = admission.as_ref().map_or(backend.side(), Admission::side);
    let place = admission
        .as_ref()
        .map_or_else(|| at_home.clone(), |admission| admission.place().clone());
    let filled = if made_there {
        Filled::from(steps, array, (&parent, &origin), &options, asked).await?
    } else {
        Filled::as_asked(asked)
    };
    let asked = &filled.asked;
    // Now, and not only when the copy is complete, which may be hours later.
    service_levels::check(steps, array, &ServiceLevel::asked(asked))
        .await
        .map_err(|why| filled.refused(of, why))?;
    let mut comment = Comment {
        state: State::Copying,
        origin: Origin::Data,
        format: origin.format,
        fs_type: origin.fs_type,
        group_is_ours: admission.as_ref().is_some_and(Admission::group_is_ours),
        of: Some(of.clone()),
        becomes: Some(Becomes {
            size: asked.size.max(parent.size),
            group: admission
                .as_ref()
                .map(|admission| admission.group().clone()),
            task: Some(TaskId::LAST),
        }),
        ..Comment::asked(inner.namespace.clone(), place.home, op, asked)
    };
    // Refused before anything is made, if it does not fit.
    comment.can_be_used()?;
    let copy = OnlineCopy {
        parent: parent.name.clone(),
        name: vv.clone(),
        cpg: place.cpg.clone(),
        snap_cpg: place.snap_cpg.clone(),
        provisioning: asked.provisioning,
        compression: asked.compression,
    };
    let task = start(steps, array, &copy)
        .await
        .map_err(|why| filled.refused(of, why))?;
    if let Some(becomes) = &mut comment.becomes {
        becomes.task = task;
    }
    let marked = mark::home(steps, Intent::MarkCopying, array, &vv, &comment).await?;
    Ok(IndexedVolume {
        options: CreateVolume {
            cpg: Some(at_home.cpg),
            snap_cpg: at_home.snap_cpg,
            ..asked.clone()
        },
        created: Some(inner.now()),
        ..known::volume(inner, backend, side, &marked, &comment, None)
    })
}

/// The size that was told of the volume when the options of its clone were filled in.
fn known_size(inner: &Inner, of: &VolumeName) -> Option<crate::model::Size> {
    Some(inner.index.get(of)?.options.size)
}

/// What is copied.
struct Parent {
    /// The array that serves it.
    array: Array,
    /// It, as that array shows it.
    vv: Vv,
    /// Its comment there.
    comment: Comment,
    /// What the index knows of it.
    known: CreateVolume,
    /// That array is the one on which it was made.
    made_there: bool,
}

async fn parent(inner: &Inner, steps: &Steps, of: &VolumeName) -> Result<Parent, Cause> {
    let not_now = |why: String| Cause::NotToBeCloned {
        of: of.clone(),
        why,
    };
    let gone = || not_now("there is no such volume any more".to_owned());
    let op = &steps.entry().op;
    let known = inner.index.get(of).ok_or_else(gone)?;
    let its = inner.backend_of(&known)?.for_request(&op.request);
    // One that is being copied itself is in no group yet.
    let (array, side) = if known.state == State::Copying {
        (its.array.clone(), its.side())
    } else {
        let serving = serving::find(inner, &its, of, &known.vv).await?;
        (serving.array, serving.side)
    };
    let look = array.showvv(VvQuery::Name(&known.vv));
    let found = steps.look("parent", look).await?;
    let vv = found.into_iter().next().ok_or_else(gone)?;
    if let Some(was) = known.wwn_on(side).filter(|was| **was != vv.wwn) {
        return Err(Cause::other_identity(&array, &vv, was));
    }
    let mut comment = match known::judge(inner, &array, &vv) {
        Ok(comment) => comment,
        Err(cause) => known::copy_without_comment(inner, side, &vv, op).ok_or(cause)?,
    };
    known::note_filesystem(&known, side, &mut comment);
    match (comment.state, comment.format) {
        (State::Ready, Format::Doing) => Err(not_now("its filesystem is being made".to_owned())),
        (State::Ready, Format::No | Format::Done) => Ok(Parent {
            made_there: comment.home == its.system_of(&array).await?,
            array,
            vv,
            comment,
            known: known.options,
        }),
        (State::Copying, _) => Err(not_now("it is a clone that is being copied".to_owned())),
        (State::Making | State::Removing, _) => {
            Err(not_now(Cause::busy(&inner.machine, &comment).to_string()))
        }
    }
}

/// Sends the one command. Afterwards the VV is this operation's, and the journal knows it. Gives the task, if the array tells of it.
async fn start(
    steps: &mut Steps,
    array: &Array,
    copy: &OnlineCopy,
) -> Result<Option<TaskId>, Cause> {
    let earlier = tasks(steps, array, &copy.parent, &copy.name).await?;
    let earlier: Vec<String> = earlier.iter().map(ToString::to_string).collect();
    steps.record(&[
        (PARENT, copy.parent.as_str()),
        (EARLIER, &earlier.join(" ")),
    ])?;
    let begun: OnceLock<TaskId> = OnceLock::new();
    let act = async {
        let task = array.createvvcopy_online(copy).await?;
        let _ = begun.set(task);
        Ok(())
    };
    let sent = match steps.send(Intent::StartCopy, act).await {
        Ok(sent) => sent,
        Err(cause) => {
            not_ours(steps)?;
            return Err(cause);
        }
    };
    let seen = match begun.get() {
        Some(task) => {
            steps.record(&[("task", &task.to_string())])?;
            made(steps, array).await
        }
        None => unmarked(steps, array).await,
    };
    let not_done = matches!(seen, Ok(Seen::NotDone(_)));
    let vv = match steps.settle(Intent::StartCopy, sent, seen) {
        Ok(vv) => vv,
        Err(cause) => {
            if not_done && !steps.is_in_doubt() {
                not_ours(steps)?;
            }
            return Err(cause);
        }
    };
    steps.record(&[("wwn", vv.wwn.as_str()), ("vv_id", &vv.id.to_string())])?;
    match begun.get() {
        Some(task) => Ok(Some(*task)),
        // The answer was lost.
        None => Ok(begun_since(steps, array, &copy.parent, &copy.name)
            .await?
            .pop()),
    }
}

/// Whatever is under that name now, this operation has not begun it.
fn not_ours(steps: &mut Steps) -> Result<(), Cause> {
    steps.record(&[(&Intent::StartCopy.refused(), "yes")])
}

async fn made(steps: &Steps, array: &Array) -> Result<Seen<Vv>, Cause> {
    let vv = &steps.entry().vv;
    let found = steps
        .look("prove start-copy", array.showvv(VvQuery::Name(vv)))
        .await?;
    Ok(match found.into_iter().next() {
        Some(vv) => Seen::Done(vv),
        None => Seen::NotDone(absent(array)),
    })
}

fn absent(array: &Array) -> String {
    format!("no such VV on array `{}`", array.label())
}

/// The copy that this operation may have begun, once it is certain that nobody else has: it has no comment for as long as any host that is
/// alive would need to write its own, and the array tells of a copy from the one to the other that was not there before.
async fn unmarked(steps: &Steps, array: &Array) -> Result<Seen<Vv>, Cause> {
    let vv = steps.entry().vv.clone();
    let mut since = None;
    loop {
        let found = steps
            .look("prove start-copy", array.showvv(VvQuery::Name(&vv)))
            .await?;
        let Some(found) = found.into_iter().next() else {
            return Ok(Seen::NotDone(absent(array)));
        };
        if let Some(comment) = &found.comment {
            return Ok(Seen::NotDone(format!(
                "the comment of `{vv}` on array `{}` is `{comment}`",
                array.label()
            )));
        }
        if since.get_or_insert_with(Instant::now).elapsed() >= UNMARKED {
            return Ok(if is_copy(steps, array, &found).await? {
                Seen::Done(found)
            } else {
                Seen::NotDone(format!(
                    "nothing proves that `{vv}` on array `{}`, which has no comment, is the clone",
                    array.label()
                ))
            });
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// True if the VV is a copy of what this operation set out to copy, begun since.
async fn is_copy(steps: &Steps, array: &Array, vv: &Vv) -> Result<bool, Cause> {
    let facts = &steps.entry().facts;
    let Some(parent) = facts
        .get(PARENT)
        .and_then(|parent| VvName::new(parent).ok())
    else {
        return Ok(false);
    };
    if vv.kind == VvKind::PhysicalCopy && vv.copy_of.as_ref() == Some(&parent) {
        return Ok(true);
    }
    let since = begun_since(steps, array, &parent, &vv.name).await?;
    Ok(!since.is_empty())
}

/// The tasks of copies from the one VV to the other that were not there before.
async fn begun_since(
    steps: &Steps,
    array: &Array,
    from: &VvName,
    to: &VvName,
) -> Result<Vec<TaskId>, Cause> {
    let earlier = steps.entry().facts.get(EARLIER).cloned();
    let earlier = earlier.unwrap_or_default();
    let earlier: Vec<&str> = earlier.split(' ').collect();
    let mut now = tasks(steps, array, from, to).await?;
    now.retain(|task| !earlier.contains(&task.to_string().as_str()));
    Ok(now)
}

/// The tasks of copies from the one VV to the other.
async fn tasks(
    steps: &Steps,
    array: &Array,
    from: &VvName,
    to: &VvName,
) -> Result<Vec<TaskId>, Cause> {
    let name = format!("{from}->{to}");
    let all = steps.look("copies", array.showtask_copies()).await?;
    let those = all.into_iter().filter(|task| task.name == name);
    Ok(those.map(|task| task.id).collect())
}

/// True if the VV, which has no comment, is what this operation has begun to copy and never marked.
pub(super) async fn is_left(steps: &Steps, array: &Array, vv: &Vv) -> Result<bool, Cause> {
    let entry = steps.entry();
    if !Intent::StartCopy.may_have_happened(entry) || vv.comment.is_some() {
        return Ok(false);
    }
    let recorded = |key: &str, is: &str| entry.facts.get(key).is_some_and(|was| was == is);
    if recorded("wwn", vv.wwn.as_str()) && recorded("vv_id", &vv.id.to_string()) {
        return Ok(true);
    }
    match unmarked(steps, array).await? {
        Seen::Done(_) => Ok(true),
        Seen::NotDone(found) => {
            log::warn!(volume = entry.name.as_str(), op:% = entry.op, found = found.as_str(); "not this operation's: left alone");
            Ok(false)
        }
        Seen::Underway => Ok(false),
    }
}

/// Ends the copy, so that its VV can be removed.
pub(super) async fn end(steps: &mut Steps, array: &Array) -> Result<(), Cause> {
    let vv = steps.entry().vv.clone();
    copying::end(steps, array, &vv).await
}

/// True if the array tells of a copy to that name: what is there without a comment may be another host's, which marks it within seconds.
pub(super) async fn is_being_made(array: &Array, vv: &VvName) -> Result<bool, ArrayError> {
    let to = format!("->{vv}");
    let copies = array.showtask_copies().await?;
    Ok(copies.iter().any(|task| task.name.ends_with(&to)))
}

/// Waits until whoever makes a VV of this name has marked it, a little.
pub(super) async fn until_marked(array: &Array, vv: &VvName) -> Result<(), ArrayError> {
    let give_up = Instant::now() + UNMARKED;
    loop {
        let found = array.showvv(VvQuery::Name(vv)).await?;
        let bare = found.first().is_some_and(|vv| vv.comment.is_none());
        if !bare || Instant::now() >= give_up {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
