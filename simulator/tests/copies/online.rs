//! Copies to a new VV.

use hpe3par_sim::state::Release::{V331, V1050};

use crate::{all_refused, desk, in_each, state, task};

#[test]
fn a_copy_on_line_is_a_volume_of_its_own_when_its_task_has_ended() {
    in_each(|release| {
        let mut desk = desk(release);
        desk.prepare(&[
            "createhost -persona 2 web 2100001B32000009",
            "creatercopygroup -usr_cpg fast to_south:slow -snp_cpg fast to_south:slow g1 to_south:sync",
        ]);
        let line = desk.taken("createvvcopy -p db -online -snp_cpg fast -tpvv fast clone");
        task(&mut desk, &line);
        assert_eq!(state(&mut desk, "clone"), "pcopy normal");
        assert_eq!(desk.ask("north", "createvlun clone 1 web").status, 0);
        all_refused(
            &mut desk,
            &[
                (
                    "admitrcopyvv -createvv clone g1 to_south:clone",
                    "Online volume copies do not support remote copy",
                ),
                ("growvv clone 1g", "is a physical copy"),
                ("setvv -name x clone", "An online copy is in progress"),
                ("promotevvcopy clone", "An online copy is in progress"),
                ("growvv db 1g", "is being copied to vv clone"),
            ],
        );
        assert_eq!(desk.ask("north", "removevv -f clone").status, 1);
        desk.pass(8);
        assert_eq!(state(&mut desk, "clone"), "base normal");
        let clone = &desk.array("north").vvs["clone"];
        assert_eq!((&clone.copy_of, clone.size_mib), (&None, 4096));
        desk.quiet(&[
            "growvv db 1g",
            "setvv -name clone2 clone",
            "admitrcopyvv -createvv clone2 g1 to_south:clone2",
        ]);
    });
}

#[test]
fn a_new_volume_has_to_be_possible() {
    let mut desk = desk(V331);
    all_refused(
        &mut desk,
        &[
            ("createvvcopy -p db -online clone", "SYNTAX"),
            ("createvvcopy -p db -online -reduce fast clone", "SYNTAX"),
            ("createvvcopy -p db -online -tpvv none clone", "Invalid CPG"),
            (
                "createvvcopy -p db -online -tpvv fast copy",
                "already exists",
            ),
            (
                "createvvcopy -p db -online -tpvv fast a+b",
                "Invalid vv name",
            ),
            ("createvvcopy -p db -online -tpvv law clone", "same domain"),
            ("createvvcopy -p db -online -dedup slow clone", "SSDs"),
            (
                "createvvcopy -p db -online -tpvv -compr fast clone",
                "minimum size of a compressed volume",
            ),
        ],
    );
    task(
        &mut desk,
        "createvvcopy -p db -online -dedup -addtoset s fast clone",
    );
    let array = desk.array("north");
    assert_eq!(array.vvs["clone"].prov, "tdvv");
    assert_eq!(array.vv_sets["s"].members, ["clone"]);
    let mut desk = crate::desk(V1050);
    all_refused(
        &mut desk,
        &[("createvvcopy -p db -online -dedup fast clone", "SYNTAX")],
    );
    task(&mut desk, "createvvcopy -p db -online -reduce fast clone");
    assert!(desk.array("north").vvs["clone"].compressed);
}
