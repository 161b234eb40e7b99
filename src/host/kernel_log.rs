//! What the kernel writes into its log about a device: mount(2) itself says no more than `Invalid argument`.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
};

use nix::libc;

/// More lines than these tell a person nothing new.
const LINES: usize = 4;
/// The kernel gives no record that is longer.
const RECORD: usize = 8192;

/// The kernel's log from a moment on. Empty where it cannot be read, as in some containers: it is for people, and decides nothing.
#[derive(Debug)]
pub(super) struct KernelLog(Option<File>);

impl KernelLog {
    /// From now on.
    pub fn from_now() -> Self {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/kmsg")
            .ok();
        Self(file.filter(|mut file| file.seek(SeekFrom::End(0)).is_ok()))
    }

    /// What it has said about a device since, by its name in the kernel: the first lines.
    pub fn about(&mut self, device: &str) -> Vec<String> {
        let mut said = Vec::new();
        let Some(file) = &mut self.0 else {
            return said;
        };
        let mut record = [0; RECORD];
        while said.len() < LINES {
            match file.read(&mut record) {
                Ok(0) => break,
                Ok(length) => {
                    let text = String::from_utf8_lossy(&record[..length]);
                    said.extend(message(&text).filter(|line| is_about(line, device)));
                }
                // What was not read in time is overwritten; the next read gives what there is.
                Err(e) if e.kind() == ErrorKind::BrokenPipe => {}
                Err(_) => break,
            }
        }
        said
    }
}

/// A record is `level,sequence,time,flags;message`, and lines with further values that begin with a space.
fn message(record: &str) -> Option<String> {
    let (_, message) = record.lines().next()?.split_once(';')?;
    Some(message.trim().to_owned())
}

/// `loop1` is not about `loop12`. That a mount has begun is no news.
fn is_about(line: &str, device: &str) -> bool {
    let mut words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.any(|word| word == device) && !line.contains("Mounting V")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_about_the_device_is_kept() {
        let line = "6,1211,11836112,-;EXT4-fs (loop1): Could not load journal inode\n SUBSYSTEM=block\n DEVICE=b7:1\n";
        let said = message(line).unwrap();
        assert_eq!(said, "EXT4-fs (loop1): Could not load journal inode");
        assert!(is_about(&said, "loop1"));
        assert!(!is_about(&said, "loop") && !is_about(&said, "loop12"));
        assert!(is_about("EXT4-fs error (device dm-7): x", "dm-7"));
        assert!(!is_about("EXT4-fs error (device dm-7): x", "dm"));
        assert!(!is_about("XFS (dm-7): Mounting V5 Filesystem", "dm-7"));
        assert_eq!(message("nonsense"), None);
    }
}
