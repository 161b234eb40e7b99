//! One file for each InForm command, named as the command.

mod local_time;
mod space;
mod words;

mod admitrcopyvv;
mod canceltask;
mod createhost;
mod creatercopygroup;
mod createsched;
mod createsv;
mod createvlun;
mod createvv;
mod createvvcopy;
mod createvvset;
mod dismissrcopyvv;
mod growvv;
mod promotesv;
mod promotevvcopy;
mod removehost;
mod removercopygroup;
mod removesched;
mod removevlun;
mod removevv;
mod removevvset;
mod setflashcache;
mod sethost;
mod setqos;
mod setrcopygroup;
mod setvv;
mod showcpg;
mod showdate;
mod showflashcache;
mod showhost;
mod showlicense;
mod showport;
mod showqos;
mod showrcopy;
mod showsched;
mod showsys;
mod showtask;
mod showuser;
mod showuserconn;
pub(super) mod showversion;
mod showvlun;
mod showvv;
mod showvvset;
mod startrcopygroup;
mod stoprcopygroup;

pub use admitrcopyvv::Admit;
pub use creatercopygroup::CreateGroup;
pub use createsched::CreateSched;
pub use createsv::CreateSv;
pub use createvlun::LunChoice;
pub use createvv::CreateVv;
pub use createvvcopy::OnlineCopy;
pub use dismissrcopyvv::DismissedCopy;
pub use local_time::LocalTime;
pub use showcpg::Cpg;
pub use showdate::NodeDate;
pub use showhost::{HostEntry, HostPath};
pub use showlicense::Licenses;
pub use showport::{IscsiName, IscsiPort, Port, PortMode, PortProtocol, PortState, PortUse};
pub use showqos::{QosRule, QosTargetKind};
pub use showrcopy::{GroupOptions, RcGroup, RcLink, RcTarget, RcVolume, RcWitness};
pub use showsched::{Sched, SchedStatus};
pub use showsys::System;
pub use showtask::{Task, TaskStatus};
pub use showuser::{User, UserRole};
pub use showuserconn::Connection;
pub use showversion::Release;
pub use showvlun::{
    ActiveVlun, ExportTarget, ExportedVv, VlunKind, VlunQuery, VlunStatus, VlunTemplate,
};
pub use showvv::{CopyProgress, Vv, VvKind, VvProvisioning, VvQuery, VvState};
pub use showvvset::VvSet;

use super::{
    error::{Problem, unrecognised},
    row::Row,
};

/// Makes each row a value; the first that cannot be one is shown with the reason.
fn each<T>(rows: Vec<Row>, value: impl Fn(&Row) -> Result<T, String>) -> Result<Vec<T>, Problem> {
    rows.iter()
        .map(|row| value(row).map_err(|why| unreadable(row, &why)))
        .collect()
}

/// The one row there must be, as a value.
fn one<T>(rows: Vec<Row>, value: impl Fn(&Row) -> Result<T, String>) -> Result<T, Problem> {
    match each(rows, value)? {
        values if values.len() != 1 => Err(unrecognised(format!(
            "{} rows where one was expected",
            values.len()
        ))),
        mut values => Ok(values.remove(0)),
    }
}

fn unreadable(row: &Row, why: &str) -> Problem {
    let cells = row
        .cells
        .values()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(" | ");
    unrecognised(format!("{why}, in the row `{cells}`"))
}
