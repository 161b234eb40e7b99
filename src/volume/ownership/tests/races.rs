//! Never two, and always one. 2060 races each time, about two minutes of a processor; `RACES=2000` runs so many from `RACE_SEED` in every test
//! (72 times as many in the one of deaths), and `RACE_TRACE=1`
//! prints each command with the moment at which the array gets it.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use super::arena::{Arena, Dice, Holders, Host};
use crate::{inform::in_memory::Dies, model::Takeover};

/// The seeds of a test: `RACES` of them from `RACE_SEED`, or so many from 1.
fn seeds(usually: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok()?.parse().ok();
    let first = number("RACE_SEED").unwrap_or(1);
    first..first + number("RACES").unwrap_or(usually)
}

/// What a host does in a race.
struct Run {
    /// It is switched off over this command, and comes back or not.
    dies: Option<(usize, Dies)>,
    comes_back: bool,
    always: bool,
    /// How often it tries until it has had the volume once.
    tries: u32,
}

impl Run {
    fn plain(always: bool) -> Self {
        Self {
            dies: None,
            comes_back: false,
            always,
            tries: 8,
        }
    }
}

/// Mounts until it has had the volume once, holds it for a while, and lets go. True if it had it.
async fn race(arena: Arc<Arena>, holders: Arc<Holders>, mut host: Host, run: Run) -> (Host, bool) {
    let mut had = false;
    if let Some((command, how)) = run.dies {
        host.dies_at(command, how);
        let died = Arc::clone(&host.died);
        let dead = {
            let work = tries(&arena, &holders, &host, &run, &mut had);
            tokio::select! {
                () = work => false,
                () = died.notified() => true,
            }
        };
        if dead {
            holders.lets_go(&host);
            host.goes_down();
            // Its last command may be on its way.
            sleep(Duration::from_millis(500 + host.dice.below(40_000))).await;
            if !run.comes_back {
                return (host, had);
            }
            host.comes_up();
            host.cleans_up().await;
            if host.dice.below(2) == 0 {
                host.unmounts().await;
            }
            tries(&arena, &holders, &host, &run, &mut had).await;
        }
        // It may not have come that far.
        host.dies_at(usize::MAX, Dies::Before);
    } else {
        tries(&arena, &holders, &host, &run, &mut had).await;
    }
    assert_eq!(host.open_entries(), 0);
    (host, had)
}

async fn tries(arena: &Arena, holders: &Holders, host: &Host, run: &Run, had: &mut bool) {
    for _ in 0..run.tries {
        sleep(Duration::from_millis(host.dice.below(3_000))).await;
        if host.mounts().await.is_err() {
            continue;
        }
        holders.got(arena, host, run.always);
        *had = true;
        sleep(Duration::from_millis(host.dice.below(25_000))).await;
        let cut_off = holders.lets_go(host);
        assert!(run.always || !cut_off, "`{}` was alive", host.id);
        host.unmounts().await;
        return;
    }
}

/// Runs all of them to their end. Gives how many had the volume.
async fn run(
    arena: &Arc<Arena>,
    holders: &Arc<Holders>,
    hosts: Vec<(Host, Run)>,
) -> (Vec<Host>, usize) {
    let tasks: Vec<_> = hosts
        .into_iter()
        .map(|(host, run)| tokio::spawn(race(Arc::clone(arena), Arc::clone(holders), host, run)))
        .collect();
    let (mut back, mut had) = (Vec::new(), 0);
    for task in tasks {
        let (host, has_had) = task.await.unwrap();
        back.push(host);
        had += usize::from(has_had);
    }
    (back, had)
}

/// Prints the seed if the test fails.
struct Told(&'static str, u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}: RACE_SEED={} RACES=1", self.0, self.1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn of_hosts_that_come_together_one_has_it_at_a_time_and_all_in_the_end() {
    let arena = Arc::new(Arena::new().await);
    for seed in seeds(450) {
        let _told = Told("together", seed);
        let dice = Dice::new(seed);
        arena
            .set(dice.below(3) as u32 * 10, dice.below(2) == 0)
            .await;
        let before = arena.control.dump()["amber"]["vluns"].clone();
        let holders = Arc::new(Holders::default());
        let mut hosts = vec![("m1", "node"), ("m2", "node")];
        if dice.below(2) == 0 {
            hosts.push(("m3", "third"));
        }
        let hosts = hosts.into_iter().map(|(id, name)| {
            let host = arena.host(id, name, Takeover::DeadHost, &dice);
            (
                host,
                Run {
                    tries: 40,
                    ..Run::plain(false)
                },
            )
        });
        let hosts: Vec<_> = hosts.collect();
        let count = hosts.len();
        let (_hosts, had) = run(&arena, &holders, hosts).await;
        assert_eq!(had, count, "seed {seed}");
        assert!(holders.is_empty());
        assert_eq!(arena.control.dump()["amber"]["vluns"], before);
    }
}

/// A first host has the volume, and is switched off.
async fn dead_holder(arena: &Arena, dice: &Dice, takeover: Takeover) -> Host {
    let mut first = arena.host("m0", "first", takeover, dice);
    first.mounts().await.unwrap();
    first.goes_down();
    assert_eq!(arena.exported_to(), ["first"]);
    first
}

#[tokio::test(start_paused = true)]
async fn a_dead_host_is_taken_over_by_one_of_several() {
    let arena = Arc::new(Arena::new().await);
    for seed in seeds(400) {
        let _told = Told("dead", seed);
        let dice = Dice::new(seed);
        arena
            .set(dice.below(3) as u32 * 8, dice.below(2) == 0)
            .await;
        let first = dead_holder(&arena, &dice, Takeover::DeadHost).await;
        let holders = Arc::new(Holders::default());
        let hosts = [("m1", "node"), ("m2", "node")].map(|(id, name)| {
            let host = arena.host(id, name, Takeover::DeadHost, &dice);
            (host, Run::plain(false))
        });
        let (_hosts, had) = run(&arena, &holders, hosts.into()).await;
        assert!(had >= 1, "seed {seed}: nobody has taken it over");
        assert!(arena.exported_to().is_empty());
        drop(first);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_host_that_comes_back_in_the_middle_is_never_beside_another() {
    let arena = Arc::new(Arena::new().await);
    let mut back = 0;
    for seed in seeds(450) {
        let _told = Told("back", seed);
        let dice = Dice::new(seed);
        arena
            .set(dice.below(3) as u32 * 8, dice.below(2) == 0)
            .await;
        let mut first = dead_holder(&arena, &dice, Takeover::DeadHost).await;
        let holders = Arc::new(Holders::default());
        let mut hosts: Vec<_> = [("m1", "node"), ("m2", "node")]
            .map(|(id, name)| {
                let host = arena.host(id, name, Takeover::DeadHost, &dice);
                (host, Run::plain(false))
            })
            .into();
        let (arena_, holders_) = (Arc::clone(&arena), Arc::clone(&holders));
        let returns = tokio::spawn(async move {
            sleep(Duration::from_millis(first.dice.below(50_000))).await;
            first.comes_up();
            first.cleans_up().await;
            race(arena_, holders_, first, Run::plain(false)).await
        });
        if dice.below(2) == 0 {
            hosts.pop();
        }
        let (_hosts, had) = run(&arena, &holders, hosts).await;
        let (first, first_had) = returns.await.unwrap();
        back += usize::from(first_had);
        assert!(had + usize::from(first_had) >= 1, "seed {seed}");
        first.unmounts().await;
        assert!(arena.exported_to().is_empty(), "seed {seed}");
    }
    println!("the first one had it again {back} times");
}

/// Over each of its commands, before and after it takes effect.
#[tokio::test(start_paused = true)]
async fn one_that_dies_over_any_command_keeps_nobody_from_it_for_ever() {
    let arena = Arc::new(Arena::new().await);
    let mut races = 0;
    for (command, how) in (0..36).flat_map(|n| [(n, Dies::Before), (n, Dies::After)]) {
        for seed in seeds(5) {
            let _told = Told("dies", seed);
            let dice = Dice::new(seed * 1_000 + command as u64);
            arena
                .set(dice.below(2) as u32 * 8, dice.below(2) == 0)
                .await;
            let first = match dice.below(2) {
                0 => Some(dead_holder(&arena, &dice, Takeover::DeadHost).await),
                _ => None,
            };
            let holders = Arc::new(Holders::default());
            let comes_back = dice.below(2) == 0;
            let dying = arena.host("m1", "node", Takeover::DeadHost, &dice);
            let other = arena.host("m2", "node", Takeover::DeadHost, &dice);
            let hosts = vec![
                (
                    dying,
                    Run {
                        dies: Some((command, how)),
                        comes_back,
                        ..Run::plain(false)
                    },
                ),
                (
                    other,
                    Run {
                        tries: 40,
                        ..Run::plain(false)
                    },
                ),
            ];
            let (mut hosts, had) = run(&arena, &holders, hosts).await;
            // Between its export and the line that says whose it is, nobody can know that it is dead.
            let unmarked = !comes_back && had == 0;
            if unmarked {
                let held = arena.comment().held;
                assert_ne!(
                    held,
                    Some(hosts[0].machine()),
                    "command {command} {how:?}, seed {seed}"
                );
            }
            races += 1;
            // The ones that are dead come back and clean up.
            let mut others: Vec<Host> = first.into_iter().collect();
            others.append(&mut hosts);
            for host in &mut others {
                host.goes_down();
                host.comes_up();
                host.cleans_up().await;
                host.unmounts().await;
            }
            assert!(arena.exported_to().is_empty());
            if unmarked {
                others[0].mounts().await.unwrap();
                others[0].unmounts().await;
            }
        }
    }
    println!("{races} races");
}

#[tokio::test(start_paused = true)]
async fn always_cuts_a_live_host_off_before_another_has_it() {
    let arena = Arc::new(Arena::new().await);
    for seed in seeds(400) {
        let _told = Told("always", seed);
        let dice = Dice::new(seed);
        arena
            .set(dice.below(3) as u32 * 10, dice.below(2) == 0)
            .await;
        let holders = Arc::new(Holders::default());
        let hosts = [("m1", "node"), ("m2", "node"), ("m3", "third")].map(|(id, name)| {
            let host = arena.host(id, name, Takeover::Always, &dice);
            (host, Run::plain(true))
        });
        let begun = Instant::now();
        let (_hosts, had) = run(&arena, &holders, hosts.into()).await;
        assert!(had >= 1, "seed {seed}");
        assert!(arena.exported_to().is_empty(), "seed {seed}");
        assert!(begun.elapsed() < Duration::from_secs(3_600));
    }
}
