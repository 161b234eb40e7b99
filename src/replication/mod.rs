//! Remote copy groups: what has to be done, in which order, and what shows that it was done.
//!
//! Everything here that decides is a pure function of what the arrays showed; the commands themselves are in `inform`,
//! and the order of look, act and prove is the business of the caller's step runner.

mod acting;
mod action;
mod cycle;
mod error;
mod kind;
mod operate;
mod pair;
mod plan;
mod second_export;
mod serving;
mod sides;
mod situation;
#[cfg(test)]
mod tests;

pub use acting::Acting;
pub use action::{Action, Proof};
pub use cycle::{
    Change, CyclePlan, Ending, LeftLock, Turn, is_copying_others, plan_cycle, plan_end,
    plan_left_lock,
};
pub use error::ReplicationError;
pub use kind::GroupKind;
pub use operate::{
    Afterwards, AsOf, Caution, Done, Exposure, HostUse, InUse, Objection, Operation, OperatorPlan,
    PlannedCommand, Witness, Witnesses,
};
pub use pair::{CpgPair, Pair, Wants};
pub use plan::{
    Newcomer, check_dismissal, check_growth, check_modes, check_parting, plan_admission,
};
pub use second_export::{Exported, Holder, Next, NotNow, SecondExport, Unwanted};
pub use serving::{IncompleteCopy, NotServing, Serving};
pub use sides::{GroupSide, GroupSides, Half, Way};
pub use situation::Situation;
