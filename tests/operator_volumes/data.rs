//! What is in a volume on one array, in a place that no filesystem of these tests uses.

use std::{fs::File, os::unix::fs::FileExt, path::PathBuf};

use super::rig::arrays::Arrays;

const AT: u64 = 768 << 20;

pub struct Data<'a> {
    pub arrays: &'a Arrays,
    pub array: &'a str,
    pub volume: &'a str,
}

impl Data<'_> {
    fn file(&self) -> PathBuf {
        let vv = self.arrays.dump()[self.array]["vvs"][format!("dkv-{}", self.volume)].clone();
        let file = format!("{}-{}.img", vv["id"], vv["wwn"].as_str().unwrap());
        let dir = self.arrays.dir.path().join("data");
        dir.join(self.array).join(file)
    }

    pub fn write(&self, byte: u8) {
        let file = File::options().write(true).open(self.file()).unwrap();
        file.write_all_at(&[byte], AT).unwrap();
    }

    pub fn read(&self) -> u8 {
        let mut found = [0];
        File::open(self.file())
            .unwrap()
            .read_exact_at(&mut found, AT)
            .unwrap();
        found[0]
    }
}
