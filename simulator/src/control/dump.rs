//! The state as comparable JSON.

use serde_json::{Map, Value};

use crate::state::World;

/// Fields that hold times, ids still to be given, or secrets, at any depth.
const LEFT_OUT: [&str; 14] = [
    "secret",
    "counters",
    "created",
    "started_at",
    "next_sync",
    "next_run",
    "syncing_since",
    "synced_at",
    "last_sync",
    "started",
    "finished",
    "details",
    "due",
    "decide_at",
];

/// Fields whose time is left out while it still shows whether there is one.
const ONLY_WHETHER: [&str; 3] = ["expires_at", "retained_until", "witness_lost"];

/// The arrays, without clocks, id counters and ended tasks.
pub(super) fn of(world: &World) -> Value {
    let mut world = world.clone();
    for array in world.arrays.values_mut() {
        array.tasks.retain(|task| task.status == "active");
    }
    let mut dump = serde_json::to_value(&world.arrays).unwrap_or(Value::Null);
    strip(&mut dump);
    dump
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            // The arrays, volumes, hosts and groups themselves are keyed by names, which may be any of these words.
            if !is_by_name(fields) {
                fields.retain(|name, _| !LEFT_OUT.contains(&name.as_str()));
            }
            for (name, value) in fields {
                if ONLY_WHETHER.contains(&name.as_str()) && !value.is_null() {
                    *value = Value::Bool(true);
                }
                strip(value);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(strip),
        _ => {}
    }
}

/// A table of things by name: each value is itself a table with a field `id`.
fn is_by_name(fields: &Map<String, Value>) -> bool {
    !fields.is_empty() && fields.values().all(|value| value.get("id").is_some())
}

#[cfg(test)]
mod tests {
    use crate::state::{Array, Task, Vv, World};

    #[test]
    fn times_and_counters_are_left_out_and_names_are_not() {
        let mut array = Array {
            name: "north".into(),
            ..Array::default()
        };
        array.counters.insert("vv".into(), 7);
        array.vvs.insert(
            "created".into(),
            Vv {
                created: 5,
                expires_at: Some(9),
                id: 1,
                ..Vv::default()
            },
        );
        let task = |status: &str| Task {
            id: 1,
            kind: "x".into(),
            name: "y".into(),
            status: status.into(),
            started: 3,
            finished: None,
            user: "u".into(),
            details: Vec::new(),
        };
        array.tasks = vec![task("done"), task("active")];
        let dump = super::of(&World {
            arrays: [("north".to_owned(), array)].into(),
            ..World::default()
        });
        assert!(dump["north"]["counters"].is_null());
        assert_eq!(dump["north"]["vvs"]["created"]["id"], 1);
        assert!(dump["north"]["vvs"]["created"]["created"].is_null());
        assert_eq!(dump["north"]["vvs"]["created"]["expires_at"], true);
        assert_eq!(dump["north"]["tasks"].as_array().unwrap().len(), 1);
    }
}
