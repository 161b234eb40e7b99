//! Files of HPE's python plugin that cannot be read as they were meant, and what never is inherited, guessed or shown.

use hpe3par_docker::model::Secret;
use proptest::{prelude::*, sample};

use super::{
    old_format::{old, warned},
    *,
};

/// A target; `{}` is where more of its pairs go: line 13 is the first.
const TARGET: &str = "\
replication_device = backend_id:far,
  replication_mode:synchronous,
  san_ip:10.0.0.2,
  san_login:dock,
  san_password_file:@/pw,
  {}
";

fn old_replicated(more: &str) -> String {
    old(&TARGET.replace("{}", more))
}

#[track_caller]
fn one(text: &str, expected: &str) {
    assert_eq!(mistakes(text), [expected]);
}

#[test]
fn a_target_inherits_nothing_from_its_source() {
    let text = old(
        "replication_device = backend_id:far,\n replication_mode:synchronous,\n cpg_map:gold:lead",
    );
    let far = "line 8: [prod.replication_device]";
    assert_eq!(
        mistakes(&text),
        [
            format!("{far} `san_ip`: is missing: the management address of the array"),
            format!("{far} `san_login`: is missing: the user name on the array"),
            format!(
                "{far}: no way to log in: give one of `san_password_file`, `san_private_key` and `san_password`"
            ),
        ]
    );
    // Not from backend_defaults either.
    let text = format!("{text}[backend_defaults]\nsan_login = x\nsan_password = y\n");
    assert_eq!(mistakes(&text).len(), 3);
}

#[test]
fn unknown_keys_are_warned_of_unless_replication_would_be_another_one() {
    assert_eq!(
        warned(&old(
            "hpe3par_snap_cpg = x\ncolour = red\nmount_conflict_delay = 30"
        )),
        [
            "line 8: [prod] `hpe3par_snap_cpg`: ignored: unknown key; hint: did you mean `hpe3par_snapcpg`?",
            "line 9: [prod] `colour`: ignored: unknown key",
            "line 10: [prod] `mount_conflict_delay`: ignored: not used any more: it is an option of each volume: \
             `-o mountConflictDelay`; hint: remove the line",
        ]
    );
    assert_eq!(
        warned(&old_replicated("cpg_map:gold:lead,\n  colour:red,")),
        ["line 14: [prod.replication_device] `colour`: ignored: unknown key"]
    );
    assert_eq!(
        warned(&old_replicated("colour:red cpg_map:gold:lead")),
        [
            "line 13: [prod.replication_device] `cpg_map`: a comma is missing before `cpg_map`, and the python plugin made one value of \
             both; they are read as two; hint: put a `,` before it",
            "line 13: [prod.replication_device] `colour`: ignored: unknown key",
        ]
    );
    assert_eq!(
        warned(&old_replicated("colour:red,\n  cpg_map:gold:lead,")),
        ["line 13: [prod.replication_device] `colour`: ignored: unknown key"]
    );
    one(
        &old_replicated("cpg_map:gold:lead,\n  quorum_witnes_ip:10.0.0.9"),
        "line 14: [prod.replication_device] `quorum_witnes_ip`: unknown key; hint: did you mean `quorum_witness_ip`?",
    );
    one(
        &old("quorum_witness_ip = 10.0.0.9"),
        "line 8: [prod] `quorum_witness_ip`: does not belong here; hint: it goes into [prod.replication_device]",
    );
    // [DEFAULT] without an array is no backend.
    assert_eq!(
        warned(&old("").replace("[prod]", "hpe3par_cpg = x\n[prod]")).len(),
        1
    );
}

#[test]
fn replication_is_checked_as_in_toml() {
    one(
        &old_replicated("cpg_map:silver:lead"),
        "line 13: [prod.replication_device] `cpg_map`: has no entry for `gold`, the default CPG of `hpe3par_cpg`; hint: add `gold` \
         with its CPG on the target array",
    );
    one(
        &old_replicated("cpg_map:gold:lead, sync_period:900"),
        "line 13: [prod.replication_device] `sync_period`: only with `replication_mode = \"asynchronous\"`",
    );
    one(
        &old_replicated("cpg_map:gold:lead,").replace("10.0.0.2", "10.0.0.1"),
        "line 10: [prod.replication_device] `san_ip`: the target array is the backend's own array (`10.0.0.1 port 22`); hint: give \
         the address of the other array",
    );
    one(
        &old_replicated("cpg_map:gold"),
        "line 13: [prod.replication_device] `cpg_map`: `gold` is not a pair `<CPG here>:<CPG on the target array>`",
    );
    one(
        &old_replicated("cpg_map:gold:lead gold:tin"),
        "line 13: [prod.replication_device] `cpg_map`: `gold` is given twice",
    );
    one(
        &old_replicated("cpg_map:gold:lead,\n  san_ip:10.0.0.3"),
        "line 14: [prod.replication_device] `san_ip`: `san_ip` is given twice",
    );
    one(
        &old_replicated("cpg_map:gold:lead,\n  nonsense"),
        "line 14: [prod.replication_device]: expected `key:value` pairs with a comma after each; hint: a line with the pair alone \
         is easiest to read",
    );
}

#[test]
fn encrypted_passwords_are_refused_with_the_way_out() {
    let refused = "looks encrypted by HPE's python plugin (with a passphrase in etcd), and there is no etcd here; hint: put the \
                   password itself into a file of mode 0600 and give `san_password_file` instead; the same if it is no encrypted one";
    let with = |password: &str, more: &str| {
        old(more).replace(
            "san_password_file = @/pw\n",
            &format!("san_password = {password}\n"),
        )
    };
    one(
        &with("qZ3vbm9wbGE=", ""),
        &format!("line 7: [prod] `san_password`: {refused}"),
    );
    // One passphrase is for all passwords of a backend: three unpadded ones are recognised by the fourth.
    let target = TARGET
        .replace("san_password_file:@/pw", "san_password:c2VzYW1l")
        .replace("{}", "cpg_map:gold:lead");
    let told = mistakes(&with(
        "c2VzYW1l",
        &format!("hpe3par_password = qZ3vbm9wbGE=\n{target}"),
    ));
    assert_eq!(
        told,
        [
            format!("line 7: [prod] `san_password`: {refused}"),
            format!("line 13: [prod.replication_device] `san_password`: {refused}"),
        ]
    );
    // And if one is plain, all are.
    accepted(&with("qZ3vbm9wbGE=", "hpe3par_password = plain text"));
    accepted(&with("c2VzYW1l", ""));
}

#[test]
fn lines_that_say_nothing() {
    one(
        &old("takeover never"),
        "line 8: [prod]: expected `key = value`",
    );
    one(&old("= never"), "line 8: [prod]: expected `key = value`");
    one(
        &old("[prod"),
        "line 8: Found opening bracket for section name but no closing bracket",
    );
    one(
        &old("takeover = never\n  lone_primary = mount"),
        "line 8: [prod] `takeover`: goes on in line 9, because that line is indented; hint: begin it at the left margin",
    );
    one(
        &old("takeover = $lone_primary"),
        "line 8: [prod] `takeover`: `$` begins the name of another option in the old format; hint: write `$$` for a dollar sign",
    );
    one(
        &format!("logging = INFO\n{}", old("")),
        "line 1: `logging`: does not belong here; hint: it goes into a section, for example below `[DEFAULT]`",
    );
    one(
        &old("san_ssh_port = ssh"),
        "line 8: [prod] `san_ssh_port`: expected a whole number, found string",
    );
}

#[test]
fn no_mistake_and_no_warning_ever_shows_a_secret() {
    for line in [
        "san_password sesame",
        "san_password = sesame\n  sesame",
        "san_password = sesame\n  sesame = sesame",
        "san_password = $sesame",
        "san_password = sesamesesamesesameQ=",
    ] {
        let told = mistakes(&old("").replace("san_password_file = @/pw", line));
        assert!(
            !told.is_empty() && !told.concat().contains("sesame"),
            "{line}: {told:?}"
        );
    }
    for pair in [
        "san_password:ses,sesame,\n",
        "san_password:ses,sesame:sesame,\n",
        "san_password:ses,sesame=sesame\n",
        "san_password:ses\n sesame,\n",
        "color:red blue san_password:x,sesame,\n",
    ] {
        let text = old_replicated("cpg_map:gold:lead").replace("san_password_file:@/pw,\n", pair);
        let told = mistakes(&text);
        assert!(
            !told.is_empty() && !told.concat().contains("sesame"),
            "{pair}: {told:?}"
        );
    }
    // Without a comma it is no part of another value, which would be shown.
    for (key, before) in [
        ("san_login", "san_login:do ck"),
        ("cpg_map", "cpg_map:go!d:lead"),
        ("quorum_witness_ip", "quorum_witness_ip:witness"),
    ] {
        for blank in [" ", " \t", "\n  "] {
            let text = old(&TARGET.replace("{}", "cpg_map:gold:lead,"))
                .replace(&format!("  {key}:dock,\n"), "")
                .replace(
                    "san_password_file:@/pw,",
                    &format!("{before}{blank}san_password:sesame,"),
                );
            let told = mistakes(&text);
            assert!(told.concat().contains(&format!("`{key}`: `")), "{told:?}");
            assert!(!told.concat().contains("sesame"), "{told:?}");
        }
    }
    one(
        &old("takeover = never san_password = sesame"),
        "line 8: [prod] `takeover`: a password stands on the same line; hint: give every key a line of its own",
    );
    one(
        &old("hpe3par_snapcpg = gold\n  san_password = sesame"),
        "line 8: [prod] `hpe3par_snapcpg`: goes on in line 9, because that line is indented; hint: begin it at the left margin",
    );
    let text = old_replicated("cpg_map:gold:lead")
        .replace("san_password_file:@/pw", "san_password:open,sesame");
    one(
        &text,
        "line 12: [prod.replication_device] `san_password`: a comma ends the value, and what follows is no `key:value`; hint: a \
         password with a comma goes into a file: `san_password_file:/etc/hpedockerplugin/<name>.password`, mode 0600",
    );
}

#[test]
fn a_password_in_an_old_file_that_others_can_read_is_warned_of() {
    let site = Site::new(&old("").replace("san_password_file = @/pw", "san_password = x"));
    fs::set_permissions(site.conf(), fs::Permissions::from_mode(0o644)).unwrap();
    let warnings = loaded(&site.conf()).1;
    let said = warnings[1].to_string();
    assert!(
        said.starts_with("line 7: [prod] `san_password`: holds a password"),
        "{said}"
    );
}

/// One target, its pairs in any order, with any of these between them.
fn shuffled(more: &'static [&'static str]) -> impl Strategy<Value = String> {
    const SEPARATORS: &[&str] = &[",", ", ", ",\n  ", "\n  ", " ", " ,\t"];
    let mut pairs = vec![
        "backend_id:far",
        "replication_mode:synchronous",
        "san_ip:10.0.0.2",
        "san_login = dock",
        "san_password:se#s;ame",
        "cpg_map:gold:lead",
    ];
    pairs.extend(more);
    let between = vec![sample::select(SEPARATORS); pairs.len()];
    (Just(pairs).prop_shuffle(), between).prop_map(|(pairs, between)| {
        let pairs = pairs.iter().zip(between);
        let text: String = pairs
            .map(|(pair, between)| format!("{pair}{between}"))
            .collect();
        old(&format!("replication_device = {text}\n"))
    })
}

proptest! {
    #[test]
    fn pairs_mean_the_same_in_any_order_with_any_separator(text in shuffled(&[])) {
        let (config, _) = accepted(&text);
        let far = config.backends.first_key_value().unwrap().1.replication.as_ref().unwrap();
        prop_assert_eq!(far.backend_id.as_str(), "far");
        prop_assert_eq!(&far.access.san_ip, "10.0.0.2");
        prop_assert_eq!(&far.access.san_login, "dock");
        prop_assert_eq!(far.access.secrets(), [Secret::new("se#s;ame".to_owned())]);
        prop_assert_eq!(far.cpg_map.len(), 1);
    }

    #[test]
    fn whatever_stands_between_pairs_no_password_is_shown(text in shuffled(&["zinc", "colour:red", "a b:c d", "san_ssh_port:x"])) {
        let told = mistakes(&text).concat();
        prop_assert!(told.contains("line "), "{}", told);
        prop_assert!(!told.contains("se#s") && !told.contains(";ame"), "{}", told);
    }
}
