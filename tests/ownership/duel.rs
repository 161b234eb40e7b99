//! Two hosts at the same arrays.

use serde_json::{Value, json};

use crate::{
    rig::{
        arrays::{HOME, Machine},
        engine::until,
        plugin::Plugin,
    },
    stage::{Namespace, Stage},
};

/// The stage's own host1, and host2 beside it.
pub struct Duel {
    // Dropped in this order.
    pub other: Plugin,
    pub other_machine: Machine,
    pub other_namespace: Namespace,
    pub stage: Stage,
}

/// hpe.conf with this `takeover` for every backend.
fn with_takeover(conf: &str, takeover: &str) -> String {
    let protocol = "protocol = \"simulated\"";
    assert!(conf.contains(protocol));
    conf.replace(protocol, &format!("takeover = \"{takeover}\"\n{protocol}"))
}

impl Duel {
    /// Both follow this policy. Every host has its paths as long as it is not switched off.
    pub async fn set(test: &str, takeover: &str) -> Option<Self> {
        let configure = |conf: String| with_takeover(&conf, takeover);
        let stage = Stage::set_with(test, |toml| toml, configure).await?;
        let other_machine = stage.arrays.machine("host2");
        let conf = std::fs::read_to_string(other_machine.conf()).unwrap();
        std::fs::write(other_machine.conf(), with_takeover(&conf, takeover)).unwrap();
        let other_namespace = Namespace::new(&other_machine.dir);
        let other = Plugin::start_with(&other_machine, &other_namespace.words(), &[]);
        let duel = Self {
            other,
            other_machine,
            other_namespace,
            stage,
        };
        duel.stage.arrays.log_in("host1");
        duel.stage.arrays.log_in("host2");
        Some(duel)
    }

    /// A volume on the plain backend whose holder is waited for as long.
    pub async fn create(&self, name: &str, delay: u32) {
        let options = json!({ "size": "1", "mountConflictDelay": delay.to_string() });
        self.stage.plugin.create(name, options).await.ok();
    }

    /// Switches host1 off: its plugin, its mounts, its devices and its paths are gone. Its exports stay.
    pub fn switch_off(&mut self) {
        self.stage.kill();
        let at = self.stage.machine.dir.join("state/mounts");
        self.stage.namespace.sh(&format!(
            "grep -o ' {}[^ ]*' /proc/self/mountinfo | xargs -r umount",
            at.display()
        ));
        let list = "losetup --list --noheadings --output NAME,BACK-FILE";
        let ours = |line: &&str| {
            line.contains("/.attached/host1/")
                && line.contains(&self.stage.arrays.dir.path().display().to_string())
        };
        for line in self.stage.namespace.sh(list).lines().filter(ours) {
            let device = line.split_whitespace().next().unwrap();
            self.stage
                .namespace
                .sh(&format!("losetup --detach {device}"));
        }
        until("the devices gone", || {
            !self
                .stage
                .namespace
                .sh(list)
                .lines()
                .any(|line| ours(&line))
        });
        self.stage.arrays.log_out("host1");
        // A machine that starts again has nothing in memory.
        let _ = std::fs::remove_file(self.stage.mounts_json());
    }

    /// To whom the home array exports a volume.
    pub fn exported_to(&self, volume: &str) -> Vec<String> {
        let dump = self.stage.arrays.dump();
        let vluns = dump[HOME]["vluns"].as_array().unwrap().iter();
        vluns
            .filter(|vlun| vlun["vv"] == format!("dkv-{volume}"))
            .map(|vlun| vlun["host"].as_str().unwrap_or("port").to_owned())
            .collect()
    }

    /// What an administrator types at the home array.
    pub async fn types(&self, line: &str) {
        let said = self.stage.arrays.type_in(HOME, line).await;
        let harmless = said.trim().is_empty()
            || said.contains("no active paths")
            || said.starts_with("Issuing removevlun");
        assert!(harmless, "{line}: {said}");
    }

    pub fn at_other(&self, volume: &str) -> String {
        self.other_machine.mountpoint(volume).display().to_string()
    }

    /// What is in the file of that name of a volume that host2 has.
    pub fn reads(&self, volume: &str, file: &str) -> String {
        let at = self.at_other(volume);
        self.other_namespace.sh(&format!("cat {at}/{file}"))
    }

    pub fn at_first(&self, volume: &str) -> String {
        self.stage.machine.mountpoint(volume).display().to_string()
    }
}

/// The Status of a volume.
pub async fn status(plugin: &Plugin, volume: &str) -> Value {
    plugin.get(volume).await.ok()["Volume"]["Status"].clone()
}

impl Drop for Duel {
    fn drop(&mut self) {
        self.other.kill();
        let ours = self.stage.arrays.dir.path().display();
        let unmount = format!("grep -o ' {ours}[^ ]*' /proc/self/mountinfo | xargs -r umount");
        let _ = self.other_namespace.sh(&format!("{unmount} || true"));
    }
}
