//! `group watch`: until every volume is Synced, or nothing goes on.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

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
    fn changed(&mut self, seen: &Seen) -> io::Result<()>;
}

/// One look: the group, or why it cannot be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Group(Progress),
    Nothing(String),
}

impl Seen {
    fn told(&self) -> String {
        match self {
            Self::Group(progress) => progress.told(),
            Self::Nothing(why) => format!("not known: {why}"),
        }
    }

    fn state(&self) -> State {
        match self {
            Self::Group(progress) => progress.state,
            Self::Nothing(_) => State::Stuck,
        }
    }
}

/// Looks until there is nothing to wait for.
async fn wait(
    mut look: impl AsyncFnMut() -> Result<GroupSides, String>,
    interval: Duration,
    grace: Duration,
    teller: &mut dyn Teller,
) -> io::Result<End> {
    let mut before: Option<Seen> = None;
    let mut stuck_since: Option<Instant> = None;
    loop {
        let seen = match look().await {
            Ok(sides) => Seen::Group(Progress::of(&sides)),
            Err(why) => Seen::Nothing(why),
        };
        if before.as_ref() != Some(&seen) {
            teller.changed(&seen)?;
        }
        match seen.state() {
            State::Synced => return Ok(End::Synced),
            State::Copying => stuck_since = None,
            State::Stuck => {
                let since = *stuck_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= grace {
                    return Ok(End::Stuck(seen.told()));
                }
            }
        }
        before = Some(seen);
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
    let mut first = Some(found.sides.clone());
    let look = async || match first.take() {
        Some(sides) => Ok(sides),
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
        interrupted = tokio::signal::ctrl_c() => { interrupted?; None }
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
    progress: Option<&'s Progress>,
    not_known: Option<&'s str>,
}

impl Teller for Lines<'_> {
    fn changed(&mut self, seen: &Seen) -> io::Result<()> {
        let time = format!("{:.3}", Timestamp::now());
        if self.json {
            let (progress, not_known) = match seen {
                Seen::Group(progress) => (Some(progress), None),
                Seen::Nothing(why) => (None, Some(why.as_str())),
            };
            let line = Line {
                time,
                progress,
                not_known,
            };
            serde_json::to_writer(&mut *self.to, &line)?;
            writeln!(self.to)?;
        } else {
            writeln!(self.to, "{time} {}: {}", seen.state().told(), seen.told())?;
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
    fn changed(&mut self, seen: &Seen) -> io::Result<()> {
        if let Seen::Group(progress) = seen {
            self.0.set_position(u64::from(progress.percent));
        }
        self.0.set_message(match seen {
            Seen::Group(progress) => {
                format!(
                    "{} of {} Synced; {}",
                    progress.synced, progress.volumes, progress.shown
                )
            }
            Seen::Nothing(why) => why.clone(),
        });
        Ok(())
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
