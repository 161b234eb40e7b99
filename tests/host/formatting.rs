use std::{
    fs,
    fs::{File, OpenOptions},
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
};

use hpe3par_docker::{
    host::{
        BlockDevice, Found, HostError, MountAs, ProvenEmpty, make, mount, prepare_root, probe,
        reclaim, unmount,
    },
    model::{FsMode, FsOwner, FsType},
};

use crate::lab::{Lab, MIB, SOON, privately, tool, uuid, uuid_of, wwn};

async fn empty(lab: &Lab, device: &BlockDevice) -> ProvenEmpty {
    match probe(&lab.kernel, device).await.unwrap() {
        Found::Empty(empty) => empty,
        other => panic!("{other:?}"),
    }
}

async fn filesystem(lab: &Lab, device: &BlockDevice) -> (String, String) {
    match probe(&lab.kernel, device).await.unwrap() {
        Found::Filesystem { kind, uuid } => (kind, uuid.unwrap()),
        other => panic!("{other:?}"),
    }
}

async fn a_blank_volume_becomes(kind: FsType, lab: Lab) {
    let device = lab.attached('1', 512).await;
    let key = empty(&lab, &device).await;
    let uuid = uuid();
    make(&lab.kernel, key, kind, &uuid, SOON).await.unwrap();
    let uuid = uuid.to_string();
    assert_eq!(
        filesystem(&lab, &device).await,
        (kind.to_string(), uuid.clone())
    );
    let (owner, mode) = (
        FsOwner {
            uid: 4711,
            gid: 815,
        },
        FsMode(0o2770),
    );
    for _ in 0..2 {
        prepare_root(
            &lab.kernel,
            &device,
            kind,
            Some(owner),
            Some(mode),
            &lab.path("scratch"),
        )
        .await
        .unwrap();
    }
    assert_eq!(fs::read_dir(lab.path("scratch")).unwrap().count(), 0);
    let at = lab.path("m");
    let _ = mount(&lab.kernel, &device, &at, kind, MountAs::Volume, SOON)
        .await
        .unwrap();
    assert_eq!(fs::read_dir(&at).unwrap().count(), 0);
    let root = fs::metadata(&at).unwrap();
    assert_eq!(
        (root.uid(), root.gid(), root.mode() & 0o7777),
        (4711, 815, 0o2770)
    );
    let _ = unmount(&lab.kernel, &at, SOON).await.unwrap();
    assert_eq!(filesystem(&lab, &device).await.1, uuid);
}

#[test]
fn a_blank_volume_becomes_an_empty_ext4() {
    privately("formatting::a_blank_volume_becomes_an_empty_ext4", |lab| {
        a_blank_volume_becomes(FsType::Ext4, lab)
    });
}

#[test]
fn a_blank_volume_becomes_an_empty_xfs() {
    privately("formatting::a_blank_volume_becomes_an_empty_xfs", |lab| {
        a_blank_volume_becomes(FsType::Xfs, lab)
    });
}

fn partition_table() -> Vec<u8> {
    let mut sector = vec![0; 512];
    let linux_from_2048 = [0, 0, 2, 0, 0x83, 0, 9, 0, 0, 8, 0, 0, 0, 16, 0, 0];
    sector[446..462].copy_from_slice(&linux_from_2048);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

/// Nothing here gives out the key to mkfs, or changes a byte.
async fn is_left_alone(lab: &Lab, device: &BlockDevice, case: &str) {
    let before = lab.content(device);
    match probe(&lab.kernel, device).await {
        Ok(Found::Empty(_)) => panic!("{case} was taken for empty"),
        Ok(found) => println!("{case}: {found:?}"),
        Err(error) => println!("{case}: {error}"),
    }
    let error = reclaim(&lab.kernel, device, FsType::Ext4, &uuid(), device.wwn())
        .await
        .unwrap_err();
    println!("{case}: {error}");
    assert!(lab.content(device) == before, "{case} was changed");
}

#[test]
fn a_volume_with_anything_on_it_is_never_formatted() {
    privately(
        "formatting::a_volume_with_anything_on_it_is_never_formatted",
        async |lab| {
            let size = 64 * MIB;
            let luks = b"LUKS\xba\xbe\x00\x01aes".to_vec();
            let lvm = b"HM\x01\x00".to_vec();
            let cases: [(&str, Vec<u8>, u64); 8] = [
                ("a byte at 0", vec![1], 0),
                ("a byte at 1.5 MiB", vec![1], 3 * MIB / 2),
                ("the last byte of the first 2 MiB", vec![1], 2 * MIB - 1),
                ("the first byte of the last MiB", vec![1], size - MIB),
                ("the last byte", vec![0x80], size - 1),
                ("a partition table", partition_table(), 0),
                ("an encrypted disk", luks, 0),
                ("an LVM physical volume", lvm, 0),
            ];
            let device = lab.attached('1', 64).await;
            for (case, bytes, at) in cases {
                let _ = empty(&lab, &device).await;
                lab.write(&device, &bytes, at);
                is_left_alone(&lab, &device, case).await;
                lab.write(&device, &vec![0; bytes.len()], at);
            }
            tool("mkswap", &[device.path().to_str().unwrap()]);
            is_left_alone(&lab, &device, "swap").await;
        },
    );
}

#[test]
fn what_another_machine_wrote_behind_the_page_cache_is_seen() {
    privately(
        "formatting::what_another_machine_wrote_behind_the_page_cache_is_seen",
        async |lab| {
            let device = lab.attached('1', 64).await;
            // Whoever has it open keeps its pages in memory.
            let open = File::open(device.path()).unwrap();
            open.read_exact_at(&mut vec![0; 2 * 1024 * 1024], 0)
                .unwrap();
            let data = OpenOptions::new()
                .write(true)
                .open(lab.data(device.wwn()))
                .unwrap();
            data.write_all_at(b"LUKS\xba\xbe\x00\x01aes", 0).unwrap();
            let found = probe(&lab.kernel, &device).await.unwrap();
            assert!(
                matches!(&found, Found::Signature { what } if what == "crypto_LUKS"),
                "{found:?}"
            );
        },
    );
}

#[test]
fn another_type_s_filesystem_is_never_reclaimed() {
    privately(
        "formatting::another_type_s_filesystem_is_never_reclaimed",
        async |lab| {
            let device = lab.attached('1', 512).await;
            make(
                &lab.kernel,
                empty(&lab, &device).await,
                FsType::Xfs,
                &uuid(),
                SOON,
            )
            .await
            .unwrap();
            is_left_alone(&lab, &device, "xfs").await;
            let is = filesystem(&lab, &device).await.1;
            let error = reclaim(&lab.kernel, &device, FsType::Ext4, &uuid(), device.wwn())
                .await
                .unwrap_err();
            assert!(
                matches!(&error, HostError::NotEmpty { found, .. } if found.contains(&is)),
                "{error}"
            );

            // And neither is the right type with something beside it.
            let device = lab.attached('2', 512).await;
            let key = empty(&lab, &device).await;
            make(&lab.kernel, key, FsType::Ext4, &uuid(), SOON)
                .await
                .unwrap();
            lab.write(&device, &partition_table(), 0);
            is_left_alone(&lab, &device, "ext4 and a partition table").await;
        },
    );
}

#[test]
fn a_volume_that_cannot_be_read_is_never_formatted() {
    privately(
        "formatting::a_volume_that_cannot_be_read_is_never_formatted",
        async |lab| {
            // A loop device has a read error where its file ends, and blkid ends as for an empty device.
            for (last, readable) in [
                ('1', 0),
                ('2', MIB),
                ('3', 63 * MIB),
                ('4', 64 * MIB - 4096),
            ] {
                let device = lab.attached(last, 64).await;
                let _ = empty(&lab, &device).await;
                let file = OpenOptions::new()
                    .write(true)
                    .open(lab.data(device.wwn()))
                    .unwrap();
                file.set_len(readable).unwrap();
                let error = probe(&lab.kernel, &device).await.unwrap_err();
                assert!(
                    matches!(error, HostError::Io { doing: "read", .. }),
                    "{error}"
                );
                assert!(error.hint().is_some());
                let error = reclaim(&lab.kernel, &device, FsType::Ext4, &uuid(), device.wwn())
                    .await
                    .unwrap_err();
                assert!(
                    matches!(error, HostError::Io { doing: "read", .. }),
                    "{error}"
                );
            }
        },
    );
}

#[test]
fn a_volume_in_use_or_of_another_size_than_proven_is_not_formatted() {
    privately(
        "formatting::a_volume_in_use_or_of_another_size_than_proven_is_not_formatted",
        async |lab| {
            let device = lab.attached('1', 256).await;
            let key = empty(&lab, &device).await;
            let claim = OpenOptions::new()
                .read(true)
                .custom_flags(nix::libc::O_EXCL)
                .open(device.path())
                .unwrap();
            let error = make(&lab.kernel, key, FsType::Ext4, &uuid(), SOON)
                .await
                .unwrap_err();
            assert!(
                matches!(&error, HostError::InUse { by, .. } if by.claimed),
                "{error}"
            );
            let error = reclaim(&lab.kernel, &device, FsType::Ext4, &uuid(), device.wwn())
                .await
                .unwrap_err();
            assert!(matches!(&error, HostError::InUse { .. }), "{error}");
            drop(claim);

            let key = empty(&lab, &device).await;
            let file = OpenOptions::new()
                .write(true)
                .open(lab.data(device.wwn()))
                .unwrap();
            file.set_len(300 * MIB).unwrap();
            tool(
                "losetup",
                &["--set-capacity", device.path().to_str().unwrap()],
            );
            let error = make(&lab.kernel, key, FsType::Ext4, &uuid(), SOON)
                .await
                .unwrap_err();
            assert!(matches!(&error, HostError::WrongSize { .. }), "{error}");
            assert!(lab.content(&device).iter().all(|byte| *byte == 0));
        },
    );
}

#[test]
fn an_interrupted_mkfs_is_begun_again_for_the_volume_in_the_journal_only() {
    privately(
        "formatting::an_interrupted_mkfs_is_begun_again_for_the_volume_in_the_journal_only",
        async |lab| {
            for (last, kind) in [('1', FsType::Ext4), ('2', FsType::Xfs)] {
                let device = lab.attached(last, 512).await;
                let [first, second] =
                    ["host1@6f2c11.00000001", "host1@6f2c11.00000002"].map(uuid_of);
                // Interrupted before it wrote anything.
                let key = reclaim(&lab.kernel, &device, kind, &first, device.wwn())
                    .await
                    .unwrap();
                make(&lab.kernel, key, kind, &first, SOON).await.unwrap();
                // Interrupted after it wrote everything.
                let error = reclaim(&lab.kernel, &device, kind, &first, &wwn('9'))
                    .await
                    .unwrap_err();
                assert!(matches!(error, HostError::WrongDevice { .. }), "{error}");
                // Another operation has made this one, and it may have been used since.
                let before = lab.content(&device);
                let error = reclaim(&lab.kernel, &device, kind, &second, device.wwn())
                    .await
                    .unwrap_err();
                assert!(matches!(error, HostError::NotEmpty { .. }), "{error}");
                assert!(lab.content(&device) == before);
                assert_eq!(filesystem(&lab, &device).await.1, first.to_string());
                let key = reclaim(&lab.kernel, &device, kind, &first, device.wwn())
                    .await
                    .unwrap();
                assert_eq!((key.device(), key.wwn()), (&device, device.wwn()));
                make(&lab.kernel, key, kind, &second, SOON).await.unwrap();
                assert_eq!(filesystem(&lab, &device).await.1, second.to_string());
                prepare_root(&lab.kernel, &device, kind, None, None, &lab.path("scratch"))
                    .await
                    .unwrap();
            }
        },
    );
}

#[test]
fn files_in_lost_and_found_are_not_removed() {
    privately(
        "formatting::files_in_lost_and_found_are_not_removed",
        async |lab| {
            let device = lab.attached('1', 256).await;
            make(
                &lab.kernel,
                empty(&lab, &device).await,
                FsType::Ext4,
                &uuid(),
                SOON,
            )
            .await
            .unwrap();
            let at = lab.path("m");
            let _ = mount(
                &lab.kernel,
                &device,
                &at,
                FsType::Ext4,
                MountAs::Volume,
                SOON,
            )
            .await
            .unwrap();
            File::create(at.join("lost+found/precious")).unwrap();
            let _ = unmount(&lab.kernel, &at, SOON).await.unwrap();
            prepare_root(
                &lab.kernel,
                &device,
                FsType::Ext4,
                None,
                None,
                &lab.path("scratch"),
            )
            .await
            .unwrap();
            let _ = mount(
                &lab.kernel,
                &device,
                &at,
                FsType::Ext4,
                MountAs::Volume,
                SOON,
            )
            .await
            .unwrap();
            assert!(at.join("lost+found/precious").exists());
        },
    );
}
