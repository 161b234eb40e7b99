use super::*;

#[test]
fn docker_cp_s_second_mount_with_the_same_id_is_counted() {
    let machine = Machine::new();
    let index = machine.open();
    let db1 = name("db1");
    assert!(matches!(
        index.mount_ref_add(&db1, "id-a"),
        Err(IndexError::NotMounted(_))
    ));
    assert_eq!(index.mount_ref_drop(&db1, "id-a").unwrap(), 0);
    index.mounted(&db1, place('1')).unwrap();
    assert_eq!(index.mount_ref_add(&db1, "id-a").unwrap(), 1);
    assert_eq!(index.mount_ref_add(&db1, "id-a").unwrap(), 2);
    assert_eq!(index.mount_ref_add(&db1, "id-b").unwrap(), 3);
    drop(index);
    let index = machine.open();
    assert_eq!(index.mount_ref_drop(&db1, "id-a").unwrap(), 2);
    assert_eq!(index.mount_ref_drop(&db1, "unknown").unwrap(), 2);
    assert_eq!(index.mount_ref_drop(&db1, "id-a").unwrap(), 1);
    assert_eq!(index.mount_ref_drop(&db1, "id-a").unwrap(), 1);
    assert_eq!(index.mount_ref_drop(&db1, "id-b").unwrap(), 0);
    assert!(
        index
            .mount(&db1)
            .is_some_and(|m| m.refs.is_empty() && m.inherited.is_empty())
    );
}

#[test]
fn after_the_engine_crashed_an_old_id_is_taken_over_once() {
    let machine = Machine::new();
    let index = machine.open();
    let db1 = name("db1");
    index.mounted(&db1, place('1')).unwrap();
    for id in ["old", "old", "other"] {
        index.mount_ref_add(&db1, id).unwrap();
    }
    index.engine_restarted().unwrap();
    assert_eq!(index.mount(&db1).map(|m| m.references()), Some(2));
    // docker start: the same id again, and one Unmount at the end.
    assert_eq!(index.mount_ref_add(&db1, "old").unwrap(), 2);
    // docker cp while it runs is counted again.
    assert_eq!(index.mount_ref_add(&db1, "old").unwrap(), 3);
    assert_eq!(index.mount_ref_drop(&db1, "old").unwrap(), 2);
    assert_eq!(index.mount_ref_drop(&db1, "old").unwrap(), 1);
    // Dropped without a Mount: no longer inherited, so a further Mount is a new one.
    assert_eq!(index.mount_ref_drop(&db1, "other").unwrap(), 0);
    assert!(index.mount(&db1).is_some_and(|m| m.inherited.is_empty()));
    assert_eq!(index.mount_ref_add(&db1, "other").unwrap(), 1);
    assert_eq!(index.mount_ref_add(&db1, "other").unwrap(), 2);
}

#[test]
fn a_restart_of_the_machine_voids_all_references() {
    let machine = Machine::new();
    let index = machine.open();
    index.mounted(&name("db1"), place('1')).unwrap();
    index.mount_ref_add(&name("db1"), "id-a").unwrap();
    drop(index);
    assert_eq!(machine.open().mounts().len(), 1);
    machine.boot("second");
    let index = machine.open();
    assert!(index.mounts().is_empty());
    assert_eq!(index.damage(), []);
}

#[test]
fn damaged_mount_records_are_rebuilt_from_what_the_caller_finds() {
    for text in ["", "{\"version\":1", "{\"version\": 9}"] {
        let machine = Machine::new();
        drop(machine.open());
        fs::write(machine.path("run/mounts.json"), text).unwrap();
        let index = machine.open();
        assert!(matches!(index.damage(), [Damage::Mounts(aside)] if aside.exists()));
        index.adopt(&name("db1"), place('1')).unwrap();
        assert!(
            index
                .mount(&name("db1"))
                .is_some_and(|m| m.adopted && m.references() == 0)
        );
        assert_eq!(index.mount_ref_add(&name("db1"), "id-a").unwrap(), 1);
        // Adopting what is known changes no reference.
        index.adopt(&name("db1"), place('1')).unwrap();
        assert_eq!(index.mount(&name("db1")).map(|m| m.references()), Some(1));
    }
}

#[test]
fn references_to_another_vv_are_void() {
    let machine = Machine::new();
    let index = machine.open();
    index.mounted(&name("db1"), place('1')).unwrap();
    index.mount_ref_add(&name("db1"), "id-a").unwrap();
    index.mounted(&name("db1"), place('1')).unwrap();
    assert_eq!(index.mount(&name("db1")).map(|m| m.references()), Some(1));
    index.mounted(&name("db1"), place('2')).unwrap();
    assert_eq!(
        index
            .mount(&name("db1"))
            .map(|m| (m.references(), m.place.wwn)),
        Some((0, wwn('2')))
    );
}

#[test]
fn a_mount_that_was_not_answered_before_the_plugin_died_is_taken_over_once() {
    let machine = Machine::new();
    let index = machine.open();
    let db1 = name("db1");
    index.mounted(&db1, place('1')).unwrap();
    index.mount_ref_add(&db1, "container").unwrap();
    index.mount_answered(&db1, "container").unwrap();
    // docker cp, in the middle of which the plugin dies.
    assert_eq!(index.mount_ref_add(&db1, "container").unwrap(), 2);
    drop(index);
    let index = machine.open();
    let of = |index: &Index| index.mount(&db1).unwrap();
    assert_eq!(of(&index).unheard["container"], 1);
    assert!(of(&index).has_live_references() && !of(&index).all_unheard());
    // Two more: the first takes over what was left behind, the second is one of its own.
    for _ in 0..2 {
        assert_eq!(index.mount_ref_add(&db1, "container").unwrap(), 2);
        index.mount_answered(&db1, "container").unwrap();
        assert!(of(&index).unheard.is_empty());
        assert_eq!(index.mount_ref_drop(&db1, "container").unwrap(), 1);
    }
    assert_eq!(index.mount_ref_drop(&db1, "container").unwrap(), 0);
}

#[test]
fn whom_no_engine_knows_is_no_live_reference() {
    let machine = Machine::new();
    let index = machine.open();
    let db1 = name("db1");
    let of = |index: &Index| index.mount(&db1).unwrap();
    index.mounted(&db1, place('1')).unwrap();
    index.mount_ref_add(&db1, "gone").unwrap();
    assert!(of(&index).has_live_references() && !of(&index).all_unheard());
    // Only what is on its way can be lost.
    index.mount_unheard(&db1, "other").unwrap();
    assert!(of(&index).unheard.is_empty());
    index.mount_unheard(&db1, "gone").unwrap();
    index.mount_answered(&db1, "gone").unwrap();
    assert!(!of(&index).has_live_references() && of(&index).all_unheard());
    index.mount_ref_add(&db1, "known").unwrap();
    assert!(of(&index).has_live_references() && !of(&index).all_unheard());
    index.mount_ref_drop(&db1, "known").unwrap();
    assert!(of(&index).all_unheard());
    index.mount_heard(&db1).unwrap();
    assert!(of(&index).has_live_references() && !of(&index).all_unheard());
    // An Unmount in the moment in which the answer left, and the engine's end: nothing of it stays behind.
    index.mount_ref_add(&db1, "gone").unwrap();
    index.engine_restarted().unwrap();
    assert_eq!(index.mount_ref_drop(&db1, "gone").unwrap(), 0);
    let MountRecord {
        refs,
        inherited,
        unanswered,
        unheard,
        ..
    } = of(&index);
    assert!(refs.is_empty() && inherited.is_empty());
    assert!(unanswered.is_empty() && unheard.is_empty());
}

/// Written with the first mount, and kept when the same VV is written down again: the comment on an array that is away is no help.
#[test]
fn what_was_counted_of_the_holders_survives_a_restart_and_not_another_copy() {
    let machine = Machine::new();
    let index = machine.open();
    let db1 = name("db1");
    let holds = "3.1".parse().unwrap();
    assert!(matches!(
        index.held(&db1, holds),
        Err(IndexError::NotMounted(_))
    ));
    index.mounted(&db1, place('1')).unwrap();
    index.held(&db1, holds).unwrap();
    drop(index);
    let index = machine.open();
    index.adopt(&db1, place('1')).unwrap();
    assert_eq!(index.mount(&db1).unwrap().holds, Some(holds));
    index.mounted(&db1, place('2')).unwrap();
    assert_eq!(index.mount(&db1).unwrap().holds, None);
}
