//! What is shown is what both arrays show now, and what is not known is said.

use hpe3par_sim::{Fault, Kind};
use serde_json::Value;

use crate::{
    administrator::{Said, group},
    rig::arrays::{HOME, PEER},
    scene::{GROUP, GROUP_THERE, Release::*, Scene, Way::*},
    stage::{self, case, patient},
};

async fn scene() -> Scene {
    // What takes too long here takes too long for the command of a person.
    let scene = Scene::set_with(Synchronous, R331, |toml| toml, patient).await;
    for name in ["db1", "Db2"] {
        scene.create(name).await.ok();
    }
    scene.at_rest().await;
    scene
}

fn has(said: &Said, parts: &[&str]) {
    for part in parts {
        assert!(
            said.out.contains(part) || said.err.contains(part),
            "`{part}` is missing:\n{}{}",
            said.out,
            said.err
        );
    }
}

/// A host that is logged in to an array and has a volume.
pub async fn host_uses(scene: &Scene, array: &str, host: &str, vv: &str) {
    let iqn = format!("iqn.2026-01.test.hosts:{host}");
    scene
        .types(array, &format!("createhost -iscsi -persona 2 {host} {iqn}"))
        .await;
    let control = &scene.stage.arrays.control;
    control.login(array, &iqn, &["0:2:1"]).unwrap();
    scene
        .types(array, &format!("createvlun {vv} auto {host}"))
        .await;
}

async fn everything_is_shown() {
    let scene = scene().await;
    // A group and a volume that are none of the plugin's, and a group to nowhere that matters.
    scene.admin_makes_group("payroll", "to-birch", "sync").await;
    scene.admin_fills_group("payroll", "to-birch").await;
    host_uses(&scene, HOME, "node4", "dkv-db1").await;
    let before = scene.stage.arrays.dump();
    let (here, there) = (scene.stage.label(HOME), scene.stage.label(PEER));
    scene.stage.arrays.control.clear_log();

    let list = group(&scene, &["list"]).await;
    assert_eq!((list.status, list.err.as_str()), (0, ""), "{list:?}");
    let rows: Vec<Vec<&str>> = list
        .out
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect()
        })
        .collect();
    assert_eq!(
        rows[0],
        [
            "BACKEND",
            "GROUP",
            "SERVES",
            "MEANS",
            "OWN ARRAY",
            "PEER",
            "MODE",
            "VOLUMES",
            "SYNC"
        ]
    );
    let payroll = [
        "mirrored",
        "payroll",
        &here,
        "stopped, not replicating",
        "Primary Stopped",
        "Secondary Stopped",
        "Sync",
        "1, 0 of Docker",
        "1 New",
    ];
    let prod = [
        "mirrored",
        "prod",
        &here,
        "replicating",
        "Primary Started",
        "Secondary Started",
        "Sync",
        "2, 2 of Docker",
        "2 Synced",
    ];
    assert_eq!(rows[1..], [payroll, prod]);
    // Every column begins at one place.
    let starts = |text: &str| {
        let lines = list.out.lines().skip(1).map(|line| line.find(text));
        lines.collect::<Vec<_>>()
    };
    assert_eq!(starts("Primary")[0], starts("Primary")[1]);
    assert_eq!(starts("Sync ")[0], starts("Sync ")[1]);

    let show = group(&scene, &["show", GROUP]).await;
    assert_eq!((show.status, show.err.as_str()), (0, ""), "{show:?}");
    let parts = [
        "remote copy group `prod` of backend `mirrored`: replicating",
        &format!("array `{here}` serves: it is Primary"),
        "prod.r130512",
        "to-birch",
        "to-amber",
        "130777",
        "ready, 1 of 1 Up",
        "auto_recover",
        "db1",
        "Db2",
        "1, of node4",
        "failover    no: array",
        "`dkv-db1` by host `node4`",
    ];
    has(&show, &parts);
    // By its name there it is the same.
    let json = group(&scene, &["show", GROUP_THERE, "--json"]).await.json();
    assert_eq!(json["group"], GROUP);
    assert_eq!(json["peer"]["array"], there.as_str());
    assert_eq!(json["peer"]["group"], GROUP_THERE);
    assert_eq!(json["source"]["role"], "Primary");
    assert_eq!(json["exports"][0]["hosts"][0], "node4");
    let names: Vec<&str> = json["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|volume| volume["volume"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["db1", "Db2"]);
    let json = group(&scene, &["list", "--json"]).await.json();
    assert_eq!(json[1]["ours"], 2);
    assert_eq!(json[1]["peer"]["status"], "Started");

    let none = group(&scene, &["show", "nothing"]).await;
    assert_eq!(none.status, 1);
    has(
        &none,
        &["error: backend `mirrored`: neither array has a remote copy group of that name"],
    );
    let wrong = group(&scene, &["plan", "failover", "prod;x"]).await;
    has(
        &wrong,
        &["error: `prod;x` is not a valid remote copy group name"],
    );
    assert_eq!(group(&scene, &["plan", "failback", "prod"]).await.status, 2);

    let log = scene.stage.arrays.control.log(None);
    assert!(log.iter().all(|entry| entry.line.starts_with("show")));
    assert_eq!(scene.stage.arrays.dump(), before);
}

async fn a_dead_array_is_said_in_time() {
    let scene = scene().await;
    let (here, there) = (scene.stage.label(HOME), scene.stage.label(PEER));
    for (dead, label) in [(HOME, &here), (PEER, &there)] {
        let fault = Fault {
            array: Some(dead.to_owned()),
            matching: Some("^showsys".to_owned()),
            repeat: true,
            ..Fault::new(Kind::HangBefore)
        };
        scene.stage.arrays.control.fault(fault).unwrap();
        // The living one has to answer in that time, too.
        let show = group(&scene, &["show", GROUP, "--timeout", "10"]).await;
        assert_eq!(show.status, 1);
        has(
            &show,
            &[
                &format!(
                    "array `{label}` cannot be asked: array `{label}` did not answer within 10 s"
                ),
                &format!("not known on array `{label}`"),
                "db1",
            ],
        );
        let list = group(&scene, &["list", "--timeout", "10"]).await;
        assert_eq!(list.status, 1);
        has(&list, &["warning: array", "not readable", "prod"]);
        scene.stage.arrays.control.clear_faults();
        scene.stage.arrays.control.release();
    }
    // Switched off, the peer alone tells what there is, by either of its names.
    scene.stage.arrays.control.down(HOME).await.unwrap();
    for name in [GROUP, GROUP_THERE] {
        let json = group(&scene, &["show", name, "--json"]).await.json();
        assert_eq!(json["group"], GROUP);
        assert_eq!(json["source"]["role"], Value::Null);
        assert_eq!(json["volumes"][0]["volume"], "db1");
    }
    let none = group(&scene, &["show", "nothing"]).await;
    has(&none, &["not every array could be asked", "cannot reach"]);
    // Nothing is known without both.
    scene.stage.arrays.control.down(PEER).await.unwrap();
    let list = group(&scene, &["list"]).await;
    assert_eq!((list.status, list.out.as_str()), (1, ""));
    has(&list, &["no remote copy group was seen", &here, &there]);
    let plan = group(&scene, &["plan", "failover", GROUP]).await;
    assert_eq!((plan.status, plan.out.as_str()), (1, ""));
}

/// `showrcopy` has no total: that a listing does not have the other half is no proof that there is none.
async fn half_a_group_is_believed_in_the_arrays_own_words_only() {
    let scene = scene().await;
    let control = &scene.stage.arrays.control;
    let printed = scene.stage.arrays.type_in(PEER, "showrcopy groups").await;
    let head = printed.find("Name").unwrap();
    let cut = Fault {
        array: Some(PEER.to_owned()),
        matching: Some("^showrcopy groups$".to_owned()),
        bytes: head,
        repeat: true,
        ..Fault::new(Kind::Truncate)
    };
    control.fault(cut.clone()).unwrap();
    let json = group(&scene, &["show", GROUP, "--json"]).await.json();
    assert_eq!(json["peer"]["role"], "Secondary", "{json:#}");
    let absent = Fault {
        array: Some(PEER.to_owned()),
        matching: Some(format!("^showrcopy groups {GROUP_THERE}$")),
        words: format!("Error: group matching {GROUP_THERE} does not exist on the system"),
        repeat: true,
        ..Fault::new(Kind::Refuse)
    };
    control.fault(absent).unwrap();
    let list = group(&scene, &["list"]).await;
    has(
        &list,
        &[
            "one array has no half of the group",
            "no such group",
            "Primary Started",
        ],
    );
    for operation in ["failover", "recover", "restore"] {
        let plan = group(&scene, &["plan", operation, GROUP]).await;
        assert_eq!(plan.status, 1);
        has(
            &plan,
            &["NOT NOW:", "who removed the group, or its other half"],
        );
        assert!(!plan.out.contains("setrcopygroup"), "{}", plan.out);
    }
}

async fn backends_of_one_pair() {
    let scene = scene().await;
    let conf = scene.stage.machine.conf();
    let text = std::fs::read_to_string(&conf).unwrap();
    let (_, mirrored) = text.split_once("[mirrored]").unwrap();
    let mirrored = mirrored.replace("[mirrored.", "[second.");
    std::fs::write(&conf, format!("{text}\n[second]{mirrored}")).unwrap();
    let said = group(&scene, &["show", GROUP]).await;
    assert_eq!((said.status, said.out.as_str()), (1, ""));
    has(
        &said,
        &["`mirrored` and `second`; hint: say which with `--backend`"],
    );
    let said = group(&scene, &["show", GROUP, "--backend", "second"]).await;
    assert_eq!(said.status, 0);
    has(&said, &["of backend `second`"]);
    let said = group(&scene, &["list"]).await;
    assert_eq!(said.out.lines().count(), 3);
    let said = group(&scene, &["list", "--backend", "DEFAULT"]).await;
    assert_eq!(said.status, 1);
    has(
        &said,
        &["no backend `DEFAULT` with a `replication_device`; hint: there is `mirrored`, `second`"],
    );
    // A third one replicates in another way: what is not its own it keeps out of, and what is nobody else's is its own.
    std::fs::write(&conf, &text).unwrap();
    scene.stage.machine.add_paired();
    scene.admin_makes_group("pair", "to-birch", "sync").await;
    for policy in ["auto_failover", "path_management"] {
        let line = format!("setrcopygroup pol {policy} pair");
        scene.types(HOME, &line).await;
    }
    let said = group(&scene, &["list"]).await;
    let of_each: Vec<[&str; 2]> = said
        .out
        .lines()
        .skip(1)
        .map(|line| {
            let mut words = line.split_whitespace();
            [words.next().unwrap(), words.next().unwrap()]
        })
        .collect();
    assert_eq!(of_each, [["mirrored", "prod"], ["paired", "pair"]]);
    for (name, backend) in [("prod", "mirrored"), ("pair", "paired")] {
        let said = group(&scene, &["show", name]).await;
        assert_eq!((said.status, said.err.as_str()), (0, ""), "{said:?}");
        has(&said, &[&format!("of backend `{backend}`")]);
    }
    // Each array is asked once, however many backends are on it.
    scene.stage.arrays.control.clear_log();
    group(&scene, &["list"]).await;
    assert_eq!(scene.given(HOME, "showsys").len(), 1);
    let whole = std::fs::read_to_string(&conf).unwrap();
    let (plain, _) = whole.split_once("[mirrored]").unwrap();
    std::fs::write(&conf, plain).unwrap();
    let said = group(&scene, &["list"]).await;
    has(
        &said,
        &["error: no backend in hpe.conf has a `replication_device`"],
    );
}

/// What a person's command asked is in files of its own, which the plugin does not write.
async fn transcripts_are_whole() {
    let scene = scene().await;
    let label = scene.stage.label(HOME);
    let own = scene
        .stage
        .machine
        .transcripts()
        .join(format!("{label}.log"));
    let before = std::fs::metadata(&own).unwrap().len();
    let many = (0..6).map(|_| group(&scene, &["show", GROUP]));
    for said in futures_util::future::join_all(many).await {
        assert_eq!(said.status, 0, "{said:?}");
    }
    let file = scene
        .stage
        .machine
        .transcripts()
        .join(format!("{label}+group.log"));
    let records: Vec<_> = hpe3par_docker::transcript::read(&file)
        .unwrap()
        .map(|record| record.expect("whole"))
        .collect();
    let asked = |command: &str| {
        let records = records.iter();
        records.filter(|record| record.command == command).count()
    };
    assert!(asked("showrcopy groups") >= 6, "{records:#?}");
    let listed = tokio::process::Command::new(env!("CARGO_BIN_EXE_hpe3par-docker"))
        .args(["transcript", "list", "--config"])
        .arg(scene.stage.machine.conf())
        .output()
        .await
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains(file.to_str().unwrap()), "{listed}");
    // The plugin's own file grew by nothing of this.
    let text = std::fs::read_to_string(&own).unwrap();
    let since = &text[usize::try_from(before).unwrap()..];
    assert!(!since.contains("showvlun -a"), "{since}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn what_is_shown_is_so() {
    let cases = vec![
        case("everything is shown", everything_is_shown()),
        case(
            "a dead array is said in time",
            a_dead_array_is_said_in_time(),
        ),
        case(
            "half a group is believed in the array's own words only",
            half_a_group_is_believed_in_the_arrays_own_words_only(),
        ),
        case("backends of one pair", backends_of_one_pair()),
        case("transcripts are whole", transcripts_are_whole()),
    ];
    stage::all(4, cases).await;
}
