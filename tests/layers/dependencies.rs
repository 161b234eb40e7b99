//! What the plugin is linked with, by its Cargo.toml.

use toml::{Table, Value};

use crate::source;

/// In tests only: the simulator, and the SSH server it stands on.
const NEVER_LINKED: [&str; 2] = ["hpe3par-sim", "russh"];

/// Every dependency in the tables of this kind, of all targets, by the name of its package.
fn packages(manifest: &Table, kind: &str) -> Vec<String> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let tables = targets
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table)
        .chain([manifest]);
    tables
        .filter_map(|table| table.get(kind)?.as_table())
        .flatten()
        .map(|(name, what)| {
            let renamed = what.get("package").and_then(Value::as_str);
            renamed.unwrap_or(name).to_owned()
        })
        .collect()
}

#[test]
fn the_plugin_is_never_linked_with_the_simulator() {
    let manifest: Table = source::read("Cargo.toml").parse().unwrap();
    for kind in ["dependencies", "build-dependencies"] {
        let packages = packages(&manifest, kind);
        for never in NEVER_LINKED {
            assert!(
                !packages.iter().any(|name| name == never),
                "`{never}` is in [{kind}]"
            );
        }
    }
    let in_tests = packages(&manifest, "dev-dependencies");
    assert!(
        in_tests.iter().any(|name| name == "hpe3par-sim"),
        "{in_tests:?}"
    );
}

#[test]
fn the_simulator_does_not_know_the_plugin() {
    let manifest: Table = source::read("simulator/Cargo.toml").parse().unwrap();
    for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
        let packages = packages(&manifest, kind);
        assert!(
            !packages.iter().any(|name| name == "hpe3par-docker"),
            "in [{kind}]"
        );
    }
}

#[test]
fn a_dependency_is_found_under_any_name_and_target() {
    let manifest: Table = "[dependencies]\na = { package = 'b' }\nc = '1'\n[target.'cfg(unix)'.dependencies]\nd.path = 'x'\n"
        .parse()
        .unwrap();
    let mut found = packages(&manifest, "dependencies");
    found.sort();
    assert_eq!(found, ["b", "c", "d"]);
}
