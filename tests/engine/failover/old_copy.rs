//! The group is failed over while a container still has the volume from the old array.

use super::{CONTAINER, Drill, GROUP, HOME, PEER, Release, VOLUME};

#[tokio::test(flavor = "multi_thread")]
async fn no_second_container_and_no_removal() {
    let test = "engine::failover::old_copy::no_second_container_and_no_removal";
    let Some(mut drill) = Drill::set(test, Release::R331).await else {
        return;
    };
    drill.write();
    drill
        .types(HOME, &format!("stoprcopygroup -f {GROUP}"))
        .await;
    drill.fail_over().await;
    drill.shows(PEER, "failed over, and not recovered yet");

    let second = [
        "run",
        "--rm",
        "--network",
        "none",
        "-v",
        "db1:/data",
        "--volume-driver",
        "hpe",
        "box",
        "true",
    ];
    let said = drill.stage.engine.fails(&second);
    println!("{said}");
    let label = |array: &str| drill.stage.arrays.simulator.address(array).to_string();
    let told = [
        format!(
            "volume `{VOLUME}`: it is mounted on this host from array `{}`",
            label(HOME)
        ),
        format!("but array `{}` serves it now", label(PEER)),
        "; hint: stop the containers that use it here".to_owned(),
    ];
    for part in told {
        assert!(said.contains(&part), "{part} is missing in: {said}");
    }
    // Who has it goes on with what nobody will see: the array overwrites it.
    let before = drill.files.clone();
    drill.write();
    drill.reads_all();
    assert_eq!((drill.exports(HOME), drill.exports(PEER)), (1, 0));
    drill.files = before;

    drill.stop();
    drill.start();
    drill.is_served_from(PEER);
    drill.reads_all();
    drill.stop();

    drill.stage.engine.ok(&["rm", CONTAINER]);
    let arrays = drill.stage.arrays.dump();
    let said = drill.stage.engine.fails(&["volume", "rm", VOLUME]);
    println!("{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    let told = format!("volume `{VOLUME}`: array `");
    assert!(said.contains(&told) && said.contains("; hint: "), "{said}");
    assert!(said.contains(GROUP), "{said}");
    assert_eq!(drill.stage.arrays.dump(), arrays);
    assert!(drill.stage.engine.ok(&["volume", "ls"]).contains(VOLUME));
    drill.is_clear();

    drill.stage.start(CONTAINER, VOLUME);
    drill.is_served_from(PEER);
    drill.reads_all();
    drill.recover().await;
    drill.stop();
    drill.restore().await;
    drill.start();
    drill.is_served_from(HOME);
    drill.reads_all();
    drill.stop();
    drill.stage.engine.ok(&["rm", CONTAINER]);
    drill.stage.engine.ok(&["volume", "rm", VOLUME]);
    assert_eq!((drill.exports(HOME), drill.exports(PEER)), (0, 0));
}
