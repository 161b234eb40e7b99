//! What is sent.

use super::bench::{Bench, DEADLINE, cpg, fixture, group, release3, release10, says, vv};
use crate::{
    inform::{
        Admit, ArrayError, CreateGroup, CreateVv, DismissedCopy, ExportTarget, ExportedVv,
        LunChoice, VlunKind, VlunQuery, VlunTemplate, VvQuery,
    },
    model::*,
};

fn new_vv(provisioning: Provisioning) -> CreateVv {
    CreateVv {
        name: vv("dkv-ledger"),
        cpg: cpg("tier1_ssd"),
        snap_cpg: Some(cpg("tier2_nl")),
        size: Size::from_gib(50),
        provisioning,
        compression: None,
        comment: "dk1/ns=/name=ledger".to_owned(),
        one_host: true,
    }
}

fn new_group() -> CreateGroup {
    CreateGroup {
        name: group("billing"),
        target: TargetName::new("quay").unwrap(),
        mode: Mode::Periodic,
        usr_cpg: (cpg("here"), cpg("there")),
        snp_cpg: Some((cpg("snap"), cpg("snap_there"))),
        domain: Some(DomainName::new("clinic").unwrap()),
    }
}

#[tokio::test]
async fn command_lines_are_the_arrays_own() {
    let host = HostName::new("ward3").unwrap();
    let set = SetName::new("dkl-billing").unwrap();
    let target = TargetName::new("quay").unwrap();
    let iqn: Initiator = "iqn.2026-01.test:ward3".parse().unwrap();
    let wwn: Initiator = "10:00:00:00:c9:aa:aa:01".parse().unwrap();
    let admit = Admit {
        vv: vv("dkv-ledger"),
        group: group("billing"),
        target: target.clone(),
        remote: vv("dkv-ledger"),
        own_wwn: true,
    };
    let matched = VlunTemplate {
        lun: Lun(4),
        vv: ExportedVv::One(vv("dkv-ledger")),
        target: ExportTarget::Host(host.clone()),
        port: Some("1:2:1".parse().unwrap()),
        kind: VlunKind::MatchedSet,
    };
    let port = VlunTemplate {
        target: ExportTarget::Port("1:2:1".parse().unwrap()),
        kind: VlunKind::Port,
        ..matched.clone()
    };
    let to_set = VlunTemplate {
        vv: ExportedVv::Set(SetName::new("audit_set").unwrap()),
        target: ExportTarget::HostSet(SetName::new("wards").unwrap()),
        port: None,
        ..matched.clone()
    };
    let mut answers = vec![release3()];
    answers.extend((0..28).map(|_| says("")));
    let bench = Bench::new(answers);
    let a = &bench.array;
    a.createvv(&new_vv(Provisioning::Thin)).await.unwrap();
    a.createvv(&new_vv(Provisioning::Full)).await.unwrap();
    a.createvv(&CreateVv {
        provisioning: Provisioning::Dedup,
        snap_cpg: None,
        one_host: false,
        size: Size::from_mib(1500),
        ..new_vv(Provisioning::Dedup)
    })
    .await
    .unwrap();
    a.setvv_comment(&vv("dkv-ledger"), "dk1/x=%20")
        .await
        .unwrap();
    a.removevv(&vv("dkv-ledger")).await.unwrap();
    a.createvvset(&set, Some("dk1/host=h"), &[]).await.unwrap();
    a.createvvset(&set, None, &[vv("a"), vv("b")])
        .await
        .unwrap();
    a.createvvset_add(&set, &[vv("c")]).await.unwrap();
    a.removevvset(&set).await.unwrap();
    a.removevvset_members(&set, &[VvName::new("dkv-db1").unwrap()])
        .await
        .unwrap();
    a.createhost(
        &host,
        &[iqn.clone(), wwn.clone()],
        2,
        None,
        Some("dk1/machine=1"),
    )
    .await
    .unwrap();
    let clinic = DomainName::new("clinic").unwrap();
    a.createhost(&host, &[iqn], 2, Some(&clinic), None)
        .await
        .unwrap();
    a.createhost_add(&host, &[wwn]).await.unwrap();
    a.removehost(&host).await.unwrap();
    a.createvlun(&vv("dkv-ledger"), LunChoice::Auto, &host)
        .await
        .unwrap();
    a.createvlun(&vv("dkv-ledger"), LunChoice::Exact(Lun(7)), &host)
        .await
        .unwrap();
    a.removevlun(&matched).await.unwrap();
    a.removevlun(&port).await.unwrap();
    a.removevlun(&to_set).await.unwrap();
    a.creatercopygroup(&new_group()).await.unwrap();
    a.setrcopygroup_pol(&group("billing"), Policy::AutoRecover)
        .await
        .unwrap();
    a.setrcopygroup_period(&group("billing"), &target, 900)
        .await
        .unwrap();
    a.setrcopygroup_period(&group("billing"), &target, 301)
        .await
        .unwrap();
    a.admitrcopyvv(&admit).await.unwrap();
    a.admitrcopyvv(&Admit {
        own_wwn: false,
        ..admit
    })
    .await
    .unwrap();
    a.startrcopygroup(&group("billing")).await.unwrap();
    a.stoprcopygroup(&group("billing")).await.unwrap();
    assert_eq!(bench.left(), 0);
    assert_eq!(
        bench.sent(),
        [
            "showversion",
            "createvv -tpvv -snp_cpg tier2_nl -pol one_host -comment dk1/ns=/name=ledger tier1_ssd dkv-ledger 50g",
            "createvv -snp_cpg tier2_nl -pol one_host -comment dk1/ns=/name=ledger tier1_ssd dkv-ledger 50g",
            "createvv -tdvv -comment dk1/ns=/name=ledger tier1_ssd dkv-ledger 1500",
            "setvv -comment dk1/x=%20 dkv-ledger",
            "removevv -f dkv-ledger",
            "createvvset -comment dk1/host=h dkl-billing",
            "createvvset dkl-billing a b",
            "createvvset -add dkl-billing c",
            "removevvset -f dkl-billing",
            "removevvset -f dkl-billing dkv-db1",
            "createhost -iscsi -persona 2 -comment dk1/machine=1 ward3 iqn.2026-01.test:ward3",
            "createhost -add ward3 10000000C9AAAA01",
            "createhost -iscsi -persona 2 -domain clinic ward3 iqn.2026-01.test:ward3",
            "createhost -add ward3 10000000C9AAAA01",
            "removehost ward3",
            "createvlun dkv-ledger auto ward3",
            "createvlun dkv-ledger 7 ward3",
            "removevlun -f dkv-ledger 4 1:2:1 ward3",
            "removevlun -f dkv-ledger 4 1:2:1",
            "removevlun -f set:audit_set 4 set:wards",
            "creatercopygroup -domain clinic -usr_cpg here quay:there -snp_cpg snap quay:snap_there billing quay:periodic",
            "setrcopygroup pol auto_recover billing",
            "setrcopygroup period 15m quay billing",
            "setrcopygroup period 301s quay billing",
            "admitrcopyvv -createvv -nowwn dkv-ledger billing quay:dkv-ledger",
            "admitrcopyvv -createvv dkv-ledger billing quay:dkv-ledger",
            "startrcopygroup billing",
            "stoprcopygroup -f billing",
        ]
    );
    let bench = Bench::new((0..4).map(|_| says("")).collect());
    let (a, ledger) = (&bench.array, vv("dkv-ledger"));
    for copy in [DismissedCopy::Removed, DismissedCopy::Stays] {
        a.dismissrcopyvv(&ledger, &group("billing"), copy)
            .await
            .unwrap();
    }
    a.removercopygroup(&group("billing")).await.unwrap();
    a.setvv_other_wwn(&ledger).await.unwrap();
    let wanted = [
        "dismissrcopyvv -f -removevv dkv-ledger billing",
        "dismissrcopyvv -f dkv-ledger billing",
        "removercopygroup -f billing",
        "setvv -wwn auto dkv-ledger",
    ];
    assert_eq!(bench.sent(), wanted);
}

#[tokio::test]
async fn later_releases_get_their_own_words() {
    let bench = Bench::new(vec![
        release10(),
        says(""),
        says(""),
        fixture("showvv.4/three"),
    ]);
    let a = &bench.array;
    a.createvv(&new_vv(Provisioning::Dedup)).await.unwrap();
    a.creatercopygroup(&new_group()).await.unwrap();
    assert_eq!(a.showvv(VvQuery::Prefix("dkv-")).await.unwrap().len(), 3);
    let full = a.createvv(&new_vv(Provisioning::Full)).await.unwrap_err();
    assert!(
        matches!(&full, ArrayError::NotOffered { what, .. } if what == "`full`"),
        "{full}"
    );
    assert_eq!(
        bench.sent()[1..],
        [
            "createvv -reduce -pol one_host -comment dk1/ns=/name=ledger tier1_ssd dkv-ledger 50g",
            "creatercopygroup -domain clinic -usr_cpg here quay:there billing quay:periodic",
            "showvv -showcols Id,Name,Prov,Type,CopyOf,Rd,Detailed_State,VSize_MB,CPG,VV_WWN,CreationTime,RetentionEndTime,ExpirationTime,Comment dkv-*",
        ]
    );
}

#[tokio::test]
async fn nothing_unsafe_is_ever_sent() {
    let bench = Bench::new(vec![release3()]);
    for comment in ["two words", "a;b", "", "-f", "a\"b", "a\nremovevv x"] {
        let error = bench
            .array
            .setvv_comment(&vv("dkv-x"), comment)
            .await
            .unwrap_err();
        assert!(matches!(error, ArrayError::Unsafe { .. }), "{error}");
    }
    let error = bench
        .array
        .showvv(VvQuery::Prefix("dkv- -p"))
        .await
        .unwrap_err();
    assert!(matches!(error, ArrayError::Unsafe { .. }), "{error}");
    assert_eq!(bench.sent(), ["showversion"]);
}

#[tokio::test]
async fn a_question_about_one_thing_asks_for_that_one() {
    let none = |n: usize| (0..n).map(|_| says("no vluns listed\n"));
    let mut answers = vec![
        says("No vv set listed\n"),
        says("No vv set listed\n"),
        fixture("showuserconn/without-total"),
        fixture("showuserconn/without-total"),
    ];
    answers.extend(none(3));
    let bench = Bench::new(answers);
    let a = &bench.array;
    let set = SetName::new("dkl-billing").unwrap();
    let host = HostName::new("ward3").unwrap();
    a.showvvset(Some(&set)).await.unwrap();
    a.showvvset_of(&vv("dkv-x")).await.unwrap();
    a.showuserconn(true).await.unwrap();
    a.showuserconn(false).await.unwrap();
    a.showvlun_t(VlunQuery::All).await.unwrap();
    a.showvlun_a(VlunQuery::Vv(&vv("dkv-x"))).await.unwrap();
    a.showvlun_a(VlunQuery::Host(&host)).await.unwrap();
    assert_eq!(
        bench.sent(),
        [
            "showvvset -d dkl-billing",
            "showvvset -d -vv dkv-x",
            "showuserconn -current",
            "showuserconn",
            "showvlun -t",
            "showvlun -a -v dkv-x",
            "showvlun -a -host ward3",
        ]
    );
    assert_eq!(bench.deadlines(), [DEADLINE; 7]);
}

/// The secret goes to the array and nowhere else: not into the transcript, not into an error, also when the array repeats it.
#[tokio::test]
async fn a_secret_is_sent_and_never_told() {
    let chap = Chap {
        user: "ward3".to_owned(),
        secret: Secret::new("k7Qm2xVb9Tz4".to_owned()),
    };
    let host = HostName::new("ward3").unwrap();
    let line = "sethost initchap -f -chapname ward3 k7Qm2xVb9Tz4 ward3";
    let bench = Bench::new(vec![
        says(""),
        says("Error: `sethost initchap k7Qm2xVb9Tz4` what?\n"),
        super::bench::lost(true, None),
    ]);
    bench.array.sethost_initchap(&host, &chap).await.unwrap();
    let refused = bench.array.sethost_initchap(&host, &chap).await;
    let doubt = bench.array.sethost_initchap(&host, &chap).await;
    assert_eq!(bench.sent(), [line; 3]);
    for error in [refused.unwrap_err(), doubt.unwrap_err()] {
        let told = format!("{error} {error:?} {:?}", error.hint());
        assert!(told.contains("***"), "{told}");
        assert!(!told.contains("k7Qm2xVb9Tz4"), "{told}");
    }
    let bad = Chap {
        secret: Secret::new("two words here".to_owned()),
        ..chap
    };
    let error = bench.array.sethost_initchap(&host, &bad).await.unwrap_err();
    assert!(matches!(&error, ArrayError::Unsafe { .. }), "{error}");
    assert!(!format!("{error:?}").contains("two words"), "{error:?}");
    let told = bench.recorded();
    assert_eq!(told.len(), 3);
    assert!(!format!("{told:?}").contains("k7Qm2xVb9Tz4"), "{told:?}");
}

#[tokio::test]
async fn what_a_person_wrote_is_sent_in_quotes_and_cannot_end_them() {
    let bench = Bench::new(vec![says(""), says("")]);
    let a = &bench.array;
    let ledger = vv("ledger");
    let text = r#"{"a": [1]}; $x \"#;
    a.setvv_comment_text(&ledger, Some(text)).await.unwrap();
    a.setvv_comment_text(&ledger, None).await.unwrap();
    for bad in ["a\nb", "Gr\u{f6}\u{df}e", " a"] {
        let refused = a.setvv_comment_text(&ledger, Some(bad)).await;
        let error = refused.unwrap_err();
        assert!(matches!(error, ArrayError::Unsafe { .. }), "{error}");
    }
    assert_eq!(
        bench.sent(),
        [
            r#"setvv -comment "{\"a\": \[1\]}; \$x \\" ledger"#,
            r#"setvv -comment "" ledger"#,
        ]
    );
}
