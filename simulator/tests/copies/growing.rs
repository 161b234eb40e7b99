//! Growing what is replicated.

use hpe3par_sim::state::Release;

use crate::pair::Desk;
use crate::{desk, in_each};

fn replicated(release: Release) -> Desk {
    let mut desk = desk(release);
    desk.prepare(&[
        "creatercopygroup -usr_cpg fast to_south:slow -snp_cpg fast to_south:slow g1 to_south:sync",
        "admitrcopyvv -createvv db g1 to_south:db",
    ]);
    desk
}

fn sizes(desk: &mut Desk) -> [u64; 2] {
    ["north", "south"].map(|array| desk.array(array).vvs["db"].size_mib)
}

fn switch(desk: &mut Desk, name: &str) {
    for array in ["north", "south"] {
        desk.array(array).switches.insert(name.into(), true);
    }
}

#[test]
fn in_a_started_group_only_with_the_switch_and_then_on_both_sides() {
    in_each(|release| {
        let mut desk = replicated(release);
        desk.quiet(&["startrcopygroup g1"]);
        desk.pass(60);
        let said = desk.refused("north", "growvv db 1g");
        assert!(
            said.contains("in the started remote copy group g1"),
            "{said}"
        );
        switch(&mut desk, "grow_while_started");
        desk.quiet(&["growvv db 1g"]);
        assert_eq!(sizes(&mut desk), [5120, 5120]);
        let said = desk.refused("south", "growvv db 1g");
        assert!(said.contains("is a secondary"), "{said}");
    });
}

#[test]
fn one_side_alone_makes_a_group_that_does_not_start() {
    in_each(|release| {
        for mirrored in [false, true] {
            let mut desk = replicated(release);
            if mirrored {
                switch(&mut desk, "grow_one_side");
            } else {
                for array in ["north", "south"] {
                    desk.array(array).targets[0].policies.clear();
                }
            }
            desk.quiet(&["growvv db 1g"]);
            assert_eq!(sizes(&mut desk), [5120, 4096]);
            let said = desk.refused("north", "startrcopygroup g1");
            assert!(said.contains("db has another size"), "{said}");
            assert_eq!(desk.ask("south", "growvv db 1g").stderr, "");
            desk.quiet(&["startrcopygroup g1"]);
        }
    });
}
