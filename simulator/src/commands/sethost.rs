//! `sethost`: CHAP names and secrets of a host.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::state::Chap;

/// `sethost initchap|targetchap [-f] [-hex] [-chapname <name>] <secret> <host>`, `sethost removechap [-target] <host>...`.
pub static COMMAND: Command = Command {
    name: "sethost",
    syntax: "sethost initchap|targetchap [-f] [-hex] [-chapname <chapname>] <secret> <hostname>\n    \
             sethost removechap [-target] <hostname>...",
    flags: &["f", "hex", "target"],
    valued: &["chapname"],
    changes: true,
    licence: None,
    run,
};

/// Characters of a secret.
const LENGTHS: std::ops::RangeInclusive<usize> = 12..=16;

/// Hexadecimal digits of a secret.
const DIGITS: usize = 32;

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let result = match options.words.split_first() {
        Some((word, rest)) if word == "initchap" => set(call, options, rest, false),
        Some((word, rest)) if word == "targetchap" => set(call, options, rest, true),
        Some((word, rest)) if word == "removechap" => remove(call, options, rest),
        _ => Err(usage(
            &COMMAND,
            "initchap, targetchap or removechap is needed",
        )),
    };
    result.map_or_else(|refusal| refusal, |()| Answer::silent())
}

fn set(
    call: &mut Call<'_>,
    options: &Options,
    words: &[String],
    of_target: bool,
) -> Result<(), Answer> {
    let [secret, name] = words else {
        return Err(usage(&COMMAND, "a secret and a host name are needed"));
    };
    let array = call.here();
    let system = array.name.clone();
    let Some(host) = array.hosts.get_mut(name) else {
        return Err(no_host(name));
    };
    let fits = if options.has("hex") {
        secret.len() == DIGITS && secret.chars().all(|c| c.is_ascii_hexdigit())
    } else {
        LENGTHS.contains(&secret.len()) && secret.chars().all(|c| c.is_ascii_graphic())
    };
    if !fits {
        return Err(refuse(
            "Error: CHAP secret must be 12 to 16 characters, or 32 hexadecimal digits with -hex",
        ));
    }
    let usual = if of_target { &system } else { name };
    let chap = Chap {
        name: options.value("chapname").unwrap_or(usual).to_owned(),
        secret: secret.clone(),
    };
    let (own, other) = if of_target {
        if host.chap.is_none() {
            return Err(refuse(format!(
                "Error: host {name} has no initiator CHAP, which target CHAP needs"
            )));
        }
        (&mut host.target_chap, &host.chap)
    } else {
        (&mut host.chap, &host.target_chap)
    };
    if other.as_ref().is_some_and(|other| other.secret == *secret) {
        return Err(refuse(
            "Error: initiator and target CHAP secrets must not be the same",
        ));
    }
    *own = Some(chap);
    Ok(())
}

fn remove(call: &mut Call<'_>, options: &Options, names: &[String]) -> Result<(), Answer> {
    if names.is_empty() {
        return Err(usage(&COMMAND, "a host name is needed"));
    }
    let array = call.here();
    if let Some(absent) = names.iter().find(|name| !array.hosts.contains_key(*name)) {
        return Err(no_host(absent));
    }
    for name in names {
        if let Some(host) = array.hosts.get_mut(name) {
            host.target_chap = None;
            if !options.has("target") {
                host.chap = None;
            }
        }
    }
    Ok(())
}

fn no_host(name: &str) -> Answer {
    refuse(format!("Error: host {name} does not exist"))
}

/// The words of a command line, without the secret that this command is given.
pub(crate) fn without_secret(words: &[String]) -> Vec<String> {
    let mut words = words.to_vec();
    let is_chap = |word: &String| word == "initchap" || word == "targetchap";
    if words.first().is_none_or(|name| name != COMMAND.name) || !words.iter().any(is_chap) {
        return words;
    }
    // Whatever order the words have: only what is certainly none stays.
    let mut is_value = false;
    let mut plain = 0;
    let last = words.len() - 1;
    for (at, word) in words.iter_mut().enumerate().skip(1) {
        if is_value {
            is_value = false;
        } else if word == "-chapname" {
            is_value = true;
        } else if !COMMAND
            .flags
            .iter()
            .any(|flag| word.strip_prefix('-') == Some(flag))
        {
            plain += 1;
            // The second word that is no option is the secret, the third the host.
            if plain >= 2 && (plain == 2 || at != last) {
                "****".clone_into(word);
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::without_secret;

    #[test]
    fn the_secret_is_taken_out_of_a_line() {
        for (line, shown) in [
            (
                "sethost initchap SECRETSECRET1 h1",
                "sethost initchap **** h1",
            ),
            (
                "sethost initchap -f -chapname n SECRETSECRET1 h1",
                "sethost initchap -f -chapname n **** h1",
            ),
            (
                "sethost -hex targetchap SECRETSECRET1 -chapname n h1",
                "sethost -hex targetchap **** -chapname n h1",
            ),
            ("sethost initchap SECRETSECRET1", "sethost initchap ****"),
            (
                "sethost initchap SECRET SECRET h1",
                "sethost initchap **** **** h1",
            ),
            ("sethost removechap h1", "sethost removechap h1"),
            ("showhost initchap word h1", "showhost initchap word h1"),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(without_secret(&words).join(" "), shown);
        }
    }
}
