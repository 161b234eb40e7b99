//! Tasks that fail and are cancelled.

use hpe3par_sim::state::Release::V331;

use crate::{all_refused, desk, state, task};

#[test]
fn a_copy_that_fails_leaves_copy_failed() {
    let mut desk = desk(V331);
    desk.array("north")
        .switches
        .insert("copies_fail".into(), true);
    let id = task(&mut desk, "createvvcopy -p db copy");
    let clone = task(&mut desk, "createvvcopy -p db -online -tpvv fast clone");
    desk.pass(8);
    for (vv, id) in [("copy", id), ("clone", clone)] {
        assert_eq!(state(&mut desk, vv), "pcopy copy_failed");
        let line = format!("showtask -d {id}");
        assert_eq!(desk.column("north", &line, "Status"), ["failed"]);
        let said = desk.ask("north", &line).stdout;
        assert!(said.contains(&format!("Failed      copy from VV db to VV {vv}.")));
    }
    assert_eq!(
        desk.column("north", "showvv -failed", "Name"),
        ["clone", "copy"]
    );
    assert_eq!(desk.world.spoiled.len(), 2);
    all_refused(
        &mut desk,
        &[
            ("promotevvcopy copy", "its copy failed"),
            ("createvvcopy -p copy clone", "its copy failed"),
        ],
    );
    // What failed can be done again, and goes.
    desk.array("north").switches.clear();
    task(&mut desk, "createvvcopy -p db -pri high copy");
    desk.pass(4);
    assert_eq!(state(&mut desk, "copy"), "pcopy normal");
    assert_eq!(desk.ask("north", "removevv -f clone").status, 0);
}

#[test]
fn a_copy_is_cancelled_once_and_other_tasks_never() {
    let mut desk = desk(V331);
    desk.prepare(&[
        "creatercopygroup -usr_cpg fast to_south:slow -snp_cpg fast to_south:slow g1 to_south:sync",
        "admitrcopyvv -createvv db g1 to_south:db",
        "startrcopygroup g1",
    ]);
    all_refused(
        &mut desk,
        &[
            ("canceltask -f", "SYNTAX"),
            ("canceltask -f 99", "task 99 does not exist"),
            ("canceltask -f 1", "cannot be cancelled"),
        ],
    );
    let id = task(&mut desk, "createvvcopy -p db copy");
    let asked = desk.ask("north", &format!("canceltask {id}"));
    assert!(asked.question.is_some(), "{asked:?}");
    desk.pass(2);
    desk.quiet(&[&format!("canceltask -f {id}")]);
    assert_eq!(state(&mut desk, "copy"), "pcopy copy_failed");
    let status = desk.column("north", &format!("showtask -d {id}"), "Status");
    assert_eq!(status, ["cancelled"]);
    let said = desk.refused("north", &format!("canceltask -f {id}"));
    assert!(said.contains("is not active"), "{said}");
    task(&mut desk, "createvvcopy -p db copy");
    desk.quiet(&["createvvcopy -halt copy"]);
    assert_eq!(state(&mut desk, "copy"), "pcopy copy_failed");
    desk.pass(60);
    assert_eq!(state(&mut desk, "copy"), "pcopy copy_failed");
}
