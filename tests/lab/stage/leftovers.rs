//! What a scenario may not leave behind.

use std::time::Instant;

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
    /// Nothing of any volume is left: no disk, no map, no session, no mount, no VLUN, no VV. What is taken down in the background
    /// may take its time.
    #[track_caller]
    pub fn nothing_left(&self) {
        let patience = Instant::now() + PATIENCE;
        loop {
            let left = self.left();
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

    fn left(&self) -> Vec<String> {
        let mut left: Vec<String> = self.machine.ok(LOOK).lines().map(str::to_owned).collect();
        for (array, holds) in self.dump().as_object().unwrap() {
            let vluns = holds["vluns"].as_array().unwrap();
            left.extend(vluns.iter().map(|vlun| format!("VLUN on {array}: {vlun}")));
            let vvs = holds["vvs"].as_object().unwrap();
            let ours = vvs.keys().filter(|vv| vv.starts_with("dkv-"));
            left.extend(ours.map(|vv| format!("VV on {array}: {vv}")));
        }
        left
    }
}
