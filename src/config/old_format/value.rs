//! One value of an old file, as the TOML value it would be.

use std::borrow::Cow;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::super::{
    keys::{self, Shape},
    mistake::Problem,
};

/// A text.
pub(super) fn text<'i>(text: impl Into<Cow<'i, str>>) -> DeValue<'i> {
    DeValue::String(text.into())
}

/// What the text means for this key. What has not the form it should have stays a text, and is reported by the one check that
/// all values go through.
pub(super) fn read<'i>(key: &str, given: Cow<'i, str>) -> Result<DeValue<'i>, Problem> {
    let shape = keys::find(key).map_or(Shape::Text, |key| key.shape);
    let lower = given.to_ascii_lowercase();
    Ok(match (shape, key) {
        (Shape::Text, "replication_mode") => text(lower),
        (Shape::Text, "logging") => text(level(&lower).to_owned()),
        (Shape::Text | Shape::Table, _) => text(given),
        (Shape::Number, _) => number(given),
        (Shape::Boolean, _) => match lower.as_str() {
            "true" | "1" | "on" | "yes" => DeValue::Boolean(true),
            "false" | "0" | "off" | "no" => DeValue::Boolean(false),
            _ => text(given),
        },
        // In a backend's section `,` is between items, in its `replication_device` `;` is.
        (Shape::List, _) => {
            let items = given.split([',', ';']).map(str::trim);
            let items = items.filter(|item| !item.is_empty());
            DeValue::Array(items.map(|item| unplaced(text(item.to_owned()))).collect())
        }
        (Shape::Map, _) => map(&given)?,
    })
}

/// A value whose place is that of its key.
fn unplaced<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}

fn number(given: Cow<'_, str>) -> DeValue<'_> {
    match &given {
        Cow::Borrowed(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            DeValue::parse(digits).map_or_else(|_| text(*digits), Spanned::into_inner)
        }
        _ => text(given),
    }
}

/// The levels of python's logging.
fn level(given: &str) -> &str {
    match given {
        "warning" => "warn",
        "critical" => "error",
        other => other,
    }
}

/// `here:there` pairs with blanks between them.
fn map<'i>(given: &str) -> Result<DeValue<'i>, Problem> {
    let mut table = DeTable::new();
    for pair in given.split_whitespace() {
        let Some((here, there)) = pair.split_once(':') else {
            return Err(Problem::Form {
                text: pair.chars().take(80).collect(),
                form: "a pair `<CPG here>:<CPG on the target array>`",
            });
        };
        let before = table.insert(
            unplaced(Cow::Owned(here.to_owned())),
            unplaced(text(there.to_owned())),
        );
        if before.is_some() {
            let text = here.to_owned();
            return Err(Problem::Twice { text });
        }
    }
    Ok(DeValue::Table(table))
}
