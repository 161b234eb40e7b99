//! The queue of a group, in the whole service, on simulated arrays and a clock that stands still unless everybody waits.

mod counts;
mod failures;
mod left;
mod stage;
mod waiting;
