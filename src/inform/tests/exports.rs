//! What listings of exports become.

use super::bench::{Bench, fixture, host, says, set, vv};
use crate::{
    inform::{ArrayError, ExportTarget, ExportedVv, VlunKind, VlunQuery, VlunStatus},
    model::*,
};

#[tokio::test]
async fn exports_are_read() {
    let bench = Bench::new(vec![
        fixture("showvlun-t/all-kinds"),
        fixture("showvlun-t/port-presents"),
        fixture("showvlun-a/three"),
        fixture("showvlun-t/none"),
        says(
            "Lun VVName HostName -Host_WWN/iSCSI_Name-  Port Type\n  9 dkv-x  ward3    ----------------      0:1:1 port\n---\n  1 total\n",
        ),
    ]);
    let a = &bench.array;
    let all = a.showvlun_t(VlunQuery::Vv(&vv("dkv-x"))).await.unwrap();
    assert_eq!(
        all[1].target,
        ExportTarget::HostSet(SetName::new("wards").unwrap())
    );
    assert_eq!(
        all[2].vv,
        ExportedVv::Set(SetName::new("audit_set").unwrap())
    );
    assert_eq!(
        (all[3].kind, all[3].port),
        (VlunKind::MatchedSet, Some("1:2:1".parse().unwrap()))
    );
    let ports = a.showvlun_t(VlunQuery::All).await.unwrap();
    assert_eq!(
        ports[0].target,
        ExportTarget::Port("0:1:1".parse().unwrap())
    );
    let active = a.showvlun_a(VlunQuery::All).await.unwrap();
    assert_eq!(active[2].status, VlunStatus::Standby);
    assert_eq!(active[1].kind, VlunKind::Host);
    let ward3 = HostName::new("ward3").unwrap();
    assert!(
        a.showvlun_t(VlunQuery::Host(&ward3))
            .await
            .unwrap()
            .is_empty()
    );
    let misfit = a.showvlun_t(VlunQuery::All).await.unwrap_err();
    assert!(
        matches!(misfit, ArrayError::Unrecognised { .. }),
        "{misfit}"
    );
    assert_eq!(bench.sent()[0], "showvlun -t -v dkv-x");
    assert_eq!(bench.sent()[3], "showvlun -t -host ward3");
}

#[tokio::test]
async fn an_export_to_a_host_may_be_on_one_port() {
    let bench = Bench::new(vec![
        fixture("showvlun-t/release-3.2-matched-sets"),
        fixture("showvlun-a/release-10-both-nodes"),
    ]);
    let all = bench.array.showvlun_t(VlunQuery::All).await.unwrap();
    assert_eq!(all[0].target, ExportTarget::Host(host("pharmacy")));
    assert_eq!(all[0].port, Some("0:2:1".parse().unwrap()));
    assert_eq!(all[1].target, ExportTarget::HostSet(set("wards")));
    assert_eq!(
        (all[1].lun, all[1].kind),
        (Lun(16_383), VlunKind::MatchedSet)
    );
    assert_eq!((all[2].port, all[2].kind), (None, VlunKind::Host));
    let active = bench.array.showvlun_a(VlunQuery::All).await.unwrap();
    assert_eq!(
        active[0].initiator,
        Some("10000000C9AAAA01".parse().unwrap())
    );
    assert_eq!(active[0].status, VlunStatus::NonOptimised);
    assert_eq!(active[2].host, host("10.20.30.40"));
    assert_eq!(active[3].status, VlunStatus::Other("unavail".to_owned()));
    assert_eq!(active[3].port, Some("1:4:2".parse().unwrap()));
}

/// To whom an export is has to be certain: another host may be looking at the volume.
#[tokio::test]
async fn type_host_and_port_of_an_export_fit_together() {
    let head = "Lun VVName HostName  -Host_WWN/iSCSI_Name-  Port        Type\n";
    for (host, port, kind) in [
        ("set:wards", "  ---", "       host"),
        ("ward3    ", "  ---", "   host set"),
        ("ward3    ", "0:1:1", "       port"),
        ("set:wards", "0:1:1", "       port"),
        ("         ", "  ---", "       port"),
        ("         ", "0:1:1", "matched set"),
        ("         ", "  ---", "       host"),
    ] {
        let row = format!("  9 dkv-x  {host} ----------------      {port} {kind}\n");
        let bench = Bench::new(vec![says(&format!("{head}{row}-----\n  1 total\n"))]);
        let error = bench.array.showvlun_t(VlunQuery::All).await;
        assert!(
            matches!(error, Err(ArrayError::Unrecognised { .. })),
            "{row}{error:?}"
        );
    }
}
