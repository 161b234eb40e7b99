//! VV sets and host sets: what the commands of both kinds do alike.

use std::collections::BTreeMap;

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::names::{self, question};
use crate::patterns::{any_matches, matches};
use crate::state::{Array, Set};
use crate::table::{Column, Table};

/// Longest name of a set.
const LONGEST_NAME: usize = 27;

/// Longest comment of a set.
const LONGEST_COMMENT: usize = 255;

/// What a set holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// VVs.
    Vv,
    /// Hosts.
    Host,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Vv => "vv",
            Self::Host => "host",
        }
    }

    fn sets(self, array: &mut Array) -> &mut BTreeMap<String, Set> {
        match self {
            Self::Vv => &mut array.vv_sets,
            Self::Host => &mut array.host_sets,
        }
    }

    /// Refuses a member that is not there or may not be in a set.
    fn check_member(self, array: &Array, name: &str) -> Result<(), Answer> {
        match self {
            Self::Vv => match array.vvs.get(name) {
                None => Err(refuse(format!("VV {name} not found"))),
                Some(vv) if vv.is_system() => {
                    Err(refuse(format!("Error: vv {name} is a system volume")))
                }
                Some(_) => Ok(()),
            },
            Self::Host if !array.hosts.contains_key(name) => {
                Err(refuse(format!("Error: host {name} does not exist")))
            }
            Self::Host => Ok(()),
        }
    }

    fn is_exported(self, array: &Array, name: &str) -> bool {
        let word = format!("set:{name}");
        array.vluns.iter().any(|vlun| match self {
            Self::Vv => vlun.vv == word,
            Self::Host => vlun.host.as_ref() == Some(&word),
        })
    }

    /// Sets of VVs that remote copy made or holds are its own.
    fn check_own(self, array: &Array, name: &str, removes: bool) -> Result<(), Answer> {
        if self == Self::Host {
            return Ok(());
        }
        let admitted = array.groups.values().any(|group| {
            let by_set = |sets: &(String, String)| sets.0 == name;
            group
                .volumes
                .iter()
                .any(|volume| volume.sets.as_ref().is_some_and(by_set))
        });
        if admitted && removes {
            return Err(refuse(format!(
                "Set {name} is currently admitted to Remote Copy Group and may not be directly removed."
            )));
        }
        if name.starts_with("RCP_") {
            return Err(refuse(format!(
                "Error: vv set {name} was created automatically, members cannot be added or removed"
            )));
        }
        Ok(())
    }
}

/// `create…set [-comment …] <set> [<member>...]`, `create…set -add <set> <member>...`.
pub(super) fn create(
    call: &mut Call<'_>,
    options: &Options,
    command: &Command,
    kind: Kind,
) -> Result<Answer, Answer> {
    let Some((name, members)) = options.words.split_first() else {
        return Err(usage(command, "a set name is needed"));
    };
    if options.has("add") && (options.value("comment").is_some() || members.is_empty()) {
        let mistake = format!(
            "-add takes a set and at least one {}, and no -comment",
            kind.word()
        );
        return Err(usage(command, &mistake));
    }
    let array = call.here();
    for member in members {
        kind.check_member(array, member)?;
    }
    if options.has("add") {
        return add(array, kind, name, members);
    }
    check_new(array, kind, name, options)?;
    let id = array.next_id(&format!("{}set", kind.word()));
    let mut set = Set {
        id,
        members: Vec::new(),
        comment: options.value("comment").unwrap_or_default().to_owned(),
        flash_cache: None,
    };
    for member in members {
        if !set.members.contains(member) {
            set.members.push(member.clone());
        }
    }
    kind.sets(array).insert(name.clone(), set);
    Ok(Answer::silent())
}

/// May a new set be called so?
pub(super) fn check_new_name(name: &str) -> Result<(), Answer> {
    if names::well_formed(name) && name.len() <= LONGEST_NAME {
        return Ok(());
    }
    Err(refuse(format!("Error: Invalid vv set name: {name}")))
}

/// Puts a new VV into a VV set, which is made if it is not there.
pub(super) fn join(array: &mut Array, name: &str, vv: &str) {
    if !array.vv_sets.contains_key(name) {
        let id = array.next_id("vvset");
        let set = Set {
            id,
            ..Set::default()
        };
        array.vv_sets.insert(name.to_owned(), set);
    }
    let set = array.vv_sets.entry(name.to_owned()).or_default();
    set.members.push(vv.to_owned());
}

/// Name and comment a new set may have.
fn check_new(array: &mut Array, kind: Kind, name: &str, options: &Options) -> Result<(), Answer> {
    let word = kind.word();
    if !names::well_formed(name) || name.len() > LONGEST_NAME {
        return Err(refuse(format!("Error: Invalid {word} set name: {name}")));
    }
    if kind.sets(array).contains_key(name) {
        return Err(refuse(format!("Error: {word} set {name} already exists")));
    }
    let comment = options.value("comment").unwrap_or_default();
    if comment.chars().count() > LONGEST_COMMENT {
        return Err(refuse(format!(
            "Error: Comment is longer than {LONGEST_COMMENT} characters"
        )));
    }
    Ok(())
}

/// Adds members, all or none.
fn add(array: &mut Array, kind: Kind, name: &str, members: &[String]) -> Result<Answer, Answer> {
    let word = kind.word();
    if !kind.sets(array).contains_key(name) {
        return Err(absent(kind, name));
    }
    kind.check_own(array, name, false)?;
    let set = kind.sets(array).entry(name.to_owned()).or_default();
    if let Some(member) = members.iter().find(|member| set.members.contains(member)) {
        return Err(refuse(format!(
            "Error: {word} {member} is already in {word} set {name}"
        )));
    }
    set.members.extend(members.iter().cloned());
    Ok(Answer::silent())
}

/// `remove…set [-f] [-pat] <set> [<member>...]`: the set, or members of it.
pub(super) fn remove(
    call: &mut Call<'_>,
    options: &Options,
    command: &Command,
    kind: Kind,
) -> Result<Answer, Answer> {
    let Some((word, members)) = options.words.split_first() else {
        return Err(usage(command, "a set name is needed"));
    };
    let confirmed = call.confirmed;
    let array = call.here();
    let all: Vec<String> = kind
        .sets(array)
        .keys()
        .filter(|name| *name == word || (options.has("pat") && matches(word, name)))
        .cloned()
        .collect();
    if all.is_empty() {
        return Err(absent(kind, word));
    }
    if !options.has("f") && !confirmed {
        return Ok(Answer::asks(ask(kind, &all, members)));
    }
    for name in &all {
        kind.check_own(array, name, true)?;
        if !members.is_empty() {
            take_out(array, kind, name, members)?;
        } else if kind.is_exported(array, name) {
            let word = kind.word();
            return Err(refuse(format!("Error: {word} set {name} is exported")));
        } else if kind == Kind::Vv && array.qos.contains_key(&format!("vvset:{name}")) {
            return Err(refuse(format!("Error: vv set {name} is a QoS target")));
        } else {
            kind.sets(array).remove(name);
        }
    }
    Ok(Answer::silent())
}

/// Takes members out, all or none.
fn take_out(array: &mut Array, kind: Kind, name: &str, members: &[String]) -> Result<(), Answer> {
    let set = kind
        .sets(array)
        .get_mut(name)
        .ok_or_else(|| absent(kind, name))?;
    if let Some(absent) = members.iter().find(|member| !set.members.contains(member)) {
        let word = kind.word();
        return Err(refuse(format!(
            "Error: {word} {absent} is not in {word} set {name}"
        )));
    }
    set.members.retain(|member| !members.contains(member));
    Ok(())
}

fn absent(kind: Kind, name: &str) -> Answer {
    refuse(format!("{} set {name} does not exist", kind.word()))
}

/// The question before sets, or members, are removed.
fn ask(kind: Kind, sets: &[String], members: &[String]) -> String {
    let (word, sets) = (kind.word(), sets.join(" "));
    question(&if members.is_empty() {
        format!("Are you sure you want to remove {word} set {sets}?")
    } else {
        let members = members.join(" ");
        format!("Are you sure you want to remove {members} from {word} set {sets}?")
    })
}

/// Lists sets; the option named as the kind picks those that hold a member.
pub(super) fn list(call: &mut Call<'_>, options: &Options, kind: Kind) -> Answer {
    let sets = kind.sets(call.here());
    let members: Option<Vec<&str>> = options
        .value(kind.word())
        .map(|list| list.split(',').collect());
    let shown: Vec<(&String, &Set)> = sets
        .iter()
        .filter(|(name, _)| any_matches(&options.words, name))
        .filter(|(_, set)| {
            members
                .as_ref()
                .is_none_or(|wanted| set.members.iter().any(|member| any_matches(wanted, member)))
        })
        .collect();
    if shown.is_empty() {
        return Answer::says(format!("No {} set listed\n", kind.word()));
    }
    let mut columns = vec![
        Column::right("Id"),
        Column::left("Name"),
        Column::left("Members"),
    ];
    if options.has("d") {
        columns.push(Column::left("Comment"));
    }
    let mut table = Table::new(columns);
    let mut count = 0;
    for (name, set) in shown {
        count += set.members.len();
        let first = set.members.first().map_or("--", String::as_str);
        let comment = if set.comment.is_empty() {
            "--"
        } else {
            &set.comment
        };
        let mut row = vec![set.id.to_string(), name.clone(), first.to_owned()];
        if options.has("d") {
            row.push(comment.to_owned());
        }
        table.row(row);
        for member in set.members.iter().skip(1) {
            table.continuation(["", "", member]);
        }
    }
    let table = table.total(vec![("Members".to_owned(), count.to_string())]);
    Answer::says(table.render(options.style))
}
