//! Export templates → active VLUNs: one for each path of a host that is logged in.

use std::collections::BTreeMap;

use crate::names::set_name;
use crate::state::{Array, Release, Vlun};

/// A VLUN that a host can reach now, over one path and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Active {
    /// LUN number.
    pub lun: u32,
    /// VV.
    pub vv: String,
    /// Host object; nothing if the port presents the VV to an initiator of no host.
    pub host: Option<String>,
    /// FC WWN or iSCSI name of the host.
    pub initiator: String,
    /// `N:S:P`.
    pub port: String,
    /// Kind of the template behind it.
    pub kind: Kind,
    /// Word of the Status column.
    pub status: &'static str,
}

/// Kind of a template; a later one overrides an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// To whoever logs in at a port.
    Port,
    /// To the members of a host set.
    HostSet,
    /// To a host.
    Host,
    /// To a host at a port.
    MatchedSet,
}

impl Kind {
    /// Word of the Type column.
    pub fn word(self) -> &'static str {
        match self {
            Self::Port => "port",
            Self::HostSet => "host set",
            Self::Host => "host",
            Self::MatchedSet => "matched set",
        }
    }
}

impl Vlun {
    /// Kind of this template.
    pub fn kind(&self) -> Kind {
        match (&self.host, &self.port) {
            (None, _) => Kind::Port,
            (Some(_), Some(_)) => Kind::MatchedSet,
            (Some(host), None) if set_name(host).is_some() => Kind::HostSet,
            (Some(_), None) => Kind::Host,
        }
    }
}

impl Array {
    /// Hosts that a word names: a host, or the members of `set:<host set>`.
    pub fn hosts_behind(&self, word: &str) -> Vec<String> {
        match set_name(word) {
            Some(set) => self
                .host_sets
                .get(set)
                .map(|set| set.members.clone())
                .unwrap_or_default(),
            None => vec![word.to_owned()],
        }
    }

    /// VVs of a template with the LUN of each: the VV, or the members of `set:<VV set>` with one LUN after the other.
    pub fn vvs_behind(&self, template: &Vlun) -> Vec<(u32, String)> {
        match set_name(&template.vv) {
            Some(set) => self
                .vv_sets
                .get(set)
                .map(|set| (template.lun..).zip(set.members.clone()).collect())
                .unwrap_or_default(),
            None => vec![(template.lun, template.vv.clone())],
        }
    }

    /// Templates that export this VV, by itself or through a set.
    pub fn exports_of(&self, vv: &str) -> Vec<&Vlun> {
        self.vluns
            .iter()
            .filter(|template| self.vvs_behind(template).iter().any(|(_, name)| name == vv))
            .collect()
    }

    /// Host that holds this initiator. iSCSI names and WWNs are compared without regard to case.
    pub fn host_of(&self, initiator: &str) -> Option<&str> {
        self.hosts
            .iter()
            .find(|(_, host)| {
                host.paths
                    .iter()
                    .any(|path| path.eq_ignore_ascii_case(initiator))
            })
            .map(|(name, _)| name.as_str())
    }

    /// Ports at which this initiator is logged in, without those whose link is cut.
    pub fn ports_of(&self, initiator: &str) -> Vec<String> {
        let mut ports = ports_in(&self.logins, initiator);
        ports.retain(|port| !self.is_cut(port));
        ports
    }

    fn is_cut(&self, position: &str) -> bool {
        self.ports
            .iter()
            .any(|port| port.cut && port.position == position)
    }

    /// All VLUNs that hosts can reach now.
    pub fn active_vluns(&self) -> Vec<Active> {
        let mut all = self.vluns_for(&self.logins);
        all.retain(|vlun| !self.is_cut(&vlun.port));
        all
    }

    /// All VLUNs of these initiators at these ports, whether they are logged in or not. Where two templates give a VV to
    /// one path, the one of the stronger kind counts.
    pub fn vluns_for(&self, logins: &BTreeMap<String, Vec<String>>) -> Vec<Active> {
        let mut all: Vec<Active> = Vec::new();
        for template in &self.vluns {
            for (lun, vv) in self.vvs_behind(template) {
                for (host, initiator, port) in self.paths_of(template, logins) {
                    let one = Active {
                        lun,
                        status: self.path_status(&vv, &port),
                        vv: vv.clone(),
                        host,
                        initiator,
                        port,
                        kind: template.kind(),
                    };
                    let same = |other: &&mut Active| {
                        (other.lun, &other.vv, &other.initiator, &other.port)
                            == (one.lun, &one.vv, &one.initiator, &one.port)
                    };
                    match all.iter_mut().find(same) {
                        Some(other) if other.kind < one.kind => *other = one,
                        Some(_) => {}
                        None => all.push(one),
                    }
                }
            }
        }
        all
    }

    /// (host, initiator, port) of every logged-in path a template reaches.
    fn paths_of(
        &self,
        template: &Vlun,
        logins: &BTreeMap<String, Vec<String>>,
    ) -> Vec<(Option<String>, String, String)> {
        let initiators: Vec<(Option<String>, String)> = match &template.host {
            Some(word) => self
                .hosts_behind(word)
                .into_iter()
                .filter_map(|host| Some((self.hosts.get(&host)?.paths.clone(), host)))
                .flat_map(|(paths, host)| {
                    paths
                        .into_iter()
                        .map(move |path| (Some(host.clone()), path))
                })
                .collect(),
            None => logins
                .keys()
                .map(|initiator| {
                    (
                        self.host_of(initiator).map(str::to_owned),
                        initiator.clone(),
                    )
                })
                .collect(),
        };
        initiators
            .into_iter()
            .flat_map(|(host, initiator)| {
                ports_in(logins, &initiator)
                    .into_iter()
                    .map(move |port| (host.clone(), initiator.clone(), port))
            })
            .filter(|(_, _, port)| template.port.as_ref().is_none_or(|only| only == port))
            .collect()
    }

    /// `standby` on the secondary side of Peer Persistence unless both are active; on 10.x the ports of the node that does not own the VV are
    /// `nonopt`; otherwise `active`.
    fn path_status(&self, vv: &str, port: &str) -> &'static str {
        if self.is_standby(vv) {
            return "standby";
        }
        let owner = self.vvs.get(vv).map_or(0, |vv| vv.id % 2).to_string();
        if self.release == Release::V1050 && !port.starts_with(&owner) {
            return "nonopt";
        }
        "active"
    }

    /// Secondary side of Peer Persistence, unless both are active.
    pub(crate) fn is_standby(&self, vv: &str) -> bool {
        self.group_of(vv).is_some_and(|group| {
            !group.sends()
                && group.has_policy("path_management")
                && !group.has_policy("active_active")
        })
    }
}

fn ports_in(logins: &BTreeMap<String, Vec<String>>, initiator: &str) -> Vec<String> {
    logins
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(initiator))
        .flat_map(|(_, ports)| ports.clone())
        .collect()
}
