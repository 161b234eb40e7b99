//! When everything is put right again nothing may be left of what went wrong, and at last nothing at all.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    host::{self, Host},
    life::{self, Is},
    place::{BOTH, Shown},
    rig::{
        arrays::{HOME, PEER},
        compare::differences,
        plugin::Reply,
    },
    site::Site,
    volumes::{self, ALL, GROUPS, Kind},
};

/// What was left behind is tried again at least every 30 s.
const CLEANING: Duration = Duration::from_secs(90);
/// What ends by itself when nothing is out any more mostly has by then.
const ENDING: Duration = Duration::from_secs(10);

impl Site {
    /// The end of the hour.
    pub async fn end(mut self) {
        println!("everything is put right");
        self.clear_up().await;
        self.come_home().await;
        for host in &mut self.hosts {
            // An index drops what is on no array after two complete listings, which come with each start, and every minute.
            for _ in 0..2 {
                let listings = host.listings();
                host.restart();
                host.until_listed(listings).await;
            }
        }
        assert!(self.nothing_open(CLEANING).await, "{}", self.open());
        self.assert_consistent().await;
        self.take_all_away().await;
    }

    /// Waits until nothing is open and every group is at home and in step; the administrator helps. What cannot be ended by itself, because
    /// somebody's failover is in its way, is not waited for.
    async fn come_home(&mut self) {
        let begun = Instant::now();
        loop {
            let shown = self.shown();
            let home = GROUPS.iter().all(|(group, _)| is_home(&shown, group));
            let open = self.hosts.iter().any(|host| host.unended() > 0);
            if home && !open {
                return;
            }
            assert!(
                begun.elapsed() < CLEANING,
                "{}; groups: {:?}",
                self.open(),
                GROUPS.map(|(group, _)| shown.halves(group))
            );
            for (group, _) in GROUPS {
                if !is_home(&shown, group) && (!open || begun.elapsed() > ENDING) {
                    self.insist_on_home(group).await;
                }
            }
            self.arrays.control.advance(2);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// What is open, for a person.
    fn open(&self) -> String {
        let mut said = Vec::new();
        for host in &self.hosts {
            for entry in host.journal() {
                said.push(format!("{}: {entry}", host.name()));
            }
        }
        format!("open: {said:#?}")
    }

    async fn assert_consistent(&mut self) {
        let shown = self.shown();
        self.watch.assert_never_twice();
        assert_eq!(shown.locks(), [""; 0]);
        let mut there = BTreeSet::new();
        for (volume, _) in ALL {
            let is = shown.is_ready(volume);
            assert!(
                self.life.of(volume) == Is::Unknown || (self.life.of(volume) == Is::There) == is,
                "{volume}: {:?}",
                self.life.of(volume)
            );
            if is {
                assert!(shown.is_whole(volume), "half of {volume} is left");
                there.insert(volume.to_owned());
            }
        }
        for array in BOTH {
            let wanted: BTreeSet<String> = there
                .iter()
                .filter(|name| array == HOME || volumes::kind(name) != Kind::Plain)
                .map(|name| volumes::vv(name))
                .collect();
            let is: BTreeSet<String> = shown
                .vvs(array)
                .into_iter()
                .map(|(name, _)| name.clone())
                .collect();
            assert_eq!(is, wanted, "VVs on {array}");
            for (name, vv) in shown.vvs(array) {
                let comment = vv["comment"].as_str().unwrap();
                assert!(
                    comment.contains("/state=ready/"),
                    "{array}: {name}: {comment}"
                );
            }
            for (group, kind) in GROUPS {
                let members: BTreeSet<String> = shown
                    .members(array, group)
                    .into_iter()
                    .map(|(vv, _)| vv)
                    .collect();
                let wanted: BTreeSet<String> = volumes::of(kind)
                    .filter(|name| there.contains(*name))
                    .map(volumes::vv)
                    .collect();
                assert_eq!(members, wanted, "members of {group} on {array}");
                if let Some(half) = shown.half(array, group) {
                    assert_eq!(half.status, "Started", "{group} on {array}");
                }
            }
        }
        for (array, vv, to) in shown.exports() {
            let host = self.hosts.iter().find(|host| host.name() == to).unwrap();
            let volume = ALL.iter().find(|(name, _)| volumes::vv(name) == vv);
            let mounted = host.mounted(volume.unwrap().0);
            assert!(
                mounted.is_some(),
                "{array} exports {vv} to {to} for nothing"
            );
        }
        for host in &self.hosts {
            host.until_known(&there).await;
            let mounted = host.all_mounted().len();
            let devices = host::devices(&host.machine).len();
            assert_eq!(devices, mounted, "devices of {}", host.name());
            for name in &there {
                host.plugin.get(name).await.ok();
            }
        }
        self.life_is(&shown);
        println!("consistent, with {there:?}");
    }

    fn life_is(&mut self, shown: &Shown) {
        for volume in life::unknown(&self.life) {
            let is = shown.is_ready(volume);
            self.life.set(volume, if is { Is::There } else { Is::Gone });
        }
    }

    /// Unmounts and removes everything. The arrays are then as they were, but for the two host objects.
    async fn take_all_away(mut self) {
        for (volume, _) in ALL {
            for host in &mut self.hosts {
                assert!(host.stop_users(volume).await, "{volume} is still mounted");
            }
            if self.life.of(volume) == Is::There {
                let host = &self.hosts[0];
                let gone = host.plugin.remove(volume).await;
                assert!(matches!(gone, Reply::Ok(_)), "{volume}: {gone:?}");
            }
        }
        assert!(self.nothing_open(CLEANING).await, "{}", self.open());
        for host in &self.hosts {
            assert_eq!(host::devices(&host.machine), [""; 0]);
            assert_eq!(host.all_mounted(), [""; 0]);
        }
        let neutral = |mut dump: Value| {
            for array in [HOME, PEER] {
                let hosts = dump[array]["hosts"].as_object_mut().unwrap();
                hosts.retain(|name, _| !name.starts_with("host"));
            }
            dump
        };
        let before = neutral(self.before.clone());
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let left = differences("", &before, &neutral(self.arrays.dump()));
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < patience, "left: {}", left.join("\n"));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn is_home(shown: &Shown, group: &str) -> bool {
    let Some([home, peer]) = shown.halves(group) else {
        return BOTH.iter().all(|array| shown.half(array, group).is_none());
    };
    let roles = home.role == "Primary" && peer.role == "Secondary";
    let in_step = BOTH.iter().all(|array| {
        let members = shown.members(array, group);
        members.iter().all(|(_, sync)| sync == "Synced")
    });
    let started = home.is_started() && peer.is_started();
    let empty = shown.members(HOME, group).is_empty();
    roles && (started && in_step || empty)
}

impl Host {
    /// How many complete listings of a backend there were.
    fn listings(&self) -> usize {
        self.plugin.log().matches("backend is ready").count()
    }

    /// Waits until a plugin that was just started has listed its three backends.
    async fn until_listed(&self, before: usize) {
        let patience = Instant::now() + Duration::from_secs(60);
        while self.listings() < before + 3 {
            assert!(Instant::now() < patience, "never listed");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until its index has these volumes and no others. A restart may have cut a listing of the peer off, which nothing tells of: two
    /// more come within three minutes.
    async fn until_known(&self, there: &BTreeSet<String>) {
        let patience = Instant::now() + Duration::from_secs(240);
        loop {
            let known: BTreeSet<String> = self.plugin.list().await.into_iter().collect();
            if known == *there {
                return;
            }
            let name = self.name();
            assert!(Instant::now() < patience, "the index of {name}: {known:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The journal, an entry a line.
    fn journal(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.machine.dir.join("state/journal"));
        entries
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().ends_with(".json"))
            .filter_map(|entry| std::fs::read_to_string(entry.path()).ok())
            .collect()
    }
}
