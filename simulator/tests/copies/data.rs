//! What is in a copy, and that everything survives a restart.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use hpe3par_sim::commands::Environment;
use hpe3par_sim::{Description, Simulator, words};

const ARRAY: &str = r#"
factor = 0.000001
[[array]]
name = "north"
id = 4101
serial = "S1"
latency_ms = 0
user = [{ name = "admin1", password = "x", role = "edit" }]
cpg = [{ name = "fast", free_gib = 1000, ssd = true }]
"#;

fn description(dir: &Path) -> Description {
    Description {
        data_dir: Some(dir.join("data")),
        ..Description::from_toml(ARRAY).unwrap()
    }
}

async fn start(dir: &Path) -> Simulator {
    Simulator::start_in(description(dir), Some(&dir.join("state")))
        .await
        .unwrap()
}

async fn type_in(simulator: &Simulator, lines: &[&str]) {
    let seat = simulator.control().sit_down("north", "admin1").unwrap();
    for line in lines {
        let words = words::split(line).unwrap().remove(0);
        let delivery = seat
            .carry_out(&words, &mut Environment::default(), false)
            .await;
        assert_eq!(delivery.answer.status, 0, "{line}: {:?}", delivery.answer);
    }
}

/// The file of a volume.
fn file(simulator: &Simulator, dir: &Path, vv: &str) -> PathBuf {
    let dump = simulator.control().dump();
    let vv = &dump["north"]["vvs"][vv];
    let wwn = vv["wwn"].as_str().unwrap();
    dir.join(format!("data/north/{}-{wwn}.img", vv["id"]))
}

fn write(file: &Path, byte: u8) {
    let file = fs::OpenOptions::new().write(true).open(file).unwrap();
    for at in PLACES {
        file.write_all_at(&[byte], at).unwrap();
    }
}

fn read(file: &Path) -> [u8; 2] {
    let file = fs::File::open(file).unwrap();
    PLACES.map(|at| {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        byte[0]
    })
}

/// In the first half of a GiB and in the second.
const PLACES: [u64; 2] = [5 << 20, 900 << 20];

const VOLUMES: [&str; 2] = [
    "createvv -tpvv -snp_cpg fast fast db 1g",
    "createvv -tpvv -snp_cpg fast fast copy 1g",
];

#[tokio::test]
async fn copies_hold_what_was_there_at_their_start() {
    let dir = tempfile::tempdir().unwrap();
    let simulator = start(dir.path()).await;
    type_in(&simulator, &VOLUMES).await;
    let db = file(&simulator, dir.path(), "db");
    let copy = file(&simulator, dir.path(), "copy");
    write(&db, 1);
    write(&copy, 9);
    type_in(
        &simulator,
        &[
            "createvvcopy -p db copy",
            "createvvcopy -p db -online -tpvv fast clone",
            "createsv -ro noon db",
        ],
    )
    .await;
    write(&db, 2);
    simulator.control().advance(60);
    let clone = file(&simulator, dir.path(), "clone");
    assert_eq!((read(&copy), read(&clone)), ([1, 1], [1, 1]));
    type_in(&simulator, &["promotesv noon"]).await;
    assert_eq!(read(&db), [1, 1]);
    simulator.shutdown();
}

#[tokio::test]
async fn a_copy_under_way_survives_a_restart_and_one_that_fails_is_not_whole() {
    let dir = tempfile::tempdir().unwrap();
    let simulator = start(dir.path()).await;
    type_in(&simulator, &VOLUMES).await;
    write(&file(&simulator, dir.path(), "db"), 1);
    simulator
        .control()
        .switch("north", "copies_fail", true)
        .unwrap();
    type_in(&simulator, &["createvvcopy -p db copy"]).await;
    let dump = simulator.control().dump();
    let copying = &dump["north"]["vvs"]["copy"]["copying"];
    assert_eq!(copying["kind"], "offline");
    assert_eq!(copying["from"], "db");
    assert!(copying["due"].is_null(), "a dump has no times");
    simulator.shutdown();

    let again = start(dir.path()).await;
    assert_eq!(again.control().dump(), dump);
    again.control().advance(60);
    let ended = again.control().dump();
    assert_eq!(ended["north"]["vvs"]["copy"]["copy_failed"], true);
    assert_eq!(read(&file(&again, dir.path(), "copy")), [1, 0]);
    again.shutdown();
}
