//! Which side serves.

use super::*;
use crate::model::LonePrimary;

fn standing(role: Role, status: GroupStatus) -> RcGroup {
    RcGroup {
        role,
        status,
        ..group(&wants(Mode::Sync, false), GroupStatus::Started, &[OURS])
    }
}

#[test]
fn only_a_primary_in_its_natural_direction_that_did_not_give_up_serves() {
    for role in ROLES {
        for status in STATUSES {
            let home = standing(role, status);
            let there = standing(Role::Secondary, status);
            let said = serves_at_home(&home, Peer::Seen(Some(&there)), LonePrimary::Mount);
            let serves = role == Role::Primary && status != GroupStatus::Failsafe;
            assert_eq!(said.is_ok(), serves, "{role} {status}");
        }
    }
}

#[test]
fn a_primary_whose_peer_was_failed_over_has_old_data() {
    for status in STATUSES {
        let home = standing(Role::Primary, GroupStatus::Stopped);
        for role in ROLES {
            let there = standing(role, status);
            let said = serves_at_home(&home, Peer::Seen(Some(&there)), LonePrimary::Mount);
            assert_eq!(said.is_ok(), role == Role::Secondary, "{role} {status}");
        }
    }
}

#[test]
fn a_peer_that_cannot_be_asked_is_judged_by_what_is_known() {
    let silent = |last_seen_primary, linked| Peer::Unreachable {
        last_seen_primary,
        linked,
    };
    let home = standing(Role::Primary, GroupStatus::Started);
    let stopped = standing(Role::Primary, GroupStatus::Stopped);
    let (mount, refuse) = (LonePrimary::Mount, LonePrimary::Refuse);
    assert!(serves_at_home(&stopped, silent(false, false), mount).is_ok());
    assert!(serves_at_home(&home, silent(true, true), mount).is_err());
    assert!(serves_at_home(&home, silent(false, true), refuse).is_ok());
    assert!(serves_at_home(&home, silent(false, false), refuse).is_err());
    assert!(serves_at_home(&stopped, silent(false, true), refuse).is_err());
}

#[test]
fn what_is_said_names_group_role_and_status() {
    let home = standing(Role::SecondaryRev, GroupStatus::Started);
    let said = serves_at_home(&home, Peer::Seen(None), LonePrimary::Mount);
    let said = said.unwrap_err().to_string();
    assert!(
        said.contains("`prod` is Secondary-Rev and Started"),
        "{said}"
    );
}
