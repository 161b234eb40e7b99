//! Groups that are used in a way this plugin does not know.

use serde_json::json;

use crate::{
    rig::arrays::HOME,
    scene::{Flavour, GROUP},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_active_active_group_is_refused_by_name() {
    let test = "active_active::an_active_active_group_is_refused_by_name";
    let Some(stage) = Flavour::Alletra.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage
        .types(HOME, &format!("setrcopygroup pol active_active {GROUP}"))
        .await;
    let before = stage.arrays.dump();
    let options = json!({ "size": "1", "backend": "mirrored", "replicationGroup": GROUP });
    for said in [
        stage.plugin.mount("db1", "c1").await.err(),
        stage.plugin.create("db2", options).await.err(),
    ] {
        assert!(said.contains("`active_active`"), "{said}");
        assert!(said.contains("which this plugin does not drive"), "{said}");
        let hint = format!("setrcopygroup pol no_active_active {GROUP}");
        assert!(said.contains(&hint), "{said}");
    }
    assert_eq!(stage.arrays.dump(), before);
    stage.is_clear_at_last();
    // As the hint says.
    stage
        .types(HOME, &format!("setrcopygroup pol no_active_active {GROUP}"))
        .await;
    stage.plugin.mount("db1", "c1").await.ok();
    stage.is_on_both("db1");
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.is_clear_at_last();
}
