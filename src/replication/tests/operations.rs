//! What is typed for each operation, line by line.

use super::{operating::*, *};

const BOTH_WORK: [bool; 2] = [true, true];

pub fn seen(kind: Kind, source: (Role, GroupStatus), peer: (Role, GroupStatus)) -> GroupSides {
    linked(kind, source, peer, BOTH_WORK)
}

pub fn linked(
    kind: Kind,
    source: (Role, GroupStatus),
    peer: (Role, GroupStatus),
    works: [bool; 2],
) -> GroupSides {
    pair(
        half(kind, Side::Source, source.0, source.1),
        half(kind, Side::Peer, peer.0, peer.1),
        [way(Side::Source, works[0]), way(Side::Peer, works[1])],
    )
}

pub fn typed(plan: &OperatorPlan) -> Vec<String> {
    let commands = plan.commands.iter();
    commands
        .map(|command| format!("{}: {}", command.array, command.line))
        .collect()
}

#[track_caller]
pub fn types(both: &GroupSides, operation: Operation, lines: &[&str]) -> OperatorPlan {
    let plan = both.plan(operation, &unused());
    assert_eq!(typed(&plan), lines, "{plan:#?}");
    assert!(plan.may_be_typed(), "{:#?}", plan.objections);
    plan
}

#[track_caller]
pub fn objects(both: &GroupSides, operation: Operation, short: &str) -> OperatorPlan {
    let plan = both.plan(operation, &unused());
    let said: Vec<_> = plan.objections.iter().map(Objection::short).collect();
    assert_eq!(said, [short], "{plan:#?}");
    plan
}

use GroupStatus::{Failsafe, Started, Starting, Stopped};
use Role::{Primary, PrimaryRev, Secondary, SecondaryRev};

#[test]
fn a_planned_failover_stops_where_it_is_primary_and_fails_over_where_it_is_not() {
    let both = seen(KIND, (Primary, Started), (Secondary, Started));
    let plan = types(
        &both,
        Operation::Failover,
        &[
            "amber: stoprcopygroup -f prod",
            "birch: setrcopygroup failover -f -t to-amber prod.r130512",
        ],
    );
    assert_eq!(plan.commands[0].prints, Vec::<String>::new());
    assert_eq!(
        plan.commands[1].prints,
        [
            "setrcopygroup for failover prod.r130512",
            "failover started with tasks: <n>"
        ]
    );
    assert_eq!(
        plan.afterwards[0].on(Side::Source),
        Some((Primary, Stopped))
    );
    assert_eq!(
        plan.afterwards[0].on(Side::Peer),
        Some((PrimaryRev, Stopped))
    );
    // After its first command the same question gives the rest.
    let both = seen(KIND, (Primary, Stopped), (Secondary, Stopped));
    let plan = types(
        &both,
        Operation::Failover,
        &["birch: setrcopygroup failover -f -t to-amber prod.r130512"],
    );
    let said = plan.cautions[0].to_string();
    assert!(said.contains("`startrcopygroup prod`"), "{said}");
    // And the other way round, of a group of whatever array.
    let both = seen(KIND, (Secondary, Started), (Primary, Started));
    types(
        &both,
        Operation::Failover,
        &[
            "birch: stoprcopygroup -f prod.r130512",
            "amber: setrcopygroup failover -f -t to-birch prod",
        ],
    );
}

#[test]
fn a_periodic_group_copies_once_more() {
    let mut both = seen(KIND, (Primary, Started), (Secondary, Started));
    for side in [&mut both.source, &mut both.peer] {
        if let Half::Seen(group) = &mut side.half {
            group.mode = Mode::Periodic;
            for volume in &mut group.volumes {
                volume.last_sync = Some("2026-05-04 13:07:11 CEST".to_owned());
            }
        }
    }
    let plan = types(
        &both,
        Operation::Failover,
        &[
            "amber: syncrcopy prod",
            "amber: stoprcopygroup -f prod",
            "birch: setrcopygroup failover -f -t to-amber prod.r130512",
        ],
    );
    assert_eq!(
        plan.commands[0].prints,
        ["Synchronization request issued for group prod"]
    );
    let said = plan.cautions[0].to_string();
    assert!(
        said.contains("last sync 2026-05-04 13:07:11 CEST"),
        "{said}"
    );
}

/// The array that served is gone: everything depends on whether it is.
#[test]
fn a_lost_primary_is_failed_over_when_the_other_array_has_noticed() {
    let alone = |status: GroupStatus, works: bool| {
        pair(
            unreadable(None),
            half(KIND, Side::Peer, Secondary, status),
            [None, way(Side::Peer, works)],
        )
    };
    let plan = types(
        &alone(Stopped, false),
        Operation::Failover,
        &["birch: setrcopygroup failover -f -t to-amber prod.r130512"],
    );
    let said = plan.cautions[0].to_string();
    assert!(
        said.contains(
            "array `amber` cannot be asked from here (no route to host): make sure that it is off"
        ),
        "{said}"
    );
    assert_eq!(plan.afterwards[0].source, None);
    assert_eq!(plan.afterwards[0].peer, Some((PrimaryRev, Stopped)));
    // The commands are there, for when it is so.
    let plan = objects(
        &alone(Started, false),
        Operation::Failover,
        "not Stopped yet",
    );
    assert_eq!(plan.commands.len(), 1);
    let plan = objects(
        &alone(Stopped, true),
        Operation::Failover,
        "the links to the primary work",
    );
    assert_eq!(plan.commands.len(), 1);
    for operation in [Operation::Recover, Operation::Restore] {
        let plan = alone(Stopped, false).plan(operation, &unused());
        assert!(plan.commands.is_empty() && !plan.objections.is_empty());
    }
    // On the way home, nobody could tell afterwards which array has what.
    let both = pair(
        half(KIND, Side::Source, SecondaryRev, Stopped),
        unreadable(None),
        [way(Side::Source, false), None],
    );
    let plan = objects(
        &both,
        Operation::Failover,
        "newest data are on the other array",
    );
    assert!(plan.commands.is_empty());
    assert!(
        plan.objections[0]
            .hint()
            .contains("could not be told from a failover in the other direction")
    );
}

#[test]
fn the_way_back_is_recover_and_restore() {
    let both = seen(KIND, (Primary, Stopped), (PrimaryRev, Stopped));
    let plan = both.plan(Operation::Failover, &unused());
    assert_eq!(
        plan.done.as_ref().and_then(Done::next),
        Some(Operation::Recover)
    );
    objects(&both, Operation::Restore, "recover first");
    let plan = types(
        &both,
        Operation::Recover,
        &["birch: setrcopygroup recover -f -t to-amber prod.r130512"],
    );
    assert_eq!(plan.afterwards[0].source, Some((SecondaryRev, Started)));

    let both = seen(KIND, (SecondaryRev, Started), (PrimaryRev, Started));
    let plan = both.plan(Operation::Recover, &unused());
    assert_eq!(
        plan.done.as_ref().and_then(Done::next),
        Some(Operation::Restore)
    );
    objects(&both, Operation::Failover, "restore first");
    let plan = types(
        &both,
        Operation::Restore,
        &["birch: setrcopygroup restore -f -t to-amber prod.r130512"],
    );
    assert_eq!(plan.afterwards[0].source, Some((Primary, Started)));

    let both = seen(KIND, (Primary, Started), (Secondary, Started));
    for operation in [Operation::Recover, Operation::Restore] {
        assert!(both.plan(operation, &unused()).done.is_some());
    }
    // Stopped on the way: it is only started.
    let both = seen(KIND, (SecondaryRev, Stopped), (PrimaryRev, Stopped));
    types(
        &both,
        Operation::Recover,
        &["birch: startrcopygroup prod.r130512"],
    );
    objects(&both, Operation::Restore, "recover first");
}

/// 10.x, with `auto_synchronize`: the arrays recovered by themselves, and the roles do not show which array is home.
#[test]
fn the_way_home_without_rev_is_another_change_of_sides() {
    let itself = Kind {
        policy: Some("auto_synchronize"),
        ..KIND
    };
    let both = seen(itself, (Secondary, Started), (Primary, Started));
    types(
        &both,
        Operation::Restore,
        &[
            "birch: stoprcopygroup -f prod.r130512",
            "amber: setrcopygroup failover -f -t to-birch prod",
        ],
    );
    assert!(both.plan(Operation::Recover, &unused()).done.is_some());
    let both = seen(KIND, (Secondary, Started), (Primary, Started));
    types(
        &both,
        Operation::Restore,
        &[
            "birch: stoprcopygroup -f prod.r130512",
            "birch: setrcopygroup reverse -f -t to-amber prod.r130512",
            "amber: startrcopygroup prod",
        ],
    );
    let both = seen(KIND, (Secondary, Stopped), (Primary, Stopped));
    types(
        &both,
        Operation::Restore,
        &[
            "birch: setrcopygroup reverse -f -t to-amber prod.r130512",
            "amber: startrcopygroup prod",
        ],
    );
    let both = seen(KIND, (Primary, Stopped), (Secondary, Stopped));
    types(&both, Operation::Restore, &["amber: startrcopygroup prod"]);
}

#[test]
fn a_switchover_is_for_peer_persistence() {
    let persistent = Kind {
        policy: Some("path_management"),
        ..KIND
    };
    let both = seen(persistent, (Primary, Started), (Secondary, Started));
    let plan = types(
        &both,
        Operation::Switchover,
        &["amber: setrcopygroup switchover -f -t to-birch prod"],
    );
    assert_eq!(plan.afterwards[0].source, Some((Secondary, Started)));
    assert_eq!(plan.afterwards[1].source, Some((SecondaryRev, Started)));
    objects(&both, Operation::Failover, "Peer Persistence");
    let both = seen(KIND, (Primary, Started), (Secondary, Started));
    objects(&both, Operation::Switchover, "Active/Passive");
    let both = linked(
        persistent,
        (Primary, Started),
        (Secondary, Started),
        [false, true],
    );
    objects(&both, Operation::Switchover, "links down");
    // After the array took over by itself.
    let both = seen(persistent, (Primary, Failsafe), (PrimaryRev, Stopped));
    objects(&both, Operation::Switchover, "recover first");
    types(
        &both,
        Operation::Recover,
        &["birch: setrcopygroup recover -f -t to-amber prod.r130512"],
    );
}

#[test]
fn hosts_that_would_lose_something_are_named() {
    let used = |side: Side| {
        let mut exposure = unused();
        match side {
            Side::Source => exposure.source = in_use(),
            Side::Peer => exposure.peer = in_use(),
        }
        exposure
    };
    let cases = [
        (
            (Primary, Started),
            (Secondary, Started),
            Operation::Failover,
            Side::Source,
        ),
        (
            (Primary, Stopped),
            (PrimaryRev, Stopped),
            Operation::Recover,
            Side::Source,
        ),
        (
            (SecondaryRev, Started),
            (PrimaryRev, Started),
            Operation::Restore,
            Side::Peer,
        ),
    ];
    for (source, peer, operation, side) in cases {
        let both = seen(KIND, source, peer);
        let plan = both.plan(operation, &used(side));
        let said = plan.objections[0].to_string();
        assert!(said.contains("`dkv-db1` by host `node4`"), "{said}");
        assert!(said.contains(&both.on(side).array), "{said}");
        assert!(!plan.may_be_typed() && !plan.commands.is_empty());
        // On the array that is to serve, or serves on, it does not matter.
        assert!(both.plan(operation, &used(side.other())).may_be_typed());
    }
    let persistent = Kind {
        policy: Some("path_management"),
        ..KIND
    };
    let both = seen(persistent, (Primary, Started), (Secondary, Started));
    let plan = both.plan(Operation::Switchover, &used(Side::Source));
    assert_eq!(plan.objections[0].short(), "no path");
    let everywhere = Exposure {
        source: in_use(),
        peer: in_use(),
        lock: None,
        witness: Witnesses::default(),
    };
    assert!(both.plan(Operation::Switchover, &everywhere).may_be_typed());
}

#[test]
fn a_group_that_the_plugin_is_changing_is_left_alone() {
    let both = seen(KIND, (Primary, Stopped), (Secondary, Stopped));
    let exposure = Exposure {
        lock: Some("host4.4f2a".to_owned()),
        ..unused()
    };
    let plan = both.plan(Operation::Failover, &exposure);
    assert_eq!(
        plan.objections,
        [Objection::BeingChanged("host4.4f2a".to_owned())]
    );
    let both = seen(KIND, (Primary, Starting), (Secondary, Stopped));
    objects(&both, Operation::Failover, "moving");
}

/// A part of a volume is no copy: it may be taken over, with a warning, and is never copied over the whole.
#[test]
fn a_partial_copy_is_never_copied_over_the_whole_one() {
    let first_is_partial = |mut both: GroupSides| {
        for side in [&mut both.source, &mut both.peer] {
            if let Half::Seen(group) = &mut side.half {
                group.volumes[0].sync = SyncStatus::NotSynced;
            }
        }
        both
    };
    let stopped = ((Primary, Stopped), (Secondary, Stopped));
    let both = first_is_partial(seen(KIND, stopped.0, stopped.1));
    let plan = both.plan(Operation::Failover, &unused());
    assert!(plan.may_be_typed(), "{plan:#?}");
    let said: Vec<String> = plan.cautions.iter().map(Caution::to_string).collect();
    assert!(
        said.iter()
            .any(|said| said.contains("never had the whole of `dkv-db1`")),
        "{said:?}"
    );
    // The arrays would do it by themselves.
    let itself = Kind {
        policy: Some("auto_synchronize"),
        ..KIND
    };
    let both = first_is_partial(seen(itself, stopped.0, stopped.1));
    let plan = objects(&both, Operation::Failover, "never complete");
    assert!(plan.commands.is_empty());
    let lost = pair(
        unreadable(None),
        both.peer.half.clone(),
        [None, way(Side::Peer, false)],
    );
    objects(&lost, Operation::Failover, "never complete");
    let over = first_is_partial(seen(KIND, (Primary, Stopped), (PrimaryRev, Stopped)));
    objects(&over, Operation::Recover, "never complete");
    let back = first_is_partial(seen(KIND, (SecondaryRev, Stopped), (PrimaryRev, Stopped)));
    objects(&back, Operation::Recover, "never complete");
    let away = first_is_partial(seen(KIND, (Secondary, Stopped), (Primary, Stopped)));
    objects(&away, Operation::Restore, "never complete");
}
