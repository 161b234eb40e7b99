//! Taking back what an unfinished create did.

use crate::{
    inform::VvQuery,
    model::{Comment, CreateVolume, VvName},
    replication::{self, Undoing},
    volume::{
        backend::Backend,
        error::{Aftermath, Cause},
        groups,
        steps::{Intent, Seen, Steps},
    },
};

/// Takes back what an unfinished create may have done. Only what provably belongs to the operation is touched: the VV by the
/// operation in its comment, the group if this operation made it and nothing else is in it.
pub(in crate::volume) async fn undo(backend: &Backend, mut steps: Steps) -> Aftermath {
    let mut undone = Vec::new();
    match try_undo(backend, &mut steps, &mut undone).await {
        Ok(()) => steps.close(Aftermath::Undone(undone)),
        Err(cause) => {
            let entry = steps.entry();
            let mut what = Vec::new();
            if Intent::MakeVv.is_in(entry) && !undone.iter().any(|u| u.starts_with("VV")) {
                what.push(format!(
                    "VV `{}` on array `{}`",
                    entry.vv,
                    backend.array.label()
                ));
            }
            if Intent::StopGroup.is_in(entry) {
                what.push("a stopped remote copy group".to_owned());
            }
            log::error!(volume = entry.name.as_str(), op:% = entry.op, cause:% = cause; "could not undo a create");
            Aftermath::Left {
                what: what.join(", "),
                why: cause.to_string(),
            }
        }
    }
}

async fn try_undo(
    backend: &Backend,
    steps: &mut Steps,
    undone: &mut Vec<String>,
) -> Result<(), Cause> {
    let entry = steps.entry().clone();
    if !Intent::MakeVv.is_in(&entry) {
        return Ok(());
    }
    if let Some(doubt) = steps.doubt(backend).await? {
        return Err(Cause::NotKnown(doubt));
    }
    let array = &backend.array;
    let vv = &entry.vv;
    let found = steps.look("vv", array.showvv(VvQuery::Name(vv))).await?;
    let comment = found
        .first()
        .and_then(|v| v.comment.as_deref())
        .map(Comment::parse);
    let ours = matches!(&comment, Some(Ok(comment)) if comment.op == entry.op);

    let asked: Option<CreateVolume> = serde_json::from_value(entry.request.clone()).ok();
    if let Some(group) = asked.and_then(|asked| asked.replication_group) {
        let undoing = Undoing {
            may_have_made: Intent::MakeGroup.may_have_happened(&entry),
            may_have_stopped: Intent::StopGroup.may_have_happened(&entry),
            may_have_admitted: ours && Intent::Admit.is_in(&entry),
        };
        if undoing != Undoing::default() {
            let now = steps.look("group", array.showrcopy_group(&group)).await?;
            let plan = replication::plan_undo(now.as_ref(), vv, undoing);
            groups::carry_out_all(steps, backend, &plan, undone).await?;
        }
    }
    if ours {
        remove_vv(steps, backend, vv).await?;
        undone.push(format!("VV `{vv}` removed"));
    }
    Ok(())
}

/// `removevv`, and the listing that shows it gone.
pub(in crate::volume) async fn remove_vv(
    steps: &mut Steps,
    backend: &Backend,
    vv: &VvName,
) -> Result<(), Cause> {
    let array = &backend.array;
    steps
        .act(Intent::RemoveVv, array.removevv(vv), || async {
            Ok(if array.showvv(VvQuery::Name(vv)).await?.is_empty() {
                Seen::Done(())
            } else {
                Seen::NotDone(format!("VV `{vv}` is still on array `{}`", array.label()))
            })
        })
        .await
}
