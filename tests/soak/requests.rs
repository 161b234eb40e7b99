//! Requests as an engine sends them, and what it remembers of the answers.

use std::{fs::File, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    host::Host,
    life,
    plan::{Request, Verb},
    rig::plugin::Reply,
    site::Site,
    volumes,
};

/// After so long everything that hangs goes on.
const HANGING: Duration = Duration::from_secs(1);
/// How often an engine asks again for what it got no answer to.
const ASKED_AGAIN: usize = 5;

/// A request with what only this run knows.
pub struct Asked {
    pub host: usize,
    pub verb: Verb,
    pub volume: &'static str,
    id: String,
}

/// What came of it.
pub struct Answer {
    pub reply: Reply,
    /// Of a mount that succeeded: what the container has open.
    file: Option<File>,
}

impl Site {
    /// What the engines send. They remove nothing that somebody uses, and unmount nothing that nobody does.
    pub fn prepare(&mut self, requests: &[Request]) -> Vec<Asked> {
        let mounts = |host: usize, volume: &str| {
            requests
                .iter()
                .any(|other| (other.host, other.verb, other.volume) == (host, Verb::Mount, volume))
        };
        let mut all: Vec<Asked> = Vec::new();
        for request in requests {
            let Request { host, verb, volume } = *request;
            let id = match verb {
                Verb::Mount => Some(self.hosts[host].next_id()),
                Verb::Unmount => self.hosts[host].ends(volume),
                Verb::Remove if self.hosts[host].uses(volume) || mounts(host, volume) => None,
                _ => Some(String::new()),
            };
            if let Some(id) = id {
                let asked = Asked {
                    host,
                    verb,
                    volume,
                    id,
                };
                all.push(asked);
            }
        }
        all
    }

    /// Everything at once, and what dies meanwhile: hosts, each at a number of commands.
    pub async fn ask_all(&self, asked: &[Asked], deaths: &[(usize, usize)]) -> Vec<Answer> {
        let all = asked
            .iter()
            .map(|asked| ask(&self.hosts[asked.host], asked));
        let all = futures_util::future::join_all(all);
        let control = &self.arrays.control;
        let striking = async {
            let mut left = deaths.to_vec();
            let mut released = Instant::now() + HANGING;
            loop {
                sleep(Duration::from_millis(2)).await;
                let sent = control.log(None).len();
                left.retain(|(host, at)| {
                    let due = sent >= *at;
                    if due {
                        self.hosts[*host].plugin.strike();
                    }
                    !due
                });
                if Instant::now() >= released {
                    released += HANGING;
                    control.release();
                }
            }
        };
        tokio::select! {
            answers = all => answers,
            () = striking => unreachable!("it has no end"),
        }
    }

    /// What the engine remembers. One that got no answer asks again.
    pub async fn note(&mut self, asked: &Asked, mut answer: Answer, died: bool) {
        let host = &mut self.hosts[asked.host];
        told(host, asked, &answer.reply, died);
        let again = |reply: &Reply| match asked.verb {
            Verb::Mount => life::is_unended(reply),
            Verb::Unmount => *reply == Reply::Closed,
            _ => false,
        };
        for _ in 0..ASKED_AGAIN {
            if again(&answer.reply) {
                answer = ask(host, asked).await;
            }
        }
        match (asked.verb, answer.reply) {
            (Verb::Mount, Reply::Ok(said)) => {
                let at = host.machine.mountpoint(asked.volume);
                assert_eq!(said["Mountpoint"], at.display().to_string());
                host.begins(asked.volume, &asked.id, answer.file);
                self.mounts += 1;
            }
            (Verb::Unmount, Reply::Err(_) | Reply::Closed) => {
                host.still_has(asked.volume, &asked.id);
            }
            _ => {}
        }
    }
}

/// One request.
async fn ask(host: &Host, asked: &Asked) -> Answer {
    let Asked {
        verb, volume, id, ..
    } = asked;
    let what = format!("{verb:?} {volume} {id}");
    let plugin = &host.plugin;
    let reply = match verb {
        Verb::Create => {
            let create = plugin.create(volume, volumes::options(volume));
            host.ask(&what, create).await
        }
        Verb::Remove => host.ask(&what, plugin.remove(volume)).await,
        Verb::Mount => host.ask(&what, plugin.mount(volume, id)).await,
        Verb::Unmount => host.ask(&what, plugin.unmount(volume, id)).await,
        Verb::Get => host.ask(&what, plugin.get(volume)).await,
        Verb::List => {
            let body = serde_json::json!({});
            let list = plugin.call("VolumeDriver.List", &body);
            host.ask(&what, list).await
        }
    };
    let mounted = *verb == Verb::Mount && matches!(reply, Reply::Ok(_));
    let file = mounted.then(|| host.open(volume)).flatten();
    Answer { reply, file }
}

/// Every answer says what a person needs.
fn told(host: &Host, asked: &Asked, reply: &Reply, died: bool) {
    match (asked.verb, reply) {
        (_, Reply::Ok(_)) => {}
        // What is not known is not said (decision 3); who died says nothing.
        (Verb::Get, Reply::Closed) => {}
        (_, Reply::Closed) => assert!(died, "no answer"),
        (Verb::Get, Reply::Err(said)) => {
            assert!(said.contains(asked.volume), "{said}");
            assert!(!host.uses(asked.volume), "it is in use, and: {said}");
        }
        (_, Reply::Err(said)) => assert_told(said, asked.volume),
    }
}

/// What every error for a person is: one line that names the volume and says what to do.
#[track_caller]
fn assert_told(said: &str, volume: &str) {
    assert!(!said.contains(['\n', '\r']), "more than a line: {said}");
    assert!(!said.ends_with('.'), "{said}");
    assert!(said.contains(volume), "{said}");
    assert!(said.contains("; hint: "), "no hint: {said}");
}
