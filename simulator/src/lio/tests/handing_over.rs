//! Whose disk is which file, and in what order that changes: no two arrays take writes for different data.

use super::*;

#[test]
fn two_names_of_one_file_are_one_device() {
    let bench = Bench::new().with_peer_persistence();
    let [(north, of_north), (south, of_south)] = bench.both();
    assert_eq!((north.as_str(), south.as_str()), ("0", "2"));
    assert_eq!(of_north, of_south);
    let state = bench.kernel.state();
    assert_eq!(state.loops.len(), 1);
    // One device for the hosts' kernels: groups with one id would be one group.
    let ids: Vec<&Node> = state
        .nodes
        .iter()
        .filter(|(path, _)| path.ends_with("alua/array/tg_pt_gp_id"))
        .map(|(_, id)| id)
        .collect();
    assert_eq!(
        ids,
        [
            &Node::Attribute("257".into()),
            &Node::Attribute("513".into())
        ]
    );
}

#[test]
fn a_switchover_takes_writes_from_one_before_the_other_has_them() {
    let mut bench = Bench::new().with_peer_persistence();
    bench.kernel.take_log();
    bench.ask("north", "setrcopygroup switchover -f pp");
    bench.pass(2);
    let [(north, _), (south, _)] = bench.both();
    assert_eq!((north.as_str(), south.as_str()), ("2", "0"));
    let log = bench.kernel.take_log();
    let taken = at(&log, &["fileio_131071", "alua_access_state 2"]);
    let given = at(&log, &["fileio_131072", "alua_access_state 0"]);
    assert!(taken < given, "{log:#?}");
    let kept = log
        .iter()
        .all(|line| line.starts_with("write") || line.starts_with("drop"));
    assert!(kept, "hosts keep the disks: {log:#?}");
}

#[test]
fn a_side_that_parts_gets_another_device_and_the_sender_keeps_its_own() {
    let mut bench = Bench::new().with_peer_persistence();
    let [(_, before), _] = bench.both();
    bench.kernel.take_log();
    bench.ask("north", "stoprcopygroup -f pp");
    let [(north, of_north), (south, of_south)] = bench.both();
    assert_eq!((north.as_str(), south.as_str()), ("0", "3"));
    assert_eq!(of_north, before);
    assert_ne!(of_south, before);
    let log = bench.kernel.take_log();
    assert!(
        !log.iter().any(|line| line.contains("fileio_131071")),
        "{log:#?}"
    );
    // No command is under way on the old file when the copy is made.
    let gone = at(&log, &["remove", "fileio_131072"]);
    let copied = at(&log, &["losetup --find"]);
    assert!(gone < copied, "{log:#?}");
    bench.ask("north", "startrcopygroup pp");
    bench.pass(10);
    let [(north, of_north), (south, of_south)] = bench.both();
    assert_eq!((north.as_str(), south.as_str()), ("0", "2"));
    assert_eq!((&of_north, &of_south), (&before, &before));
    assert_eq!(bench.kernel.state().loops.len(), 1);
}

#[test]
fn hosts_go_on_at_the_other_array_with_the_file_they_wrote_to() {
    let mut bench = Bench::new().with_peer_persistence();
    let [(_, before), _] = bench.both();
    bench.world.arrays.get_mut("north").unwrap().witness_lost = Some(bench.now);
    for array in bench.world.arrays.values_mut() {
        let targets = array.targets.iter_mut();
        targets
            .flat_map(|target| &mut target.links)
            .for_each(|link| link.up = false);
    }
    bench.pass(0);
    let [(north, of_north), (south, _)] = bench.both();
    assert_eq!((north.as_str(), south.as_str()), ("0", "3"));
    assert_eq!(of_north, before);
    bench.kernel.take_log();
    bench.pass(11);
    let [(north, of_north), (south, of_south)] = bench.both();
    assert_eq!((north.as_str(), south.as_str()), ("3", "0"), "Failsafe");
    assert_eq!(of_south, before);
    assert_ne!(of_north, before);
    let log = bench.kernel.take_log();
    let taken = at(&log, &["remove", "fileio_131071"]);
    let given = at(&log, &["write", "fileio_131072", "alua_access_state 0"]);
    assert!(taken < given, "{log:#?}");
}

#[test]
fn data_that_came_from_the_other_array_are_not_hidden_by_a_cache() {
    let mut bench = Bench::new();
    for line in [
        "createvv -tpvv -snp_cpg gold gold v1 256",
        "creatercopygroup -usr_cpg gold to-south:silver -snp_cpg gold to-south:silver ap to-south:periodic",
        "admitrcopyvv -createvv v1 ap to-south:v1",
        "startrcopygroup ap",
    ] {
        bench.quiet("north", &[line]);
    }
    bench.pass(10);
    bench.quiet("south", &[&format!("createhost -iscsi h1 {IQN}")]);
    bench.ask("south", "createvlun v1 1 h1");
    assert_eq!(
        bench.seen(SOUTH[0], IQN)[&1].1,
        "3",
        "a secondary shows nothing"
    );
    bench.kernel.take_log();
    bench.ask("north", "syncrcopy ap");
    bench.pass(10);
    at(&bench.kernel.take_log(), &["drop /dev/loop0"]);
    bench.ask("north", "stoprcopygroup -f ap");
    bench.kernel.take_log();
    bench.ask("south", "setrcopygroup failover -f ap.r131071");
    bench.pass(5);
    let log = bench.kernel.take_log();
    let dropped = at(&log, &["drop /dev/loop0"]);
    let given = at(&log, &["alua_access_state 0"]);
    assert!(dropped < given, "{log:#?}");
}

#[test]
fn a_side_that_is_to_receive_stops_taking_writes_before_data_come() {
    let mut bench = Bench::new();
    for line in [
        "createvv -tpvv -snp_cpg gold gold v1 256",
        "creatercopygroup -usr_cpg gold to-south:silver -snp_cpg gold to-south:silver ap to-south:sync",
        "admitrcopyvv -createvv v1 ap to-south:v1",
        "startrcopygroup ap",
    ] {
        bench.quiet("north", &[line]);
    }
    bench.pass(10);
    for array in ["north", "south"] {
        bench.quiet(array, &[&format!("createhost -iscsi h1 {IQN}")]);
        bench.ask(array, "createvlun v1 1 h1");
    }
    bench.ask("north", "stoprcopygroup -f ap");
    bench.ask("south", "setrcopygroup failover -f ap.r131071");
    bench.pass(5);
    let [(north, _), (south, _)] = bench.both();
    assert_eq!(
        (north.as_str(), south.as_str()),
        ("0", "0"),
        "two primaries"
    );
    bench.type_in("south", "setrcopygroup recover -f ap.r131071");
    bench.kernel.take_log();
    bench.now += 2;
    remote_copy::tick(&mut bench.world, bench.now);
    bench.lio.withdraw(&bench.world).unwrap();
    at(
        &bench.kernel.take_log(),
        &["fileio_131071", "alua_access_state 3"],
    );
}
