//! The listing that every array gives once a minute, and once at the start.

use super::*;
use crate::rig::arrays::{HOME, PEER};

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_comment_drops_no_volume() {
    let arrays = Arrays::start().await;
    let machine = arrays.machine("host1");
    let mut plugin = Plugin::start(&machine);
    create(&plugin, "db1", small()).await;
    arrays
        .type_in(HOME, "setvv -comment moved-by-anna dkv-db1")
        .await;
    for _ in 0..3 {
        restart(&mut plugin, &machine, &["DEFAULT", "mirrored"]);
    }
    assert_eq!(plugin.list().await, ["db1"]);
    let home = &arrays.dump()[HOME];
    let volume = inspect(&plugin, "db1").await;
    assert_eq!(volume["Status"]["vv"]["wwn"], home["vvs"]["dkv-db1"]["wwn"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_conflict_keeps_no_other_volume_out() {
    let arrays = Arrays::start().await;
    let machine = arrays.machine("host1");
    let mut plugin = Plugin::start(&machine);
    create(&plugin, "db1", small()).await;
    let wwn = arrays.dump()[HOME]["vvs"]["dkv-db1"]["wwn"].clone();
    plugin.stop();
    // It is mounted here, and somebody makes its VV anew.
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let mounts = json!({ "version": 1, "boot_id": boot.trim(), "volumes": { "db1": {
        "wwn": wwn, "device": "/dev/loop77", "mountpoint": machine.mountpoint("db1"),
        "refs": { "c1": 1 }, "inherited": [], "adopted": false } } });
    std::fs::write(machine.dir.join("run/mounts.json"), mounts.to_string()).unwrap();
    arrays.type_in(HOME, "removevv -f dkv-db1").await;
    make_by_hand(&arrays, HOME, 130_512, "db1").await;
    make_by_hand(&arrays, HOME, 130_512, "db2").await;
    restart(&mut plugin, &machine, &["DEFAULT", "mirrored"]);
    assert_eq!(plugin.list().await, ["db1", "db2"]);
    let index = std::fs::read_to_string(machine.dir.join("state/index.json")).unwrap();
    assert!(index.contains(wwn.as_str().unwrap()), "{index}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_volume_of_a_name_does_not_take_it() {
    let arrays = Arrays::start().await;
    let machine = arrays.machine("host1");
    add_backend(&arrays, &machine, "far", PEER, &plain());
    let mut plugin = Plugin::start(&machine);
    create(&plugin, "db1", small()).await;
    make_by_hand(&arrays, PEER, 130_777, "db1").await;
    make_by_hand(&arrays, PEER, 130_777, "db2").await;
    restart(&mut plugin, &machine, &["DEFAULT", "far"]);
    assert_eq!(plugin.list().await, ["db1", "db2"]);
    let volume = inspect(&plugin, "db1").await;
    assert_eq!(volume["Status"]["backend"], "DEFAULT");
    let wwn = &arrays.dump()[HOME]["vvs"]["dkv-db1"]["wwn"];
    assert_eq!(volume["Status"]["vv"]["wwn"], *wwn);
    // A listing that was begun before the other one ended knows nothing better, and says nothing: the next one does.
    let told = |plugin: &Plugin| {
        plugin
            .log()
            .contains("two arrays have a volume of this name")
    };
    for _ in 0..20 {
        if told(&plugin) {
            return;
        }
        restart(&mut plugin, &machine, &["DEFAULT", "far"]);
    }
    panic!("never told: {}", plugin.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_odd_group_keeps_no_volume_from_use() {
    let arrays = Arrays::start().await;
    let machine = arrays.machine("host1");
    let mut plugin = Plugin::start(&machine);
    create(&plugin, "db1", replicated()).await;
    plugin.stop();
    let other = start(&arrays.machine("host2"), &["DEFAULT", "mirrored"]);
    create(&other, "db2", replicated()).await;
    create(&other, "lone", small()).await;
    // The listing of all groups cannot be read; those asked for by name can.
    let odd = Fault::new(Kind::Truncate)
        .on(HOME)
        .matching("^showrcopy groups *$");
    arrays.control.fault(odd.bytes(150).repeat()).unwrap();

    restart(&mut plugin, &machine, &["DEFAULT", "mirrored"]);
    assert_eq!(
        plugin.list().await,
        ["db1", "db2"],
        "the group of the third is not known"
    );
    for name in ["db1", "db2"] {
        let volume = inspect(&plugin, name).await;
        assert_eq!(volume["Status"]["backend"], "mirrored", "{volume:#}");
        assert_eq!(volume["Status"]["replication"]["group"], "prod");
    }
    assert_eq!(plugin.get("lone").await, Reply::Closed);
    // A machine without an index has not seen everything yet, and denies nothing.
    let host3 = arrays.machine("host3");
    let mut fresh = start(&host3, &["DEFAULT", "mirrored"]);
    let anonymous = "0c81391e".repeat(8);
    assert_eq!(fresh.get(&anonymous).await, Reply::Closed);

    arrays.control.clear_faults();
    restart(&mut plugin, &machine, &["DEFAULT", "mirrored"]);
    restart(&mut fresh, &host3, &["DEFAULT", "mirrored"]);
    assert!(fresh.get(&anonymous).await.err().contains(&anonymous));
    assert_eq!(plugin.list().await, ["db1", "db2", "lone"]);
    let volume = inspect(&plugin, "lone").await;
    assert_eq!(volume["Status"]["backend"], "DEFAULT");
}

/// What is gone is forgotten when two listings do not show it; two at the same time would be one too many.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_listing_that_takes_long_is_not_asked_for_again() {
    let arrays = Arrays::start().await;
    let machine = arrays.machine("host1");
    let listing = r"^showvv .*dkv-\*";
    let waits = Fault::new(Kind::HangBefore).on(PEER).matching(listing);
    arrays.control.fault(waits).unwrap();
    let plugin = Plugin::start(&machine);
    // The sweep for exports wants to know what there is, too.
    let label = arrays.simulator.address(PEER).to_string();
    let wants = || {
        let log = plugin.log();
        let not_yet = format!("the volumes on array `{label}` are not listed yet");
        log.matches(&not_yet).count()
    };
    until("the sweep", || wants() >= 3);
    let asked = arrays.control.log(Some(PEER));
    let asked = asked.iter().filter(|entry| entry.line.contains("dkv-*"));
    assert_eq!(asked.count(), 1);
    arrays.control.clear_faults();
    arrays.control.release();
    until("the sweep", || {
        let log = arrays.control.log(Some(PEER));
        log.iter().any(|entry| entry.line == "showhost -d")
    });
}

/// It is shown an empty array, and no refusal.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_has_lost_its_domain_forgets_nothing() {
    let arrays = Arrays::start().await;
    let machine = arrays.machine("host1");
    let mut plugin = start(&machine, &["DEFAULT", "mirrored"]);
    create(&plugin, "db1", small()).await;
    let lost = |plugin: &Plugin| {
        plugin
            .log()
            .matches("shows this login no CPG of backend")
            .count()
    };
    let control = &arrays.control;
    control.switch(HOME, "login_sees_nothing", true).unwrap();
    for _ in 0..3 {
        let before = lost(&plugin);
        plugin.stop();
        plugin = Plugin::start(&machine);
        until("the listing", || lost(&plugin) > before);
    }
    assert_eq!(plugin.list().await, ["db1"]);
    assert!(matches!(plugin.get("db1").await, Reply::Ok(_)));
    let before = arrays.dump();
    let said = plugin.remove("db1").await.err();
    for part in ["volume `db1`", "`DEFAULT`", "showuser"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(arrays.dump(), before);
    assert_eq!(plugin.list().await, ["db1"]);

    control.switch(HOME, "login_sees_nothing", false).unwrap();
    restart(&mut plugin, &machine, &["DEFAULT"]);
    plugin.remove("db1").await.ok();
    assert!(plugin.list().await.is_empty());
    assert!(arrays.dump()[HOME]["vvs"]["dkv-db1"].is_null());
}
