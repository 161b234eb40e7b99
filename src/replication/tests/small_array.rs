//! An array that knows one group and nothing else: enough to carry plans out and to break them off anywhere.

use super::*;

/// The array with its one group, if it has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SmallArray(pub Option<RcGroup>);

/// How far an action got that was broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BrokenOff {
    /// It never reached the array.
    NotSent,
    /// It took effect and nobody heard of it.
    Unheard,
    /// A start or stop that the array is still busy with; anything else took effect.
    UnderWay,
}

pub(super) const BROKEN_OFF: [BrokenOff; 3] =
    [BrokenOff::NotSent, BrokenOff::Unheard, BrokenOff::UnderWay];

impl SmallArray {
    /// Carries out one action, or refuses it as an array would and changes nothing.
    pub fn carry_out(&mut self, action: &Action) -> Result<(), String> {
        match (action, &mut self.0) {
            (Action::Make(make), none @ None) => {
                *none = Some(RcGroup {
                    name: make.name.clone(),
                    target: make.target.clone(),
                    status: GroupStatus::New,
                    role: Role::Primary,
                    mode: make.mode,
                    options: GroupOptions::default(),
                    volumes: Vec::new(),
                });
            }
            (Action::SetPeriod { seconds, .. }, Some(group)) => {
                group.options.period_s = Some(*seconds);
            }
            (Action::SetPolicy { policy, .. }, Some(group)) => {
                group.options.policies.push(policy.to_string());
            }
            (Action::Stop(_), Some(group)) if is_running(group) => {
                group.status = GroupStatus::Stopped;
            }
            (Action::Start(_), Some(group)) if is_still(group) && !group.volumes.is_empty() => {
                group.status = GroupStatus::Started;
            }
            (Action::Admit(admit), Some(group)) if is_still(group) && !group.holds(&admit.vv) => {
                group.volumes.push(member(admit.vv.as_str()));
            }
            (Action::Dismiss { vv, .. }, Some(group)) if is_still(group) && group.holds(vv) => {
                group.volumes.retain(|volume| volume.local != *vv);
            }
            (Action::Remove(_), some @ Some(_)) if some.as_ref().is_some_and(is_still) => {
                // A real array would do it and leave the volumes without copies.
                let group = some.take().unwrap();
                assert!(
                    group.volumes.is_empty(),
                    "removed with volumes in it: {group:?}"
                );
            }
            (action, group) => return Err(format!("{action}, of {group:?}")),
        }
        Ok(())
    }

    /// Carries out an action as far as it got.
    pub fn break_off(&mut self, action: &Action, how: BrokenOff) {
        if how == BrokenOff::NotSent || self.carry_out(action).is_err() || how == BrokenOff::Unheard
        {
            return;
        }
        match (action, &mut self.0) {
            (Action::Start(_), Some(group)) => group.status = GroupStatus::Starting,
            (Action::Stop(_), Some(group)) => group.status = GroupStatus::Stopping,
            _ => {}
        }
    }

    /// Time passes: what is under way arrives.
    pub fn settle(&mut self) {
        if let Some(group) = &mut self.0 {
            group.status = match group.status {
                GroupStatus::Starting => GroupStatus::Started,
                GroupStatus::Stopping => GroupStatus::Stopped,
                status => status,
            };
        }
    }

    /// What a person would call the same: `None` for no group, otherwise whether it runs and who is in it.
    pub fn gist(&self) -> Option<(bool, Vec<String>)> {
        let group = self.0.as_ref()?;
        let mut members: Vec<_> = group.volumes.iter().map(|v| v.local.to_string()).collect();
        members.sort();
        Some((is_running(group), members))
    }
}

fn is_running(group: &RcGroup) -> bool {
    matches!(group.status, GroupStatus::Started | GroupStatus::Starting)
}

/// Not running and not on its way anywhere.
fn is_still(group: &RcGroup) -> bool {
    matches!(group.status, GroupStatus::Stopped | GroupStatus::New)
}
