//! `group plan`: what to type, and what stands against it.

use std::io;

use serde::Serialize;

use super::{
    Site,
    seen::{Found, exposure, find},
    view::{Head, InUseView, WitnessView, manages_paths},
    witness::witnesses,
};
use crate::{
    model::{GroupStatus, Role, Side},
    operator::{Exit, Streams},
    replication::{Afterwards, Operation, OperatorPlan, PlannedCommand},
};

#[derive(Serialize)]
struct PlanView<'p> {
    operation: String,
    #[serde(flatten)]
    head: Head,
    /// The commands may be typed now.
    now: bool,
    /// It is so already.
    done: Option<String>,
    objections: Vec<ObjectionView>,
    cautions: Vec<String>,
    in_use: Vec<InUseView>,
    witness: Vec<WitnessView>,
    commands: Vec<CommandView<'p>>,
    afterwards: Vec<AfterwardsView>,
}

#[derive(Serialize)]
struct ObjectionView {
    message: String,
    hint: String,
    /// The commands are right when it is gone.
    passes: bool,
}

#[derive(Serialize)]
struct CommandView<'p> {
    /// Address of the array, as hpe.conf has it.
    array: &'p str,
    /// The array's own name, if it told.
    system: Option<String>,
    group: &'p str,
    target: &'p str,
    line: &'p str,
    /// `<n>` is a number; empty: it is silent.
    prints: &'p [String],
    /// Seen on a real array; otherwise expected.
    prints_seen: bool,
    then: &'p str,
}

#[derive(Serialize)]
struct AfterwardsView {
    source: Option<HalfView>,
    peer: Option<HalfView>,
    when: Option<&'static str>,
}

#[derive(Serialize)]
struct HalfView {
    role: Role,
    status: GroupStatus,
}

pub(super) async fn run(
    site: &Site,
    operation: Operation,
    name: &str,
    to: &mut Streams<'_>,
) -> io::Result<Exit> {
    let found = match find(site, name).await {
        Ok(found) => found,
        Err(errors) => {
            for error in errors {
                writeln!(to.err, "error: {error}")?;
            }
            return Ok(Exit::Problems);
        }
    };
    let (in_use, witness) = tokio::join!(found.in_use(site), witnesses(&found, site));
    let exposure = exposure(&in_use, witness);
    let plan = found.sides.plan(operation, &exposure);
    let in_use = InUseView::of(&found.sides, &exposure);
    let witness = WitnessView::of(&found.sides, &exposure.witness);
    if site.json {
        serde_json::to_writer_pretty(&mut *to.out, &view(&found, &plan, in_use, witness))?;
        writeln!(to.out)?;
    } else {
        print(&found, &plan, &in_use, &witness, to)?;
    }
    Ok(if plan.objections.is_empty() {
        Exit::Ok
    } else {
        Exit::Problems
    })
}

fn system(found: &Found, side: Side) -> Option<String> {
    let answer = found.asked.on(side).answer.as_ref().ok();
    answer.map(|shown| shown.system.name.clone())
}

fn view<'p>(
    found: &Found,
    plan: &'p OperatorPlan,
    in_use: Vec<InUseView>,
    witness: Vec<WitnessView>,
) -> PlanView<'p> {
    let half =
        |half: Option<(Role, GroupStatus)>| half.map(|(role, status)| HalfView { role, status });
    let command = |command: &'p PlannedCommand| CommandView {
        array: &command.array,
        system: system(found, command.side),
        group: command.group.as_str(),
        target: command.target.as_str(),
        line: &command.line,
        prints: &command.prints,
        prints_seen: command.seen,
        then: &command.then,
    };
    PlanView {
        operation: plan.operation.to_string(),
        head: Head::of(found),
        now: plan.may_be_typed(),
        done: plan.done.as_ref().map(ToString::to_string),
        objections: plan
            .objections
            .iter()
            .map(|objection| ObjectionView {
                message: objection.to_string(),
                hint: objection.hint(),
                passes: objection.may_pass(),
            })
            .collect(),
        cautions: plan.cautions.iter().map(ToString::to_string).collect(),
        in_use,
        witness,
        commands: plan.commands.iter().map(command).collect(),
        afterwards: plan
            .afterwards
            .iter()
            .map(|after| AfterwardsView {
                source: half(after.source),
                peer: half(after.peer),
                when: after.when,
            })
            .collect(),
    }
}

fn print(
    found: &Found,
    plan: &OperatorPlan,
    in_use: &[InUseView],
    witness: &[WitnessView],
    to: &mut Streams<'_>,
) -> io::Result<()> {
    let (operation, group) = (plan.operation, &plan.group);
    writeln!(
        to.out,
        "{operation} of remote copy group `{group}` (backend `{}`), as both arrays showed it at {:.3}",
        found.backend.name, found.at
    )?;
    writeln!(to.out, "  {}: {}", found.sides, plan.situation.told())?;
    for side in in_use {
        writeln!(to.out, "  {}", side.told())?;
    }
    for side in witness {
        writeln!(to.out, "  {}", side.told())?;
    }
    for note in &found.notes {
        writeln!(to.out, "  {note}")?;
    }
    if let Some(done) = &plan.done {
        writeln!(to.out, "\nnothing to type: {done}")?;
        if let Some(next) = done.next() {
            writeln!(to.out, "next: `hpe3par-docker group plan {next} {group}`")?;
        }
        return Ok(());
    }
    if !plan.objections.is_empty() {
        writeln!(to.out, "\nNOT NOW:")?;
        for objection in &plan.objections {
            writeln!(to.out, "  - {objection}")?;
            writeln!(to.out, "    hint: {}", objection.hint())?;
        }
    }
    if plan.commands.is_empty() {
        return Ok(());
    }
    if !plan.cautions.is_empty() {
        writeln!(to.out, "\nknow before:")?;
        for caution in &plan.cautions {
            writeln!(to.out, "  - {caution}")?;
        }
    }
    if plan.objections.is_empty() {
        writeln!(to.out, "\ntype, by hand and one after the other:")?;
    } else {
        writeln!(
            to.out,
            "\nnot before all of the above is gone (ask again then), type:"
        )?;
    }
    for (n, command) in plan.commands.iter().enumerate() {
        let PlannedCommand {
            side,
            group,
            target,
            line,
            prints,
            then,
            ..
        } = command;
        writeln!(
            to.out,
            "  {}. on array {}, where the group is `{group}` and the other array is `{target}`:",
            n + 1,
            found.array(*side)
        )?;
        writeln!(to.out, "\n         {line}\n")?;
        match prints.as_slice() {
            [] => writeln!(to.out, "     it prints nothing")?,
            lines => {
                let known = if command.seen {
                    ""
                } else {
                    ", as far as it is known"
                };
                writeln!(to.out, "     it prints{known} (`<n>` is a number):")?;
                for line in lines {
                    writeln!(to.out, "         {line}")?;
                }
            }
        }
        writeln!(to.out, "     done when {then}")?;
    }
    writeln!(to.out, "\nin the end both arrays show:")?;
    for after in &plan.afterwards {
        writeln!(to.out, "  - {}", told(found, after))?;
    }
    let stopped = matches!(plan.operation, Operation::Failover | Operation::Restore);
    if stopped && !(plan.operation == Operation::Restore && manages_paths(&found.sides)) {
        writeln!(
            to.out,
            "then start what uses the volumes: the plugin mounts them from the array that serves"
        )?;
    }
    let copies = plan.afterwards.iter().any(|after| {
        Side::BOTH.into_iter().any(|side| {
            after
                .on(side)
                .is_some_and(|(_, status)| status == GroupStatus::Started)
        })
    });
    if copies {
        writeln!(
            to.out,
            "`hpe3par-docker group watch {group}` waits until it is Synced"
        )?;
    }
    writeln!(
        to.out,
        "`hpe3par-docker group show {group}` shows at any time how it is"
    )
}

fn told(found: &Found, after: &Afterwards) -> String {
    let sides: Vec<String> = Side::BOTH
        .into_iter()
        .map(|side| match after.on(side) {
            Some((role, status)) => format!(
                "{role} and {status} on array `{}`",
                found.sides.on(side).array
            ),
            None => format!(
                "on array `{}` what it shows when it can be asked again",
                found.sides.on(side).array
            ),
        })
        .collect();
    match after.when {
        Some(when) => format!("{} ({when})", sides.join(", ")),
        None => sides.join(", "),
    }
}
