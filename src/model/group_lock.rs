//! The comment on the VV set that is the lock of a group (decision 15): `dkl1/op=host7.4f2a/at=2026-05-04%2013:07:11/zone=CEST`, and
//! `dkl2/…/promotes=dkv-before` of one that is held for as long as a snapshot is put back.

use jiff::{SignedDuration, civil::DateTime};
use percent_encoding::{percent_decode_str, utf8_percent_encode};

use super::{
    CommentError, OperationId, VvName,
    comment::{ESCAPED, after},
};

/// Of a cycle of seconds: one that is old has been left.
const CYCLE: &str = "dkl1";
/// Of a promotion. Another beginning, so that who knows the other kind only takes it for somebody else's, and leaves it and the group alone.
const PROMOTION: &str = "dkl2";
/// Longest comment of a set (array fact 17).
const MAX: usize = 255;

/// Who stops and starts a group, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupLock {
    /// The operation that holds it.
    pub op: OperationId,
    /// When it was taken, by the array's clock.
    pub since: DateTime,
    /// The zone the array named with it: an abbreviation, good for nothing but seeing that the clock was set.
    pub zone: String,
    /// The snapshot that is put back while it is held, which may last for hours.
    pub promotes: Option<VvName>,
}

impl GroupLock {
    /// Reads a comment.
    ///
    /// # Errors
    /// [`CommentError::Foreign`] for anything that does not begin with `dkl1/` or `dkl2/`, [`CommentError::Key`] for a broken one.
    pub fn parse(text: &str) -> Result<Self, CommentError> {
        let promotion = after(PROMOTION, text);
        let is_promotion = promotion.is_ok();
        let rest = promotion.or_else(|_| after(CYCLE, text))?;
        let value = |key: &'static str| {
            let mut pairs = rest.split('/').filter_map(|part| part.split_once('='));
            let (_, value) = pairs
                .find(|(is, _)| *is == key)
                .ok_or(CommentError::Key(key))?;
            let value = percent_decode_str(value).decode_utf8();
            value.map_err(|_| CommentError::Key(key))
        };
        Ok(Self {
            op: OperationId::parse(&value("op")?).ok_or(CommentError::Key("op"))?,
            since: value("at")?.parse().map_err(|_| CommentError::Key("at"))?,
            zone: value("zone")?.into_owned(),
            promotes: if is_promotion {
                let name = VvName::new(&value("promotes")?);
                Some(name.map_err(|_| CommentError::Key("promotes"))?)
            } else {
                None
            },
        })
    }

    /// The text for the array.
    ///
    /// # Errors
    /// [`CommentError::TooLong`] above 255 characters.
    pub fn encode(&self) -> Result<String, CommentError> {
        let since = self.since.strftime("%Y-%m-%d %H:%M:%S").to_string();
        let prefix = match self.promotes {
            Some(_) => PROMOTION,
            None => CYCLE,
        };
        let mut text = format!(
            "{prefix}/op={}/at={}/zone={}",
            utf8_percent_encode(&self.op.to_string(), ESCAPED),
            utf8_percent_encode(&since, ESCAPED),
            utf8_percent_encode(&self.zone, ESCAPED),
        );
        if let Some(snapshot) = &self.promotes {
            text += "/promotes=";
            text.extend(utf8_percent_encode(snapshot.as_str(), ESCAPED));
        }
        if text.len() > MAX {
            Err(CommentError::TooLong(text.len()))
        } else {
            Ok(text)
        }
    }

    /// How long it has been held, by the same array's clock. Where the zone has changed meanwhile the clock may have been put forward
    /// by an hour, which does not count: a lock must never look older than it is.
    pub fn age(&self, now: DateTime, zone: &str) -> SignedDuration {
        let shown = now.duration_since(self.since);
        if zone == self.zone {
            shown
        } else {
            shown - SignedDuration::from_hours(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> GroupLock {
        GroupLock {
            op: OperationId::parse("host7.4f2a").unwrap(),
            since: "2026-05-04 13:07:11".parse().unwrap(),
            zone: "MSK (Europe/Moscow)".to_owned(),
            promotes: None,
        }
    }

    #[test]
    fn reads_back_what_it_wrote_and_needs_no_quoting() {
        let text = sample().encode().unwrap();
        assert_eq!(
            text,
            "dkl1/op=host7.4f2a/at=2026-05-04%2013:07:11/zone=MSK%20%28Europe%2FMoscow%29"
        );
        assert_eq!(GroupLock::parse(&text), Ok(sample()));
    }

    #[test]
    fn one_of_a_promotion_names_its_snapshot_and_is_no_other_kind() {
        let lock = GroupLock {
            promotes: Some(VvName::new("dkv-before").unwrap()),
            ..sample()
        };
        let text = lock.encode().unwrap();
        assert!(text.starts_with("dkl2/op="), "{text}");
        assert!(text.ends_with("/promotes=dkv-before"), "{text}");
        assert_eq!(GroupLock::parse(&text), Ok(lock));
        let cut = text.replace("/promotes=dkv-before", "");
        assert_eq!(GroupLock::parse(&cut), Err(CommentError::Key("promotes")));
    }

    #[test]
    fn foreign_and_broken_ones_are_told_apart() {
        assert_eq!(GroupLock::parse("--"), Err(CommentError::Foreign));
        assert_eq!(
            GroupLock::parse("dk1/op=host7.4f2a"),
            Err(CommentError::Foreign)
        );
        for (cut, key) in [
            ("dkl1/at=2026-05-04/zone=X", "op"),
            ("dkl1/op=host7.4f2a/at=noon/zone=X", "at"),
            ("dkl1/op=host7.4f2a/at=2026-05-04%2013:07:11", "zone"),
        ] {
            assert_eq!(GroupLock::parse(cut), Err(CommentError::Key(key)));
        }
    }

    #[test]
    fn a_lock_never_looks_older_than_it_is() {
        let at = |text: &str| text.parse().unwrap();
        let minutes = SignedDuration::from_mins;
        let lock = sample();
        let same = &lock.zone.clone();
        assert_eq!(lock.age(at("2026-05-04 13:17:11"), same), minutes(10));
        // The clock was put forward a minute after the lock was taken.
        assert_eq!(lock.age(at("2026-05-04 14:08:11"), "MSD"), minutes(1));
        assert!(lock.age(at("2026-05-04 12:30:00"), "MSD").is_negative());
    }
}
