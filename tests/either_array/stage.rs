//! A machine whose plugin comes and goes, and arrays that do, too.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::rig::{
    arrays::{Arrays, HOME, LOGIN, Machine, PEER},
    needs::{Need, met},
    plugin::{Plugin, Reply},
    private::mounts_are_private,
};

/// A third array, which replicates to [`PEER`] as well.
pub const THIRD: &str = "cedar";
/// The group, as its own array calls it.
pub const GROUP: &str = "prod";
/// The group, as the peer calls it.
pub const GROUP_THERE: &str = "prod.r130512";

/// InForm OS of the arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    R331,
    R1050,
}

impl Release {
    /// The description of arrays with it.
    pub fn of(self, toml: String) -> String {
        match self {
            Self::R331 => toml,
            Self::R1050 => toml.replace("latency_ms = 0", "release = \"10.5.0\"\nlatency_ms = 0"),
        }
    }
}

/// The description with a third array in it.
pub fn with_a_third(toml: String) -> String {
    let first = toml.find("[[array]]").unwrap();
    let second = first + 1 + toml[first + 1..].find("[[array]]").unwrap();
    let third = toml[first..second]
        .replace(&format!("\"{HOME}\""), &format!("\"{THIRD}\""))
        .replace("130512", "131044")
        .replace("CZ3940AMB1", "CZ3940CED1")
        .replace("10.40.1.", "10.40.3.")
        .replace("10.41.1.", "10.41.3.");
    let target = format!(
        "[[array.target]]\nname = \"to-{THIRD}\"\narray = \"{THIRD}\"\n[[array.target.links]]\nport = \"0:3:1\"\naddress = \"10.41.3.11\"\n"
    );
    format!("{toml}{target}{third}")
}

/// A plugin on its machine, and the arrays.
pub struct Stage {
    // Dropped in this order: the plugin before its arrays.
    pub plugin: Plugin,
    pub machine: Machine,
    pub arrays: Arrays,
}

impl Stage {
    pub async fn set(release: Release) -> Self {
        Self::set_with(|toml| release.of(toml), |_, _| {}).await
    }

    /// After a change to the description of the arrays, and what is to be in hpe.conf besides.
    pub async fn set_with(
        describe: impl FnOnce(String) -> String,
        configure: impl FnOnce(&Arrays, &Machine),
    ) -> Self {
        let arrays = Arrays::start_with(describe).await;
        let machine = machine(&arrays, "host1");
        configure(&arrays, &machine);
        let plugin = tokio::task::block_in_place(|| Plugin::start(&machine));
        Self {
            plugin,
            machine,
            arrays,
        }
    }

    /// A replicated volume, in step.
    pub async fn create(&self, name: &str) {
        let options = json!({ "size": "1", "backend": "mirrored", "replicationGroup": GROUP });
        self.create_with(name, options).await;
    }

    pub async fn create_with(&self, name: &str, options: Value) {
        let reply = self.plugin.create(name, options).await;
        assert!(matches!(reply, Reply::Ok(_)), "{name}: {reply:?}");
        self.at_rest().await;
    }

    /// Waits until nothing starts or is copied any more.
    pub async fn at_rest(&self) {
        let moves = |dump: String| dump.contains("\"Syncing\"") || dump.contains("\"Starting\"");
        self.until("rest", || !moves(self.arrays.dump().to_string()))
            .await;
    }

    /// What an administrator types on an array, which must not be refused.
    #[track_caller]
    pub fn types<'a>(
        &'a self,
        array: &'a str,
        line: &'a str,
    ) -> impl Future<Output = ()> + use<'a> {
        let caller = std::panic::Location::caller();
        async move {
            let printed = self.arrays.type_in(array, line).await;
            let words = printed.to_lowercase();
            let refused = ["error", "syntax", "invalid", "not ", "already", "failed"];
            assert!(
                !refused.iter().any(|word| words.contains(word)),
                "{caller}: {array}: {line}: {printed}"
            );
        }
    }

    /// What an administrator does when the array is lost on which the group is Primary.
    pub async fn fails_over(&self) {
        let line = format!("setrcopygroup failover -f -waittask {GROUP_THERE}");
        self.types(PEER, &line).await;
    }

    pub async fn down(&self, array: &str) {
        self.arrays.control.down(array).await.unwrap();
    }

    pub async fn up(&self, array: &str) {
        self.arrays.control.up(array).await.unwrap();
    }

    /// Ends the plugin as `kill -9` does.
    pub fn kill(&mut self) {
        self.plugin.kill();
    }

    /// Forgets everything that the machine knows of volumes; not what is mounted on it.
    pub fn forget_index(&self) {
        std::fs::remove_dir_all(self.machine.dir.join("state/journal")).unwrap();
        std::fs::remove_file(self.machine.dir.join("state/index.json")).unwrap();
    }

    pub fn start(&mut self) {
        self.plugin = tokio::task::block_in_place(|| Plugin::start(&self.machine));
    }

    pub fn restart(&mut self) {
        self.kill();
        self.start();
    }

    /// What index.json has of a volume; null if it has none.
    pub fn known(&self, name: &str) -> Value {
        let text = std::fs::read_to_string(self.machine.dir.join("state/index.json"));
        let index: Value = text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap());
        index["volumes"][name].clone()
    }

    /// The WWN of a volume's VV on one array.
    pub fn wwn(&self, array: &str, name: &str) -> Value {
        let wwn = self.vv(array, name)["wwn"].clone();
        assert!(wwn.is_string(), "{array} has no {name}");
        wwn
    }

    pub fn vv(&self, array: &str, name: &str) -> Value {
        self.arrays.dump()[array]["vvs"][format!("dkv-{name}")].clone()
    }

    /// Whom an array exports a volume to.
    pub fn exported(&self, array: &str, name: &str) -> Vec<String> {
        let vv = format!("dkv-{name}");
        let vluns = self.arrays.dump()[array]["vluns"].clone();
        let vluns = vluns.as_array().unwrap().iter();
        vluns
            .filter(|vlun| vlun.to_string().contains(&format!("\"{vv}\"")))
            .map(Value::to_string)
            .collect()
    }

    /// Waits until exactly these are listed.
    pub async fn lists(&self, names: &[&str]) {
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let listed = self.plugin.list().await;
            if listed == names {
                return;
            }
            assert!(Instant::now() < patience, "{listed:?}, not {names:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What an inspect shows.
    pub async fn status(&self, name: &str) -> Value {
        self.plugin.get(name).await.ok()["Volume"]["Status"].clone()
    }

    /// What an inspect shows, once it is as wanted: it shows the last look, which may be a moment old.
    pub async fn shown(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let status = self.status(name).await;
            if wanted(&status) {
                return status;
            }
            assert!(Instant::now() < patience, "{status:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn until(&self, what: &str, ready: impl Fn() -> bool) {
        let patience = Instant::now() + Duration::from_secs(40);
        while !ready() {
            assert!(Instant::now() < patience, "{what} did not come");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // After a failure: no loop device of a test outlives it.
        self.plugin.kill();
        leave(self.arrays.dir.path());
    }
}

/// Unmounts what is mounted beneath a directory, and detaches the devices whose data are.
pub fn leave(dir: &Path) {
    let dir = dir.display();
    let line = format!(
        "grep -o ' {dir}[^ ]*' /proc/self/mountinfo | xargs -r umount; \
         losetup --list --noheadings --output NAME,BACK-FILE | grep -F {dir} | cut -d' ' -f1 | xargs -r -n1 losetup --detach"
    );
    let done = Command::new("sh").args(["-c", &line]).status();
    assert!(done.unwrap().success() || std::thread::panicking());
}

/// A machine that does not wait long for an array that is dead.
pub fn machine(arrays: &Arrays, name: &str) -> Machine {
    let machine = arrays.machine(name);
    machine.configure("command_timeout = \"5s\"\nssh_conn_timeout = \"8s\"");
    if let Some(third) = arrays.dump().get(THIRD) {
        assert!(third.is_object());
        let file = machine.dir.join("known_hosts");
        let known = std::fs::read_to_string(&file).unwrap();
        let line = arrays.simulator.host_key_line(THIRD);
        std::fs::write(file, format!("{known}{line}\n")).unwrap();
    }
    machine
}

/// How to log in to an array.
fn access(arrays: &Arrays, machine: &Machine, array: &str) -> String {
    format!(
        "san_ip = \"127.0.0.1\"\nsan_ssh_port = {}\nsan_login = \"{LOGIN}\"\nsan_password_file = \"{}/password\"\n",
        arrays.simulator.address(array).port(),
        machine.dir.display()
    )
}

/// Adds a backend on any array; with a peer, `cpgs` are what its `cpg_map` says, else what it has.
pub fn add_backend(
    arrays: &Arrays,
    machine: &Machine,
    name: &str,
    (array, peer): (&str, Option<&str>),
    cpgs: &[(&str, &str)],
) {
    let own: Vec<String> = cpgs.iter().map(|(cpg, _)| format!("\"{cpg}\"")).collect();
    let mut section = format!(
        r#"
[{name}]
{access}hpe3par_cpg = [{own}]
protocol = "simulated"
simulated_dir = "{exports}"
simulated_host = "{host}"
simulated_initiator = "iqn.2026-01.test.machines:{host}"
simulated_machine_id = "{host}"
"#,
        access = access(arrays, machine, array),
        own = own.join(", "),
        exports = arrays.dir.path().join("exports").display(),
        host = machine.name,
    );
    if let Some(peer) = peer {
        let map: Vec<String> = cpgs
            .iter()
            .map(|(here, there)| format!("{here} = \"{there}\""))
            .collect();
        section += &format!(
            "[{name}.replication_device]\nbackend_id = \"to-{peer}\"\nreplication_mode = \"synchronous\"\ncpg_map = {{ {} }}\n{}",
            map.join(", "),
            access(arrays, machine, peer)
        );
    }
    let conf = std::fs::read_to_string(machine.conf()).unwrap();
    std::fs::write(machine.conf(), conf + &section).unwrap();
}

/// True where a test that mounts can go on.
pub fn can_mount(test: &str) -> bool {
    let programs = ["unshare", "losetup", "mkfs.ext4"];
    let mut needs = vec![Need::Root];
    needs.extend(programs.map(Need::Program));
    met(test, &needs) && mounts_are_private(test)
}
