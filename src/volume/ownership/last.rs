//! Peer Persistence: who was the last to have a volume that each array can serve while the other one is away.
//!
//! Both copies have a comment that names a holder, and either may lag behind: its array was away, or takes no comment on a secondary.
//! No clock decides between them. Each comment says what its writer had seen of both ([`Holds`]), and this machine remembers what it wrote
//! when it mounted the volume. A comment of another machine that this one saw, or could have seen, is covered by that, however
//! late it turns up. One that is not was written without this machine's knowledge, and so after its mount. (Or before it on the array
//! that was away at the mount, by a host that had the volume from there alone, and whose comment this array never got: then it is the
//! safe side to take it for later.)

use crate::{
    inform::ExportTarget,
    model::{Comment, Holds, Machine},
    replication::Holder,
};

/// What one array shows of a volume that is mounted here.
#[derive(Debug, Clone, Copy)]
pub(in crate::volume) struct Side<'a> {
    /// The comment on its copy, if it is one of ours.
    pub comment: Option<&'a Comment>,
    /// It exports the volume to this machine.
    pub exports_here: bool,
}

/// The comment is of another machine that has had the volume since this one counted so many.
pub(super) fn is_later(us: &Machine, own: Holds, comment: &Comment) -> bool {
    let theirs = comment.holds.unwrap_or_default();
    match &comment.held {
        // Of two who counted the same, neither saw the other.
        Some(held) => held != us && (theirs == own || !own.cover(theirs)),
        None => false,
    }
}

/// Who was the last to have what is mounted here. `own`: what this machine counted at its mount, if it remembers. `other`: none if that
/// array cannot be asked.
pub(in crate::volume) fn holder(
    us: &Machine,
    own: Option<Holds>,
    serving: Side<'_>,
    other: Option<Side<'_>>,
) -> Holder {
    let sides = [Some(serving), other];
    let comments: Vec<&Comment> = sides.iter().flatten().filter_map(|s| s.comment).collect();
    let names_us = |comment: &&Comment| comment.held.as_ref() == Some(us);
    let taken_from_us = |comment: &&Comment| comment.pending.as_ref() == Some(us);
    if comments.iter().any(taken_from_us) && comments.iter().all(names_us) {
        return Holder::Unknown;
    }
    let written = comments.iter().filter(|c| names_us(c));
    let written = written.map(|comment| comment.holds.unwrap_or_default());
    let Some(own) = own.into_iter().chain(written).reduce(Holds::with) else {
        // Nobody remembers this machine. That is news only where both arrays remember somebody else.
        let held = comments.iter().filter(|comment| comment.held.is_some());
        return match held.count() {
            2 => Holder::Another,
            _ => Holder::Unknown,
        };
    };
    if comments.iter().any(|comment| is_later(us, own, comment)) {
        return Holder::Another;
    }
    // Where nothing can be read, and nothing of this machine's has kept others away, anybody may have had it.
    if serving.comment.is_none() && !serving.exports_here {
        return Holder::Unknown;
    }
    Holder::Us
}

/// The comment of the array that serves, if it lags behind what this machine has counted: it may have been a secondary, or away, when this
/// machine came to have the volume. Only while it exports the volume to this machine alone: nobody else writes there then. `other` is
/// what the other copy says, `via` the export.
pub(in crate::volume) fn written_again(
    us: &Machine,
    own: Holds,
    comment: &Comment,
    other: Option<&Comment>,
    via: &ExportTarget,
) -> Option<Comment> {
    if comment.held.as_ref() == Some(us) && comment.holds == Some(own) {
        return None;
    }
    let ours = other.filter(|other| other.held.as_ref() == Some(us));
    let mut again = comment.clone();
    again.held = Some(us.clone());
    again.holds = Some(own);
    again.since = ours.and_then(|ours| ours.since);
    again.pending = ours.and_then(|ours| ours.pending.clone());
    again.via = via.to_string().parse().ok();
    shorten(&mut again);
    Some(again)
}

/// Leaves out what is a help only, where a comment would be too long.
pub(super) fn shorten(comment: &mut Comment) {
    if comment.encode().is_err() {
        comment.via = None;
    }
    if comment.encode().is_err() {
        comment.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model;

    const HERE: bool = true;

    fn machine(id: &str) -> Machine {
        Machine::new(&model::HostName::new("node").unwrap(), id)
    }

    fn counted(text: &str) -> Holds {
        text.parse().unwrap()
    }

    /// What a copy says: the machine that held it, and what that had counted. `since` is left to the caller: it decides nothing.
    fn comment(held: Option<&str>, holds: Option<&str>) -> Comment {
        let text = "dk1/ns=/name=db1/home=130512/op=maker.1/state=ready/origin=blank/fmt=done";
        let mut comment = Comment::parse(text).unwrap();
        comment.held = held.map(machine);
        comment.holds = holds.map(counted);
        comment
    }

    fn seen(comment: &Comment, exports_here: bool) -> Side<'_> {
        Side {
            comment: Some(comment),
            exports_here,
        }
    }

    /// Who was the last, for machine `m1`, that wrote `own`: on the array that serves, and on the other one.
    fn asked(own: Option<&str>, serving: (&str, &str), other: Option<(&str, &str)>) -> Holder {
        // A clock that is far ahead, on whichever copy, is nobody's argument.
        let answers = [(1, 9), (9, 1), (5, 5)].map(|(here, there)| {
            let mut serving = comment(Some(serving.0), Some(serving.1));
            serving.since = Some(here);
            let other = other.map(|(held, holds)| {
                let mut other = comment(Some(held), Some(holds));
                other.since = Some(there);
                other
            });
            holder(
                &machine("m1"),
                own.map(counted),
                seen(&serving, HERE),
                other.as_ref().map(|other| seen(other, !HERE)),
            )
        });
        assert!(answers.iter().all(|one| *one == answers[0]), "{answers:?}");
        answers[0]
    }

    #[test]
    fn a_copy_that_lags_behind_is_no_news_and_one_that_does_not_is() {
        let table = [
            // Both say that it is us.
            (Some("2.0"), ("m1", "2.0"), Some(("m1", "2.0")), Holder::Us),
            (None, ("m1", "2.0"), Some(("m1", "2.0")), Holder::Us),
            // The other one has an earlier holder still, whom we saw at the mount, or whose successors we saw.
            (Some("3.0"), ("m1", "3.0"), Some(("m2", "2.0")), Holder::Us),
            (None, ("m1", "3.0"), Some(("m2", "2.0")), Holder::Us),
            // That one alone can be asked, and the plugin was started anew meanwhile.
            (Some("3.0"), ("m2", "2.0"), None, Holder::Us),
            (None, ("m2", "2.0"), None, Holder::Unknown),
            // Another one had it from the peer, which was away when we came, or we from it.
            (
                Some("3.0"),
                ("m1", "3.0"),
                Some(("m2", "2.1")),
                Holder::Another,
            ),
            (None, ("m1", "3.0"), Some(("m2", "2.1")), Holder::Another),
            (Some("3.0"), ("m2", "2.1"), None, Holder::Another),
            (Some("3.0"), ("m2", "3.1"), None, Holder::Another),
            (
                Some("3.0"),
                ("m2", "4.0"),
                Some(("m1", "3.0")),
                Holder::Another,
            ),
            // We had it again after that.
            (Some("3.2"), ("m1", "3.2"), Some(("m2", "3.1")), Holder::Us),
            // Neither saw the other.
            (
                Some("3.0"),
                ("m1", "3.0"),
                Some(("m2", "3.0")),
                Holder::Another,
            ),
            // Nobody remembers us.
            (None, ("m2", "2.0"), Some(("m3", "1.0")), Holder::Another),
        ];
        for (own, serving, other, holder) in table {
            assert_eq!(
                asked(own, serving, other),
                holder,
                "{own:?}: {serving:?}, {other:?}"
            );
        }
    }

    #[test]
    fn an_array_without_a_comment_is_believed_only_where_our_export_has_kept_others_away() {
        let ours = comment(Some("m1"), Some("1.0"));
        let own = Some(counted("1.0"));
        let silent = |exports_here| Side {
            comment: None,
            exports_here,
        };
        let us = machine("m1");
        let asked = |exports_here| holder(&us, own, silent(exports_here), Some(seen(&ours, HERE)));
        assert_eq!(asked(HERE), Holder::Us);
        assert_eq!(asked(!HERE), Holder::Unknown);
        // It takes no comment on a secondary, and nobody has had the volume from there since it serves.
        let unmarked = comment(None, None);
        let unmarked = seen(&unmarked, !HERE);
        assert_eq!(
            holder(&us, own, unmarked, Some(seen(&ours, HERE))),
            Holder::Us
        );
        assert_eq!(holder(&us, None, unmarked, None), Holder::Unknown);
    }

    #[test]
    fn while_it_is_being_taken_from_us_nothing_is_certain() {
        let mut ours = comment(Some("m1"), Some("1.0"));
        ours.pending = Some(machine("m1"));
        let own = Some(counted("1.0"));
        let us = machine("m1");
        assert_eq!(holder(&us, own, seen(&ours, HERE), None), Holder::Unknown);
        let another = comment(Some("m2"), Some("2.0"));
        assert_eq!(
            holder(&us, own, seen(&another, HERE), Some(seen(&ours, HERE))),
            Holder::Another
        );
    }

    #[test]
    fn what_lags_behind_is_written_again_with_what_we_counted() {
        let us = machine("m1");
        let to = ExportTarget::Host(model::HostName::new("node").unwrap());
        let own = counted("3.0");
        let mut ours = comment(Some("m1"), Some("3.0"));
        ours.since = Some(7);
        ours.via = Some(model::HostName::new("node").unwrap());
        assert_eq!(written_again(&us, own, &ours, None, &to), None);
        let mut behind = comment(Some("m2"), Some("2.0"));
        behind.since = Some(9);
        behind.pending = Some(us.clone());
        behind.via = Some(model::HostName::new("other").unwrap());
        let again = written_again(&us, own, &behind, Some(&ours), &to);
        let again = again.unwrap();
        assert_eq!(
            again,
            Comment {
                op: behind.op.clone(),
                ..ours.clone()
            }
        );
        let alone = written_again(&us, own, &behind, None, &to).unwrap();
        assert_eq!((alone.held, alone.since), (Some(us), None));
    }
}
