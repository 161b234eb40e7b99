//! What keeps an imported volume from being released, and how a release that fails is taken back.

use std::time::{Duration, Instant};

use hpe3par_sim::{Fault, Kind};
use serde_json::{Value, json};

use super::{
    moved::{What, dies_after},
    rig::{
        arrays::HOME,
        plugin::{Plugin, Reply},
    },
    scene::{COMMENT, Scene, in_every_flavour, in_every_flavour_with},
    stage::{assert_told, patient},
};

async fn old_name_is_taken(scene: Scene) {
    scene.has_vv("oracle_01").await;
    scene.import("db1", "oracle_01", json!({})).await.ok();
    scene
        .types(HOME, "createvv -tpvv ssd_r6 oracle_01 1g")
        .await;
    let parts = [
        "was `oracle_01` before",
        "taken by another VV",
        "showvv -d oracle_01",
    ];
    scene.keeps("db1", &parts).await;
    scene.types(HOME, "removevv -f oracle_01").await;
    scene.stage.remove("db1").await.ok();
    assert_eq!(scene.vv(HOME, "oracle_01")["comment"], COMMENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_whose_old_name_is_taken_by_now_stays() {
    in_every_flavour("taken", old_name_is_taken).await;
}

async fn has_snapshots(scene: Scene) {
    scene.has_vv("oracle_01").await;
    if scene.has_snapshot_cpgs() {
        scene.types(HOME, "setvv -snp_cpg ssd_r5 oracle_01").await;
    }
    scene.import("db1", "oracle_01", json!({})).await.ok();
    let comment =
        "dk1/ns=/name=monday/home=130512/op=host8@abcdef.1/state=ready/origin=data/fmt=done/of=db1";
    let snapshot = format!("createsv -comment {comment} dkv-monday dkv-db1");
    scene.types(HOME, &snapshot).await;
    scene
        .keeps(
            "db1",
            &[
                "has snapshots that are Docker's: `monday`",
                "docker volume rm",
            ],
        )
        .await;
    scene.types(HOME, "removevv -f dkv-monday").await;
    // Those of somebody else's stay with it.
    scene.types(HOME, "createsv nightly dkv-db1").await;
    scene.stage.remove("db1").await.ok();
    assert_eq!(scene.vv(HOME, "nightly")["copy_of"], "oracle_01");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_with_snapshots_of_dockers_stays() {
    in_every_flavour("snapshots", has_snapshots).await;
}

/// A refusal of one command of the release: the volume is usable again, and the next release succeeds.
async fn refused_half_way(scene: Scene) {
    scene.has_vv("oracle_01").await;
    if scene.has_snapshot_cpgs() {
        scene.types(HOME, "setvv -snp_cpg ssd_r5 oracle_01").await;
    }
    let was = scene.stage.arrays.dump();
    scene.import("db1", "oracle_01", json!({})).await.ok();
    let op = |dump: &serde_json::Value| {
        let comment = dump[HOME]["vvs"]["dkv-db1"]["comment"].as_str().unwrap();
        comment.split("/op=").next().unwrap().to_owned() + comment.split_once("/state=").unwrap().1
    };
    let before = op(&scene.stage.arrays.dump());
    for command in ["^setvv -name oracle_01 ", "^setvv -comment \"Oracle"] {
        let fault = Fault::new(Kind::Refuse).on(HOME).matching(command);
        let fault = fault.words("Error: the moon is wrong");
        scene.stage.arrays.control.fault(fault).unwrap();
        let said = scene.stage.remove("db1").await.err();
        assert!(said.contains("the moon is wrong"), "{said}");
        assert!(said.contains("usable again"), "{said}");
        scene.stage.calm_down().await;
        assert_eq!(op(&scene.stage.arrays.dump()), before);
        assert!(scene.vv(HOME, "oracle_01").is_null());
        assert_eq!(scene.stage.plugin.list().await, ["db1"]);
    }
    scene.stage.remove("db1").await.ok();
    scene.end_as(&was).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_is_refused_half_way_leaves_a_usable_volume() {
    in_every_flavour("half way", refused_half_way).await;
}

/// A refusal of one command of an import: all is as it was.
async fn import_refused_half_way(scene: Scene) {
    scene.has_vv("oracle_01").await;
    let before = scene.stage.arrays.dump();
    let mut commands = vec!["^setvv -comment dk1.* oracle_01", "^setvv -name dkv-db1 "];
    if scene.has_snapshot_cpgs() {
        commands.push("^setvv -snp_cpg ");
    }
    // Last: the snapshot CPG that was set before it stays.
    commands.push("^setvv -comment dk1.*state=ready.* dkv-db1");
    for command in commands {
        let fault = Fault::new(Kind::Refuse).on(HOME).matching(command);
        let fault = fault.words("Error: the moon is wrong");
        scene.stage.arrays.control.fault(fault).unwrap();
        let said = scene.import("db1", "oracle_01", json!({})).await.err();
        assert!(said.contains("the moon is wrong"), "{said}");
        scene.stage.calm_down().await;
        let mut now = scene.stage.arrays.dump();
        if said.contains("snapshot CPG that it was given stays") {
            now[HOME]["vvs"]["oracle_01"]["snp_cpg"] = serde_json::Value::Null;
        }
        assert_eq!(now, before, "{command}");
        assert!(scene.stage.plugin.list().await.is_empty());
    }
    scene.import("db1", "oracle_01", json!({})).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_refused_half_way_is_taken_back_byte_for_byte() {
    in_every_flavour("half way", import_refused_half_way).await;
}

/// Waits while what is beside it goes on.
async fn soon(what: &str, mut ready: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !ready() {
        assert!(Instant::now() < patience, "{what} never came");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A host that saw the volume before its mark exports it when the exports have been looked at: the release is taken back, and succeeds when that
/// host has withdrawn.
async fn exported_meanwhile(scene: Scene) {
    scene.has_vv("oracle_01").await;
    scene.import("db1", "oracle_01", json!({})).await.ok();
    let other = "createhost -iscsi other iqn.1994-05.com.example:other";
    scene.types(HOME, other).await;
    let control = &scene.stage.arrays.control;
    let fault = Fault::new(Kind::HangBefore).on(HOME);
    control
        .fault(fault.matching("^setvv -name oracle_01 "))
        .unwrap();
    let exported = async {
        let sent = || {
            let log = control.log(Some(HOME));
            log.iter()
                .any(|entry| entry.line.starts_with("setvv -name oracle_01 "))
        };
        soon("the old name", sent).await;
        scene.types(HOME, "createvlun dkv-db1 7 other").await;
        control.release();
    };
    let (said, ()) = tokio::join!(scene.stage.plugin.remove("db1"), exported);
    let said = said.err();
    assert_told(&said, &["`db1`", "exports it to `other`", "usable again"]);
    assert!(scene.vv(HOME, "oracle_01").is_null());
    let comment = scene.vv(HOME, "dkv-db1")["comment"].to_string();
    assert!(comment.contains("/state=ready/"), "{comment}");
    assert_eq!(scene.stage.machine.open_entries(), 0);
    scene.types(HOME, "removevlun -f dkv-db1 7 other").await;
    scene.types(HOME, "removehost other").await;
    scene.stage.remove("db1").await.ok();
    assert_eq!(scene.vv(HOME, "oracle_01")["comment"], COMMENT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_volume_that_is_exported_over_its_release_stays() {
    in_every_flavour_with("exported", patient, exported_meanwhile).await;
}

/// The host that exported it: the VV has its old name when the answer comes, and its export is found there.
async fn renamed_meanwhile(scene: Scene) {
    scene.has_vv("oracle_01").await;
    scene.import("db1", "oracle_01", json!({})).await.ok();
    let control = &scene.stage.arrays.control;
    let fault = Fault::new(Kind::HangAfter).on(HOME);
    control.fault(fault.matching("^createvlun ")).unwrap();
    let vluns = || scene.stage.arrays.dump()[HOME]["vluns"].clone();
    let released = async {
        let exported = || vluns().to_string().contains("dkv-db1");
        soon("the export", exported).await;
        scene.types(HOME, "setvv -name oracle_01 dkv-db1").await;
        assert!(vluns().to_string().contains("oracle_01"));
        control.release();
    };
    let (said, ()) = tokio::join!(scene.stage.plugin.mount("db1", "c1"), released);
    said.err();
    scene.stage.calm_down().await;
    let left = vluns().to_string();
    assert!(!left.contains("oracle_01"), "{left}");
    scene.types(HOME, "setvv -name dkv-db1 oracle_01").await;
    scene.stage.remove("db1").await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_export_of_a_volume_that_was_released_meanwhile_is_taken_back() {
    in_every_flavour_with("renamed", patient, renamed_meanwhile).await;
}

/// The plugin dies at a point of a release of `db1`, which was `oracle_01`, or of one that is taken back as the array refuses a command.
async fn dies_at(point: &str, refused: Option<&str>) -> Scene {
    let mut scene = Scene::set("3.3.1").await;
    scene.has_vv("oracle_01").await;
    scene.types(HOME, "setvv -snp_cpg ssd_r5 oracle_01").await;
    let [list, from] = ["points", "from"].map(|name| scene.stage.machine.dir.join(name));
    // Which number that point has; the first release goes through.
    let mut at = String::new();
    for key in ["HPE3PAR_DOCKER_KILL_LIST", "HPE3PAR_DOCKER_KILL_AT"] {
        if !scene.vv(HOME, "oracle_01").is_null() {
            scene.import("db1", "oracle_01", json!({})).await.ok();
        }
        if let Some(command) = refused {
            let fault = Fault::new(Kind::Refuse).on(HOME).matching(command);
            scene.stage.arrays.control.fault(fault).unwrap();
        }
        let value = match key {
            "HPE3PAR_DOCKER_KILL_LIST" => list.display().to_string(),
            _ => at.clone(),
        };
        let environment = [
            (key, value),
            ("HPE3PAR_DOCKER_KILL_FROM", from.display().to_string()),
        ];
        scene.stage.arrays.control.clear_log();
        tokio::task::block_in_place(|| {
            scene.stage.plugin.kill();
            scene.stage.plugin = Plugin::start_with(&scene.stage.machine, &[], &environment);
        });
        scene.stage.machine.listed_once(&scene.stage.arrays).await;
        std::fs::write(&from, "").unwrap();
        let reply = scene.stage.remove("db1").await;
        std::fs::remove_file(&from).unwrap();
        if at.is_empty() {
            assert_eq!(matches!(reply, Reply::Ok(_)), refused.is_none());
            let points = std::fs::read_to_string(&list).unwrap();
            let line = points.lines().find(|line| line.ends_with(point));
            at = line.unwrap().split(' ').next().unwrap().to_owned();
        } else {
            assert_eq!(reply, Reply::Closed, "at {point}");
        }
    }
    scene
}

const OTHER: [&str; 2] = [
    "createhost -iscsi other iqn.1994-05.com.example:other",
    "createvlun oracle_01 7 other",
];

/// It has its old name, and nobody has looked whom it is exported to: the release is not through before that has ended, and says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_release_that_died_before_its_look_waits_for_the_end_of_an_export() {
    let mut scene = dies_at("after act give-back-name", None).await;
    for line in OTHER {
        scene.types(HOME, line).await;
    }
    scene.restart(true).await;
    for _ in 0..2 {
        let said = scene.stage.remove("db1").await.err();
        let parts = [
            "not cleaned up yet",
            "VV `oracle_01`",
            "is exported to `other`",
            "showvlun -t -v oracle_01",
        ];
        assert_told(&said, &parts);
        assert_told(&scene.stage.plugin.mount("db1", "c1").await.err(), &parts);
    }
    // Nobody is told that it is gone.
    assert_eq!(scene.stage.plugin.list().await, ["db1"]);
    assert_eq!(scene.status("db1").await["backend"], "DEFAULT");
    let comment = scene.vv(HOME, "oracle_01")["comment"].to_string();
    assert!(comment.contains("/state=removing/"), "{comment}");
    assert_eq!(scene.stage.machine.open_entries(), 1);
    // It ends by itself.
    scene.types(HOME, "removevlun -f oracle_01 7 other").await;
    soon("the end of it", || scene.stage.machine.open_entries() == 0).await;
    assert_eq!(scene.vv(HOME, "oracle_01")["comment"], COMMENT);
    assert!(scene.stage.plugin.list().await.is_empty());
    scene.stage.remove("db1").await.ok();
}

/// It was seen that nobody has it: whoever it is exported to since, by its old name, has it from an administrator.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_release_that_died_after_its_look_does_not_mind_an_export() {
    let mut scene = dies_at("before act give-back-comment", None).await;
    for line in OTHER {
        scene.types(HOME, line).await;
    }
    scene.restart(true).await;
    soon("the end of it", || scene.stage.machine.open_entries() == 0).await;
    assert_eq!(scene.vv(HOME, "oracle_01")["comment"], COMMENT);
    let vluns = scene.stage.arrays.dump()[HOME]["vluns"].to_string();
    assert!(vluns.contains("oracle_01"), "{vluns}");
    scene.stage.remove("db1").await.ok();
    assert!(scene.stage.plugin.list().await.is_empty());
}

/// It had its new name again in between, by which a host could find it: what was seen before that tells nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_release_that_died_when_it_was_taken_back_looks_again() {
    let comment_again = Some("^setvv -comment \"Oracle");
    let mut scene = dies_at("after act rename", comment_again).await;
    scene.types(HOME, OTHER[0]).await;
    scene.types(HOME, "createvlun dkv-db1 7 other").await;
    scene.restart(true).await;
    let said = scene.stage.remove("db1").await.err();
    assert_told(&said, &["VV `oracle_01`", "is exported to `other`"]);
    scene.types(HOME, "removevlun -f oracle_01 7 other").await;
    scene.stage.remove("db1").await.ok();
    assert_eq!(scene.vv(HOME, "oracle_01")["comment"], COMMENT);
}

/// The exports of the home array to this machine: of which VV, at which LUN.
fn exported(scene: &Scene) -> Vec<(String, u64)> {
    let vluns = scene.stage.arrays.dump()[HOME]["vluns"].clone();
    let vluns = vluns.as_array().unwrap().iter();
    let of = |vlun: &Value| {
        assert_eq!(vlun["host"], "host1");
        let name = vlun["vv"].as_str().unwrap().to_owned();
        (name, vlun["lun"].as_u64().unwrap())
    };
    vluns.map(of).collect()
}

const BY_HAND: u64 = 40;

/// The plugin dies in a mount of `db1`, after this command, and the volume is released by another host. At its next start it takes back
/// what the mount had exported. `by_hand`: an administrator has exported the VV to this machine, at another LUN.
async fn mount_dies(at: &str, by_hand: bool) -> (Scene, Vec<(String, u64)>) {
    let mut scene = Scene::set("3.3.1").await;
    scene.has_vv("oracle_01").await;
    scene.types(HOME, "setvv -snp_cpg ssd_r5 oracle_01").await;
    scene.import("db1", "oracle_01", json!({})).await.ok();
    dies_after(&mut scene, What::Mount, HOME, at).await;
    let before = exported(&scene);
    assert_eq!(before.len(), 1, "{before:?}");
    scene.types(HOME, "setvv -name oracle_01 dkv-db1").await;
    let lun = before[0].1;
    if by_hand {
        assert_ne!(lun, BY_HAND);
        for line in [
            format!("removevlun -f oracle_01 {lun} host1"),
            format!("createvlun oracle_01 {BY_HAND} host1"),
        ] {
            scene.types(HOME, &line).await;
        }
    }
    assert_eq!(scene.stage.machine.open_entries(), 1);
    scene.stage.plugin = tokio::task::block_in_place(|| Plugin::start(&scene.stage.machine));
    soon("the end of the mount", || {
        scene.stage.machine.open_entries() == 0
    })
    .await;
    let left = exported(&scene);
    (scene, left)
}

const HELD: &str = "^setvv -comment dk1.*/held=";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_mount_that_died_takes_back_its_own_export_and_no_other() {
    let (_scene, left) = mount_dies(HELD, false).await;
    assert_eq!(left, []);
    let (_scene, left) = mount_dies(HELD, true).await;
    assert_eq!(left, [("oracle_01".to_owned(), BY_HAND)]);
}

/// As an older plugin left it: what is exported to this machine may be what it exported.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_mount_that_died_before_it_knew_its_lun_takes_back_what_it_finds() {
    for by_hand in [false, true] {
        let (_scene, left) = mount_dies("^createvlun ", by_hand).await;
        assert_eq!(left, [], "{by_hand}");
    }
}
