//! To whom an array exports a VV, and exporting it to this machine alone (decisions 4 and 5).

use crate::{
    inform::{
        Array, ArrayError, ExportTarget, ExportedVv, HostEntry, HostPath, LunChoice, Refusal,
        VlunQuery, VlunTemplate,
    },
    model::{HostName, Lun, VvName},
    replication::Exported,
};

use super::{
    backend::Backend,
    error::Cause,
    steps::{Intent, Seen, Steps},
};

/// Host persona for Linux with ALUA (array fact 6).
const PERSONA: u32 = 2;

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
    let ours = |template: &VlunTemplate| {
        template.port.is_none()
            && matches!(template.vv, ExportedVv::One(_))
            && matches!(&template.target, ExportTarget::Host(host) if Some(host) == us)
    };
    let foreign: Vec<VlunTemplate> = templates.iter().filter(|t| !ours(t)).cloned().collect();
    let own: Vec<VlunTemplate> = templates.into_iter().filter(ours).collect();
    match (own.as_slice(), foreign.is_empty()) {
        ([], true) => Exports::None,
        ([template], true) => Exports::Ours(template.clone()),
        (_, true) => Exports::Foreign {
            to: "this host under several LUNs".to_owned(),
            own,
        },
        (_, false) => Exports::Foreign {
            to: names(&foreign),
            own,
        },
    }
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

/// The host object that holds this machine's initiators, found by initiator only. One that also holds a foreign initiator is
/// more than this machine.
fn our_host(
    backend: &Backend,
    array: &Array,
    hosts: &[HostEntry],
) -> Result<Option<HostName>, Cause> {
    let here = backend.transport.initiators();
    // An initiator in a form this plugin does not know is not this machine's.
    let mine_too = |path: &HostPath| path.initiator.as_ref().is_some_and(|i| here.contains(i));
    let mine = |host: &&HostEntry| host.paths.iter().any(mine_too);
    let named: Vec<&HostEntry> = hosts
        .iter()
        .filter(|h| h.name.is_some())
        .filter(mine)
        .collect();
    let Some(host) = named.first() else {
        return Ok(None);
    };
    let mut others: Vec<String> = host
        .paths
        .iter()
        .filter(|p| !mine_too(p))
        .map(|p| p.text.clone())
        .collect();
    others.dedup();
    if named.len() > 1 || !others.is_empty() {
        for more in &named[1..] {
            others.extend(more.name.iter().map(|name| format!("host `{name}`")));
        }
        return Err(Cause::SharedHost {
            array: array.label().to_owned(),
            host: host
                .name
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            others: others.join(", "),
        });
    }
    Ok(host.name.clone())
}

/// The host object of this machine on an array, made if there is none.
pub(super) async fn host(
    steps: &mut Steps,
    backend: &Backend,
    array: &Array,
) -> Result<HostName, Cause> {
    let hosts = steps.look("hosts", array.showhost()).await?;
    if let Some(host) = our_host(backend, array, &hosts)? {
        return Ok(host);
    }
    let taken = |name: &HostName| hosts.iter().any(|host| host.name.as_ref() == Some(name));
    if taken(&backend.host_name) {
        return Err(Cause::SharedHost {
            array: array.label().to_owned(),
            host: backend.host_name.to_string(),
            others: "all it has; none of this machine's is in it".to_owned(),
        });
    }
    let initiators = backend.transport.initiators();
    let comment = host_comment(backend);
    let made = steps
        .act(
            Intent::MakeHost,
            array.createhost(&backend.host_name, &initiators, PERSONA, Some(&comment)),
            || async {
                let hosts = array.showhost().await?;
                Ok(match our_host(backend, array, &hosts) {
                    Ok(Some(host)) => Seen::Done(host),
                    Ok(None) => Seen::NotDone(format!(
                        "no host object on array `{}` has this machine's initiators",
                        array.label()
                    )),
                    Err(cause) => Seen::NotDone(cause.to_string()),
                })
            },
        )
        .await;
    match made {
        // Another mount of this machine was faster: its first ones may come together.
        Err(Cause::Array(error)) if is_there(&error) => {
            let hosts = steps.look("hosts", array.showhost()).await?;
            our_host(backend, array, &hosts)?.ok_or(Cause::Array(error))
        }
        other => other,
    }
}

/// What the plugin writes on a host object that it makes for this machine.
pub(super) fn host_comment(backend: &Backend) -> String {
    format!("dk1-host:{}", backend.machine_id)
}

/// The array has a host object of this name, or with an initiator of this machine.
fn is_there(error: &ArrayError) -> bool {
    matches!(
        error.refusal(),
        Some(Refusal::Exists | Refusal::InitiatorTaken { .. })
    )
}

/// Exports the VV to this machine, at this LUN if that is free there. Only a read-back that shows this machine alone permits what
/// follows; whoever sees another host withdraws its own export.
pub(super) async fn export(
    steps: &mut Steps,
    intent: Intent,
    array: &Array,
    vv: &VvName,
    host: &HostName,
    at: Option<Lun>,
) -> Result<VlunTemplate, Cause> {
    if let Some(lun) = at {
        match export_at(steps, intent, array, vv, host, LunChoice::Exact(lun)).await {
            Err(Cause::Array(error)) if error.refusal() == Some(Refusal::LunTaken) => {}
            other => return other,
        }
    }
    export_at(steps, intent, array, vv, host, LunChoice::Auto).await
}

async fn export_at(
    steps: &mut Steps,
    intent: Intent,
    array: &Array,
    vv: &VvName,
    host: &HostName,
    lun: LunChoice,
) -> Result<VlunTemplate, Cause> {
    steps
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
        .await
}

/// Takes this machine's export back.
pub(super) async fn withdraw(
    steps: &mut Steps,
    intent: Intent,
    array: &Array,
    template: &VlunTemplate,
) -> Result<(), Cause> {
    let vv = steps.entry().vv.clone();
    steps
        .act(intent, array.removevlun(template), || async {
            let templates = array.showvlun_t(VlunQuery::Vv(&vv)).await?;
            Ok(if templates.contains(template) {
                Seen::NotDone(format!(
                    "array `{}` still lists LUN {}",
                    array.label(),
                    template.lun
                ))
            } else {
                Seen::Done(())
            })
        })
        .await
}
