//! Hosts that want one volume at the same moment. Every command is on its way for a while that a printed seed decides, and so is every
//! answer, so that what one of them looked at is old when it acts.

mod arena;
mod races;
mod rules;
