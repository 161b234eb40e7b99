//! Passwords that HPE's python plugin encrypted.
//!
//! Its passphrase is kept in etcd and belongs to a backend: either all passwords of the backend and its target are encrypted
//! (AES, then base64) or none is.

use base64::{Engine, engine::general_purpose::STANDARD};
use toml::de::DeTable;

use super::{Place, REPLICATION_DEVICE};
use crate::config::{mistake::Problem, section::Report};

/// All that the python plugin encrypts.
const ENCRYPTED: [&str; 2] = ["san_password", "hpe3par_password"];
/// The one that is used here.
const USED: &str = "san_password";

/// Refuses passwords of a backend that are encrypted: all of them are base64, and one ends as only base64 does. Where none ends
/// so, nobody can tell, and the array will say that the password is wrong.
pub(super) fn check(name: &str, backend: &DeTable<'_>, report: &mut Report<'_>) {
    let target = backend
        .get(REPLICATION_DEVICE)
        .and_then(|value| value.get_ref().as_table());
    let target_name = format!("{name}.{REPLICATION_DEVICE}");
    let tables = [
        Some((name, backend)),
        target.map(|t| (target_name.as_str(), t)),
    ];
    let found: Vec<(&str, usize, &str, &str)> = tables
        .into_iter()
        .flatten()
        .flat_map(|(section, table)| ENCRYPTED.map(|key| (section, table, key)))
        .filter_map(|(section, table, key)| {
            let (place, value) = table.get_key_value(key)?;
            let text = value.get_ref().as_str()?;
            Some((section, report.line(place.span().start), key, text))
        })
        .collect();
    let all = found.iter().all(|(.., text)| STANDARD.decode(text).is_ok());
    let one = found.iter().any(|(.., text)| text.ends_with('='));
    if all && one {
        for (section, line, key, _) in found.iter().filter(|(_, _, key, _)| *key == USED) {
            Place::new(section, *line, Some(key)).mistake(report, Problem::Encrypted);
        }
    }
}
