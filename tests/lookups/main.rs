//! What a machine finds out about volumes: at the first look, in its listings, at an inspect.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../rig/mod.rs"]
mod rig;

mod first_look;
mod inspecting;
mod listings;
mod logins;
mod two_ways;

use hpe3par_sim::faults::{Fault, Kind};
use rig::{
    arrays::{Arrays, LOGIN, Machine},
    engine::until,
    plugin::{Plugin, Reply},
};
use serde_json::{Value, json};

/// Adds a plain backend on any array, with any login, to hpe.conf.
fn add_backend(arrays: &Arrays, machine: &Machine, name: &str, array: &str, more: &str) {
    let dir = machine.dir.display();
    let section = format!(
        r#"
[{name}]
san_ip = "127.0.0.1"
san_ssh_port = {port}
san_password_file = "{dir}/password"
protocol = "simulated"
simulated_dir = "{exports}"
simulated_host = "{host}"
simulated_initiator = "iqn.2026-01.test.machines:{host}"
simulated_machine_id = "{host}"
{more}
"#,
        port = arrays.simulator.address(array).port(),
        exports = arrays.dir.path().join("exports").display(),
        host = machine.name,
    );
    let mut conf = std::fs::read_to_string(machine.conf()).unwrap();
    conf.push_str(&section);
    std::fs::write(machine.conf(), conf).unwrap();
}

/// The keys of a backend that is in nobody's way.
fn plain() -> String {
    format!("san_login = \"{LOGIN}\"\nhpe3par_cpg = [\"ssd_r5\"]")
}

/// No listing of this plugin's volumes comes through: it has only what it asks for by name.
fn no_listings(arrays: &Arrays) {
    let listing = Fault::new(Kind::Truncate).matching(r"^showvv .*dkv-\*");
    arrays.control.fault(listing.repeat()).unwrap();
}

/// How many listings of a backend ended well, by the log, which goes on after a restart.
fn listed(plugin: &Plugin, backend: &str) -> usize {
    let log = plugin.log();
    log.lines()
        .filter(|line| line.contains("backend is ready"))
        .filter(|line| {
            line.split_whitespace()
                .any(|word| word == format!("backend={backend}"))
        })
        .count()
}

/// Starts the plugin again, and waits for the first listing of these backends.
fn restart(plugin: &mut Plugin, machine: &Machine, backends: &[&str]) {
    plugin.stop();
    let before: Vec<usize> = backends.iter().map(|b| listed(plugin, b)).collect();
    *plugin = Plugin::start(machine);
    for (backend, before) in backends.iter().zip(before) {
        until("the listing", || listed(plugin, backend) > before);
    }
}

/// A plugin that has listed its backends.
fn start(machine: &Machine, backends: &[&str]) -> Plugin {
    let plugin = Plugin::start(machine);
    for backend in backends {
        until("the first listing", || listed(&plugin, backend) > 0);
    }
    plugin
}

async fn inspect(plugin: &Plugin, volume: &str) -> Value {
    plugin.get(volume).await.ok()["Volume"].clone()
}

async fn create(plugin: &Plugin, name: &str, options: Value) {
    let reply = plugin.create(name, options).await;
    assert!(matches!(reply, Reply::Ok(_)), "{name}: {reply:?}");
}

/// A VV that looks like one of the plugin's, made by hand.
async fn make_by_hand(arrays: &Arrays, array: &str, home: u32, name: &str) {
    let line = format!(
        "createvv -tpvv -comment dk1/ns=/name={name}/home={home}/op=other.1/state=ready/origin=blank/fmt=no ssd_r5 dkv-{name} 1g"
    );
    assert_eq!(arrays.type_in(array, &line).await, "");
}

fn replicated() -> Value {
    json!({ "backend": "mirrored", "replicationGroup": "prod", "size": "1" })
}

fn small() -> Value {
    json!({ "size": "1" })
}
