//! Cleaning up after a plugin that died, and after an array that was not there: every open journal entry ends complete or
//! undone.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    index::{JournalEntry, MountRecord, OpKind},
    inform::{Array, VvQuery},
    model::{
        BackendName, Comment, CreateVolume, GroupName, OperationId, RequestId, Side, State,
        VolumeName,
    },
    replication::Pair,
};

use super::{
    backend::Backend,
    create, detach,
    error::{Aftermath, Cause},
    groups, grow,
    inner::Inner,
    kill_points::Doing,
    known, left_locks, mount, promote,
    queue::{Coming, GroupKey},
    reconcile, remove, second_export, shown, snapshots,
    steps::{self, Intent, Steps},
    unmount,
};

/// How long an array is asked whether it shows anything at all.
const SHOWN: Duration = Duration::from_secs(5);

impl Inner {
    /// Open entries that cannot be ended, because their backend is not in hpe.conf and only its array could tell how far they came.
    /// They are kept: the backend may come back.
    pub fn stranded(&self) -> Vec<JournalEntry> {
        let mut entries = self.index.open_entries();
        entries.retain(|entry| self.is_stranded(entry));
        entries
    }

    fn is_stranded(&self, entry: &JournalEntry) -> bool {
        changes_arrays(entry) && self.backend_of_entry(entry).is_err()
    }

    /// What is begun and not ended and changes volumes, by backend, in words.
    pub fn open_changes(&self) -> BTreeMap<BackendName, Vec<String>> {
        let mut open: BTreeMap<_, Vec<String>> = BTreeMap::new();
        let entries = self.index.open_entries().into_iter();
        for entry in entries.filter(changes_arrays) {
            let what = format!(
                "the {} of `{}` (VV `{}`) begun at {:.0}",
                entry.kind, entry.name, entry.vv, entry.started
            );
            open.entry(entry.backend).or_default().push(what);
        }
        open
    }

    /// Volumes with an open entry that may be ended.
    pub fn unfinished(&self) -> Vec<VolumeName> {
        let entries = self.index.open_entries().into_iter();
        entries
            .filter(|entry| !self.is_stranded(entry))
            .map(|entry| entry.name)
            .collect()
    }

    /// Ends what is open before a mount from one of the arrays, which goes on from wherever a pending unmount there has got to: a device
    /// that is still in use, or an export that is still there, is what it wants. What mounts and unmounts left on the other array is in
    /// nobody's way, and that array may be dead.
    pub async fn clean_up_before_mount(
        &self,
        request: &RequestId,
        name: &VolumeName,
        from: Option<&Array>,
    ) -> Result<(), Cause> {
        let pending = self.pending_unmounts(name, from);
        for unmount in &pending {
            self.drop_user_of(unmount)?;
            let withdrew = Intent::Withdraw.is_in(unmount) || Intent::WithdrawSecond.is_in(unmount);
            if let Some(array) = from.filter(|_| withdrew) {
                self.wait_out_earlier_session(unmount, array).await?;
            }
        }
        // What is stranded is nothing on this machine, and on no array that a mount could be from. A growth is in no mount's way, and may
        // have to wait for the other array; a promotion is on its own array only.
        let in_the_way = |entry: &JournalEntry| match entry.kind {
            OpKind::Grow | OpKind::LeftLock => false,
            // Of two snapshots of one instant, one that is being removed is in nobody's way on the other array, which may be all there is.
            OpKind::Remove if snapshots::side_of_entry(entry).is_some() => {
                self.acts_on(entry, from)
            }
            OpKind::Create | OpKind::Completion | OpKind::Remove => true,
            OpKind::Promote | OpKind::Mount | OpKind::Unmount | OpKind::Export => {
                self.acts_on(entry, from)
            }
        };
        self.end_entries(request, name, |entry| {
            !self.is_stranded(entry)
                && !pending.iter().any(|unmount| unmount.op == entry.op)
                && in_the_way(entry)
        })
        .await
    }

    /// An export that an earlier run of the plugin was withdrawing may still be taken from under a new mount.
    async fn wait_out_earlier_session(
        &self,
        unmount: &JournalEntry,
        array: &Array,
    ) -> Result<(), Cause> {
        match steps::earlier_session(&self.index, array).await? {
            None => Ok(()),
            Some(session) => {
                let why = steps::may_still_run(array, &session);
                Err(Cause::unfinished(unmount, Cause::NotKnown(why)))
            }
        }
    }

    /// True if a mount or an unmount is about what this array exports, or about what any does. One whose backend is not known any more is
    /// about this machine.
    fn acts_on(&self, entry: &JournalEntry, array: Option<&Array>) -> bool {
        match (self.backend_of_entry(entry), array) {
            (Ok(backend), Some(array)) if groups::knows_acting(entry, &backend) => {
                groups::acting_array(entry, &backend).label() == array.label()
            }
            _ => true,
        }
    }

    /// True if a volume is exported from both arrays at once: then any of them is what a mount of it goes on from.
    fn is_exported_twice(&self, entry: &JournalEntry) -> bool {
        let backend = self.backend_of_entry(entry);
        backend.is_ok_and(|backend| second_export::is_wanted(&backend))
    }

    /// Unmounts that a mount has overtaken: what they were to take away is in use again.
    pub fn take_over(&self, pending: &[JournalEntry]) -> Result<(), Cause> {
        for unmount in pending {
            self.index.finish(&unmount.op)?;
        }
        Ok(())
    }

    /// Ends what mounts and unmounts left on an array that does not serve the volume, as far as that can be done now.
    pub async fn end_elsewhere(&self, request: &RequestId, name: &VolumeName, array: &Array) {
        let left =
            |entry: &JournalEntry| !changes_arrays(entry) && self.acts_on(entry, Some(array));
        if let Err(cause) = self.end_entries(request, name, left).await {
            log::warn!(volume = name.as_str(), array = array.label(), cause:% = cause; "not cleaned up yet");
        }
    }

    /// Unmounts of this name from one array that are not complete, and of which no command may still be running.
    pub fn pending_unmounts(&self, name: &VolumeName, from: Option<&Array>) -> Vec<JournalEntry> {
        let in_doubt =
            |entry: &JournalEntry| entry.facts.get("doubt").is_some_and(|d| !d.is_empty());
        let mut entries = self.index.open_entries();
        entries.retain(|e| {
            e.name == *name
                && e.kind == OpKind::Unmount
                && (self.is_exported_twice(e) || self.acts_on(e, from))
                && self.backends.contains_key(&e.backend)
                && !in_doubt(e)
        });
        entries
    }

    /// Ends what an earlier operation on this name left open. The caller holds the name's lock.
    ///
    /// # Errors
    /// [`Cause::Unfinished`]; [`Cause::Stranded`] if all else is ended.
    pub async fn clean_up_after(
        &self,
        request: &RequestId,
        name: &VolumeName,
    ) -> Result<(), Cause> {
        self.clean_up_around(request, name, None).await
    }

    /// As [`Inner::clean_up_after`], but for what this operation left, which is gone on with.
    pub async fn clean_up_around(
        &self,
        request: &RequestId,
        name: &VolumeName,
        stays: Option<&OperationId>,
    ) -> Result<(), Cause> {
        let ends = |entry: &JournalEntry| !self.is_stranded(entry) && Some(&entry.op) != stays;
        self.end_entries(request, name, ends).await?;
        match self.stranded().iter().find(|entry| entry.name == *name) {
            None => Ok(()),
            Some(entry) => Err(Cause::stranded(entry)),
        }
    }

    async fn end_entries(
        &self,
        request: &RequestId,
        name: &VolumeName,
        which: impl Fn(&JournalEntry) -> bool,
    ) -> Result<(), Cause> {
        for entry in self.index.open_entries() {
            if entry.name != *name || !which(&entry) {
                continue;
            }
            end(self, request, entry.clone())
                .await
                .map_err(|cause| Cause::unfinished(&entry, cause))?;
        }
        Ok(())
    }

    /// One user less: the one that an unfinished mount or unmount was about.
    pub fn drop_user_of(&self, entry: &JournalEntry) -> Result<(), Cause> {
        let Some(id) = entry.facts.get("id") else {
            return Ok(());
        };
        let wwn = detach::wwn_of(entry);
        // Users of another copy, mounted since, are not this operation's.
        let counts = |record: MountRecord| {
            wwn.as_ref().is_none_or(|wwn| *wwn == record.place.wwn)
                && record.references_without(id) < record.references()
        };
        if self.index.mount(&entry.name).is_some_and(counts) {
            self.write("one user less", |index| {
                index.mount_ref_drop(&entry.name, id)
            })?;
        }
        Ok(())
    }
}

fn changes_arrays(entry: &JournalEntry) -> bool {
    match entry.kind {
        OpKind::Create | OpKind::Completion | OpKind::Remove | OpKind::Grow | OpKind::Promote => {
            true
        }
        OpKind::Mount | OpKind::Unmount | OpKind::Export | OpKind::LeftLock => false,
    }
}

/// Ends one open entry. The caller holds the name's lock.
pub(super) async fn end(
    inner: &Inner,
    request: &RequestId,
    entry: JournalEntry,
) -> Result<(), Cause> {
    log::info!(volume = entry.name.as_str(), op:% = entry.op, kind:% = entry.kind; "cleaning up");
    let backend = match (inner.backend_of_entry(&entry), entry.kind) {
        (Ok(backend), _) => backend.for_request(request),
        (Err(_), OpKind::Mount | OpKind::Unmount | OpKind::Export | OpKind::LeftLock) => {
            return without_backend(inner, entry).await;
        }
        (Err(cause), _) => return Err(cause),
    };
    if !groups::knows_acting(&entry, &backend) {
        if !changes_arrays(&entry) {
            without_backend(inner, entry).await?;
            // The array is there by another name, and what it exports still is in no journal now.
            inner.unexplained.send_replace(());
            return Ok(());
        }
        return Err(Cause::NotKnown(format!(
            "it was at array `{}`, and no array of backend `{}` is called so in hpe.conf; write its address there as it was until this is ended",
            entry.facts.get("acting").map_or("", String::as_str),
            entry.backend
        )));
    }
    if changes_arrays(&entry) {
        must_be_shown(inner, &backend, &entry).await?;
    }
    // All that were left open come together: they share the cycles that end them.
    let mut coming = inner.queues.nobody_yet();
    let name = |fact: &str| GroupName::new(entry.facts.get(fact)?).ok();
    if changes_arrays(&entry)
        && let (Some(at_home), Some(acting)) = (name("group at home"), name("group"))
        && let Ok(key) = GroupKey::find(&backend, &at_home, &acting).await
    {
        coming.announce(key);
    }
    let mut steps = Steps::resume(&inner.index, &inner.points, entry);
    if detach::is_overtaken(inner, steps.entry())? {
        steps.must_be_still(&backend).await?;
        // Nobody may have written that mount down.
        reconcile::adopt(inner, &steps.entry().name)?;
        return steps.finish();
    }
    match steps.entry().kind {
        OpKind::Create => finished_or_undone(inner, &backend, &mut coming, steps).await,
        OpKind::Completion => create::settle(inner, &backend, &mut coming, steps).await,
        OpKind::Remove => remove::resume(inner, &backend, &mut coming, steps).await,
        OpKind::Mount => {
            // The entry is closed before the engine is answered: it does not know of this user.
            inner.drop_user_of(steps.entry())?;
            if inner.has_users(&steps.entry().name)
                && !detach::is_of_another_copy(inner, steps.entry())?
            {
                return steps.finish();
            }
            left(mount::undo(inner, &backend, steps).await)
        }
        OpKind::Unmount => finish_unmount(inner, &backend, steps).await,
        OpKind::Export => second_export::settle(inner, &backend, steps).await,
        OpKind::Grow => grow::settle(inner, &backend, &mut coming, steps).await,
        OpKind::Promote => promote::settle(inner, &backend, &mut coming, steps).await,
        OpKind::LeftLock => left_locks::settle(&backend, steps).await,
    }
}

/// What an array does not show may have been hidden from this login since, and is not undone or complete because of that.
async fn must_be_shown(
    inner: &Inner,
    backend: &Backend,
    entry: &JournalEntry,
) -> Result<(), Cause> {
    let array = groups::acting_array(entry, backend);
    let whole = inner.backend(&entry.backend)?;
    let is_peer = |pair: &Pair| pair.peer.label() == array.label();
    let side = match whole.pair.as_ref().is_some_and(is_peer) {
        true => Side::Peer,
        false => Side::Source,
    };
    let look = shown::must_show_a_cpg(array, whole, side);
    let look = inner.points.around(Doing::Look, "cpgs", look);
    match tokio::time::timeout(SHOWN, look).await {
        Ok(Err(cause @ Cause::NotKnown(_))) => Err(cause),
        // It may be ended from the other array.
        Ok(Ok(()) | Err(_)) | Err(_) => Ok(()),
    }
}

/// A create whose volume says `ready` is complete, and so is one whose copy does; any other is undone.
async fn finished_or_undone(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    mut steps: Steps,
) -> Result<(), Cause> {
    let begun = steps.entry().clone();
    let acting = groups::acting_array(&begun, backend);
    let found = steps
        .look("vv", acting.showvv(VvQuery::Name(&begun.vv)))
        .await?;
    let mut found = found.into_iter().next();
    let mut comment = found
        .as_ref()
        .and_then(|vv| vv.comment.as_deref())
        .and_then(|text| Comment::parse(text).ok())
        .filter(|comment| comment.name == begun.name);
    if let Some(half) = &comment
        && let Some((vv, ready)) =
            create::ready_on_copy::complete(inner, backend, &mut steps, half).await?
    {
        (found, comment) = (Some(vv), Some(ready));
    }
    // What nobody can remove is not taken back, but gone on with.
    if let (Some(vv), Some(comment)) = (&found, &comment)
        && vv.retained_until.is_some()
        && comment.op == begun.op
    {
        create::settle_retained(inner, &mut steps, comment).await?;
    }
    let entry = steps.entry().clone();
    let others = comment
        .as_ref()
        .is_some_and(|comment| comment.op != entry.op);
    if others && comment.as_ref().is_some_and(|c| c.state != State::Ready) {
        // The create was complete, and somebody is at the volume by now: nothing of it is this operation's any more.
        return steps.finish();
    }
    // Ready: complete, and maybe in use already, with another operation in its comment. What this operation never set out to call
    // ready is another host's volume, and on another backend perhaps.
    // A clone that says so is being copied: its create is complete.
    let is_complete = |comment: &Comment| match comment.state {
        State::Ready => Intent::MarkReady.is_in(&entry) || Intent::MarkCopying.is_in(&entry),
        State::Copying => Intent::MarkCopying.is_in(&entry),
        State::Making | State::Removing => false,
    };
    if let (Some(vv), Some(comment)) = (&found, comment)
        && (is_complete(&comment) || comment.state == State::Ready && create::is_complete(&entry))
    {
        let asked: Option<CreateVolume> = serde_json::from_value(entry.request.clone()).ok();
        let group = asked
            .as_ref()
            .filter(|_| comment.state == State::Ready)
            .and_then(|asked| asked.replication_group.clone());
        let side = match &backend.pair {
            Some(pair) => pair.side_of(acting.label()).unwrap_or(Side::Source),
            None => backend.side(),
        };
        let mut volume = known::volume(inner, backend, side, vv, &comment, group);
        if let Some(pair) = &backend.pair {
            let other = pair.on(side.other());
            let copy = steps
                .look("copy", other.showvv(VvQuery::Name(&entry.vv)))
                .await?;
            let copy = copy.into_iter().next().map(|copy| copy.wwn);
            match side {
                Side::Source => volume.copy_wwn = copy,
                Side::Peer => volume.wwn = copy,
            }
        }
        if let Some(twin) = snapshots::twin_seen(&entry) {
            volume.note_wwn(side.other(), twin);
        }
        volume.created = Some(entry.started);
        if let Some(asked) = asked {
            volume.options = CreateVolume {
                cpg: volume.options.cpg.clone(),
                snap_cpg: volume.options.snap_cpg.clone(),
                ..asked.filled_from(&volume.options)
            };
        }
        inner.write("volume", |index| index.put(volume))?;
        inner.copies.begun();
        return steps.finish();
    }
    create::take_back(inner, backend, coming, steps).await
}

async fn finish_unmount(inner: &Inner, backend: &Backend, mut steps: Steps) -> Result<(), Cause> {
    let name = steps.entry().name.clone();
    inner.drop_user_of(steps.entry())?;
    if inner.has_users(&name) && !detach::is_of_another_copy(inner, steps.entry())? {
        return steps.finish();
    }
    detach::everything(inner, backend, &mut steps).await?;
    unmount::gone(inner, &name, detach::wwn_of(steps.entry()).as_ref())?;
    steps.finish()
}

/// Ends a mount or an unmount whose backend is not in hpe.conf any more, or calls its array otherwise: what is on this machine needs no array.
/// The export is found again when the backend is back, or the plugin is started anew.
async fn without_backend(inner: &Inner, entry: JournalEntry) -> Result<(), Cause> {
    let steps = Steps::resume(&inner.index, &inner.points, entry);
    let entry = steps.entry();
    let name = &entry.name;
    let needs_nothing = matches!(entry.kind, OpKind::Export | OpKind::LeftLock);
    if needs_nothing || detach::is_overtaken(inner, entry)? {
        return steps.finish();
    }
    inner.drop_user_of(entry)?;
    if inner.has_users(name) && !detach::is_of_another_copy(inner, entry)? {
        return steps.finish();
    }
    let wwn = match detach::wwn_of(entry) {
        Some(wwn) => Some(wwn),
        None => unmount::here(inner, name)?,
    };
    detach::from_this_machine(inner, name, wwn.as_ref()).await?;
    unmount::gone(inner, name, wwn.as_ref())?;
    log::warn!(volume = name.as_str(), op:% = entry.op, backend = entry.backend.as_str();
        "taken off this machine; its export stays until its backend is in hpe.conf again");
    steps.finish()
}

/// Says of every entry that cannot be ended now that it is there. Once: nothing changes before hpe.conf does, and that is read at
/// the start.
pub(super) fn tell_stranded(inner: &Inner) {
    for entry in inner.stranded() {
        log::warn!(volume = entry.name.as_str(), vv = entry.vv.as_str(), backend = entry.backend.as_str(), op:% = entry.op, kind:% = entry.kind;
            "an operation is not cleaned up, and its backend is not in hpe.conf any more: kept until it is there again");
    }
}

fn left(aftermath: Aftermath) -> Result<(), Cause> {
    match aftermath {
        Aftermath::Left { what, why } => {
            Err(Cause::NotKnown(format!("still there: {what} ({why})")))
        }
        Aftermath::Unchanged | Aftermath::Undone(_) => Ok(()),
    }
}
