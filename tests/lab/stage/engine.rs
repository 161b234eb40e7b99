//! The engine of the machine, and containers that use volumes.

use super::{PATIENCE, STARTED, Stage};

impl Stage {
    pub(super) fn set_engine(&self) {
        let start = self
            .machine
            .run("systemctl --quiet enable --now docker", PATIENCE);
        assert_eq!(start.status, 0, "{}", start.said());
        self.machine.ok(
            "mkdir -p /tmp/box/bin && cp /bin/busybox /tmp/box/bin/ && chroot /tmp/box /bin/busybox --install /bin && \
             tar -C /tmp/box -c . | docker import - box && rm -r /tmp/box",
        );
    }

    /// `docker …`, which must succeed. Gives its stdout.
    #[track_caller]
    pub fn docker(&self, words: &str) -> String {
        let outcome = self.machine.run(&format!("docker {words}"), PATIENCE);
        assert_eq!(outcome.status, 0, "`docker {words}`: {}", outcome.said());
        outcome.stdout
    }

    /// `docker …`, which must fail. Gives what it said.
    #[track_caller]
    pub fn docker_fails(&self, words: &str) -> String {
        let outcome = self.machine.run(&format!("docker {words}"), PATIENCE);
        assert_ne!(outcome.status, 0, "`docker {words}`: {}", outcome.said());
        outcome.said()
    }

    /// Runs a shell line in a container of its own that has the volume at `/data`. Gives its stdout.
    #[track_caller]
    pub fn run_in(&self, volume: &str, line: &str) -> String {
        self.docker(&format!(
            "run --rm --network none -v {volume}:/data box sh -c '{line}'"
        ))
    }

    /// Starts a container, named as the volume that it has at `/data`, that goes on until it is stopped.
    #[track_caller]
    pub fn start(&self, volume: &str, more: &str) {
        self.docker(&format!(
            "run -d --name {volume} --network none --stop-timeout 2 {more} -v {volume}:/data box sh -c 'while :; do sleep 1; done'"
        ));
    }

    /// Runs a shell line in a running container.
    #[track_caller]
    pub fn exec(&self, container: &str, line: &str) -> String {
        self.docker(&format!("exec {container} sh -c '{line}'"))
    }

    /// Waits until an engine that has been started has a container running.
    #[track_caller]
    pub fn until_runs(&self, container: &str) {
        let line = format!("docker inspect -f '{{{{.State.Running}}}}' {container} | grep -x true");
        self.machine.until(container, &line, STARTED);
    }

    /// Removes a container and its volume.
    #[track_caller]
    pub fn clear(&self, volume: &str) {
        self.docker(&format!("rm -f {volume}"));
        self.docker(&format!("volume rm {volume}"));
    }
}
