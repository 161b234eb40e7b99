//! What every remote copy command looks at first. The words are inferred unless FIDELITY.md says otherwise.

use super::Half;
use crate::commands::{Answer, Call};

/// This array's group of that name.
///
/// # Errors
/// The refusal, if remote copy is not started or there is no such group.
pub fn locate(call: &mut Call<'_>, group: &str) -> Result<Half, Answer> {
    let array = call.here();
    if !array.remote_copy {
        return Err(Answer::refuses_on_stderr(
            "Remote Copy config is not started",
        ));
    }
    if !array.groups.contains_key(group) {
        return Err(Answer::refuses_on_stderr(format!(
            "Error: group matching {group} does not exist on the system"
        )));
    }
    Ok(Half::new(call.array, group))
}

/// Refuses on the side that receives.
///
/// # Errors
/// The refusal.
pub fn must_send(call: &Call<'_>, half: &Half) -> Result<(), Answer> {
    if half.get(call.world).is_some_and(super::Group::sends) {
        return Ok(());
    }
    Err(Answer::refuses_on_stderr(format!(
        "Error: Group {} is a secondary group, this operation is allowed only on the primary side",
        half.group
    )))
}

/// Refuses while the other array cannot be reached.
///
/// # Errors
/// The refusal.
pub fn must_be_ready(call: &Call<'_>, half: &Half) -> Result<(), Answer> {
    if half.connected(call.world) {
        return Ok(());
    }
    let target = half
        .get(call.world)
        .map_or_else(String::new, |group| group.target.clone());
    Err(Answer::refuses_on_stderr(format!(
        "Error: Target {target} is not up and ready"
    )))
}
