//! What `docker volume create` prints when a volume cannot be replicated as asked, and that nothing was done then.

use super::{
    Stage,
    rig::arrays::{Arrays, HOME, PEER},
};

/// Arrays of a later release, beside those of the rig.
const LATER_HOME: &str = "cedar";
const LATER_PEER: &str = "dogwood";

/// The rig's arrays, a pair of a later release, and a target from the one home array to the other.
fn two_pairs(toml: String) -> String {
    let (_, arrays) = toml.split_once("[[array]]").unwrap();
    let mut later = format!("[[array]]{arrays}");
    for (one, other) in [
        (HOME, LATER_HOME),
        (PEER, LATER_PEER),
        ("130512", "131012"),
        ("130777", "131077"),
        ("AMB1", "CED1"),
        ("BIR1", "DOG1"),
        ("10.40.", "10.42."),
        ("10.41.", "10.43."),
    ] {
        later = later.replace(one, other);
    }
    let later = later.replace(
        "auth_rejection_ms",
        "release = \"10.5.0\"\nauth_rejection_ms",
    );
    let target = |to: &str, address: &str| {
        format!(
            "[[array.target]]\nname = \"to-{to}\"\narray = \"{to}\"\n[[array.target.links]]\nport = \"0:3:1\"\naddress = \"{address}\"\n"
        )
    };
    let with = |toml: String, own_link: &str, more: String| {
        let link = format!("address = \"{own_link}\"\n");
        toml.replacen(&link, &(link.clone() + &more), 1)
    };
    let toml = with(toml, "10.41.2.11", target(LATER_HOME, "10.43.1.11"));
    let later = with(later, "10.43.2.11", target(HOME, "10.41.1.11"));
    toml + &later
}

/// Beside `mirrored` two more: `metro` on the same arrays with Peer Persistence, and `later` on the other pair.
fn three_replicated(arrays: &Arrays, conf: String) -> String {
    let (_, mirrored) = conf.split_once("[mirrored]").unwrap();
    let mirrored = format!("[mirrored]{mirrored}");
    let hosts = arrays.dir.path().join("host1/known_hosts");
    let known = std::fs::read_to_string(&hosts).unwrap();
    let keys = [LATER_HOME, LATER_PEER].map(|array| arrays.simulator.host_key_line(array) + "\n");
    std::fs::write(hosts, known + &keys.concat()).unwrap();
    let port = |array: &str| {
        format!(
            "san_ssh_port = {}\n",
            arrays.simulator.address(array).port()
        )
    };
    let metro = mirrored.replace("[mirrored", "[metro").replace(
        "replication_mode =",
        "quorum_witness_ip = \"10.44.0.1\"\nreplication_mode =",
    );
    let later = mirrored
        .replace("[mirrored", "[later")
        .replace(&port(HOME), &port(LATER_HOME))
        .replace(&port(PEER), &port(LATER_PEER))
        .replace(PEER, LATER_PEER);
    format!("{conf}\n{metro}\n{later}")
}

impl Stage {
    /// What `docker volume create` prints, which is one line, and after which the arrays are as before. `array` is the one the line
    /// must name, if any.
    fn refused(&self, backend: &str, options: &[&str], array: Option<&str>) -> String {
        let before = self.arrays.dump();
        let backend = format!("backend={backend}");
        let mut all = vec!["size=1", backend.as_str()];
        all.extend(options);
        let said = self.engine.fails(&self.creating("db9", &all));
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("VolumeDriver.Create: volume `db9`"), "{said}");
        assert!(said.contains("; hint: "), "{said}");
        if let Some(array) = array {
            let label = self.arrays.simulator.address(array).to_string();
            assert!(said.contains(&format!("array `{label}`")), "{said}");
        }
        assert_eq!(self.arrays.dump(), before, "{said}");
        assert!(!self.engine.ok(&["volume", "ls"]).contains("db9"));
        said
    }

    /// As [`Stage::refused`], for a group that exists.
    fn does_not_fit(&self, backend: &str, group: &str, parts: &[&str]) {
        let array = match backend {
            "later" => LATER_HOME,
            _ => HOME,
        };
        let said = self.refused(
            backend,
            &[&format!("replicationGroup={group}")],
            Some(array),
        );
        let named = format!("remote copy group `{group}`");
        for part in parts.iter().chain([&named.as_str()]) {
            assert!(said.contains(part), "{part} is missing in: {said}");
        }
    }

    /// A storage administrator types a command that says nothing, or only that a task began.
    async fn administrator(&self, array: &str, line: &str) {
        let said = self.arrays.type_in(array, line).await;
        assert!(
            said.is_empty() || said.contains("started with tasks"),
            "{line}: {said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_is_one_line_and_changes_nothing() {
    let test = "engine::refused::each_refusal_is_one_line_and_changes_nothing";
    let Some(stage) = Stage::set_on(test, &[], two_pairs, three_replicated).await else {
        return;
    };
    the_three_rules(&stage);
    groups_of_another_kind(&stage).await;
    stopped_by_a_person(&stage).await;
    failed_over_and_half_way_back(&stage).await;
}

fn the_three_rules(stage: &Stage) {
    let said = stage.refused("mirrored", &[], None);
    let told = "`replicationGroup` must be given: backend `mirrored` replicates every volume";
    assert!(said.contains(told), "{said}");
    // So no plain volume can be made there, whatever else is asked for.
    let said = stage.refused("mirrored", &["provisioning=full", "fsMode=0750"], None);
    assert!(said.contains(told), "{said}");
    let plain =
        "for a volume without replication choose a backend that has no `replication_device`";
    assert!(said.contains(plain), "{said}");
    let said = stage.refused("DEFAULT", &["replicationGroup=prod"], None);
    let told = "`replicationGroup`: backend `DEFAULT` has no `replication_device`";
    assert!(said.contains(told), "{said}");
}

async fn groups_of_another_kind(stage: &Stage) {
    let make = |group: &str, target: &str, mode: &str| {
        format!(
            "creatercopygroup -usr_cpg ssd_r5 {target}:ssd_r5 -snp_cpg ssd_r5 {target}:ssd_r5 {group} {target}:{mode}"
        )
    };
    let home = async |line: &str| stage.administrator(HOME, line).await;
    home(&make("weekly", "to-birch", "periodic")).await;
    stage.does_not_fit("mirrored", "weekly", &["is Periodic", "`synchronous`"]);

    home(&make("elsewhere", "to-cedar", "sync")).await;
    stage.does_not_fit("mirrored", "elsewhere", &["`to-cedar`", "`to-birch`"]);

    home(&make("watched", "to-birch", "sync")).await;
    stage.does_not_fit(
        "metro",
        "watched",
        &["has no `auto_failover`", "quorum_witness_ip"],
    );
    home("setrcopygroup pol auto_failover watched").await;
    stage.does_not_fit("metro", "watched", &["has no `path_management`"]);
    let hint = "`setrcopygroup pol no_auto_failover watched`";
    stage.does_not_fit(
        "mirrored",
        "watched",
        &["has `auto_failover`", "no `quorum_witness_ip`", hint],
    );

    let line = "creatercopygroup -usr_cpg ssd_r5 to-dogwood:ssd_r5 both to-dogwood:sync";
    stage.administrator(LATER_HOME, line).await;
    stage
        .administrator(LATER_HOME, "setrcopygroup pol active_active both")
        .await;
    stage.does_not_fit("later", "both", &["has `active_active`"]);
}

async fn stopped_by_a_person(stage: &Stage) {
    let options = ["backend=mirrored", "replicationGroup=halted", "size=1"];
    stage.create("db1", &options);
    stage.until_group(HOME, "halted", "Primary", "Started");
    stage.administrator(HOME, "stoprcopygroup -f halted").await;
    let told = ["Stopped with 1 volume in it", "`startrcopygroup halted`"];
    stage.does_not_fit("mirrored", "halted", &told);
    // What the line says to do is enough.
    stage.administrator(HOME, "startrcopygroup halted").await;
    stage.until_group(HOME, "halted", "Primary", "Started");
    stage.create("db2", &options);
    stage.engine.ok(&["volume", "rm", "db1", "db2"]);
}

async fn failed_over_and_half_way_back(stage: &Stage) {
    let there = "turned.r130512";
    stage.create(
        "db3",
        &["backend=mirrored", "replicationGroup=turned", "size=1"],
    );
    stage.until_group(HOME, "turned", "Primary", "Started");
    stage.arrays.control.cut_links(HOME, PEER).unwrap();
    stage
        .administrator(PEER, &format!("setrcopygroup failover -f {there}"))
        .await;
    stage.until_group(PEER, there, "Primary-Rev", "Stopped");
    stage.arrays.control.restore_links(HOME, PEER).unwrap();
    let birch = stage.arrays.simulator.address(PEER).to_string();
    let told = [
        "is Primary on array",
        birch.as_str(),
        "`setrcopygroup recover`",
        "`showrcopy groups turned`",
    ];
    stage.does_not_fit("mirrored", "turned", &told);

    stage
        .administrator(PEER, &format!("setrcopygroup recover -f {there}"))
        .await;
    stage.until_group(PEER, there, "Primary-Rev", "Started");
    stage
        .administrator(PEER, &format!("stoprcopygroup -f {there}"))
        .await;
    stage.until_group(PEER, there, "Primary-Rev", "Stopped");
    let told = [
        "is being failed over or back",
        "Secondary-Rev",
        "Primary-Rev",
        "`setrcopygroup restore`",
    ];
    stage.does_not_fit("mirrored", "turned", &told);
}
