//! Two machines adopt one volume out of its remote copy group, and each command of the one meets the other: it is taken once, in its group, and
//! has one former copy.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use hpe3par_sim::{Fault, Kind};

use super::{
    adopting::{ORDERS, desk},
    in_a_group::{copied, is_adopted, with_orders},
    process,
    put_back::ended,
    rig::{
        arrays::{HOME, PEER},
        plugin::{Plugin, Reply},
    },
    scene::Scene,
    stage::{Case, all, case},
};

/// How long the other one may take, or be held up by the command that hangs, before that goes on.
const MEET: Duration = Duration::from_secs(10);

/// Arrays whose clock does not run so fast that each takes the other's lock for a left one.
async fn scene() -> Scene {
    let slowly = |toml: String| toml.replace("factor = 100000.0", "factor = 20.0");
    let scene = Scene::set_with("3.3.1", slowly, |conf| conf).await;
    with_orders(&scene, false).await;
    scene
}

/// One command of an adoption: on which array, which command, and the how many-th of them.
type At = (&'static str, String, u32);

/// What an adoption changes, command by command.
async fn changes() -> Vec<At> {
    let scene = scene().await;
    scene.stage.arrays.control.clear_log();
    process::adopt_anew(&desk(&scene), "orders", None, &[])
        .await
        .ok();
    let mut times = BTreeMap::new();
    let mut all = Vec::new();
    for array in [HOME, PEER] {
        for entry in scene.stage.arrays.control.log(Some(array)) {
            let word = entry.line.split(' ').next().unwrap_or_default().to_owned();
            let nth = times.entry((array, word.clone())).or_insert(0);
            *nth += 1;
            if entry.changed {
                all.push((array, word, *nth));
            }
        }
    }
    all
}

/// What the one is told that does not get it.
async fn meets((array, word, nth): At, kind: Kind) -> String {
    let scene = scene().await;
    let before = scene.stage.arrays.dump();
    let control = &scene.stage.arrays.control;
    let desks = [desk(&scene), scene.stage.arrays.machine("office")];
    let fault = Fault::new(kind).on(array).matching(&format!("^{word}\\b"));
    control.fault(fault.nth(nth)).unwrap();
    control.clear_log();
    let first = process::adopt_anew(&desks[0], "orders", None, &[]);
    let second = async {
        let given = || {
            let log = control.log(Some(array));
            let word = |line: &str| line.split(' ').next() == Some(&word);
            log.iter().filter(|entry| word(&entry.line)).count()
        };
        let patience = Instant::now() + 6 * MEET;
        while given() < nth as usize {
            assert!(Instant::now() < patience, "{word} never came");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let second = process::adopt_anew(&desks[1], "orders", None, &[]);
        tokio::pin!(second);
        if let Ok(reply) = tokio::time::timeout(MEET, &mut second).await {
            control.release();
            return reply;
        }
        control.release();
        second.await
    };
    let replies = tokio::join!(first, second);
    for desk in &desks {
        if desk.open_entries() > 0 {
            let plugin = tokio::task::block_in_place(|| Plugin::start(desk));
            ended(desk).await;
            drop(plugin);
        }
    }
    copied(&scene.stage.arrays).await;
    is_adopted(&scene.stage.arrays, &before);
    let now = scene.stage.arrays.dump();
    for array in [HOME, PEER] {
        assert_eq!(now[array]["vv_sets"], before[array]["vv_sets"], "{array}");
    }
    assert!(now[HOME]["vvs"][ORDERS].is_null());
    let ((Reply::Ok(_), Reply::Err(said)) | (Reply::Err(said), Reply::Ok(_))) = replies else {
        panic!("{replies:?}");
    };
    // It is on its way, or adopted, or was both between the look and the first change.
    let told = [
        "is being imported, adopted or released by host `desk`",
        "has no volume `orders`",
        "VV dcv-rNQ35-G7TkS-7v.GUQuQDg not found",
    ];
    assert!(told.iter().any(|words| said.contains(words)), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn one_volume_is_taken_once() {
    let changes = changes().await;
    assert!(changes.len() >= 10, "{changes:#?}");
    println!(
        "an adoption meets another one at {} commands",
        changes.len()
    );
    let mut cases: Vec<Case> = Vec::new();
    let on_its_way = Arc::new(AtomicUsize::new(0));
    for at in changes {
        for kind in [Kind::HangBefore, Kind::HangAfter] {
            let name = format!("{kind:?} {at:?}");
            let (at, on_its_way) = (at.clone(), Arc::clone(&on_its_way));
            let meeting = async move {
                if meets(at, kind).await.contains("is being") {
                    on_its_way.fetch_add(1, Ordering::SeqCst);
                }
            };
            cases.push(case(name, meeting));
        }
    }
    all(3, cases).await;
    assert!(on_its_way.load(Ordering::SeqCst) > 5);
}
