//! Which array serves.

use crate::{
    inform::RcGroup,
    model::{GroupName, GroupStatus, Role},
};

/// Why the home array may not be mounted from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "remote copy group `{group}` is {role} and {status} on its home array, so that array does not serve the volume now"
)]
pub struct NotServing {
    /// The group.
    pub group: GroupName,
    /// Its role at home.
    pub role: Role,
    /// Its status at home.
    pub status: GroupStatus,
}

/// The home array serves in the natural direction, unless it gave up serving (Failsafe).
///
/// # Errors
/// [`NotServing`] with what it is instead.
pub fn serves_at_home(group: &RcGroup) -> Result<(), NotServing> {
    if group.role == Role::Primary && group.status != GroupStatus::Failsafe {
        Ok(())
    } else {
        Err(NotServing {
            group: group.name.clone(),
            role: group.role,
            status: group.status,
        })
    }
}
