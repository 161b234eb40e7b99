//! Unix sockets on which requests are answered: the engine's, and the one for people at the command line.

mod connections;

use std::{
    fs::{DirBuilder, File, Permissions, TryLockError},
    io,
    os::unix::{
        fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt, chown},
        net,
    },
    path::{Path, PathBuf},
};

use nix::unistd::Group;
use tokio::net::{UnixListener, UnixStream};

pub use connections::{CloseWithoutAnswer, serve};

/// Members of this group may use the engine, so they may use its plugin.
const ENGINE_GROUP: &str = "docker";

/// Longest path of a socket: 108 bytes in the kernel, one of them the final zero (array fact 38).
const MAX_PATH: usize = 107;

/// Who may connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// Whoever may use the engine: mode 0660 and group `docker` where that group exists, otherwise 0600.
    Engine,
    /// The plugin's own user alone: mode 0600.
    Owner,
}

/// Why the socket cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another plugin listens there, or is about to.
    #[error(
        "socket `{0}` is in use by another plugin process; hint: stop that one, or use another `socket`"
    )]
    InUse(PathBuf),
    /// Something else has that name.
    #[error("`{0}` exists and is not a socket; hint: remove it, or use another `socket`")]
    NotASocket(PathBuf),
    /// The path does not fit, or is no absolute path of a file.
    #[error("socket `{0}` must be an absolute path of at most {MAX_PATH} bytes")]
    BadPath(PathBuf),
    /// The system said no.
    #[error("cannot {what} `{path}`: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The listening socket, its file, and the lock that keeps a second plugin away from it.
#[derive(Debug)]
pub struct Socket {
    listener: Option<UnixListener>,
    path: PathBuf,
    /// The file's inode: a file with another one is not ours to remove.
    inode: u64,
    _lock: File,
}

impl Socket {
    /// Binds the socket, and makes its directory if there is none. The file appears with its rights and ready, in place of a stale
    /// one.
    ///
    /// Contacts nobody: a managed plugin that does not listen within seconds is killed (array fact 31).
    ///
    /// # Errors
    /// [`SocketError::InUse`] if someone holds the lock or answers at the path; the others as they say.
    pub async fn bind(path: &Path, whose: For) -> Result<Self, SocketError> {
        let directory = path
            .parent()
            .filter(|_| path.is_absolute() && path.as_os_str().len() <= MAX_PATH)
            .ok_or_else(|| SocketError::BadPath(path.to_owned()))?;
        let system = |what: &'static str, path: &Path| {
            let path = path.to_owned();
            move |source| SocketError::System { what, path, source }
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(directory)
            .map_err(system("make directory", directory))?;
        let lock = lock(path)?;
        refuse_if_taken(path).await?;
        // Made aside, in a directory that only we enter, and renamed when it has its rights: nobody connects too early, and
        // the engine never finds the path empty.
        let aside = tempfile::Builder::new()
            .prefix(".hpe")
            .tempdir_in(directory)
            .map_err(system("make a directory in", directory))?;
        let made = aside.path().join("s");
        let listener = bind_at(&made).map_err(system("bind", &made))?;
        match whose {
            For::Engine => give_to_engine_group(&made),
            For::Owner => std::fs::set_permissions(&made, Permissions::from_mode(0o600)),
        }
        .map_err(system("set the rights of", &made))?;
        let inode = made.metadata().map_err(system("look at", &made))?.ino();
        std::fs::rename(&made, path).map_err(system("put the socket at", path))?;
        Ok(Self {
            listener: Some(listener),
            path: path.to_owned(),
            inode,
            _lock: lock,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn accept(&self) -> io::Result<UnixStream> {
        match &self.listener {
            Some(listener) => Ok(listener.accept().await?.0),
            None => std::future::pending().await,
        }
    }

    /// Stops listening and removes the file. The lock stays until the value is dropped, so that no second plugin starts while
    /// requests of this one are running.
    fn close(&mut self) {
        self.listener = None;
        if self
            .path
            .symlink_metadata()
            .is_ok_and(|found| found.ino() == self.inode)
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            log::warn!(path:% = self.path.display(), error:% = error; "cannot remove the socket");
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.listener.is_some() {
            self.close();
        }
    }
}

/// A lock beside the socket, let go by the kernel when the process ends in whatever way. The file stays: a lock on a file
/// that may be removed protects nothing.
fn lock(socket: &Path) -> Result<File, SocketError> {
    let mut path = socket.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let system = |what, source| SocketError::System {
        what,
        path: path.clone(),
        source,
    };
    let file = File::create(&path).map_err(|source| system("make", source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SocketError::InUse(socket.to_owned())),
        Err(TryLockError::Error(source)) => Err(system("lock", source)),
    }
}

/// A socket that refuses connections was left by a process that is gone. Anything else is left alone.
async fn refuse_if_taken(path: &Path) -> Result<(), SocketError> {
    let system = |source| SocketError::System {
        what: "look at",
        path: path.to_owned(),
        source,
    };
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(system(error)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(SocketError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        // Busy (`WouldBlock`: its queue is full) is in use, too.
        Ok(_) | Err(_) => Err(SocketError::InUse(path.to_owned())),
    }
}

fn bind_at(path: &Path) -> io::Result<UnixListener> {
    let listener = net::UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

fn give_to_engine_group(path: &Path) -> io::Result<()> {
    let group = Group::from_name(ENGINE_GROUP).ok().flatten();
    // Only root may give a file away; a plugin that is not root (the demo) keeps it for itself.
    let given = group.is_some_and(|group| chown(path, None, Some(group.gid.as_raw())).is_ok());
    std::fs::set_permissions(
        path,
        Permissions::from_mode(if given { 0o660 } else { 0o600 }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn it_makes_the_directory_and_keeps_others_out() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("run/plugins/hpe.sock");
        let socket = Socket::bind(&path, For::Engine).await.unwrap();
        assert!(
            matches!(rights(&path), 0o600 | 0o660),
            "{:o}",
            rights(&path)
        );
        assert!(UnixStream::connect(&path).await.is_ok());
        let left: Vec<_> = path
            .parent()
            .unwrap()
            .read_dir()
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(left.len(), 2, "the socket and its lock: {left:?}");
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn one_that_is_the_owners_is_nobody_elses() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("operator.sock");
        let _socket = Socket::bind(&path, For::Owner).await.unwrap();
        assert_eq!(rights(&path), 0o600);
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("hpe.sock");
        // A listener of the standard library leaves its file behind, as a killed process does.
        drop(net::UnixListener::bind(&path).unwrap());
        let first = Socket::bind(&path, For::Engine).await.unwrap();
        assert!(matches!(
            Socket::bind(&path, For::Engine).await,
            Err(SocketError::InUse(_))
        ));
        assert!(UnixStream::connect(&path).await.is_ok());
        drop(first);

        // Somebody who does not know our lock.
        let foreign = net::UnixListener::bind(&path).unwrap();
        assert!(matches!(
            Socket::bind(&path, For::Engine).await,
            Err(SocketError::InUse(_))
        ));
        drop(foreign);
        bound_again(&path).await;
    }

    #[tokio::test]
    async fn a_second_plugin_waits_for_the_first_to_end_its_requests() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("hpe.sock");
        let mut first = Socket::bind(&path, For::Engine).await.unwrap();
        first.close();
        assert!(!path.exists());
        assert!(matches!(
            Socket::bind(&path, For::Engine).await,
            Err(SocketError::InUse(_))
        ));
        drop(first);
        bound_again(&path).await;
    }

    /// A program that another test is starting has this process's files for a moment, and with them the lock.
    async fn bound_again(path: &Path) -> Socket {
        let soon = std::time::Instant::now() + std::time::Duration::from_secs(20);
        loop {
            match Socket::bind(path, For::Engine).await {
                Ok(socket) => return socket,
                Err(SocketError::InUse(_)) if std::time::Instant::now() < soon => {
                    tokio::task::yield_now().await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[tokio::test]
    async fn what_is_not_a_socket_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("hpe.sock");
        std::fs::write(&path, "data").unwrap();
        assert!(matches!(
            Socket::bind(&path, For::Engine).await,
            Err(SocketError::NotASocket(_))
        ));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "data");
    }

    #[tokio::test]
    async fn a_file_that_took_the_place_of_the_socket_is_not_removed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("hpe.sock");
        let socket = Socket::bind(&path, For::Engine).await.unwrap();
        // Another file first, so that it cannot get the inode of the one that is removed.
        std::fs::write(root.path().join("other"), "data").unwrap();
        std::fs::rename(root.path().join("other"), &path).unwrap();
        drop(socket);
        assert!(path.exists());
    }

    #[tokio::test]
    async fn paths_that_cannot_be_a_socket_are_refused() {
        let long = format!("/{}", "x".repeat(MAX_PATH));
        for path in ["hpe.sock", "", "/", long.as_str()] {
            let error = Socket::bind(Path::new(path), For::Engine)
                .await
                .unwrap_err();
            assert!(matches!(error, SocketError::BadPath(_)), "{path}: {error}");
        }
    }
}
