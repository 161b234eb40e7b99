//! A comment that gives the number of a fact sends its reader to docs/array-facts.md. The fact must be there.

use std::collections::BTreeSet;

use regex::Regex;

use crate::source;

const CITING: [&str; 4] = ["src", "simulator", "templates", "tests"];

/// The numbers of facts that a text cites, however its comments are wrapped.
fn cited(text: &str) -> Vec<u32> {
    let wrapped = Regex::new(r"\n[ \t]*(?://[/!]?|#|--)?[ \t]*").unwrap();
    let citation =
        Regex::new(r"(?i)\barray facts?[ ]((?:\d+(?:, and |, | and | to |-|–)?)+)").unwrap();
    let number = Regex::new(r"\d+").unwrap();
    let text = wrapped.replace_all(text, " ");
    let lists = citation
        .captures_iter(&text)
        .map(|found| found[1].to_owned());
    lists
        .flat_map(|list| {
            let numbers = number.find_iter(&list).map(|n| n.as_str().parse().unwrap());
            numbers.collect::<Vec<u32>>()
        })
        .collect()
}

/// The numbers that docs/array-facts.md gives: of a list, of headings, or in the first column of a table.
fn numbered(text: &str) -> Vec<u32> {
    let number =
        Regex::new(r"(?m)^(?:(?:#+ |\*\*)?(\d+)[.)]|#+ (\d+)\b|\| *\**(\d+)\** *\|)").unwrap();
    let numbers = number.captures_iter(text);
    numbers
        .filter_map(|found| found.iter().skip(1).flatten().next()?.as_str().parse().ok())
        .collect()
}

#[test]
fn every_fact_that_is_cited_is_in_docs_array_facts() {
    let numbers = numbered(&source::read("docs/array-facts.md"));
    let known: BTreeSet<u32> = numbers.iter().copied().collect();
    assert_eq!(
        numbers.len(),
        known.len(),
        "docs/array-facts.md gives a number twice: {numbers:?}"
    );
    let mut citations = 0;
    let mut missing = Vec::new();
    for (path, text) in CITING.into_iter().flat_map(source::files) {
        // Its examples are none.
        if path.ends_with("tests/layers/facts.rs") {
            continue;
        }
        for number in cited(&text) {
            citations += 1;
            if !known.contains(&number) {
                missing.push(format!("{}: array fact {number}", path.display()));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "not in docs/array-facts.md:\n{}",
        missing.join("\n")
    );
    assert!(citations >= 8, "only {citations} citations were found");
}

#[test]
fn citations_and_numbers_are_read_in_every_form() {
    let text = "/// One (array fact 3). Array facts 4, 5 and 6: so; array\n    // fact 7\n# as array facts 8,\n# 9.\nan array of facts 10";
    assert_eq!(cited(text), [3, 4, 5, 6, 7, 8, 9]);
    let text = "# Facts\n\n1. One, with 31 characters\n31 characters\n## 2 Two\n### 3. Three\n| 4 | four |\n| **5** | five |\n**6.** six\n";
    assert_eq!(numbered(text), [1, 2, 3, 4, 5, 6]);
}
