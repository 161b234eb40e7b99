//! A small SSH server with a menu of faults. It is no array, and knows no InForm.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::keys::{Algorithm, HashAlg, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Response, Session};
use russh::{Channel, ChannelId, MethodKind, MethodSet, Preferred, Pty, cipher, kex, mac};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::answers::{Answer, Typed};

pub const PASSWORD: &str = "correct horse";
pub const PROMPT: &str = "far-1 cli% ";

/// How the server asks for the password.
#[derive(Clone, Copy, PartialEq)]
pub enum Ask {
    Password,
    KeyboardInteractive,
    /// After the right password it asks for a new one.
    Expired,
    /// Password and token in one round.
    Token,
}

/// What it does with exec.
#[derive(Clone, Copy, PartialEq)]
pub enum Exec {
    Serve,
    Refuse,
    /// Accepts every command and answers nothing.
    Empty,
}

/// What it does when there are more connections than it wants.
#[derive(Clone, Copy, PartialEq)]
pub enum Limit {
    /// Closes the TCP connection without a word.
    Drop(usize),
    /// Lets them log in and refuses every command.
    Text(usize),
    /// Takes any number of connections, but only so many commands at once.
    Running(usize),
}

#[derive(Clone)]
pub struct Behaviour {
    pub ask: Ask,
    pub exec: Exec,
    pub limit: Option<Limit>,
    /// Only SHA-1 algorithms.
    pub legacy: bool,
    /// How often the shell echoes a command: 0, 1, 2.
    pub echoes: usize,
    /// The shell writes one byte a packet.
    pub trickle: bool,
    /// It says neither yes nor no to any password but the first.
    pub leaves_passwords_open: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            ask: Ask::Password,
            exec: Exec::Serve,
            limit: None,
            legacy: false,
            echoes: 1,
            trickle: false,
            leaves_passwords_open: false,
        }
    }
}

/// What the server has seen.
#[derive(Default)]
pub struct Seen {
    pub connections: AtomicUsize,
    pub open: AtomicUsize,
    pub most_open: AtomicUsize,
    /// Passwords it was given, by whichever method.
    pub passwords: AtomicUsize,
    pub logins: AtomicUsize,
    pub running: AtomicUsize,
    pub most_running: AtomicUsize,
    pub commands: Mutex<Vec<String>>,
    /// Lets one `afterthought` come out.
    pub poke: Notify,
    pub afterthoughts: AtomicUsize,
    /// Connections that ended with the client's goodbye.
    pub goodbyes: AtomicUsize,
}

impl Seen {
    pub fn count(counter: &AtomicUsize) -> usize {
        counter.load(Ordering::SeqCst)
    }
    pub fn times(&self, command: &str) -> usize {
        self.commands
            .lock()
            .unwrap()
            .iter()
            .filter(|seen| *seen == command)
            .count()
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
    pub key: PrivateKey,
    release: watch::Sender<bool>,
    accepting: JoinHandle<()>,
    connections: Arc<Mutex<Vec<std::net::TcpStream>>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut_all();
    }
}

impl Server {
    pub async fn start(behaviour: Behaviour) -> Self {
        let key = if behaviour.legacy {
            rsa_key()
        } else {
            PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).unwrap()
        };
        Self::start_at("127.0.0.1:0".parse().unwrap(), behaviour, vec![key]).await
    }

    /// At a given address and with given keys, the first of which is `key`.
    pub async fn start_at(
        address: SocketAddr,
        behaviour: Behaviour,
        keys: Vec<PrivateKey>,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let key = keys[0].clone();
        let seen = Arc::new(Seen::default());
        let (release, held) = watch::channel(false);
        let connections = Arc::new(Mutex::new(Vec::new()));
        let accepting = tokio::spawn(accept(
            listener,
            behaviour,
            Arc::clone(&seen),
            keys,
            held,
            Arc::clone(&connections),
        ));
        Self {
            address,
            seen,
            key,
            release,
            accepting,
            connections,
        }
    }

    /// Stops listening, and waits until the port is free.
    pub async fn stop(mut self) {
        self.accepting.abort();
        let _ = (&mut self.accepting).await;
    }

    /// Ends every connection from this side, as a node that fails over does.
    pub fn cut_all(&self) {
        for connection in self.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Lets every `hold` command finish.
    pub fn release(&self) {
        self.release.send_replace(true);
    }
}

pub fn rsa_key() -> PrivateKey {
    russh::keys::decode_secret_key(include_str!("rsa_host_key"), None).unwrap()
}

async fn accept(
    listener: TcpListener,
    behaviour: Behaviour,
    seen: Arc<Seen>,
    keys: Vec<PrivateKey>,
    held: watch::Receiver<bool>,
    connections: Arc<Mutex<Vec<std::net::TcpStream>>>,
) {
    while let Ok((socket, _)) = listener.accept().await {
        let number = seen.connections.fetch_add(1, Ordering::SeqCst) + 1;
        let behaviour = behaviour.clone();
        let over = |limit: usize| Seen::count(&seen.open) >= limit;
        let refuse_commands = match behaviour.limit {
            Some(Limit::Drop(limit)) if over(limit) => continue,
            Some(Limit::Text(limit)) => over(limit),
            _ => false,
        };
        let open = Guard::new(&seen, |seen| &seen.open, |seen| &seen.most_open);
        let config = Arc::new(config(&behaviour, keys.clone()));
        let far = Far {
            number,
            behaviour,
            refuse_commands,
            seen: Arc::clone(&seen),
            held: held.clone(),
            lines: HashMap::new(),
            asking: Vec::new(),
        };
        let seen = Arc::clone(&seen);
        let socket = socket.into_std().unwrap();
        connections
            .lock()
            .unwrap()
            .push(socket.try_clone().unwrap());
        let socket = TcpStream::from_std(socket).unwrap();
        tokio::spawn(async move {
            let _open = open;
            if let Ok(session) = russh::server::run_stream(config, socket, far).await
                && session.await.is_ok()
            {
                seen.goodbyes.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
}

fn config(behaviour: &Behaviour, keys: Vec<PrivateKey>) -> Config {
    let method = if behaviour.ask == Ask::Password {
        MethodKind::Password
    } else {
        MethodKind::KeyboardInteractive
    };
    let mut config = Config {
        methods: MethodSet::from(&[method][..]),
        auth_rejection_time: Duration::from_millis(20),
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys,
        nodelay: true,
        ..Config::default()
    };
    if behaviour.legacy {
        config.preferred = Preferred {
            kex: Cow::Borrowed(&[kex::DH_G14_SHA1]),
            key: Cow::Owned(vec![Algorithm::Rsa { hash: None }]),
            mac: Cow::Borrowed(&[mac::HMAC_SHA1]),
            cipher: Cow::Borrowed(&[cipher::AES_128_CTR]),
            ..Preferred::default()
        };
    } else {
        // What the host key shows when a server has an RSA key too.
        config.preferred.key = Cow::Owned(vec![
            Algorithm::Ed25519,
            Algorithm::Rsa {
                hash: Some(HashAlg::Sha512),
            },
        ]);
    }
    config
}

/// Counts something that is going on, and the most of it at once.
struct Guard(Arc<Seen>, fn(&Seen) -> &AtomicUsize);

impl Guard {
    fn new(
        seen: &Arc<Seen>,
        counter: fn(&Seen) -> &AtomicUsize,
        most: fn(&Seen) -> &AtomicUsize,
    ) -> Self {
        let now = counter(seen).fetch_add(1, Ordering::SeqCst) + 1;
        most(seen).fetch_max(now, Ordering::SeqCst);
        Self(Arc::clone(seen), counter)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        (self.1)(&self.0).fetch_sub(1, Ordering::SeqCst);
    }
}

/// One connection.
struct Far {
    number: usize,
    behaviour: Behaviour,
    refuse_commands: bool,
    seen: Arc<Seen>,
    held: watch::Receiver<bool>,
    /// Shells, and what has been typed of the next line.
    lines: HashMap<ChannelId, Vec<u8>>,
    /// Channels of `ask`, which end when stdin does.
    asking: Vec<ChannelId>,
}

impl Far {
    fn check(&self, password: &str) -> bool {
        self.seen.passwords.fetch_add(1, Ordering::SeqCst);
        let right = password == PASSWORD;
        self.seen
            .logins
            .fetch_add(usize::from(right), Ordering::SeqCst);
        right
    }

    fn leaves_open(&self) -> bool {
        self.behaviour.leaves_passwords_open && Seen::count(&self.seen.passwords) > 0 && {
            self.seen.passwords.fetch_add(1, Ordering::SeqCst);
            true
        }
    }
}

impl Handler for Far {
    type Error = russh::Error;

    async fn auth_password(&mut self, _user: &str, password: &str) -> Result<Auth, Self::Error> {
        if self.leaves_open() {
            return Err(russh::Error::Disconnect);
        }
        Ok(if self.check(password) {
            Auth::Accept
        } else {
            Auth::reject()
        })
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        let ask = |prompts: Vec<(Cow<'static, str>, bool)>| Auth::Partial {
            name: "".into(),
            instructions: "".into(),
            prompts: prompts.into(),
        };
        let Some(mut response) = response else {
            let mut prompts = vec![("Password: ".into(), false)];
            if self.behaviour.ask == Ask::Token {
                prompts.push(("Token: ".into(), false));
            }
            return Ok(ask(prompts));
        };
        if self.leaves_open() {
            return Err(russh::Error::Disconnect);
        }
        let given = response
            .next()
            .map(|answer| String::from_utf8_lossy(&answer).into_owned())
            .unwrap_or_default();
        Ok(match self.behaviour.ask {
            Ask::Expired if given == PASSWORD => {
                self.seen.passwords.fetch_add(1, Ordering::SeqCst);
                ask(vec![("New password: ".into(), false)])
            }
            // An empty answer is none.
            _ if given.is_empty() => Auth::reject(),
            _ if self.check(&given) => Auth::Accept,
            _ => Auth::reject(),
        })
    }

    async fn channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.behaviour.exec == Exec::Refuse {
            session.channel_failure(channel)?;
            return Ok(());
        }
        session.channel_success(channel)?;
        let command = String::from_utf8_lossy(data).into_owned();
        self.seen.commands.lock().unwrap().push(command.clone());
        if command == "ask" {
            self.asking.push(channel);
            return Ok(());
        }
        let answer = Answer {
            command,
            number: self.number,
            held: self.held.clone(),
            seen: Arc::clone(&self.seen),
            handle: session.handle(),
            channel,
        };
        let running = Guard::new(&self.seen, |seen| &seen.running, |seen| &seen.most_running);
        let busy = matches!(self.behaviour.limit, Some(Limit::Running(limit)) if Seen::count(&self.seen.running) > limit);
        let (empty, refuse) = (
            self.behaviour.exec == Exec::Empty,
            self.refuse_commands || busy,
        );
        tokio::spawn(async move {
            let _running = running;
            if refuse {
                answer.out("Too many local CLI connections.\n").await;
                answer.end(Some(1)).await;
            } else if empty {
                answer.end(Some(0)).await;
            } else {
                answer.by_exec().await;
            }
        });
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.asking.contains(&channel) {
            session.data(channel, &b"sure? aborted\n"[..])?;
            session.exit_status_request(channel, 1)?;
            session.eof(channel)?;
            session.close(channel)?;
        }
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        columns: u32,
        rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        assert_eq!((columns, rows), (1000, 1000));
        session.channel_success(channel)
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)?;
        self.lines.insert(channel, Vec::new());
        let answer = self.typed(String::new(), channel, session);
        tokio::spawn(async move {
            answer
                .write(&format!("Welcome, cli% users\r\n{PROMPT}"))
                .await
        });
        Ok(())
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(line) = self.lines.get_mut(&channel) else {
            return Ok(());
        };
        line.extend_from_slice(data);
        let Some(end) = line.iter().position(|byte| *byte == b'\n') else {
            return Ok(());
        };
        let command = String::from_utf8_lossy(&line[..end]).into_owned();
        line.clear();
        self.seen.commands.lock().unwrap().push(command.clone());
        let answer = self.typed(command, channel, session);
        tokio::spawn(answer.in_shell());
        Ok(())
    }
}

impl Far {
    fn typed(&self, command: String, channel: ChannelId, session: &Session) -> Typed {
        let answer = Answer {
            command,
            number: self.number,
            held: self.held.clone(),
            seen: Arc::clone(&self.seen),
            handle: session.handle(),
            channel,
        };
        Typed {
            answer,
            echoes: self.behaviour.echoes,
            trickle: self.behaviour.trickle,
        }
    }
}
