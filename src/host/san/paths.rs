//! What a person sees of the paths to a volume.

use std::fmt;

use crate::model::TargetPort;

/// One path to a volume that is there, or should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathSeen {
    /// The array it leads to.
    pub array: String,
    /// The port of that array.
    pub port: TargetPort,
    /// For example `sdc`; none if there is none.
    pub device: Option<String>,
    /// Whether it can be used.
    pub state: PathState,
    /// What the array says of it; none if nobody asked it.
    pub access: Option<Access>,
}

impl PathSeen {
    /// It could be used now. One on stand-by can: as soon as the arrays change places.
    pub fn is_usable(&self) -> bool {
        self.state == PathState::Running && !matches!(self.access, Some(Access::Unavailable))
    }
}

/// Whether a path can be used, as the kernel and dm-multipath see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathState {
    /// It works.
    Running,
    /// The connection is lost for a moment: what is written waits.
    Blocked,
    /// The connection is lost.
    Offline,
    /// The disk is there, and dm-multipath's checks fail.
    Failed,
    /// There is no such disk.
    Missing,
    /// The array's port is not reached: no session, or not seen on the fabric.
    NotConnected,
}

/// What an array says of a path (ALUA).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The way to the array that serves.
    Optimized,
    /// It works, the long way round.
    NonOptimized,
    /// Of the other array of a pair: used after they have changed places.
    Standby,
    /// They are just changing places.
    Transitioning,
    /// Not to be used.
    Unavailable,
}

impl fmt::Display for PathState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Blocked => "blocked",
            Self::Offline => "offline",
            Self::Failed => "failed",
            Self::Missing => "no such disk",
            Self::NotConnected => "port not reached",
        })
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Optimized => "active",
            Self::NonOptimized => "active/nonoptimized",
            Self::Standby => "standby",
            Self::Transitioning => "transitioning",
            Self::Unavailable => "unavailable",
        })
    }
}
