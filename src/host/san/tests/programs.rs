//! The programs of the machine made of files. Each is the same script, which asks a thread here what to say.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use super::kernel::{FakeKernel, write};
use crate::host::san::scsi::Nexus;

const SCRIPT: &str = r#"#!/bin/sh
mkfifo "ROOT/answers/$$"
echo "$$ ${0##*/} $*" > ROOT/asked
{ read -r code; cat; } < "ROOT/answers/$$"
exit "$code"
"#;

/// What is said instead of the truth.
#[derive(Clone)]
pub enum Instead {
    /// A status and a text; nothing is done.
    Say(i32, &'static str),
    /// It is done, and said so.
    After(Duration),
    /// iscsid logs in that much later, whatever becomes of the iscsiadm that asked it to and of its record.
    Later(Duration),
    /// A status, though it is done.
    DoneBut(i32),
    /// Never.
    Hang,
}

/// What the programs know.
#[derive(Clone)]
pub struct FakePrograms {
    kernel: FakeKernel,
    /// By a part of the command line; the first that fits. A number counts down.
    instead: Arc<Mutex<Vec<(String, Instead, u32)>>>,
    /// iscsiadm's records by port, and what each says.
    pub records: Arc<Mutex<BTreeMap<String, BTreeMap<String, String>>>>,
    /// The name and secret an array wants.
    pub chap: Arc<Mutex<Option<(String, String)>>>,
    pub config: Arc<Mutex<String>>,
}

impl FakePrograms {
    pub fn new(root: &Path, kernel: &FakeKernel) -> Self {
        let programs = Self {
            kernel: kernel.clone(),
            instead: Arc::default(),
            records: Arc::default(),
            chap: Arc::default(),
            config: Arc::default(),
        };
        fs::create_dir(root.join("answers")).unwrap();
        // Written by a process of its own: a file that this one has open cannot be run while any thread forks.
        let script = root.join("script");
        let mut writer = Command::new("sh")
            .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
            .arg(&script)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let text = SCRIPT.replace("ROOT", root.to_str().unwrap());
        writer
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        assert!(writer.wait().unwrap().success());
        for name in ["iscsiadm", "multipath", "multipathd", "scsi_id"] {
            symlink(&script, root.join("bin").join(name)).unwrap();
        }
        // What the script needs, and nothing else: no test may reach a program of the machine it runs on.
        for name in ["mkfifo", "cat"] {
            symlink(
                Path::new("/usr/bin").join(name),
                root.join("bin").join(name),
            )
            .unwrap();
        }
        let asked = root.join("asked");
        nix::unistd::mkfifo(&asked, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let asked = OpenOptions::new()
            .read(true)
            .write(true)
            .open(asked)
            .unwrap();
        let (answering, answers) = (programs.clone(), root.join("answers"));
        std::thread::spawn(move || {
            for line in BufReader::new(asked).lines() {
                let Ok(line) = line else { return };
                if line == "end" {
                    return;
                }
                let (pid, command) = line.split_once(' ').unwrap();
                let (programs, command) = (answering.clone(), command.to_owned());
                let to = answers.join(pid);
                std::thread::spawn(move || {
                    if let Some((code, text)) = programs.answer(&command) {
                        // It may have been killed.
                        if let Ok(mut pipe) = OpenOptions::new().write(true).open(to) {
                            let _ = write!(pipe, "{code}\n{text}");
                        }
                    }
                });
            }
        });
        programs
    }

    pub fn instead(&self, part: &str, what: Instead) {
        self.instead_times(part, what, u32::MAX);
    }

    pub fn instead_times(&self, part: &str, what: Instead, times: u32) {
        self.instead
            .lock()
            .unwrap()
            .push((part.to_owned(), what, times));
    }

    pub fn as_usual(&self) {
        self.instead.lock().unwrap().clear();
    }

    fn answer(&self, command: &str) -> Option<(i32, String)> {
        self.kernel.world().told.push(command.to_owned());
        let what = {
            let mut instead = self.instead.lock().unwrap();
            let found = instead
                .iter_mut()
                .find(|(part, _, times)| command.contains(part.as_str()) && *times > 0);
            found.map(|(_, what, times)| {
                *times -= 1;
                what.clone()
            })
        };
        match what {
            Some(Instead::Say(code, text)) => Some((code, format!("{text}\n"))),
            Some(Instead::Hang) => None,
            Some(Instead::After(pause)) => {
                std::thread::sleep(pause);
                Some(self.act(command))
            }
            Some(Instead::Later(pause)) => {
                let words: Vec<&str> = command.split(' ').collect();
                let ["iscsiadm", "-m", "node", "-T", iqn, "-p", portal, "--login"] = words[..]
                else {
                    panic!("`{command}`")
                };
                std::thread::sleep(pause);
                add_session(&self.kernel, iqn, portal);
                None
            }
            Some(Instead::DoneBut(code)) => Some((code, self.act(command).1)),
            None => Some(self.act(command)),
        }
    }

    fn act(&self, command: &str) -> (i32, String) {
        let words: Vec<&str> = command.split(' ').collect();
        match &words[..] {
            ["scsi_id", "--page=0x83", "--whitelisted", device] => {
                let name = device.rsplit('/').next().unwrap();
                match self.kernel.world().behind(name) {
                    Some(shown) => (0, format!("3{}\n", shown.wwn)),
                    None => (1, String::new()),
                }
            }
            ["multipathd", "show", "daemon"] => (0, "pid 330 idle\n".to_owned()),
            ["multipathd", "show", "config"] => (0, self.config.lock().unwrap().clone()),
            ["multipathd", "show", "paths", ..] => {
                let world = self.kernel.world();
                let rows = world.disks.keys().map(|name| {
                    let answers = world.behind(name).is_some();
                    format!("{name} {}\n", if answers { "ready" } else { "faulty" })
                });
                (0, rows.collect())
            }
            ["multipathd", "add", "path", name] => {
                let mut world = self.kernel.world();
                self.kernel.take_in(&mut world, name);
                (0, "ok\n".to_owned())
            }
            ["multipathd", "resize" | "reload", "map", name] => {
                let world = self.kernel.world();
                let Some(map) = map_named(&world, name) else {
                    return (1, "fail\n".to_owned());
                };
                let map = world.block(&map);
                let slaves: Vec<_> = fs::read_dir(map.join("slaves"))
                    .unwrap()
                    .flatten()
                    .collect();
                for file in ["size", "ro"] {
                    let of = |slave: &fs::DirEntry| {
                        let name = slave.file_name();
                        let disk = world.block(name.to_str().unwrap()).join(file);
                        fs::read_to_string(disk).unwrap().trim().to_owned()
                    };
                    let mut values: Vec<String> = slaves.iter().map(of).collect();
                    values.dedup();
                    match &values[..] {
                        [one] => write(map.join(file), one),
                        _ => return (1, "fail\n".to_owned()),
                    }
                }
                (0, "ok\n".to_owned())
            }
            ["multipathd", "del", "path", name] => {
                self.kernel.world().leave(name);
                (0, "ok\n".to_owned())
            }
            [
                "multipathd",
                "disablequeueing" | "restorequeueing",
                "map",
                _,
            ] => (0, "ok\n".to_owned()),
            ["multipath", "-a", _] => (0, String::new()),
            ["multipath", "-f", name] => {
                let mut world = self.kernel.world();
                match map_named(&world, name) {
                    Some(dm) => {
                        world.remove_map(&dm);
                        (0, String::new())
                    }
                    None => (1, String::new()),
                }
            }
            ["iscsiadm", "-m", "node", "-T", iqn, "-p", portal, rest @ ..] => {
                self.iscsiadm(iqn, portal, rest)
            }
            _ => panic!("`{command}`"),
        }
    }

    fn iscsiadm(&self, iqn: &str, portal: &str, words: &[&str]) -> (i32, String) {
        let key = format!("{iqn} {portal}");
        let mut records = self.records.lock().unwrap();
        match words {
            [] => match records.get(&key) {
                Some(record) => {
                    let line = |(name, value): (&String, &String)| {
                        let secret = name.ends_with("password");
                        format!("{name} = {}\n", if secret { "********" } else { value })
                    };
                    (0, record.iter().map(line).collect())
                }
                None => (21, String::new()),
            },
            ["-o", "new"] => {
                records.insert(
                    key,
                    BTreeMap::from([("node.startup".to_owned(), "automatic".to_owned())]),
                );
                (0, String::new())
            }
            ["-o", "delete"] => match records.remove(&key) {
                Some(_) => (0, String::new()),
                None => (21, String::new()),
            },
            ["-o", "update", pairs @ ..] => {
                let Some(record) = records.get_mut(&key) else {
                    return (21, String::new());
                };
                for pair in pairs.chunks(4) {
                    let ["-n", name, "-v", value] = pair else {
                        panic!("{words:?}")
                    };
                    record.insert((*name).to_owned(), (*value).to_owned());
                }
                (0, String::new())
            }
            ["--login"] => {
                let Some(record) = records.get(&key).cloned() else {
                    return (21, String::new());
                };
                if session_to(&self.kernel, iqn, portal).is_some() {
                    return (15, String::new());
                }
                let said = ["username", "password"]
                    .map(|part| record.get(&format!("node.session.auth.{part}")).cloned());
                let wanted = self.chap.lock().unwrap().clone();
                let given = said[0].clone().zip(said[1].clone());
                if wanted.is_some() && wanted != given {
                    return (24, String::new());
                }
                add_session(&self.kernel, iqn, portal);
                (0, String::new())
            }
            ["--logout"] => match session_to(&self.kernel, iqn, portal) {
                Some(session) => {
                    remove_session(&self.kernel, &session);
                    (0, String::new())
                }
                None => (21, String::new()),
            },
            _ => panic!("iscsiadm {words:?}"),
        }
    }
}

fn map_named(world: &super::kernel::World, name: &str) -> Option<String> {
    let named = |dm: &&String| {
        fs::read_to_string(world.block(dm).join("dm/name")).is_ok_and(|n| n.trim() == name)
    };
    world.maps.keys().find(named).cloned()
}

/// A session comes up, whoever made it.
pub fn add_session(kernel: &FakeKernel, iqn: &str, portal: &str) -> Nexus {
    let host = kernel.add_host();
    let nexus = Nexus {
        host,
        channel: 0,
        target: 0,
    };
    let mut world = kernel.world();
    world.sessions += 1;
    let id = world.sessions;
    let sys = world.root.join("sys");
    let dir = sys.join(format!("devices/platform/host{host}/session{id}"));
    fs::create_dir_all(&dir).unwrap();
    fs::create_dir_all(sys.join("nexus")).unwrap();
    symlink(&dir, sys.join(format!("nexus/{nexus}"))).unwrap();
    let connection = sys.join(format!("class/iscsi_connection/connection{id}:0"));
    let portal: SocketAddr = portal.parse().unwrap();
    for prefix in ["", "persistent_"] {
        write(
            connection.join(format!("{prefix}address")),
            &portal.ip().to_string(),
        );
        write(
            connection.join(format!("{prefix}port")),
            &portal.port().to_string(),
        );
    }
    world.ports.insert(nexus, iqn.to_owned());
    let class = sys.join(format!("class/iscsi_session/session{id}"));
    write(class.join("targetname"), iqn);
    write(class.join("target_id"), "0");
    symlink(&dir, class.join("device")).unwrap();
    write(class.join("state"), "LOGGED_IN");
    world
        .told
        .push(format!("session {id} to {iqn} at {portal}"));
    nexus
}

/// The name of the session to a port.
pub fn session_to(kernel: &FakeKernel, iqn: &str, portal: &str) -> Option<String> {
    let class = kernel.world().root.join("sys/class");
    let sessions = fs::read_dir(class.join("iscsi_session")).ok()?.flatten();
    let portal: SocketAddr = portal.parse().unwrap();
    sessions
        .map(|entry| entry.file_name().into_string().unwrap())
        .find(|name| {
            let id = name.strip_prefix("session").unwrap();
            let connection = class.join(format!("iscsi_connection/connection{id}:0"));
            let is = |path: &Path, what: &str| {
                fs::read_to_string(path).is_ok_and(|text| text.trim() == what)
            };
            is(
                &class.join("iscsi_session").join(name).join("targetname"),
                iqn,
            ) && is(&connection.join("address"), &portal.ip().to_string())
        })
}

fn remove_session(kernel: &FakeKernel, session: &str) {
    let mut world = kernel.world();
    let class = world.root.join("sys/class");
    let entry = class.join("iscsi_session").join(session);
    let dir = fs::canonicalize(entry.join("device")).unwrap();
    let id = session.strip_prefix("session").unwrap();
    fs::remove_dir_all(entry).unwrap();
    fs::remove_dir_all(class.join(format!("iscsi_connection/connection{id}:0"))).unwrap();
    let host: u32 = dir
        .parent()
        .unwrap()
        .to_str()
        .unwrap()
        .rsplit("host")
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let gone: Vec<String> = world
        .disks
        .iter()
        .filter(|(_, d)| d.nexus.host == host)
        .map(|(n, _)| n.clone())
        .collect();
    for name in gone {
        kernel.remove_disk(&mut world, &name);
    }
    world.ports.retain(|nexus, _| nexus.host != host);
    let _ = fs::remove_dir_all(dir);
}
