//! The same commands through python-3parclient's SSH client, which the programs of HPE's python family are built on.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::Command,
};

use super::{
    CASES,
    measured::{Measured, extrapolate, within},
    rig::arrays::{HOME, LOGIN, PASSWORD, PEER},
    scene::{self, Scene},
};

/// So many volumes are made in reality: each takes half a minute.
const USUALLY: usize = 8;

/// Every case; or why there is none.
pub async fn lane() -> Result<Vec<Measured>, String> {
    let python = environment().await?;
    let most = within(USUALLY);
    let mut all = replay(&python, &CASES[..most]).await?;
    extrapolate(&mut all);
    Ok(all)
}

/// An environment with the client in it, made once. Gives its python.
async fn environment() -> Result<PathBuf, String> {
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-3parclient");
    let python = at.join("bin/python3");
    let wanted = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/creates/requirements.txt");
    run(
        Command::new("python3").args(["-m", "venv"]).arg(&at),
        "`python3 -m venv`",
    )
    .await?;
    run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--requirement"])
            .arg(wanted),
        "`pip install`",
    )
    .await?;
    Ok(python)
}

async fn run(command: &mut Command, what: &str) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().await;
    let output = output.map_err(|error| format!("{what}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let reason = said.trim().lines().last().unwrap_or("no reason given");
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{what}: {reason}"))
    }
}

/// What the plugin asks the arrays for one more volume, in order. How its sessions begin does not count.
async fn lines_of_a_create(scene: &Scene) -> (String, Vec<(String, String)>) {
    let name = "bench-of";
    scene.begin();
    scene.create(name.to_owned()).await;
    let log = scene.arrays.control.log(None).into_iter();
    let lines: Vec<_> = log
        .map(|entry| (entry.array, entry.line))
        .filter(|(_, line)| !line.starts_with("showversion") && !line.starts_with("showuserconn"))
        .collect();
    (name.to_owned(), lines)
}

/// Sends them again for new volumes, and measures after each of these numbers.
async fn replay(python: &Path, cases: &[usize]) -> Result<Vec<Measured>, String> {
    let mut scene = Scene::set().await;
    let (name, lines) = lines_of_a_create(&scene).await;
    tokio::task::block_in_place(|| scene.plugin.stop());
    let most = cases[cases.len() - 1];
    let access = |array: &str| {
        let address = scene.arrays.simulator.address(array);
        json!({
            "name": array, "address": address.ip().to_string(), "port": address.port(), "login": LOGIN, "password": PASSWORD,
        })
    };
    let plan = json!({
        "arrays": [access(HOME), access(PEER)],
        "known_hosts": scene.machine.dir.join("known_hosts"),
        "lines": lines,
        "name": name,
        "names": (1..=most).map(scene::name).collect::<Vec<_>>(),
    });
    let mut child = Command::new(python)
        .args(["-W", "ignore"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/creates/replay.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("python: {error}"))?;
    let mut input = child.stdin.take().unwrap();
    // Until it reads this it does nothing.
    scene.begin();
    input.write_all(plan.to_string().as_bytes()).await.unwrap();
    drop(input);
    let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut all = Vec::new();
    for volumes in 1..=most {
        let line = told.next_line().await.unwrap();
        let line = line.ok_or_else(|| format!("python ended at volume {volumes}"))?;
        let (_, seconds): (String, f64) = serde_json::from_str(&line).unwrap();
        if cases.contains(&volumes) {
            let log = scene.arrays.control.log(None);
            let measured = Measured::of(Duration::from_secs_f64(seconds), &log);
            println!("python-3parclient, {volumes}: {measured}");
            all.push(measured);
        }
    }
    let ended = child.wait().await.unwrap();
    assert!(ended.success(), "python: {ended}");
    // One was made by the plugin.
    scene.end(most + 1);
    Ok(all)
}
