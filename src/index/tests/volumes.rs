use super::*;

#[test]
fn volumes_and_seeding_survive_a_restart_and_are_for_root_only() {
    let machine = Machine::new();
    let index = machine.open();
    index.put(volume("db1")).unwrap();
    index.set_seeded(&backend()).unwrap();
    drop(index);
    let index = machine.open();
    assert_eq!(index.get(&name("db1")), Some(volume("db1")));
    assert_eq!(index.list(), [volume("db1")]);
    assert!(index.seeded(&backend()));
    assert!(!index.seeded(&BackendName::new("other").unwrap()));
    assert_eq!(index.damage(), []);
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(machine.path("state/index.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(machine.path("state/index.json")).unwrap();
    assert!(
        text.contains("\"created\": \"2027-01-15T08:00:00Z\""),
        "{text}"
    );
    assert!(
        text.contains("\"format\": \"doing\"") && text.contains("\"state\": \"ready\""),
        "{text}"
    );
}

#[test]
fn what_the_disk_refuses_did_not_happen() {
    let machine = Machine::new();
    let index = machine.open();
    index.put(volume("db1")).unwrap();
    // A directory in the way of the file written beside.
    fs::create_dir(machine.path("state/index.json.new")).unwrap();
    assert!(matches!(
        index.put(volume("db2")),
        Err(IndexError::Io { doing: "write", .. })
    ));
    assert_eq!(index.get(&name("db2")), None);
    fs::remove_dir(machine.path("state/index.json.new")).unwrap();
    drop(index);
    assert_eq!(machine.open().list(), [volume("db1")]);
}

#[test]
fn half_a_write_is_no_write() {
    let machine = Machine::new();
    let index = machine.open();
    index.put(volume("db1")).unwrap();
    drop(index);
    fs::write(
        machine.path("state/index.json.new"),
        "{\"version\": 1, \"vol",
    )
    .unwrap();
    let index = machine.open();
    assert_eq!(index.list(), [volume("db1")]);
    index.put(volume("db2")).unwrap();
    drop(index);
    assert_eq!(machine.open().list().len(), 2);
}

#[test]
fn a_damaged_index_is_set_aside_and_answers_nothing_for_certain() {
    let whole = {
        let machine = Machine::new();
        machine.open().put(volume("db1")).unwrap();
        fs::read_to_string(machine.path("state/index.json")).unwrap()
    };
    let older = whole.replacen("\"version\": 1", "\"version\": 0", 1);
    for text in [
        "",
        "{",
        &whole[..whole.len() / 2],
        "[1, 2]",
        "{\"volumes\": {}}",
        &older,
    ] {
        let machine = Machine::new();
        let index = machine.open();
        index.put(volume("db1")).unwrap();
        index.set_seeded(&backend()).unwrap();
        index.begin(entry("host7.4f2a")).unwrap();
        index.mounted(&name("db1"), place('1')).unwrap();
        drop(index);
        fs::write(machine.path("state/index.json"), text).unwrap();

        let index = machine.open();
        let [Damage::Volumes(aside)] = index.damage() else {
            panic!("{:?}", index.damage())
        };
        assert_eq!(fs::read_to_string(aside).unwrap(), text);
        assert!(
            aside.display().to_string().contains("index.json.broken-2"),
            "{}",
            aside.display()
        );
        assert!(!index.seeded(&backend()));
        assert_eq!(index.list(), []);
        assert_eq!(index.open_entries(), [entry("host7.4f2a")]);
        assert!(index.mount(&name("db1")).is_some());
        drop(index);
        // Damaged again within the same second: the first one is not overwritten.
        fs::write(machine.path("state/index.json"), "again").unwrap();
        let broken = |m: &Machine| {
            m.names("state")
                .iter()
                .filter(|n| n.contains("broken"))
                .count()
        };
        drop(machine.open());
        assert_eq!(broken(&machine), 2);
    }
}

#[test]
fn a_later_release_s_index_is_not_touched() {
    let machine = Machine::new();
    drop(machine.open());
    let text = "{\"version\": 2, \"anything\": []}";
    fs::write(machine.path("state/index.json"), text).unwrap();
    let error = machine.try_open().unwrap_err();
    assert!(
        matches!(
            error,
            IndexError::Newer {
                found: 2,
                known: 1,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.hint().is_some());
    assert_eq!(
        fs::read_to_string(machine.path("state/index.json")).unwrap(),
        text
    );
}

#[test]
fn a_second_plugin_is_kept_out_and_told_by_whom() {
    let machine = Machine::new();
    let index = machine.open();
    let copy = index.clone();
    drop(index);
    let error = machine.try_open().unwrap_err();
    let pid = std::process::id();
    assert!(
        matches!(&error, IndexError::AlreadyRunning { pid: Some(p), .. } if *p == pid),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .starts_with(&format!("another plugin, pid {pid}, uses `")),
        "{error}"
    );
    drop(copy);
    machine.open();
}

#[test]
fn only_two_complete_listings_in_a_row_make_a_volume_disappear() {
    let machine = Machine::new();
    let index = machine.open();
    let (db1, db2) = (volume("db1"), volume("db2"));
    index.put(db1.clone()).unwrap();
    index.put(db2.clone()).unwrap();
    let note = |index: &Index, second, listed: &[(VvName, Wwn)]| {
        let gone = index
            .note_listing(&backend(), Side::Source, time(second), listed)
            .unwrap();
        gone.into_iter()
            .map(|v| v.name.to_string())
            .collect::<Vec<_>>()
    };
    assert!(note(&index, 10, &[listing(&db2)]).is_empty());
    assert!(note(&index, 20, &[listing(&db1), listing(&db2)]).is_empty());
    assert_eq!(
        index.get(&db1.name).map(|v| (v.missed, v.seen)),
        Some((0, time(20)))
    );
    assert!(note(&index, 30, &[listing(&db2)]).is_empty());
    // The count survives a restart.
    drop(index);
    let index = machine.open();
    assert_eq!(note(&index, 40, &[listing(&db2)]), ["db1"]);
    assert_eq!(index.get(&db1.name), None);
    assert!(index.get(&db2.name).is_some());
    // The same name with another WWN is another volume; another backend's listing says nothing.
    let renewed = (db2.vv.clone(), wwn('9'));
    assert!(note(&index, 50, std::slice::from_ref(&renewed)).is_empty());
    let other = BackendName::new("other").unwrap();
    assert!(
        index
            .note_listing(&other, Side::Source, time(60), &[])
            .unwrap()
            .is_empty()
    );
    assert!(index.get(&db2.name).is_some());
    assert_eq!(note(&index, 70, &[renewed]), ["db2"]);
}

#[test]
fn a_listing_begun_before_a_volume_was_made_says_nothing_about_it() {
    let machine = Machine::new();
    let index = machine.open();
    let mut young = volume("db1");
    young.seen = time(100);
    index.put(young.clone()).unwrap();
    for second in [97, 98, 99] {
        assert!(
            index
                .note_listing(&backend(), Side::Source, time(second), &[])
                .unwrap()
                .is_empty()
        );
    }
    assert_eq!(index.get(&young.name).map(|v| v.missed), Some(0));
}

#[test]
fn a_volume_mounted_or_worked_on_here_is_never_dropped() {
    let machine = Machine::new();
    let index = machine.open();
    index.put(volume("db1")).unwrap();
    let miss = |second| {
        index
            .note_listing(&backend(), Side::Source, time(second), &[])
            .unwrap()
            .len()
    };
    index.mounted(&name("db1"), place('1')).unwrap();
    assert_eq!([miss(1), miss(2), miss(3)], [0, 0, 0]);
    index.begin(entry("host7.4f2a")).unwrap();
    index.unmounted(&name("db1")).unwrap();
    assert_eq!(miss(4), 0);
    index.finish(&entry("host7.4f2a").op).unwrap();
    assert_eq!(miss(5), 1);
}

#[test]
fn a_name_changes_its_vv_only_when_it_is_not_mounted_here() {
    let machine = Machine::new();
    let index = machine.open();
    index.put(volume("db1")).unwrap();
    index.mounted(&name("db1"), place('1')).unwrap();
    let mut other = volume("db1");
    other.wwn = Some(wwn('2'));
    assert!(matches!(
        index.put(other.clone()),
        Err(IndexError::OtherVolume { .. })
    ));
    index.put(volume("db1")).unwrap();
    index.unmounted(&name("db1")).unwrap();
    index.put(other.clone()).unwrap();
    assert!(!index.remove(&volume("db1")).unwrap());
    assert_eq!(index.get(&name("db1")), Some(other.clone()));
    assert!(index.remove(&other).unwrap());
    drop(index);
    assert_eq!(machine.open().list(), []);
}

/// One that is replicated goes when both arrays have been listed without it: as long as one has a copy, it is there.
#[test]
fn a_replicated_volume_disappears_when_both_arrays_have_lost_it() {
    let machine = Machine::new();
    let index = machine.open();
    let mut db1 = volume("db1");
    db1.copy_wwn = Some(wwn('2'));
    index.put(db1.clone()).unwrap();
    let note = |side, second, listed: &[(VvName, Wwn)]| {
        let gone = index.note_listing(&backend(), side, time(second), listed);
        gone.unwrap().len()
    };
    assert_eq!(note(Side::Source, 10, &[]), 0);
    assert_eq!(note(Side::Source, 20, &[]), 0);
    assert_eq!(note(Side::Peer, 30, &[(db1.vv.clone(), wwn('2'))]), 0);
    assert_eq!(note(Side::Source, 40, &[]), 0);
    assert_eq!(index.get(&db1.name).unwrap().lost_on(), Some(Side::Source));
    assert_eq!(note(Side::Peer, 50, &[]), 0);
    assert_eq!(note(Side::Peer, 60, &[]), 1);
}

/// One that was seen on the peer alone is known by its copy, until its own array shows it.
#[test]
fn a_volume_is_known_by_either_of_its_copies() {
    let machine = Machine::new();
    let index = machine.open();
    let mut copy = volume("db1");
    (copy.wwn, copy.copy_wwn) = (None, Some(wwn('2')));
    index.put(copy.clone()).unwrap();
    index.mounted(&name("db1"), place('2')).unwrap();
    let mut both = volume("db1");
    both.copy_wwn = Some(wwn('2'));
    index.put(both.clone()).unwrap();
    assert_eq!(index.get(&name("db1")), Some(both));
    copy.copy_wwn = Some(wwn('3'));
    assert!(matches!(
        index.put(copy),
        Err(IndexError::OtherVolume { .. })
    ));
}

/// A listing asks for the groups and gets to a volume later; who mounted it in between has seen more than that.
#[test]
fn a_role_is_the_one_that_was_seen_last() {
    let later = |seconds| Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    let mut roles = LastRoles::default();
    roles.note(Side::Peer, Some(Role::PrimaryRev));
    roles.note_listed(Side::Peer, Some(Role::Secondary), later(-5));
    roles.note_listed(Side::Source, Some(Role::Primary), later(-5));
    assert_eq!(roles.peer, Some(Role::PrimaryRev));
    assert_eq!(roles.source, Some(Role::Primary));
    roles.note_listed(Side::Peer, Some(Role::Primary), later(5));
    roles.note(Side::Source, None);
    assert_eq!(roles.peer, Some(Role::Primary));
    assert_eq!(roles.source, Some(Role::Primary));
}

/// An inspect looks at the volume, asks, and keeps what it saw: not what it had before it asked.
#[test]
fn an_inspect_brings_back_no_role() {
    let machine = Machine::new();
    let index = machine.open();
    index.put(volume("db1")).unwrap();
    let mut asking = index.get(&name("db1")).unwrap();
    asking.last_roles.note(Side::Peer, Some(Role::Secondary));
    let failed_over = Some(Role::PrimaryRev);
    let noted = index.change(&name("db1"), |v| {
        let later = Timestamp::now() + jiff::SignedDuration::from_secs(1);
        v.last_roles.note_listed(Side::Peer, failed_over, later);
    });
    noted.unwrap();
    asking.last_roles.note(Side::Source, Some(Role::Primary));
    let kept = index.put_status(&asking, json!({}), |_, _| false);
    assert!(kept.unwrap());
    let roles = index.get(&name("db1")).unwrap().last_roles;
    assert_eq!(
        (roles.source, roles.peer),
        (Some(Role::Primary), failed_over)
    );
    // What was seen before a restart counts until it is seen again.
    drop(index);
    let mut roles = machine.open().get(&name("db1")).unwrap().last_roles;
    assert_eq!(roles.peer, failed_over);
    roles.note_listed(Side::Peer, Some(Role::Secondary), time(0));
    assert_eq!(roles.peer, Some(Role::Secondary));
}

/// Half a volume stays for as long as nobody brings the other half back: that is no news a minute.
#[test]
fn what_stays_missing_is_written_down_once() {
    let machine = Machine::new();
    let index = machine.open();
    let mut half = volume("db1");
    half.copy_wwn = Some(wwn('2'));
    index.put(half.clone()).unwrap();
    let miss = |second| {
        let gone = index.note_listing(&backend(), Side::Peer, time(second), &[]);
        assert!(gone.unwrap().is_empty());
        fs::read_to_string(machine.path("state/index.json")).unwrap()
    };
    assert_ne!(miss(10), miss(20));
    assert_eq!(miss(30), miss(40));
    let back = [(half.vv.clone(), wwn('2'))];
    let noted = index.note_listing(&backend(), Side::Peer, time(50), &back);
    assert!(noted.unwrap().is_empty());
    assert_eq!(index.get(&half.name).unwrap().copy_missed, 0);
}
