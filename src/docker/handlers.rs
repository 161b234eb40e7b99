//! What is done for each of the nine requests.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde::de::DeserializeOwned;

use super::{
    answer::{Deadlines, Ending, Unfinished, detached},
    exchange::Exchange,
    help,
    messages::{Answer, CreateRequest, MountRequest, NameRequest, Verb, VolumeAnswer, path_text},
    options,
    schema::{HELP, HELP_BACKENDS},
};
use crate::{
    model::{MountId, VolumeName},
    volume::{BackendDescription, Lookup, UserError, Volume, Volumes},
};

/// A request body as it came; `None` when it broke off or is larger than 1 MiB.
pub(super) type Body<B> = Option<B>;

/// The protocol's answers, given by a volume service.
pub struct Api<V> {
    volumes: Arc<V>,
    backends: Vec<BackendDescription>,
    deadlines: Deadlines,
}

impl<V: Volumes> Api<V> {
    /// `backends` are all of hpe.conf, also those whose array does not answer.
    pub fn new(volumes: Arc<V>, backends: Vec<BackendDescription>, deadlines: Deadlines) -> Self {
        Self {
            volumes,
            backends,
            deadlines,
        }
    }

    /// Handles one request to its end and logs it.
    pub(super) async fn handle(&self, verb: Verb, body: Body<impl AsRef<[u8]>>) -> Ending {
        let mut exchange = Exchange::begin(verb);
        let body = body.as_ref().map(AsRef::as_ref);
        let result = match verb {
            Verb::Activate => self.activate(&exchange).await,
            Verb::Capabilities => Ok(Ending::Answer(Answer::CAPABLE)),
            Verb::List => self.list(&exchange).await,
            Verb::Get => Ok(self.get(body, &mut exchange).await),
            Verb::Create => self.create(body, &mut exchange).await,
            Verb::Remove => self.remove(body, &mut exchange).await,
            Verb::Mount => self.mount(body, &mut exchange).await,
            Verb::Unmount => self.unmount(body, &mut exchange).await,
            Verb::Path => self.path(body, &mut exchange).await,
        };
        let ending = result.unwrap_or_else(Ending::Refused);
        exchange.end(&ending);
        ending
    }

    /// Its body is not looked at, here as in Capabilities and List: Docker sends none or `{}`, Podman nothing
    /// (array fact 28).
    async fn activate(&self, exchange: &Exchange) -> Result<Ending, String> {
        self.ask(exchange, |volumes| volumes.engine_started())
            .await?;
        Ok(Ending::Answer(Answer::ACTIVATED))
    }

    async fn list(&self, exchange: &Exchange) -> Result<Ending, String> {
        let volumes = self
            .ask(exchange, |volumes| volumes.list())
            .await?
            .into_iter();
        let volumes = volumes.map(|volume| VolumeAnswer {
            name: volume.name.to_string(),
            mountpoint: volume.mountpoint.as_deref().and_then(path_text),
            created_at: None,
            status: None,
        });
        Ok(Ending::Answer(Answer::Listed {
            volumes: volumes.collect(),
        }))
    }

    /// Says `Err` only of a volume that certainly does not exist; the engine would forget any other, with its references
    /// (array fact 21).
    async fn get(&self, body: Option<&[u8]>, exchange: &mut Exchange) -> Ending {
        let name = match read::<NameRequest>(body) {
            Ok(NameRequest { name: Some(name) }) => name,
            // After a broken connection the engine repeats a request without its body: about which volume, it alone knows
            // (array fact 22).
            Ok(NameRequest { name: None }) => return Ending::Closed("no `Name`".to_owned()),
            Err(mistake) => return Ending::Closed(mistake),
        };
        exchange.about(&name);
        // No volume was ever made with such a name. Engines ask for an empty one after they have forgotten a volume
        // (array fact 24).
        let Ok(name) = VolumeName::new(&name) else {
            return absent(&name);
        };
        let (volumes, id, asked) = (Arc::clone(&self.volumes), exchange.id.clone(), name.clone());
        let lookup = async move { volumes.get(id, asked).await };
        match detached(self.deadlines.short, lookup).await {
            Ok(Ok(Lookup::Found(volume))) if volume.name == name => found(volume),
            Ok(Ok(Lookup::Found(other))) => Ending::Closed(format!("got volume `{}`", other.name)),
            Ok(Ok(Lookup::Absent)) => absent(name.as_str()),
            Ok(Ok(Lookup::Unknown)) => Ending::Closed("not known for certain".to_owned()),
            Ok(Err(error)) => Ending::Closed(error.to_string()),
            Err(Unfinished::StillRunning) => {
                Ending::Closed("the look-up is still running".to_owned())
            }
            Err(Unfinished::Broken) => Ending::Closed("internal error".to_owned()),
        }
    }

    async fn create(&self, body: Option<&[u8]>, exchange: &mut Exchange) -> Result<Ending, String> {
        let request: CreateRequest = read(body)?;
        let name = request.name.unwrap_or_default();
        exchange.about(&name);
        let given = request.options.unwrap_or_default();
        match given
            .get(HELP)
            .map(|value| value.as_deref().unwrap_or_default())
        {
            Some(HELP_BACKENDS) => {
                let backends = self.ask(exchange, |volumes| volumes.backends()).await?;
                return Ok(Ending::Text(help::backends(&backends)));
            }
            Some(_) => return Ok(Ending::Text(help::text())),
            None => {}
        }
        let original = match options::original(&given) {
            Some(of) => {
                let (volumes, id) = (Arc::clone(&self.volumes), exchange.id.clone());
                self.run(exchange, async move { volumes.made_as(id, of).await })
                    .await?
            }
            None => None,
        };
        let volume = options::read(&name, &given, &self.backends, original.as_ref())
            .map_err(|error| error.to_string())?;
        let (volumes, id) = (Arc::clone(&self.volumes), exchange.id.clone());
        self.run(exchange, async move { volumes.create(id, volume).await })
            .await?;
        Ok(Ending::Answer(Answer::DONE))
    }

    async fn remove(&self, body: Option<&[u8]>, exchange: &mut Exchange) -> Result<Ending, String> {
        let request: NameRequest = read(body)?;
        let name = named(request.name, exchange)?;
        let (volumes, id) = (Arc::clone(&self.volumes), exchange.id.clone());
        self.run(exchange, async move { volumes.remove(id, name).await })
            .await?;
        Ok(Ending::Answer(Answer::DONE))
    }

    async fn mount(&self, body: Option<&[u8]>, exchange: &mut Exchange) -> Result<Ending, String> {
        let request: MountRequest = read(body)?;
        let name = named(request.name, exchange)?;
        let mount = mount_id(request.id)?;
        let (volumes, id) = (Arc::clone(&self.volumes), exchange.id.clone());
        let caller = Caller::default();
        let heard = caller.clone();
        let work = async move {
            let mounted = volumes.mount(id.clone(), name.clone(), mount.clone()).await;
            if mounted.is_ok() && !caller.mounted() {
                volumes.mount_abandoned(id, name, mount);
            }
            mounted
        };
        let path = heard.waits_for(self.run(exchange, work)).await?;
        match path_text(&path) {
            Some(mountpoint) => Ok(Ending::Answer(Answer::Mounted { mountpoint })),
            None => Err(format!(
                "mount point `{}` cannot be told to the engine; hint: use a `mount_prefix` in UTF-8",
                path.display()
            )),
        }
    }

    async fn unmount(
        &self,
        body: Option<&[u8]>,
        exchange: &mut Exchange,
    ) -> Result<Ending, String> {
        let request: MountRequest = read(body)?;
        let name = named(request.name, exchange)?;
        let mount = mount_id(request.id)?;
        let (volumes, id) = (Arc::clone(&self.volumes), exchange.id.clone());
        self.run(
            exchange,
            async move { volumes.unmount(id, name, mount).await },
        )
        .await?;
        Ok(Ending::Answer(Answer::DONE))
    }

    async fn path(&self, body: Option<&[u8]>, exchange: &mut Exchange) -> Result<Ending, String> {
        let request: NameRequest = read(body)?;
        let name = named(request.name, exchange)?;
        let path = self
            .ask(exchange, move |volumes| volumes.path(&name))
            .await?;
        let mountpoint = path.as_deref().and_then(path_text).unwrap_or_default();
        Ok(Ending::Answer(Answer::Mounted { mountpoint }))
    }

    /// Runs a question that is answered at once.
    async fn ask<T: Send + 'static>(
        &self,
        exchange: &Exchange,
        question: impl FnOnce(&V) -> T + Send + 'static,
    ) -> Result<T, String> {
        let volumes = Arc::clone(&self.volumes);
        self.run(exchange, async move { Ok(question(&volumes)) })
            .await
    }

    /// Runs work that goes on without us, and puts into words what became of it by the deadline.
    async fn run<T: Send + 'static>(
        &self,
        exchange: &Exchange,
        work: impl Future<Output = Result<T, UserError>> + Send + 'static,
    ) -> Result<T, String> {
        let Exchange {
            id, verb, volume, ..
        } = exchange;
        let deadline = match verb {
            Verb::Create | Verb::Mount => self.deadlines.long,
            _ => self.deadlines.short,
        };
        match detached(deadline, work).await {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(Unfinished::StillRunning) => {
                let name = VolumeName::new(volume).ok();
                let waits_for = name
                    .and_then(|name| self.volumes.waits_for(&name))
                    .map(|what| format!(" waits for {what}, and"))
                    .unwrap_or_default();
                Err(format!(
                    "still running after {} s: {verb} of volume `{volume}`{waits_for} goes on as request {id}; hint: {}",
                    deadline.as_secs(),
                    verb.late_hint()
                ))
            }
            Err(Unfinished::Broken) => Err(format!(
                "internal error in {verb} of volume `{volume}`; hint: look for request {id} in the plugin's log"
            )),
        }
    }
}

/// The engine's end of a mount. It may hang up, or be told "still running", before the mount is done.
#[derive(Debug, Clone, Default)]
struct Caller(Arc<AtomicBool>);

impl Caller {
    /// Waits for the answer. The caller counts as gone from the moment this ends, or is dropped, without the work having
    /// been done.
    async fn waits_for<T>(self, answer: impl Future<Output = T>) -> T {
        let _gone_at_the_end = SetOnDrop(self.0);
        answer.await
    }

    /// The work is done: is the caller still there?
    fn mounted(&self) -> bool {
        !self.0.load(Ordering::SeqCst)
    }
}

struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Reads a JSON body, or says why it cannot be read.
fn read<T: DeserializeOwned>(body: Option<&[u8]>) -> Result<T, String> {
    match body {
        None => Err("the request broke off or is larger than 1 MiB".to_owned()),
        // What an engine sends when it repeats a request after a broken connection (array fact 22).
        Some([]) => Err("the request has no body; hint: give the command again".to_owned()),
        Some(bytes) => serde_json::from_slice(bytes)
            .map_err(|error| format!("the request is not what an engine sends: {error}")),
    }
}

fn named(name: Option<String>, exchange: &mut Exchange) -> Result<VolumeName, String> {
    let name = name.unwrap_or_default();
    exchange.about(&name);
    VolumeName::new(&name).map_err(|error| error.to_string())
}

fn mount_id(id: Option<String>) -> Result<MountId, String> {
    MountId::new(&id.unwrap_or_default()).map_err(|error| error.to_string())
}

fn absent(name: &str) -> Ending {
    let shown: String = name.chars().take(255).collect();
    Ending::Refused(format!("no such volume: `{shown}`"))
}

fn found(volume: Volume) -> Ending {
    // Read and written again, because one that the engine cannot read makes it forget the volume (array facts 21, 23).
    let created_at = volume.created_at.and_then(|text| match text.parse::<jiff::Timestamp>() {
        Ok(time) => Some(time.to_string()),
        Err(_) => {
            log::warn!(volume = volume.name.as_str(), created_at = text.as_str(); "left out a time that is not RFC 3339");
            None
        }
    });
    Ending::Answer(Answer::Found {
        volume: VolumeAnswer {
            name: volume.name.to_string(),
            mountpoint: volume.mountpoint.as_deref().and_then(path_text),
            created_at,
            status: Some(volume.status),
        },
    })
}
