//! Dedup and compression of new VVs, by release.

use hpe3par_sim::state::Release::{V322, V331, V1050};

use crate::{all_refused, desk, without};

const SMALL: &str = "minimum size of a compressed volume is 16 GiB";

#[test]
fn each_release_has_its_own_words() {
    let mut old = desk(V322);
    all_refused(
        &mut old,
        &[
            ("createvv -tpvv -compr fast v 16g", "SYNTAX"),
            ("createvv -dedup fast v 16g", "SYNTAX"),
            ("createvv -reduce fast v 16g", "SYNTAX"),
        ],
    );
    old.quiet(&["createvv -tdvv fast v 1g"]);
    let mut main = desk(V331);
    all_refused(
        &mut main,
        &[
            ("createvv -reduce fast v 16g", "SYNTAX"),
            ("createvv -compr fast v 16g", "SYNTAX"),
            ("createvv -tpvv -compr fast v 15g", SMALL),
            ("createvv -tpvv -compr slow v 16g", "SSDs"),
            ("createvv -tdvv slow v 16g", "SSDs"),
        ],
    );
    main.quiet(&[
        "createvv -tpvv -compr fast v1 16g",
        "createvv -tdvv -compr fast v2 16g",
        "createvv -tdvv fast v3 1g",
        "createvv fast v4 1g",
    ]);
    let made = ["v1", "v2", "v3", "v4"].map(|name| {
        let vv = &main.array("north").vvs[name];
        (vv.prov.clone(), vv.compressed)
    });
    let wanted = [
        ("tpvv", true),
        ("tdvv", true),
        ("tdvv", false),
        ("full", false),
    ];
    assert_eq!(made, wanted.map(|(prov, compr)| (prov.to_owned(), compr)));
    let mut later = desk(V1050);
    all_refused(
        &mut later,
        &[
            ("createvv -tdvv fast v 16g", "SYNTAX"),
            ("createvv -tpvv -compr fast v 16g", "SYNTAX"),
            ("createvv -reduce slow v 16g", "SSDs"),
        ],
    );
    later.quiet(&["createvv -reduce fast v 1g"]);
    // Nothing is fully provisioned any more.
    later.quiet(&["createvv fast plain 1g"]);
    assert_ne!(later.array("north").vvs["plain"].prov, "full");
}

#[test]
fn without_the_licence_nothing_is_made() {
    for (licence, line) in [
        ("Compression", "createvv -tpvv -compr fast v 16g"),
        ("Deduplication", "createvv -tdvv fast v 16g"),
    ] {
        let mut desk = without(V331, licence);
        all_refused(&mut desk, &[(line, &format!("{licence} is not licensed"))]);
    }
}
