//! The exports that are in the way, and whether they may be taken away.

use std::{fmt, time::Duration};

use crate::{
    inform::{Array, ExportTarget, ExportedVv, HostPath, VlunKind, VlunQuery, VlunTemplate},
    model::{Comment, Format, HostName, Initiator, Machine, Takeover},
    volume::{
        backend::Backend,
        error::Cause,
        exports::{self, Exports},
        host_object,
        serving::Serving,
        steps::Steps,
    },
};

/// An export to somebody else.
#[derive(Debug, Clone)]
pub(super) struct Foreign {
    pub array: Array,
    pub template: VlunTemplate,
}

impl Foreign {
    pub fn all(array: &Array, templates: Vec<VlunTemplate>) -> Vec<Self> {
        let all = templates.into_iter();
        all.map(|template| Self {
            array: array.clone(),
            template,
        })
        .collect()
    }

    fn is(&self, other: &Self) -> bool {
        self.array.label() == other.array.label() && self.template == other.template
    }

    /// The host object, if this is an export of the kinds that this plugin makes: one VV to one host.
    pub fn host(&self) -> Option<&HostName> {
        let one = matches!(self.template.vv, ExportedVv::One(_));
        match (&self.template.target, self.template.kind) {
            (ExportTarget::Host(host), VlunKind::Host | VlunKind::MatchedSet) if one => Some(host),
            _ => None,
        }
    }

    /// What a person types to remove it, and where.
    fn removal(&self) -> String {
        let VlunTemplate {
            lun,
            vv,
            target,
            port,
            ..
        } = &self.template;
        let target = match port {
            Some(port) => format!("{port} {target}"),
            None => target.to_string(),
        };
        format!(
            "`removevlun -f {vv} {lun} {target}` on array `{}`",
            self.array.label()
        )
    }

    /// How it was made, for people.
    fn told(&self) -> String {
        let VlunTemplate {
            lun,
            vv,
            target,
            port,
            ..
        } = &self.template;
        let set = match vv {
            ExportedVv::Set(_) => format!(" as part of `{vv}`"),
            ExportedVv::One(_) => String::new(),
        };
        let port = match (port, target) {
            (Some(port), ExportTarget::Host(_) | ExportTarget::HostSet(_)) => {
                format!(" on port {port}")
            }
            _ => String::new(),
        };
        let kind = match target {
            ExportTarget::Host(_) => "host",
            ExportTarget::HostSet(_) => "host set",
            ExportTarget::Port(_) => "whoever comes to port",
        };
        format!("{kind} `{target}`{port}{set} (LUN {lun})")
    }
}

/// The exports to others, on the array that serves and, with Peer Persistence, on the other one.
pub(super) async fn look(
    backend: &Backend,
    from: &Serving,
    steps: &Steps,
) -> Result<Vec<Foreign>, Cause> {
    let mut arrays = vec![&from.array];
    if from.second.is_some() && from.other_answers {
        arrays.push(backend.on(from.side.other()));
    }
    let vv = &steps.entry().vv;
    let mut all = Vec::new();
    for array in arrays {
        let seen = exports::look_at_sets_too(steps, backend, array, vv).await?;
        if let Exports::Foreign { foreign, .. } = seen {
            all.extend(Foreign::all(array, foreign));
        }
    }
    Ok(all)
}

/// Who is in the way, and what the comment says of that.
#[derive(Debug)]
pub(super) struct Situation {
    pub foreign: Vec<Foreign>,
    held: Option<Machine>,
    since: Option<u64>,
    pending: Option<Machine>,
}

impl PartialEq for Situation {
    fn eq(&self, other: &Self) -> bool {
        let templates = self.foreign.len() == other.foreign.len()
            && self.foreign.iter().all(|one| other.has(one));
        templates
            && (&self.held, self.since, &self.pending) == (&other.held, other.since, &other.pending)
    }
}

impl fmt::Display for Situation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self
            .foreign
            .iter()
            .map(|one| format!("array `{}` exports it to {}", one.array.label(), one.told()))
            .collect();
        f.write_str(&all.join(", and "))
    }
}

impl Situation {
    pub fn new(foreign: Vec<Foreign>, comment: &Comment) -> Self {
        Self {
            foreign,
            held: comment.held.clone(),
            since: comment.since,
            pending: comment.pending.clone(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.foreign.is_empty()
    }

    pub fn has(&self, one: &Foreign) -> bool {
        self.foreign.iter().any(|other| other.is(one))
    }

    /// Why the volume is not to be had.
    pub fn held(
        &self,
        from: &Serving,
        comment: &Comment,
        waited: Duration,
        why: Obstacle,
    ) -> Cause {
        let exports = if self.is_empty() {
            format!("array `{}` exports it to this host", from.array.label())
        } else {
            self.to_string()
        };
        Cause::HeldElsewhere(Box::new(HeldElsewhere {
            exports,
            holder: comment.held.clone(),
            since: comment
                .since
                .and_then(|since| jiff::Timestamp::from_second(since.try_into().ok()?).ok()),
            waited,
            why,
        }))
    }
}

/// The volume is another host's, and stays with it.
#[derive(Debug)]
pub struct HeldElsewhere {
    exports: String,
    holder: Option<Machine>,
    since: Option<jiff::Timestamp>,
    waited: Duration,
    why: Obstacle,
}

/// Why exports of another host are not taken away.
#[derive(Debug)]
pub enum Obstacle {
    /// `takeover = never`.
    Never,
    /// That host has paths.
    Alive {
        /// Its host object.
        host: HostName,
        /// The array on which it has.
        array: String,
        /// Volumes that it sees there.
        volumes: usize,
    },
    /// Exports that this plugin never makes.
    Kind {
        /// They, for people.
        exports: String,
    },
    /// Host objects that are not known to be the recorded holder's.
    Unknown {
        /// They.
        hosts: Vec<HostName>,
        /// The commands that remove these exports, and where.
        commands: Vec<String>,
    },
    /// Others come and go all the time.
    Contended,
}

impl fmt::Display for HeldElsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.exports)?;
        if let Some(holder) = &self.holder {
            write!(f, "; last mounted by `{}`", holder.name())?;
            if let Some(since) = &self.since {
                write!(f, ", held since {since}")?;
            }
        }
        write!(
            f,
            "; waited {} s (mountConflictDelay), and not taken over: {}",
            self.waited.as_secs(),
            self.why
        )
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("hpe.conf says `takeover = \"never\"`"),
            Self::Alive {
                host,
                array,
                volumes,
            } => write!(
                f,
                "host `{host}` is alive: it has active paths to {volumes} VLUN(s) on array `{array}`"
            ),
            Self::Kind { exports } => {
                write!(f, "{exports} is no export that this plugin makes")
            }
            Self::Unknown { hosts, .. } => {
                let hosts: Vec<String> = hosts.iter().map(|host| format!("`{host}`")).collect();
                write!(
                    f,
                    "nothing shows that host object {} is the last holder's",
                    hosts.join(", ")
                )
            }
            Self::Contended => f.write_str("its exports come and go"),
        }
    }
}

impl HeldElsewhere {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match &self.why {
            Obstacle::Never => "stop the containers that use it there, or allow a take-over with `takeover` in hpe.conf".to_owned(),
            Obstacle::Alive { host, .. } => format!(
                "stop the containers that use it on `{host}`; a host that is switched off loses its active paths, and then the volume is taken over"
            ),
            Obstacle::Kind { .. } => {
                "ask who made that export; when nothing uses it an administrator removes it (`removevlun`)".to_owned()
            }
            Obstacle::Unknown { commands, .. } => format!(
                "stop what uses it there; when nothing does, or that host is dead, an administrator removes that export: {}. One that died between its export and the line that names it stays nobody's, and is not taken over by itself",
                commands.join(", ")
            ),
            Obstacle::Contended => "several hosts want it at once: try again".to_owned(),
        }
    }
}

/// Whether all of these exports may be taken away, and whose they are.
pub(super) async fn judge(
    backend: &Backend,
    from: &Serving,
    steps: &Steps,
    situation: &Situation,
    comment: &Comment,
) -> Result<Result<Machine, Obstacle>, Cause> {
    let kinds: Vec<String> = situation
        .foreign
        .iter()
        .filter(|one| one.host().is_none())
        .map(Foreign::told)
        .collect();
    if !kinds.is_empty() {
        return Ok(Err(Obstacle::Kind {
            exports: kinds.join(", "),
        }));
    }
    if backend.takeover == Takeover::Never {
        return Ok(Err(Obstacle::Never));
    }
    let mut owners = Vec::new();
    let mut unknown = Vec::new();
    for one in &situation.foreign {
        let Some(host) = one.host() else { continue };
        match owner(steps, &one.array, host, comment).await? {
            Some(owner) => owners.push(owner),
            None if unknown.contains(host) => {}
            None => unknown.push(host.clone()),
        }
    }
    let mut owners = owners.into_iter();
    let holder = match owners.next() {
        Some(holder) if unknown.is_empty() && owners.all(|other| other == holder) => holder,
        _ => {
            let of_these = |one: &&Foreign| one.host().is_some_and(|host| unknown.contains(host));
            let commands = situation.foreign.iter().filter(of_these);
            let commands = commands.map(Foreign::removal).collect();
            return Ok(Err(Obstacle::Unknown {
                hosts: unknown,
                commands,
            }));
        }
    };
    // One that is making the filesystem goes on, and its comment must not be written over meanwhile.
    if (backend.takeover == Takeover::DeadHost || comment.format == Format::Doing)
        && let Some(alive) = signs_of_life(backend, from, steps, situation, &holder).await?
    {
        return Ok(Err(alive));
    }
    Ok(Ok(holder))
}

/// The machine that a host object is, if that is the one that the comment says has the volume, or the one it is being taken from.
pub(super) async fn owner(
    steps: &Steps,
    array: &Array,
    host: &HostName,
    comment: &Comment,
) -> Result<Option<Machine>, Cause> {
    let recorded = || comment.held.iter().chain(&comment.pending);
    let text = steps.look("host", array.showhost_comment(host)).await?;
    if let Some(id) = text.as_deref().and_then(host_object::machine_id) {
        return Ok(recorded().find(|machine| machine.has_id(id)).cloned());
    }
    // An administrator made it: then the holder has written down that it uses it.
    let via = comment.via.as_ref() == Some(host);
    Ok(comment.held.clone().filter(|_| via))
}

/// Any path of the machine behind these exports, on any array that can be asked, to any volume: by the host objects they are to, those with
/// an initiator of theirs, and those that the plugin made for that machine, for example for its Fibre Channel ports.
async fn signs_of_life(
    backend: &Backend,
    from: &Serving,
    steps: &Steps,
    situation: &Situation,
    holder: &Machine,
) -> Result<Option<Obstacle>, Cause> {
    let mut arrays = vec![from.array.clone()];
    if backend.pair.is_some() && from.other_answers {
        arrays.push(backend.on(from.side.other()).clone());
    }
    let mut listed = Vec::new();
    for array in &arrays {
        listed.push((array, steps.look("hosts", array.showhost()).await?));
    }
    let is_there = |array: &Array, host: &HostName| {
        let mut all = situation.foreign.iter();
        all.any(|one| one.array.label() == array.label() && one.host() == Some(host))
    };
    // By its initiators: on the other array its object may have another name.
    let initiators: Vec<Initiator> = listed
        .iter()
        .flat_map(|(array, hosts)| hosts.iter().map(move |host| (array, host)))
        .filter(|(array, host)| host.name.as_ref().is_some_and(|name| is_there(array, name)))
        .flat_map(|(_, host)| host.paths.iter().filter_map(|path| path.initiator.clone()))
        .collect();
    for (array, hosts) in &listed {
        for host in hosts {
            let Some(name) = &host.name else { continue };
            let same = |path: &HostPath| {
                path.initiator
                    .as_ref()
                    .is_some_and(|i| initiators.contains(i))
            };
            let is_its = is_there(array, name)
                || host.paths.iter().any(same)
                || is_made_for(steps, array, name, holder).await?;
            if !is_its {
                continue;
            }
            let active = steps
                .look("paths", array.showvlun_a(VlunQuery::Host(name)))
                .await?;
            let mut volumes: Vec<_> = active.iter().map(|path| &path.vv).collect();
            volumes.sort();
            volumes.dedup();
            if !volumes.is_empty() {
                return Ok(Some(Obstacle::Alive {
                    host: name.clone(),
                    array: array.label().to_owned(),
                    volumes: volumes.len(),
                }));
            }
        }
    }
    Ok(None)
}

/// The plugin made this host object for that machine. Only names that it gives are asked about.
async fn is_made_for(
    steps: &Steps,
    array: &Array,
    host: &HostName,
    machine: &Machine,
) -> Result<bool, Cause> {
    if !machine.may_be_named(host) {
        return Ok(false);
    }
    let text = steps.look("host", array.showhost_comment(host)).await?;
    let id = text.as_deref().and_then(host_object::machine_id);
    Ok(id.is_some_and(|id| machine.has_id(id)))
}
