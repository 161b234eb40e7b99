//! A name that the machine does not know is looked for on the arrays.

use super::*;
use crate::rig::{
    arrays::{HOME, PEER},
    relay::Relay,
};

/// Until the index says that an unknown name is no volume.
fn until_seeded(machine: &Machine) {
    until("the first listings", || {
        let text = std::fs::read_to_string(machine.dir.join("state/index.json"));
        let index: Value = text.map_or(Value::Null, |t| serde_json::from_str(&t).unwrap());
        index["seeded"].as_array().is_some_and(|all| all.len() == 2)
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_no_volume() {
    let arrays = Arrays::start().await;
    let host1 = arrays.machine("host1");
    let maker = start(&host1, &["mirrored"]);
    create(&maker, "db1", replicated()).await;
    no_listings(&arrays);

    // A fresh machine, to which the peer is a backend too, and the first.
    let host2 = arrays.machine("host2");
    add_backend(&arrays, &host2, "AFAR", PEER, &plain());
    let plugin = Plugin::start(&host2);
    let volume = inspect(&plugin, "db1").await;
    let dump = arrays.dump();
    let wwn = &dump[HOME]["vvs"]["dkv-db1"]["wwn"];
    assert_ne!(*wwn, dump[PEER]["vvs"]["dkv-db1"]["wwn"]);
    assert_eq!(volume["Status"]["backend"], "mirrored", "{volume:#}");
    assert_eq!(volume["Status"]["vv"]["wwn"], *wwn, "{volume:#}");

    // Where only the copy can be seen, it stands for the volume of the backend whose copy it is, and never for one of its own array's.
    arrays.control.down(HOME).await.unwrap();
    let host3 = arrays.machine("host3");
    add_backend(&arrays, &host3, "AFAR", PEER, &plain());
    let plugin = Plugin::start(&host3);
    let volume = inspect(&plugin, "db1").await;
    assert_eq!(volume["Status"]["backend"], "mirrored", "{volume:#}");
    let before = arrays.dump();
    let said = plugin.remove("db1").await.err();
    assert!(said.contains("cannot reach"), "{said}");
    assert_eq!(arrays.dump(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_over_a_copy_is_refused() {
    let arrays = Arrays::start().await;
    make_by_hand(&arrays, HOME, 130_777, "db1").await;
    let before = arrays.dump();
    let machine = arrays.machine("host1");
    let plugin = Plugin::start(&machine);
    let said = plugin.create("db1", small()).await.err();
    assert!(said.contains("130777") && said.contains("copy"), "{said}");
    assert_eq!(arrays.dump(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_is_never_denied() {
    let arrays = Arrays::start().await;
    let host2 = arrays.machine("host2");
    let plugin = Plugin::start(&host2);
    until_seeded(&host2);
    let maker = Plugin::start(&arrays.machine("host1"));
    create(&maker, "db1", small()).await;
    assert!(plugin.get("db2").await.err().contains("db2"), "no volume");
    let groups = Fault::new(Kind::Truncate).matching("^showrcopy groups");
    arrays.control.fault(groups.bytes(40).repeat()).unwrap();
    assert_eq!(plugin.get("db1").await, Reply::Closed);
    arrays.control.clear_faults();
    assert_eq!(
        inspect(&plugin, "db1").await["Status"]["backend"],
        "DEFAULT"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_whose_comment_somebody_edited_is_not_denied() {
    let arrays = Arrays::start().await;
    let host2 = arrays.machine("host2");
    let plugin = Plugin::start(&host2);
    until_seeded(&host2);
    let maker = Plugin::start(&arrays.machine("host1"));
    create(&maker, "db1", small()).await;
    arrays
        .type_in(HOME, "setvv -comment moved-by-anna dkv-db1")
        .await;
    let before = arrays.dump();
    assert_eq!(plugin.get("db1").await, Reply::Closed);
    let said = plugin.create("db1", small()).await.err();
    assert!(said.contains("dkv-db1"), "{said}");
    assert_eq!(arrays.dump(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_made_it_knows_when() {
    let arrays = Arrays::start().await;
    let maker = Plugin::start(&arrays.machine("host1"));
    create(&maker, "db1", small()).await;
    let volume = inspect(&maker, "db1").await;
    assert!(volume["CreatedAt"].is_string(), "{volume:#}");
    let plugin = Plugin::start(&arrays.machine("host2"));
    let volume = inspect(&plugin, "db1").await;
    assert!(volume.get("CreatedAt").is_none(), "{volume:#}");
}

/// Sites that lost their power refuse nothing: the arrays there are asked at once, for some seconds, and then are as those that cannot be reached.
#[tokio::test(flavor = "multi_thread")]
async fn a_create_does_not_wait_for_arrays_of_other_backends_that_are_silent() {
    let arrays = Arrays::start().await;
    let machine = arrays.machine("host1");
    // Three would take longer one after the other than the engine waits, and one without a limit as well.
    machine.configure(
        "engine_timeout = \"20s\"\ncommand_timeout = \"19s\"\nssh_conn_timeout = \"19s\"",
    );
    let address = arrays.simulator.address(PEER);
    let relays = [(); 3].map(|()| Relay::to(address));
    let names = ["AFAR", "AWAY", "BEYOND"];
    let hosts = machine.dir.join("known_hosts");
    let mut known = std::fs::read_to_string(&hosts).unwrap();
    let at = |port: u16| format!("san_ssh_port = {port}\n");
    for (name, relay) in names.iter().zip(&relays) {
        let before = std::fs::read_to_string(machine.conf()).unwrap();
        add_backend(&arrays, &machine, name, PEER, &plain());
        let conf = std::fs::read_to_string(machine.conf()).unwrap();
        let section = conf[before.len()..].replace(&at(address.port()), &at(relay.port));
        std::fs::write(machine.conf(), before + &section).unwrap();
        let key = arrays.simulator.host_key_line(PEER);
        let port = |port: u16| format!("127.0.0.1]:{port} ");
        known += &(key.replace(&port(address.port()), &port(relay.port)) + "\n");
    }
    std::fs::write(&hosts, known).unwrap();
    let plugin = start(&machine, &names);
    for relay in &relays {
        relay.go_silent();
    }
    create(&plugin, "db1", small()).await;
    let log = plugin.log();
    assert_eq!(log.matches("could not ask whether").count(), 3, "{log}");
}
