//! A replicated volume in a container, while a storage administrator fails its group over and back by hand.

mod auto_synchronize;
mod crashes;
mod old_copy;
mod periodic;
mod planned;
mod silent;
mod unplanned;

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{
    Stage,
    rig::{
        arrays::{Arrays, HOME, PEER, later},
        engine::until,
    },
};

/// The group, as its own array calls it, and as the peer does.
const GROUP: &str = "prod";
const GROUP_THERE: &str = "prod.r130512";
const VOLUME: &str = "db1";
const CONTAINER: &str = "app";

/// InForm OS of both arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    R331,
    R1050,
}

/// The stage, with the volume in a container, and what was written to it.
struct Drill {
    stage: Stage,
    /// Name and checksum of each file, as `md5sum` prints them.
    files: Vec<String>,
}

impl Drill {
    async fn set(test: &str, release: Release) -> Option<Self> {
        Self::set_with(test, release, |_, conf| conf).await
    }

    /// After a change to hpe.conf.
    async fn set_with(
        test: &str,
        release: Release,
        configure: impl FnOnce(&Arrays, String) -> String,
    ) -> Option<Self> {
        let describe = |toml: String| match release {
            Release::R331 => toml,
            Release::R1050 => later(&toml),
        };
        let stage = Stage::set_on(test, &[], describe, configure).await?;
        let group = format!("replicationGroup={GROUP}");
        stage.create(VOLUME, &["backend=mirrored", &group, "size=1"]);
        stage.until_group(HOME, GROUP, "Primary", "Started");
        stage.start(CONTAINER, VOLUME);
        Some(Self {
            stage,
            files: Vec::new(),
        })
    }

    /// The container writes one file more.
    #[track_caller]
    fn write(&mut self) {
        let file = format!("/data/{}", self.files.len() + 1);
        let line = format!("busybox head -c 300000 /dev/urandom > {file} && sync && md5sum {file}");
        self.files.push(self.stage.exec(CONTAINER, &line));
    }

    /// The container sees every byte of what was written, and nothing else.
    #[track_caller]
    fn reads_all(&self) {
        let seen = self.stage.exec(CONTAINER, "md5sum /data/*");
        assert_eq!(seen.lines().collect::<Vec<_>>(), self.files);
    }

    /// Stops the container; the engine has an answer to its Unmount before it gives up waiting for it.
    #[track_caller]
    fn stop(&self) {
        in_time(|| self.stage.engine.ok(&["stop", "-t", "0", CONTAINER]));
        assert!(!self.stage.mounted(VOLUME));
        assert_eq!(self.devices(), 0);
    }

    /// The same container, again.
    #[track_caller]
    fn start(&self) {
        in_time(|| self.stage.engine.ok(&["start", CONTAINER]));
    }

    /// What the administrator types on an array, and must not be refused.
    async fn types(&self, array: &str, line: &str) {
        let said = self.stage.arrays.type_in(array, line).await;
        assert!(
            said.is_empty() || said.contains("started with tasks"),
            "{line}: {said}"
        );
    }

    /// Waits until the arrays show these roles and this status, and replicate if that is Started.
    fn until_roles(&self, home: &str, peer: &str, status: &str) {
        self.stage.until_group(PEER, GROUP_THERE, peer, status);
        self.stage.until_group(HOME, GROUP, home, status);
    }

    /// `setrcopygroup failover` on the peer, of a group that is stopped or whose primary is dead.
    async fn fail_over(&self) {
        self.types(PEER, &format!("setrcopygroup failover -f {GROUP_THERE}"))
            .await;
        let stage = &self.stage;
        stage.until_group(PEER, GROUP_THERE, "Primary-Rev", "Stopped");
    }

    /// `setrcopygroup recover` on the peer.
    async fn recover(&self) {
        self.types(PEER, &format!("setrcopygroup recover -f {GROUP_THERE}"))
            .await;
        self.until_roles("Secondary-Rev", "Primary-Rev", "Started");
    }

    /// `setrcopygroup restore` on the peer.
    async fn restore(&self) {
        self.types(PEER, &format!("setrcopygroup restore -f {GROUP_THERE}"))
            .await;
        self.until_roles("Primary", "Secondary", "Started");
    }

    /// `docker volume ls` has the volume, at once.
    #[track_caller]
    fn lists_it(&self) {
        let list = in_time(|| self.stage.engine.ok(&["volume", "ls"]));
        assert!(list.contains(VOLUME), "{list}");
    }

    fn status(&self) -> Value {
        in_time(|| self.stage.inspect(VOLUME)["Status"].clone())
    }

    /// `docker volume inspect` says that this array serves, and how the group is.
    #[track_caller]
    fn shows(&self, array: &str, state: &str) {
        let label = self.stage.arrays.simulator.address(array).to_string();
        self.shows_serving(&label, state);
    }

    /// As [`Drill::shows`], in the words that it has for the array.
    #[track_caller]
    fn shows_serving(&self, serving: &str, state: &str) {
        let patience = Instant::now() + Duration::from_secs(30);
        loop {
            let now = self.status();
            if now["serving"] == serving && now["group state"] == state {
                return;
            }
            assert!(
                Instant::now() < patience,
                "`{serving}`, {state}: not in {now:#}"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Loop devices of this test.
    fn loop_devices(&self) -> Vec<String> {
        let list = std::process::Command::new("losetup")
            .args(["--list", "--noheadings", "--output", "NAME,BACK-FILE"])
            .output()
            .unwrap();
        let ours = self.stage.arrays.dir.path().display().to_string();
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        let own = list.lines().filter(|line| line.contains(&ours));
        own.map(|line| line.split_whitespace().next().unwrap().to_owned())
            .collect()
    }

    fn devices(&self) -> usize {
        self.loop_devices().len()
    }

    /// Exports of an array.
    fn exports(&self, array: &str) -> usize {
        let dump = self.stage.arrays.dump();
        dump[array]["vluns"].as_array().unwrap().len()
    }

    /// The volume is on this machine once, from this array, and from no other.
    #[track_caller]
    fn is_served_from(&self, array: &str) {
        let other = if array == HOME { PEER } else { HOME };
        assert!(self.stage.mounted(VOLUME));
        assert_eq!(self.devices(), 1);
        assert_eq!(
            (self.exports(array), self.exports(other)),
            (1, 0),
            "{array}"
        );
    }

    /// The container is stopped: nothing is left on this machine, nor on an array for it, nor in the journal, and the index has both
    /// copies as the arrays have them.
    #[track_caller]
    fn is_clear(&self) {
        assert!(!self.stage.mounted(VOLUME));
        assert_eq!(self.devices(), 0);
        assert_eq!((self.exports(HOME), self.exports(PEER)), (0, 0));
        assert_eq!(self.stage.machine.open_entries(), 0);
        let read = |file: &str| -> Value {
            let text = std::fs::read_to_string(self.stage.machine.dir.join(file)).unwrap();
            serde_json::from_str(&text).unwrap()
        };
        let dump = self.stage.arrays.dump();
        let index = read("state/index.json");
        let volume = &index["volumes"][VOLUME];
        let vv = |array: &str| dump[array]["vvs"]["dkv-db1"].clone();
        assert_eq!(volume["wwn"], vv(HOME)["wwn"], "{index:#}");
        assert_eq!(volume["copy_wwn"], vv(PEER)["wwn"], "{index:#}");
        assert_eq!(volume["group"], GROUP);
        assert_eq!(volume["state"], "ready");
        let roles = [(HOME, GROUP, "source"), (PEER, GROUP_THERE, "peer")];
        for (array, group, side) in roles {
            let role = &dump[array]["groups"][group]["role"];
            assert_eq!(volume["last_roles"][side], *role, "{array}");
        }
        assert!(read("run/mounts.json")["mounts"][VOLUME].is_null());
    }
}

/// Both releases at once: for a drill that mostly waits.
fn on_both_releases<F: Future<Output = ()>>(drill: impl Fn(Release) -> F + Sync) {
    std::thread::scope(|both| {
        for release in [Release::R331, Release::R1050] {
            let drill = &drill;
            both.spawn(move || {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                runtime.block_on(drill(release));
            });
        }
    });
}

/// The engine's own limit is further away: it has the plugin's answer, and does not hang up.
#[track_caller]
fn in_time<T>(what: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let answer = what();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(60), "{took:?}");
    answer
}
