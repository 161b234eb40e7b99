//! The last step of an attach: the proof that a map is the volume, all of it and nothing else, and can be used.

use tokio::time::{Instant, sleep, timeout_at};

use super::{
    super::{
        Reach, San,
        confirm::confirm,
        multipath::{self, Map},
        nexuses,
        scsi::ScsiPath,
    },
    Effort,
};
use crate::host::{BlockDevice, HostError};

impl Effort {
    /// Proves that a path in the map is the volume and that nothing else is in it, that it has its size and takes writes.
    pub(super) async fn finish(
        &self,
        map: &Map,
        deadline: Instant,
    ) -> Result<BlockDevice, HostError> {
        let (san, export) = (&self.san, &self.export);
        let machine = &san.machine;
        let kernel = &machine.kernel;
        let mut paths = map.paths(kernel)?;
        let all = paths.len();
        paths.retain(|path| !self.confirmed.contains(path));
        let confirmed = paths.len() < all;
        let answers = confirm(machine, map, &export.wwn, paths).await?;
        if !confirmed && answers.ours.is_empty() {
            return Err(match answers.foreign.first() {
                Some((path, is)) => HostError::WrongDevice {
                    device: path.node(kernel),
                    wwn: export.wwn.clone(),
                    found: is.to_string(),
                },
                None => HostError::NotProven {
                    what: format!("making map `{}`", map.name),
                    but: "none of its paths answers".to_owned(),
                },
            });
        }
        for path in answers.silent {
            // It may be another volume's when it is back.
            if !self.is_expected(&path)? {
                log::warn!(device = path.name.as_str(), nexus:% = path.nexus, lun = path.lun, wwn = export.wwn.as_str();
                    "a path that does not answer, where the volume is not expected: taken out");
                if let Err(error) = multipath::take_out(machine, &path).await {
                    log::warn!(device = path.name.as_str(), error:% = error; "path not taken out");
                }
            }
        }
        let begun = Instant::now();
        let ready = timeout_at(deadline, async {
            let device = map.device(kernel, &export.wwn)?;
            let device = if self.in_use && device.bytes() > export.size.bytes() {
                // It has grown since the array was asked: whoever uses it has that size.
                device
            } else {
                map.resize(machine, &export.wwn, export.size.bytes())
                    .await?
            };
            writable(san, map, &device).await?;
            Ok(device)
        });
        ready.await.unwrap_or_else(|_| {
            Err(HostError::Deadline {
                what: format!(
                    "making map `{}` as large as the volume, and writable,",
                    map.name
                ),
                after: begun.elapsed(),
            })
        })
    }

    /// Whether an array of the export shows the volume there.
    fn is_expected(&self, path: &ScsiPath) -> Result<bool, HostError> {
        for way in self.ways.iter().filter(|way| path.is_at(way.lun)) {
            if nexuses(&self.san.machine.kernel, &way.port, Reach::Any)?.contains(&path.nexus) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A path that came before the array had changed places may say it takes no writes; the kernel asks again when it is told to.
async fn writable(san: &San, map: &Map, device: &BlockDevice) -> Result<(), HostError> {
    let machine = &san.machine;
    let kernel = &machine.kernel;
    let until = Instant::now() + machine.patience.change;
    while map.read_only(kernel) {
        if Instant::now() >= until {
            return Err(HostError::ReadOnly {
                path: device.path().to_owned(),
                why: "its paths take no writes, though the volume is exported".to_owned(),
            });
        }
        for path in map.paths(kernel)? {
            if path.read_only(kernel) {
                path.rescan(machine).await?;
            }
        }
        if let Err(error) = map.reload(machine).await {
            log::warn!(map = map.name.as_str(), error:% = error; "map not read anew");
        }
        sleep(machine.patience.look_again).await;
    }
    Ok(())
}
