//! Which algorithms are offered: everything libssh2 has, without the old ones unless an array asks for them.

use ssh2::{MethodType, Session};

/// Every list that is negotiated and has something to refuse in it.
const NEGOTIATED: [MethodType; 6] = [
    MethodType::Kex,
    MethodType::HostKey,
    MethodType::CryptCs,
    MethodType::CryptSc,
    MethodType::MacCs,
    MethodType::MacSc,
];

/// Sets what this session may negotiate. `stored` are the key types known_hosts has for the host: they go first, because libssh2
/// would otherwise pick by its own order and a host known by its RSA key would look like a changed one (array fact 45).
pub(super) fn restrict(
    session: &Session,
    legacy: bool,
    stored: &[String],
) -> Result<(), ssh2::Error> {
    for method in NEGOTIATED {
        let supported = session.supported_algs(method)?;
        let of_host_key = matches!(method, MethodType::HostKey);
        session.method_pref(
            method,
            &offer(&supported, legacy, if of_host_key { stored } else { &[] }).join(","),
        )?;
    }
    Ok(())
}

/// What to offer of `supported`: certificates never (no authority is known here, so one could never match a known key), old
/// algorithms last or not at all, those of a `stored` key type first.
fn offer<'a>(supported: &[&'a str], legacy: bool, stored: &[String]) -> Vec<&'a str> {
    let mut names: Vec<&str> = supported
        .iter()
        .copied()
        .filter(|name| !name.contains("-cert-v01") && (legacy || !is_legacy(name)))
        .collect();
    names.sort_by_key(|name| {
        (
            !stored.iter().any(|key_type| key_type == key_type_of(name)),
            is_legacy(name),
        )
    });
    names
}

/// Broken or no longer offered by current servers: SHA-1, MD5, DSA, 3DES, RC4 and all CBC modes.
fn is_legacy(name: &str) -> bool {
    const OLD: [&str; 9] = [
        "sha1", "md5", "ssh-dss", "3des", "arcfour", "-cbc", "blowfish", "cast128", "ripemd",
    ];
    name == "ssh-rsa" || OLD.iter().any(|old| name.contains(old))
}

/// The type a key has in known_hosts when it signs with this algorithm.
fn key_type_of(algorithm: &str) -> &str {
    match algorithm {
        "rsa-sha2-512" | "rsa-sha2-256" => "ssh-rsa",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guards the C switches in `.cargo/config.toml`: without them libssh2 is built with no SHA-1 at all, and old arrays cannot be reached.
    #[test]
    fn sha1_is_compiled_in() {
        let session = Session::new().unwrap();
        let has = |method, name: &str| session.supported_algs(method).unwrap().contains(&name);
        assert!(has(MethodType::HostKey, "ssh-rsa"));
        assert!(has(MethodType::Kex, "diffie-hellman-group14-sha1"));
        assert!(has(MethodType::MacCs, "hmac-sha1"));
    }

    #[test]
    fn old_algorithms_are_refused_by_default_and_last_when_allowed() {
        let session = Session::new().unwrap();
        for method in NEGOTIATED {
            let supported = session.supported_algs(method).unwrap();
            let modern = offer(&supported, false, &[]);
            assert!(!modern.is_empty());
            for name in &modern {
                assert!(
                    !name.contains("sha1")
                        && !name.contains("cbc")
                        && *name != "ssh-rsa"
                        && *name != "ssh-dss",
                    "{name}"
                );
            }
            let all = offer(&supported, true, &[]);
            assert_eq!(all[..modern.len()], modern[..], "modern ones first");
        }
        restrict(&session, false, &[]).unwrap();
    }

    #[test]
    fn strict_key_exchange_is_still_announced() {
        let session = Session::new().unwrap();
        let kex = offer(
            &session.supported_algs(MethodType::Kex).unwrap(),
            false,
            &[],
        );
        assert!(
            kex.contains(&"kex-strict-c-v00@openssh.com") && kex.contains(&"ext-info-c"),
            "{kex:?}"
        );
    }

    #[test]
    fn the_stored_key_type_goes_first_and_certificates_never() {
        let supported = [
            "ssh-ed25519-cert-v01@openssh.com",
            "ssh-ed25519",
            "ecdsa-sha2-nistp256",
            "rsa-sha2-512",
            "rsa-sha2-256",
            "ssh-rsa",
        ];
        let stored = ["ssh-rsa".to_owned()];
        assert_eq!(
            offer(&supported, false, &stored),
            [
                "rsa-sha2-512",
                "rsa-sha2-256",
                "ssh-ed25519",
                "ecdsa-sha2-nistp256"
            ]
        );
        assert_eq!(
            offer(&supported, true, &stored)[..3],
            ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"]
        );
    }
}
