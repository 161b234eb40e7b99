//! Ending the copy into a VV before it is removed.

use crate::{
    inform::{Array, Refusal, Task, TaskStatus, Vv, VvKind, VvState},
    model::VvName,
    volume::{
        error::Cause,
        inner::Inner,
        known,
        steps::{Intent, Seen, Steps},
    },
};

use super::progress::{copies_from, copies_to};

/// Ends whatever is copied into the VV: an array removes none that is being written.
pub(in crate::volume) async fn end(
    steps: &mut Steps,
    array: &Array,
    vv: &VvName,
) -> Result<(), Cause> {
    let active = steps.look("tasks", array.showtask_active()).await?;
    let to_it = active
        .iter()
        .filter(|task| copies_to(task).is_some_and(|to| to == vv.as_str()));
    for task in to_it {
        let id = task.id;
        let ended = steps
            .act(Intent::CancelCopy, array.canceltask(id), || async {
                // The number may have been given again.
                Ok(match array.showtask(id).await? {
                    Some(now) if now.name == task.name && now.status == TaskStatus::Active => {
                        Seen::Underway
                    }
                    _ => Seen::Done(()),
                })
            })
            .await;
        match ended {
            // It has ended by itself.
            Err(Cause::Array(error)) if error.refusal() == Some(Refusal::TaskEnded) => {}
            other => other?,
        }
    }
    Ok(())
}

/// An array does not remove what it copies from, and says so only when the volume is out of its group already. `copies`: all that it has
/// of the volume. What is copied by a task alone, into a VV that is not called a copy, counts, too.
///
/// # Errors
/// [`Cause::BeingCopied`] naming the clones.
pub(in crate::volume) async fn check_not_copied_from(
    inner: &Inner,
    steps: &Steps,
    array: &Array,
    vv: &VvName,
    copies: &[Vv],
) -> Result<(), Cause> {
    let mut copied_to: Vec<String> = copies
        .iter()
        .filter(|copy| copy.kind == VvKind::PhysicalCopy)
        .map(|copy| {
            let it = match known::judge(inner, array, copy) {
                Ok(comment) => format!("clone `{}`", comment.name),
                Err(_) => format!("virtual volume `{}`", copy.name),
            };
            if copy.state == VvState::CopyFailed {
                format!("{it}, whose copy failed, is tied to it")
            } else {
                format!("{it} is being copied from it")
            }
        })
        .collect();
    let active = steps.look("tasks", array.showtask_active()).await?;
    copied_to.extend(by_tasks(&active, vv, copies));
    if copied_to.is_empty() {
        return Ok(());
    }
    Err(Cause::BeingCopied(copied_to.join("; ")))
}

/// What is copied from the VV by these tasks, beside the copies that are called so.
fn by_tasks(active: &[Task], vv: &VvName, copies: &[Vv]) -> Vec<String> {
    let is_known = |to: &str| {
        let mut called_so = copies.iter().filter(|vv| vv.kind == VvKind::PhysicalCopy);
        called_so.any(|copy| copy.name.as_str() == to)
    };
    let from_it = active
        .iter()
        .filter(|task| copies_from(task) == Some(vv.as_str()));
    from_it
        .filter_map(|task| Some((task, copies_to(task).filter(|to| !is_known(to))?)))
        .map(|(task, to)| {
            format!(
                "virtual volume `{to}` is being copied from it (task {})",
                task.id
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_task_copies_from_a_volume_counts_whatever_its_kind() {
        let task = |name: &str| Task {
            id: "5120".parse().unwrap(),
            kind: "vv_copy".to_owned(),
            name: name.to_owned(),
            status: TaskStatus::Active,
            step: None,
            copied: None,
            started: "-".to_owned(),
            finished: None,
            last_line: None,
        };
        let vv = VvName::new("dkv-db1").unwrap();
        let of = |name: &str| by_tasks(&[task(name)], &vv, &[]);
        assert_eq!(
            of("dkv-db1->copy"),
            ["virtual volume `copy` is being copied from it (task 5120)"]
        );
        for other in ["dkv-db11->copy", "copy->dkv-db1", "dkv-db1"] {
            assert!(of(other).is_empty(), "{other}");
        }
    }
}
