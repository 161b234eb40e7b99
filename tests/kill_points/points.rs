//! The points that a plugin passed, as it writes them down for tests.

use std::{fmt, path::Path};

use hpe3par_sim::engine::LogEntry;

/// One point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    pub before: bool,
    /// `look`, `act`, `writing` or `local`.
    pub doing: String,
    pub what: String,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let when = if self.before { "before" } else { "after" };
        write!(f, "{when} {} `{}`", self.doing, self.what)
    }
}

/// All points in a file that `HPE3PAR_DOCKER_KILL_LIST` named, the first as number 1.
pub fn read(list: &Path) -> Vec<Point> {
    let text = std::fs::read_to_string(list).unwrap_or_default();
    let point = |(at, line): (usize, &str)| {
        let mut words = line.splitn(4, ' ');
        let mut word = || words.next().unwrap();
        assert_eq!(word(), (at + 1).to_string(), "{line}");
        let when = word();
        assert!(matches!(when, "before" | "after"), "{line}");
        let doing = word().to_owned();
        assert!(
            matches!(doing.as_str(), "look" | "act" | "writing" | "local"),
            "{line}"
        );
        Point {
            before: when == "before",
            doing,
            what: word().to_owned(),
        }
    };
    text.lines().enumerate().map(point).collect()
}

/// Checks the points of a clean operation against what the arrays were really sent: around each command there are two, in the order
/// of the commands, and only an `act` changes anything. Gives the number of points.
pub fn check(points: &[Point], commands: &[LogEntry]) -> usize {
    let begun: Vec<&Point> = points.iter().filter(|p| p.before).collect();
    let ended = points.iter().filter(|p| !p.before).count();
    assert_eq!(begun.len(), ended, "each point before has one after");
    let commands: Vec<&LogEntry> = commands.iter().filter(|c| !says_who_is_there(c)).collect();
    let listed: Vec<&&Point> = begun
        .iter()
        .filter(|p| matches!(p.doing.as_str(), "look" | "act"))
        .collect();
    let lines: Vec<&str> = commands.iter().map(|c| c.line.as_str()).collect();
    assert_eq!(
        listed.len(),
        commands.len(),
        "points: {listed:#?}\ncommands: {lines:#?}"
    );
    for (point, command) in listed.iter().zip(&commands) {
        assert_eq!(
            point.doing == "act",
            command.changed,
            "{point} was `{}`",
            command.line
        );
    }
    let others = begun.len() - listed.len();
    2 * (commands.len() + others)
}

/// The points at which a death differs from every other: nothing happens between the point after one thing and the point before the
/// next, so one death stands for both.
pub fn moments(points: &[Point]) -> Vec<usize> {
    let stands_alone =
        |at: &usize| points[*at].before || points.get(at + 1).is_none_or(|next| !next.before);
    (0..points.len()).filter(stands_alone).collect()
}

/// What a session is opened with, and what a backend asks once in its life. They come when there is no session or no answer yet, so
/// they belong to no operation, and they change nothing: whatever was changed before them has its point after it, and what comes
/// next its point before it.
fn says_who_is_there(command: &LogEntry) -> bool {
    let asks = ["showversion", "showuserconn", "showsys"];
    let word = command.line.split(' ').next().unwrap();
    let asks = asks.contains(&word);
    assert!(!(asks && command.changed));
    asks
}
