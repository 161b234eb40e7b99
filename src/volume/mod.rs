//! What a user asks for: create, remove, mount, unmount, inspect. Knows nothing of HTTP or Docker's messages.

mod api;
mod at_work;
mod backend;
mod cleaning;
mod create;
mod detach;
mod error;
mod exports;
mod format;
mod group_lock;
mod groups;
mod inner;
mod inspect;
mod kill_points;
mod known;
mod listing;
mod lookup;
mod mark;
mod mount;
mod news;
mod reconcile;
mod recover;
mod remove;
mod running;
mod service;
mod serving;
mod sides;
mod steps;
mod unheard;
mod unmount;

pub use api::*;
pub use backend::Backend;
pub use error::{Aftermath, Cause, VolumeError};
pub use kill_points::KillPoints;
pub use service::{Parts, Service};
