//! Hosts, host sets and VLUNs.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod pair;

use hpe3par_sim::state::Release::{V322, V331, V1050};
use pair::{Desk, IQN, WWPN};

const NO_PATHS: &str = "Warning: Host h1 has no active paths.  Template may be created but no active VLUNs will be created.\n";

/// Two volumes, a host with an iSCSI and an FC path, one without any.
fn desk() -> Desk {
    let mut desk = Desk::new(V331);
    desk.quiet(&[
        "createvv -tpvv fast v1 1g",
        "createvv -tpvv fast v2 1g",
        &format!("createhost -iscsi -persona 2 h1 {IQN}"),
        &format!("createhost -add h1 {}", WWPN.to_lowercase()),
        "createhost -comment bare -domain law h2",
        "createhost h3",
        "createhostset both h1 h3",
    ]);
    desk
}

fn templates(desk: &mut Desk) -> Vec<String> {
    desk.ask("north", "showvlun -t -csvtable -nohdtot")
        .stdout
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn showhost_has_a_row_for_each_path_and_port() {
    let mut desk = desk();
    let logins = &mut desk.array("north").logins;
    logins.insert(WWPN.into(), vec!["0:1:1".into(), "1:1:1".into()]);
    logins.insert("2100001B32000099".into(), vec!["1:1:1".into()]);
    assert_eq!(
        desk.ask("north", "showhost h1 h2").stdout,
        "Id Name  Persona      -------WWN/iSCSI_Name------- Port 
 1 h1    Generic-ALUA iqn.2024-01.org.example:web1 ---  
                      2100001B32000001             0:1:1
                      2100001B32000001             1:1:1
 2 h2    Generic-ALUA ---                          --- \u{20}
--------------------------------------------------------
 4 total                                                \n"
    );
    assert_eq!(
        desk.column("north", "showhost", "Name"),
        ["h1", "", "", "h2", "h3", "--"]
    );
    assert_eq!(
        desk.column("north", "showhost -d", "Id"),
        ["1", "1", "1", "2", "3", "--"]
    );
    assert_eq!(
        desk.column("north", "showhost -d h1", "IP_addr"),
        ["n/a", "n/a", "n/a"]
    );
    assert_eq!(
        desk.column("north", "showhost set:both", "Id"),
        ["1", "", "", "3"]
    );
    assert_eq!(desk.column("north", "showhost -domain law", "Name"), ["h2"]);
    assert_eq!(
        desk.column("north", "showhost -persona 2 h3", "Name"),
        ["h3"]
    );
    assert_eq!(
        desk.column("north", "showhost -noname", "WWN/iSCSI_Name"),
        ["2100001B32000099"]
    );
    assert_eq!(
        desk.ask("north", "showhost nobody").stdout,
        "no hosts listed\n"
    );
    let text = desk.ask("north", "showhost -verbose h2").stdout;
    for part in [
        "-Initiator_CHAP_Name-",
        "---------- Host h2 ----------",
        "Comment    : bare  ",
        "Domain     : law",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(
        !desk
            .ask("north", "showhost -desc h2")
            .stdout
            .contains("CHAP")
    );
    assert!(
        desk.ask("north", "showhost -listpersona")
            .stdout
            .contains("VMware")
    );
    assert!(
        Desk::new(V1050)
            .ask("north", "createhost h ; showhost -d")
            .stdout
            .contains("WWN/iSCSI_Name/NQN")
    );
}

#[test]
fn createhost_refuses() {
    let mut desk = desk();
    assert_eq!(
        desk.refused(
            "north",
            &format!(
                "createhost -iscsi new {}",
                IQN.to_uppercase().replace("IQN", "iqn")
            )
        ),
        "\n\talready used by host h1 (1)\n"
    );
    for (line, words) in [
        ("createhost h1", "already exists"),
        ("createhost -add none 2100001B32000002", "does not exist"),
        ("createhost -add -persona 2 h1 2100001B32000002", "SYNTAX"),
        ("createhost -add h1", "SYNTAX"),
        ("createhost -persona 3 new", "Invalid persona"),
        ("createhost new 2100001B3200", "Invalid WWN"),
        ("createhost new iqn.2024-01.org.example:x", "Invalid WWN"),
        (
            "createhost -iscsi new 2100001B32000002",
            "Invalid iSCSI name",
        ),
        ("createhost -domain none new", "domain none does not exist"),
        (
            "createhost abcdefghijklmnopqrstuvwxyz123456",
            "Invalid host name",
        ),
        ("createhost", "SYNTAX"),
    ] {
        let said = desk.refused("north", line);
        assert!(said.contains(words), "{line}: {said}");
    }
    let mut old = Desk::new(V322);
    old.quiet(&["createhost h"]);
    assert_eq!(old.column("north", "showhost", "Persona"), ["Generic"]);
}

#[test]
fn removehost_and_host_sets() {
    let mut desk = desk();
    assert_eq!(
        desk.refused("north", "removehost h1"),
        "Host h1 is still a member of set both\n\n"
    );
    assert!(
        desk.refused("north", "removehost none")
            .contains("does not exist")
    );
    assert!(
        desk.refused("north", "removehost h1 2100001B32000009")
            .contains("not a path")
    );
    desk.quiet(&[
        &format!("removehost h1 {WWPN}"),
        &format!("removehost -iscsi h1 {IQN}"),
    ]);
    assert_eq!(
        desk.column("north", "showhost h1", "WWN/iSCSI_Name"),
        ["---"]
    );
    assert_eq!(
        desk.column("north", "showhostset -host h3", "Members"),
        ["h1", "h3"]
    );
    desk.quiet(&["removehostset -f both h3", "removehost h3"]);
    desk.ask("north", "createvlun v1 1 set:both");
    assert!(
        desk.refused("north", "removehostset -f both")
            .contains("exported")
    );
    desk.ask("north", "removevlun -f v1 1 set:both");
    assert!(desk.ask("north", "removehostset both").question.is_some());
    desk.quiet(&["removehostset -f both"]);
    assert_eq!(
        desk.ask("north", "showhostset").stdout,
        "No host set listed\n"
    );
    desk.ask("north", "createvlun v1 1 h1");
    assert!(desk.refused("north", "removehost h1").contains("exported"));
    desk.ask("north", "removevlun -f v1 1 h1");
    desk.quiet(&["removehost -pat h*"]);
    assert_eq!(desk.ask("north", "showhost").stdout, "no hosts listed\n");
    for (line, words) in [
        ("createhostset s none", "host none does not exist"),
        ("createhostset -add s none", "does not exist"),
        ("removehostset -f s", "host set s does not exist"),
    ] {
        assert!(desk.refused("north", line).contains(words), "{line}");
    }
}

#[test]
fn lun_zero_may_be_left_to_who_asks_for_it() {
    let mut desk = desk();
    desk.array("north")
        .switches
        .insert("lun_zero_left".into(), true);
    desk.ask("north", "createvlun v1 auto h1");
    desk.ask("north", "createvlun v2 0+ h1");
    assert_eq!(
        templates(&mut desk),
        [
            "1,v1,h1,----------------,---,host",
            "0,v2,h1,----------------,---,host",
        ]
    );
}

#[test]
fn createvlun_chooses_luns() {
    let mut desk = desk();
    assert_eq!(desk.ask("north", "createvlun v1 auto h1").stdout, NO_PATHS);
    desk.array("north")
        .logins
        .insert(WWPN.into(), vec!["0:1:1".into()]);
    desk.quiet(&[
        "createvlun v2 0-9 h1",
        "createvlun -f v2 100 h1",
        "createvlun -f v1 20+ 0:1:1 h1",
    ]);
    desk.quiet(&["createvlun v2 100 h1", "createvlun -f v1 7 1:1:1"]);
    assert_eq!(
        templates(&mut desk),
        [
            "0,v1,h1,----------------,---,host",
            "1,v2,h1,----------------,---,host",
            "100,v2,h1,----------------,---,host",
            "20,v1,h1,----------------,0:1:1,matched set",
            "7,v1,---,----------------,1:1:1,port",
        ]
    );
    for (line, words) in [
        ("createvlun -f v1 100 h1", "Error: LUN 100 is already taken"),
        (
            "createvlun -f v1 100 set:both",
            "Error: LUN 100 is already taken",
        ),
        ("createvlun -f v1 0-1 h1", "no LUN is free"),
        ("createvlun v1 16384 h1", "Invalid LUN"),
        ("createvlun v1 9-3 h1", "Invalid LUN"),
        ("createvlun v1 x h1", "Invalid LUN"),
        ("createvlun none 1 h1", "VV none not found"),
        ("createvlun v1 1 none", "host none does not exist"),
        ("createvlun v1 1 set:none", "host set none does not exist"),
        ("createvlun v1 1 7:7:7", "port 7:7:7 does not exist"),
        ("createvlun v1 1 h2", "must be in the same domain"),
        ("createvlun v1 1", "SYNTAX"),
    ] {
        let said = desk.refused("north", line);
        assert!(said.contains(words), "{line}: {said}");
    }
    let asked = desk.ask("north", "createvlun v1 auto h3");
    assert!(asked.question.unwrap().contains("already exported"));
    assert_eq!(templates(&mut desk).len(), 5);
    assert_eq!(desk.yes("north", "createvlun v1 auto h3").status, 0);
    assert_eq!(templates(&mut desk).len(), 6);
}

#[test]
fn one_host_volumes_go_to_one_host() {
    let mut desk = desk();
    desk.quiet(&["createvv -tpvv -pol one_host fast mine 1g"]);
    assert_eq!(desk.ask("north", "createvlun mine auto h1").status, 0);
    for line in [
        "createvlun -f mine auto h3",
        "createvlun -f mine auto set:both",
        "createvlun -f mine 9 0:1:1",
    ] {
        assert!(desk.refused("north", line).contains("one_host"), "{line}");
    }
    desk.ask("north", "removevlun -f mine 0 h1");
    assert_eq!(desk.ask("north", "createvlun mine auto h3").status, 0);
    assert!(
        desk.refused("north", "createvlun -f mine auto h1")
            .contains("one_host")
    );
    desk.ask("north", "createvlun v1 1 h1");
    desk.ask("north", "createvlun -f v1 1 h3");
    assert!(
        desk.refused("north", "setvv -pol one_host v1")
            .contains("more than one host")
    );
}

#[test]
fn active_vluns_follow_logins() {
    let mut desk = desk();
    desk.ask("north", "createvlun v1 5 set:both");
    desk.ask("north", "createvlun v2 auto 0:1:1 h1");
    assert_eq!(desk.ask("north", "showvlun -a").stdout, "no vluns listed\n");
    let logins = &mut desk.array("north").logins;
    logins.insert(IQN.into(), vec!["0:2:1".into()]);
    logins.insert(WWPN.into(), vec!["0:1:1".into(), "1:1:1".into()]);
    assert_eq!(
        desk.ask("north", "showvlun").stdout,
        "Active VLUNs
Lun VVName HostName ----Host_WWN/iSCSI_Name-----  Port        Type Status  ID
  0 v2     h1       2100001B32000001             0:1:1 matched set active   0
  5 v1     h1       2100001B32000001             0:1:1    host set active   0
  5 v1     h1       iqn.2024-01.org.example:web1 0:2:1    host set active   0
  5 v1     h1       2100001B32000001             1:1:1    host set active   1
-----------------------------------------------------------------------------
  4 total                                                                   \u{20}

VLUN Templates
Lun VVName HostName -Host_WWN/iSCSI_Name-  Port        Type
  5 v1     set:both ----------------        ---    host set
  0 v2     h1       ----------------      0:1:1 matched set
-----------------------------------------------------------
  2 total                                                  \n"
    );
    desk.array("north").logins.remove(WWPN);
    assert_eq!(desk.column("north", "showvlun -a", "Port"), ["0:2:1"]);
}

#[test]
fn showvlun_filters_and_columns() {
    let mut desk = desk();
    desk.array("north")
        .logins
        .insert(WWPN.into(), vec!["0:1:1".into(), "1:1:1".into()]);
    desk.quiet(&["createvlun v1 5 h1", "createvvset vs v2"]);
    desk.ask("north", "createvlun set:vs 8 set:both");
    for (line, expected) in [
        ("showvlun -t", &["5", "8"][..]),
        ("showvlun -t -v v1", &["5"]),
        ("showvlun -t -v set:vs", &["8"]),
        ("showvlun -t -host h1", &["5"]),
        ("showvlun -t -host set:both", &["8"]),
        ("showvlun -t -l 8", &["8"]),
        ("showvlun -a -host h1", &["5", "8", "5", "8"]),
        ("showvlun -a -v v2 -nodes 1", &["8"]),
        ("showvlun -a -v v2 -slots 1 -ports 1 -nodes 0", &["8"]),
    ] {
        assert_eq!(desk.column("north", line, "Lun"), expected, "{line}");
    }
    for line in [
        "showvlun -v none",
        "showvlun -t -host none",
        "showvlun -domain law",
    ] {
        let answer = desk.ask("north", line);
        assert_eq!(
            (answer.stdout.as_str(), answer.status),
            ("no vluns listed\n", 0),
            "{line}"
        );
    }
    let wwn = desk.array("north").vvs["v1"].wwn.clone();
    assert_eq!(
        desk.column("north", "showvlun -t -lvw -v v1", "VV_WWN"),
        std::slice::from_ref(&wwn)
    );
    assert_eq!(
        desk.ask(
            "north",
            "showvlun -a -v v1 -showcols VV_WWN,Status,Port,Host_WWN -csvtable -nohdtot"
        )
        .stdout,
        format!("{wwn},active,0:1:1,{WWPN}\n{wwn},active,1:1:1,{WWPN}\n")
    );
    assert_eq!(
        desk.refused("north", "showvlun -showcols Lun,What"),
        "Invalid columns specified: What\n"
    );
    assert!(
        desk.ask("north", "showvlun -listcols")
            .stdout
            .starts_with("Lun,VVName")
    );
}

#[test]
fn removevlun_must_name_the_template() {
    let mut desk = desk();
    desk.ask("north", "createvlun v1 5 set:both");
    desk.ask("north", "createvlun -f v1 6 0:1:1 h1");
    for line in [
        "removevlun -f v1 5 h1",
        "removevlun -f v1 6 h1",
        "removevlun -f v1 6 set:both",
        "removevlun -f v2 5 h1",
    ] {
        assert!(
            desk.refused("north", line).contains("does not exist"),
            "{line}"
        );
    }
    assert!(
        desk.refused("north", "removevlun -f none 5 h1")
            .contains("VV none not found")
    );
    assert!(
        desk.refused("north", "removevlun -f v1 5")
            .contains("SYNTAX")
    );
    assert!(
        desk.ask("north", "removevlun v1 5 set:both")
            .question
            .is_some()
    );
    assert!(
        desk.ask("north", "removevlun -dr v1 5 set:both")
            .stdout
            .contains("Dry run:")
    );
    assert_eq!(templates(&mut desk).len(), 2);
    assert_eq!(
        desk.ask("north", "removevlun -f v1 5 set:both").stdout,
        "Issuing removevlun v1 5 set:both\n"
    );
    assert_eq!(
        desk.ask("north", "removevlun -f v1 6 h1 0:1:1").stdout,
        "Issuing removevlun v1 6 0:1:1 h1\n"
    );
    desk.ask("north", "createvlun v1 5 h1");
    desk.ask("north", "createvlun v2 6 h1");
    let answer = desk.ask("north", "removevlun -f -pat v* * h1");
    assert_eq!(
        answer.stdout,
        "Issuing removevlun v1 5 h1\nIssuing removevlun v2 6 h1\n"
    );
}

#[test]
fn later_arrays_have_paths_that_are_not_optimal() {
    let mut desk = Desk::new(V1050);
    desk.quiet(&[
        "createvv -tpvv fast v1 1g",
        &format!("createhost h1 {WWPN}"),
    ]);
    desk.array("north")
        .logins
        .insert(WWPN.into(), vec!["0:1:1".into(), "1:1:1".into()]);
    desk.quiet(&["createvlun v1 1 h1"]);
    assert_eq!(
        desk.column("north", "showvlun -a", "Status"),
        ["nonopt", "active"]
    );
    assert_eq!(desk.column("north", "showvlun -a", "ID"), ["10", "11"]);
    assert!(
        desk.ask("north", "showvlun -a")
            .stdout
            .contains("-Host_WWN/iSCSI_Name/Host_NQN-")
    );
}

#[test]
fn sethost_keeps_chap_and_never_shows_the_secret() {
    let mut desk = desk();
    let names = |desk: &mut Desk, head: &str| desk.column("north", "showhost -chap h1 h2", head);
    assert_eq!(names(&mut desk, "Initiator_CHAP_Name"), ["--", "--"]);
    desk.quiet(&[
        "sethost initchap secretsecret1 h1",
        "sethost initchap -f -hex -chapname lab 00112233445566778899aabbccddeeff h2",
        "sethost targetchap -chapname arr othersecret12 h2",
    ]);
    assert_eq!(names(&mut desk, "Initiator_CHAP_Name"), ["h1", "lab"]);
    assert_eq!(names(&mut desk, "Target_CHAP_Name"), ["--", "arr"]);
    let verbose = desk.ask("north", "showhost -verbose").stdout;
    assert!(!verbose.contains("secret"), "{verbose}");
    assert!(!format!("{:?}", desk.world).contains("secretsecret1"));
    desk.quiet(&["sethost targetchap targetsecret1 h1"]);
    assert_eq!(names(&mut desk, "Target_CHAP_Name"), ["north", "arr"]);
    desk.quiet(&["sethost removechap -target h1"]);
    assert_eq!(names(&mut desk, "Initiator_CHAP_Name"), ["h1", "lab"]);
    desk.quiet(&["sethost removechap h1 h2"]);
    assert_eq!(names(&mut desk, "Initiator_CHAP_Name"), ["--", "--"]);
    assert_eq!(names(&mut desk, "Target_CHAP_Name"), ["--", "--"]);
}

#[test]
fn sethost_refuses() {
    let mut desk = desk();
    desk.quiet(&["sethost initchap secretsecret1 h1"]);
    for (line, words) in [
        ("sethost", "SYNTAX"),
        ("sethost initchap secretsecret1", "SYNTAX"),
        ("sethost removechap", "SYNTAX"),
        ("sethost initchap short h1", "12 to 16 characters"),
        (
            "sethost initchap seventeencharacte h1",
            "12 to 16 characters",
        ),
        (
            "sethost initchap -hex secretsecret1 h1",
            "32 hexadecimal digits",
        ),
        (
            "sethost initchap secretsecret1 nobody",
            "host nobody does not exist",
        ),
        ("sethost removechap h1 nobody", "host nobody does not exist"),
        (
            "sethost targetchap secretsecret2 h2",
            "has no initiator CHAP",
        ),
        (
            "sethost targetchap secretsecret1 h1",
            "must not be the same",
        ),
    ] {
        let said = desk.refused("north", line);
        assert!(said.contains(words), "{line}: {said}");
        assert!(!said.contains("secretsecret"), "{said}");
    }
}

#[test]
fn nobody_is_logged_in_over_a_cable_that_is_pulled() {
    let mut desk = desk();
    let ports = vec!["0:2:1".into(), "1:2:1".into()];
    desk.array("north").logins.insert(IQN.into(), ports);
    desk.quiet(&["createvlun v1 1 h1"]);
    assert_eq!(
        desk.column("north", "showvlun -a", "Port"),
        ["0:2:1", "1:2:1"]
    );
    let port = desk.array("north").ports.iter_mut();
    let pulled = port.filter(|port| port.position == "0:2:1");
    pulled.for_each(|port| port.cut = true);
    assert_eq!(desk.column("north", "showvlun -a", "Port"), ["1:2:1"]);
    assert_eq!(desk.column("north", "showhost h1", "Port")[0], "1:2:1");
    let states = desk.column("north", "showport -iscsi", "State");
    assert_eq!(states[0], "loss_sync", "{states:?}");
}
