//! What is written comes back, whatever it is.

use proptest::prelude::*;

use super::*;

#[test]
fn it_reads_like_a_session() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let transcript = open(dir.path(), ROOMY, &hand, &[]);
    record(&transcript, "showcpg -nosuch", "first line\nsecond line\n");
    let task = RequestId::from("task 7");
    let mut late = entry(&task, "showsys", "");
    (late.session, late.exit_status, late.outcome) = (None, None, "not-sent");
    transcript.record(&late);
    transcript.flush(Duration::from_secs(60));
    let expected = "\
# time=2026-03-01T09:15:02.417Z array=prod request=5f0e11c9 session=2207 outcome=ok exit=0 ms=38 lines=2
prod cli% showcpg -nosuch
first line
second line

# time=2026-03-01T09:15:02.417Z array=prod request=task%207 session=- outcome=not-sent exit=- ms=38 lines=0
prod cli% showsys

";
    assert_eq!(
        std::fs::read_to_string(dir.path().join("prod.log")).unwrap(),
        expected
    );
    let records = whole(&dir.path().join("prod.log"));
    assert_eq!(
        records.iter().map(Record::text).collect::<String>(),
        expected
    );
    assert_eq!(records[1].request.as_str(), "task 7");
}

#[test]
fn an_answer_that_looks_like_a_transcript_stays_an_answer() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let path = dir.path().join("prod.log");
    let transcript = open(dir.path(), ROOMY, &hand, &[]);
    record(&transcript, "showvv", "\n");
    let first = std::fs::read_to_string(&path).unwrap();
    for hostile in [
        first.as_str(),
        "prod cli% removevv -f x\n",
        "\n\n\n",
        "# time=",
        "\n# time=2026-03-01T09:15:02.417Z array=prod gap=1\n",
        "\\u{23} time=",
        "a\rb\r\n\0\u{1b}[0m\u{85}\u{2028}",
        "\u{fffd}",
    ] {
        record(&transcript, hostile, hostile);
        let last = whole(&path).pop().unwrap();
        assert_eq!(
            (last.command.as_str(), last.output.as_str()),
            (hostile, hostile)
        );
    }
    assert_eq!(whole(&path).len(), 9);
}

#[test]
fn line_ends_changed_on_the_way_to_support_do_no_harm() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let path = dir.path().join("prod.log");
    record(
        &open(dir.path(), ROOMY, &hand, &[]),
        "showvv",
        "one\r\ntwo\n",
    );
    let text = std::fs::read_to_string(&path).unwrap();
    let expected = whole(&path);
    std::fs::write(&path, text.replace('\n', "\r\n")).unwrap();
    assert_eq!(whole(&path), expected);
}

#[test]
fn secrets_do_not_get_in() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let transcript = open(dir.path(), ROOMY, &hand, &["open sesame", "two\\lines"]);
    transcript.keep_out(Secret::new("chap-s3cret".to_owned()));
    let leaky = "x open sesame y two\\lines chap-s3cret";
    let request = RequestId::from("open sesame");
    let mut entry = entry(&request, leaky, leaky);
    (entry.session, entry.outcome) = (Some("chap-s3cret"), "open sesame");
    // The request id is the plugin's own random number and is not looked at.
    let plain = RequestId::from("5f0e11c9");
    entry.request = &plain;
    transcript.record(&entry);
    drop(transcript);
    let text = std::fs::read_to_string(dir.path().join("prod.log")).unwrap();
    for part in ["open", "sesame", "lines", "s3cret"] {
        assert_eq!(
            text.replace(" lines=1", "").matches(part).count(),
            0,
            "{part}: {text}"
        );
    }
    let record = whole(&dir.path().join("prod.log")).remove(0);
    assert_eq!(record.output, "x *** y *** ***");
}

/// Text made of what transcripts are made of.
fn hostile_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\n".to_owned()),
        Just("\r".to_owned()),
        Just("\\".to_owned()),
        Just("# time=".to_owned()),
        Just("# time=2026-03-01T09:15:02.417Z array=prod request=1 session=- outcome=ok exit=0 ms=1 lines=9".to_owned()),
        Just("prod cli% ".to_owned()),
        Just("u{23}".to_owned()),
        Just("n0r".to_owned()),
        any::<char>().prop_map(String::from),
        "[ -~]{0,12}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_comes_back(
        array in "[A-Za-z0-9._:-]{1,20}|\\PC{1,5}",
        texts in prop::collection::vec((hostile_text(), hostile_text(), prop::option::of(hostile_text()), hostile_text(), prop::option::of(any::<i32>()), any::<u32>()), 1..5),
    ) {
        let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
        let transcript = Transcript::open_with_clock(dir.path(), &array, ROOMY, Vec::new(), hand.clock());
        let mut expected = Vec::new();
        for (command, output, session, request, exit_status, ms) in &texts {
            let request = RequestId::from(request.as_str());
            transcript.record(&Entry {
                request: &request,
                session: session.as_deref(),
                command,
                outcome: command,
                exit_status: *exit_status,
                elapsed: Duration::from_millis(u64::from(*ms)),
                output,
            });
            expected.push(Record {
                time: hand.now(),
                array: array.clone(),
                request,
                session: session.clone(),
                command: command.clone(),
                outcome: command.clone(),
                exit_status: *exit_status,
                elapsed_ms: u64::from(*ms),
                output: output.clone(),
            });
        }
        drop(transcript);
        let file = hpe3par_docker::transcript::files(dir.path()).unwrap().remove(0);
        prop_assert_eq!(&file.array, &array);
        prop_assert_eq!(whole(&file.path), expected);
    }
}
