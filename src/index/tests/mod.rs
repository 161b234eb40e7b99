//! The index as the plugin sees it, over restarts, damage and a full disk.

mod journal;
mod mounts;
mod node_records;
mod sessions;
mod volumes;

use std::collections::BTreeMap;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::model::{CreateVolume, Format, FsType, RequestId, Role, Size, State, SystemId, VvId};

struct Machine {
    dir: TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        machine.boot("first");
        machine
    }
    fn boot(&self, id: &str) {
        fs::write(self.path("boot_id"), format!("{id}\n")).unwrap();
    }
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
    fn try_open(&self) -> Result<Index, IndexError> {
        Index::open_since_boot(
            &self.path("state"),
            &self.path("run"),
            &self.path("boot_id"),
        )
    }
    fn open(&self) -> Index {
        self.try_open().unwrap()
    }
    fn names(&self, dir: &str) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.path(dir))
            .unwrap()
            .map(|item| item.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn name(text: &str) -> VolumeName {
    VolumeName::new(text).unwrap()
}

fn backend() -> BackendName {
    BackendName::new("DEFAULT").unwrap()
}

fn wwn(last: char) -> Wwn {
    format!("60002AC00000000000000A1F0001B2C{last}")
        .parse()
        .unwrap()
}

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn volume(text: &str) -> IndexedVolume {
    let name = name(text);
    IndexedVolume {
        backend: backend(),
        vv: name.vv_name(&crate::model::Namespace::default()),
        wwn: Some(wwn('1')),
        copy_wwn: None,
        last_roles: LastRoles::default(),
        vv_id: VvId(17),
        options: CreateVolume {
            size: Size::from_gib(3),
            fs_owner: Some("7:8".parse().unwrap()),
            fs_type: FsType::Xfs,
            ..CreateVolume::new(name.clone(), backend())
        },
        created: Some(time(0)),
        format: Format::Doing,
        state: State::Ready,
        group: None,
        home: SystemId(123),
        status: json!({"paths": 4}),
        seen: time(0),
        missed: 0,
        copy_missed: 0,
        name,
    }
}

fn listing(volume: &IndexedVolume) -> (VvName, Wwn) {
    (volume.vv.clone(), volume.wwn.clone().unwrap())
}

fn entry(op: &str) -> JournalEntry {
    JournalEntry {
        op: OperationId::parse(op).unwrap(),
        kind: OpKind::Create,
        name: name("db1"),
        backend: backend(),
        vv: VvName::new("dkv-db1").unwrap(),
        started: time(1),
        steps: Vec::new(),
        facts: BTreeMap::new(),
        request: json!({"size": "3"}),
    }
}

fn place(last: char) -> MountPlace {
    MountPlace {
        wwn: wwn(last),
        device: "/dev/mapper/x".into(),
        mountpoint: "/mounts/db1".into(),
    }
}
