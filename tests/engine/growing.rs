//! A volume that grows under a container. XFS, as growing an ext4 takes more than root has on every machine (array fact 93).

use std::process::Command;

use super::Stage;

/// MiB that the container sees.
fn size(stage: &Stage) -> u64 {
    let df = stage.exec("c1", "df -m /data | tail -n 1");
    let mut numbers = df.split_whitespace().filter_map(|word| word.parse().ok());
    numbers.next().expect("a size")
}

async fn grows(test: &str, options: &[&str]) {
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    stage.create("db1", options);
    stage.start("c1", "db1");
    stage.exec("c1", "echo one > /data/file; sync");
    assert!(size(&stage) < 1024);
    let conf = stage.machine.conf();
    let grow = || {
        Command::new(env!("CARGO_BIN_EXE_hpe3par-docker"))
            .args(["volume", "grow", "db1", "3", "--config"])
            .arg(conf)
            .output()
            .unwrap()
    };
    let output = tokio::task::block_in_place(grow);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(size(&stage) > 2 * 1024 + 512);
    assert_eq!(stage.exec("c1", "cat /data/file"), "one");
    assert_eq!(stage.inspect("db1")["Status"]["size"], "3 GiB");
    stage.engine.ok(&["rm", "-f", "c1"]);
    assert_eq!(stage.run("db1", "cat /data/file"), "one");
    stage.engine.ok(&["volume", "rm", "db1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn df_in_the_container_shows_the_new_size() {
    let test = "engine::growing::df_in_the_container_shows_the_new_size";
    grows(test, &["size=1", "fsType=xfs"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_does_of_a_replicated_volume() {
    let test = "engine::growing::so_it_does_of_a_replicated_volume";
    let options = [
        "size=1",
        "fsType=xfs",
        "backend=mirrored",
        "replicationGroup=prod",
    ];
    grows(test, &options).await;
}
