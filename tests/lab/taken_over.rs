//! A machine dies with a volume, and another one takes it over. There is one machine: it comes back as somebody else.

use crate::{
    run::Scenario,
    stage::{AMBER, PATIENCE, Stage},
};

pub const SCENARIOS: &[Scenario<Stage>] = &[("of_a_dead_machine", of_a_dead_machine)];

/// All that tells it from others, and all that the plugin and the engine know by heart.
const SOMEBODY_ELSE: &str = "\
systemctl disable --quiet hpe3par-docker docker docker.socket
tr -d - < /proc/sys/kernel/random/uuid > /etc/machine-id
echo InitiatorName=iqn.1993-08.org.debian:01:somebody-else > /etc/iscsi/initiatorname.iscsi
echo other > /etc/hostname
sync -f /etc";

fn of_a_dead_machine(stage: &mut Stage) {
    stage.docker("volume create -d hpe -o size=1 -o mountConflictDelay=5 heir");
    stage.docker("volume create -d hpe -o size=1 -o mountConflictDelay=5 held");
    stage.start("heir", "");
    stage.exec("heir", "echo of the first > /data/file && sync");
    let (_, dead) = stage.export(AMBER, "dkv-heir");
    stage.machine.ok(SOMEBODY_ELSE);
    stage.machine.power_cut();
    let begin = "rm -r /var/lib/hpe3par-docker /var/lib/docker/volumes /var/lib/docker/containers && \
                 systemctl enable --quiet --now hpe3par-docker docker";
    let begun = stage.machine.run(begin, PATIENCE);
    assert_eq!(begun.status, 0, "{}", begun.said());
    // An engine makes a volume of its own of a name that no driver owns up to, and the plugin does not know them before it has listed.
    let known = "docker volume inspect heir held";
    stage.machine.until("the volumes", known, PATIENCE);
    // What an administrator exports is nobody's to take.
    stage.administer(
        AMBER,
        "createhost -iscsi byhand iqn.1994-05.com.redhat:byhand",
    );
    stage.administer(AMBER, "createvlun dkv-held auto byhand");
    let said = stage.docker_fails("run --rm --network none -v held:/data box true");
    assert!(said.contains("byhand"), "{said}");
    let (lun, host) = stage.export(AMBER, "dkv-held");
    assert_eq!(host, "byhand");
    stage.administer(AMBER, &format!("removevlun -f dkv-held {lun} byhand"));
    stage.administer(AMBER, "removehost byhand");

    stage.start("heir", "");
    assert_eq!(stage.exec("heir", "cat /data/file"), "of the first\n");
    let (_, other) = stage.export(AMBER, "dkv-heir");
    assert_ne!(other, dead);
    assert!(
        stage.log().contains("taking the volume over"),
        "{}",
        stage.log()
    );
    stage.clear("heir");
    stage.docker("volume rm held");
    stage.administer(AMBER, &format!("removehost {dead}"));
    stage.nothing_left();
}
