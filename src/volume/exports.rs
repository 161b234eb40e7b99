//! To whom an array exports a VV, and exporting it to this machine. Who has a volume is decided in `ownership`.

use std::collections::BTreeSet;

use tokio::time::Instant;

use crate::{
    index::JournalEntry,
    inform::{
        Array, ArrayError, ExportTarget, ExportedVv, LunChoice, Refusal, VlunQuery, VlunTemplate,
        VvQuery,
    },
    model::{HostName, Lun, Protocol, VvName, Wwn},
    replication::Exported,
};

use super::{
    backend::Backend,
    error::Cause,
    host_object::our_host,
    place,
    steps::{Intent, Seen, Steps},
};

/// The exports of one VV.
#[derive(Debug)]
pub(super) enum Exports {
    /// To nobody.
    None,
    /// To this machine alone.
    Ours(VlunTemplate),
    /// To somebody else, or to this machine in a way this plugin does not export.
    Foreign {
        /// The targets, for people.
        to: String,
        /// Those to somebody else.
        foreign: Vec<VlunTemplate>,
        /// The exports to this machine that are among them.
        own: Vec<VlunTemplate>,
    },
}

impl Exports {
    /// In short.
    pub fn told(&self) -> Exported {
        match self {
            Self::None => Exported {
                here: false,
                elsewhere: false,
            },
            Self::Ours(_) => Exported {
                here: true,
                elsewhere: false,
            },
            Self::Foreign { own, .. } => Exported {
                here: !own.is_empty(),
                elsewhere: true,
            },
        }
    }

    /// To whom else, for people.
    pub fn told_to(&self) -> String {
        match self {
            Self::None | Self::Ours(_) => String::new(),
            Self::Foreign { to, .. } => to.clone(),
        }
    }

    /// Those to somebody else.
    pub fn foreign(&self) -> &[VlunTemplate] {
        match self {
            Self::None | Self::Ours(_) => &[],
            Self::Foreign { foreign, .. } => foreign,
        }
    }

    /// Those to this machine, whoever else has one.
    pub fn own(self) -> Vec<VlunTemplate> {
        match self {
            Self::None => Vec::new(),
            Self::Ours(template) => vec![template],
            Self::Foreign { own, .. } => own,
        }
    }
}

/// All templates of a VV on one array.
pub(super) async fn look_on(
    steps: &Steps,
    array: &Array,
    vv: &VvName,
) -> Result<Vec<VlunTemplate>, Cause> {
    steps
        .look("exports", array.showvlun_t(VlunQuery::Vv(vv)))
        .await
}

/// [`Cause::ExportedElsewhere`] if any host has the VV, this one too.
pub(super) async fn must_be_none(steps: &Steps, array: &Array, vv: &VvName) -> Result<(), Cause> {
    let to = look_on(steps, array, vv).await?;
    if to.is_empty() {
        return Ok(());
    }
    Err(Cause::ExportedElsewhere {
        array: array.label().to_owned(),
        to: names(&to),
    })
}

/// The exports on one array as they concern this machine.
pub(super) async fn look(
    steps: &Steps,
    backend: &Backend,
    array: &Array,
    vv: &VvName,
) -> Result<Exports, Cause> {
    let templates = look_on(steps, array, vv).await?;
    if templates.is_empty() {
        return Ok(Exports::None);
    }
    let hosts = steps.look("hosts", array.showhost()).await?;
    let us = our_host(backend, array, &hosts)?;
    Ok(sort(us.as_ref(), templates))
}

/// The exports to this machine of the VV with this WWN, whatever it is called: whoever releases it gives it another name.
pub(super) async fn own_by_wwn(
    steps: &Steps,
    backend: &Backend,
    array: &Array,
    wwn: &Wwn,
) -> Result<Vec<VlunTemplate>, Cause> {
    by_wwn(Some(steps), backend, array, wwn).await
}

/// As [`own_by_wwn`], outside of any operation.
pub(super) async fn seen_by_wwn(
    backend: &Backend,
    array: &Array,
    wwn: &Wwn,
) -> Result<Vec<VlunTemplate>, Cause> {
    by_wwn(None, backend, array, wwn).await
}

async fn by_wwn(
    steps: Option<&Steps>,
    backend: &Backend,
    array: &Array,
    wwn: &Wwn,
) -> Result<Vec<VlunTemplate>, Cause> {
    let hosts = ask(steps, "hosts", array.showhost()).await?;
    let Some(us) = our_host(backend, array, &hosts)? else {
        return Ok(Vec::new());
    };
    let all = array.showvlun_t(VlunQuery::Host(&us));
    let mut own = Vec::new();
    for template in ask(steps, "exports", all).await? {
        let ExportedVv::One(vv) = &template.vv else {
            continue;
        };
        if is_to(Some(&us), &template) {
            let found = ask(steps, "vv", array.showvv(VvQuery::Name(vv))).await?;
            if found.first().is_some_and(|vv| vv.wwn == *wwn) {
                own.push(template);
            }
        }
    }
    Ok(own)
}

/// One reading command, of an operation if there is one.
async fn ask<T>(
    steps: Option<&Steps>,
    what: &str,
    look: impl Future<Output = Result<T, ArrayError>>,
) -> Result<T, Cause> {
    match steps {
        Some(steps) => steps.look(what, look).await,
        None => Ok(look.await?),
    }
}

/// As [`look`], with the exports of VV sets that the volume is in, before it is exported: an array lists those under the name of the set.
pub(super) async fn look_at_sets_too(
    steps: &Steps,
    backend: &Backend,
    array: &Array,
    vv: &VvName,
) -> Result<Exports, Cause> {
    let seen = look(steps, backend, array, vv).await?;
    let sets = steps.look("sets", array.showvvset_of(vv)).await?;
    if sets.is_empty() {
        return Ok(seen);
    }
    let mut all = steps
        .look("exports", array.showvlun_t(VlunQuery::All))
        .await?;
    let seen_already = seen.foreign();
    all.retain(|template| match &template.vv {
        ExportedVv::Set(name) => {
            sets.iter().any(|set| set.name == *name) && !seen_already.contains(template)
        }
        ExportedVv::One(_) => false,
    });
    if all.is_empty() {
        return Ok(seen);
    }
    let foreign = [seen.foreign(), all.as_slice()].concat();
    Ok(Exports::Foreign {
        to: names(&foreign),
        foreign,
        own: seen.own(),
    })
}

/// As [`look`], before an operation begins.
pub(super) async fn seen(backend: &Backend, array: &Array, vv: &VvName) -> Result<Exports, Cause> {
    let templates = array.showvlun_t(VlunQuery::Vv(vv)).await?;
    if templates.is_empty() {
        return Ok(Exports::None);
    }
    let us = our_host(backend, array, &array.showhost().await?)?;
    Ok(sort(us.as_ref(), templates))
}

fn sort(us: Option<&HostName>, templates: Vec<VlunTemplate>) -> Exports {
    let ours = |template: &VlunTemplate| is_to(us, template);
    let foreign: Vec<VlunTemplate> = templates.iter().filter(|t| !ours(t)).cloned().collect();
    let own: Vec<VlunTemplate> = templates.into_iter().filter(ours).collect();
    match (own.as_slice(), foreign.is_empty()) {
        ([], true) => Exports::None,
        ([template], true) => Exports::Ours(template.clone()),
        (_, true) => Exports::Foreign {
            to: "this host under several LUNs".to_owned(),
            foreign,
            own,
        },
        (_, false) => Exports::Foreign {
            to: names(&foreign),
            foreign,
            own,
        },
    }
}

/// True if it is an export to this host alone, as this plugin makes them.
fn is_to(us: Option<&HostName>, template: &VlunTemplate) -> bool {
    template.port.is_none()
        && matches!(template.vv, ExportedVv::One(_))
        && matches!(&template.target, ExportTarget::Host(host) if Some(host) == us)
}

/// The targets of templates, for people.
pub(super) fn names(templates: &[VlunTemplate]) -> String {
    let mut names: Vec<String> = templates
        .iter()
        .map(|t| format!("`{}`", t.target))
        .collect();
    names.dedup();
    names.join(", ")
}

/// Exports the VV to this machine, at this LUN if that is free there. Only a read-back that shows this machine alone permits what
/// follows; whoever sees another host withdraws its own export.
pub(super) async fn export(
    backend: &Backend,
    steps: &mut Steps,
    intent: Intent,
    array: &Array,
    vv: &VvName,
    host: &HostName,
    at: Option<Lun>,
) -> Result<VlunTemplate, Cause> {
    let taken = taken_here(backend, steps, array, host).await?;
    if let Some(lun) = at.filter(|lun| !taken.avoid.contains(lun)) {
        match export_at(steps, intent, array, vv, host, LunChoice::Exact(lun)).await {
            Err(Cause::Array(error)) if error.refusal() == Some(Refusal::LunTaken) => {}
            other => return other,
        }
    }
    if taken.avoid.is_empty() {
        return export_at(steps, intent, array, vv, host, LunChoice::Auto).await;
    }
    log::warn!(array = array.label(), luns:? = taken.avoid;
        "disks of volumes that the array does not show to this machine any more: their LUNs are left alone");
    let mut free = (0..=LAST_LUN).map(Lun);
    let free = free.find(|lun| !taken.avoid.contains(lun) && !taken.listed.contains(lun));
    let choice = free.map_or(LunChoice::Auto, LunChoice::Exact);
    export_at(steps, intent, array, vv, host, choice).await
}

/// Highest LUN of an array (array fact 71 tells why low ones are better).
const LAST_LUN: u16 = 16_383;

/// The LUNs of this machine on an array.
struct Taken {
    /// That the array shows it something at.
    listed: BTreeSet<Lun>,
    /// That it has disks at which the array knows nothing of.
    avoid: BTreeSet<Lun>,
}

async fn taken_here(
    backend: &Backend,
    steps: &Steps,
    array: &Array,
    host: &HostName,
) -> Result<Taken, Cause> {
    let (mut listed, mut avoid) = (BTreeSet::new(), BTreeSet::new());
    if backend.transport.protocol() != Protocol::Simulated {
        let here = array.showvlun_t(VlunQuery::Host(host));
        let here = steps.look("luns", here).await?;
        listed.extend(here.into_iter().map(|template| template.lun));
        avoid = place::left_behind(backend, array, &listed).await?;
    }
    Ok(Taken { listed, avoid })
}

async fn export_at(
    steps: &mut Steps,
    intent: Intent,
    array: &Array,
    vv: &VvName,
    host: &HostName,
    lun: LunChoice,
) -> Result<VlunTemplate, Cause> {
    let template = steps
        .act(intent, array.createvlun(vv, lun, host), || async {
            let templates = array.showvlun_t(VlunQuery::Vv(vv)).await?;
            Ok(match sort(Some(host), templates) {
                Exports::Ours(template) => Seen::Done(template),
                Exports::None => {
                    Seen::NotDone(format!("array `{}` lists no export", array.label()))
                }
                Exports::Foreign { to, .. } => {
                    Seen::NotDone(format!("array `{}` exports it to {to}", array.label()))
                }
            })
        })
        .await?;
    // What the array that does not serve exports is never looked for under another name.
    if intent == Intent::Export {
        let fact = lun_fact(steps.entry());
        steps.record(&[(&fact, &template.lun.to_string())])?;
    }
    Ok(template)
}

/// Where the journal has the LUN of an operation's last export: what an earlier one was at tells nothing of it.
fn lun_fact(entry: &JournalEntry) -> String {
    let export = Intent::Export.to_string();
    let times = entry.steps.iter().filter(|step| **step == export).count();
    format!("lun of export {times}")
}

/// The LUN of an operation's last export, if the array's answer to that was seen. What is exported at another one is not the operation's.
pub(super) fn lun_of(entry: &JournalEntry) -> Option<Lun> {
    entry.facts.get(&lun_fact(entry))?.parse().ok().map(Lun)
}

/// Takes this machine's export back. One that another host has taken away is as good.
pub(super) async fn withdraw(
    steps: &mut Steps,
    intent: Intent,
    array: &Array,
    template: &VlunTemplate,
) -> Result<(), Cause> {
    remove(steps, intent, array, template, None).await
}

/// Removes an export. One that is gone already is as good. By the deadline, if there is one, the command is sent or never.
pub(super) async fn remove(
    steps: &mut Steps,
    intent: Intent,
    array: &Array,
    template: &VlunTemplate,
    until: Option<Instant>,
) -> Result<(), Cause> {
    // It may have been given another name since it was exported.
    let vv = match &template.vv {
        ExportedVv::One(vv) => vv.clone(),
        ExportedVv::Set(_) => steps.entry().vv.clone(),
    };
    let sender = match until {
        Some(until) => array.urgent_until(until),
        None => array.clone(),
    };
    let removed = steps
        .act(intent, sender.removevlun(template), || async {
            let templates = array.showvlun_t(VlunQuery::Vv(&vv)).await?;
            Ok(if templates.contains(template) {
                Seen::NotDone(format!(
                    "array `{}` still exports it to `{}` as LUN {}",
                    array.label(),
                    template.target,
                    template.lun
                ))
            } else {
                Seen::Done(())
            })
        })
        .await;
    match removed {
        Err(Cause::Array(error)) if error.refusal() == Some(Refusal::NotFound) => {
            let templates = look_on(steps, array, &vv).await?;
            if templates.contains(template) {
                Err(error.into())
            } else {
                Ok(())
            }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        index::OpKind,
        model::{OperationId, VolumeName},
    };

    #[test]
    fn the_lun_is_that_of_the_last_export_or_not_known() {
        let mut entry = JournalEntry {
            op: OperationId::parse("host1@c0365b.1").unwrap(),
            kind: OpKind::Mount,
            name: VolumeName::new("db1").unwrap(),
            backend: "DEFAULT".parse().unwrap(),
            vv: "dkv-db1".parse().unwrap(),
            started: jiff::Timestamp::UNIX_EPOCH,
            steps: Vec::new(),
            facts: BTreeMap::new(),
            request: serde_json::Value::Null,
        };
        let mut luns = Vec::new();
        for lun in [Some(3), None, Some(7)] {
            entry.steps.push(Intent::Export.to_string());
            if let Some(lun) = lun {
                entry.facts.insert(lun_fact(&entry), lun.to_string());
            }
            luns.push(lun_of(&entry));
        }
        assert_eq!(luns, [Some(Lun(3)), None, Some(Lun(7))]);
    }
}
