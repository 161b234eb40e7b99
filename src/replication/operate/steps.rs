//! The commands themselves, as they are typed.

use crate::model::{GroupName, GroupStatus, Mode, Role, Side, TargetName};

use super::{Afterwards, Operation, OperatorPlan, ends::End};

/// Stands for a number in what a command prints.
const NUMBER: &str = "<n>";

/// Operations whose lines were seen on real arrays.
const SEEN: [&str; 2] = ["failover", "reverse"];

/// A command to be typed by a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedCommand {
    /// On which of the two arrays.
    pub side: Side,
    /// Its name in messages.
    pub array: String,
    /// The group, as that array calls it.
    pub group: GroupName,
    /// The other array, as that array calls it.
    pub target: TargetName,
    /// The command line.
    pub line: String,
    /// The lines it prints, `<n>` for a number; none: it is silent.
    pub prints: Vec<String>,
    /// A real array was seen to print this, or its help says so; otherwise it is expected from what others print.
    pub seen: bool,
    /// What shows that it is done, before the next one is typed.
    pub then: String,
}

impl End<'_> {
    fn command(&self, line: String, prints: Vec<String>, then: String) -> PlannedCommand {
        PlannedCommand {
            side: self.side,
            array: self.array(),
            group: self.group.name.clone(),
            target: self.group.target.clone(),
            line,
            prints,
            seen: true,
            then,
        }
    }

    fn shows(&self, what: &str) -> String {
        format!(
            "`showrcopy groups {}` on array `{}` shows {what}",
            self.group.name, self.shown.array
        )
    }

    /// `syncrcopy`, of a periodic group.
    fn sends_once_more(&self) -> PlannedCommand {
        let group = &self.group.name;
        self.command(
            format!("syncrcopy {group}"),
            vec![format!("Synchronization request issued for group {group}")],
            self.shows("every volume as Synced, with a later LastSyncTime than now"),
        )
    }

    /// `stoprcopygroup`.
    fn stops(&self) -> PlannedCommand {
        self.command(
            format!("stoprcopygroup -f {}", self.group.name),
            Vec::new(),
            self.shows("Stopped"),
        )
    }

    /// What leads to a stopped group with equal copies.
    pub fn stops_with_nothing_lost(&self, plan: &mut OperatorPlan) {
        if self.group.mode == Mode::Periodic {
            plan.commands.push(self.sends_once_more());
        }
        plan.commands.push(self.stops());
    }

    /// `startrcopygroup`, as a line.
    pub fn start_line(&self) -> String {
        format!("startrcopygroup {}", self.group.name)
    }

    /// `startrcopygroup`.
    pub fn starts(&self, plan: &mut OperatorPlan) {
        let shows = self.shows("Started, and every volume as Synced when the copy is done");
        let command = self.command(self.start_line(), Vec::new(), shows);
        plan.commands.push(command);
    }

    /// `setrcopygroup` with an operation, as a line.
    pub fn operation_line(&self, operation: &str) -> String {
        let (group, target) = (&self.group.name, &self.group.target);
        format!("setrcopygroup {operation} -f -t {target} {group}")
    }

    /// `setrcopygroup` with an operation.
    pub fn turns(&self, operation: &str, shows: &str, plan: &mut OperatorPlan) {
        let group = &self.group.name;
        let mut command = self.command(
            self.operation_line(operation),
            vec![
                format!("setrcopygroup for {operation} {group}"),
                format!("{operation} started with tasks: {NUMBER}"),
            ],
            format!(
                "`showtask -d {NUMBER}`, with that number, shows done, and {}",
                self.shows(shows)
            ),
        );
        command.seen = SEEN.contains(&operation);
        plan.commands.push(command);
    }

    /// `setrcopygroup` with an operation of its own name.
    pub fn operates(&self, operation: Operation, shows: &str, plan: &mut OperatorPlan) {
        self.turns(&operation.to_string(), shows, plan);
    }
}

impl OperatorPlan {
    /// In the end one side shows this, and the other one, if it is seen, that.
    pub(super) fn ends_with(
        &mut self,
        side: Side,
        here: (Role, GroupStatus),
        there: Option<(Role, GroupStatus)>,
        when: Option<&'static str>,
    ) {
        let (source, peer) = match side {
            Side::Source => (Some(here), there),
            Side::Peer => (there, Some(here)),
        };
        self.afterwards.push(Afterwards { source, peer, when });
    }
}
