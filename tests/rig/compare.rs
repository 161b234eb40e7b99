//! Two dumps of arrays, beside each other.

use std::sync::LazyLock;

use regex::Regex;
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

/// Which operation touched a volume last is no difference.
pub fn but_for_operations(dump: Value) -> Value {
    static OP: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"/op=[^/]*").unwrap());
    let text = dump.to_string();
    serde_json::from_str(&OP.replace_all(&text, "/op=")).unwrap()
}
