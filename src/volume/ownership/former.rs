//! A device that is still here when its volume is mounted again: somebody on this machine kept it, so that an unmount could not end. Whoever
//! mounts the volume joins it, and what its filesystem has in memory. That is the volume only while no other host has had it since.

use crate::{
    host::{self, HostError},
    inform::{Vv, VvQuery},
    model::{Comment, Machine},
    replication::Holder,
    volume::{
        backend::Backend,
        error::Cause,
        inner::Inner,
        known, reconcile,
        second_export::Second,
        serving::Serving,
        steps::{Intent, Steps},
    },
};

use super::last::{self, Side};

/// Takes a device off this machine that is not what the volume is any more. `exported`: the array that serves exports it to this machine; beside
/// it the other one of Peer Persistence, as it was seen.
///
/// # Errors
/// [`HostError::InUse`] if somebody here still has it.
pub(super) async fn let_go(
    inner: &Inner,
    backend: &Backend,
    from: &Serving,
    steps: &mut Steps,
    (found, comment): &(Vv, Comment),
    (exported, second): (bool, Option<&Second>),
) -> Result<(), Cause> {
    let Some(device) = backend.transport.find(&found.wwn)? else {
        return Ok(());
    };
    let us = &inner.machine;
    let is_the_volume = if from.second.is_some() {
        let serving = Side {
            comment: found.comment.as_ref().map(|_| comment),
            exports_here: exported,
        };
        let other = second.map(|second| Side {
            comment: second.written(),
            exports_here: second.lun().is_some(),
        });
        is_still_ours(us, serving, other)
    } else {
        exported && !had_it_since(inner, backend, from, steps, comment).await?
    };
    if is_the_volume {
        return Ok(());
    }
    // Where the volume was taken from this host, the kernel may still be ending what was unmounted. What was seen of exports is older then,
    // as after a slow detach: whoever mounts it looks again.
    let busy = host::busy_for_good(&inner.kernel, &device, reconcile::LOOKING);
    if let Some(by) = busy.await? {
        return Err(Cause::Host(HostError::InUse {
            path: device.path().to_owned(),
            by: Box::new(by),
        }));
    }
    steps
        .local(Intent::Detach, backend.transport.detach(&found.wwn))
        .await?
        .into_inner();
    Ok(())
}

/// A device always goes before its exports. So one without any is what another host has had since; with one, the comments tell.
fn is_still_ours(us: &Machine, serving: Side<'_>, other: Option<Side<'_>>) -> bool {
    let elsewhere = other.is_some_and(|other| other.exports_here);
    match last::holder(us, None, serving, other) {
        Holder::Us => serving.exports_here || elsewhere,
        Holder::Another => false,
        Holder::Unknown => {
            let sides = [Some(serving), other];
            let comments = sides.iter().flatten().filter_map(|side| side.comment);
            let mut held = comments.filter_map(|comment| comment.held.as_ref());
            serving.exports_here && held.all(|held| held == us)
        }
    }
}

/// Another host has had the volume since this one, although the array that serves exports it to this machine: from the other array, while
/// this one was away. Two copies that were not written together tell by their clocks alone, which must not be further apart than the two mounts.
async fn had_it_since(
    inner: &Inner,
    backend: &Backend,
    from: &Serving,
    steps: &Steps,
    comment: &Comment,
) -> Result<bool, Cause> {
    let us = Some(&inner.machine);
    let is_another = |comment: &Comment| comment.held.is_some() && comment.held.as_ref() != us;
    if is_another(comment) {
        return Ok(true);
    }
    let Some(pair) = backend.pair.as_ref().filter(|_| from.other_answers) else {
        return Ok(false);
    };
    let other = pair.on(from.side.other());
    let vv = &steps.entry().vv;
    let copy = match steps.look("copy", other.showvv(VvQuery::Name(vv))).await {
        Ok(copy) => copy.into_iter().next(),
        Err(cause) if cause.is_unreachable() => None,
        Err(cause) => return Err(cause),
    };
    let copy = copy.and_then(|copy| known::judge(inner, other, &copy).ok());
    Ok(copy.is_some_and(|copy| is_another(&copy) && !is_earlier(copy.since, comment.since)))
}

/// A comment that has no room for it tells nothing, and then the other host may have been here since.
fn is_earlier(theirs: Option<u64>, ours: Option<u64>) -> bool {
    matches!((theirs, ours), (Some(theirs), Some(ours)) if theirs < ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HostName;

    #[test]
    fn another_host_was_there_earlier_only_if_both_comments_say_when() {
        assert!(is_earlier(Some(1), Some(2)));
        for (theirs, ours) in [
            (Some(2), Some(2)),
            (Some(3), Some(2)),
            (None, Some(2)),
            (Some(1), None),
            (None, None),
        ] {
            assert!(!is_earlier(theirs, ours), "{theirs:?}, {ours:?}");
        }
    }

    fn machine(id: &str) -> Machine {
        Machine::new(&HostName::new("node").unwrap(), id)
    }

    fn held(by: &str, holds: &str) -> Comment {
        let text = "dk1/ns=/name=db1/home=130512/op=maker.1/state=ready/origin=blank/fmt=done";
        let mut comment = Comment::parse(text).unwrap();
        comment.held = Some(machine(by));
        comment.holds = holds.parse().ok();
        comment
    }

    #[test]
    fn a_device_is_joined_only_where_an_export_has_kept_others_away_and_nobody_came_since() {
        let (here, gone) = (true, false);
        let table = [
            // As the unmount left it: on both, or on one that changed places with the other, whose copy lags behind.
            (("m1", "2.0", here), Some(("m1", "2.0", here)), true),
            (("m2", "1.0", gone), Some(("m1", "2.0", here)), true),
            (("m1", "2.0", here), None, true),
            // No export is left, whoever the comments name.
            (("m1", "2.0", gone), Some(("m1", "2.0", gone)), false),
            (("m1", "2.0", gone), None, false),
            // Another one had it from the array that serves, or from the other one.
            (("m2", "3.0", gone), Some(("m1", "2.0", here)), false),
            (("m1", "2.0", here), Some(("m2", "2.1", gone)), false),
            (("m2", "3.0", here), None, false),
        ];
        for (serving, other, joined) in table {
            let comments = [Some(serving), other].map(|side| side.map(|(by, n, _)| held(by, n)));
            let side = |at: usize, exports_here| Side {
                comment: comments[at].as_ref(),
                exports_here,
            };
            let now = is_still_ours(
                &machine("m1"),
                side(0, serving.2),
                other.map(|(.., exports)| side(1, exports)),
            );
            assert_eq!(now, joined, "{serving:?}, {other:?}");
        }
    }
}
