//! From the words after `-o` to a typed request. All mistakes are found before any is reported.

mod original;

use std::collections::BTreeMap;

use original::{check_original, check_place, check_schedule, kind, schedule};

use super::schema::{CLONE_OF, Given, Kind, OPTIONS, OptionSpec, VIRTUAL_COPY_OF};
use crate::{
    model::{BackendName, CpgName, CreateVolume, SnapshotOf, Source, VolumeName},
    volume::{BackendDescription, UserError},
};

/// What the engine sends: names and texts, or null.
pub(super) type RawOptions = BTreeMap<String, Option<String>>;

/// The backend that is meant when none is named.
const DEFAULT_BACKEND: &str = "DEFAULT";

/// The volume that a snapshot or a clone is to be made of, if a name that could be one is given: it has to be looked up before the
/// options are read.
pub(super) fn original(options: &RawOptions) -> Option<VolumeName> {
    let text = |option: &str| options.get(option)?.as_deref();
    [VIRTUAL_COPY_OF, CLONE_OF]
        .into_iter()
        .filter_map(text)
        .find_map(|text| VolumeName::new(text).ok())
}

/// Reads a create request. `original` is what is known of the volume that [`original`] names.
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
    original: Option<&CreateVolume>,
) -> Result<CreateVolume, UserError> {
    let mut mistakes = Vec::new();
    let volume = VolumeName::new(name)
        .map_err(|error| mistakes.push(error.to_string()))
        .ok();
    let given = parse(options, &mut mistakes);
    let kind = kind(options, &mut mistakes);
    check_original(kind, &given, original, &mut mistakes);
    if kind == Kind::Snapshot {
        check_schedule(options, &given, &mut mistakes);
    }
    // A backend name that could not be read has been reported; the default must not stand in for it. Nor for that of a volume that is not
    // there.
    let unread = is_given(options, "backend") && given.backend.is_none();
    let of_unknown = matches!(kind, Kind::Snapshot | Kind::Clone) && original.is_none();
    let backend = if unread || (of_unknown && given.backend.is_none()) {
        None
    } else {
        choose(&given, backends, original, &mut mistakes)
    };
    if let Some(backend) = backend {
        match kind {
            Kind::New | Kind::Clone => check_cpgs(&given, backend, &mut mistakes),
            Kind::Snapshot | Kind::Import => {}
        }
        if kind != Kind::Snapshot {
            check_group(
                is_given(options, "replicationGroup"),
                backend,
                &mut mistakes,
            );
        }
        if let Some(original) = original {
            check_place(kind, original, backend, backends, &mut mistakes);
        }
    }
    match (volume, backend) {
        (Some(volume), Some(backend)) if mistakes.is_empty() => {
            Ok(request(volume, backend, kind, given, original))
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
    original: Option<&CreateVolume>,
    mistakes: &mut Vec<String>,
) -> Option<&'a BackendDescription> {
    let of_original = original.map(|original| &original.backend);
    let asked = given
        .backend
        .as_ref()
        .or(of_original)
        .map_or(DEFAULT_BACKEND, BackendName::as_str);
    let found = backends
        .iter()
        .find(|backend| backend.name.as_str() == asked);
    if found.is_none() {
        let known = quoted(backends.iter().map(|backend| backend.name.as_str()));
        mistakes.push(match (given.backend.is_some(), original) {
            (true, _) => {
                format!("`backend`: `{asked}` is not a backend of hpe.conf, which has {known}")
            }
            (false, Some(original)) => format!(
                "`{}` is on backend `{asked}`, which is not in hpe.conf any more; that has {known}",
                original.name
            ),
            (false, None) => format!(
                "`backend` must be given: hpe.conf has no `{asked}` backend, it has {known}"
            ),
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

fn request(
    name: VolumeName,
    backend: &BackendDescription,
    kind: Kind,
    given: Given,
    original: Option<&CreateVolume>,
) -> CreateVolume {
    let (schedule, scheduled) = schedule(&name, &given).unzip();
    let default = CreateVolume::new(name, backend.name.clone());
    // What is made of another volume is like it, as far as nothing else is asked.
    let like = original.unwrap_or(&default);
    let offered = |cpg: &CpgName, offers: &[CpgName]| offers.contains(cpg).then(|| cpg.clone());
    let cpg = |of: &Option<CpgName>, offers: &[CpgName]| {
        let of = of.as_ref().filter(|_| kind == Kind::Clone);
        of.and_then(|cpg| offered(cpg, offers))
    };
    CreateVolume {
        size: given.size.unwrap_or(like.size),
        provisioning: given.provisioning.unwrap_or(like.provisioning),
        cpg: given.cpg.or_else(|| cpg(&like.cpg, &backend.cpgs)),
        snap_cpg: given
            .snap_cpg
            .or_else(|| cpg(&like.snap_cpg, &backend.snap_cpgs)),
        mount_conflict_delay: given
            .mount_conflict_delay
            .unwrap_or(like.mount_conflict_delay),
        fs_owner: given.fs_owner.or(like.fs_owner),
        fs_mode: given.fs_mode.or(like.fs_mode),
        fs_type: given.fs_type.unwrap_or(like.fs_type),
        replication_group: given.replication_group,
        compression: given.compression,
        flash_cache: given.flash_cache,
        qos: given.qos,
        source: match (given.virtual_copy_of, given.clone_of, given.import) {
            (Some(of), _, _) => Source::Snapshot(Box::new(SnapshotOf {
                of,
                expiration: given.expiration,
                retention: given.retention,
                both: given.snapshot_both.unwrap_or_default(),
                schedule,
                scheduled,
            })),
            (None, Some(of), _) => Source::Clone { of },
            (None, None, Some(vv)) => Source::Import {
                vv,
                policy: given.import_policy.unwrap_or_default(),
            },
            (None, None, None) => Source::Blank,
        },
        ..default
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
mod tests;
