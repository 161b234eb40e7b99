//! Times as an array writes them.

use std::{fmt, str::FromStr};

use jiff::civil::DateTime;

/// A time of an array's own clock, such as `2026-11-03 00:00:00 CET`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalTime {
    /// Local time. Two of them compare only when they come from one array; the zone is an ambiguous abbreviation.
    pub local: DateTime,
    /// For example `CEST` or `MSK (Europe/Moscow)`.
    pub zone: String,
}

impl FromStr for LocalTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (local, zone) = text
            .char_indices()
            .filter(|(_, c)| *c == ' ')
            .nth(1)
            .map(|(at, _)| (&text[..at], &text[at + 1..]))
            .ok_or_else(|| format!("no time zone in `{text}`"))?;
        Ok(Self {
            local: local
                .parse()
                .map_err(|why| format!("time `{local}`: {why}"))?,
            zone: zone.to_owned(),
        })
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}",
            self.local.strftime("%Y-%m-%d %H:%M:%S"),
            self.zone
        )
    }
}
