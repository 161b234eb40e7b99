//! The exports of Peer Persistence volumes that are mounted here, from the mount to the unmount: the missing one is added when its array
//! is back and both show one volume again, and one behind which there may be other data is taken back.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{task::JoinSet, time::Instant};

use crate::{
    index::LastRoles,
    model::{BackendName, GroupName, RequestId, VolumeName},
    volume::{inner::Inner, paths},
};

use super::{
    balance::{self, Seen},
    is_wanted,
};

/// How often it is looked whether something is due, which costs nothing, and the pause after a first look that changed nothing.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause while an export is missing.
const LONGEST: Duration = Duration::from_secs(30);
/// The pause while none is. Somebody may take an export away by hand.
const COMPLETE: Duration = Duration::from_secs(600);
/// How often one volume of each group is looked at, whatever it is like: when the roles are other ones, all of the group are.
const WATCH: Duration = Duration::from_secs(15);

/// What is known of the exports of mounted volumes. Nothing is kept over a restart: it is looked at again.
#[derive(Debug, Default)]
pub(in crate::volume) struct Keeping(Mutex<HashMap<VolumeName, Kept>>);

/// The exports of one mounted volume, when they were last looked at.
#[derive(Debug, Clone)]
pub(in crate::volume) struct Kept {
    /// The arrays that export it to this machine.
    by: Vec<String>,
    /// Why one of them does not, for people.
    missing: Option<String>,
    /// The last look succeeded.
    is_seen: bool,
    /// When it last did, the array that served exported it to this machine.
    had_serving: bool,
    /// The roles that were seen last. Others mean another look.
    roles: LastRoles,
    looked: Instant,
    due: Instant,
    pause: Duration,
}

impl Kept {
    /// Just mounted, by these arrays, or looked at again.
    pub fn new(by: Vec<String>, missing: Option<String>, roles: LastRoles) -> Self {
        let pause = if missing.is_some() { FIRST } else { COMPLETE };
        Self {
            by,
            missing,
            is_seen: true,
            had_serving: true,
            roles,
            looked: Instant::now(),
            due: Instant::now() + pause,
            pause,
        }
    }

    /// The arrays that export it to this machine, as far as they could be asked.
    pub fn by(&self) -> &[String] {
        &self.by
    }

    /// As [`Kept::by`], if the last look succeeded.
    pub fn certainly_by(&self) -> Option<&[String]> {
        self.is_seen.then_some(&self.by)
    }

    /// By how many arrays, for people.
    pub fn told(&self) -> String {
        match (self.by.as_slice(), &self.missing) {
            ([_, _, ..], _) => "both arrays".to_owned(),
            ([one], Some(why)) => format!("one array only, `{one}`: {why}"),
            ([one], None) => format!("one array only, `{one}`"),
            ([], Some(why)) if self.is_seen => format!("none: {why}"),
            ([], Some(why)) => format!("not known: {why}"),
            ([], None) => "none".to_owned(),
        }
    }

    /// Why no array exports it to this machine, if that was seen.
    pub fn cut_off(&self) -> Option<&str> {
        let why = self.missing.as_deref().unwrap_or("nobody exports it");
        (self.is_seen && self.by.is_empty()).then_some(why)
    }
}

impl Keeping {
    fn all(&self) -> MutexGuard<'_, HashMap<VolumeName, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A volume has just been mounted.
    pub fn note(&self, name: &VolumeName, kept: Kept) {
        self.all().insert(name.clone(), kept);
    }

    /// What is known of a mounted volume.
    pub fn of(&self, name: &VolumeName) -> Option<Kept> {
        self.all().get(name).cloned()
    }

    /// The volumes that are to be looked at now, of those that are mounted.
    fn due(&self, mounted: &[Mounted]) -> Vec<VolumeName> {
        let mut all = self.all();
        all.retain(|name, _| mounted.iter().any(|one| one.name == *name));
        // Of each group, the look that was the last, and the volume that waits for the longest time.
        let mut groups: HashMap<_, (Instant, Instant, &VolumeName)> = HashMap::new();
        let mut due = Vec::new();
        for one in mounted {
            let Some(kept) = all.get(&one.name) else {
                due.push(one.name.clone());
                continue;
            };
            if kept.due <= Instant::now() || kept.roles != one.roles {
                due.push(one.name.clone());
            }
            groups
                .entry((&one.backend, &one.group))
                .and_modify(|(last, first, longest)| {
                    *last = (*last).max(kept.looked);
                    if kept.looked < *first {
                        (*first, *longest) = (kept.looked, &one.name);
                    }
                })
                .or_insert((kept.looked, kept.looked, &one.name));
        }
        for (last, _, longest) in groups.into_values() {
            if last.elapsed() >= WATCH && !due.contains(longest) {
                due.push(longest.clone());
            }
        }
        due
    }

    /// After a look: the pause grows while an export is missing and nothing is new about that.
    fn seen(&self, name: &VolumeName, seen: Result<Seen, String>, roles: LastRoles) {
        let mut all = self.all();
        let is_seen = seen.is_ok();
        let Seen {
            by,
            missing,
            has_serving,
            ..
        } = seen.unwrap_or_else(|why| {
            let kept = all.get(name);
            Seen {
                by: kept.map(|kept| kept.by.clone()).unwrap_or_default(),
                missing: Some(why),
                has_serving: kept.is_some_and(|kept| kept.had_serving),
                added: false,
            }
        });
        let before = all.get(name);
        let same = |kept: &&Kept| kept.by == by && kept.missing.is_some() == missing.is_some();
        let news = before.filter(same).is_none();
        let before = before
            .filter(|kept| !news && kept.missing.is_some())
            .map(|kept| kept.pause);
        match &missing {
            _ if !news => {}
            Some(why) if !is_seen => {
                log::warn!(volume = name.as_str(), why = why.as_str(); "what both arrays export is not known now");
            }
            Some(why) if by.is_empty() => {
                log::error!(volume = name.as_str(), why = why.as_str(); "mounted here, and no array exports it to this host");
            }
            Some(why) => {
                log::warn!(volume = name.as_str(), exported_by:? = by, why = why.as_str();
                    "exported from one array only: a failover would stop its containers");
            }
            None => log::info!(volume = name.as_str(); "exported from both arrays"),
        }
        let mut kept = Kept::new(by, missing, roles);
        (kept.is_seen, kept.had_serving) = (is_seen, has_serving);
        if let Some(before) = before {
            kept.pause = (before * 2).min(LONGEST);
            kept.due = Instant::now() + kept.pause;
        }
        all.insert(name.clone(), kept);
    }

    /// These are looked at soon.
    fn hurry<'a>(&self, names: impl Iterator<Item = &'a VolumeName>) {
        let mut all = self.all();
        for name in names {
            if let Some(kept) = all.get_mut(name) {
                kept.due = Instant::now();
            }
        }
    }
}

/// A volume that may be exported twice.
struct Mounted {
    name: VolumeName,
    backend: BackendName,
    group: Option<GroupName>,
    /// The roles of its group that were seen last.
    roles: LastRoles,
}

/// Looks after the exports of what is mounted, for as long as the runtime lives.
pub(in crate::volume) async fn run(inner: Arc<Inner>) {
    let mut looks = JoinSet::new();
    let mut looking = Vec::new();
    loop {
        for name in inner.second_exports.due(&mounted(&inner)) {
            if !looking.contains(&name) {
                looking.push(name.clone());
                looks.spawn(look_after(Arc::clone(&inner), name));
            }
        }
        tokio::time::sleep(FIRST).await;
        while let Some(ended) = looks.try_join_next() {
            match ended {
                Ok(name) => looking.retain(|at| *at != name),
                // Its name stays in `looking`: what panics once is not tried for ever.
                Err(panic) => log::error!("internal error while looking after exports: {panic}"),
            }
        }
    }
}

/// Peer Persistence volumes with a mount record. When the roles of a group are seen with one of them, they are news for all.
fn mounted(inner: &Inner) -> Vec<Mounted> {
    let mut mounted: Vec<Mounted> = Vec::new();
    for (name, _) in inner.index.mounts() {
        let Some(volume) = inner.index.get(&name) else {
            continue;
        };
        let backend = inner.backend_of(&volume);
        if backend.is_ok_and(|backend| is_wanted(&backend)) {
            mounted.push(Mounted {
                name,
                backend: volume.backend,
                group: volume.group,
                roles: volume.last_roles,
            });
        }
    }
    mounted
}

/// The roles of its group that were seen last.
pub(super) fn roles(inner: &Inner, name: &VolumeName) -> LastRoles {
    let volume = inner.index.get(name);
    volume.map(|volume| volume.last_roles).unwrap_or_default()
}

async fn look_after(inner: Arc<Inner>, name: VolumeName) -> VolumeName {
    let _lock = inner.locks.lock(&name).await;
    // The mount that had the lock may have noted it meanwhile.
    if !inner.second_exports.due(&mounted(&inner)).contains(&name) {
        return name;
    }
    let request = RequestId::random();
    let _at_work = inner.at_work.enter(&name, &request);
    let before = inner.second_exports.of(&name);
    let had_serving = before.as_ref().is_some_and(|kept| kept.had_serving);
    let seen = match balance::look(&inner, &request, &name, had_serving).await {
        Ok(Some(seen)) => Ok(seen),
        Ok(None) => return name,
        Err(cause) => Err(cause.to_string()),
    };
    let roles = roles(&inner, &name);
    if before.is_some_and(|before| before.roles != roles) {
        hurry_the_group(&inner, &name);
    }
    let added = seen.as_ref().is_ok_and(|seen| seen.added);
    inner.second_exports.seen(&name, seen, roles);
    // Only now is it known that both arrays are to be asked for paths.
    if added && let Err(cause) = paths::complete(&inner, &request, &name).await {
        log::warn!(volume = name.as_str(), cause:% = cause; "exported, and not all paths are there yet");
    }
    name
}

/// The roles of a group are other ones: all its volumes are looked at.
fn hurry_the_group(inner: &Inner, name: &VolumeName) {
    let mounted = mounted(inner);
    let Some(this) = mounted.iter().find(|one| one.name == *name) else {
        return;
    };
    let group = (&this.backend, &this.group);
    let all = mounted
        .iter()
        .filter(|one| (&one.backend, &one.group) == group);
    inner.second_exports.hurry(all.map(|one| &one.name));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Role, Side};

    fn name(name: &str) -> VolumeName {
        VolumeName::new(name).unwrap()
    }

    fn mounted(names: &[&str], group: &str, roles: LastRoles) -> Vec<Mounted> {
        let one = |one: &&str| Mounted {
            name: name(one),
            backend: BackendName::new("mirrored").unwrap(),
            group: Some(GroupName::new(group).unwrap()),
            roles,
        };
        names.iter().map(one).collect()
    }

    fn seen(by: &[&str], missing: Option<&str>) -> Result<Seen, String> {
        Ok(Seen {
            by: by.iter().map(|label| (*label).to_owned()).collect(),
            missing: missing.map(str::to_owned),
            has_serving: !by.is_empty(),
            added: false,
        })
    }

    const BOTH: [&str; 2] = ["amber", "birch"];

    /// Seconds until something is due, and what.
    async fn next_due(keeping: &Keeping, mounted: &[Mounted]) -> (u64, Vec<String>) {
        let begun = Instant::now();
        loop {
            let due = keeping.due(mounted);
            if !due.is_empty() {
                let due = due.iter().map(ToString::to_string).collect();
                return (begun.elapsed().as_secs(), due);
            }
            tokio::time::advance(Duration::from_secs(1)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_export_is_looked_for_less_and_less_often() {
        let keeping = Keeping::default();
        let roles = LastRoles::default();
        let db1 = mounted(&["db1"], "prod", roles);
        assert_eq!(next_due(&keeping, &db1).await.0, 0, "never looked at");
        let mut pauses = Vec::new();
        for _ in 0..7 {
            keeping.seen(&name("db1"), seen(&["amber"], Some("it is dead")), roles);
            pauses.push(next_due(&keeping, &db1).await.0);
        }
        // One volume of the group is looked at every 15 s anyway.
        assert_eq!(pauses, [1, 2, 4, 8, 15, 15, 15]);
        let kept = keeping.of(&name("db1")).unwrap();
        assert_eq!(kept.pause, LONGEST);
        assert_eq!(kept.told(), "one array only, `amber`: it is dead");
        keeping.seen(&name("db1"), seen(&BOTH, None), roles);
        assert_eq!(keeping.of(&name("db1")).unwrap().told(), "both arrays");
        keeping.seen(&name("db1"), seen(&["amber"], Some("it is dead")), roles);
        assert_eq!(next_due(&keeping, &db1).await.0, 1, "from the beginning");
    }

    #[tokio::test(start_paused = true)]
    async fn one_volume_of_each_group_is_watched_in_turn() {
        let keeping = Keeping::default();
        let roles = LastRoles::default();
        let mut all = mounted(&["db1", "db2", "db3"], "prod", roles);
        all.extend(mounted(&["mail"], "test", roles));
        for one in &all {
            keeping.seen(&one.name, seen(&BOTH, None), roles);
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        let mut turns = Vec::new();
        for _ in 0..4 {
            let (after, due) = next_due(&keeping, &all).await;
            turns.push((after, due.clone()));
            for due in due {
                keeping.seen(&name(&due), seen(&BOTH, None), roles);
            }
        }
        let of_prod: Vec<&String> = turns
            .iter()
            .flat_map(|(_, due)| due)
            .filter(|name| *name != "mail")
            .collect();
        assert!(turns.iter().all(|(after, _)| *after <= 16), "{turns:?}");
        assert!(of_prod.len() >= 2);
        let once: std::collections::BTreeSet<_> = of_prod.iter().collect();
        assert_eq!(once.len(), of_prod.len().min(3), "{turns:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn other_roles_are_news_for_the_whole_group() {
        let keeping = Keeping::default();
        let roles = LastRoles::default();
        let all = mounted(&["db1", "db2"], "prod", roles);
        for one in &all {
            keeping.seen(&one.name, seen(&BOTH, None), roles);
        }
        assert_eq!(keeping.due(&all), []);
        let mut turned = roles;
        turned.note(Side::Source, Some(Role::Secondary));
        let turned = mounted(&["db1", "db2"], "prod", turned);
        assert_eq!(keeping.due(&turned), [name("db1"), name("db2")]);
        keeping.hurry([name("db2")].iter());
        assert_eq!(keeping.due(&all), [name("db2")]);
        // What is not mounted any more is forgotten.
        assert_eq!(keeping.due(&[]), []);
        assert!(keeping.of(&name("db1")).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_fails_tells_nothing_new() {
        let keeping = Keeping::default();
        let roles = LastRoles::default();
        let db1 = mounted(&["db1"], "prod", roles);
        let told = || keeping.of(&name("db1")).unwrap();
        keeping.seen(&name("db1"), Err("no answer".to_owned()), roles);
        assert_eq!(told().told(), "not known: no answer");
        assert_eq!(told().cut_off(), None);
        keeping.seen(&name("db1"), seen(&BOTH, None), roles);
        keeping.seen(&name("db1"), Err("no answer".to_owned()), roles);
        assert_eq!(told().told(), "both arrays", "as it was last seen");
        assert_eq!(next_due(&keeping, &db1).await.0, 1, "tried again soon");
        keeping.seen(&name("db1"), seen(&[], Some("another host has it")), roles);
        assert_eq!(told().told(), "none: another host has it");
        assert_eq!(told().cut_off(), Some("another host has it"));
    }
}
