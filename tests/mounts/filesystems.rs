//! Filesystems under the plugin: a damaged one is refused, explained and left to a person; a root directory is the containers' own.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::{FileExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::{rig::arrays::HOME, stage::Stage};

/// The file with the volume's data, as the array has it.
fn data(stage: &Stage) -> PathBuf {
    let mut folders = vec![stage.arrays.dir.path().join("data")];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).unwrap().flatten() {
            let path = item.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "img")
                && fs::metadata(&path).unwrap().blocks() > 0
            {
                return path;
            }
        }
    }
    panic!("no data")
}

/// Its first 16 MiB, with all that is damaged here.
fn head(image: &Path) -> Vec<u8> {
    let mut head = vec![0; 16 << 20];
    let file = fs::File::open(image).unwrap();
    file.read_exact_at(&mut head, 0).unwrap();
    head
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_filesystem_is_left_to_a_person() {
    let test = "filesystems::a_damaged_filesystem_is_left_to_a_person";
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    stage.create("db1").await;
    let at = stage.plugin.mount("db1", "c1").await.ok();
    let at = at["Mountpoint"].as_str().unwrap().to_owned();
    stage.namespace.sh(&format!("echo one > {at}/file"));
    stage.plugin.unmount("db1", "c1").await.ok();
    let image = data(&stage);
    let good = head(&image);

    for (damage, says) in [
        (true, "its state is `clean with errors`"),
        (false, "says that it has been made"),
    ] {
        if damage {
            let image = image.display();
            stage
                .namespace
                .sh(&format!("debugfs -w -R 'ssv state 3' {image}"));
        } else {
            let file = OpenOptions::new().write(true).open(&image).unwrap();
            file.write_all_at(&[0xA5; 65_536], 0).unwrap();
        }
        let damaged = head(&image);
        let error = stage.plugin.mount("db1", "c2").await.err();
        for part in [
            "volume `db1`",
            "ext4 filesystem on `/dev/loop",
            says,
            "e2fsck -n",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(stage.is_clear() && stage.journal() == 0, "{error}");
        assert!(damaged == head(&image), "it was written to");
        // The repair.
        let file = OpenOptions::new().write(true).open(&image).unwrap();
        file.write_all_at(&good, 0).unwrap();
    }
    stage.plugin.mount("db1", "c3").await.ok();
    assert_eq!(stage.namespace.sh(&format!("cat {at}/file")), "one\n");
    stage.plugin.unmount("db1", "c3").await.ok();
}

/// The comment of a volume that was made here names the type that it was made with.
#[tokio::test(flavor = "multi_thread")]
async fn a_filesystem_of_another_type_than_was_made_is_refused() {
    let test = "filesystems::a_filesystem_of_another_type_than_was_made_is_refused";
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    stage.create("db1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    stage.plugin.unmount("db1", "c1").await.ok();
    let dump = stage.arrays.dump();
    let comment = dump[HOME]["vvs"]["dkv-db1"]["comment"].as_str().unwrap();
    assert!(comment.contains("/origin=blank/fmt=done"), "{comment}");
    let line = format!("setvv -comment {comment}/fs=xfs dkv-db1");
    assert_eq!(stage.arrays.type_in(HOME, &line).await, "");
    let error = stage.plugin.mount("db1", "c2").await.err();
    for part in [
        "VV `dkv-db1` was made with an xfs filesystem",
        "there is one of type `ext4`",
        "`blkid -p DEVICE`",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(stage.is_clear() && stage.journal() == 0, "{error}");
    let line = format!("setvv -comment {comment} dkv-db1");
    assert_eq!(stage.arrays.type_in(HOME, &line).await, "");
    stage.plugin.mount("db1", "c3").await.ok();
    stage.plugin.unmount("db1", "c3").await.ok();
}

/// Owner and mode are given once; after that they are the container's to change.
async fn keeps_what_containers_make_of_its_root(test: &str, kind: &str) {
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    let options = json!({ "size": "1", "fsType": kind, "fsOwner": "4711:815", "fsMode": "2770" });
    stage.plugin.create("db1", options).await.ok();
    for (id, expected) in [("c1", (4711, 815, 0o2770)), ("c2", (1, 2, 0o2750))] {
        stage.plugin.mount("db1", id).await.ok();
        let mountpoint = stage.machine.mountpoint("db1");
        let root = stage.namespace.root();
        let root = root.join(mountpoint.strip_prefix("/").unwrap());
        let found = fs::metadata(&root).unwrap();
        let found = (
            found.uid(),
            found.gid(),
            found.permissions().mode() & 0o7777,
        );
        assert_eq!(found, expected, "{id}");
        let at = mountpoint.display();
        stage
            .namespace
            .sh(&format!("chown 1:2 {at} && chmod 02750 {at}"));
        stage.plugin.unmount("db1", id).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ext4_keeps_what_containers_make_of_its_root() {
    let test = "filesystems::an_ext4_keeps_what_containers_make_of_its_root";
    keeps_what_containers_make_of_its_root(test, "ext4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_xfs_keeps_what_containers_make_of_its_root() {
    let test = "filesystems::an_xfs_keeps_what_containers_make_of_its_root";
    keeps_what_containers_make_of_its_root(test, "xfs").await;
}
