//! Simulated arrays without SSH, behind the sessions of a real pool: for tests that bring their own clock.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use hpe3par_sim::{Control, commands::Environment, engine::Seat, words};
use tokio::time::{Instant, timeout_at};

use crate::{
    inform::{
        Templates,
        array::Array,
        wire::{Answer, Hurry, Lost, Sending, Wire},
    },
    ssh::{Dial, Line, Peer, Place, Queue, SshError},
};

/// So many sessions at an array, as by default.
const SESSIONS: usize = 4;
/// What one command may take.
const DEADLINE: Duration = Duration::from_secs(120);

/// A command, when it was given to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub at: Instant,
    pub array: String,
    pub line: String,
}

/// Every command that was given to any array, in order.
pub type Book = Arc<Mutex<Vec<Sent>>>;

/// What becomes of a command between its host and the array, and of the answer on its way back.
#[derive(Debug, Clone, Copy, Default)]
pub struct Passage {
    /// The command is on its way for so long. Nobody can stop it any more.
    pub before: Duration,
    /// The answer is.
    pub after: Duration,
    /// The host dies over it: nobody hears an answer.
    pub dies: Option<Dies>,
    /// The array carries it out where it would ask first.
    pub unasked: bool,
}

/// When a host dies over a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dies {
    /// Before it is sent.
    Before,
    /// After it was carried out.
    After,
}

/// Says it of every command.
pub type Passages = Arc<dyn Fn(&str) -> Passage + Send + Sync>;

thread_local! {
    /// Read once: a test may have thousands of hosts.
    static TEMPLATES: Arc<Templates> = Arc::new(Templates::load(None).unwrap());
}

struct Dialer {
    control: Control,
    array: String,
    at: Arc<Peer>,
}

struct Session {
    seat: Arc<Seat>,
    environment: Environment,
}

impl Dial for Dialer {
    type Line = Session;

    async fn dial(&self) -> Result<Session, SshError> {
        let seat = self.control.sit_down(&self.array, "dockervol");
        let seat = seat.map_err(|error| SshError::Unreachable {
            at: Arc::clone(&self.at),
            reason: error.to_string(),
            slow: false,
        })?;
        Ok(Session {
            seat,
            environment: Environment::default(),
        })
    }
}

impl Line for Session {
    fn is_alive(&self) -> bool {
        true
    }

    async fn retire(self) {}
}

struct Sessions {
    array: String,
    queue: Arc<Queue<Dialer>>,
    book: Book,
    passages: Passages,
}

impl Wire for Sessions {
    fn send<'a>(&'a self, command: &'a str, deadline: Duration, hurry: Hurry) -> Sending<'a> {
        Box::pin(async move {
            let until = Instant::now() + deadline;
            let (place, by) = match hurry {
                Hurry::No => (Place::Last, until),
                Hurry::Yes(by) => (Place::Urgent, by.unwrap_or(until)),
            };
            let lost = |session: Option<String>, cause| Lost {
                may_have_run: session.is_some(),
                partial: String::new(),
                session,
                cause,
            };
            let lease = self.queue.checkout(place, by, deadline).await;
            let mut lease = lease.map_err(|error| lost(None, Arc::new(error)))?;
            let begun = Instant::now();
            let passage = (self.passages)(command);
            if passage.dies == Some(Dies::Before) {
                std::future::pending::<()>().await;
            }
            self.book.lock().unwrap().push(Sent {
                at: begun,
                array: self.array.clone(),
                line: command.to_owned(),
            });
            let session = lease.begin().unwrap();
            let id = session.seat.id.to_string();
            let words = words::split(command).unwrap().remove(0);
            let seat = Arc::clone(&session.seat);
            let mut environment = std::mem::take(&mut session.environment);
            // An array goes on with a command when nobody waits for its answer any more, and lists the session until then.
            let carried_out = tokio::spawn(async move {
                if !passage.before.is_zero() {
                    tokio::time::sleep(passage.before).await;
                }
                let delivery = seat
                    .carry_out(&words, &mut environment, passage.unasked)
                    .await;
                (delivery, environment)
            });
            let carried_out = async {
                let done = carried_out.await;
                if passage.dies == Some(Dies::After) {
                    std::future::pending::<()>().await;
                }
                if !passage.after.is_zero() {
                    tokio::time::sleep(passage.after).await;
                }
                done
            };
            let why = match timeout_at(until, carried_out).await {
                Ok(Ok((delivery, environment))) if !delivery.cut => {
                    session.environment = environment;
                    Ok(delivery)
                }
                Ok(Ok(_)) => Err("cut"),
                Ok(Err(_)) => Err("died"),
                Err(_) => Err("no answer"),
            };
            // Dropped before it is finished, the lease closes the session.
            let delivery =
                why.map_err(|why| lost(Some(id.clone()), Arc::new(std::io::Error::other(why))))?;
            lease.finish();
            Ok(Answer {
                text: delivery.answer.stdout + &delivery.answer.stderr,
                exit_status: Some(i32::try_from(delivery.answer.status).unwrap()),
                elapsed: begun.elapsed(),
                session: Some(id),
            })
        })
    }
}

/// One of the simulator's arrays.
pub fn array(control: &Control, name: &str, book: &Book) -> Array {
    array_over(control, name, book, Arc::new(|_| Passage::default()))
}

/// As [`array`], with a way between it and the host.
pub fn array_over(control: &Control, name: &str, book: &Book, passages: Passages) -> Array {
    let at = Arc::new(Peer {
        label: name.into(),
        host: "127.0.0.1".into(),
        port: 22,
    });
    let dialer = Dialer {
        control: control.clone(),
        array: name.to_owned(),
        at: Arc::clone(&at),
    };
    let sessions = Sessions {
        array: name.to_owned(),
        queue: Queue::new(dialer, at, SESSIONS),
        book: Arc::clone(book),
        passages,
    };
    let templates = TEMPLATES.with(Arc::clone);
    let record = Arc::new(|_: &crate::transcript::Entry<'_>| {});
    Array::over(
        name.to_owned(),
        Arc::new(sessions),
        record,
        templates,
        DEADLINE,
    )
}
