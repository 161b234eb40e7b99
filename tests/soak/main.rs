//! An hour of virtual time: two machines at the same volumes, arrays and links that fail and come back, an administrator who moves
//! groups, plugins that die. Everything that is random comes from one seed.
//!
//! `SOAK_SEED=…` repeats what another seed did, `SOAK_ROUNDS=…` makes it longer: a round is a virtual minute. The plan is the
//! same for a seed; in which order requests of one round meet is not.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../rig/mod.rs"]
mod rig;
#[path = "../mounts/stage.rs"]
mod stage;

mod administrator;
mod content;
mod end;
mod host;
mod life;
mod look;
mod place;
mod plan;
mod requests;
mod round;
mod site;
mod volumes;
mod watch;
mod weather;

use rig::needs::{Need, met};

/// What CI runs.
const SEED: u64 = 1;
/// An hour.
const ROUNDS: usize = 60;

const NAME: &str = "an_hour_of_everything_at_once";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_hour_of_everything_at_once() {
    let programs = ["unshare", "nsenter", "losetup", "mkfs.ext4", "pkill"];
    let mut needs = vec![Need::Root];
    needs.extend(programs.map(Need::Program));
    if !met(NAME, &needs) {
        return;
    }
    let seed = number("SOAK_SEED").unwrap_or(SEED);
    let rounds = number("SOAK_ROUNDS").map_or(ROUNDS, |n| usize::try_from(n).unwrap());
    let _told = Told(seed);
    println!("SOAK_SEED={seed} SOAK_ROUNDS={rounds}");
    let mut site = site::Site::set().await;
    for planned in plan::of(seed, rounds) {
        println!("{planned}");
        site.run(planned).await;
    }
    // Where nothing comes about, nothing goes wrong.
    let (mounts, found) = (site.mounts, site.content.found);
    println!("{mounts} mounts, {found} times what was written was found again");
    assert!(
        mounts >= rounds / 3 && found >= rounds,
        "too little happened"
    );
    site.end().await;
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is a number")),
    )
}

/// How to do it again, whatever fails.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- failed with SOAK_SEED={}", self.0);
        }
    }
}
