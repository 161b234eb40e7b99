//! What keeps a volume from being removed: what is made of it, and a snapshot's own retention.

use crate::{
    inform::{Array, Vv, VvQuery},
    model::{Comment, VvName},
    volume::{copying, error::Cause, inner::Inner, kill_points::Doing, steps::Steps},
};

use super::{error::SnapshotError, schedules};

/// What the array itself takes of a replicated volume, and takes away again (array fact 96).
const RESYNC: [&str; 2] = ["rcpy.", "sv.rcpy."];

/// Looks for snapshots and clones that need a volume. The array would refuse to remove it; but its group would have been stopped by then.
///
/// # Errors
/// [`SnapshotError::HasCopies`] naming them all.
pub(in crate::volume) async fn must_have_no_copies(
    inner: &Inner,
    steps: &Steps,
    array: &Array,
    vv: &VvName,
) -> Result<(), Cause> {
    let found = steps
        .look("copies", array.showvv(VvQuery::CopiesOf(vv)))
        .await?;
    copying::check_not_copied_from(inner, steps, array, vv, &found).await?;
    let mut names = copies(inner, &found);
    if names.is_empty() {
        return Ok(());
    }
    // Where they come from is worth a look more; not more than that.
    if let Ok(all) = steps.look("schedules", array.showsched(None)).await {
        for name in &mut names {
            let made = |copy: &&Vv| *name == format!("VV `{}`", copy.name);
            let by = found.iter().find(made);
            if let Some(by) = by.and_then(|copy| schedules::that_made(&all, &copy.name, vv)) {
                name.push_str(&format!(" (by schedule `{}`)", by.name));
            }
        }
    }
    Err(SnapshotError::HasCopies {
        array: array.label().to_owned(),
        names: names.join(", "),
        count: names.len(),
    }
    .into())
}

/// What is made of a volume, each as people know it. What the array makes for itself does not count.
pub(in crate::volume) fn copies(inner: &Inner, found: &[Vv]) -> Vec<String> {
    let is_the_arrays = |vv: &Vv| {
        let mut marks = RESYNC.iter();
        marks.any(|mark| vv.name.as_str().starts_with(mark))
    };
    let told = |vv: &Vv| {
        let comment = vv.comment.as_deref().map(Comment::parse);
        match comment {
            Some(Ok(comment))
                if comment.namespace == inner.namespace
                    && comment.name.vv_name(&inner.namespace) == vv.name =>
            {
                format!("volume `{}`", comment.name)
            }
            _ => format!("VV `{}`", vv.name),
        }
    };
    let all = found.iter().filter(|vv| !is_the_arrays(vv));
    all.map(told).collect()
}

/// Nobody can remove what the array retains.
///
/// # Errors
/// [`SnapshotError::Retained`] with the time.
pub(in crate::volume) async fn must_not_be_retained(
    inner: &Inner,
    array: &Array,
    vv: &Vv,
) -> Result<(), Cause> {
    let Some(until) = &vv.retained_until else {
        return Ok(());
    };
    let look = inner.points.around(Doing::Look, "clock", array.showdate());
    let clocks = look.await?;
    // The time that has passed may still be shown.
    if clocks.iter().all(|clock| clock.local >= until.local) {
        return Ok(());
    }
    Err(SnapshotError::Retained {
        array: array.label().to_owned(),
        until: until.to_string(),
    }
    .into())
}
