//! `setrcopygroup failover`, `recover`, `restore`, `reverse`, `switchover`, `override`: what is checked before a task begins.
//! What the tasks do is in [`crate::remote_copy`].

use std::collections::BTreeSet;

use super::super::createvv::refuse;
use super::super::{Answer, Call, Options, usage};
use super::COMMAND;
use crate::names::question;
use crate::remote_copy::{
    Half, Wish, all_synced, begin, check_target, groups_named, hurry, locate, must_be_ready,
    must_not_be_promoted, must_send, must_share_its_mode, stop, sync_to_the_end, tick,
};
use crate::state::{Array, FailoverStage, Group, GroupStatus, Mode, Takeover, Turn};

/// `setrcopygroup <operation> [options] {<group>|<pattern>|<target>}...`.
pub(super) fn run(
    call: &mut Call<'_>,
    options: &Options,
    what: Takeover,
    words: &[String],
) -> Result<Answer, Answer> {
    let wish = wish(options, what)?;
    let mut halves = Vec::new();
    let mut left_out: Option<Answer> = None;
    for name in names(call, options, what, words)? {
        let half = locate(call, &name)?;
        check_target(call, &half, options.value("t"))?;
        match check(call, &half, options, wish) {
            Ok(()) => halves.push(half),
            // Restore does what it can (help page).
            Err(refusal) if what == Takeover::Restore => match &mut left_out {
                Some(refusals) => refusals.stderr += &refusal.stderr,
                None => left_out = Some(refusal),
            },
            Err(refusal) => return Err(refusal),
        }
    }
    if let Some(refusals) = left_out.take_if(|_| halves.is_empty()) {
        return Err(refusals);
    }
    if !options.has("f") && !call.confirmed {
        return Ok(Answer::asks(question(&ask(what, &halves))));
    }
    let (now, user) = (call.now, call.user.to_owned());
    let mut tasks = Vec::new();
    for half in &halves {
        if options.has("stopgroups") && half.get(call.world).is_some_and(Group::is_started) {
            let sender = if half.get(call.world).is_some_and(Group::sends) {
                Some(half.clone())
            } else {
                half.other(call.world)
            };
            if let Some(sender) = sender {
                stop(call.world, &sender, now, !options.has("nosnap"));
            }
        }
        tasks.push(begin(call.world, half, wish, &user, now));
    }
    let mut answer = Answer::says(said(what, &halves, &tasks));
    if options.has("waittask") {
        wait(call, &halves, &tasks, &mut answer);
    }
    if let Some(refusals) = left_out {
        answer.stderr = refusals.stderr;
        answer.status = refusals.status;
    }
    Ok(answer)
}

/// Options that fit the operation; a person is told at once of those that do not.
fn wish(options: &Options, what: Takeover) -> Result<Wish, Answer> {
    let only: [(&str, &[Takeover]); 9] = [
        (
            "nostart",
            &[Takeover::Failover, Takeover::Recover, Takeover::Restore],
        ),
        (
            "nosync",
            &[Takeover::Failover, Takeover::Recover, Takeover::Restore],
        ),
        ("discard", &[Takeover::Failover]),
        ("nopromote", &[Takeover::Failover, Takeover::Reverse]),
        (
            "nosnap",
            &[
                Takeover::Failover,
                Takeover::Restore,
                Takeover::Reverse,
                Takeover::Switchover,
            ],
        ),
        ("stopgroups", &[Takeover::Reverse]),
        ("local", &[Takeover::Reverse]),
        ("natural", &[Takeover::Reverse]),
        ("current", &[Takeover::Reverse]),
    ];
    if let Some((option, _)) = only
        .iter()
        .find(|(option, with)| options.has(option) && !with.contains(&what))
    {
        return Err(usage(
            &COMMAND,
            &format!("-{option} is not valid with {what}"),
        ));
    }
    let turn = match (options.has("natural"), options.has("current")) {
        (true, true) => {
            return Err(usage(
                &COMMAND,
                "-natural and -current are mutually exclusive",
            ));
        }
        (true, false) => Turn::Natural,
        (false, true) => Turn::Current,
        (false, false) if options.has("local") => {
            return Err(usage(&COMMAND, "-local needs -natural or -current"));
        }
        (false, false) => Turn::Both,
    };
    Ok(Wish {
        nostart: options.has("nostart"),
        nosync: options.has("nosync"),
        nosnap: options.has("nosnap"),
        local: options.has("local"),
        turn,
        ..Wish::plain(what)
    })
}

/// Groups by name or pattern; a target, by its name or with `-t` alone, stands for its groups on the side that is meant.
fn names(
    call: &mut Call<'_>,
    options: &Options,
    what: Takeover,
    words: &[String],
) -> Result<Vec<String>, Answer> {
    let array = call.here();
    let target = match words {
        [] => options.value("t"),
        [word] if !options.has("pat") && !array.groups.contains_key(word) => Some(word.as_str()),
        _ => None,
    };
    let Some(target) = target.filter(|name| array.targets.iter().any(|one| one.name == *name))
    else {
        return groups_named(call, &COMMAND, options, words);
    };
    let fits = |group: &&Group| {
        group.target == target
            && (what == Takeover::Reverse || group.sends() != (what == Takeover::Failover))
    };
    let names: Vec<String> = array
        .groups
        .values()
        .filter(fits)
        .map(|group| group.name.clone())
        .collect();
    if names.is_empty() {
        return Err(refuse(format!(
            "Error: target {target} has no groups for {what}"
        )));
    }
    Ok(names)
}

fn check(call: &Call<'_>, half: &Half, options: &Options, wish: Wish) -> Result<(), Answer> {
    let Some(group) = half.get(call.world) else {
        return Ok(());
    };
    let name = &group.name;
    if group.volumes.is_empty() {
        return Err(refuse(format!("Error: Group {name} contains no volumes")));
    }
    must_not_be_promoted(call.world, half)?;
    let not_stopped = || refuse(format!("Error: Remote copy group {name} is not stopped"));
    match wish.what {
        Takeover::Failover => {
            if group.sends() {
                return Err(refuse(format!(
                    "Error: Group {name} is a primary group, this operation is allowed only on the secondary side"
                )));
            }
            let may_be_started = group.has_policy("auto_synchronize") && group.mode == Mode::Sync;
            if group.is_started() && !may_be_started {
                return Err(not_stopped());
            }
        }
        Takeover::Recover | Takeover::Restore => {
            must_send(call, half)?;
            // What it has is older than what the other side has if that took over.
            if group.status == GroupStatus::Failsafe {
                return Err(refuse(format!("Error: Group {name} is in failsafe state")));
            }
            let recovers = wish.what == Takeover::Recover;
            let failed_over = recovers && group.failover == FailoverStage::TakenOver;
            if !group.role.is_reversed() && !failed_over {
                return Err(refuse(format!(
                    "Error: the role of group {name} was not previously switched"
                )));
            }
            if recovers && group.is_started() {
                return Err(not_stopped());
            }
            // A way back that was interrupted is begun again.
            let other = half.receiver(call.world);
            let fits = other
                .and_then(|other| other.get(call.world))
                .is_none_or(|other| other.role.is_reversed() == group.role.is_reversed());
            if recovers && !fits {
                return Err(conflict(name));
            }
            must_be_ready(call, half)?;
            if !group.is_started() {
                must_share_its_mode(call, half)?;
            }
        }
        Takeover::Reverse => {
            let stops = options.has("stopgroups") || wish.turn == Turn::Natural;
            if group.is_started() && !stops {
                return Err(not_stopped());
            }
        }
        Takeover::Switchover => check_switchover(call, half, group)?,
        Takeover::Override => {
            if group.status != GroupStatus::Failsafe {
                return Err(refuse(format!(
                    "Error: Group {name} is not in failsafe state"
                )));
            }
        }
    }
    Ok(())
}

/// Hosts must be able to go on at the other array: everything is equal there, under the same WWNs.
fn check_switchover(call: &Call<'_>, half: &Half, group: &Group) -> Result<(), Answer> {
    must_send(call, half)?;
    let name = &group.name;
    if group.mode != Mode::Sync {
        return Err(refuse(format!("Error: Group {name} is not synchronous")));
    }
    if !group.has_policy("path_management") {
        return Err(refuse(format!(
            "Error: Group {name} does not have the policy path_management"
        )));
    }
    if !group.is_started() {
        return Err(refuse("Group isn't started"));
    }
    must_be_ready(call, half)?;
    if !all_synced(call.world, half) {
        return Err(refuse(format!(
            "Error: Not all volumes of group {name} are synced"
        )));
    }
    let Some(other) = half.receiver(call.world) else {
        return Err(conflict(name));
    };
    let wwn = |array: &str, vv: &str| {
        let vv = call.world.arrays.get(array)?.vvs.get(vv)?;
        Some(vv.wwn.clone())
    };
    let foreign = group
        .volumes
        .iter()
        .find(|volume| wwn(&half.array, &volume.local) != wwn(&other.array, &volume.remote));
    if let Some(volume) = foreign {
        return Err(refuse(format!(
            "Error: Volume {} of group {name} has another WWN on the target",
            volume.local
        )));
    }
    let (Some(here), Some(there)) = (
        call.world.arrays.get(&half.array),
        call.world.arrays.get(&other.array),
    ) else {
        return Ok(());
    };
    if !here.switch("switchover_needs_hosts") {
        return Ok(());
    }
    // Hosts may have another name there; their initiators have not.
    let initiators = |array: &Array, vv: &str| -> BTreeSet<String> {
        let paths = array.active_vluns().into_iter();
        paths
            .filter(|path| path.vv == vv)
            .map(|path| path.initiator.to_lowercase())
            .collect()
    };
    let alone = group.volumes.iter().find(|volume| {
        !initiators(here, &volume.local).is_subset(&initiators(there, &volume.remote))
    });
    match alone {
        Some(volume) => Err(refuse(format!(
            "Error: Volume {} of group {name} is exported to hosts that do not have it on the target",
            volume.local
        ))),
        None => Ok(()),
    }
}

fn conflict(group: &str) -> Answer {
    refuse(format!(
        "Error: Roles of group {group} conflict with this operation"
    ))
}

fn ask(what: Takeover, halves: &[Half]) -> String {
    if what == Takeover::Restore {
        return "This command will cause all indicated groups to be returned to their natural direction on both the local and target systems.\nAre you sure you want to continue?".to_owned();
    }
    let names: Vec<&str> = halves.iter().map(|half| half.group.as_str()).collect();
    format!(
        "Are you sure you want to run {what} on group {}?",
        names.join(" ")
    )
}

fn said(what: Takeover, halves: &[Half], tasks: &[u32]) -> String {
    let mut text = String::new();
    for half in halves {
        text += &format!("setrcopygroup for {what} {}\n", half.group);
    }
    let tasks: Vec<String> = tasks.iter().map(u32::to_string).collect();
    text + &format!("{what} started with tasks: {}\n", tasks.join(", "))
}

/// `-waittask`: everything happens at this instant, copies too.
fn wait(call: &mut Call<'_>, halves: &[Half], tasks: &[u32], answer: &mut Answer) {
    let now = call.now;
    answer.stdout += "Waiting for tasks to complete\n";
    for half in halves {
        // A restore may have to wait for two synchronisations; its task then ends in the third round.
        for _ in 0..3 {
            let waits = half
                .get(call.world)
                .is_some_and(|group| group.operation.is_some());
            if !waits {
                break;
            }
            sync_to_the_end(call.world, half, now);
            hurry(call.world, half, now);
            tick(call.world, now);
        }
    }
    for id in tasks {
        let done = call
            .here()
            .tasks
            .iter()
            .any(|task| task.id == *id && task.status == "done");
        answer.stdout += &format!("Task {id} {}\n", if done { "done" } else { "failed" });
        if !done {
            answer.status = 1;
        }
    }
}
