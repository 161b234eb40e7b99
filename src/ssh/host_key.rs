//! Host keys: the known hosts file, fingerprints, trust on first use.
//!
//! libssh2 reads the file's lines; only the two markers it does not know, `@revoked` and `@cert-authority`, are taken off here.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};
use ssh2::{CheckResult, KnownHostFileKind, KnownHosts, Session};

/// What the known hosts file says about a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Trusted.
    Known,
    /// Nothing is known of this host.
    Unknown,
    /// Another key is trusted for it, or this one is revoked; says which.
    Refused(String),
}

/// The known hosts file as it was read.
pub(super) struct Known {
    trusted: KnownHosts,
    revoked: KnownHosts,
}

impl Known {
    /// Reads the file; one that does not exist is empty. The error says what is wrong and where.
    pub(super) fn read(session: &Session, file: &Path) -> Result<Self, String> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error.to_string()),
        };
        let new_set = || {
            session
                .known_hosts()
                .map_err(|error| error.message().to_owned())
        };
        let mut known = Self {
            trusted: new_set()?,
            revoked: new_set()?,
        };
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            let (set, line) = match line.strip_prefix("@revoked") {
                Some(rest) => (&mut known.revoked, rest),
                None if line.starts_with("@cert-authority") => continue,
                None => (&mut known.trusted, line),
            };
            set.read_str(line, KnownHostFileKind::OpenSSH)
                .map_err(|error| format!("line {}: {}", index + 1, error.message()))?;
        }
        Ok(known)
    }

    /// The types of the keys trusted for this host, each once.
    pub(super) fn types(&self, host: &str, port: u16) -> Vec<String> {
        let mut types: Vec<String> = self
            .keys(host, port)
            .iter()
            .map(|key| key_type(key))
            .collect();
        types.dedup();
        types
    }

    /// What is known of `host` showing `key` (its raw blob).
    pub(super) fn verdict(&self, host: &str, port: u16, key: &[u8]) -> Verdict {
        if matches!(self.revoked.check_port(host, port, key), CheckResult::Match) {
            return Verdict::Refused("it as revoked".to_owned());
        }
        match self.trusted.check_port(host, port, key) {
            CheckResult::Match => Verdict::Known,
            CheckResult::NotFound => Verdict::Unknown,
            CheckResult::Mismatch | CheckResult::Failure => {
                let stored: Vec<String> = self
                    .keys(host, port)
                    .iter()
                    .map(|key| format!("{} {}", key_type(key), fingerprint(key)))
                    .collect();
                Verdict::Refused(stored.join(" and "))
            }
        }
    }

    /// The trusted keys of this host. libssh2 gives no name for hashed lines, so it is asked key by key.
    fn keys(&self, host: &str, port: u16) -> Vec<Vec<u8>> {
        let hosts = self.trusted.hosts().unwrap_or_default();
        let keys = hosts
            .iter()
            .filter_map(|entry| STANDARD.decode(entry.key()).ok());
        keys.filter(|key| matches!(self.trusted.check_port(host, port, key), CheckResult::Match))
            .collect()
    }
}

/// Trusts a key on first use: adds its line, by a new file that replaces the old one. Looks again first, because another session
/// may have been quicker, and gives what the file said then.
pub(super) fn remember(
    session: &Session,
    file: &Path,
    host: &str,
    port: u16,
    key: &[u8],
) -> Result<Verdict, String> {
    // Every pool of this process writes the same file.
    static WRITING: Mutex<()> = Mutex::new(());
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let verdict = Known::read(session, file)?.verdict(host, port, key);
    if verdict == Verdict::Unknown {
        append(file, &line(host, port, key)).map_err(|error| format!("cannot write: {error}"))?;
    }
    Ok(verdict)
}

fn append(file: &Path, line: &str) -> io::Result<()> {
    // A link is followed, so that the file it points to is replaced and not the link.
    let file = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let directory = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut fresh = tempfile::NamedTempFile::new_in(directory)?;
    match std::fs::read(&file) {
        Ok(old) => {
            fresh.write_all(&old)?;
            if !old.is_empty() && !old.ends_with(b"\n") {
                fresh.write_all(b"\n")?;
            }
            fresh
                .as_file()
                .set_permissions(std::fs::metadata(&file)?.permissions())?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    writeln!(fresh, "{line}")?;
    fresh.as_file().sync_all()?;
    fresh.persist(&file).map_err(|error| error.error)?;
    std::fs::File::open(directory)?.sync_all()
}

/// The line that trusts `key`, as OpenSSH writes it.
pub(super) fn line(host: &str, port: u16, key: &[u8]) -> String {
    let name = if port == 22 {
        host.to_owned()
    } else {
        format!("[{host}]:{port}")
    };
    format!("{name} {} {}", key_type(key), STANDARD.encode(key))
}

/// `SHA256:` and unpadded base64, as OpenSSH shows it.
pub(super) fn fingerprint(key: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(key)))
}

/// The type: the first string of the blob (RFC 4253, 6.6).
pub(super) fn key_type(key: &[u8]) -> String {
    let name = key
        .split_first_chunk::<4>()
        .and_then(|(length, rest)| rest.get(..u32::from_be_bytes(*length) as usize));
    name.map_or_else(
        || "unknown".to_owned(),
        |name| String::from_utf8_lossy(name).into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ed25519 key blob; `seed` tells one from another.
    fn key(seed: u8) -> Vec<u8> {
        let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
        blob.extend([seed; 32]);
        blob
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn verdict(text: &str, host: &str, port: u16, key: &[u8]) -> Verdict {
        let session = Session::new().unwrap();
        Known::read(&session, file(text).path())
            .unwrap()
            .verdict(host, port, key)
    }

    #[test]
    fn fingerprint_and_line_are_those_of_openssh() {
        // What ssh-keygen -lf says of this key.
        assert_eq!(
            fingerprint(&key(7)),
            "SHA256:gNSIRW+2Iyiuvsdp/bgjy38bvWHw6wQm3tuoXrl3WjQ"
        );
        assert_eq!(
            line("array", 22, &key(0))[..30],
            *"array ssh-ed25519 AAAAC3NzaC1l"
        );
        assert!(line("10.0.0.1", 2022, &key(0)).starts_with("[10.0.0.1]:2022 ssh-ed25519 "));
        assert_eq!(key_type(b"\0\0\0\xffx"), "unknown");
    }

    #[test]
    fn known_unknown_changed_revoked() {
        let mine = line("a1", 22, &key(1));
        assert_eq!(verdict(&mine, "a1", 22, &key(1)), Verdict::Known);
        assert_eq!(verdict(&mine, "a2", 22, &key(1)), Verdict::Unknown);
        assert_eq!(verdict("", "a1", 22, &key(1)), Verdict::Unknown);
        let Verdict::Refused(stored) = verdict(&mine, "a1", 22, &key(2)) else {
            panic!("a changed key must be refused")
        };
        assert_eq!(stored, format!("ssh-ed25519 {}", fingerprint(&key(1))));
        let revoked =
            format!("# old\n\n@revoked {mine}\n@cert-authority * ssh-ed25519 AAAA\n{mine}\n");
        assert!(matches!(
            verdict(&revoked, "a1", 22, &key(1)),
            Verdict::Refused(_)
        ));
    }

    #[test]
    fn a_line_for_another_port_does_not_count() {
        let other = line("a1", 2222, &key(1));
        assert_eq!(verdict(&other, "a1", 2222, &key(1)), Verdict::Known);
        assert_eq!(verdict(&other, "a1", 22, &key(1)), Verdict::Unknown);
    }

    #[test]
    fn types_of_hashed_lines_are_found() {
        let session = Session::new().unwrap();
        // The name "a1", hashed by ssh-keygen -H with a salt of 20 bytes 0x01.
        let blob = STANDARD.encode(key(1));
        let text = format!("|1|AQEBAQEBAQEBAQEBAQEBAQEBAQE=|HASH ssh-ed25519 {blob}\n")
            .replace("HASH", HASHED_A1);
        let known = Known::read(&session, file(&text).path()).unwrap();
        assert_eq!(known.types("a1", 22), ["ssh-ed25519"]);
        assert!(known.types("a2", 22).is_empty());
    }
    const HASHED_A1: &str = "69ONCPXTeI5VGKDu1evQZYWmeAo=";

    #[test]
    fn a_bad_line_is_named_and_a_missing_file_is_empty() {
        let session = Session::new().unwrap();
        let Err(reason) = Known::read(&session, file("# fine\nonlyahost\n").path()) else {
            panic!("must fail")
        };
        assert!(reason.starts_with("line 2: "), "{reason}");
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(
            Known::read(&session, &directory.path().join("none"))
                .unwrap()
                .verdict("a1", 22, &key(1)),
            Verdict::Unknown
        );
        assert!(
            Known::read(&session, directory.path()).is_err(),
            "a directory is not an empty file"
        );
    }

    #[test]
    fn first_use_appends_and_keeps_what_was_there() {
        use std::os::unix::fs::PermissionsExt;
        let session = Session::new().unwrap();
        let file = file("# by hand, no line end");
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(
            remember(&session, file.path(), "a1", 2222, &key(1)),
            Ok(Verdict::Unknown)
        );
        assert_eq!(
            remember(&session, file.path(), "a1", 2222, &key(1)),
            Ok(Verdict::Known),
            "not added twice"
        );
        assert!(
            matches!(
                remember(&session, file.path(), "a1", 2222, &key(2)),
                Ok(Verdict::Refused(_))
            ),
            "never overwritten"
        );
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert_eq!(
            text,
            format!("# by hand, no line end\n{}\n", line("a1", 2222, &key(1)))
        );
        assert_eq!(
            std::fs::metadata(file.path()).unwrap().permissions().mode() & 0o777,
            0o644
        );
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("no/such/dir/known_hosts");
        assert!(
            remember(&session, &missing, "a1", 22, &key(1))
                .unwrap_err()
                .starts_with("cannot write: ")
        );
    }
}
