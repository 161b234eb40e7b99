//! Who imports whom, against the list in docs/architecture.md.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::source;

/// The binary: what knows everything. It may be nowhere but here.
const BINARY: [&str; 5] = ["connect.rs", "lib.rs", "logging.rs", "main.rs", "serve.rs"];
/// Crates with a home: that a layer does not know HTTP, or SSH, is seen by these.
const AT_HOME: [(&str, &[&str]); 5] = [
    ("http_body_util", &["operator_socket", "socket"]),
    ("hyper", &["docker", "operator_socket", "socket"]),
    ("hyper_util", &["docker", "operator_socket", "socket"]),
    ("warp", &["docker"]),
    ("ssh2", &["ssh"]),
];

type Edges = BTreeMap<String, BTreeSet<String>>;

/// Reads the block of docs/architecture.md that says which layer may import which.
fn allowed() -> Edges {
    let text = source::read("docs/architecture.md");
    let block = text
        .split("```imports\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("docs/architecture.md has a block ```imports");
    let row = |line: &str| {
        let (layer, may) = line.split_once("->").unwrap_or((line, ""));
        let may = may
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        (layer.trim().to_owned(), may.map(str::to_owned).collect())
    };
    block.lines().map(row).collect()
}

/// What a file names of the crate it is in, and of other crates.
#[derive(Default)]
struct Named {
    /// Modules at the root of this crate.
    layers: BTreeSet<String>,
    /// First names of paths that may be crates.
    crates: BTreeSet<String>,
}

impl Named {
    /// `depth`: how many modules deep the file is; the crate's root is 0.
    fn of(text: &str, depth: usize) -> Self {
        let mut named = Self::default();
        let tokens: TokenStream = text.parse().expect("Rust");
        named.walk(&tokens.into_iter().collect::<Vec<_>>(), depth);
        named
    }

    fn walk(&mut self, tokens: &[TokenTree], depth: usize) {
        let mut i = 0;
        while i < tokens.len() {
            match &tokens[i..] {
                [
                    TokenTree::Ident(word),
                    TokenTree::Ident(_),
                    TokenTree::Group(body),
                    ..,
                ] if word == "mod" && body.delimiter() == Delimiter::Brace => {
                    self.walk(&inside(body), depth + 1);
                    i += 2;
                }
                [TokenTree::Ident(_), ..] => {
                    i += self.path(&tokens[i..], depth, false);
                    continue;
                }
                [TokenTree::Group(group), ..] => self.walk(&inside(group), depth),
                _ => {}
            }
            i += 1;
        }
    }

    /// Reads a path, or a tree of them in a `use`, from the module that is `depth` deep. `relative`: the path goes on from there, and
    /// does not begin with a crate. Gives how many tokens it took.
    fn path(&mut self, tokens: &[TokenTree], depth: usize, relative: bool) -> usize {
        let Some(TokenTree::Ident(first)) = tokens.first() else {
            match tokens.first() {
                Some(TokenTree::Group(group)) => {
                    let items = inside(group);
                    for item in items.split(|token| is_punct(Some(token), ',')) {
                        self.path(item, depth, relative);
                    }
                }
                Some(TokenTree::Punct(star)) if relative && depth == 0 => {
                    self.layers.insert(star.as_char().to_string());
                }
                _ => {}
            }
            return 1;
        };
        let goes_on = is_punct(tokens.get(1), ':') && is_punct(tokens.get(2), ':');
        let first = first.to_string();
        match first.as_str() {
            "crate" | "super" | "self" if goes_on => {
                let depth = match first.as_str() {
                    "crate" => 0,
                    "super" => depth.checked_sub(1).expect("a module above the root"),
                    _ => depth,
                };
                return 3 + self.path(&tokens[3..], depth, true);
            }
            "self" | "super" | "crate" => {}
            _ if relative && depth == 0 => {
                self.layers.insert(first);
            }
            _ if !relative && goes_on => {
                self.crates.insert(first);
            }
            _ => {}
        }
        // What follows in this path is inside what was named.
        let mut taken = 1;
        while is_punct(tokens.get(taken), ':') && is_punct(tokens.get(taken + 1), ':') {
            taken += 2;
            if let Some(TokenTree::Ident(_)) = tokens.get(taken) {
                taken += 1;
            }
        }
        taken
    }
}

fn inside(group: &proc_macro2::Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

fn is_punct(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

/// How many modules deep a file of src/ is.
fn depth(path: &Path) -> usize {
    let parts = path.components().count() - 1;
    parts - usize::from(path.ends_with("mod.rs"))
}

#[test]
fn no_layer_knows_more_than_docs_architecture_allows() {
    let allowed = allowed();
    let mut seen = Edges::new();
    let mut wrong = Vec::new();
    for (path, text) in source::files("src") {
        let mut parts = path.components().skip(1);
        let layer = parts
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap()
            .to_owned();
        if parts.next().is_none() {
            if !BINARY.contains(&layer.as_str()) {
                wrong.push(format!("`{layer}` belongs into the folder of a layer"));
            }
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let named = Named::of(&text, depth(&path));
        let Some(may) = allowed.get(&layer) else {
            wrong.push(format!(
                "docs/architecture.md does not say what `{layer}` may import"
            ));
            continue;
        };
        seen.entry(layer.clone())
            .or_default()
            .extend(named.layers.iter().cloned());
        for other in named.layers.iter().filter(|other| **other != layer) {
            if !may.contains(other) {
                wrong.push(format!(
                    "{}: `{layer}` must not know `{other}`",
                    path.display()
                ));
            }
        }
        for (name, homes) in AT_HOME {
            if !homes.contains(&layer.as_str()) && named.crates.contains(name) {
                let homes = homes.join("` and `");
                wrong.push(format!("{}: only `{homes}` knows `{name}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    // A reader that reads nothing would allow everything.
    for (layer, other) in [
        ("docker", "volume"),
        ("volume", "replication"),
        ("inform", "ssh"),
    ] {
        assert!(
            seen[layer].contains(other),
            "`{layer}` imports `{other}`, and this test did not see it"
        );
    }
    let gone: Vec<_> = allowed
        .keys()
        .filter(|layer| !seen.contains_key(*layer))
        .collect();
    assert!(
        gone.is_empty(),
        "docs/architecture.md has layers that are not in src/: {gone:?}"
    );
}

#[test]
fn every_way_to_write_an_import_is_seen() {
    let layers = |text: &str, depth| {
        Named::of(text, depth)
            .layers
            .into_iter()
            .collect::<Vec<_>>()
    };
    assert_eq!(layers("use crate::volume::Service;", 2), ["volume"]);
    assert_eq!(
        layers("use crate::{self, host, model::{A, B}, ssh as s};", 2),
        ["host", "model", "ssh"]
    );
    assert_eq!(
        layers(
            "fn f(x: &crate::index::Index) -> Vec<crate::ssh::Pool> {}",
            2
        ),
        ["index", "ssh"]
    );
    assert_eq!(layers("use super::super::docker;", 2), ["docker"]);
    assert_eq!(
        layers("use super::{super::docker::Api, steps};", 2),
        ["docker"]
    );
    assert_eq!(
        layers(
            "mod tests { use super::super::super::docker; use super::super::x; }",
            2
        ),
        ["docker"]
    );
    assert_eq!(
        layers("log::info!(x = crate::host::name(); \"text\");", 2),
        ["host"]
    );
    assert_eq!(layers("use crate::*;", 1), ["*"]);
    assert_eq!(
        layers(
            "pub(crate) use self::docker; pub(in crate::volume) fn f() {}",
            2
        ),
        ["volume"]
    );
    assert_eq!(
        layers(
            "/// [`crate::docker`]\n// crate::docker\nconst A: &str = \"crate::docker\";",
            1
        ),
        [""; 0]
    );
    assert_eq!(
        layers("use super::docker; use super::super::super_thing;", 3),
        [""; 0]
    );
    let crates = Named::of(
        "use warp::Filter; fn f() { hyper::x(); a.ssh2::<T>(); b::ssh2::c() }",
        1,
    )
    .crates;
    assert!(
        crates.contains("warp") && crates.contains("hyper"),
        "{crates:?}"
    );
}
