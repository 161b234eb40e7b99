//! A backend: one array, what may be made on it, and how its volumes reach this machine.

use std::path::PathBuf;

use toml::{Spanned, de::DeValue};

use super::{
    access::ArrayAccess,
    keys::Place,
    mistake::Problem,
    replication::ReplicationDevice,
    section::{Origin, Report, Section},
    values::{absolute_path, checked, choice, cpgs, text},
    warning::Doubt,
};
use crate::model::{BackendName, CpgName, HostName, Initiator, LonePrimary, Protocol, Takeover};

/// What the python plugin has instead of `protocol`.
const OLD_PROTOCOL: &str = "hpedockerplugin_driver";

/// One backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Its section.
    pub name: BackendName,
    /// Its array.
    pub access: ArrayAccess,
    /// CPGs volumes may be made in; never empty, the first is the default.
    pub cpgs: Vec<CpgName>,
    /// The same for snapshot space.
    pub snap_cpgs: Vec<CpgName>,
    /// How volumes reach this machine.
    pub protocol: Protocol,
    /// Given exactly when the protocol is [`Protocol::Simulated`].
    pub simulated: Option<Simulated>,
    /// Given on a replication-enabled backend.
    pub replication: Option<ReplicationDevice>,
    /// See [`LonePrimary`].
    pub lone_primary: LonePrimary,
    /// See [`Takeover`].
    pub takeover: Takeover,
}

/// Exports of the simulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// Where the simulator exports, absolute.
    pub dir: PathBuf,
    /// What this machine is called on the array; its own short name if absent.
    pub host: Option<HostName>,
    /// The initiator this machine logs in with.
    pub initiator: Initiator,
    /// What takes the place of the machine id; the machine's own if absent.
    pub machine_id: Option<String>,
}

impl Backend {
    /// Reads all of it, so that every mistake is found.
    pub(super) fn read(
        name: BackendName,
        section: &Section<'_>,
        default: Option<&toml::de::DeTable<'_>>,
        report: &mut Report<'_>,
    ) -> Option<Self> {
        let access = ArrayAccess::read(section, report);
        let own_cpgs = section.required(
            report,
            "hpe3par_cpg",
            "the CPGs volumes may be made in, the default first",
            cpgs,
        );
        let snap_cpgs = match section.own("hpe3par_snapcpg") {
            Some(_) => section.get(report, "hpe3par_snapcpg", cpgs),
            None => {
                if let Some(cpgs) = &own_cpgs {
                    let names: Vec<String> = cpgs.iter().map(|cpg| format!("\"{cpg}\"")).collect();
                    section.note(
                        report,
                        "hpe3par_snapcpg",
                        format!("[{}]", names.join(", ")),
                        Origin::BuiltIn,
                    );
                }
                own_cpgs.clone()
            }
        };
        let protocol = read_protocol(section, report);
        let simulated = read_simulated(section, report, protocol);
        for key in ["hpe3par_iscsi_ips", "hpe3par_iscsi_chap_enabled"] {
            if protocol == Some(Protocol::Fc) && section.own(key).is_some() {
                let why = "the protocol is `fc`";
                section.warn(report, key, Doubt::NoEffect { why });
            }
        }
        let lone_primary = section.get(
            report,
            "lone_primary",
            choice(&[
                ("mount", LonePrimary::Mount),
                ("refuse", LonePrimary::Refuse),
            ]),
        );
        let takeover = section.get(
            report,
            "takeover",
            choice(&[
                ("never", Takeover::Never),
                ("dead-host", Takeover::DeadHost),
                ("always", Takeover::Always),
            ]),
        );
        let replication = match section.own("replication_device") {
            None => Some(None),
            Some(value) => {
                let device = target_section(section, value, default, report);
                device
                    .and_then(|device| {
                        let (cpgs, snap_cpgs) = (own_cpgs.as_deref(), snap_cpgs.as_deref());
                        ReplicationDevice::read(&device, report, cpgs, snap_cpgs, access.as_ref())
                    })
                    .map(Some)
            }
        };
        if let (Some(replication), Some(_)) = (&replication, section.own("lone_primary"))
            && replication
                .as_ref()
                .is_none_or(ReplicationDevice::is_peer_persistence)
        {
            let why = "it is for Active/Passive replication only";
            section.warn(report, "lone_primary", Doubt::NoEffect { why });
        }
        // As it is said: of Peer Persistence the arrays and their witness decide.
        let persistent = matches!(&replication, Some(Some(device)) if device.is_peer_persistence());
        let lone_primary = lone_primary
            .filter(|_| !persistent)
            .or_else(|| persistent.then_some(LonePrimary::Mount));
        Some(Self {
            name,
            access: access?,
            cpgs: own_cpgs?,
            snap_cpgs: snap_cpgs?,
            protocol: protocol?,
            simulated: simulated?,
            replication: replication?,
            lone_primary: lone_primary?,
            takeover: takeover?,
        })
    }
}

fn target_section<'t>(
    section: &Section<'t>,
    value: &'t Spanned<DeValue<'t>>,
    default: Option<&'t toml::de::DeTable<'t>>,
    report: &mut Report<'_>,
) -> Option<Section<'t>> {
    let Some(table) = value.get_ref().as_table() else {
        let expected = "a table (one target array)";
        let found = value.get_ref().type_str();
        section.mistake(
            report,
            "replication_device",
            Problem::Type { expected, found },
        );
        return None;
    };
    let name = format!("{}.replication_device", section.name);
    Some(Section::new(
        name,
        value.span().start,
        Place::Target,
        table,
        default,
        report,
    ))
}

/// `protocol`, or what the python plugin had for it.
fn read_protocol(section: &Section<'_>, report: &mut Report<'_>) -> Option<Protocol> {
    let protocols =
        [Protocol::Iscsi, Protocol::Fc, Protocol::Simulated].map(|protocol| match protocol {
            Protocol::Iscsi => ("iscsi", protocol),
            Protocol::Fc => ("fc", protocol),
            Protocol::Simulated => ("simulated", protocol),
        });
    let drivers = [
        (
            "hpedockerplugin.hpe.hpe_3par_iscsi.HPE3PARISCSIDriver",
            Protocol::Iscsi,
        ),
        (
            "hpedockerplugin.hpe.hpe_3par_fc.HPE3PARFCDriver",
            Protocol::Fc,
        ),
    ];
    match (section.own("protocol"), section.own(OLD_PROTOCOL)) {
        (Some(_), Some(_)) => {
            section.mistake(
                report,
                OLD_PROTOCOL,
                Problem::Excludes { other: "protocol" },
            );
            None
        }
        (None, Some(_)) => section.get(report, OLD_PROTOCOL, choice(&drivers)),
        (Some(_), None) => section.get(report, "protocol", choice(&protocols)),
        (None, None) => {
            section.note(report, "protocol", "\"iscsi\"".to_owned(), Origin::BuiltIn);
            Some(Protocol::Iscsi)
        }
    }
}

/// `None` if something is wrong.
fn read_simulated(
    section: &Section<'_>,
    report: &mut Report<'_>,
    protocol: Option<Protocol>,
) -> Option<Option<Simulated>> {
    const KEYS: [&str; 4] = [
        "simulated_dir",
        "simulated_host",
        "simulated_initiator",
        "simulated_machine_id",
    ];
    if protocol? != Protocol::Simulated {
        for key in KEYS.into_iter().filter(|key| section.own(key).is_some()) {
            section.mistake(
                report,
                key,
                Problem::Needs {
                    needs: "`protocol = \"simulated\"`",
                },
            );
        }
        return Some(None);
    }
    let dir = section.required(
        report,
        "simulated_dir",
        "where the simulator exports",
        absolute_path,
    );
    let host = optional(section, report, "simulated_host", checked(HostName::new));
    let initiator = section.required(
        report,
        "simulated_initiator",
        "the iSCSI name this machine logs in with",
        checked(|text: &str| {
            let form = "an iSCSI name or port WWN";
            text.parse::<Initiator>().map_err(|_| Problem::Form {
                text: text.chars().take(80).collect(),
                form,
            })
        }),
    );
    let machine_id = optional(section, report, "simulated_machine_id", text);
    Some(Some(Simulated {
        dir: dir?,
        host: host?,
        initiator: initiator?,
        machine_id: machine_id?,
    }))
}

/// Outer `None` if it is given and wrong.
fn optional<T>(
    section: &Section<'_>,
    report: &mut Report<'_>,
    key: &'static str,
    read: impl Fn(&DeValue<'_>) -> Result<T, Problem>,
) -> Option<Option<T>> {
    match section.own(key) {
        None => Some(None),
        Some(_) => section.get(report, key, read).map(Some),
    }
}
