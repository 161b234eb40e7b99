//! The array that serves vanishes without a word: connections to it hang, as when a site has lost its power.

use std::time::{Duration, Instant};

use super::{Arrays, Drill, HOME, PEER, Release, until};
use crate::rig::relay::Relay;

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_answered_in_time() {
    let test = "engine::failover::silent::every_request_is_answered_in_time";
    let mut relay = None;
    let behind_a_relay = |arrays: &Arrays, conf: String| {
        let home = arrays.simulator.address(HOME);
        let relay = relay.insert(Relay::to(home));
        let hosts = arrays.dir.path().join("host1/known_hosts");
        let known = std::fs::read_to_string(&hosts).unwrap();
        let port = |port: u16| format!("127.0.0.1]:{port} ");
        assert!(known.contains(&port(home.port())), "{known}");
        let known = known.replace(&port(home.port()), &port(relay.port));
        std::fs::write(hosts, known).unwrap();
        let port = |port: u16| format!("san_ssh_port = {port}\n");
        conf.replace(&port(home.port()), &port(relay.port))
            .replacen(
                "[DEFAULT]",
                "[DEFAULT]\nengine_timeout = \"30s\"\nssh_conn_timeout = \"6s\"",
                1,
            )
    };
    let Some(mut drill) = Drill::set_with(test, Release::R331, behind_a_relay).await else {
        return;
    };
    let relay = relay.unwrap();
    drill.write();
    relay.go_silent();
    drill.stage.arrays.control.down(HOME).await.unwrap();
    drill.lists_it();
    drill.status();
    drill.stop();
    drill.fail_over().await;
    drill.stage.restart_plugin();
    drill.lists_it();
    drill.status();
    drill.start();
    drill.reads_all();
    drill.write();

    drill.stage.arrays.control.up(HOME).await.unwrap();
    relay.speak_again();
    // An array that hung is asked again after pauses that grow to a minute.
    let patience = Instant::now() + Duration::from_secs(150);
    while drill.exports(HOME) > 0 {
        assert!(Instant::now() < patience, "the old export did not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    until("an empty journal", || {
        drill.stage.machine.open_entries() == 0
    });
    drill.is_served_from(PEER);
    drill.reads_all();
    drill.stop();
    drill.is_clear();
}
