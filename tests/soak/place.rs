//! What the arrays hold at one moment, whether or not they can be asked.

use serde_json::Value;

use super::{
    rig::arrays::{HOME, PEER},
    volumes::{self, Kind},
};

pub const BOTH: [&str; 2] = [HOME, PEER];

/// The other array.
pub fn other(array: &str) -> &'static str {
    if array == HOME { PEER } else { HOME }
}

/// The arrays at one moment.
pub struct Shown(pub Value);

/// One array's half of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Half {
    pub role: String,
    pub status: String,
    /// An operation that changes roles is on its way.
    pub turning: bool,
}

impl Half {
    pub fn sends(&self) -> bool {
        self.role.starts_with("Primary")
    }

    pub fn is_started(&self) -> bool {
        self.status == "Started"
    }
}

impl Shown {
    pub fn is_up(&self, array: &str) -> bool {
        self.0[array]["up"] == true
    }

    /// A group's half, by the name that home gave it.
    pub fn half(&self, array: &str, group: &str) -> Option<Half> {
        let half = self.group(array, group);
        let word = |field: &str| half[field].as_str().map(str::to_owned);
        Some(Half {
            role: word("role")?,
            status: word("status")?,
            turning: !half["operation"].is_null(),
        })
    }

    pub fn halves(&self, group: &str) -> Option<[Half; 2]> {
        Some([self.half(HOME, group)?, self.half(PEER, group)?])
    }

    fn group(&self, array: &str, group: &str) -> &Value {
        &self.0[array]["groups"][volumes::group_on(array, group)]
    }

    /// The volumes of a group, as an array calls them, with their states.
    pub fn members(&self, array: &str, group: &str) -> Vec<(String, String)> {
        let all = self.group(array, group)["volumes"].as_array();
        let word = |volume: &Value, field: &str| volume[field].as_str().unwrap().to_owned();
        all.into_iter()
            .flatten()
            .map(|volume| (word(volume, "local"), word(volume, "sync")))
            .collect()
    }

    pub fn vv(&self, array: &str, name: &str) -> Option<&Value> {
        Some(&self.0[array]["vvs"][volumes::vv(name)]).filter(|vv| !vv.is_null())
    }

    /// The VVs of ours on an array, by name.
    pub fn vvs(&self, array: &str) -> Vec<(&String, &Value)> {
        let all = self.0[array]["vvs"].as_object().unwrap();
        all.iter()
            .filter(|(name, _)| name.starts_with("dk"))
            .collect()
    }

    /// Everywhere it has to be, the volume is there.
    pub fn is_whole(&self, name: &str) -> bool {
        let replicated = volumes::kind(name) != Kind::Plain;
        self.vv(HOME, name).is_some() && (!replicated || self.vv(PEER, name).is_some())
    }

    /// It says that it is ready, on one of its arrays.
    pub fn is_ready(&self, name: &str) -> bool {
        BOTH.iter().any(|array| {
            let comment = self.vv(array, name).and_then(|vv| vv["comment"].as_str());
            comment.is_some_and(|comment| comment.contains("/state=ready/"))
        })
    }

    /// The arrays on which hosts can use it, of those whose VV has this WWN.
    pub fn serve(&self, name: &str, wwn: &str) -> Vec<&'static str> {
        let serves = |array: &&str| {
            let has = self.vv(array, name).is_some_and(|vv| vv["wwn"] == wwn);
            if !has || !self.is_up(array) {
                return false;
            }
            let Some(group) = volumes::group(volumes::kind(name)) else {
                return true;
            };
            let member = self
                .members(array, group)
                .iter()
                .any(|(vv, _)| *vv == volumes::vv(name));
            let (Some(here), Some(there)) =
                (self.half(array, group), self.half(other(array), group))
            else {
                return false;
            };
            // A former primary that does not know of the failover goes on saying Primary.
            let former = here.role == "Primary" && there.role == "Primary-Rev";
            member && here.sends() && !former && here.status != "Failsafe" && !here.turning
        };
        BOTH.into_iter().filter(serves).collect()
    }

    /// The array that sends the volume, if the other one has all of it.
    pub fn in_step(&self, name: &str) -> Option<&'static str> {
        let group = volumes::group(volumes::kind(name))?;
        let [home, peer] = self.halves(group)?;
        let from = match (home.sends(), peer.sends()) {
            (true, false) => HOME,
            (false, true) => PEER,
            _ => return None,
        };
        let started = home.is_started() && peer.is_started() && !home.turning && !peer.turning;
        let synced = BOTH.iter().all(|array| {
            let vv = volumes::vv(name);
            self.members(array, group)
                .contains(&(vv, "Synced".to_owned()))
        });
        (started && synced).then_some(from)
    }

    /// Sets that are locks.
    pub fn locks(&self) -> Vec<String> {
        let sets = BOTH.iter().flat_map(|array| {
            let all = self.0[array]["vv_sets"].as_object().unwrap();
            all.keys().map(move |set| format!("{array}: {set}"))
        });
        sets.filter(|set| set.contains("dkl-")).collect()
    }

    /// Exports of ours: array, VV, host.
    pub fn exports(&self) -> Vec<(&'static str, String, String)> {
        let of = |array: &'static str| {
            let all = self.0[array]["vluns"].as_array().unwrap().iter();
            all.map(move |vlun| {
                let word = |field: &str| vlun[field].as_str().unwrap_or("?").to_owned();
                (array, word("vv"), word("host"))
            })
        };
        BOTH.into_iter().flat_map(of).collect()
    }
}
