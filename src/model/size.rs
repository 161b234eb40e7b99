//! Sizes of volumes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A size in MiB, the array's own unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Size(u64);

/// Why a text is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Not a whole number.
    #[error("`{0}` is not a whole number of GiB")]
    NotANumber(String),
    /// Zero, or more than an array makes.
    #[error("`{0}` GiB is out of range: an array makes volumes of 1 to 16384 GiB")]
    OutOfRange(String),
}

impl Size {
    /// Largest VV that every InForm OS makes: 16 TiB (array fact 19).
    pub const MAX_GIB: u64 = 16_384;

    /// A size in MiB as an array prints it.
    pub const fn from_mib(mib: u64) -> Self {
        Self(mib)
    }

    /// A size in GiB; saturates far above any array.
    pub const fn from_gib(gib: u64) -> Self {
        Self(gib.saturating_mul(1024))
    }

    /// Reads what a user typed: whole GiB, 1 to 16384.
    ///
    /// # Errors
    /// [`SizeError`] with the text.
    pub fn parse_gib(text: &str) -> Result<Self, SizeError> {
        let shown: String = text.chars().take(80).collect();
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(SizeError::NotANumber(shown));
        }
        match text.parse::<u64>() {
            Ok(gib) if (1..=Self::MAX_GIB).contains(&gib) => Ok(Self::from_gib(gib)),
            _ => Err(SizeError::OutOfRange(shown)),
        }
    }

    /// In MiB.
    pub const fn mib(self) -> u64 {
        self.0
    }

    /// In bytes.
    pub const fn bytes(self) -> u64 {
        self.0 * 1024 * 1024
    }
}

/// How large a volume is to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NewSize {
    /// In all.
    Total(Size),
    /// So much larger than it is.
    More(Size),
}

impl NewSize {
    /// What a volume of a size comes to.
    pub fn of(self, is: Size) -> Size {
        match self {
            Self::Total(size) => size,
            Self::More(size) => Size(is.0.saturating_add(size.0)),
        }
    }

    /// The same for a volume that is as large as this already: a size in all that it has reached is kept.
    #[must_use]
    pub fn at_least(self, is: Size) -> Self {
        match self {
            Self::Total(size) => Self::Total(size.max(is)),
            Self::More(size) => Self::More(size),
        }
    }
}

impl std::str::FromStr for NewSize {
    type Err = SizeError;

    /// Reads what a person typed: whole GiB in all, or with a `+` what is to be added.
    fn from_str(text: &str) -> Result<Self, SizeError> {
        match text.strip_prefix('+') {
            Some(more) => Size::parse_gib(more).map(Self::More),
            None => Size::parse_gib(text).map(Self::Total),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1024) {
            write!(f, "{} GiB", self.0 / 1024)
        } else {
            write!(f, "{} MiB", self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_size_is_all_or_what_is_added() {
        let three = Size::from_gib(3);
        assert_eq!("4".parse::<NewSize>().unwrap().of(three), Size::from_gib(4));
        assert_eq!(
            "+4".parse::<NewSize>().unwrap().of(three),
            Size::from_gib(7)
        );
        for bad in ["", "+", "++1", "+0", "-1", "+-1", "4g", "+16385"] {
            assert!(bad.parse::<NewSize>().is_err(), "{bad}");
        }
    }

    #[test]
    fn whole_gib_in_range_only() {
        assert_eq!(Size::parse_gib("1"), Ok(Size::from_mib(1024)));
        assert_eq!(Size::parse_gib("16384"), Ok(Size::from_gib(16384)));
        for bad in ["", "abc", "1.5", "1g", " 1", "+1", "--1"] {
            assert!(
                matches!(Size::parse_gib(bad), Err(SizeError::NotANumber(_))),
                "{bad}"
            );
        }
        for bad in ["0", "-1", "16385", "1000000000000000000000000000000"] {
            assert!(
                matches!(Size::parse_gib(bad), Err(SizeError::OutOfRange(_))),
                "{bad}"
            );
        }
    }
}
