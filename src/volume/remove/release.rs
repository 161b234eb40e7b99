//! The end of a volume that was imported or adopted: it gets back its old name and its old comment, and its data stay.
//!
//! It is marked and comes out of its group like one that is removed. Only the last step is another one (`taken/`).

use std::fmt;

use crate::{
    index::JournalEntry,
    inform::{Array, Vv, VvQuery},
    model::{Comment, ImportPolicy, VvName},
    volume::{
        backend::Backend,
        error::Cause,
        exports, groups,
        inner::Inner,
        steps::{Intent, Steps},
        taken::{self, NotTaken, Was},
    },
};

use super::Ending;

/// What was said of its removal when it was taken.
const POLICY: &str = "policy";

/// The fact that a look at the exports came after the old name, and showed none. What is exported since is by somebody who knows it by that
/// name.
const UNEXPORTED: &str = "unexported";
const YES: &str = "yes";

/// What is given back.
#[derive(Debug)]
pub(in crate::volume) struct Release {
    was: Was,
    policy: ImportPolicy,
}

/// Whether a volume is released, and not removed.
pub(super) fn wanted(
    backend: &Backend,
    vv: &Vv,
    comment: &Comment,
    ending: Ending,
) -> Result<Option<Release>, Cause> {
    let policy = comment.import.unwrap_or_default();
    match (Was::told(vv, comment), ending) {
        (Some(was), Ending::Release) => Ok(Some(Release { was, policy })),
        (Some(was), Ending::AsImported) if policy == ImportPolicy::Release => {
            Ok(Some(Release { was, policy }))
        }
        (_, Ending::AsImported) => Ok(None),
        (None, Ending::Release) => Err(taken::not_taken(
            &backend.array,
            &vv.name,
            NotTaken::NotImported,
        )),
    }
}

/// True for a volume that was imported and is given back at its end: whatever is asked, its VV is not removed.
pub(super) fn is_to_be_kept(comment: &Comment) -> bool {
    comment.was.is_some() && comment.import != Some(ImportPolicy::Own)
}

/// Why nothing is removed of one that was made by this plugin, or was its own, when the remove began.
pub(super) fn imported_since(array: &Array, vv: &VvName) -> Cause {
    Cause::ForeignVv {
        array: array.label().to_owned(),
        vv: vv.clone(),
        why: "it was imported since it was looked at".to_owned(),
    }
}

/// What the journal says of a release.
pub(in crate::volume) fn facts(was: &Was, policy: ImportPolicy) -> Vec<(String, String)> {
    let own = |(key, value): (&str, &dyn fmt::Display)| (key.to_owned(), value.to_string());
    let was = was.facts().into_iter();
    let mut facts: Vec<_> = was.map(|(key, value)| own((key, &value))).collect();
    facts.push(own((POLICY, &policy)));
    facts
}

/// True if the operation gives the volume back.
pub(super) fn is_one(entry: &JournalEntry) -> bool {
    entry.facts.contains_key(POLICY)
}

/// What is to be said of its removal again, if it is not given back after all.
pub(super) fn policy(entry: &JournalEntry) -> Option<ImportPolicy> {
    entry.facts.get(POLICY)?.parse().ok()
}

/// True if it may have its old name already.
pub(super) fn is_under_way(entry: &JournalEntry) -> bool {
    is_one(entry) && Intent::GiveBackName.is_in(entry)
}

/// Looks at what can stand in the way. Nothing is changed.
pub(super) async fn check(
    inner: &Inner,
    steps: &mut Steps,
    backend: &Backend,
    release: &Release,
) -> Result<(), Cause> {
    let array = &backend.array;
    let vv = steps.entry().vv.clone();
    let refused = |why| Err(taken::not_taken(array, &vv, why));
    let acting = groups::acting_array(steps.entry(), backend);
    if acting.label() != array.label()
        && let Some(group) = groups::name_at_home(steps.entry())
    {
        return refused(NotTaken::FailedOver(group));
    }
    let was = &release.was.name;
    let look = array.showvv(VvQuery::Name(was));
    if !steps.look("vv by its old name", look).await?.is_empty() {
        return refused(NotTaken::NameTaken { was: was.clone() });
    }
    let look = array.showvv(VvQuery::CopiesOf(&vv));
    let copies = steps.look("snapshots", look).await?;
    let is_ours = |copy: &Vv| {
        let comment = Comment::parse(copy.comment.as_deref()?).ok()?;
        let derived: VvName = comment.name.vv_name(&inner.namespace);
        (comment.namespace == inner.namespace && derived == copy.name).then_some(comment.name)
    };
    let snapshots: Vec<_> = copies.iter().filter_map(is_ours).collect();
    if !snapshots.is_empty() {
        return refused(NotTaken::HasSnapshots(snapshots));
    }
    // It is no reason to keep it: they are somebody else's, and may be meant to end with it.
    for schedule in taken::schedules_of(inner, array, &vv)
        .await
        .unwrap_or_default()
    {
        log::warn!(volume = steps.entry().name.as_str(), vv = vv.as_str(), array = array.label(), schedule = schedule.as_str();
            "a schedule is for a volume that is released, by a name that it loses: each of its runs will fail");
    }
    let facts = facts(&release.was, release.policy);
    let facts: Vec<(&str, &str)> = facts
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    steps.record(&facts)
}

/// The last step, or what is left of it.
pub(super) async fn give_back(
    inner: &Inner,
    backend: &Backend,
    steps: &mut Steps,
) -> Result<(), Cause> {
    let was = recall(steps)?;
    let array = &backend.array;
    let unexported = async |steps: &mut Steps| must_have_no_export(steps, array, &was).await;
    let done = taken::give_back(inner, steps, array, &was, unexported).await?;
    log::info!(volume = steps.entry().name.as_str(), vv = was.name.as_str(), array = backend.array.label(), done:% = done.join(", ");
        "released");
    Ok(())
}

/// A host that saw the volume before it was marked may have exported it until it had its old name, by which that host does not look for what
/// it has to take back. What is exported may be given another name (array fact 119). What was seen to be exported to nobody and is exported
/// after a crash is an administrator's, and so it may be without that look: then it is refused, until that export has ended.
async fn must_have_no_export(steps: &mut Steps, array: &Array, was: &Was) -> Result<(), Cause> {
    let is_seen = steps
        .entry()
        .facts
        .get(UNEXPORTED)
        .is_some_and(|fact| fact == YES);
    let exports = exports::look_on(steps, array, &was.name).await?;
    let to = exports::names(&exports);
    match (exports.is_empty(), is_seen) {
        (true, true) => Ok(()),
        (true, false) => steps.record(&[(UNEXPORTED, YES)]),
        (false, true) => {
            log::warn!(volume = steps.entry().name.as_str(), vv = was.name.as_str(), array = array.label(), to = to.as_str();
                "exported by the time it is released: left as it is");
            Ok(())
        }
        // It keeps its old name meanwhile.
        (false, false) if steps.is_resumed() => {
            let python = false;
            let why = NotTaken::Exported { to, python };
            Err(taken::not_taken(array, &was.name, why))
        }
        (false, false) => Err(Cause::ExportedElsewhere {
            array: array.label().to_owned(),
            to,
        }),
    }
}

/// A release failed after the VV had its old name again: it gets its new one, as long as nothing else was changed. False if there is
/// nothing to take back: it has been released after all.
pub(super) async fn taken_again(steps: &mut Steps, backend: &Backend) -> Result<bool, Cause> {
    let was = recall(steps)?;
    let array = &backend.array;
    let look = array.showvv(VvQuery::Name(&was.name));
    let found = steps.look("vv by its old name", look).await?;
    let Some(vv) = found.into_iter().next().filter(|vv| vv.wwn == was.wwn) else {
        return Ok(true);
    };
    if vv.comment == was.comment {
        return Ok(false);
    }
    if taken::op_of(&vv).as_ref() == Some(&steps.entry().op) {
        // By that name any host may export it again.
        steps.record(&[(UNEXPORTED, "no")])?;
        let new = steps.entry().vv.clone();
        taken::rename(steps, Intent::Rename, array, &was, &was.name, &new).await?;
    }
    Ok(true)
}

fn recall(steps: &Steps) -> Result<Was, Cause> {
    Was::recall(steps.entry())
        .ok_or_else(|| Cause::NotKnown("the journal does not say what it was".to_owned()))
}
