//! Copies of whole VVs and promotions of snapshots: what keeps a VV busy, how far it is, and how it ends.
//!
//! The data go over at the instant of the start, so that nothing written later is in a copy. What ends badly loses half of them.

use crate::remote_copy::in_step;
use crate::state::{Agreement, Array, CopyKind, Copying, Vv, World};

/// The shortest copy, seconds.
const SHORTEST: i64 = 2;

/// How urgent a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// `high`.
    High,
    /// `med`, if nothing is said.
    Med,
    /// `low`.
    Low,
}

impl Priority {
    /// The priority of that word.
    pub(crate) fn of(word: Option<&str>) -> Option<Self> {
        match word {
            Some("high") => Some(Self::High),
            None | Some("med") => Some(Self::Med),
            Some("low") => Some(Self::Low),
            Some(_) => None,
        }
    }

    /// Copied in a second, MiB.
    fn speed(self) -> u64 {
        match self {
            Self::High => 1024,
            Self::Med => 512,
            Self::Low => 256,
        }
    }
}

impl CopyKind {
    /// As `showtask` names it.
    fn task(self) -> &'static str {
        match self {
            Self::Offline | Self::Online => "vv_copy",
            Self::Promote => "promote_sv",
        }
    }
}

impl Copying {
    /// Copied by `now`, MiB.
    pub fn copied_mib(&self, now: i64) -> u64 {
        let span = u64::try_from(self.due - self.started).unwrap_or(1).max(1);
        let passed = u64::try_from(now - self.started).unwrap_or(0).min(span);
        self.size_mib * passed / span
    }

    /// For example `completed 512MB of 2048MB (25.00%) from VV a to VV b.`
    pub fn progress(&self, to: &str, now: i64) -> String {
        let (done, all) = (self.copied_mib(now), self.size_mib);
        #[allow(clippy::cast_precision_loss)]
        let percent = done as f64 * 100.0 / all.max(1) as f64;
        format!(
            "completed {done}MB of {all}MB ({percent:.2}%) from VV {} to VV {to}.",
            self.from
        )
    }
}

impl Array {
    /// VVs into which this one is being copied.
    pub fn copied_to(&self, name: &str) -> Option<&Vv> {
        let from = |copying: &Copying| copying.from == name;
        self.vvs
            .values()
            .find(|vv| vv.copying.as_ref().is_some_and(from))
    }

    /// A physical copy of this VV.
    pub fn physical_copy(&self, name: &str) -> Option<&Vv> {
        self.vvs
            .values()
            .find(|vv| vv.kind == "pcopy" && vv.copy_of.as_deref() == Some(name))
    }

    /// What keeps this VV busy, in the array's words; none if nothing does.
    pub fn busy(&self, name: &str) -> Option<String> {
        let kind = self.vvs.get(name)?.copying.as_ref().map(|one| one.kind);
        match kind {
            Some(CopyKind::Offline) => Some(format!("A physical copy is in progress to vv {name}")),
            Some(CopyKind::Online) => Some(format!("An online copy is in progress to vv {name}")),
            Some(CopyKind::Promote) => Some(format!("A promote is in progress to vv {name}")),
            None => self
                .copied_to(name)
                .map(|to| format!("vv {name} is being copied to vv {}", to.name)),
        }
    }
}

/// Begins to copy `from` into `to`, both of this array, with what `from` holds now. Gives the number of the task.
pub(crate) fn begin(
    world: &mut World,
    array: &str,
    kind: CopyKind,
    (from, to): (&str, &str),
    priority: Priority,
    (now, user): (i64, &str),
) -> u32 {
    // A secondary in step has its data where it is sent from.
    let source = in_step(world, array, from).unwrap_or((array.to_owned(), from.to_owned()));
    world.agreements.push(Agreement {
        from: source,
        to: (array.to_owned(), to.to_owned()),
        joins: false,
    });
    let Some(array) = world.arrays.get_mut(array) else {
        return 0;
    };
    let size_mib = array.vvs.get(from).map_or(0, |vv| vv.size_mib);
    let seconds = i64::try_from(size_mib / priority.speed()).unwrap_or(i64::MAX / 4);
    let due = now + seconds.max(SHORTEST);
    let name = match kind {
        CopyKind::Promote => from.to_owned(),
        _ => format!("{from}->{to}"),
    };
    let task = array.add_task(kind.task(), &name, user, now, None);
    detail(
        array,
        task,
        now,
        "Starting",
        format!("copy from VV {from} to VV {to} ({size_mib}MB)."),
    );
    if let Some(vv) = array.vvs.get_mut(to) {
        vv.copy_failed = false;
        vv.copying = Some(Copying {
            kind,
            from: from.to_owned(),
            task,
            size_mib,
            started: now,
            due,
        });
    }
    task
}

/// The instant at which the next copy ends that is over by `now`.
pub(crate) fn next_end(world: &World, now: i64) -> Option<i64> {
    let arrays = world.arrays.values().filter(|array| array.up);
    let ends = arrays.flat_map(|array| over(array, now).map(|(_, due)| due));
    ends.min()
}

/// Ends the copies that are over by `now`.
pub(crate) fn end_all(world: &mut World, now: i64) {
    for name in world.arrays.keys().cloned().collect::<Vec<_>>() {
        let Some(array) = world.arrays.get(&name).filter(|array| array.up) else {
            continue;
        };
        let how = if array.switch("copies_fail") {
            End::Failed
        } else {
            End::Done
        };
        for (vv, due) in over(array, now).collect::<Vec<_>>() {
            end(world, &name, &vv, how, due);
        }
    }
}

/// VVs into which nothing more is copied by `now`, and since when.
fn over(array: &Array, now: i64) -> impl Iterator<Item = (String, i64)> {
    array.vvs.values().filter_map(move |vv| {
        let copying = vv.copying.as_ref().filter(|copying| copying.due <= now)?;
        Some((vv.name.clone(), copying.due))
    })
}

/// How a copy ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    Failed,
    Cancelled,
}

/// Ends the copy into this VV.
pub(crate) fn end(world: &mut World, array: &str, to: &str, how: End, at: i64) {
    let place = (array.to_owned(), to.to_owned());
    let Some(array) = world.arrays.get_mut(array) else {
        return;
    };
    let Some(vv) = array.vvs.get_mut(to) else {
        return;
    };
    let Some(copying) = vv.copying.take() else {
        return;
    };
    if how != End::Done {
        vv.copy_failed = true;
        world.spoiled.push(place);
    } else if copying.kind == CopyKind::Online {
        "base".clone_into(&mut vv.kind);
        vv.copy_of = None;
    }
    let (status, word) = match how {
        End::Done => ("done", "Completed"),
        End::Failed => ("failed", "Failed"),
        End::Cancelled => ("cancelled", "Cancelled"),
    };
    let text = format!("copy from VV {} to VV {to}.", copying.from);
    detail(array, copying.task, at, word, text);
    let task = array.tasks.iter_mut().find(|task| task.id == copying.task);
    if let Some(task) = task {
        status.clone_into(&mut task.status);
        task.finished = Some(at);
    }
}

fn detail(array: &mut Array, task: u32, at: i64, word: &str, text: String) {
    if let Some(task) = array.tasks.iter_mut().find(|one| one.id == task) {
        task.details.push((at, word.to_owned(), text));
    }
}
