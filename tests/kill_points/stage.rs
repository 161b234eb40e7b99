//! Arrays and a machine of their own for one death of the plugin, and what is looked at afterwards.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    points::{self, Point},
    rig::{
        arrays::{Arrays, HOME, Machine, PEER, persistent, witnessed},
        plugin::Plugin,
    },
};

/// Longest wait for the plugin to have cleaned up. It does so when it starts; its next turn would be after 30 s, which is also how long
/// it waits for somebody to mark a copy.
const CLEANING: Duration = Duration::from_secs(75);
const POLL: Duration = Duration::from_millis(5);

pub struct Stage {
    pub arrays: Arrays,
    pub machine: Machine,
    /// So many arrays export what is mounted.
    pub exported_by: usize,
}

impl Stage {
    pub async fn new() -> Self {
        // What an array takes seconds for is done by the time it is looked at, so that every run takes the same looks.
        Self::at("factor = 100000.0").await
    }

    /// As [`Stage::new`], where the arrays' time passes otherwise.
    pub async fn at(factor: &str) -> Self {
        let arrays = Arrays::start_with(|toml| toml.replace("factor = 20.0", factor)).await;
        let machine = arrays.machine("host1");
        Self {
            arrays,
            machine,
            exported_by: 1,
        }
    }

    /// As [`Stage::new`]; the backend `mirrored` is Peer Persistence.
    pub async fn persistent() -> Self {
        let at_once = |toml: String| toml.replace("factor = 20.0", "factor = 100000.0");
        let arrays = Arrays::start_with(|toml| at_once(witnessed(&toml))).await;
        let machine = arrays.machine("host1");
        let conf = std::fs::read_to_string(machine.conf()).unwrap();
        std::fs::write(machine.conf(), persistent(&conf)).unwrap();
        Self {
            arrays,
            machine,
            exported_by: 2,
        }
    }

    /// A plugin that writes its points down.
    pub fn plugin(&self) -> Plugin {
        self.start(Plugin::start_with, &[])
    }

    /// A plugin that dies at a point. Which one is in the file `points-die-at` of its machine, while it is the one that runs there.
    pub fn plugin_that_dies_at(&self, point: usize) -> Plugin {
        let kill = ("HPE3PAR_DOCKER_KILL_AT", point.to_string());
        let plugin = self.start(Plugin::start_with, &[kill]);
        std::fs::write(self.dies_at(), point.to_string()).unwrap();
        plugin
    }

    /// Starts the plugin, lets it clean up, and kills it at a point of that, or when it is done.
    pub async fn clean_up_and_die_at(&self, point: usize) {
        let kill = ("HPE3PAR_DOCKER_KILL_AT", point.to_string());
        let mut plugin = self.start(Plugin::launch, &[kill]);
        let patience = Instant::now() + CLEANING;
        // Nothing was ever left open, or nothing is any more, or it has died.
        while self.open_entries() > 0 && !plugin.has_ended() {
            assert!(Instant::now() < patience, "it neither died nor cleaned up");
            tokio::time::sleep(POLL).await;
        }
        plugin.kill();
    }

    fn start(
        &self,
        start: impl Fn(&Machine, &[String], &[(&str, String)]) -> Plugin,
        more: &[(&str, String)],
    ) -> Plugin {
        for of_the_last_one in [self.list(), self.dies_at()] {
            let _ = std::fs::remove_file(of_the_last_one);
        }
        let path = |path: PathBuf| path.display().to_string();
        let mut environment = vec![
            ("HPE3PAR_DOCKER_KILL_LIST", path(self.list())),
            ("HPE3PAR_DOCKER_KILL_FROM", path(self.from())),
        ];
        environment.extend_from_slice(more);
        start(&self.machine, &[], &environment)
    }

    fn list(&self) -> PathBuf {
        self.machine.dir.join("points")
    }

    fn dies_at(&self) -> PathBuf {
        self.machine.dir.join("points-die-at")
    }

    /// From here on the points count. What comes before may look as often as it likes.
    pub fn count_points(&self) {
        std::fs::write(self.from(), "").unwrap();
    }

    fn from(&self) -> PathBuf {
        self.machine.dir.join("points-count")
    }

    /// What the plugin that was started last has passed.
    pub fn points(&self) -> Vec<Point> {
        points::read(&self.list())
    }

    /// How many that were. Of several operations at once they are not written down in order.
    pub fn passed(&self) -> usize {
        let text = std::fs::read_to_string(self.list()).unwrap_or_default();
        text.lines().count()
    }

    pub async fn listed_once(&self) {
        self.machine.listed_once(&self.arrays).await;
    }

    pub fn open_entries(&self) -> usize {
        self.machine.open_entries()
    }

    /// Waits until nothing is left open.
    pub async fn cleaned_up(&self) {
        self.until("the end of the cleaning up", || self.open_entries() == 0)
            .await;
    }

    /// Waits for something that the plugin does by itself.
    pub async fn until(&self, what: &str, ready: impl Fn() -> bool) {
        let patience = Instant::now() + CLEANING;
        while !ready() {
            assert!(Instant::now() < patience, "{what} did not come");
            tokio::time::sleep(POLL).await;
        }
    }

    /// The home array's VV of a volume.
    pub fn vv(&self, volume: &str) -> Value {
        self.arrays.dump()[HOME]["vvs"][format!("dkv-{volume}")].clone()
    }

    /// Both halves of a group, as (status, volumes).
    pub fn group(&self, name: &str) -> [(String, Vec<String>); 2] {
        let dump = self.arrays.dump();
        let half = |array: &str, name: &str| {
            let group = &dump[array]["groups"][name];
            let volumes = group["volumes"].as_array().into_iter().flatten();
            (
                group["status"].as_str().unwrap_or("none").to_owned(),
                volumes
                    .map(|volume| volume["local"].as_str().unwrap().to_owned())
                    .collect(),
            )
        };
        [half(HOME, name), half(PEER, &format!("{name}.r130512"))]
    }

    /// The group runs on both arrays with these volumes and no others.
    #[track_caller]
    pub fn assert_group(&self, name: &str, volumes: &[&str]) {
        let volumes: Vec<String> = volumes.iter().map(|v| format!("dkv-{v}")).collect();
        for (mut half, side) in self.group(name).into_iter().zip([HOME, PEER]) {
            half.1.sort();
            assert_eq!(half, ("Started".to_owned(), volumes.clone()), "on {side}");
        }
    }

    /// What the arrays export.
    pub fn exports(&self) -> Vec<Value> {
        let dump = self.arrays.dump();
        let vluns = [HOME, PEER].map(|array| dump[array]["vluns"].as_array().unwrap().clone());
        vluns.concat()
    }

    /// Loop devices on files of this stage.
    pub fn loops(&self) -> Vec<PathBuf> {
        let dir = self.arrays.dir.path();
        let items = std::fs::read_dir("/sys/block").unwrap().flatten();
        let ours = |block: &Path| {
            std::fs::read_to_string(block.join("loop/backing_file"))
                .is_ok_and(|file| Path::new(&file).starts_with(dir))
        };
        items
            .filter(|item| ours(&item.path()))
            .map(|item| Path::new("/dev").join(item.file_name()))
            .collect()
    }

    /// Everything of this stage that is mounted, the last mounted first.
    pub fn mounts(&self) -> Vec<PathBuf> {
        let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let mounted = table
            .lines()
            .map(|line| PathBuf::from(line.split(' ').nth(4).unwrap()));
        let mut ours: Vec<PathBuf> = mounted
            .filter(|at| at.starts_with(self.arrays.dir.path()))
            .collect();
        ours.reverse();
        ours
    }

    /// Nothing of any volume is on this machine.
    #[track_caller]
    pub fn assert_nothing_here(&self) {
        assert_eq!(self.mounts(), [] as [PathBuf; 0]);
        assert_eq!(self.loops(), [] as [PathBuf; 0]);
        assert_eq!(self.exports(), [] as [Value; 0]);
        let records = self.mount_records();
        assert!(
            records.as_object().is_none_or(|all| all.is_empty()),
            "mount records: {records:#}"
        );
    }

    /// What the plugin has written down of mounts, by volume.
    pub fn mount_records(&self) -> Value {
        let file = self.machine.dir.join("run/mounts.json");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let mut mounts: Value = serde_json::from_str(&text).unwrap_or_default();
        mounts["volumes"].take()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What a failed test leaves; a passed one has looked that there is nothing.
        for at in self.mounts() {
            let _ = nix::mount::umount(&at);
        }
        for device in self.loops() {
            let _ = Command::new("losetup").arg("-d").arg(device).status();
        }
    }
}
