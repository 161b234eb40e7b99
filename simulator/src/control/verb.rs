//! The control's words, as they travel over the socket and as they are typed after `hpe3par-sim ctl`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Control, ControlError};
use crate::faults::Fault;

/// One thing to do. In JSON `{"verb": "cpg-full", "array": "north", "cpg": "gold"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, clap::Subcommand)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub enum Verb {
    /// Everything the arrays hold, as comparable JSON
    Dump,
    /// Every command received so far
    Log {
        /// Only this array's
        array: Option<String>,
    },
    /// Forgets the commands received so far
    ClearLog,
    /// Addresses and host keys of all arrays
    Arrays,
    /// Arms a fault
    Fault(Fault),
    /// Disarms all faults
    ClearFaults,
    /// Lets every command go on that hangs
    Release,
    /// Sets the time before each answer, in virtual milliseconds
    Latency {
        /// System name
        array: String,
        /// Milliseconds
        ms: u64,
    },
    /// Limits the sessions at once; without a number lifts the limit
    SessionLimit {
        /// System name
        array: String,
        /// How many
        limit: Option<usize>,
    },
    /// Switches an array off
    Down {
        /// System name
        array: String,
    },
    /// Switches an array on
    Up {
        /// System name
        array: String,
    },
    /// Cuts the links between two arrays
    CutLinks {
        /// System name
        array: String,
        /// System name of the other
        peer: String,
    },
    /// Mends the links between two arrays
    RestoreLinks {
        /// System name
        array: String,
        /// System name of the other
        peer: String,
    },
    /// Pulls the cable of a port
    CutPort {
        /// System name
        array: String,
        /// `N:S:P`
        port: String,
    },
    /// Plugs the cable of a port in again
    RestorePort {
        /// System name
        array: String,
        /// `N:S:P`
        port: String,
    },
    /// Cuts an array from the quorum witness
    CutWitness {
        /// System name
        array: String,
    },
    /// Lets an array reach the quorum witness again
    RestoreWitness {
        /// System name
        array: String,
    },
    /// Takes the free space of a CPG away
    CpgFull {
        /// System name
        array: String,
        /// Name of the CPG
        cpg: String,
    },
    /// Gives a CPG its free space back
    CpgRestore {
        /// System name
        array: String,
        /// Name of the CPG
        cpg: String,
    },
    /// Changes the host key; gives the new line for known_hosts
    ChangeHostKey {
        /// System name
        array: String,
    },
    /// Logs an initiator in
    Login {
        /// System name
        array: String,
        /// iSCSI name or WWN
        initiator: String,
        /// Ports, `N:S:P`
        #[arg(required = true)]
        ports: Vec<String>,
    },
    /// Logs an initiator out
    Logout {
        /// System name
        array: String,
        /// iSCSI name or WWN
        initiator: String,
    },
    /// Skips virtual time
    Advance {
        /// Seconds
        seconds: u32,
    },
    /// Turns a switch on or off
    Switch {
        /// System name
        array: String,
        /// Name of the switch
        name: String,
        /// `true` or `false`
        #[arg(action = clap::ArgAction::Set)]
        on: bool,
    },
}

impl Control {
    /// Does one thing and gives what it answers, `null` mostly.
    ///
    /// # Errors
    /// As the method of the same name.
    pub async fn carry_out(&self, verb: Verb) -> Result<Value, ControlError> {
        match verb {
            Verb::Dump => return Ok(self.dump()),
            Verb::Log { array } => return Ok(json!(self.log(array.as_deref()))),
            Verb::ClearLog => self.clear_log(),
            Verb::Arrays => return self.describe_arrays(),
            Verb::Fault(fault) => self.fault(fault)?,
            Verb::ClearFaults => self.clear_faults(),
            Verb::Release => self.release(),
            Verb::Latency { array, ms } => self.latency(&array, ms)?,
            Verb::SessionLimit { array, limit } => self.session_limit(&array, limit)?,
            Verb::Down { array } => self.down(&array).await?,
            Verb::Up { array } => self.up(&array).await?,
            Verb::CutLinks { array, peer } => self.cut_links(&array, &peer)?,
            Verb::RestoreLinks { array, peer } => self.restore_links(&array, &peer)?,
            Verb::CutPort { array, port } => self.cut_port(&array, &port)?,
            Verb::RestorePort { array, port } => self.restore_port(&array, &port)?,
            Verb::CutWitness { array } => self.cut_witness(&array)?,
            Verb::RestoreWitness { array } => self.restore_witness(&array)?,
            Verb::CpgFull { array, cpg } => self.cpg_full(&array, &cpg)?,
            Verb::CpgRestore { array, cpg } => self.cpg_restore(&array, &cpg)?,
            Verb::ChangeHostKey { array } => return Ok(json!(self.change_host_key(&array)?)),
            Verb::Login {
                array,
                initiator,
                ports,
            } => {
                let ports: Vec<&str> = ports.iter().map(String::as_str).collect();
                self.login(&array, &initiator, &ports)?;
            }
            Verb::Logout { array, initiator } => self.logout(&array, &initiator)?,
            Verb::Advance { seconds } => self.advance(seconds),
            Verb::Switch { array, name, on } => self.switch(&array, &name, on)?,
        }
        Ok(Value::Null)
    }

    fn describe_arrays(&self) -> Result<Value, ControlError> {
        let mut arrays = serde_json::Map::new();
        for array in self.arrays() {
            let place = json!({ "address": self.address(&array)?, "known_hosts": self.host_key_line(&array)? });
            arrays.insert(array, place);
        }
        Ok(Value::Object(arrays))
    }
}
