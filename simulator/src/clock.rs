//! Virtual time and how the arrays write dates.

use jiff::{Timestamp, tz::TimeZone};

/// A date as listings show it: `2018-09-14 12:16:38 CEST`. `now` is seconds since 1970; an unknown zone is UTC.
pub fn date(now: i64, zone: &str) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let time = Timestamp::from_second(now)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_zoned(zone);
    time.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_name_the_zone() {
        assert_eq!(
            date(1_536_920_198, "Europe/Berlin"),
            "2018-09-14 12:16:38 CEST"
        );
        assert_eq!(
            date(1_536_920_198, "Nowhere/None"),
            "2018-09-14 10:16:38 UTC"
        );
    }
}
