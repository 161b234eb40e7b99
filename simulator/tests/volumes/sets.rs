//! VV sets.

use crate::desk;

#[test]
fn vv_sets() {
    let mut desk = desk();
    desk.quiet(&[
        "createvv -tpvv fast v1 1g",
        "createvv -tpvv fast v2 1g",
        "createvvset -comment \"for two\" both v1",
        "createvvset empty",
        "createvvset -add both v2",
    ]);
    assert_eq!(
        desk.ask("north", "showvvset -d").stdout,
        "Id Name  Members Comment
 1 both  v1      for two
         v2             \n 2 empty --      --     
------------------------
 2 total 2              \n"
    );
    assert_eq!(
        desk.column("north", "showvvset -vv v2", "Name"),
        ["both", ""]
    );
    assert_eq!(
        desk.ask("north", "showvvset none").stdout,
        "No vv set listed\n"
    );
    for (line, words) in [
        ("createvvset both", "already exists"),
        ("createvvset -add none v1", "vv set none does not exist"),
        ("createvvset -add both v1", "is already in"),
        ("createvvset new v9", "VV v9 not found"),
        (
            "createvvset abcdefghijklmnopqrstuvwxyz12",
            "Invalid vv set name",
        ),
        ("createvvset -add both", "SYNTAX"),
        ("removevvset -f none", "vv set none does not exist"),
        ("removevvset -f empty v1", "is not in"),
    ] {
        let said = desk.refused("north", line);
        assert!(said.contains(words), "{line}: {said}");
    }
    assert!(desk.ask("north", "removevvset both").question.is_some());
    desk.ask("north", "createhost h ; createvlun set:both 1 h");
    assert!(
        desk.refused("north", "removevvset -f both")
            .contains("is exported")
    );
    desk.ask("north", "removevlun -f set:both 1 h");
    desk.quiet(&["removevvset -f both v1"]);
    assert_eq!(desk.column("north", "showvvset both", "Members"), ["v2"]);
    desk.quiet(&["removevvset -f both", "removevvset -f -pat em*"]);
    let text = desk.ask("north", "showvvset").stdout;
    assert_eq!(text, "No vv set listed\n");
}
