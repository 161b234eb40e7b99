//! Two machines and one volume.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use hpe3par_sim::{Fault, Kind};

use super::{
    rig::{
        arrays::{Arrays, HOME, Machine},
        engine::until,
        needs::{Need, met},
        plugin::{Plugin, Reply},
    },
    stage::{assert_told, in_time, machine, no_secret, patient_machine, plain, replicated},
};

#[tokio::test(flavor = "multi_thread")]
async fn of_two_creates_at_once_one_makes_the_volume() {
    let arrays = Arrays::start().await;
    let machines = ["host1", "host2"].map(|name| machine(&arrays, name));
    let plugins = machines.each_ref().map(Plugin::start);
    let before = arrays.dump();
    for round in 0..6 {
        for options in [plain(), replicated()] {
            let name = format!("db{round}");
            let creates = plugins
                .each_ref()
                .map(|plugin| in_time(plugin.create(&name, options.clone())));
            let [one, other] = creates;
            let replies: [Reply; 2] = tokio::join!(one, other).into();
            println!("{replies:?}");
            assert!(
                replies.iter().any(|reply| matches!(reply, Reply::Ok(_))),
                "{replies:?}"
            );
            for reply in &replies {
                if let Reply::Err(said) = reply {
                    let home = arrays.simulator.address(HOME).to_string();
                    assert_told(said, &[&name, &home]);
                }
            }
            let vvs = arrays.dump()[HOME]["vvs"].clone();
            let vvs = vvs
                .as_object()
                .unwrap()
                .keys()
                .filter(|vv| vv.starts_with("dk"));
            assert_eq!(vvs.count(), 1);
            // Whoever was refused may ask again, and both see the one volume.
            for plugin in &plugins {
                in_time(plugin.create(&name, options.clone())).await.ok();
                in_time(plugin.get(&name)).await.ok();
            }
            // Two removes at once.
            let removes = plugins
                .each_ref()
                .map(|plugin| in_time(plugin.remove(&name)));
            let [one, other] = removes;
            let replies: [Reply; 2] = tokio::join!(one, other).into();
            println!("{replies:?}");
            for reply in &replies {
                if let Reply::Err(said) = reply {
                    assert_told(said, &[&name]);
                }
            }
            // If both failed, the one that marked it last goes on.
            for plugin in &plugins {
                in_time(plugin.remove(&name)).await;
            }
            for plugin in &plugins {
                in_time(plugin.remove(&name)).await.ok();
            }
            // A first copy that was under way is not forgotten by the array at once.
            until("nothing is left", || arrays.dump() == before);
        }
    }
    // What one host knows of a volume that the other has removed is not believed.
    for options in [plain(), replicated()] {
        let [one, other] = &plugins;
        in_time(one.create("db9", options.clone())).await.ok();
        in_time(other.create("db9", options.clone())).await.ok();
        in_time(one.remove("db9")).await.ok();
        in_time(other.create("db9", options.clone())).await.ok();
        assert!(!arrays.dump()[HOME]["vvs"]["dkv-db9"].is_null());
        in_time(other.remove("db9")).await.ok();
        until("nothing is left", || arrays.dump() == before);
    }
    drop(plugins);
    for machine in &machines {
        no_secret(&machine.dir);
    }
}

/// Both have looked and found nothing; then one is faster.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_beaten_to_the_name_gets_the_same_volume() {
    let arrays = Arrays::start().await;
    let machines = ["host1", "host2"].map(|name| patient_machine(&arrays, name));
    let [slow, fast] = machines.each_ref().map(Plugin::start);
    let before = arrays.dump();
    for options in [plain(), replicated()] {
        let late = Fault::new(Kind::HangBefore).on(HOME).matching("^createvv ");
        arrays.control.clear_log();
        arrays.control.fault(late).unwrap();
        let beating = async {
            until_sent(&arrays, "createvv ").await;
            in_time(fast.create("db1", options.clone())).await.ok();
            arrays.control.release();
        };
        let (reply, ()) = tokio::join!(in_time(slow.create("db1", options.clone())), beating);
        reply.ok();
        in_time(slow.get("db1")).await.ok();
        in_time(slow.remove("db1")).await.ok();
        in_time(fast.remove("db1")).await.ok();
        until("nothing is left", || arrays.dump() == before);
    }
}

/// Short names are not unique. What one host has half made is not its namesake's, and stays until its maker is back, with its
/// journal or without.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_namesake_has_half_made_is_left_alone() {
    for (options, keeps_journal) in [(plain(), true), (replicated(), false)] {
        let arrays = Arrays::start().await;
        let maker = machine(&arrays, "host1");
        let namesake = machine(&arrays, "host2");
        let conf = std::fs::read_to_string(namesake.conf()).unwrap();
        let renamed = conf.replace("simulated_host = \"host2\"", "simulated_host = \"host1\"");
        assert_ne!(conf, renamed);
        std::fs::write(namesake.conf(), renamed).unwrap();
        let [mut one, other] = [&maker, &namesake].map(Plugin::start);

        let hang = Fault::new(Kind::HangAfter).on(HOME).matching("^createvv ");
        arrays.control.fault(hang).unwrap();
        let vv = || arrays.dump()[HOME]["vvs"]["dkv-db1"].clone();
        let dying = async {
            let made = async {
                while vv().is_null() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            in_time(made).await;
            one.strike();
        };
        let (reply, ()) = tokio::join!(one.create("db1", options.clone()), dying);
        assert_eq!(reply, Reply::Closed);
        one.kill();
        let half_made = vv();

        let whose = ["db1", "another host named `host1` is making it"];
        assert_told(&in_time(other.remove("db1")).await.err(), &whose);
        assert_told(&in_time(other.mount("db1", "id1")).await.err(), &whose);
        arrays.control.clear_log();
        let waiting = other.create("db1", options.clone());
        let back = async {
            for _ in 0..3 {
                until_sent(&arrays, "showvv ").await;
                arrays.control.clear_log();
            }
            assert_eq!(vv(), half_made);
            arrays.control.release();
            if !keeps_journal {
                std::fs::remove_dir_all(maker.dir.join("state")).unwrap();
            }
            one = tokio::task::block_in_place(|| Plugin::start(&maker));
            in_time(one.create("db1", options.clone())).await.ok();
        };
        let (reply, ()) = tokio::join!(in_time(waiting), back);
        reply.ok();
        assert_ne!(vv()["wwn"], half_made["wwn"], "the maker has taken it away");
        in_time(one.remove("db1")).await.ok();
        in_time(other.remove("db1")).await.ok();
    }
}

async fn until_sent(arrays: &Arrays, command: &str) {
    let sent = async {
        let log = || arrays.control.log(Some(HOME));
        while !log().iter().any(|entry| entry.line.starts_with(command)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    in_time(sent).await;
}

/// A mount namespace, so that two machines of this test do not see each other's mounts. Everything in it ends with the value.
struct Room {
    holder: Child,
    inside: Vec<String>,
}

impl Room {
    fn open() -> Self {
        let holder = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["sleep", "600"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let id = holder.id();
        let children = format!("/proc/{id}/task/{id}/children");
        let child = || std::fs::read_to_string(&children).unwrap_or_default();
        until("the namespace", || !child().trim().is_empty());
        // It has the name of the program when its namespaces are made.
        let pid = child().trim().to_owned();
        let name = format!("/proc/{pid}/comm");
        until("the namespace", || {
            std::fs::read_to_string(&name).is_ok_and(|name| name.trim() == "sleep")
        });
        let inside = ["nsenter", "-t", &pid, "-m", "-p"]
            .map(str::to_owned)
            .to_vec();
        Self { holder, inside }
    }

    /// Runs a shell line in there, which must succeed.
    fn sh(&self, line: &str) -> String {
        let output = Command::new(&self.inside[0])
            .args(&self.inside[1..])
            .args(["sh", "-c", line])
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

struct Host {
    // Dropped in this order.
    plugin: Plugin,
    room: Room,
    machine: Machine,
}

impl Host {
    fn start(arrays: &Arrays, name: &str) -> Self {
        let machine = machine(arrays, name);
        let room = Room::open();
        let plugin = Plugin::start_with(&machine, &room.inside, &[]);
        Self {
            plugin,
            room,
            machine,
        }
    }

    fn file(&self, volume: &str) -> String {
        self.machine
            .mountpoint(volume)
            .join("file")
            .display()
            .to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_in_use_on_one_host_is_refused_on_the_other() {
    let test = "weather::hosts::a_volume_in_use_on_one_host_is_refused_on_the_other";
    let programs = ["unshare", "nsenter", "losetup", "mkfs.ext4", "pkill"];
    let mut needs = vec![Need::Root];
    needs.extend(programs.map(Need::Program));
    if !met(test, &needs) {
        return;
    }
    let arrays = Arrays::start().await;
    let before = arrays.dump();
    let one = tokio::task::block_in_place(|| Host::start(&arrays, "host1"));
    let other = tokio::task::block_in_place(|| Host::start(&arrays, "host2"));
    for host in ["host1", "host2"] {
        arrays.log_in(host);
    }
    for (name, mut options) in [("db1", plain()), ("db2", replicated())] {
        options["mountConflictDelay"] = "1".into();
        in_time(one.plugin.create(name, options)).await.ok();
        in_time(one.plugin.mount(name, "id1")).await.ok();
        let file = one.file(name);
        tokio::task::block_in_place(|| one.room.sh(&format!("echo kept > {file}; sync")));

        let home = arrays.simulator.address(HOME).to_string();
        let exported = arrays.dump();
        let said = in_time(other.plugin.mount(name, "id2")).await.err();
        assert_told(&said, &[name, &home, "`host1`"]);
        let said = in_time(other.plugin.remove(name)).await.err();
        assert_told(&said, &[name, &home, "`host1`"]);
        assert_eq!(arrays.dump()[HOME]["vluns"], exported[HOME]["vluns"]);
        let said = in_time(one.plugin.remove(name)).await.err();
        assert_told(&said, &[name, "mounted on this host"]);
        let read = tokio::task::block_in_place(|| one.room.sh(&format!("cat {file}")));
        assert_eq!(read, "kept");

        in_time(one.plugin.unmount(name, "id1")).await.ok();
        in_time(other.plugin.mount(name, "id2")).await.ok();
        let file = other.file(name);
        let read = tokio::task::block_in_place(|| other.room.sh(&format!("cat {file}")));
        assert_eq!(read, "kept");
        let said = in_time(one.plugin.mount(name, "id3")).await.err();
        assert_told(&said, &[name, &home, "`host2`"]);
        in_time(other.plugin.unmount(name, "id2")).await.ok();
        in_time(one.plugin.remove(name)).await.ok();
    }
    let after = arrays.dump();
    for array in ["amber", "birch"] {
        for part in ["vvs", "vluns", "groups", "hosts"] {
            assert_eq!(after[array][part], before[array][part], "{array} {part}");
        }
    }
    let machines = [one.machine.clone(), other.machine.clone()];
    drop((one, other));
    for machine in &machines {
        no_secret(&machine.dir);
    }
}
