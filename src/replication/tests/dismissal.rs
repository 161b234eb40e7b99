//! Taking a VV out of its group.

use super::*;

const DISMISS: &str = "dismiss `dkv-db1` from `prod`";
const START: &str = "start remote copy group `prod`";
const STOP: &str = "stop remote copy group `prod`";
const REMOVE: &str = "remove remote copy group `prod`";

fn plan_for(
    status: GroupStatus,
    volumes: &[&str],
    ours: bool,
) -> Result<Vec<String>, ReplicationError> {
    let is = group(&wants(Mode::Sync, false), status, volumes);
    check_dismissal(ARRAY, &is)?;
    let changes = [Change::Dismiss(vv(OURS))];
    whole_cycle(Some(&is), false, &changes, ours).map(|plan| words(&plan))
}

#[test]
fn the_last_volume_takes_the_group_along_only_if_this_plugin_made_it() {
    use GroupStatus::{New, Started, Stopped};
    assert_eq!(
        plan_for(Started, &[OURS], true).unwrap(),
        [STOP, DISMISS, REMOVE]
    );
    assert_eq!(plan_for(Started, &[OURS], false).unwrap(), [STOP, DISMISS]);
    for status in [Stopped, New] {
        assert_eq!(plan_for(status, &[OURS], true).unwrap(), [DISMISS, REMOVE]);
        assert_eq!(plan_for(status, &[OURS], false).unwrap(), [DISMISS]);
    }
}

#[test]
fn the_others_run_again_only_if_they_ran_before() {
    use GroupStatus::{New, Started, Stopped};
    for ours in [true, false] {
        for volumes in [&[OURS, OTHER][..], &[OTHER, OURS, "dkv-crm"]] {
            assert_eq!(
                plan_for(Started, volumes, ours).unwrap(),
                [STOP, DISMISS, START]
            );
            for status in [Stopped, New] {
                assert_eq!(
                    plan_for(status, volumes, ours).unwrap(),
                    [DISMISS],
                    "a person stopped it"
                );
            }
        }
    }
}

#[test]
fn a_group_without_the_volume_is_not_disturbed_for_it() {
    use GroupStatus::{New, Started, Stopped};
    for ours in [true, false] {
        for status in [New, Started, Stopped] {
            assert_eq!(
                plan_for(status, &[OTHER], ours).unwrap(),
                [""; 0],
                "the others stay protected"
            );
        }
    }
    assert_eq!(plan_for(Started, &[], true).unwrap(), [STOP, REMOVE]);
    assert_eq!(plan_for(Started, &[], false).unwrap(), [""; 0]);
    for status in [New, Stopped] {
        assert_eq!(plan_for(status, &[], true).unwrap(), [REMOVE]);
        assert_eq!(plan_for(status, &[], false).unwrap(), [""; 0]);
    }
}

#[test]
fn a_group_between_two_states_or_that_gave_up_is_refused() {
    use GroupStatus::{Failsafe, Starting, Stopping};
    for status in [Starting, Stopping, Failsafe] {
        for ours in [true, false] {
            for volumes in [&[][..], &[OURS][..], &[OURS, OTHER][..]] {
                assert_eq!(
                    plan_for(status, volumes, ours).unwrap_err(),
                    ReplicationError::NotStarted {
                        group: prod(),
                        status,
                        members: volumes.len()
                    }
                );
            }
        }
    }
}

#[test]
fn only_a_primary_dismisses() {
    for role in [Role::Secondary, Role::SecondaryRev] {
        for status in STATUSES {
            for ours in [true, false] {
                let wants = wants(Mode::Sync, false);
                let is = RcGroup {
                    role,
                    ..group(&wants, status, &[OURS, OTHER])
                };
                let refused = ReplicationError::Role {
                    group: prod(),
                    role,
                    array: ARRAY.to_owned(),
                };
                let changes = [Change::Dismiss(vv(OURS))];
                let cycle = whole_cycle(Some(&is), false, &changes, ours);
                assert_eq!(cycle.unwrap_err(), refused);
                assert_eq!(check_dismissal(ARRAY, &is), Err(refused));
            }
        }
    }
}
