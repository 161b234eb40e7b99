//! Copies over a VV that is there.

use hpe3par_sim::state::Release::V331;

use crate::{all_refused, desk, in_each, state, task};

#[test]
fn a_copy_takes_time_and_stays_tied_to_its_parent() {
    in_each(|release| {
        let mut desk = desk(release);
        let answer = desk.ask("north", "createvvcopy -p db copy");
        let said = answer.stdout.trim_end();
        let (words, id) = said.rsplit_once(' ').unwrap();
        assert_eq!(
            words,
            "Copy was started. child = copy, parent = db, task ID ="
        );
        assert_eq!(state(&mut desk, "copy"), "pcopy normal");
        desk.pass(4);
        let progress = |desk: &mut crate::pair::Desk, head: &str| {
            desk.column("north", "showvv -cpprog copy", head)
                .swap_remove(0)
        };
        assert_eq!(progress(&mut desk, "Copied_MB"), "2048");
        assert_eq!(progress(&mut desk, "Copied_Perc"), "50.00");
        assert_eq!(progress(&mut desk, "CopyOf"), "db");
        let detail = desk.ask("north", &format!("showtask -d {id}")).stdout;
        assert!(
            detail
                .contains("Update      completed 2048MB of 4096MB (50.00%) from VV db to VV copy."),
            "{detail}"
        );
        assert!(detail.contains(" 1/1   5/10 "), "{detail}");
        all_refused(
            &mut desk,
            &[
                ("promotevvcopy copy", "A physical copy is in progress"),
                ("createvvcopy -p db copy", "A physical copy is in progress"),
                ("growvv copy 1g", "is a physical copy"),
                ("growvv db 1g", "is being copied to vv copy"),
                ("setvv -name x copy", "A physical copy is in progress"),
                ("setvv -name x db", "is being copied to"),
            ],
        );
        assert_eq!(desk.ask("north", "removevv -f db").status, 1);
        desk.pass(4);
        assert_eq!(state(&mut desk, "copy"), "pcopy normal");
        assert_eq!(progress(&mut desk, "Copied_Perc"), "100.00");
        let detail = desk.ask("north", &format!("showtask -d {id}")).stdout;
        assert!(detail.contains("Completed   copy from VV db to VV copy."));
        // It is no snapshot of its parent.
        let own = |desk: &mut crate::pair::Desk, head: &str| {
            desk.column("north", "showvv -showcols Id,Name,BsId copy", head)
        };
        assert_eq!(own(&mut desk, "BsId"), own(&mut desk, "Id"));
        let listed = desk.column("north", "showvv -showcols Id,Name", "Name");
        assert_eq!(listed, ["copy", "db"], "none is indented under the other");
        let removed = desk.ask("north", "removevv -f -cascade db");
        assert!(
            removed
                .stderr
                .contains("is the parent of physical copy copy"),
            "{removed:?}"
        );
        assert!(desk.array("north").vvs.contains_key("copy"));
        all_refused(
            &mut desk,
            &[
                ("growvv db 1g", "is the parent of physical copy copy"),
                ("growvv copy 1g", "is a physical copy"),
            ],
        );
        desk.quiet(&["promotevvcopy copy", "growvv db 1g", "growvv copy 1g"]);
        assert_eq!(state(&mut desk, "copy"), "base normal");
        all_refused(
            &mut desk,
            &[("promotevvcopy copy", "is not a physical copy")],
        );
    });
}

#[test]
fn what_must_not_be_overwritten_is_not() {
    let mut desk = desk(V331);
    desk.quiet(&[
        "createvv -tpvv fast small 1g",
        "createvv -tpvv fast bare 4g",
        "createhost -persona 2 web 2100001B32000009",
        "createvv -tpvv fast shown 8g",
        "createvv -tpvv -snp_cpg fast fast parent 4g",
        "createsv -ro parent.s parent",
    ]);
    assert_eq!(desk.ask("north", "createvlun shown 1 web").status, 0);
    all_refused(
        &mut desk,
        &[
            ("createvvcopy -p db", "SYNTAX"),
            ("createvvcopy copy", "SYNTAX"),
            ("createvvcopy -p db -tpvv copy", "SYNTAX"),
            ("createvvcopy -p db -pri urgent copy", "SYNTAX"),
            ("createvvcopy -p none copy", "VV none not found"),
            ("createvvcopy -p db none", "VV none not found"),
            ("createvvcopy -p db db", "cannot be copied to itself"),
            ("createvvcopy -p db small", "is larger than vv small"),
            ("createvvcopy -p db shown", "vv shown is exported"),
            ("createvvcopy -p db parent", "has snapshots"),
            ("createvvcopy -p db parent.s", "is not a base volume"),
            (
                "createvvcopy -p parent.s parent",
                "is the base of its parent",
            ),
            ("createvvcopy -p bare copy", "must allow snapshots"),
            ("createvvcopy -halt copy", "no copy to vv copy is active"),
        ],
    );
    // A snapshot can be copied, and a larger VV be written over.
    desk.quiet(&["createvv -tpvv fast large 8g"]);
    task(&mut desk, "createvvcopy -p parent.s large");
    desk.ask("north", "removevv -f parent.s");
    assert!(desk.array("north").vvs.contains_key("parent.s"));
}

#[test]
fn nobody_sees_a_volume_that_is_being_overwritten() {
    let mut desk = desk(V331);
    desk.quiet(&["createhost -persona 2 web 2100001B32000009"]);
    task(&mut desk, "createvvcopy -p db -pri low copy");
    all_refused(&mut desk, &[("createvlun copy 1 web", "is in progress")]);
    desk.pass(15);
    all_refused(&mut desk, &[("createvlun copy 1 web", "is in progress")]);
    desk.pass(1);
    assert_eq!(desk.ask("north", "createvlun copy 1 web").status, 0);
}

#[test]
fn a_replicated_volume_is_copied_and_never_overwritten() {
    in_each(|release| {
        let mut desk = desk(release);
        desk.prepare(&[
            "creatercopygroup -usr_cpg fast to_south:slow -snp_cpg fast to_south:slow g1 to_south:sync",
            "admitrcopyvv -createvv db g1 to_south:db",
            "startrcopygroup g1",
        ]);
        desk.pass(60);
        let said = desk.refused("north", "createvvcopy -p copy db");
        assert!(said.contains("is in remote copy group g1"), "{said}");
        task(&mut desk, "createvvcopy -p db copy");
        desk.pass(60);
        let said = desk.refused("north", "admitrcopyvv -createvv copy g1 to_south:copy");
        assert!(said.contains("already been started"), "{said}");
        desk.quiet(&["stoprcopygroup -f g1"]);
        let said = desk.refused("north", "admitrcopyvv -createvv copy g1 to_south:copy");
        assert!(said.contains("is a physical copy"), "{said}");
        desk.quiet(&[
            "promotevvcopy copy",
            "admitrcopyvv -createvv copy g1 to_south:copy",
        ]);
    });
}
