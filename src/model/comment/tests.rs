//! What comments hold, and what they have room for.

use super::*;

fn sample() -> Comment {
    Comment {
        namespace: Namespace::default(),
        name: VolumeName::new("db1").unwrap(),
        home: SystemId(121_649),
        op: OperationId::parse("host7.4f2a").unwrap(),
        state: State::Ready,
        origin: Origin::Blank,
        format: Format::Done,
        group_is_ours: true,
        fs_type: FsType::Ext4,
        fs_owner: None,
        fs_mode: None,
        delay: None,
        held: None,
        since: None,
        holds: None,
        via: None,
        pending: None,
        of: None,
        qos: None,
        was_in: None,
        flash_cache: None,
        both: false,
        schedule: None,
        becomes: None,
        was: None,
        import: None,
        old: None,
        further: Vec::new(),
    }
}

#[test]
fn is_written_as_the_decision_says() {
    assert_eq!(
        sample().encode().unwrap(),
        "dk1/ns=/name=db1/home=121649/op=host7.4f2a/state=ready/origin=blank/fmt=done/grp=ours"
    );
}

#[test]
fn reads_back_what_it_wrote_and_keeps_what_it_does_not_know() {
    let mut comment = sample();
    comment.fs_type = FsType::Xfs;
    comment.fs_owner = Some("10:20".parse().unwrap());
    comment.fs_mode = Some("0750".parse().unwrap());
    comment.delay = Some(7);
    comment.held = Machine::parse("host 7");
    comment.since = Some(1_795_881_600);
    comment.holds = Some("3.1".parse().unwrap());
    comment.via = Some(HostName::new("host7").unwrap());
    comment.pending = Machine::parse("host8@0a1b2c");
    comment.of = VolumeName::new("db0").ok();
    comment.qos = SetName::new("gold").ok();
    comment.was_in = SetName::new("silver").ok();
    comment.flash_cache = Some(true);
    comment.both = true;
    comment.schedule = ScheduleName::new("hourly").ok();
    comment.becomes = Some(Becomes {
        size: Size::from_gib(20),
        group: GroupName::new("prod").ok(),
        task: "29999".parse().ok(),
    });
    comment.was = VvName::new("oracle_01").ok();
    comment.import = Some(ImportPolicy::Own);
    comment.old = Some("{\"a\": 'b;c' $d [e]} \\f %2F".to_owned());
    comment.further = vec![("later".to_owned(), "a/b=c".to_owned())];
    let text = comment.encode().unwrap();
    assert!(
        text.bytes()
            .all(|b| b.is_ascii_graphic() && !b"\"'\\;|&<>`$".contains(&b)),
        "{text}"
    );
    assert_eq!(Comment::parse(&text), Ok(comment));
}

#[test]
fn what_the_python_plugin_wrote_takes_little_room() {
    let mut comment = sample();
    comment.was = VvName::new("dcv-rNQ35-G7TkS-7v.GUQuQDg").ok();
    let uuid = "acd437e7-f1bb-4e44-bfee-ff86510b900e";
    comment.old = Some(format!(
        r#"{{"volume_id": "{uuid}", "name": "{uuid}", "type": "Docker", "display_name": "orders"}}"#
    ));
    let text = comment.encode().unwrap();
    assert!(text.contains("/py=orders"), "{text}");
    assert_eq!(Comment::parse(&text).as_ref(), Ok(&comment));
    assert_eq!(comment.has_room(), Ok(()));
    comment.old = Some("x".repeat(300));
    assert!(comment.encode().is_ok());
    assert!(matches!(comment.has_room(), Err(CommentError::TooLong(_))));
    let alone = text.replace("/was=dcv-rNQ35-G7TkS-7v.GUQuQDg", "");
    assert_eq!(Comment::parse(&alone), Err(CommentError::Key("py")));
}

#[test]
fn foreign_broken_and_too_long_ones_are_told_apart() {
    assert_eq!(Comment::parse("--"), Err(CommentError::Foreign));
    assert_eq!(
        Comment::parse("{\"volume_id\": 1}"),
        Err(CommentError::Foreign)
    );
    assert_eq!(
        Comment::parse("dk1/ns=/name=db1"),
        Err(CommentError::Key("home"))
    );
    assert_eq!(
        Comment::parse("dk1/ns=/name=../x/home=1/op=a.1/state=ready/origin=blank/fmt=no"),
        Err(CommentError::Key("key=value"))
    );
    let mut long = sample();
    long.held = Machine::parse(&"x".repeat(500));
    assert!(matches!(long.encode(), Err(CommentError::TooLong(_))));
}

#[test]
fn the_longest_of_everything_fits() {
    let host = crate::model::HostName::new(&"h".repeat(31)).unwrap();
    let machine = Machine::new(&host, "1");
    let longest = Comment {
        namespace: Namespace::new("clusters").unwrap(),
        name: VolumeName::new(&"n".repeat(255)).unwrap(),
        home: SystemId(u32::MAX),
        op: OperationId {
            machine: machine.clone(),
            request: crate::model::RequestId::random(),
        },
        state: State::Removing,
        origin: Origin::Blank,
        format: Format::Doing,
        group_is_ours: true,
        fs_type: FsType::Xfs,
        fs_owner: Some("4294967294:4294967294".parse().unwrap()),
        fs_mode: Some("7777".parse().unwrap()),
        delay: Some(u32::MAX),
        held: Some(machine),
        // Where a count of holders must have its place, this goes.
        since: Some(9_999_999_999),
        holds: None,
        via: None,
        pending: None,
        of: None,
        qos: None,
        was_in: None,
        flash_cache: None,
        both: false,
        schedule: None,
        becomes: None,
        was: None,
        import: None,
        old: None,
        further: Vec::new(),
    };
    let counted = Comment {
        since: None,
        holds: Some("9999.99999".parse().unwrap()),
        ..longest.clone()
    };
    for longest in [longest.clone(), counted] {
        assert_eq!(
            Comment::parse(&longest.encode().unwrap()).as_ref(),
            Ok(&longest)
        );
        assert_eq!(longest.can_be_used(), Ok(()));
    }
    // What it is made with fits, and who has it mounted would not.
    let in_a_set = Comment {
        held: None,
        since: None,
        qos: SetName::new(&"q".repeat(27)).ok(),
        ..longest
    };
    assert!(in_a_set.encode().is_ok());
    let refused = in_a_set.can_be_used();
    assert!(matches!(refused, Err(CommentError::TooLong(_))));
    let shorter = Comment {
        name: VolumeName::new(&"n".repeat(150)).unwrap(),
        ..in_a_set
    };
    assert_eq!(shorter.can_be_used(), Ok(()));
}

#[test]
fn a_cut_comment_is_never_ready() {
    let text = sample().encode().unwrap();
    for end in 0..text.len() {
        if let Ok(cut) = Comment::parse(&text[..end]) {
            assert_eq!(cut.op, sample().op, "{}", &text[..end]);
            assert!(end > text.find("/fmt=done").unwrap());
        }
    }
}
