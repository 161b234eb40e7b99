//! What a right file means.

use std::time::Duration;

use hpe3par_docker::{
    config::{Login, Origin},
    model::{BackendName, LonePrimary, Mode, Protocol, Secret, Takeover},
};

use super::*;

fn name(text: &str) -> BackendName {
    BackendName::new(text).unwrap()
}

#[test]
fn defaults_are_those_of_the_manual() {
    let (config, warnings) = accepted(&plain(""));
    assert!(warnings.is_empty(), "{warnings:?}");
    let global = &config.global;
    assert_eq!(global.namespace.as_str(), "");
    assert_eq!(global.engine_timeout, Duration::from_secs(120));
    assert_eq!(global.state_dir, Path::new("/var/lib/hpe3par-docker"));
    assert_eq!(
        global.mount_prefix,
        Path::new("/var/lib/hpe3par-docker/mounts")
    );
    assert_eq!(global.run_dir, Path::new("/run/hpe3par-docker"));
    assert_eq!(global.socket, Path::new("/run/docker/plugins/hpe.sock"));
    assert_eq!(global.transcript_dir, Path::new("/var/log/hpe3par-docker"));
    assert_eq!(global.transcript_max_size, 10 * 1024 * 1024);
    assert_eq!(
        global.transcript_max_age,
        Duration::from_secs(30 * 24 * 3600)
    );
    assert_eq!(
        global.template_dir,
        Path::new("/etc/hpedockerplugin/templates")
    );
    assert_eq!(global.logging, log::LevelFilter::Info);
    let prod = &config.backends[&name("prod")];
    assert_eq!(
        prod.access.login,
        Login::Password(Secret::new("open sesame".to_owned()))
    );
    assert_eq!(
        prod.access.ssh_hosts_key_file,
        Path::new("/etc/hpedockerplugin/known_hosts")
    );
    assert!(prod.access.strict_ssh_host_key_policy && !prod.access.ssh_legacy_algorithms);
    assert_eq!(
        (prod.access.san_ssh_port, prod.access.ssh_pool_size),
        (22, 4)
    );
    assert_eq!(prod.access.ssh_conn_timeout, Duration::from_secs(30));
    assert_eq!(prod.access.command_timeout, Duration::from_secs(120));
    assert_eq!(prod.protocol, Protocol::Iscsi);
    assert_eq!(
        (prod.lone_primary, prod.takeover),
        (LonePrimary::Mount, Takeover::DeadHost)
    );
    assert_eq!(prod.snap_cpgs, prod.cpgs);
    assert!(prod.replication.is_none() && prod.simulated.is_none());
}

#[test]
fn only_keys_that_identify_no_array_fall_back_to_default() {
    let text = format!(
        "[DEFAULT]\nssh_pool_size = 2\ncommand_timeout = 60\nssh_legacy_algorithms = true\n{}",
        replicated(
            "ssh_pool_size = 7\nreplication_mode = \"streaming\"\ncpg_map = { gold = \"lead\" }"
        )
    );
    let (config, warnings) = accepted(&text);
    assert_eq!(
        config.backends.len(),
        1,
        "DEFAULT without `san_ip` is no backend"
    );
    let prod = &config.backends[&name("prod")];
    let far = prod.replication.as_ref().unwrap();
    assert_eq!(
        (prod.access.ssh_pool_size, far.access.ssh_pool_size),
        (2, 7)
    );
    assert_eq!(far.access.command_timeout, Duration::from_secs(60));
    assert!(prod.access.ssh_legacy_algorithms && far.access.ssh_legacy_algorithms);
    assert_eq!(far.mode, Mode::Async);
    assert_eq!(far.snap_cpg_map, far.cpg_map);
    assert_eq!(
        warnings.len(),
        1,
        "said once, where it stands: {warnings:?}"
    );
    assert!(
        warnings[0].starts_with("line 4: [DEFAULT] `ssh_legacy_algorithms`"),
        "{warnings:?}"
    );
}

#[test]
fn default_is_a_backend_if_it_has_an_address_and_nothing_of_it_leaks_into_others() {
    let text = "\
[DEFAULT]
san_ip = \"10.0.0.9\"
san_ssh_port = 2222
san_login = \"dock\"
san_password = \"pw9\"
hpe3par_cpg = \"bronze\"
protocol = \"fc\"
takeover = \"never\"
namespace = \"blue\"
[prod]
san_ip = \"10.0.0.1\"
san_login = \"dock\"
san_password = \"pw1\"
hpe3par_cpg = [\"gold\"]
";
    let (config, warnings) = accepted(text);
    assert!(warnings.is_empty(), "{warnings:?}");
    let (default, prod) = (
        &config.backends[&name("DEFAULT")],
        &config.backends[&name("prod")],
    );
    assert_eq!(default.access.san_ssh_port, 2222);
    assert_eq!(prod.access.san_ssh_port, 22);
    assert_eq!(
        (default.protocol, prod.protocol),
        (Protocol::Fc, Protocol::Iscsi)
    );
    assert_eq!(
        (default.takeover, prod.takeover),
        (Takeover::Never, Takeover::DeadHost)
    );
    assert_eq!(config.global.namespace.as_str(), "blue");
    assert_eq!(prod.access.secrets(), [Secret::new("pw1".to_owned())]);
}

#[test]
fn a_periodic_group_has_a_period_and_no_other_has() {
    let period = |more: &str| {
        let (config, _) = accepted(&replicated(&format!(
            "cpg_map = {{ gold = \"lead\" }}\n{more}"
        )));
        config.backends[&name("prod")]
            .replication
            .as_ref()
            .unwrap()
            .sync_period
    };
    assert_eq!(period("replication_mode = \"asynchronous\""), Some(900));
    assert_eq!(
        period("replication_mode = \"asynchronous\"\nsync_period = 300"),
        Some(300)
    );
    assert_eq!(
        period("replication_mode = \"asynchronous\"\nsync_period = \"366d\""),
        Some(31_622_400)
    );
    assert_eq!(period("replication_mode = \"synchronous\""), None);
    assert_eq!(period("replication_mode = \"streaming\""), None);
}

#[test]
fn numbers_with_units() {
    let global = |more: &str| {
        accepted(&format!("[DEFAULT]\n{more}\n{}", plain("")))
            .0
            .global
    };
    for (text, seconds) in [
        ("30", 30),
        ("\"30s\"", 30),
        ("\"5 m\"", 300),
        ("\"1h\"", 3600),
    ] {
        let global = global(&format!("engine_timeout = {text}"));
        assert_eq!(
            global.engine_timeout,
            Duration::from_secs(seconds),
            "{text}"
        );
    }
    for (text, bytes) in [
        ("65536", 65536),
        ("\"64 KiB\"", 65536),
        ("\"10MiB\"", 10 << 20),
        ("\"1 GiB\"", 1 << 30),
    ] {
        assert_eq!(
            global(&format!("transcript_max_size = {text}")).transcript_max_size,
            bytes,
            "{text}"
        );
    }
}

#[test]
fn portals_have_the_usual_port_unless_they_say_otherwise() {
    let (config, _) = accepted(&plain(
        "hpe3par_iscsi_ips = [\"10.1.0.1\", \"10.1.0.2:3261\", \"fd00::1\", \"[fd00::2]:3261\"]",
    ));
    let portals: Vec<String> = config.backends[&name("prod")]
        .access
        .iscsi_portals
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        portals,
        [
            "10.1.0.1:3260",
            "10.1.0.2:3261",
            "[fd00::1]:3260",
            "[fd00::2]:3261"
        ]
    );
}

#[test]
fn the_python_plugins_driver_is_understood() {
    let (config, _) = accepted(&plain(
        "hpedockerplugin_driver = \"hpedockerplugin.hpe.hpe_3par_fc.HPE3PARFCDriver\"",
    ));
    assert_eq!(config.backends[&name("prod")].protocol, Protocol::Fc);
}

#[test]
fn the_simulator_says_who_this_machine_is() {
    let more = "protocol = \"simulated\"\nsimulated_dir = \"/tmp/x\"\nsimulated_initiator = \"iqn.2020-01.com.example:a\"";
    let (config, _) = accepted(&plain(more));
    let simulated = config.backends[&name("prod")].simulated.clone().unwrap();
    assert_eq!(simulated.initiator.to_string(), "iqn.2020-01.com.example:a");
    assert!(simulated.host.is_none() && simulated.machine_id.is_none());
    let more = format!("{more}\nsimulated_host = \"a\"\nsimulated_machine_id = \"b\"");
    let (config, _) = accepted(&plain(&more));
    let simulated = config.backends[&name("prod")].simulated.clone().unwrap();
    assert_eq!(
        (
            simulated.host.unwrap().as_str(),
            simulated.machine_id.as_deref()
        ),
        ("a", Some("b"))
    );
}

#[test]
fn a_password_in_a_file_that_others_can_read_is_warned_of() {
    for mode in [0o640, 0o604, 0o644] {
        let site =
            Site::new(&plain("").replace("san_password_file = \"@/pw\"", "san_password = \"x\""));
        fs::set_permissions(site.conf(), fs::Permissions::from_mode(mode)).unwrap();
        let warnings = loaded(&site.conf()).1;
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let said = warnings[0].to_string();
        assert!(
            said.starts_with("line 4: [prod] `san_password`: holds a password"),
            "{said}"
        );
        assert!(said.contains(&format!("mode {mode:04o}")), "{said}");
    }
    let site = Site::new(&plain(""));
    fs::set_permissions(site.conf(), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(
        loaded(&site.conf()).1.is_empty(),
        "a password in a file of its own is no reason to warn"
    );
}

#[test]
fn settings_without_effect_are_warned_of() {
    let (_, warnings) = accepted(&plain(
        "lone_primary = \"refuse\"\nprotocol = \"fc\"\nhpe3par_iscsi_ips = \"10.1.1.1\"",
    ));
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings
            .iter()
            .all(|warning| warning.contains("has no effect"))
    );
    // Of Peer Persistence the arrays and their witness decide; elsewhere it counts.
    for (witness, lone_primary, count) in [
        ("quorum_witness_ip = \"10.0.0.3\"", LonePrimary::Mount, 1),
        ("", LonePrimary::Refuse, 0),
    ] {
        let more = format!(
            "replication_mode = \"synchronous\"\ncpg_map = {{ gold = \"lead\" }}\n{witness}"
        );
        let text = replicated(&more).replace(
            "[prod.replication_device]",
            "lone_primary = \"refuse\"\n[prod.replication_device]",
        );
        let (config, warnings) = accepted(&text);
        assert_eq!(config.backends[&name("prod")].lone_primary, lone_primary);
        let said = warnings.iter().filter(|warning| {
            warning.contains("`lone_primary`")
                && warning.contains("Active/Passive replication only")
        });
        assert_eq!(said.count(), count, "{warnings:?}");
    }
    let (_, warnings) = accepted(&plain("strict_ssh_host_key_policy = false"));
    assert!(
        warnings[0].contains("trusted at first sight"),
        "{warnings:?}"
    );
}

#[test]
fn a_cpg_without_a_counterpart_is_of_no_use_and_an_entry_without_a_cpg_has_no_effect() {
    let said = |lists: &str, maps: &str| {
        let text = replicated(&format!("replication_mode = \"synchronous\"\n{maps}"))
            .replace("hpe3par_cpg = [\"gold\"]", lists);
        accepted(&text).1
    };
    let three = "hpe3par_cpg = [\"gold\", \"silver\", \"zinc\"]";
    assert_eq!(
        said(three, "cpg_map = { gold = \"lead\", silvr = \"tin\" }"),
        [
            "line 12: [prod.replication_device] `cpg_map`: the entry for `silvr` has no effect: neither `hpe3par_cpg` nor \
             `hpe3par_snapcpg` has this CPG",
            "line 12: [prod.replication_device] `cpg_map`: has no entry for CPG `silver` of `hpe3par_cpg`, so no volume can be made in \
             it; hint: did you mean `silver` where it has `silvr`?",
            "line 12: [prod.replication_device] `cpg_map`: has no entry for CPG `zinc` of `hpe3par_cpg`, so no volume can be made in \
             it; hint: add `zinc` with its CPG on the target array",
        ]
    );
    let snaps = "hpe3par_cpg = \"gold\"; hpe3par_snapcpg = [\"snap\", \"ice\"]".replace("; ", "\n");
    let told = said(&snaps, "cpg_map = { gold = \"lead\", snap = \"tin\" }");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("line 13: [prod.replication_device] `cpg_map`: has no entry for CPG `ice` of `hpe3par_snapcpg`"),
        "{told:?}"
    );
    // Where `snap_cpg_map` is silent, `cpg_map` answers.
    let told = said(
        &snaps,
        "cpg_map = { gold = \"lead\", snap = \"tin\" }\nsnap_cpg_map = { ice = \"tin\", gold = \"lead\" }",
    );
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn a_target_has_its_own_way_in() {
    let own = "replication_mode = \"synchronous\"\ncpg_map = { gold = \"lead\" }\nsan_ssh_port = 2222\n\
               ssh_hosts_key_file = \"/k\"\nssh_legacy_algorithms = true\nssh_pool_size = 2\nssh_conn_timeout = 9\n\
               command_timeout = 8\nhpe3par_iscsi_ips = [\"10.9.9.9\"]\nhpe3par_iscsi_chap_enabled = true";
    let (config, warnings) = accepted(&replicated(own));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let prod = &config.backends[&name("prod")];
    let (here, there) = (&prod.access, &prod.replication.as_ref().unwrap().access);
    assert_eq!((here.san_ssh_port, there.san_ssh_port), (22, 2222));
    assert_eq!(there.ssh_hosts_key_file, Path::new("/k"));
    assert!(there.ssh_legacy_algorithms && !here.ssh_legacy_algorithms);
    assert_eq!((there.ssh_pool_size, here.ssh_pool_size), (2, 4));
    assert_eq!(there.ssh_conn_timeout, Duration::from_secs(9));
    assert_eq!(there.command_timeout, Duration::from_secs(8));
    assert_eq!(there.iscsi_portals, ["10.9.9.9:3260".parse().unwrap()]);
    assert!(there.iscsi_chap && !here.iscsi_chap && here.iscsi_portals.is_empty());
}

#[test]
fn every_effective_value_says_where_it_comes_from_and_no_secret_is_among_them() {
    let text = format!(
        "[DEFAULT]\nssh_pool_size = 2\n{}",
        plain("").replace("san_password_file = \"@/pw\"", "san_password = \"sesame\"")
    );
    let (config, _) = accepted(&text);
    let of = |key: &str| {
        let setting = config
            .settings
            .iter()
            .find(|s| s.section == "prod" && s.key == key)
            .unwrap();
        (setting.value.as_str(), setting.origin)
    };
    assert_eq!(of("san_ip"), ("\"10.0.0.1\"", Origin::Line(4)));
    assert_eq!(of("ssh_pool_size"), ("2", Origin::Default(2)));
    assert_eq!(of("san_ssh_port"), ("22", Origin::BuiltIn));
    assert_eq!(of("san_password"), ("\"***\"", Origin::Line(6)));
    assert_eq!(
        of("hpe3par_snapcpg"),
        ("[\"gold\", \"silver\"]", Origin::BuiltIn)
    );
    assert!(!format!("{config:?}").contains("sesame"));
}

#[test]
fn flags_win_over_the_file_and_mounts_stay_with_the_state() {
    let mut global = accepted(&plain("")).0.global;
    global.put_first(None, None);
    assert_eq!(global, accepted(&plain("")).0.global);
    global.put_first(Some("/tmp/s".into()), Some("/tmp/state".into()));
    assert_eq!(global.socket, Path::new("/tmp/s"));
    assert_eq!(global.state_dir, Path::new("/tmp/state"));
    assert_eq!(global.mount_prefix, Path::new("/tmp/state/mounts"));
    global.mount_prefix = "/mnt".into();
    global.put_first(None, Some("/elsewhere".into()));
    assert_eq!(
        (global.socket, global.mount_prefix),
        ("/tmp/s".into(), "/mnt".into())
    );
}
