//! Volume data: a sparse file for each volume of each array, `<data_dir>/<array>/<vv id>-<wwn>.img`.
//!
//! The two copies of a replicated volume are two files. The content goes over at the instants the state asks for
//! ([`crate::state::Agreement`]), never in between. A Peer Persistence volume is one file with two names while both
//! sides are in step; when they are not, the side that sends keeps the file its hosts have open, and the other has a copy.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{Whence, lseek};

use crate::remote_copy::peer_persistence;
use crate::state::{Agreement, Group, Handover, Vv, World};

/// Piece in which files are compared and copied, bytes.
const PIECE: usize = 1 << 20;

/// Where the data of a volume are.
pub fn path(data_dir: &Path, array: &str, vv: &Vv) -> PathBuf {
    data_dir
        .join(array)
        .join(format!("{}-{}.img", vv.id, vv.wwn))
}

/// Makes the files fit the state: new and grown volumes, snapshots and copies (with the data of their parent at this
/// instant), data that go over to the other array, volumes that are gone.
///
/// # Errors
/// What the file system says.
pub fn settle(world: &mut World, data_dir: &Path) -> io::Result<()> {
    for (name, array) in &world.arrays {
        fs::create_dir_all(data_dir.join(name))?;
        rename_changed(world, data_dir, name)?;
        for vv in array.vvs.values().filter(|vv| has_data(vv)) {
            let file = path(data_dir, name, vv);
            let is_new = !file.exists();
            let handle = OpenOptions::new().create(true).append(true).open(&file)?;
            if handle.metadata()?.len() < vv.size_mib << 20 {
                handle.set_len(vv.size_mib << 20)?;
            }
            let parent = vv
                .copy_of
                .as_ref()
                .and_then(|parent| array.vvs.get(parent))
                .filter(|_| is_new);
            if let Some(parent) = parent {
                copy(&path(data_dir, name, parent), &file)?;
            }
        }
    }
    for Handover { from, to } in std::mem::take(&mut world.handovers) {
        if let (Some(from), Some(to)) = (find(world, data_dir, &from), find(world, data_dir, &to)) {
            exchange(&from, &to)?;
        }
    }
    for Agreement { from, to, joins } in std::mem::take(&mut world.agreements) {
        if let (Some(from), Some(to)) = (find(world, data_dir, &from), find(world, data_dir, &to)) {
            copy(&from, &to)?;
            if joins {
                join(&from, &to)?;
            }
        }
    }
    for place in std::mem::take(&mut world.spoiled) {
        if let Some(file) = find(world, data_dir, &place) {
            spoil(&file)?;
        }
    }
    part_and_join(world, data_dir)?;
    for (name, array) in &world.arrays {
        let wanted: BTreeSet<PathBuf> = array
            .vvs
            .values()
            .map(|vv| path(data_dir, name, vv))
            .collect();
        for file in files(&data_dir.join(name))?.filter(|file| !wanted.contains(file)) {
            fs::remove_file(file)?;
        }
    }
    Ok(())
}

/// Volumes that [`settle`] is about to give another file: until then nobody may write to the one they have.
///
/// # Errors
/// What the file system says.
pub(crate) fn moving(world: &World, data_dir: &Path) -> io::Result<BTreeSet<Place>> {
    let mut moving: BTreeSet<Place> = BTreeSet::new();
    for Handover { from, to } in &world.handovers {
        moving.extend([from.clone(), to.clone()]);
    }
    let wanted = peer_persistence::in_one(world);
    let joining = world.agreements.iter().filter(|pair| pair.joins);
    for pair in joining.chain(&wanted) {
        let sides = (
            find(world, data_dir, &pair.from),
            find(world, data_dir, &pair.to),
        );
        if let (Some(from), Some(to)) = sides
            && inode(&from)? != inode(&to)?
        {
            moving.insert(pair.to.clone());
        }
    }
    let mut owners: BTreeMap<(u64, u64), Place> = BTreeMap::new();
    for place in senders_first(world) {
        let Some(file) = find(world, data_dir, &place) else {
            continue;
        };
        match owners.get(&inode(&file)?) {
            Some(owner) if !together(&wanted, owner, &place) => {
                moving.insert(place);
            }
            Some(_) => {}
            None => {
                owners.insert(inode(&file)?, place);
            }
        }
    }
    Ok(moving)
}

/// Which file a name leads to.
fn inode(file: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(file).map(|data| (data.dev(), data.ino()))
}

/// The data of a VV that has some.
fn find(world: &World, data_dir: &Path, (array, vv): &(String, String)) -> Option<PathBuf> {
    let vv = world.arrays.get(array)?.vvs.get(vv)?;
    Some(path(data_dir, array, vv)).filter(|file| file.exists())
}

/// Volumes that are one on two arrays have one file, others have a file each.
fn part_and_join(world: &World, data_dir: &Path) -> io::Result<()> {
    let wanted = peer_persistence::in_one(world);
    let mut owners: BTreeMap<(u64, u64), Place> = BTreeMap::new();
    for place in senders_first(world) {
        let Some(file) = find(world, data_dir, &place) else {
            continue;
        };
        let inode = inode(&file)?;
        match owners.get(&inode) {
            Some(owner) if !together(&wanted, owner, &place) => part(&file)?,
            Some(_) => {}
            None => {
                owners.insert(inode, place);
            }
        }
    }
    for pair in &wanted {
        let files = (
            find(world, data_dir, &pair.from),
            find(world, data_dir, &pair.to),
        );
        let (Some(from), Some(to)) = files else {
            continue;
        };
        join(&from, &to)?;
    }
    Ok(())
}

/// Are the two one volume?
fn together(in_one: &[Agreement], one: &Place, other: &Place) -> bool {
    in_one.iter().any(|pair| {
        (&pair.from, &pair.to) == (one, other) || (&pair.to, &pair.from) == (one, other)
    })
}

/// All volumes with data, those that send first: they keep the file.
fn senders_first(world: &World) -> Vec<Place> {
    let mut places: Vec<(bool, Place)> = Vec::new();
    for (name, array) in &world.arrays {
        for vv in array.vvs.values().filter(|vv| has_data(vv)) {
            let sends = array.group_of(&vv.name).is_some_and(Group::sends);
            places.push((!sends, (name.clone(), vv.name.clone())));
        }
    }
    places.sort();
    places.into_iter().map(|(_, place)| place).collect()
}

/// `to` becomes another name of the file `from`, which its hosts have open.
fn join(from: &Path, to: &Path) -> io::Result<()> {
    if inode(from)? == inode(to)? {
        return Ok(());
    }
    let beside = beside(to);
    fs::hard_link(from, &beside)?;
    fs::rename(&beside, to)
}

/// System name and VV.
pub(crate) type Place = (String, String);

/// This name gets a file of its own with the same content.
fn part(file: &Path) -> io::Result<()> {
    let beside = beside(file);
    File::create(&beside)?.set_len(fs::metadata(file)?.len())?;
    copy(file, &beside)?;
    fs::rename(&beside, file)
}

/// The second half of what it holds is lost.
fn spoil(file: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(file)?;
    let length = file.metadata()?.len();
    file.set_len(length / 2)?;
    file.set_len(length)
}

/// Each name gets the other's file.
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    let beside = beside(one);
    fs::rename(one, &beside)?;
    fs::rename(other, one)?;
    fs::rename(&beside, other)
}

/// A name in the same directory that no volume has.
fn beside(file: &Path) -> PathBuf {
    file.with_extension("new")
}

/// The arrays' own volumes and the snapshots that remote copy keeps for itself have no data.
fn has_data(vv: &Vv) -> bool {
    !vv.is_system() && !vv.name.starts_with("rcpy.")
}

fn files(directory: &Path) -> io::Result<impl Iterator<Item = PathBuf>> {
    Ok(fs::read_dir(directory)?
        .filter_map(Result::ok)
        .map(|entry| entry.path()))
}

/// A volume that got another WWN keeps its data.
fn rename_changed(world: &World, data_dir: &Path, array: &str) -> io::Result<()> {
    let vvs: Vec<&Vv> = world
        .arrays
        .get(array)
        .map(|array| array.vvs.values().collect())
        .unwrap_or_default();
    for file in files(&data_dir.join(array))? {
        let name = file
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let Some((id, wwn)) = name
            .strip_suffix(".img")
            .and_then(|stem| stem.split_once('-'))
        else {
            continue;
        };
        let same_id = vvs.iter().find(|vv| vv.id.to_string() == id);
        if let Some(vv) = same_id.filter(|vv| vv.wwn != wwn && !path(data_dir, array, vv).exists())
        {
            fs::rename(&file, path(data_dir, array, vv))?;
        }
    }
    Ok(())
}

/// Makes `to` hold what `from` holds, up to the smaller of the two sizes. Only pieces that differ are written, so that a
/// device on top of the file never sees anything but old or new data; holes are not read.
///
/// # Errors
/// What the file system says.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let from = File::open(from)?;
    let to = OpenOptions::new().read(true).write(true).open(to)?;
    let end = from.metadata()?.len().min(to.metadata()?.len());
    let mut at = 0;
    while let Some(next) = [next_data(&from, at)?, next_data(&to, at)?]
        .into_iter()
        .flatten()
        .min()
        .filter(|next| *next < end)
    {
        // Pieces lie at multiples of their size, so that the same ones are met whichever file has data there.
        let start = next - next % PIECE as u64;
        #[allow(clippy::cast_possible_truncation)]
        let length = (end - start).min(PIECE as u64) as usize;
        let (mut wanted, mut present) = (vec![0; length], vec![0; length]);
        from.read_exact_at(&mut wanted, start)?;
        to.read_exact_at(&mut present, start)?;
        if wanted != present {
            to.write_all_at(&wanted, start)?;
        }
        at = start + length as u64;
    }
    Ok(())
}

/// Where data begin at or after `at`; none to the end of the file.
fn next_data(file: &File, at: u64) -> io::Result<Option<u64>> {
    match lseek(
        file,
        i64::try_from(at).unwrap_or(i64::MAX),
        Whence::SeekData,
    ) {
        Ok(found) => Ok(u64::try_from(found).ok()),
        Err(Errno::ENXIO) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Array;

    fn vv(id: u32, name: &str, wwn: &str, size_mib: u64) -> (String, Vv) {
        let vv = Vv {
            id,
            name: name.into(),
            wwn: wwn.into(),
            size_mib,
            kind: "base".into(),
            ..Vv::default()
        };
        (name.to_owned(), vv)
    }

    fn world() -> World {
        let north = Array {
            name: "north".into(),
            vvs: [vv(1, "a", "AA", 8)].into(),
            ..Array::default()
        };
        let south = Array {
            name: "south".into(),
            vvs: [vv(7, "a", "BB", 8)].into(),
            ..Array::default()
        };
        World {
            arrays: [("north".to_owned(), north), ("south".to_owned(), south)].into(),
            ..World::default()
        }
    }

    fn at(file: &Path, offset: u64) -> u8 {
        let mut byte = [0];
        File::open(file)
            .unwrap()
            .read_exact_at(&mut byte, offset)
            .unwrap();
        byte[0]
    }

    fn write(file: &Path, offset: u64, byte: u8) {
        OpenOptions::new()
            .write(true)
            .open(file)
            .unwrap()
            .write_all_at(&[byte], offset)
            .unwrap();
    }

    #[test]
    fn files_come_and_go_with_volumes_and_stay_sparse() {
        let dir = tempfile::tempdir().unwrap();
        let mut world = world();
        settle(&mut world, dir.path()).unwrap();
        let file = dir.path().join("north/1-AA.img");
        assert_eq!(
            (
                file.metadata().unwrap().len(),
                file.metadata().unwrap().blocks()
            ),
            (8 << 20, 0)
        );
        world
            .arrays
            .get_mut("north")
            .unwrap()
            .vvs
            .get_mut("a")
            .unwrap()
            .size_mib = 9;
        settle(&mut world, dir.path()).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 9 << 20);
        world.arrays.get_mut("north").unwrap().vvs.clear();
        settle(&mut world, dir.path()).unwrap();
        assert!(!file.exists());
    }

    #[test]
    fn data_go_over_only_when_agreed_and_old_data_are_cleared() {
        let dir = tempfile::tempdir().unwrap();
        let mut world = world();
        settle(&mut world, dir.path()).unwrap();
        let (north, south) = (
            dir.path().join("north/1-AA.img"),
            dir.path().join("south/7-BB.img"),
        );
        write(&north, 5 << 20, 1);
        write(&south, 3, 9);
        settle(&mut world, dir.path()).unwrap();
        assert_eq!(at(&south, 5 << 20), 0, "not before the agreement");
        world.agreements.push(Agreement {
            from: ("north".into(), "a".into()),
            to: ("south".into(), "a".into()),
            joins: false,
        });
        settle(&mut world, dir.path()).unwrap();
        assert_eq!((at(&south, 5 << 20), at(&south, 3)), (1, 0));
        assert!(world.agreements.is_empty());
        assert!(
            south.metadata().unwrap().blocks() * 512 < 4 << 20,
            "still sparse"
        );
    }

    #[test]
    fn a_snapshot_has_the_data_of_its_instant_and_a_new_wwn_keeps_them() {
        let dir = tempfile::tempdir().unwrap();
        let mut world = world();
        settle(&mut world, dir.path()).unwrap();
        write(&dir.path().join("north/1-AA.img"), 10, 4);
        let (name, mut snapshot) = vv(2, "s", "CC", 8);
        snapshot.copy_of = Some("a".into());
        world
            .arrays
            .get_mut("north")
            .unwrap()
            .vvs
            .insert(name, snapshot);
        settle(&mut world, dir.path()).unwrap();
        write(&dir.path().join("north/1-AA.img"), 10, 5);
        settle(&mut world, dir.path()).unwrap();
        assert_eq!(at(&dir.path().join("north/2-CC.img"), 10), 4);
        world
            .arrays
            .get_mut("north")
            .unwrap()
            .vvs
            .get_mut("a")
            .unwrap()
            .wwn = "DD".into();
        settle(&mut world, dir.path()).unwrap();
        assert_eq!(at(&dir.path().join("north/1-DD.img"), 10), 5);
        assert!(!dir.path().join("north/1-AA.img").exists());
    }
}
