//! Bringing a new volume into its remote copy group: what is looked at before anything is made, and what of the copy when it is in.

use crate::{
    inform::{Array, Cpg, RcGroup, Vv, VvQuery},
    model::{Comment, CpgName, DomainName, GroupName, Mode, Side, VvName},
    replication::{self, Acting, Action, Change, CpgPair, Newcomer, Pair, ReplicationError},
    volume::{
        backend::Backend,
        error::Cause,
        group_lock,
        groups::{self, Found, Standing},
        inner::Inner,
        queue::{self, Changed, Coming, Site},
        steps::Steps,
    },
};

use super::{complete, making::Place};

/// A volume on its way into a group.
pub(super) struct Admission<'a> {
    backend: &'a Backend,
    pair: &'a Pair,
    /// The group, as the source calls it.
    group: &'a GroupName,
    vv: VvName,
    acting: Acting,
    place: Place,
    /// From the array that acts to the other one.
    cpg: CpgPair,
    snap_cpg: Option<CpgPair>,
    domain: Option<DomainName>,
    group_is_ours: bool,
}

/// What an admission brought about.
pub(super) struct Admitted {
    /// The copy, as the other array shows it.
    pub copy: Vv,
    /// The plugin made the group. Somebody may have made it, or filled it, since the first look.
    pub group_is_ours: bool,
}

impl<'a> Admission<'a> {
    /// Looks at all that can stand in the way, on both arrays. Nothing is changed. `asked` is where the volume would be made on
    /// the source.
    pub async fn check(
        inner: &Inner,
        backend: &'a Backend,
        pair: &'a Pair,
        steps: &mut Steps,
        group: &'a GroupName,
        asked: &Place,
    ) -> Result<Self, Cause> {
        let vv = steps.entry().vv.clone();
        let mapped = |found: Option<CpgPair>, cpg: &CpgName| {
            found.ok_or_else(|| {
                groups::refused(
                    &pair.source,
                    ReplicationError::Unmapped {
                        cpg: cpg.to_string(),
                        vv: vv.clone(),
                    },
                )
            })
        };
        let cpg = mapped(pair.wants.cpg(&asked.cpg), &asked.cpg)?;
        let snap = asked.snap_cpg.as_ref();
        let snap_cpg = snap
            .map(|snap| mapped(pair.wants.snap_cpg(snap), snap))
            .transpose()?;

        let Found { acting, now } =
            groups::find(steps, backend, pair, group, Standing::Before).await?;
        let (place, cpg, snap_cpg) = match acting.side {
            Side::Source => (asked.clone(), cpg, snap_cpg),
            Side::Peer => {
                let peer = backend.peer_identity(pair).await?;
                let snap_there = snap_cpg.map_or_else(|| cpg.turned(), |snap| snap.turned());
                let snap_there = peer.release.has_snapshot_cpg().then_some(snap_there);
                let place = Place {
                    home: peer.system.id,
                    cpg: cpg.peer.clone(),
                    snap_cpg: snap_there.as_ref().map(|snap| snap.source.clone()),
                };
                (place, cpg.turned(), snap_there)
            }
        };
        let mut admission = Self {
            backend,
            pair,
            group,
            vv,
            acting,
            place,
            cpg,
            snap_cpg,
            domain: None,
            group_is_ours: false,
        };
        admission.domain = admission.domain(steps, now.as_ref()).await?;
        let plan = |now: Option<&RcGroup>| admission.plan(now);
        let plan = group_lock::judge(steps, &admission.acting, now.clone(), plan).await?;
        let plan = plan.unwrap_or_default();
        admission.group_is_ours =
            groups::is_ours(&inner.namespace, steps, admission.array(), now.as_ref()).await?;
        if plan.iter().any(|action| matches!(action, Action::Make(_))) {
            // Where the group is missing the source acts.
            let release = &backend.identity().await?.release;
            if pair.wants.mode == Mode::Async && !release.has_streaming() {
                return Err(admission.refused(ReplicationError::NoStreaming {
                    group: group.clone(),
                    array: pair.source.label().to_owned(),
                }));
            }
            let all = steps
                .look("groups", admission.array().showrcopy_groups())
                .await?;
            replication::check_modes(&all, &admission.newcomer(), &pair.wants)
                .map_err(|why| admission.refused(why))?;
        } else {
            groups::check_set_exports(steps, &admission.acting).await?;
        }
        admission.check_name_is_free(steps).await?;
        groups::remember(steps, &admission.acting, group)?;
        Ok(admission)
    }

    /// Where the group is changed.
    pub fn acting(&self) -> &Acting {
        &self.acting
    }

    /// As the queue at the group is to know it.
    pub fn site<'s>(&'s self, inner: &'s Inner) -> Site<'s> {
        Site {
            namespace: &inner.namespace,
            backend: self.backend,
            pair: self.pair,
            acting: &self.acting,
            group_at_home: self.group,
        }
    }

    /// The array on which the VV is made.
    pub fn array(&self) -> &Array {
        &self.acting.array
    }

    /// The array that has the copy.
    pub fn other(&self) -> &Array {
        &self.acting.other
    }

    /// Which of the two that is.
    pub fn side(&self) -> Side {
        self.acting.side
    }

    /// The group, as the array on which the VV is made calls it.
    pub fn group(&self) -> &GroupName {
        &self.acting.group
    }

    /// True if the group is Primary on the peer now.
    pub fn is_on_the_peer(&self) -> bool {
        self.acting.side == Side::Peer
    }

    /// Where the VV is made.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// True if, before the lock was there, the plugin had made the group, or was about to.
    pub fn group_is_ours(&self) -> bool {
        self.group_is_ours
    }

    /// Into the group, in a cycle with all others that wait. Afterwards the copy is looked at.
    pub async fn admit(
        &self,
        inner: &Inner,
        coming: &mut Coming,
        steps: &mut Steps,
    ) -> Result<Admitted, Cause> {
        let site = self.site(inner);
        let change = Change::Admit(Box::new(self.newcomer()));
        let Changed { group_is_ours } = queue::change(coming, steps, &site, change, false).await?;
        let copy = self.copy(steps).await?;
        Ok(Admitted {
            copy,
            group_is_ours,
        })
    }

    fn newcomer(&self) -> Newcomer {
        Newcomer {
            vv: self.vv.clone(),
            group: self.acting.group.clone(),
            target: self.acting.target.clone(),
            cpg: self.cpg.clone(),
            snap_cpg: self.snap_cpg.clone(),
            domain: self.domain.clone(),
        }
    }

    fn plan(&self, now: Option<&RcGroup>) -> Result<Vec<Action>, ReplicationError> {
        let array = self.acting.array.label();
        replication::plan_admission(array, now, &self.newcomer(), &self.pair.wants)
    }

    fn refused(&self, why: ReplicationError) -> Cause {
        groups::refused(&self.acting.array, why)
    }

    /// The domain of the volume, which has to be the group's. Most arrays have no domains: then nothing more is asked.
    async fn domain(
        &self,
        steps: &Steps,
        now: Option<&RcGroup>,
    ) -> Result<Option<DomainName>, Cause> {
        let array = &self.acting.array;
        let cpgs: Vec<Cpg> = steps.look("cpgs", array.showcpg_domains()).await?;
        let ours = cpgs.iter().find(|cpg| cpg.name == self.place.cpg);
        let wanted = ours.and_then(|cpg| cpg.domain.clone());
        if let (Some(_), Some(wanted)) = (now, &wanted) {
            let inside = array.showrcopy_group_in(&self.acting.group, wanted);
            if steps.look("domain", inside).await?.is_none() {
                return Err(self.refused(ReplicationError::OtherDomain {
                    group: self.acting.group.clone(),
                    cpg: self.place.cpg.clone(),
                    wanted: wanted.clone(),
                }));
            }
        }
        Ok(wanted)
    }

    /// The copy gets the name of its original. On the array that is looked at first, which is the source, the name was free; a clone that
    /// was made on the peer has it there by now, and needs it on the source.
    async fn check_name_is_free(&self, steps: &Steps) -> Result<(), Cause> {
        let peer = &self.pair.peer;
        let look = peer.showvv(VvQuery::Name(&self.vv));
        let there = steps.look("vv on the peer", look).await?;
        let is_it = |vv: &Vv| {
            let comment = vv.comment.as_deref().map(Comment::parse);
            complete::side(steps.entry()) == Side::Peer
                && matches!(comment, Some(Ok(comment)) if comment.op == steps.entry().op)
        };
        let (array, taken) = match there.first() {
            // Whoever completes it waits until the group is primary there again.
            Some(vv) if is_it(vv) && !self.is_on_the_peer() => return Ok(()),
            Some(vv) if is_it(vv) => {
                let source = &self.pair.source;
                let look = source.showvv(VvQuery::Name(&self.vv));
                (source, steps.look("vv on the source", look).await?)
            }
            _ => (peer, there),
        };
        match taken.first() {
            None => Ok(()),
            Some(taken) => Err(Cause::ForeignVv {
                array: array.label().to_owned(),
                vv: self.vv.clone(),
                why: taken
                    .comment
                    .clone()
                    .unwrap_or_else(|| "no comment".to_owned()),
            }),
        }
    }

    /// The copy, where it was to be and with a WWN as it must be: a host that sees both copies of an Active/Passive volume under one
    /// WWN would mix them up.
    async fn copy(&self, steps: &mut Steps) -> Result<Vv, Cause> {
        let other = &self.acting.other;
        let found = steps
            .look("copy", other.showvv(VvQuery::Name(&self.vv)))
            .await?;
        let copy = found.into_iter().next().ok_or_else(|| Cause::NotProven {
            intent: "admit".to_owned(),
            found: format!(
                "there is no copy `{}` on array `{}`",
                self.vv,
                other.label()
            ),
        })?;
        steps.record(&[
            ("copy wwn", copy.wwn.as_str()),
            ("copy id", &copy.id.to_string()),
        ])?;
        if let Some(is) = copy.user_cpg.as_ref().filter(|is| **is != self.cpg.peer) {
            return Err(self.refused(ReplicationError::OtherCpg {
                group: self.acting.group.clone(),
                is: is.clone(),
                wanted: self.cpg.peer.clone(),
            }));
        }
        let same = steps.entry().facts.get("wwn").map(String::as_str) == Some(copy.wwn.as_str());
        if same != self.pair.wants.peer_persistence {
            return Err(self.refused(ReplicationError::CopyWwn {
                vv: self.vv.clone(),
                wwn: copy.wwn.to_string(),
                same,
            }));
        }
        Ok(copy)
    }
}
