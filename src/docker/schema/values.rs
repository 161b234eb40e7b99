//! Reading the values that no type reads by itself.

use std::fmt;

use crate::model::Hours;

/// Longest `mountConflictDelay`, in seconds.
const MAX_MOUNT_CONFLICT_DELAY: u32 = 600;

pub(super) fn keep<T, E: fmt::Display>(
    slot: &mut Option<T>,
    read: Result<T, E>,
) -> Result<(), String> {
    *slot = Some(read.map_err(|error| error.to_string())?);
    Ok(())
}

/// The old plugin took 0 for "not given", and scripts rely on it.
pub(super) fn keep_hours(slot: &mut Option<Hours>, text: &str) -> Result<(), String> {
    if text == "0" {
        return Ok(());
    }
    *slot = Some(hours(text)?);
    Ok(())
}

fn hours(text: &str) -> Result<Hours, String> {
    let shown: String = text.chars().take(80).collect();
    Some(text)
        .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| format!("`{shown}` is not a whole number of hours"))
        .and_then(|hours| Hours::new(hours).map_err(|error| error.to_string()))
}

pub(super) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => {
            let shown: String = text.chars().take(80).collect();
            Err(format!("`{shown}` is neither `true` nor `false`"))
        }
    }
}

pub(super) fn seconds(text: &str) -> Result<u32, String> {
    Some(text)
        .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|seconds| *seconds <= MAX_MOUNT_CONFLICT_DELAY)
        .ok_or_else(|| {
            let shown: String = text.chars().take(80).collect();
            format!("`{shown}` is not a number of seconds from 0 to {MAX_MOUNT_CONFLICT_DELAY}")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_whole_seconds_up_to_ten_minutes() {
        assert_eq!(seconds("0"), Ok(0));
        assert_eq!(seconds("600"), Ok(600));
        for bad in ["", "601", "-1", "+1", "1.5", "5s", "99999999999"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
