//! What the index says, and is told, of mounts on this machine and of who uses them.

use std::collections::BTreeMap;

use super::{Index, IndexError, MountPlace, MountRecord, Mounts};
use crate::model::{Holds, VolumeName};

impl Index {
    /// The mount of a volume on this machine, if there is one.
    pub fn mount(&self, name: &VolumeName) -> Option<MountRecord> {
        self.0.mounts.get().volumes.get(name).cloned()
    }

    /// All mounts on this machine.
    pub fn mounts(&self) -> BTreeMap<VolumeName, MountRecord> {
        self.0.mounts.get().volumes.clone()
    }

    /// Writes down that a volume is mounted. References stay if it is the same VV, and are void if it is another.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn mounted(&self, name: &VolumeName, place: MountPlace) -> Result<(), IndexError> {
        self.change_mounts(|mounts| mounts.put(name, place, false))
    }

    /// As [`Index::mounted`], for a mount that the kernel shows and nobody wrote down.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn adopt(&self, name: &VolumeName, place: MountPlace) -> Result<(), IndexError> {
        self.change_mounts(|mounts| mounts.put(name, place, true))
    }

    /// Writes down what this machine counted when it came to have a mounted Peer Persistence volume.
    ///
    /// # Errors
    /// [`IndexError::NotMounted`], [`IndexError::Io`].
    pub fn held(&self, name: &VolumeName, holds: Holds) -> Result<(), IndexError> {
        self.0.mounts.change(|mounts| {
            let record = mounts.volumes.get_mut(name);
            let record = record.ok_or_else(|| IndexError::NotMounted(name.clone()))?;
            record.holds = Some(holds);
            Ok(())
        })
    }

    /// Forgets a mount, once the device is proven gone.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn unmounted(&self, name: &VolumeName) -> Result<(), IndexError> {
        self.change_mounts(|mounts| {
            mounts.volumes.remove(name);
        })
    }

    /// Counts a Mount of the engine; returns all references to the volume. An id inherited from before a restart of the
    /// engine is taken over, not added, and so is one that the engine may not have [heard](Index::mount_unheard) of. It is not answered
    /// yet.
    ///
    /// # Errors
    /// [`IndexError::NotMounted`], [`IndexError::Io`].
    pub fn mount_ref_add(&self, name: &VolumeName, id: &str) -> Result<u64, IndexError> {
        self.0.mounts.change(|mounts| {
            mounts
                .add(name, id)
                .ok_or_else(|| IndexError::NotMounted(name.clone()))
        })
    }

    /// Counts an Unmount of the engine; returns the references that remain. An unknown id or volume changes nothing. 0 means:
    /// try to unmount, and believe the kernel.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn mount_ref_drop(&self, name: &VolumeName, id: &str) -> Result<u64, IndexError> {
        self.change_mounts(|mounts| mounts.drop_one(name, id))
    }

    /// The answer to a Mount has left: the engine knows of this user.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn mount_answered(&self, name: &VolumeName, id: &str) -> Result<(), IndexError> {
        self.change_mounts(|mounts| mounts.answered(name, id))
    }

    /// Nobody took the answer to a Mount. The same holds for what was not answered when the plugin ended.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn mount_unheard(&self, name: &VolumeName, id: &str) -> Result<(), IndexError> {
        self.change_mounts(|mounts| mounts.unheard(name, id))
    }

    /// The volume is in use: its engine did hear of it.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn mount_heard(&self, name: &VolumeName) -> Result<(), IndexError> {
        self.change_mounts(|mounts| mounts.heard(name))
    }

    /// The engine has started anew: its references are inherited, and each counts once.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn engine_restarted(&self) -> Result<(), IndexError> {
        self.change_mounts(Mounts::engine_restarted)
    }

    fn change_mounts<R>(&self, change: impl FnOnce(&mut Mounts) -> R) -> Result<R, IndexError> {
        self.0.mounts.change(|mounts| Ok(change(mounts)))
    }
}
