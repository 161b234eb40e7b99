//! docs/from-the-python-plugin.md says which test keeps each reported defect from coming back. Each of them must be there.

use regex::Regex;

use crate::source;

const DOCUMENT: &str = "docs/from-the-python-plugin.md";
/// Files and the tests in them, as the document names them: a file, and a test after it.
fn named(text: &str) -> Vec<(String, String)> {
    let pair = Regex::new(r"`([a-z_/0-9]+\.rs)` `([a-z_0-9]+)`").unwrap();
    let pairs = pair.captures_iter(text);
    pairs
        .map(|found| (found[1].to_owned(), found[2].to_owned()))
        .collect()
}

fn is_a_test(text: &str, name: &str) -> bool {
    let test = format!(
        r"(?m)^\s*#\[(?:tokio::)?test(?:\([^)]*\))?\]\n(?:\s*#\[[^\]]*\]\n)*\s*(?:async )?fn {name}\("
    );
    Regex::new(&test).unwrap().is_match(text)
}

#[test]
fn every_test_that_a_thread_names_is_there() {
    let text = source::read(DOCUMENT);
    let named = named(&text);
    assert!(named.len() > 50, "{named:#?}");
    // Every file stands before a test.
    let files = Regex::new(r"`[a-z_/0-9]+\.rs`").unwrap();
    assert_eq!(files.find_iter(&text).count(), named.len());
    let mut missing = Vec::new();
    for (file, test) in named {
        let path = match file.starts_with("src/") {
            true => file.clone(),
            false => format!("tests/{file}"),
        };
        let text = std::fs::read_to_string(source::root().join(&path)).unwrap_or_default();
        if !is_a_test(&text, &test) {
            missing.push(format!("{path}: {test}"));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn a_test_is_told_from_other_functions() {
    let text = "#[test]\nfn one() {}\n\n#[tokio::test(flavor = \"multi_thread\")]\nasync fn two() {}\n\nfn three() {}\n";
    assert!(is_a_test(text, "one") && is_a_test(text, "two"));
    assert!(!is_a_test(text, "three") && !is_a_test(text, "tw"));
}
