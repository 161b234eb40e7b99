//! What a scenario may not leave behind.

use std::time::Instant;

use serde_json::Value;

use super::{PATIENCE, Stage};

/// Prints a line for each disk of an array, map, session and mount of ours.
const LOOK: &str = r#"
for disk in /sys/block/sd*; do
    grep -qs 3PARdata "$disk/device/vendor" && echo "disk ${disk##*/} $(cat "$disk/device/state")"
done
for map in /sys/block/dm-*; do
    grep -qs '^mpath-360002ac' "$map/dm/uuid" && echo "map $(cat "$map/dm/uuid")"
done
for session in /sys/class/iscsi_session/session*; do
    grep -s . "$session/targetname" | sed 's/^/session /'
done
grep -o ' /var/lib/hpe3par-docker/mounts/[^ ]*' /proc/self/mountinfo | sed 's/^/mount/'
true
"#;

impl Stage {
    /// Nothing of any volume is left: no disk, no map, no session, no mount, no VLUN, no host object, no VV, no group.
    #[track_caller]
    pub fn nothing_left(&self) {
        self.until_none(|| {
            let mut left = self.attached();
            left.extend(self.volumes());
            left
        });
    }

    /// Volumes are left, and no trace of them on this machine, and none of this machine on any array.
    #[track_caller]
    pub fn nothing_attached(&self) {
        self.until_none(|| self.attached());
    }

    /// What is taken down in the background may take its time.
    #[track_caller]
    fn until_none(&self, look: impl Fn() -> Vec<String>) {
        let patience = Instant::now() + PATIENCE;
        loop {
            let left = look();
            if left.is_empty() {
                return;
            }
            assert!(
                Instant::now() < patience,
                "left behind:\n{}",
                left.join("\n")
            );
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
    }

    fn attached(&self) -> Vec<String> {
        let mut left: Vec<String> = self.machine.ok(LOOK).lines().map(str::to_owned).collect();
        for (array, holds) in self.dump().as_object().unwrap() {
            let vluns = holds["vluns"].as_array().unwrap();
            left.extend(vluns.iter().map(|vlun| format!("VLUN on {array}: {vlun}")));
            left.extend(names(holds, "hosts").map(|host| format!("host on {array}: {host}")));
        }
        left
    }

    fn volumes(&self) -> Vec<String> {
        let mut left = Vec::new();
        for (array, holds) in self.dump().as_object().unwrap() {
            let vvs = names(holds, "vvs").filter(|vv| vv.starts_with("dkv-"));
            left.extend(vvs.map(|vv| format!("VV on {array}: {vv}")));
            for kind in ["groups", "vv_sets", "host_sets"] {
                left.extend(names(holds, kind).map(|name| format!("{kind} on {array}: {name}")));
            }
        }
        left
    }
}

/// What an array holds of a kind. What a scenario does as an administrator, it takes back itself.
fn names<'a>(holds: &'a Value, kind: &str) -> impl Iterator<Item = &'a String> {
    holds[kind].as_object().unwrap().keys()
}
