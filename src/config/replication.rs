//! `replication_device`: the array a backend replicates to, and how.

use std::{collections::BTreeMap, net::IpAddr};

use super::{
    access::ArrayAccess,
    keys::nearest,
    mistake::Problem,
    section::{Origin, Report, Section},
    values::{checked, choice, cpg_map, duration, ip_address, shown_key},
    warning::Doubt,
};
use crate::model::{CpgName, Mode, TargetName};

/// Seconds between two syncs of a periodic group, unless the administrator says otherwise.
const DEFAULT_PERIOD: u32 = 900;
/// What an array takes, in seconds.
const PERIODS: (u64, u64) = (300, 31_622_400);

/// The target array of a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicationDevice {
    /// The name by which the backend's array knows it.
    pub backend_id: TargetName,
    /// How groups replicate.
    pub mode: Mode,
    /// Seconds, 300 to 31622400; given exactly when the mode is [`Mode::Periodic`].
    pub sync_period: Option<u32>,
    /// Makes it Peer Persistence; only with [`Mode::Sync`].
    pub quorum_witness_ip: Option<IpAddr>,
    /// CPG there for each CPG here.
    pub cpg_map: BTreeMap<CpgName, CpgName>,
    /// Snapshot CPG there for each here; the same as `cpg_map` unless given.
    pub snap_cpg_map: BTreeMap<CpgName, CpgName>,
    /// The target array itself.
    pub access: ArrayAccess,
}

impl ReplicationDevice {
    /// Both arrays serve, by one WWN.
    pub fn is_peer_persistence(&self) -> bool {
        self.quorum_witness_ip.is_some()
    }

    /// Reads and checks everything the file alone can tell.
    pub(super) fn read(
        section: &Section<'_>,
        report: &mut Report<'_>,
        cpgs: Option<&[CpgName]>,
        snap_cpgs: Option<&[CpgName]>,
        source: Option<&ArrayAccess>,
    ) -> Option<Self> {
        section.check_keys(report, None);
        let backend_id = section.required(
            report,
            "backend_id",
            "the name by which the backend's array knows its target (see `showrcopy targets`)",
            checked(TargetName::new),
        );
        let modes = [Mode::Sync, Mode::Periodic, Mode::Async].map(|mode| (mode.conf(), mode));
        let mode = section.required(
            report,
            "replication_mode",
            "give `synchronous`, `asynchronous` or `streaming`",
            choice(&modes),
        );
        let sync_period = read_period(section, report, mode);
        let witness = match section.own("quorum_witness_ip") {
            None => Some(None),
            Some(_) => section
                .get(report, "quorum_witness_ip", ip_address)
                .map(Some),
        };
        if section.own("quorum_witness_ip").is_some() && mode.is_some_and(|mode| mode != Mode::Sync)
        {
            let needs = "`replication_mode = \"synchronous\"`: Peer Persistence knows no other";
            section.mistake(report, "quorum_witness_ip", Problem::Needs { needs });
        }
        let (cpg_map, snap_cpg_map) = read_maps(section, report, cpgs, snap_cpgs);
        let access = ArrayAccess::read(section, report);
        if let (Some(source), Some(target)) = (source, &access)
            && target.is_same_array(source)
        {
            let address = format!("{} port {}", target.san_ip, target.san_ssh_port);
            section.mistake(report, "san_ip", Problem::SameArray { address });
        }
        let arrays = [(source, "the backend"), (access.as_ref(), "its target")];
        for (array, whose) in arrays {
            let judged = array.map(ArrayAccess::address);
            if let Some(address) = judged.filter(|address| {
                witness
                    .flatten()
                    .is_some_and(|ip| ip.to_canonical().to_string() == *address)
            }) {
                let problem = Problem::WitnessIsArray { address, whose };
                section.mistake(report, "quorum_witness_ip", problem);
            }
        }
        Some(Self {
            backend_id: backend_id?,
            mode: mode?,
            sync_period: sync_period?,
            quorum_witness_ip: witness?,
            cpg_map: cpg_map?,
            snap_cpg_map: snap_cpg_map?,
            access: access?,
        })
    }
}

/// `None` if it is wrong.
fn read_period(
    section: &Section<'_>,
    report: &mut Report<'_>,
    mode: Option<Mode>,
) -> Option<Option<u32>> {
    const KEY: &str = "sync_period";
    if section.own(KEY).is_none() {
        if mode != Some(Mode::Periodic) {
            return Some(None);
        }
        section.note(report, KEY, DEFAULT_PERIOD.to_string(), Origin::BuiltIn);
        return Some(Some(DEFAULT_PERIOD));
    }
    let period = section.get(report, KEY, duration(PERIODS.0, PERIODS.1));
    if mode.is_some_and(|mode| mode != Mode::Periodic) {
        let needs = "`replication_mode = \"asynchronous\"`";
        section.mistake(report, KEY, Problem::Needs { needs });
        return None;
    }
    Some(Some(u32::try_from(period?.as_secs()).ok()?))
}

type Map = BTreeMap<CpgName, CpgName>;

fn read_maps(
    section: &Section<'_>,
    report: &mut Report<'_>,
    cpgs: Option<&[CpgName]>,
    snap_cpgs: Option<&[CpgName]>,
) -> (Option<Map>, Option<Map>) {
    let what =
        "for each CPG of `hpe3par_cpg` the CPG on the target array, as in `{ here = \"there\" }`";
    let map = section.required(report, "cpg_map", what, cpg_map);
    let own_snap_map = section.own("snap_cpg_map").is_some();
    let snap_map = if own_snap_map {
        section.get(report, "snap_cpg_map", cpg_map)
    } else {
        if let Some(map) = &map {
            let pairs: Vec<String> = map
                .iter()
                .map(|(here, there)| format!("{} = \"{there}\"", shown_key(here.as_str())))
                .collect();
            let pairs = format!("{{ {} }}", pairs.join(", "));
            section.note(report, "snap_cpg_map", pairs, Origin::BuiltIn);
        }
        map.clone()
    };
    if let (Some(map), Some(snap_map), Some(cpgs), Some(snap_cpgs)) =
        (&map, &snap_map, cpgs, snap_cpgs)
    {
        let unlisted = |cpg: &&CpgName| -> bool { !cpgs.contains(cpg) && !snap_cpgs.contains(cpg) };
        let mut keys = vec![("cpg_map", map)];
        if own_snap_map {
            keys.push(("snap_cpg_map", snap_map));
        }
        for (key, map) in &keys {
            for cpg in map.keys().filter(unlisted) {
                let cpg = cpg.to_string();
                section.warn(report, key, Doubt::Unlisted { cpg });
            }
        }
        let maps: Vec<&Map> = keys.iter().map(|(_, map)| *map).collect();
        covers(section, report, "cpg_map", &[map], ("hpe3par_cpg", cpgs));
        // Without a list of their own, snapshots use the CPGs just checked. Where `snap_cpg_map` is silent, `cpg_map` answers.
        if snap_cpgs != cpgs {
            let key = if own_snap_map {
                "snap_cpg_map"
            } else {
                "cpg_map"
            };
            covers(section, report, key, &maps, ("hpe3par_snapcpg", snap_cpgs));
        }
    }
    (map, snap_map)
}

/// Without a counterpart of the default CPG no volume can be made at all; without one of another CPG, none in it.
fn covers(
    section: &Section<'_>,
    report: &mut Report<'_>,
    key: &'static str,
    maps: &[&Map],
    (list, cpgs): (&'static str, &[CpgName]),
) {
    let unmapped = |cpg: &&CpgName| !maps.iter().any(|map| map.contains_key(cpg));
    for cpg in cpgs.iter().filter(unmapped) {
        let entries = maps.iter().flat_map(|map| map.keys());
        let free = entries.filter(|entry| !cpgs.contains(entry));
        let nearest = nearest(cpg.as_str(), free.map(CpgName::as_str)).map(str::to_owned);
        let default = cpgs.first() == Some(cpg);
        let cpg = cpg.to_string();
        if default {
            section.mistake(report, key, Problem::NotMapped { cpg, list, nearest });
        } else {
            section.warn(report, key, Doubt::NotMapped { cpg, list, nearest });
        }
    }
}
