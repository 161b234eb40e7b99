//! A machine made of files: a kernel whose `/sys` is a directory and whose control files are pipes, and programs that are
//! scripts which ask the same kernel.

mod attaching;
mod confirming;
mod detaching;
mod fc;
mod kernel;
mod late;
mod logins;
mod parting;
mod programs;
mod sizes;
mod stage;
mod stale;
