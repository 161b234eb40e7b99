//! What the backend asks of the Linux kernel: entries of configfs and sysfs, and a few programs with fixed arguments.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

/// The kernel as it is used here; tests bring one that keeps everything in memory.
pub(super) trait Kernel: Send {
    /// Is this entry there?
    fn exists(&self, path: &Path) -> bool;
    /// Content of an attribute, without blanks around it.
    fn read(&self, path: &Path) -> io::Result<String>;
    /// Writes an attribute.
    fn write(&mut self, path: &Path, value: &str) -> io::Result<()>;
    /// Names of the directories and links in a directory, sorted; none if it is not there.
    fn list(&self, directory: &Path) -> io::Result<Vec<String>>;
    /// Where a link leads to.
    fn read_link(&self, path: &Path) -> io::Result<PathBuf>;
    /// Makes a directory and those above it.
    fn make(&mut self, directory: &Path) -> io::Result<()>;
    /// Removes a directory. In configfs its attributes go with it.
    fn remove(&mut self, directory: &Path) -> io::Result<()>;
    /// Makes the link `at` that leads to `to`.
    fn link(&mut self, to: &Path, at: &Path) -> io::Result<()>;
    /// Removes a link.
    fn unlink(&mut self, at: &Path) -> io::Result<()>;
    /// Runs a program and gives what it prints.
    fn run(&mut self, program: &str, arguments: &[&str]) -> io::Result<String>;
    /// Forgets what is cached of a block device, so that it is read anew from what is below.
    fn drop_cache(&mut self, device: &str) -> io::Result<()>;
}

/// The kernel of this machine.
pub(super) struct ThisMachine;

/// An error that tells what it is about: configfs itself says only `Invalid argument`.
fn about(what: &Path) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("`{}`: {error}", what.display()))
}

impl Kernel for ThisMachine {
    fn exists(&self, path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok()
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        let text = fs::read(path).map_err(about(path))?;
        Ok(String::from_utf8_lossy(&text).trim().to_owned())
    }

    fn write(&mut self, path: &Path, value: &str) -> io::Result<()> {
        fs::write(path, value).map_err(about(path))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        if !directory.exists() {
            return Ok(Vec::new());
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(directory).map_err(about(directory))? {
            let entry = entry.map_err(about(directory))?;
            if !entry.file_type()?.is_file() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        fs::read_link(path).map_err(about(path))
    }

    fn make(&mut self, directory: &Path) -> io::Result<()> {
        fs::create_dir_all(directory).map_err(about(directory))
    }

    fn remove(&mut self, directory: &Path) -> io::Result<()> {
        fs::remove_dir(directory).map_err(about(directory))
    }

    fn link(&mut self, to: &Path, at: &Path) -> io::Result<()> {
        std::os::unix::fs::symlink(to, at).map_err(about(at))
    }

    fn unlink(&mut self, at: &Path) -> io::Result<()> {
        fs::remove_file(at).map_err(about(at))
    }

    fn run(&mut self, program: &str, arguments: &[&str]) -> io::Result<String> {
        let output = Command::new(program).args(arguments).output();
        let output = output.map_err(about(Path::new(program)))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let line = arguments.join(" ");
        Err(io::Error::other(format!(
            "`{program} {line}`: {}",
            said.trim()
        )))
    }

    fn drop_cache(&mut self, device: &str) -> io::Result<()> {
        let opened = fs::File::open(device).map_err(about(Path::new(device)))?;
        opened.sync_all()?;
        // The whole device: a length of 0 reaches to its end.
        posix_fadvise(&opened, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?;
        Ok(())
    }
}
