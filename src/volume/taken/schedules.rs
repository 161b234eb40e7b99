//! Schedules that an array runs for a VV by its name. Nobody puts a new name into them: what is taken is lost to them, and what is given
//! back is found again (array fact 116).

use crate::{
    inform::{Array, Sched},
    model::VvName,
    volume::{inner::Inner, kill_points::Doing},
};

/// All schedules of an array. None if it did not tell: that keeps nobody from taking a VV.
pub(in crate::volume) async fn schedules(inner: &Inner, array: &Array) -> Option<Vec<Sched>> {
    let look = array.showsched(None);
    match inner.points.around(Doing::Look, "schedules", look).await {
        Ok(all) => Some(all),
        Err(cause) => {
            log::warn!(array = array.label(), cause:% = cause;
                "whether schedules name a VV that is taken is not known");
            None
        }
    }
}

/// The names of the schedules that an array has for a VV by the name that it is about to lose. None if it did not tell.
pub(in crate::volume) async fn schedules_of(
    inner: &Inner,
    array: &Array,
    vv: &VvName,
) -> Option<Vec<String>> {
    let all = schedules(inner, array).await?;
    Some(scheduled(&all, vv))
}

/// The names of those whose command is for this VV: it comes last there.
pub(in crate::volume) fn scheduled(all: &[Sched], vv: &VvName) -> Vec<String> {
    let is_for = |sched: &&Sched| sched.command.split_whitespace().next_back() == Some(vv.as_str());
    let found = all.iter().filter(is_for);
    found.map(|sched| sched.name.clone()).collect()
}
