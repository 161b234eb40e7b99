//! The TOML of a template, and of an administrator's file that changes how answers are read.

use std::{collections::BTreeMap, ops::Range};

use serde::Deserialize;

use super::{
    pattern::{CellPattern, Pattern},
    read::{KeyValueShape, LineShape, RefusalPattern, SectionsShape, Shape, SilentShape},
    table::{Column, TableShape},
};

/// A file of templates/inform.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplateFile {
    pub(super) command: String,
    #[serde(default)]
    pub(super) options: BTreeMap<String, String>,
    pub(super) proof: Option<String>,
    #[serde(default)]
    pub(super) empty: Vec<Pattern>,
    #[serde(default)]
    pub(super) ignore: Vec<Pattern>,
    #[serde(default)]
    pub(super) refusals: Vec<RefusalPattern>,
    silent: Option<SilentShape>,
    line: Option<LineShape>,
    table: Option<TableShape>,
    sections: Option<SectionsShape>,
    key_value: Option<KeyValueShape>,
}

impl TemplateFile {
    /// The one shape the file has.
    pub(super) fn shape(&self) -> Option<Shape> {
        let all = [
            self.silent.clone().map(Shape::Silent),
            self.line.clone().map(Shape::Line),
            self.table.clone().map(Shape::Table),
            self.sections.clone().map(Shape::Sections),
            self.key_value.clone().map(Shape::KeyValue),
        ];
        let mut found = all.into_iter().flatten();
        found.next().filter(|_| found.next().is_none())
    }
}

/// refusals.toml: what any command may answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefusalsFile {
    pub(super) refusals: Vec<RefusalPattern>,
}

/// A file of `template_dir`: reading patterns and column names, nothing else.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OverrideFile {
    empty: Option<Vec<Pattern>>,
    ignore: Option<Vec<Pattern>>,
    silent: Option<SilentShape>,
    line: Option<LineShape>,
    table: Option<toml::Spanned<TableOverride>>,
    sections: Option<toml::Spanned<SectionsOverride>>,
    key_value: Option<toml::Spanned<KeyValueOverride>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TableOverride {
    columns: BTreeMap<toml::Spanned<String>, ColumnOverride>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SectionsOverride {
    titles: Option<Vec<Pattern>>,
    /// Whether a complete answer ends with an empty line, as those of the captured releases do.
    ends_blank: Option<bool>,
    #[serde(default)]
    parts: BTreeMap<toml::Spanned<String>, TableOverride>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyValueOverride {
    after: Option<Pattern>,
    pattern: Option<Pattern>,
    #[serde(default)]
    keys: BTreeMap<toml::Spanned<String>, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnOverride {
    titles: Option<Vec<String>>,
    cell: Option<CellPattern>,
    items: Option<Vec<CellPattern>>,
}

/// What is wrong with an administrator's file, and where.
pub(super) type Misfit = (Range<usize>, String);

impl OverrideFile {
    /// Changes `file`; what it does not have cannot be changed.
    pub(super) fn apply(self, file: &mut TemplateFile) -> Result<(), Misfit> {
        let other = |span| {
            (
                span,
                "this command's answer is not read in that shape".to_owned(),
            )
        };
        if let Some(empty) = self.empty {
            file.empty = empty;
        }
        if let Some(ignore) = self.ignore {
            file.ignore = ignore;
        }
        if let Some(silent) = self.silent {
            *file.silent.as_mut().ok_or_else(|| other(0..0))? = silent;
        }
        if let Some(line) = self.line {
            *file.line.as_mut().ok_or_else(|| other(0..0))? = line;
        }
        if let Some(table) = self.table {
            let shape = file.table.as_mut().ok_or_else(|| other(table.span()))?;
            table.into_inner().apply(shape)?;
        }
        if let Some(sections) = self.sections {
            let shape = file
                .sections
                .as_mut()
                .ok_or_else(|| other(sections.span()))?;
            let sections = sections.into_inner();
            if let Some(titles) = sections.titles {
                shape.titles = titles;
            }
            shape.ends_blank = sections.ends_blank.unwrap_or(shape.ends_blank);
            for (name, table) in sections.parts {
                let part = shape.parts.get_mut(name.get_ref());
                table.apply(part.ok_or_else(|| unknown("part", &name))?)?;
            }
        }
        if let Some(pairs) = self.key_value {
            let shape = file.key_value.as_mut().ok_or_else(|| other(pairs.span()))?;
            let pairs = pairs.into_inner();
            if let Some(after) = pairs.after {
                shape.after = after;
            }
            if let Some(pattern) = pairs.pattern {
                shape.pattern = pattern;
            }
            for (name, key) in pairs.keys {
                *shape
                    .keys
                    .get_mut(name.get_ref())
                    .ok_or_else(|| unknown("key", &name))? = key;
            }
        }
        Ok(())
    }
}

impl TableOverride {
    fn apply(self, shape: &mut TableShape) -> Result<(), Misfit> {
        for (name, new) in self.columns {
            let column: &mut Column = shape
                .columns
                .get_mut(name.get_ref())
                .ok_or_else(|| unknown("column", &name))?;
            if let Some(titles) = new.titles {
                column.titles = titles;
            }
            if let Some(cell) = new.cell {
                column.cell = Some(cell);
            }
            if let Some(items) = new.items {
                column.items = items;
            }
        }
        Ok(())
    }
}

fn unknown(what: &str, name: &toml::Spanned<String>) -> Misfit {
    (
        name.span(),
        format!("this template has no {what} `{}`", name.get_ref()),
    )
}
