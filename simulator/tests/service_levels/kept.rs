//! Rules and policies are part of a dump, and survive a restart.

use std::path::Path;

use hpe3par_sim::commands::Environment;
use hpe3par_sim::{Description, Simulator, words};

const ARRAY: &str = r#"
[[array]]
name = "north"
id = 4101
serial = "S1"
latency_ms = 0
user = [{ name = "admin1", password = "x", role = "edit" }]
"#;

async fn start(dir: &Path) -> Simulator {
    let description = Description::from_toml(ARRAY).unwrap();
    Simulator::start_in(description, Some(dir)).await.unwrap()
}

#[tokio::test]
async fn everything_is_dumped_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let simulator = start(dir.path()).await;
    let seat = simulator.control().sit_down("north", "admin1").unwrap();
    for line in [
        "createvvset gold",
        "setqos -io 100-300 vvset:gold",
        "setflashcache disable vvset:gold",
    ] {
        let words = words::split(line).unwrap().remove(0);
        let delivery = seat
            .carry_out(&words, &mut Environment::default(), false)
            .await;
        assert_eq!(delivery.answer.status, 0, "{line}: {:?}", delivery.answer);
    }
    let dump = simulator.control().dump();
    let array = &dump["north"];
    assert_eq!(array["qos"]["vvset:gold"]["io"]["min"], 100);
    assert_eq!(array["vv_sets"]["gold"]["flash_cache"], false);
    drop(seat);
    simulator.shutdown();
    let again = start(dir.path()).await;
    assert_eq!(again.control().dump(), dump);
    again.shutdown();
}
