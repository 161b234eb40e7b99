//! `volume grow`: what came of it.

use std::io;

use crate::{
    operator::{Exit, Streams},
    volume::{Grown, Here},
};

pub(super) fn print(grown: &Grown, to: &mut Streams<'_>) -> io::Result<Exit> {
    let Grown {
        name,
        before_mib: before,
        size_mib: size,
        here,
    } = grown;
    if before == size {
        writeln!(to.out, "volume `{name}` has {size} already")?;
    } else {
        writeln!(to.out, "volume `{name}` has {size} now, it had {before}")?;
    }
    match here {
        Here::Follows => {
            writeln!(to.out, "its filesystem, mounted here, has grown with it")?;
        }
        Here::NotMounted => writeln!(
            to.out,
            "its filesystem grows when it is mounted; on another host that has it, within a minute or so"
        )?,
        Here::Smaller(why) => {
            writeln!(
                to.err,
                "warning: its filesystem, mounted here, is smaller still, and is tried again every minute: {why}"
            )?;
            return Ok(Exit::Problems);
        }
    }
    Ok(Exit::Ok)
}
