//! A container that writes all the time, while the arrays behind its volume change places, and while either of them dies.

use serde_json::Value;

use super::{
    Stage,
    failover::Release,
    rig::{
        arrays::{HOME, PEER, later, persistent, witnessed},
        engine::until,
    },
};

const GROUP: &str = "prod";
const GROUP_THERE: &str = "prod.r130512";
/// Numbers its lines, each of which is on the volume before the next, and says so when one is lost.
const WRITER: &str = "n=0; while :; do n=$((n+1)); \
    { echo line $n >> /data/lines && sync && echo $n > /written; } || echo lost $n; done";

async fn stage(test: &str, release: Release) -> Option<Stage> {
    let describe = |toml: String| match release {
        Release::R331 => witnessed(&toml),
        Release::R1050 => later(&witnessed(&toml)),
    };
    let stage = Stage::set_on(test, &[], describe, |_, conf| persistent(&conf)).await?;
    let group = format!("replicationGroup={GROUP}");
    stage.create("db1", &["backend=mirrored", &group, "size=1"]);
    stage.in_step();
    Some(stage)
}

impl Stage {
    /// Waits until both arrays replicate and every volume is equal.
    #[track_caller]
    fn in_step(&self) {
        until("both Started and Synced", || {
            let dump = self.arrays.dump();
            [(HOME, GROUP), (PEER, GROUP_THERE)]
                .iter()
                .all(|(array, group)| {
                    let half = &dump[array]["groups"][group];
                    let synced = |volume: &Value| volume["sync"] == "Synced";
                    let volumes = half["volumes"].as_array();
                    half["status"] == "Started" && volumes.is_some_and(|all| all.iter().all(synced))
                })
        });
    }

    #[track_caller]
    fn until_roles(&self, home: &str, peer: &str) {
        until(&format!("{home} and {peer}"), || {
            let dump = self.arrays.dump();
            dump[HOME]["groups"][GROUP]["role"] == home
                && dump[PEER]["groups"][GROUP_THERE]["role"] == peer
        });
    }

    async fn operates(&self, array: &str, operation: &str) {
        let group = if array == HOME { GROUP } else { GROUP_THERE };
        let line = format!("setrcopygroup {operation} -f {group}");
        let said = self.arrays.type_in(array, &line).await;
        assert!(said.contains("started with tasks"), "{line}: {said}");
    }

    /// The arrays that export something, and what.
    fn exports(&self) -> [usize; 2] {
        let dump = self.arrays.dump();
        [HOME, PEER].map(|array| dump[array]["vluns"].as_array().unwrap().len())
    }

    fn begin_to_write(&self) {
        let words = ["run", "-d", "--name", "app", "--network", "none"];
        let more = [
            "--stop-timeout",
            "1",
            "-v",
            "db1:/data",
            "--volume-driver",
            "hpe",
        ];
        let end = ["box", "sh", "-c", WRITER];
        self.engine.ok(&[&words[..], &more[..], &end[..]].concat());
        self.writes_on();
    }

    fn written(&self) -> u64 {
        let output = self.engine.docker(&["exec", "app", "cat", "/written"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.trim().parse().unwrap_or(0)
    }

    /// The container writes on, from now, and nothing was lost.
    #[track_caller]
    fn writes_on(&self) {
        let before = self.written();
        until("more lines", || self.written() > before + 5);
        assert_eq!(self.engine.ok(&["logs", "app"]), "");
    }

    /// Stops and removes the container. Every line is there, in its place, from whichever array serves.
    #[track_caller]
    fn ends_with_every_line(&self) {
        let written = self.written();
        self.engine.ok(&["stop", "-t", "0", "app"]);
        assert_eq!(self.engine.ok(&["logs", "app"]), "");
        self.engine.ok(&["rm", "app"]);
        let text = self.run("db1", "cat /data/lines");
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines.len() as u64 >= written,
            "{} of {written}",
            lines.len()
        );
        for (at, line) in lines.iter().enumerate() {
            assert_eq!(*line, format!("line {}", at + 1));
        }
    }

    #[track_caller]
    fn is_clear_at_last(&self) {
        until("nothing left", || {
            self.exports() == [0, 0] && self.machine.open_entries() == 0 && !self.mounted("db1")
        });
    }
}

async fn switched_over_and_back(release: Release, test: &str) {
    let Some(stage) = stage(test, release).await else {
        return;
    };
    stage.begin_to_write();
    assert_eq!(stage.exports(), [1, 1]);
    for _ in 0..2 {
        stage.operates(HOME, "switchover").await;
        stage.until_roles("Secondary", "Primary");
        stage.writes_on();
        stage.operates(PEER, "switchover").await;
        stage.until_roles("Primary", "Secondary");
        stage.writes_on();
    }
    assert_eq!(stage.exports(), [1, 1]);
    stage.ends_with_every_line();
    stage.is_clear_at_last();
    stage.engine.ok(&["volume", "rm", "db1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn switchover_there_and_back_3_3() {
    let test = "peer_persistence::switchover_there_and_back_3_3";
    switched_over_and_back(Release::R331, test).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn switchover_there_and_back_10_x() {
    let test = "peer_persistence::switchover_there_and_back_10_x";
    switched_over_and_back(Release::R1050, test).await;
}

/// The primary dies under the container and comes back; the container never notices.
#[tokio::test(flavor = "multi_thread")]
async fn the_primary_dies_and_comes_back() {
    let test = "peer_persistence::the_primary_dies_and_comes_back";
    let Some(mut stage) = stage(test, Release::R331).await else {
        return;
    };
    stage.begin_to_write();
    stage.arrays.control.down(HOME).await.unwrap();
    until("the automatic failover", || {
        stage.arrays.dump()[PEER]["groups"][GROUP_THERE]["role"] == "Primary-Rev"
    });
    stage.writes_on();
    stage.restart_plugin();
    stage.writes_on();
    stage.arrays.control.up(HOME).await.unwrap();
    until("the old export gone", || stage.exports() == [0, 1]);
    for (operation, [home, peer]) in [
        ("recover", ["Secondary-Rev", "Primary-Rev"]),
        ("restore", ["Primary", "Secondary"]),
    ] {
        stage.operates(PEER, operation).await;
        stage.until_roles(home, peer);
        stage.in_step();
        until("both exports", || stage.exports() == [1, 1]);
        stage.writes_on();
    }
    stage.ends_with_every_line();
    stage.is_clear_at_last();
}

/// With either array dead: `docker run`, `docker volume inspect`, `docker stop`; and `docker volume rm` when it is back.
async fn lives_with(dead: &'static str, test: &str) {
    let Some(stage) = stage(test, Release::R331).await else {
        return;
    };
    let label = |array| stage.arrays.simulator.address(array).to_string();
    stage.run("db1", "echo ledger > /data/file");
    stage.arrays.control.down(dead).await.unwrap();
    let alive = if dead == HOME {
        until("the automatic failover", || {
            stage.arrays.dump()[PEER]["groups"][GROUP_THERE]["role"] == "Primary-Rev"
        });
        PEER
    } else {
        HOME
    };
    assert_eq!(stage.run("db1", "cat /data/file"), "ledger");
    stage.start("app", "db1");
    assert_eq!(stage.exec("app", "cat /data/file"), "ledger");
    let status = stage.inspect("db1")["Status"].clone();
    let serving = status["serving"].as_str().unwrap();
    assert!(serving.starts_with(&label(alive)), "{serving}");
    let why = status["mounted here"]["exported by"].as_str().unwrap();
    assert!(why.starts_with("one array only"), "{why}");
    assert!(why.contains(&label(dead)), "{why}");
    stage.engine.ok(&["stop", "-t", "0", "app"]);
    assert!(!stage.mounted("db1"));
    stage.engine.ok(&["rm", "app"]);
    let said = stage.engine.fails(&["volume", "rm", "db1"]);
    assert!(
        said.contains(&label(dead)) && said.contains("hint:"),
        "{said}"
    );
    assert!(!said.trim().contains('\n'), "{said}");

    stage.arrays.control.up(dead).await.unwrap();
    if dead == HOME {
        for (operation, [home, peer]) in [
            ("recover", ["Secondary-Rev", "Primary-Rev"]),
            ("restore", ["Primary", "Secondary"]),
        ] {
            stage.operates(PEER, operation).await;
            stage.until_roles(home, peer);
            stage.in_step();
        }
    }
    stage.in_step();
    stage.is_clear_at_last();
    assert_eq!(stage.run("db1", "cat /data/file"), "ledger");
    stage.engine.ok(&["volume", "rm", "db1"]);
    assert!(!stage.arrays.dump().to_string().contains("dkv-db1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_primary_dead() {
    lives_with(HOME, "peer_persistence::with_the_primary_dead").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_secondary_dead() {
    lives_with(PEER, "peer_persistence::with_the_secondary_dead").await;
}
