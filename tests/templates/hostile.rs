//! Answers that were cut, doubled, mixed up or are of another kind: an error or the truth, never a wrong value, never a panic.
//!
//! A subset of rows is accepted only where nothing in the answer could tell, which is said for each such command.

use std::sync::LazyLock;

use hpe3par_docker::inform::{Row, Templates};
use proptest::prelude::*;

use crate::fixtures::{Fixture, all};

/// Listings without a total, of which the array itself lets the first rows stand alone. What is built on them never takes
/// absence from them: a group is absent only by the array's own sentence, and the rest only informs.
const NO_TOTAL: &[&str] = &[
    "showversion",
    "showsys",
    "showdate",
    "showlicense",
    "showuser",
    "showuserconn",
    "showrcopy-targets",
    "showrcopy-links",
    "showrcopy-groups",
    "showrcopy-witness",
    "showtask",
    "showtask-active",
    "showtask-recent",
    "showqos",
    "showqos.4",
    "showflashcache-vvset",
    "showflashcache-vvset.4",
];

/// Compiling the patterns takes longer than using them.
static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| Templates::load(None).unwrap());
static LISTINGS: LazyLock<Vec<Fixture>> = LazyLock::new(|| listings(&TEMPLATES));

fn templates() -> &'static Templates {
    &TEMPLATES
}

/// Fixtures of listings that are read, with the rows they mean.
fn listings(templates: &Templates) -> Vec<Fixture> {
    let mut found = all();
    found.retain(|f| {
        !f.template(templates).changes()
            && f.expected.refused.is_none()
            && f.expected.problem.is_none()
    });
    found
}

/// True if these rows are the true ones, or, where there is no total, the first of them.
fn is_truth(fixture: &Fixture, read: &[Row]) -> bool {
    let truth = fixture.rows();
    let first_of = NO_TOTAL.contains(&fixture.template.as_str()) && truth.starts_with(read);
    read == truth || first_of
}

/// No total says that nothing is missing, and the array says that it failed: never an answer, however whole it looks.
#[test]
fn a_failure_is_no_listing_unless_its_total_is_right() {
    let templates = templates();
    let (mut refused, mut counted) = (0, 0);
    for fixture in listings(templates).iter().filter(|f| !f.rows().is_empty()) {
        let read = templates.judge(fixture.template(templates), &fixture.raw, Some(1));
        if fixture
            .raw
            .lines()
            .any(|line| line.starts_with("----------") && !line.contains(' '))
        {
            assert_eq!(read.unwrap(), fixture.rows(), "{}", fixture.name);
            counted += 1;
        } else {
            assert!(read.is_err(), "{}: {read:#?}", fixture.name);
            refused += 1;
        }
    }
    assert!(refused > 10 && counted > 10, "{refused} and {counted}");
}

#[test]
fn cut_anywhere() {
    let templates = templates();
    let mut complete = 0;
    for fixture in listings(templates) {
        for end in (0..fixture.raw.len()).filter(|end| fixture.raw.is_char_boundary(*end)) {
            let cut = &fixture.raw[..end];
            if let Ok(rows) = templates.judge(fixture.template(templates), cut, None) {
                complete += 1;
                assert!(
                    is_truth(&fixture, &rows),
                    "{} cut at {end}: {rows:#?}",
                    fixture.name
                );
                let lost = fixture.rows().len() - rows.len();
                assert!(
                    lost == 0 || cut.ends_with('\n'),
                    "{} cut within a line at {end}",
                    fixture.name
                );
                // A group is whole: its volumes came with it.
                let truth = fixture.rows();
                let next = truth.get(rows.len());
                assert!(
                    next.is_none_or(|row| row.part != "volume"),
                    "{} cut at {end}",
                    fixture.name
                );
            }
        }
    }
    assert!(complete > 0, "the reader refuses everything");
}

#[test]
fn any_line_doubled_or_left_out() {
    let templates = templates();
    for fixture in listings(templates) {
        let lines: Vec<&str> = fixture.raw.split_inclusive('\n').collect();
        for at in 0..lines.len() {
            let doubled = [&lines[..=at], &lines[at..]].concat().concat();
            let without = [&lines[..at], &lines[at + 1..]].concat().concat();
            for (what, text) in [("doubled", doubled), ("left out", without)] {
                let Ok(rows) = templates.judge(fixture.template(templates), &text, None) else {
                    continue;
                };
                if rows == fixture.rows() {
                    continue;
                }
                // Without a total a missing or doubled row cannot be seen here; the rows that came are true ones, and the
                // typed layer refuses a listing in which one comes twice.
                assert!(
                    NO_TOTAL.contains(&fixture.template.as_str()),
                    "{} line {at} {what}: {rows:#?}",
                    fixture.name
                );
                let truth = fixture.rows();
                assert!(
                    rows.iter().all(|row| truth.contains(row)),
                    "{} line {at} {what}: {rows:#?}",
                    fixture.name
                );
            }
        }
    }
}

/// Cells of two neighbouring columns swapped in the head, or one head cell renamed: the wrong column must not be read.
#[test]
fn heads_of_other_columns() {
    let templates = templates();
    let mut refused = 0;
    for fixture in listings(templates).iter().filter(|f| !f.rows().is_empty()) {
        let lines: Vec<&str> = fixture.raw.split('\n').collect();
        for (at, line) in lines
            .iter()
            .enumerate()
            .filter(|(_, l)| l.contains("  ") || l.contains("Name"))
        {
            for word in line.split_whitespace() {
                let other: String = word
                    .chars()
                    .map(|c| if c.is_ascii_alphanumeric() { 'q' } else { c })
                    .collect();
                if other == word || !word.starts_with(|c: char| c.is_ascii_uppercase()) {
                    continue;
                }
                let mut changed = lines.clone();
                let new = line.replacen(word, &other, 1);
                changed[at] = &new;
                let is_cell = fixture.rows().iter().any(|r| {
                    r.cells.values().any(|c| c.contains(word)) || r.list.iter().any(|c| c == word)
                });
                match templates.judge(fixture.template(templates), &changed.join("\n"), None) {
                    Err(_) => refused += 1,
                    // A head that is not wanted may be called anything; a cell that was changed is a changed cell.
                    Ok(rows) => assert!(
                        is_cell || is_truth(fixture, &rows) || is_optional(fixture, &rows),
                        "{} line {at} `{word}`: {rows:#?}",
                        fixture.name
                    ),
                }
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

/// The same rows with fewer cells: the head of an optional column was not there.
fn is_optional(fixture: &Fixture, read: &[Row]) -> bool {
    let truth = fixture.rows();
    read.len() == truth.len()
        && read
            .iter()
            .zip(&truth)
            .all(|(is, was)| is.cells.iter().all(|(k, v)| was.cells.get(k) == Some(v)))
}

#[test]
fn dates_of_another_place() {
    let templates = templates();
    let mut tried = 0;
    for fixture in listings(templates)
        .iter()
        .filter(|f| f.raw.contains("2026-11-"))
    {
        if matches!(fixture.template.as_str(), "showuserconn") {
            continue; // its dates are not read
        }
        for other in ["20.11.2026", "11/20/2026", "Nov 20 2026", "2026-Nov-20"] {
            let day = fixture
                .raw
                .find("2026-11-")
                .map(|at| &fixture.raw[at..at + 10])
                .unwrap();
            let text = fixture.raw.replace(day, other);
            let read = templates.judge(fixture.template(templates), &text, None);
            assert!(read.is_err(), "{} with {other}: {read:#?}", fixture.name);
            tried += 1;
        }
    }
    assert!(tried > 10, "{tried}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Anything at all may come, and never makes the reader panic; a changing command takes none of it for success.
    #[test]
    fn noise(text in "(?s).{0,400}", status in proptest::option::of(0..3i32)) {
        let templates = templates();
        for (name, template) in templates.iter() {
            let read = templates.judge(template, &text, status);
            if template.changes() && !text.trim().is_empty() {
                prop_assert!(read.is_err(), "{name}: {text:?}");
            }
        }
    }

    /// Bytes of a true answer overwritten, moved or dropped. Values may change (a byte of a name is a byte of a name), but the
    /// number of rows is the true one wherever the array prints a total.
    #[test]
    fn damage(pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), len in 1..60usize, what in 0..3u8, with in "[ -~\\n\\r\\t]{0,8}") {
        let templates = templates();
        let fixture = pick.get(&LISTINGS);
        let from = at.index(fixture.raw.len());
        let to = (from + len).min(fixture.raw.len());
        if !fixture.raw.is_char_boundary(from) || !fixture.raw.is_char_boundary(to) {
            return Ok(());
        }
        let (head, middle, tail) = (&fixture.raw[..from], &fixture.raw[from..to], &fixture.raw[to..]);
        let text = match what {
            0 => format!("{head}{with}{tail}"),
            1 => format!("{head}{with}{middle}{tail}"),
            _ => format!("{head}{middle}{middle}{tail}"),
        };
        if let Ok(rows) = templates.judge(fixture.template(templates), &text, None)
            && !NO_TOTAL.contains(&fixture.template.as_str())
            && !rows.is_empty()
            && !text[..].contains(" 1 total\n")
        {
            prop_assert_eq!(rows.len(), fixture.rows().len(), "{}: {}", fixture.name, text);
        }
    }
}
