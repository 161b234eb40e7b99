//! The whole life of a Peer Persistence group, with a host that has live paths to both arrays and writes: every plan is typed as it is
//! printed.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::{FileExt, MetadataExt},
    path::PathBuf,
};

use hpe3par_sim::{Fault, Kind};
use serde_json::{Value, json};

use crate::{
    administrator::{at_rest, carry_out, ends_as_promised, group, plan, types},
    rig::arrays::{HOME, PEER},
    scene::{GROUP, Release, Release::*, Scene, Way::*},
    stage::{self, case},
};

const NODE: &str = "iqn.2026-01.test.hosts:node4";
pub const HOME_SERVES: [&str; 2] = ["Primary Started", "Secondary Started"];

/// A volume, and a host that is logged in to both arrays and has it on both.
pub async fn scene(release: Release, keeps_natural: bool) -> Scene {
    let describe = |toml: String| {
        let switches = format!("switches = {{ switchover_keeps_natural = {keeps_natural} }}");
        let logins = format!("initiators = {{ \"{NODE}\" = [\"0:2:1\"] }}");
        toml.replace(
            "latency_ms = 0",
            &format!("{switches}\n{logins}\nlatency_ms = 0"),
        )
    };
    let scene = Scene::set_with(PeerPersistence, release, describe, |conf| conf).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    for array in [HOME, PEER] {
        let host = format!("createhost -iscsi -persona 2 node4 {NODE}");
        scene.types(array, &host).await;
        scene.types(array, "createvlun dkv-db1 7 node4").await;
    }
    scene
}

/// What the host has open of `db1`, and what it wrote.
pub struct Device(File);

impl Device {
    pub fn open(scene: &Scene) -> Self {
        let exports = scene.stage.arrays.dir.path().join("exports").join(HOME);
        let mut links = fs::read_dir(exports.join("node4")).unwrap();
        let link = links.next().unwrap().unwrap().path();
        Self(
            OpenOptions::new()
                .read(true)
                .write(true)
                .open(link)
                .unwrap(),
        )
    }

    /// It writes, and an array has it; `both` if it must be on both.
    #[track_caller]
    pub fn writes(&self, scene: &Scene, byte: u8, on: &[&str]) {
        let at = u64::from(byte) * 4096;
        self.0.write_all_at(&[byte], at).unwrap();
        for array in on {
            let mut found = [0];
            let data = File::open(data(scene, array)).unwrap();
            data.read_exact_at(&mut found, at).unwrap();
            assert_eq!(found, [byte], "on {array}");
        }
    }

    pub fn is_on(&self, scene: &Scene, array: &str) -> bool {
        let data = fs::metadata(data(scene, array)).unwrap();
        self.0.metadata().unwrap().ino() == data.ino()
    }
}

fn data(scene: &Scene, array: &str) -> PathBuf {
    let vv = scene.vv(array, "db1");
    let file = format!("{}-{}.img", vv["id"], vv["wwn"].as_str().unwrap());
    scene
        .stage
        .arrays
        .dir
        .path()
        .join("data")
        .join(array)
        .join(file)
}

pub fn told(plan: &Value, what: &str) -> String {
    plan[what].to_string()
}

/// Nothing is to be typed now, for this reason.
#[track_caller]
pub fn objects<'a>(
    scene: &'a Scene,
    operation: &'a str,
    reason: &'a str,
) -> impl Future<Output = Value> + use<'a> {
    let caller = std::panic::Location::caller();
    async move {
        let before = scene.stage.arrays.dump();
        let is = plan(scene, operation).await;
        assert_eq!(is["now"], false, "{caller}: {is:#}");
        assert!(told(&is, "objections").contains(reason), "{caller}: {is:#}");
        assert_eq!(scene.stage.arrays.dump(), before, "{caller}");
        is
    }
}

pub async fn passes(scene: &Scene, seconds: u32) {
    scene.stage.arrays.control.advance(seconds);
    at_rest(scene).await;
}

/// The array that serves dies, the other one takes over, and the first one is back.
pub async fn taken_over(scene: &Scene, dies: &str) {
    let control = &scene.stage.arrays.control;
    control.down(dies).await.unwrap();
    passes(scene, 30).await;
    control.up(dies).await.unwrap();
    at_rest(scene).await;
}

async fn there_and_back(release: Release, keeps: bool) {
    let scene = scene(release, keeps).await;
    let device = Device::open(&scene);
    let list = group(&scene, &["list"]).await;
    assert!(list.out.contains("Sync, Peer Persistence"), "{list:?}");
    let show = group(&scene, &["show", GROUP]).await;
    let parts = [
        "it is Peer Persistence\n",
        "multipath uses this one",
        ": 198.51.100.9, seen\n",
        "1, of node4 (standby)",
        "switchover  yes: `hpe3par-docker group plan switchover prod`",
        "override    no: no array is in Failsafe",
    ];
    for part in parts {
        assert!(show.out.contains(part), "`{part}`: {}", show.out);
    }
    let reversed = if keeps { "-Rev" } else { "" };
    carry_out(&scene, "switchover").await;
    assert_eq!(
        scene.roles(),
        [
            format!("Secondary{reversed} Started"),
            format!("Primary{reversed} Started")
        ]
    );
    device.writes(&scene, 1, &[HOME, PEER]);
    if keeps {
        // Two ways home.
        let home = carry_out(&scene, "restore").await;
        assert!(
            told(&home, "cautions").contains("1 host is logged in"),
            "{home:#}"
        );
        assert_eq!(scene.roles(), HOME_SERVES);
        carry_out(&scene, "switchover").await;
    } else {
        objects(&scene, "restore", "path_management").await;
    }
    objects(
        &scene,
        "failover",
        if keeps {
            "natural direction"
        } else {
            "path_management"
        },
    )
    .await;
    carry_out(&scene, "switchover").await;
    assert_eq!(scene.roles(), HOME_SERVES);
    device.writes(&scene, 2, &[HOME, PEER]);
    assert!(plan(&scene, "restore").await["done"].is_string());
}

async fn a_takeover_and_home(release: Release) {
    let scene = scene(release, false).await;
    let device = Device::open(&scene);
    taken_over(&scene, HOME).await;
    assert_eq!(scene.roles(), ["Primary Failsafe", "Primary-Rev Stopped"]);
    device.writes(&scene, 1, &[PEER]);
    assert!(plan(&scene, "failover").await["done"].is_string());
    objects(&scene, "switchover", "failed over").await;
    objects(&scene, "override", "failed over, and not recovered yet").await;
    let show = group(&scene, &["show", GROUP]).await;
    assert!(show.out.contains("recover     yes: "), "{}", show.out);

    let recover = carry_out(&scene, "recover").await;
    let cautions = told(&recover, "cautions");
    assert!(
        cautions.contains("in Failsafe and gives them nothing"),
        "{cautions}"
    );
    device.writes(&scene, 2, &[HOME, PEER]);
    let watch = group(&scene, &["watch", GROUP]).await;
    assert_eq!(watch.status, 0, "{watch:?}");
    // Nobody stopped anything for it.
    let said = group(&scene, &["plan", "restore", GROUP]).await;
    assert!(
        said.out.contains("type, by hand") && !said.out.contains("then start what uses"),
        "{}",
        said.out
    );
    carry_out(&scene, "restore").await;
    assert_eq!(scene.roles(), HOME_SERVES);
    device.writes(&scene, 3, &[HOME, PEER]);
}

/// A host that has it on one array only would have it nowhere after the restore.
async fn a_host_on_one_array(release: Release) {
    let scene = scene(release, false).await;
    taken_over(&scene, HOME).await;
    carry_out(&scene, "recover").await;
    scene.types(HOME, "removevlun -f dkv-db1 7 node4").await;
    let is = objects(&scene, "restore", "no path to them on array").await;
    assert!(
        told(&is, "objections").contains(&scene.stage.label(HOME)),
        "{is:#}"
    );
    scene.types(HOME, "createvlun dkv-db1 7 node4").await;
    carry_out(&scene, "restore").await;
}

/// Somebody let the former primary serve beside the array that took over: what hosts write there is lost by `recover`.
/// The primary is alone, and the other array did not take over.
/// The same, and hosts are to go on at the other array.
/// After a switchover that kept the natural direction the home array takes over: the roles are those of a failover the other way.
/// The same, but nobody takes over by itself: whether the home array is in step is for a person to find out.
/// The last one of the arrays that could decide is missing.
async fn a_lost_witness(release: Release) {
    let scene = scene(release, false).await;
    let control = &scene.stage.arrays.control;
    control.cut_witness(PEER).unwrap();
    let words = "does not see the quorum witness (198.51.100.9 is Failed, failed)";
    let is = plan(&scene, "switchover").await;
    assert_eq!(is["now"], true);
    assert!(told(&is, "cautions").contains(words), "{is:#}");
    let of = |label: &str, is: &Value| {
        let mut sides = is["witness"].as_array().unwrap().iter();
        sides.find(|side| side["array"] == label).unwrap().clone()
    };
    assert_eq!(of(&scene.stage.label(HOME), &is)["seen"], true);
    assert_eq!(of(&scene.stage.label(PEER), &is)["seen"], false);
    // The primary is lost, and nobody takes over.
    control.down(HOME).await.unwrap();
    passes(&scene, 30).await;
    let is = plan(&scene, "failover").await;
    assert_eq!(is["now"], true, "{is:#}");
    let cautions = told(&is, "cautions");
    assert!(
        cautions.contains(words) && cautions.contains("did not take over by itself"),
        "{cautions}"
    );
    for command in is["commands"].as_array().unwrap() {
        types(&scene, command).await;
    }
    ends_as_promised(&scene, &is).await;
    // What nobody understands is no witness that is seen.
    control.restore_witness(PEER).unwrap();
    let strange = Fault {
        array: Some(PEER.to_owned()),
        matching: Some("^showrcopy -qw".to_owned()),
        words: "QW-Server: fine".to_owned(),
        ..Fault::new(Kind::Refuse)
    };
    control.fault(strange).unwrap();
    let show = group(&scene, &["show", GROUP]).await;
    assert!(show.out.contains(": not readable: "), "{}", show.out);
    assert!(!show.out.contains(", seen"), "{}", show.out);
}

async fn other_policies(release: Release) {
    let scene = scene(release, false).await;
    let listed = async |words: &str| {
        let list = group(&scene, &["list"]).await;
        assert!(list.out.contains(words), "`{words}`: {}", list.out);
    };
    scene
        .types(HOME, "setrcopygroup pol no_auto_failover prod")
        .await;
    listed("Sync, Peer Persistence without auto_failover").await;
    assert_eq!(plan(&scene, "switchover").await["now"], true);
    scene
        .types(HOME, "setrcopygroup pol no_path_management prod")
        .await;
    scene
        .types(HOME, "setrcopygroup pol auto_failover prod")
        .await;
    listed("Sync, auto_failover without path_management").await;
    objects(&scene, "switchover", "it is Active/Passive").await;
    objects(&scene, "failover", "would no longer serve, and hosts have").await;
    if release == R1050 {
        scene
            .types(HOME, "setrcopygroup pol active_active prod")
            .await;
        listed("Sync, active-active").await;
        for operation in ["failover", "recover", "restore", "switchover", "override"] {
            let is = objects(&scene, operation, "both arrays serve its volumes at once").await;
            assert_eq!(is["commands"], json!([]));
        }
        let show = group(&scene, &["show", GROUP]).await;
        assert!(show.out.contains("it is active-active\n"), "{}", show.out);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn peer_persistence_through_its_whole_life() {
    let mut cases = Vec::new();
    for release in [R331, R1050] {
        let name = |what: &str| format!("{what}: {release:?}");
        for keeps in [false, true] {
            let name = name(&format!("there and back, keeps natural: {keeps}"));
            cases.push(case(name, there_and_back(release, keeps)));
        }
        cases.push(case(
            name("a takeover and home"),
            a_takeover_and_home(release),
        ));
        cases.push(case(
            name("a host on one array"),
            a_host_on_one_array(release),
        ));
        cases.push(case(name("a lost witness"), a_lost_witness(release)));
        cases.push(case(name("other policies"), other_policies(release)));
    }
    stage::all(4, cases).await;
}
