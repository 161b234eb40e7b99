//! Filesystems that are not as they should be: what mount(2) replays is no damage; all else is refused, and left as it is.

use std::{
    fs::{self, File},
    io::Write,
    path::PathBuf,
    process::Command,
};

use hpe3par_docker::{
    host::{
        BlockDevice, Found, HostError, MountAs, busy, make, mount, must_be_writable, probe, unmount,
    },
    model::FsType,
};

use crate::lab::{Lab, SOON, privately, tool, uuid, wwn};

const BOTH: [FsType; 2] = [FsType::Ext4, FsType::Xfs];

async fn formatted(lab: &Lab, kind: FsType) -> BlockDevice {
    let device = lab.attached('1', 512).await;
    let Found::Empty(empty) = probe(&lab.kernel, &device).await.unwrap() else {
        panic!()
    };
    make(&lab.kernel, empty, kind, &uuid(), SOON).await.unwrap();
    device
}

async fn mounted(lab: &Lab, device: &BlockDevice, kind: FsType) -> Result<PathBuf, HostError> {
    let at = lab.path(&format!("m-{}", device.wwn()));
    let _ = mount(&lab.kernel, device, &at, kind, MountAs::Volume, SOON).await?;
    Ok(at)
}

fn write(at: PathBuf, text: &str) {
    let mut file = File::create(at).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.sync_all().unwrap();
}

/// A volume as its array has it at a moment at which this machine loses it, with `settled` on it, and `fresh` in its journal only.
async fn torn_away(lab: &Lab, kind: FsType) -> BlockDevice {
    let device = formatted(lab, kind).await;
    let at = mounted(lab, &device, kind).await.unwrap();
    write(at.join("settled"), "old");
    let _ = unmount(&lab.kernel, &at, SOON).await.unwrap();
    let at = mounted(lab, &device, kind).await.unwrap();
    write(at.join("fresh"), "new");
    copied(lab, &device).await
}

/// Another volume with what is on a device now.
async fn copied(lab: &Lab, device: &BlockDevice) -> BlockDevice {
    let export = lab.volume(&wwn('2'), 512);
    fs::copy(lab.data(device.wwn()), lab.data(&export.wwn)).unwrap();
    lab.export(&export, "host7");
    let transport = lab.transport("host7");
    transport.attach(&export, lab.soon()).await.unwrap()
}

/// The same volume on a loop device that takes no writes. Not by `blockdev --setro`: that outlasts the test (array fact 95).
fn bound_read_only(lab: &Lab, device: &BlockDevice) -> BlockDevice {
    tool("losetup", &["--detach", path_of(device)]);
    let link = lab.path(&format!("exports/.attached/host7/{}", device.wwn()));
    tool(
        "losetup",
        &["--read-only", "--find", link.to_str().unwrap()],
    );
    let transport = lab.transport("host7");
    transport.find(device.wwn()).unwrap().unwrap()
}

fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn path_of(device: &BlockDevice) -> &str {
    device.path().to_str().unwrap()
}

/// Refused before anything is written, and explained.
async fn untouched(lab: &Lab, device: &BlockDevice, kind: FsType) -> String {
    let before = lab.content(device);
    let told = refused(lab, device, kind).await;
    assert!(before == lab.content(device), "it was written to: {told}");
    told
}

/// Refused and explained.
async fn refused(lab: &Lab, device: &BlockDevice, kind: FsType) -> String {
    let error = mounted(lab, device, kind).await.unwrap_err();
    assert!(matches!(&error, HostError::Unsound { .. }), "{error}");
    let told = error.to_string();
    assert!(
        told.contains(path_of(device)) && told.contains(device.wwn().as_str()),
        "{told}"
    );
    let check = match kind {
        FsType::Ext4 => "`e2fsck -n ",
        FsType::Xfs => "`xfs_repair -n ",
    };
    assert!(error.hint().unwrap().contains(check));
    assert_eq!(busy(&lab.kernel, device, SOON).await.unwrap(), None);
    told
}

#[test]
fn a_journal_is_replayed_by_the_mount() {
    privately("damaged::a_journal_is_replayed_by_the_mount", async |lab| {
        for kind in BOTH {
            let copy = torn_away(&lab, kind).await;
            if kind == FsType::Ext4 {
                let state = said("dumpe2fs", &["-h", path_of(&copy)]);
                assert!(state.contains(" needs_recovery "), "{state}");
            }
            // One XFS is mounted once.
            let at = lab.path(&format!("m-{}", wwn('1')));
            let _ = unmount(&lab.kernel, &at, SOON).await.unwrap();
            let at = mounted(&lab, &copy, kind).await.unwrap();
            assert_eq!(fs::read_to_string(at.join("fresh")).unwrap(), "new");
            assert_eq!(fs::read_to_string(at.join("settled")).unwrap(), "old");
            let _ = unmount(&lab.kernel, &at, SOON).await.unwrap();
            for volume in ['1', '2'] {
                let transport = lab.transport("host7");
                let _ = transport.detach(&wwn(volume)).await.unwrap();
                fs::remove_file(lab.exported_as(&lab.volume(&wwn(volume), 1), "host7")).unwrap();
            }
        }
    });
}

/// What is in its journal cannot be replayed, and without it the data are older than they were (array fact 94).
async fn no_writes(kind: FsType, lab: Lab) {
    let copy = torn_away(&lab, kind).await;
    let copy = bound_read_only(&lab, &copy);
    let before = lab.content(&copy);
    let error = mounted(&lab, &copy, kind).await.unwrap_err();
    assert!(matches!(error, HostError::ReadOnly { .. }), "{error}");
    assert_eq!(busy(&lab.kernel, &copy, SOON).await.unwrap(), None);
    assert!(before == lab.content(&copy));
}

#[test]
fn an_ext4_that_takes_no_writes_is_refused() {
    privately("damaged::an_ext4_that_takes_no_writes_is_refused", |lab| {
        no_writes(FsType::Ext4, lab)
    });
}

#[test]
fn an_xfs_that_takes_no_writes_is_refused() {
    privately("damaged::an_xfs_that_takes_no_writes_is_refused", |lab| {
        no_writes(FsType::Xfs, lab)
    });
}

#[test]
fn one_xfs_is_not_mounted_from_two_devices() {
    privately(
        "damaged::one_xfs_is_not_mounted_from_two_devices",
        async |lab| {
            let copy = torn_away(&lab, FsType::Xfs).await;
            let error = mounted(&lab, &copy, FsType::Xfs).await.unwrap_err();
            assert!(matches!(error, HostError::MountedTwin { .. }), "{error}");
        },
    );
}

#[test]
fn an_ext4_that_knows_of_errors_is_refused() {
    privately(
        "damaged::an_ext4_that_knows_of_errors_is_refused",
        async |lab| {
            let device = formatted(&lab, FsType::Ext4).await;
            tool("debugfs", &["-w", "-R", "ssv state 3", path_of(&device)]);
            let told = untouched(&lab, &device, FsType::Ext4).await;
            assert!(told.contains("`clean with errors`"), "{told}");
        },
    );
}

#[test]
fn errors_that_an_ext4_has_in_its_journal_are_found_after_the_mount() {
    privately(
        "damaged::errors_that_an_ext4_has_in_its_journal_are_found_after_the_mount",
        async |lab| {
            let device = formatted(&lab, FsType::Ext4).await;
            let at = mounted(&lab, &device, FsType::Ext4).await.unwrap();
            err(&device);
            write(at.join("file"), "data");
            let copy = copied(&lab, &device).await;
            let state = said("dumpe2fs", &["-h", path_of(&copy)]);
            assert!(!state.contains("with errors"), "{state}");
            let error = mounted(&lab, &copy, FsType::Ext4).await.unwrap_err();
            assert!(matches!(&error, HostError::Unsound { .. }), "{error}");
            let told = error.to_string();
            assert!(told.contains("`clean with errors`"), "{told}");
            assert_eq!(busy(&lab.kernel, &copy, SOON).await.unwrap(), None);
        },
    );
}

/// Makes the kernel find an error on a mounted ext4.
fn err(device: &BlockDevice) {
    let name = device.path().file_name().unwrap().to_str().unwrap();
    fs::write(
        format!("/sys/fs/ext4/{name}/trigger_fs_error"),
        "made by a test",
    )
    .unwrap();
}

#[test]
fn what_the_kernel_made_read_only_is_not_given_to_a_further_user() {
    privately(
        "damaged::what_the_kernel_made_read_only_is_not_given_to_a_further_user",
        async |lab| {
            let device = formatted(&lab, FsType::Ext4).await;
            tool("tune2fs", &["-e", "remount-ro", path_of(&device)]);
            let at = mounted(&lab, &device, FsType::Ext4).await.unwrap();
            must_be_writable(&lab.kernel, &at).unwrap();
            err(&device);
            assert!(fs::write(at.join("file"), "data").is_err());
            let error = must_be_writable(&lab.kernel, &at).unwrap_err();
            assert!(matches!(error, HostError::ReadOnly { .. }), "{error}");
            let error = mounted(&lab, &device, FsType::Ext4).await.unwrap_err();
            assert!(matches!(error, HostError::ReadOnly { .. }), "{error}");
            // Nor to the next one, once it is unmounted.
            let _ = unmount(&lab.kernel, &at, SOON).await.unwrap();
            untouched(&lab, &device, FsType::Ext4).await;
        },
    );
}

/// A number that a filesystem's own tool prints.
fn number(text: &str) -> u64 {
    let digits: String = text
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn a_damaged_ext4_is_refused_with_what_the_kernel_says() {
    privately(
        "damaged::a_damaged_ext4_is_refused_with_what_the_kernel_says",
        async |lab| {
            let device = formatted(&lab, FsType::Ext4).await;
            let (good, rubbish) = (lab.content(&device), [0xA5; 4096]);
            let block = number(
                said("dumpe2fs", &["-h", path_of(&device)])
                    .split("Block size:")
                    .nth(1)
                    .unwrap(),
            );
            let journal = number(&said("debugfs", &["-R", "blocks <8>", path_of(&device)]));
            let descriptors = block.max(2048);
            for (bytes, at, says) in [
                (&rubbish[..], journal * block, "Journal superblock"),
                (&rubbish[..4], 1024 + 200, "checksum"),
                (&rubbish[..64], descriptors, "descriptor"),
            ] {
                lab.write(&device, bytes, at);
                let told = untouched(&lab, &device, FsType::Ext4).await;
                assert!(told.contains(says), "{told}");
                lab.write(&device, &good, 0);
            }
            mounted(&lab, &device, FsType::Ext4).await.unwrap();
        },
    );
}

#[test]
fn a_damaged_xfs_is_refused_with_what_the_kernel_says() {
    privately(
        "damaged::a_damaged_xfs_is_refused_with_what_the_kernel_says",
        async |lab| {
            let device = formatted(&lab, FsType::Xfs).await;
            let (good, rubbish) = (lab.content(&device), [0xA5; 4096]);
            let of = |field: &str| {
                let said = said(
                    "xfs_db",
                    &[
                        "-r",
                        "-c",
                        "sb 0",
                        "-c",
                        &format!("p {field}"),
                        path_of(&device),
                    ],
                );
                number(said.split('=').nth(1).unwrap())
            };
            let (start, shift) = (of("logstart"), of("agblklog"));
            let block = (start >> shift) * of("agblocks") + (start & ((1 << shift) - 1));
            let log = rubbish.repeat(256);
            for (bytes, at, says) in [
                (&log[..], block * of("blocksize"), "log"),
                (&rubbish[..2], 150, "xfs_sb"),
                (&rubbish[..8], 540, "xfs_agf"),
            ] {
                lab.write(&device, bytes, at);
                let told = refused(&lab, &device, FsType::Xfs).await;
                assert!(told.contains(says), "{told}");
                lab.write(&device, &good, 0);
            }
            mounted(&lab, &device, FsType::Xfs).await.unwrap();
        },
    );
}
