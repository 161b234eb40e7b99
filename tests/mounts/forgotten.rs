//! The engine, or hpe.conf, does not know any more of what is mounted.

use std::time::{Duration, Instant};

use hpe3par_sim::{Fault, Kind};
use serde_json::json;

use crate::{
    rig::{
        arrays::{HOME, Machine},
        engine::until,
        plugin::{Plugin, Reply},
    },
    stage::Stage,
};

/// Takes the plain backend out of hpe.conf. Gives what was in it.
fn strike_default_out(machine: &Machine) -> String {
    let conf = std::fs::read_to_string(machine.conf()).unwrap();
    let (default, rest) = conf.split_once("[mirrored]").unwrap();
    let (global, _) = default.split_once("san_ip").unwrap();
    std::fs::write(machine.conf(), format!("{global}\n[mirrored]{rest}")).unwrap();
    conf
}

/// Kills the plugin while the array hangs after this command took effect; what is asked for is not answered.
async fn killed_after(stage: &mut Stage, command: &str, asked: impl AsyncFnOnce(&Stage) -> Reply) {
    stage.arrays.control.clear_log();
    let hang = Fault::new(Kind::HangAfter)
        .on(HOME)
        .matching(&format!("^{command}"));
    stage.arrays.control.fault(hang).unwrap();
    let dying = async {
        let log = || stage.arrays.control.log(Some(HOME));
        let ran = || {
            log()
                .iter()
                .any(|entry| entry.ran && command.split(".*").all(|part| entry.line.contains(part)))
        };
        let patience = Instant::now() + Duration::from_secs(60);
        while !ran() {
            assert!(Instant::now() < patience, "`{command}` was never run");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stage.plugin.strike();
    };
    let (reply, ()) = tokio::join!(asked(stage), dying);
    assert_eq!(reply, Reply::Closed);
    stage.kill();
    stage.arrays.control.release();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_is_removed_that_nobody_unmounted() {
    let Some(stage) = Stage::set("forgotten::a_volume_is_removed_that_nobody_unmounted").await
    else {
        return;
    };
    stage.create("db1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    // As in a container that lives on: the same filesystem under another path.
    let at = stage.machine.mountpoint("db1").display().to_string();
    let inside = stage.machine.dir.join("inside");
    std::fs::create_dir(&inside).unwrap();
    stage
        .namespace
        .sh(&format!("mount --bind {at} {}", inside.display()));
    let error = stage.plugin.remove("db1").await.err();
    assert!(error.contains("it is mounted on this host"), "{error}");
    assert!(stage.mounted("db1"));
    stage.namespace.sh(&format!("umount {}", inside.display()));

    // As in a shell that stands in it.
    let mut user = stage.namespace.sit_in(&at);
    let error = stage.plugin.remove("db1").await.err();
    assert!(error.contains("it is mounted on this host"), "{error}");
    assert!(stage.mounted("db1"));
    user.kill().unwrap();
    user.wait().unwrap();

    // A new engine: what the one before it used, it does not know of.
    stage
        .plugin
        .call("Plugin.Activate", &serde_json::json!({}))
        .await
        .ok();
    stage.plugin.remove("db1").await.ok();
    assert!(stage.is_clear());
    assert!(!stage.arrays.dump().to_string().contains("db1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backend_is_not_in_hpe_conf_any_more() {
    let Some(mut stage) = Stage::set("forgotten::the_backend_is_not_in_hpe_conf_any_more").await
    else {
        return;
    };
    stage.create("db1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    stage.kill();
    let conf = strike_default_out(&stage.machine);
    stage.start();
    stage.plugin.unmount("db1", "c1").await.ok();
    assert!(!stage.mounted("db1"));
    assert_eq!(stage.devices(), [""; 0]);
    assert_eq!(stage.journal(), 0);
    assert!(stage.exported() && stage.plugin.log().contains("its export stays"));

    stage.kill();
    std::fs::write(stage.machine.conf(), conf).unwrap();
    stage.start();
    until("the withdrawal", || stage.is_clear());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_of_a_backend_that_is_gone_was_not_finished() {
    let test = "forgotten::a_mount_of_a_backend_that_is_gone_was_not_finished";
    let Some(mut stage) = Stage::set(test).await else {
        return;
    };
    stage.create("db1").await;
    let mount = async |stage: &Stage| stage.plugin.mount("db1", "c1").await;
    killed_after(&mut stage, "setvv .*fmt=doing", mount).await;
    assert_eq!((stage.devices().len(), stage.journal()), (1, 1));
    let conf = strike_default_out(&stage.machine);
    stage.start();
    until("the end of the mount", || stage.journal() == 0);
    assert_eq!(stage.devices(), [""; 0]);
    assert!(stage.exported() && stage.plugin.log().contains("its export stays"));

    stage.kill();
    std::fs::write(stage.machine.conf(), conf).unwrap();
    stage.start();
    until("the withdrawal", || stage.is_clear());
    stage.plugin.mount("db1", "c1").await.ok();
    stage.plugin.unmount("db1", "c1").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_and_a_remove_of_a_backend_that_is_gone_wait_for_it() {
    let test = "forgotten::a_create_and_a_remove_of_a_backend_that_is_gone_wait_for_it";
    let Some(mut stage) = Stage::set(test).await else {
        return;
    };
    let create = async |stage: &Stage| {
        let options = json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" });
        stage.plugin.create("db1", options).await
    };
    let remove = async |stage: &Stage| stage.plugin.remove("db1").await;
    for (kind, command) in [("create", "createvv "), ("remove", "createvvset ")] {
        match kind {
            "create" => killed_after(&mut stage, command, create).await,
            _ => {
                create(&stage).await.ok();
                killed_after(&mut stage, command, remove).await;
            }
        }
        let conf = std::fs::read_to_string(stage.machine.conf()).unwrap();
        let (default, _) = conf.split_once("[mirrored]").unwrap();
        std::fs::write(stage.machine.conf(), default).unwrap();
        let log_before = stage.plugin.log().len();
        stage.start();

        // Its name waits, and who asks hears for what.
        let whose = format!("an earlier {kind} of it");
        for reply in [
            stage.plugin.create("db1", json!({})).await,
            stage.plugin.remove("db1").await,
        ] {
            let error = reply.err();
            let told = [&whose, "`dkv-db1`", "put backend `mirrored` back"];
            assert!(told.iter().all(|part| error.contains(part)), "{error}");
        }
        let help = stage
            .plugin
            .create("x", json!({ "help": "backends" }))
            .await;
        let help = help.err();
        let told = format!(
            "not in hpe.conf any more; not finished: the {kind} of `db1` (VV `dkv-db1`) begun at "
        );
        assert!(help.contains(&told), "{help}");
        if kind == "remove" {
            let got = stage.plugin.get("db1").await.ok();
            let unfinished = got["Volume"]["Status"]["unfinished"].to_string();
            assert!(unfinished.contains(&whose), "{got}");
        }

        // Other names do not wait, and what is open of them is cleaned up.
        stage.create("db2").await;
        stage.plugin.mount("db2", "c1").await.ok();
        stage.arrays.control.down(HOME).await.unwrap();
        stage.plugin.unmount("db2", "c1").await.ok();
        assert_eq!(stage.journal(), 2);
        stage.arrays.control.up(HOME).await.unwrap();
        until("the detach of the other", || stage.journal() == 1);
        stage.plugin.remove("db2").await.ok();
        let log = stage.plugin.log()[log_before..].to_owned();
        let about = |line: &&str| line.contains("WARN") && line.contains("volume=db1 ");
        let kept = "its backend is not in hpe.conf any more: kept";
        assert_eq!(
            log.lines()
                .filter(about)
                .filter(|l| l.contains(kept))
                .count(),
            1,
            "{log}"
        );
        assert!(
            !log.lines()
                .filter(about)
                .any(|l| l.contains("not cleaned up yet")),
            "{log}"
        );

        stage.kill();
        std::fs::write(stage.machine.conf(), conf).unwrap();
        stage.start();
        until("the end of what waited", || stage.journal() == 0);
        assert!(!stage.arrays.dump().to_string().contains("dkv-db1"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_goes_past_a_create_of_the_same_name_that_waits_for_its_backend() {
    let test = "forgotten::a_mount_goes_past_a_create_of_the_same_name_that_waits_for_its_backend";
    let Some(mut stage) = Stage::set(test).await else {
        return;
    };
    // It dies among the looks before its first command that changes something: only the journal knows of it.
    stage.kill();
    stage.start_with(&[("HPE3PAR_DOCKER_KILL_AT", "6".to_owned())]);
    let options = json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" });
    assert_eq!(stage.plugin.create("db1", options).await, Reply::Closed);
    stage.kill();
    assert_eq!(stage.journal(), 1);
    assert!(!stage.arrays.dump().to_string().contains("dkv-db1"));
    let conf = std::fs::read_to_string(stage.machine.conf()).unwrap();
    let (default, _) = conf.split_once("[mirrored]").unwrap();
    std::fs::write(stage.machine.conf(), default).unwrap();
    stage.start();
    let error = stage.plugin.create("db1", json!({})).await.err();
    assert!(error.contains("an earlier create of it"), "{error}");

    // Another host makes a volume of that name on a backend that is here.
    let elsewhere = Plugin::start(&stage.arrays.machine("host2"));
    let options = json!({ "size": "1" });
    elsewhere.create("db1", options).await.ok();
    stage.plugin.mount("db1", "c1").await.ok();
    assert!(stage.mounted("db1"));
    assert_eq!(stage.journal(), 1, "the create waits on");
    stage.plugin.unmount("db1", "c1").await.ok();
    assert!(!stage.mounted("db1") && stage.is_clear());
    assert_eq!(stage.journal(), 1, "the create waits on");

    // With its backend back it ends, and leaves alone what is not its own.
    stage.kill();
    std::fs::write(stage.machine.conf(), conf).unwrap();
    stage.start();
    until("the end of what waited", || stage.journal() == 0);
    assert!(stage.arrays.dump().to_string().contains("dkv-db1"));
    stage.plugin.mount("db1", "c1").await.ok();
    stage.plugin.unmount("db1", "c1").await.ok();
}
