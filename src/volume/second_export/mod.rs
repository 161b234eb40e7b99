//! Peer Persistence: a volume is exported from both arrays, and the host changes over by itself. What a mount and an unmount do on the
//! array that does not serve; what becomes of the exports in between is in `keeping` and `balance`.
//!
//! The array that serves decides: only its exports prove that this machine is alone. The other one may be dead at any moment, and
//! nothing waits for it.

mod balance;
mod keeping;

use std::time::Duration;

use crate::{
    host::Place,
    index::{JournalEntry, OpKind},
    inform::{Array, VlunTemplate, VvQuery},
    model::{Lun, Machine, RequestId, Side, VolumeName},
    replication::{Pair, SecondExport},
};

use super::{
    backend::Backend,
    detach,
    error::Cause,
    exports::{self, Exports},
    groups,
    inner::Inner,
    known, mark,
    serving::Serving,
    steps::{Intent, Steps},
};

pub(super) use keeping::{Keeping, Kept, run};

/// How long an array may take to say what it exports: an unmount must be answered within a minute, and may have to wait for a look.
const PATIENCE: Duration = Duration::from_secs(10);
/// The fact that a mount did not find the other array: there is nothing to take back from it.
const AWAY: &str = "other array away";

/// The pair of a Peer Persistence backend.
pub(super) fn pair(backend: &Backend) -> Option<&Pair> {
    let pair = backend.pair.as_ref();
    pair.filter(|pair| pair.wants.peer_persistence)
}

/// The array that does not serve, as a mount finds it.
pub(super) struct Second {
    array: Array,
    /// Its name, as it calls itself.
    system: Option<String>,
    /// Both arrays showed one volume when the mount began.
    one_volume: bool,
    /// It is to export the volume, as far as it can be asked.
    wanted: bool,
    ours: Option<VlunTemplate>,
    /// Why there is no export, for people.
    missing: Option<String>,
}

impl Second {
    /// Looks at the other array before anything is exported. An export to this machine that must not be there, or is not wanted
    /// now, is taken back. None without Peer Persistence.
    ///
    /// # Errors
    /// [`Cause::ExportedElsewhere`] if it exports the volume to anybody else; what keeps an export from being taken back.
    pub async fn look(
        backend: &Backend,
        from: &Serving,
        steps: &mut Steps,
    ) -> Result<Option<Self>, Cause> {
        let (Some(pair), Some(second)) = (pair(backend), &from.second) else {
            return Ok(None);
        };
        let side = from.side.other();
        let array = pair.on(side).clone();
        let mut this = Self {
            system: None,
            one_volume: *second == SecondExport::Wanted,
            wanted: *second == SecondExport::Wanted,
            ours: None,
            missing: missing(second),
            array,
        };
        if !from.other_answers {
            steps.record(&[(AWAY, "yes")])?;
            return Ok(Some(this));
        }
        let vv = steps.entry().vv.clone();
        match exports::look(steps, backend, &this.array, &vv).await {
            Ok(Exports::None) => {}
            Ok(Exports::Ours(template)) => this.ours = Some(template),
            Ok(Exports::Foreign { to, .. }) => {
                return Err(Cause::ExportedElsewhere {
                    array: this.array.label().to_owned(),
                    to,
                });
            }
            Err(cause) if cause.is_unreachable() => this.gives_up(&cause),
            Err(cause) => return Err(cause),
        }
        if !this.wanted
            && let Some(template) = this.ours.take()
        {
            exports::withdraw(steps, Intent::WithdrawSecond, &this.array, &template).await?;
        }
        if this.wanted {
            let identity = match side {
                Side::Source => backend.identity().await,
                Side::Peer => backend.peer_identity(pair).await,
            };
            match identity {
                Ok(identity) => this.system = Some(identity.system.name.clone()),
                Err(error) => this.gives_up(&error.into()),
            }
        }
        Ok(Some(this))
    }

    fn gives_up(&mut self, cause: &Cause) {
        self.wanted = false;
        self.missing = Some(cause.to_string());
    }

    /// The LUN that the array which serves should use, because this one uses it already.
    pub fn lun(&self) -> Option<Lun> {
        self.ours.as_ref().map(|template| template.lun)
    }

    /// Exports the volume, after the array that serves has, and at the same LUN if that is free. An array that refuses or goes away
    /// keeps nobody from the volume: it is said, and tried again while the volume is mounted.
    ///
    /// # Errors
    /// [`Cause::ExportedElsewhere`] if somebody else has got it there.
    pub async fn export(
        &mut self,
        backend: &Backend,
        steps: &mut Steps,
        lun: Lun,
    ) -> Result<(), Cause> {
        if !self.wanted || self.ours.is_some() {
            return Ok(());
        }
        match add(backend, steps, &self.array, Some(lun)).await {
            Ok(template) => self.ours = Some(template),
            Err(cause) => {
                log::warn!(volume = steps.entry().name.as_str(), array = self.array.label(), cause:% = cause;
                    "not exported from the array that does not serve");
                self.gives_up(&cause);
                let vv = steps.entry().vv.clone();
                match exports::look(steps, backend, &self.array, &vv).await {
                    Ok(Exports::Foreign { to, .. }) => {
                        return Err(Cause::ExportedElsewhere {
                            array: self.array.label().to_owned(),
                            to,
                        });
                    }
                    Ok(Exports::Ours(template)) => self.ours = Some(template),
                    Ok(Exports::None) | Err(_) => {}
                }
            }
        }
        Ok(())
    }

    /// Where it shows the volume to this machine, if it does.
    pub fn place(&self) -> Option<Place> {
        let (ours, system) = (self.ours.as_ref()?, self.system.as_ref()?);
        Some(Place {
            array: system.clone(),
            lun: ours.lun,
        })
    }

    /// Writes down on the copy, too, that this machine has the volume: only then may it get an export back from that array. An array
    /// that does not take it is no obstacle.
    pub async fn mark_holder(&self, inner: &Inner, steps: &mut Steps) {
        if self.one_volume {
            mark_holder(inner, steps, &self.array).await;
        }
    }

    /// What is known of the exports once the volume is mounted.
    pub fn kept(&self, inner: &Inner, name: &VolumeName, serving: &Array) -> Kept {
        let mut by = vec![serving.label().to_owned()];
        by.extend(self.ours.iter().map(|_| self.array.label().to_owned()));
        let missing = self.missing.clone().filter(|_| self.ours.is_none());
        Kept::new(by, missing, keeping::roles(inner, name))
    }
}

/// Why there is no second export now, for people.
fn missing(second: &SecondExport) -> Option<String> {
    match second {
        SecondExport::Wanted => None,
        SecondExport::NotNow(why) => Some(why.to_string()),
        SecondExport::Unwanted(why) => Some(why.to_string()),
    }
}

/// Exports the volume to this machine from one array more.
async fn add(
    backend: &Backend,
    steps: &mut Steps,
    array: &Array,
    at: Option<Lun>,
) -> Result<VlunTemplate, Cause> {
    let vv = steps.entry().vv.clone();
    let host = exports::host(steps, backend, array).await?;
    let intent = Intent::ExportSecond;
    exports::export(steps, intent, array, &vv, &host, at).await
}

/// Writes this machine as the holder into the comment of a copy, if another one, or none, is written there. An array that does not take
/// it is no obstacle.
async fn mark_holder(inner: &Inner, steps: &mut Steps, array: &Array) {
    if let Err(cause) = try_mark_holder(inner, steps, array).await {
        log::warn!(volume = steps.entry().name.as_str(), array = array.label(), cause:% = cause;
            "the comment of the copy does not say who has the volume");
    }
}

async fn try_mark_holder(inner: &Inner, steps: &mut Steps, array: &Array) -> Result<(), Cause> {
    let vv = steps.entry().vv.clone();
    let found = steps
        .look("vv", array.showvv(VvQuery::Name(&vv)))
        .await?
        .into_iter()
        .next()
        .ok_or(Cause::NoSuchVolume)?;
    let mut comment = known::judge(inner, array, &found)?;
    if !is_holder(comment.held.as_ref(), &inner.machine) {
        comment.held = Some(inner.machine.clone());
        comment.op = steps.entry().op.clone();
        mark::copy(steps, Intent::MarkHolder, array, &vv, &comment).await?;
    }
    Ok(())
}

fn is_holder(held: Option<&Machine>, machine: &Machine) -> bool {
    held == Some(machine)
}

/// What earlier mounts and unmounts of the volume left open, because an array was away, is about the device that this mount has now: it
/// keeps its hands off this machine. The caller holds the name's lock.
pub(super) fn overtake(inner: &Inner, by: &JournalEntry) -> Result<(), Cause> {
    let (fact, yes) = detach::left_here();
    for open in inner.index.open_entries() {
        let exports = matches!(open.kind, OpKind::Mount | OpKind::Unmount);
        if exports && open.name == by.name && open.op != by.op {
            inner.write("facts", |index| {
                index.intend(&open.op, "facts", &[(&fact, &yes)])
            })?;
        }
    }
    Ok(())
}

/// Takes the export of the other array back, after the device is gone. An array that cannot be asked, or refuses, keeps it for now:
/// that gets an entry of its own in the journal, and nothing waits for it.
///
/// # Errors
/// [`Cause::Index`] if it cannot be written down.
pub(super) async fn withdraw(
    inner: &Inner,
    backend: &Backend,
    steps: &mut Steps,
) -> Result<(), Cause> {
    let Some(pair) = pair(backend) else {
        return Ok(());
    };
    let entry = steps.entry().clone();
    let acting = groups::acting_array(&entry, backend);
    let side = pair.side_of(acting.label()).unwrap_or(Side::Source);
    let other = pair.on(side.other());
    let untouched = entry.facts.contains_key(AWAY) && !Intent::ExportSecond.is_in(&entry);
    if untouched {
        // What may be there in spite of it, the journal does not know.
        inner.unexplained.send_replace(());
        return Ok(());
    }
    let Err(cause) = withdraw_from(backend, steps, other).await else {
        return Ok(());
    };
    log::warn!(volume = entry.name.as_str(), array = other.label(), cause:% = cause;
        "the export of the other array is not taken back yet");
    let is_pending = |open: &JournalEntry| {
        open.name == entry.name
            && open.kind == OpKind::Unmount
            && open.op != entry.op
            && groups::acting_array(open, backend).label() == other.label()
    };
    if inner.index.open_entries().iter().any(is_pending) {
        return Ok(());
    }
    let request = RequestId::random();
    let mut pending = inner.new_entry(&request, OpKind::Unmount, &entry.name, backend);
    let kept = [
        "wwn",
        "doubt",
        "doubt array",
        "doubt session",
        "doubt until",
    ];
    let facts = steps.entry().facts.iter();
    let facts = facts.filter(|(key, _)| kept.contains(&key.as_str()));
    pending
        .facts
        .extend(facts.map(|(key, value)| (key.clone(), value.clone())));
    let acting = ("acting".to_owned(), other.label().to_owned());
    pending.facts.extend([acting, detach::left_here()]);
    Steps::begin(&inner.index, &inner.points, pending).await?;
    Ok(())
}

async fn withdraw_from(backend: &Backend, steps: &mut Steps, array: &Array) -> Result<(), Cause> {
    let vv = steps.entry().vv.clone();
    let exports = in_time(array, exports::look(steps, backend, array, &vv)).await?;
    detach::withdraw_own(steps, array, Intent::WithdrawSecond, exports).await
}

/// What an array exports, if it says so in time.
async fn in_time(
    array: &Array,
    look: impl Future<Output = Result<Exports, Cause>>,
) -> Result<Exports, Cause> {
    let seen = tokio::time::timeout(PATIENCE, look).await;
    seen.unwrap_or_else(|_| {
        Err(Cause::NotKnown(format!(
            "array `{}` did not say within {} s what it exports",
            array.label(),
            PATIENCE.as_secs()
        )))
    })
}
