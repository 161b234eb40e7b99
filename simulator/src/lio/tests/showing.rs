//! Which host sees which disk at which port.

use super::*;
use crate::lio::kernel::Kernel;
use crate::state::PortProtocol;

fn luns(bench: &Bench, target: &str, initiator: &str) -> Vec<u32> {
    bench.seen(target, initiator).into_keys().collect()
}

#[test]
fn each_initiator_sees_its_exports_whether_it_is_logged_in_or_not() {
    let mut bench = Bench::new();
    bench.quiet(
        "north",
        &[
            "createvv -tpvv gold v1 256",
            "createvv -tpvv gold v2 256",
            "createvv -tpvv gold v3 256",
            &format!("createhost -iscsi h1 {IQN}"),
            &format!("createhost -iscsi h2 {}", OTHER_IQN.replace("web", "WEB")),
            "createhostset all h1 h2",
        ],
    );
    bench.ask("north", "createvlun v1 3 h1");
    bench.ask("north", "createvlun v2 300 set:all");
    bench.ask("north", "createvlun v3 7 h2 1:2:1");
    assert_eq!(luns(&bench, NORTH[0], IQN), [3, 300]);
    assert_eq!(luns(&bench, NORTH[1], IQN), [3, 300]);
    assert_eq!(luns(&bench, NORTH[0], OTHER_IQN), [300]);
    assert_eq!(luns(&bench, NORTH[1], OTHER_IQN), [7, 300]);
    assert!(luns(&bench, SOUTH[0], IQN).is_empty());
    let (serial, state, _) = &bench.seen(NORTH[0], IQN)[&3];
    assert_eq!((serial.as_str(), state.as_str()), ("00010001ffff", "0"));

    bench.kernel.take_log();
    bench.settle();
    assert_eq!(bench.kernel.take_log(), [""; 0], "nothing is left to do");

    bench.ask("north", "removevlun -f v2 300 set:all");
    assert_eq!(luns(&bench, NORTH[1], OTHER_IQN), [7]);
    let log = bench.kernel.take_log();
    assert!(
        !log.iter()
            .any(|line| line.contains("lun_3") && !line.contains("lun_300")),
        "{log:#?}"
    );
}

#[test]
fn the_disk_is_what_a_3par_shows() {
    let mut bench = Bench::new();
    bench.quiet(
        "north",
        &[
            "createvv -tpvv gold v1 256",
            &format!("createhost -iscsi h1 {IQN}"),
        ],
    );
    bench.ask("north", "createvlun v1 1 h1");
    let wwn = bench.world.arrays["north"].vvs["v1"].wwn.to_lowercase();
    let state = bench.kernel.state();
    let disk = format!("/sys/kernel/config/target/core/fileio_131071/hpe3par-sim-131071-1-{wwn}");
    let is = |attribute: &str, value: &str| {
        let node = state.nodes.get(&Path::new(&disk).join(attribute));
        assert_eq!(
            node,
            Some(&Node::Attribute(value.to_owned())),
            "{attribute}"
        );
    };
    is("wwn/vendor_id", "3PARdata");
    is("wwn/product_id", "VV");
    is("wwn/company_id", "0x0002ac");
    is("alua/array/tg_pt_gp_id", "257");
    // Not `fd_buffered_io`: a write that a host was told of is in the file.
    is("control", "fd_dev_name=/dev/loop0");
    let serial = format!("T10 VPD Unit Serial Number: {}", &wwn[7..]);
    is("wwn/vpd_unit_serial", &serial);
}

#[test]
fn a_lun_that_is_given_again_leads_to_the_other_volume() {
    let mut bench = Bench::new();
    bench.quiet(
        "north",
        &[
            "createvv -tpvv gold v1 256",
            "createvv -tpvv gold v2 256",
            &format!("createhost -iscsi h1 {IQN}"),
        ],
    );
    bench.ask("north", "createvlun v1 1 h1");
    // Both before anything follows.
    bench.type_in("north", "removevlun -f v1 1 h1");
    bench.type_in("north", "createvlun v2 1 h1");
    bench.settle();
    assert_eq!(bench.seen(NORTH[0], IQN)[&1].0, "00020001ffff");
    bench.ask("north", "removevv -f v1");
    assert_eq!(bench.kernel.state().loops.len(), 1, "only what is shown");
}

#[test]
fn a_volume_that_grew_is_larger_on_the_device() {
    let mut bench = Bench::new();
    bench.quiet(
        "north",
        &[
            "createvv -tpvv gold v1 256",
            &format!("createhost -iscsi h1 {IQN}"),
        ],
    );
    bench.ask("north", "createvlun v1 1 h1");
    bench.kernel.take_log();
    bench.quiet("north", &["growvv v1 256"]);
    assert_eq!(
        bench.kernel.take_log(),
        ["losetup --set-capacity /dev/loop0"],
        "hosts keep the disk"
    );
}

#[test]
fn chap_is_demanded_of_the_host_that_has_a_secret() {
    let mut bench = Bench::new();
    bench.quiet(
        "north",
        &[
            &format!("createhost -iscsi h1 {IQN}"),
            &format!("createhost -iscsi h2 {OTHER_IQN}"),
            "sethost initchap secretsecret1 h1",
        ],
    );
    let acl = |bench: &Bench, initiator: &str, attribute: &str| {
        let path = target_place(NORTH[0]).join("acls").join(initiator);
        match bench.kernel.state().nodes.get(&path.join(attribute)) {
            Some(Node::Attribute(value)) => value.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(acl(&bench, IQN, "attrib/authentication"), "1");
    assert_eq!(acl(&bench, IQN, "auth/userid"), "h1");
    assert_eq!(acl(&bench, IQN, "auth/password"), "secretsecret1");
    assert_eq!(acl(&bench, OTHER_IQN, "attrib/authentication"), "0");
    assert_eq!(acl(&bench, OTHER_IQN, "auth/password"), "");
    bench.quiet("north", &["sethost removechap h1"]);
    assert_eq!(acl(&bench, IQN, "attrib/authentication"), "0");
    assert_eq!(acl(&bench, IQN, "auth/password"), "NULL");
}

#[test]
fn an_initiator_of_the_description_may_log_in_before_there_is_a_host() {
    let mut bench = Bench::new();
    let strangers = [("south".to_owned(), [IQN.to_owned()].into())];
    bench.lio = Lio::on(
        Box::new(bench.kernel.clone()),
        bench.data.path().to_owned(),
        strangers.into(),
    );
    bench.settle();
    use super::super::kernel::Kernel;
    let may = |bench: &Bench, target: &str| {
        let acl = target_place(target).join("acls").join(IQN);
        bench.kernel.exists(&acl)
    };
    assert!(may(&bench, SOUTH[0]) && may(&bench, SOUTH[1]) && !may(&bench, NORTH[0]));
    bench.quiet(
        "south",
        &[
            "createvv -tpvv silver v1 256",
            &format!("createhost -iscsi h1 {IQN}"),
        ],
    );
    bench.ask("south", "createvlun v1 1 h1");
    assert_eq!(luns(&bench, SOUTH[0], IQN), [1]);
    bench.ask("south", "removevlun -f v1 1 h1");
    bench.quiet("south", &["removehost h1"]);
    assert!(may(&bench, SOUTH[0]) && luns(&bench, SOUTH[0], IQN).is_empty());
}

#[test]
fn a_network_that_somebody_removed_is_made_again_with_its_portals() {
    let mut bench = Bench::new();
    use super::super::kernel::Kernel;
    bench
        .kernel
        .run("ip", &["netns", "delete", "sim-north"])
        .unwrap();
    bench.kernel.take_log();
    bench.settle();
    let log = bench.kernel.take_log();
    let old = at(&log, &["remove", NORTH[0], "np/10.99.11.2:3260"]);
    let new = at(&log, &["nsenter", NORTH[0], "np/10.99.11.2:3260"]);
    assert!(
        old < new,
        "a portal listens in the namespace it was made in"
    );
    assert!(!log.iter().any(|line| line.contains(SOUTH[0])), "{log:#?}");
    bench.settle();
    assert_eq!(bench.kernel.take_log(), [""; 0]);
}

#[test]
fn who_is_logged_in_is_what_the_kernel_says() {
    let mut bench = Bench::new();
    bench.quiet("north", &[&format!("createhost -iscsi h1 {IQN}")]);
    let north = bench.world.arrays.get_mut("north").unwrap();
    // What somebody said of iSCSI does not count, Fibre Channel does.
    north.logins.insert(IQN.into(), vec!["0:2:1".into()]);
    north
        .logins
        .insert("2100001B32000001".into(), vec!["0:1:1".into()]);
    bench.lio.look_at_logins(&mut bench.world);
    let logins = |bench: &Bench| bench.world.arrays["north"].logins.clone();
    assert_eq!(
        logins(&bench).into_keys().collect::<Vec<_>>(),
        ["2100001B32000001"]
    );
    let info = target_place(NORTH[1]).join("acls").join(IQN).join("info");
    let there = "InitiatorName: x\nSession State: TARG_SESS_STATE_LOGGED_IN";
    bench
        .kernel
        .state()
        .nodes
        .insert(info, Node::Attribute(there.into()));
    bench.lio.look_at_logins(&mut bench.world);
    assert_eq!(logins(&bench)[IQN], ["1:2:1"]);
    let north = bench.world.arrays.get_mut("north").unwrap();
    assert_eq!(north.ports_of(IQN), ["1:2:1"]);
    let ports = north.ports.iter_mut();
    ports
        .filter(|port| port.protocol == PortProtocol::Iscsi)
        .for_each(|port| port.cut = true);
    assert!(
        north.ports_of(IQN).is_empty(),
        "nobody gets through a cut link"
    );
}

#[test]
fn power_and_cables_are_cut_without_a_word() {
    let mut bench = Bench::new().with_peer_persistence();
    bench.kernel.take_log();
    bench.world.arrays.get_mut("south").unwrap().up = false;
    // Before the data are looked at.
    bench.lio.withdraw(&bench.world).unwrap();
    let log = bench.kernel.take_log();
    bench.settle();
    bench.kernel.take_log();
    let cables = [1, 2].map(|at_port| {
        let interface = format!("port-{}-2-1", at_port - 1);
        at(&log, &["-n sim-south link set", &interface, "down"])
    });
    let sessions = at(&log, &["write", SOUTH[0], "enable 0"]);
    assert!(cables.iter().all(|cable| *cable < sessions), "{log:#?}");
    assert!(
        !log.iter().any(|line| line.contains("sim-north")),
        "{log:#?}"
    );
    bench.world.arrays.get_mut("south").unwrap().up = true;
    let north = bench.world.arrays.get_mut("north").unwrap();
    let port = north.ports.iter_mut().find(|port| port.position == "1:2:1");
    port.unwrap().cut = true;
    bench.settle();
    let log = bench.kernel.take_log();
    at(&log, &["-n sim-south link set port-0-2-1 up"]);
    at(&log, &["-n sim-north link set port-1-2-1 down"]);
    assert!(
        !log.iter()
            .any(|line| line.contains(&format!("{}/tpgt_1/enable", NORTH[1])))
    );
}

#[test]
fn only_what_is_the_simulators_is_removed() {
    let mut bench = Bench::new();
    let foreign = [
        "/sys/kernel/config/target/iscsi/iqn.2003-01.org.linux-iscsi.x:1/tpgt_1",
        "/sys/kernel/config/target/core/fileio_0/somebody",
        "/sys/kernel/config/target/core/fileio_131071/somebody",
    ];
    use super::super::kernel::Kernel;
    for directory in foreign {
        bench.kernel.make(Path::new(directory)).unwrap();
    }
    let device = "/dev/loop0".to_owned();
    let file = tempfile::NamedTempFile::new().unwrap();
    let id = super::super::loops::file_id(file.path()).unwrap();
    bench
        .kernel
        .state()
        .loops
        .insert(device, (id, file.path().into()));
    let mut bench = bench.with_peer_persistence();
    // A target of the arrays' naming that nobody describes.
    let old = "/sys/kernel/config/target/iscsi/iqn.2000-05.com.3pardata:20210002ac000001/tpgt_1";
    bench.kernel.make(Path::new(old)).unwrap();
    bench.settle();
    assert!(!bench.kernel.exists(Path::new(old)));
    bench.lio.take_down(&bench.world).unwrap();
    let state = bench.kernel.state();
    for directory in foreign {
        assert!(
            state.nodes.contains_key(Path::new(directory)),
            "{directory}"
        );
    }
    assert_eq!(state.loops.len(), 1);
    let left: Vec<String> = state
        .nodes
        .keys()
        .map(|path| path.display().to_string())
        .filter(|path| {
            path.contains("hpe3par-sim") || path.contains("3pardata") || path.contains("sim-")
        })
        .collect();
    assert_eq!(left, [""; 0]);
}

/// Killed at any change and started again, it ends where it would have.
#[test]
fn it_goes_on_wherever_it_was_killed() {
    let story = |bench: &mut Bench| {
        bench.type_in("north", "createvv -tpvv gold v2 256");
        bench.type_in("north", "createvlun v2 2 h1");
        bench.type_in("north", "removevlun -f v1 1 h1");
        bench.type_in("north", "sethost initchap secretsecret1 h1");
        bench.type_in("south", &format!("createhost -iscsi h2 {OTHER_IQN}"));
        bench.type_in("south", "createvlun v1 9 h2");
        bench.world.arrays.get_mut("south").unwrap().ports[1].cut = true;
    };
    // From nothing, and from something that changes.
    for from_nothing in [true, false] {
        let mut undisturbed = Bench::new().with_peer_persistence();
        undisturbed.kernel.take_log();
        if from_nothing {
            undisturbed.kernel = Fake::default();
            undisturbed.lio = on(&undisturbed.kernel, undisturbed.data.path());
        }
        story(&mut undisturbed);
        undisturbed.settle();
        let changes = undisturbed.kernel.take_log().len();
        assert!(changes > 10);
        let wanted = comparable(&undisturbed);
        for dies_at in 0..changes {
            let mut bench = Bench::new().with_peer_persistence();
            bench.kernel.take_log();
            if from_nothing {
                bench.kernel = Fake::default();
                bench.lio = on(&bench.kernel, bench.data.path());
            }
            story(&mut bench);
            bench.kernel.state().dies_at = Some(dies_at);
            bench.try_to_settle().unwrap_err();
            bench.kernel.state().dies_at = None;
            bench.lio = on(&bench.kernel, bench.data.path());
            bench.settle();
            assert_eq!(comparable(&bench), wanted, "killed before change {dies_at}");
        }
    }
}

/// The kernel without what differs from run to run: files' numbers.
fn comparable(bench: &Bench) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let state = bench.kernel.state();
    for (id, _) in state.loops.values() {
        ids.push(format!("{id:?}"));
    }
    let mut lines = state.picture();
    ids.sort();
    for line in &mut lines {
        for id in &ids {
            *line = line.replace(id, "file");
        }
    }
    lines
}

#[test]
fn a_read_only_snapshot_takes_no_writes() {
    let mut bench = Bench::new();
    bench.quiet(
        "north",
        &[
            "createvv -tpvv -snp_cpg gold gold v1 256",
            "createsv -ro ro v1",
            "createsv rw v1",
            &format!("createhost -iscsi h1 {IQN}"),
        ],
    );
    for (vv, lun) in [("v1", 1), ("ro", 2), ("rw", 3)] {
        bench.ask("north", &format!("createvlun {vv} {lun} h1"));
    }
    let target = Path::new("/sys/kernel/config/target/iscsi").join(NORTH[0]);
    let acl = target.join("tpgt_1/acls").join(IQN);
    let protected = [1, 2, 3].map(|lun| {
        let at = acl.join(format!("lun_{lun}/write_protect"));
        bench.kernel.read(&at).unwrap()
    });
    assert_eq!(protected, ["0", "1", "0"]);
    bench.kernel.take_log();
    bench.settle();
    assert_eq!(bench.kernel.take_log(), [""; 0], "nothing is left to do");
}
