//! Whether what has to be written later fits, too.

use super::{Comment, CommentError, Format, State};
use crate::model::{FsType, HostName, Machine, OperationId, RequestId};

impl Comment {
    /// Whether what has to be written later fits, too, by hosts with the longest names: who has it mounted, and who removes it. What is a
    /// help only is left out where there is no room.
    ///
    /// # Errors
    /// [`CommentError::TooLong`].
    pub fn can_be_used(&self) -> Result<(), CommentError> {
        let host = Machine::parse(&format!("{}@000000", "h".repeat(31)));
        let removed = Self {
            op: OperationId {
                machine: host.clone().unwrap_or_else(|| self.op.machine.clone()),
                request: RequestId::random(),
            },
            state: State::Removing,
            of: None,
            ..self.clone()
        };
        removed.encode()?;
        let mounted = Self {
            format: Format::Doing,
            group_is_ours: true,
            held: host,
            since: None,
            holds: "9999.99999".parse().ok(),
            via: None,
            pending: None,
            becomes: None,
            ..removed
        };
        mounted.encode().map(drop)
    }

    /// Whether it also fits while the volume is mounted, or taken over, by hosts with the longest names.
    ///
    /// # Errors
    /// [`CommentError::TooLong`].
    pub fn has_room(&self) -> Result<(), CommentError> {
        let name = "h".repeat(31);
        let longest = Self {
            state: State::Removing,
            format: Format::Doing,
            group_is_ours: true,
            fs_type: FsType::Xfs,
            held: Machine::parse(&format!("{name}@000000")),
            since: Some(9_999_999_999),
            via: HostName::new(&name).ok(),
            pending: Machine::parse(&format!("{name}@000000")),
            of: None,
            ..self.clone()
        };
        longest.encode().map(drop)
    }
}
