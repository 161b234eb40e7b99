//! Quality of service: what a rule on a VV set says.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::UnknownWord;

/// A goal that is kept as long as that is possible, and a limit that is never passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QosRange {
    /// The goal, at most the limit. `None`: the array takes the limit for it (array fact 123).
    pub min: Option<u64>,
    /// The limit, at least 1.
    pub max: u64,
}

impl fmt::Display for QosRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.min {
            Some(min) => write!(f, "{min}-{}", self.max),
            None => write!(f, "{}", self.max),
        }
    }
}

/// Who goes first when not all goals can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QosPriority {
    /// Last.
    Low,
    /// As what has no rule.
    Normal,
    /// First.
    High,
}

impl FromStr for QosPriority {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text.to_ascii_lowercase().as_str() {
            "low" => Ok(Self::Low),
            "normal" => Ok(Self::Normal),
            "high" => Ok(Self::High),
            _ => Err(UnknownWord {
                what: "QoS priority (low, normal, high)",
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for QosPriority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        })
    }
}

/// What a rule allows a VV set; `None` is: not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QosLimits {
    /// I/Os in a second.
    pub io: Option<QosRange>,
    /// KiB in a second.
    pub bandwidth: Option<QosRange>,
    /// Latency that is aimed at, milliseconds; not from Primera on.
    pub latency_ms: Option<u32>,
    /// Not from Primera on.
    pub priority: Option<QosPriority>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_priorities_are_the_arrays_words() {
        let range = |min, max| QosRange { min, max }.to_string();
        assert_eq!(
            [range(None, 300), range(Some(100), 300)],
            ["300", "100-300"]
        );
        for priority in [QosPriority::Low, QosPriority::Normal, QosPriority::High] {
            assert_eq!(priority.to_string().parse(), Ok(priority));
        }
        assert!("urgent".parse::<QosPriority>().is_err());
    }
}
