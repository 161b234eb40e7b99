//! From an export to the one device of all its paths.
//!
//! All ports are logged in to at once, each is looked at as soon as it is there, and the volume is used as soon as one path of
//! the array that serves is in the map: what comes later is added later. Nothing is used that has not said itself who it is.

mod late;
mod proof;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::{
    future::BoxFuture,
    stream::{FuturesUnordered, StreamExt},
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::{Instant, sleep, timeout_at},
};

use super::{
    PathState, Reach, San, iscsi,
    look::look,
    multipath::{self, Map},
    nexuses,
    scsi::{self, Identity, Nexus, ScsiPath},
    turns::{Wanting, iscsi_ports},
};
use crate::{
    host::{BlockDevice, Export, HostError, Place},
    model::{Lun, TargetPort},
};

pub(super) async fn attach(
    san: &San,
    export: &Export,
    deadline: Instant,
) -> Result<BlockDevice, HostError> {
    let mut turn = san.turns.volume(&export.wwn, deadline).await?;
    *turn += 1;
    let now = *turn;
    let in_use = match multipath::find(&san.machine.kernel, &export.wwn)? {
        Some(map) => {
            // A plugin that was killed while it removed the map may have left it so that it fails what it should keep.
            map.queue_again(&san.machine).await;
            map.is_in_use(&san.machine).await
        }
        None => {
            multipath::must_run(&san.machine).await?;
            false
        }
    };
    let mut effort = Effort::begin(san, export, in_use, deadline);
    let (map, device) = match effort.run(deadline).await {
        Ok(done) => done,
        Err(error) => {
            // What there is of disks is found, and detached, by whoever takes the export back.
            tokio::spawn(effort.give_up());
            return Err(error);
        }
    };
    log::info!(wwn = export.wwn.as_str(), array = export.serving.array.as_str(), device = device.path().display().to_string().as_str(),
        paths = map.paths(&san.machine.kernel)?.len(); "volume attached");
    if effort.is_something_missing(&map)? {
        tokio::spawn(effort.late(now));
    }
    Ok(device)
}

/// A port by which the volume should be reached.
struct Way {
    serving: bool,
    lun: Lun,
    port: TargetPort,
    login: Login,
}

enum Login {
    Pending,
    Done,
    Failed(HostError),
}

/// A part of the work that has come to its end.
enum Done {
    Look(Nexus, Result<Option<ScsiPath>, HostError>),
    Answer(ScsiPath, Result<Identity, HostError>),
}

#[derive(Default)]
struct Looked {
    times: u32,
    /// When it may be looked at again; none while it is being looked at.
    next: Option<Instant>,
}

/// An attach under way.
struct Effort {
    san: San,
    export: Arc<Export>,
    /// Somebody uses the volume already. Then it needs no path to the array that serves just now: any is better than none.
    in_use: bool,
    ways: Vec<Way>,
    logins: UnboundedReceiver<(usize, Result<(), HostError>)>,
    looked: BTreeMap<Nexus, Looked>,
    /// Disks that have said they are the volume.
    confirmed: BTreeSet<ScsiPath>,
    /// Disks that were asked, and when they may be asked again.
    asked: BTreeMap<ScsiPath, Instant>,
    troubles: Vec<String>,
    /// Keeps the sessions.
    wanting: Wanting,
}

impl Effort {
    /// Logs in to all ports at once, each in a task of its own: a dead one takes long.
    fn begin(san: &San, export: &Export, in_use: bool, deadline: Instant) -> Self {
        let (tell, logins) = unbounded_channel();
        let places = [Some(&export.serving), export.second.as_ref()];
        let ports = iscsi_ports(places.into_iter().flatten().flat_map(|place| &place.ports));
        let wanting = san.turns.want(&ports);
        san.turns.remember(&export.wwn, ports);
        let mut ways = Vec::new();
        let mut add = |place: &Place, serving| {
            for port in &place.ports {
                let login = match port {
                    TargetPort::Fc { .. } => Login::Done,
                    TargetPort::Iscsi { iqn, portal } => {
                        let (san, tell, index) = (san.clone(), tell.clone(), ways.len());
                        let (iqn, portal, chap) = (iqn.clone(), *portal, place.chap.clone());
                        tokio::spawn(async move {
                            let port = san.turns.port(&(iqn.clone(), portal));
                            let result =
                                match tokio::time::timeout_at(deadline, port.turn.lock()).await {
                                    Ok(mut unheard) => {
                                        let records = san.turns.records();
                                        iscsi::log_in(
                                            &san.machine,
                                            records,
                                            (&iqn, portal),
                                            chap.as_ref(),
                                            &mut unheard,
                                        )
                                        .await
                                    }
                                    Err(_) => Err(HostError::Deadline {
                                        what: format!("logging in to {iqn} at {portal}"),
                                        after: san.machine.patience.login,
                                    }),
                                };
                            if let Err(error) = &result {
                                log::warn!(iqn = iqn.as_str(), portal:% = portal, error:% = error; "no session");
                            }
                            // Nobody may want to know any more.
                            let _ = tell.send((index, result));
                        });
                        Login::Pending
                    }
                };
                ways.push(Way {
                    serving,
                    lun: place.lun,
                    port: port.clone(),
                    login,
                });
            }
        };
        add(&export.serving, true);
        if let Some(second) = &export.second {
            add(second, false);
        }
        Self {
            san: san.clone(),
            export: Arc::new(export.clone()),
            in_use,
            ways,
            logins,
            looked: BTreeMap::new(),
            confirmed: BTreeSet::new(),
            asked: BTreeMap::new(),
            troubles: Vec::new(),
            wanting,
        }
    }

    async fn run(&mut self, deadline: Instant) -> Result<(Map, BlockDevice), HostError> {
        let map = self.until_usable(deadline).await?;
        let device = self.finish(&map, deadline).await?;
        Ok((map, device))
    }

    /// Ends the sessions that were made for nothing.
    async fn give_up(self) {
        let ports = iscsi_ports(self.ways.iter().map(|way| &way.port));
        drop(self.wanting);
        self.san.log_out_unused(ports).await;
    }

    fn hear(&mut self, index: usize, result: Result<(), HostError>) {
        self.ways[index].login = match result {
            Ok(()) => Login::Done,
            Err(error) => Login::Failed(error),
        };
    }

    /// The connections by which the volume can be reached now: where, at which LUN, and whether to the array that serves.
    fn reachable(&self) -> Result<BTreeMap<Nexus, (Lun, bool)>, HostError> {
        let mut found = BTreeMap::new();
        for way in &self.ways {
            // Not before its turn: the session may be one that somebody is just logging out of.
            if matches!(way.login, Login::Done) {
                for nexus in nexuses(&self.san.machine.kernel, &way.port, Reach::Up)? {
                    found.entry(nexus).or_insert((way.lun, way.serving));
                }
            }
        }
        Ok(found)
    }

    /// The map, once a path to the array that serves is in it, or any if it is in use.
    async fn until_usable(&mut self, deadline: Instant) -> Result<Map, HostError> {
        let (san, export) = (self.san.clone(), self.export.clone());
        let machine = &san.machine;
        let kernel = &machine.kernel;
        let patience = &machine.patience;
        let mut work: FuturesUnordered<BoxFuture<'_, Done>> = FuturesUnordered::new();
        let (mut path_since, mut map_since) = (None, None);
        let mut nudges = 0;
        loop {
            while let Ok((index, result)) = self.logins.try_recv() {
                self.hear(index, result);
            }
            let reachable = self.reachable()?;
            let paths = scsi::found_as(kernel, &export.wwn)?;
            for (nexus, (lun, _)) in &reachable {
                let (nexus, lun) = (*nexus, *lun);
                let there = paths
                    .iter()
                    .any(|path| path.nexus == nexus && path.is_at(lun));
                if self.is_due(nexus, there) {
                    let (san, export) = (&san, &export);
                    work.push(Box::pin(async move {
                        Done::Look(nexus, look(san, &export.wwn, nexus, lun, deadline).await)
                    }));
                }
            }
            for path in self.not_asked_yet(&paths, &reachable) {
                let san = &san;
                work.push(Box::pin(async move {
                    let identity = path.identity(&san.machine).await;
                    Done::Answer(path, identity)
                }));
            }
            let mut usable: Vec<&ScsiPath> = self
                .confirmed
                .iter()
                .filter(|path| paths.contains(path))
                .filter(|path| matches!(path.state(kernel), Ok(PathState::Running)))
                .filter(|path| {
                    reachable
                        .get(&path.nexus)
                        .is_some_and(|(_, serving)| *serving || self.in_use)
                })
                .collect();
            let map = multipath::find(kernel, &export.wwn)?;
            let in_map = match &map {
                Some(map) => map.paths(kernel)?,
                None => Vec::new(),
            };
            let (joined, outside): (Vec<&ScsiPath>, Vec<&ScsiPath>) =
                usable.drain(..).partition(|path| in_map.contains(path));
            if let Some(map) = map.filter(|_| !joined.is_empty()) {
                let since = *map_since.get_or_insert_with(Instant::now);
                // Ports that answer do so at once, and together; the others are not waited for.
                let pending = self
                    .ways
                    .iter()
                    .any(|way| matches!(way.login, Login::Pending))
                    && since.elapsed() < patience.grace;
                let complete = !pending
                    && work.is_empty()
                    && reachable
                        .keys()
                        .all(|nexus| in_map.iter().any(|path| path.nexus == *nexus));
                if complete || since.elapsed() >= patience.settle {
                    return Ok(map);
                }
            } else if let Some(path) = outside.first() {
                let since = *path_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= patience.nudge * (nudges + 1) {
                    nudges += 1;
                    let taken_in = timeout_at(deadline, multipath::take_in(machine, path)).await;
                    if let Ok(Err(error)) = taken_in {
                        self.trouble(&error);
                    }
                }
            }
            if Instant::now() >= deadline || self.is_hopeless() {
                return Err(self.failure(&reachable, &paths));
            }
            let pause = patience
                .look_again
                .min(deadline.saturating_duration_since(Instant::now()));
            tokio::select! {
                Some(done) = work.next(), if !work.is_empty() => match done {
                    Done::Look(nexus, result) => self.saw(nexus, result)?,
                    Done::Answer(path, identity) => self.answered(path, identity)?,
                },
                Some((index, result)) = self.logins.recv() => self.hear(index, result),
                () = sleep(pause) => {}
            }
        }
    }

    /// Whether to look for the volume at a connection: once in any case, because of what may be there, then until its disk is.
    fn is_due(&mut self, nexus: Nexus, there: bool) -> bool {
        let now = Instant::now();
        match self.looked.get_mut(&nexus) {
            None => {
                self.looked.insert(
                    nexus,
                    Looked {
                        times: 1,
                        next: None,
                    },
                );
                true
            }
            Some(looked) if !there && looked.next.is_some_and(|next| next <= now) => {
                looked.times += 1;
                looked.next = None;
                true
            }
            Some(_) => false,
        }
    }

    fn saw(
        &mut self,
        nexus: Nexus,
        result: Result<Option<ScsiPath>, HostError>,
    ) -> Result<(), HostError> {
        let again = self.san.machine.patience.scan_again;
        if let Some(looked) = self.looked.get_mut(&nexus) {
            looked.next = Some(Instant::now() + again * looked.times);
        }
        match result {
            Ok(said) => {
                self.confirmed.extend(said);
                Ok(())
            }
            // Something else may reach the volume by it, now or soon.
            Err(
                error @ (HostError::StaleInUse { .. }
                | HostError::WrongLun { .. }
                | HostError::ToolMissing(_)),
            ) => Err(error),
            Err(error) => {
                self.trouble(&error);
                Ok(())
            }
        }
    }

    /// Disks that have not said yet who they are, once what was at their LUN before has been looked at.
    fn not_asked_yet(
        &mut self,
        paths: &[ScsiPath],
        reachable: &BTreeMap<Nexus, (Lun, bool)>,
    ) -> Vec<ScsiPath> {
        let now = Instant::now();
        let looked_at = |nexus| self.looked.get(nexus).is_some_and(|l| l.next.is_some());
        let paths: Vec<ScsiPath> = paths
            .iter()
            .filter(|path| looked_at(&path.nexus) && reachable.contains_key(&path.nexus))
            .filter(|path| self.asked.get(path).is_none_or(|again| *again <= now))
            .filter(|path| !self.confirmed.contains(path))
            .cloned()
            .collect();
        let again = now + self.san.machine.patience.inquiry * 2;
        self.asked
            .extend(paths.iter().map(|path| (path.clone(), again)));
        paths
    }

    fn answered(
        &mut self,
        path: ScsiPath,
        identity: Result<Identity, HostError>,
    ) -> Result<(), HostError> {
        match identity {
            Ok(Identity::Volume(is)) if is == self.export.wwn => {
                self.confirmed.insert(path);
                return Ok(());
            }
            // It does not answer yet, or is just being cleared away. What is in the map is asked again before it is used.
            Ok(_) => {}
            Err(error @ HostError::ToolMissing(_)) => return Err(error),
            Err(error) => self.trouble(&error),
        }
        let again = Instant::now() + self.san.machine.patience.look_again * 5;
        self.asked.insert(path, again);
        Ok(())
    }

    fn trouble(&mut self, error: &HostError) {
        let text = error.to_string();
        if !self.troubles.contains(&text) {
            log::warn!(wwn = self.export.wwn.as_str(), error = text.as_str(); "attaching goes on");
            self.troubles.push(text);
        }
    }

    /// No port that would do can be reached, and none will be.
    fn is_hopeless(&self) -> bool {
        let mut would_do = self.ways.iter().filter(|way| way.serving || self.in_use);
        would_do.all(|way| matches!(way.login, Login::Failed(_)))
    }

    fn failure(
        &mut self,
        reachable: &BTreeMap<Nexus, (Lun, bool)>,
        paths: &[ScsiPath],
    ) -> HostError {
        let Place { array, lun, .. } = &self.export.serving;
        let wwn = &self.export.wwn;
        let why = std::mem::take(&mut self.troubles);
        let in_use = self.in_use;
        if reachable.values().any(|(_, serving)| *serving || in_use) {
            let would_do = |path: &&ScsiPath| {
                let way = reachable.get(&path.nexus);
                way.is_some_and(|(_, serving)| *serving || in_use)
            };
            let names = |path: &ScsiPath| format!("`{}`", path.name);
            let there: Vec<_> = paths.iter().filter(would_do).map(names).collect();
            return if there.is_empty() {
                HostError::NoPath {
                    wwn: wwn.clone(),
                    array: array.clone(),
                    lun: *lun,
                    why,
                }
            } else {
                HostError::NoMap {
                    wwn: wwn.clone(),
                    paths: there,
                    why,
                }
            };
        }
        let mut ports = Vec::new();
        let mut reasons = Vec::new();
        for way in self.ways.iter_mut().filter(|way| way.serving) {
            ports.push(way.port.clone());
            match std::mem::replace(&mut way.login, Login::Pending) {
                Login::Failed(
                    error @ (HostError::WrongChap { .. }
                    | HostError::ForeignRecord { .. }
                    | HostError::DaemonDown { .. }
                    | HostError::ToolMissing(_)),
                ) => return error,
                Login::Failed(error) => reasons.push(format!("{}: {error}", way.port)),
                Login::Pending => reasons.push(format!("{}: no answer yet", way.port)),
                Login::Done => reasons.push(format!("{}: the session is lost", way.port)),
            }
        }
        let array = array.clone();
        if ports
            .iter()
            .any(|port| matches!(port, TargetPort::Fc { .. }))
        {
            HostError::NoRemotePort { array, ports }
        } else {
            HostError::NoSession {
                array,
                why: reasons,
            }
        }
    }
}
