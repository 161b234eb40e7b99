//! Snapshots that are about to be made, and those whose time is over.

use jiff::{Timestamp, tz::TimeZone};

use crate::data::Place;
use crate::state::{Array, Vv, World};

/// A snapshot to be made.
pub(crate) struct NewSnapshot {
    /// System name.
    pub(crate) array: String,
    /// The snapshot itself.
    pub(crate) vv: Vv,
    /// What it holds, if that is not what its parent holds at this instant.
    pub(crate) data_of: Option<Place>,
}

/// A name in which the array's words in `@` stand for what they say: `@vvname@`, `@vvid@`, `@count@`, and of the time on
/// this array `@y@` (two digits), `@m@`, `@d@`, `@H@`, `@M@`, `@S@`, `@s@` (seconds since 1970).
pub(crate) fn expand(pattern: &str, parent: &Vv, count: usize, now: i64, zone: &str) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let time = Timestamp::from_second(now)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_zoned(zone);
    let mut name = pattern
        .replace("@vvname@", &parent.name)
        .replace("@vvid@", &parent.id.to_string())
        .replace("@count@", &count.to_string());
    for word in ["y", "m", "d", "H", "M", "S", "s"] {
        let text = time.strftime(&format!("%{word}")).to_string();
        name = name.replace(&format!("@{word}@"), &text);
    }
    name
}

/// The instant at which the next snapshot goes that is expired by `now`, if one can go.
pub(crate) fn next_expiry(world: &World, now: i64) -> Option<i64> {
    let arrays = world.arrays.values().filter(|array| array.up);
    let ends = arrays.flat_map(|array| expired(array, now).filter_map(|vv| vv.expires_at));
    ends.min()
}

/// Removes the snapshots that are expired by `now` and that nothing keeps.
pub(crate) fn expire(world: &mut World, now: i64) {
    for array in world.arrays.values_mut().filter(|array| array.up) {
        // A parent can go when its copies are gone.
        loop {
            let names: Vec<String> = expired(array, now).map(|vv| vv.name.clone()).collect();
            for name in &names {
                array.remove_vv(name);
                for set in array.vv_sets.values_mut() {
                    set.members.retain(|member| member != name);
                }
            }
            if names.is_empty() {
                break;
            }
        }
    }
}

/// Snapshots whose time is over and that neither a host, nor a copy, nor remote copy keeps. Retention never ends later.
fn expired(array: &Array, now: i64) -> impl Iterator<Item = &Vv> {
    array.vvs.values().filter(move |vv| {
        vv.kind == "vcopy"
            && vv.expires_at.is_some_and(|end| end <= now)
            && array.exports_of(&vv.name).is_empty()
            && array.children(&vv.name).is_empty()
            && array.busy(&vv.name).is_none()
            && array.group_of(&vv.name).is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_a_name_stand_for_volume_and_local_time() {
        let parent = Vv {
            id: 12,
            ..Vv::base("db", "tpvv", "c", 1024, 0)
        };
        let name = |pattern| expand(pattern, &parent, 3, 1_536_920_198, "Europe/Berlin");
        assert_eq!(name("nightly.@y@@m@@d@@H@@M@@S@"), "nightly.180914121638");
        assert_eq!(name("@vvname@-@vvid@-@count@-@x@"), "db-12-3-@x@");
    }
}
