//! This machine: devices, filesystems, mounts. Knows no arrays, and believes the kernel before any record.

mod busy;
mod command;
mod damage;
mod device;
mod error;
mod filesystem;
mod growth;
mod kernel_log;
mod loops;
mod mount;
mod mountinfo;
mod probe;
mod san;
mod simulated;
mod transport;

pub use busy::{Busy, busy, busy_for_good, held_by};
pub use command::{CommandReport, Programs};
pub use device::BlockDevice;
pub use error::{ForeignRecord, HostError};
pub use filesystem::{can_make, end_preparing, make, prepare_root, reclaim};
pub use growth::grow_filesystem;
pub use mount::{
    MountAs, is_mounted, mount, mounted_beneath, must_be_writable, remove_mountpoint, unmount,
};
pub use mountinfo::{DeviceNumber, Holder, Kernel, MountEntry};
pub use probe::{Found, ProvenEmpty, probe};
pub use san::{Access, Finding, NodeRecords, PathSeen, PathState, San, Setting, Turns};
pub use simulated::Simulated;
pub use transport::{Export, Place, Transport};
