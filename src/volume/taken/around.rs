//! What an array shows beside its VVs that may stand in the way of taking one.

use crate::{
    inform::{
        ActiveVlun, Array, Cpg, ExportedVv, RcGroup, Refusal, Task, VlunQuery, VlunTemplate, Vv,
        VvKind, VvSet, VvState,
    },
    model::{CpgName, GroupName, PythonName, VvName},
    volume::{error::Cause, inner::Inner, kill_points::Doing},
};

use super::{CannotLeave, NotTaken};

/// What an array shows beside its VVs.
#[derive(Debug)]
pub(in crate::volume) struct Around {
    sets: Vec<VvSet>,
    templates: Vec<VlunTemplate>,
    paths: Vec<ActiveVlun>,
    groups: Vec<RcGroup>,
    cpgs: Vec<Cpg>,
    tasks: Vec<Task>,
}

impl Around {
    /// Asks for what concerns one VV, or all of them.
    pub async fn look(inner: &Inner, array: &Array, of: Option<&VvName>) -> Result<Self, Cause> {
        let points = &inner.points;
        let sets = async {
            match of {
                Some(vv) => array.showvvset_of(vv).await,
                None => array.showvvset(None).await,
            }
        };
        let paths = of.map_or(VlunQuery::All, VlunQuery::Vv);
        let groups = async {
            match array.showrcopy_groups().await {
                Err(error) if error.refusal() == Some(Refusal::NotConfigured) => Ok(Vec::new()),
                other => other,
            }
        };
        Ok(Self {
            sets: points.around(Doing::Look, "sets", sets).await?,
            templates: {
                let look = array.showvlun_t(VlunQuery::All);
                points.around(Doing::Look, "exports", look).await?
            },
            paths: {
                let look = array.showvlun_a(paths);
                points.around(Doing::Look, "paths", look).await?
            },
            groups: points.around(Doing::Look, "groups", groups).await?,
            cpgs: {
                let look = array.showcpg_domains();
                points.around(Doing::Look, "cpgs", look).await?
            },
            tasks: {
                let look = array.showtask_active();
                points.around(Doing::Look, "tasks", look).await?
            },
        })
    }

    /// The VV sets that it is in.
    pub fn sets_of(&self, vv: &VvName) -> impl Iterator<Item = &VvSet> {
        self.sets.iter().filter(|set| set.members.contains(vv))
    }

    /// The group that it is in.
    pub fn group_of(&self, vv: &VvName) -> Option<&RcGroup> {
        self.groups.iter().find(|group| group.holds(vv))
    }

    /// Who may have it, in words. An export of a set that it is in counts, also one without any path yet.
    pub fn exported_to(&self, vv: &VvName) -> Option<String> {
        let is_it = |exported: &ExportedVv| match exported {
            ExportedVv::One(name) => name == vv,
            ExportedVv::Set(set) => self
                .sets
                .iter()
                .any(|is| is.name == *set && is.members.contains(vv)),
        };
        let by_template = self.templates.iter().filter(|t| is_it(&t.vv)).map(|t| {
            let through = match &t.vv {
                ExportedVv::Set(_) => format!(" as part of `{}`", t.vv),
                ExportedVv::One(_) => String::new(),
            };
            format!("`{}`{through}", t.target)
        });
        let by_path = self.paths.iter().filter(|path| path.vv == *vv);
        let mut to: Vec<String> = by_template
            .chain(by_path.map(|path| format!("`{}`", path.host)))
            .collect();
        to.dedup();
        (!to.is_empty()).then(|| to.join(", "))
    }

    fn domain_of(&self, cpg: Option<&CpgName>) -> Option<String> {
        let found = self.cpgs.iter().find(|is| Some(&is.name) == cpg)?;
        found.domain.as_ref().map(ToString::to_string)
    }

    /// Whether a VV may be taken as it is, by a backend whose first CPG this is. `parent`: what it is a snapshot of. `leaves`: the group that
    /// it may leave for that.
    pub fn judge(
        &self,
        home: Option<&CpgName>,
        vv: &Vv,
        parent: Option<&Vv>,
        leaves: Option<&GroupName>,
    ) -> Result<(), NotTaken> {
        let python = PythonName::of(&vv.name).is_some();
        match (&vv.kind, vv.read_only) {
            (VvKind::Base, _) | (VvKind::VirtualCopy, false) => {}
            (VvKind::VirtualCopy, true) => return Err(NotTaken::ReadOnly),
            (kind, _) => return Err(NotTaken::Kind(kind.to_string())),
        }
        if vv.state != VvState::Normal {
            return Err(NotTaken::State(vv.state.clone()));
        }
        if let Some(to) = self.exported_to(&vv.name) {
            return Err(NotTaken::Exported { to, python });
        }
        if let Some(group) = self.group_of(&vv.name)
            && leaves != Some(&group.name)
        {
            let group = group.name.clone();
            return Err(CannotLeave::NotAsked { group, python }.into());
        }
        // Whose a snapshot is goes by the group of its volume; what is at home there, or is a copy, is found from one array only.
        if let Some(parent) = parent
            && let Some(group) = self.group_of(&parent.name)
        {
            return Err(NotTaken::ReplicatedParent {
                parent: parent.name.clone(),
                group: group.name.clone(),
            });
        }
        // Most arrays have no domains.
        if self.cpgs.iter().any(|cpg| cpg.domain.is_some()) {
            let cpg = vv.user_cpg.as_ref();
            let cpg = cpg.or(parent.and_then(|parent| parent.user_cpg.as_ref()));
            let cpg = cpg.ok_or(NotTaken::NoCpg)?;
            let is = self.domain_of(Some(cpg));
            let wanted = self.domain_of(home);
            if is != wanted {
                let none = || "none".to_owned();
                return Err(NotTaken::OtherDomain {
                    is: is.unwrap_or_else(none),
                    wanted: wanted.unwrap_or_else(none),
                });
            }
        }
        let works_on = |task: &&Task| task.name.split("->").any(|part| part == vv.name.as_str());
        if let Some(task) = self.tasks.iter().find(works_on) {
            return Err(NotTaken::Copying {
                id: task.id.to_string(),
                name: task.name.clone(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        inform::{TaskStatus, VvProvisioning},
        model::{DomainName, Size, VvId},
    };

    fn vv() -> Vv {
        Vv {
            id: VvId(7),
            name: VvName::new("oracle_01").unwrap(),
            prov: VvProvisioning::Thin,
            kind: VvKind::Base,
            copy_of: None,
            size: Size::from_mib(1536),
            wwn: "60002AC0000000000000000700001111".parse().unwrap(),
            user_cpg: CpgName::new("ssd_r5").ok(),
            snap_cpg: None,
            state: VvState::Normal,
            created: "-".to_owned(),
            expires: None,
            retained_until: None,
            comment: None,
            read_only: false,
        }
    }

    fn nothing() -> Around {
        Around {
            sets: Vec::new(),
            templates: Vec::new(),
            paths: Vec::new(),
            groups: Vec::new(),
            cpgs: Vec::new(),
            tasks: Vec::new(),
        }
    }

    fn refused(around: &Around, vv: &Vv) -> String {
        around.judge(None, vv, None, None).unwrap_err().to_string()
    }

    #[test]
    fn what_is_on_its_way_is_refused() {
        assert_eq!(nothing().judge(None, &vv(), None, None), Ok(()));
        let of_kind = |kind| refused(&nothing(), &Vv { kind, ..vv() });
        assert_eq!(of_kind(VvKind::PhysicalCopy), "is of the type `pcopy`");
        assert_eq!(of_kind("rmvv".into()), "is of the type `rmvv`");
        let in_state = |state| refused(&nothing(), &Vv { state, ..vv() });
        assert_eq!(in_state(VvState::Promoting), "is in state `promoting`");
        assert_eq!(in_state(VvState::CopyFailed), "is in state `copy_failed`");
        assert_eq!(in_state("stale".into()), "is in state `stale`");
    }

    #[test]
    fn what_a_task_works_on_is_refused_and_nothing_else() {
        let with_task = |name: &str| Around {
            tasks: vec![Task {
                id: "5120".parse().unwrap(),
                kind: "vv_copy".to_owned(),
                name: name.to_owned(),
                status: TaskStatus::Active,
                step: None,
                copied: None,
                started: "-".to_owned(),
                finished: None,
                last_line: None,
            }],
            ..nothing()
        };
        for name in ["oracle_01->copy", "gold->oracle_01", "oracle_01"] {
            let said = refused(&with_task(name), &vv());
            assert_eq!(said, format!("is being copied (task 5120, `{name}`)"));
        }
        for name in ["oracle_011->copy", "old_oracle_01", "scheduler"] {
            assert_eq!(
                with_task(name).judge(None, &vv(), None, None),
                Ok(()),
                "{name}"
            );
        }
    }

    #[test]
    fn where_there_are_domains_one_without_a_cpg_has_its_parents() {
        let cpg = |name: &str, domain: Option<&str>| Cpg {
            id: 1,
            name: CpgName::new(name).unwrap(),
            domain: domain.map(|domain| DomainName::new(domain).unwrap()),
            free: None,
        };
        let around = Around {
            cpgs: vec![cpg("ssd_r5", None), cpg("ssd_r6", Some("bank"))],
            ..nothing()
        };
        let home = CpgName::new("ssd_r5").unwrap();
        let snapshot = Vv {
            kind: VvKind::VirtualCopy,
            user_cpg: None,
            ..vv()
        };
        let judge = |parent: Option<&Vv>| around.judge(Some(&home), &snapshot, parent, None);
        assert_eq!(judge(Some(&vv())), Ok(()));
        assert_eq!(judge(None), Err(NotTaken::NoCpg));
        let bank = Vv {
            user_cpg: CpgName::new("ssd_r6").ok(),
            ..vv()
        };
        assert!(matches!(
            judge(Some(&bank)),
            Err(NotTaken::OtherDomain { .. })
        ));
    }
}
