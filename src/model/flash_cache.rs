//! Adaptive Flash Cache.

use std::fmt;

/// What a VV set is told about the array's flash cache. There is none from Primera on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlashCache {
    /// Its volumes use it.
    Enable,
    /// They do not.
    Disable,
    /// Nothing is said: as the system's own setting.
    Clear,
}

impl fmt::Display for FlashCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Clear => "clear",
        })
    }
}
