//! The storage administrator, who moves groups as the runbooks say: a step at a time, and only with nothing in the way.

use super::{
    place::{BOTH, Half, Shown},
    rig::arrays::{HOME, PEER},
    site::Site,
    volumes::{self, Kind},
};

/// Lines to type, each on its array, and whose users have to stop before.
struct Step {
    lines: Vec<(&'static str, String)>,
    stop: Stop,
}

/// Who has to stop first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    Nobody,
    /// Who has a volume of the group from this array.
    From(&'static str),
    Everybody,
}

impl Site {
    /// A step of a group towards the other array.
    pub async fn step_over(&mut self, group: &'static str) {
        if let Some(step) = over(&self.shown(), group)
            && !self.something_goes_on()
        {
            self.take(group, step).await;
        }
    }

    /// A step of a group towards home.
    pub async fn step_home(&mut self, group: &'static str) {
        if !self.something_goes_on() {
            self.insist_on_home(group).await;
        }
    }

    /// The same, whatever the plugins have open.
    pub async fn insist_on_home(&mut self, group: &'static str) {
        if let Some(step) = home(&self.shown(), group) {
            self.take(group, step).await;
        }
    }

    /// What a plugin has open may have the group stopped.
    fn something_goes_on(&self) -> bool {
        self.hosts.iter().any(|host| host.unended() > 0) || !self.shown().locks().is_empty()
    }

    async fn take(&mut self, group: &'static str, step: Step) {
        let Step { lines, stop } = step;
        let starts = lines
            .iter()
            .any(|(_, line)| line.starts_with("startrcopygroup"));
        assert!(
            !starts || !self.run.contains(group) || self.something_goes_on(),
            "{group} is stopped, and nobody stopped it"
        );
        self.run.remove(group);
        if !self.stop(group, stop).await {
            println!("  administrator: waits with {lines:?}, somebody has a volume");
            return;
        }
        for (array, line) in lines {
            let said = self.arrays.type_in(array, &line).await;
            println!("  administrator on {array}: {line}: {}", said.trim());
        }
    }

    /// True if nobody of these has a volume of the group any more.
    async fn stop(&mut self, group: &str, stop: Stop) -> bool {
        let found = volumes::GROUPS.iter().find(|(name, _)| *name == group);
        let (_, kind) = *found.unwrap();
        let shown = self.shown();
        let mut all = true;
        for volume in volumes::of(kind) {
            for host in &mut self.hosts {
                let Some(wwn) = host.mounted(volume) else {
                    continue;
                };
                let concerned = match stop {
                    Stop::Nobody => false,
                    Stop::From(array) => shown.vv(array, volume).is_some_and(|vv| vv["wwn"] == wwn),
                    Stop::Everybody => true,
                };
                if concerned {
                    all &= host.stop_users(volume).await;
                }
            }
        }
        all
    }
}

fn step(array: &'static str, line: String, stop: Stop) -> Option<Step> {
    let lines = vec![(array, line)];
    Some(Step { lines, stop })
}

fn over(shown: &Shown, group: &str) -> Option<Step> {
    let there = volumes::group_on(PEER, group);
    let [home, peer] = shown.halves(group)?;
    let pair = volumes::GROUPS.contains(&(group, Kind::PeerPersistence));
    if home.role != "Primary"
        || peer.role != "Secondary"
        || moves(&home, &peer)
        || !shown.is_up(PEER)
    {
        return None;
    }
    if !shown.is_up(HOME) {
        let line = format!("setrcopygroup failover -f {there}");
        return step(PEER, line, Stop::Everybody);
    }
    if !home.is_started() || !synced(shown, group) {
        return None;
    }
    if pair {
        let line = format!("setrcopygroup switchover -f {group}");
        return step(HOME, line, Stop::Nobody);
    }
    let lines = vec![
        (HOME, format!("stoprcopygroup -f {group}")),
        (PEER, format!("setrcopygroup failover -f {there}")),
    ];
    let stop = Stop::Everybody;
    Some(Step { lines, stop })
}

fn home(shown: &Shown, group: &str) -> Option<Step> {
    let there = volumes::group_on(PEER, group);
    let [home, peer] = shown.halves(group)?;
    if moves(&home, &peer) || !BOTH.iter().all(|array| shown.is_up(array)) {
        return None;
    }
    let started = home.is_started() && peer.is_started();
    if started && !synced(shown, group) {
        return None;
    }
    let on_peer = |what: &str| format!("setrcopygroup {what} -f {there}");
    match (home.role.as_str(), peer.role.as_str()) {
        // Both were lost since one took over. That one has what was written last.
        ("Primary", "Primary-Rev") if peer.status == "Failsafe" => {
            step(PEER, on_peer("override"), Stop::Nobody)
        }
        ("Primary-Rev", "Primary") if home.status == "Failsafe" => step(
            HOME,
            format!("setrcopygroup override -f {group}"),
            Stop::Nobody,
        ),
        // It took over, and home does not know of it or gave up.
        ("Primary", "Primary-Rev") => step(PEER, on_peer("recover"), Stop::From(HOME)),
        ("Primary", "Secondary") if started => None,
        ("Primary", "Secondary") if home.status == "Failsafe" => step(
            HOME,
            format!("setrcopygroup override -f {group}"),
            Stop::Nobody,
        ),
        ("Primary", "Secondary") => step(HOME, format!("startrcopygroup {group}"), Stop::Nobody),
        ("Secondary-Rev", "Primary-Rev") if started => {
            step(PEER, on_peer("restore"), Stop::Everybody)
        }
        ("Secondary", "Primary") if started => step(PEER, on_peer("switchover"), Stop::Nobody),
        ("Secondary-Rev" | "Secondary", _) if peer.status == "Failsafe" => {
            step(PEER, on_peer("override"), Stop::Nobody)
        }
        ("Secondary-Rev" | "Secondary", "Primary-Rev" | "Primary") => {
            step(PEER, format!("startrcopygroup {there}"), Stop::Nobody)
        }
        // After a switchover home took over by itself.
        ("Primary-Rev", "Primary") => step(
            HOME,
            format!("setrcopygroup recover -f {group}"),
            Stop::From(PEER),
        ),
        ("Primary-Rev", "Secondary-Rev") if started => step(
            HOME,
            format!("setrcopygroup reverse -f -natural {group}"),
            Stop::Everybody,
        ),
        ("Primary-Rev", "Secondary-Rev") => {
            step(HOME, format!("startrcopygroup {group}"), Stop::Nobody)
        }
        (home, peer) => panic!("{group}: {home} and {peer}"),
    }
}

fn moves(home: &Half, peer: &Half) -> bool {
    let is_moving =
        |half: &Half| half.turning || ["Starting", "Stopping"].contains(&half.status.as_str());
    is_moving(home) || is_moving(peer)
}

fn synced(shown: &Shown, group: &str) -> bool {
    BOTH.iter().all(|array| {
        shown
            .members(array, group)
            .iter()
            .all(|(_, sync)| sync == "Synced")
    })
}
