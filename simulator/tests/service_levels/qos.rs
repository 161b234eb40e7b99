//! Rules for quality of service.

use hpe3par_sim::state::Release::{V322, V331, V1050};

use crate::{all_refused, desk, without};

const NO_TARGET: &str = "no matching QoS target found";

#[test]
fn rules_come_change_and_go() {
    for release in [V322, V331] {
        let mut desk = desk(release);
        assert_eq!(desk.ask("north", "showqos").stdout, "no QoS rules listed\n");
        desk.quiet(&[
            "setqos -io 300 vvset:gold",
            "setqos -bw 100k-2m -lt 5 -pri high vvset:bulk,sys:all_others",
        ]);
        let said = desk.ask("north", "showqos").stdout;
        let wanted = "\
                               --IO/s-- --KB/s--- --ms---
Id Type  Name       QoS Priority Min  Max Min   Max Latency
";
        let words = |text: &str| -> Vec<String> {
            text.lines()
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect()
        };
        assert_eq!(words(&said)[1], words(wanted)[1]);
        assert!(
            words(&said).contains(&"1 vvset gold on normal 300 300 -- -- --".to_owned()),
            "{said}"
        );
        assert!(
            words(&said).contains(&"2 vvset bulk on high -- -- 100 2048 5".to_owned()),
            "{said}"
        );
        assert_eq!(desk.column("north", "showqos vvset:g*", "Name"), ["gold"]);
        desk.quiet(&["setqos -off -io 10-20 vvset:gold"]);
        let rule = desk.array("north").qos["vvset:gold"].clone();
        assert!(rule.off);
        let io = rule.io.unwrap();
        assert_eq!((rule.id, io.min, io.max), (1, 10, 20));
        let said = desk.refused("north", "removevvset -f gold");
        assert!(said.contains("vv set gold is a QoS target"), "{said}");
        desk.quiet(&[
            "setqos -on vvset:gold",
            "setqos -clear vvset:gold",
            "removevvset -f gold",
        ]);
    }
}

#[test]
fn what_is_no_target_or_no_limit_is_refused() {
    let mut desk = desk(V331);
    all_refused(
        &mut desk,
        &[
            ("setqos -io 300 vvset:none", NO_TARGET),
            ("setqos -io 300 vvset:gold,vvset:none", NO_TARGET),
            ("setqos -io 300 gold", NO_TARGET),
            ("setqos -io 300 domain:none", NO_TARGET),
            ("setqos -clear vvset:gold", NO_TARGET),
            ("setqos -on vvset:none", NO_TARGET),
            ("setqos vvset:gold", "SYNTAX"),
            ("setqos -io 300 -clear vvset:gold", "SYNTAX"),
            ("setqos -on -off vvset:gold", "SYNTAX"),
            ("setqos -io x vvset:gold", "Invalid value of -io"),
            ("setqos -io 300-100 vvset:gold", "Invalid value of -io"),
            ("setqos -bw 0 vvset:gold", "Invalid value of -bw"),
            ("setqos -lt 0 vvset:gold", "Invalid value of -lt"),
            ("setqos -pri urgent vvset:gold", "Invalid value of -pri"),
        ],
    );
    desk.quiet(&["setqos -io 300 domain:law"]);
    let mut bare = without(V331, "Priority Optimization");
    let words = "Priority Optimization is not licensed";
    all_refused(
        &mut bare,
        &[("setqos -io 300 vvset:gold", words), ("showqos", words)],
    );
}

#[test]
fn later_releases_know_limits_alone_and_no_licence() {
    let mut desk = without(V1050, "Priority Optimization");
    all_refused(
        &mut desk,
        &[
            ("setqos -lt 5 vvset:gold", "SYNTAX"),
            ("setqos -pri high vvset:gold", "SYNTAX"),
            ("setqos -io 100-300 vvset:gold", "Invalid value of -io"),
        ],
    );
    desk.quiet(&["setqos -io 300 vvset:gold"]);
    let said = desk.ask("north", "showqos").stdout;
    assert!(!said.contains("Min") && said.contains("300"), "{said}");
}
