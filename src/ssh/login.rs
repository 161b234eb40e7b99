//! Logging in: key, keyboard-interactive, password, in this order, with at most one password sent.

use std::sync::Arc;

use ssh2::{ErrorCode, KeyboardInteractivePrompt, Prompt, Session};

use super::error::{Peer, SshError};
use super::exec::closed;
use super::{Auth, Endpoint};
use crate::model::Secret;

/// libssh2's LIBSSH2_ERROR_FILE: the private key could not be read or unlocked.
const KEY_FILE: ErrorCode = ErrorCode::Session(-16);
/// libssh2's LIBSSH2_ERROR_PASSWORD_EXPIRED.
const PASSWORD_EXPIRED: ErrorCode = ErrorCode::Session(-15);

/// libssh2's LIBSSH2_ERROR_SOCKET_SEND, TIMEOUT, SOCKET_DISCONNECT and SOCKET_RECV.
const NO_CONNECTION: [ErrorCode; 4] = [
    ErrorCode::Session(-7),
    ErrorCode::Session(-9),
    ErrorCode::Session(-13),
    ErrorCode::Session(-43),
];

/// Logs in. The host key must have been checked before. `accepted`: this array has taken this password or key since the plugin started; an
/// attempt that is cut off before its verdict is then an outage, and not perhaps a wrong password.
pub(super) fn login(
    session: &Session,
    endpoint: &Endpoint,
    at: &Arc<Peer>,
    accepted: bool,
) -> Result<(), SshError> {
    let user = endpoint.login.as_str();
    // The one "none" attempt of RFC 4252: it tells the methods, and no server counts it (array fact 49).
    let methods = match session.auth_methods(user) {
        Ok(methods) => methods.to_owned(),
        Err(error) => return Err(closed(at, "asking how to log in", &error)),
    };
    if session.authenticated() {
        return Ok(());
    }
    let rejected = |reason: String| SshError::LoginRejected {
        at: Arc::clone(at),
        login: user.to_owned(),
        reason,
    };
    let offers = |method: &str| methods.split(',').any(|offered| offered == method);
    match &endpoint.auth {
        Auth::Key { path, passphrase } => {
            if !offers("publickey") {
                return Err(rejected(format!("it takes no keys, only: {methods}")));
            }
            if let Err(error) = std::fs::File::open(path) {
                return Err(SshError::PrivateKey {
                    at: Arc::clone(at),
                    path: path.clone(),
                    reason: error.to_string(),
                });
            }
            session
                .userauth_pubkey_file(user, None, path, passphrase.as_ref().map(Secret::reveal))
                .map_err(|error| {
                    if error.code() == KEY_FILE {
                        SshError::PrivateKey {
                            at: Arc::clone(at),
                            path: path.clone(),
                            reason: error.message().to_owned(),
                        }
                    } else {
                        rejected(format!("key `{}`: {}", path.display(), error.message()))
                    }
                })
        }
        Auth::Password(password) => {
            let mut strange = None;
            if offers("keyboard-interactive") {
                let mut answer = OneAnswer {
                    password,
                    rounds: 0,
                    sent: false,
                    strange: None,
                };
                let result = session.userauth_keyboard_interactive(user, &mut answer);
                match result {
                    Ok(()) => return Ok(()),
                    // Whatever the reason is: it may have counted as a wrong password, so no second one is sent.
                    Err(error) if accepted && has_no_verdict(&error) => {
                        return Err(closed(at, "logging in", &error));
                    }
                    Err(error) if answer.sent => {
                        let asked = answer
                            .strange
                            .map(|text| format!("; it then asked `{text}`"))
                            .unwrap_or_default();
                        return Err(rejected(format!(
                            "keyboard-interactive: {}{asked}",
                            error.message()
                        )));
                    }
                    Err(error) => {
                        strange = Some(answer.strange.unwrap_or_else(|| error.message().to_owned()))
                    }
                }
            }
            if !offers("password") {
                return Err(rejected(match strange {
                    Some(text) => format!(
                        "keyboard-interactive asked `{text}`, which a program cannot answer"
                    ),
                    None => format!("it takes no passwords, only: {methods}"),
                }));
            }
            session
                .userauth_password(user, password.reveal())
                .map_err(|error| {
                    if accepted && has_no_verdict(&error) {
                        return closed(at, "logging in", &error);
                    }
                    rejected(match error.code() {
                        PASSWORD_EXPIRED => "the password has expired".to_owned(),
                        _ => format!("password: {}", error.message()),
                    })
                })
        }
    }
}

/// The connection ended, or nothing came, before the far end said yes or no. libssh2 calls some of it a failed authentication, and only its
/// words tell.
fn has_no_verdict(error: &ssh2::Error) -> bool {
    NO_CONNECTION.contains(&error.code()) || error.message().starts_with("Waiting for")
}

/// Answers the first question, if it is alone in its round and hides what is typed; nothing else. Otherwise a dialog for an expired
/// password would be given the old one again, or a question for a token the password.
struct OneAnswer<'a> {
    password: &'a Secret,
    rounds: u32,
    sent: bool,
    /// A question that was not answered.
    strange: Option<String>,
}

impl KeyboardInteractivePrompt for OneAnswer<'_> {
    fn prompt(&mut self, _user: &str, _instructions: &str, prompts: &[Prompt<'_>]) -> Vec<String> {
        // A round without questions only shows a text.
        let Some(first) = prompts.first() else {
            return Vec::new();
        };
        self.rounds += 1;
        if self.rounds == 1 && prompts.len() == 1 && !first.echo {
            self.sent = true;
            return vec![self.password.reveal().to_owned()];
        }
        self.strange = Some(first.text.split_whitespace().collect::<Vec<_>>().join(" "));
        vec![String::new(); prompts.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(answer: &mut OneAnswer<'_>, questions: &[(&str, bool)]) -> Vec<String> {
        let prompts: Vec<Prompt<'_>> = questions
            .iter()
            .map(|(text, echo)| Prompt {
                text: (*text).into(),
                echo: *echo,
            })
            .collect();
        answer.prompt("", "", &prompts)
    }

    #[test]
    fn only_the_first_hidden_lone_question_gets_the_password() {
        let password = Secret::new("s3cret".into());
        let fresh = || OneAnswer {
            password: &password,
            rounds: 0,
            sent: false,
            strange: None,
        };
        let mut usual = fresh();
        assert_eq!(ask(&mut usual, &[]), Vec::<String>::new());
        assert_eq!(ask(&mut usual, &[("Password: ", false)]), ["s3cret"]);
        assert_eq!(ask(&mut usual, &[("New password: ", false)]), [""]);
        assert!(usual.sent && usual.strange.as_deref() == Some("New password:"));
        let mut shown = fresh();
        assert_eq!(ask(&mut shown, &[("Name: ", true)]), [""]);
        assert_eq!(
            ask(&mut shown, &[("Password: ", false)]),
            [""],
            "the second round is too late"
        );
        let mut two = fresh();
        assert_eq!(
            ask(&mut two, &[("Password: ", false), ("Token: ", false)]),
            ["", ""]
        );
        assert!(!two.sent && !shown.sent);
    }
}
