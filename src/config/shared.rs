//! Sections that log in to one array under one name share its sessions: the array counts them, and has a limit. So they have to say the same of
//! how one logs in there; otherwise the one that is read first would decide for all.

use std::collections::BTreeMap;

use super::{
    access::ArrayAccess,
    backend::Backend,
    mistake::{Mistake, Problem},
    section::{Origin, Report},
    warning::{Doubt, Warning},
};
use crate::model::BackendName;

/// How a login is written.
const LOGIN: [&str; 3] = ["san_password", "san_password_file", "san_private_key"];

/// A section that disagrees with an earlier one about an array: a mistake where it is about who may get in, a warning where it is about limits.
pub(super) fn must_agree(backends: &BTreeMap<BackendName, Backend>, report: &mut Report<'_>) {
    let mut first: BTreeMap<(String, u16, &str), (String, &ArrayAccess)> = BTreeMap::new();
    for (section, access) in sections(backends) {
        let shared = (access.address(), access.san_ssh_port, &*access.san_login);
        let Some((other, of_other)) = first.get(&shared) else {
            first.insert(shared, (section, access));
            continue;
        };
        for key in different_doors(access, of_other) {
            let (key, line) = place(&section, key, report);
            report.mistakes.push(Mistake {
                line,
                section: Some(section.clone()),
                key: Some(key.to_owned()),
                problem: Problem::SharedLogin {
                    other: other.clone(),
                    login: access.san_login.clone(),
                },
            });
        }
        for key in different_limits(access, of_other) {
            let (key, line) = place(&section, key, report);
            report.warnings.push(Warning {
                line,
                section: Some(section.clone()),
                key: Some(key.to_owned()),
                doubt: Doubt::SharedLimits {
                    other: other.clone(),
                    login: access.san_login.clone(),
                },
            });
        }
    }
}

fn sections(
    backends: &BTreeMap<BackendName, Backend>,
) -> impl Iterator<Item = (String, &ArrayAccess)> {
    backends.iter().flat_map(|(name, backend)| {
        let target = backend.replication.as_ref();
        let target = target.map(|target| (format!("{name}.replication_device"), &target.access));
        std::iter::once((name.to_string(), &backend.access)).chain(target)
    })
}

/// The keys that say who may get in, where they differ. For the login any of [`LOGIN`] stands.
fn different_doors(one: &ArrayAccess, other: &ArrayAccess) -> impl Iterator<Item = &'static str> {
    let differs = [
        (LOGIN[0], one.login != other.login),
        (
            "ssh_hosts_key_file",
            one.ssh_hosts_key_file != other.ssh_hosts_key_file,
        ),
        (
            "strict_ssh_host_key_policy",
            one.strict_ssh_host_key_policy != other.strict_ssh_host_key_policy,
        ),
        (
            "ssh_legacy_algorithms",
            one.ssh_legacy_algorithms != other.ssh_legacy_algorithms,
        ),
    ];
    let differs = differs.into_iter();
    differs.filter_map(|(key, differs)| differs.then_some(key))
}

fn different_limits(one: &ArrayAccess, other: &ArrayAccess) -> impl Iterator<Item = &'static str> {
    let differs = [
        ("ssh_pool_size", one.ssh_pool_size != other.ssh_pool_size),
        (
            "ssh_conn_timeout",
            one.ssh_conn_timeout != other.ssh_conn_timeout,
        ),
        (
            "command_timeout",
            one.command_timeout != other.command_timeout,
        ),
    ];
    let differs = differs.into_iter();
    differs.filter_map(|(key, differs)| differs.then_some(key))
}

/// The key as it stands in the section, and its line, if it stands anywhere.
fn place(section: &str, key: &'static str, report: &Report<'_>) -> (&'static str, Option<usize>) {
    let asked = |of: &&super::Setting| {
        of.section == section && (of.key == key || (key == LOGIN[0] && LOGIN.contains(&of.key)))
    };
    let found = report.settings.iter().find(asked);
    let line = found.and_then(|setting| match setting.origin {
        Origin::Line(line) | Origin::Default(line) => Some(line),
        Origin::BuiltIn => None,
    });
    (found.map_or(key, |setting| setting.key), line)
}
