//! From the words after `-o` to a typed request. All mistakes are found before any is reported.

use std::collections::BTreeMap;

use super::schema::{Given, OPTIONS, OptionSpec};
use crate::{
    model::{BackendName, CpgName, CreateVolume, VolumeName},
    volume::{BackendDescription, UserError},
};

/// What the engine sends: names and texts, or null.
pub(super) type RawOptions = BTreeMap<String, Option<String>>;

/// The backend that is meant when none is named.
const DEFAULT_BACKEND: &str = "DEFAULT";

/// Reads a create request.
///
/// An empty or null value is the same as not giving the option: that is what Compose makes of `${SIZE}` when it is unset.
/// So an empty `replicationGroup` is still refused where a group is mandatory.
///
/// # Errors
/// One line with every mistake in the name and the options.
pub(super) fn read(
    name: &str,
    options: &RawOptions,
    backends: &[BackendDescription],
) -> Result<CreateVolume, UserError> {
    let mut mistakes = Vec::new();
    let volume = VolumeName::new(name)
        .map_err(|error| mistakes.push(error.to_string()))
        .ok();
    let given = parse(options, &mut mistakes);
    // A backend name that could not be read has been reported; the default must not stand in for it.
    let unread = is_given(options, "backend") && given.backend.is_none();
    let backend = if unread {
        None
    } else {
        choose(&given, backends, &mut mistakes)
    };
    if let Some(backend) = backend {
        check_cpgs(&given, backend, &mut mistakes);
        check_group(
            is_given(options, "replicationGroup"),
            backend,
            &mut mistakes,
        );
    }
    match (volume, backend) {
        (Some(volume), Some(backend)) if mistakes.is_empty() => {
            Ok(request(volume, backend.name.clone(), given))
        }
        _ => Err(refusal(name, &mistakes)),
    }
}

fn is_given(options: &RawOptions, name: &str) -> bool {
    options
        .get(name)
        .is_some_and(|value| value.as_deref().is_some_and(|text| !text.is_empty()))
}

fn parse(options: &RawOptions, mistakes: &mut Vec<String>) -> Given {
    let mut given = Given::default();
    for (name, value) in options {
        let Some(option) = OPTIONS.iter().find(|option| option.name == name) else {
            mistakes.push(unknown(name));
            continue;
        };
        let text = value.as_deref().unwrap_or_default();
        if text.is_empty() {
            continue;
        }
        if let Err(mistake) = (option.read)(&mut given, text) {
            mistakes.push(format!("`{}`: {mistake}", option.name));
        }
    }
    given
}

fn unknown(name: &str) -> String {
    let shown: String = name.chars().take(80).collect();
    match nearest(name) {
        Some(option) => format!(
            "`{shown}` is not an option, did you mean `{}`?",
            option.name
        ),
        None => format!("`{shown}` is not an option"),
    }
}

/// The option that a person most likely meant: at most two slips away, and not a different word altogether.
fn nearest(name: &str) -> Option<&'static OptionSpec> {
    let lower: String = name.chars().take(80).collect::<String>().to_lowercase();
    OPTIONS
        .iter()
        .map(|option| {
            let distance = strsim::damerau_levenshtein(&lower, &option.name.to_lowercase());
            (distance, option)
        })
        .filter(|(distance, option)| *distance <= 2 && distance * 2 <= option.name.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, option)| option)
}

fn choose<'a>(
    given: &Given,
    backends: &'a [BackendDescription],
    mistakes: &mut Vec<String>,
) -> Option<&'a BackendDescription> {
    let asked = given
        .backend
        .as_ref()
        .map_or(DEFAULT_BACKEND, BackendName::as_str);
    let found = backends
        .iter()
        .find(|backend| backend.name.as_str() == asked);
    if found.is_none() {
        let known = quoted(backends.iter().map(|backend| backend.name.as_str()));
        mistakes.push(if given.backend.is_some() {
            format!("`backend`: `{asked}` is not a backend of hpe.conf, which has {known}")
        } else {
            format!("`backend` must be given: hpe.conf has no `{asked}` backend, it has {known}")
        });
    }
    found
}

fn check_cpgs(given: &Given, backend: &BackendDescription, mistakes: &mut Vec<String>) {
    let mut member = |option: &str, asked: Option<&CpgName>, allowed: &[CpgName]| {
        if let Some(cpg) = asked.filter(|cpg| !allowed.contains(cpg)) {
            let list = quoted(allowed.iter().map(CpgName::as_str));
            mistakes.push(format!(
                "`{option}`: backend `{}` does not offer `{cpg}`, it offers {list}",
                backend.name
            ));
        }
    };
    member("cpg", given.cpg.as_ref(), &backend.cpgs);
    member("snapcpg", given.snap_cpg.as_ref(), &backend.snap_cpgs);
    // A volume without a place on the second array cannot be admitted to any group.
    let used = given.cpg.as_ref().or(backend.cpgs.first());
    if let Some(cpg) = used.filter(|cpg| {
        backend.replication && backend.cpgs.contains(cpg) && !backend.cpg_map_sources.contains(cpg)
    }) {
        let list = quoted(backend.cpg_map_sources.iter().map(CpgName::as_str));
        mistakes.push(format!(
            "`cpg`: `{cpg}` has no partner on the second array, `cpg_map` of backend `{}` has {list}",
            backend.name
        ));
    }
}

/// The three rules of replication. `given` is true for a group whose name could not be read, too.
fn check_group(given: bool, backend: &BackendDescription, mistakes: &mut Vec<String>) {
    match (backend.replication, given) {
        (true, false) => mistakes.push(format!(
            "`replicationGroup` must be given: backend `{}` replicates every volume (for a volume without replication \
             choose a backend that has no `replication_device`)",
            backend.name
        )),
        (false, true) => mistakes.push(format!(
            "`replicationGroup`: backend `{}` has no `replication_device` (leave the option out, or choose a backend that \
             has one)",
            backend.name
        )),
        (true, true) | (false, false) => {}
    }
}

fn request(name: VolumeName, backend: BackendName, given: Given) -> CreateVolume {
    CreateVolume {
        name,
        backend,
        size: given.size.unwrap_or(CreateVolume::DEFAULT_SIZE),
        provisioning: given.provisioning.unwrap_or_default(),
        cpg: given.cpg,
        snap_cpg: given.snap_cpg,
        mount_conflict_delay: given
            .mount_conflict_delay
            .unwrap_or(CreateVolume::DEFAULT_MOUNT_CONFLICT_DELAY),
        fs_owner: given.fs_owner,
        fs_mode: given.fs_mode,
        fs_type: given.fs_type.unwrap_or_default(),
        replication_group: given.replication_group,
    }
}

fn refusal(name: &str, mistakes: &[String]) -> UserError {
    let shown: String = name.chars().take(80).collect();
    UserError {
        message: format!("volume `{shown}` was not created: {}", mistakes.join("; ")),
        hint: Some("`docker volume create -d hpe -o help` explains every option".to_owned()),
    }
}

/// `` `a`, `b` ``, or `none`.
fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let list: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if list.is_empty() {
        "none".to_owned()
    } else {
        list.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FsMode, FsOwner, FsType, GroupName, Provisioning, Size};

    fn cpgs(names: &[&str]) -> Vec<CpgName> {
        names
            .iter()
            .map(|name| CpgName::new(name).unwrap())
            .collect()
    }

    /// `DEFAULT` is plain, `mirror` replicates two of its three CPGs.
    fn backends() -> Vec<BackendDescription> {
        vec![
            BackendDescription {
                name: BackendName::new("DEFAULT").unwrap(),
                cpgs: cpgs(&["fast", "slow"]),
                snap_cpgs: cpgs(&["snaps"]),
                replication: false,
                cpg_map_sources: vec![],
            },
            BackendDescription {
                name: BackendName::new("mirror").unwrap(),
                cpgs: cpgs(&["fast", "slow", "local"]),
                snap_cpgs: cpgs(&["snaps"]),
                replication: true,
                cpg_map_sources: cpgs(&["fast", "slow"]),
            },
        ]
    }

    fn raw(options: &[(&str, &str)]) -> RawOptions {
        options
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())))
            .collect()
    }

    fn ok(options: &[(&str, &str)]) -> CreateVolume {
        read("db1", &raw(options), &backends()).unwrap()
    }

    fn message(options: &[(&str, &str)]) -> String {
        read("db1", &raw(options), &backends()).unwrap_err().message
    }

    #[test]
    fn nothing_given_is_the_plain_default() {
        let volume = ok(&[]);
        assert_eq!(volume.backend.as_str(), "DEFAULT");
        assert_eq!(volume.size, Size::from_gib(100));
        assert_eq!(volume.provisioning, Provisioning::Thin);
        assert_eq!(volume.mount_conflict_delay, 30);
        assert_eq!(volume.fs_type, FsType::Ext4);
        let rest = (volume.cpg, volume.snap_cpg, volume.fs_owner, volume.fs_mode);
        assert_eq!(rest, (None, None, None, None));
        assert_eq!(volume.replication_group, None);
    }

    #[test]
    fn the_defaults_in_the_table_are_the_defaults_in_force() {
        let mut written = Given::default();
        for option in OPTIONS {
            if [
                "size",
                "provisioning",
                "backend",
                "mountConflictDelay",
                "fsType",
            ]
            .contains(&option.name)
            {
                (option.read)(&mut written, option.default).unwrap();
            }
        }
        let backend = written.backend.clone().unwrap();
        assert_eq!(
            request(VolumeName::new("db1").unwrap(), backend, written),
            ok(&[])
        );
    }

    #[test]
    fn everything_given_arrives() {
        let volume = ok(&[
            ("size", "50"),
            ("provisioning", "dedup"),
            ("cpg", "slow"),
            ("snapcpg", "snaps"),
            ("backend", "mirror"),
            ("mountConflictDelay", "5"),
            ("fsOwner", "999:50"),
            ("fsMode", "0750"),
            ("fsType", "xfs"),
            ("replicationGroup", "prod_rcg"),
        ]);
        assert_eq!(volume.size, Size::from_gib(50));
        assert_eq!(volume.provisioning, Provisioning::Dedup);
        assert_eq!(volume.cpg, CpgName::new("slow").ok());
        assert_eq!(volume.snap_cpg, CpgName::new("snaps").ok());
        assert_eq!(volume.backend.as_str(), "mirror");
        assert_eq!(volume.mount_conflict_delay, 5);
        assert_eq!(volume.fs_owner, Some(FsOwner { uid: 999, gid: 50 }));
        assert_eq!(volume.fs_mode, Some(FsMode(0o750)));
        assert_eq!(volume.fs_type, FsType::Xfs);
        assert_eq!(volume.replication_group, GroupName::new("prod_rcg").ok());
    }

    #[test]
    fn empty_and_null_values_are_not_given() {
        let empty: Vec<_> = OPTIONS.iter().map(|option| (option.name, "")).collect();
        assert_eq!(ok(&empty), ok(&[]));
        let null = OPTIONS
            .iter()
            .map(|option| (option.name.to_owned(), None))
            .collect();
        assert_eq!(read("db1", &null, &backends()), Ok(ok(&[])));
        assert!(
            message(&[("backend", "mirror"), ("replicationGroup", "")]).contains("must be given")
        );
    }

    #[test]
    fn the_three_rules_of_replication() {
        let group = ("replicationGroup", "prod");
        let (plain, mirror) = (("backend", "DEFAULT"), ("backend", "mirror"));
        for (options, expected) in [
            (vec![plain], Ok(())),
            (
                vec![plain, group],
                Err("`replicationGroup`: backend `DEFAULT` has no `replication_device`"),
            ),
            (
                vec![group],
                Err("`replicationGroup`: backend `DEFAULT` has no `replication_device`"),
            ),
            (
                vec![mirror],
                Err("`replicationGroup` must be given: backend `mirror`"),
            ),
            (vec![mirror, group], Ok(())),
            (vec![mirror, group, ("cpg", "slow")], Ok(())),
            (
                vec![mirror, group, ("cpg", "local")],
                Err("`cpg`: `local` has no partner on the second array"),
            ),
            (
                vec![plain, ("cpg", "local")],
                Err("`cpg`: backend `DEFAULT` does not offer `local`"),
            ),
        ] {
            let result = read("db1", &raw(&options), &backends());
            match (expected, result) {
                (Ok(()), Ok(volume)) => {
                    assert_eq!(volume.replication_group.is_some(), options.contains(&group));
                }
                (Err(part), Err(error)) => {
                    assert!(error.message.contains(part), "{options:?}: {error}");
                    assert!(
                        !error.message.contains("; "),
                        "one mistake is reported once: {error}"
                    );
                }
                (expected, result) => panic!("{options:?}: {expected:?}, got {result:?}"),
            }
        }
    }

    #[test]
    fn the_default_cpg_of_a_replicated_backend_needs_a_partner_too() {
        let mut backends = backends();
        backends[1].cpg_map_sources = cpgs(&["slow"]);
        let options = [("backend", "mirror"), ("replicationGroup", "prod")];
        let error = read("db1", &raw(&options), &backends).unwrap_err();
        assert!(error.message.contains("`fast` has no partner"), "{error}");
    }

    #[test]
    fn every_bad_value_is_refused_by_name() {
        for (option, value) in [
            ("size", "0"),
            ("size", "-5"),
            ("size", "10g"),
            ("size", "16385"),
            ("provisioning", "Thin"),
            ("provisioning", "fat"),
            ("cpg", "absent"),
            ("cpg", "a b"),
            ("snapcpg", "fast"),
            ("snapcpg", "-f"),
            ("backend", "absent"),
            ("backend", "a;b"),
            ("mountConflictDelay", "601"),
            ("mountConflictDelay", "soon"),
            ("fsOwner", "root:root"),
            ("fsOwner", "1000"),
            ("fsMode", "999"),
            ("fsMode", "rwx"),
            ("fsType", "ntfs"),
            ("fsType", "EXT4"),
        ] {
            let message = message(&[(option, value)]);
            assert!(
                message.contains(&format!("`{option}`: ")),
                "{option}={value}: {message}"
            );
            assert!(
                message.contains(&format!("`{value}`")),
                "{option}={value}: {message}"
            );
        }
        let long = "g".repeat(23);
        assert!(
            message(&[("backend", "mirror"), ("replicationGroup", &long)]).contains("at most 22")
        );
        let message = message(&[("backend", "mirror"), ("replicationGroup", "a b")]);
        assert!(
            !message.contains("must be given"),
            "a bad group is not a missing group: {message}"
        );
    }

    #[test]
    fn all_mistakes_come_at_once() {
        let options = raw(&[
            ("size", "big"),
            ("Cpg", "x"),
            ("fsMode", "9"),
            ("replicationGroup", "g"),
        ]);
        let error = read("../x", &options, &backends()).unwrap_err();
        for part in [
            "`../x` is not a valid volume",
            "`big`",
            "`Cpg` is not",
            "`9`",
            "`replicationGroup`: ",
        ] {
            assert!(error.message.contains(part), "{part} in {error}");
        }
        assert!(error.hint.is_some());
    }

    #[test]
    fn a_near_miss_names_what_was_meant() {
        for (typed, meant) in [
            ("Size", "size"),
            ("sizee", "size"),
            ("replicationgroup", "replicationGroup"),
            ("repliactionGroup", "replicationGroup"),
            ("fsowner", "fsOwner"),
            ("cgp", "cpg"),
        ] {
            let message = message(&[(typed, "1")]);
            assert!(
                message.contains(&format!("did you mean `{meant}`?")),
                "{typed}: {message}"
            );
        }
        for other in ["colour", "xyz", "s", ""] {
            let message = message(&[(other, "1")]);
            assert!(message.contains("is not an option"), "{message}");
            assert!(!message.contains("did you mean"), "{message}");
        }
    }

    #[test]
    fn without_a_default_backend_one_must_be_named() {
        let error = read("db1", &raw(&[]), &backends()[1..]).unwrap_err();
        assert!(error.message.contains("`backend` must be given"), "{error}");
        assert!(error.message.contains("`mirror`"), "{error}");
    }
}
