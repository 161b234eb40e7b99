//! `showrcopy`

use std::collections::HashSet;

use super::{each, unreadable};
use crate::{
    inform::{
        array::Array,
        error::{ArrayError, Problem, Refusal, unrecognised},
        quoting::Args,
        row::Row,
    },
    model::{
        DomainName, GroupName, GroupStatus, LinkStatus, Mode, Policy, PortPosition, Role,
        SyncStatus, SystemId, TargetName, TargetStatus, VvId, VvName,
    },
};

/// Another array, as this one knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RcTarget {
    /// The name this array gives it; no identity, it may be anything (array fact 15).
    pub name: TargetName,
    /// How it is reached: `IP` or `FC`.
    pub kind: String,
    /// Whether it is usable.
    pub status: TargetStatus,
    /// For example `mirror_config`.
    pub policies: Vec<String>,
    /// Its system id; only with detail.
    pub system_id: Option<SystemId>,
    /// Its own name; only with detail.
    pub system_name: Option<String>,
}

/// What an array shows of the quorum witness that decides about a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RcWitness {
    /// The target.
    pub target: TargetName,
    /// The address of the witness; none: there is none.
    pub server: Option<String>,
    /// What the array calls the state, both words; empty without a witness.
    pub state: String,
    /// The array sees it.
    pub is_seen: bool,
}

/// A remote copy link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RcLink {
    /// Where it sends to; none for a link that receives.
    pub target: Option<TargetName>,
    /// The port here.
    pub port: PortPosition,
    /// The address there; of a receiving link the one here, or `receive`.
    pub address: String,
    /// Whether it works.
    pub status: LinkStatus,
}

/// A remote copy group, as one array sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RcGroup {
    /// Its name on this array.
    pub name: GroupName,
    /// The other array.
    pub target: TargetName,
    /// Its status here; on a secondary `Started` only means ready to receive.
    pub status: GroupStatus,
    /// Its role here.
    pub role: Role,
    /// How it replicates.
    pub mode: Mode,
    /// Policies and period.
    pub options: GroupOptions,
    /// Its volumes.
    pub volumes: Vec<RcVolume>,
}

impl RcGroup {
    /// True while a volume of the group is being copied.
    pub fn is_syncing(&self) -> bool {
        self.volumes
            .iter()
            .any(|volume| matches!(volume.sync, SyncStatus::Syncing(_)))
    }

    /// True if the group has the policy.
    pub fn has_policy(&self, policy: Policy) -> bool {
        let word = policy.to_string();
        self.options.policies.contains(&word)
    }

    /// True if the VV, by its name on this array, is in the group.
    pub fn holds(&self, vv: &VvName) -> bool {
        self.volumes.iter().any(|volume| volume.local == *vv)
    }
}

/// The options of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupOptions {
    /// For example `auto_recover`.
    pub policies: Vec<String>,
    /// Period of a periodic group, in seconds.
    pub period_s: Option<u32>,
    /// Last synchronisation of a periodic group, as the array writes it; only on the sending side.
    pub last_sync: Option<String>,
}

/// A volume of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RcVolume {
    /// Here.
    pub local: VvName,
    /// Id here.
    pub local_id: VvId,
    /// There.
    pub remote: VvName,
    /// Id there.
    pub remote_id: VvId,
    /// How far the copy is.
    pub sync: SyncStatus,
    /// Last synchronisation, as the array writes it; none in a started synchronous group.
    pub last_sync: Option<String>,
}

impl Array {
    /// The remote copy targets.
    ///
    /// # Errors
    /// [`ArrayError`]; refused with `NotConfigured` where Remote Copy is not set up.
    pub async fn showrcopy_targets(&self) -> Result<Vec<RcTarget>, ArrayError> {
        self.targets(false).await
    }

    /// The remote copy targets with the identity of the arrays behind them.
    ///
    /// # Errors
    /// As [`Array::showrcopy_targets`].
    pub async fn showrcopy_targets_detail(&self) -> Result<Vec<RcTarget>, ArrayError> {
        self.targets(true).await
    }

    async fn targets(&self, detail: bool) -> Result<Vec<RcTarget>, ArrayError> {
        self.read(
            "showrcopy-targets",
            &Args::new().flag("detail", detail),
            |rows| {
                let targets = each(rows, target)?;
                if detail && targets.iter().any(|t| t.system_id.is_none()) {
                    return Err(unrecognised("a target without SysID"));
                }
                no_two(targets.iter().map(|t| &t.name))?;
                Ok(targets)
            },
        )
        .await
    }

    /// The quorum witness of each target.
    ///
    /// # Errors
    /// As [`Array::showrcopy_targets`]; `Unrecognised` for words of a state that are not known.
    pub async fn showrcopy_witness(&self) -> Result<Vec<RcWitness>, ArrayError> {
        self.read("showrcopy-witness", &Args::new(), |rows| {
            let all = each(rows, witness)?;
            no_two(all.iter().map(|one| &one.target))?;
            Ok(all)
        })
        .await
    }

    /// The remote copy links, sending and receiving.
    ///
    /// # Errors
    /// As [`Array::showrcopy_targets`].
    pub async fn showrcopy_links(&self) -> Result<Vec<RcLink>, ArrayError> {
        self.read("showrcopy-links", &Args::new(), |rows| {
            let links = each(rows, link)?;
            no_two(links.iter().map(|l| (&l.target, l.port, &l.address)))?;
            Ok(links)
        })
        .await
    }

    /// All groups. The listing has no total, so no group is absent for not being in it; ask for it by name.
    ///
    /// # Errors
    /// As [`Array::showrcopy_targets`].
    pub async fn showrcopy_groups(&self) -> Result<Vec<RcGroup>, ArrayError> {
        self.read("showrcopy-groups", &Args::new(), groups).await
    }

    /// One group. `None` only if the array says in its own words that there is no such group (array fact 9).
    ///
    /// # Errors
    /// As [`Array::showrcopy_targets`]; `Unrecognised` for a group with two targets.
    pub async fn showrcopy_group(&self, group: &GroupName) -> Result<Option<RcGroup>, ArrayError> {
        self.one_group(group, None).await
    }

    /// As [`Array::showrcopy_group`], if it is in this domain.
    ///
    /// # Errors
    /// As [`Array::showrcopy_group`].
    pub async fn showrcopy_group_in(
        &self,
        group: &GroupName,
        domain: &DomainName,
    ) -> Result<Option<RcGroup>, ArrayError> {
        self.one_group(group, Some(domain)).await
    }

    async fn one_group(
        &self,
        group: &GroupName,
        domain: Option<&DomainName>,
    ) -> Result<Option<RcGroup>, ArrayError> {
        let absent = format!("group matching {group} does not exist on the system");
        let result = self
            .read(
                "showrcopy-groups",
                &Args::new().with_some("domain", domain).with("name", group),
                |rows| {
                    let mut found = groups(rows)?;
                    match found.pop() {
                        Some(only) if found.is_empty() && only.name == *group => Ok(only),
                        Some(_) => Err(unrecognised(
                            "other groups or targets than the one asked for",
                        )),
                        None => Err(unrecognised(
                            "neither the group nor the words that there is none",
                        )),
                    }
                },
            )
            .await;
        match result {
            Ok(group) => Ok(Some(group)),
            Err(ArrayError::Refused {
                refusal: Refusal::NotFound,
                words,
                ..
            }) if words.lines().any(|line| line.trim().ends_with(&absent)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A row that comes twice means that the answer was garbled on its way.
fn no_two<T: Eq + std::hash::Hash>(mut keys: impl Iterator<Item = T>) -> Result<(), Problem> {
    let mut seen = HashSet::new();
    if keys.all(|key| seen.insert(key)) {
        Ok(())
    } else {
        Err(unrecognised("a row comes twice"))
    }
}

fn target(row: &Row) -> Result<RcTarget, String> {
    Ok(RcTarget {
        name: row.value("name")?,
        kind: row.text("kind")?.to_owned(),
        status: row.value("status")?,
        policies: row
            .opt("policy")
            .map_or_else(Vec::new, |p| p.split(',').map(str::to_owned).collect()),
        system_id: known(row, "system_id")
            .map(str::parse)
            .transpose()
            .map_err(|why| format!("system id: {why}"))?
            .map(SystemId),
        system_name: known(row, "system_name").map(str::to_owned),
    })
}

fn witness(row: &Row) -> Result<RcWitness, String> {
    let cell = |column: &str| known(row, column).filter(|text| !text.starts_with('-'));
    let (status, qualifier) = (cell("status"), cell("qualifier"));
    let server = cell("server").map(str::to_owned);
    let words: Vec<&str> = [status, qualifier].into_iter().flatten().collect();
    if server.is_none() && !words.is_empty() {
        return Err(format!("`{}` of no witness", words.join(" ")));
    }
    Ok(RcWitness {
        target: row.value("target")?,
        is_seen: (status, qualifier) == (Some("Started"), Some("normal")),
        state: words.join(", "),
        server,
    })
}

fn link(row: &Row) -> Result<RcLink, String> {
    let target = match row.text("target")? {
        "receive" => None,
        _ => Some(row.value("target")?),
    };
    Ok(RcLink {
        target,
        port: row.value("port")?,
        address: row.text("address")?.to_owned(),
        status: row.value("status")?,
    })
}

/// `NA` is how remote copy writes none.
fn known<'a>(row: &'a Row, column: &str) -> Option<&'a str> {
    row.opt(column).filter(|text| *text != "NA")
}

fn groups(rows: Vec<Row>) -> Result<Vec<RcGroup>, Problem> {
    let mut groups: Vec<RcGroup> = Vec::new();
    for row in &rows {
        let unreadable = |why: String| unreadable(row, &why);
        match (row.part.as_str(), groups.last_mut()) {
            ("group", _) => groups.push(group(row).map_err(unreadable)?),
            (_, Some(group)) => group.volumes.push(volume(row).map_err(unreadable)?),
            (_, None) => return Err(unrecognised("volumes before any group")),
        }
    }
    no_two(groups.iter().map(|g| (&g.name, &g.target)))?;
    for group in &groups {
        no_two(group.volumes.iter().map(|v| &v.local))?;
    }
    Ok(groups)
}

fn group(row: &Row) -> Result<RcGroup, String> {
    let mut options = GroupOptions::default();
    let mut period = 0u32;
    for (what, text) in &row.items {
        match what.as_str() {
            "policy" => options.policies.push(text.clone()),
            "last_sync" if text.starts_with(|c: char| c.is_ascii_digit()) => {
                options.last_sync = Some(text.clone());
            }
            "period" => {
                period = text
                    .parse()
                    .map_err(|why| format!("period `{text}`: {why}"))?
            }
            "unit" => options.period_s = Some(period.saturating_mul(seconds(text)?)),
            _ => {}
        }
    }
    Ok(RcGroup {
        name: row.value("name")?,
        target: row.value("target")?,
        status: row.value("status")?,
        role: row.value("role")?,
        mode: row.value("mode")?,
        options,
        volumes: Vec::new(),
    })
}

fn seconds(unit: &str) -> Result<u32, String> {
    Ok(match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        other => return Err(format!("`{other}` is no unit of time")),
    })
}

fn volume(row: &Row) -> Result<RcVolume, String> {
    Ok(RcVolume {
        local: row.value("local")?,
        local_id: VvId(row.value("local_id")?),
        remote: row.value("remote")?,
        remote_id: VvId(row.value("remote_id")?),
        sync: row.value("sync")?,
        last_sync: known(row, "last_sync").map(str::to_owned),
    })
}
