//! A kernel in memory that is as strict as the real one where it matters: what is linked to cannot be removed, a device in
//! use cannot be detached, a portal needs its namespace, address and link.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::super::kernel::Kernel;
use super::super::loops::{FileId, file_id};

/// A handle; clones are the same kernel, which outlives a simulator that is killed.
#[derive(Clone, Default)]
pub(super) struct Fake(Arc<Mutex<State>>);

#[derive(Default)]
pub(super) struct State {
    pub(super) nodes: BTreeMap<PathBuf, Node>,
    /// Directories that came with another one.
    default: BTreeSet<PathBuf>,
    /// Loop device → its file.
    pub(super) loops: BTreeMap<String, (FileId, PathBuf)>,
    /// Changes, in order.
    pub(super) log: Vec<String>,
    /// Namespace and interface → up.
    interfaces: BTreeMap<(String, String), bool>,
    /// This machine's end → namespace and interface.
    peers: BTreeMap<String, (String, String)>,
    /// From this change on everything fails.
    pub(super) dies_at: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Directory,
    Attribute(String),
    Link(PathBuf),
}

impl Fake {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(super) fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.state().log)
    }

    /// Counts a change, unless the simulator died before.
    fn change(&self, what: String) -> io::Result<()> {
        let mut state = self.state();
        if state.dies_at.is_some_and(|at| state.log.len() >= at) {
            return Err(io::Error::other("killed"));
        }
        state.log.push(what);
        Ok(())
    }
}

impl State {
    /// What there is, to compare: loop devices by their files.
    pub(super) fn picture(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for (path, node) in &self.nodes {
            if path.starts_with("/sys/block") {
                continue;
            }
            let mut line = format!("{} {node:?}", path.display());
            for (device, (id, _)) in &self.loops {
                line = line.replace(&format!("{device}\""), &format!("{id:?}\""));
            }
            lines.push(line);
        }
        let ids: BTreeSet<_> = self.loops.values().map(|(id, _)| id).collect();
        lines.extend(ids.iter().map(|id| format!("loop {id:?}")));
        lines.extend(self.interfaces.iter().map(|one| format!("{one:?}")));
        lines
    }

    fn add(&mut self, path: &Path, node: Node) {
        self.nodes.insert(path.to_owned(), node);
    }

    fn attributes(&mut self, at: &Path, all: &[(&str, &str)]) {
        for (name, value) in all {
            let path = at.join(name);
            let parent = path.parent().unwrap().to_owned();
            if parent != at {
                self.came_with(&parent);
            }
            self.add(&path, Node::Attribute((*value).to_owned()));
        }
    }

    fn came_with(&mut self, directory: &Path) {
        self.add(directory, Node::Directory);
        self.default.insert(directory.to_owned());
    }

    /// One directory with what the kernel puts into it.
    fn make_one(&mut self, at: &Path) {
        if self.nodes.contains_key(at) {
            return;
        }
        self.add(at, Node::Directory);
        let Ok(inside) = at.strip_prefix("/sys/kernel/config/target") else {
            return;
        };
        let parts: Vec<&str> = inside.iter().map(|part| part.to_str().unwrap()).collect();
        match parts.as_slice() {
            ["core", _, _] => {
                let all = [("control", ""), ("udev_path", ""), ("enable", "0")];
                self.attributes(at, &all);
                for name in ["vendor_id", "product_id", "revision", "company_id"] {
                    self.attributes(at, &[(&format!("wwn/{name}"), "")]);
                }
                let serial = "T10 VPD Unit Serial Number: ";
                self.attributes(
                    at,
                    &[("wwn/vpd_unit_serial", serial), ("attrib/emulate_tpu", "0")],
                );
                self.came_with(&at.join("alua"));
                self.came_with(&at.join("alua/default_tg_pt_gp"));
            }
            ["core", _, _, "alua", _] => self.attributes(
                at,
                &[
                    ("tg_pt_gp_id", "0"),
                    ("alua_access_type", "3"),
                    ("alua_access_state", "0"),
                ],
            ),
            ["iscsi", _, "tpgt_1"] => {
                let all = [
                    ("enable", "0"),
                    ("attrib/generate_node_acls", "0"),
                    ("attrib/authentication", "1"),
                ];
                self.attributes(at, &all);
                for name in ["acls", "lun", "np"] {
                    self.came_with(&at.join(name));
                }
            }
            ["iscsi", _, "tpgt_1", "acls", _] => {
                for name in ["userid", "password", "userid_mutual", "password_mutual"] {
                    self.attributes(at, &[(&format!("auth/{name}"), "")]);
                }
                let all = [
                    ("attrib/authentication", "-1"),
                    ("attrib/nopin_timeout", "15"),
                    ("attrib/nopin_response_timeout", "30"),
                    ("info", "No active iSCSI Session for Initiator Endpoint"),
                ];
                self.attributes(at, &all);
            }
            ["iscsi", _, "tpgt_1", "lun", _] => {
                let all = [("alua_tg_pt_gp", "TG Port Alias: default_tg_pt_gp")];
                self.attributes(at, &all);
                self.came_with(&at.join("statistics"));
            }
            ["iscsi", _, "tpgt_1", "acls", _, _] => {
                self.attributes(at, &[("write_protect", "0")]);
                self.came_with(&at.join("statistics"));
            }
            _ => {}
        }
    }

    fn children<'a>(&'a self, at: &'a Path) -> impl Iterator<Item = (&'a PathBuf, &'a Node)> {
        self.nodes
            .iter()
            .filter(move |(path, _)| path.starts_with(at) && path.as_path() != at)
    }

    fn carrier(&mut self, link: &str, near_up: bool) {
        let Some(ends) = self.peers.get(link).cloned() else {
            return;
        };
        let path = Path::new("/sys/class/net").join(link).join("carrier");
        if near_up || self.nodes.contains_key(&path) {
            let far_up = self.interfaces.get(&ends).copied().unwrap_or(false);
            let value = if far_up { "1" } else { "0" };
            self.add(&path, Node::Attribute(value.to_owned()));
        }
    }

    fn ip(&mut self, arguments: &[&str]) -> io::Result<()> {
        match arguments {
            ["netns", "add", ns] => self.add(&Path::new("/run/netns").join(ns), Node::Directory),
            ["netns", "delete", ns] => {
                self.nodes.remove(&Path::new("/run/netns").join(ns));
                let gone: Vec<String> = self
                    .peers
                    .iter()
                    .filter(|(_, ends)| ends.0 == *ns)
                    .map(|(link, _)| link.clone())
                    .collect();
                for link in gone {
                    self.peers.remove(&link);
                    let at = Path::new("/sys/class/net").join(link);
                    self.nodes.retain(|path, _| !path.starts_with(&at));
                }
                self.interfaces.retain(|ends, _| ends.0 != *ns);
            }
            [
                "link",
                "add",
                link,
                "type",
                "veth",
                "peer",
                "name",
                interface,
                "netns",
                ns,
            ] => {
                self.add(&Path::new("/sys/class/net").join(link), Node::Directory);
                let ends = ((*ns).to_owned(), (*interface).to_owned());
                self.interfaces.insert(ends.clone(), false);
                self.peers.insert((*link).to_owned(), ends);
            }
            ["link", "set", link, "up"] => self.carrier(link, true),
            ["-n", ns, "link", "set", interface, word] => {
                let ends = ((*ns).to_owned(), (*interface).to_owned());
                self.interfaces.insert(ends.clone(), *word == "up");
                let link = self.peers.iter().find(|(_, peer)| **peer == ends);
                if let Some(link) = link.map(|(link, _)| link.clone()) {
                    self.carrier(&link, false);
                }
            }
            ["address", "replace", ..] | ["-n", _, "address", "replace", ..] => {}
            other => panic!("ip {other:?}"),
        }
        Ok(())
    }

    fn losetup(&mut self, arguments: &[&str]) -> io::Result<String> {
        let size = |device: &str| {
            let name = device.trim_start_matches("/dev/");
            PathBuf::from(format!("/sys/block/{name}/size"))
        };
        match arguments {
            ["--list", ..] if self.loops.is_empty() => {}
            ["--list", ..] => {
                let all = self.loops.iter().map(|(device, (id, file))| {
                    serde_json::json!({
                        "name": device,
                        "back-ino": id.2,
                        "back-maj:min": format!("  {}:{} ", id.0, id.1),
                        "back-file": file,
                    })
                });
                let all: Vec<_> = all.collect();
                return Ok(serde_json::json!({ "loopdevices": all }).to_string());
            }
            ["--find", "--show", file] => {
                let used = |number: &usize| !self.loops.contains_key(&format!("/dev/loop{number}"));
                let device = format!("/dev/loop{}", (0..).find(used).unwrap());
                let sectors = fs::metadata(file)?.size() / 512;
                self.loops
                    .insert(device.clone(), (file_id(Path::new(file))?, file.into()));
                self.add(&size(&device), Node::Attribute(sectors.to_string()));
                return Ok(device);
            }
            ["--set-capacity", device] => {
                let file = self.loops[*device].1.clone();
                let sectors = fs::metadata(file)?.size() / 512;
                self.add(&size(device), Node::Attribute(sectors.to_string()));
            }
            ["--detach", device] => {
                let in_use = self.nodes.iter().any(|(path, node)| {
                    path.ends_with("udev_path") && *node == Node::Attribute((*device).to_owned())
                });
                assert!(!in_use, "{device} is in use");
                self.loops.remove(*device);
                self.nodes.remove(&size(device));
            }
            other => panic!("losetup {other:?}"),
        }
        Ok(String::new())
    }
}

impl Kernel for Fake {
    fn exists(&self, path: &Path) -> bool {
        self.state().nodes.contains_key(path)
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        match self.state().nodes.get(path) {
            Some(Node::Attribute(value)) => Ok(value.clone()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn write(&mut self, path: &Path, value: &str) -> io::Result<()> {
        self.change(format!("write {} {value}", path.display()))?;
        let mut state = self.state();
        let written = if path.ends_with("vpd_unit_serial") {
            format!("T10 VPD Unit Serial Number: {value}")
        } else if path.ends_with("alua_tg_pt_gp") {
            format!("TG Port Alias: {value}\nTG Port Group ID: 257")
        } else {
            value.to_owned()
        };
        match state.nodes.get_mut(path) {
            Some(Node::Attribute(present)) => *present = written,
            _ => panic!("no attribute {}", path.display()),
        }
        Ok(())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        let names = state
            .children(directory)
            .filter(|(path, node)| {
                path.parent() == Some(directory) && !matches!(node, Node::Attribute(_))
            })
            .map(|(path, _)| path.file_name().unwrap().to_str().unwrap().to_owned());
        Ok(names.collect())
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        match self.state().nodes.get(path) {
            // As configfs gives it: relative, of which only the end tells anything.
            Some(Node::Link(to)) => Ok(Path::new("../../..").join(to.strip_prefix("/").unwrap())),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn make(&mut self, directory: &Path) -> io::Result<()> {
        if self.exists(directory) {
            return Ok(());
        }
        let Some(parent) = directory.parent() else {
            return Ok(());
        };
        self.make(parent)?;
        assert!(!parent.ends_with("np"), "a portal is made in its namespace");
        self.change(format!("make {}", directory.display()))?;
        self.state().make_one(directory);
        Ok(())
    }

    fn remove(&mut self, directory: &Path) -> io::Result<()> {
        self.change(format!("remove {}", directory.display()))?;
        let mut state = self.state();
        assert!(
            state.nodes.contains_key(directory),
            "{}",
            directory.display()
        );
        assert!(
            !state.default.contains(directory),
            "{}",
            directory.display()
        );
        let held = state.children(directory).any(|(path, node)| match node {
            Node::Directory => !state.default.contains(path),
            Node::Link(_) => true,
            Node::Attribute(_) => false,
        });
        let pinned = state
            .nodes
            .values()
            .any(|node| matches!(node, Node::Link(to) if to == directory));
        assert!(!held && !pinned, "{} is in use", directory.display());
        state.nodes.retain(|path, _| !path.starts_with(directory));
        state.default.retain(|path| !path.starts_with(directory));
        Ok(())
    }

    fn link(&mut self, to: &Path, at: &Path) -> io::Result<()> {
        self.change(format!("link {}", at.display()))?;
        let mut state = self.state();
        assert!(state.nodes.contains_key(to), "no {}", to.display());
        if let Some(Node::Attribute(on)) = state.nodes.get(&to.join("enable")) {
            assert_eq!(on, "1", "{} is not ready", to.display());
        }
        assert!(!state.nodes.contains_key(at), "{} exists", at.display());
        state.add(at, Node::Link(to.to_owned()));
        Ok(())
    }

    fn unlink(&mut self, at: &Path) -> io::Result<()> {
        self.change(format!("unlink {}", at.display()))?;
        self.state().nodes.remove(at).unwrap();
        Ok(())
    }

    fn run(&mut self, program: &str, arguments: &[&str]) -> io::Result<String> {
        let changes = !arguments.contains(&"--list");
        if changes {
            self.change(format!("{program} {}", arguments.join(" ")))?;
        }
        match (program, arguments) {
            ("ip", _) => self.state().ip(arguments).map(|()| String::new()),
            ("losetup", _) => self.state().losetup(arguments),
            ("modprobe", _) => Ok(String::new()),
            ("nsenter", [namespace, "mkdir", path]) => {
                let ns = namespace.strip_prefix("--net=").unwrap();
                let mut state = self.state();
                assert!(state.nodes.contains_key(Path::new(ns)), "no {ns}");
                state.make_one(Path::new(path));
                Ok(String::new())
            }
            other => panic!("{other:?}"),
        }
    }

    fn drop_cache(&mut self, device: &str) -> io::Result<()> {
        self.change(format!("drop {device}"))
    }
}
