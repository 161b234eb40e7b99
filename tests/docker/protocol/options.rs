//! What a user sees of `-o`. The options themselves are tested beside their table.

use super::server::Plugin;

#[tokio::test]
async fn a_bad_option_is_told_in_one_line_and_makes_nothing() {
    let plugin = Plugin::start().await;
    let mut engine = plugin.connect().await;
    for (options, part) in [
        (r#"{"size":"0"}"#, "`size`: "),
        (r#"{"Size":"5"}"#, "did you mean `size`?"),
        (r#"{"backend":"gone"}"#, "which has `DEFAULT`, `mirror`"),
        (
            r#"{"backend":"mirror"}"#,
            "`replicationGroup` must be given",
        ),
        (r#"{"replicationGroup":"prod"}"#, "no `replication_device`"),
        (r#"{"cpg":"gold\nHTTP/1.1 200 OK"}"#, "`cpg`: "),
        (r#"{"a\r\nb":"c"}"#, "`a b` is not an option"),
    ] {
        let reply = engine
            .call(
                "VolumeDriver.Create",
                &format!(r#"{{"Name":"db1","Opts":{options}}}"#),
            )
            .await;
        assert_eq!(reply.status, 500);
        assert!(reply.err().contains(part), "{reply:?}");
        assert!(
            reply.err().contains("`db1`") && reply.err().contains("; hint: "),
            "{reply:?}"
        );
        assert!(!reply.err().contains(char::is_control), "{reply:?}");
    }
    // An option is a text for every engine.
    let reply = engine
        .call("VolumeDriver.Create", r#"{"Name":"db1","Opts":{"size":5}}"#)
        .await;
    assert!(reply.err().contains("expected a string"), "{reply:?}");
    assert!(plugin.fake.calls().is_empty(), "{:?}", plugin.fake.calls());
}

#[tokio::test]
async fn a_replicated_volume_is_asked_for() {
    let plugin = Plugin::start().await;
    let mut engine = plugin.connect().await;
    let body = r#"{"Name":"db1","Opts":{"backend":"mirror","replicationGroup":"prod","size":"7"}}"#;
    assert_eq!(engine.call("VolumeDriver.Create", body).await.status, 200);
    assert_eq!(plugin.fake.calls(), ["create db1 7 GiB"]);
}

#[tokio::test]
async fn help_is_a_readable_page_and_makes_nothing() {
    let plugin = Plugin::start().await;
    let mut engine = plugin.connect().await;
    for options in [
        r#"{"help":""}"#,
        r#"{"help":null}"#,
        r#"{"help":"true","size":"wrong"}"#,
    ] {
        let reply = engine
            .call(
                "VolumeDriver.Create",
                &format!(r#"{{"Name":"x","Opts":{options}}}"#),
            )
            .await;
        assert_eq!(reply.status, 500);
        assert!(reply.err().lines().count() > 20, "{reply:?}");
        assert!(reply.err().contains("-o replicationGroup=<"), "{reply:?}");
    }
    let reply = engine
        .call(
            "VolumeDriver.Create",
            r#"{"Name":"x","Opts":{"help":"backends"}}"#,
        )
        .await;
    let lines: Vec<_> = reply.err().trim_start().lines().collect();
    assert_eq!(
        lines,
        ["BACKEND  REPLICATION  STATE", "DEFAULT  none         ready"]
    );
    assert!(plugin.fake.calls().is_empty());
}
