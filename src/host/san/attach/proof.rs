//! The last step of an attach: the proof that a map is the volume, all of it and nothing else, and can be used.

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::{
    super::{San, multipath::Map, scsi::Identity},
    Effort,
};
use crate::host::{BlockDevice, HostError};

impl Effort {
    /// Proves that everything in the map is the volume, and that it has its size and takes writes.
    pub(super) async fn finish(&self, map: &Map) -> Result<BlockDevice, HostError> {
        let (san, export) = (&self.san, &self.export);
        let machine = &san.machine;
        let kernel = &machine.kernel;
        let mut paths = map.paths(kernel)?;
        let all = paths.len();
        paths.retain(|path| !self.confirmed.contains(path));
        let identities = join_all(paths.iter().map(|path| path.identity(machine))).await;
        let mut proven = paths.len() < all;
        for (path, identity) in paths.iter().zip(identities) {
            match identity {
                Ok(Identity::Volume(is)) if is == export.wwn => proven = true,
                // Lost for the moment: dm-multipath does not use it.
                Ok(Identity::Silent) | Err(HostError::Deadline { .. }) => {}
                Err(error) => return Err(error),
                Ok(foreign) => {
                    return Err(HostError::WrongDevice {
                        device: path.node(kernel),
                        wwn: export.wwn.clone(),
                        found: foreign.to_string(),
                    });
                }
            }
        }
        if !proven {
            return Err(HostError::NotProven {
                what: format!("making map `{}`", map.name),
                but: "none of its paths answers".to_owned(),
            });
        }
        let device = map
            .resize(machine, &export.wwn, export.size.bytes())
            .await?;
        writable(san, map, &device).await?;
        Ok(device)
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
