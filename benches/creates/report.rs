//! The table: on the screen, and in docs/performance.md between two marks.

use std::{fmt::Write, path::Path, process::Command};

use super::{
    measured::{Measured, Row},
    scene::{LATENCY_MS, PROTECTED},
};

const BEGIN: &str = "<!-- written by `make bench`: begin -->\n";
const END: &str = "<!-- written by `make bench`: end -->\n";

/// Prints the table, and replaces the one in the document. `without`: why there is nothing of python-3parclient.
pub fn print(of_what: &str, rows: &[Row], without: Option<&String>) {
    let text = text(of_what, rows, without);
    println!("\n{text}");
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
    let old = std::fs::read_to_string(&document).unwrap();
    let (before, rest) = old.split_once(BEGIN).expect("the first mark");
    let (_, after) = rest.split_once(END).expect("the second mark");
    std::fs::write(&document, format!("{before}{BEGIN}{text}{END}{after}")).unwrap();
}

fn text(of_what: &str, rows: &[Row], without: Option<&String>) -> String {
    let mut text = format!(
        "{of_what}\n\nEach command takes {LATENCY_MS} ms; the group has {PROTECTED} volumes already.\n\n",
    );
    text += "| volumes | made | cycles | stopped in all | longest stop | wall time | commands |\n";
    text += "|---:|---|---:|---:|---:|---:|---:|\n";
    for row in rows {
        line(&mut text, row.volumes, "at once", &row.at_once);
        line(
            &mut text,
            row.volumes,
            "one after the other",
            &row.one_by_one,
        );
        if let Some(python) = &row.python {
            line(&mut text, row.volumes, "python-3parclient", python);
        }
    }
    if let Some(why) = without {
        let _ = writeln!(text, "\npython-3parclient: skipped: {why}");
    }
    text += "\n≈: not run to the end, a multiple of the longest run above it; `BENCH_ALL=1 make bench` runs everything.\n";
    text += "\nHow many times as much the others take as volumes made at once:\n\n";
    text += "| volumes | against | cycles | stopped in all | wall time | commands |\n";
    text += "|---:|---|---:|---:|---:|---:|\n";
    for row in rows {
        ratio(&mut text, row, "one after the other", Some(&row.one_by_one));
        ratio(&mut text, row, "python-3parclient", row.python.as_ref());
    }
    text
}

fn line(text: &mut String, volumes: usize, way: &str, of: &Measured) {
    let about = if of.extrapolated { "≈ " } else { "" };
    let _ = writeln!(
        text,
        "| {volumes} | {way} | {about}{:.0} | {about}{:.1} s | {about}{:.1} s | {about}{:.1} s | {about}{:.0} |",
        of.cycles,
        of.stopped.as_secs_f64(),
        of.longest.as_secs_f64(),
        of.wall.as_secs_f64(),
        of.commands
    );
}

fn ratio(text: &mut String, row: &Row, way: &str, other: Option<&Measured>) {
    let Some(other) = other else { return };
    let ours = &row.at_once;
    let about = if other.extrapolated { "≈ " } else { "" };
    let _ = writeln!(
        text,
        "| {} | {way} | {about}{:.1} | {about}{:.1} | {about}{:.1} | {about}{:.1} |",
        row.volumes,
        other.cycles / ours.cycles,
        other.stopped.as_secs_f64() / ours.stopped.as_secs_f64(),
        other.wall.as_secs_f64() / ours.wall.as_secs_f64(),
        other.commands / ours.commands
    );
}

/// The machine, the day, and what is measured: to be asked for before, because the numbers come many minutes later.
pub fn of_what() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key));
        let value = line.and_then(|line| line.split_once(':'));
        value.map_or("unknown".to_owned(), |(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = value(&read("/proc/meminfo"), "MemTotal");
    let kib: u64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
    format!(
        "{}, {cores} cores, {} GiB, Linux {}; commit {}, {}.",
        value(&read("/proc/cpuinfo"), "model name"),
        kib.div_ceil(1 << 20),
        read("/proc/sys/kernel/osrelease").trim(),
        commit(),
        jiff::Zoned::now().date(),
    )
}

fn commit() -> String {
    let output = Command::new("git")
        .args(["describe", "--always", "--dirty", "--exclude", "*"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    said.ok()
        .filter(|said| !said.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}
