//! What a person is told to type: for every pair of halves there can be, every way between them, and whoever uses the volumes, what must
//! never be. None of it is written in the words of the code that decides.

use std::collections::BTreeSet;

use super::*;
use crate::model::{HostName, TargetStatus};

/// How a group is, apart from its roles and statuses.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Separated by commas.
    pub policy: Option<&'static str>,
    pub sync: SyncStatus,
    pub made_on: Side,
}

impl Kind {
    pub fn has(self, policy: &str) -> bool {
        self.policies().any(|is| is == policy)
    }

    fn policies(self) -> impl Iterator<Item = &'static str> {
        self.policy.into_iter().flat_map(|all| all.split(','))
    }
}

pub const KIND: Kind = Kind {
    policy: None,
    sync: SyncStatus::Synced,
    made_on: Side::Source,
};

/// One array's half, with the names that things have there.
pub fn half(kind: Kind, side: Side, role: Role, status: GroupStatus) -> Half {
    let mut is = group(&wants(Mode::Sync, false), status, &[OURS, OTHER]);
    is.role = role;
    is.name = name_on(kind, side);
    is.target = TargetName::new(target_on(side)).unwrap();
    is.options.policies = kind.policies().map(str::to_owned).collect();
    for volume in &mut is.volumes {
        volume.sync = match (kind.sync, status) {
            (SyncStatus::Synced, GroupStatus::Stopped) => SyncStatus::Stopped,
            (sync, _) => sync,
        };
    }
    Half::Seen(is)
}

pub fn name_on(kind: Kind, side: Side) -> GroupName {
    let name = if kind.made_on == side {
        "prod"
    } else {
        "prod.r130512"
    };
    GroupName::new(name).unwrap()
}

fn target_on(side: Side) -> &'static str {
    match side {
        Side::Source => "to-birch",
        Side::Peer => "to-amber",
    }
}

pub fn unreadable(last_seen: Option<Role>) -> Half {
    Half::Unreadable {
        why: "no route to host".to_owned(),
        last_seen,
    }
}

pub fn way(side: Side, works: bool) -> Option<Way> {
    Some(Way {
        target: TargetName::new(target_on(side)).unwrap(),
        status: if works {
            TargetStatus::Ready
        } else {
            TargetStatus::Failed
        },
        up: usize::from(works) * 2,
        links: 2,
    })
}

/// Everything that one array can show.
fn halves(kind: Kind, side: Side) -> Vec<Half> {
    let mut halves = vec![
        Half::Absent,
        unreadable(None),
        unreadable(Some(Role::Primary)),
    ];
    for role in ROLES {
        halves.extend(STATUSES.map(|status| half(kind, side, role, status)));
    }
    halves
}

pub fn pair(source: Half, peer: Half, ways: [Option<Way>; 2]) -> GroupSides {
    let mut both = sides(source, peer);
    for (side, way) in [&mut both.source, &mut both.peer].into_iter().zip(ways) {
        side.name = side.half.seen().map(|group| group.name.clone());
        side.way = way;
    }
    both
}

pub fn in_use() -> InUse {
    InUse::Shown(BTreeSet::from([HostUse {
        vv: vv(OURS),
        host: HostName::new("node4").unwrap(),
    }]))
}

pub fn unused() -> Exposure {
    Exposure {
        source: InUse::by_nobody(),
        peer: InUse::by_nobody(),
        lock: None,
        witness: Witnesses::default(),
    }
}

/// Who has the volumes on the one array and the other.
fn exposures() -> Vec<Exposure> {
    let not_shown = InUse::NotShown {
        why: "no answer".to_owned(),
    };
    let each = [InUse::by_nobody(), in_use(), not_shown];
    let pairs = each
        .iter()
        .flat_map(|source| each.iter().map(move |peer| (source.clone(), peer.clone())));
    pairs
        .map(|(source, peer)| Exposure {
            source,
            peer,
            lock: None,
            witness: Witnesses::default(),
        })
        .collect()
}

const KINDS: [Kind; 10] = [
    KIND,
    Kind {
        made_on: Side::Peer,
        ..KIND
    },
    Kind {
        policy: Some("auto_synchronize"),
        made_on: Side::Peer,
        ..KIND
    },
    Kind {
        policy: Some("auto_synchronize"),
        sync: SyncStatus::NotSynced,
        ..KIND
    },
    Kind {
        policy: Some("path_management"),
        ..KIND
    },
    Kind {
        sync: SyncStatus::Syncing(Some(40)),
        ..KIND
    },
    Kind {
        policy: Some("auto_recover,auto_failover,path_management"),
        made_on: Side::Peer,
        ..KIND
    },
    Kind {
        policy: Some("auto_failover,path_management,auto_synchronize"),
        ..KIND
    },
    Kind {
        policy: Some("auto_failover"),
        ..KIND
    },
    Kind {
        policy: Some("auto_recover,path_management,auto_synchronize,active_active"),
        ..KIND
    },
];

/// Every point of the product, with every operation.
fn each(check: impl Fn(Kind, &GroupSides, &Exposure, &OperatorPlan) + Sync) -> usize {
    let points = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for kind in KINDS {
            let (points, check) = (&points, &check);
            scope.spawn(move || {
                for source in halves(kind, Side::Source) {
                    for peer in halves(kind, Side::Peer) {
                        for links in [Some(true), Some(false), None] {
                            let ways =
                                Side::BOTH.map(|side| links.and_then(|works| way(side, works)));
                            let both = pair(source.clone(), peer.clone(), ways);
                            for exposure in exposures() {
                                for operation in Operation::ALL {
                                    let plan = both.plan(operation, &exposure);
                                    check(kind, &both, &exposure, &plan);
                                    points.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                                }
                            }
                        }
                    }
                }
            });
        }
    });
    points.into_inner()
}

fn verb(command: &PlannedCommand) -> &str {
    let mut words = command.line.split(' ');
    match words.next() {
        Some("setrcopygroup") => words.next().unwrap(),
        Some(other) => other,
        None => panic!("an empty line"),
    }
}

/// What stands there, in words: role and status, or nothing.
fn shows(both: &GroupSides, side: Side) -> Option<(Role, GroupStatus)> {
    both.on(side)
        .half
        .seen()
        .map(|group| (group.role, group.status))
}

#[test]
fn nothing_is_to_be_typed_that_must_not() {
    use GroupStatus::{Failsafe, New, Started, Starting, Stopped, Stopping};
    let points = each(|kind, both, exposure, plan| {
        let told = || format!("{} of {both}, {kind:?}: {plan:#?}", plan.operation);
        // One of three: it is so already, something stands against it, or it may be typed.
        let ways = [
            plan.done.is_some(),
            !plan.objections.is_empty(),
            plan.may_be_typed(),
        ];
        assert_eq!(ways.iter().filter(|is| **is).count(), 1, "{}", told());
        assert_eq!(
            plan.commands.is_empty(),
            plan.afterwards.is_empty(),
            "{}",
            told()
        );

        if kind.has("active_active")
            && (both.source.half.seen().or(both.peer.half.seen())).is_some()
        {
            let said: Vec<_> = plan.objections.iter().map(Objection::short).collect();
            assert_eq!(said, ["active-active"], "{}", told());
        }
        for command in &plan.commands {
            let Half::Seen(here) = &both.on(command.side).half else {
                panic!("a command for an array that cannot be read: {}", told());
            };
            assert_eq!(command.array, both.on(command.side).array);
            assert!(
                command
                    .line
                    .ends_with(&format!(" {}", name_on(kind, command.side))),
                "{}",
                told()
            );
            if command.line.contains(" -t ") {
                let target = format!(" -t {} ", target_on(command.side));
                assert!(command.line.contains(&target), "{}", told());
            }
            match verb(command) {
                // A side that was being overwritten takes over only after somebody found out that it was not.
                "failover" => assert!(
                    here.role == Role::Secondary
                        || (here.role == Role::SecondaryRev
                            && kind.has("path_management")
                            && !plan.may_be_typed()),
                    "{}",
                    told()
                ),
                "recover" | "restore" => assert_eq!(here.role, Role::PrimaryRev, "{}", told()),
                "stoprcopygroup" | "syncrcopy" => {
                    assert!(
                        here.role.is_primary() && here.status == Started,
                        "{}",
                        told()
                    );
                }
                "switchover" | "reverse" => assert!(here.role.is_primary(), "{}", told()),
                "override" => assert!(
                    here.role.is_primary() && here.status == Failsafe,
                    "{}",
                    told()
                ),
                "startrcopygroup" => {
                    // On the side that sends then.
                    let turns = plan
                        .commands
                        .iter()
                        .any(|command| verb(command) == "reverse");
                    assert_ne!(here.role.is_primary(), turns, "{}", told());
                }
                other => panic!("{other}: {}", told()),
            }
        }
        if !plan.may_be_typed() {
            return;
        }

        let now = Side::BOTH.map(|side| shows(both, side));
        let primaries: Vec<Side> = Side::BOTH
            .into_iter()
            .filter(|side| shows(both, *side).is_some_and(|(role, _)| role.is_primary()))
            .collect();
        match now {
            [Some(one), Some(other)] => {
                // One that sends and one that receives, in one direction; or a failover that is not recovered.
                let roles = BTreeSet::from([one.0, other.0]);
                let fits = [
                    BTreeSet::from([Role::Primary, Role::Secondary]),
                    BTreeSet::from([Role::PrimaryRev, Role::SecondaryRev]),
                    BTreeSet::from([Role::PrimaryRev, Role::Primary]),
                ];
                assert!(fits.contains(&roles), "{}", told());
                let counts = Side::BOTH.into_iter().find(|side| {
                    let role = shows(both, *side).unwrap().0;
                    role == Role::PrimaryRev || (role == Role::Primary && primaries.len() == 1)
                });
                let status = shows(both, counts.unwrap()).unwrap().1;
                let gave_up = status == Failsafe && primaries.len() == 1;
                let rests = match plan.operation {
                    Operation::Override => gave_up,
                    // Hosts get nothing there, and the arrays do not see each other.
                    Operation::Failover if gave_up => {
                        let apart = |side: &Side| !both.on(*side).reaches_the_other();
                        kind.has("path_management") && Side::BOTH.iter().all(apart)
                    }
                    _ => [Started, Stopped, New].contains(&status),
                };
                assert!(rests, "{}", told());
            }
            [Some(one), None] | [None, Some(one)] => {
                assert_eq!(plan.operation, Operation::Failover, "{}", told());
                assert!([Stopped, New].contains(&one.1), "{}", told());
                let side = plan.commands[0].side;
                assert!(
                    both.on(side).way.is_some() && !both.on(side).reaches_the_other(),
                    "{}",
                    told()
                );
                assert!(both.on(side.other()).half.is_unreadable(), "{}", told());
            }
            [None, None] => panic!("{}", told()),
        }

        let nobody = |side: Side| *exposure.on(side) == InUse::by_nobody();
        let persistent = kind.has("path_management");
        // Whoever has it here has it there.
        let goes_on = |here: Side| match (exposure.on(here), exposure.on(here.other())) {
            (InUse::Shown(here), InUse::Shown(there)) => here.is_subset(there),
            _ => false,
        };
        for command in &plan.commands {
            let (here, there) = (command.side, command.side.other());
            let status = shows(both, here).unwrap().1;
            match verb(command) {
                "stoprcopygroup" | "reverse" => {
                    assert!(nobody(here) && !persistent, "{}", told());
                }
                "restore" => {
                    let safe = if persistent {
                        goes_on(here)
                    } else {
                        nobody(here)
                    };
                    assert!(safe, "{}", told());
                }
                "recover" => {
                    let gives_nothing = persistent && shows(both, there).unwrap().1 == Failsafe;
                    assert!(nobody(there) || gives_nothing, "{}", told());
                    assert_eq!(status, Stopped, "{}", told());
                }
                "startrcopygroup" if plan.commands.len() == 1 => {
                    // Hosts with paths to a secondary of Peer Persistence write on the other array.
                    let receives = !shows(both, there).unwrap().0.is_primary();
                    assert!(nobody(there) || (persistent && receives), "{}", told());
                    assert!([Stopped, New].contains(&status), "{}", told());
                }
                "failover" if shows(both, there).is_some() => {
                    let gave_up = shows(both, there).unwrap().1 == Failsafe;
                    let safe = if persistent { gave_up } else { nobody(there) };
                    assert!(safe, "{}", told());
                    let stops = plan
                        .commands
                        .iter()
                        .any(|command| verb(command) == "stoprcopygroup");
                    assert!(stops || [Stopped, New].contains(&status), "{}", told());
                }
                "switchover" => assert!(persistent && goes_on(here), "{}", told()),
                "override" => {
                    // Nobody else serves, and nobody is about to.
                    let (role, status) = shows(both, there).unwrap();
                    assert!(!role.is_primary(), "{}", told());
                    assert!([Started, Stopped, New].contains(&status), "{}", told());
                }
                _ => {}
            }
            if [
                "recover",
                "restore",
                "switchover",
                "reverse",
                "startrcopygroup",
            ]
            .contains(&verb(command))
            {
                assert!(both.on(here).reaches_the_other(), "{}", told());
            }
            assert!(
                ![Starting, Stopping, Failsafe].contains(&status)
                    || ["failover", "override"].contains(&verb(command)),
                "{}",
                told()
            );
        }

        // What is stopped, or turned, while it runs is equal on both arrays.
        for command in &plan.commands {
            if ["stoprcopygroup", "restore", "switchover"].contains(&verb(command)) {
                assert_eq!(kind.sync, SyncStatus::Synced, "{}", told());
            }
        }
        // What never was complete is copied over nothing.
        if kind.sync == SyncStatus::NotSynced {
            let overwrites = |command: &PlannedCommand| match verb(command) {
                "failover" => kind.has("auto_synchronize"),
                "startrcopygroup" => {
                    plan.operation != Operation::Restore
                        || shows(both, command.side).unwrap().0 != Role::Primary
                }
                verb => ["recover", "reverse"].contains(&verb),
            };
            assert!(!plan.commands.iter().any(overwrites), "{}", told());
        }
        for after in &plan.afterwards {
            if let (Some(source), Some(peer)) = (after.source, after.peer)
                && source.1 == Started
            {
                assert_ne!(source.0.is_primary(), peer.0.is_primary(), "{}", told());
                assert_eq!(source.0.is_reversed(), peer.0.is_reversed(), "{}", told());
            }
        }
    });
    assert_eq!(points, 10 * 27 * 27 * 3 * 9 * 5);
    println!("{points} points");
}

/// What a person reads: one line, a hint, no full stop.
#[test]
fn what_is_said_can_be_read() {
    each(|_, both, _, plan| {
        for objection in &plan.objections {
            let said = objection.to_string();
            assert!(
                !said.contains('\n') && !said.ends_with('.') && !said.contains("  "),
                "{said}"
            );
            let hint = objection.hint();
            assert!(
                !hint.is_empty() && !hint.ends_with('.') && !hint.contains("  "),
                "{both}: {hint}"
            );
            assert!(!objection.short().is_empty());
        }
        for caution in &plan.cautions {
            let said = caution.to_string();
            assert!(
                !said.contains('\n') && !said.ends_with('.') && !said.contains("``"),
                "{said}"
            );
        }
        for command in &plan.commands {
            assert!(!command.then.is_empty());
            assert!(
                !command.line.contains(['\n', '"', '\'', '<', '>', '|', ';']),
                "{}",
                command.line
            );
        }
    });
}

/// It does not matter which of the two arrays is the backend's own.
#[test]
fn both_arrays_are_equal() {
    let seen =
        |kind: Kind, turned: bool, source: (Role, GroupStatus), peer: (Role, GroupStatus)| {
            let kind = Kind {
                made_on: if turned {
                    kind.made_on.other()
                } else {
                    kind.made_on
                },
                ..kind
            };
            let [source, peer] = if turned {
                [peer, source]
            } else {
                [source, peer]
            };
            let halves = [
                half(kind, Side::Source, source.0, source.1),
                half(kind, Side::Peer, peer.0, peer.1),
            ];
            let [source, peer] = halves;
            pair(source, peer, Side::BOTH.map(|side| way(side, true)))
        };
    let words = |plan: OperatorPlan, turned: bool| {
        let commands: Vec<_> = plan
            .commands
            .iter()
            .map(|command| {
                let side = if turned {
                    command.side.other()
                } else {
                    command.side
                };
                (side, verb(command).to_owned())
            })
            .collect();
        let short: Vec<_> = plan.objections.iter().map(Objection::short).collect();
        (commands, short, plan.done.is_some())
    };
    for kind in KINDS {
        for one in ROLES
            .iter()
            .flat_map(|role| STATUSES.map(|status| (*role, status)))
        {
            for other in ROLES
                .iter()
                .flat_map(|role| STATUSES.map(|status| (*role, status)))
            {
                for operation in Operation::ALL {
                    let plan = |turned: bool| {
                        let both = seen(kind, turned, one, other);
                        words(both.plan(operation, &unused()), turned)
                    };
                    assert_eq!(
                        plan(false),
                        plan(true),
                        "{operation} {one:?} {other:?} {kind:?}"
                    );
                }
            }
        }
    }
}
