//! Whose volume a VV on an array is: the one place where a volume is told from a copy.
//!
//! The array that made a group adds its system id to the name that the other one has for it (array fact 3), and keeps it however the
//! roles change. So a VV in `<group>.r<id>` is the copy of a volume of the array with that id, and one in `<group>` is the volume itself.
//! The home in its comment only says where it was made: in a group that was Primary on the peer that is the peer.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::sync::OnceCell;

use crate::{
    index::IndexedVolume,
    inform::{Array, RcGroup, Vv},
    model::{BackendName, Comment, GroupName, RequestId, Role, Side, SystemId, VvName},
};

use super::{
    arrays::Login,
    backend::Backend,
    error::Cause,
    inner::Inner,
    membership::{Groups, Place},
    shown,
};

/// How long an array may take to say which it is. Where that is not known, other things may tell.
const ASKING: Duration = Duration::from_secs(5);

/// What a VV of this plugin is on the array it was seen on.
#[derive(Debug)]
pub(super) enum Whose<'a> {
    /// A volume of a backend whose own array this is.
    Own,
    /// The copy of a volume of this backend, whose peer this is.
    CopyOf(&'a Backend, CopyGroup),
    /// A copy of no backend's volume: in a group of an array that is in nobody's hpe.conf here, in none at all, or in one that its
    /// comment does not go with.
    Foreign,
}

/// The group a copy is in.
#[derive(Debug, Clone)]
pub(super) struct CopyGroup {
    /// By its name on the backend's own array.
    pub name: GroupName,
    /// Its role on the array that has the copy, if that showed it.
    pub role: Option<Role>,
}

/// One array, and what it was asked so far to tell whose its VVs are.
#[derive(Debug)]
pub(super) struct View<'a> {
    inner: &'a Inner,
    /// Who else is on it.
    pub login: Login<'a>,
    asked_by: (Backend, Side),
    groups: OnceCell<Groups>,
    peers: OnceCell<Vec<SystemId>>,
    systems: OnceCell<Vec<SystemId>>,
    sources: OnceCell<BTreeMap<BackendName, SystemId>>,
    asked_sources: OnceCell<BTreeMap<BackendName, SystemId>>,
}

impl<'a> View<'a> {
    pub fn new(inner: &'a Inner, request: &RequestId, login: &Login<'a>) -> Self {
        Self::by(inner, login, login.asked_by(request))
    }

    /// As one of its backends sees it.
    pub fn by(inner: &'a Inner, login: &Login<'a>, asked_by: (Backend, Side)) -> Self {
        Self {
            inner,
            login: login.clone(),
            asked_by,
            groups: OnceCell::new(),
            peers: OnceCell::new(),
            systems: OnceCell::new(),
            sources: OnceCell::new(),
            asked_sources: OnceCell::new(),
        }
    }

    /// The array, with its commands tied to the request.
    pub fn array(&self) -> &Array {
        let (backend, side) = &self.asked_by;
        backend.on(*side)
    }

    /// After a look that did not show this VV.
    ///
    /// # Errors
    /// If it is known to have been there, and the array shows nothing of its backend at all.
    pub async fn may_have_lost(&self, vv: &VvName) -> Result<(), Cause> {
        let (backend, side) = &self.asked_by;
        // The other array by itself stands in the place of the backend's own.
        let side = backend.alone_on().unwrap_or(*side);
        let mut known = self.inner.index.list();
        known.retain(|volume| {
            volume.backend == backend.name && volume.vv == *vv && volume.wwn_on(side).is_some()
        });
        if known.is_empty() {
            return Ok(());
        }
        let backend = self.inner.backend(&backend.name)?;
        shown::must_show_a_cpg(self.array(), backend, side).await?;
        match side {
            Side::Source => {
                let here = self.id().await?;
                shown::must_have_made_one(self.array(), here, backend, &known, false).await
            }
            Side::Peer => Ok(()),
        }
    }

    /// Its system id.
    pub async fn id(&self) -> Result<SystemId, Cause> {
        let (backend, side) = &self.asked_by;
        let identity = match (&backend.pair, side) {
            (Some(pair), Side::Peer) => backend.peer_identity(pair).await?,
            _ => backend.identity().await?,
        };
        Ok(identity.system.id)
    }

    /// Its remote copy groups, asked for once.
    pub async fn groups(&self) -> Result<&Groups, Cause> {
        let here = self.id().await?;
        let ask = || Groups::ask(self.inner, &self.login, self.array(), here);
        self.groups.get_or_try_init(ask).await
    }

    /// Whose it is. `known` is what is known under its Docker name.
    ///
    /// # Errors
    /// [`Cause::NotKnown`] if the array cannot say in which group it is, or nobody to which backend that belongs.
    pub async fn whose(
        &self,
        vv: &Vv,
        comment: &Comment,
        known: Option<&IndexedVolume>,
    ) -> Result<Whose<'a>, Cause> {
        let here = self.id().await?;
        let at_home = comment.home == here;
        let is_a_peer = self.all().any(|(_, side)| side == Side::Peer);
        if at_home && !is_a_peer {
            return Ok(Whose::Own);
        }
        // A snapshot belongs to whom its volume belongs.
        let group = match self.groups().await?.of_original(vv) {
            Place::In(group) => group,
            // A clone belongs to whom the group belongs that it is to come into.
            Place::InNone if at_home => match self.groups().await?.to_be_of(comment) {
                Some(group) => group,
                None => return Ok(Whose::Own),
            },
            Place::InNone => return Ok(Whose::Foreign),
            Place::NotKnown => return self.as_known(vv, known),
        };
        let made_by = group.name.made_by().filter(|(_, maker)| *maker != here);
        let Some((name, maker)) = made_by else {
            return Ok(if at_home || self.peers().await?.contains(&comment.home) {
                Whose::Own
            } else {
                Whose::Foreign
            });
        };
        if !at_home && comment.home != maker {
            return Ok(Whose::Foreign);
        }
        let known = known.filter(|known| known.home == comment.home);
        if let Some(backend) = self.with_copy(vv, group, maker, known).await? {
            let role = Some(group.role);
            return Ok(Whose::CopyOf(backend, CopyGroup { name, role }));
        }
        // Admitted from here into a group that the peer has made, and no backend of hpe.conf is on that.
        if at_home && self.peers().await?.contains(&maker) {
            return Ok(Whose::Own);
        }
        Ok(Whose::Foreign)
    }

    /// A VV without a comment, which it never got because its array takes none on a secondary (array fact 17), is the copy of the known
    /// volume of its name if it is in the other half of that volume's group.
    pub async fn is_copy_of(&self, vv: &Vv, volume: &IndexedVolume) -> Result<bool, Cause> {
        let here = self.id().await?;
        let mut copies = self.login.copies.iter();
        let Some(backend) = copies.find(|backend| backend.name == volume.backend) else {
            return Ok(false);
        };
        let source = self.asked_sources().await?.get(&backend.name).copied();
        let Place::In(group) = self.groups().await?.of(vv) else {
            return Ok(false);
        };
        let made_by = group.name.made_by().filter(|(_, maker)| *maker != here);
        Ok(made_by.is_some_and(|(name, maker)| {
            Some(maker) == source && Some(&name) == volume.group.as_ref()
        }))
    }

    /// VVs that are certainly no copies of this backend's, whose peer this is: in groups that another array than its own has made.
    pub async fn not_copies_of(&self, backend: &Backend) -> Result<BTreeSet<VvName>, Cause> {
        let here = self.id().await?;
        let mut sources = self.sources().await?;
        // Where there is only one other array, no copy is of another one.
        if !sources.contains_key(&backend.name) && self.systems().await.len() != 1 {
            sources = self.asked_sources().await?;
        }
        let Some(source) = sources.get(&backend.name) else {
            return Ok(BTreeSet::new());
        };
        let by_others = |group: &&RcGroup| {
            let maker = group.name.made_by().map(|(_, maker)| maker);
            maker.is_some_and(|maker| maker != here && maker != *source)
        };
        let groups = self.groups().await?.found();
        let volumes = groups.filter(by_others).flat_map(|group| &group.volumes);
        Ok(volumes.map(|volume| volume.local.clone()).collect())
    }

    /// All backends on this array, whoever they log in as.
    fn all(&self) -> impl Iterator<Item = (&'a Backend, Side)> {
        self.inner.all_on(self.login.array())
    }

    /// The array does not say in which group it is: whatever it was.
    fn as_known(&self, vv: &Vv, known: Option<&IndexedVolume>) -> Result<Whose<'a>, Cause> {
        for (backend, side) in self.all() {
            let Some(known) = known.filter(|known| {
                known.backend == backend.name && known.wwn_on(side) == Some(&vv.wwn)
            }) else {
                continue;
            };
            match (side, known.group.clone()) {
                (Side::Source, _) => return Ok(Whose::Own),
                (Side::Peer, Some(name)) => {
                    return Ok(Whose::CopyOf(backend, CopyGroup { name, role: None }));
                }
                (Side::Peer, None) => {}
            }
        }
        Err(no_group(vv))
    }

    /// The arrays that this one replicates to, by what hpe.conf says.
    async fn peers(&self) -> Result<&[SystemId], Cause> {
        let ask = || async {
            let mut ids = Vec::new();
            for (backend, pair) in self.login.pairs() {
                ids.extend(backend.peer_id(pair).await?);
            }
            Ok::<_, Cause>(ids)
        };
        Ok(self.peers.get_or_try_init(ask).await?)
    }

    /// The own arrays of the backends whose peer this is, as far as their ids are known.
    async fn sources(&self) -> Result<&BTreeMap<BackendName, SystemId>, Cause> {
        let here = self.id().await?;
        let find = || async { self.inner.source_ids(here) };
        Ok(self.sources.get_or_init(find).await)
    }

    /// As [`View::sources`], once those were asked that are not known.
    async fn asked_sources(&self) -> Result<&BTreeMap<BackendName, SystemId>, Cause> {
        let known = self.sources().await?;
        let ask = || async {
            let unknown = self.all().filter(|(backend, side)| {
                *side == Side::Peer && !known.contains_key(&backend.name)
            });
            let ask = unknown.map(|(backend, _)| async {
                let identity = tokio::time::timeout(ASKING, backend.identity()).await;
                Some((backend.name.clone(), identity.ok()?.ok()?.system.id))
            });
            let mut ids = known.clone();
            ids.extend(join_all(ask).await.into_iter().flatten());
            ids
        };
        Ok(self.asked_sources.get_or_init(ask).await)
    }

    /// The arrays that this one knows as targets. None, if it does not say all.
    async fn systems(&self) -> &[SystemId] {
        let ask = || async {
            let targets = self.array().showrcopy_targets_detail().await;
            let ids: Option<Vec<SystemId>> = targets
                .unwrap_or_default()
                .iter()
                .map(|target| target.system_id)
                .collect();
            let mut ids = ids.unwrap_or_default();
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        self.systems.get_or_init(ask).await
    }

    /// The backends whose peer this is, and whose own array is the one with this id; and those of which that is not known.
    fn candidates(
        &self,
        maker: SystemId,
        sources: &BTreeMap<BackendName, SystemId>,
    ) -> (Vec<&'a Backend>, Vec<&'a Backend>) {
        let (mut certain, mut possible) = (Vec::new(), Vec::new());
        for (backend, side) in self.all() {
            match (side, sources.get(&backend.name)) {
                (Side::Peer, Some(id)) if *id == maker => certain.push(backend),
                (Side::Peer, None) => possible.push(backend),
                (Side::Peer, Some(_)) | (Side::Source, _) => {}
            }
        }
        (certain, possible)
    }

    /// The backend whose peer this is, and whose own array made the group; none if there is no such backend.
    ///
    /// # Errors
    /// [`Cause::NotKnown`] if it may be one of several.
    async fn with_copy(
        &self,
        vv: &Vv,
        group: &RcGroup,
        maker: SystemId,
        known: Option<&IndexedVolume>,
    ) -> Result<Option<&'a Backend>, Cause> {
        let (certain, possible) = self.candidates(maker, self.sources().await?);
        let (mut of, mut sure) = (certain, true);
        // Where there is only one other array, it is the one.
        if of.is_empty() && !possible.is_empty() && self.systems().await == [maker] {
            for backend in &possible {
                backend.tell_id(maker);
            }
            of = possible;
        } else if of.is_empty() && !possible.is_empty() {
            let (certain, possible) = self.candidates(maker, self.asked_sources().await?);
            sure = !certain.is_empty();
            of = if sure { certain } else { possible };
        }
        if of.is_empty() {
            return Ok(None);
        }
        let in_its_way = |backend: &&Backend| {
            let pair = backend.pair.as_ref();
            pair.is_some_and(|pair| pair.wants.describe(group))
        };
        if of.iter().any(in_its_way) {
            of.retain(in_its_way);
        }
        let of_known = |backend: &&&Backend| known.is_some_and(|k| k.backend == backend.name);
        if let Some(backend) = of.iter().find(of_known) {
            return Ok(Some(backend));
        }
        if sure && let [only] = of.as_slice() {
            return Ok(Some(only));
        }
        let has_cpg = |backend: &&&Backend| {
            backend.pair.as_ref().is_some_and(|pair| {
                let mut cpgs = pair.wants.cpg_map.values();
                cpgs.any(|cpg| Some(cpg) == vv.user_cpg.as_ref())
            })
        };
        let by_cpg: Vec<_> = of.iter().filter(has_cpg).collect();
        match by_cpg.as_slice() {
            [only] => Ok(Some(only)),
            fitting => {
                let all = if fitting.is_empty() {
                    of.iter().collect()
                } else {
                    by_cpg
                };
                let names: Vec<String> = all.iter().map(|b| format!("`{}`", b.name)).collect();
                Err(Cause::NotKnown(format!(
                    "`{}` on array `{}` is a copy in remote copy group `{}`, and which backend it belongs to cannot be told ({}) until the array with system id {maker} was asked once",
                    vv.name,
                    self.array().label(),
                    group.name,
                    names.join(" or ")
                )))
            }
        }
    }
}

/// The array cannot say where it is.
pub(super) fn no_group(vv: &Vv) -> Cause {
    Cause::NotKnown(format!(
        "the array cannot say whether `{}` is in a remote copy group",
        vv.name
    ))
}
