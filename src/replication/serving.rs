//! Which array serves.

use crate::{
    inform::RcGroup,
    model::{GroupName, GroupStatus, LonePrimary, Role},
};

/// Why the home array may not be mounted from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("remote copy group `{group}` is {role} and {status} on its home array, {because}")]
pub struct NotServing {
    /// The group.
    pub group: GroupName,
    /// Its role at home.
    pub role: Role,
    /// Its status at home.
    pub status: GroupStatus,
    /// What speaks against it.
    pub because: String,
}

/// What is known of the other side.
#[derive(Debug, Clone, Copy)]
pub enum Peer<'a> {
    /// As the peer showed it just now; `None`: it says that there is no such group.
    Seen(Option<&'a RcGroup>),
    /// It cannot be asked.
    Unreachable {
        /// It was a primary when it was last seen.
        last_seen_primary: bool,
        /// At home the target is ready and a sending link is Up.
        linked: bool,
    },
}

/// The home array serves in the natural direction, unless it gave up serving (Failsafe) or the peer serves. Right after a
/// failover the old primary still says Primary: only the peer tells (array fact 51).
///
/// # Errors
/// [`NotServing`] with what speaks against it.
pub fn serves_at_home(
    home: &RcGroup,
    peer: Peer<'_>,
    lone_primary: LonePrimary,
) -> Result<(), NotServing> {
    let no = |because: &str| {
        Err(NotServing {
            group: home.name.clone(),
            role: home.role,
            status: home.status,
            because: because.to_owned(),
        })
    };
    if home.role != Role::Primary || home.status == GroupStatus::Failsafe {
        return no("so that array does not serve the volume now");
    }
    match peer {
        Peer::Seen(Some(peer)) if peer.role.is_primary() => no(
            "and its peer says that it is primary, too: the group was failed over, and what the home array has is old",
        ),
        Peer::Seen(Some(peer)) if peer.role.is_reversed() => {
            no("and its peer is reversed: the group is being failed over or back")
        }
        Peer::Seen(_) => Ok(()),
        Peer::Unreachable {
            last_seen_primary: true,
            ..
        } => no("and its peer, which cannot be asked now, was primary when it was last seen"),
        Peer::Unreachable { linked, .. } => match lone_primary {
            LonePrimary::Mount => Ok(()),
            LonePrimary::Refuse if linked && home.status == GroupStatus::Started => Ok(()),
            LonePrimary::Refuse => no(
                "and its peer cannot be asked, which `lone_primary = \"refuse\"` takes for a reason not to mount",
            ),
        },
    }
}
