//! What is typed for a Peer Persistence group, while hosts have its volumes on both arrays.

use super::{
    operating::*,
    operations::{linked, objects, seen, types},
    *,
};

use GroupStatus::{Failsafe, Started, Stopped};
use Role::{Primary, PrimaryRev, Secondary, SecondaryRev};

const BOTH: Kind = Kind {
    policy: Some("auto_recover,auto_failover,path_management"),
    ..KIND
};

fn everywhere() -> Exposure {
    Exposure {
        source: in_use(),
        peer: in_use(),
        ..unused()
    }
}

fn lines(plan: &OperatorPlan) -> Vec<&str> {
    plan.commands.iter().map(|one| one.line.as_str()).collect()
}

fn shorts(plan: &OperatorPlan) -> Vec<&'static str> {
    plan.objections.iter().map(Objection::short).collect()
}

fn cautions(plan: &OperatorPlan) -> String {
    let said: Vec<String> = plan.cautions.iter().map(ToString::to_string).collect();
    said.join("\n")
}

#[test]
fn hosts_on_both_arrays_are_in_nobodys_way_unless_they_would_lose_something() {
    let gave_up = seen(BOTH, (Primary, Failsafe), (PrimaryRev, Stopped));
    let plan = gave_up.plan(Operation::Recover, &everywhere());
    assert!(plan.may_be_typed(), "{plan:#?}");
    assert!(cautions(&plan).contains("in Failsafe and gives them nothing"));
    // What it takes is overwritten.
    let serves = seen(BOTH, (Primary, Stopped), (PrimaryRev, Stopped));
    let plan = serves.plan(Operation::Recover, &everywhere());
    assert_eq!(shorts(&plan), ["in use"]);
    assert!(
        plan.objections[0]
            .hint()
            .contains("take their exports on that array away")
    );
    let only_there = Exposure {
        source: InUse::by_nobody(),
        ..everywhere()
    };
    assert!(serves.plan(Operation::Recover, &only_there).may_be_typed());

    // A side that receives takes nothing.
    for (operation, source, peer, line) in [
        (
            Operation::Recover,
            (SecondaryRev, Stopped),
            (PrimaryRev, Stopped),
            "startrcopygroup prod.r130512",
        ),
        (
            Operation::Restore,
            (SecondaryRev, Started),
            (PrimaryRev, Started),
            "setrcopygroup restore -f -t to-amber prod.r130512",
        ),
        (
            Operation::Restore,
            (Primary, Stopped),
            (Secondary, Stopped),
            "startrcopygroup prod",
        ),
        (
            Operation::Switchover,
            (Primary, Started),
            (Secondary, Started),
            "setrcopygroup switchover -f -t to-birch prod",
        ),
        (
            Operation::Switchover,
            (SecondaryRev, Started),
            (PrimaryRev, Started),
            "setrcopygroup switchover -f -t to-amber prod.r130512",
        ),
    ] {
        let plan = seen(BOTH, source, peer).plan(operation, &everywhere());
        assert!(plan.may_be_typed(), "{plan:#?}");
        assert_eq!(lines(&plan), [line]);
        // Without the policy it is overwritten, or cut off.
        let plan = seen(KIND, source, peer).plan(operation, &everywhere());
        assert!(!plan.may_be_typed(), "{plan:#?}");
    }
    // A host that has it on the array that serves only would have it nowhere.
    let away = seen(BOTH, (SecondaryRev, Started), (PrimaryRev, Started));
    let plan = away.plan(Operation::Restore, &only_there);
    assert_eq!(shorts(&plan), ["no path"]);
}

#[test]
fn an_array_that_gave_up_serves_again_only_if_the_other_one_does_not() {
    let line = "amber: setrcopygroup override -f -t to-birch prod";
    let both = linked(BOTH, (Primary, Failsafe), (Secondary, Stopped), [false; 2]);
    let plan = types(&both, Operation::Override, &[line]);
    assert!(
        cautions(&plan).contains("look at array `birch` again right before"),
        "{plan:#?}"
    );
    assert_eq!(plan.afterwards.len(), 1);
    assert_eq!(plan.afterwards[0].source, Some((Primary, Stopped)));
    assert!(both.plan(Operation::Override, &everywhere()).may_be_typed());
    // The same after a switchover that kept the natural direction.
    let turned = seen(BOTH, (SecondaryRev, Stopped), (PrimaryRev, Failsafe));
    let plan = types(
        &turned,
        Operation::Override,
        &["birch: setrcopygroup override -f -t to-amber prod.r130512"],
    );
    assert!(cautions(&plan).contains("by itself"));
    assert_eq!(plan.afterwards[1].peer, Some((PrimaryRev, Started)));

    let took_over = seen(BOTH, (Primary, Failsafe), (PrimaryRev, Stopped));
    objects(&took_over, Operation::Override, "recover first");
    let runs = seen(BOTH, (Primary, Started), (Secondary, Started));
    objects(&runs, Operation::Override, "not in Failsafe");
    let alone = pair(
        half(BOTH, Side::Source, Primary, Failsafe),
        unreadable(None),
        [way(Side::Source, false), None],
    );
    let plan = objects(&alone, Operation::Override, "the other one may serve");
    assert_eq!(plan.commands.len(), 1, "for whoever knows that it is lost");
    assert!(plan.objections[0].hint().contains("says Primary-Rev"));
    // Or hosts go on at the other array.
    let plan = types(
        &both,
        Operation::Failover,
        &["birch: setrcopygroup failover -f -t to-amber prod.r130512"],
    );
    assert!(cautions(&plan).contains("it must still say Failsafe"));
    assert_eq!(plan.afterwards[0].source, Some((Primary, Failsafe)));
    let linked = seen(BOTH, (Primary, Failsafe), (Secondary, Stopped));
    objects(&linked, Operation::Failover, "links up");
    // Every other plan says where to go.
    for operation in [Operation::Recover, Operation::Restore] {
        let plan = objects(&both, operation, "Failsafe");
        assert!(plan.objections[0].hint().contains("group plan override"));
    }
}

/// After a takeover in a group whose roles had `-Rev`, and after a failover that was overridden, both arrays show the same.
#[test]
fn what_roles_do_not_tell_is_said_with_where_to_look() {
    let both = seen(BOTH, (Primary, Stopped), (PrimaryRev, Failsafe));
    for operation in Operation::ALL {
        let plan = objects(&both, operation, "Failsafe");
        let hint = plan.objections[0].hint();
        assert!(
            hint.contains("`showtask` on both arrays")
                && hint.contains("`setrcopygroup recover -f -t to-birch prod` on it"),
            "{hint}"
        );
        assert!(plan.commands.is_empty());
    }
}

/// A resting state on arrays whose switchover keeps the natural direction; the same is shown while a failover is copied back.
#[test]
fn an_array_that_may_be_behind_takes_over_only_after_a_look() {
    let alone = |kind: Kind| {
        pair(
            half(kind, Side::Source, SecondaryRev, Stopped),
            unreadable(None),
            [way(Side::Source, false), None],
        )
    };
    let plan = objects(&alone(BOTH), Operation::Failover, "perhaps behind");
    assert_eq!(lines(&plan), ["setrcopygroup failover -f -t to-birch prod"]);
    assert_eq!(plan.afterwards[0].source, Some((Primary, Stopped)));
    assert!(plan.commands[0].then.ends_with("shows Primary"));
    let plan = objects(
        &alone(KIND),
        Operation::Failover,
        "newest data are on the other array",
    );
    assert!(plan.commands.is_empty());
}

#[test]
fn active_active_groups_are_refused_by_every_plan() {
    let kind = Kind {
        policy: Some("auto_recover,auto_synchronize,path_management,active_active"),
        ..KIND
    };
    for shown in [
        seen(kind, (Primary, Started), (Secondary, Started)),
        seen(kind, (Primary, Failsafe), (PrimaryRev, Stopped)),
        pair(
            unreadable(None),
            half(kind, Side::Peer, Secondary, Stopped),
            [None, way(Side::Peer, false)],
        ),
    ] {
        assert_eq!(shown.kind(), Some(GroupKind::ActiveActive));
        for operation in Operation::ALL {
            let plan = objects(&shown, operation, "active-active");
            assert!(plan.commands.is_empty() && plan.done.is_none());
        }
    }
}

#[test]
fn one_policy_without_the_other_is_said() {
    let alone = |policy: &'static str| {
        let kind = Kind {
            policy: Some(policy),
            ..KIND
        };
        pair(
            unreadable(None),
            half(kind, Side::Peer, Secondary, Stopped),
            [None, way(Side::Peer, false)],
        )
    };
    for (policy, kind, words) in [
        (
            "auto_failover,path_management",
            GroupKind::PeerPersistence,
            "did not take over by itself",
        ),
        (
            "path_management",
            GroupKind::PeerPersistenceByHand,
            "never takes over by itself",
        ),
        (
            "auto_failover",
            GroupKind::OnlyAutoFailover,
            "hosts do not follow it",
        ),
    ] {
        let both = alone(policy);
        assert_eq!(both.kind(), Some(kind));
        let plan = both.plan(Operation::Failover, &unused());
        assert!(plan.may_be_typed());
        assert!(cautions(&plan).contains(words), "{policy}: {plan:#?}");
        assert!(kind.told().is_some());
    }
    // It moves like any group that hosts have on one array.
    let kind = Kind {
        policy: Some("auto_failover"),
        ..KIND
    };
    let both = seen(kind, (Primary, Started), (Secondary, Started));
    objects(&both, Operation::Switchover, "Active/Passive");
    assert_eq!(both.plan(Operation::Failover, &unused()).commands.len(), 2);
    assert_eq!(
        seen(KIND, (Primary, Started), (Secondary, Started))
            .kind()
            .unwrap()
            .told(),
        None
    );
}

#[test]
fn a_witness_that_is_not_seen_is_said_before_anything_moves() {
    let server = || "198.51.100.70".to_owned();
    let exposure = |peer: Witness| Exposure {
        witness: Witnesses {
            source: Witness::Seen { server: server() },
            peer,
        },
        ..everywhere()
    };
    let both = seen(BOTH, (Primary, Started), (Secondary, Started));
    let alone = pair(
        unreadable(None),
        half(BOTH, Side::Peer, Secondary, Stopped),
        [None, way(Side::Peer, false)],
    );
    for (witness, words) in [
        (Witness::Seen { server: server() }, None),
        (Witness::NotAsked, None),
        (Witness::None, Some("it has none")),
        (
            Witness::NotSeen {
                server: server(),
                state: "Failed, failed".to_owned(),
            },
            Some("198.51.100.70 is Failed, failed"),
        ),
        (
            Witness::NotReadable {
                why: "unknown words".to_owned(),
            },
            Some("not readable: unknown words"),
        ),
    ] {
        for (sides, operation) in [
            (&both, Operation::Switchover),
            (&alone, Operation::Failover),
        ] {
            let plan = sides.plan(operation, &exposure(witness.clone()));
            assert!(plan.may_be_typed(), "{plan:#?}");
            let said = cautions(&plan);
            match words {
                Some(words) => assert!(
                    said.contains("array `birch` does not see the quorum witness")
                        && said.contains(words),
                    "{said}"
                ),
                None => assert!(!said.contains("does not see the quorum witness"), "{said}"),
            }
        }
    }
}
