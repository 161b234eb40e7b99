//! `volume adopt` and `volume release`: what there is of HPE's python plugin, and what became of it.

use std::io;

use crate::{
    model::VvName,
    operator::{Exit, Streams, columns},
    operator_socket::{Adoptions, Candidate, Candidates},
    volume::{Adopted, FormerCopy},
};

/// A dry run: of all, or of those that go by this name.
pub(super) fn print_candidates(
    mut found: Candidates,
    which: Option<&str>,
    to: &mut Streams<'_>,
) -> io::Result<Exit> {
    if let Some(which) = which {
        found.all.retain(|one| is_called(one, which));
    }
    warn_of_silent_arrays(&found.not_asked, to)?;
    match (found.all.is_empty(), which) {
        (true, Some(which)) => {
            writeln!(
                to.err,
                "error: HPE's python plugin has no volume `{which}` on any array that was asked; hint: `--all` shows what it has"
            )?;
            return Ok(Exit::Problems);
        }
        (true, None) => writeln!(to.err, "no volume of HPE's python plugin was found")?,
        (false, _) => {
            table(&found, to)?;
            copied_anew(&found, to)?;
            sets(&found, to)?;
            schedules(&found, to)?;
        }
    }
    let well = found.not_asked.is_empty() && found.all.iter().all(|one| one.objection.is_none());
    Ok(if well { Exit::Ok } else { Exit::Problems })
}

fn is_called(one: &Candidate, which: &str) -> bool {
    one.vv.as_str() == which || one.was.as_ref().is_some_and(|was| was.as_str() == which)
}

/// Every one on a line, and below it why it stays what it is.
pub(super) fn table(found: &Candidates, to: &mut Streams<'_>) -> io::Result<()> {
    let head = ["VV", "ARRAY", "SIZE", "IS", "BACKEND", "WOULD BE"];
    let mut rows = vec![head.map(str::to_owned)];
    for one in &found.all {
        let none = || "-".to_owned();
        let name = one.name.as_ref().filter(|_| one.objection.is_none());
        rows.push([
            one.vv.to_string(),
            one.array.clone(),
            one.size_mib.to_string(),
            one.snapshot_of
                .as_ref()
                .map_or_else(|| "volume".to_owned(), |of| format!("snapshot of {of}")),
            one.backend.as_ref().map_or_else(none, ToString::to_string),
            name.map_or_else(none, ToString::to_string),
        ]);
    }
    columns::write(&rows, "", to.out)?;
    for why in found.all.iter().filter_map(|one| one.objection.as_ref()) {
        writeln!(to.out, "not as it is: {why}")?;
    }
    Ok(())
}

/// What those in remote copy groups go through.
fn copied_anew(found: &Candidates, to: &mut Streams<'_>) -> io::Result<()> {
    for one in &found.all {
        if let (None, Some(group), Some(former)) = (&one.objection, &one.group, &one.former) {
            writeln!(
                to.out,
                "`{}` leaves remote copy group `{group}` for its new name, joins it again, and all of it is copied to array `{}` anew: until that is complete, that array has only what it has now, as `{}`, which stays until you remove it",
                one.vv, former.array, former.vv
            )?;
        }
    }
    Ok(())
}

/// The VV sets of those that can be taken over, and what becomes of them.
fn sets(found: &Candidates, to: &mut Streams<'_>) -> io::Result<()> {
    for one in found.all.iter().filter(|one| one.objection.is_none()) {
        let vv = &one.vv;
        if let Some(set) = &one.own_set {
            writeln!(
                to.out,
                "`{vv}` is alone in VV set `{set}`, which that plugin made for it: `docker volume rm` removes the set, too, with its QoS rule and what it says to the flash cache"
            )?;
        }
        for set in &one.other_sets {
            writeln!(
                to.out,
                "`{vv}` is in VV set `{set}`: it stays there, and `docker volume rm` is refused until it is taken out"
            )?;
        }
    }
    Ok(())
}

/// The schedules that do not follow any of them to its new name.
fn schedules(found: &Candidates, to: &mut Streams<'_>) -> io::Result<()> {
    for one in &found.all {
        let Candidate { vv, array, .. } = one;
        match &one.schedules {
            None => writeln!(to.err, "warning: {}", not_told(vv, array))?,
            Some(names) => {
                for name in names {
                    writeln!(
                        to.out,
                        "`{vv}` is what schedule `{name}` of array `{array}` is for, which knows it by that name: each of its runs fails once it is adopted"
                    )?;
                }
            }
        }
    }
    Ok(())
}

fn not_told(vv: &VvName, array: &str) -> String {
    format!(
        "array `{array}` did not tell whether it has schedules for `{vv}`, which do not follow it to its new name; hint: see `showsched`"
    )
}

/// What an array goes on doing in vain.
fn warn_of_schedules(adopted: &Adopted, to: &mut Streams<'_>) -> io::Result<()> {
    let Adopted { was, array, .. } = adopted;
    let Some(names) = &adopted.schedules else {
        return writeln!(to.err, "warning: {}", not_told(was, array));
    };
    for name in names {
        writeln!(
            to.err,
            "warning: schedule `{name}` of array `{array}` is for `{was}`, a name that is gone: each of its runs fails; hint: remove it (`removesched {name}`), and have the plugin make a new one: a snapshot with `-o virtualCopyOf={} -o scheduleName={name}`",
            adopted.name
        )?;
    }
    Ok(())
}

pub(super) fn warn_of_silent_arrays(not_asked: &[String], to: &mut Streams<'_>) -> io::Result<()> {
    for why in not_asked {
        writeln!(to.err, "warning: {why}")?;
    }
    Ok(())
}

/// What the other array has of a volume until its new copy is complete.
fn tell_of_former_copy(adopted: &Adopted, to: &mut Streams<'_>) -> io::Result<()> {
    let Some(FormerCopy { vv, array }) = &adopted.former else {
        return Ok(());
    };
    let name = &adopted.name;
    writeln!(
        to.out,
        "`{name}` is being copied to array `{array}` anew; what its copy was stays there as `{vv}`: when `docker volume inspect {name}` says `Synced`, `removevv -f {vv}`"
    )
}

/// What became of them.
pub(super) fn print_adoptions(done: &Adoptions, to: &mut Streams<'_>) -> io::Result<Exit> {
    for adopted in &done.adopted {
        writeln!(to.out, "{} -> {}", adopted.was, adopted.name)?;
        tell_of_former_copy(adopted, to)?;
        warn_of_schedules(adopted, to)?;
    }
    warn_of_silent_arrays(&done.not_asked, to)?;
    for why in &done.refused {
        writeln!(to.err, "error: {why}")?;
    }
    if done.adopted.is_empty() && done.refused.is_empty() {
        writeln!(to.err, "no volume of HPE's python plugin was found")?;
    }
    let well = done.refused.is_empty() && done.not_asked.is_empty();
    Ok(if well { Exit::Ok } else { Exit::Problems })
}
