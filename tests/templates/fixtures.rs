//! Fixture pairs: fixtures/<template>/<case>.raw is an answer, <case>.toml what it means.

use std::{collections::BTreeMap, fs, path::Path};

use hpe3par_docker::inform::{ProblemKind, Row, Template, Templates};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub exit_status: Option<i32>,
    /// The kind of refusal.
    pub refused: Option<String>,
    /// `Truncated` or `Unrecognised`.
    pub problem: Option<String>,
    #[serde(default)]
    pub rows: Vec<ExpectedRow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedRow {
    #[serde(default)]
    part: String,
    cells: BTreeMap<String, String>,
    #[serde(default)]
    list: Vec<String>,
    #[serde(default)]
    items: Vec<(String, String)>,
}

pub struct Fixture {
    pub name: String,
    /// The file name of the template without `.toml`.
    pub template: String,
    pub raw: String,
    pub expected: Expected,
}

impl Fixture {
    pub fn rows(&self) -> Vec<Row> {
        let rows = self.expected.rows.iter();
        rows.map(|r| Row {
            part: r.part.clone(),
            cells: r.cells.clone(),
            list: r.list.clone(),
            items: r.items.clone(),
        })
        .collect()
    }

    pub fn template<'a>(&self, templates: &'a Templates) -> &'a Template {
        template(templates, &self.template)
    }
}

pub fn template<'a>(templates: &'a Templates, name: &str) -> &'a Template {
    let file = format!("{name}.toml");
    templates
        .iter()
        .find(|(n, _)| *n == file)
        .map(|(_, t)| t)
        .unwrap_or_else(|| panic!("no template {file}"))
}

pub fn all() -> Vec<Fixture> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/templates/fixtures");
    let mut found = Vec::new();
    for dir in fs::read_dir(root).unwrap() {
        let dir = dir.unwrap().path();
        for file in fs::read_dir(&dir).unwrap() {
            let raw = file.unwrap().path();
            if raw.extension().unwrap() != "raw" {
                assert!(
                    raw.with_extension("raw").exists(),
                    "{} has no .raw",
                    raw.display()
                );
                continue;
            }
            let expected = fs::read_to_string(raw.with_extension("toml"))
                .unwrap_or_else(|e| panic!("{}: {e}", raw.display()));
            found.push(Fixture {
                name: raw.display().to_string(),
                template: dir.file_name().unwrap().to_str().unwrap().to_owned(),
                raw: fs::read_to_string(&raw).unwrap(),
                expected: toml::from_str(&expected)
                    .unwrap_or_else(|e| panic!("{}: {e}", raw.display())),
            });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(found.len() > 100);
    found
}

/// `Refused(InitiatorTaken { … })` → `InitiatorTaken`.
pub fn kind_of(kind: &ProblemKind) -> String {
    let text = format!("{kind:?}");
    let text = text.strip_prefix("Refused(").unwrap_or(&text);
    text.split([' ', ')']).next().unwrap().to_owned()
}

#[test]
fn every_fixture_is_read_as_it_says() {
    let templates = Templates::load(None).unwrap();
    let mut wrong = Vec::new();
    for fixture in all() {
        let read = templates.judge(
            fixture.template(&templates),
            &fixture.raw,
            fixture.expected.exit_status,
        );
        let want = fixture
            .expected
            .refused
            .as_ref()
            .or(fixture.expected.problem.as_ref());
        let right = match (&read, want) {
            (Ok(rows), None) => *rows == fixture.rows(),
            (Err(problem), Some(want)) => {
                kind_of(&problem.kind) == *want
                    && matches!(problem.kind, ProblemKind::Refused(_))
                        == fixture.expected.refused.is_some()
            }
            _ => false,
        };
        if !right {
            wrong.push(format!("{}: {read:#?}", fixture.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_template_has_a_fixture_and_every_file_is_compiled_in() {
    let templates = Templates::load(None).unwrap();
    let fixtures = all();
    for (file, template) in templates.iter() {
        let name = file.strip_suffix(".toml").unwrap();
        let mine: Vec<_> = fixtures.iter().filter(|f| f.template == name).collect();
        let understood = mine
            .iter()
            .any(|f| f.expected.refused.is_none() && f.expected.problem.is_none());
        assert!(
            understood,
            "{file} has no fixture of an answer that is understood"
        );
        assert_eq!(template.changes(), template.proof().is_some(), "{file}");
        if let Some(proof) = template.proof() {
            let show = templates
                .get(proof, None)
                .unwrap_or_else(|| panic!("{file}: no {proof}"));
            assert!(!show.changes(), "{file}: {proof} proves nothing");
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/inform");
    for file in fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().to_str().unwrap().to_owned();
        let known = name == "refusals.toml" || templates.iter().any(|(n, _)| n == name);
        assert!(known, "templates/inform/{name} is not compiled in");
    }
}
