//! Bad input and bad weather: whatever happens, an operation ends inside the engine's limit with one line that says what and
//! what next, and the arrays are afterwards what they were before.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../rig/mod.rs"]
mod rig;

mod down;
mod hangs;
mod hosts;
mod login;
mod refusals;
mod requests;
mod slow;
mod stage;

/// They wait for each other's time-outs together.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn an_array_that_hangs_or_goes_away_leaves_nothing_behind() {
    let mut cases = hangs::cases();
    cases.extend(down::cases());
    stage::all(64, cases).await;
}
