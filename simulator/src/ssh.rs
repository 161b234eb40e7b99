//! The arrays' SSH server: logging in, exec channels, and interactive sessions with and without a pty.

mod channel;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::keys::{Algorithm, PrivateKey, PublicKey};
use russh::server::{
    Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Response, Session,
    VerifiedPublicKey,
};
use russh::{Channel, ChannelId, MethodKind, MethodSet, Preferred, Pty, cipher, kex, mac};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, mpsc, watch};

use crate::description::{ArrayDescription, AuthMethod};
use crate::engine::{Engine, NoSeat, Seat};
use channel::{Input, Terminals};

/// Time for the last bytes of a connection that ended on this side.
const LINGER: Duration = Duration::from_secs(1);
/// Longest a program may take to start.
const STARTING: Duration = Duration::from_secs(30);
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// One array's server.
pub(crate) struct Server {
    pub(crate) engine: Arc<Engine>,
    pub(crate) description: ArrayDescription,
    /// Host keys for the next connection.
    pub(crate) keys: Mutex<Vec<PrivateKey>>,
    /// Should it listen?
    pub(crate) up: watch::Receiver<bool>,
    /// Does it listen?
    pub(crate) listening: watch::Sender<bool>,
}

impl Server {
    /// Listens on `address` while the array is up; while it is down connections are refused and open ones are cut.
    /// Ends when the simulator is dropped.
    pub(crate) async fn serve(self: Arc<Self>, first: TcpListener, address: SocketAddr) {
        let mut up = self.up.clone();
        let mut open = first;
        loop {
            if !*up.borrow_and_update() {
                drop(open);
                let kept = keep(address).await;
                self.listening.send_replace(false);
                while !*up.borrow_and_update() {
                    if up.changed().await.is_err() {
                        return;
                    }
                }
                match kept.and_then(|kept| kept.listen(BACKLOG)) {
                    Ok(again) => open = again,
                    Err(error) => {
                        log::error!(array = self.description.name.as_str(), error:%; "cannot listen again");
                        return;
                    }
                }
            }
            self.listening.send_replace(true);
            tokio::select! {
                changed = up.changed() => if changed.is_err() { return },
                accepted = open.accept() => if let Ok((stream, peer)) = accepted {
                    tokio::spawn(Arc::clone(&self).connection(stream, peer));
                },
            }
        }
    }

    /// One connection. The server's end is a pipe: when the pipe's other end is dropped the client sees the connection
    /// break in the middle of whatever was going on.
    async fn connection(self: Arc<Self>, mut stream: TcpStream, peer: SocketAddr) {
        let _ = stream.set_nodelay(true);
        let cut = Arc::new(Notify::new());
        let mut up = self.up.clone();
        let (near, far) = tokio::io::duplex(1 << 16);
        let sent = watch::Sender::new(0);
        let handler = Login {
            server: Arc::clone(&self),
            peer,
            user: String::new(),
            seat: None,
            cut: Arc::clone(&cut),
            sent: sent.subscribe(),
            channels: HashMap::new(),
        };
        let config = Arc::new(self.config());
        let session = async {
            if let Ok(session) = russh::server::run_stream(config, far, handler).await {
                let _ = session.await;
            }
            tokio::time::sleep(LINGER).await;
        };
        let powered_off = async { while *up.borrow_and_update() && up.changed().await.is_ok() {} };
        let (mut from_client, to_client) = stream.split();
        let (from_server, mut to_server) = tokio::io::split(near);
        let towards_server = async {
            let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
            let _ = to_server.shutdown().await;
        };
        tokio::select! {
            _ = async { tokio::join!(pass_on(from_server, to_client, &sent), towards_server) } => {}
            () = cut.notified() => {}
            () = powered_off => {}
            () = session => {}
        }
    }

    fn config(&self) -> Config {
        let mut methods = MethodSet::empty();
        for method in &self.description.auth {
            methods.push(match method {
                AuthMethod::Password => MethodKind::Password,
                AuthMethod::PublicKey => MethodKind::PublicKey,
                AuthMethod::KeyboardInteractive => MethodKind::KeyboardInteractive,
            });
        }
        let preferred = if self.description.legacy_algorithms {
            Preferred {
                kex: vec![kex::DH_G14_SHA1].into(),
                key: vec![Algorithm::Rsa { hash: None }].into(),
                cipher: vec![cipher::AES_128_CTR].into(),
                mac: vec![mac::HMAC_SHA1].into(),
                ..Preferred::DEFAULT
            }
        } else {
            Preferred::DEFAULT
        };
        Config {
            methods,
            preferred,
            keys: self
                .keys
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            auth_rejection_time: Duration::from_millis(self.description.auth_rejection_ms),
            auth_rejection_time_initial: Some(Duration::ZERO),
            inactivity_timeout: None,
            ..Config::default()
        }
    }
}

/// Passes bytes on to the client and counts them.
async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    sent: &watch::Sender<u64>,
) {
    let mut bytes = vec![0; 1 << 14];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
        sent.send_modify(|sent| *sent += count as u64);
    }
    let _ = to.shutdown().await;
}

/// One connection's login and channels.
struct Login {
    server: Arc<Server>,
    peer: SocketAddr,
    user: String,
    seat: Option<Arc<Seat>>,
    cut: Arc<Notify>,
    sent: watch::Receiver<u64>,
    channels: HashMap<ChannelId, Open>,
}

/// A channel before and after its command or shell began.
#[derive(Default)]
struct Open {
    /// Columns of the pty, if one was asked for.
    width: Option<usize>,
    input: Option<mpsc::UnboundedSender<Input>>,
}

impl Login {
    fn offers(&self, method: AuthMethod) -> bool {
        self.server.description.auth.contains(&method)
    }

    fn password_fits(&self, user: &str, password: &str) -> bool {
        let mut inner = self.server.engine.lock();
        let name = &self.server.description.name;
        let users = inner.world.arrays.get(name).map(|array| &array.users);
        let fits = users.is_some_and(|users| {
            users
                .iter()
                .any(|known| known.name == user && known.password.as_deref() == Some(password))
        });
        if let (false, Some(station)) = (fits, inner.stations.get_mut(name)) {
            station.wrong_passwords += 1;
        }
        fits
    }

    fn key_fits(&self, user: &str, key: &PublicKey) -> bool {
        let inner = self.server.engine.lock();
        let users = inner
            .world
            .arrays
            .get(&self.server.description.name)
            .map(|array| &array.users);
        let known = users.and_then(|users| users.iter().find(|known| known.name == user));
        known.is_some_and(|user| {
            let mut keys = user
                .public_keys
                .iter()
                .filter_map(|line| PublicKey::from_openssh(line).ok());
            keys.any(|known| known.key_data() == key.key_data())
        })
    }

    fn judge(&mut self, user: &str, fits: bool) -> Auth {
        if fits {
            user.clone_into(&mut self.user);
            Auth::Accept
        } else {
            Auth::reject()
        }
    }

    /// Begins the command or shell of a channel, on the seat of this connection. One array may refuse another seat.
    fn begin(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
        command: Option<String>,
    ) -> Result<(), russh::Error> {
        let sent_before = *self.sent.borrow();
        session.channel_success(channel)?;
        let name = &self.server.description.name;
        if self.seat.is_none() {
            let address = self.peer.ip().to_string();
            self.seat = match self.server.engine.sit_down(name, &self.user, &address) {
                Ok(seat) => Some(seat),
                Err(NoSeat::TooMany) => None,
                // It went off after the login: the connection ends.
                Err(NoSeat::Off(_) | NoSeat::NoArray(_)) => return Err(russh::Error::Disconnect),
            };
        }
        let (input, received) = mpsc::unbounded_channel();
        let open = self.channels.entry(channel).or_default();
        open.input = Some(input);
        let terminals = Terminals {
            handle: session.handle(),
            channel,
            input: received,
            cut: Arc::clone(&self.cut),
            sent: self.sent.clone(),
            sent_before,
            engine: Arc::clone(&self.server.engine),
            width: open.width,
            ended: false,
        };
        match self.seat.clone() {
            None => tokio::spawn(terminals.too_many()),
            Some(seat) => match command {
                Some(command) => tokio::spawn(terminals.exec(seat, command)),
                None => tokio::spawn(terminals.shell(seat)),
            },
        };
        Ok(())
    }

    fn give(&mut self, channel: ChannelId, input: Input) {
        if let Some(sender) = self
            .channels
            .get(&channel)
            .and_then(|open| open.input.as_ref())
        {
            // The channel's task may have ended already.
            let _ = sender.send(input);
        }
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        if let Some(seat) = &self.seat {
            seat.close();
        }
    }
}

impl Handler for Login {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        let fits = self.offers(AuthMethod::Password) && self.password_fits(user, password);
        Ok(self.judge(user, fits))
    }

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        let fits = self.offers(AuthMethod::PublicKey) && self.key_fits(user, offer.public_key);
        Ok(if fits { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        let fits = self.offers(AuthMethod::PublicKey) && self.key_fits(user, key.public_key);
        Ok(self.judge(user, fits))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        if !self.offers(AuthMethod::KeyboardInteractive) {
            return Ok(Auth::reject());
        }
        let Some(mut response) = response else {
            let prompts = vec![("Password: ".into(), false)];
            return Ok(Auth::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: prompts.into(),
            });
        };
        let password = response
            .next()
            .map(|answer| String::from_utf8_lossy(&answer).into_owned());
        let fits = password.is_some_and(|password| self.password_fits(user, &password));
        Ok(self.judge(user, fits))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.insert(channel.id(), Open::default());
        reply.accept().await;
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.entry(channel).or_default().width = Some(columns as usize);
        session.channel_success(channel)
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.begin(channel, session, None)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.begin(
            channel,
            session,
            Some(String::from_utf8_lossy(command).into_owned()),
        )
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.give(channel, Input::Bytes(data.to_vec()));
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.give(channel, Input::End);
        Ok(())
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.remove(&channel);
        Ok(())
    }
}

/// Holds the address of an array that is down: connections are refused, and nobody else on this machine is given it meanwhile. A
/// program that this process is just starting has the old listener for a moment longer, until it has become itself.
async fn keep(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let give_up = tokio::time::Instant::now() + STARTING;
    loop {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.set_reuseaddr(true)?;
        match socket.bind(address) {
            Ok(()) => return Ok(socket),
            Err(error) if tokio::time::Instant::now() >= give_up => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
        }
    }
}
