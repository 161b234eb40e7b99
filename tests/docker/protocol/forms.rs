//! The many forms in which engines and people send the same request.

use serde_json::json;

use super::{
    server::Plugin,
    wire::{ENGINE, post},
};

const LONG_ID: &str = "0c81391e0c81391e0c81391e0c81391e0c81391e0c81391e0c81391e0c81391e";

#[tokio::test]
async fn all_nine_requests_on_one_connection() {
    let plugin = Plugin::start().await;
    let mut engine = plugin.connect().await;
    let mount = format!(r#"{{"Name":"db1","ID":"{LONG_ID}"}}"#);
    for (path, body, expected) in [
        (
            "Plugin.Activate",
            "",
            json!({"Implements": ["VolumeDriver"]}),
        ),
        (
            "VolumeDriver.Capabilities",
            "{}",
            json!({"Capabilities": {"Scope": "global"}}),
        ),
        (
            "VolumeDriver.Create",
            r#"{"Name":"db1","Opts":{"size":"5"}}"#,
            json!({"Err": ""}),
        ),
        (
            "VolumeDriver.Get",
            r#"{"Name":"db1"}"#,
            json!({"Volume": {"Name": "db1", "CreatedAt": "2026-03-01T08:00:00Z", "Status": {"array": "eva1"}}}),
        ),
        (
            "VolumeDriver.Mount",
            mount.as_str(),
            json!({"Mountpoint": "/mnt/db1"}),
        ),
        (
            "VolumeDriver.Path",
            r#"{"Name":"mounted1"}"#,
            json!({"Mountpoint": "/mnt/mounted1"}),
        ),
        (
            "VolumeDriver.Path",
            r#"{"Name":"db1"}"#,
            json!({"Mountpoint": ""}),
        ),
        (
            "VolumeDriver.List",
            "{}",
            json!({"Volumes": [{"Name": "db1"}, {"Name": "mounted1", "Mountpoint": "/mnt/mounted1"}]}),
        ),
        ("VolumeDriver.Unmount", mount.as_str(), json!({"Err": ""})),
        (
            "VolumeDriver.Remove",
            r#"{"Name":"db1"}"#,
            json!({"Err": ""}),
        ),
    ] {
        let reply = engine.call(path, body).await;
        assert_eq!((reply.status, &reply.json), (200, &expected), "{path}");
    }
    let expected = [
        "engine started".to_owned(),
        "create db1 5 GiB".to_owned(),
        "get db1".to_owned(),
        format!("mount db1 {LONG_ID}"),
        format!("unmount db1 {LONG_ID}"),
        "remove db1".to_owned(),
    ];
    assert_eq!(plugin.fake.calls(), expected);
}

#[tokio::test]
async fn headers_do_not_matter() {
    let plugin = Plugin::start().await;
    let body = r#"{"Name":"db1","Opts":{}}"#;
    for headers in [
        ENGINE,
        "Host: plugin.moby.localhost\r\n",
        "Host: %2Frun%2Fdocker%2Fplugins%2Fhpe.sock\r\n",
        "Host: /run/docker/plugins/hpe.sock\r\n",
        "Host: \r\nContent-Type: application/vnd.docker.plugins.v1.1+json\r\n",
        "Host: x\r\nContent-Type: application/json\r\n",
        "Host: x\r\nContent-Type: application/x-www-form-urlencoded\r\n",
        "Host: x\r\nContent-Type: \u{e4}\r\nAccept: text/html\r\n",
        "",
    ] {
        let mut client = plugin.connect().await;
        client
            .send(post("VolumeDriver.Create", headers, body).as_bytes())
            .await;
        assert_eq!(client.reply().await.status, 200, "{headers:?}");
    }
}

#[tokio::test]
async fn a_chunked_body_is_a_body() {
    let plugin = Plugin::start().await;
    let mut client = plugin.connect().await;
    let head =
        format!("POST /VolumeDriver.Create HTTP/1.1\r\n{ENGINE}Transfer-Encoding: chunked\r\n\r\n");
    client.send(head.as_bytes()).await;
    client.send(b"8\r\n{\"Name\":\r\n").await;
    client.send(b"6\r\n\"db1\"}\r\n0\r\n\r\n").await;
    assert_eq!(client.reply().await.status, 200);
    assert_eq!(plugin.fake.calls(), ["create db1 100 GiB"]);
}

#[tokio::test]
async fn a_request_may_come_one_byte_at_a_time() {
    let plugin = Plugin::start().await;
    let mut client = plugin.connect().await;
    for byte in post("VolumeDriver.Remove", ENGINE, r#"{"Name":"db1"}"#).bytes() {
        client.send(&[byte]).await;
    }
    assert_eq!(client.reply().await.status, 200);
}

#[tokio::test]
async fn null_absent_and_new_fields_are_taken() {
    let plugin = Plugin::start().await;
    let mut engine = plugin.connect().await;
    for body in [
        r#"{"Name":"db1","Opts":null}"#,
        r#"{"Name":"db1"}"#,
        r#"{"Name":"db1","Opts":{"size":null},"Labels":{"a":"b"}}"#,
        r#"{"Name":"db1","Opts":{"size":""}}"#,
    ] {
        assert_eq!(
            engine.call("VolumeDriver.Create", body).await.status,
            200,
            "{body}"
        );
    }
    assert_eq!(plugin.fake.calls(), ["create db1 100 GiB"; 4]);
}

#[tokio::test]
async fn a_body_is_needed_only_where_it_says_something() {
    let plugin = Plugin::start().await;
    let mut engine = plugin.connect().await;
    for path in [
        "Plugin.Activate",
        "VolumeDriver.Capabilities",
        "VolumeDriver.List",
    ] {
        for body in ["", "{}", "not JSON"] {
            assert_eq!(engine.call(path, body).await.status, 200, "{path} {body:?}");
        }
        // As `curl -X POST` sends it: without even a length.
        engine
            .send(format!("POST /{path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
            .await;
        assert_eq!(engine.reply().await.status, 200, "{path}");
    }
    for verb in ["Create", "Remove", "Mount", "Unmount", "Path"] {
        let path = format!("VolumeDriver.{verb}");
        for body in [
            "",
            "{",
            "not JSON",
            "[]",
            "7",
            r#"{"Name":5}"#,
            r#"{"Name":null}"#,
            "{}",
            r#"{"Name":""}"#,
        ] {
            let reply = engine.call(&path, body).await;
            assert_eq!(reply.status, 500, "{verb} {body:?}");
            assert!(
                !reply.err().is_empty() && !reply.err().contains('\n'),
                "{reply:?}"
            );
        }
    }
    let reply = engine.call("VolumeDriver.Create", "").await;
    assert!(reply.err().contains("no body"), "{reply:?}");
    let acted: Vec<_> = plugin
        .fake
        .calls()
        .into_iter()
        .filter(|call| call != "engine started")
        .collect();
    assert!(acted.is_empty(), "{acted:?}");
}

#[tokio::test]
async fn names_that_are_paths_reach_nothing() {
    let plugin = Plugin::start().await;
    let mut engine = plugin.connect().await;
    let long = "x".repeat(300);
    for name in [
        "../x",
        "a/b",
        "X",
        ".",
        "-rf",
        "a b",
        "a\\u0000b",
        "\\u00e4\\u00e4",
        long.as_str(),
    ] {
        for verb in ["Create", "Remove", "Mount", "Unmount", "Path"] {
            let body = format!(r#"{{"Name":"{name}","ID":"1","Opts":null}}"#);
            let reply = engine.call(&format!("VolumeDriver.{verb}"), &body).await;
            assert_eq!(reply.status, 500, "{verb} {name}");
            assert!(
                reply.err().contains("is not a valid volume name"),
                "{reply:?}"
            );
            assert!(reply.err().len() < 500, "{reply:?}");
        }
    }
    assert!(plugin.fake.calls().is_empty(), "{:?}", plugin.fake.calls());
}

#[tokio::test]
async fn a_mount_without_an_id_is_refused() {
    let plugin = Plugin::start().await;
    let mut engine = plugin.connect().await;
    for verb in ["Mount", "Unmount"] {
        for body in [
            r#"{"Name":"db1"}"#,
            r#"{"Name":"db1","ID":""}"#,
            r#"{"Name":"db1","ID":"a b"}"#,
        ] {
            let reply = engine.call(&format!("VolumeDriver.{verb}"), body).await;
            assert!(reply.err().contains("mount id"), "{reply:?}");
        }
    }
    assert!(plugin.fake.calls().is_empty());
}

#[tokio::test]
async fn other_paths_and_methods_get_json_too() {
    let plugin = Plugin::start().await;
    let mut client = plugin.connect().await;
    for (line, status) in [
        ("POST /VolumeDriver.Snapshot", 404),
        ("POST /volumedriver.create", 404),
        ("POST /VolumeDriver.Create/x", 404),
        ("POST /", 404),
        ("GET /", 404),
        ("GET /VolumeDriver.List", 405),
        ("PUT /VolumeDriver.Get", 405),
    ] {
        client
            .send(format!("{line} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").as_bytes())
            .await;
        let reply = client.reply().await;
        assert_eq!(reply.status, status, "{line}");
        assert!(!reply.err().is_empty());
    }
}

#[tokio::test]
async fn a_body_of_more_than_a_mebibyte_is_refused() {
    let plugin = Plugin::start().await;
    let padded = |size: usize| {
        let body = r#"{"Name":"db1"}"#;
        let headers = format!("{ENGINE}Connection: close\r\n");
        post(
            "VolumeDriver.Create",
            &headers,
            &format!("{body}{}", " ".repeat(size - body.len())),
        )
    };
    let mut client = plugin.connect().await;
    client.send(padded(1024 * 1024).as_bytes()).await;
    assert_eq!(client.reply().await.status, 200);

    let rest = plugin
        .connect()
        .await
        .send_all_and_read_rest(padded(1024 * 1024 + 1).as_bytes())
        .await;
    let rest = String::from_utf8(rest).unwrap();
    assert!(rest.starts_with("HTTP/1.1 500"), "{rest}");
    assert!(rest.contains("larger than 1 MiB"), "{rest}");
    assert_eq!(plugin.fake.calls().len(), 1);
}

#[tokio::test]
async fn an_error_is_one_line_with_its_hint() {
    let plugin = Plugin::start().await;
    let mut engine = plugin.connect().await;
    for verb in ["Create", "Remove", "Mount", "Unmount"] {
        let body = r#"{"Name":"denied1","ID":"1"}"#;
        let reply = engine.call(&format!("VolumeDriver.{verb}"), body).await;
        assert_eq!(reply.status, 500);
        assert_eq!(
            reply.err(),
            "array `eva1` refused `denied1`; hint: ask the administrator"
        );
    }
}
