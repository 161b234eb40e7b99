use std::{fs, fs::File, os::unix::fs::symlink, path::Path, time::Duration};

use hpe3par_docker::{
    host::{
        BlockDevice, Found, HostError, MountAs, busy, is_mounted, make, mount, probe,
        remove_mountpoint, unmount,
    },
    model::{Change, FsType},
};

use crate::lab::{Elsewhere, Lab, SOON, privately, uuid};

async fn formatted(lab: &Lab) -> BlockDevice {
    let device = lab.attached('1', 256).await;
    let Found::Empty(empty) = probe(&lab.kernel, &device).await.unwrap() else {
        panic!()
    };
    make(&lab.kernel, empty, FsType::Ext4, &uuid(), SOON)
        .await
        .unwrap();
    device
}

async fn mount_at(lab: &Lab, device: &BlockDevice, at: &Path) -> Result<bool, HostError> {
    let done = mount(&lab.kernel, device, at, FsType::Ext4, MountAs::Volume, SOON).await?;
    let changed = done.is_changed();
    assert_eq!(done.into_inner().device, device.number());
    Ok(changed)
}

#[test]
fn mounted_once_unmounted_once_and_the_directory_goes() {
    privately(
        "mounting::mounted_once_unmounted_once_and_the_directory_goes",
        async |lab| {
            let device = formatted(&lab).await;
            // The table of the kernel has the real path, whatever way leads there.
            fs::create_dir(lab.path("real")).unwrap();
            symlink(lab.path("real"), lab.path("way")).unwrap();
            let at = lab.path("way/mounts/db one");
            assert_eq!(is_mounted(&lab.kernel, &at).unwrap(), None);
            assert!(mount_at(&lab, &device, &at).await.unwrap());
            assert!(!mount_at(&lab, &device, &at).await.unwrap());
            let entry = is_mounted(&lab.kernel, &at).unwrap().unwrap();
            assert_eq!(entry.kind, "ext4");
            assert!(entry.mountpoint.ends_with("real/mounts/db one"));
            fs::write(at.join("file"), "data").unwrap();
            assert_eq!(
                unmount(&lab.kernel, &at, SOON).await.unwrap(),
                Change::Changed(())
            );
            remove_mountpoint(&lab.kernel, &at).unwrap();
            assert!(!at.exists() && lab.path("real/mounts").exists());
            remove_mountpoint(&lab.kernel, &at).unwrap();
            assert_eq!(
                unmount(&lab.kernel, &at, SOON).await.unwrap(),
                Change::Unchanged(())
            );
            assert_eq!(busy(&lab.kernel, &device, SOON).await.unwrap(), None);
            assert!(mount_at(&lab, &device, &at).await.unwrap());
            assert_eq!(fs::read_to_string(at.join("file")).unwrap(), "data");
        },
    );
}

#[test]
fn nothing_is_mounted_over_something_else() {
    privately(
        "mounting::nothing_is_mounted_over_something_else",
        async |lab| {
            let device = formatted(&lab).await;
            let at = lab.path("m");
            fs::create_dir(&at).unwrap();
            nix::mount::mount(
                Some("other"),
                &at,
                Some("tmpfs"),
                nix::mount::MsFlags::empty(),
                None::<&str>,
            )
            .unwrap();
            let error = mount_at(&lab, &device, &at).await.unwrap_err();
            assert!(
                matches!(&error, HostError::OtherMount { found, .. } if found == "other"),
                "{error}"
            );
            // Neither is a directory of the same device, bound there.
            let (root, bound) = (lab.path("root"), lab.path("bound"));
            mount_at(&lab, &device, &root).await.unwrap();
            fs::create_dir(root.join("inside")).unwrap();
            fs::create_dir(&bound).unwrap();
            let bind = nix::mount::MsFlags::MS_BIND;
            nix::mount::mount(
                Some(&root.join("inside")),
                &bound,
                None::<&str>,
                bind,
                None::<&str>,
            )
            .unwrap();
            let error = mount_at(&lab, &device, &bound).await.unwrap_err();
            assert!(matches!(&error, HostError::OtherMount { .. }), "{error}");
        },
    );
}

#[test]
fn a_link_in_the_place_of_the_mountpoint_leads_nowhere() {
    privately(
        "mounting::a_link_in_the_place_of_the_mountpoint_leads_nowhere",
        async |lab| {
            let device = formatted(&lab).await;
            fs::create_dir(lab.path("target")).unwrap();
            symlink(lab.path("target"), lab.path("m")).unwrap();
            assert!(mount_at(&lab, &device, &lab.path("m")).await.is_err());
            assert_eq!(busy(&lab.kernel, &device, SOON).await.unwrap(), None);
        },
    );
}

#[test]
fn an_open_file_keeps_the_mount_and_its_process_is_named() {
    privately(
        "mounting::an_open_file_keeps_the_mount_and_its_process_is_named",
        async |lab| {
            let device = formatted(&lab).await;
            let at = lab.path("m");
            mount_at(&lab, &device, &at).await.unwrap();
            let open = File::create(at.join("file")).unwrap();
            let error = unmount(&lab.kernel, &at, SOON).await.unwrap_err();
            let HostError::InUse { by, .. } = &error else {
                panic!("{error}")
            };
            assert!(
                by.users.iter().any(|(pid, _)| *pid == std::process::id()),
                "{error}"
            );
            assert!(is_mounted(&lab.kernel, &at).unwrap().is_some());
            let error = remove_mountpoint(&lab.kernel, &at).unwrap_err();
            assert!(matches!(error, HostError::OtherMount { .. }), "{error}");
            drop(open);
            assert_eq!(
                unmount(&lab.kernel, &at, SOON).await.unwrap(),
                Change::Changed(())
            );
        },
    );
}

#[test]
fn files_beneath_the_mount_are_never_removed() {
    privately(
        "mounting::files_beneath_the_mount_are_never_removed",
        async |lab| {
            let device = formatted(&lab).await;
            let at = lab.path("m");
            fs::create_dir(&at).unwrap();
            fs::write(at.join("written while unmounted"), "precious").unwrap();
            mount_at(&lab, &device, &at).await.unwrap();
            assert!(!at.join("written while unmounted").exists());
            assert_eq!(
                unmount(&lab.kernel, &at, SOON).await.unwrap(),
                Change::Changed(())
            );
            remove_mountpoint(&lab.kernel, &at).unwrap();
            assert_eq!(
                fs::read_to_string(at.join("written while unmounted")).unwrap(),
                "precious"
            );
        },
    );
}

#[test]
fn one_of_two_mounts_on_a_directory_is_not_taken_for_both() {
    privately(
        "mounting::one_of_two_mounts_on_a_directory_is_not_taken_for_both",
        async |lab| {
            let device = formatted(&lab).await;
            let at = lab.path("m");
            mount_at(&lab, &device, &at).await.unwrap();
            let flags = nix::mount::MsFlags::empty();
            nix::mount::mount(Some("upper"), &at, Some("tmpfs"), flags, None::<&str>).unwrap();
            let error = unmount(&lab.kernel, &at, SOON).await.unwrap_err();
            assert!(matches!(error, HostError::NotProven { .. }), "{error}");
            assert_eq!(
                unmount(&lab.kernel, &at, SOON).await.unwrap(),
                Change::Changed(())
            );
        },
    );
}

#[test]
fn a_mount_in_another_namespace_keeps_the_device_and_is_named() {
    privately(
        "mounting::a_mount_in_another_namespace_keeps_the_device_and_is_named",
        async |lab| {
            let device = formatted(&lab).await;
            let at = lab.path("m");
            mount_at(&lab, &device, &at).await.unwrap();
            let elsewhere = Elsewhere::begin();
            assert_eq!(
                unmount(&lab.kernel, &at, SOON).await.unwrap(),
                Change::Changed(())
            );
            let by = busy(&lab.kernel, &device, SOON).await.unwrap().unwrap();
            assert!(by.claimed && by.mounts.is_empty());
            let [holder] = &by.holders[..] else {
                panic!("{by}")
            };
            assert_eq!(
                (holder.pid, holder.name.as_str(), &holder.mountpoint),
                (elsewhere.pid(), "sh", &at)
            );
            let transport = lab.transport("host7");
            let error = transport.detach(device.wwn()).await.unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains(&format!("pid {} (`sh`)", elsewhere.pid())),
                "{error}"
            );
            assert_eq!(transport.find(device.wwn()).unwrap(), Some(device.clone()));

            elsewhere.end();
            // The kernel takes a dead namespace's mounts down in its own time.
            tokio::time::timeout(SOON, async {
                while busy(&lab.kernel, &device, SOON).await.unwrap().is_some() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            })
            .await
            .unwrap();
            assert_eq!(
                transport.detach(device.wwn()).await.unwrap(),
                Change::Changed(())
            );
        },
    );
}

#[test]
fn a_device_that_was_detached_is_not_mounted() {
    privately(
        "mounting::a_device_that_was_detached_is_not_mounted",
        async |lab| {
            let device = formatted(&lab).await;
            let _ = lab.transport("host7").detach(device.wwn()).await.unwrap();
            let error = mount_at(&lab, &device, &lab.path("m")).await.unwrap_err();
            assert!(
                matches!(error, HostError::WrongSize { found: 0, .. }),
                "{error}"
            );
        },
    );
}
