//! Flash cache for what is imported: by a set of its own, which goes when it is given back; refused before anything is changed.

use serde_json::json;

use super::{
    rig::arrays::HOME,
    scene::{Scene, importing},
    stage::{all, case},
};

async fn is_given_and_taken(release: &'static str) {
    let scene = Scene::set(release).await;
    scene.has_vv("oracle_01").await;
    let wwn = scene.vv(HOME, "oracle_01")["wwn"].clone();
    for policy in ["release", "own"] {
        for on in [true, false] {
            let asked = json!({ "flash-cache": on.to_string(), "importPolicy": policy });
            scene.import("db1", "oracle_01", asked).await.ok();
            let set = scene.stage.arrays.dump()[HOME]["vv_sets"]["dkf-db1"].clone();
            assert_eq!(set["members"], json!(["dkv-db1"]), "{set:#}");
            assert_eq!(set["flash_cache"], on, "{set:#}");
            assert_eq!(scene.status("db1").await["flash cache"], on);
            scene.stage.remove("db1").await.ok();
            assert_eq!(scene.stage.arrays.dump()[HOME]["vv_sets"], json!({}));
            let left = scene.vv(HOME, "oracle_01");
            if policy == "release" {
                assert_eq!(left["wwn"], wwn, "{left:#}");
            } else {
                assert!(left.is_null(), "{left:#}");
                scene.has_vv("oracle_01").await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_kept_in_the_flash_cache() {
    let cases = ["3.2.2", "3.3.1"].map(|release| case(release, is_given_and_taken(release)));
    all(2, cases.into()).await;
}

async fn is_refused(release: &'static str, without_licence: bool, why: &'static str) {
    let describe = |toml: String| match without_licence {
        true => toml.replace(
            "latency_ms = 0",
            "licenses = [\"Remote Copy\", \"Thin Provisioning\"]\nlatency_ms = 0",
        ),
        false => toml,
    };
    let scene = Scene::set_with(release, describe, |conf| conf).await;
    scene.has_vv("oracle_01").await;
    let asked = importing("oracle_01", json!({ "flash-cache": "true" }));
    let parts = [why, "leave `flash-cache` out"];
    scene.refuses("db1", asked, &parts).await;
    // It is off there.
    let asked = json!({ "flash-cache": "false" });
    scene.import("db1", "oracle_01", asked).await.ok();
    assert_eq!(scene.stage.arrays.dump()[HOME]["vv_sets"], json!({}));
    scene.stage.remove("db1").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_cannot_be_kept_there_is_left_alone() {
    let unlicensed = "is not licensed for `Adaptive Flash Cache`";
    let cases = vec![
        case("3.2.2", is_refused("3.2.2", true, unlicensed)),
        case("3.3.1", is_refused("3.3.1", true, unlicensed)),
        case("10.5.0", is_refused("10.5.0", false, "has no flash cache")),
    ];
    all(3, cases).await;
}
