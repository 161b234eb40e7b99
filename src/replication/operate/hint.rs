//! What a person can do about what stands against an operation.

use crate::replication::Situation;

use super::{Objection, objection::names};

impl Objection {
    /// What a person can do.
    pub fn hint(&self) -> String {
        match self {
            Self::InUse { .. } => {
                "stop what uses them (`docker stop`, for containers of this plugin), or with Peer Persistence take their exports on that array away, until `showvlun -a` there shows nothing of them, and ask again".to_owned()
            }
            Self::UseNotKnown { .. } | Self::Unreadable { .. } => {
                "ask again when the array answers; nothing is overwritten or stopped blindly".to_owned()
            }
            Self::NotSynced { .. } => {
                "wait with `hpe3par-docker group watch`, and ask again".to_owned()
            }
            Self::NoWay { array, .. } => {
                format!("see `showrcopy links` and `showrcopy -d targets` on array `{array}`, and ask again when the links are Up")
            }
            Self::NotNoticed { array, .. } => format!(
                "wait until `showrcopy` on array `{array}` shows its target as failed and the group as Stopped, and ask again"
            ),
            Self::OtherIsAlive { array, .. } => format!(
                "reach array `{array}` from elsewhere and fail over from both sides; if it is certain that no host writes there, these are the commands"
            ),
            Self::OtherMayBeAlive { seen, .. } => {
                format!("see `showrcopy links` on array `{seen}`, and ask again")
            }
            Self::NotStopped { array, .. } => {
                format!("see `showrcopy` on array `{array}`, and ask again when the group is Stopped there")
            }
            Self::NotReceiving { array, .. } => format!(
                "see `showrcopy` and `showalert -n` on both arrays; stopping and starting the group on array `{array}` begins anew"
            ),
            Self::Moving { .. } => "ask again in a moment".to_owned(),
            Self::BeingChanged(_) => {
                "ask again in a minute; let nobody create or remove volumes of the group meanwhile".to_owned()
            }
            Self::NoOtherPath { other, .. } => {
                format!("export the volumes to these hosts on array `{other}` too, see that `showvlun -a` there shows the paths, and ask again")
            }
            Self::Incomplete { volumes, over, .. } => format!(
                "array `{over}` has the only whole copy of {}: let HPE support look before anything is typed",
                names(volumes)
            ),
            Self::NothingComplete { .. } => {
                "there is nothing to go on with; the other array has the only data".to_owned()
            }
            Self::Empty { .. } => "`removercopygroup` ends it, if nobody needs it".to_owned(),
            Self::PeerPersistence => {
                "`hpe3par-docker group plan switchover` moves it without an outage".to_owned()
            }
            Self::NotPeerPersistence => {
                "`hpe3par-docker group plan failover` moves it, with the applications stopped".to_owned()
            }
            Self::ActiveActive => {
                "HPE's documents of active-active groups have the way; nothing of it is planned here".to_owned()
            }
            Self::NotInFailsafe { .. } => {
                "`hpe3par-docker group show` says what may be done".to_owned()
            }
            Self::OtherMayServe { array, .. } => format!(
                "ask array `{array}` from elsewhere: while `showrcopy groups` there says Primary-Rev, or Primary, hosts go on there and nothing is typed here; only if it certainly does not serve, or is lost for good, these are the commands"
            ),
            Self::EitherTookOver { failsafe, other, line } => format!(
                "`showtask` on both arrays tells where the later `remote_copy_failover` of the group was; if that was array `{other}` (as after a switchover that kept the natural direction), hosts go on there, and `{line}` on it makes array `{failsafe}` a copy; if it was array `{failsafe}`, that one has the newest data: let HPE support look before anything is typed"
            ),
            Self::First { first, .. } => {
                format!("see `hpe3par-docker group plan {first}`")
            }
            Self::OnlyStopped { array, line, .. } => {
                format!("`{line}` on array `{array}` lets it replicate again; find out first who stopped it")
            }
            Self::EndsByItself { .. } => {
                "ask again in a moment; if it stays so, see `hpe3par-docker group plan override`".to_owned()
            }
            Self::MayBeBehind { array, other } => format!(
                "find out whether every volume was Synced before array `{other}` was lost (`showtask` on array `{array}`, alerts, `group watch`): only if it was, these are the commands; if it was still being copied back, wait for array `{other}`, and let HPE support look first"
            ),
            Self::LostOnTheWayHome { .. } => {
                "wait for the other array; a failover here would let hosts go on with old data, possibly half overwritten, and what the arrays showed then could not be told from a failover in the other direction: let HPE support look first".to_owned()
            }
            Self::Unclear { situation, .. } => unclear_hint(*situation).to_owned(),
        }
    }
}

fn unclear_hint(situation: Situation) -> &'static str {
    match situation {
        Situation::NotMade | Situation::HalfMissing | Situation::HalfUnknown => {
            "find out with `showrcopy groups` on both arrays who removed the group, or its other half"
        }
        Situation::Dark => "nothing is known; ask again when an array answers",
        Situation::LonePrimary | Situation::LoneReversed => {
            "the array that would take over cannot be asked; what serves goes on"
        }
        Situation::LoneDoubtful | Situation::TwoPrimaries => {
            "find out which array has the data that count before anything is typed; both may have been written to"
        }
        Situation::Failsafe | Situation::LoneFailsafe => {
            "find out whether hosts have it on the other array: if they do, that one took over; only if they certainly do not, `hpe3par-docker group plan override` has what lets this one serve again"
        }
        _ => "ask again in a moment; if it stays so, let HPE support look before anything is typed",
    }
}
