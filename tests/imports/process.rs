//! Adoptions and releases, in a process of their own: what a person's command asks of the volume service, without the command.

#[allow(dead_code)] // The plugin uses all of it.
#[path = "../../src/connect.rs"]
mod connect;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use hpe3par_docker::{
    config::Config,
    host::{Kernel, Simulated, Transport},
    index::Index,
    inform::Templates,
    model::{Machine, RequestId, VolumeName},
    volume::{AdoptLeave, AdoptionList, Backend, KillPoints, Parts, Service},
};
use serde_json::{Value, json};

use super::rig::{arrays, plugin::Reply};

/// Where the process finds what it is to do.
const ASKED: &str = "IMPORTS_ASKED";
/// What its answer begins with.
const ANSWER: &str = "answer: ";

/// All that the python plugin has made, as the service lists it.
pub async fn list(machine: &arrays::Machine) -> Value {
    let ask = json!({ "list": true });
    run(machine, &ask, &[]).await.ok()
}

/// As [`list`], where those in remote copy groups may be copied anew.
pub async fn list_anew(machine: &arrays::Machine) -> Value {
    let ask = json!({ "list": true, "anew": true });
    run(machine, &ask, &[]).await.ok()
}

/// As [`list`], of one that is to be called otherwise.
pub async fn look(machine: &arrays::Machine, which: &str, name: &str) -> Reply {
    let ask = json!({ "look": which, "name": name });
    run(machine, &ask, &[]).await
}

/// One is adopted, by a name that it has; perhaps under another.
pub async fn adopt(
    machine: &arrays::Machine,
    which: &str,
    name: Option<&str>,
    environment: &[(&str, String)],
) -> Reply {
    let ask = json!({ "adopt": which, "name": name });
    run(machine, &ask, environment).await
}

/// As [`adopt`], also out of a remote copy group and in again.
pub async fn adopt_anew(
    machine: &arrays::Machine,
    which: &str,
    name: Option<&str>,
    environment: &[(&str, String)],
) -> Reply {
    let ask = json!({ "adopt": which, "name": name, "anew": true });
    run(machine, &ask, environment).await
}

/// One gets back what it had.
pub async fn release(machine: &arrays::Machine, name: &str) -> Reply {
    run(machine, &json!({ "release": name }), &[]).await
}

/// [`Reply::Closed`]: it died.
async fn run(machine: &arrays::Machine, ask: &Value, environment: &[(&str, String)]) -> Reply {
    let mut ask = ask.clone();
    ask["conf"] = json!(machine.conf());
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "process::does_as_it_is_asked", "--nocapture"])
        .env(ASKED, ask.to_string())
        .envs(environment.iter().map(|(key, value)| (key, value)));
    let done = tokio::task::spawn_blocking(move || command.output().unwrap());
    let done = done.await.unwrap();
    let printed = String::from_utf8(done.stdout).unwrap();
    let answer = printed.lines().find_map(|line| {
        let at = line.find(ANSWER)?;
        serde_json::from_str::<Value>(&line[at + ANSWER.len()..]).ok()
    });
    match answer {
        Some(answer) if answer["err"].is_string() => {
            Reply::Err(answer["err"].as_str().unwrap().to_owned())
        }
        Some(answer) => Reply::Ok(answer),
        None => {
            use std::os::unix::process::ExitStatusExt;
            let errors = String::from_utf8_lossy(&done.stderr);
            assert_eq!(done.status.signal(), Some(9), "{printed}\n{errors}");
            Reply::Closed
        }
    }
}

/// The other end of [`run`]; asked nothing, it only sees that it is not.
#[tokio::test(flavor = "multi_thread")]
async fn does_as_it_is_asked() {
    let Ok(asked) = std::env::var(ASKED) else {
        return;
    };
    let asked: Value = serde_json::from_str(&asked).unwrap();
    let conf = PathBuf::from(asked["conf"].as_str().unwrap());
    let service = service(&conf);
    let request = RequestId::random();
    let name = |key: &str| {
        asked[key]
            .as_str()
            .map(|text| VolumeName::new(text).unwrap())
    };
    let leave = AdoptLeave {
        copy_anew: asked["anew"] == true,
    };
    let answer = if let (Some(which), Some(to)) = (asked["look"].as_str(), name("name")) {
        match service.adoptable_as(&request, which, &to, leave).await {
            Ok(list) => told(&list),
            Err(error) => json!({ "err": error.to_string() }),
        }
    } else if let Some(which) = asked["adopt"].as_str() {
        let adopted = service.adopt(request, which.to_owned(), name("name"), leave);
        match adopted.await {
            Ok(adopted) => json!({
                "was": adopted.was,
                "name": adopted.name,
                "former": adopted.former,
                "schedules": adopted.schedules,
            }),
            Err(error) => json!({ "err": error.to_string() }),
        }
    } else if let Some(volume) = name("release") {
        match service.release(request, volume).await {
            Ok(_) => json!({}),
            Err(error) => json!({ "err": error.to_string() }),
        }
    } else {
        told(&service.adoptable(&request, leave).await)
    };
    println!("{ANSWER}{answer}");
}

fn told(list: &AdoptionList) -> Value {
    let all = list.all.iter().map(|item| {
        json!({
            "vv": item.vv,
            "name": item.name.as_ref().ok(),
            "backend": item.backend,
            "of": item.snapshot_of,
            "mib": item.size.mib(),
            "own set": item.own_set,
            "other sets": item.other_sets,
            "group": item.group,
            "former": item.former,
            "schedules": item.schedules,
            "objection": item.objection().map(|why| why.to_string()),
        })
    });
    json!({ "all": all.collect::<Vec<_>>(), "not asked": list.not_asked })
}

/// The service of a machine with simulated arrays, as the plugin has it.
fn service(conf: &Path) -> Service {
    let (config, _) = Config::load(conf).unwrap();
    let global = &config.global;
    let index = Index::open(&global.state_dir, &global.run_dir).unwrap();
    let templates = Arc::new(Templates::load(None).unwrap());
    let talks = connect::Talks::Plugin(index.clone());
    let mut arrays = connect::Arrays::new(&config, templates, talks);
    let mut backends = Vec::new();
    let mut machine = None;
    for (name, backend) in &config.backends {
        let simulated = backend.simulated.as_ref().unwrap();
        let host = simulated.host.clone().unwrap();
        let id = simulated.machine_id.clone().unwrap();
        machine = Some(Machine::new(&host, &id));
        let initiator = simulated.initiator.clone();
        let exports = Simulated::new(Kernel::default(), &simulated.dir, host.clone(), initiator);
        backends.push(Backend::new(
            name.clone(),
            arrays.get(&backend.access),
            arrays.pair(backend),
            backend.cpgs.clone(),
            backend.snap_cpgs.clone(),
            Transport::Simulated(exports.unwrap()),
            host,
            id,
        ));
    }
    Service::new(Parts {
        backends,
        index,
        machine: machine.unwrap(),
        scratch: global.run_dir.clone(),
        kernel: Kernel::default(),
        namespace: global.namespace.clone(),
        mount_prefix: global.mount_prefix.clone(),
        points: KillPoints::from_environment(),
    })
}
