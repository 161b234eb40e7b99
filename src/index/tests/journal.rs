use super::*;

#[test]
fn the_journal_holds_each_intent_before_it_is_acted_on() {
    let machine = Machine::new();
    let index = machine.open();
    let op = entry("host7.4f2a").op;
    index.begin(entry("host7.4f2a")).unwrap();
    assert!(matches!(
        index.begin(entry("host7.4f2a")),
        Err(IndexError::OperationOpen(_))
    ));
    index.intend(&op, "createvv", &[]).unwrap();
    index
        .intend(&op, "setvv", &[("wwn", "60002AC0"), ("vv_id", "17")])
        .unwrap();
    drop(index);
    let index = machine.open();
    let [open] = &index.open_entries()[..] else {
        panic!()
    };
    assert_eq!(open.steps, ["createvv", "setvv"]);
    assert_eq!(open.facts.get("vv_id").map(String::as_str), Some("17"));
    assert_eq!(open.started, time(1));
    index.finish(&op).unwrap();
    index.finish(&op).unwrap();
    assert!(matches!(
        index.intend(&op, "x", &[]),
        Err(IndexError::NoOperation(_))
    ));
    drop(index);
    assert_eq!(machine.open().open_entries(), []);
    assert!(machine.names("state/journal").is_empty());
}

#[test]
fn one_torn_journal_entry_costs_no_other() {
    let machine = Machine::new();
    let index = machine.open();
    // A machine's name must not lead out of the directory.
    let odd = OperationId {
        machine: crate::model::Machine::parse("../a/b").unwrap(),
        request: RequestId::from("c1"),
    };
    index
        .begin(JournalEntry {
            op: odd.clone(),
            ..entry("x.1")
        })
        .unwrap();
    index.begin(entry("host7.2")).unwrap();
    drop(index);
    assert_eq!(
        machine.names("state/journal"),
        ["..%2Fa%2Fb.c1.json", "host7.2.json"]
    );
    fs::write(
        machine.path("state/journal/host7.2.json"),
        "{\"version\":1,",
    )
    .unwrap();
    fs::copy(
        machine.path("state/journal/..%2Fa%2Fb.c1.json"),
        machine.path("state/journal/host7.3.json"),
    )
    .unwrap();
    let index = machine.open();
    assert_eq!(
        index
            .open_entries()
            .into_iter()
            .map(|e| e.op)
            .collect::<Vec<_>>(),
        [odd]
    );
    assert_eq!(index.damage().len(), 2);
    assert!(
        index
            .damage()
            .iter()
            .all(|d| matches!(d, Damage::Journal(aside) if aside.exists()))
    );
    drop(index);
    assert_eq!(machine.open().damage(), []);
}
