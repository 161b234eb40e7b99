//! A way to an array that can go silent: packets vanish, nothing is refused. So a site ends that lost its power or its lines.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Forwards connections. Ends with the value.
pub struct Relay {
    pub port: u16,
    silent: watch::Sender<bool>,
    listener: tokio::task::JoinHandle<()>,
}

impl Relay {
    /// A relay to this address.
    pub fn to(address: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let (silent, state) = watch::channel(false);
        let listener = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(forward(stream, address, state.clone()));
            }
        });
        Self {
            port,
            silent,
            listener,
        }
    }

    /// From now on nothing comes through, and nobody is told.
    pub fn go_silent(&self) {
        self.silent.send_replace(true);
    }

    /// New connections come through again; those that were open are cut.
    pub fn speak_again(&self) {
        self.silent.send_replace(false);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn forward(mut stream: TcpStream, to: SocketAddr, mut silent: watch::Receiver<bool>) {
    if !*silent.borrow_and_update()
        && let Ok(mut array) = TcpStream::connect(to).await
    {
        tokio::select! {
            _ = copy_bidirectional(&mut stream, &mut array) => return,
            _ = silent.wait_for(|silent| *silent) => {}
        }
    }
    let _ = silent.wait_for(|silent| !silent).await;
}
