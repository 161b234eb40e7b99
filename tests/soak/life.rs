//! Whether a volume exists, as far as its answers tell.

use std::collections::BTreeMap;

use super::{
    plan::Verb,
    rig::plugin::Reply,
    volumes::{self, ALL},
};

/// What is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Is {
    There,
    Gone,
    /// Two requests crossed, or one has no certain end yet.
    Unknown,
}

/// All volumes.
pub struct Life(BTreeMap<&'static str, Is>);

/// What a round did to one volume.
#[derive(Debug, Default, Clone, Copy)]
struct Did {
    created: bool,
    create_failed: bool,
    removed: bool,
    remove_failed: bool,
    unended: bool,
}

impl Life {
    pub fn none() -> Self {
        Self(ALL.iter().map(|(name, _)| (*name, Is::Gone)).collect())
    }

    pub fn of(&self, name: &str) -> Is {
        self.0[name]
    }

    pub fn set(&mut self, name: &'static str, is: Is) {
        self.0.insert(name, is);
    }

    /// Takes in the answers to creates and removes of one round.
    pub fn take_in<'a>(&mut self, answers: impl Iterator<Item = (Verb, &'static str, &'a Reply)>) {
        let mut did: BTreeMap<&'static str, Did> = BTreeMap::new();
        for (verb, name, reply) in answers {
            let did = did.entry(name).or_default();
            let ok = matches!(reply, Reply::Ok(_));
            match verb {
                Verb::Create if ok => did.created = true,
                Verb::Create => did.create_failed = true,
                Verb::Remove if ok => did.removed = true,
                Verb::Remove => did.remove_failed = true,
                Verb::Mount | Verb::Unmount | Verb::Get | Verb::List => continue,
            }
            did.unended |= is_unended(reply);
        }
        for (name, did) in did {
            let was = self.0[name];
            self.0.insert(name, did.leaves(was));
        }
    }
}

impl Did {
    fn leaves(self, was: Is) -> Is {
        match self {
            _ if self.unended => Is::Unknown,
            Self {
                created: true,
                removed: false,
                remove_failed: false,
                ..
            } => Is::There,
            Self {
                removed: true,
                created: false,
                create_failed: false,
                ..
            } => Is::Gone,
            // A create of what is there changes nothing, whatever it is told.
            Self {
                created: false,
                removed: false,
                remove_failed: false,
                ..
            } if was == Is::There => Is::There,
            _ => Is::Unknown,
        }
    }
}

/// The request has no certain end yet.
pub fn is_unended(reply: &Reply) -> bool {
    match reply {
        Reply::Ok(_) => false,
        Reply::Err(said) => said.contains("still running after ") || said.contains("still there: "),
        Reply::Closed => true,
    }
}

/// Names whose fate is not known.
pub fn unknown(life: &Life) -> Vec<&'static str> {
    ALL.iter()
        .map(|(name, _)| *name)
        .filter(|name| life.of(name) == Is::Unknown)
        .collect()
}

#[test]
fn what_crossed_is_not_known() {
    let ok = Reply::Ok(serde_json::Value::Null);
    let failed = Reply::Err("volume `db1` was not removed".to_owned());
    let name = volumes::of(volumes::Kind::ActivePassive).next().unwrap();
    let after = |answers: &[(Verb, &Reply)], was| {
        let mut life = Life::none();
        life.set(name, was);
        life.take_in(answers.iter().map(|(verb, reply)| (*verb, name, *reply)));
        life.of(name)
    };
    assert_eq!(after(&[(Verb::Create, &ok)], Is::Gone), Is::There);
    assert_eq!(
        after(&[(Verb::Create, &ok), (Verb::Create, &failed)], Is::Gone),
        Is::There
    );
    assert_eq!(after(&[(Verb::Create, &failed)], Is::There), Is::There);
    assert_eq!(after(&[(Verb::Create, &failed)], Is::Gone), Is::Unknown);
    assert_eq!(after(&[(Verb::Remove, &ok)], Is::There), Is::Gone);
    assert_eq!(after(&[(Verb::Remove, &failed)], Is::There), Is::Unknown);
    assert_eq!(
        after(&[(Verb::Create, &ok), (Verb::Remove, &ok)], Is::There),
        Is::Unknown
    );
    assert_eq!(
        after(&[(Verb::Create, &Reply::Closed)], Is::Gone),
        Is::Unknown
    );
}
