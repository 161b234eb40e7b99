//! Two hosts at one group at once.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{
    rig::{
        arrays::{Arrays, HOME, Machine, PEER},
        plugin::{Plugin, Reply},
    },
    stage::{assert_told, replicated},
};

/// So many volumes of each host.
const EACH: usize = 20;
/// The group is stopped so many times at most for all of them, in or out.
const MOST: usize = 6;
/// A first copy takes 150 ms of real time, and a lock counts as left after 30 s.
pub const FACTOR: &str = "factor = 20.0";

struct Host {
    plugin: Plugin,
    machine: Machine,
}

impl Host {
    fn names(&self) -> impl Iterator<Item = String> {
        (0..EACH).map(|n| format!("{}-{n:02}", self.machine.name))
    }
}

/// Every request of both hosts at once. Gives the names whose request succeeded; the other errors are for people.
async fn at_once<F: Future<Output = Reply>>(
    hosts: &[Host],
    what: &str,
    request: impl Fn(usize, String) -> F,
) -> Vec<String> {
    let begun = Instant::now();
    let all = hosts.iter().enumerate().flat_map(|(at, host)| {
        let request = &request;
        host.names()
            .map(move |name| async move { (name.clone(), request(at, name).await) })
    });
    let replies = futures_util::future::join_all(all).await;
    let asked = replies.len();
    let mut done = Vec::new();
    for (name, reply) in replies {
        match reply {
            Reply::Ok(_) => done.push(name),
            Reply::Err(said) => {
                println!("{what} of {name}: {said}");
                assert_told(&said, &[&name]);
            }
            Reply::Closed => panic!("{what} of {name}: no answer"),
        }
    }
    done.sort();
    println!(
        "{what}: {} of {asked} in {} ms",
        done.len(),
        begun.elapsed().as_millis()
    );
    done
}

/// Waits until no host has anything open.
pub async fn calm<'a>(machines: impl IntoIterator<Item = &'a Machine> + Clone) {
    let patience = Instant::now() + Duration::from_secs(60);
    let open = |machine: &Machine| machine.open_entries() > 0;
    while machines.clone().into_iter().any(open) {
        assert!(Instant::now() < patience, "operations are still open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn keys(things: &Value) -> Vec<String> {
    let all = things.as_object().unwrap().keys();
    let mut ours: Vec<String> = all.filter(|k| k.starts_with("dk")).cloned().collect();
    ours.sort();
    ours
}

/// How often the group was stopped since the log was cleared.
pub fn stops(arrays: &Arrays, what: &str) -> usize {
    let log = arrays.control.log(Some(HOME));
    let stops = log.iter().filter(|c| c.line.starts_with("stoprcopygroup "));
    let stops = stops.count();
    println!("{what}: {stops} stops");
    arrays.control.clear_log();
    stops
}

/// The group runs on both arrays with these volumes and no others, each of which is ready there, and has no lock.
pub fn assert_consistent(arrays: &Arrays, volumes: &[String]) {
    let expected: Vec<String> = volumes.iter().map(|name| format!("dkv-{name}")).collect();
    let dump = arrays.dump();
    for (array, group) in [(HOME, "prod"), (PEER, "prod.r130512")] {
        assert_eq!(keys(&dump[array]["vvs"]), expected, "VVs on {array}");
        assert_eq!(keys(&dump[array]["vv_sets"]), [""; 0], "sets on {array}");
        for vv in &expected {
            let comment = dump[array]["vvs"][vv]["comment"].as_str().unwrap();
            assert!(comment.contains("/state=ready/"), "{array}: {comment}");
        }
        let group = &dump[array]["groups"][group];
        assert_eq!(group["status"], "Started", "{array}");
        let members = group["volumes"].as_array().unwrap().iter();
        let mut members: Vec<&str> = members.map(|m| m["local"].as_str().unwrap()).collect();
        members.sort_unstable();
        assert_eq!(members, expected, "members on {array}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hosts_fill_a_group_and_empty_it_at_once() {
    let arrays = Arrays::start_with(|toml| toml.replace("factor = 20.0", FACTOR)).await;
    let before = arrays.dump();
    let hosts = ["host1", "host2"].map(|name| {
        let machine = arrays.machine(name);
        let plugin = tokio::task::block_in_place(|| Plugin::start(&machine));
        Host { plugin, machine }
    });
    let create = |at: usize, name: String| {
        let plugin = &hosts[at].plugin;
        async move { plugin.create(&name, replicated()).await }
    };
    let made = at_once(&hosts, "create", create).await;
    calm(hosts.iter().map(|host| &host.machine)).await;
    assert_consistent(&arrays, &made);
    let all: usize = hosts.iter().map(|host| host.names().count()).sum();
    assert_eq!(made.len(), all, "nothing stood in the way of any");
    let stopped = stops(&arrays, "two hosts, create");
    assert!(stopped <= MOST, "{stopped} stops for {all} creates");

    let remove = |at: usize, name: String| {
        let plugin = &hosts[at].plugin;
        async move { plugin.remove(&name).await }
    };
    let removed = at_once(&hosts, "remove", remove).await;
    calm(hosts.iter().map(|host| &host.machine)).await;
    assert_eq!(removed.len(), all, "nothing stood in the way of any");
    let stopped = stops(&arrays, "two hosts, remove");
    assert!(stopped <= MOST, "{stopped} stops for {all} removes");
    assert_eq!(arrays.dump(), before);
}
