//! A machine made of files: a kernel whose `/sys` is a directory and whose control files are pipes, and programs that are
//! scripts which ask the same kernel.

mod attaching;
mod confirming;
mod detaching;
mod fc;
mod kernel;
mod late;
mod late_logins;
mod logins;
mod parting;
mod programs;
mod records;
mod sizes;
mod stage;
mod stale;
