//! What must be true after a round, as far as it can be known.

use std::time::Duration;

use super::{
    life::Is,
    place::{BOTH, Shown},
    rig::plugin::Reply,
    site::Site,
    volumes::{ALL, GROUPS, Kind},
};

/// What the plugins may still have to do when nothing is out.
const ENDING: Duration = Duration::from_secs(3);

impl Site {
    /// Looks at everything, and at what is in the volumes.
    pub async fn look(&mut self) {
        let calm = self.outages == 0 && self.nothing_open(ENDING).await;
        let shown = self.shown();
        self.watch.assert_never_twice();
        for (volume, _) in ALL {
            if calm {
                self.settle(volume, &shown);
            }
            if self.life.of(volume) == Is::There {
                assert!(shown.is_whole(volume), "{volume} is not whole any more");
            }
            for host in &self.hosts {
                let mounted = host.mounted(volume).is_some();
                let (is_used, name) = (host.is_open(volume), host.name());
                assert!(mounted || !is_used, "{name} uses {volume}: not mounted");
            }
        }
        if calm {
            let locks = shown.locks();
            assert!(locks.is_empty(), "nothing is open, and {locks:?}");
            self.groups_run(&shown);
            self.hosts_know().await;
        }
        self.use_them();
    }

    /// What crossed has an end, and nothing is left of what is gone.
    fn settle(&mut self, volume: &'static str, shown: &Shown) {
        match self.life.of(volume) {
            Is::There => {}
            Is::Unknown => {
                let there = shown.is_ready(volume);
                self.life
                    .set(volume, if there { Is::There } else { Is::Gone });
            }
            Is::Gone => {
                for array in BOTH {
                    let left = shown.vv(array, volume);
                    assert!(left.is_none(), "{volume} is gone, and {array} has {left:?}");
                }
            }
        }
    }

    /// A group that ran goes on running, and one that is made runs, unless an outage or the administrator stopped it.
    fn groups_run(&mut self, shown: &Shown) {
        for (group, _) in GROUPS {
            let Some(halves) = shown.halves(group) else {
                self.run.insert(group);
                continue;
            };
            let runs = halves
                .iter()
                .all(|half| ["Started", "Starting"].contains(&half.status.as_str()));
            assert!(
                runs || !self.run.contains(group),
                "{group} is left so: {halves:?}"
            );
            if runs {
                self.run.insert(group);
            }
        }
    }

    /// No host says of a volume that there is none, whoever made it. One that cannot know yet says nothing.
    async fn hosts_know(&self) {
        for (volume, _) in ALL {
            for host in &self.hosts {
                if self.life.of(volume) == Is::There {
                    let reply = host.plugin.get(volume).await;
                    let name = host.name();
                    assert!(
                        !matches!(reply, Reply::Err(_)),
                        "{name}: {volume}: {reply:?}"
                    );
                }
            }
        }
    }

    /// Every volume that somebody has, and that its array serves, is read, compared and written.
    fn use_them(&mut self) {
        self.content.follow(&self.shown());
        for (volume, kind) in ALL {
            for host in &self.hosts {
                if !host.is_open(volume) {
                    continue;
                }
                let Some(wwn) = host.mounted(volume) else {
                    continue;
                };
                let shown = self.shown();
                let mut serving = shown.serve(volume, &wwn).into_iter();
                let Some(array) = serving.find(|array| host.reaches(array, &wwn)) else {
                    println!(
                        "  {}: {volume}: its array does not serve it now",
                        host.name()
                    );
                    continue;
                };
                // What is one on two arrays has to stay so for what is written to be certain.
                if kind == Kind::PeerPersistence && shown.in_step(volume).is_none() {
                    continue;
                }
                self.content
                    .read(volume, array, host.read(volume).as_deref());
                let (version, bytes) = self.content.next(volume);
                host.write(volume, &bytes);
                let still = self.shown();
                assert_eq!(
                    still.serve(volume, &wwn),
                    shown.serve(volume, &wwn),
                    "somebody moved the group of {volume}"
                );
                self.content.wrote(volume, array, version);
                self.content.follow(&still);
            }
        }
    }
}
