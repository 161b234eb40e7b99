//! Writing a volume's comment, with the read-back that makes it true.

use crate::{
    inform::{Array, Refusal, Vv, VvQuery},
    model::{Comment, Machine, OperationId, VvName},
};

use super::{
    error::Cause,
    steps::{Intent, Seen, Steps},
};

/// Writes the comment at home. It counts only when it reads back as written.
pub(super) async fn home(
    steps: &mut Steps,
    intent: Intent,
    array: &Array,
    vv: &VvName,
    comment: &Comment,
) -> Result<Vv, Cause> {
    let text = comment.encode()?;
    steps
        .act(intent, array.setvv_comment(vv, &text), || async {
            let found = array.showvv(VvQuery::Name(vv)).await?.into_iter().next();
            Ok(match found {
                Some(vv) if vv.comment.as_deref() == Some(text.as_str()) => Seen::Done(vv),
                Some(vv) => Seen::NotDone(format!(
                    "the comment of `{}` on array `{}` is `{}`",
                    vv.name,
                    array.label(),
                    vv.comment.unwrap_or_default()
                )),
                None => Seen::NotDone(format!("VV `{vv}` is gone from array `{}`", array.label())),
            })
        })
        .await
}

/// Writes the comment on the copy. Whether an array takes that on a secondary no source tells (array fact 17), so a refusal is
/// told and lived with (decision 1); an array that is not there is an error.
pub(super) async fn copy(
    steps: &mut Steps,
    intent: Intent,
    peer: &Array,
    vv: &VvName,
    comment: &Comment,
) -> Result<(), Cause> {
    match home(steps, intent, peer, vv, comment).await {
        Ok(_) => Ok(()),
        Err(Cause::Array(error))
            if error
                .refusal()
                .is_some_and(|refusal| refusal != Refusal::NotFound) =>
        {
            log::warn!(vv = vv.as_str(), array = peer.label(), words:% = error;
                "the array takes no comment on a secondary volume; its Docker name is known from the primary only");
            Ok(())
        }
        Err(cause) => Err(cause),
    }
}

/// Whose operation a VV carries in its comment.
#[derive(Debug)]
pub(super) enum Mark {
    /// There is no such VV.
    Gone,
    /// The one that asks.
    Own(Box<Comment>),
    /// Another, or none at all.
    Others(Option<Box<Comment>>),
}

impl Mark {
    /// Of a VV as it was listed.
    pub fn of(vv: Option<&Vv>, op: &OperationId) -> Self {
        let Some(vv) = vv else { return Self::Gone };
        let comment = vv.comment.as_deref().map(Comment::parse);
        match comment {
            Some(Ok(comment)) if comment.op == *op => Self::Own(Box::new(comment)),
            Some(Ok(comment)) => Self::Others(Some(Box::new(comment))),
            Some(Err(_)) | None => Self::Others(None),
        }
    }
}

/// Looks at the VV of the operation that asks.
pub(super) async fn read(steps: &Steps, array: &Array) -> Result<Mark, Cause> {
    read_of(steps, array, &steps.entry().vv, &steps.entry().op).await
}

/// Looks at the VV of one of the operations that share a cycle.
pub(super) async fn read_of(
    steps: &Steps,
    array: &Array,
    vv: &VvName,
    op: &OperationId,
) -> Result<Mark, Cause> {
    let found = steps.look("mark", array.showvv(VvQuery::Name(vv))).await?;
    Ok(Mark::of(found.first(), op))
}

/// Why nothing more is done to a VV that does not carry the operation any more.
pub(super) fn not_ours(
    here: &Machine,
    array: &Array,
    vv: &VvName,
    comment: Option<Box<Comment>>,
) -> Cause {
    match comment {
        Some(comment) => Cause::busy(here, &comment),
        None => Cause::ForeignVv {
            array: array.label().to_owned(),
            vv: vv.clone(),
            why: "its comment was changed meanwhile".to_owned(),
        },
    }
}
