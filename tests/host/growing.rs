//! Devices that have grown, and filesystems that follow.

use std::{
    fs::{self, OpenOptions, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    time::Duration,
};

use hpe3par_docker::{
    host::{BlockDevice, Found, HostError, MountAs, grow_filesystem, make, mount, probe, unmount},
    model::{Change, FsType, Size},
};
use nix::mount::MsFlags;

use crate::lab::{Lab, MIB, SOON, privately, uuid, wwn};

/// The capability that the kernel wants to see before it grows an ext4 (array fact 93): its bit in `/proc/self/status`.
const CAP_SYS_RESOURCE: u32 = 24;

fn may_grow_ext4() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let set = status
        .lines()
        .find_map(|l| l.strip_prefix("CapEff:"))
        .unwrap();
    u64::from_str_radix(set.trim(), 16).unwrap() >> CAP_SYS_RESOURCE & 1 == 1
}

async fn formatted(lab: &Lab, kind: FsType) -> BlockDevice {
    let device = lab.attached('1', 512).await;
    let Found::Empty(empty) = probe(&lab.kernel, &device).await.unwrap() else {
        panic!()
    };
    make(&lab.kernel, empty, kind, &uuid(), SOON).await.unwrap();
    device
}

/// Somebody grows the VV on its array.
fn grow_vv(lab: &Lab, mib: u64) {
    let file = OpenOptions::new().write(true).open(lab.data(&wwn('1')));
    file.unwrap().set_len(mib * MIB).unwrap();
}

/// The device as it is now.
fn now(lab: &Lab) -> BlockDevice {
    lab.transport("host7").find(&wwn('1')).unwrap().unwrap()
}

#[test]
fn a_device_takes_the_size_that_its_array_shows() {
    privately(
        "growing::a_device_takes_the_size_that_its_array_shows",
        async |lab| {
            let (transport, wwn) = (lab.transport("host7"), wwn('1'));
            let size = Size::from_mib;
            let missing = transport.resize(&wwn, size(64)).await.unwrap_err();
            assert!(matches!(missing, HostError::NoDevice { .. }), "{missing}");
            lab.attached('1', 64).await;
            assert_eq!(
                transport.resize(&wwn, size(64)).await.unwrap(),
                Change::Unchanged(())
            );
            // The array says so, and the file is not there yet.
            let early = transport.resize(&wwn, size(96)).await.unwrap_err();
            assert!(
                matches!(early, HostError::WrongSize { found, .. } if found == 64 * MIB),
                "{early}"
            );
            grow_vv(&lab, 96);
            assert_eq!(now(&lab).bytes(), 64 * MIB);
            assert_eq!(
                transport.resize(&wwn, size(96)).await.unwrap(),
                Change::Changed(())
            );
            assert_eq!(now(&lab).bytes(), 96 * MIB);
            let smaller = transport.resize(&wwn, size(64)).await.unwrap_err();
            assert!(matches!(smaller, HostError::WrongSize { .. }), "{smaller}");
            assert_eq!(now(&lab).bytes(), 96 * MIB);
        },
    );
}

/// A mounted filesystem follows its device, and only then.
async fn follows(kind: FsType, lab: Lab) {
    let device = formatted(&lab, kind).await;
    let at = lab.path("m");
    let _ = mount(&lab.kernel, &device, &at, kind, MountAs::Volume, SOON)
        .await
        .unwrap();
    fs::write(at.join("file"), "data").unwrap();
    let grow = async |device: &BlockDevice| {
        let done = grow_filesystem(&lab.kernel, device, &at, kind, SOON).await?;
        Ok::<_, HostError>((done.is_changed(), done.into_inner()))
    };
    assert_eq!(grow(&device).await.unwrap(), (false, 512 * MIB));

    grow_vv(&lab, 1536);
    let _ = lab
        .transport("host7")
        .resize(&wwn('1'), Size::from_mib(1536))
        .await
        .unwrap();
    // A device that is not what it was is looked at anew first.
    let stale = grow(&device).await.unwrap_err();
    assert!(matches!(stale, HostError::WrongSize { .. }), "{stale}");
    let device = now(&lab);
    if kind == FsType::Ext4 && !may_grow_ext4() {
        let refusal = grow(&device).await.unwrap_err();
        assert!(matches!(refusal, HostError::Command(_)), "{refusal}");
        assert!(refusal.hint().unwrap().contains("CAP_SYS_RESOURCE"));
        assert_eq!(free(&at), free(&at).min(512 * MIB));
        return;
    }
    let before = free(&at);
    assert_eq!(grow(&device).await.unwrap(), (true, 1536 * MIB));
    assert!(free(&at) > before + 900 * MIB, "{before} {}", free(&at));
    assert_eq!(grow(&device).await.unwrap(), (false, 1536 * MIB));
    assert_eq!(fs::read_to_string(at.join("file")).unwrap(), "data");

    let _ = unmount(&lab.kernel, &at, SOON).await.unwrap();
    let gone = grow(&device).await.unwrap_err();
    assert!(matches!(gone, HostError::OtherMount { .. }), "{gone}");
    let _ = mount(&lab.kernel, &device, &at, kind, MountAs::Volume, SOON)
        .await
        .unwrap();
    assert_eq!(grow(&device).await.unwrap(), (false, 1536 * MIB));
    assert_eq!(fs::read_to_string(at.join("file")).unwrap(), "data");
}

fn free(at: &std::path::Path) -> u64 {
    let stat = nix::sys::statvfs::statvfs(at).unwrap();
    stat.blocks_free() * stat.fragment_size()
}

#[test]
fn a_mounted_ext4_follows_its_device() {
    privately("growing::a_mounted_ext4_follows_its_device", |lab| {
        follows(FsType::Ext4, lab)
    });
}

#[test]
fn a_mounted_xfs_follows_its_device() {
    privately("growing::a_mounted_xfs_follows_its_device", |lab| {
        follows(FsType::Xfs, lab)
    });
}

#[test]
fn a_growth_that_takes_too_long_is_told() {
    privately(
        "growing::a_growth_that_takes_too_long_is_told",
        async |lab| {
            let device = formatted(&lab, FsType::Xfs).await;
            let at = lab.path("m");
            let kind = FsType::Xfs;
            let _ = mount(&lab.kernel, &device, &at, kind, MountAs::Volume, SOON)
                .await
                .unwrap();
            grow_vv(&lab, 1024);
            let resize = lab.transport("host7");
            let _ = resize
                .resize(&wwn('1'), Size::from_mib(1024))
                .await
                .unwrap();
            // One in the place of the program that never ends, whatever else the machine does.
            let program = Path::new("/usr/sbin/xfs_growfs");
            let (usual, hanging) = (lab.path("usual"), lab.path("hanging"));
            fs::copy(program, &usual).unwrap();
            let asked = format!("[ $1 = -n ] && exec {} \"$@\"", usual.display());
            fs::write(&hanging, format!("#!/bin/sh\n{asked}\nexec sleep 3600\n")).unwrap();
            fs::set_permissions(&hanging, Permissions::from_mode(0o755)).unwrap();
            let none = None::<&str>;
            nix::mount::mount(Some(&hanging), program, none, MsFlags::MS_BIND, none).unwrap();
            let limit = Duration::from_millis(100);
            let error = grow_filesystem(&lab.kernel, &now(&lab), &at, kind, limit)
                .await
                .unwrap_err();
            assert!(matches!(error, HostError::Deadline { .. }), "{error}");
            nix::mount::umount(program).unwrap();
            // It is done again to the end.
            let done = grow_filesystem(&lab.kernel, &now(&lab), &at, kind, SOON).await;
            assert_eq!(done.unwrap().into_inner(), 1024 * MIB);
        },
    );
}
