//! What snapshots hold, and what a simulator that starts again knows of them.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use hpe3par_sim::{Description, Simulator};

const NORTH: &str = "par-north";
const SOUTH: &str = "par-south";

/// The arrays of the example, for which time passes only when a test says so.
fn description(data: &Path) -> Description {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pair.toml"));
    let mut description = Description::from_toml(&text.unwrap()).unwrap();
    description.factor = 1e-6;
    description.data_dir = Some(data.to_owned());
    for array in &mut description.arrays {
        array.ssh_port = 0;
        array.latency_ms = 0;
    }
    description
}

async fn type_in(simulator: &Simulator, array: &str, line: &str) {
    let answer = simulator.control().type_in(array, "3paradm", line).await;
    let answer = answer.unwrap();
    assert_eq!((answer.status, answer.stderr.as_str()), (0, ""), "{line}");
}

fn file(simulator: &Simulator, data: &Path, array: &str, vv: &str) -> PathBuf {
    let vv = &simulator.control().dump()[array]["vvs"][vv];
    let name = format!("{}-{}.img", vv["id"], vv["wwn"].as_str().unwrap());
    data.join(array).join(name)
}

fn write(file: &Path, byte: u8) {
    let file = OpenOptions::new().write(true).open(file).unwrap();
    file.write_all_at(&[byte], 100).unwrap();
}

fn read(file: &Path) -> u8 {
    let mut byte = [0];
    File::open(file)
        .unwrap()
        .read_exact_at(&mut byte, 100)
        .unwrap();
    byte[0]
}

#[tokio::test]
async fn a_snapshot_keeps_what_its_parent_held() {
    let dir = tempfile::tempdir().unwrap();
    let (data, state) = (dir.path().join("data"), dir.path().join("state"));
    let simulator = Simulator::start_in(description(&data), Some(&state))
        .await
        .unwrap();
    type_in(
        &simulator,
        NORTH,
        "createvv -tpvv -snp_cpg gold_r6 gold_r6 db 1g",
    )
    .await;
    let db = file(&simulator, &data, NORTH, "db");
    write(&db, 1);
    type_in(&simulator, NORTH, "createsv -f -ro -exp 2h -retain 1h s db").await;
    write(&db, 2);
    type_in(&simulator, NORTH, "createsv -exp 2h t s").await;
    let [s, t] = ["s", "t"].map(|vv| file(&simulator, &data, NORTH, vv));
    write(&t, 3);
    assert_eq!((read(&db), read(&s), read(&t)), (2, 1, 3));

    let line = "createsched \"createsv -ro auto.@H@ db\" @hourly hourly";
    type_in(&simulator, NORTH, line).await;

    let before = simulator.control().dump();
    assert_eq!(before[NORTH]["schedules"]["hourly"]["frequency"], "@hourly");
    assert_eq!(before[NORTH]["vvs"]["s"]["retained_until"], true);
    assert_eq!(before[NORTH]["vvs"]["s"]["expires_at"], true);
    drop(simulator);
    let simulator = Simulator::start_in(description(&data), Some(&state))
        .await
        .unwrap();
    assert_eq!(simulator.control().dump(), before);
    assert_eq!((read(&db), read(&s), read(&t)), (2, 1, 3));
    simulator.control().advance(7200);
    assert!(simulator.control().dump()[NORTH]["vvs"]["s"].is_null());
    let dump = simulator.control().dump();
    let vvs = dump[NORTH]["vvs"].as_object().unwrap();
    let made = vvs.keys().filter(|name| name.starts_with("auto."));
    assert_eq!(made.count(), 2);
    assert!(!s.exists() && !t.exists() && db.exists());
}

#[tokio::test]
async fn both_arrays_hold_the_same_instant() {
    let dir = tempfile::tempdir().unwrap();
    let simulator = Simulator::start(description(dir.path())).await.unwrap();
    for line in [
        "createvv -tpvv -snp_cpg gold_r6 gold_r6 db 1g",
        "creatercopygroup -usr_cpg gold_r6 to-south:silver_r6 -snp_cpg gold_r6 to-south:silver_r6 g to-south:sync",
        "admitrcopyvv -createvv -nowwn db g to-south:db",
        "startrcopygroup g",
    ] {
        type_in(&simulator, NORTH, line).await;
    }
    simulator.control().advance(3600);
    simulator.control().dump();
    let db = file(&simulator, dir.path(), NORTH, "db");
    write(&db, 1);
    type_in(&simulator, NORTH, "createsv -ro -rcopy s db").await;
    type_in(&simulator, SOUTH, "createsv -ro alone db").await;
    write(&db, 2);
    for (array, vv) in [(NORTH, "s"), (SOUTH, "s"), (SOUTH, "alone")] {
        assert_eq!(
            read(&file(&simulator, dir.path(), array, vv)),
            1,
            "{array} {vv}"
        );
    }
    type_in(&simulator, NORTH, "stoprcopygroup -f g").await;
    write(&db, 3);
    type_in(&simulator, SOUTH, "createsv -ro late db").await;
    assert_eq!(read(&file(&simulator, dir.path(), SOUTH, "late")), 2);
}
