//! Asking the paths of a map themselves who they are, and taking out those that are something else: what is written there is lost,
//! and damages another volume.

use futures_util::future::join_all;

use super::{
    machine::Machine,
    multipath::{self, Map},
    scsi::{Identity, ScsiPath},
};
use crate::{host::HostError, model::Wwn};

/// What paths have said.
#[derive(Default)]
pub(super) struct Answers {
    pub ours: Vec<ScsiPath>,
    /// They do not answer, so that dm-multipath does not use them.
    pub silent: Vec<ScsiPath>,
    /// What was taken out, and what it is.
    pub foreign: Vec<(ScsiPath, Identity)>,
}

/// Asks all of these at once, each for as long as a disk has to answer.
///
/// # Errors
/// The first of them, after all have been asked and taken out as far as possible: [`HostError::ToolMissing`], and as
/// [`multipath::take_out`].
pub(super) async fn confirm(
    machine: &Machine,
    map: &Map,
    wwn: &Wwn,
    paths: Vec<ScsiPath>,
) -> Result<Answers, HostError> {
    let identities = join_all(paths.iter().map(|path| path.identity(machine))).await;
    let mut answers = Answers::default();
    let mut failed = None;
    for (path, identity) in paths.into_iter().zip(identities) {
        match identity {
            Ok(Identity::Volume(is)) if is == *wwn => answers.ours.push(path),
            Ok(Identity::Silent) | Err(HostError::Deadline { .. }) => answers.silent.push(path),
            Ok(foreign) => answers.foreign.push((path, foreign)),
            Err(error) => {
                failed.get_or_insert(error);
            }
        }
    }
    // The name of a disk that went meanwhile may be another one's by now, which is in another map.
    let there = map.paths(&machine.kernel)?;
    answers.foreign.retain(|(path, _)| there.contains(path));
    let each = answers.foreign.iter().map(|(path, is)| {
        log::error!(device = path.name.as_str(), nexus:% = path.nexus, lun = path.lun, wwn = wwn.as_str(), is:% = is;
            "a path to something else is in the volume's map: taken out");
        multipath::take_out(machine, path)
    });
    for done in join_all(each).await {
        if let Err(error) = done {
            failed.get_or_insert(error);
        }
    }
    failed.map_or(Ok(answers), Err)
}
