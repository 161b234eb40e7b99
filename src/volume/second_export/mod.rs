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
    inform::{Array, VlunTemplate, Vv, VvQuery},
    model::{Comment, Lun, RequestId, Side, VolumeName, Wwn},
    replication::{Pair, SecondExport},
};

use super::{
    backend::Backend,
    detach,
    error::Cause,
    exports::{self, Exports},
    groups, host_object,
    inner::Inner,
    known, mark, place, reconcile,
    serving::Serving,
    steps::{Intent, Steps},
};

pub(super) use keeping::{Keeping, Kept, run};

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
        match exports::look(steps, backend, &self.array, vv).await? {
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
        if !self.wanted {
            return Ok(());
        }
        let identity = match (side, &backend.pair) {
            (Side::Peer, Some(pair)) => backend.peer_identity(pair).await?,
            _ => backend.identity().await?,
        };
        self.system = Some(identity.system.name.clone());
        let found = steps
            .look("vv", self.array.showvv(VvQuery::Name(vv)))
            .await?;
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

    /// When the copy's comment says that somebody mounted the volume.
    pub fn since(&self) -> Option<u64> {
        self.copy.as_ref()?.since
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
    let _kept = inner.host_objects.keep(array).await;
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
    let entry = steps.entry().clone();
    let Some(other) = other_than_acting(backend, &entry) else {
        return Ok(());
    };
    let untouched = entry.facts.contains_key(AWAY) && !Intent::ExportSecond.is_in(&entry);
    if untouched {
        // What may be there in spite of it, the journal does not know.
        inner.unexplained.send_replace(());
        return Ok(());
    }
    let Err(cause) = withdraw_from(inner, backend, steps, other).await else {
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
    leave_open(inner, backend, steps, other, OpKind::Unmount).await
}

async fn withdraw_from(
    inner: &Inner,
    backend: &Backend,
    steps: &mut Steps,
    array: &Array,
) -> Result<(), Cause> {
    let entry = steps.entry();
    let has_sent = Intent::ExportSecond.is_in(entry) || Intent::WithdrawSecond.is_in(entry);
    if steps.is_resumed() && has_sent && !steps.no_earlier_session(array).await? {
        return Err(Cause::NotKnown(format!(
            "a session of this plugin's earlier run is still open on array `{}`, and its command may still be running",
            array.label()
        )));
    }
    let vv = steps.entry().vv.clone();
    let exports = in_time(array, exports::look(steps, backend, array, &vv)).await?;
    // An array that was away and has come back may have brought disks with it: the kernel scans Fibre Channel ports by itself.
    if let Some(wwn) = detach::wwn_of(steps.entry()).filter(|_| exports.told().here) {
        in_time(array, place::leave(backend, array, &wwn)).await?;
    }
    let intent = Intent::WithdrawSecond;
    detach::withdraw_and_tidy(inner, backend, steps, array, intent, exports).await
}

/// A command to the other array that may still be running gets an entry of its own, and is nobody else's to wait for: what it did is looked
/// at when it has ended.
///
/// # Errors
/// [`Cause::Index`] if it cannot be written down.
pub(super) async fn hand_over_doubt(
    inner: &Inner,
    backend: &Backend,
    steps: &mut Steps,
) -> Result<(), Cause> {
    let entry = steps.entry();
    let Some(other) = other_than_acting(backend, entry) else {
        return Ok(());
    };
    let is = |key: &str, value: &str| entry.facts.get(key).is_some_and(|fact| fact == value);
    let open = entry.facts.contains_key("doubt") && !is("doubt", "");
    if !open || !is("doubt array", other.label()) {
        return Ok(());
    }
    leave_open(inner, backend, steps, other, OpKind::Export).await
}

/// Leaves what is to be done on the other array to an entry of its own, with the command that may still be running there.
async fn leave_open(
    inner: &Inner,
    backend: &Backend,
    steps: &mut Steps,
    other: &Array,
    kind: OpKind,
) -> Result<(), Cause> {
    let entry = steps.entry();
    let mut pending = inner.new_entry(&RequestId::random(), kind, &entry.name, backend);
    let doubt = ["doubt", "doubt array", "doubt session", "doubt until"];
    let about_other = entry.facts.get("doubt array").map(String::as_str) == Some(other.label());
    for (key, value) in &entry.facts {
        if key == "wwn" || (about_other && doubt.contains(&key.as_str())) {
            pending.facts.insert(key.clone(), value.clone());
        }
    }
    let acting = ("acting".to_owned(), other.label().to_owned());
    pending.facts.extend([acting, detach::left_here()]);
    Steps::begin(&inner.index, &inner.points, pending).await?;
    if about_other {
        steps.record(&[("doubt", "")])?;
    }
    Ok(())
}

/// Ends an export that was added or taken back under a mount when the plugin died, or when its outcome was not known: one beside another
/// host's is taken back, and so is one of a volume that is not mounted any more.
pub(super) async fn settle(
    inner: &Inner,
    backend: &Backend,
    mut steps: Steps,
) -> Result<(), Cause> {
    if let Some(doubt) = steps.doubt(backend).await? {
        return Err(Cause::NotKnown(doubt));
    }
    let entry = steps.entry().clone();
    let array = groups::acting_array(&entry, backend);
    let exports = in_time(array, exports::look(&steps, backend, array, &entry.vv)).await?;
    let mounted = reconcile::mounted_volume(inner, &entry.name)?;
    let elsewhere = !exports.foreign().is_empty();
    if elsewhere || mounted.is_none() {
        if let Some(wwn) = mounted.map(|place| place.wwn) {
            place::leave(backend, array, &wwn).await?;
        }
        inner.paths.forget(&entry.name);
        detach::withdraw_own(&mut steps, array, Intent::WithdrawSecond, exports).await?;
    }
    steps.finish()
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
