//! Bringing a new volume into its remote copy group: what is looked at before anything is made, and the cycle under the group's lock.

use crate::{
    inform::{Array, Cpg, RcGroup, Vv, VvQuery},
    model::{Comment, CpgName, DomainName, GroupName, Mode, Side, VvName},
    replication::{self, Acting, Action, CpgPair, Newcomer, Pair, ReplicationError},
    volume::{
        backend::Backend,
        error::Cause,
        group_lock,
        groups::{self, Found},
        inner::Inner,
        steps::Steps,
    },
};

use super::making::Place;

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

        let Found { acting, now } = groups::find(steps, backend, pair, group).await?;
        let now = groups::calm(steps, &acting, now).await?;
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
        admission.group_is_ours = admission.is_ours(inner, steps, now.as_ref()).await?;
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

    /// The array on which the VV is made.
    pub fn array(&self) -> &Array {
        &self.acting.array
    }

    /// The array that has the copy.
    pub fn other(&self) -> &Array {
        &self.acting.other
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

    /// The cycle, under the group's lock: stopped, admitted, started.
    pub async fn admit(&self, inner: &Inner, steps: &mut Steps) -> Result<Admitted, Cause> {
        group_lock::take(steps, &self.acting).await?;
        // Between the first look and the lock somebody may have stopped the group, failed it over, or made it.
        let Found { acting, now } =
            groups::find(steps, self.backend, self.pair, self.group).await?;
        if acting.side != self.acting.side {
            return Err(Cause::RolesChanged(self.group.clone()));
        }
        let now = groups::calm(steps, &self.acting, now).await?;
        let plan = self.plan(now.as_ref()).map_err(|why| self.refused(why))?;
        let group_is_ours = self.is_ours(inner, steps, now.as_ref()).await?;
        for action in plan {
            groups::carry_out(steps, &self.acting.array, &action).await?;
        }
        let copy = self.copy(steps).await?;
        group_lock::release(steps, &self.acting).await?;
        Ok(Admitted {
            copy,
            group_is_ours,
        })
    }

    fn newcomer(&self) -> Newcomer<'_> {
        Newcomer {
            vv: &self.vv,
            group: &self.acting.group,
            target: &self.acting.target,
            cpg: &self.cpg,
            snap_cpg: self.snap_cpg.as_ref(),
            domain: self.domain.as_ref(),
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

    /// A group whose members carry `grp=ours` was made by this plugin; one that is missing is about to be.
    async fn is_ours(
        &self,
        inner: &Inner,
        steps: &Steps,
        now: Option<&RcGroup>,
    ) -> Result<bool, Cause> {
        let Some(now) = now else {
            return Ok(true);
        };
        let Some(member) = now.volumes.first() else {
            return Ok(false);
        };
        if !member.local.is_ours(&inner.namespace) {
            return Ok(false);
        }
        let vvs = steps
            .look(
                "group member",
                self.array().showvv(VvQuery::Name(&member.local)),
            )
            .await?;
        Ok(vvs
            .first()
            .and_then(|vv| vv.comment.as_deref())
            .and_then(|text| Comment::parse(text).ok())
            .is_some_and(|comment| comment.group_is_ours))
    }

    /// The copy gets the name of its original. On the source the name was looked at before.
    async fn check_name_is_free(&self, steps: &Steps) -> Result<(), Cause> {
        let peer = &self.pair.peer;
        let there = steps
            .look("vv on the peer", peer.showvv(VvQuery::Name(&self.vv)))
            .await?;
        match there.first() {
            None => Ok(()),
            Some(taken) => Err(Cause::ForeignVv {
                array: peer.label().to_owned(),
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
