//! A VV that was somebody else's: taking it, and giving it back, so that nothing tells that it was ever taken.
//!
//! Its comment is written first, while it still has its old name: it holds the old name and the old comment, so that nobody needs this
//! machine to know what it was. Then it is renamed, which fails if the new name is taken. It is given back the other way round: the
//! name, then the comment. At every point in between one of both names has a VV with the WWN that was read at the beginning.

mod around;
mod checks;
mod leaving;
mod refused;
mod schedules;

use crate::{
    index::JournalEntry,
    inform::{Array, Vv, VvQuery},
    model::{Comment, OperationId, VvName, Wwn},
};

use super::{
    error::Cause,
    inner::Inner,
    mark,
    steps::{Intent, Seen, Steps},
};

pub(super) use around::Around;
pub(super) use checks::{Asked, Fit, check, comment, left_here, name, owner, parent};
pub use leaving::CannotLeave;
pub(super) use leaving::{former_name, has_copies, leaves, may_leave, note_leaves};
pub use refused::NotTaken;
pub(super) use schedules::{scheduled, schedules, schedules_of};

/// What a VV was before it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Was {
    pub name: VvName,
    pub comment: Option<String>,
    pub wwn: Wwn,
}

const NAME: &str = "was";
const COMMENT: &str = "old comment";

impl Was {
    /// One that is about to be taken.
    pub fn now(vv: &Vv) -> Self {
        Self {
            name: vv.name.clone(),
            comment: vv.comment.clone(),
            wwn: vv.wwn.clone(),
        }
    }

    /// One that was taken, by its comment; none if it was made by this plugin.
    pub fn told(vv: &Vv, comment: &Comment) -> Option<Self> {
        Some(Self {
            name: comment.was.clone()?,
            comment: comment.old.clone(),
            wwn: vv.wwn.clone(),
        })
    }

    /// What [`Was::recall`] reads.
    pub fn facts(&self) -> Vec<(&'static str, &str)> {
        let mut facts = vec![(NAME, self.name.as_str()), ("wwn", self.wwn.as_str())];
        facts.extend(self.comment.as_deref().map(|comment| (COMMENT, comment)));
        facts
    }

    /// As it was written down.
    pub fn recall(entry: &JournalEntry) -> Option<Self> {
        Some(Self {
            name: VvName::new(entry.facts.get(NAME)?).ok()?,
            comment: entry.facts.get(COMMENT).cloned(),
            wwn: entry.facts.get("wwn")?.parse().ok()?,
        })
    }
}

/// Takes it: the comment. Its name comes next.
pub(super) async fn claim(
    steps: &mut Steps,
    array: &Array,
    was: &Was,
    comment: &Comment,
) -> Result<(), Cause> {
    let marked = mark::home(steps, Intent::TakeVv, array, &was.name, comment).await?;
    if marked.wwn != was.wwn {
        return Err(Cause::other_identity(array, &marked, &was.wwn));
    }
    Ok(())
}

/// Takes it: the name. Gives it as it is then.
pub(super) async fn give_name(
    steps: &mut Steps,
    array: &Array,
    was: &Was,
    comment: &Comment,
) -> Result<Vv, Cause> {
    let new = steps.entry().vv.clone();
    let taken = rename(steps, Intent::Rename, array, was, &was.name, &new).await?;
    // An array takes whatever comment it is given: another host may have been at it between the comment and the name.
    match op_of(&taken) {
        Some(op) if op == comment.op => Ok(taken),
        Some(op) => Err(not_taken(array, &was.name, NotTaken::Busy { op })),
        None => Err(Cause::NotProven {
            intent: Intent::TakeVv.to_string(),
            found: format!("the comment of `{new}` was changed meanwhile"),
        }),
    }
}

/// Gives it back, or goes on with that: the name, the comment. Gives what was done, for people. Between the two `meanwhile` may still say
/// that it stays.
///
/// # Errors
/// [`NotTaken::Lost`] if it has neither its new nor its old name: that is never taken for done.
pub(super) async fn give_back(
    inner: &Inner,
    steps: &mut Steps,
    array: &Array,
    was: &Was,
    meanwhile: impl AsyncFnOnce(&mut Steps) -> Result<(), Cause>,
) -> Result<Vec<String>, Cause> {
    let mut done = Vec::new();
    let entry = steps.entry().clone();
    let new = &entry.vv;
    let found = steps.look("vv", array.showvv(VvQuery::Name(new))).await?;
    let named = found.into_iter().next().filter(|vv| vv.wwn == was.wwn);
    if let Some(vv) = &named
        && may_be_renamed(&entry, vv)
    {
        rename(steps, Intent::GiveBackName, array, was, new, &was.name).await?;
        done.push(format!("`{new}` is called `{}` again", was.name));
    }
    let look = array.showvv(VvQuery::Name(&was.name));
    let found = steps.look("vv by its old name", look).await?;
    match found.into_iter().next().filter(|vv| vv.wwn == was.wwn) {
        Some(vv) if vv.comment == was.comment => {}
        Some(vv) if op_of(&vv).as_ref() == Some(&entry.op) => {
            meanwhile(steps).await?;
            comment_again(steps, array, was).await?;
            done.push(format!("`{}` has its old comment again", was.name));
        }
        Some(_) => {
            log::warn!(volume = entry.name.as_str(), vv = was.name.as_str(), array = array.label();
                "its comment is another's by now: left as it is");
        }
        None if named.is_none() => still_with_another(inner, steps, array, was).await?,
        None => {
            log::warn!(volume = entry.name.as_str(), vv = new.as_str(), array = array.label();
                "its comment is another's by now: left as it is, under its new name");
        }
    }
    Ok(done)
}

/// The name is this operation's own doing, also where another host has written its comment over this one's right before.
fn may_be_renamed(entry: &JournalEntry, vv: &Vv) -> bool {
    let comment = vv.comment.as_deref().map(Comment::parse);
    match comment {
        Some(Ok(comment)) => comment.op == entry.op || comment.name != entry.name,
        _ => false,
    }
}

/// Two hosts may have taken one VV at the same time, and the other one has its name now: it will give it back.
async fn still_with_another(
    inner: &Inner,
    steps: &Steps,
    array: &Array,
    was: &Was,
) -> Result<(), Cause> {
    let prefix = inner.namespace.vv_prefix();
    let look = array.showvv(VvQuery::Prefix(&prefix));
    let all = steps.look("volumes", look).await?;
    let Some(vv) = all.into_iter().find(|vv| vv.wwn == was.wwn) else {
        let why = NotTaken::Lost {
            name: Box::new(steps.entry().name.clone()),
            was: was.name.clone(),
            wwn: was.wwn.clone(),
        };
        return Err(not_taken(array, &steps.entry().vv, why));
    };
    let comment = vv.comment.as_deref().map(Comment::parse);
    match comment {
        // It belongs to the other one.
        Some(Ok(comment)) if comment.op != steps.entry().op => Ok(()),
        _ => Err(Cause::NotKnown(format!(
            "`{}` on array `{}` is called `{}` now",
            was.name,
            array.label(),
            vv.name
        ))),
    }
}

/// A VV has another name when one of that name has its WWN.
pub(super) async fn rename(
    steps: &mut Steps,
    intent: Intent,
    array: &Array,
    was: &Was,
    from: &VvName,
    to: &VvName,
) -> Result<Vv, Cause> {
    steps
        .act(intent, array.setvv_name(from, to), || async {
            let found = array.showvv(VvQuery::Name(to)).await?.into_iter().next();
            Ok(match found {
                Some(vv) if vv.wwn == was.wwn => Seen::Done(vv),
                Some(vv) => Seen::NotDone(format!(
                    "`{to}` on array `{}` is another VV, with WWN {}",
                    array.label(),
                    vv.wwn
                )),
                None => Seen::NotDone(format!("there is no `{to}` on array `{}`", array.label())),
            })
        })
        .await
}

/// The old comment, byte for byte.
async fn comment_again(steps: &mut Steps, array: &Array, was: &Was) -> Result<(), Cause> {
    let (vv, text) = (&was.name, was.comment.as_deref());
    let write = array.setvv_comment_text(vv, text);
    steps
        .act(Intent::GiveBackComment, write, || async {
            let found = array.showvv(VvQuery::Name(vv)).await?.into_iter().next();
            Ok(match found {
                Some(vv) if vv.comment.as_deref() == text => Seen::Done(()),
                Some(vv) => Seen::NotDone(format!(
                    "the comment of `{}` on array `{}` is `{}`, and was `{}`",
                    vv.name,
                    array.label(),
                    vv.comment.unwrap_or_default(),
                    text.unwrap_or_default()
                )),
                None => Seen::NotDone(format!("VV `{vv}` is gone from array `{}`", array.label())),
            })
        })
        .await
}

/// The operation in a VV's comment, if it has one of this plugin's.
pub(super) fn op_of(vv: &Vv) -> Option<OperationId> {
    let comment = Comment::parse(vv.comment.as_deref()?).ok()?;
    Some(comment.op)
}

pub(super) fn not_taken(array: &Array, vv: &VvName, why: NotTaken) -> Cause {
    Cause::NotTaken {
        array: array.label().to_owned(),
        vv: vv.clone(),
        why,
    }
}
