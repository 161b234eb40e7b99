//! The maps of dm-multipath: one device of all paths to a volume.
//!
//! Which maps there are, and of what, is read from sysfs. multipathd is only told what to do, and asked what no file tells.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{
    machine::{Machine, attribute, names, read},
    scsi::{ScsiPath, of_wwid, wwid},
};
use crate::{
    host::{
        BlockDevice, CommandReport, HostError, Kernel,
        busy::{busy, must_be_free},
    },
    model::Wwn,
};

/// A map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Map {
    /// As the kernel calls it: `dm-3`.
    pub dm: String,
    /// As a person does: its WWID, or a friendly name.
    pub name: String,
    /// Which volume dm-multipath made it for.
    pub wwid: String,
}

/// All maps of dm-multipath.
pub(super) fn list(kernel: &Kernel) -> Result<Vec<Map>, HostError> {
    let all = names(&kernel.sys().join("block"))?.into_iter();
    all.filter(|name| name.starts_with("dm-"))
        .filter_map(|dm| Map::read(kernel, &dm).transpose())
        .collect()
}

/// The map of a volume.
pub(super) fn find(kernel: &Kernel, wwn: &Wwn) -> Result<Option<Map>, HostError> {
    let wwid = wwid(wwn);
    Ok(list(kernel)?.into_iter().find(|map| map.wwid == wwid))
}

/// One attribute of a dm device, which answers EIO while it comes or goes, whosever it is.
fn of_dm(file: &Path) -> Result<Option<String>, HostError> {
    match read(file) {
        Err(HostError::Io { source, .. }) if source.raw_os_error() == Some(nix::libc::EIO) => {
            Ok(None)
        }
        read => read,
    }
}

impl Map {
    /// None if it is no map of dm-multipath, or not there.
    ///
    /// # Errors
    /// [`HostError::Io`] if that cannot be told.
    pub fn read(kernel: &Kernel, dm: &str) -> Result<Option<Self>, HostError> {
        let dir = kernel.sys().join("block").join(dm).join("dm");
        let uuid = of_dm(&dir.join("uuid"))?;
        let Some(wwid) = uuid.as_deref().and_then(|uuid| uuid.strip_prefix("mpath-")) else {
            return Ok(None);
        };
        let name = of_dm(&dir.join("name"))?;
        Ok(name.map(|name| Self {
            dm: dm.to_owned(),
            name,
            wwid: wwid.to_owned(),
        }))
    }

    /// The volume it was made for.
    pub fn wwn(&self) -> Option<Wwn> {
        of_wwid(&self.wwid)
    }

    /// What cannot be read is not proven to be gone.
    pub fn is_there(&self, kernel: &Kernel) -> bool {
        let uuid = self.dir(kernel).join("dm").join("uuid");
        match read(&uuid) {
            Ok(now) => now.is_some_and(|now| now == format!("mpath-{}", self.wwid)),
            Err(_) => true,
        }
    }

    fn dir(&self, kernel: &Kernel) -> PathBuf {
        kernel.sys().join("block").join(&self.dm)
    }

    /// Its paths.
    pub fn paths(&self, kernel: &Kernel) -> Result<Vec<ScsiPath>, HostError> {
        let slaves = names(&self.dir(kernel).join("slaves"))?.into_iter();
        Ok(slaves
            .filter_map(|name| ScsiPath::find(kernel, &name))
            .collect())
    }

    pub fn read_only(&self, kernel: &Kernel) -> bool {
        attribute(&self.dir(kernel).join("ro")).is_some_and(|ro| ro != "0")
    }

    /// It as a device, by the kernel's own node. The one with its name is udev's, which takes it away for moments while paths
    /// join (array fact 74).
    pub fn device(&self, kernel: &Kernel, wwn: &Wwn) -> Result<BlockDevice, HostError> {
        BlockDevice::named(kernel, &self.dm, &kernel.dev().join(&self.dm), wwn)
    }

    /// Whether anybody is known to use it. False if it cannot be told in time.
    pub async fn is_in_use(&self, machine: &Machine) -> bool {
        let Some(wwn) = self.wwn() else { return false };
        let Ok(device) = self.device(&machine.kernel, &wwn) else {
            return false;
        };
        let by = busy(&machine.kernel, &device, machine.patience.inquiry).await;
        matches!(by, Ok(Some(_)))
    }

    /// Removes it if nobody uses it, and proves that it is gone. What was written to it is on the array before.
    ///
    /// # Errors
    /// [`HostError::InUse`]: then it was left as it is. [`HostError::FlushHangs`], [`HostError::NotProven`],
    /// [`HostError::Command`].
    pub async fn remove(&self, machine: &Machine) -> Result<(), HostError> {
        let kernel = &machine.kernel;
        let unknown = || HostError::NotProven {
            what: format!("reading the name of map `{}`", self.name),
            but: format!("it is `{}`", self.wwid),
        };
        let wwn = self.wwn().ok_or_else(unknown)?;
        let device = self.device(kernel, &wwn)?;
        must_be_free(kernel, &device, machine.patience.going).await?;
        // A map without a path keeps what is written until one comes. Nobody will write any more, and removing it would wait,
        // too. With a path, what waits has to reach the array.
        let queues = self.has_usable_path(machine).await?;
        if !queues {
            log::warn!(map = self.name.as_str(); "no path is usable: what waits in the map is given up");
            // Without multipathd nobody else can: multipath says the same to the kernel then.
            if let Err(error) = self.order(machine, "disablequeueing").await {
                log::warn!(map = self.name.as_str(), error:% = error; "queueing not ended by multipathd");
            }
        }
        let flushed = self.flush(machine, &device).await;
        // It would stay so for whoever uses the map next.
        if flushed.is_err() && !queues && self.is_there(kernel) {
            self.queue_again(machine).await;
        }
        flushed
    }

    /// Lets it keep what is written when no path is left, as it is configured to, after a removal that ended that and did not come to
    /// its end. What goes wrong is no matter: a map that never lost it has it.
    pub async fn queue_again(&self, machine: &Machine) {
        if let Err(error) = self.order(machine, "restorequeueing").await {
            log::debug!(map = self.name.as_str(), error:% = error; "queueing not restored");
        }
    }

    async fn flush(&self, machine: &Machine, device: &BlockDevice) -> Result<(), HostError> {
        let kernel = &machine.kernel;
        let flush = machine.patience.flush;
        let args = [OsStr::new("-f"), OsStr::new(&self.name)];
        let report = match machine.programs.run("multipath", &args, flush).await {
            Err(HostError::Deadline { after, .. }) if self.is_there(kernel) => {
                return Err(HostError::FlushHangs {
                    map: self.name.clone(),
                    after,
                });
            }
            Err(HostError::Deadline { .. }) => return Ok(()),
            other => other?,
        };
        // Its status is no proof: some releases fail silently (array fact 72).
        let begun = Instant::now();
        while self.is_there(kernel) {
            let refused = report.code != Some(0);
            if refused || begun.elapsed() >= machine.patience.going {
                if let Some(by) = busy(kernel, device, machine.patience.going).await? {
                    return Err(HostError::InUse {
                        path: device.path().to_owned(),
                        by: Box::new(by),
                    });
                }
                if refused {
                    return Err(HostError::Command(report));
                }
                return Err(HostError::NotProven {
                    what: report.command,
                    but: "the map is still there".to_owned(),
                });
            }
            sleep(machine.patience.look_again).await;
        }
        log::debug!(map = self.name.as_str(); "map removed");
        Ok(())
    }

    async fn has_usable_path(&self, machine: &Machine) -> Result<bool, HostError> {
        let failed = failed_paths(machine).await.unwrap_or_default();
        for path in self.paths(&machine.kernel)? {
            let is_running = path.state(&machine.kernel)? == super::PathState::Running;
            if is_running && !failed.contains(&path.name) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Has multipathd do something with it.
    async fn order(&self, machine: &Machine, what: &str) -> Result<(), HostError> {
        order(machine, &[what, "map", &self.name]).await.map(drop)
    }

    /// Has it read its paths anew: whether they take writes.
    pub async fn reload(&self, machine: &Machine) -> Result<(), HostError> {
        self.order(machine, "reload").await
    }

    /// Brings it to the size of its paths, which must have been read anew, and proves it. multipathd may be busy with something
    /// else: it is asked again until the deadline.
    ///
    /// # Errors
    /// [`HostError::WrongSize`] if the paths or the map have another size at the deadline.
    pub async fn resize(
        &self,
        machine: &Machine,
        wwn: &Wwn,
        bytes: u64,
    ) -> Result<BlockDevice, HostError> {
        let kernel = &machine.kernel;
        let deadline = Instant::now() + machine.patience.change;
        loop {
            let device = self.device(kernel, wwn)?;
            if device.bytes() == bytes {
                return Ok(device);
            }
            // A lost path keeps its former size until it is back, and dm-multipath makes no map of unequal ones.
            let mut wrong = None;
            for path in self.paths(kernel)? {
                if let Some(found) = path.bytes(kernel).filter(|size| *size != bytes) {
                    if let Err(error) = path.rescan(machine).await {
                        log::warn!(device = path.name.as_str(), error:% = error; "size not read anew");
                    }
                    if path.bytes(kernel) != Some(bytes) {
                        wrong = Some((path, found));
                    }
                }
            }
            let refused = match wrong {
                Some((path, found)) => HostError::WrongSize {
                    device: path.node(kernel),
                    expected: bytes,
                    found,
                },
                None => match self.order(machine, "resize").await {
                    Ok(()) => {
                        let found = self.device(kernel, wwn)?.bytes();
                        if found == bytes {
                            continue;
                        }
                        HostError::WrongSize {
                            device: device.path().to_owned(),
                            expected: bytes,
                            found,
                        }
                    }
                    // It is busy with something else.
                    Err(error) => error,
                },
            };
            if Instant::now() >= deadline {
                return Err(refused);
            }
            sleep(machine.patience.look_again * 5).await;
        }
    }
}

/// Fails unless multipathd answers. One that is busy may say `timeout` after a few seconds, and one that is being started anew cannot be
/// reached: it is asked again as long as one answer may take.
///
/// # Errors
/// [`HostError::DaemonDown`], [`HostError::ToolMissing`].
pub(super) async fn must_run(machine: &Machine) -> Result<(), HostError> {
    let down = |but| HostError::DaemonDown {
        daemon: "multipathd",
        but,
    };
    let patience = machine.patience.command;
    let pause = machine.patience.look_again * 5;
    let deadline = Instant::now() + patience;
    let mut said = None;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match ask_within(machine, &["show", "daemon"], left).await {
            Ok(report)
                if report.code == Some(0) && report.stdout.trim_start().starts_with("pid") =>
            {
                return Ok(());
            }
            Ok(report) => {
                if Instant::now() + pause >= deadline {
                    return Err(down(report.to_string()));
                }
                said = Some(report.to_string());
            }
            Err(HostError::Deadline { what, .. }) => {
                let silent = || format!("{what} did not end within {} s", patience.as_secs());
                return Err(down(said.unwrap_or_else(silent)));
            }
            Err(error) => return Err(error),
        }
        sleep(pause).await;
    }
}

/// Tells dm-multipath to make a map although there is one path only, which some configurations do not do by themselves
/// (`find_multipaths`).
///
/// # Errors
/// [`HostError::Command`] with what multipathd said. A map may come nevertheless.
pub(super) async fn take_in(machine: &Machine, path: &ScsiPath) -> Result<(), HostError> {
    let node = path.node(&machine.kernel);
    let args = [OsStr::new("-a"), node.as_os_str()];
    let limit = machine.patience.command;
    // It says no when it knows the volume already.
    machine.programs.run("multipath", &args, limit).await?;
    order(machine, &["add", "path", &path.name]).await.map(drop)
}

/// Takes a disk out of its map, whoever uses that, and removes it from this machine. The map lets go of it, too, when the disk
/// goes: so a multipathd that says no is no obstacle.
///
/// # Errors
/// As [`ScsiPath::delete`].
pub(super) async fn take_out(machine: &Machine, path: &ScsiPath) -> Result<(), HostError> {
    if let Err(error) = order(machine, &["del", "path", &path.name]).await {
        log::debug!(device = path.name.as_str(), error:% = error; "multipathd did not let go of a path");
    }
    path.delete(machine).await
}

/// The disks that multipathd's checks found failed. None if it does not say.
pub(super) async fn failed_paths(machine: &Machine) -> Option<BTreeSet<String>> {
    let report = ask(machine, &["show", "paths", "raw", "format", "%d %T"])
        .await
        .ok()?;
    let rows = report
        .stdout
        .lines()
        .filter_map(|line| line.split_once(' '));
    let failed = rows
        .filter(|(_, state)| matches!(state.trim(), "faulty" | "shaky" | "down" | "timeout"))
        .map(|(name, _)| name.trim().to_owned());
    (report.code == Some(0)).then(|| failed.collect())
}

/// multipathd's whole configuration, as it is in effect.
///
/// # Errors
/// [`HostError::DaemonDown`], [`HostError::ToolMissing`].
pub(super) async fn configuration(machine: &Machine) -> Result<String, HostError> {
    must_run(machine).await?;
    let report = ask(machine, &["show", "config"]).await?;
    if report.code == Some(0) && report.stdout.contains('{') {
        Ok(report.stdout)
    } else {
        Err(HostError::Command(report))
    }
}

async fn order(machine: &Machine, words: &[&str]) -> Result<CommandReport, HostError> {
    let report = ask(machine, words).await?;
    // Older releases end with 0 whatever they say; what they say is `ok`, `fail` or `timeout`.
    if report.code == Some(0) && report.stdout.trim() == "ok" {
        Ok(report)
    } else {
        Err(HostError::Command(report))
    }
}

async fn ask(machine: &Machine, words: &[&str]) -> Result<CommandReport, HostError> {
    ask_within(machine, words, machine.patience.command).await
}

async fn ask_within(
    machine: &Machine,
    words: &[&str],
    limit: Duration,
) -> Result<CommandReport, HostError> {
    let args: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
    machine.programs.run("multipathd", &args, limit).await
}

/// A device of 3PAR: by the maker's number in its WWN.
pub(super) fn is_3par(wwn: &Wwn) -> bool {
    ["60002AC", "50002AC"]
        .iter()
        .any(|prefix| wwn.as_str().starts_with(prefix))
}

/// Where nodes of maps are, for messages.
pub(super) fn mapper(kernel: &Kernel) -> PathBuf {
    Path::new(kernel.dev()).join("mapper")
}
