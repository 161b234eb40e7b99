//! A storage administrator at two terminals: one has the plugin's command line, the other is logged in to an array.

use std::{
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use regex::Regex;
use serde_json::Value;

use crate::{
    rig::arrays::{HOME, PASSWORD, PEER},
    scene::{GROUP, Scene},
};

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// `hpe3par-docker group …` with the machine's hpe.conf.
pub async fn group(scene: &Scene, arguments: &[&str]) -> Said {
    let Output {
        status,
        stdout,
        stderr,
    } = tokio::process::Command::new(env!("CARGO_BIN_EXE_hpe3par-docker"))
        .arg("group")
        .args(arguments)
        .arg("--config")
        .arg(scene.stage.machine.conf())
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let said = Said {
        status: status.code().unwrap(),
        out: text(stdout),
        err: text(stderr),
    };
    for text in [&said.out, &said.err] {
        assert!(!text.contains(PASSWORD), "{said:?}");
        assert!(!text.contains('\u{1b}'), "colours in a pipe: {said:?}");
    }
    said
}

/// The plan, as JSON; its exit status says whether it may be typed.
pub async fn plan(scene: &Scene, operation: &str) -> Value {
    let said = group(scene, &["plan", operation, GROUP, "--json"]).await;
    let plan = said.json();
    let objections = plan["objections"].as_array().unwrap();
    assert_eq!(said.status, i32::from(!objections.is_empty()), "{plan:#}");
    assert_eq!(plan["operation"], operation);
    plan
}

/// Which of the arrays a plan names.
pub fn array_called(scene: &Scene, label: &str) -> &'static str {
    [HOME, PEER]
        .into_iter()
        .find(|array| scene.stage.label(array) == label)
        .unwrap_or_else(|| panic!("no array `{label}`"))
}

/// Types everything a plan says, letter by letter, and compares what is printed. `before` each further command the group is at rest.
pub async fn carry_out(scene: &Scene, operation: &str) -> Value {
    let plan = plan(scene, operation).await;
    assert_eq!(plan["now"], true, "{plan:#}");
    for command in plan["commands"].as_array().unwrap() {
        types(scene, command).await;
    }
    ends_as_promised(scene, &plan).await;
    plan
}

/// Types one command of a plan, and compares what is printed.
pub async fn types(scene: &Scene, command: &Value) {
    let array = array_called(scene, command["array"].as_str().unwrap());
    assert_eq!(command["system"], array);
    let line = command["line"].as_str().unwrap();
    let printed = scene.stage.arrays.type_in(array, line).await;
    let promised: Vec<String> = command["prints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| regex::escape(line.as_str().unwrap()).replace("<n>", r"\d+") + "\n")
        .collect();
    let promised = Regex::new(&format!("^{}$", promised.concat())).unwrap();
    assert!(
        promised.is_match(&printed),
        "{array}: {line} printed:\n{printed}\npromised: {promised}"
    );
    at_rest(scene).await;
}

/// No task is under way, and nothing starts or is copied.
pub async fn at_rest(scene: &Scene) {
    let patience = Instant::now() + Duration::from_secs(60);
    let moves = |dump: String| {
        ["\"Syncing\"", "\"Starting\"", "\"operation\":{"]
            .iter()
            .any(|word| dump.contains(word))
    };
    while moves(scene.stage.arrays.dump().to_string()) {
        assert!(Instant::now() < patience, "never at rest");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What both arrays show is one of the ends that the plan promised.
pub async fn ends_as_promised(scene: &Scene, plan: &Value) {
    at_rest(scene).await;
    let shown = scene.roles();
    let promised: Vec<[String; 2]> = plan["afterwards"]
        .as_array()
        .unwrap()
        .iter()
        .map(|after| {
            ["source", "peer"].map(|side| match &after[side] {
                Value::Null => "?".to_owned(),
                half => format!(
                    "{} {}",
                    half["role"].as_str().unwrap(),
                    half["status"].as_str().unwrap()
                ),
            })
        })
        .collect();
    let fits = |promised: &[String; 2]| {
        promised
            .iter()
            .zip(&shown)
            .all(|(promised, shown)| promised == "?" || promised == shown)
    };
    assert!(
        promised.iter().any(fits),
        "both show {shown:?}, promised: {promised:?}"
    );
}
