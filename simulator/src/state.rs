//! What the simulated arrays hold. One [`World`] behind one lock: commands run one at a time and may touch two arrays
//! (remote copy mirrors its configuration to the peer).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

mod qos;
mod replication;
mod schedule;

pub use qos::{QosRule, Range};
pub use replication::{
    Agreement, FailoverStage, Group, GroupStatus, Handover, Link, Mode, Operation, Replicated,
    Role, SyncStatus, Takeover, Target, Turn,
};
pub use schedule::Schedule;

/// All arrays of one simulator.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct World {
    /// The arrays, by system name.
    pub arrays: BTreeMap<String, Array>,
    /// Copies of volume data that are due; whoever keeps the data carries them out in order and empties this.
    #[serde(skip)]
    pub agreements: Vec<Agreement>,
    /// Volumes whose hosts go on at the other array; carried out before the agreements.
    #[serde(skip)]
    pub handovers: Vec<Handover>,
    /// Volumes (system name, VV) whose copy ended badly: half of what they hold is lost; carried out after the agreements.
    #[serde(skip)]
    pub spoiled: Vec<(String, String)>,
}

fn yes() -> bool {
    true
}

/// The switches there are: name, and what the array does while it is on. All are off at first; FIDELITY.md tells which
/// question each leaves open.
pub const SWITCHES: &[(&str, &str)] = &[
    (
        "errors_exit_zero",
        "an exec channel reports exit status 0 after a refusal too",
    ),
    ("no_exit_status", "an exec channel reports no exit status"),
    (
        "errors_on_stdout",
        "an exec channel sends refusals on standard output",
    ),
    (
        "shell_only",
        "an exec channel answers every command with nothing and does nothing",
    ),
    (
        "closed_stdin_hangs",
        "a question at the end of the input waits for ever instead of counting as no",
    ),
    (
        "secondary_comment_refused",
        "setvv -comment is refused on a VV that is a remote copy secondary",
    ),
    (
        "secondary_export_refused",
        "createvlun is refused on a VV that is a remote copy secondary",
    ),
    (
        "login_sees_nothing",
        "showvv and showcpg list nothing, as for a login that has lost its domain",
    ),
    (
        "rcp_sets",
        "creatercopygroup makes a VV set RCP_<group>, which admits and dismissals keep in step",
    ),
    (
        "admit_existing_hangs",
        "admitrcopyvv of one VV to an existing secondary asks and so never answers",
    ),
    (
        "auto_synchronize_drops_rev",
        "after a failover of a group with auto_synchronize the roles become plain when all is copied back (always on 10.x)",
    ),
    (
        "failover_noticed",
        "a former primary is Secondary-Rev, and stopped, as soon as it reaches the array that took over, without recover",
    ),
    (
        "rev_runs_over",
        "showrcopy does not widen the column Role for Primary-Rev and Secondary-Rev",
    ),
    (
        "stops_slowly",
        "a group that is told to stop is Stopping for five seconds, and takes no other command meanwhile",
    ),
    (
        "switchover_keeps_natural",
        "setrcopygroup switchover keeps the natural direction, so that the roles get -Rev",
    ),
    (
        "switchover_needs_hosts",
        "setrcopygroup switchover is refused while a host has a path to a volume here and none to its copy",
    ),
    (
        "admit_exports_secondary",
        "admitrcopyvv to a Peer Persistence group exports the secondary as the primary is (always on 10.x)",
    ),
    (
        "dismiss_removes_snapshots",
        "dismissrcopyvv -removevv removes the secondary's snapshots with it, unless they are retained or exported",
    ),
    (
        "no_time_columns",
        "showvv has no columns RetentionEndTime and ExpirationTime",
    ),
    (
        "rw_snapshot_of_ro_only",
        "createsv without -ro is refused on a VV that is not read-only",
    ),
    (
        "copies_fail",
        "what createvvcopy and promotesv began fails when it would end",
    ),
    (
        "grow_while_started",
        "growvv takes a VV of a started remote copy group",
    ),
    (
        "grow_one_side",
        "growvv makes a replicated VV larger on this array alone",
    ),
    (
        "lun_zero_left",
        "createvlun gives LUN 0 only to who asks for it",
    ),
];

/// One array.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Array {
    /// System name, as in the prompt.
    pub name: String,
    /// System id, decimal.
    pub id: u32,
    /// For example `HPE_3PAR 8200`.
    pub model: String,
    /// For example `CZ3812A4FQ`.
    pub serial: String,
    /// Powered on. While it is off its peers see their target as `failed`.
    #[serde(default = "yes")]
    pub up: bool,
    /// InForm OS release.
    pub release: Release,
    /// Licensed features, as `showlicense` names them.
    pub licenses: Vec<String>,
    /// Time zone name for dates, as jiff knows it, for example `Europe/Berlin`.
    pub time_zone: String,
    /// CPGs in the order of their ids.
    pub cpgs: Vec<Cpg>,
    /// Ports.
    pub ports: Vec<Port>,
    /// CLI users.
    pub users: Vec<User>,
    /// VVs by name.
    pub vvs: BTreeMap<String, Vv>,
    /// VV sets by name.
    pub vv_sets: BTreeMap<String, Set>,
    /// QoS rules by what they are for: `vvset:<name>`, `domain:<name>`, `sys:all_others`.
    #[serde(default)]
    pub qos: BTreeMap<String, QosRule>,
    /// Hosts by name.
    pub hosts: BTreeMap<String, Host>,
    /// Host sets by name.
    #[serde(default)]
    pub host_sets: BTreeMap<String, Set>,
    /// Initiators logged in: initiator → ports.
    pub logins: BTreeMap<String, Vec<String>>,
    /// Export templates in the order they were made.
    pub vluns: Vec<Vlun>,
    /// Remote copy is configured and started.
    pub remote_copy: bool,
    /// Remote copy targets: other arrays as this one knows them.
    pub targets: Vec<Target>,
    /// Seconds (virtual time) since when it does not reach the quorum witness.
    #[serde(default)]
    pub witness_lost: Option<i64>,
    /// Remote copy groups by the name they have here.
    pub groups: BTreeMap<String, Group>,
    /// Schedules by name.
    #[serde(default)]
    pub schedules: BTreeMap<String, Schedule>,
    /// Tasks, oldest first.
    #[serde(default)]
    pub tasks: Vec<Task>,
    /// Sessions, in the order they came. Neither kept nor dumped.
    #[serde(skip)]
    pub connections: Vec<Connection>,
    /// Next ids, by kind (`vv`, `vvset`, `host`, `group`, `task`). Not part of a dump.
    pub counters: BTreeMap<String, u32>,
    /// Switches for what no source tells (facts), by name. FIDELITY.md lists them.
    pub switches: BTreeMap<String, bool>,
}

impl Array {
    /// Is this feature licensed? The name as `showlicense` prints it.
    pub fn licensed(&self, feature: &str) -> bool {
        self.licenses.iter().any(|licence| licence == feature)
    }

    /// Is this switch on? See FIDELITY.md for the names.
    pub fn switch(&self, name: &str) -> bool {
        self.switches.get(name).copied().unwrap_or(false)
    }
}

/// InForm OS flavour: column lists and refusals depend on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Release {
    /// 3.2.2.
    #[serde(rename = "3.2.2")]
    V322,
    /// 3.3.1.
    #[default]
    #[serde(rename = "3.3.1")]
    V331,
    /// 10.x.
    #[serde(rename = "10.5.0")]
    V1050,
}

/// A common provisioning group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cpg {
    /// Id.
    pub id: u32,
    /// Name.
    pub name: String,
    /// Domain, if any.
    pub domain: Option<String>,
    /// Space left for new VVs, MiB.
    pub free_mib: u64,
    /// On SSD (dedup and compression need it).
    pub ssd: bool,
}

/// A port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Port {
    /// `N:S:P`.
    pub position: String,
    /// Kind of port.
    pub protocol: PortProtocol,
    /// `ready`, `loss_sync`, `offline`.
    pub state: String,
    /// For iSCSI and RCIP.
    pub ip: Option<String>,
    /// Port WWN or hardware address.
    pub address: String,
    /// iSCSI name of the port.
    pub iqn: Option<String>,
    /// Somebody pulled its cable.
    #[serde(default)]
    pub cut: bool,
}

impl Port {
    /// Word of the State column.
    pub fn state(&self) -> &str {
        if self.cut { "loss_sync" } else { &self.state }
    }
}

/// What a port speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PortProtocol {
    /// Host port, Fibre Channel.
    Fc,
    /// Host port, iSCSI.
    Iscsi,
    /// Remote copy over IP.
    Rcip,
}

/// A CLI user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Password, if it may log in by one.
    pub password: Option<String>,
    /// OpenSSH public keys.
    #[serde(default)]
    pub public_keys: Vec<String>,
    /// `super`, `edit`, `browse`, …
    pub role: String,
}

/// A session: an SSH connection, or what it left running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// As `showuserconn` prints it.
    pub id: u32,
    /// Login name.
    pub user: String,
    /// Where it comes from.
    pub address: String,
    /// Seconds (virtual time).
    pub since: i64,
    /// The client is gone; the entry stays until its commands have ended.
    pub closed: bool,
    /// Commands that run now.
    pub running: usize,
}

/// A virtual volume.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Vv {
    /// Id.
    pub id: u32,
    /// Name.
    pub name: String,
    /// `full`, `tpvv`, `tdvv`, `snp`, …
    pub prov: String,
    /// `base`, `vcopy`, `pcopy`.
    pub kind: String,
    /// Parent of a copy.
    pub copy_of: Option<String>,
    /// Compressed.
    pub compressed: bool,
    /// User CPG.
    pub cpg: String,
    /// Snapshot CPG.
    pub snp_cpg: Option<String>,
    /// Size, MiB.
    pub size_mib: u64,
    /// 32 upper-case hexadecimal digits.
    pub wwn: String,
    /// Seconds since 1970. Not part of a dump.
    pub created: i64,
    /// Comment; empty is none.
    pub comment: String,
    /// Policies, for example `stale_ss`, `one_host`.
    pub policies: Vec<String>,
    /// Domain, if any.
    pub domain: Option<String>,
    /// Retention end, seconds since 1970.
    pub retained_until: Option<i64>,
    /// Expiry, seconds since 1970.
    #[serde(default)]
    pub expires_at: Option<i64>,
    /// A read-only snapshot.
    #[serde(default)]
    pub read_only: bool,
    /// What is being copied into it.
    #[serde(default)]
    pub copying: Option<Copying>,
    /// What was to be copied into it is not all there.
    #[serde(default)]
    pub copy_failed: bool,
}

/// A copy or promotion that is under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Copying {
    /// What it is.
    pub kind: CopyKind,
    /// VV from which it comes.
    pub from: String,
    /// Number of its task.
    pub task: u32,
    /// How much it is, MiB.
    pub size_mib: u64,
    /// Seconds (virtual time). Not part of a dump.
    pub started: i64,
    /// Seconds (virtual time) at which it ends. Not part of a dump.
    pub due: i64,
}

/// Kinds of copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CopyKind {
    /// `createvvcopy` into a VV that was there.
    Offline,
    /// `createvvcopy -online` into a new one.
    Online,
    /// `promotesv`.
    Promote,
}

/// A VV set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Set {
    /// Id.
    pub id: u32,
    /// Members, in the order they were added.
    pub members: Vec<String>,
    /// Comment; empty is none.
    pub comment: String,
    /// What its VVs are told about the flash cache, if anything is: use it, or do not.
    #[serde(default)]
    pub flash_cache: Option<bool>,
}

/// A host object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// Id.
    pub id: u32,
    /// Persona number.
    pub persona: u32,
    /// Domain, if any.
    pub domain: Option<String>,
    /// FC WWNs (16 upper-case digits) and iSCSI names, in the order they were added.
    pub paths: Vec<String>,
    /// Comment; empty is none.
    pub comment: String,
    /// How its iSCSI initiators prove who they are.
    #[serde(default)]
    pub chap: Option<Chap>,
    /// How the array proves itself to them.
    #[serde(default)]
    pub target_chap: Option<Chap>,
}

/// A CHAP name and secret. The secret is kept, and is neither dumped nor printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chap {
    /// Name.
    pub name: String,
    /// Secret: 12 to 16 characters, or 32 hexadecimal digits.
    pub secret: String,
}

impl fmt::Debug for Chap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chap")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// An export template.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Vlun {
    /// LUN number.
    pub lun: u32,
    /// VV.
    pub vv: String,
    /// Host, `set:<host set>`, or nothing for a port-presents export.
    pub host: Option<String>,
    /// `N:S:P` of a matched-set or port-presents export.
    pub port: Option<String>,
}

/// A task, as `showtask` lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Id, 1 to 29999.
    pub id: u32,
    /// For example `remote_copy_sync`.
    pub kind: String,
    /// What it works on.
    pub name: String,
    /// `active`, `done`, `failed`, `cancelled`.
    pub status: String,
    /// Seconds (virtual time). Not part of a dump.
    pub started: i64,
    /// Seconds (virtual time) at which it ended. Not part of a dump.
    pub finished: Option<i64>,
    /// Login name of who started it.
    pub user: String,
    /// Lines of `showtask -d`: time, word, text.
    pub details: Vec<(i64, String, String)>,
}
