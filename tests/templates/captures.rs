//! Every capture of a real array of a command that is read here is read right, or is named below with the reason.
//!
//! The captures are not part of this repository. `INFORM_TRANSCRIPTS` names a folder with `samples/<command>--<case>--<nn>.txt`
//! and `live/**/<command…>.txt`, where a first line `# <command>` may say what was sent and `# stderr` begins the error stream.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use hpe3par_docker::inform::{ProblemKind, Row, Templates};

use crate::{
    fixtures::{kind_of, template},
    needs::say_skipped,
};

/// Captures that are not read, and why. The part of the path behind the folder.
const NOT_READ: &[(&str, &str)] = &[
    (
        "samples/showcpg--default-toolkit-raw--03.txt",
        "the left edge was trimmed line by line: cells are not under their heads",
    ),
    (
        "samples/showhost--d-no-persona--10.txt",
        "an excerpt without its total row",
    ),
    (
        "samples/showhost--d-unassigned-paths--07.txt",
        "typed off or squeezed: cells are not under their heads any more",
    ),
    (
        "samples/showport--default--07.txt",
        "typed off or squeezed: cells are not under their heads any more",
    ),
    (
        "samples/showport--default-231--21.txt",
        "an excerpt without its total row",
    ),
    (
        "samples/showport--default-csv--02.txt",
        "CSV, a form this plugin never asks for",
    ),
    (
        "samples/showport--default-fc-sas-partner--20.txt",
        "an excerpt without its total row",
    ),
    (
        "samples/showport--iscsi-csv--03.txt",
        "CSV, a form this plugin never asks for",
    ),
    (
        "samples/showport--iscsi-csv-with-ssh-blank-lines--06.txt",
        "CSV, a form this plugin never asks for",
    ),
    (
        "samples/showport--iscsiname-csv--05.txt",
        "CSV, a form this plugin never asks for",
    ),
    (
        "samples/showport--iscsi-ipv6--10.txt",
        "typed off or squeezed: cells are not under their heads any more",
    ),
    (
        "samples/showport--iscsi-offline-na--25.txt",
        "an excerpt without its total row",
    ),
    (
        "samples/showrcopy--groups-csv-periodic--15.txt",
        "CSV, a form this plugin never asks for",
    ),
    (
        "samples/showrcopy--links-csv-fc-down--16.txt",
        "CSV, a form this plugin never asks for",
    ),
    (
        "samples/showvlun--active-csv-matched-set--01.txt",
        "CSV, a form this plugin never asks for",
    ),
    (
        "samples/showvlun--active-with-title-one-row--10.txt",
        "an excerpt of the form with two tables, without total",
    ),
    (
        "samples/showvlun--t-hosts-and-sets--04.txt",
        "typed off or squeezed: cells are not under their heads any more",
    ),
];

/// What a capture is of: the template that reads it. `None`: a command, or a form of one, that is not sent by this plugin.
fn form(command: &str) -> Option<&'static str> {
    let words: Vec<&str> = command.split_whitespace().collect();
    Some(match words[..] {
        ["showversion"] => "showversion",
        ["showsys"] => "showsys",
        ["showcpg"] => "showcpg",
        ["showsched"] => "showsched",
        ["showdate"] => "showdate",
        ["showvvset", ..] => "showvvset",
        ["showhost", "-d"] => "showhost",
        ["showport"] => "showport",
        ["showport", "-iscsi"] => "showport-iscsi",
        ["showport", "-iscsiname"] => "showport-iscsiname",
        ["showvlun", "-t"] => "showvlun-t",
        ["showvlun", "-a"] => "showvlun-a",
        ["showrcopy", "groups", ..] => "showrcopy-groups",
        ["showrcopy", "links"] => "showrcopy-links",
        ["showrcopy", "targets"] => "showrcopy-targets",
        ["showvv", "-invalid-columns" | "-none-listed"] => "showvv",
        ["createvlun", ..] => "createvlun",
        ["removevlun", ..] => "removevlun",
        ["removercopygroup", ..] => "removercopygroup",
        ["removevv", ..] => "removevv",
        ["removehost", ..] => "removehost",
        ["createvvset", ..] => "createvvset",
        _ => return None,
    })
}

/// `showport--iscsi-ipv6--10` → `showport -iscsi`, with the words in the case that say how the command was given.
fn command_of_sample(stem: &str) -> String {
    let mut parts = stem.split("--");
    let command = parts.next().unwrap();
    let case = parts.next().unwrap_or_default();
    let option = match (command, case.split('-').next().unwrap_or_default()) {
        ("showport", "iscsi") => "-iscsi",
        ("showport", word @ ("c" | "i" | "par" | "rcip" | "ids" | "iscsiname" | "iscsivlans")) => {
            word
        }
        ("showvlun", "t") => "-t",
        ("showvlun", "a") if case.contains("showcols") => "-showcols",
        ("showvlun", "a" | "active") => "-a",
        ("showvlun", "showcols") => "-showcols",
        ("showvlun", "none") => "-t",
        ("showhost", "d") => "-d",
        ("showhost", word) => word,
        ("showrcopy", "groups") => "groups",
        ("showrcopy", "links") => "links",
        ("showrcopy", word) => word,
        ("showvv", "invalid") => "-invalid-columns",
        ("showvv", "none") => "-none-listed",
        ("showvv", word) => word,
        ("showcpg", "sdg") => "-sdg",
        ("showsys", "d") => "-d",
        ("removevv" | "removehost" | "createvlun" | "removevlun" | "removercopygroup", _) => "x",
        _ => "",
    };
    format!("{command} {option}")
}

/// Captures that hold a refusal, by a piece of it.
const REFUSALS: &[(&str, &str)] = &[
    ("is a member of vv set", "InSet"),
    ("is still a member of set", "InSet"),
    ("is already taken", "LunTaken"),
    ("Error: group matching", "NotFound"),
    ("Invalid columns specified", "BadColumns"),
    ("not admitted to the group", "Exported"),
];

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "txt") {
            found.push(path);
        }
    }
}

/// What every right reading of a capture must satisfy, counted in another way than the reader does.
fn check(form: &str, text: &str, rows: &[Row]) -> Result<(), String> {
    let has = |what: &str| text.lines().filter(|l| l.contains(what)).count();
    let same = |what: &str, is: usize, want: usize| {
        if is == want {
            Ok(())
        } else {
            Err(format!("{is} {what}, not {want}"))
        }
    };
    for row in rows {
        for (column, cell) in &row.cells {
            if !text.contains(cell.as_str()) {
                return Err(format!("`{cell}` in {column} is nowhere in the capture"));
            }
        }
    }
    let total = text
        .lines()
        .rev()
        .find(|l| l.trim().starts_with(|c: char| c.is_ascii_digit()));
    let mut numbers = total
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|w| w.parse::<usize>().ok());
    match form {
        "showrcopy-groups" => {
            same(
                "groups",
                rows.iter().filter(|r| r.part == "group").count(),
                has("Status   Role"),
            )?;
            let volumes = text
                .lines()
                .filter(|l| l.starts_with("  ") && !l.contains("LocalVV"))
                .count();
            same(
                "volumes",
                rows.iter().filter(|r| r.part == "volume").count(),
                volumes,
            )
        }
        "showrcopy-links" => same("links", rows.len(), has(" Up ") + has(" Down ")),
        "showrcopy-targets" => same("targets", rows.len(), has("mirror_config")),
        "showvvset" if !rows.is_empty() => {
            same("sets", rows.len(), numbers.next().unwrap())?;
            same(
                "members",
                rows.iter().map(|r| r.list.len()).sum(),
                numbers.next().unwrap(),
            )
        }
        "showhost" | "showport" | "showport-iscsi" | "showvlun-t" | "showvlun-a" | "showcpg"
            if !rows.is_empty() =>
        {
            same("rows", rows.len(), numbers.next().unwrap())
        }
        "showsys" => same("rows", rows.len(), 1),
        _ => Ok(()),
    }
}

#[test]
fn captures_of_real_arrays_are_read() {
    // Also under REQUIRE_ALL: that asks for what a machine can have, and nobody has these captures from this repository.
    let Some(dir) = env::var_os("INFORM_TRANSCRIPTS") else {
        say_skipped(
            "captures::captures_of_real_arrays_are_read",
            "INFORM_TRANSCRIPTS is not set",
        );
        return;
    };
    let dir = Path::new(&dir);
    let templates = Templates::load(None).unwrap();
    let mut all = Vec::new();
    files(dir, &mut all);
    all.sort();
    let (mut read, mut wrong) = (0, Vec::new());
    for path in all {
        let name = path.strip_prefix(dir).unwrap().display().to_string();
        let text = fs::read_to_string(&path).unwrap();
        let (first, body) = match text.split_once('\n') {
            Some((first, body)) if first.starts_with("# ") => {
                (first.trim_start_matches("# ").to_owned(), body.to_owned())
            }
            _ => (String::new(), text.clone()),
        };
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let command = match first.as_str() {
            "" if stem.contains("--") => command_of_sample(stem),
            "" => stem
                .replacen("_d", " -d", 1)
                .replacen("_t", " -t", 1)
                .replacen("_a", " -a", 1)
                .replace("_none", " none"),
            sent => sent.to_owned(),
        };
        let Some(form) = form(&command) else { continue };
        let body = body.replace("# stderr\n", "");
        let listed = NOT_READ.iter().any(|(file, _)| *file == name);
        let result = templates.judge(template(&templates, form), &body, None);
        let refused = REFUSALS.iter().find(|(words, _)| body.contains(words));
        let verdict = match (&result, refused) {
            (Ok(rows), None) => check(form, &body, rows),
            (Err(problem), Some((_, kind))) if matches!(problem.kind, ProblemKind::Refused(_)) => {
                if kind_of(&problem.kind) == *kind {
                    Ok(())
                } else {
                    Err(format!("{problem:?}"))
                }
            }
            (other, _) => Err(format!("{other:?}")),
        };
        read += usize::from(verdict.is_ok());
        match (verdict, listed) {
            (Ok(()), true) => wrong.push(format!("{name}: is read, but named as one that is not")),
            (Err(why), false) => wrong.push(format!("{name} ({form}): {why}")),
            _ => {}
        }
    }
    assert!(
        wrong.is_empty(),
        "{} captures:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(read >= 40, "only {read} captures were found");
    println!("{read} captures read");
}
