use std::{
    fs,
    fs::File,
    os::unix::fs::{FileExt, symlink},
    time::Duration,
};

use hpe3par_docker::{
    host::{Found, HostError, MountAs, Transport, busy, make, mount, probe},
    model::{Change, FsType, Size},
};

use crate::lab::{MIB, SOON, privately, uuid, wwn};

#[test]
fn a_volume_is_attached_once_found_again_after_a_restart_and_gone_when_detached() {
    privately(
        "attaching::a_volume_is_attached_once_found_again_after_a_restart_and_gone_when_detached",
        async |lab| {
            let export = lab.volume(&wwn('1'), 64);
            let transport = lab.transport("host7");
            assert_eq!(
                transport.initiators(),
                ["iqn.1994-05.com.example:host7".parse().unwrap()]
            );
            assert_eq!(transport.find(&export.wwn).unwrap(), None);
            // Waits for an export that comes later.
            let (waiting, wanted) = (transport.clone(), export.clone());
            let deadline = lab.soon();
            let waiting = tokio::spawn(async move { waiting.attach(&wanted, deadline).await });
            tokio::task::yield_now().await;
            lab.export(&export, "host7");
            let device = waiting.await.unwrap().unwrap();
            assert_eq!((device.bytes(), device.wwn()), (64 * MIB, &export.wwn));

            assert_eq!(transport.attach(&export, lab.soon()).await.unwrap(), device);
            let restarted = lab.transport("host7");
            assert_eq!(restarted.attach(&export, lab.soon()).await.unwrap(), device);
            assert_eq!(lab.loops().len(), 1);
            // The export goes, the device stays: it has to be found to be detached.
            fs::remove_file(lab.exported_as(&export, "host7")).unwrap();
            fs::remove_file(lab.data(&export.wwn)).unwrap();
            assert_eq!(restarted.find(&export.wwn).unwrap(), Some(device.clone()));
            assert_eq!(restarted.list().unwrap(), [device]);
            assert_eq!(
                restarted.detach(&export.wwn).await.unwrap(),
                Change::Changed(())
            );
            assert_eq!(
                restarted.detach(&export.wwn).await.unwrap(),
                Change::Unchanged(())
            );
            assert_eq!(restarted.list().unwrap(), []);
            assert!(lab.loops().is_empty());
            assert_eq!(
                fs::read_dir(lab.path("exports/.attached/host7"))
                    .unwrap()
                    .count(),
                0
            );
        },
    );
}

#[test]
fn two_hosts_on_one_machine_have_devices_of_their_own() {
    privately(
        "attaching::two_hosts_on_one_machine_have_devices_of_their_own",
        async |lab| {
            let export = lab.volume(&wwn('1'), 64);
            lab.export(&export, "host7");
            // The other form of an export: a hard link.
            fs::hard_link(lab.data(&export.wwn), lab.exported_as(&export, "host8")).unwrap();
            let (seven, eight) = (lab.transport("host7"), lab.transport("host8"));
            let mine = seven.attach(&export, lab.soon()).await.unwrap();
            let theirs = eight.attach(&export, lab.soon()).await.unwrap();
            assert_ne!(mine.path(), theirs.path());
            lab.write(&mine, b"shared", 5 * MIB);
            let mut read = [0; 6];
            File::open(theirs.path())
                .unwrap()
                .read_exact_at(&mut read, 5 * MIB)
                .unwrap();
            assert_eq!(&read, b"shared");
            let _ = seven.detach(&export.wwn).await.unwrap();
            assert_eq!(eight.list().unwrap(), [theirs]);
        },
    );
}

#[test]
fn a_device_of_another_size_or_volume_is_not_attached() {
    privately(
        "attaching::a_device_of_another_size_or_volume_is_not_attached",
        async |lab| {
            let transport = lab.transport("host7");
            let mut export = lab.volume(&wwn('1'), 64);
            lab.export(&export, "host7");
            export.size = Size::from_mib(65);
            let error = transport.attach(&export, lab.soon()).await.unwrap_err();
            assert!(
                matches!(error, HostError::WrongSize { expected, found, .. } if (expected, found) == (65 * MIB, 64 * MIB)),
                "{error}"
            );
            assert!(lab.loops().is_empty());
            // Attached, and then another size is asked for.
            export.size = Size::from_mib(64);
            let _ = transport.attach(&export, lab.soon()).await.unwrap();
            export.size = Size::from_mib(63);
            let error = transport.attach(&export, lab.soon()).await.unwrap_err();
            assert!(matches!(error, HostError::WrongSize { .. }), "{error}");
            let _ = transport.detach(&export.wwn).await.unwrap();

            // The LUN leads to another volume's data.
            let other = lab.volume(&wwn('2'), 64);
            symlink(lab.data(&export.wwn), lab.exported_as(&other, "host7")).unwrap();
            let error = transport.attach(&other, lab.soon()).await.unwrap_err();
            assert!(matches!(error, HostError::WrongDevice { .. }), "{error}");
            assert!(lab.loops().is_empty());
        },
    );
}

#[test]
fn a_device_on_a_former_file_of_the_volume_is_exchanged_only_when_nobody_uses_it() {
    privately(
        "attaching::a_device_on_a_former_file_of_the_volume_is_exchanged_only_when_nobody_uses_it",
        async |lab| {
            let device = lab.attached('1', 256).await;
            let export = hpe3par_docker::host::Export {
                serving: hpe3par_docker::host::Place {
                    array: "north".to_owned(),
                    lun: hpe3par_docker::model::Lun(5),
                    ports: Vec::new(),
                    chap: None,
                },
                second: None,
                wwn: wwn('1'),
                size: Size::from_mib(256),
            };
            lab.write(&device, b"former", 0);
            let renew = || {
                fs::remove_file(lab.data(&export.wwn)).unwrap();
                let _ = lab.volume(&export.wwn, 256);
            };
            renew();
            let transport = lab.transport("host7");
            let device = transport.attach(&export, lab.soon()).await.unwrap();
            assert_eq!(lab.loops().len(), 1);
            let Found::Empty(empty) = probe(&lab.kernel, &device).await.unwrap() else {
                panic!("former data")
            };
            make(&lab.kernel, empty, FsType::Ext4, &uuid(), SOON)
                .await
                .unwrap();
            let _ = mount(
                &lab.kernel,
                &device,
                &lab.path("m/db1"),
                FsType::Ext4,
                MountAs::Volume,
                SOON,
            )
            .await
            .unwrap();

            renew();
            let error = transport.attach(&export, lab.soon()).await.unwrap_err();
            assert!(matches!(&error, HostError::WrongDevice { .. }), "{error}");
            assert!(error.to_string().contains("mounted on `"), "{error}");
            assert_eq!(transport.find(&export.wwn).unwrap(), Some(device.clone()));
            let error = transport.detach(&export.wwn).await.unwrap_err();
            assert!(
                matches!(&error, HostError::InUse { by, .. } if by.claimed && by.mounts.len() == 1),
                "{error}"
            );
            assert!(busy(&lab.kernel, &device, SOON).await.unwrap().is_some());
        },
    );
}

#[test]
fn a_device_that_somebody_has_open_is_not_believed_to_be_gone() {
    privately(
        "attaching::a_device_that_somebody_has_open_is_not_believed_to_be_gone",
        async |lab| {
            let device = lab.attached('1', 64).await;
            let patience = Duration::from_millis(500);
            let impatient = lab.simulated("host7").with_patience(patience);
            let transport = Transport::Simulated(impatient);
            // Not exclusively, as dd or a backup has it: losetup --detach reports success all the same.
            let open = File::open(device.path()).unwrap();
            let error = transport.detach(device.wwn()).await.unwrap_err();
            assert!(matches!(error, HostError::InUse { .. }), "{error}");
            drop(open);
            tokio::time::timeout(SOON, async {
                while !transport.list().unwrap().is_empty() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            })
            .await
            .unwrap();
            assert_eq!(
                transport.detach(device.wwn()).await.unwrap(),
                Change::Unchanged(())
            );
        },
    );
}
