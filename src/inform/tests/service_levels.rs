//! Quality of service and flash cache of VV sets.

use super::bench::{Bench, fixture, release3, release10, says, set};
use crate::{
    inform::{ArrayError, QosTargetKind, Refusal},
    model::*,
};

const LIMITS: QosLimits = QosLimits {
    io: Some(QosRange {
        min: Some(100),
        max: 300,
    }),
    bandwidth: Some(QosRange {
        min: None,
        max: 2048,
    }),
    latency_ms: Some(5),
    priority: Some(QosPriority::High),
};

#[tokio::test]
async fn rules_are_written_and_read() {
    let bench = Bench::new(vec![
        release3(),
        says(""),
        fixture("setqos/no-target"),
        says(""),
        says(""),
        says(""),
        fixture("showqos/two"),
        fixture("showqos/no-target"),
    ]);
    let a = &bench.array;
    let fast = set("dkl-fast");
    a.setqos(&fast, &LIMITS).await.unwrap();
    let error = a.setqos(&fast, &LIMITS).await.unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::NoQosTarget));
    let swapped = QosLimits {
        io: LIMITS.bandwidth,
        bandwidth: LIMITS.io,
        ..QosLimits::default()
    };
    a.setqos(&fast, &swapped).await.unwrap();
    a.setqos_state(&fast, false).await.unwrap();
    a.setqos_clear(&fast).await.unwrap();
    let rules = a.showqos(None).await.unwrap();
    assert_eq!(rules[0].kind, QosTargetKind::VvSet);
    assert_eq!((rules[0].on, rules[1].on), (true, false));
    let range = |min, max| {
        Some(QosRange {
            min: Some(min),
            max,
        })
    };
    assert_eq!(
        rules[0].limits,
        QosLimits {
            io: range(300, 300),
            bandwidth: range(0, 102_400),
            latency_ms: Some(5),
            priority: Some(QosPriority::Normal),
        }
    );
    assert_eq!(rules[1].limits.io, None);
    assert_eq!(a.showqos(Some(&fast)).await.unwrap(), []);
    assert_eq!(
        bench.sent()[1..],
        [
            "setqos -io 100-300 -bw 2048k -lt 5 -pri high vvset:dkl-fast",
            "setqos -io 100-300 -bw 2048k -lt 5 -pri high vvset:dkl-fast",
            "setqos -io 2048 -bw 100k-300k vvset:dkl-fast",
            "setqos -off vvset:dkl-fast",
            "setqos -clear vvset:dkl-fast",
            "showqos",
            "showqos vvset:dkl-fast",
        ]
    );
}

#[tokio::test]
async fn later_releases_have_limits_alone_and_no_flash_cache() {
    let bench = Bench::new(vec![release10(), says(""), fixture("showqos.4/one")]);
    let a = &bench.array;
    let fast = set("dkl-fast");
    let limit = QosLimits {
        io: Some(QosRange {
            min: None,
            max: 300,
        }),
        ..QosLimits::default()
    };
    a.setqos(&fast, &limit).await.unwrap();
    let rule = a.showqos(None).await.unwrap().remove(0);
    assert_eq!(rule.limits, limit);
    for error in [
        a.setqos(&fast, &LIMITS).await.unwrap_err(),
        a.setflashcache(&fast, FlashCache::Enable)
            .await
            .unwrap_err(),
        a.showflashcache_vvset(&fast).await.unwrap_err(),
    ] {
        assert!(matches!(error, ArrayError::NotOffered { .. }), "{error}");
    }
    assert_eq!(bench.left(), 0);
    assert_eq!(
        bench.sent()[1..],
        ["setqos -io 300 vvset:dkl-fast", "showqos"]
    );
}

#[tokio::test]
async fn flash_cache_is_set_and_read() {
    let bench = Bench::new(vec![
        release3(),
        says(""),
        fixture("showflashcache-vvset/two"),
        fixture("showflashcache-vvset/two"),
        fixture("showflashcache-vvset/none"),
    ]);
    let a = &bench.array;
    a.setflashcache(&set("audit"), FlashCache::Disable)
        .await
        .unwrap();
    let mut seen = Vec::new();
    for name in ["dkl-fast", "audit", "other"] {
        seen.push(a.showflashcache_vvset(&set(name)).await.unwrap());
    }
    use FlashCache::{Clear, Disable, Enable};
    assert_eq!(seen, [Enable, Disable, Clear]);
    assert_eq!(
        bench.sent()[1..3],
        [
            "setflashcache disable vvset:audit",
            "showflashcache -vvset dkl-fast"
        ]
    );
}
