//! What everything else stands on: the machine boots, has the kernel's part of the work, runs containers, and keeps its disk.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use crate::{machine::Machine, run::Scenario};

pub const SCENARIOS: &[Scenario<Machine>] = &[
    ("has_the_modules", has_the_modules),
    ("has_no_failed_unit", has_no_failed_unit),
    ("knows_a_3par_volume", knows_a_3par_volume),
    ("runs_a_container", runs_a_container),
    (
        "a_command_that_hangs_is_a_failure",
        a_command_that_hangs_is_a_failure,
    ),
    ("a_reboot_keeps_the_disk", a_reboot_keeps_the_disk),
    (
        "a_power_cut_keeps_what_was_synced",
        a_power_cut_keeps_what_was_synced,
    ),
];

fn has_the_modules(machine: &mut Machine) {
    let modules = [
        "iscsi_tcp",
        "dm_multipath",
        "dm_service_time",
        "scsi_dh_alua",
        "target_core_file",
        "target_core_iblock",
        "iscsi_target_mod",
        "loop",
        "veth",
    ];
    for module in modules {
        machine.ok(&format!(
            "modprobe {module} && test -d /sys/module/{module}"
        ));
    }
}

fn has_no_failed_unit(machine: &mut Machine) {
    machine.ok("systemctl is-system-running --wait");
    assert_eq!(machine.ok("systemctl --failed --plain --no-legend"), "");
}

fn knows_a_3par_volume(machine: &mut Machine) {
    machine.ok("systemctl start multipathd iscsid");
    machine.ok("systemctl is-active multipathd iscsid");
    let configuration = machine.ok("multipath -t");
    let ours = configuration
        .split("\tdevice {")
        .find(|stanza| stanza.contains("vendor \"3PARdata\"") && stanza.contains("product \"VV\""));
    let ours = ours.unwrap();
    assert!(ours.contains("group_by_prio"), "{ours}");
    assert!(ours.contains("hardware_handler \"1 alua\""), "{ours}");
}

fn runs_a_container(machine: &mut Machine) {
    let start = machine.run("systemctl start docker", Duration::from_secs(300));
    assert_eq!(start.status, 0, "{}", start.said());
    machine.ok("mkdir -p /tmp/box/bin && cp /bin/busybox /tmp/box/bin/sh && tar -C /tmp/box -c . | docker import - box");
    let said = machine.ok("docker run --rm --network none box sh -c 'echo from inside'");
    assert_eq!(said, "from inside\n");
}

fn a_command_that_hangs_is_a_failure(machine: &mut Machine) {
    let began = Instant::now();
    let hangs = AssertUnwindSafe(|| machine.run("sleep 600", Duration::from_secs(2)));
    assert!(catch_unwind(hangs).is_err());
    assert!(began.elapsed() < Duration::from_secs(60));
}

/// What is different after every boot.
fn boot(machine: &Machine) -> String {
    machine.ok("cat /proc/sys/kernel/random/boot_id")
}

fn a_reboot_keeps_the_disk(machine: &mut Machine) {
    let before = boot(machine);
    machine.write("/root/kept", "over a reboot\n");
    machine.reboot();
    assert_ne!(boot(machine), before);
    assert_eq!(machine.ok("cat /root/kept"), "over a reboot\n");
}

fn a_power_cut_keeps_what_was_synced(machine: &mut Machine) {
    let before = boot(machine);
    machine.write("/root/synced", "on the disk\n");
    machine.ok("sync /root/synced /root");
    machine.ok("echo only in memory > /root/lost");
    machine.power_cut();
    assert_ne!(boot(machine), before);
    assert_eq!(machine.ok("cat /root/synced"), "on the disk\n");
    machine.ok("test ! -s /root/lost");
}
