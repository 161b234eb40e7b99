//! Compression and dedup, by InForm OS and licence.

use serde_json::{Value, json};

use super::{
    rig::{arrays::HOME, plugin::Plugin},
    sets::{licensed, set},
    stage::{Stage, all, assert_told, case, machine},
};

/// Options, and the words for them on the command line; or the words of the refusal.
type Way = (Value, Result<&'static [&'static str], &'static str>);

async fn ways(release: &'static str, ways: Vec<Way>) {
    let stage = set(release).await;
    for (options, expected) in ways {
        let before = stage.arrays.dump();
        stage.arrays.control.clear_log();
        let reply = stage.create("db1", options.clone()).await;
        match expected {
            Ok(words) => {
                reply.ok();
                let log = stage.arrays.control.log(Some(HOME));
                let made = log.iter().find(|entry| entry.line.starts_with("createvv "));
                let line = &made.unwrap().line;
                for word in words {
                    assert!(line.contains(word), "{release} {options}: {line}");
                }
                stage.remove("db1").await.ok();
            }
            Err(words) => {
                assert_told(&reply.err(), &["`db1`", words]);
                stage.calm_down().await;
            }
        }
        assert_eq!(stage.arrays.dump(), before, "{release} {options}");
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_save_space_on_every_inform_os() {
    let of = |size: &str, provisioning: &str, compression: &str| json!({ "size": size, "provisioning": provisioning, "compression": compression });
    let cases = vec![
        case(
            "3.2.2",
            ways(
                "3.2.2",
                vec![
                    (of("16", "dedup", ""), Ok(&["-tdvv"])),
                    (of("16", "full", ""), Ok(&["createvv -snp_cpg"])),
                    (of("16", "thin", "true"), Err("compression")),
                    (of("16", "thin", "false"), Ok(&["-tpvv"])),
                ],
            ),
        ),
        case(
            "3.3.1",
            ways(
                "3.3.1",
                vec![
                    (of("16", "thin", "true"), Ok(&["-tpvv", "-compr"])),
                    (of("16", "dedup", "true"), Ok(&["-tdvv", "-compr"])),
                    (
                        of("15", "thin", "true"),
                        Err("16 GiB; hint: give a larger `size`"),
                    ),
                    (of("16", "full", "true"), Err("compression")),
                    (of("1", "thin", "false"), Ok(&["-tpvv"])),
                ],
            ),
        ),
        case(
            "10.5.0",
            ways(
                "10.5.0",
                vec![
                    (of("16", "dedup", "true"), Ok(&["-reduce"])),
                    (of("16", "dedup", ""), Ok(&["-reduce"])),
                    (of("16", "full", ""), Err("full")),
                ],
            ),
        ),
    ];
    all(3, cases).await;
}

/// Without the licence; none if it is granted all the same.
async fn unlicensed(release: &'static str, refused: Option<&'static str>) {
    let less = |toml: String| licensed(release)(toml).replace("\"Compression\", ", "");
    let stage = Stage::set_with(less, |conf| conf).await;
    let before = stage.arrays.dump();
    let options = json!({ "size": "16", "provisioning": "dedup", "compression": "true" });
    let reply = stage.create("db1", options).await;
    match refused {
        Some(words) => assert_told(&reply.err(), &["`db1`", words]),
        None => {
            reply.ok();
            stage.remove("db1").await.ok();
        }
    }
    assert_eq!(stage.arrays.dump(), before);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_licence_it_is_refused() {
    let cases = [
        ("3.2.2", Some("compression")),
        ("3.3.1", Some("licen")),
        // There are no single licences.
        ("10.5.0", None),
    ];
    let cases = cases.map(|(release, words)| case(release, unlicensed(release, words)));
    all(3, cases.into()).await;
}

/// An array does not tell whether it compresses: on another host that is not compared.
#[tokio::test(flavor = "multi_thread")]
async fn an_equal_create_on_another_host_is_the_same_volume() {
    let stage = set("3.3.1").await;
    let options = json!({ "size": "16", "compression": "true" });
    stage.create("db1", options.clone()).await.ok();
    let machine = machine(&stage.arrays, "host2");
    let mut other = tokio::task::block_in_place(|| Plugin::start(&machine));
    machine.listed_once(&stage.arrays).await;
    other.create("db1", options).await.ok();
    // Here it is known.
    let plain = json!({ "size": "16", "compression": "false" });
    let said = stage.create("db1", plain).await.err();
    assert_told(&said, &["compression: true, not false"]);
    tokio::task::block_in_place(|| other.stop());
    stage.remove("db1").await.ok();
    stage.end().await;
}
