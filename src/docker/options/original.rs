//! What a volume is made from, and what goes with that: the options of snapshots, their schedules, clones and imports.

use super::{RawOptions, is_given, quoted};
use crate::{
    docker::schema::{
        AskedSchedule, CLONE_OF, Given, Kind, NOT_WITH_A_SCHEDULE, OF_A_SCHEDULE, OPTIONS, Place,
        SCHEDULE_NAME, VIRTUAL_COPY_OF,
    },
    model::{CreateVolume, Hours, Schedule, ScheduleName, VolumeName},
    volume::BackendDescription,
};

/// What is asked for.
pub(super) fn kind(options: &RawOptions, mistakes: &mut Vec<String>) -> Kind {
    let asked: Vec<(Kind, &str)> = [Kind::Snapshot, Kind::Clone, Kind::Import]
        .into_iter()
        .filter_map(|kind| Some((kind, kind.option()?)))
        .filter(|(_, option)| is_given(options, option))
        .collect();
    let kind = match asked.as_slice() {
        [] => Kind::New,
        [(kind, option)] => {
            let wrong = OPTIONS
                .iter()
                .filter(|option| is_given(options, option.name) && !option.place.is_with(*kind));
            mistakes.extend(
                wrong.map(|wrong| format!("`{}` cannot be given with `{option}`", wrong.name)),
            );
            return *kind;
        }
        [(kind, _), ..] => {
            let names = quoted(asked.iter().map(|(_, option)| *option));
            mistakes.push(format!("{names} cannot be given together"));
            return *kind;
        }
    };
    let lonely = OPTIONS
        .iter()
        .filter(|option| is_given(options, option.name) && !option.place.is_with(kind))
        .filter_map(|option| {
            let Place::With([needs, ..]) = option.place else {
                return None;
            };
            Some(format!("`{}` needs `{}`", option.name, needs.option()?))
        });
    mistakes.extend(lonely);
    kind
}

/// What can be said of the volume that another is to be made of.
pub(super) fn check_original(
    kind: Kind,
    given: &Given,
    original: Option<&CreateVolume>,
    mistakes: &mut Vec<String>,
) {
    let (option, name) = match kind {
        Kind::Snapshot => (VIRTUAL_COPY_OF, &given.virtual_copy_of),
        Kind::Clone => (CLONE_OF, &given.clone_of),
        Kind::New | Kind::Import => return,
    };
    // A name that could not be read has been reported.
    let Some(name) = name else { return };
    let Some(original) = original else {
        mistakes.push(format!("`{option}`: there is no volume `{name}`"));
        return;
    };
    if let Some(snapshot) = original.source.snapshot() {
        mistakes.push(format!(
            "`{option}`: `{name}` is a snapshot of `{}`; use that volume",
            snapshot.of
        ));
    }
    if let Some(size) = given.size.filter(|size| *size < original.size) {
        mistakes.push(format!(
            "`size`: {size} is less than the {} of `{name}`, and a clone has all of it",
            original.size
        ));
    }
    check_times(
        "retentionHours",
        given.retention,
        given.expiration,
        mistakes,
    );
    if given.snapshot_both == Some(true) && original.replication_group.is_none() {
        mistakes.push(format!(
            "`snapshotBoth`: `{name}` is in no remote copy group, so it is on one array only"
        ));
    }
}

/// A snapshot is where its volume is, and a clone on an array that has the data: which one serves them shows when it is made.
pub(super) fn check_place(
    kind: Kind,
    original: &CreateVolume,
    backend: &BackendDescription,
    backends: &[BackendDescription],
    mistakes: &mut Vec<String>,
) {
    if kind == Kind::Snapshot && backend.name != original.backend {
        mistakes.push(format!(
            "`backend`: a snapshot is where its volume is, and `{}` is on backend `{}`",
            original.name, original.backend
        ));
    }
    let is_at = backends.iter().find(|b| b.name == original.backend);
    let has_none_of = |at: &&BackendDescription| {
        let mut arrays = at.arrays();
        !arrays.any(|array| backend.arrays().any(|other| other == array))
    };
    if let Some(is_at) = is_at.filter(|at| kind == Kind::Clone && has_none_of(at)) {
        let its: Vec<String> = is_at.arrays().map(|array| format!("`{array}`")).collect();
        mistakes.push(format!(
            "`backend`: `{}` is on array {}, and a clone is made where its data are, where backend `{}` has no volumes",
            original.name,
            its.join(" and its copy on "),
            backend.name
        ));
    }
}

/// A schedule is all of its options, and its snapshot lives as long as it does.
pub(super) fn check_schedule(options: &RawOptions, given: &Given, mistakes: &mut Vec<String>) {
    if !is_given(options, SCHEDULE_NAME) {
        let lonely = OF_A_SCHEDULE
            .iter()
            .filter(|option| is_given(options, option));
        mistakes.extend(lonely.map(|option| format!("`{option}` needs `{SCHEDULE_NAME}`")));
        return;
    }
    for needed in ["scheduleFrequency", "snapshotPrefix"] {
        if !is_given(options, needed) {
            mistakes.push(format!("`{needed}` must be given with `{SCHEDULE_NAME}`"));
        }
    }
    for wrong in NOT_WITH_A_SCHEDULE {
        if is_given(options, wrong) {
            mistakes.push(format!(
                "`{wrong}` cannot be given with `{SCHEDULE_NAME}`: the schedule goes with this snapshot (`expHrs` and `retHrs` are for \
                 those that it takes)"
            ));
        }
    }
    check_times(
        "retHrs",
        given.schedule_retention,
        given.schedule_expiration,
        mistakes,
    );
}

fn check_times(
    option: &str,
    retention: Option<Hours>,
    expiration: Option<Hours>,
    mistakes: &mut Vec<String>,
) {
    if let (Some(retention), Some(expiration)) = (retention, expiration)
        && retention > expiration
    {
        mistakes.push(format!(
            "`{option}`: the array cannot remove after {expiration} what nobody may remove for {retention}"
        ));
    }
}

/// The schedule that was asked for, and what it is called; none without its name, or without what it needs.
pub(super) fn schedule(volume: &VolumeName, given: &Given) -> Option<(ScheduleName, Schedule)> {
    let name = match given.schedule_name.as_ref()? {
        AskedSchedule::Auto => ScheduleName::of_snapshot(volume),
        AskedSchedule::Named(name) => name.clone(),
    };
    let schedule = Schedule {
        frequency: given.schedule_frequency.clone()?,
        prefix: given.snapshot_prefix.clone()?,
        expiration: given.schedule_expiration,
        retention: given.schedule_retention,
    };
    Some((name, schedule))
}
