//! Two copies with different data in one multipath map are the end of both: whatever happens, in whatever order, all exports of one
//! WWN lead to one file, and a host that has it open has that file.

use std::collections::BTreeSet;

use hpe3par_sim::state::Release;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::scene::{Device, HERE, NORTH, RELEASES, SOUTH, Scene, THERE, USUAL};

/// Sequences for each release, and events in each.
const SEQUENCES: u64 = 15;
const EVENTS: usize = 80;

/// What happens to the arrays.
#[derive(Debug, Clone)]
enum Event {
    Down(&'static str),
    Up(&'static str),
    CutLinks,
    RestoreLinks,
    CutWitness(&'static str),
    RestoreWitness(&'static str),
    Passes(u32),
    Types(&'static str, String),
    /// An array is alone: no links, no witness.
    Isolated(&'static str),
    /// Whatever is broken is mended, and the group runs again from whichever side sends.
    Mended,
}

/// The commands that let a second array serve.
const FORCE: [&str; 3] = ["failover", "override", "-local"];

/// The command that lets the other array serve with what it has.
const DISCARDS: &str = "setrcopygroup reverse";

const OPERATIONS: [&str; 14] = [
    "stoprcopygroup -f",
    "startrcopygroup",
    "startrcopygroup",
    "setrcopygroup switchover -f",
    "setrcopygroup switchover -f -waittask",
    "setrcopygroup failover -f",
    "setrcopygroup recover -f",
    "setrcopygroup recover -f -waittask",
    "setrcopygroup restore -f",
    "setrcopygroup restore -f -waittask",
    "setrcopygroup override -f",
    "setrcopygroup reverse -f -natural",
    "setrcopygroup reverse -f -local -current",
    "setrcopygroup reverse -f -stopgroups -waittask",
];

const POLICIES: [&str; 8] = [
    "auto_recover",
    "no_auto_recover",
    "auto_synchronize",
    "no_auto_synchronize",
    "auto_failover",
    "no_auto_failover",
    "path_management",
    "no_path_management",
];

fn event(dice: &mut StdRng) -> Event {
    let array = *[NORTH, SOUTH].choose(dice).unwrap();
    let group = if array == NORTH { HERE } else { THERE };
    match dice.random_range(0..28) {
        0 | 1 => Event::Down(array),
        2..=4 => Event::Up(array),
        5 => Event::CutLinks,
        6 | 7 => Event::RestoreLinks,
        8 => Event::CutWitness(array),
        9 | 10 => Event::RestoreWitness(array),
        11..=14 => Event::Passes(*[1, 2, 3, 5, 11, 60, 3600].choose(dice).unwrap()),
        15..=20 => {
            let operation = OPERATIONS.choose(dice).unwrap();
            Event::Types(array, format!("{operation} {group}"))
        }
        21 => {
            let policy = POLICIES.choose(dice).unwrap();
            Event::Types(array, format!("setrcopygroup pol {policy} {group}"))
        }
        22 => {
            let target = if array == NORTH {
                "to-south"
            } else {
                "to-north"
            };
            let lines = [
                format!("admitrcopyvv -createvv v2 {group} {target}:v2"),
                format!("dismissrcopyvv -f -removevv v2 {group}"),
                format!("dismissrcopyvv -f v1 {group}"),
                format!("removercopygroup -f {group}"),
            ];
            Event::Types(array, lines.choose(dice).unwrap().clone())
        }
        24 => Event::Isolated(array),
        25..=27 => Event::Mended,
        _ => {
            let lines = [
                "createvlun -f v1 7 h1",
                "createvlun -f v2 8 h1",
                "removevlun -f v1 7 h1",
            ];
            Event::Types(array, (*lines.choose(dice).unwrap()).to_owned())
        }
    }
}

impl Event {
    async fn happens(&self, scene: &Scene) {
        let control = &scene.control;
        match self {
            Self::Down(array) => control.down(array).await.unwrap(),
            Self::Up(array) => control.up(array).await.unwrap(),
            Self::CutLinks => control.cut_links(NORTH, SOUTH).unwrap(),
            Self::RestoreLinks => control.restore_links(NORTH, SOUTH).unwrap(),
            Self::CutWitness(array) => control.cut_witness(array).unwrap(),
            Self::RestoreWitness(array) => control.restore_witness(array).unwrap(),
            Self::Passes(seconds) => scene.pass(*seconds),
            // Most of it is refused; that is the array's business.
            Self::Types(array, line) => drop(scene.tries(array, line).await),
            Self::Isolated(NORTH) => control.cut_off(NORTH, SOUTH).unwrap(),
            Self::Isolated(array) => control.cut_off(array, NORTH).unwrap(),
            Self::Mended => {
                control.restore_links(NORTH, SOUTH).unwrap();
                for array in [NORTH, SOUTH] {
                    control.restore_witness(array).unwrap();
                    control.up(array).await.unwrap();
                }
                for (array, group) in [(NORTH, HERE), (SOUTH, THERE)] {
                    for operation in ["setrcopygroup recover -f", "startrcopygroup"] {
                        scene.tries(array, &format!("{operation} {group}")).await;
                    }
                }
            }
        }
    }

    fn is(&self, words: &[&str]) -> bool {
        matches!(self, Self::Types(_, line) if words.iter().any(|word| line.contains(word)))
    }
}

/// What must hold at every instant.
struct Watch {
    /// What the host has open.
    device: Device,
    /// A person let a second array serve, and the group has not had one primary since.
    forced: bool,
    /// A person let an array serve that may have less than the host wrote, and the group has not had one primary since.
    discarded: bool,
}

impl Watch {
    fn looks(&mut self, scene: &Scene, event: &Event) {
        let roles = scene.roles();
        let dump = scene.control.dump();
        let halves: Vec<&str> = roles.split(" | ").collect();
        let primaries = halves
            .iter()
            .filter(|half| half.contains(" Primary"))
            .count();
        self.forced |= event.is(&FORCE);
        self.discarded |= event.is(&FORCE) || event.is(&[DISCARDS]);
        // Without the policy hosts have it on one array at a time, and are stopped before that changes.
        let managed = |array: &str, group: &str| {
            dump[array]["groups"][group]["policies"]
                .to_string()
                .contains("path_management")
        };
        self.discarded |= !managed(NORTH, HERE) || !managed(SOUTH, THERE);
        let v1 = dump[NORTH]["vvs"]["v1"]["wwn"].as_str().unwrap();
        let seen = scene.seen();
        for (wwn, shown) in &seen {
            for (array, _) in shown {
                let at = usize::from(*array == SOUTH);
                assert!(dump[*array]["up"] == true, "{array} is off and shows {wwn}");
                assert!(
                    !scene.is_member() || wwn != v1 || !halves[at].contains("Failsafe"),
                    "{array}: {roles}"
                );
            }
            let files: BTreeSet<u64> = shown.iter().map(|(_, file)| *file).collect();
            assert!(
                files.len() == 1 || (primaries == 2 && self.forced),
                "{wwn} is two files: {shown:?}, {roles}"
            );
        }
        let Some(shown) = seen.get(v1) else { return };
        let is_this = shown.iter().all(|(_, file)| *file == self.device.file());
        assert!(
            is_this || self.discarded,
            "the host has another file open: {roles}"
        );
        let busy = dump.to_string().contains("\"operation\":{");
        if primaries == 1 && !busy {
            (self.forced, self.discarded) = (false, false);
            if !is_this {
                self.device = scene.opens(shown[0].0);
            }
        }
    }
}

async fn sequence(release: Release, seed: u64) {
    println!("{release:?}, seed {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let scene = Scene::set(release, &USUAL).await;
    let vv = scene.snapshot_cpgs().0;
    scene
        .types(NORTH, &format!("createvv -tpvv {vv} gold_r6 v2 1g"))
        .await;
    let keeps = dice.random_bool(0.5);
    for array in [NORTH, SOUTH] {
        scene
            .control
            .switch(array, "switchover_keeps_natural", keeps)
            .unwrap();
    }
    let mut watch = Watch {
        device: scene.opens(NORTH),
        forced: false,
        discarded: false,
    };
    for _ in 0..EVENTS {
        let event = event(&mut dice);
        let before = scene.roles();
        event.happens(&scene).await;
        println!("  {event:?}: {before} -> {}", scene.roles());
        watch.looks(&scene, &event);
        if !scene.is_member() {
            // Two volumes of their own, for whoever exports them.
            return;
        }
    }
}

/// `SEED=n` repeats one sequence; it is printed with what it did when it fails.
#[tokio::test(flavor = "multi_thread")]
async fn all_exports_of_one_wwn_lead_to_one_file() {
    let given = std::env::var("SEED").ok().map(|seed| seed.parse().unwrap());
    let first: u64 = given.unwrap_or_else(|| rand::rng().random_range(0..1 << 32));
    let count = if given.is_some() { 1 } else { SEQUENCES };
    for release in RELEASES {
        for seed in first..first + count {
            sequence(release, seed).await;
        }
    }
}
