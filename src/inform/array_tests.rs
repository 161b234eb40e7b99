//! Typed calls against scripted answers: what is sent, how often, and what becomes of the answer.

use std::{
    collections::VecDeque,
    fs, io,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    array::{Array, Recorder},
    wire::{Answer, Lost, Sending, Wire},
    *,
};
use crate::model::*;

/// Answers in order; a command nobody expects fails the test.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Result<Answer, Lost>>>,
    sent: Mutex<Vec<String>>,
    hangs: bool,
}

impl Wire for Script {
    fn send<'a>(&'a self, command: &'a str, _deadline: Duration) -> Sending<'a> {
        Box::pin(async move {
            self.sent.lock().unwrap().push(command.to_owned());
            if self.hangs {
                std::future::pending::<()>().await;
            }
            let mut answers = self.answers.lock().unwrap();
            answers
                .pop_front()
                .unwrap_or_else(|| panic!("`{command}` was not expected"))
        })
    }
}

struct Bench {
    script: Arc<Script>,
    array: Array,
    /// Command, outcome, session and output of what went to the transcript.
    recorded: Arc<Mutex<Vec<[String; 4]>>>,
}

impl Bench {
    fn new(answers: Vec<Result<Answer, Lost>>) -> Self {
        Self::with(Script {
            answers: Mutex::new(answers.into()),
            ..Script::default()
        })
    }

    fn with(script: Script) -> Self {
        let script = Arc::new(script);
        let templates = Arc::new(Templates::load(None).unwrap());
        let wire: Arc<dyn Wire> = script.clone();
        let recorded = Arc::<Mutex<Vec<[String; 4]>>>::default();
        let book = recorded.clone();
        let record: Recorder = Arc::new(move |entry| {
            let session = entry.session.unwrap_or_default();
            let words = [entry.command, entry.outcome, session, entry.output];
            book.lock().unwrap().push(words.map(str::to_owned));
        });
        let deadline = Duration::from_secs(120);
        let array = Array::over("harbour".to_owned(), wire, record, templates, deadline);
        Self {
            script,
            array,
            recorded,
        }
    }

    fn recorded(&self) -> Vec<[String; 4]> {
        self.recorded.lock().unwrap().clone()
    }

    fn sent(&self) -> Vec<String> {
        self.script.sent.lock().unwrap().clone()
    }

    fn left(&self) -> usize {
        self.script.answers.lock().unwrap().len()
    }
}

fn says(text: &str) -> Result<Answer, Lost> {
    Ok(Answer {
        text: text.to_owned(),
        exit_status: Some(0),
        elapsed: Duration::from_millis(300),
        session: Some("31847".to_owned()),
    })
}

fn fixture(path: &str) -> Result<Answer, Lost> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/templates/fixtures");
    let text = fs::read_to_string(root.join(format!("{path}.raw"))).unwrap();
    // Without an exit status, as in shell mode.
    Ok(Answer {
        exit_status: None,
        ..says(&text).unwrap()
    })
}

fn lost(may_have_run: bool, session: Option<&str>) -> Result<Answer, Lost> {
    Err(Lost {
        may_have_run,
        partial: "Removing".to_owned(),
        session: session.map(str::to_owned),
        cause: Arc::new(io::Error::other("the connection was cut")),
    })
}

fn release3() -> Result<Answer, Lost> {
    fixture("showversion/release-3.3.1-with-patches")
}

fn release10() -> Result<Answer, Lost> {
    fixture("showversion/release-10")
}

fn vv(name: &str) -> VvName {
    VvName::new(name).unwrap()
}

fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

fn cpg(name: &str) -> CpgName {
    CpgName::new(name).unwrap()
}

fn new_vv(provisioning: Provisioning) -> CreateVv {
    CreateVv {
        name: vv("dkv-ledger"),
        cpg: cpg("tier1_ssd"),
        snap_cpg: Some(cpg("tier2_nl")),
        size: Size::from_gib(50),
        provisioning,
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
    answers.extend((0..26).map(|_| says("")));
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
    a.createhost(&host, &[iqn.clone(), wwn.clone()], 2, Some("dk1/machine=1"))
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
            "createhost -iscsi -persona 2 -comment dk1/machine=1 ward3 iqn.2026-01.test:ward3",
            "createhost -add ward3 10000000C9AAAA01",
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
    let bench = Bench::new(vec![says(""), says("")]);
    bench
        .array
        .dismissrcopyvv(&vv("dkv-ledger"), &group("billing"))
        .await
        .unwrap();
    bench
        .array
        .removercopygroup(&group("billing"))
        .await
        .unwrap();
    let wanted = [
        "dismissrcopyvv -f -removevv dkv-ledger billing",
        "removercopygroup -f billing",
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
            "showvv -showcols Id,Name,Prov,Type,CopyOf,Rd,Detailed_State,VSize_MB,CPG,VV_WWN,CreationTime,Comment dkv-*",
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
async fn a_read_is_sent_again_once_after_a_lost_connection() {
    let bench = Bench::new(vec![
        lost(true, Some("1")),
        fixture("showcpg/release-3.3.1"),
    ]);
    assert_eq!(bench.array.showcpg().await.unwrap().len(), 2);
    let bench = Bench::new(vec![lost(true, None), lost(true, None)]);
    let error = bench.array.showcpg().await.unwrap_err();
    assert!(error.is_unreachable() && !error.is_in_doubt(), "{error}");
    assert_eq!(bench.sent().len(), 2);
}

#[tokio::test]
async fn what_was_not_sent_is_unreachable_and_not_tried_again() {
    let bench = Bench::new(vec![lost(false, None)]);
    assert!(bench.array.showcpg().await.unwrap_err().is_unreachable());
    let bench = Bench::new(vec![lost(false, None)]);
    let error = bench.array.removevv(&vv("dkv-x")).await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");
    assert_eq!(bench.sent(), ["removevv -f dkv-x"]);
}

#[tokio::test(start_paused = true)]
async fn a_changing_command_is_never_sent_again_and_its_session_is_waited_for() {
    let bench = Bench::new(vec![
        lost(true, Some("1209")),
        fixture("showuserconn/two-with-total"),
        lost(true, None),
        lost(true, None),
        fixture("showuserconn/two-with-total"),
        fixture("showuserconn/without-total"),
    ]);
    let begun = Instant::now();
    let error = bench.array.removevv(&vv("dkv-x")).await.unwrap_err();
    assert!(
        matches!(error, ArrayError::InDoubt { ended: true, .. }),
        "{error}"
    );
    assert!(error.is_in_doubt() && !error.is_unreachable());
    assert_eq!(begun.elapsed(), Duration::from_secs(6));
    assert_eq!(bench.left(), 0);
    let sent = bench.sent();
    assert_eq!(
        sent.iter()
            .filter(|line| line.starts_with("removevv"))
            .count(),
        1,
        "{sent:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_session_has_an_end() {
    let mut answers = vec![lost(true, Some("31847"))];
    answers.extend((0..40).map(|_| fixture("showuserconn/two-with-total")));
    let bench = Bench::new(answers);
    let begun = Instant::now();
    let error = bench
        .array
        .startrcopygroup(&group("billing"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ArrayError::InDoubt { ended: false, .. }),
        "{error}"
    );
    assert_eq!(begun.elapsed(), Duration::from_secs(30));
    assert!(error.hint().unwrap().contains("still be running"));
}

#[tokio::test]
async fn a_session_without_id_leaves_the_end_unknown() {
    let bench = Bench::new(vec![lost(true, None)]);
    let error = bench.array.removevv(&vv("dkv-x")).await.unwrap_err();
    assert!(
        matches!(error, ArrayError::InDoubt { ended: false, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn refused_columns_make_the_array_say_again_what_it_runs() {
    let bench = Bench::new(vec![
        release3(),
        fixture("showvv/bad-columns"),
        release10(),
        fixture("showvv.4/three"),
    ]);
    assert_eq!(
        bench
            .array
            .showvv(VvQuery::Prefix("dkv-"))
            .await
            .unwrap()
            .len(),
        3
    );
    let bench = Bench::new(vec![
        release3(),
        fixture("showvv/bad-columns"),
        release3(),
        fixture("showvv/bad-columns"),
    ]);
    let error = bench
        .array
        .showvv(VvQuery::Prefix("dkv-"))
        .await
        .unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::BadColumns));
}

#[tokio::test]
async fn a_release_is_read() {
    let bench = Bench::new(vec![release3()]);
    let release = bench.array.release().await.unwrap();
    assert_eq!(
        (
            release.major,
            release.minor,
            release.patch,
            release.mu.as_deref()
        ),
        (3, 3, 1, Some("MU5"))
    );
    assert_eq!(
        bench
            .array
            .for_request(&RequestId::random())
            .release()
            .await
            .unwrap(),
        release
    );
    assert_eq!(bench.sent(), ["showversion"]);
}

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
async fn groups_are_read() {
    let bench = Bench::new(vec![
        fixture("showrcopy-groups/three"),
        fixture("showrcopy-groups/role-runs-over-its-width"),
        fixture("showrcopy-groups/no-group-at-all"),
        fixture("showrcopy-targets/detail"),
        fixture("showrcopy-targets/two"),
        fixture("showrcopy-links/four"),
    ]);
    let a = &bench.array;
    let all = a.showrcopy_groups().await.unwrap();
    assert_eq!(
        all.iter().map(|g| g.volumes.len()).collect::<Vec<_>>(),
        [2, 1, 1]
    );
    assert_eq!(all[0].volumes[0].sync, SyncStatus::Syncing(Some(37)));
    assert_eq!(all[0].volumes[0].last_sync, None);
    assert_eq!(
        all[0].options.policies,
        ["auto_recover", "auto_failover", "path_management"]
    );
    assert_eq!(all[1].options, GroupOptions::default());
    assert_eq!(all[2].options.period_s, Some(900));
    assert_eq!(
        all[2].options.last_sync.as_deref(),
        Some("2026-11-20 08:00:00 CET")
    );
    let one = a
        .showrcopy_group(&group("billing.r127139"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (one.role, one.status, one.mode),
        (Role::PrimaryRev, GroupStatus::Stopped, Mode::Sync)
    );
    assert!(a.showrcopy_groups().await.unwrap().is_empty());
    let detail = a.showrcopy_targets_detail().await.unwrap();
    assert_eq!(detail[0].system_id, Some(SystemId(172_316)));
    assert_eq!(
        a.showrcopy_targets().await.unwrap()[1].status,
        TargetStatus::Failed
    );
    let links = a.showrcopy_links().await.unwrap();
    assert_eq!(
        links
            .iter()
            .filter(|l| l.target.is_some() && l.status == LinkStatus::Up)
            .count(),
        1
    );
    assert_eq!(bench.sent()[3], "showrcopy -d targets");
}

#[tokio::test]
async fn a_group_is_absent_only_by_the_arrays_own_words_for_it() {
    let words = |name: &str| {
        let head =
            "\nRemote Copy System Information\nStatus: Started, Normal\n\nGroup Information\n\n";
        says(&format!(
            "{head}Error: group matching {name} does not exist on the system\n"
        ))
    };
    let nowhere = group("nowhere");
    let bench = Bench::new(vec![
        words("nowhere"),
        words("nowhere.else"),
        words("not-nowhere"),
        fixture("showrcopy-groups/no-group-at-all"),
        fixture("showrcopy-groups/empty-group"),
        says(""),
        says("no such thing as nowhere found: not found\n"),
        fixture("showrcopy-groups/not-configured"),
    ]);
    assert_eq!(bench.array.showrcopy_group(&nowhere).await.unwrap(), None);
    while bench.left() > 0 {
        let error = bench.array.showrcopy_group(&nowhere).await;
        assert!(error.is_err(), "{error:?} with {} left", bench.left());
    }
}

#[tokio::test]
async fn rows_that_come_twice_are_no_listing() {
    let double = |path: &str, line: &str| {
        let answer = fixture(path).unwrap();
        let row = answer
            .text
            .lines()
            .find(|l| l.contains(line))
            .unwrap()
            .to_owned()
            + "\n";
        assert_eq!(answer.text.matches(&row).count(), 1);
        Ok(Answer {
            text: answer.text.replace(&row, &row.repeat(2)),
            ..answer
        })
    };
    let bench = Bench::new(vec![
        double("showrcopy-groups/three", "dkv-x "),
        double("showrcopy-groups/three", "labs.r127139"),
        double("showrcopy-links/four", "10.20.9.2"),
        double("showrcopy-targets/two", "far-quay"),
    ]);
    let a = &bench.array;
    assert!(a.showrcopy_groups().await.is_err());
    assert!(a.showrcopy_groups().await.is_err());
    assert!(a.showrcopy_links().await.is_err());
    assert!(a.showrcopy_targets().await.is_err());
}

#[tokio::test]
async fn refusals_carry_their_kind_and_the_arrays_words() {
    let bench = Bench::new(vec![
        fixture("createhost/initiator-taken"),
        fixture("removevv/in-set"),
        Ok(Answer {
            exit_status: Some(1),
            ..says("").unwrap()
        }),
    ]);
    let a = &bench.array;
    let host = HostName::new("ward3").unwrap();
    let error = a
        .createhost(&host, &["iqn.2026-01.test:ward3".parse().unwrap()], 2, None)
        .await
        .unwrap_err();
    assert_eq!(
        error.refusal(),
        Some(Refusal::InitiatorTaken {
            host: "ward-three.test".to_owned()
        })
    );
    let error = a.removevv(&vv("dkv-ledger")).await.unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::InSet));
    let text = error.to_string();
    assert!(
        text.contains("harbour")
            && text.contains("removevv -f dkv-ledger")
            && text.contains("vv set audit_set"),
        "{text}"
    );
    let error = a.removevv(&vv("dkv-ledger")).await.unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::Other));
    assert!(error.to_string().contains("without words"), "{error}");
}

#[tokio::test]
async fn every_command_is_in_the_transcript_whatever_became_of_it() {
    let bench = Bench::new(vec![
        fixture("removevv/done"),
        fixture("removevv/in-set"),
        lost(false, None),
        lost(true, None),
        fixture("showcpg/none"),
        says("Id Name\n 1 a\n"),
        says("what?\n"),
        says(
            "\nRemote Copy System Information\nStatus: Started, Normal\n\nTarget Information\n\nName ID Type Status Options Policy\nq     1 IP   odd    -       x\n",
        ),
    ]);
    let a = &bench.array;
    a.removevv(&vv("dkv-a")).await.unwrap();
    a.removevv(&vv("dkv-b")).await.unwrap_err();
    a.removevv(&vv("dkv-c")).await.unwrap_err();
    a.showcpg().await.unwrap();
    a.showcpg().await.unwrap_err();
    a.showuser().await.unwrap_err();
    a.showrcopy_targets().await.unwrap_err();
    let recorded = bench.recorded();
    let outcomes: Vec<_> = recorded
        .iter()
        .map(|[command, outcome, ..]| (command.as_str(), outcome.as_str()))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("removevv -f dkv-a", "ok"),
            ("removevv -f dkv-b", "refused"),
            ("removevv -f dkv-c", "not-sent"),
            ("showcpg", "lost"),
            ("showcpg", "ok"),
            ("showcpg", "truncated"),
            ("showuser", "unrecognised"),
            // The words were cut right, but one means nothing: the transcript says so too.
            ("showrcopy targets", "unrecognised"),
        ]
    );
    assert_eq!(recorded[3][3], "Removing", "what had come until then");
    assert_eq!(recorded[0][2], "31847");
}

#[tokio::test(start_paused = true)]
async fn a_command_nobody_waits_for_any_more_is_in_the_transcript() {
    let bench = Bench::with(Script {
        hangs: true,
        ..Script::default()
    });
    let name = vv("dkv-a");
    let cut = tokio::time::timeout(Duration::from_secs(1), bench.array.removevv(&name)).await;
    assert!(cut.is_err());
    assert_eq!(
        bench.recorded(),
        [["removevv -f dkv-a", "lost", "", ""].map(str::to_owned)]
    );
}
