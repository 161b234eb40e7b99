//! Copies, promotions, growing, renaming, and the tasks behind them.

use super::bench::{Bench, cpg, fixture, lost, release3, release10, says, vv};
use crate::{
    inform::{ArrayError, CreateVv, OnlineCopy, Refusal, TaskStatus, VvKind},
    model::*,
};

fn task(id: u16) -> TaskId {
    TaskId::try_from(id).unwrap()
}

fn online(provisioning: Provisioning, compression: Option<bool>) -> OnlineCopy {
    OnlineCopy {
        parent: vv("dkv-ledger"),
        name: vv("dkv-copy"),
        cpg: cpg("tier1_ssd"),
        snap_cpg: Some(cpg("tier2_nl")),
        provisioning,
        compression,
    }
}

#[tokio::test]
async fn a_copy_tells_its_task_and_is_begun_once() {
    let bench = Bench::new(vec![
        fixture("createvvcopy/started"),
        says(""),
        lost(true, None),
        fixture("createvvcopy/parent-larger"),
        fixture("promotesv/started"),
        says(""),
    ]);
    let a = &bench.array;
    let (parent, copy) = (vv("dkv-ledger"), vv("dkv-copy"));
    assert_eq!(a.createvvcopy(&parent, &copy).await.unwrap(), task(5120));
    // Silence is no number of a task, and nothing is asked twice.
    let silent = a.createvvcopy(&parent, &copy).await.unwrap_err();
    assert!(
        matches!(silent, ArrayError::Unrecognised { .. }),
        "{silent}"
    );
    let doubt = a.createvvcopy(&parent, &copy).await.unwrap_err();
    assert!(doubt.is_in_doubt(), "{doubt}");
    let refused = a.createvvcopy(&parent, &copy).await.unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::SizesDiffer));
    assert_eq!(a.promotesv(&vv("dkv-s"), true).await.unwrap(), task(778));
    a.promotevvcopy(&copy).await.unwrap();
    let copied = "createvvcopy -p dkv-ledger dkv-copy";
    assert_eq!(
        bench.sent(),
        [
            copied,
            copied,
            copied,
            copied,
            "promotesv -rcp dkv-s",
            "promotevvcopy dkv-copy"
        ]
    );
}

#[tokio::test]
async fn a_task_is_read_with_how_far_it_is() {
    let bench = Bench::new(vec![
        fixture("showtask/copying"),
        fixture("showtask/failed"),
        fixture("showtask/absent"),
        fixture("showtask/copying"),
        fixture("showtask-active/two"),
        fixture("showtask-recent/ended"),
        fixture("showtask-recent/none"),
        says(""),
        fixture("showvv-cpprog/copying"),
        fixture("showvv-cpprog/base"),
        fixture("showvv-cpprog/none"),
    ]);
    let a = &bench.array;
    let found = a.showtask(task(5120)).await.unwrap().unwrap();
    assert_eq!(found.name, "dkv-ledger->dkv-copy");
    assert_eq!(
        (&found.status, found.step),
        (&TaskStatus::Active, Some((8, 10)))
    );
    assert_eq!(
        found.copied,
        Some((Size::from_mib(41_779), Size::from_mib(51_200)))
    );
    assert_eq!(found.finished, None);
    let failed = a.showtask(task(5120)).await.unwrap().unwrap();
    assert_eq!((&failed.status, failed.step), (&TaskStatus::Failed, None));
    assert_eq!(
        failed.last_line.as_deref(),
        Some("copy from VV dkv-ledger to VV dkv-copy.")
    );
    assert_eq!(a.showtask(task(5120)).await.unwrap(), None);
    assert_eq!(a.showtask(task(77)).await.unwrap(), None, "of another one");
    assert_eq!(a.showtask_active().await.unwrap().len(), 2);
    let copies = a.showtask_copies().await.unwrap();
    assert_eq!(a.showtask_promotions().await.unwrap(), []);
    let ended: Vec<_> = copies.iter().map(|task| task.status.clone()).collect();
    assert_eq!(
        ended,
        [TaskStatus::Active, TaskStatus::Done, TaskStatus::Cancelled]
    );
    a.canceltask(task(5120)).await.unwrap();
    let copy = vv("dkv-copy");
    let progress = a.showvv_cpprog(&copy).await.unwrap().unwrap();
    assert_eq!(progress.kind, VvKind::PhysicalCopy);
    assert_eq!(progress.copied, Some(Size::from_mib(41_779)));
    let base = a.showvv_cpprog(&copy).await.unwrap().unwrap();
    assert_eq!((base.copied, base.copy_of), (None, None));
    assert_eq!(a.showvv_cpprog(&copy).await.unwrap(), None);
    assert_eq!(
        bench.sent()[3..9],
        [
            "showtask -d 77",
            "showtask -active",
            "showtask -t 24 -type vv_copy",
            "showtask -t 24 -type promote_sv",
            "canceltask -f 5120",
            "showvv -cpprog dkv-copy",
        ]
    );
}

#[tokio::test]
async fn growing_and_renaming_are_sent_once() {
    let bench = Bench::new(vec![
        release3(),
        says(""),
        fixture("growvv/copying"),
        says(""),
        says(""),
    ]);
    let a = &bench.array;
    let volume = vv("dkv-ledger");
    a.release().await.unwrap();
    a.growvv(&volume, Size::from_gib(20)).await.unwrap();
    let busy = a.growvv(&volume, Size::from_mib(300)).await.unwrap_err();
    assert_eq!(busy.refusal(), Some(Refusal::Copying));
    assert!(busy.hint().unwrap().contains("showtask"), "{busy:?}");
    a.setvv_name(&volume, &vv("dkv-new")).await.unwrap();
    a.setvv_snp_cpg(&volume, &cpg("tier2_nl")).await.unwrap();
    assert_eq!(
        bench.sent()[1..],
        [
            "growvv -f dkv-ledger 20g",
            "growvv -f dkv-ledger 300",
            "setvv -name dkv-new dkv-ledger",
            "setvv -snp_cpg tier2_nl dkv-ledger",
        ]
    );
    let bench = Bench::new(vec![release10()]);
    let error = bench
        .array
        .setvv_snp_cpg(&volume, &cpg("tier2_nl"))
        .await
        .unwrap_err();
    assert!(matches!(error, ArrayError::NotOffered { .. }), "{error}");
}

/// The words for compression, by release; `None` where nothing is sent.
#[tokio::test]
async fn compression_is_written_as_the_release_has_it() {
    use Provisioning::{Dedup, Full, Thin};
    let old = || says(&release3().unwrap().text.replace("3.3.1", "3.2.2"));
    let cases = [
        (release3(), Thin, Some(true), Some("-tpvv -compr")),
        (release3(), Dedup, Some(true), Some("-tdvv -compr")),
        (release3(), Dedup, Some(false), Some("-tdvv")),
        (release3(), Thin, None, Some("-tpvv")),
        (release3(), Full, Some(true), None),
        (old(), Thin, Some(true), None),
        (old(), Thin, Some(false), Some("-tpvv")),
        (release10(), Thin, Some(true), Some("-reduce")),
        (release10(), Dedup, Some(true), Some("-reduce")),
        (release10(), Dedup, None, Some("-reduce")),
        (release10(), Thin, Some(false), Some("-tpvv")),
        (release10(), Dedup, Some(false), None),
        (release10(), Full, None, None),
    ];
    for (release, provisioning, compression, words) in cases {
        println!("{provisioning:?} {compression:?} {words:?}");
        let snap = if release.as_ref().unwrap().text == release10().unwrap().text {
            ""
        } else {
            "-snp_cpg tier2_nl "
        };
        let bench = Bench::new(vec![
            release,
            fixture("createvvcopy-online/started"),
            says(""),
        ]);
        let a = &bench.array;
        let copied = a
            .createvvcopy_online(&online(provisioning, compression))
            .await;
        let made = a
            .createvv(&CreateVv {
                name: vv("dkv-x"),
                cpg: cpg("c"),
                snap_cpg: None,
                size: Size::from_gib(16),
                provisioning,
                compression,
                comment: "dk1".to_owned(),
                one_host: false,
            })
            .await;
        let Some(words) = words else {
            for error in [copied.map(|_| ()).unwrap_err(), made.unwrap_err()] {
                assert!(matches!(error, ArrayError::NotOffered { .. }), "{error}");
            }
            assert_eq!(bench.sent(), ["showversion"]);
            continue;
        };
        copied.unwrap();
        made.unwrap();
        let sent = [
            format!("createvvcopy -p dkv-ledger -online {snap}{words} tier1_ssd dkv-copy"),
            format!("createvv {words} -comment dk1 c dkv-x 16g"),
        ];
        assert_eq!(bench.sent()[1..], sent);
    }
}
