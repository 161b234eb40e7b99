//! `group watch`: until every volume is Synced, or nothing goes on.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use serde::Serialize;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::Instant,
};

use super::{
    Site, WatchArguments,
    progress::{Progress, State},
    seen::find,
};
use crate::{
    operator::{Exit, Streams},
    replication::GroupSides,
};

/// How a wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// Every volume is Synced.
    Synced,
    /// It did not go on for as long as it was given.
    Stuck(String),
}

/// What is told of the wait: a bar on a terminal, lines in a pipe.
trait Teller {
    /// A look that shows something else than the one before.
    fn changed(&mut self, progress: &Progress) -> io::Result<()>;
}

/// Looks until there is nothing to wait for.
async fn wait(
    mut look: impl AsyncFnMut() -> GroupSides,
    interval: Duration,
    grace: Duration,
    teller: &mut dyn Teller,
) -> io::Result<End> {
    let mut before: Option<Progress> = None;
    let mut stuck_since: Option<Instant> = None;
    loop {
        let progress = Progress::of(&look().await);
        if before.as_ref() != Some(&progress) {
            teller.changed(&progress)?;
        }
        match progress.state {
            State::Synced => return Ok(End::Synced),
            State::Copying => stuck_since = None,
            State::Stuck => {
                let since = *stuck_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= grace {
                    return Ok(End::Stuck(progress.told()));
                }
            }
        }
        before = Some(progress);
        tokio::time::sleep(interval).await;
    }
}

pub(super) async fn run(
    site: &Site,
    arguments: &WatchArguments,
    to: &mut Streams<'_>,
) -> io::Result<Exit> {
    let found = match find(site, &arguments.group).await {
        Ok(found) => found,
        Err(errors) => {
            for error in errors {
                writeln!(to.err, "error: {error}")?;
            }
            return Ok(Exit::Problems);
        }
    };
    // From here on: whoever has seen the first line may interrupt it.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut first = Some(found.sides.clone());
    let look = async || match first.take() {
        Some(sides) => sides,
        None => found.again(site).await,
    };
    let on_terminal = !site.json && io::stdout().is_terminal() && io::stderr().is_terminal();
    let mut teller: Box<dyn Teller> = if on_terminal {
        Box::new(Bar::new(&arguments.group))
    } else {
        Box::new(Lines {
            json: site.json,
            to: &mut *to.out,
        })
    };
    let ended = tokio::select! {
        ended = wait(look, arguments.interval, arguments.grace, &mut *teller) => Some(ended?),
        // Nothing was begun that would have to be ended.
        _ = interrupt.recv() => None,
    };
    drop(teller);
    match ended {
        Some(End::Synced) => {
            if on_terminal {
                writeln!(to.out, "every volume of `{}` is Synced", arguments.group)?;
            }
            Ok(Exit::Ok)
        }
        Some(End::Stuck(told)) => {
            writeln!(
                to.err,
                "error: it does not go on: {told}; hint: see `hpe3par-docker group show {}`",
                arguments.group
            )?;
            Ok(Exit::Problems)
        }
        None => {
            writeln!(
                to.err,
                "not waiting any longer; the arrays go on by themselves"
            )?;
            Ok(Exit::Problems)
        }
    }
}

/// One line a change: for people, or JSON.
struct Lines<'w> {
    json: bool,
    to: &'w mut dyn io::Write,
}

#[derive(Serialize)]
struct Line<'s> {
    time: String,
    #[serde(flatten)]
    progress: &'s Progress,
}

impl Teller for Lines<'_> {
    fn changed(&mut self, progress: &Progress) -> io::Result<()> {
        let time = format!("{:.3}", Timestamp::now());
        if self.json {
            let line = Line { time, progress };
            serde_json::to_writer(&mut *self.to, &line)?;
            writeln!(self.to)?;
        } else {
            let (state, told) = (progress.state.told(), progress.told());
            writeln!(self.to, "{time} {state}: {told}")?;
        }
        // A reader of the pipe is to see it now.
        self.to.flush()
    }
}

/// A bar.
struct Bar(ProgressBar);

impl Bar {
    fn new(group: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(100), ProgressDrawTarget::stderr());
        // No colours: a terminal may have none, and NO_COLOR may say so.
        let style = ProgressStyle::with_template("{prefix} [{bar:40}] {percent}% {wide_msg}");
        bar.set_style(
            style
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> "),
        );
        bar.set_prefix(group.to_owned());
        Self(bar)
    }
}

impl Teller for Bar {
    fn changed(&mut self, progress: &Progress) -> io::Result<()> {
        self.0.set_position(u64::from(progress.percent));
        self.0.set_message(format!(
            "{} of {} Synced; {}",
            progress.synced, progress.volumes, progress.shown
        ));
        Ok(())
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::{
        inform::{GroupOptions, RcGroup, RcVolume},
        model::{GroupName, GroupStatus, Mode, Role, SyncStatus, TargetName, VvId, VvName},
        replication::{GroupSide, Half},
    };

    /// What was told.
    struct Told(Vec<(State, u8)>);

    impl Teller for Told {
        fn changed(&mut self, progress: &Progress) -> io::Result<()> {
            assert!(!progress.told().contains('\n'));
            self.0.push((progress.state, progress.percent));
            Ok(())
        }
    }

    fn half(role: Role, status: GroupStatus, volumes: &[SyncStatus]) -> Half {
        let volume = |(n, sync): (usize, &SyncStatus)| RcVolume {
            local: VvName::new(&format!("dkv-db{n}")).unwrap(),
            local_id: VvId(1),
            remote: VvName::new(&format!("dkv-db{n}")).unwrap(),
            remote_id: VvId(2),
            sync: *sync,
            last_sync: None,
        };
        Half::Seen(RcGroup {
            name: GroupName::new("prod").unwrap(),
            target: TargetName::new("to-maple").unwrap(),
            status,
            role,
            mode: Mode::Sync,
            options: GroupOptions::default(),
            volumes: volumes.iter().enumerate().map(volume).collect(),
        })
    }

    fn sides(source: Half, peer: Half) -> GroupSides {
        let side = |array: &str, half: Half| GroupSide {
            array: array.to_owned(),
            name: None,
            half,
            way: None,
        };
        GroupSides {
            group: GroupName::new("prod").unwrap(),
            source: side("linden", source),
            peer: side("maple", peer),
        }
    }

    fn unreadable() -> Half {
        Half::Unreadable {
            why: "no route to host".to_owned(),
            last_seen: None,
        }
    }

    fn running(volumes: &[SyncStatus]) -> GroupSides {
        sides(
            half(Role::Primary, GroupStatus::Started, volumes),
            half(Role::Secondary, GroupStatus::Started, volumes),
        )
    }

    fn stopped() -> GroupSides {
        sides(
            half(Role::Primary, GroupStatus::Stopped, &[SyncStatus::Stopped]),
            half(
                Role::Secondary,
                GroupStatus::Stopped,
                &[SyncStatus::Stopped],
            ),
        )
    }

    /// Shows these one after the other, and the last one for ever. Gives the end, what was told, and how many seconds it took.
    async fn watched(shows: Vec<GroupSides>) -> (End, Vec<(State, u8)>, u64) {
        let mut shows = VecDeque::from(shows);
        let look = async || {
            if shows.len() > 1 {
                shows.pop_front().unwrap()
            } else {
                shows[0].clone()
            }
        };
        let mut told = Told(Vec::new());
        let begun = Instant::now();
        let second = Duration::from_secs(1);
        let end = wait(look, 2 * second, 60 * second, &mut told);
        let end = end.await.unwrap();
        (end, told.0, begun.elapsed().as_secs())
    }

    const HALF: SyncStatus = SyncStatus::Syncing(Some(50));

    #[tokio::test(start_paused = true)]
    async fn it_ends_when_every_volume_is_synced_and_tells_what_changes_only() {
        let whole = running(&[SyncStatus::Synced, SyncStatus::Synced]);
        let part = running(&[SyncStatus::Synced, HALF]);
        let (end, told, seconds) = watched(vec![part.clone(), part.clone(), part, whole]).await;
        assert_eq!(end, End::Synced);
        assert_eq!(told, [(State::Copying, 75), (State::Synced, 100)]);
        assert_eq!(seconds, 6);
    }

    /// A task that was just begun changes the group in a moment.
    #[tokio::test(start_paused = true)]
    async fn what_does_not_go_on_is_given_its_time() {
        let whole = running(&[SyncStatus::Synced]);
        let (end, told, _) = watched(vec![stopped(), stopped(), running(&[HALF]), whole]).await;
        assert_eq!(end, End::Synced);
        assert_eq!(
            told,
            [
                (State::Stuck, 0),
                (State::Copying, 50),
                (State::Synced, 100)
            ]
        );
        let (end, told, seconds) = watched(vec![running(&[HALF]), stopped()]).await;
        assert!(
            matches!(&end, End::Stuck(told) if told.contains("stopped, not replicating")),
            "{end:?}"
        );
        assert_eq!(told.len(), 2);
        assert_eq!(seconds, 62);
        // Each time anew.
        let mut shows = vec![stopped(); 25];
        shows.push(running(&[HALF]));
        shows.extend(vec![stopped(); 25]);
        shows.push(running(&[SyncStatus::Synced]));
        assert_eq!(watched(shows).await.0, End::Synced);
        let dark = sides(unreadable(), unreadable());
        let (end, ..) = watched(vec![dark]).await;
        assert!(
            matches!(&end, End::Stuck(told) if told.contains("no route to host")),
            "{end:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_goes_on_is_not_waited_for_as_a_copy() {
        let stale = running(&[SyncStatus::Stale, SyncStatus::Synced]);
        assert!(matches!(watched(vec![stale]).await.0, End::Stuck(_)));
        let over = sides(
            half(Role::Primary, GroupStatus::Stopped, &[SyncStatus::Stopped]),
            half(
                Role::PrimaryRev,
                GroupStatus::Stopped,
                &[SyncStatus::Stopped],
            ),
        );
        assert!(matches!(watched(vec![over]).await.0, End::Stuck(_)));
        assert!(matches!(watched(vec![running(&[])]).await.0, End::Stuck(_)));
    }

    /// The primary says how far it is, whether or not the other array can be asked; of a secondary alone nothing is believed.
    #[tokio::test(start_paused = true)]
    async fn one_array_is_enough_if_it_sends() {
        let synced = [SyncStatus::Synced];
        let alone = sides(
            half(Role::Primary, GroupStatus::Started, &synced),
            unreadable(),
        );
        assert_eq!(watched(vec![alone]).await.0, End::Synced);
        let alone = sides(
            unreadable(),
            half(Role::Secondary, GroupStatus::Started, &synced),
        );
        let (end, told, _) = watched(vec![alone]).await;
        assert!(matches!(end, End::Stuck(_)));
        assert_eq!(told, [(State::Stuck, 0)]);
        let reversed = sides(
            half(Role::SecondaryRev, GroupStatus::Started, &synced),
            half(Role::PrimaryRev, GroupStatus::Started, &synced),
        );
        assert_eq!(watched(vec![reversed]).await.0, End::Synced);
    }
}
