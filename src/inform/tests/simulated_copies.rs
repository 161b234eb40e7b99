//! Copies and service levels of simulated arrays of each release: what is sent is taken, what they answer is read.

use hpe3par_sim::{Control, Description, Simulator};

use super::{
    bench::{cpg, set, vv},
    in_memory::{Book, array},
};
use crate::{
    inform::{
        Array, ArrayError, CreateSv, CreateVv, OnlineCopy, QosRule, Refusal, TaskStatus, Vv,
        VvKind, VvQuery, VvState,
    },
    model::*,
};

const RELEASES: [&str; 3] = ["3.2.2", "3.3.1", "10.5.0"];

async fn start(release: &str) -> (Simulator, Control, Array) {
    let text = format!(
        r#"
[[array]]
name = "north"
id = 4101
serial = "S1"
latency_ms = 0
release = "{release}"
user = [{{ name = "dockervol", password = "x", role = "edit" }}]
cpg = [{{ name = "fast", free_gib = 1000, ssd = true }}, {{ name = "slow", free_gib = 1000, ssd = false }}]
"#
    );
    let simulator = Simulator::start(Description::from_toml(&text).unwrap())
        .await
        .unwrap();
    let control = simulator.control();
    let array = array(&control, "north", &Book::default());
    (simulator, control, array)
}

fn new(name: &str, gib: u64) -> CreateVv {
    CreateVv {
        name: vv(name),
        cpg: cpg("fast"),
        snap_cpg: Some(cpg("fast")),
        size: Size::from_gib(gib),
        provisioning: Provisioning::Thin,
        compression: None,
        comment: "dk1".to_owned(),
        one_host: false,
    }
}

async fn look(array: &Array, name: &str) -> Option<Vv> {
    let name = vv(name);
    let mut found = array.showvv(VvQuery::Name(&name)).await.unwrap();
    found.pop()
}

/// Why the array refused.
fn why<T: std::fmt::Debug>(result: Result<T, ArrayError>) -> Refusal {
    let error = result.unwrap_err();
    error.refusal().unwrap_or_else(|| panic!("{error}"))
}

#[tokio::test]
async fn copies_and_their_tasks() {
    for release in RELEASES {
        println!("{release}");
        let (simulator, control, a) = start(release).await;
        let (db, copy, clone) = (vv("db"), vv("copy"), vv("clone"));
        a.createvv(&new("db", 4)).await.unwrap();
        a.createvv(&new("copy", 1)).await.unwrap();
        assert_eq!(why(a.createvvcopy(&db, &copy).await), Refusal::SizesDiffer);
        a.growvv(&copy, Size::from_gib(3)).await.unwrap();
        let id = a.createvvcopy(&db, &copy).await.unwrap();
        assert_eq!(why(a.createvvcopy(&db, &copy).await), Refusal::Copying);
        assert_eq!(
            why(a.growvv(&db, Size::from_gib(1)).await),
            Refusal::Copying
        );
        control.advance(3);
        let task = a.showtask(id).await.unwrap().unwrap();
        assert_eq!(
            (task.name.as_str(), &task.status),
            ("db->copy", &TaskStatus::Active)
        );
        let (copied, all) = task.copied.unwrap();
        assert!(copied.mib() >= 1024 && copied < all, "{copied} {all}");
        assert_eq!(a.showtask_active().await.unwrap()[0].id, id);
        let progress = a.showvv_cpprog(&copy).await.unwrap().unwrap();
        assert_eq!(progress.copy_of.as_ref(), Some(&db));
        assert!(progress.copied >= Some(copied), "{progress:?}");
        control.advance(60);
        let task = a.showtask(id).await.unwrap().unwrap();
        assert_eq!((task.status, task.step), (TaskStatus::Done, None));
        assert_eq!(
            why(a.growvv(&copy, Size::from_gib(1)).await),
            Refusal::PhysicalCopy
        );
        assert_eq!(look(&a, "copy").await.unwrap().kind, VvKind::PhysicalCopy);
        a.promotevvcopy(&copy).await.unwrap();
        assert_eq!(look(&a, "copy").await.unwrap().kind, VvKind::Base);
        assert_eq!(why(a.promotevvcopy(&copy).await), Refusal::PhysicalCopy);

        let online = OnlineCopy {
            parent: db.clone(),
            name: clone.clone(),
            cpg: cpg("fast"),
            snap_cpg: Some(cpg("fast")),
            provisioning: Provisioning::Dedup,
            compression: None,
        };
        let id = a.createvvcopy_online(&online).await.unwrap();
        assert_eq!(why(a.createvvcopy_online(&online).await), Refusal::Exists);
        assert_eq!(why(a.setvv_name(&clone, &vv("x")).await), Refusal::Copying);
        assert_eq!(why(a.removevv(&clone).await), Refusal::Copying);
        a.canceltask(id).await.unwrap();
        assert_eq!(why(a.canceltask(id).await), Refusal::TaskEnded);
        let task = a.showtask(id).await.unwrap().unwrap();
        assert_eq!(task.status, TaskStatus::Cancelled);
        assert_eq!(look(&a, "clone").await.unwrap().state, VvState::CopyFailed);
        let absent = TaskId::try_from(29_999).unwrap();
        assert_eq!(a.showtask(absent).await.unwrap(), None);
        a.removevv(&clone).await.unwrap();
        assert_eq!(a.showtask_active().await.unwrap(), []);
        simulator.shutdown();
    }
}

#[tokio::test]
async fn promoting_growing_and_renaming() {
    for release in RELEASES {
        println!("{release}");
        let (simulator, control, a) = start(release).await;
        let (db, noon) = (vv("db"), vv("noon"));
        a.createvv(&CreateVv {
            snap_cpg: None,
            ..new("db", 4)
        })
        .await
        .unwrap();
        if release == "10.5.0" {
            let error = a.setvv_snp_cpg(&db, &cpg("fast")).await.unwrap_err();
            assert!(matches!(error, ArrayError::NotOffered { .. }), "{error}");
        } else {
            assert_eq!(
                why(a.setvv_snp_cpg(&db, &cpg("none")).await),
                Refusal::NoSuchCpg
            );
            a.setvv_snp_cpg(&db, &cpg("fast")).await.unwrap();
            let seen = look(&a, "db").await.unwrap();
            assert_eq!(seen.snap_cpg, Some(cpg("fast")));
        }
        a.createsv(&CreateSv {
            name: noon.clone(),
            source: db.clone(),
            read_only: true,
            expires: None,
            retained: None,
            comment: None,
            both_arrays: false,
        })
        .await
        .unwrap();
        let id = a.promotesv(&noon, false).await.unwrap();
        assert_eq!(why(a.promotesv(&noon, false).await), Refusal::Copying);
        assert_eq!(look(&a, "db").await.unwrap().state, VvState::Promoting);
        control.advance(60);
        let task = a.showtask(id).await.unwrap().unwrap();
        assert_eq!(
            (task.kind.as_str(), task.status),
            ("promote_sv", TaskStatus::Done)
        );
        a.growvv(&db, Size::from_gib(1)).await.unwrap();
        assert_eq!(look(&a, "db").await.unwrap().size, Size::from_gib(5));
        assert_eq!(why(a.promotesv(&noon, false).await), Refusal::SizesDiffer);
        let tib = if release == "10.5.0" { 64 } else { 16 };
        let largest = Size::from_gib(tib * 1024);
        assert_eq!(why(a.growvv(&db, largest).await), Refusal::TooLarge);
        a.createvv(&new("other", 1)).await.unwrap();
        assert_eq!(why(a.setvv_name(&db, &vv("other")).await), Refusal::Exists);
        let wwn = look(&a, "db").await.unwrap().wwn;
        a.setvv_name(&db, &vv("ledger")).await.unwrap();
        assert_eq!(look(&a, "ledger").await.unwrap().wwn, wwn);
        assert_eq!(look(&a, "db").await, None);
        assert_eq!(why(a.setvv_name(&db, &vv("x")).await), Refusal::NotFound);
        simulator.shutdown();
    }
}

#[tokio::test]
async fn service_levels() {
    for release in RELEASES {
        println!("{release}");
        let (simulator, _, a) = start(release).await;
        let (gold, none) = (set("gold"), set("none"));
        a.createvvset(&gold, None, &[]).await.unwrap();
        let range = |min, max| Some(QosRange { min, max });
        let later = release == "10.5.0";
        let limits = QosLimits {
            io: range((!later).then_some(100), 300),
            bandwidth: range(None, 2048),
            latency_ms: (!later).then_some(5),
            priority: (!later).then_some(QosPriority::High),
        };
        assert_eq!(a.showqos(None).await.unwrap(), []);
        a.setqos(&gold, &limits).await.unwrap();
        assert_eq!(why(a.setqos(&none, &limits).await), Refusal::NoQosTarget);
        assert_eq!(why(a.setqos_clear(&none).await), Refusal::NoQosTarget);
        a.setqos_state(&gold, false).await.unwrap();
        let QosRule {
            on, limits: seen, ..
        } = a.showqos(Some(&gold)).await.unwrap().remove(0);
        let wanted = QosLimits {
            bandwidth: range((!later).then_some(2048), 2048),
            ..limits
        };
        assert_eq!((on, seen), (false, wanted));
        assert_eq!(why(a.removevvset(&gold).await), Refusal::HasQosRule);
        a.setqos_clear(&gold).await.unwrap();
        assert_eq!(a.showqos(Some(&gold)).await.unwrap(), []);
        let on = a.setflashcache(&gold, FlashCache::Enable).await;
        if later {
            let error = on.unwrap_err();
            assert!(matches!(error, ArrayError::NotOffered { .. }), "{error}");
        } else {
            on.unwrap();
            let seen = a.showflashcache_vvset(&gold).await.unwrap();
            assert_eq!(seen, FlashCache::Enable);
            assert_eq!(
                why(a.setflashcache(&none, FlashCache::Clear).await),
                Refusal::NotFound
            );
            assert!(a.showlicense().await.unwrap().has("Adaptive Flash Cache"));
        }
        simulator.shutdown();
    }
}

#[tokio::test]
async fn compression() {
    for release in RELEASES {
        println!("{release}");
        let (simulator, _, a) = start(release).await;
        let compressed = |gib, on: &str| CreateVv {
            compression: Some(true),
            cpg: cpg(on),
            ..new("v", gib)
        };
        let made = a.createvv(&compressed(16, "fast")).await;
        if release == "3.2.2" {
            let error = made.unwrap_err();
            assert!(matches!(error, ArrayError::NotOffered { .. }), "{error}");
        } else {
            made.unwrap();
            let again = CreateVv {
                name: vv("v2"),
                ..compressed(16, "slow")
            };
            assert_eq!(why(a.createvv(&again).await), Refusal::Unsupported);
        }
        if release == "3.3.1" {
            let small = CreateVv {
                name: vv("v3"),
                ..compressed(8, "fast")
            };
            assert_eq!(why(a.createvv(&small).await), Refusal::TooSmall);
        }
        simulator.shutdown();
    }
}
