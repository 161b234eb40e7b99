//! Work that outlives its request, and requests that outlive the plugin.

use tokio::{
    net::UnixStream,
    task::JoinSet,
    time::{Duration, Instant, sleep, timeout},
};

use super::{
    server::{GRACE, Plugin},
    wire::Client,
};

const CHANGES: [&str; 4] = ["Create", "Remove", "Mount", "Unmount"];

#[tokio::test]
async fn work_goes_on_when_the_engine_hangs_up() {
    let plugin = Plugin::start().await;
    for verb in CHANGES {
        let mut engine = plugin.connect().await;
        engine
            .ask(
                &format!("VolumeDriver.{verb}"),
                r#"{"Name":"slow1","ID":"1"}"#,
            )
            .await;
        plugin.fake.arrived.acquire().await.unwrap().forget();
        drop(engine);
        // Both ends are on one thread: by the time that another connection has its answers, the hang-up was seen.
        let mut other = plugin.connect().await;
        for _ in 0..10 {
            other.call("VolumeDriver.List", "").await;
        }
        plugin.fake.gate.add_permits(1);
        let ended = timeout(Duration::from_secs(30), plugin.fake.ended.acquire()).await;
        ended
            .unwrap_or_else(|_| panic!("{verb} was cut off"))
            .unwrap()
            .forget();
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_comes_inside_the_engines_limit_and_the_work_goes_on() {
    let plugin = Plugin::start().await;
    for (verb, seconds) in CHANGES.into_iter().zip([110, 50, 110, 50]) {
        let started = Instant::now();
        let path = format!("VolumeDriver.{verb}");
        let reply = plugin
            .connect()
            .await
            .call(&path, r#"{"Name":"slow1","ID":"1"}"#)
            .await;
        assert_eq!(started.elapsed().as_secs(), seconds, "{verb}");
        assert!(
            reply
                .err()
                .starts_with(&format!("still running after {seconds} s")),
            "{reply:?}"
        );
        assert!(
            reply.err().contains("`slow1`") && reply.err().contains("; hint: "),
            "{reply:?}"
        );
        plugin.fake.gate.add_permits(1);
        let ended = timeout(Duration::from_secs(1), plugin.fake.ended.acquire()).await;
        ended
            .unwrap_or_else(|_| panic!("{verb} was cut off"))
            .unwrap()
            .forget();
    }
}

/// The engine sends no Unmount for a mount it never heard of, so somebody else has to.
#[tokio::test(start_paused = true)]
async fn a_mount_that_nobody_heard_of_is_told_to_the_service_and_no_other() {
    let plugin = Plugin::start().await;
    let mount = r#"{"Name":"slow1","ID":"1"}"#;
    let told = || {
        plugin
            .fake
            .calls()
            .iter()
            .filter(|call| call.starts_with("abandoned"))
            .count()
    };

    // Heard of.
    plugin.fake.gate.add_permits(1);
    plugin
        .connect()
        .await
        .call("VolumeDriver.Mount", mount)
        .await;
    // Failed: there is nothing to take back.
    plugin
        .connect()
        .await
        .call("VolumeDriver.Mount", r#"{"Name":"denied1","ID":"1"}"#)
        .await;
    assert_eq!(told(), 0);

    // Answered "still running".
    let late = plugin
        .connect()
        .await
        .call("VolumeDriver.Mount", mount)
        .await;
    assert!(late.err().starts_with("still running"), "{late:?}");
    plugin.fake.gate.add_permits(1);
    timeout(Duration::from_secs(30), plugin.fake.abandoned.acquire())
        .await
        .unwrap()
        .unwrap()
        .forget();
    assert_eq!(told(), 1);

    // Hung up.
    let mut engine = plugin.connect().await;
    plugin.fake.arrived.forget_permits(usize::MAX);
    engine.ask("VolumeDriver.Mount", mount).await;
    plugin.fake.arrived.acquire().await.unwrap().forget();
    drop(engine);
    let mut other = plugin.connect().await;
    for _ in 0..10 {
        other.call("VolumeDriver.List", "").await;
    }
    plugin.fake.gate.add_permits(1);
    timeout(Duration::from_secs(30), plugin.fake.abandoned.acquire())
        .await
        .unwrap()
        .unwrap()
        .forget();
    assert_eq!(told(), 2);
}

#[tokio::test]
async fn a_panic_is_an_error_of_that_request_only() {
    let plugin = Plugin::start().await;
    let mut engine = plugin.connect().await;
    for verb in ["Create", "Remove", "Mount", "Unmount", "Path"] {
        let reply = engine
            .call(
                &format!("VolumeDriver.{verb}"),
                r#"{"Name":"boom1","ID":"1"}"#,
            )
            .await;
        assert_eq!(reply.status, 500);
        assert!(
            reply.err().starts_with("internal error in VolumeDriver."),
            "{reply:?}"
        );
        assert!(!reply.err().contains("told to panic"), "{reply:?}");
    }
    assert_eq!(engine.call("VolumeDriver.List", "{}").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_connections_at_once() {
    let plugin = Plugin::start().await;
    let mut engines = JoinSet::new();
    // One call that hangs keeps nobody else waiting.
    let mut hung = plugin.connect().await;
    hung.ask("VolumeDriver.Create", r#"{"Name":"slow1"}"#).await;
    for n in 0..200 {
        let socket = plugin.socket.clone();
        engines.spawn(async move {
            let mut engine = Client::connect(&socket).await;
            for round in 0..3 {
                let name = format!("db{n}-{round}");
                let body = format!(r#"{{"Name":"{name}","ID":"1"}}"#);
                let reply = engine.call("VolumeDriver.Get", &body).await;
                assert_eq!(reply.json["Volume"]["Name"], name.as_str());
                let reply = engine.call("VolumeDriver.Mount", &body).await;
                assert_eq!(reply.json["Mountpoint"], format!("/mnt/{name}"));
            }
        });
    }
    let done = engines.join_all().await;
    assert_eq!(done.len(), 200);
    plugin.fake.gate.add_permits(1);
    assert_eq!(hung.reply().await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept() {
    let plugin = Plugin::start().await;
    let mut engine = plugin.connect().await;
    for idle in [31, 61, 3600] {
        assert_eq!(engine.call("VolumeDriver.List", "{}").await.status, 200);
        sleep(Duration::from_secs(idle)).await;
    }
    assert_eq!(engine.call("VolumeDriver.List", "{}").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn at_the_end_requests_in_flight_are_answered_and_no_new_ones_taken() {
    let plugin = Plugin::start().await;
    let (fake, socket) = (plugin.fake.clone(), plugin.socket.clone());
    let idle = plugin.connect().await;
    let mut engine = plugin.connect().await;
    engine
        .ask("VolumeDriver.Create", r#"{"Name":"slow1"}"#)
        .await;
    fake.arrived.acquire().await.unwrap().forget();

    let (served, _directory) = plugin.stop();
    idle.closed_without_a_byte().await;
    assert!(UnixStream::connect(&socket).await.is_err());
    assert!(!socket.exists());
    assert!(!served.is_finished());

    fake.gate.add_permits(1);
    let reply = engine.reply().await;
    assert_eq!(reply.status, 200);
    assert!(
        reply.head.to_lowercase().contains("connection: close"),
        "{}",
        reply.head
    );
    served.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_end_does_not_wait_for_ever() {
    let plugin = Plugin::start().await;
    let fake = plugin.fake.clone();
    let mut engine = plugin.connect().await;
    engine
        .ask("VolumeDriver.Create", r#"{"Name":"slow1"}"#)
        .await;
    fake.arrived.acquire().await.unwrap().forget();
    let started = Instant::now();
    let (served, _directory) = plugin.stop();
    served.await.unwrap();
    assert_eq!(started.elapsed().as_secs(), GRACE.as_secs());
}
