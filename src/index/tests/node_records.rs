use super::*;
use crate::model::{Made, NodeRecord};

fn record(port: u16, made: Made) -> NodeRecord {
    NodeRecord {
        iqn: "iqn.2000-05.com.3pardata:20210002ac0199a1".to_owned(),
        portal: ([10, 99, 11, 2], port).into(),
        made,
    }
}

#[test]
fn records_of_the_plugin_are_known_until_they_are_gone() {
    let machine = Machine::new();
    let index = machine.open();
    for one in [record(3260, Made::HalfRecord), record(3261, Made::Record)] {
        index.put_node_record(&one).unwrap();
    }
    drop(index);
    let index = machine.open();
    assert_eq!(
        index.node_records(),
        [record(3260, Made::HalfRecord), record(3261, Made::Record)]
    );
    // One port has one.
    index.put_node_record(&record(3260, Made::Record)).unwrap();
    assert_eq!(
        index.node_records(),
        [record(3261, Made::Record), record(3260, Made::Record)]
    );
    let gone = record(3261, Made::Record);
    index.forget_node_record(&gone.iqn, gone.portal).unwrap();
    drop(index);
    assert_eq!(machine.open().node_records(), [record(3260, Made::Record)]);
}

#[test]
fn a_damaged_list_of_records_is_set_aside_and_told() {
    let machine = Machine::new();
    let index = machine.open();
    index.put_node_record(&record(3260, Made::Record)).unwrap();
    drop(index);
    fs::write(machine.path("state/iscsi.json"), "{\"version\":1,").unwrap();
    let index = machine.open();
    assert!(matches!(index.damage(), [Damage::NodeRecords(aside)] if aside.exists()));
    assert_eq!(index.node_records(), []);
}

#[test]
fn records_that_an_earlier_release_wrote_down_are_still_the_plugins() {
    let machine = Machine::new();
    drop(machine.open());
    let iqn = record(3260, Made::Record).iqn;
    let old = [(3260, "false"), (3261, "true")].map(|(port, complete)| {
        format!(r#"{{"iqn":"{iqn}","portal":"10.99.11.2:{port}","complete":{complete}}}"#)
    });
    let text = format!(r#"{{"version":1,"records":[{}]}}"#, old.join(","));
    fs::write(machine.path("state/iscsi.json"), text).unwrap();
    let index = machine.open();
    assert_eq!(index.damage(), []);
    let both = [record(3260, Made::HalfRecord), record(3261, Made::Record)];
    assert_eq!(index.node_records(), both);
    // What is written next has the form of today, all of it.
    index.put_node_record(&record(3262, Made::Session)).unwrap();
    drop(index);
    let text = fs::read_to_string(machine.path("state/iscsi.json")).unwrap();
    assert!(!text.contains("complete"), "{text}");
    assert_eq!(machine.open().node_records()[..2], both);
}
