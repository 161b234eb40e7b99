//! Files of HPE's python plugin: what they mean here, and what is said about them.

use std::time::Duration;

use hpe3par_docker::{
    config::Login,
    model::{BackendName, Mode, Protocol, Secret},
};

use super::*;

const ACTIVE_PASSIVE: &str = include_str!("old/active_passive.conf");
const PEER_PERSISTENCE: &str = include_str!("old/peer_persistence.conf");

/// One backend; `{}` is where more of its keys go: line 8 is the first.
const OLD: &str = "\
[DEFAULT]
ssh_hosts_key_file = /k
strict_ssh_host_key_policy = True
[prod]
san_ip = 10.0.0.1
san_login = dock
san_password_file = @/pw
{}
hpe3par_cpg = gold
";

pub fn old(more: &str) -> String {
    OLD.replace("{}", more)
}

/// All warnings but the one that every old file has.
#[track_caller]
pub fn warned(text: &str) -> Vec<String> {
    let (_, mut warnings) = accepted(text);
    let first = warnings.remove(0);
    assert_eq!(
        first,
        "the format of HPE's python plugin, read as it is; hint: `hpe3par-docker config convert` writes it as TOML"
    );
    warnings
}

fn password(text: &str) -> Login {
    Login::Password(Secret::new(text.to_owned()))
}

#[test]
fn active_passive_means_what_it_says() {
    let (config, _) = accepted(ACTIVE_PASSIVE);
    assert_eq!(config.global.logging, log::LevelFilter::Warn);
    assert_eq!(config.backends.len(), 2);
    let plain = &config.backends[&BackendName::new("DEFAULT").unwrap()];
    let rooms = &config.backends[&BackendName::new("rooms").unwrap()];
    assert_eq!(plain.protocol, Protocol::Iscsi);
    assert_eq!(plain.access.login, password("Nort#h;1"));
    assert!(!plain.access.strict_ssh_host_key_policy && plain.access.iscsi_chap);
    assert!(!rooms.access.strict_ssh_host_key_policy && !rooms.access.iscsi_chap);
    let cpgs = |cpgs: &[hpe3par_docker::model::CpgName]| -> Vec<String> {
        cpgs.iter().map(ToString::to_string).collect()
    };
    assert_eq!(cpgs(&plain.cpgs), ["FC_r6", "SSD_r6"]);
    assert_eq!(cpgs(&plain.snap_cpgs), ["FC_r6"]);
    assert_eq!(plain.access.iscsi_portals.len(), 2);
    assert!(plain.replication.is_none());
    assert_eq!(rooms.access.ssh_conn_timeout, Duration::from_secs(45));
    let far = rooms.replication.as_ref().unwrap();
    assert_eq!(far.backend_id.as_str(), "north-b");
    assert_eq!((far.mode, far.sync_period), (Mode::Periodic, Some(600)));
    assert!(!far.is_peer_persistence());
    let map: Vec<String> = far
        .cpg_map
        .iter()
        .map(|(a, b)| format!("{a}>{b}"))
        .collect();
    assert_eq!(map, ["FC_r6>DR_FC_r6", "SSD_r6>DR_SSD_r6"]);
    assert_eq!(far.snap_cpg_map.len(), 1);
    assert_eq!(far.access.san_ip, "10.20.2.1");
    assert_eq!(far.access.login, password("=Nor:th=2"));
    assert_eq!(
        far.access.iscsi_portals,
        ["10.20.4.1:3260", "10.20.4.2:3260"].map(|portal| portal.parse().unwrap())
    );
}

#[test]
fn the_defects_of_hpes_samples_are_told_with_line_and_fix() {
    let told = warned(ACTIVE_PASSIVE).join("\n");
    let retired = |line: usize, place: &str, why: &str| {
        format!("line {line}: {place}: ignored: not used any more: {why}; hint: remove the line")
    };
    let etcd = "there is no etcd: the arrays themselves keep what is known";
    let wsapi = "the web service of the array is not used";
    let user = "the web service of the array is not used; `san_login` is";
    let secret = "the web service of the array is not used; `san_password_file` is";
    let far = "[rooms.replication_device]";
    let expected = [
        "line 5: [DEFAULT] `strict_ssh_host_key_policy`: unknown host keys are trusted at first sight; hint: `true` once the \
         keys are in the file"
            .to_owned(),
        retired(8, "[DEFAULT] `host_etcd_ip_address`", etcd),
        retired(9, "[DEFAULT] `host_etcd_port_number`", etcd),
        retired(12, "[DEFAULT] `hpe3par_debug`", "every command is in the transcript"),
        retired(13, "[DEFAULT] `suppress_requests_ssl_warnings`", wsapi),
        retired(16, "[DEFAULT] `hpe3par_api_url`", wsapi),
        retired(17, "[DEFAULT] `hpe3par_username`", user),
        retired(18, "[DEFAULT] `hpe3par_password`", secret),
        retired(26, "[DEFAULT] `use_multipath`", "multipath is always used"),
        retired(27, "[DEFAULT] `enforce_multipath`", "multipath is always used"),
        "line 31: [rooms] `logging`: ignored: does not belong here; hint: it goes into [DEFAULT]".to_owned(),
        "line 36: [rooms] `ssh_conn_timeout`: has no effect: [DEFAULT] logs in to the same array as `svc-docker`, too, both share its \
         sessions, and its value counts; hint: give both sections the same value"
            .to_owned(),
        "line 40: [rooms] `replication_device`: has no effect: it is given again in line 41, and the last one counts; hint: \
         remove the other one"
            .to_owned(),
        format!(
            "line 46: {far} `hpe3par_api_url`: a comma is missing before `hpe3par_api_url`, and the python plugin made \
             one value of both; they are read as two; hint: end line 45 with `,`"
        ),
        retired(46, &format!("{far} `hpe3par_api_url`"), wsapi),
        retired(47, &format!("{far} `hpe3par_username`"), user),
        retired(48, &format!("{far} `hpe3par_password`"), secret),
        format!(
            "line 52: {far} `hpe3par_iscsi_ips`: a comma is missing before `hpe3par_iscsi_ips`, and the python plugin \
             made one value of both; they are read as two; hint: end line 51 with `,`"
        ),
        format!(
            "line 52: {far} `hpe3par_iscsi_ips`: `=` stands where `:` belongs; hint: write `hpe3par_iscsi_ips:` in \
             `replication_device`"
        ),
    ];
    assert_eq!(told, expected.join("\n"));
}

#[test]
fn peer_persistence_inherits_from_backend_defaults_and_no_replication() {
    let (config, _) = accepted(PEER_PERSISTENCE);
    assert_eq!(
        config.backends.len(),
        3,
        "DEFAULT is one, by the address it inherits"
    );
    let plain = &config.backends[&BackendName::new("plain").unwrap()];
    let vaults = &config.backends[&BackendName::new("vaults").unwrap()];
    assert!(plain.replication.is_none());
    for backend in [plain, vaults] {
        assert_eq!(backend.protocol, Protocol::Fc);
        assert_eq!(backend.access.san_ip, "10.30.1.1");
        assert_eq!(backend.access.login, password("vault 7"));
        assert!(backend.access.strict_ssh_host_key_policy);
    }
    assert_eq!((plain.cpgs.len(), vaults.cpgs.len()), (1, 2));
    let far = vaults.replication.as_ref().unwrap();
    assert!(far.is_peer_persistence() && far.mode == Mode::Sync);
    assert_eq!(far.backend_id.as_str(), "vault-b");
    let map: Vec<String> = far
        .cpg_map
        .iter()
        .map(|(a, b)| format!("{a}>{b}"))
        .collect();
    assert_eq!(map, ["FC.r5>FC.r6", "SSD_r6>SSD_r6"]);
    assert_eq!(far.access.login, password("open sesame"));
    assert_eq!(
        warned(PEER_PERSISTENCE),
        [
            "line 4: [DEFAULT] `host_etcd_ip_address`: ignored: not used any more: there is no etcd: the arrays themselves keep \
             what is known; hint: remove the line",
            "line 13: [backend_defaults] `replication_device`: has no effect: replication is never inherited; hint: put it into \
             the backend's own section",
        ]
    );
}

#[test]
fn values_are_read_as_oslo_config_reads_them() {
    let strict = |value: &str| {
        let text = old("").replace("policy = True", &format!("policy = {value}"));
        let config = accepted(&text).0;
        let prod = &config.backends[&BackendName::new("prod").unwrap()];
        prod.access.strict_ssh_host_key_policy
    };
    for (value, expected) in [
        ("true", true),
        ("YES", true),
        ("1", true),
        ("on", true),
        ("False", false),
        ("no", false),
        ("0", false),
        ("off", false),
    ] {
        assert_eq!(strict(value), expected, "{value}");
    }
    let login = |text: &str| {
        let text = old("").replace("san_password_file = @/pw", text);
        let config = accepted(&text).0;
        config.backends[&BackendName::new("prod").unwrap()]
            .access
            .login
            .clone()
    };
    for (given, meant) in [
        ("san_password=x", "x"),
        ("san_password : x:y=z", "x:y=z"),
        ("san_password = 'in quotes '", "in quotes "),
        ("san_password = \"x", "\"x"),
        ("san_password = 0123", "0123"),
        ("san_password = true", "true"),
        ("san_password = a # b ; c", "a # b ; c"),
        ("san_password = a$$b\\$c$", "a$b$c$"),
        ("san_password = 3pardata", "3pardata"),
        ("san_password = old\nsan_password = new", "new"),
        // Where both are given the python plugin never uses the key.
        ("san_password = x\nsan_private_key = /nowhere", "x"),
    ] {
        assert_eq!(login(given), password(meant), "{given}");
    }
    // A section in two parts is one, comments and blank lines may stand in a value.
    let (config, _) = accepted(&old(
        "takeover = never\n[other]\nsan_ip=10.0.0.9\nsan_login=x\nsan_password=y\nhpe3par_cpg = a,\n# first\n   b,\n\n   ; last\n   c\n[prod]",
    ));
    assert_eq!(config.backends.len(), 2);
    let [other, prod] = config.backends.values().collect::<Vec<_>>()[..] else {
        panic!()
    };
    assert_eq!((other.cpgs.len(), prod.cpgs.len()), (3, 1));
    // What is indented goes on, also where it looks like a section.
    let (config, _) = accepted(&old("hpe3par_iscsi_ips = 10.1.1.1,\n  [fd00::2]:3261"));
    let prod = &config.backends[&BackendName::new("prod").unwrap()];
    assert_eq!(prod.access.iscsi_portals.len(), 2);
}

#[test]
fn what_is_empty_is_absent() {
    let (config, warnings) = accepted(&old(
        "hpe3par_snapcpg =\nhpe3par_iscsi_ips =\nsan_private_key = \"\"\nreplication_device =\n",
    ));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let prod = &config.backends[&BackendName::new("prod").unwrap()];
    assert_eq!(prod.snap_cpgs, prod.cpgs);
    assert!(prod.replication.is_none());
    let text = PEER_PERSISTENCE.replace("quorum_witness_ip: 10.30.7.7", "quorum_witness_ip:");
    let (config, _) = accepted(&text);
    let vaults = &config.backends[&BackendName::new("vaults").unwrap()];
    assert!(!vaults.replication.as_ref().unwrap().is_peer_persistence());
}

#[test]
fn the_last_of_several_counts() {
    let overruled = |line: usize| {
        format!(
            "line {line}: [prod] `takeover`: has no effect: it is given again in line 10, and the last one counts; hint: remove the other one"
        )
    };
    assert_eq!(
        warned(&old(
            "takeover = maybe\ntakeover = never\ntakeover = always"
        )),
        [overruled(8), overruled(9)]
    );
}

#[test]
fn default_is_no_backend_by_what_it_inherits_unless_that_is_an_address() {
    let defaults = "[backend_defaults]\nhpe3par_snapcpg = snap\ntakeover = never\n";
    let (config, warnings) = accepted(&format!("{}{defaults}", old("")));
    assert_eq!(
        (config.backends.len(), warnings.len()),
        (1, 1),
        "{warnings:?}"
    );
    let prod = &config.backends[&BackendName::new("prod").unwrap()];
    assert_eq!(prod.snap_cpgs[0].as_str(), "snap");
}

#[test]
fn what_is_absent_means_what_it_meant() {
    let (config, _) = accepted(&old("").replace("ssh_hosts_key_file = /k\n", ""));
    let prod = &config.backends[&BackendName::new("prod").unwrap()];
    let file = Path::new("/root/.ssh/ssh_known_hosts");
    assert_eq!(prod.access.ssh_hosts_key_file, file);
    assert_eq!(
        warned(&old("").replace("ssh_hosts_key_file = /k\n", "")),
        [
            "line 1: [DEFAULT] `ssh_hosts_key_file`: not given: `/root/.ssh/ssh_known_hosts`, as with the python plugin"
        ]
    );
    // But no host key is trusted because nobody spoke of it.
    let silent = old("").replace("strict_ssh_host_key_policy = True\n", "");
    let (config, _) = accepted(&silent);
    let prod = &config.backends[&BackendName::new("prod").unwrap()];
    assert!(prod.access.strict_ssh_host_key_policy);
    assert_eq!(
        warned(&silent),
        [
            "line 1: [DEFAULT] `strict_ssh_host_key_policy`: not given: the python plugin trusted every host key at first sight, \
             this release refuses keys that are not in `ssh_hosts_key_file`; hint: put the arrays' keys there (`ssh-keyscan`), or \
             set it to `False`"
        ]
    );
}

#[test]
fn drivers_of_other_products() {
    let file = "[shares]\nhpedockerplugin_driver = hpedockerplugin.hpe.hpe_3par_file.HPE3PARFileDriver\nhpe3par_san_ip = 10.0.0.8\n";
    assert_eq!(
        warned(&format!("{}{file}", old(""))),
        ["line 10: [shares]: the section is passed over: there is no File Persona"]
    );
    let told = mistakes(&old(
        "hpedockerplugin_driver = hpe.hpe_lefthand_iscsi.HPELeftHandISCSIDriver",
    ));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("is not one of `hpedockerplugin.hpe.hpe_3par_iscsi.HPE3PARISCSIDriver`"),
        "{told:?}"
    );
}
