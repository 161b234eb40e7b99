//! What the options say, and what is wrong with them.

use super::*;
use crate::model::{FsMode, FsOwner, FsType, GroupName, ImportPolicy, Provisioning, Size, VvName};

fn cpgs(names: &[&str]) -> Vec<CpgName> {
    names
        .iter()
        .map(|name| CpgName::new(name).unwrap())
        .collect()
}

/// `DEFAULT` is plain, `mirror` replicates two of its three CPGs.
fn backends() -> Vec<BackendDescription> {
    vec![
        BackendDescription {
            name: BackendName::new("DEFAULT").unwrap(),
            array: "eva1".to_owned(),
            peer: None,
            cpgs: cpgs(&["fast", "slow"]),
            snap_cpgs: cpgs(&["snaps"]),
            replication: false,
            cpg_map_sources: vec![],
        },
        BackendDescription {
            name: BackendName::new("mirror").unwrap(),
            array: "eva1".to_owned(),
            peer: Some("eva2".to_owned()),
            cpgs: cpgs(&["fast", "slow", "local"]),
            snap_cpgs: cpgs(&["snaps"]),
            replication: true,
            cpg_map_sources: cpgs(&["fast", "slow"]),
        },
    ]
}

fn raw(options: &[(&str, &str)]) -> RawOptions {
    options
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())))
        .collect()
}

fn ok(options: &[(&str, &str)]) -> CreateVolume {
    read("db1", &raw(options), &backends(), None).unwrap()
}

fn message(options: &[(&str, &str)]) -> String {
    read("db1", &raw(options), &backends(), None)
        .unwrap_err()
        .message
}

#[test]
fn nothing_given_is_the_plain_default() {
    let volume = ok(&[]);
    assert_eq!(volume.backend.as_str(), "DEFAULT");
    assert_eq!(volume.size, Size::from_gib(100));
    assert_eq!(volume.provisioning, Provisioning::Thin);
    assert_eq!(volume.mount_conflict_delay, 30);
    assert_eq!(volume.fs_type, FsType::Ext4);
    let rest = (volume.cpg, volume.snap_cpg, volume.fs_owner, volume.fs_mode);
    assert_eq!(rest, (None, None, None, None));
    assert_eq!(volume.replication_group, None);
}

#[test]
fn the_defaults_in_the_table_are_the_defaults_in_force() {
    let mut written = Given::default();
    for option in OPTIONS {
        if [
            "size",
            "provisioning",
            "backend",
            "mountConflictDelay",
            "fsType",
        ]
        .contains(&option.name)
        {
            (option.read)(&mut written, option.default).unwrap();
        }
    }
    let volume = VolumeName::new("db1").unwrap();
    assert_eq!(
        request(volume, &backends()[0], Kind::New, written, None),
        ok(&[])
    );
}

#[test]
fn everything_given_arrives() {
    let volume = ok(&[
        ("size", "50"),
        ("provisioning", "dedup"),
        ("cpg", "slow"),
        ("snapcpg", "snaps"),
        ("backend", "mirror"),
        ("mountConflictDelay", "5"),
        ("fsOwner", "999:50"),
        ("fsMode", "0750"),
        ("fsType", "xfs"),
        ("replicationGroup", "prod_rcg"),
    ]);
    assert_eq!(volume.size, Size::from_gib(50));
    assert_eq!(volume.provisioning, Provisioning::Dedup);
    assert_eq!(volume.cpg, CpgName::new("slow").ok());
    assert_eq!(volume.snap_cpg, CpgName::new("snaps").ok());
    assert_eq!(volume.backend.as_str(), "mirror");
    assert_eq!(volume.mount_conflict_delay, 5);
    assert_eq!(volume.fs_owner, Some(FsOwner { uid: 999, gid: 50 }));
    assert_eq!(volume.fs_mode, Some(FsMode(0o750)));
    assert_eq!(volume.fs_type, FsType::Xfs);
    assert_eq!(volume.replication_group, GroupName::new("prod_rcg").ok());
}

#[test]
fn empty_and_null_values_are_not_given() {
    let empty: Vec<_> = OPTIONS.iter().map(|option| (option.name, "")).collect();
    assert_eq!(ok(&empty), ok(&[]));
    let null = OPTIONS
        .iter()
        .map(|option| (option.name.to_owned(), None))
        .collect();
    assert_eq!(read("db1", &null, &backends(), None), Ok(ok(&[])));
    assert!(message(&[("backend", "mirror"), ("replicationGroup", "")]).contains("must be given"));
}

#[test]
fn the_three_rules_of_replication() {
    let group = ("replicationGroup", "prod");
    let (plain, mirror) = (("backend", "DEFAULT"), ("backend", "mirror"));
    for (options, expected) in [
        (vec![plain], Ok(())),
        (
            vec![plain, group],
            Err("`replicationGroup`: backend `DEFAULT` has no `replication_device`"),
        ),
        (
            vec![group],
            Err("`replicationGroup`: backend `DEFAULT` has no `replication_device`"),
        ),
        (
            vec![mirror],
            Err("`replicationGroup` must be given: backend `mirror`"),
        ),
        (vec![mirror, group], Ok(())),
        (vec![mirror, group, ("cpg", "slow")], Ok(())),
        (
            vec![mirror, group, ("cpg", "local")],
            Err("`cpg`: `local` has no partner on the second array"),
        ),
        (
            vec![plain, ("cpg", "local")],
            Err("`cpg`: backend `DEFAULT` does not offer `local`"),
        ),
    ] {
        let result = read("db1", &raw(&options), &backends(), None);
        match (expected, result) {
            (Ok(()), Ok(volume)) => {
                assert_eq!(volume.replication_group.is_some(), options.contains(&group));
            }
            (Err(part), Err(error)) => {
                assert!(error.message.contains(part), "{options:?}: {error}");
                assert!(
                    !error.message.contains("; "),
                    "one mistake is reported once: {error}"
                );
            }
            (expected, result) => panic!("{options:?}: {expected:?}, got {result:?}"),
        }
    }
}

#[test]
fn the_default_cpg_of_a_replicated_backend_needs_a_partner_too() {
    let mut backends = backends();
    backends[1].cpg_map_sources = cpgs(&["slow"]);
    let options = [("backend", "mirror"), ("replicationGroup", "prod")];
    let error = read("db1", &raw(&options), &backends, None).unwrap_err();
    assert!(error.message.contains("`fast` has no partner"), "{error}");
}

#[test]
fn every_bad_value_is_refused_by_name() {
    for (option, value) in [
        ("size", "0"),
        ("size", "-5"),
        ("size", "10g"),
        ("size", "16385"),
        ("provisioning", "Thin"),
        ("provisioning", "fat"),
        ("cpg", "absent"),
        ("cpg", "a b"),
        ("snapcpg", "fast"),
        ("snapcpg", "-f"),
        ("backend", "absent"),
        ("backend", "a;b"),
        ("mountConflictDelay", "601"),
        ("mountConflictDelay", "soon"),
        ("fsOwner", "root:root"),
        ("fsOwner", "1000"),
        ("fsMode", "999"),
        ("fsMode", "rwx"),
        ("fsType", "ntfs"),
        ("fsType", "EXT4"),
    ] {
        let message = message(&[(option, value)]);
        assert!(
            message.contains(&format!("`{option}`: ")),
            "{option}={value}: {message}"
        );
        assert!(
            message.contains(&format!("`{value}`")),
            "{option}={value}: {message}"
        );
    }
    let long = "g".repeat(23);
    assert!(message(&[("backend", "mirror"), ("replicationGroup", &long)]).contains("at most 22"));
    let message = message(&[("backend", "mirror"), ("replicationGroup", "a b")]);
    assert!(
        !message.contains("must be given"),
        "a bad group is not a missing group: {message}"
    );
}

#[test]
fn all_mistakes_come_at_once() {
    let options = raw(&[
        ("size", "big"),
        ("Cpg", "x"),
        ("fsMode", "9"),
        ("replicationGroup", "g"),
    ]);
    let error = read("../x", &options, &backends(), None).unwrap_err();
    for part in [
        "`../x` is not a valid volume",
        "`big`",
        "`Cpg` is not",
        "`9`",
        "`replicationGroup`: ",
    ] {
        assert!(error.message.contains(part), "{part} in {error}");
    }
    assert!(error.hint.is_some());
}

#[test]
fn a_near_miss_names_what_was_meant() {
    for (typed, meant) in [
        ("Size", "size"),
        ("sizee", "size"),
        ("replicationgroup", "replicationGroup"),
        ("repliactionGroup", "replicationGroup"),
        ("fsowner", "fsOwner"),
        ("cgp", "cpg"),
    ] {
        let message = message(&[(typed, "1")]);
        assert!(
            message.contains(&format!("did you mean `{meant}`?")),
            "{typed}: {message}"
        );
    }
    for other in ["colour", "xyz", "s", ""] {
        let message = message(&[(other, "1")]);
        assert!(message.contains("is not an option"), "{message}");
        assert!(!message.contains("did you mean"), "{message}");
    }
}

#[test]
fn without_a_default_backend_one_must_be_named() {
    let error = read("db1", &raw(&[]), &backends()[1..], None).unwrap_err();
    assert!(error.message.contains("`backend` must be given"), "{error}");
    assert!(error.message.contains("`mirror`"), "{error}");
}

/// 50 GiB of xfs on `DEFAULT`.
fn original() -> CreateVolume {
    CreateVolume {
        size: Size::from_gib(50),
        cpg: CpgName::new("slow").ok(),
        fs_type: FsType::Xfs,
        mount_conflict_delay: 7,
        ..CreateVolume::new(
            VolumeName::new("db0").unwrap(),
            BackendName::new("DEFAULT").unwrap(),
        )
    }
}

fn of(options: &[(&str, &str)], original: &CreateVolume) -> Result<CreateVolume, String> {
    read("db1", &raw(options), &backends(), Some(original)).map_err(|error| error.message)
}

#[test]
fn a_snapshot_is_like_its_volume() {
    let volume = of(
        &[
            ("virtualCopyOf", "db0"),
            ("expirationHours", "48"),
            ("retentionHours", "24"),
        ],
        &original(),
    )
    .unwrap();
    assert_eq!(volume.backend, original().backend);
    assert_eq!(volume.size, original().size);
    assert_eq!(volume.fs_type, FsType::Xfs);
    assert_eq!(volume.mount_conflict_delay, 7);
    let snapshot = volume.source.snapshot().unwrap();
    assert_eq!(snapshot.of.as_str(), "db0");
    assert_eq!(snapshot.expiration.map(|hours| hours.get()), Some(48));
    assert_eq!(snapshot.retention.map(|hours| hours.get()), Some(24));
    assert!(!snapshot.both);
    // What the old plugin took for "not given".
    let zero = [
        ("virtualCopyOf", "db0"),
        ("expirationHours", "0"),
        ("retentionHours", "0"),
    ];
    let volume = of(&zero, &original()).unwrap();
    assert_eq!(volume.source.snapshot().unwrap().expiration, None);
}

#[test]
fn a_clone_is_like_its_volume_as_far_as_nothing_else_is_asked() {
    let volume = of(&[("cloneOf", "db0")], &original()).unwrap();
    assert_eq!(volume.size, Size::from_gib(50));
    assert_eq!(volume.cpg, CpgName::new("slow").ok());
    assert_eq!(volume.source.of().map(VolumeName::as_str), Some("db0"));
    let larger = [("cloneOf", "db0"), ("size", "60"), ("cpg", "fast")];
    let volume = of(&larger, &original()).unwrap();
    assert_eq!(volume.size, Size::from_gib(60));
    assert_eq!(volume.cpg, CpgName::new("fast").ok());
    let joined = [
        ("cloneOf", "db0"),
        ("backend", "mirror"),
        ("replicationGroup", "prod"),
    ];
    let volume = of(&joined, &original()).unwrap();
    assert_eq!(volume.replication_group, GroupName::new("prod").ok());
}

#[test]
fn an_import_keeps_what_the_array_has() {
    let volume = ok(&[("importVol", "oracle_01")]);
    let policy = ImportPolicy::Release;
    let vv = VvName::new("oracle_01").unwrap();
    assert_eq!(volume.source, Source::Import { vv, policy });
    let volume = ok(&[("importVol", "oracle_01"), ("importPolicy", "own")]);
    assert!(matches!(
        volume.source,
        Source::Import {
            policy: ImportPolicy::Own,
            ..
        }
    ));
}

#[test]
fn what_does_not_go_with_a_snapshot_a_clone_or_an_import_is_refused() {
    let snapshot = ("virtualCopyOf", "db0");
    let clone = ("cloneOf", "db0");
    let import = ("importVol", "oracle_01");
    for (options, expected) in [
        (
            vec![snapshot, clone],
            "`virtualCopyOf`, `cloneOf` cannot be given together",
        ),
        (
            vec![clone, import],
            "`cloneOf`, `importVol` cannot be given together",
        ),
        (
            vec![snapshot, ("size", "50")],
            "`size` cannot be given with `virtualCopyOf`",
        ),
        (
            vec![snapshot, ("cpg", "fast")],
            "`cpg` cannot be given with `virtualCopyOf`",
        ),
        (
            vec![snapshot, ("qos-name", "gold")],
            "`qos-name` cannot be given with `virtualCopyOf`",
        ),
        (
            vec![snapshot, ("replicationGroup", "g1")],
            "`replicationGroup` cannot be given with `virtualCopyOf`",
        ),
        (
            vec![clone, ("fsOwner", "1:1")],
            "`fsOwner` cannot be given with `cloneOf`",
        ),
        (
            vec![clone, ("expirationHours", "1")],
            "`expirationHours` cannot be given with `cloneOf`",
        ),
        (
            vec![import, ("size", "5")],
            "`size` cannot be given with `importVol`",
        ),
        (
            vec![import, ("compression", "true")],
            "`compression` cannot be given with `importVol`",
        ),
        (
            vec![("expirationHours", "1")],
            "`expirationHours` needs `virtualCopyOf`",
        ),
        (
            vec![("importPolicy", "own")],
            "`importPolicy` needs `importVol`",
        ),
        (
            vec![snapshot, ("expirationHours", "-1")],
            "`expirationHours`: `-1`",
        ),
        (
            vec![snapshot, ("retentionHours", "43801")],
            "`retentionHours`: `43801`",
        ),
        (
            vec![snapshot, ("expirationHours", "5"), ("retentionHours", "6")],
            "`retentionHours`: the array cannot remove after 5h",
        ),
        (
            vec![snapshot, ("snapshotBoth", "true")],
            "`snapshotBoth`: `db0` is in no remote copy group",
        ),
        (
            vec![snapshot, ("snapshotBoth", "1")],
            "`snapshotBoth`: `1` is neither",
        ),
        (
            vec![snapshot, ("backend", "mirror")],
            "`backend`: a snapshot is where its volume is",
        ),
        (
            vec![clone, ("size", "49")],
            "`size`: 49 GiB is less than the 50 GiB of `db0`",
        ),
        (
            vec![clone, ("backend", "mirror")],
            "`replicationGroup` must be given",
        ),
        (
            vec![import, ("importPolicy", "keep")],
            "`importPolicy`: `keep`",
        ),
        (
            vec![("flash-cache", "on")],
            "`flash-cache`: `on` is neither",
        ),
    ] {
        let message = of(&options, &original()).unwrap_err();
        assert!(message.contains(expected), "{options:?}: {message}");
        assert!(
            !message.contains("; "),
            "one mistake is reported once: {message}"
        );
    }
}

#[test]
fn what_a_snapshot_or_a_clone_is_of_must_be_a_volume() {
    for option in ["virtualCopyOf", "cloneOf"] {
        let message = message(&[(option, "db0")]);
        assert!(
            message.ends_with(&format!("`{option}`: there is no volume `db0`")),
            "{message}"
        );
        let snapshot = of(&[("virtualCopyOf", "db0")], &original()).unwrap();
        let refused = of(&[(option, "db1")], &snapshot).unwrap_err();
        assert!(
            refused.contains("`db1` is a snapshot of `db0`"),
            "{refused}"
        );
    }
    let mut elsewhere = original();
    elsewhere.backend = BackendName::new("gone").unwrap();
    let refused = of(&[("virtualCopyOf", "db0")], &elsewhere).unwrap_err();
    assert!(refused.contains("is not in hpe.conf any more"), "{refused}");
}

#[test]
fn a_clone_stays_on_its_array() {
    let mut far = backends();
    far[1].array = "eva2".to_owned();
    let options = raw(&[
        ("cloneOf", "db0"),
        ("backend", "mirror"),
        ("replicationGroup", "g1"),
    ]);
    far[1].peer = Some("eva3".to_owned());
    let error = read("db1", &options, &far, Some(&original())).unwrap_err();
    let why = "`db0` is on array `eva1`, and a clone is made where its data are";
    assert!(error.message.contains(why), "{error}");

    // Of a replicated volume either array has the data.
    far[1].peer = Some("eva1".to_owned());
    read("db1", &options, &far, Some(&original())).unwrap();
    let mut replicated = original();
    replicated.backend = far[1].name.clone();
    let plain = raw(&[("cloneOf", "db0"), ("backend", "DEFAULT")]);
    read("db1", &plain, &far, Some(&replicated)).unwrap();
    far[1].peer = Some("eva3".to_owned());
    let error = read("db1", &plain, &far, Some(&replicated)).unwrap_err();
    let why = "`db0` is on array `eva2` and its copy on `eva3`";
    assert!(error.message.contains(why), "{error}");
}

#[test]
fn the_name_to_be_looked_up_is_the_one_that_is_given() {
    let name = |options: &[(&str, &str)]| original_name(options);
    fn original_name(options: &[(&str, &str)]) -> Option<String> {
        super::original(&raw(options)).map(|name| name.to_string())
    }
    assert_eq!(name(&[("cloneOf", "db0")]), Some("db0".to_owned()));
    assert_eq!(name(&[("virtualCopyOf", "db0")]), Some("db0".to_owned()));
    assert_eq!(name(&[("virtualCopyOf", "../x")]), None);
    assert_eq!(name(&[("size", "5")]), None);
}
