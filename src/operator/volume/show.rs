//! `volume show`: what `docker volume inspect` has, laid out for people.

use std::io::{self, Write};

use serde_json::{Map, Value};

use crate::{
    operator::{Exit, Streams},
    operator_socket::Shown,
};

pub(super) fn print(shown: &Shown, json: bool, to: &mut Streams<'_>) -> io::Result<Exit> {
    if json {
        serde_json::to_writer_pretty(&mut *to.out, shown)?;
        writeln!(to.out)?;
        return Ok(Exit::Ok);
    }
    let mut fields = Map::new();
    let mut put = |key: &str, value: String| fields.insert(key.to_owned(), Value::String(value));
    put("volume", shown.name.to_string());
    if let Some(created) = &shown.created_at {
        put("created", created.clone());
    }
    if let Some(at) = &shown.mountpoint {
        put("mounted at", at.display().to_string());
    }
    block(&fields, 0, to.out)?;
    block(&shown.status, 0, to.out)?;
    Ok(Exit::Ok)
}

/// One field on a line; what has fields of its own is below it, further in.
fn block(fields: &Map<String, Value>, depth: usize, out: &mut dyn Write) -> io::Result<()> {
    let plain = fields.iter().filter(|(_, value)| is_plain(value));
    let width = plain.map(|(key, _)| key.chars().count()).max();
    let (indent, width) = ("  ".repeat(depth), width.unwrap_or(0) + 1);
    for (key, value) in fields {
        match value {
            Value::Object(inside) => {
                writeln!(out, "{indent}{key}:")?;
                block(inside, depth + 1, out)?;
            }
            Value::Array(items) if !is_plain(value) => {
                for item in items {
                    writeln!(out, "{indent}{key}:")?;
                    match item {
                        Value::Object(inside) => block(inside, depth + 1, out)?,
                        other => writeln!(out, "{indent}  {}", text(other))?,
                    }
                }
            }
            Value::Null => {}
            value => {
                let key = format!("{key}:");
                writeln!(out, "{indent}{key:<width$}  {}", text(value))?;
            }
        }
    }
    Ok(())
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::Object(_) => false,
        Value::Array(items) => items.iter().all(|i| !i.is_object() && !i.is_array()),
        _ => true,
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_stand_below_each_other_and_what_is_inside_further_in() {
        let status = json!({
            "backend": "mirrored",
            "seen": null,
            "vv": { "id": 3, "name": "dkv-db1" },
            "snapshots": ["volume `s1`", "volume `s2`"],
            "volumes": [{ "sync": "Synced" }],
        });
        let mut out = Vec::new();
        block(status.as_object().unwrap(), 0, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(
            out,
            "backend:    mirrored\nsnapshots:  volume `s1`, volume `s2`\nvolumes:\n  sync:  Synced\nvv:\n  id:    3\n  name:  dkv-db1\n"
        );
    }
}
