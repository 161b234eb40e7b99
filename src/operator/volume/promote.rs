//! `volume promote`: what came of it.

use std::io;

use crate::{
    operator::{Exit, Streams},
    volume::{GroupCourse, Promoted, PromotedGroup},
};

pub(super) fn print(promoted: &Promoted, to: &mut Streams<'_>) -> io::Result<Exit> {
    let (snapshot, volume) = (&promoted.snapshot, &promoted.volume);
    if !promoted.done {
        let group = promoted.group.as_ref().map(would).unwrap_or_default();
        writeln!(
            to.err,
            "error: nothing was changed: what was written to volume `{volume}` since snapshot `{snapshot}` was taken would be lost{group}; hint: add `--yes`"
        )?;
        return Ok(Exit::Problems);
    }
    writeln!(
        to.out,
        "volume `{volume}` has the data of snapshot `{snapshot}` now"
    )?;
    if let Some(PromotedGroup {
        group,
        array,
        course,
        ..
    }) = &promoted.group
    {
        match course {
            GroupCourse::Cycled => writeln!(
                to.out,
                "remote copy group `{group}` was stopped, and runs again on array `{array}`"
            )?,
            GroupCourse::Left => writeln!(
                to.out,
                "remote copy group `{group}` is left as it is, stopped: type `startrcopygroup {group}` on array `{array}`"
            )?,
        }
    }
    Ok(Exit::Ok)
}

/// What would become of the volume's group.
fn would(of: &PromotedGroup) -> String {
    let (group, array, meanwhile) = (&of.group, &of.array, of.meanwhile());
    match of.course {
        GroupCourse::Cycled => format!(
            "; remote copy group `{group}` would be stopped on array `{array}`, and started when the data are back, which may take hours: {meanwhile}"
        ),
        GroupCourse::Left => format!(
            "; remote copy group `{group}` is stopped on array `{array}`, and would stay so: {meanwhile}"
        ),
    }
}
