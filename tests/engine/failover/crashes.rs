//! The array that serves dies, and the machine loses more than that: nobody unmounted what it had from there.

use std::process::Command;

use super::{Drill, HOME, PEER, Release, VOLUME, until};

/// The engine's mount is still there, from the dead array, and no container uses it.
#[tokio::test(flavor = "multi_thread")]
async fn the_engine_dies_too() {
    let test = "engine::failover::crashes::the_engine_dies_too";
    let Some(mut drill) = Drill::set(test, Release::R331).await else {
        return;
    };
    drill.write();
    drill.stage.arrays.control.down(HOME).await.unwrap();
    drill.stage.engine.kill_daemon();
    drill.stage.engine.start_daemon(&[]);
    drill.fail_over().await;
    drill.start();
    drill.reads_all();
    drill.goes_on_when_the_array_is_back().await;
}

/// All that is left on the machine is its disk.
#[tokio::test(flavor = "multi_thread")]
async fn the_machine_restarts() {
    let test = "engine::failover::crashes::the_machine_restarts";
    let Some(mut drill) = Drill::set(test, Release::R331).await else {
        return;
    };
    drill.write();
    drill.stage.arrays.control.down(HOME).await.unwrap();
    drill.stage.engine.kill_daemon();
    drill.stage.plugin.kill();
    // The container's processes ended with the engine's next start, as all do with the machine.
    drill.stage.engine.start_daemon(&[]);
    drill.forgets_what_a_restart_forgets();
    drill.stage.restart_plugin();
    drill.fail_over().await;
    drill.start();
    drill.reads_all();
    drill.goes_on_when_the_array_is_back().await;
}

impl Drill {
    /// Mounts, devices, and what is under /run.
    fn forgets_what_a_restart_forgets(&self) {
        let inside = self.stage.engine.inside();
        let at = self.stage.machine.mountpoint(VOLUME).display().to_string();
        let unmounted = Command::new(&inside[0])
            .args(&inside[1..])
            .args(["umount", &at])
            .status()
            .unwrap();
        assert!(unmounted.success());
        for device in self.loop_devices() {
            let _ = Command::new("losetup").args(["-d", &device]).status();
        }
        assert_eq!(self.devices(), 0);
        std::fs::remove_file(self.stage.machine.dir.join("run/mounts.json")).unwrap();
    }

    async fn goes_on_when_the_array_is_back(&mut self) {
        assert_eq!((self.exports(HOME), self.exports(PEER)), (1, 1));
        self.stage.arrays.control.up(HOME).await.unwrap();
        until("the end of the old export", || self.exports(HOME) == 0);
        self.is_served_from(PEER);
        self.write();
        self.reads_all();
        self.recover().await;
        self.stop();
        self.restore().await;
        self.start();
        self.is_served_from(HOME);
        self.reads_all();
        self.stop();
        self.is_clear();
    }
}
