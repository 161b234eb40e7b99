//! The sessions in README.md and the runbooks of docs/replication.md: each command is carried out on the stage of `make try`, and what it
//! prints is compared. `UPDATE_DOCS=1` writes down what it prints instead.

use std::fmt::Write;

use crate::{
    blocks,
    rules::same_for_all,
    stage::{Stage, has_engine},
};

/// A command of a session, and what the document says it prints.
struct Step {
    /// Its line in the document.
    line: usize,
    command: String,
    shown: String,
}

fn steps(document: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in blocks::in_document(document, "console") {
        assert!(
            command(&block.lines[0]).is_some(),
            "{document}:{}: a session begins with a command",
            block.first
        );
        for (at, line) in block.lines.iter().enumerate() {
            match command(line) {
                Some(command) => steps.push(Step {
                    line: block.first + at,
                    command,
                    shown: String::new(),
                }),
                None => writeln!(steps.last_mut().unwrap().shown, "{line}").unwrap(),
            }
        }
    }
    steps
}

/// What is typed in a shell, or on an array.
fn command(line: &str) -> Option<String> {
    if let Some(command) = line.strip_prefix("$ ") {
        return Some(command.to_owned());
    }
    let (array, typed) = line.split_once(" cli% ")?;
    let known = ["linden", "maple"].contains(&array);
    known.then(|| format!("hpe3par-sim cli --control sim --array {array} -c '{typed}'"))
}

/// Before the first command: hpe.conf of the stage is not where `hpe3par-docker` looks without `--config`.
const PRELUDE: &str = r#"
mkdir bin
printf '#!/bin/sh\nexec %s "$@" --config %s/hpe.conf\n' "$(command -v hpe3par-docker)" "$PWD" > bin/hpe3par-docker
chmod 755 bin/hpe3par-docker
PATH=$PWD/bin:$PATH
"#;

/// Before every other command: somebody who types is slower than a gigabyte is copied, or a role changed.
const PATIENCE: &str = "
while for array in linden maple; do
    for look in showrcopy showtask; do hpe3par-sim cli --control sim --array $array -c $look 2>&1; done
done | grep -qE 'Syncing|Starting|active'; do sleep 0.05; done";

const BEGIN: &str = "@@@ begin";
const END: &str = "@@@ end";

fn script(steps: &[Step]) -> String {
    let mut script = PRELUDE.to_owned();
    for step in steps {
        let command = &step.command;
        write!(
            script,
            "{PATIENCE}\necho '{BEGIN}'\n{command}\necho '{END}'\n"
        )
        .unwrap();
    }
    script
}

/// What each command printed.
fn outputs(printed: &str) -> Vec<&str> {
    printed
        .split(&format!("{BEGIN}\n"))
        .skip(1)
        .map(|part| part.split_once(END).map_or(part, |(output, _)| output))
        .collect()
}

#[test]
fn sessions_print_what_is_shown() {
    carry_out(blocks::README, "sessions::sessions_print_what_is_shown");
}

#[test]
fn runbooks_print_what_is_shown() {
    carry_out(
        blocks::REPLICATION,
        "sessions::runbooks_print_what_is_shown",
    );
}

fn carry_out(document: &str, test: &str) {
    if !has_engine(test) {
        return;
    }
    let steps = steps(document);
    let stage = Stage::new();
    let ran = stage.script("try").arg(script(&steps)).output().unwrap();
    let printed = String::from_utf8(ran.stdout).unwrap();
    let outputs = outputs(&printed);
    assert_eq!(outputs.len(), steps.len(), "{printed}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        write_down(document, &steps, &outputs);
        return;
    }
    let mut wrong = String::new();
    for (step, output) in steps.iter().zip(outputs) {
        let (shown, printed) = (same_for_all(&step.shown), same_for_all(output));
        if shown != printed {
            let Step { line, command, .. } = step;
            write!(
                wrong,
                "\n{document}:{line}: $ {command}\n--- is shown to print\n{shown}\n--- prints\n{printed}\n"
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    stage.assert_nothing_left();
}

/// The document with what its commands print now.
fn write_down(document: &str, steps: &[Step], outputs: &[&str]) {
    let mut lines: Vec<String> = blocks::text(document).lines().map(str::to_owned).collect();
    // From the end: what comes before keeps its place.
    for (step, output) in steps.iter().zip(outputs).rev() {
        let shown = step.line..step.line + step.shown.lines().count();
        lines.splice(
            shown,
            output.trim_end_matches('\n').lines().map(str::to_owned),
        );
    }
    std::fs::write(blocks::path(document), lines.join("\n") + "\n").unwrap();
}
