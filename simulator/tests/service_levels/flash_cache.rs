//! Flash cache of VV sets.

use hpe3par_sim::state::Release::{V331, V1050};

use crate::{all_refused, desk, without};

#[test]
fn sets_are_told_to_use_it_or_not() {
    let mut desk = desk(V331);
    assert_eq!(
        desk.ask("north", "showflashcache -vvset").stdout,
        "No vv set listed\n"
    );
    desk.quiet(&[
        "setflashcache enable vvset:gold",
        "setflashcache disable vvset:bulk",
    ]);
    let line = "showflashcache -vvset";
    assert_eq!(desk.column("north", line, "VVSetName"), ["bulk", "gold"]);
    assert_eq!(
        desk.column("north", line, "AFCPolicy"),
        ["disabled", "enabled"]
    );
    desk.quiet(&["setflashcache clear vvset:bulk"]);
    assert_eq!(desk.column("north", line, "VVSetName"), ["gold"]);
    all_refused(
        &mut desk,
        &[
            (
                "setflashcache enable vvset:none",
                "vv set none does not exist",
            ),
            (
                "setflashcache enable vvset:gold,vvset:none",
                "does not exist",
            ),
            ("setflashcache enable gold", "SYNTAX"),
            ("setflashcache on vvset:gold", "SYNTAX"),
            ("setflashcache enable", "SYNTAX"),
        ],
    );
    desk.quiet(&["removevvset -f gold"]);
}

#[test]
fn not_without_the_licence_and_not_on_later_systems() {
    let mut desk = without(V331, "Adaptive Flash Cache");
    let line = "setflashcache enable vvset:gold";
    all_refused(&mut desk, &[(line, "Adaptive Flash Cache is not licensed")]);
    let licences = desk.ask("north", "showlicense").stdout;
    assert!(!licences.contains("Adaptive Flash Cache"), "{licences}");
    let mut later = crate::desk(V1050);
    let words = "is not supported on this system";
    all_refused(
        &mut later,
        &[(line, words), ("showflashcache -vvset", words)],
    );
}
