//! Which scenarios run, in which machine, and what is said of them: as `cargo test` says it, with the seconds.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::Instant,
};

use clap::Parser;

use crate::{
    machine,
    needs::{self, Need},
};

/// What a test program is given behind `--`.
#[derive(Parser)]
struct Arguments {
    /// Runs what has one of these in its name
    names: Vec<String>,
    /// Takes the names for whole ones
    #[arg(long)]
    exact: bool,
    /// Leaves out what has this in its name
    #[arg(long)]
    skip: Vec<String>,
    /// Names everything, runs nothing
    #[arg(long)]
    list: bool,
    // Taken, as every test program takes them. Nothing is captured, and scenarios come one after the other.
    #[arg(long, hide = true)]
    test_threads: Option<usize>,
    #[arg(long, hide = true, visible_alias = "no-capture")]
    nocapture: bool,
    #[arg(long, hide = true)]
    show_output: bool,
    #[arg(long, hide = true)]
    include_ignored: bool,
    #[arg(long, hide = true)]
    ignored: bool,
    #[arg(short, long, hide = true)]
    quiet: bool,
    #[arg(long, hide = true)]
    color: Option<String>,
    #[arg(long, hide = true)]
    format: Option<String>,
}

/// What scenarios find set up.
pub trait Scene {
    /// Boots a machine and sets everything up in it. A group that is the first to have it gives it its name.
    fn set(group: &'static str) -> Self;

    /// What the machine has to say after a failure.
    fn last_words(&self) -> String;
}

/// A name, and what happens.
pub type Scenario<S> = (&'static str, fn(&mut S));

/// One run of this program.
pub struct Run {
    arguments: Arguments,
    began: Instant,
    passed: usize,
    skipped: usize,
    left_out: usize,
    failed: Vec<String>,
}

impl Run {
    pub fn from_arguments() -> Self {
        Self {
            arguments: Arguments::parse(),
            began: Instant::now(),
            passed: 0,
            skipped: 0,
            left_out: 0,
            failed: Vec::new(),
        }
    }

    /// Runs those of a group that were asked for, one after the other in one machine, which further groups may have after that. After
    /// a failure the next one gets a fresh machine.
    pub fn group<S: Scene>(
        &mut self,
        group: &'static str,
        scenarios: &[Scenario<S>],
        scene: &mut Option<S>,
    ) {
        for (name, body) in scenarios {
            let name = format!("{group}::{name}");
            if self.arguments.list {
                println!("{name}: test");
            } else if !self.asked_for(&name) {
                self.left_out += 1;
            } else if let Some(why) = missing() {
                self.skip(&name, &why);
            } else {
                let began = Instant::now();
                let outcome = catch_unwind(AssertUnwindSafe(|| {
                    body(scene.get_or_insert_with(|| S::set(group)));
                }));
                let seconds = began.elapsed().as_secs_f64();
                if outcome.is_ok() {
                    println!("test {name} ... ok ({seconds:.1} s)");
                    self.passed += 1;
                } else {
                    if let Some(failed) = scene.take() {
                        println!("{}", failed.last_words());
                    }
                    println!("test {name} ... FAILED ({seconds:.1} s)");
                    self.failed.push(name);
                }
            }
        }
    }

    /// The last lines, and what the program ends with.
    pub fn finish(self) -> ExitCode {
        if self.arguments.list {
            return ExitCode::SUCCESS;
        }
        let result = if self.failed.is_empty() {
            "ok"
        } else {
            println!("\nfailures:\n    {}", self.failed.join("\n    "));
            "FAILED"
        };
        println!(
            "\ntest result: {result}. {} passed; {} failed; {} ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
            self.passed,
            self.failed.len(),
            self.skipped,
            self.left_out,
            self.began.elapsed().as_secs_f64()
        );
        // As every test program says that something failed.
        if result == "ok" {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(101)
        }
    }

    fn asked_for(&self, name: &str) -> bool {
        let named = |given: &String| {
            if self.arguments.exact {
                name == given
            } else {
                name.contains(given.as_str())
            }
        };
        let names = &self.arguments.names;
        (names.is_empty() || names.iter().any(named)) && !self.arguments.skip.iter().any(named)
    }

    fn skip(&mut self, name: &str, why: &str) {
        if catch_unwind(|| needs::skip(name, why)).is_ok() {
            self.skipped += 1;
        } else {
            println!("test {name} ... FAILED");
            self.failed.push(name.to_owned());
        }
    }
}

/// What this machine lacks to have another one in it.
fn missing() -> Option<String> {
    let programs = ["qemu-system-x86_64", "setpriv", "ssh", "ss", "strip"];
    let needs = programs.map(Need::Program);
    let first = [Need::Root].into_iter().chain(needs);
    first.into_iter().find_map(needs::missing).or_else(|| {
        (!machine::image_is_built()).then(|| "its image is not built: `make lab` does".to_owned())
    })
}
