//! Peer Persistence: a volume is exported from both arrays, and the host changes over by itself. What a mount and an unmount do on the
//! array that does not serve; what becomes of the exports in between is in `keeping` and `balance`.
//!
//! The array that serves decides: only its exports prove that this machine is alone. The other one may be dead at any moment, and
//! nothing waits for it.

mod balance;
mod keeping;
mod taking_back;

use std::time::Duration;

use crate::{
    host::Place,
    index::JournalEntry,
    inform::{Array, VlunTemplate, Vv, VvQuery},
    model::{Comment, Lun, Side, VolumeName, Wwn},
    replication::{Pair, SecondExport},
};

use super::{
    backend::Backend,
    detach,
    error::Cause,
    exports::{self, Exports},
    groups, host_object,
    inner::Inner,
    known, mark, place,
    serving::Serving,
    steps::{Intent, Steps},
};

pub(super) use keeping::{Keeping, Kept, run};
pub(super) use taking_back::{hand_over_doubt, overtake, settle, withdraw};

/// How long an array may take to say what it exports: an unmount must be answered within a minute, and may have to wait for a look.
const PATIENCE: Duration = Duration::from_secs(10);
/// The fact that a mount did not find the other array: there is nothing to take back from it.
const AWAY: &str = "other array away";

/// The pair of a Peer Persistence backend.
fn pair(backend: &Backend) -> Option<&Pair> {
    let pair = backend.pair.as_ref();
    pair.filter(|pair| pair.wants.peer_persistence)
}

/// True if volumes of the backend are exported from both arrays.
pub(super) fn is_wanted(backend: &Backend) -> bool {
    pair(backend).is_some()
}

/// The other array of a Peer Persistence volume than the one on which an operation acts.
fn other_than_acting<'a>(backend: &'a Backend, entry: &JournalEntry) -> Option<&'a Array> {
    let pair = pair(backend)?;
    let acting = groups::acting_array(entry, backend);
    let side = pair.side_of(acting.label()).unwrap_or(Side::Source);
    Some(pair.on(side.other()))
}

/// The array that does not serve, as a mount finds it.
#[derive(Debug)]
pub(super) struct Second {
    array: Array,
    side: Side,
    /// Its name, as it calls itself.
    system: Option<String>,
    /// It is to export the volume, as far as it can be asked.
    wanted: bool,
    ours: Option<VlunTemplate>,
    /// The comment of the copy, while both arrays show one volume.
    copy: Option<Comment>,
    /// What it says of who had the volume, whatever the copy holds.
    written: Option<Comment>,
    /// Why there is no export, for people.
    missing: Option<String>,
}

impl Second {
    /// Looks at the other array before anything is exported. An export to this machine that must not be there is taken back; one that is
    /// not wanted now, if that can be done. None without Peer Persistence.
    ///
    /// # Errors
    /// [`Cause::ExportedElsewhere`] if it exports the volume to anybody else, [`Cause::SharedHost`] if that cannot be told; what keeps an
    /// export from being taken back behind which there may be other data. That the array cannot be asked is none: what the one says that
    /// serves is proof enough.
    pub async fn look(
        inner: &Inner,
        backend: &Backend,
        from: &Serving,
        steps: &mut Steps,
        wwn: &Wwn,
    ) -> Result<Option<Self>, Cause> {
        let (Some(pair), Some(second)) = (pair(backend), &from.second) else {
            return Ok(None);
        };
        let side = from.side.other();
        let mut this = Self {
            array: pair.on(side).clone(),
            side,
            system: None,
            wanted: *second == SecondExport::Wanted,
            ours: None,
            copy: None,
            written: None,
            missing: missing(second),
        };
        if !from.other_answers {
            steps.record(&[(AWAY, "yes")])?;
            return Ok(Some(this));
        }
        let asked = this.ask(inner, backend, side, steps, wwn);
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(())) => {}
            Ok(Err(
                cause @ (Cause::ExportedElsewhere { .. }
                | Cause::SharedHost { .. }
                | Cause::SeveralLuns { .. }),
            )) => return Err(cause),
            Ok(Err(cause)) => this.gives_up(&cause),
            Err(_) => {
                let cause = too_late(&this.array);
                this.gives_up(&cause);
            }
        }
        let unwanted = matches!(second, SecondExport::Unwanted(_));
        if *second != SecondExport::Wanted
            && let Some(template) = this.ours.take()
        {
            let intent = Intent::WithdrawSecond;
            place::leave(backend, &this.array, wwn).await?;
            match exports::withdraw(steps, intent, &this.array, &template).await {
                Ok(()) => {}
                Err(cause) if unwanted => return Err(cause),
                // A path on stand-by, as under a mount whose group is stopped.
                Err(cause) => {
                    log::warn!(volume = steps.entry().name.as_str(), array = this.array.label(), cause:% = cause;
                        "an export that is not wanted now stays");
                    this.ours = Some(template);
                }
            }
        }
        Ok(Some(this))
    }

    /// What it exports, its name, and whether its copy is the same volume.
    async fn ask(
        &mut self,
        inner: &Inner,
        backend: &Backend,
        side: Side,
        steps: &Steps,
        wwn: &Wwn,
    ) -> Result<(), Cause> {
        let vv = &steps.entry().vv;
        match exports::look_at_sets_too(steps, backend, &self.array, vv).await? {
            Exports::None => {}
            Exports::Ours(template) => self.ours = Some(template),
            // This host under several LUNs: nobody is met there, and nothing will change by itself.
            Exports::Foreign { to, foreign, .. } if foreign.is_empty() => {
                return Err(Cause::SeveralLuns {
                    array: self.array.label().to_owned(),
                    to,
                });
            }
            Exports::Foreign { to, .. } => {
                return Err(Cause::ExportedElsewhere {
                    array: self.array.label().to_owned(),
                    to,
                });
            }
        }
        let found = steps
            .look("vv", self.array.showvv(VvQuery::Name(vv)))
            .await?;
        let written = found
            .first()
            .map(|copy| known::judge(inner, &self.array, copy));
        self.written = written.and_then(Result::ok);
        if !self.wanted {
            return Ok(());
        }
        let identity = match (side, &backend.pair) {
            (Side::Peer, Some(pair)) => backend.peer_identity(pair).await?,
            _ => backend.identity().await?,
        };
        self.system = Some(identity.system.name.clone());
        self.copy = same_volume(inner, &self.array, found, wwn)?;
        Ok(())
    }

    fn gives_up(&mut self, cause: &Cause) {
        log::warn!(array = self.array.label(), cause:% = cause; "not exported from the array that does not serve");
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
        inner: &Inner,
        backend: &Backend,
        steps: &mut Steps,
        lun: Lun,
    ) -> Result<(), Cause> {
        if !self.wanted || self.ours.is_some() {
            return Ok(());
        }
        match add(inner, backend, steps, &self.array, Some(lun)).await {
            Ok(template) => self.ours = Some(template),
            Err(cause @ Cause::ExportedElsewhere { .. }) => return Err(cause),
            Err(cause) => self.gives_up(&cause),
        }
        Ok(())
    }

    /// Where it shows the volume to this machine, if it does. An array that cannot say now where to look is looked at again while the
    /// volume is mounted.
    ///
    /// # Errors
    /// What keeps anything from being written down.
    pub async fn place(
        &self,
        inner: &Inner,
        backend: &Backend,
        steps: &mut Steps,
    ) -> Result<Option<Place>, Cause> {
        let (Some(ours), Some(system)) = (&self.ours, &self.system) else {
            return Ok(None);
        };
        match place::of(inner, backend, self.side, steps, system, ours).await {
            Ok(place) => Ok(Some(place)),
            Err(cause @ Cause::Index(_)) => Err(cause),
            Err(cause) => {
                log::warn!(volume = steps.entry().name.as_str(), array = self.array.label(), cause:% = cause;
                    "exported by this array, too, and not reached there");
                Ok(None)
            }
        }
    }

    /// What the copy's comment says, if it has one of ours and could be read.
    pub fn written(&self) -> Option<&Comment> {
        self.written.as_ref()
    }

    /// Writes down on the copy, too, that this machine has the volume, and since when, as it is written on the volume. An array that does
    /// not take it is no obstacle.
    pub async fn mark_holder(&self, steps: &mut Steps, comment: &Comment) {
        let formatted = Intent::MarkFormatted.is_in(steps.entry());
        // Whoever made the filesystem has written it there already.
        if self.copy.as_ref().is_some_and(|copy| copy != comment) && !formatted {
            mark_holder(steps, &self.array, comment).await;
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

/// The copy's comment, if it has one of ours. Under another WWN it would be another device to a host.
fn same_volume(
    inner: &Inner,
    array: &Array,
    found: Vec<Vv>,
    wwn: &Wwn,
) -> Result<Option<Comment>, Cause> {
    let copy = found.into_iter().next().ok_or(Cause::NoSuchVolume)?;
    if copy.wwn != *wwn {
        return Err(Cause::OtherIdentity {
            array: array.label().to_owned(),
            vv: copy.name,
            is: copy.wwn.to_string(),
            was: wwn.to_string(),
        });
    }
    Ok(known::judge(inner, array, &copy).ok())
}

/// Exports the volume to this machine from the array that does not serve. Whoever sees another host there withdraws its own export.
async fn add(
    inner: &Inner,
    backend: &Backend,
    steps: &mut Steps,
    array: &Array,
    at: Option<Lun>,
) -> Result<VlunTemplate, Cause> {
    let vv = steps.entry().vv.clone();
    let _kept = inner.host_objects.keep(backend, array).await?;
    let added = match host_object::find_or_make(&inner.host_objects, steps, backend, array).await {
        Ok(host) => {
            exports::export(backend, steps, Intent::ExportSecond, array, &vv, &host, at).await
        }
        Err(cause) => Err(cause),
    };
    let Err(cause) = added else { return added };
    match in_time(array, exports::look(steps, backend, array, &vv)).await {
        Ok(Exports::Ours(template)) => Ok(template),
        Ok(seen @ Exports::Foreign { .. }) => {
            let to = seen.told_to();
            detach::withdraw_own(steps, array, Intent::WithdrawSecond, seen).await?;
            Err(Cause::ExportedElsewhere {
                array: array.label().to_owned(),
                to,
            })
        }
        Ok(Exports::None) | Err(_) => Err(cause),
    }
}

/// Writes the volume's comment, which says who holds it, on its copy.
async fn mark_holder(steps: &mut Steps, array: &Array, comment: &Comment) {
    let vv = steps.entry().vv.clone();
    if let Err(cause) = mark::copy(steps, Intent::MarkHolder, array, &vv, comment).await {
        log::warn!(volume = steps.entry().name.as_str(), array = array.label(), cause:% = cause;
            "the comment of the copy does not say who has the volume");
    }
}

/// What an array exports, if it says so in time.
async fn in_time<T>(
    array: &Array,
    look: impl Future<Output = Result<T, Cause>>,
) -> Result<T, Cause> {
    let seen = tokio::time::timeout(PATIENCE, look).await;
    seen.unwrap_or_else(|_| Err(too_late(array)))
}

fn too_late(array: &Array) -> Cause {
    Cause::NotKnown(format!(
        "array `{}` did not answer within {} s",
        array.label(),
        PATIENCE.as_secs()
    ))
}
