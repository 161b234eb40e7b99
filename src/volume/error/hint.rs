//! What to do next.

use crate::{inform::VvState, model::CommentError};

use super::Cause;

impl Cause {
    pub(super) fn hint(&self) -> String {
        self.special_hint().unwrap_or_else(|| {
            "see the plugin's log and `hpe3par-docker transcript show --failed`".to_owned()
        })
    }

    fn special_hint(&self) -> Option<String> {
        match self {
            Self::Array(error) => error.hint(),
            Self::Shared(cause) => cause.special_hint(),
            Self::Host(error) => error.hint(),
            Self::Index(error) => error.hint(),
            Self::Replication { why, .. } => Some(why.hint()),
            Self::Snapshot(error) => error.hint(),
            Self::ServiceLevel(error) => error.hint(),
            Self::Inherited { option, .. } => Some(option.hint().to_owned()),
            Self::Grow(error) => Some(error.hint()),
            Self::Promote(error) => Some(error.hint()),
            Self::BackendLeft(backend) => Some(format!(
                "put section `{backend}` back into hpe.conf and restart the plugin; its data are where they were"
            )),
            Self::RolesChanged(_) => Some("try again".to_owned()),
            Self::GroupLocked { lock, group, array } if lock.promotes.is_some() => Some(format!(
                "wait for it (`showtask -active` on array `{array}`): the plugin on `{}` starts the group then; if that has failed, or that host is gone for good, a person decides, see `Putting a snapshot back` in docs/volumes.md before `startrcopygroup {group}`",
                lock.op.machine
            )),
            Self::GroupLocked { lock, .. } => Some(format!(
                "wait for it; a lock that is 10 minutes old is taken away by the plugin of any host, and the one on `{}` cleans up after itself",
                lock.op.machine
            )),
            Self::ForeignLock { set, .. } => Some(format!(
                "see `showvvset -d {set}`; remove it if nothing is in need of it (`removevvset {set}`)"
            )),
            Self::NotServing(error) => Some(error.hint()),
            Self::IncompleteCopy(error) => Some(format!(
                "what array `{}` has of it cannot be used; bring the array back on which the volume was made",
                error.array
            )),
            Self::CutOff { .. } => Some(
                "stop the containers that use it here; then it can be mounted again, where nobody else has it".to_owned(),
            ),
            Self::MountedFromOther { .. } => Some(
                "stop the containers that use it here; the next one mounts it from the array that serves".to_owned(),
            ),
            Self::OldCopyInUse { .. } => Some(
                "stop what uses it there: what is written there now is overwritten when the group is recovered".to_owned(),
            ),
            Self::DifferentOptions(_) => {
                Some("remove the volume first, or use the options it was made with".to_owned())
            }
            Self::ForeignVv { vv, .. } => {
                Some(format!("use another volume name, or look at `showvv -d {vv}` on the array"))
            }
            Self::Copy { .. } => {
                Some("use the backend whose `san_ip` is the array it is at home on".to_owned())
            }
            Self::Busy { op, namesake, .. } => Some(format!(
                "wait for it, or start the plugin on {}: only that host cleans up after itself",
                if *namesake {
                    format!("that `{}`", op.machine.name())
                } else {
                    format!("`{}`", op.machine.name())
                }
            )),
            Self::HalfThere { array, vv, .. } => Some(format!(
                "look at `showvv -d {vv}` and `showrcopy groups` on `{array}`; an administrator removes what is left when nobody needs its data"
            )),
            Self::NoSuchBackend(_) => Some("see `-o help=backends`".to_owned()),
            Self::MountedHere(_) => Some("stop the containers that use it".to_owned()),
            Self::ExportedElsewhere { .. } => {
                Some("stop the containers that use it there; this plugin takes nothing from another host".to_owned())
            }
            Self::HeldElsewhere(held) => Some(held.hint()),
            Self::NotTaken { vv, why, .. } => Some(why.hint(vv)),
            Self::OtherDomain { host, .. } => Some(format!(
                "a machine can use volumes of one domain at a time: when nothing else is mounted here its host object `{host}` is removed, and made in the volume's domain for the next mount; one that an administrator made has to be moved"
            )),
            Self::TakenOver { by, .. } => Some(format!(
                "it was taken for dead there: see the plugin's log on `{}`; try again when it is not used there",
                by.name()
            )),
            Self::SharedHost { host, .. } => {
                Some(format!("give this machine a host object of its own (`showhost -d {host}`)"))
            }
            Self::SeveralLuns { array, .. } => Some(format!(
                "see `showvlun -t` on array `{array}`, and remove all but one of them"
            )),
            Self::ChapNotOurs { .. } => Some(
                "remove that host object while nothing uses it, and the plugin makes one of its own; or set \
                 `hpe3par_iscsi_chap_enabled = false`"
                    .to_owned(),
            ),
            Self::ForeignChap { host, .. } => Some(format!(
                "take that secret away (`sethost removechap {host}`), or set `hpe3par_iscsi_chap_enabled = false`"
            )),
            Self::NoPorts { array, .. } => Some(format!(
                "see `showport`, `showport -iscsi` and `showhost -d` on array `{array}`"
            )),
            Self::Unfinished { why, .. } if matches!(**why, Self::NotTaken { .. }) => {
                why.special_hint()
            }
            Self::NotKnown(_) | Self::Unfinished { .. } => {
                Some("try again when the array answers".to_owned())
            }
            Self::NothingToForget => Some(
                "`hpe3par-docker volume release` gives a volume back, and `docker volume rm` removes it".to_owned(),
            ),
            Self::Stranded { backend, .. } => {
                Some(format!("put backend `{backend}` back into hpe.conf until it is cleaned up"))
            }
            Self::OtherIdentity { .. } => {
                Some("somebody removed and made it anew; see `showvv -d`".to_owned())
            }
            Self::Copying(copying) => Some(match copying.percent {
                Some(_) => "try again when the copy is complete; `docker volume inspect` shows how far it is".to_owned(),
                None => format!(
                    "try again soon; if it stays so see the plugin's log on `{}`",
                    copying.by.name()
                ),
            }),
            Self::CopyFailed { of, .. } | Self::CopyEndUnknown { of } => Some(format!(
                "remove it with `docker volume rm`, and clone `{of}` again"
            )),
            Self::HalfWritten { vv, state, .. } => Some(if *state == VvState::Promoting {
                format!("try again when that has ended; see `showvv -cpprog {vv}` and `showtask -active` on the array")
            } else {
                format!("put a good snapshot of it back (`hpe3par-docker volume promote`), or make it again; see `showvv -d {vv}` on the array")
            }),
            Self::NeverFormatted { of } => Some(format!(
                "mount `{of}` once, and make it again; or create an empty volume in its place"
            )),
            Self::NotCompleted { .. } => Some(
                "it is tried again by itself, at the latest after 10 minutes; `docker volume rm` takes it away".to_owned(),
            ),
            Self::ServedElsewhere { serving, .. } => Some(format!(
                "clone it with `-o backend=` and a backend without replication whose `san_ip` is that of `{serving}`, into a group that is primary there, or when the first array serves it again"
            )),
            Self::GroupElsewhere { wanted, .. } => Some(format!(
                "clone it when `{wanted}` is primary again, or into a group that is primary there"
            )),
            Self::NotToBeCloned { .. } => Some("try again later".to_owned()),
            Self::BeingCopied(_) => Some(
                "wait until the copy is complete, or remove the clone; `docker volume inspect` of it shows how far it is".to_owned(),
            ),
            Self::NoSuchVolume => {
                Some("create it with `docker volume create -d hpe`".to_owned())
            }
            Self::Comment(CommentError::TooLong(_)) => Some(
                "use a shorter volume name, or fewer options: what hosts write there later needs room, too".to_owned(),
            ),
            Self::OtherFilesystem { .. } => Some(
                "nothing was changed on it: ask who made that filesystem; with the volume mounted nowhere, export its VV to one machine by hand \
                 and look there with `blkid -p DEVICE`, put a snapshot from before back (`hpe3par-docker volume promote`), or make a clone (`cloneOf`), which is used with what is on it"
                    .to_owned(),
            ),
            Self::Half(_) | Self::Comment(_) | Self::Format(_) | Self::NotProven { .. } => None,
        }
    }
}
