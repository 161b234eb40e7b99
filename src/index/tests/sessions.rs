use super::*;

fn ids(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn sessions_of_a_dead_process_are_known_until_they_have_ended() {
    let machine = Machine::new();
    let index = machine.open();
    for (array, id) in [("amber", "7"), ("amber", "8"), ("birch", "7")] {
        index.session_opened(array, id).unwrap();
    }
    assert_eq!(index.earlier_sessions("amber"), ids(&[]), "its own");
    index.session_ended("amber", "8").unwrap();
    drop(index);

    let index = machine.open();
    index.session_opened("amber", "9").unwrap();
    assert_eq!(index.earlier_sessions("amber"), ids(&["7"]));
    assert_eq!(index.earlier_sessions("birch"), ids(&["7"]));
    drop(index);

    // Nobody has seen their end: they stay, and so does what the second process left.
    let index = machine.open();
    assert_eq!(index.earlier_sessions("amber"), ids(&["7", "9"]));
    index.session_ended("amber", "7").unwrap();
    assert_eq!(index.earlier_sessions("amber"), ids(&["9"]));
    // The array has given the id again, so the former owner is gone.
    index.session_opened("amber", "9").unwrap();
    assert_eq!(index.earlier_sessions("amber"), ids(&[]));
    drop(index);
    assert_eq!(machine.open().earlier_sessions("amber"), ids(&["9"]));
}

#[test]
fn a_damaged_list_of_sessions_is_set_aside_and_told() {
    let machine = Machine::new();
    machine.open().session_opened("amber", "7").unwrap();
    fs::write(machine.path("state/sessions.json"), "{\"version\":1,").unwrap();
    let index = machine.open();
    assert!(matches!(index.damage(), [Damage::Sessions(aside)] if aside.exists()));
    assert_eq!(index.earlier_sessions("amber"), ids(&[]));
}
