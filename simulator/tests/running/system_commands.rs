//! The commands that show the system, over SSH: one case for each option and refusal.

use hpe3par_sim::Simulator;
use hpe3par_sim::state::{PortProtocol, Release};

use crate::client::{Heard, run};
use crate::{NORTH, SOUTH, description, start};

/// The text of a column in each row: cut where the head has it, up to the next head.
fn column(listing: &str, head: &str) -> Vec<String> {
    let lines: Vec<&str> = listing.lines().collect();
    let at = lines
        .iter()
        .position(|line| {
            line.split_whitespace()
                .any(|word| word.trim_matches('-') == head)
        })
        .unwrap();
    let heads = lines[at];
    // Heads may be at the right or at the left of their column: the cell is what touches the head's own extent.
    let start = heads.find(head).unwrap();
    let end = start + head.len();
    lines[at + 1..]
        .iter()
        .take_while(|line| !line.starts_with("---"))
        .map(|line| {
            let left = line[..start.min(line.len())]
                .rfind(' ')
                .map_or(0, |at| at + 1);
            let left = if line[start..].starts_with(' ') {
                start
            } else {
                left
            };
            let right = line[end.min(line.len())..]
                .find(' ')
                .map_or(line.len(), |at| end + at);
            line[left..right].trim().to_owned()
        })
        .collect()
}

async fn with_release(release: Release) -> Simulator {
    let mut description = description();
    description.arrays[0].release = release;
    Simulator::start(description).await.unwrap()
}

fn refused_with_usage(heard: &Heard) {
    assert!(heard.stderr.contains("SYNTAX"), "{heard:?}");
    assert_eq!((heard.status, heard.stdout.as_str()), (Some(1), ""));
}

#[tokio::test]
async fn showversion() {
    let simulator = start().await;
    let plain = run(&simulator, NORTH, "showversion").await.stdout;
    assert!(plain.starts_with("Release version 3.3.1 (MU2)\nPatches:  None\n\nComponent Name                   Version"), "{plain}");
    assert!(
        plain.contains("\nCLI Server                       3.3.1 (MU2)                     \n"),
        "{plain}"
    );
    let all = run(&simulator, NORTH, "showversion -a").await.stdout;
    assert!(all.len() > plain.len() && all.contains("Drive Firmware"));
    assert_ne!(run(&simulator, NORTH, "showversion -b").await.stdout, plain);
    assert_eq!(
        run(&simulator, NORTH, "showversion -s").await.stdout,
        "3.3.1 (MU2)\n"
    );
    refused_with_usage(&run(&simulator, NORTH, "showversion -x").await);
    refused_with_usage(&run(&simulator, NORTH, "showversion 3").await);
    let later = with_release(Release::V1050).await;
    let later = run(&later, NORTH, "showversion").await.stdout;
    assert!(
        later.starts_with("Release version 10.5.0\nRelease Type: Standard Support Release\n\n"),
        "{later}"
    );
    let earlier = with_release(Release::V322).await;
    assert!(
        run(&earlier, NORTH, "showversion")
            .await
            .stdout
            .starts_with("Release version 3.2.2 (MU2)\n")
    );
}

#[tokio::test]
async fn showsys() {
    let simulator = start().await;
    let plain = run(&simulator, NORTH, "showsys").await.stdout;
    let lines: Vec<&str> = plain.lines().collect();
    assert_eq!(lines.len(), 3, "no separator, no total: {plain}");
    assert!(lines[0].trim_matches(' ').trim_matches('-') == "(MB)");
    assert_eq!(column(&plain, "ID"), ["0x1FFFF"]);
    assert_eq!(column(&plain, "Name"), [NORTH]);
    assert_eq!(column(&plain, "FreeCap"), ["73400320"]);
    assert!(plain.contains(" HPE_3PAR 8200 ") && plain.contains("ClusterLED"));
    assert_eq!(
        run(&simulator, NORTH, "showsys -nohdtot")
            .await
            .stdout
            .lines()
            .count(),
        1
    );
    let details = run(&simulator, NORTH, "showsys -d").await.stdout;
    assert!(
        details
            .lines()
            .any(|line| line.starts_with("System ID") && line.ends_with("0x1FFFF")),
        "{details}"
    );
    let settings = run(&simulator, NORTH, "showsys -param").await.stdout;
    assert!(
        settings
            .lines()
            .any(|line| line.starts_with("SessionTimeout") && line.ends_with(" : 01:00:00"))
    );
    refused_with_usage(&run(&simulator, NORTH, "showsys -fan").await);
    let later = with_release(Release::V1050).await;
    let later = run(&later, NORTH, "showsys").await.stdout;
    assert!(later.contains("(MiB)") && !later.contains("ClusterLED"));
}

#[tokio::test]
async fn showcpg() {
    let simulator = start().await;
    run(
        &simulator,
        NORTH,
        "createvv -tpvv -snp_cpg gold_r6 gold_r6 v1 10g",
    )
    .await;
    run(&simulator, NORTH, "createvv disk_r6 v2 2g").await;
    let all = run(&simulator, NORTH, "showcpg").await.stdout;
    assert_eq!(column(&all, "Name"), ["gold_r6", "disk_r6"]);
    assert_eq!(column(&all, "TPVVs"), ["1", "0"]);
    assert_eq!(column(&all, "Base"), ["512", "2048"]);
    assert!(
        all.lines()
            .last()
            .unwrap()
            .trim_start()
            .starts_with("2 total")
    );
    let one = run(&simulator, NORTH, "showcpg disk*").await.stdout;
    assert_eq!(column(&one, "Name"), ["disk_r6"]);
    assert_eq!(
        run(&simulator, NORTH, "showcpg nope").await.stdout,
        "no cpgs listed\n"
    );
    assert_eq!(
        run(&simulator, NORTH, "showcpg -domain d1").await.stdout,
        "no cpgs listed\n"
    );
    assert_eq!(
        column(
            &run(&simulator, NORTH, "showcpg -listdom").await.stdout,
            "Domain"
        ),
        ["-", "-"]
    );
    let control = simulator.control();
    control.switch(NORTH, "login_sees_nothing", true).unwrap();
    for (line, says) in [
        ("showcpg", "no cpgs listed\n"),
        ("showvv", "no vv listed\n"),
        ("showvv -showcols Id,Name nightly", "no vv listed\n"),
    ] {
        let heard = run(&simulator, NORTH, line).await;
        assert_eq!((heard.status, heard.stdout.as_str()), (Some(0), says));
    }
    control.switch(NORTH, "login_sees_nothing", false).unwrap();
    refused_with_usage(&run(&simulator, NORTH, "showcpg -x").await);
    let later = with_release(Release::V1050).await;
    assert_eq!(
        column(&run(&later, NORTH, "showcpg").await.stdout, "Free"),
        ["20971520", "52428800"]
    );
    let earlier = with_release(Release::V322).await;
    let earlier = run(&earlier, NORTH, "showcpg").await.stdout;
    assert_eq!(
        earlier.lines().nth(1).unwrap().matches("Total").count(),
        3,
        "{earlier}"
    );
}

#[tokio::test]
async fn showport() {
    let simulator = start().await;
    let all = run(&simulator, NORTH, "showport").await.stdout;
    assert_eq!(
        column(&all, "N:S:P"),
        ["0:1:1", "1:1:1", "0:2:1", "1:2:1", "0:3:1", "1:3:1"]
    );
    assert_eq!(
        column(&all, "Protocol"),
        ["FC", "FC", "iSCSI", "iSCSI", "IP", "IP"]
    );
    assert!(
        all.contains(" 2FF70002AC01FFFF   20110002AC01FFFF host "),
        "{all}"
    );
    assert_eq!(all.lines().last().unwrap().trim_end(), "    6");
    let iscsi = run(&simulator, NORTH, "showport -iscsi").await.stdout;
    assert_eq!(column(&iscsi, "IPAddr"), ["192.0.2.11", "192.0.2.12"]);
    assert_eq!(column(&iscsi, "TPGT"), ["21", "121"]);
    let names = run(&simulator, NORTH, "showport -iscsiname -csvtable")
        .await
        .stdout;
    assert!(
        names.contains("\n0:2:1,192.0.2.11,iqn.2000-05.com.3pardata:20210002ac01ffff\n"),
        "{names}"
    );
    assert!(names.ends_with("\n2,,\n"));
    let links = run(&simulator, NORTH, "showport -rcip 1:3:1").await.stdout;
    assert_eq!(column(&links, "IPAddr"), ["198.51.100.12"]);
    refused_with_usage(&run(&simulator, NORTH, "showport -iscsi -rcip").await);
    refused_with_usage(&run(&simulator, NORTH, "showport -x").await);
    let mut without = description();
    without.arrays[0]
        .ports
        .retain(|port| port.protocol == PortProtocol::Fc);
    without.arrays[0].initiators.clear();
    let without = Simulator::start(without).await.unwrap();
    for form in ["-iscsi", "-iscsiname", "-rcip"] {
        let heard = run(&without, NORTH, &format!("showport {form}")).await;
        assert_eq!(
            (heard.stdout.as_str(), heard.status),
            ("There is no specified port information.\n", Some(0))
        );
    }
}

#[tokio::test]
async fn a_port_that_is_not_ready_has_no_address_rate() {
    let mut description = description();
    for port in &mut description.arrays[0].ports {
        port.state = "offline".to_owned();
        port.ip = None;
    }
    let simulator = Simulator::start(description).await.unwrap();
    let iscsi = run(&simulator, NORTH, "showport -iscsi").await.stdout;
    assert_eq!(
        (column(&iscsi, "IPAddr"), column(&iscsi, "Rate")),
        (vec!["0.0.0.0".to_owned(); 2], vec!["n/a".to_owned(); 2])
    );
    assert_eq!(
        column(
            &run(&simulator, NORTH, "showport -rcip").await.stdout,
            "IPAddr"
        ),
        ["-", "-"]
    );
}

#[tokio::test]
async fn showlicense_and_what_is_missing() {
    let mut description = description();
    description.arrays[1]
        .licenses
        .retain(|licence| licence != "Remote Copy");
    let simulator = Simulator::start(description).await.unwrap();
    let named = |text: &str| text.lines().any(|line| line.trim() == "Remote Copy");
    assert!(named(&run(&simulator, NORTH, "showlicense").await.stdout));
    assert!(!named(&run(&simulator, SOUTH, "showlicense").await.stdout));
    assert!(
        !run(&simulator, NORTH, "showlicense -raw")
            .await
            .stdout
            .contains("Remote Copy")
    );
    let refused = run(&simulator, SOUTH, "creatercopygroup g1 to-north:sync").await;
    assert!((refused.stdout + &refused.stderr).contains("licensed"));
}

#[tokio::test]
async fn showuser_and_showdate() {
    let simulator = start().await;
    let users = run(&simulator, NORTH, "showuser").await.stdout;
    assert_eq!(column(&users, "Username"), ["3paradm", "auditor"]);
    assert_eq!(column(&users, "Role"), ["super", "browse"]);
    assert_eq!(
        column(
            &run(&simulator, NORTH, "showuser aud*").await.stdout,
            "Username"
        ),
        ["auditor"]
    );
    let date = run(&simulator, NORTH, "showdate").await.stdout;
    let lines: Vec<&str> = date.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "Node Date"));
    assert!(
        lines[1].starts_with("0    20") && lines[1].ends_with(" (Europe/Berlin)"),
        "{date}"
    );
}

#[tokio::test]
async fn setclienv_refusals_help_and_unknown_commands() {
    let simulator = start().await;
    for wrong in [
        "setclienv csvtable",
        "setclienv csvtable maybe",
        "setclienv nonsense 1",
    ] {
        refused_with_usage(&run(&simulator, NORTH, wrong).await);
    }
    assert_eq!(
        run(&simulator, NORTH, "setclienv shortnames 1").await,
        Heard {
            status: Some(0),
            ..Heard::default()
        }
    );
    assert!(
        run(&simulator, NORTH, "help")
            .await
            .stdout
            .lines()
            .any(|line| line == "showsys")
    );
    assert!(
        run(&simulator, NORTH, "help showsys")
            .await
            .stdout
            .contains("showsys [-d]")
    );
    assert_eq!(
        run(&simulator, NORTH, "help nonsense").await.status,
        Some(1)
    );
    let unknown = run(&simulator, NORTH, "shownonsense").await;
    assert_eq!(
        (unknown.stderr.as_str(), unknown.status),
        ("invalid command name \"shownonsense\"\n", Some(1))
    );
    let open = run(&simulator, NORTH, "showsys \"x").await;
    assert_eq!(open.status, Some(1));
    assert_eq!(run(&simulator, NORTH, "exit").await.status, Some(0));
}
