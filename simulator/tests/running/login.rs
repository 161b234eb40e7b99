//! Ways to log in, host keys, old algorithms.

use hpe3par_sim::Simulator;
use hpe3par_sim::description::AuthMethod;
use ssh2::{HashType, KeyboardInteractivePrompt, MethodType, Prompt};

use crate::client::{blocking, connect, exec, run};
use crate::{NORTH, SOUTH, description, start};

struct Answers(&'static str);

impl KeyboardInteractivePrompt for Answers {
    fn prompt<'a>(
        &mut self,
        _user: &str,
        _instructions: &str,
        prompts: &[Prompt<'a>],
    ) -> Vec<String> {
        assert_eq!(
            (prompts.len(), prompts[0].echo, prompts[0].text.as_ref()),
            (1, false, "Password: ")
        );
        vec![self.0.to_owned()]
    }
}

#[tokio::test]
async fn a_password_fits_its_user_and_array() {
    let simulator = start().await;
    for (array, password, fits) in [
        (NORTH, "north-secret", true),
        (NORTH, "south-secret", false),
        (SOUTH, "south-secret", true),
    ] {
        let address = simulator.address(array);
        let result = blocking(move || {
            connect(address)
                .userauth_password("3paradm", password)
                .is_ok()
        })
        .await;
        assert_eq!(result, fits, "{array} {password}");
    }
    let address = simulator.address(NORTH);
    assert!(
        blocking(move || connect(address)
            .userauth_password("nobody", "north-secret")
            .is_err())
        .await
    );
}

#[tokio::test]
async fn keyboard_interactive_alone() {
    let mut description = description();
    description.arrays[0].auth = vec![AuthMethod::KeyboardInteractive];
    let simulator = Simulator::start(description).await.unwrap();
    let address = simulator.address(NORTH);
    blocking(move || {
        let session = connect(address);
        assert_eq!(
            session.auth_methods("3paradm").unwrap(),
            "keyboard-interactive"
        );
        assert!(
            session
                .userauth_password("3paradm", "north-secret")
                .is_err()
        );
        assert!(
            session
                .userauth_keyboard_interactive("3paradm", &mut Answers("wrong"))
                .is_err()
        );
        session
            .userauth_keyboard_interactive("3paradm", &mut Answers("north-secret"))
            .unwrap();
        assert!(exec(&session, "showversion -s").stdout.starts_with("3.3.1"));
    })
    .await;
}

#[tokio::test]
async fn a_public_key() {
    use russh::keys::ssh_key::LineEnding;
    let dir = tempfile::tempdir().unwrap();
    let (known, stranger) = (dir.path().join("known"), dir.path().join("stranger"));
    let mut description = description();
    for (file, is_known) in [(&known, true), (&stranger, false)] {
        let key = hpe3par_sim::host_keys::make(false).unwrap();
        std::fs::write(file, key.to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
        if is_known {
            description.arrays[0].users[0].public_keys =
                vec![key.public_key().to_openssh().unwrap()];
        }
    }
    let simulator = Simulator::start(description).await.unwrap();
    let address = simulator.address(NORTH);
    blocking(move || {
        assert!(
            connect(address)
                .userauth_pubkey_file("3paradm", None, &stranger, None)
                .is_err()
        );
        assert!(
            connect(address)
                .userauth_pubkey_file("auditor", None, &known, None)
                .is_err()
        );
        connect(address)
            .userauth_pubkey_file("3paradm", None, &known, None)
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_host_key_is_the_one_announced_until_it_is_changed() {
    let simulator = start().await;
    let address = simulator.address(NORTH);
    let line = simulator.host_key_line(NORTH);
    assert!(
        line.starts_with(&format!("[127.0.0.1]:{} ssh-ed25519 ", address.port())),
        "{line}"
    );
    let check = move |line: String| {
        blocking(move || {
            let session = connect(address);
            let mut known = session.known_hosts().unwrap();
            known
                .read_str(&line, ssh2::KnownHostFileKind::OpenSSH)
                .unwrap();
            let (key, _) = session.host_key().unwrap();
            let hash = session.host_key_hash(HashType::Sha256).unwrap().to_vec();
            (known.check_port("127.0.0.1", address.port(), key), hash)
        })
    };
    let (result, before) = check(line.clone()).await;
    assert!(matches!(result, ssh2::CheckResult::Match));
    let changed = simulator.control().change_host_key(NORTH).unwrap();
    let (result, after) = check(line).await;
    assert!(matches!(result, ssh2::CheckResult::Mismatch));
    assert_ne!(before, after);
    assert!(matches!(check(changed).await.0, ssh2::CheckResult::Match));
}

#[tokio::test]
async fn legacy_algorithms_only() {
    let mut description = description();
    description.arrays[0].legacy_algorithms = true;
    let simulator = Simulator::start(description).await.unwrap();
    let address = simulator.address(NORTH);
    let (modern, methods) = blocking(move || {
        let handshake = |modern: bool| {
            let mut session = ssh2::Session::new().unwrap();
            if modern {
                session
                    .method_pref(
                        MethodType::Kex,
                        "curve25519-sha256,diffie-hellman-group14-sha256",
                    )
                    .unwrap();
            }
            session.set_tcp_stream(std::net::TcpStream::connect(address).unwrap());
            session.set_timeout(20_000);
            session.handshake().map(|()| {
                session
                    .methods(MethodType::HostKey)
                    .unwrap_or_default()
                    .to_owned()
            })
        };
        (handshake(true), handshake(false))
    })
    .await;
    assert!(modern.is_err(), "a client without SHA-1 cannot talk to it");
    // Whether this machine's libssh2 has SHA-1 built in is not the simulator's business.
    match methods {
        Ok(host_key) => assert_eq!(host_key, "ssh-rsa"),
        Err(error) => {
            assert!(
                std::env::var_os("REQUIRE_ALL").is_none(),
                "libssh2 without SHA-1: {error}"
            );
            println!("skipped: libssh2 without SHA-1 ({error})");
        }
    }
}

#[tokio::test]
async fn a_browse_user_may_look_and_nothing_else() {
    let simulator = start().await;
    let address = simulator.address(NORTH);
    blocking(move || {
        let session = connect(address);
        session.userauth_password("auditor", "look-only").unwrap();
        assert_eq!(exec(&session, "showcpg").status, Some(0));
        let refused = exec(&session, "createvv -tpvv gold_r6 v1 1g");
        assert!(refused.stderr.contains("Permission denied"), "{refused:?}");
        assert_eq!(refused.status, Some(1));
    })
    .await;
    assert_eq!(
        run(&simulator, NORTH, "showvv v1").await.stdout,
        "no vv listed\n"
    );
}
