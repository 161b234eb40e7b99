//! Typed calls to a simulated array, over each way there is to it: the simulator's own SSH server and a real one, by exec and in a
//! shell, with answers in one piece and a byte at a time.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hpe3par_docker::{
    inform::{Array, ArrayError, CreateVv, Refusal, Templates, VvQuery, greeting},
    model::{CpgName, GroupName, Provisioning, Secret, Size, VvName},
    ssh::{Auth, Endpoint, Pool},
    transcript::{Limits, Transcript},
};
use hpe3par_sim::{Fault, Kind, control::socket};

use crate::{
    LONG,
    openssh::{Sshd, sshd},
    rig::arrays::{Arrays, HOME, LOGIN, PASSWORD},
    snapshots::life_of_a_snapshot,
};

/// The array `HOME`, behind a pool to this endpoint. Gives the pool too, to be asked and closed.
fn array(arrays: &Arrays, endpoint: Endpoint) -> (Array, Pool) {
    let limits = Limits {
        max_size: 1 << 20,
        max_age: Duration::from_secs(3600),
    };
    let dir = arrays.dir.path().join("transcripts");
    let transcript = Transcript::open(&dir, HOME, limits, Vec::new());
    let pool = Pool::new(endpoint, greeting(), 2);
    let templates = Arc::new(Templates::load(None).unwrap());
    let array = Array::new(HOME.to_owned(), pool.clone(), transcript, templates, LONG);
    (array, pool)
}

/// The simulator's own server.
fn simulated(arrays: &Arrays) -> Endpoint {
    let known_hosts = arrays.dir.path().join("known_hosts");
    let line = arrays.simulator.host_key_line(HOME);
    std::fs::write(&known_hosts, format!("{line}\n")).unwrap();
    Endpoint {
        label: HOME.to_owned(),
        host: "127.0.0.1".to_owned(),
        port: arrays.simulator.address(HOME).port(),
        login: LOGIN.to_owned(),
        auth: Auth::Password(Secret::new(PASSWORD.to_owned())),
        known_hosts,
        strict: true,
        legacy_algorithms: false,
        connect_timeout: Duration::from_secs(10),
    }
}

/// The program that was built beside this test.
fn simulator_program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test
        .parent()
        .and_then(Path::parent)
        .unwrap()
        .join("hpe3par-sim");
    assert!(
        program.exists(),
        "`{}` is not built; `cargo test --workspace` builds it, or `cargo build -p hpe3par-sim`",
        program.display()
    );
    program
}

/// A real sshd whose forced command is the simulator's command line, dressed by `dress`. `None`, after saying why, if there is none.
async fn behind_openssh(
    test: &str,
    arrays: &Arrays,
    dress: impl FnOnce(String) -> String,
) -> Option<Sshd> {
    let control = arrays.dir.path().join("control.sock");
    let cli = format!(
        "{} cli --control {} --array {HOME} --user {LOGIN}",
        simulator_program().display(),
        control.display()
    );
    let serving = arrays.control.clone();
    tokio::spawn(async move { socket::serve(serving, &control).await });
    sshd(test, |_| dress(cli)).await
}

/// What the plugin reads most, and one volume's life: every answer that a table, silence, and a refusal on stderr can give.
async fn life_of_a_volume(arrays: &Arrays, array: &Array) {
    let release = array.showversion().await.unwrap();
    assert_eq!((release.major, release.minor, release.patch), (3, 3, 1));

    let group = GroupName::new("prod").unwrap();
    // The words that there is none come on stderr, after a table on stdout.
    assert_eq!(array.showrcopy_group(&group).await.unwrap(), None);
    assert_eq!(array.showrcopy_groups().await.unwrap(), []);

    let (one, two) = (
        VvName::new("dkv-one").unwrap(),
        VvName::new("dkv-two").unwrap(),
    );
    assert_eq!(array.showvv(VvQuery::Name(&one)).await.unwrap(), []);
    let cpg = CpgName::new("ssd_r5").unwrap();
    let mut create = CreateVv {
        name: one.clone(),
        cpg: cpg.clone(),
        snap_cpg: Some(cpg.clone()),
        size: Size::from_gib(1),
        provisioning: Provisioning::Thin,
        compression: None,
        // Longer than a line of a terminal.
        comment: format!(
            "dk1/ns=/name=one/op=host7.4f2a/state=making/own={}",
            "0123456789".repeat(20)
        ),
        one_host: true,
    };
    array.createvv(&create).await.unwrap();
    let refused = array.createvv(&create).await.unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::Exists), "{refused}");
    create.name = two.clone();
    array.createvv(&create).await.unwrap();

    let seen = array.showvv(VvQuery::Name(&one)).await.unwrap();
    let [vv] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((&vv.name, vv.size), (&one, Size::from_gib(1)));
    assert_eq!(
        (&vv.user_cpg, &vv.snap_cpg),
        (&Some(cpg.clone()), &Some(cpg))
    );
    assert_eq!(vv.comment.as_ref(), Some(&create.comment));
    let there = arrays.dump();
    let wwn = there[HOME]["vvs"][one.as_str()]["wwn"].as_str();
    assert_eq!(wwn, Some(vv.wwn.as_str()), "{:#}", there[HOME]["vvs"]);
    let listed = array.showvv(VvQuery::Prefix("dkv-")).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|vv| &vv.name).collect();
    assert_eq!(listed, [&one, &two]);

    array.setvv_comment(&one, "dk1/state=ready").await.unwrap();
    let seen = array.showvv(VvQuery::Name(&one)).await.unwrap();
    assert_eq!(seen[0].comment.as_deref(), Some("dk1/state=ready"));
    life_of_a_snapshot(array, &one).await;
    for name in [&one, &two] {
        array.removevv(name).await.unwrap();
        assert_eq!(array.showvv(VvQuery::Name(name)).await.unwrap(), []);
    }
    let gone = array.removevv(&one).await.unwrap_err();
    assert!(matches!(gone, ArrayError::Refused { .. }), "{gone}");
    assert_eq!(array.showvv(VvQuery::Prefix("dkv-")).await.unwrap(), []);
}

/// Runs it, and shows that the array is as before.
async fn and_nothing_is_left(arrays: &Arrays, endpoint: Endpoint) {
    let before = arrays.dump();
    let (array, pool) = array(arrays, endpoint);
    life_of_a_volume(arrays, &array).await;
    pool.close().await;
    assert_eq!(arrays.dump(), before);
}

/// Every answer comes a byte at a time.
fn trickle(arrays: &Arrays) {
    let fault = Fault::new(Kind::Trickle).on(HOME).repeat();
    arrays.control.fault(fault).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn by_exec() {
    let arrays = Arrays::start().await;
    and_nothing_is_left(&arrays, simulated(&arrays)).await;
    trickle(&arrays);
    and_nothing_is_left(&arrays, simulated(&arrays)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_shell_where_exec_says_nothing() {
    let arrays = Arrays::start().await;
    arrays.control.switch(HOME, "shell_only", true).unwrap();
    and_nothing_is_left(&arrays, simulated(&arrays)).await;
    trickle(&arrays);
    and_nothing_is_left(&arrays, simulated(&arrays)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_on_stdout_or_without_a_status_read_the_same() {
    for switch in ["errors_on_stdout", "errors_exit_zero", "no_exit_status"] {
        let arrays = Arrays::start().await;
        arrays.control.switch(HOME, switch, true).unwrap();
        and_nothing_is_left(&arrays, simulated(&arrays)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_real_sshd_by_exec() {
    let arrays = Arrays::start().await;
    let Some(sshd) = behind_openssh("behind_a_real_sshd_by_exec", &arrays, |cli| cli).await else {
        return;
    };
    and_nothing_is_left(&arrays, sshd.endpoint.clone()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_real_sshd_a_byte_at_a_time() {
    let arrays = Arrays::start().await;
    let slowly = |cli| format!("{cli} 2>&1 | dd bs=1 status=none");
    let Some(sshd) = behind_openssh("behind_a_real_sshd_a_byte_at_a_time", &arrays, slowly).await
    else {
        return;
    };
    and_nothing_is_left(&arrays, sshd.endpoint.clone()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_real_sshd_in_a_shell() {
    let arrays = Arrays::start().await;
    let shell_only = |cli| format!("test -n \"$SSH_ORIGINAL_COMMAND\" || exec {cli}");
    let Some(sshd) = behind_openssh("behind_a_real_sshd_in_a_shell", &arrays, shell_only).await
    else {
        return;
    };
    and_nothing_is_left(&arrays, sshd.endpoint.clone()).await;
}
