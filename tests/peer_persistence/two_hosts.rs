//! Another host at the same volume, on either array.

use serde_json::Value;

use crate::{
    bystander::{COPY_OF_ALL_MOUNTS, begin},
    rig::{
        arrays::{HOME, Machine, PEER, persistent},
        engine::until,
        plugin::Plugin,
    },
    scene::{Flavour, GROUP, GROUP_THERE, mounts_at_last},
    stage::Stage,
};

/// A second machine in the same namespace. It is logged in on every array that is up, before one may go: a login that is cut off in its
/// middle is not tried again soon.
fn second_host(stage: &Stage) -> (Machine, Plugin) {
    let machine = stage.arrays.machine("host2");
    let conf = std::fs::read_to_string(machine.conf()).unwrap();
    std::fs::write(machine.conf(), persistent(&conf)).unwrap();
    let plugin = Plugin::start_with(&machine, &stage.namespace.words(), &[]);
    for host in ["host1", "host2"] {
        stage.arrays.log_in(host);
    }
    let dump = stage.arrays.dump();
    let is_up = |array: &&str| dump[*array]["up"] == true;
    for array in [HOME, PEER].into_iter().filter(is_up) {
        // What follows its first listing, in its own words: the first host asks the same of the arrays.
        let file = format!("{}.log", stage.label(array));
        let file = machine.transcripts().join(file);
        until("the first listing", || {
            std::fs::read_to_string(&file).is_ok_and(|asked| asked.contains("showhost -d"))
        });
    }
    (machine, plugin)
}

/// An export to another host on either array keeps the volume from this one.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_elsewhere_on_either_array_is_respected() {
    let test = "two_hosts::an_export_elsewhere_on_either_array_is_respected";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    stage.plugin.unmount("db1", "c1").await.ok();
    let (_machine, other) = second_host(&stage);
    other.mount("db1", "x1").await.ok();
    let said = stage.plugin.mount("db1", "c2").await.err();
    assert!(said.contains("`host2`"), "{said}");
    other.unmount("db1", "x1").await.ok();
    for array in [HOME, PEER] {
        for line in [
            "createhost -iscsi host2 iqn.2026-01.test.machines:host2",
            "createvlun dkv-db1 9 host2",
        ] {
            assert_eq!(stage.arrays.type_in(array, line).await, "", "{line}");
        }
        let before = stage.arrays.dump();
        let said = stage.plugin.mount("db1", "c3").await.err();
        assert!(
            said.contains("`host2`") && said.contains(&stage.label(array)),
            "{said}"
        );
        assert_eq!(stage.arrays.dump(), before);
        stage
            .arrays
            .type_in(array, "removevlun -f dkv-db1 9 host2")
            .await;
    }
    stage.plugin.mount("db1", "c4").await.ok();
    stage.is_on_both("db1");
    stage.plugin.unmount("db1", "c4").await.ok();
    stage.is_clear_at_last();
}

/// Both at the same moment, again and again: never both.
#[tokio::test(flavor = "multi_thread")]
async fn never_both() {
    let Some(stage) = Flavour::ThreePar.stage("two_hosts::never_both").await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.plugin.mount("db1", "c0").await.ok();
    stage.plugin.unmount("db1", "c0").await.ok();
    let (machine, other) = second_host(&stage);
    let mut won = [0, 0];
    for round in 0..12 {
        let id = format!("r{round}");
        let (one, two) = tokio::join!(stage.plugin.mount("db1", &id), other.mount("db1", &id));
        let mounted = [&stage.machine, &machine].map(|machine| {
            let at = machine.mountpoint("db1").display().to_string();
            !stage.mountpoints(&at).is_empty()
        });
        assert!(mounted != [true, true], "both hosts have it");
        let replied = [one, two].map(|reply| matches!(reply, crate::rig::plugin::Reply::Ok(_)));
        assert_eq!(mounted, replied);
        for (at, has) in mounted.into_iter().enumerate() {
            won[at] += usize::from(has);
        }
        stage.plugin.unmount("db1", &id).await.ok();
        other.unmount("db1", &id).await.ok();
        until("nothing left", || stage.is_clear());
    }
    println!("won: {won:?}");
}

/// A host that has the volume from a dead array only, while another one gets it from the array that took over: the first is cut off when
/// the array is back, and never gets a path to what the other one writes.
#[tokio::test(flavor = "multi_thread")]
async fn who_was_overtaken_is_cut_off() {
    let test = "two_hosts::who_was_overtaken_is_cut_off";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.plugin.mount("db1", "c0").await.ok();
    stage.plugin.unmount("db1", "c0").await.ok();
    let (machine, other) = second_host(&stage);
    // From the home array only: the peer is away, and has nothing to export when the home array dies.
    stage.arrays.control.down(PEER).await.unwrap();
    stage.plugin.mount("db1", "c1").await.ok();
    stage.is_only_on(HOME, "db1");
    stage.arrays.control.down(HOME).await.unwrap();
    stage.arrays.control.up(PEER).await.unwrap();
    stage
        .types(PEER, &format!("setrcopygroup failover -f {GROUP_THERE}"))
        .await;
    until("the failover", || stage.roles()[1] == "Primary-Rev");
    mounts_at_last(&other, "x1").await;
    assert_eq!(stage.exported_to(PEER, "db1").len(), 1);
    let at = machine.mountpoint("db1").display().to_string();
    stage
        .namespace
        .sh(&format!("echo theirs > {at}/file; sync -f {at}/file"));

    stage.arrays.control.up(HOME).await.unwrap();
    until("the old export gone", || {
        stage.exported_to(HOME, "db1").is_empty()
    });
    stage
        .types(PEER, &format!("setrcopygroup recover -f {GROUP_THERE}"))
        .await;
    stage.in_step();
    let host2_on_both = || {
        [HOME, PEER].iter().all(|array| {
            let hosts = stage.exported_to(array, "db1");
            hosts.len() == 1 && hosts[0].0 == "host2"
        })
    };
    until("both exports of the other host", host2_on_both);
    // The first one is told, and stays cut off.
    stage
        .shows("db1", "why", |status| {
            let why: &Value = &status["mounted here"]["exported by"];
            why.as_str()
                .unwrap_or_default()
                .contains("another host has had the volume since")
        })
        .await;
    assert!(host2_on_both());
    // A further container does not get the dead device.
    let said = stage.plugin.mount("db1", "c2").await.err();
    assert!(
        said.contains("no array exports it to this host any more"),
        "{said}"
    );
    stage.plugin.unmount("db1", "c1").await.ok();
    assert!(host2_on_both());
    assert_eq!(stage.namespace.sh(&format!("cat {at}/file")), "theirs\n");
    other.unmount("db1", "x1").await.ok();
    stage.plugin.mount("db1", "c2").await.ok();
    let at = stage.machine.mountpoint("db1").display().to_string();
    assert_eq!(stage.namespace.sh(&format!("cat {at}/file")), "theirs\n");
    stage.plugin.unmount("db1", "c2").await.ok();
    stage.is_clear_at_last();
}

/// As above, and the other one has written, unmounted and gone before anybody looks: what the first one has in memory is old all the same.
#[tokio::test(flavor = "multi_thread")]
async fn who_was_overtaken_is_cut_off_also_when_the_other_has_gone() {
    let test = "two_hosts::who_was_overtaken_is_cut_off_also_when_the_other_has_gone";
    let Some(mut stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.plugin.mount("db1", "c0").await.ok();
    stage.plugin.unmount("db1", "c0").await.ok();
    stage.arrays.control.down(PEER).await.unwrap();
    stage.plugin.mount("db1", "c1").await.ok();
    stage.is_only_on(HOME, "db1");
    clock_was_ahead(&stage, HOME).await;
    stage.kill();
    let (machine, other) = second_host(&stage);
    stage.arrays.control.down(HOME).await.unwrap();
    stage.arrays.control.up(PEER).await.unwrap();
    stage
        .types(PEER, &format!("setrcopygroup failover -f {GROUP_THERE}"))
        .await;
    until("the failover", || stage.roles()[1] == "Primary-Rev");
    mounts_at_last(&other, "x1").await;
    let at = machine.mountpoint("db1").display().to_string();
    stage
        .namespace
        .sh(&format!("echo theirs > {at}/file; sync -f {at}/file"));
    other.unmount("db1", "x1").await.ok();

    // Home again, before the first host's plugin comes back: its export is there, and the array serves.
    stage.arrays.control.up(HOME).await.unwrap();
    for (operation, [home, peer]) in [
        ("recover", ["Secondary-Rev", "Primary-Rev"]),
        ("restore", ["Primary", "Secondary"]),
    ] {
        stage
            .types(PEER, &format!("setrcopygroup {operation} -f {GROUP_THERE}"))
            .await;
        stage.until_roles(home, peer);
        stage.in_step();
    }
    assert_eq!(stage.exported_to(HOME, "db1").len(), 1);
    stage.start();
    until("cut off", || stage.exported_to(HOME, "db1").is_empty());
    assert_eq!(stage.exported_to(PEER, "db1"), []);
    stage
        .shows("db1", "why", |status| {
            let by: &Value = &status["mounted here"]["exported by"];
            by == "none: another host has had the volume since"
        })
        .await;
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.is_clear_at_last();
    stage.plugin.mount("db1", "c2").await.ok();
    stage.is_on_both("db1");
    let at = stage.machine.mountpoint("db1").display().to_string();
    assert_eq!(stage.namespace.sh(&format!("cat {at}/file")), "theirs\n");
    stage.plugin.unmount("db1", "c2").await.ok();
    stage.is_clear_at_last();
}

/// Whoever wrote the comment on this array has a clock that is years ahead.
async fn clock_was_ahead(stage: &Stage, array: &str) {
    let comment = comment_on(stage, array);
    let later: Vec<&str> = comment
        .split('/')
        .map(|part| match part.starts_with("since=") {
            true => "since=9999999999",
            false => part,
        })
        .collect();
    assert_ne!(later.join("/"), comment);
    let line = format!("setvv -comment {} dkv-db1", later.join("/"));
    stage.types(array, &line).await;
}

fn comment_on(stage: &Stage, array: &str) -> String {
    let dump = stage.arrays.dump();
    let comment = dump[array]["vvs"]["dkv-db1"]["comment"].as_str();
    comment.unwrap_or_default().to_owned()
}

/// The peer was away when this host mounted the volume, and still names the one that had it before, by a clock that is ahead: that is no
/// news to a plugin that was started anew, whichever array it sees first.
#[tokio::test(flavor = "multi_thread")]
async fn a_comment_that_lags_behind_cuts_nobody_off() {
    let test = "two_hosts::a_comment_that_lags_behind_cuts_nobody_off";
    let Some(mut stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.plugin.get("db1").await.ok();
    let (_machine, other) = second_host(&stage);
    other.mount("db1", "x1").await.ok();
    other.unmount("db1", "x1").await.ok();
    stage.is_clear_at_last();
    assert!(comment_on(&stage, PEER).contains("/held=host2"));
    clock_was_ahead(&stage, PEER).await;
    stage.arrays.control.down(PEER).await.unwrap();
    mounts_at_last(&stage.plugin, "c1").await;
    stage.is_only_on(HOME, "db1");
    stage.kill();
    stage.arrays.control.up(PEER).await.unwrap();
    stage.start();
    until("both exports", || {
        stage.lun(PEER, "db1").is_some() && stage.lun(HOME, "db1").is_some()
    });
    stage.is_on_both("db1");
    assert!(comment_on(&stage, PEER).contains("/held=host1"));

    // The copy names another one, and then it serves: it is written there again who has the volume.
    let behind = comment_on(&stage, PEER).replace("/held=host1", "/held=host2");
    let behind: Vec<&str> = behind
        .split('/')
        .map(|part| {
            if part.starts_with("holds=") {
                "holds=1.0"
            } else {
                part
            }
        })
        .collect();
    let line = format!("setvv -comment {} dkv-db1", behind.join("/"));
    stage.types(PEER, &line).await;
    stage.in_step();
    stage
        .types(HOME, &format!("setrcopygroup switchover -f {GROUP}"))
        .await;
    until("written again", || {
        comment_on(&stage, PEER).contains("/held=host1")
    });
    assert_eq!(comment_on(&stage, PEER), comment_on(&stage, HOME));
    stage.is_on_both("db1");
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.is_clear_at_last();
}

/// host1 has the volume on both arrays, and is switched off: its plugin, its mounts, its devices and its paths are gone.
async fn dead_holder(test: &str) -> Option<Stage> {
    let mut stage = Flavour::ThreePar.stage(test).await?;
    stage.create_replicated("db1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    stage.is_on_both("db1");
    stage.kill();
    let at = stage.machine.mountpoint("db1");
    stage.namespace.sh(&format!("umount {}", at.display()));
    for device in stage.devices() {
        stage.namespace.sh(&format!("losetup --detach {device}"));
    }
    Some(stage)
}

fn has_on(stage: &Stage, array: &str, host: &str) -> bool {
    let hosts = stage.exported_to(array, "db1");
    hosts.len() == 1 && hosts[0].0 == host
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_host_is_taken_over_on_both_arrays() {
    let test = "two_hosts::a_dead_host_is_taken_over_on_both_arrays";
    let Some(stage) = dead_holder(test).await else {
        return;
    };
    let (_machine, other) = second_host(&stage);
    stage.arrays.log_out("host1");
    other.mount("db1", "x1").await.ok();
    assert!(has_on(&stage, HOME, "host2") && has_on(&stage, PEER, "host2"));
    other.unmount("db1", "x1").await.ok();
    stage.is_clear_at_last();
}

/// The array that is away keeps its export to the dead host until it is back, and has nothing to say of the volume meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn an_array_that_was_away_gives_up_the_dead_host_when_it_is_back() {
    let test = "two_hosts::an_array_that_was_away_gives_up_the_dead_host_when_it_is_back";
    let Some(stage) = dead_holder(test).await else {
        return;
    };
    let (_machine, other) = second_host(&stage);
    stage.arrays.log_out("host1");
    other.get("db1").await.ok();
    stage.arrays.control.down(PEER).await.unwrap();
    mounts_at_last(&other, "x1").await;
    assert!(has_on(&stage, HOME, "host2"));
    assert!(has_on(&stage, PEER, "host1"));
    stage.arrays.control.up(PEER).await.unwrap();
    until("the dead host's export gone, and the other's there", || {
        has_on(&stage, PEER, "host2")
    });
    assert!(has_on(&stage, HOME, "host2"));
    let log = other.log();
    assert!(log.contains("taken over from is removed"), "{log}");
    other.unmount("db1", "x1").await.ok();
    stage.is_clear_at_last();
}

/// A device that somebody here kept when the volume was unmounted is joined by the next mount, but not when another host has had the
/// volume meanwhile, and has gone again: what is in memory of it is older than what is on the arrays.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_kept_is_not_joined_once_another_host_has_had_the_volume() {
    let test =
        "two_hosts::a_device_that_was_kept_is_not_joined_once_another_host_has_had_the_volume";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    let holder = begin(&stage, &COPY_OF_ALL_MOUNTS, "true");
    stage.plugin.unmount("db1", "c1").await.ok();
    // Nobody else has had it: it is what it was.
    stage.plugin.mount("db1", "c2").await.ok();
    stage.is_on_both("db1");
    stage.plugin.unmount("db1", "c2").await.ok();
    let (machine, other) = second_host(&stage);
    stage.arrays.log_out("host1");
    other.mount("db1", "x1").await.ok();
    assert!(has_on(&stage, HOME, "host2") && has_on(&stage, PEER, "host2"));
    let at = machine.mountpoint("db1").display().to_string();
    stage
        .namespace
        .sh(&format!("echo theirs > {at}/file; sync -f {at}/file"));
    other.unmount("db1", "x1").await.ok();
    until("given back", || !stage.exported());
    stage.arrays.log_in("host1");

    let said = stage.plugin.mount("db1", "c3").await.err();
    assert!(
        said.contains(&format!("pid {} (`sleep`)", holder.pid)),
        "{said}"
    );
    assert!(!stage.mounted("db1") && !stage.exported());
    holder.end(&stage);
    stage.is_clear_at_last();
    stage.plugin.mount("db1", "c4").await.ok();
    let at = stage.machine.mountpoint("db1").display().to_string();
    assert_eq!(stage.namespace.sh(&format!("cat {at}/file")), "theirs\n");
    stage.plugin.unmount("db1", "c4").await.ok();
    stage.is_clear_at_last();
}
