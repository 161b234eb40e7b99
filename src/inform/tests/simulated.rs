//! Snapshots and schedules of simulated arrays of each release: what is sent is taken, what they answer is read.

use hpe3par_sim::{Control, Description, Simulator};

use super::{
    bench::{cpg, vv},
    in_memory::{Book, array},
};
use crate::{
    inform::{Array, CreateSched, CreateSv, CreateVv, Refusal, VvKind, VvQuery},
    model::*,
};

const RELEASES: [&str; 3] = ["3.2.2", "3.3.1", "10.5.0"];
const DAY: u32 = 86_400;

/// An array with the volume `dkv-db`. Time passes only when a test says so.
async fn start(release: &str) -> (Simulator, Control, Array) {
    let text = format!(
        "factor = 1e-6\n[[array]]\nname = \"harbour\"\nid = 7\nserial = \"H7\"\nrelease = \"{release}\"\n\
         time_zone = \"Asia/Kolkata\"\nlatency_ms = 0\nuser = [{{ name = \"dockervol\", role = \"edit\" }}]\n\
         cpg = [{{ name = \"tier1\", free_gib = 1000 }}]\n"
    );
    let simulator = Simulator::start(Description::from_toml(&text).unwrap())
        .await
        .unwrap();
    let control = simulator.control();
    let array = array(&control, "harbour", &Book::default());
    let db = CreateVv {
        name: vv("dkv-db"),
        cpg: cpg("tier1"),
        snap_cpg: Some(cpg("tier1")),
        size: Size::from_gib(1),
        provisioning: Provisioning::Thin,
        compression: None,
        comment: "dk1/ns=/name=db".to_owned(),
        one_host: false,
    };
    array.createvv(&db).await.unwrap();
    (simulator, control, array)
}

fn hours(hours: u32) -> Option<Hours> {
    Some(Hours::new(hours).unwrap())
}

fn snapshot(name: &str, source: &str) -> CreateSv {
    CreateSv {
        name: vv(name),
        source: vv(source),
        read_only: true,
        expires: None,
        retained: None,
        both_arrays: false,
        comment: None,
    }
}

async fn copies(array: &Array) -> Vec<VvName> {
    let query = vv("dkv-db");
    let copies = array.showvv(VvQuery::CopiesOf(&query)).await.unwrap();
    copies.into_iter().map(|vv| vv.name).collect()
}

#[tokio::test]
async fn a_snapshot_is_kept_and_then_goes() {
    for release in RELEASES {
        let (_simulator, control, array) = start(release).await;
        let kept = CreateSv {
            expires: hours(48),
            retained: hours(24),
            ..snapshot("dkv-kept", "dkv-db")
        };
        array.createsv(&kept).await.unwrap();
        let seen = array.showvv(VvQuery::Name(&kept.name)).await.unwrap();
        let [seen] = &seen[..] else {
            panic!("{seen:?}");
        };
        assert_eq!(seen.kind, VvKind::VirtualCopy);
        assert_eq!(seen.copy_of, Some(kept.source.clone()));
        let now = array.showdate().await.unwrap().remove(0);
        for (time, hours) in [(&seen.expires, 48), (&seen.retained_until, 24)] {
            let time = time.as_ref().unwrap();
            assert_eq!(time.zone, "IST");
            let left = time.local.duration_since(now.local).as_secs();
            assert!((hours * 3600 - 60..=hours * 3600).contains(&left), "{left}");
        }

        let refused = array.removevv(&kept.name).await.unwrap_err();
        assert_eq!(refused.refusal(), Some(Refusal::Retained), "{refused}");
        let refused = array.removevv(&kept.source).await.unwrap_err();
        assert_eq!(refused.refusal(), Some(Refusal::HasChildren), "{refused}");
        let less = array.setvv_retain(&kept.name, Hours::new(1).unwrap()).await;
        assert_eq!(less.unwrap_err().refusal(), Some(Refusal::Retained));
        let beyond = array
            .setvv_retain(&kept.name, Hours::new(72).unwrap())
            .await;
        assert_eq!(beyond.unwrap_err().refusal(), Some(Refusal::BadTime));
        let early = array.setvv_exp(&kept.name, hours(2)).await;
        assert_eq!(early.unwrap_err().refusal(), Some(Refusal::BadTime));
        control.advance(DAY);
        array.setvv_exp(&kept.name, hours(1)).await.unwrap();
        control.advance(3600);
        assert_eq!(copies(&array).await, []);
        array.removevv(&kept.source).await.unwrap();
    }
}

#[tokio::test]
async fn each_no_of_a_snapshot_has_its_kind() {
    for release in RELEASES {
        let (_simulator, _, array) = start(release).await;
        array.createsv(&snapshot("dkv-1", "dkv-db")).await.unwrap();
        let beyond = CreateSv {
            expires: hours(1),
            retained: hours(2),
            ..snapshot("dkv-2", "dkv-db")
        };
        let alone = CreateSv {
            both_arrays: true,
            ..snapshot("dkv-2", "dkv-db")
        };
        for (create, kind) in [
            (snapshot("dkv-1", "dkv-db"), Refusal::Exists),
            (snapshot("dkv-2", "dkv-none"), Refusal::NotFound),
            (beyond, Refusal::BadTime),
            (alone, Refusal::InRemoteCopy),
        ] {
            let refused = array.createsv(&create).await.unwrap_err();
            assert_eq!(refused.refusal(), Some(kind), "{refused}");
        }
        if release == "10.5.0" {
            continue;
        }
        let bare = CreateVv {
            name: vv("dkv-bare"),
            cpg: cpg("tier1"),
            snap_cpg: None,
            size: Size::from_gib(1),
            provisioning: Provisioning::Thin,
            compression: None,
            comment: "x".to_owned(),
            one_host: false,
        };
        array.createvv(&bare).await.unwrap();
        let refused = array.createsv(&snapshot("dkv-2", "dkv-bare")).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.refusal(), Some(Refusal::NoSnapshotSpace));
        assert!(refused.hint().unwrap().contains("snapshot CPG"));
    }
}

#[tokio::test]
async fn a_schedule_makes_snapshots_that_are_known_by_their_names() {
    for release in RELEASES {
        let (_simulator, control, array) = start(release).await;
        let schedule = CreateSched {
            name: ScheduleName::new("db-often").unwrap(),
            frequency: ScheduleFrequency::new("*/10 * * * *").unwrap(),
            source: vv("dkv-db"),
            prefix: SnapshotPrefix::new("fifteen-letters").unwrap(),
            read_only: true,
            expires: hours(1),
            retained: None,
        };
        array.createsched(&schedule).await.unwrap();
        let shown = array.showsched(Some(&schedule.name)).await.unwrap();
        assert_eq!(shown[0].frequency.as_ref(), Some(&schedule.frequency));
        assert_eq!(shown[0].created_by, "dockervol");
        assert!(shown[0].next.is_some());
        control.advance(DAY);
        let made = copies(&array).await;
        assert_eq!(made.len(), 6);
        assert!(
            made.iter().all(|name| schedule.prefix.is_of(name)),
            "{made:?}"
        );
        array.removesched(&schedule.name).await.unwrap();
        assert_eq!(array.showsched(None).await.unwrap(), []);
        control.advance(DAY);
        assert_eq!(copies(&array).await, []);
    }
}
