//! `showhost`

use super::{each, one};
use crate::{
    inform::{
        array::Array,
        error::{ArrayError, Problem, unrecognised},
        quoting::Args,
        row::{Row, is_none},
    },
    model::{HostName, Initiator, PortPosition},
};

/// A host object with its paths, or, without id and name, all initiators that belong to none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostEntry {
    /// Its id; none for the unassigned.
    pub id: Option<u32>,
    /// Its name; none for the unassigned.
    pub name: Option<HostName>,
    /// Persona as the array writes it, for example `Generic-ALUA`.
    pub persona: Option<String>,
    /// Its initiators, one entry for each port they are logged in on.
    pub paths: Vec<HostPath>,
}

/// An initiator of a host object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPath {
    /// As the array writes it.
    pub text: String,
    /// The iSCSI name or WWN; none for a kind this plugin has no use for, such as NVMe.
    pub initiator: Option<Initiator>,
    /// The port of the array where it is logged in; none while it is not.
    pub port: Option<PortPosition>,
}

impl Array {
    /// All host objects with their paths, and the initiators that are logged in and belong to none.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showhost(&self) -> Result<Vec<HostEntry>, ArrayError> {
        self.read("showhost", &Args::new(), |rows| {
            let mut hosts: Vec<HostEntry> = Vec::new();
            for new in each(rows, host)? {
                match hosts
                    .iter_mut()
                    .find(|h| h.id == new.id && h.name == new.name)
                {
                    Some(known) => known.paths.extend(new.paths),
                    None => hosts.push(new),
                }
            }
            Ok(hosts)
        })
        .await
    }

    /// The name that goes with the CHAP secret of a host object, if it has one.
    ///
    /// # Errors
    /// [`ArrayError`]; an absent host is `Unrecognised` or a refusal, never "no secret".
    pub async fn showhost_chap(&self, host: &HostName) -> Result<Option<String>, ArrayError> {
        self.read("showhost-chap", &Args::new().with("name", host), |rows| {
            let (name, user) = one(rows, |row| {
                Ok((
                    row.text("name")?.to_owned(),
                    row.opt("initiator").map(str::to_owned),
                ))
            })?;
            if name == host.as_str() {
                Ok(user)
            } else {
                Err(not_asked_for(&name))
            }
        })
        .await
    }

    /// The comment of a host object, if it has one.
    ///
    /// # Errors
    /// [`ArrayError`]; an absent host is `Unrecognised` or a refusal, never "no comment".
    pub async fn showhost_comment(&self, host: &HostName) -> Result<Option<String>, ArrayError> {
        self.described("showhost-desc", host, "comment").await
    }

    /// The domain of a host object, if it is in one.
    ///
    /// # Errors
    /// As [`Array::showhost_comment`].
    pub async fn showhost_domain(&self, host: &HostName) -> Result<Option<String>, ArrayError> {
        self.described("showhost-domain", host, "domain").await
    }

    async fn described(
        &self,
        template: &'static str,
        host: &HostName,
        what: &str,
    ) -> Result<Option<String>, ArrayError> {
        self.read(template, &Args::new().with("name", host), |rows| {
            let (name, value) = one(rows, |row| {
                Ok((
                    row.text("name")?.to_owned(),
                    row.opt(what).map(str::to_owned),
                ))
            })?;
            if name == host.as_str() {
                Ok(value)
            } else {
                Err(not_asked_for(&name))
            }
        })
        .await
    }
}

fn not_asked_for(name: &str) -> Problem {
    unrecognised(format!("the host `{name}`, which was not asked for"))
}

fn host(row: &Row) -> Result<HostEntry, String> {
    let (id, name) = (row.parsed("id")?, row.parsed("name")?);
    if id.is_some() != name.is_some() {
        return Err("a host has an id and a name, or neither".to_owned());
    }
    let text = row.text("path")?.to_owned();
    let path = HostPath {
        initiator: text.parse().ok(),
        port: row.parsed("port")?,
        text,
    };
    // A host object without any path has a row too.
    let paths = if is_none(&path.text) {
        Vec::new()
    } else {
        vec![path]
    };
    Ok(HostEntry {
        id,
        name,
        persona: row.opt("persona").map(str::to_owned),
        paths,
    })
}
