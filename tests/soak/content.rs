//! What must be in the volumes. A version is written whole and confirmed by the kernel; each array is known to hold one of a few
//! versions, of a group that replicates and is Synced exactly the same as the other.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    place::{BOTH, Shown, other},
    volumes::ALL,
};

/// Of a file.
const SIZE: usize = 96 * 1024;
/// No file was ever written.
const BLANK: u64 = 0;

/// What each array may hold of each volume.
#[derive(Debug)]
pub struct Content {
    may_hold: BTreeMap<(&'static str, &'static str), BTreeSet<u64>>,
    latest: u64,
    /// How often something that was written was found again.
    pub found: usize,
}

impl Content {
    pub fn blank() -> Self {
        let mut content = Self {
            may_hold: BTreeMap::new(),
            latest: BLANK,
            found: 0,
        };
        for (name, _) in ALL {
            content.forget(name);
        }
        content
    }

    /// The volume is gone: the next one of that name has nothing of it.
    pub fn forget(&mut self, name: &'static str) {
        for array in BOTH {
            self.may_hold.insert((name, array), [BLANK].into());
        }
    }

    /// It may be gone and made again.
    pub fn may_be_blank(&mut self, name: &'static str) {
        for array in BOTH {
            self.of(name, array).insert(BLANK);
        }
    }

    fn of(&mut self, name: &'static str, array: &'static str) -> &mut BTreeSet<u64> {
        self.may_hold.get_mut(&(name, array)).unwrap()
    }

    /// What was read on a host that has it from this array. Panics if it is nothing that was written there last.
    pub fn read(&mut self, name: &'static str, array: &'static str, bytes: Option<&[u8]>) {
        let version = version(name, bytes);
        let may = self.of(name, array);
        assert!(
            may.contains(&version),
            "{name} on {array} holds version {version}, expected one of {may:?}"
        );
        *may = [version].into();
        self.found += usize::from(version != BLANK);
    }

    /// Something new to write there.
    pub fn next(&mut self, name: &str) -> (u64, Vec<u8>) {
        self.latest += 1;
        (self.latest, bytes(name, self.latest))
    }

    /// It was written, and is on this array for certain.
    pub fn wrote(&mut self, name: &'static str, array: &'static str, version: u64) {
        *self.of(name, array) = [version].into();
    }

    /// What replication made of it by now. In step the other array has the same; otherwise it may have it.
    pub fn follow(&mut self, shown: &Shown) {
        for (name, _) in ALL {
            if let Some(from) = shown.in_step(name) {
                let same = self.of(name, from).clone();
                *self.of(name, other(from)) = same;
                continue;
            }
            let all: Vec<_> = BOTH
                .iter()
                .map(|array| self.of(name, array).clone())
                .collect();
            for (array, theirs) in BOTH.into_iter().zip(all.into_iter().rev()) {
                if !sends(shown, name, array) {
                    self.of(name, array).extend(theirs);
                }
            }
        }
    }
}

/// Nothing is sent to this array.
fn sends(shown: &Shown, name: &str, array: &str) -> bool {
    let group = super::volumes::group(super::volumes::kind(name));
    group
        .and_then(|group| shown.half(array, group))
        .is_none_or(|half| half.sends())
}

/// What a version is.
fn bytes(name: &str, version: u64) -> Vec<u8> {
    let mut bytes = vec![0; SIZE];
    let salt: u64 = name.bytes().map(u64::from).sum();
    StdRng::seed_from_u64(version * 1000 + salt).fill_bytes(&mut bytes);
    bytes[..8].copy_from_slice(&version.to_le_bytes());
    bytes
}

/// Which version this is, to the last byte.
fn version(name: &str, read: Option<&[u8]>) -> u64 {
    let Some(read) = read else {
        return BLANK;
    };
    let version = u64::from_le_bytes(read[..8].try_into().unwrap());
    let wrong = bytes(name, version)
        .iter()
        .zip(read)
        .position(|(wanted, is)| wanted != is);
    assert!(
        wrong.is_none() && read.len() == SIZE,
        "{name}, version {version}: {} bytes, the first wrong one is {wrong:?}",
        read.len()
    );
    version
}

#[test]
fn a_byte_that_is_lost_or_of_another_volume_is_seen() {
    let good = bytes("db1", 7);
    assert_eq!(version("db1", Some(&good)), 7);
    assert_eq!(version("db1", None), BLANK);
    let mut flipped = good.clone();
    flipped[SIZE - 1] ^= 1;
    for bad in [&flipped, &good[..SIZE - 1], &bytes("db2", 7)[..]] {
        let bad = bad.to_vec();
        assert!(std::panic::catch_unwind(|| version("db1", Some(&bad))).is_err());
    }
}
