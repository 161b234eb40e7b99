//! How long snapshots live.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A number of hours from now, 1 to 43800 (array fact 111).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Hours(u32);

/// Why a number is no such time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` hours: use 1 to {max}, which is five years", max = Hours::MAX)]
pub struct HoursError(pub u32);

impl Hours {
    /// 1825 days.
    pub const MAX: u32 = 43_800;

    /// Checks the number.
    ///
    /// # Errors
    /// [`HoursError`] for 0 and beyond [`Hours::MAX`].
    pub fn new(hours: u32) -> Result<Self, HoursError> {
        if (1..=Self::MAX).contains(&hours) {
            Ok(Self(hours))
        } else {
            Err(HoursError(hours))
        }
    }

    /// The number of hours.
    pub fn get(self) -> u32 {
        self.0
    }
}

/// As the array takes it: `36h`.
impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}h", self.0)
    }
}

impl TryFrom<u32> for Hours {
    type Error = HoursError;
    fn try_from(hours: u32) -> Result<Self, HoursError> {
        Self::new(hours)
    }
}

impl From<Hours> for u32 {
    fn from(hours: Hours) -> Self {
        hours.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_to_five_years() {
        assert_eq!(Hours::new(36).unwrap().to_string(), "36h");
        assert!(Hours::new(1).is_ok() && Hours::new(43_800).is_ok());
        assert_eq!(Hours::new(0), Err(HoursError(0)));
        let error = Hours::new(43_801).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`43801` hours: use 1 to 43800, which is five years"
        );
    }
}
