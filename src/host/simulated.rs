//! Volumes of simulated arrays: files that are bound to loop devices.
//!
//! An export is a file `DIR/<array>/<host>/<lun>.<wwn>` of the simulator, a symbolic or hard link to the volume's data. It is
//! not bound itself: the kernel would remember the data file and not who attached it. A hard link of ours,
//! `DIR/.attached/<host>/<wwn>`, is. So sysfs tells after any restart which volume a loop device is and that it is this
//! host's, several simulated hosts on one machine have devices of their own, and the data stay while they are attached.

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use super::{
    BlockDevice, Export, HostError, Kernel, Place,
    busy::{busy, must_be_free},
    loops::{self, LoopDevice},
};
use crate::model::{Change, HostName, Initiator, Size, Wwn};

const LOOK_AGAIN: Duration = Duration::from_millis(100);
const LOOKING: Duration = Duration::from_secs(30);
/// How long a freed loop device may take to go: udev may have it open for a moment (array fact 32).
const GOING: Duration = Duration::from_secs(30);

/// The transport of simulated arrays.
#[derive(Debug, Clone)]
pub struct Simulated {
    kernel: Kernel,
    dir: PathBuf,
    host: HostName,
    initiator: Initiator,
    going: Duration,
    /// Loop devices are bound and freed one at a time.
    turn: Arc<Mutex<()>>,
}

impl Simulated {
    /// Exports appear in `dir`; this machine is `host` there, and known to the arrays by `initiator`.
    ///
    /// # Errors
    /// [`HostError::Io`] if the directory cannot be made.
    pub fn new(
        kernel: Kernel,
        dir: &Path,
        host: HostName,
        initiator: Initiator,
    ) -> Result<Self, HostError> {
        let fail = |e| HostError::io("make directory", dir, e);
        fs::create_dir_all(dir).map_err(fail)?;
        // As the kernel will write it in sysfs.
        let dir = fs::canonicalize(dir).map_err(fail)?;
        let simulated = Self {
            kernel,
            dir,
            host,
            initiator,
            going: GOING,
            turn: Arc::default(),
        };
        let attached = simulated.attached_dir();
        fs::create_dir_all(&attached).map_err(|e| HostError::io("make directory", attached, e))?;
        Ok(simulated)
    }

    /// The same, with another patience for a loop device that was freed to go. For tests that wait it out.
    #[must_use]
    pub fn with_patience(self, going: Duration) -> Self {
        Self { going, ..self }
    }

    pub(super) fn initiators(&self) -> Vec<Initiator> {
        vec![self.initiator.clone()]
    }

    pub(super) fn list(&self) -> Result<Vec<BlockDevice>, HostError> {
        self.bound()?
            .into_iter()
            .map(|(wwn, bound)| BlockDevice::read(&self.kernel, &bound.path, &wwn))
            .collect()
    }

    pub(super) async fn attach(
        &self,
        export: &Export,
        deadline: Instant,
    ) -> Result<BlockDevice, HostError> {
        let data = self.wait_for(export, deadline).await?;
        self.must_be_one(export, &data)?;
        let _turn = self.turn.lock().await;
        let link = self.attached_dir().join(export.wwn.as_str());
        for bound in self.bound_as(&export.wwn)? {
            let device = BlockDevice::read(&self.kernel, &bound.path, &export.wwn)?;
            if !bound.unlinked && same_file(&link, &data)? {
                return checked(device, export.size);
            }
            // The same WWN on another file: what this device shows is not what the array serves now.
            must_be_free(&self.kernel, &device, LOOKING)
                .await
                .map_err(|error| HostError::WrongDevice {
                    device: bound.path.clone(),
                    wwn: export.wwn.clone(),
                    found: format!("it is bound to a former file of the volume, and {error}"),
                })?;
            self.free(&bound).await?;
        }
        let size = fs::metadata(&data)
            .map_err(|e| HostError::io("look at", &data, e))?
            .len();
        if size != export.size.bytes() {
            return Err(HostError::WrongSize {
                device: data,
                expected: export.size.bytes(),
                found: size,
            });
        }
        link_anew(&data, &link)?;
        let path = loops::bind(&link).await?;
        let proven = self
            .bound_as(&export.wwn)?
            .iter()
            .any(|bound| bound.path == path && !bound.unlinked);
        if !proven {
            return Err(HostError::NotProven {
                what: format!("binding `{}` to `{}`", link.display(), path.display()),
                but: "sysfs does not show it".to_owned(),
            });
        }
        log::info!(wwn = export.wwn.as_str(), array = export.serving.array.as_str(), device = path.display().to_string().as_str();
            "volume attached");
        checked(
            BlockDevice::read(&self.kernel, &path, &export.wwn)?,
            export.size,
        )
    }

    pub(super) async fn detach(&self, wwn: &Wwn) -> Result<Change<()>, HostError> {
        let _turn = self.turn.lock().await;
        let bound = self.bound_as(wwn)?;
        for bound in &bound {
            let device = BlockDevice::read(&self.kernel, &bound.path, wwn)?;
            must_be_free(&self.kernel, &device, LOOKING).await?;
            self.free(bound).await?;
            log::info!(wwn = wwn.as_str(), device = bound.path.display().to_string().as_str(); "volume detached");
        }
        let link = self.attached_dir().join(wwn.as_str());
        match fs::remove_file(&link) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(HostError::io("remove", link, e)),
        }
        Ok(if bound.is_empty() {
            Change::Unchanged(())
        } else {
            Change::Changed(())
        })
    }

    /// The file grows by itself; the loop device is told to look.
    pub(super) async fn resize(&self, wwn: &Wwn, size: Size) -> Result<Change<()>, HostError> {
        let _turn = self.turn.lock().await;
        let bound = self.bound_as(wwn)?;
        if bound.is_empty() {
            return Err(HostError::NoDevice {
                wwn: wwn.clone(),
                path: self.attached_dir().join(wwn.as_str()),
            });
        }
        let mut done = Change::Unchanged(());
        for bound in &bound {
            let before = BlockDevice::read(&self.kernel, &bound.path, wwn)?.bytes();
            if before < size.bytes() {
                loops::take_size(&bound.path).await?;
                done = Change::Changed(());
            }
            let found = BlockDevice::read(&self.kernel, &bound.path, wwn)?.bytes();
            if found != size.bytes() {
                return Err(HostError::WrongSize {
                    device: bound.path.clone(),
                    expected: size.bytes(),
                    found,
                });
            }
            if before != found {
                log::info!(wwn = wwn.as_str(), device:% = bound.path.display(), bytes = found; "device has grown");
            }
        }
        Ok(done)
    }

    fn attached_dir(&self) -> PathBuf {
        self.dir.join(".attached").join(self.host.as_str())
    }

    /// This host's loop devices and the volumes they are.
    fn bound(&self) -> Result<Vec<(Wwn, LoopDevice)>, HostError> {
        let ours = self.attached_dir();
        let wwn = |bound: &LoopDevice| {
            let inside = bound.file.parent() == Some(&ours);
            bound
                .file
                .file_name()
                .filter(|_| inside)?
                .to_str()?
                .parse::<Wwn>()
                .ok()
        };
        Ok(loops::list(&self.kernel)?
            .into_iter()
            .filter_map(|bound| Some((wwn(&bound)?, bound)))
            .collect())
    }

    fn bound_as(&self, wwn: &Wwn) -> Result<Vec<LoopDevice>, HostError> {
        Ok(self
            .bound()?
            .into_iter()
            .filter(|(w, _)| w == wwn)
            .map(|(_, bound)| bound)
            .collect())
    }

    fn path_of(&self, place: &Place, wwn: &Wwn) -> PathBuf {
        let directory = self.dir.join(&place.array).join(self.host.as_str());
        directory.join(format!("{}.{wwn}", place.lun))
    }

    /// What the second array shows under this WWN is the same file. Two copies would be two volumes, and a host would mix them up.
    fn must_be_one(&self, export: &Export, data: &Path) -> Result<(), HostError> {
        let Some(second) = &export.second else {
            return Ok(());
        };
        let path = self.path_of(second, &export.wwn);
        match fs::canonicalize(&path) {
            Ok(there) if same_file(&there, data)? => Ok(()),
            Ok(_) => Err(HostError::TwoCopies {
                wwn: export.wwn.clone(),
                arrays: [export.serving.array.clone(), second.array.clone()],
            }),
            // A path that comes later, or not at all.
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) => Err(HostError::io("look at", path, e)),
        }
    }

    /// Waits for the export, and returns the file with the data.
    async fn wait_for(&self, export: &Export, deadline: Instant) -> Result<PathBuf, HostError> {
        let path = self.path_of(&export.serving, &export.wwn);
        loop {
            match fs::canonicalize(&path) {
                Ok(data) => return is_of(&data, &export.wwn).map(|()| data),
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(HostError::io("look at", path, e)),
            }
            if Instant::now() >= deadline {
                return Err(HostError::NoDevice {
                    wwn: export.wwn.clone(),
                    path,
                });
            }
            sleep(LOOK_AGAIN.min(deadline - Instant::now())).await;
        }
    }

    /// Frees a loop device and proves that it is gone.
    async fn free(&self, bound: &LoopDevice) -> Result<(), HostError> {
        loops::free(&bound.path).await?;
        let deadline = Instant::now() + self.going;
        while loops::list(&self.kernel)?.contains(bound) {
            if Instant::now() >= deadline {
                let wwn = bound
                    .file
                    .file_name()
                    .and_then(|name| name.to_str()?.parse().ok());
                let device = wwn
                    .map(|wwn| BlockDevice::read(&self.kernel, &bound.path, &wwn))
                    .transpose()?;
                let by = match device {
                    Some(device) => busy(&self.kernel, &device, LOOKING).await?,
                    None => None,
                };
                return Err(HostError::InUse {
                    path: bound.path.clone(),
                    by: Box::new(by.unwrap_or_default()),
                });
            }
            sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }
}

/// The size is what the array says, or it is not used: too small a device was once another volume.
fn checked(device: BlockDevice, size: Size) -> Result<BlockDevice, HostError> {
    let expected = size.bytes();
    if device.bytes() == expected {
        Ok(device)
    } else {
        Err(HostError::WrongSize {
            device: device.path().to_owned(),
            expected,
            found: device.bytes(),
        })
    }
}

/// A data file is called `<vv id>-<wwn>.img`. An export that leads to another volume's is never attached.
fn is_of(data: &Path, wwn: &Wwn) -> Result<(), HostError> {
    let named = data
        .file_stem()
        .and_then(|stem| stem.to_str()?.rsplit_once('-')?.1.parse::<Wwn>().ok());
    match named {
        Some(named) if named != *wwn => Err(HostError::WrongDevice {
            device: data.to_owned(),
            wwn: wwn.clone(),
            found: format!("it is `{named}`"),
        }),
        _ => Ok(()),
    }
}

fn same_file(a: &Path, b: &Path) -> Result<bool, HostError> {
    let identity = |path: &Path| match fs::metadata(path) {
        Ok(data) => Ok(Some((data.dev(), data.ino()))),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(HostError::io("look at", path, e)),
    };
    Ok(identity(a)?.is_some_and(|a| identity(b).is_ok_and(|b| b == Some(a))))
}

fn link_anew(data: &Path, link: &Path) -> Result<(), HostError> {
    match fs::remove_file(link) {
        Ok(()) => {}
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => return Err(HostError::io("remove", link, e)),
    }
    fs::hard_link(data, link).map_err(|e| HostError::io("link", link, e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Lun;

    #[tokio::test(start_paused = true)]
    async fn an_export_that_does_not_come_is_waited_for_until_the_deadline() {
        let dir = tempfile::tempdir().unwrap();
        let host = HostName::new("host7").unwrap();
        let initiator = "iqn.1994-05.com.example:host7".parse().unwrap();
        let simulated = Simulated::new(Kernel::default(), dir.path(), host, initiator).unwrap();
        let export = Export {
            serving: Place {
                array: "north".to_owned(),
                lun: Lun(3),
                ports: Vec::new(),
                chap: None,
            },
            second: None,
            wwn: "60002AC00000000000000A1F0001B2C3".parse().unwrap(),
            size: Size::from_mib(64),
        };
        let begun = Instant::now();
        let deadline = begun + Duration::from_millis(4950);
        let error = simulated.attach(&export, deadline).await.unwrap_err();
        assert_eq!(Instant::now(), deadline);
        let path = fs::canonicalize(dir.path())
            .unwrap()
            .join("north/host7/3.60002AC00000000000000A1F0001B2C3");
        assert!(
            matches!(&error, HostError::NoDevice { path: p, .. } if *p == path),
            "{error}"
        );
        assert!(error.hint().is_some());
    }

    #[test]
    fn a_data_file_of_another_volume_is_recognised() {
        let wwn: Wwn = "60002AC00000000000000A1F0001B2C3".parse().unwrap();
        assert!(
            is_of(
                Path::new("/d/17-60002AC00000000000000A1F0001B2C3.img"),
                &wwn
            )
            .is_ok()
        );
        assert!(
            is_of(
                Path::new("/d/17-60002ac00000000000000a1f0001b2c3.img"),
                &wwn
            )
            .is_ok()
        );
        assert!(is_of(Path::new("/d/anything"), &wwn).is_ok());
        assert!(
            is_of(
                Path::new("/d/17-60002AC00000000000000A1F0001B2C4.img"),
                &wwn
            )
            .is_err()
        );
    }
}
