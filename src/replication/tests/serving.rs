//! Which side serves.

use super::*;

#[test]
fn only_a_primary_in_its_natural_direction_that_did_not_give_up_serves() {
    let fitting = group(&wants(Mode::Sync, false), GroupStatus::Started, &[OURS]);
    let mut serving = Vec::new();
    for role in ROLES {
        for status in STATUSES {
            let is = RcGroup {
                role,
                status,
                ..fitting.clone()
            };
            match serves_at_home(&is) {
                Ok(()) => serving.push((role, status)),
                Err(error) => assert_eq!(
                    error,
                    NotServing {
                        group: prod(),
                        role,
                        status
                    },
                    "it says what it is instead"
                ),
            }
        }
    }
    let expected: Vec<_> = STATUSES
        .into_iter()
        .filter(|status| *status != GroupStatus::Failsafe)
        .map(|status| (Role::Primary, status))
        .collect();
    assert_eq!(serving, expected);
}

#[test]
fn what_is_said_names_group_role_and_status() {
    let mut is = group(&wants(Mode::Sync, false), GroupStatus::Started, &[OURS]);
    is.role = Role::SecondaryRev;
    let said = serves_at_home(&is).unwrap_err().to_string();
    assert!(
        said.contains("`prod` is Secondary-Rev and Started"),
        "{said}"
    );
}
