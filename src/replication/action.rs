//! One change to a group: how it is asked for and what shows that it took place.

use std::fmt;

use crate::{
    inform::{Admit, Array, ArrayError, CreateGroup, DismissedCopy, RcGroup},
    model::{GroupName, GroupStatus, Policy, TargetName, VvName},
};

/// One command that changes a group. All of them are given to the array on which the group is Primary.
#[derive(Debug, Clone)]
pub enum Action {
    /// `creatercopygroup`.
    Make(CreateGroup),
    /// `setrcopygroup period`.
    SetPeriod {
        /// The group.
        group: GroupName,
        /// Its target.
        target: TargetName,
        /// Seconds.
        seconds: u32,
    },
    /// `setrcopygroup pol`.
    SetPolicy {
        /// The group.
        group: GroupName,
        /// The policy.
        policy: Policy,
    },
    /// `stoprcopygroup`.
    Stop(GroupName),
    /// `admitrcopyvv`.
    Admit(Admit),
    /// `startrcopygroup`.
    Start(GroupName),
    /// `dismissrcopyvv`.
    Dismiss {
        /// The group.
        group: GroupName,
        /// The volume, by its name on the primary.
        vv: VvName,
        /// Its copy.
        copy: DismissedCopy,
    },
    /// `removercopygroup`, of an empty group.
    Remove(GroupName),
}

/// What a look at the group says about an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// It took place.
    Done,
    /// It is on the way: look again.
    Underway,
    /// It did not take place.
    NotDone,
}

impl Action {
    /// The group it is about.
    pub fn group(&self) -> &GroupName {
        match self {
            Self::Make(make) => &make.name,
            Self::Admit(admit) => &admit.group,
            Self::SetPeriod { group, .. }
            | Self::SetPolicy { group, .. }
            | Self::Dismiss { group, .. }
            | Self::Stop(group)
            | Self::Start(group)
            | Self::Remove(group) => group,
        }
    }

    /// Sends the one command.
    ///
    /// # Errors
    /// Whatever the array, or the way to it, says.
    pub async fn carry_out(&self, array: &Array) -> Result<(), ArrayError> {
        match self {
            Self::Make(make) => array.creatercopygroup(make).await,
            Self::SetPeriod {
                group,
                target,
                seconds,
            } => array.setrcopygroup_period(group, target, *seconds).await,
            Self::SetPolicy { group, policy } => array.setrcopygroup_pol(group, *policy).await,
            Self::Stop(group) => array.stoprcopygroup(group).await,
            Self::Admit(admit) => array.admitrcopyvv(admit).await,
            Self::Start(group) => array.startrcopygroup(group).await,
            Self::Dismiss { group, vv, copy } => array.dismissrcopyvv(vv, group, *copy).await,
            Self::Remove(group) => array.removercopygroup(group).await,
        }
    }

    /// Judges the group as it is now.
    pub fn proof(&self, now: Option<&RcGroup>) -> Proof {
        let done = |yes: bool| if yes { Proof::Done } else { Proof::NotDone };
        match (self, now) {
            (Self::Remove(_), group) => done(group.is_none()),
            // A group that is gone holds no volume.
            (Self::Dismiss { vv, .. }, group) => done(group.is_none_or(|g| !g.holds(vv))),
            (_, None) => Proof::NotDone,
            (Self::Make(make), Some(g)) => done(g.target == make.target && g.mode == make.mode),
            (Self::SetPeriod { seconds, .. }, Some(g)) => {
                done(g.options.period_s == Some(*seconds))
            }
            (Self::SetPolicy { policy, .. }, Some(g)) => done(g.has_policy(*policy)),
            (Self::Admit(admit), Some(g)) => done(g.holds(&admit.vv)),
            (Self::Stop(_), Some(g)) => match g.status {
                GroupStatus::Stopped | GroupStatus::New => Proof::Done,
                GroupStatus::Stopping => Proof::Underway,
                _ => Proof::NotDone,
            },
            (Self::Start(_), Some(g)) => match g.status {
                GroupStatus::Started => Proof::Done,
                GroupStatus::Starting => Proof::Underway,
                _ => Proof::NotDone,
            },
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Make(make) => write!(f, "make remote copy group `{}`", make.name),
            Self::SetPeriod { group, seconds, .. } => {
                write!(f, "set the period of `{group}` to {seconds} s")
            }
            Self::SetPolicy { group, policy } => write!(f, "set `{policy}` on `{group}`"),
            Self::Stop(group) => write!(f, "stop remote copy group `{group}`"),
            Self::Admit(admit) => write!(f, "admit `{}` to `{}`", admit.vv, admit.group),
            Self::Start(group) => write!(f, "start remote copy group `{group}`"),
            Self::Dismiss { group, vv, .. } => write!(f, "dismiss `{vv}` from `{group}`"),
            Self::Remove(group) => write!(f, "remove remote copy group `{group}`"),
        }
    }
}
