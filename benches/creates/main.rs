//! What it costs the volumes of a remote copy group that more join it: created at once, created one after the other, and with the
//! commands of one create repeated by python-3parclient. `make bench` runs it, prints a table and writes it into
//! docs/performance.md.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../../tests/rig/mod.rs"]
mod rig;

mod measured;
mod python;
mod report;
mod scene;

use measured::{Measured, Row};
use scene::Scene;

/// How many volumes are created.
const CASES: [usize; 4] = [1, 8, 32, 64];

#[tokio::main]
async fn main() {
    let of_what = report::of_what();
    // Every lane has arrays of its own, and waits nearly all of the time.
    let (at_once, one_by_one, python) =
        tokio::join!(all_at_once(), one_after_the_other(), python::lane());
    let rows: Vec<Row> = CASES
        .into_iter()
        .enumerate()
        .map(|(at, volumes)| Row {
            volumes,
            at_once: at_once[at].clone(),
            one_by_one: one_by_one[at].clone(),
            python: python.as_ref().ok().map(|all| all[at].clone()),
        })
        .collect();
    report::print(&of_what, &rows, python.as_ref().err());
}

/// Each case on arrays of its own.
async fn all_at_once() -> Vec<Measured> {
    let mut all = Vec::new();
    for volumes in CASES {
        let scene = Scene::set().await;
        scene.begin();
        let names = (1..=volumes).map(scene::name);
        futures_util::future::join_all(names.map(|name| scene.create(name))).await;
        let measured = scene.measure();
        println!("at once, {volumes}: {measured}");
        scene.end(volumes);
        all.push(measured);
    }
    all
}

/// So many are made one after the other in reality: each takes ten seconds.
const USUALLY: usize = 32;

/// One run: what the first eight took is the case of eight.
async fn one_after_the_other() -> Vec<Measured> {
    let cases = &CASES[..measured::within(USUALLY)];
    let most = cases[cases.len() - 1];
    let scene = Scene::set().await;
    scene.begin();
    let mut all = Vec::new();
    for volumes in 1..=most {
        scene.create(scene::name(volumes)).await;
        if cases.contains(&volumes) {
            let measured = scene.measure();
            println!("one after the other, {volumes}: {measured}");
            all.push(measured);
        }
    }
    scene.end(most);
    measured::extrapolate(&mut all);
    all
}
