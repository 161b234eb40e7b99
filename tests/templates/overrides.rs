//! Files of `template_dir`.

use std::fs;

use hpe3par_docker::inform::{TemplateError, Templates};
use tempfile::TempDir;

fn load(files: &[(&str, &str)]) -> Result<Templates, TemplateError> {
    let dir = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    Templates::load(Some(dir.path()))
}

/// The line the error is at, and its text.
fn error(name: &str, text: &str) -> (usize, String) {
    let error = load(&[(name, text)]).unwrap_err();
    let shown = error.to_string();
    let TemplateError::Wrong { path, line, why } = error else {
        panic!("{shown}")
    };
    assert!(path.ends_with(name), "{shown}");
    assert!(
        shown.contains(&format!("line {line}")) && !shown.contains('\n'),
        "{shown}"
    );
    (line, why)
}

const OTHER_COLUMNS: &str = concat!(
    "LUN-No Volume Client -Path- Pt How\n",
    "     3 dkv-x  ward3  ------  - one\n",
    "----------------------------------\n",
    "     1 total\n",
);

#[test]
fn new_column_names_and_patterns_are_used() {
    let file = "\
        [table.columns]\n\
        lun = { titles = ['LUN-No'] }\n\
        vv = { titles = ['Volume'] }\n\
        host = { titles = ['Client'] }\n\
        port = { titles = ['Pt'] }\n\
        kind = { titles = ['How'], cell = 'one|many' }\n";
    let plain = Templates::load(None).unwrap();
    let form = |t: &Templates| t.judge(t.get("showvlun-t", None).unwrap(), OTHER_COLUMNS, None);
    assert!(form(&plain).is_err());
    let changed = load(&[("showvlun-t.toml", file)]).unwrap();
    let rows = form(&changed).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].cells["vv"], "dkv-x");
    assert_eq!(rows[0].cells["kind"], "one");
}

#[test]
fn empty_sentences_titles_and_sections_can_be_changed() {
    let changed = load(&[
        ("showvv.toml", "empty = ['^there are no volumes$']\n"),
        ("showrcopy-groups.toml", "[sections]\ntitles = ['^RC$']\n[sections.parts.group.columns.status]\ntitles = ['State']\n"),
        ("notes.txt", "not a template, not read"),
    ])
    .unwrap();
    let judge =
        |form: &str, text: &str| changed.judge(changed.get(form, None).unwrap(), text, None);
    assert_eq!(judge("showvv", "there are no volumes\n").unwrap(), []);
    assert!(judge("showvv", "no vv listed\n").is_err());
    let text = "RC\n\nName Target State Role Mode Options\ng quay Started Primary Sync x\n\n";
    assert_eq!(
        judge("showrcopy-groups", text).unwrap()[0].cells["status"],
        "Started"
    );
}

#[test]
fn anything_else_stops_the_start_with_file_and_line() {
    let (line, why) = error("showvv.toml", "# mine\n\ncommand = 'showvv -d {name}'\n");
    assert_eq!(line, 3);
    assert!(why.contains("command"), "{why}");
    assert_eq!(error("showvv.toml", "[table]\ntotal = 'none'\n").0, 2);
    assert_eq!(
        error(
            "showvv.toml",
            "[table.columns]\nid = { titles = ['Nr'], optional = true }\n"
        )
        .0,
        2
    );
    assert_eq!(error("createvv.toml", "\nproof = 'showdate'\n").0, 2);
    assert_eq!(error("createvv.toml", "[options]\nthin = ''\n").0, 1);
}

#[test]
fn a_wrong_pattern_column_shape_or_name_stops_the_start_with_file_and_line() {
    // The line of the list; the pattern itself is in the text.
    let (line, why) = error(
        "showvv.toml",
        "\nempty = [\n  'fine',\n  'not ( fine',\n]\n",
    );
    assert_eq!((line, why.contains("not ( fine")), (2, true), "{why}");
    let (line, why) = error(
        "showvv.toml",
        "[table.columns]\nid = { titles = ['Id'] }\ncolour = { titles = ['Colour'] }\n",
    );
    assert_eq!((line, why.contains("colour")), (3, true), "{why}");
    assert_eq!(error("showvv.toml", "\n\n[sections]\n").0, 3);
    assert_eq!(error("showvolume.toml", "empty = []\n").0, 1);
    let (line, _) = error("showvv.toml", "empty = ['x']\nthis is no TOML\n");
    assert_eq!(line, 2);
}

/// The example of docs/templates.md is what it says.
#[test]
fn the_documented_example_is_understood() {
    let page = include_str!("../../docs/templates.md");
    let example = page.split("```").nth(1).unwrap();
    let example = example.strip_prefix("toml\n").unwrap();
    let name = example.lines().next().unwrap().rsplit('/').next().unwrap();
    let changed = load(&[(name, example)]).unwrap();
    let template = changed.get("showcpg", None).unwrap();
    let judge = |text: &str| changed.judge(template, text, Some(0));
    assert_eq!(judge("There are no CPGs\n").unwrap(), []);
    let rows =
        judge("Id Name FreeSpace\n 0 gold      2048\n-----------------\n 1 total     2048\n");
    assert_eq!(rows.unwrap()[0].cells["free"], "2048");
}

#[test]
fn no_folder_is_no_error() {
    let dir = TempDir::new().unwrap();
    assert!(Templates::load(Some(&dir.path().join("absent"))).is_ok());
}
