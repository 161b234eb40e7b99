//! Two dumps of arrays, beside each other.

use serde_json::Value;

/// Where two dumps differ, for people.
pub fn differences(at: &str, was: &Value, is: &Value) -> Vec<String> {
    match (was, is) {
        _ if was == is => Vec::new(),
        (Value::Object(was), Value::Object(is)) => {
            let mut keys: Vec<&String> = was.keys().chain(is.keys()).collect();
            keys.sort();
            keys.dedup();
            keys.into_iter()
                .flat_map(|key| {
                    let (was, is) = (was.get(key), is.get(key));
                    let null = Value::Null;
                    differences(
                        &format!("{at}/{key}"),
                        was.unwrap_or(&null),
                        is.unwrap_or(&null),
                    )
                })
                .collect()
        }
        _ => vec![format!("{at}: was {was}, is {is}")],
    }
}
