//! Two backends on one array that log in as different users.

use super::*;
use crate::rig::arrays::{HOME, PEER};

const MORE: &str = "san_login = \"watcher\"\nhpe3par_cpg = [\"ssd_r6\"]";

#[tokio::test(flavor = "multi_thread")]
async fn every_login_lists_what_it_sees_and_has_a_transcript_of_its_own() {
    let arrays = Arrays::start().await;
    let machine = arrays.machine("host1");
    add_backend(&arrays, &machine, "second", HOME, MORE);
    let _plugin = start(&machine, &["DEFAULT", "mirrored", "second"]);
    let log = arrays.control.log(Some(HOME));
    for user in [LOGIN, "watcher"] {
        assert!(
            log.iter()
                .any(|entry| entry.user == user && entry.line.contains("dkv-*")),
            "{user}"
        );
    }
    let port = |array: &str| arrays.simulator.address(array).port();
    for name in [
        format!("{LOGIN}@127.0.0.1:{}", port(HOME)),
        format!("watcher@127.0.0.1:{}", port(HOME)),
    ] {
        let file = machine.transcripts().join(format!("{name}.log"));
        until("the transcript", || file.exists());
    }
    let shared = format!("127.0.0.1:{}.log", port(HOME));
    assert!(!machine.transcripts().join(shared).exists());

    // Where an address has one login only, the address is the name.
    let plugin = start(&arrays.machine("host2"), &["mirrored"]);
    create(&plugin, "db1", replicated()).await;
    for array in [HOME, PEER] {
        let file = format!("host2/transcripts/127.0.0.1:{}.log", port(array));
        until("the transcript", || arrays.dir.path().join(&file).exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_belongs_to_the_login_whose_backend_fits() {
    let arrays = Arrays::start().await;
    let maker = start(&arrays.machine("host1"), &["mirrored"]);
    create(&maker, "five", json!({ "size": "1", "cpg": "ssd_r5" })).await;
    create(&maker, "six", json!({ "size": "1", "cpg": "ssd_r6" })).await;
    let mut options = replicated();
    options["cpg"] = json!("ssd_r6");
    create(&maker, "copied", options).await;

    let expected = [("five", "DEFAULT"), ("copied", "mirrored")];
    let host2 = arrays.machine("host2");
    add_backend(&arrays, &host2, "ASECOND", HOME, MORE);
    let plugin = start(&host2, &["ASECOND", "DEFAULT", "mirrored"]);
    assert_eq!(plugin.list().await, ["copied", "five", "six"]);
    for (name, backend) in expected {
        assert_eq!(inspect(&plugin, name).await["Status"]["backend"], backend);
    }

    // By name as in a listing.
    no_listings(&arrays);
    let host3 = arrays.machine("host3");
    add_backend(&arrays, &host3, "ASECOND", HOME, MORE);
    let plugin = Plugin::start(&host3);
    for (name, backend) in expected {
        assert_eq!(inspect(&plugin, name).await["Status"]["backend"], backend);
    }
}
