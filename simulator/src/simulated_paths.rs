//! Exports as files: for each export of a volume to a host a link `<exports_dir>/<array>/<host>/<lun>.<wwn>` to the
//! volume's data. It is there exactly while a host could read and write the volume on that array: a copy that only receives
//! shows none, unless it is one with the other side's (Peer Persistence).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::data;
use crate::remote_copy::peer_persistence;
use crate::state::{Array, World};

/// Makes the links fit the state. An array that is down shows nothing. Exports without a host (port presents) make none.
///
/// # Errors
/// What the file system says.
pub fn settle(world: &World, data_dir: &Path, exports_dir: &Path) -> io::Result<()> {
    let data_dir = std::path::absolute(data_dir)?;
    for (name, array) in &world.arrays {
        let wanted = links(world, name, array, &data_dir);
        let root = exports_dir.join(name);
        fs::create_dir_all(&root)?;
        for host in fs::read_dir(&root)?.filter_map(Result::ok) {
            for link in fs::read_dir(host.path())?.filter_map(Result::ok) {
                let at = Path::new(&host.file_name()).join(link.file_name());
                if wanted.get(&at) != fs::read_link(link.path()).ok().as_ref() {
                    fs::remove_file(link.path())?;
                }
            }
        }
        for (at, target) in wanted {
            let link = root.join(&at);
            if let Some(host) = link.parent() {
                fs::create_dir_all(host)?;
            }
            if fs::symlink_metadata(&link).is_err() {
                std::os::unix::fs::symlink(target, link)?;
            }
        }
    }
    Ok(())
}

/// `<host>/<lun>.<wwn>` → file of the volume.
fn links(world: &World, name: &str, array: &Array, data_dir: &Path) -> BTreeMap<PathBuf, PathBuf> {
    let mut links = BTreeMap::new();
    for template in &array.vluns {
        let Some(host) = &template.host else { continue };
        for (lun, vv) in array.vvs_behind(template) {
            let Some(vv) = array.vvs.get(&vv) else {
                continue;
            };
            if !peer_persistence::serves(world, name, &vv.name) {
                continue;
            }
            for host in array.hosts_behind(host) {
                links.insert(
                    Path::new(&host).join(format!("{lun}.{}", vv.wwn)),
                    data::path(data_dir, name, vv),
                );
            }
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Set, Vlun, Vv};

    fn present(dir: &Path) -> Vec<String> {
        let mut found: Vec<String> = fs::read_dir(dir.join("north"))
            .unwrap()
            .flat_map(|host| fs::read_dir(host.unwrap().path()).unwrap())
            .map(|link| {
                link.unwrap()
                    .path()
                    .strip_prefix(dir)
                    .unwrap()
                    .display()
                    .to_string()
            })
            .collect();
        found.sort();
        found
    }

    #[test]
    fn links_follow_templates_set_members_and_power() {
        let dir = tempfile::tempdir().unwrap();
        let vv = Vv {
            id: 1,
            name: "a".into(),
            wwn: "AA".into(),
            ..Vv::default()
        };
        let mut array = Array {
            name: "north".into(),
            up: true,
            ..Array::default()
        };
        array.vvs.insert("a".into(), vv);
        array.host_sets.insert(
            "all".into(),
            Set {
                members: vec!["h1".into(), "h2".into()],
                ..Set::default()
            },
        );
        let export = |lun, host: &str| Vlun {
            lun,
            vv: "a".into(),
            host: Some(host.into()),
            port: None,
        };
        array.vluns = vec![export(3, "h1"), export(5, "set:all")];
        let mut world = World {
            arrays: [("north".to_owned(), array)].into(),
            ..World::default()
        };
        let (data, exports) = (dir.path().join("data"), dir.path().join("exports"));
        settle(&world, &data, &exports).unwrap();
        assert_eq!(
            present(&exports),
            ["north/h1/3.AA", "north/h1/5.AA", "north/h2/5.AA"]
        );
        assert_eq!(
            fs::read_link(exports.join("north/h1/3.AA")).unwrap(),
            data.join("north/1-AA.img")
        );

        world.arrays.get_mut("north").unwrap().vluns.remove(0);
        settle(&world, &data, &exports).unwrap();
        assert_eq!(present(&exports), ["north/h1/5.AA", "north/h2/5.AA"]);

        world.arrays.get_mut("north").unwrap().up = false;
        settle(&world, &data, &exports).unwrap();
        assert!(present(&exports).is_empty());
    }
}
