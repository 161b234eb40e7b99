//! What engines do beside `docker run`: copies into and out of containers, copies up, Compose.

use std::time::Duration;

use crate::{
    run::Scenario,
    stage::{Replication, Stage},
};

pub const SCENARIOS: &[Scenario<Stage>] = &[
    (
        "docker_cp_of_a_stopped_container",
        docker_cp_of_a_stopped_container,
    ),
    ("an_image_is_copied_up", an_image_is_copied_up),
    ("compose_with_two_services", compose_with_two_services),
];

fn docker_cp_of_a_stopped_container(stage: &mut Stage) {
    stage.create("copied", Replication::None, "");
    stage.docker("create --name copied --network none -v copied:/data box true");
    stage.machine.ok("echo by hand > /tmp/file");
    // The engine mounts the volume for the copy, and unmounts it after.
    stage.docker("cp /tmp/file copied:/data/file");
    assert_eq!(
        stage.docker("cp copied:/data/file - | tar -x -O"),
        "by hand\n"
    );
    assert_eq!(stage.run_in("copied", "cat /data/file"), "by hand\n");
    stage.clear("copied");
    stage.nothing_left();
}

fn an_image_is_copied_up(stage: &mut Stage) {
    stage.machine.ok(
        "mkdir -p /tmp/filled/data /tmp/filled/bin && cp /bin/busybox /tmp/filled/bin/sh && echo from the image > /tmp/filled/data/file && \
         tar -C /tmp/filled -c . | docker import - filled",
    );
    stage.create("empty", Replication::None, "");
    let show = "read line < /data/file; echo $line";
    let said = stage.docker(&format!(
        "run --rm --network none -v empty:/data filled sh -c '{show}'"
    ));
    assert_eq!(said, "from the image\n");
    assert_eq!(stage.run_in("empty", "cat /data/file"), "from the image\n");
    stage.docker("volume rm empty");
    stage.nothing_left();
}

/// Two services with a volume of their own each, and one that both have.
const COMPOSE: &str = r#"version: "3.3"
services:
  left:
    image: box
    network_mode: none
    stop_grace_period: 2s
    command: sh -c 'echo left > /own/name; echo left >> /both/names; while :; do sleep 1; done'
    volumes: ["left:/own", "both:/both"]
  right:
    image: box
    network_mode: none
    stop_grace_period: 2s
    command: sh -c 'echo right > /own/name; echo right >> /both/names; while :; do sleep 1; done'
    volumes: ["right:/own", "both:/both"]
volumes:
  left: &volume
    driver: hpe
    driver_opts: {size: "1"}
  right: *volume
  both: *volume
"#;

fn compose_with_two_services(stage: &mut Stage) {
    stage.machine.write("/root/app/docker-compose.yml", COMPOSE);
    let compose = |words: &str| {
        // It waits for the engine for a minute; the lab is slow.
        let line =
            format!("cd /root/app && COMPOSE_HTTP_TIMEOUT=280 docker-compose --no-ansi {words}");
        let outcome = stage.machine.run(&line, Duration::from_secs(300));
        assert_eq!(outcome.status, 0, "{line}: {}", outcome.said());
        outcome.stdout
    };
    compose("up -d");
    let names =
        "until [ $(wc -l < /both/names) = 2 ]; do sleep 1; done; cat /own/name; sort /both/names";
    for service in ["left", "right"] {
        let said = compose(&format!("exec -T {service} sh -c '{names}'"));
        assert_eq!(said, format!("{service}\nleft\nright\n"));
    }
    compose("down -v");
    stage.nothing_left();
}
