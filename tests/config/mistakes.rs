//! Every mistake is named with its line, its key and the way out.

use super::*;

/// Asserts that there is exactly one mistake and that it reads like this.
#[track_caller]
fn one(text: &str, expected: &str) {
    assert_eq!(mistakes(text), [expected]);
}

#[test]
fn keys_that_are_unknown_or_elsewhere() {
    one(
        &plain("takover = \"never\""),
        "line 6: [prod] `takover`: unknown key; hint: did you mean `takeover`?",
    );
    one(
        &plain("san_pasword = \"x\""),
        "line 6: [prod] `san_pasword`: unknown key; hint: did you mean `san_password`?",
    );
    one(&plain("colour = 1"), "line 6: [prod] `colour`: unknown key");
    one(
        &plain("state_dir = \"/x\""),
        "line 6: [prod] `state_dir`: does not belong here; hint: it goes into [DEFAULT]",
    );
    one(
        &plain("cpg_map = { gold = \"x\" }"),
        "line 6: [prod] `cpg_map`: does not belong here; hint: it goes into [prod.replication_device]",
    );
    one(
        &plain("[DEFAULT]\nquorum_witness_ip = \"10.0.0.3\""),
        "line 7: [DEFAULT] `quorum_witness_ip`: does not belong here; hint: it goes into the `replication_device` of a backend",
    );
    one(
        &plain("[DEFAULT]\nsan_login = \"dock\""),
        "line 7: [DEFAULT] `san_login`: without `san_ip`, [DEFAULT] is no backend, and nothing that identifies an array is \
         inherited; hint: put it into each backend's own section",
    );
    one(
        &plain("hpe3par_api_url = \"https://10.0.0.1:8080\""),
        "line 6: [prod] `hpe3par_api_url`: not used any more: the web service of the array is not used; hint: remove the line",
    );
    one(
        &plain("[DEFAULT]\nhost_etcd_port_number = 2379"),
        "line 7: [DEFAULT] `host_etcd_port_number`: not used any more: there is no etcd: the arrays themselves keep what is \
         known; hint: remove the line",
    );
    one(
        &format!("logging = \"info\"\n{}", plain("")),
        "line 1: `logging`: does not belong here; hint: it goes into a section, for example below `[DEFAULT]`",
    );
    one(
        &plain("[backend_defaults]\nsan_login = \"x\""),
        "line 6: [backend_defaults]: has no meaning in TOML: backends inherit from [DEFAULT] only what does not identify an array",
    );
}

/// Sessions are shared, whichever section is read first: no section's host keys, password or limits are another one's by accident.
#[test]
fn sections_of_one_array_log_in_in_one_way() {
    let lab = |keys: &str| {
        plain(&format!(
            "[lab]\nsan_ip = \"10.0.0.1\"\nsan_login = \"dock\"\nsan_password_file = \"@/pw\"\nhpe3par_cpg = [\"gold\"]\n{keys}"
        ))
    };
    let told = |place: &str| {
        format!(
            "{place}: differs from [lab], which logs in to the same array as `dock`, too: both share its sessions; hint: give both sections the same value"
        )
    };
    one(
        &lab("strict_ssh_host_key_policy = false"),
        &told("[prod] `strict_ssh_host_key_policy`"),
    );
    let text = lab("").replacen(
        "san_password_file = \"@/pw\"",
        "san_password = \"another\"",
        1,
    );
    let at = text.lines().position(|line| line.contains("another"));
    let line = at.unwrap() + 1;
    one(&text, &told(&format!("line {line}: [prod] `san_password`")));
    // Another user has sessions of its own.
    let text = text.replacen("\"dock\"", "\"another\"", 1);
    accepted(&text);
    let (_, said) = accepted(&lab("ssh_pool_size = 8\nprotocol = \"fc\""));
    assert_eq!(
        said,
        [
            "[prod] `ssh_pool_size`: has no effect: [lab] logs in to the same array as `dock`, too, both share its sessions, and its value counts; hint: give both sections the same value"
        ]
    );
}

#[test]
fn values_of_the_wrong_kind() {
    one(
        &plain("san_ssh_port = \"22\""),
        "line 6: [prod] `san_ssh_port`: expected a whole number, found string",
    );
    one(
        &plain("san_ssh_port = 0"),
        "line 6: [prod] `san_ssh_port`: 0 is out of range: 1 to 65535 are allowed",
    );
    one(
        &plain("san_ssh_port = -1"),
        "line 6: [prod] `san_ssh_port`: -1 is out of range: 1 to 65535 are allowed",
    );
    one(
        &plain("ssh_legacy_algorithms = \"no\""),
        "line 6: [prod] `ssh_legacy_algorithms`: expected true or false (without quotes), found string",
    );
    one(
        &plain("takeover = \"dead_host\""),
        "line 6: [prod] `takeover`: `dead_host` is not one of `never`, `dead-host`, `always`; hint: did you mean `dead-host`?",
    );
    one(
        &plain("protocol = \"nvme\""),
        "line 6: [prod] `protocol`: `nvme` is not one of `iscsi`, `fc`, `simulated`",
    );
    one(
        &plain("ssh_conn_timeout = \"11m\""),
        "line 6: [prod] `ssh_conn_timeout`: 660 s is out of range: 1 s to 600 s are allowed",
    );
    for wrong in [
        "30 sec",
        "30",
        "s",
        "1.5h",
        "-5s",
        "5  s",
        " 5s",
        "5s ",
        "5S",
        "99999999999999999999d",
    ] {
        let told = mistakes(&plain(&format!("command_timeout = \"{wrong}\""))).remove(0);
        let expected = format!("line 6: [prod] `command_timeout`: `{wrong}` is not a duration: ");
        assert!(told.starts_with(&expected), "{told}");
    }
    for wrong in ["10 MB", "10M", "10", "0x10 MiB"] {
        let told = mistakes(&plain(&format!(
            "[DEFAULT]\ntranscript_max_size = \"{wrong}\""
        )))
        .remove(0);
        let expected =
            format!("line 7: [DEFAULT] `transcript_max_size`: `{wrong}` is not a size: ");
        assert!(told.starts_with(&expected), "{told}");
    }
    one(
        &plain("hpe3par_snapcpg = [\"a b\"]"),
        "line 6: [prod] `hpe3par_snapcpg`: `a b` is not a valid CPG name: use letters, digits, `.`, `_` and `-`, and do not begin \
         with `-`",
    );
    one(
        &plain("hpe3par_snapcpg = [\"a\", \"a\"]"),
        "line 6: [prod] `hpe3par_snapcpg`: `a` is given twice",
    );
    one(
        &plain("hpe3par_snapcpg = []"),
        "line 6: [prod] `hpe3par_snapcpg`: is an empty list: name at least one CPG, the default first",
    );
    one(
        &plain("").replace("[\"gold\", \"silver\"]", "[]"),
        "line 5: [prod] `hpe3par_cpg`: is an empty list: name at least one CPG, the default first",
    );
    one(
        &plain("hpe3par_iscsi_ips = [\"10.1.1.1;10.1.1.2\"]"),
        "line 6: [prod] `hpe3par_iscsi_ips`: `10.1.1.1;10.1.1.2` is not an IP address with or without `:port`",
    );
    one(
        &plain("[DEFAULT]\nstate_dir = \"var/lib\""),
        "line 7: [DEFAULT] `state_dir`: `var/lib` is not an absolute path: begin it with `/`",
    );
    one(
        &plain("[DEFAULT]\nnamespace = \"Blue\""),
        "line 7: [DEFAULT] `namespace`: `Blue` is not a valid namespace name: use at most 8 lower-case letters and digits",
    );
    one(
        &plain("").replace("10.0.0.1", "10.0.0.1:22"),
        "line 2: [prod] `san_ip`: `10.0.0.1:22` is not an IP address or host name (the port has a key of its own)",
    );
    one(
        &plain("replication_device = \"x\""),
        "line 6: [prod] `replication_device`: expected a table (one target array), found string",
    );
    one(
        &plain("").replace("[prod]", "[\"pro d\"]"),
        "line 1: [pro d]: `pro d` is not a valid backend name: use letters, digits, `.`, `_` and `-`, and do not begin with `-`",
    );
}

#[test]
fn a_wrong_value_in_default_is_reported_once() {
    let text = format!(
        "[DEFAULT]\nssh_pool_size = 99\n{}{}",
        plain(""),
        plain("").replace("[prod]", "[prod2]")
    );
    one(
        &text,
        "line 2: [DEFAULT] `ssh_pool_size`: 99 is out of range: 1 to 32 are allowed",
    );
}

#[test]
fn exactly_one_way_to_log_in() {
    one(
        &plain("").replace("san_password_file = \"@/pw\"", ""),
        "line 1: [prod]: no way to log in: give one of `san_password_file`, `san_private_key` and `san_password`",
    );
    one(
        &plain("san_password = \"sesame\""),
        "line 6: [prod] `san_password`: cannot stand together with `san_password_file`; hint: keep one of them",
    );
    one(
        &plain("san_private_key_passphrase_file = \"@/pw\""),
        "line 6: [prod] `san_private_key_passphrase_file`: only with `san_private_key`",
    );
    one(
        &plain("").replace("san_password_file = \"@/pw\"", "san_password = \"\""),
        "line 4: [prod] `san_password`: `` is not a text: it is empty",
    );
}

#[test]
fn replication_that_cannot_be() {
    let map = "cpg_map = { gold = \"lead\" }\n";
    let with = |more: &str| replicated(&format!("{map}{more}"));
    one(
        &with("replication_mode = \"sync\""),
        "line 12: [prod.replication_device] `replication_mode`: `sync` is not one of `synchronous`, `asynchronous`, `streaming`",
    );
    one(
        &with("replication_mode = \"asynchronus\""),
        "line 12: [prod.replication_device] `replication_mode`: `asynchronus` is not one of `synchronous`, `asynchronous`, \
         `streaming`; hint: did you mean `asynchronous`?",
    );
    one(
        &with(""),
        "line 6: [prod.replication_device] `replication_mode`: is missing: give `synchronous`, `asynchronous` or `streaming`",
    );
    for mode in ["synchronous", "streaming"] {
        one(
            &with(&format!("replication_mode = \"{mode}\"\nsync_period = 900")),
            "line 13: [prod.replication_device] `sync_period`: only with `replication_mode = \"asynchronous\"`",
        );
    }
    for period in [299, 31_622_401] {
        one(
            &with(&format!(
                "replication_mode = \"asynchronous\"\nsync_period = {period}"
            )),
            &format!(
                "line 13: [prod.replication_device] `sync_period`: {period} s is out of range: 300 s to 31622400 s are allowed"
            ),
        );
    }
    for mode in ["asynchronous", "streaming"] {
        one(
            &with(&format!(
                "replication_mode = \"{mode}\"\nquorum_witness_ip = \"10.0.0.3\""
            )),
            "line 13: [prod.replication_device] `quorum_witness_ip`: only with `replication_mode = \"synchronous\"`: Peer \
             Persistence knows no other",
        );
    }
    one(
        &with("replication_mode = \"synchronous\"\nquorum_witness_ip = \"witness\""),
        "line 13: [prod.replication_device] `quorum_witness_ip`: `witness` is not an IP address",
    );
    let sync = "replication_mode = \"synchronous\"\n";
    one(
        &replicated(sync),
        "line 6: [prod.replication_device] `cpg_map`: is missing: for each CPG of `hpe3par_cpg` the CPG on the target array, as in \
         `{ here = \"there\" }`",
    );
    one(
        &replicated(&format!("{sync}cpg_map = {{ silver = \"lead\" }}")),
        "line 12: [prod.replication_device] `cpg_map`: has no entry for `gold`, the default CPG of `hpe3par_cpg`; hint: add `gold` \
         with its CPG on the target array",
    );
    one(
        &replicated(&format!("{sync}cpg_map = {{ golld = \"lead\" }}")),
        "line 12: [prod.replication_device] `cpg_map`: has no entry for `gold`, the default CPG of `hpe3par_cpg`; hint: did you mean \
         `gold` where it has `golld`?",
    );
    let snap = "[\"gold\"]\nhpe3par_snapcpg = \"snap\"\n";
    one(
        &with(sync).replace("[\"gold\"]\n", snap),
        "line 12: [prod.replication_device] `cpg_map`: has no entry for `snap`, the default CPG of `hpe3par_snapcpg`; hint: add \
         `snap` with its CPG on the target array",
    );
    one(
        &with(&format!("{sync}snap_cpg_map = {{ gold = \"lead\" }}")).replace("[\"gold\"]\n", snap),
        "line 14: [prod.replication_device] `snap_cpg_map`: has no entry for `snap`, the default CPG of `hpe3par_snapcpg`; hint: add \
         `snap` with its CPG on the target array",
    );
    let witness = |ip: &str| with(&format!("{sync}quorum_witness_ip = \"{ip}\""));
    one(
        &witness("10.0.0.1"),
        "line 13: [prod.replication_device] `quorum_witness_ip`: `10.0.0.1` is the array of the backend, and the witness has to \
         outlive either array; hint: give the address of the quorum witness",
    );
    one(
        &witness("::ffff:10.0.0.2"),
        "line 13: [prod.replication_device] `quorum_witness_ip`: `10.0.0.2` is the array of its target, and the witness has to \
         outlive either array; hint: give the address of the quorum witness",
    );
    one(
        &replicated(&format!("{sync}cpg_map = {{ gold = \"le ad\" }}")),
        "line 12: [prod.replication_device] `cpg_map`: `le ad` is not a valid CPG name: use letters, digits, `.`, `_` and `-`, and do \
         not begin with `-`",
    );
    one(
        &with(sync).replace("san_ip = \"10.0.0.2\"\n", ""),
        "line 6: [prod.replication_device] `san_ip`: is missing: the management address of the array",
    );
    one(
        &with(sync).replace("10.0.0.2\"\nsan_login = \"dock\"", "10.0.0.2\""),
        "line 6: [prod.replication_device] `san_login`: is missing: the user name on the array",
    );
    one(
        &with(sync).replace("10.0.0.2", "10.0.0.1"),
        "line 8: [prod.replication_device] `san_ip`: the target array is the backend's own array (`10.0.0.1 port 22`); hint: give the \
         address of the other array",
    );
    one(
        &with(sync)
            .replace("10.0.0.2", "Array-A.")
            .replace("10.0.0.1", "array-a"),
        "line 8: [prod.replication_device] `san_ip`: `Array-A.` is not an IP address or host name (the port has a key of its own)",
    );
    one(
        &with(sync)
            .replace("10.0.0.2", "Array-A")
            .replace("10.0.0.1", "array-a"),
        "line 8: [prod.replication_device] `san_ip`: the target array is the backend's own array (`Array-A port 22`); hint: give the \
         address of the other array",
    );
    one(
        &with(&format!("{sync}ssh_pol_size = 2")),
        "line 13: [prod.replication_device] `ssh_pol_size`: unknown key; hint: did you mean `ssh_pool_size`?",
    );
    one(
        &with(&format!("{sync}engine_timeout = 2")),
        "line 13: [prod.replication_device] `engine_timeout`: does not belong here; hint: it goes into [DEFAULT]",
    );
    one(
        &with(&format!("{sync}ssh_pool_size = 33")),
        "line 13: [prod.replication_device] `ssh_pool_size`: 33 is out of range: 1 to 32 are allowed",
    );
    one(
        &with(&format!("{sync}hpe3par_cpg = \"gold\"")),
        "line 13: [prod.replication_device] `hpe3par_cpg`: does not belong here; hint: it goes into the section of the backend",
    );
    // Two ports of one address may be two arrays behind a gateway.
    accepted(&with(&format!("{sync}san_ssh_port = 2222")).replace("10.0.0.2", "10.0.0.1"));
}

#[test]
fn simulator_keys_only_with_the_simulator() {
    let needs = |key: &str, value: &str| {
        one(
            &plain(&format!("{key} = \"{value}\"")),
            &format!("line 6: [prod] `{key}`: only with `protocol = \"simulated\"`"),
        );
    };
    needs("simulated_dir", "/tmp/x");
    needs("simulated_host", "a");
    needs("simulated_initiator", "iqn.2020-01.com.example:a");
    needs("simulated_machine_id", "b");
    one(
        &plain(
            "protocol = \"simulated\"\nsimulated_dir = \"/tmp/x\"\nsimulated_initiator = \"me\"",
        ),
        "line 8: [prod] `simulated_initiator`: `me` is not an iSCSI name or port WWN",
    );
    one(
        &plain("protocol = \"simulated\"\nsimulated_initiator = \"iqn.2020-01.com.example:a\""),
        "line 1: [prod] `simulated_dir`: is missing: where the simulator exports",
    );
    one(
        &plain("protocol = \"fc\"\nhpedockerplugin_driver = \"x\""),
        "line 7: [prod] `hpedockerplugin_driver`: cannot stand together with `protocol`; hint: keep one of them",
    );
}

#[test]
fn all_at_once_in_the_order_of_the_file() {
    let told = mistakes(
        "[DEFAULT]\nlogging = \"loud\"\n[b]\nsan_ip = 5\ncolor = 1\n[a]\ntakeover = \"maybe\"\n[a.replication_device]\nsync_period = 1\n",
    );
    let expected = [
        "line 2: [DEFAULT] `logging`",
        "line 3: [b] `san_login`: is missing",
        "line 3: [b]: no way to log in",
        "line 3: [b] `hpe3par_cpg`: is missing",
        "line 4: [b] `san_ip`: expected a text",
        "line 5: [b] `color`: unknown key",
        "line 6: [a] `san_ip`: is missing",
        "line 6: [a] `san_login`: is missing",
        "line 6: [a]: no way to log in",
        "line 6: [a] `hpe3par_cpg`: is missing",
        "line 7: [a] `takeover`",
        "line 8: [a.replication_device] `backend_id`: is missing",
        "line 8: [a.replication_device] `replication_mode`: is missing",
        "line 8: [a.replication_device] `cpg_map`: is missing",
        "line 8: [a.replication_device] `san_ip`: is missing",
        "line 8: [a.replication_device] `san_login`: is missing",
        "line 8: [a.replication_device]: no way to log in",
        "line 9: [a.replication_device] `sync_period`: 1 s is out of range",
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}\n{expected}");
    }
}

#[test]
fn files_that_are_no_toml() {
    let told = mistakes(&plain(
        "takeover = never\nlone_primary = \"mount\nsan_ssh_port = 22",
    ));
    assert!(told[0].starts_with("line 6: not valid TOML: "), "{told:?}");
    assert!(
        told[0].ends_with("; hint: texts stand in quotes"),
        "{told:?}"
    );
    assert!(told[1].starts_with("line 7: not valid TOML: "), "{told:?}");
    assert_eq!(told.len(), 2, "the rest cannot be known: {told:?}");
    one(
        "",
        "no backend; hint: a section with `san_ip` is one, hpe.conf.sample shows two",
    );
    one(
        "[DEFAULT]\nlogging = \"info\"\n",
        "no backend; hint: a section with `san_ip` is one, hpe.conf.sample shows two",
    );
    let site = Site::new("");
    fs::write(site.conf(), b"[prod]\nsan_ip = \"\xff\"\n").unwrap();
    let told = Config::load(&site.conf())
        .unwrap_err()
        .remove(0)
        .to_string();
    assert!(
        told.starts_with("cannot be read: ") && told.contains("UTF-8"),
        "{told}"
    );
    let told = Config::load(&site.path("nowhere"))
        .unwrap_err()
        .remove(0)
        .to_string();
    assert!(told.contains("cannot be read: No such file"), "{told}");
}

#[test]
fn no_mistake_ever_shows_a_secret() {
    for line in [
        "san_password = sesame",
        "san_password = \"sesame",
        "san_password = 'sesame\"",
        "san_password = [\"sesame\"]",
        "san_password = { sesame = 1 }",
        "san_password = sesame\"",
        "san_password : sesame",
        "san_password \"sesame\"",
        "san_password = \"sesame\" sesame",
        "san_password = \"\\sesame\"",
        "san_password = \"sesame\u{1}\"",
        "san_password = 'a'\nsan_password = 'sesame'",
        "sanpassword = \"sesame\"",
    ] {
        let told = mistakes(&plain("").replace("san_password_file = \"@/pw\"", line));
        assert!(
            !told.is_empty() && !told.concat().contains("sesame"),
            "{line}: {told:?}"
        );
    }
}
