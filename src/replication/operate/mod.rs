//! What a storage administrator does with a whole group: failover, recover, restore, switchover, override. Which commands bring it about, on
//! which array, what they print, and what stands against it now. The plugin sends none of them: a person types them.

mod caution;
mod ends;
mod exposure;
mod failover;
mod failsafe;
mod hint;
mod objection;
mod recover;
mod restore;
mod steps;
mod switchover;
mod witness;

use std::fmt;

use crate::model::{GroupName, GroupStatus, Role, Side};

pub use caution::{AsOf, Caution};
pub use exposure::{Exposure, HostUse, InUse};
pub use objection::Objection;
pub use steps::PlannedCommand;
pub use witness::{Witness, Witnesses};

use super::{GroupKind, GroupSides, Half, Situation};

/// What is to become of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// The other array serves.
    Failover,
    /// After a failover: the former primary becomes a copy of the array that serves now.
    Recover,
    /// Home: the array that made the group serves, the other one has the copies.
    Restore,
    /// Peer Persistence: the other array serves, without an outage.
    Switchover,
    /// An array in Failsafe serves again.
    Override,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Failover,
        Self::Recover,
        Self::Restore,
        Self::Switchover,
        Self::Override,
    ];
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failover => "failover",
            Self::Recover => "recover",
            Self::Restore => "restore",
            Self::Switchover => "switchover",
            Self::Override => "override",
        })
    }
}

/// It is so already: nothing is to be typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// The other array has taken over.
    FailedOver {
        /// The array that serves.
        serves: String,
    },
    /// The former primary receives.
    Recovered {
        /// The array that serves.
        serves: String,
        /// The one that receives.
        receives: String,
    },
    /// It is in no failover.
    NotFailedOver {
        /// The array that serves.
        serves: String,
    },
    /// The array that made the group serves.
    AtHome {
        /// That array.
        serves: String,
    },
}

impl Done {
    /// What comes next, if something does.
    pub fn next(&self) -> Option<Operation> {
        match self {
            Self::FailedOver { .. } => Some(Operation::Recover),
            Self::Recovered { .. } => Some(Operation::Restore),
            Self::NotFailedOver { .. } | Self::AtHome { .. } => None,
        }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FailedOver { serves } => {
                write!(f, "failed over already: array `{serves}` serves")
            }
            Self::Recovered { serves, receives } => write!(
                f,
                "recovered already: array `{serves}` serves, and array `{receives}` receives from it"
            ),
            Self::NotFailedOver { serves } => write!(
                f,
                "nothing to recover: array `{serves}` serves, and the other one receives from it"
            ),
            Self::AtHome { serves } => write!(
                f,
                "at home already: array `{serves}`, which made the group, serves, and the other one receives from it"
            ),
        }
    }
}

/// What both arrays show when a plan is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Afterwards {
    /// On the backend's own array; none if it cannot be read now.
    pub source: Option<(Role, GroupStatus)>,
    /// On the peer.
    pub peer: Option<(Role, GroupStatus)>,
    /// When or where it looks so, if that differs.
    pub when: Option<&'static str>,
}

impl Afterwards {
    /// On one of them.
    pub fn on(&self, side: Side) -> Option<(Role, GroupStatus)> {
        match side {
            Side::Source => self.source,
            Side::Peer => self.peer,
        }
    }
}

/// What to type, and what stands against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorPlan {
    /// What it is for.
    pub operation: Operation,
    /// The group, by the name it has on the backend's own array.
    pub group: GroupName,
    /// What both arrays show means.
    pub situation: Situation,
    /// It is so already; then there are no commands.
    pub done: Option<Done>,
    /// What stands against it. While there is anything, nothing is to be typed.
    pub objections: Vec<Objection>,
    /// What to know before the first command.
    pub cautions: Vec<Caution>,
    /// In this order. None if an objection is of a kind that no waiting ends.
    pub commands: Vec<PlannedCommand>,
    /// One of these is what both arrays show in the end.
    pub afterwards: Vec<Afterwards>,
}

impl OperatorPlan {
    fn begin(sides: &GroupSides, operation: Operation) -> Self {
        Self {
            operation,
            group: sides.group.clone(),
            situation: sides.situation().0,
            done: None,
            objections: Vec::new(),
            cautions: Vec::new(),
            commands: Vec::new(),
            afterwards: Vec::new(),
        }
    }

    /// True if the commands may be typed now.
    pub fn may_be_typed(&self) -> bool {
        self.objections.is_empty() && !self.commands.is_empty()
    }

    fn object(&mut self, objection: Objection) {
        if !self.objections.contains(&objection) {
            self.objections.push(objection);
        }
    }

    fn warn(&mut self, caution: Caution) {
        self.cautions.push(caution);
    }
}

impl GroupSides {
    fn first(&self, first: Operation) -> Objection {
        Objection::First {
            shown: self.to_string(),
            situation: self.situation().0,
            first,
        }
    }

    /// A secondary in Failsafe is nothing that anybody has described.
    fn failsafe(&self) -> Objection {
        Objection::Unclear {
            shown: self.to_string(),
            situation: Situation::Failsafe,
        }
    }

    /// The side that does not count is on its way to somewhere else, or gave up.
    fn unrest(&self) -> Option<Objection> {
        use Situation::{FailedOver, InStep, OutOfStep, Reversed, ReversedStopped, Stopped};
        let (situation, _) = self.situation();
        let [_, other] = ends::End::both(self)?;
        match situation {
            InStep | OutOfStep | Stopped | FailedOver | Reversed | ReversedStopped
                if other.is_moving() =>
            {
                Some(Objection::Moving {
                    shown: self.to_string(),
                })
            }
            // A former primary in Failsafe is what Peer Persistence leaves behind.
            InStep | OutOfStep | Stopped | Reversed | ReversedStopped
                if other.is(GroupStatus::Failsafe) =>
            {
                Some(self.failsafe())
            }
            _ => None,
        }
    }

    /// The array that cannot be asked.
    fn unreadable(&self) -> Objection {
        let unreadable = self.both().into_iter().find_map(|side| match &side.half {
            Half::Unreadable { why, .. } => Some((side.array.clone(), why.clone())),
            Half::Seen(_) | Half::Absent => None,
        });
        match unreadable {
            Some((array, why)) => Objection::Unreadable { array, why },
            None => self.unclear(),
        }
    }

    fn unclear(&self) -> Objection {
        let shown = self.to_string();
        match self.situation().0 {
            Situation::Changing | Situation::InTransition => Objection::Moving { shown },
            situation => match failsafe::either_took_over(self) {
                Some(objection) => objection,
                None => Objection::Unclear { shown, situation },
            },
        }
    }

    /// What stands against an operation that needs the two arrays to replicate, in a situation in which it is not what comes next.
    fn not_now(&self) -> Objection {
        let (situation, _) = self.situation();
        match (situation, ends::End::both(self)) {
            (Situation::Stopped, Some([serves, _])) => Objection::OnlyStopped {
                shown: self.to_string(),
                array: serves.array(),
                line: serves.start_line(),
            },
            (Situation::OutOfStep, Some([serves, other])) => Objection::NotReceiving {
                array: serves.array(),
                other: other.array(),
            },
            (Situation::LoneSecondary, _) => self.first(Operation::Failover),
            (Situation::LonePrimary | Situation::LoneReversed, _) => self.unreadable(),
            _ => self.unclear(),
        }
    }

    /// What a person types to bring an operation about, and what stands against it now.
    pub fn plan(&self, operation: Operation, exposure: &Exposure) -> OperatorPlan {
        let mut plan = OperatorPlan::begin(self, operation);
        let unrest = self.unrest();
        match operation {
            _ if self.kind() == Some(GroupKind::ActiveActive) => {
                plan.object(Objection::ActiveActive);
            }
            _ if unrest.is_some() => plan.objections.extend(unrest),
            Operation::Failover => failover::plan(self, exposure, &mut plan),
            Operation::Recover => recover::plan(self, exposure, &mut plan),
            Operation::Restore => restore::plan(self, exposure, &mut plan),
            Operation::Switchover => switchover::plan(self, exposure, &mut plan),
            Operation::Override => failsafe::plan(self, exposure, &mut plan),
        }
        if !plan.commands.is_empty()
            && let Some(lock) = &exposure.lock
        {
            plan.object(Objection::BeingChanged(lock.clone()));
        }
        // What no waiting ends makes the commands wrong, not early.
        if plan.done.is_some() || plan.objections.iter().any(|one| !one.may_pass()) {
            plan.commands.clear();
            plan.afterwards.clear();
            plan.cautions.clear();
        }
        plan
    }
}
