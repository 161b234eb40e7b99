//! Virtual time and how the arrays write dates.

use jiff::{Timestamp, tz::TimeZone};
use tokio::time::Instant;

/// Virtual time: real time multiplied by a factor, plus what was skipped by [`Clock::advance`].
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
    at_origin_ms: i64,
    factor: f64,
}

impl Clock {
    /// Starts at `now_ms` (milliseconds since 1970) and runs `factor` times as fast as real time.
    pub fn starting_at(now_ms: i64, factor: f64) -> Self {
        Self {
            origin: Instant::now(),
            at_origin_ms: now_ms,
            factor,
        }
    }

    /// Starts at the real time of this machine.
    pub fn starting_now(factor: f64) -> Self {
        Self::starting_at(Timestamp::now().as_millisecond(), factor)
    }

    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        #[allow(clippy::cast_possible_truncation)]
        let passed = (self.origin.elapsed().as_secs_f64() * self.factor * 1000.0) as i64;
        self.at_origin_ms + passed
    }

    /// Seconds since 1970.
    pub fn now(&self) -> i64 {
        self.now_ms() / 1000
    }

    /// Skips this many seconds.
    pub fn advance(&mut self, seconds: u32) {
        self.at_origin_ms += i64::from(seconds) * 1000;
    }

    /// How long a span of virtual milliseconds takes in reality.
    pub fn real(&self, virtual_ms: u64) -> std::time::Duration {
        std::time::Duration::from_millis(virtual_ms).div_f64(self.factor)
    }
}

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
    use std::time::Duration;

    use super::{Clock, date};

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

    #[tokio::test(start_paused = true)]
    async fn time_runs_faster_and_skips() {
        let mut clock = Clock::starting_at(1_000_000, 10.0);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(clock.now(), 1_030);
        clock.advance(60);
        assert_eq!(clock.now(), 1_090);
        assert_eq!(clock.real(300), Duration::from_millis(30));
    }
}
