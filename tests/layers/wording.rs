//! What no file of this repository says.

use regex::Regex;

use crate::source;

/// What is nobody's business: paths of one machine, folders next to this repository, and where packages were downloaded. Written so
/// that this file does not say it either.
fn forbidden() -> Regex {
    let hosts = [
        "index[.]crates",
        "static[.]crates",
        "registry[.]npmjs",
        "pypi",
        "files[.]pythonhosted",
        "proxy[.]golang",
        "registry-1[.]docker",
        "auth[.]docker",
        "registry[.]hub[.]docker",
        "quay",
        "ghcr",
        "deb[.]debian",
        "security[.]debian",
        "rubygems",
    ];
    let expression = format!(
        r"(?m)(?:^|[^\w.])/{}/|{}/(?:reference|transcripts|product|architecture|hooks)|\b(?:{})[.](?:io|org|com)\b",
        "work",
        "shared",
        hosts.join("|"),
    );
    Regex::new(&expression).unwrap()
}

#[test]
fn no_file_names_a_workplace_or_a_registry() {
    let forbidden = forbidden();
    let mut wrong = Vec::new();
    let files = source::files("");
    assert!(files.iter().any(|(path, _)| path.ends_with("src/main.rs")));
    for (path, text) in files {
        for found in forbidden.find_iter(&text) {
            let line = text[..found.start()].lines().count().max(1);
            wrong.push(format!(
                "{}:{line}: `{}`",
                path.display(),
                found.as_str().trim()
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_crate_comes_from_the_public_index() {
    let lock: toml::Table = source::read("Cargo.lock").parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    let sources = packages.iter().filter_map(|package| package.get("source"));
    let elsewhere: Vec<_> = sources
        .filter(|from| {
            from.as_str() != Some("registry+https://github.com/rust-lang/crates.io-index")
        })
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

#[test]
fn what_is_forbidden_is_found() {
    let forbidden = forbidden();
    for said in [
        format!("see {}reference/style.md", ["sha", "red/"].concat()),
        format!("in `{}main`", ["/wo", "rk/"].concat()),
        format!("https://{}.io/a", ["index.", "crates"].concat()),
        format!("{}.org", ["py", "pi"].concat()),
    ] {
        assert!(forbidden.is_match(&said), "{said}");
    }
    for fine in [
        "/usr/work/x",
        "registry+https://github.com/rust-lang/crates.io-index",
        "docker.io",
        "a shared/folder",
    ] {
        assert!(!forbidden.is_match(fine), "{fine}");
    }
}
