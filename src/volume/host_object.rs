//! The host object of a machine on an array (decision 5): found by initiator only, and one machine's alone. It is made for the first
//! export, and goes with the last one: an array is left as it was found, and an administrator who looks for hosts sees those that
//! have something.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedRwLockReadGuard, RwLock};

use crate::{
    host::{HostError, Transport},
    inform::{Array, ArrayError, HostEntry, HostPath, Refusal, VlunQuery, VvQuery},
    model::{DomainName, HostName, Initiator, Machine, SystemId},
};

use super::{
    backend::Backend,
    error::Cause,
    steps::{Intent, Seen, Steps},
};

/// Host persona for Linux with ALUA (array fact 6).
const PERSONA: u32 = 2;
/// What the comment of a host object that this plugin made begins with; the machine's id follows.
const COMMENT: &str = "dk1-host:";

/// Who uses this machine's host objects now, by array. No other process has this machine's id.
#[derive(Debug, Default)]
pub(super) struct HostObjects {
    in_use: Mutex<HashMap<SystemId, Arc<RwLock<()>>>>,
    /// Arrays that had no domains when that was last looked at.
    without_domains: Mutex<HashSet<String>>,
}

impl HostObjects {
    fn on(&self, array: SystemId) -> Arc<RwLock<()>> {
        let mut all = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(array).or_default())
    }

    fn without_domains(&self) -> MutexGuard<'_, HashSet<String>> {
        self.without_domains
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The domain of the volume that an operation is about: that of its CPG.
    async fn domain(&self, steps: &Steps, array: &Array) -> Result<Option<DomainName>, Cause> {
        if self.without_domains().contains(array.label()) {
            return Ok(None);
        }
        let cpgs = steps.look("domains", array.showcpg_domains()).await?;
        if cpgs.iter().all(|cpg| cpg.domain.is_none()) {
            self.without_domains().insert(array.label().to_owned());
            return Ok(None);
        }
        let vv = &steps.entry().vv;
        let found = steps.look("vv", array.showvv(VvQuery::Name(vv))).await?;
        let cpg = found.into_iter().next().and_then(|vv| vv.user_cpg);
        let of = cpgs.into_iter().find(|of| Some(&of.name) == cpg.as_ref());
        Ok(of.and_then(|cpg| cpg.domain))
    }

    /// Why a volume was not exported to this machine's host object, if that is because of their domains.
    pub async fn explain(
        &self,
        steps: &Steps,
        array: &Array,
        host: &HostName,
        cause: Cause,
    ) -> Cause {
        let refused = match &cause {
            Cause::Array(error) => error.refusal() == Some(Refusal::SameDomain),
            _ => false,
        };
        if !refused {
            return cause;
        }
        self.without_domains().remove(array.label());
        let volumes = self.domain(steps, array).await.ok().flatten();
        let hosts = array.showhost_domain(host).await.ok().flatten();
        let told = |domain: Option<String>| domain.unwrap_or_else(|| "none".to_owned());
        Cause::OtherDomain {
            array: array.label().to_owned(),
            vv: steps.entry().vv.clone(),
            volumes: told(volumes.map(|domain| domain.to_string())),
            host: host.clone(),
            hosts: told(hosts),
        }
    }

    /// Until this is dropped the object stays, from the look for it to the export.
    pub async fn keep(
        &self,
        backend: &Backend,
        array: &Array,
    ) -> Result<OwnedRwLockReadGuard<()>, Cause> {
        let array = backend.system_of(array).await?;
        Ok(self.on(array).read_owned().await)
    }
}

/// The machine's id in the comment of a host object, if this plugin made it.
pub(super) fn machine_id(comment: &str) -> Option<&str> {
    comment.strip_prefix(COMMENT)
}

/// The host object that holds the initiators by which this machine reaches the array, found by initiator only. One that also holds one
/// that is not this machine's is more than this machine.
pub(super) fn our_host(
    backend: &Backend,
    array: &Array,
    hosts: &[HostEntry],
) -> Result<Option<HostName>, Cause> {
    let ours = our_entry(&backend.transport, array.label(), hosts)?;
    Ok(ours.and_then(|host| host.name.clone()))
}

fn our_entry<'a>(
    transport: &Transport,
    array: &str,
    hosts: &'a [HostEntry],
) -> Result<Option<&'a HostEntry>, Cause> {
    let (here, all) = (transport.initiators(), transport.all_initiators());
    // An initiator in a form this plugin does not know is not this machine's.
    let is_in = |path: &HostPath, these: &[Initiator]| {
        path.initiator.as_ref().is_some_and(|i| these.contains(i))
    };
    let mine = |host: &&HostEntry| host.paths.iter().any(|path| is_in(path, &here));
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
        .filter(|path| !is_in(path, &all))
        .map(|p| p.text.clone())
        .collect();
    others.dedup();
    if named.len() > 1 || !others.is_empty() {
        for more in &named[1..] {
            others.extend(more.name.iter().map(|name| format!("host `{name}`")));
        }
        return Err(Cause::SharedHost {
            array: array.to_owned(),
            host: host
                .name
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            others: others.join(", "),
        });
    }
    Ok(Some(host))
}

/// The host object of this machine on an array, made if there is none. Initiators that it lacks are added, if this plugin made it.
pub(super) async fn find_or_make(
    objects: &HostObjects,
    steps: &mut Steps,
    backend: &Backend,
    array: &Array,
) -> Result<HostName, Cause> {
    let hosts = steps.look("hosts", array.showhost()).await?;
    if let Some(host) = our_entry(&backend.transport, array.label(), &hosts)?
        && let Some(name) = &host.name
    {
        add_what_is_missing(steps, backend, array, host, name).await?;
        return Ok(name.clone());
    }
    if backend.transport.initiators().is_empty() {
        return Err(HostError::no_fc_port().into());
    }
    let name = free_name(backend, array, &hosts)?;
    let domain = objects.domain(steps, array).await?;
    let initiators = backend.transport.initiators();
    let comment = format!("{COMMENT}{}", backend.machine_id);
    let made = steps
        .act(
            Intent::MakeHost,
            array.createhost(&name, &initiators, PERSONA, domain.as_ref(), Some(&comment)),
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

/// The machine's short name; where another machine has taken that, with six digits of this one's machine id.
fn free_name(backend: &Backend, array: &Array, hosts: &[HostEntry]) -> Result<HostName, Cause> {
    let taken = |name: &HostName| hosts.iter().any(|host| host.name.as_ref() == Some(name));
    let short = &backend.host_name;
    let names = [
        Some(short.clone()),
        Machine::new(short, &backend.machine_id).host_name(),
    ];
    let mut names = names.into_iter().flatten();
    names
        .find(|name| !taken(name))
        .ok_or_else(|| Cause::SharedHost {
            array: array.label().to_owned(),
            host: short.to_string(),
            others: "all it has; none of this machine's is in it".to_owned(),
        })
}

/// An object that somebody else made is used as it is: at least one path leads here.
async fn add_what_is_missing(
    steps: &mut Steps,
    backend: &Backend,
    array: &Array,
    host: &HostEntry,
    name: &HostName,
) -> Result<(), Cause> {
    let has = |initiator: &Initiator| {
        let mut paths = host.paths.iter();
        paths.any(|path| path.initiator.as_ref() == Some(initiator))
    };
    let mut missing = backend.transport.initiators();
    missing.retain(|initiator| !has(initiator));
    if missing.is_empty() {
        return Ok(());
    }
    let comment = steps.look("host", array.showhost_comment(name)).await?;
    let is_ours = comment.as_deref().and_then(machine_id) == Some(&backend.machine_id);
    let told: Vec<String> = missing.iter().map(ToString::to_string).collect();
    if !is_ours {
        log::warn!(array = array.label(), host = name.as_str(), missing:? = told;
            "the host object, which this plugin did not make, lacks initiators of this machine: used as it is");
        return Ok(());
    }
    steps
        .act(
            Intent::AddPaths,
            array.createhost_add(name, &missing),
            || async {
                let hosts = array.showhost().await?;
                let found = hosts.iter().find(|host| host.name.as_ref() == Some(name));
                let lacks = |initiator: &&Initiator| {
                    let mut paths = found.iter().flat_map(|host| &host.paths);
                    !paths.any(|path| path.initiator.as_ref() == Some(*initiator))
                };
                Ok(match missing.iter().find(lacks) {
                    None => Seen::Done(()),
                    Some(initiator) => Seen::NotDone(format!(
                        "host object `{name}` on array `{}` has no `{initiator}`",
                        array.label()
                    )),
                })
            },
        )
        .await
}

/// The array has a host object of this name, or with an initiator of this machine.
fn is_there(error: &ArrayError) -> bool {
    matches!(
        error.refusal(),
        Some(Refusal::Exists | Refusal::InitiatorTaken { .. })
    )
}

/// After an export to it was taken back: removes the host object if nothing else is exported to it and this plugin made it. Costs one
/// command while there are other exports. An object that stays is in nobody's way.
///
/// # Errors
/// Only if it is not known whether it was removed.
pub(super) async fn remove_unused(
    objects: &HostObjects,
    steps: &mut Steps,
    backend: &Backend,
    array: &Array,
    name: &HostName,
) -> Result<(), Cause> {
    let id = match backend.system_of(array).await {
        Ok(id) => id,
        Err(error) => {
            log::info!(array = array.label(), host = name.as_str(), error:% = error; "the host object stays");
            return Ok(());
        }
    };
    let lock = objects.on(id);
    // Somebody is about to export to it.
    let Ok(_alone) = lock.try_write() else {
        return Ok(());
    };
    match remove(steps, backend, array, name).await {
        Err(cause) if steps.is_in_doubt() => Err(cause),
        Err(cause) => {
            log::info!(array = array.label(), host = name.as_str(), cause:% = cause; "the host object stays");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

async fn remove(
    steps: &mut Steps,
    backend: &Backend,
    array: &Array,
    name: &HostName,
) -> Result<(), Cause> {
    let exports = steps
        .look("exports", array.showvlun_t(VlunQuery::Host(name)))
        .await?;
    if !exports.is_empty() {
        return Ok(());
    }
    let comment = steps.look("host", array.showhost_comment(name)).await?;
    if comment.as_deref().and_then(machine_id) != Some(&backend.machine_id) {
        return Ok(());
    }
    steps
        .act(Intent::RemoveHost, array.removehost(name), || async {
            let hosts = array.showhost().await?;
            let is_there = hosts.iter().any(|host| host.name.as_ref() == Some(name));
            Ok(match is_there {
                true => Seen::NotDone(format!("array `{}` still has it", array.label())),
                false => Seen::Done(()),
            })
        })
        .await
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, sync::Arc};

    use super::*;
    use crate::host::{Kernel, NodeRecords, Programs, San, Turns};

    const PORTS: [&str; 2] = ["21000024FF3A0001", "21000024FF3A0002"];
    const NAME: &str = "iqn.1994-05.com.example:host7";

    /// Nothing is made for any port.
    #[derive(Debug)]
    struct Nothing;

    impl NodeRecords for Nothing {
        fn all(&self) -> Vec<crate::model::NodeRecord> {
            Vec::new()
        }

        fn put(&self, _: &crate::model::NodeRecord) -> Result<(), String> {
            Ok(())
        }

        fn forget(&self, _: &str, _: std::net::SocketAddr) {}
    }

    /// A machine with two Fibre Channel ports and an iSCSI name, reached by each.
    fn machine(dir: &Path) -> [Transport; 2] {
        for (number, port) in PORTS.iter().enumerate() {
            let host = dir.join(format!("sys/class/fc_host/host{number}"));
            fs::create_dir_all(&host).unwrap();
            fs::write(host.join("port_name"), format!("0x{port}\n")).unwrap();
        }
        let file = dir.join("name");
        fs::write(&file, format!("InitiatorName={NAME}\n")).unwrap();
        let kernel = Kernel::at(dir.join("proc"), dir.join("sys"));
        let turns = Turns::new(Arc::new(Nothing));
        let iscsi = San::iscsi(kernel.clone(), Programs::default(), &turns, &file);
        [
            Transport::San(San::fc(kernel, Programs::default(), &turns, &file)),
            Transport::San(iscsi.unwrap()),
        ]
    }

    fn object(name: &str, initiators: &[&str]) -> HostEntry {
        let paths = initiators.iter().map(|text| HostPath {
            text: (*text).to_owned(),
            initiator: text.parse().ok(),
            port: None,
        });
        HostEntry {
            id: Some(7),
            name: Some(HostName::new(name).unwrap()),
            persona: None,
            paths: paths.collect(),
        }
    }

    #[test]
    fn an_object_with_all_that_this_machine_is_known_by_is_its_own_and_one_with_more_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let mixed = [object("node", &[PORTS[0], NAME, PORTS[1]])];
        for transport in machine(dir.path()) {
            let found = our_entry(&transport, "north", &mixed).unwrap();
            assert_eq!(found, mixed.first(), "{}", transport.protocol());
            for foreign in [
                "iqn.1994-05.com.example:host8",
                "21000024FF3A0003",
                "nqn.2014-08.org.example:host7",
            ] {
                let more = [object("node", &[PORTS[0], NAME, foreign])];
                let refused = our_entry(&transport, "north", &more);
                assert!(
                    matches!(&refused, Err(Cause::SharedHost { others, .. }) if others == foreign),
                    "{refused:?}"
                );
            }
        }
    }

    #[test]
    fn an_object_that_this_machine_does_not_reach_the_array_by_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let [fc, iscsi] = machine(dir.path());
        let hosts = [object("by-name", &[NAME]), object("by-port", &[PORTS[0]])];
        assert_eq!(our_entry(&iscsi, "north", &hosts).unwrap(), Some(&hosts[0]));
        assert_eq!(our_entry(&fc, "north", &hosts).unwrap(), Some(&hosts[1]));
        // Without the file this machine has no such name, and another one may have it.
        fs::remove_file(dir.path().join("name")).unwrap();
        let mixed = [object("node", &[PORTS[0], NAME])];
        let refused = our_entry(&fc, "north", &mixed);
        assert!(
            matches!(refused, Err(Cause::SharedHost { .. })),
            "{refused:?}"
        );
    }
}
