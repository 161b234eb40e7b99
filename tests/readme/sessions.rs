//! The sessions in README.md: each command is carried out on the stage of `make try`, and what it prints is compared.

use std::fmt::Write;

use crate::{
    blocks,
    rules::same_for_all,
    stage::{Stage, has_engine},
};

/// A command of a session, and what README.md says it prints.
struct Step {
    /// Its line in README.md.
    line: usize,
    command: String,
    shown: String,
}

fn steps() -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in blocks::of("console") {
        assert!(
            block.lines[0].starts_with("$ "),
            "README.md:{}: a session begins with a command",
            block.first
        );
        for (at, line) in block.lines.iter().enumerate() {
            match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step {
                    line: block.first + at,
                    command: command.to_owned(),
                    shown: String::new(),
                }),
                None => writeln!(steps.last_mut().unwrap().shown, "{line}").unwrap(),
            }
        }
    }
    steps
}

/// Before the first command: hpe.conf of the stage is not where `hpe3par-docker` looks without `--config`.
const PRELUDE: &str = r#"
mkdir bin
printf '#!/bin/sh\nexec %s "$@" --config %s/hpe.conf\n' "$(command -v hpe3par-docker)" "$PWD" > bin/hpe3par-docker
chmod 755 bin/hpe3par-docker
PATH=$PWD/bin:$PATH
"#;

/// Before every other command: somebody who types is slower than a gigabyte is copied.
const PATIENCE: &str = "while hpe3par-sim cli --control sim --array linden -c showrcopy | grep -q Syncing; do sleep 0.05; done";

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
    if !has_engine("sessions::sessions_print_what_is_shown") {
        return;
    }
    let steps = steps();
    let stage = Stage::new();
    let ran = stage.script("try").arg(script(&steps)).output().unwrap();
    let printed = String::from_utf8(ran.stdout).unwrap();
    let outputs = outputs(&printed);
    assert_eq!(outputs.len(), steps.len(), "{printed}");
    let mut wrong = String::new();
    for (step, output) in steps.iter().zip(outputs) {
        let (shown, printed) = (same_for_all(&step.shown), same_for_all(output));
        if shown != printed {
            let Step { line, command, .. } = step;
            write!(
                wrong,
                "\nREADME.md:{line}: $ {command}\n--- is shown to print\n{shown}\n--- prints\n{printed}\n"
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    stage.assert_nothing_left();
}
