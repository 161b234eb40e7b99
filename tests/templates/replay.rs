//! A recorded answer, read again.

use hpe3par_docker::inform::{Template, Templates};

#[test]
fn a_transcript_line_finds_the_template_it_was_written_with() {
    let templates = Templates::load(None).unwrap();
    for (line, form) in [
        ("showversion", "showversion"),
        ("showrcopy groups billing", "showrcopy-groups"),
        ("showrcopy -d targets", "showrcopy-targets"),
        ("showvlun -t -v dkv-x", "showvlun-t"),
        (
            "createhost -add -iscsi ward3 iqn.2026-01.test:ward3",
            "createhost-add",
        ),
        (
            "createhost -iscsi -persona 2 ward3 iqn.2026-01.test:ward3",
            "createhost",
        ),
        (
            "setrcopygroup period 15m quay billing",
            "setrcopygroup-period",
        ),
        ("createvvset -comment dk1/x dkl-billing", "createvvset"),
        ("showport -iscsi", "showport-iscsi"),
        ("showport", "showport"),
    ] {
        assert_eq!(
            templates.find(line, None).map(Template::form),
            Some(form),
            "{line}"
        );
    }
    assert!(templates.find("shutdownsys halt", None).is_none());
    // The columns that were asked for tell which of the two it is, even without the release.
    let columns = "Id,Name,Prov,Type,CopyOf,Rd,Detailed_State,VSize_MB,CPG,VV_WWN,CreationTime,RetentionEndTime,ExpirationTime,Comment";
    let found = templates
        .find(&format!("showvv -showcols {columns} dkv-*"), None)
        .unwrap();
    assert_eq!(found.since(), 4);
}

#[test]
fn what_this_release_makes_of_an_answer_is_told() {
    let templates = Templates::load(None).unwrap();
    let replay = |command: &str, output: &str, status| templates.replay(command, output, status);
    let ok = |text: &str| Ok(text.to_owned());
    let whole = "Id Name\n 1 lab\n-------\n 1 total\n";
    assert_eq!(
        replay("removevv -f dkv-x", "Removing vv dkv-x\n", Some(0)),
        ok("done")
    );
    assert_eq!(replay("showcpg", whole, None), ok("1 rows"));
    assert_eq!(replay("showcpg", "no cpgs listed\n", None), ok("0 rows"));
    assert_eq!(
        replay(
            "createvlun dkv-x 5 ward3",
            "Error: LUN 5 is already taken\n",
            None
        ),
        ok("refused (LunTaken)")
    );
    let cut = replay("showcpg", "Id Name\n 1 lab\n", None).unwrap_err();
    assert!(cut.starts_with("the answer is cut: "), "{cut}");
    let other = replay("showcpg", "what?\n", None).unwrap_err();
    assert!(
        other.contains("`what?`") && !other.contains("cut"),
        "{other}"
    );
    let unknown = replay("shutdownsys halt", "", None).unwrap_err();
    assert!(unknown.contains("no template"), "{unknown}");
}
