//! `Get`, where an `Err` makes the engine forget a volume and every reference to it.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    server::Plugin,
    wire::{ENGINE, post},
};

#[tokio::test]
async fn only_what_certainly_does_not_exist_is_an_err() {
    let plugin = Plugin::start().await;
    let mut engine = plugin.connect().await;
    let long = "x".repeat(300);
    // The empty name is what engines ask for after they have forgotten a volume.
    for name in ["absent1", "", "../x", "a/b", "X", long.as_str()] {
        let reply = engine
            .call("VolumeDriver.Get", &format!(r#"{{"Name":"{name}"}}"#))
            .await;
        assert_eq!(reply.status, 500, "{name}");
        assert!(reply.err().starts_with("no such volume: `"), "{reply:?}");
    }
    assert_eq!(plugin.fake.calls(), ["get absent1"]);
}

#[tokio::test]
async fn what_is_not_certain_closes_the_connection_without_a_byte() {
    let plugin = Plugin::start().await;
    for body in [
        r#"{"Name":"unknown1"}"#,
        r#"{"Name":"denied1"}"#,
        r#"{"Name":"boom1"}"#,
        // Another volume under this name would be taken for it.
        r#"{"Name":"other1"}"#,
        // The engine's repetition of a request whose connection broke.
        "",
        "{}",
        r#"{"Name":null}"#,
        r#"{"Name":7}"#,
        r#"{"Name":"db1""#,
        "not JSON",
    ] {
        let mut engine = plugin.connect().await;
        engine.ask("VolumeDriver.Get", body).await;
        engine.closed_without_a_byte().await;
    }
    // And the plugin goes on.
    assert_eq!(
        plugin
            .connect()
            .await
            .call("VolumeDriver.Get", r#"{"Name":"db1"}"#)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_or_is_too_long_closes_the_connection() {
    let plugin = Plugin::start().await;
    let mut client = plugin.connect().await;
    let head =
        format!("POST /VolumeDriver.Get HTTP/1.1\r\n{ENGINE}Transfer-Encoding: chunked\r\n\r\n");
    client.send(head.as_bytes()).await;
    client.send(b"zz\r\n").await;
    client.closed_without_a_byte().await;

    let long = format!(r#"{{"Name":"db1"}}{}"#, " ".repeat(1024 * 1024));
    let request = post(
        "VolumeDriver.Get",
        &format!("{ENGINE}Connection: close\r\n"),
        &long,
    );
    let rest = plugin
        .connect()
        .await
        .send_all_and_read_rest(request.as_bytes())
        .await;
    assert_eq!(rest, b"");
    assert!(plugin.fake.calls().is_empty());
}

#[tokio::test]
async fn a_time_that_the_engine_cannot_read_is_left_out() {
    let plugin = Plugin::start().await;
    let reply = plugin
        .connect()
        .await
        .call("VolumeDriver.Get", r#"{"Name":"timeless1"}"#)
        .await;
    assert_eq!(reply.status, 200);
    assert!(reply.json["Volume"].get("CreatedAt").is_none(), "{reply:?}");
}

/// Time is virtual: both ends are on one thread, and the clock moves only when neither has anything to do.
#[tokio::test(start_paused = true)]
async fn a_look_up_without_end_closes_the_connection_in_time() {
    let plugin = Plugin::start().await;
    let started = Instant::now();
    let mut engine = plugin.connect().await;
    engine.ask("VolumeDriver.Get", r#"{"Name":"slow1"}"#).await;
    engine.closed_without_a_byte().await;
    assert_eq!(started.elapsed().as_secs(), 50);
    assert!(started.elapsed() < Duration::from_secs(60));
}
