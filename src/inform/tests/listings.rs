//! What listings of volumes, sets, hosts, ports and the system become.

use super::bench::{Bench, cpg, fixture, host, release3, says, vv};
use crate::{
    inform::{
        ArrayError, PortProtocol, PortState, UserRole, Vv, VvKind, VvProvisioning, VvQuery, VvState,
    },
    model::*,
};

#[tokio::test]
async fn volumes_are_read() {
    let bench = Bench::new(vec![
        release3(),
        fixture("showvv/three"),
        fixture("showvv/none"),
    ]);
    let all = bench.array.showvv(VvQuery::Prefix("dkv-")).await.unwrap();
    let comments: Vec<_> = all.iter().map(|v| v.comment.as_deref()).collect();
    assert_eq!(
        comments,
        [
            Some("dk1/ns=/name=ledger/home=127139/op=host7.4f2a/state=ready/origin=blank/fmt=done"),
            Some("made by hand, before the update: 50% off  twice"),
            None
        ]
    );
    assert_eq!(
        all[1],
        Vv {
            id: VvId(413),
            name: vv("dkv-ledger.before"),
            prov: VvProvisioning::Snapshot,
            kind: VvKind::VirtualCopy,
            copy_of: Some(vv("dkv-ledger")),
            size: Size::from_gib(50),
            wwn: "60002AC000000000000001B30001F0A3".parse().unwrap(),
            user_cpg: None,
            snap_cpg: Some(cpg("tier1_ssd")),
            state: VvState::Normal,
            created: "2026-11-03 00:00:00 CET".to_owned(),
            expires: Some("2026-12-03 00:00:00 CET".parse().unwrap()),
            retained_until: Some("2026-11-05 00:00:00 CET".parse().unwrap()),
            comment: comments[1].map(str::to_owned),
            read_only: true,
        }
    );
    assert!(
        bench
            .array
            .showvv(VvQuery::Name(&vv("dkv-none")))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn sets_hosts_ports_and_the_system_are_read() {
    let bench = Bench::new(vec![
        fixture("showvvset/detail"),
        fixture("showhost/release-3"),
        fixture("showhost/release-10"),
        fixture("showhost-desc/with-comment"),
        fixture("showhost-desc/with-comment"),
        fixture("showport-iscsi/three"),
        fixture("showport-iscsi/none"),
        fixture("showsys/release-3"),
        fixture("showdate/two-nodes"),
        fixture("showlicense/some"),
        fixture("showuser/three"),
        fixture("showport/release-3"),
    ]);
    let a = &bench.array;
    let sets = a.showvvset(None).await.unwrap();
    assert_eq!(sets[0].members.len(), 3);
    assert_eq!(
        (sets[1].members.len(), sets[1].comment.as_deref()),
        (0, None)
    );
    assert_eq!(sets[2].comment.as_deref(), Some("dk1/ns=/name=x"));
    let hosts = a.showhost().await.unwrap();
    assert_eq!(hosts.len(), 4);
    assert_eq!(hosts[0].paths.len(), 2);
    assert_eq!(hosts[0].paths[1].port, Some("1:2:1".parse().unwrap()));
    assert_eq!(hosts[1].paths[0].port, None);
    assert_eq!(
        (hosts[3].id, hosts[3].name.as_ref(), hosts[3].paths.len()),
        (None, None, 1)
    );
    let hosts = a.showhost().await.unwrap();
    assert_eq!(hosts[1].paths[0].initiator, None);
    assert!(hosts[1].paths[0].text.starts_with("nqn."));
    assert!(hosts[2].paths.is_empty());
    let ward3 = HostName::new("ward3").unwrap();
    assert_eq!(
        a.showhost_comment(&ward3).await.unwrap().as_deref(),
        Some("dk1/machine=0f3c")
    );
    let other = a
        .showhost_comment(&HostName::new("ward4").unwrap())
        .await
        .unwrap_err();
    assert!(matches!(other, ArrayError::Unrecognised { .. }), "{other}");
    let ports = a.showport_iscsi().await.unwrap();
    assert_eq!(ports.iter().filter(|p| p.ip.is_some()).count(), 2);
    assert_eq!(ports[1].state, PortState::Offline);
    assert!(a.showport_iscsi().await.unwrap().is_empty());
    let system = a.showsys().await.unwrap();
    assert_eq!(
        (system.id, system.model.as_str()),
        (SystemId(127_139), "HPE_3PAR 8440")
    );
    let dates = a.showdate().await.unwrap();
    assert_eq!(dates[1].local, "2026-11-20T08:16:36".parse().unwrap());
    assert_eq!(dates[1].zone, "CET (Europe/Oslo)");
    let licenses = a.showlicense().await.unwrap();
    assert!(licenses.has("Remote Copy") && licenses.has("virtual copy") && !licenses.has("Remote"));
    assert_eq!(a.showuser().await.unwrap()[1].role, UserRole::Edit);
    assert_eq!(
        a.showport().await.unwrap()[1].protocol,
        Some(PortProtocol::Fc)
    );
}

#[tokio::test]
async fn free_space_of_a_cpg_is_in_mib() {
    let bench = Bench::new(vec![
        fixture("showcpg/release-3.3.1"),
        fixture("showcpg/release-3.2-with-domain"),
    ]);
    let cpgs = bench.array.showcpg().await.unwrap();
    assert_eq!(cpgs[0].free, Some(Size::from_mib(262_144)));
    let cpgs = bench.array.showcpg().await.unwrap();
    assert_eq!((cpgs[0].id, cpgs[0].free), (1, None));
}

#[tokio::test]
async fn paths_belong_to_a_host_by_id_and_name() {
    let head = "Id Name  Persona -WWN/iSCSI_Name- Port  IP_addr\n";
    let listing = |rows: &str| {
        let count = rows.lines().count();
        says(&format!("{head}{rows}-----\n {count} total\n"))
    };
    let bench = Bench::new(vec![
        listing(concat!(
            " 4 ward3 Generic 10000000C9AAAA01 0:2:1 n/a    \n",
            " 4 ward4 Generic 10000000C9AAAA02 0:2:1 n/a    \n",
            " 4 ward3 Generic 10000000C9AAAA01 1:2:1 n/a    \n",
        )),
        listing("-- ward3 Generic 10000000C9AAAA01 0:2:1 n/a    \n"),
        listing(" 4 --    --      10000000C9AAAA01 0:2:1 n/a    \n"),
    ]);
    let hosts = bench.array.showhost().await.unwrap();
    let paths: Vec<_> = hosts
        .iter()
        .map(|h| (h.name.clone().unwrap(), h.paths.len()))
        .collect();
    assert_eq!(paths, [(host("ward3"), 2), (host("ward4"), 1)]);
    for _ in 0..2 {
        let error = bench.array.showhost().await.unwrap_err();
        assert!(matches!(error, ArrayError::Unrecognised { .. }), "{error}");
    }
}
