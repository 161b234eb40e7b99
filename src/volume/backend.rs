//! One section of hpe.conf at run time.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use tokio::sync::OnceCell;

use crate::{
    host::Transport,
    inform::{Array, ArrayError, Release, System},
    model::{BackendName, CpgName, HostName, RequestId, Side, SystemId, Takeover},
    replication::Pair,
};

/// Where volumes of one backend live and how they reach this machine.
#[derive(Debug, Clone)]
pub struct Backend {
    /// Section name.
    pub name: BackendName,
    /// The array.
    pub array: Array,
    /// Both arrays, on a replication-enabled backend.
    pub pair: Option<Pair>,
    /// `hpe3par_cpg`; the first is the default.
    pub cpgs: Vec<CpgName>,
    /// `hpe3par_snapcpg`; empty: the same as the CPG.
    pub snap_cpgs: Vec<CpgName>,
    /// How volumes reach this machine.
    pub transport: Transport,
    /// Name for a new host object of this machine.
    pub host_name: HostName,
    /// This machine's id, kept in the comment of a host object that the plugin makes.
    pub machine_id: String,
    /// The way to each of its arrays.
    reach: [Reach; 2],
    /// `takeover`: whether a volume that another host has may be taken from it.
    pub takeover: Takeover,
    identity: Arc<OnceCell<Identity>>,
    peer_identity: Arc<OnceCell<Identity>>,
    /// Which of its arrays this is by itself, for a snapshot: that is in no group, whatever its volume is in.
    alone: Option<Side>,
    /// The other one then.
    beside: Option<Array>,
    /// The own array's system id, as its peer tells it.
    told_id: Arc<OnceLock<SystemId>>,
}

/// What hpe.conf says about the way to the volumes of one array.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Where its iSCSI ports may be reached; empty for all that are ready.
    pub portals: Vec<SocketAddr>,
    /// It asks this machine who it is.
    pub chap: bool,
}

fn index(side: Side) -> usize {
    match side {
        Side::Source => 0,
        Side::Peer => 1,
    }
}

/// What does not change while an array is the same array.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub release: Release,
    pub system: System,
}

impl Backend {
    /// A backend that has not been contacted yet.
    #[allow(clippy::too_many_arguments)]
    pub fn new(
        name: BackendName,
        array: Array,
        pair: Option<Pair>,
        cpgs: Vec<CpgName>,
        snap_cpgs: Vec<CpgName>,
        transport: Transport,
        host_name: HostName,
        machine_id: String,
    ) -> Self {
        Self {
            name,
            array,
            pair,
            cpgs,
            snap_cpgs,
            transport,
            host_name,
            machine_id,
            reach: Default::default(),
            takeover: Takeover::default(),
            identity: Arc::default(),
            peer_identity: Arc::default(),
            alone: None,
            beside: None,
            told_id: Arc::default(),
        }
    }

    /// The way to one of its arrays, where hpe.conf says more than the usual.
    #[must_use]
    pub fn reached(mut self, side: Side, reach: Reach) -> Self {
        self.reach[index(side)] = reach;
        self
    }

    /// The way to one of its arrays.
    pub(super) fn reach(&self, side: Side) -> &Reach {
        &self.reach[index(side)]
    }

    /// The backend with what hpe.conf says of `takeover`.
    #[must_use]
    pub fn with_takeover(mut self, takeover: Takeover) -> Self {
        self.takeover = takeover;
        self
    }

    /// The backend with its commands tied to one request.
    pub(super) fn for_request(&self, request: &RequestId) -> Self {
        let mut tied = self.clone();
        tied.array = self.array.for_request(request);
        tied.beside = self.beside.as_ref().map(|array| array.for_request(request));
        if let Some(pair) = &mut tied.pair {
            pair.source = pair.source.for_request(request);
            pair.peer = pair.peer.for_request(request);
        }
        tied
    }

    /// One of its arrays by itself, without replication: where a snapshot is.
    pub(super) fn alone(&self, side: Side) -> Self {
        let mut alone = self.clone();
        if self.pair.is_none() {
            return alone;
        }
        alone.array = self.on(side).clone();
        alone.beside = Some(self.on(side.other()).clone());
        alone.pair = None;
        alone.alone = Some(side);
        if side == Side::Peer {
            alone.identity = Arc::clone(&self.peer_identity);
            alone.told_id = Arc::default();
        }
        alone
    }

    /// One of the backend's arrays by its name in messages; its own, if none is called that.
    pub(super) fn called(&self, label: &str) -> &Array {
        let peer = self.pair.as_ref().map(|pair| &pair.peer);
        let mut others = peer.into_iter().chain(&self.beside);
        others
            .find(|array| array.label() == label)
            .unwrap_or(&self.array)
    }

    /// Which array it is, if it is one by itself.
    pub(super) fn alone_on(&self) -> Option<Side> {
        self.alone
    }

    /// Which array of hpe.conf's backend `array` is.
    pub(super) fn side(&self) -> Side {
        self.alone.unwrap_or(Side::Source)
    }

    /// One of its arrays; without replication there is only its own.
    pub(super) fn on(&self, side: Side) -> &Array {
        match &self.pair {
            Some(pair) => pair.on(side),
            None => &self.array,
        }
    }

    /// Release and system id, asked once.
    pub(super) async fn identity(&self) -> Result<&Identity, ArrayError> {
        self.identity
            .get_or_try_init(|| Identity::ask(&self.array))
            .await
    }

    /// The system id of one of its arrays, asked once: hpe.conf may write the address of one array in several ways.
    pub(super) async fn system_of(&self, array: &Array) -> Result<SystemId, ArrayError> {
        let identity = match &self.pair {
            Some(pair) if pair.side_of(array.label()) == Some(Side::Peer) => {
                self.peer_identity(pair).await?
            }
            _ => self.identity().await?,
        };
        Ok(identity.system.id)
    }

    /// The array's system id, if it was ever asked, or its peer has told it.
    pub(super) fn known_id(&self) -> Option<SystemId> {
        let asked = self.identity.get().map(|identity| identity.system.id);
        asked.or_else(|| self.told_id.get().copied())
    }

    /// The peer replicates with no array but the one with this id. What the array says itself counts more.
    pub(super) fn tell_id(&self, id: SystemId) {
        self.told_id.get_or_init(|| id);
    }

    /// The peer's system id. While the peer cannot be asked, the source's target tells; none if it does not know.
    pub(super) async fn peer_id(&self, pair: &Pair) -> Result<Option<SystemId>, ArrayError> {
        if let Some(identity) = self.peer_identity.get() {
            return Ok(Some(identity.system.id));
        }
        let targets = pair.source.showrcopy_targets_detail().await?;
        let target = targets.iter().find(|t| t.name == pair.wants.target);
        Ok(target.and_then(|target| target.system_id))
    }

    /// Release and system id of the peer, asked once.
    pub(super) async fn peer_identity(&self, pair: &Pair) -> Result<&Identity, ArrayError> {
        self.peer_identity
            .get_or_try_init(|| Identity::ask(&pair.peer))
            .await
    }
}

impl Identity {
    async fn ask(array: &Array) -> Result<Self, ArrayError> {
        let release = array.showversion().await?;
        let system = array.showsys().await?;
        Ok(Self { release, system })
    }
}
