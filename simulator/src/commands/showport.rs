//! `showport`: ports for hosts, disks and remote copy.

use super::{Answer, Call, Command, Options, usage};
use crate::patterns;
use crate::state::{Port, PortProtocol, Release};
use crate::table::{Column, Table};

/// `showport [-iscsi|-iscsiname|-rcip] [<n:s:p>…]`.
pub static COMMAND: Command = Command {
    name: "showport",
    syntax: "showport [-iscsi|-iscsiname|-rcip] [<n:s:p>...]",
    flags: &["iscsi", "iscsiname", "rcip"],
    valued: &[],
    changes: false,
    licence: None,
    run,
};

/// Printed when a listing of one kind of port has nothing to list.
const NONE: &str = "There is no specified port information.\n";
const NO_IP: &str = "0.0.0.0";

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let forms = COMMAND
        .flags
        .iter()
        .filter(|flag| options.has(flag))
        .count();
    if forms > 1 {
        return usage(
            &COMMAND,
            "Options -iscsi, -iscsiname and -rcip exclude each other",
        );
    }
    let release = call.here().release;
    let named: Vec<&Port> = call
        .here()
        .ports
        .iter()
        .filter(|port| patterns::any_matches(&options.words, &port.position))
        .collect();
    let kind = |wanted: PortProtocol| -> Vec<&Port> {
        named
            .iter()
            .copied()
            .filter(|port| port.protocol == wanted)
            .collect()
    };
    let table = if options.has("iscsi") {
        iscsi(&kind(PortProtocol::Iscsi), release)
    } else if options.has("iscsiname") {
        iscsi_names(&kind(PortProtocol::Iscsi))
    } else if options.has("rcip") {
        rcip(&kind(PortProtocol::Rcip))
    } else {
        all(&named, release)
    };
    if table.count() == 0 {
        Answer::says(NONE)
    } else {
        Answer::says(table.render(options.style))
    }
}

fn all(ports: &[&Port], release: Release) -> Table {
    let node = if release == Release::V1050 {
        "Node_WWN/IP"
    } else {
        "Node_WWN"
    };
    let mut table = Table::new(vec![
        Column::right("N:S:P"),
        Column::right("Mode"),
        Column::right("State"),
        Column::dashed_right(node),
        Column::dashed_right("Port_WWN/HW_Addr"),
        Column::left("Type"),
        Column::right("Protocol"),
        Column::right("Label"),
        Column::right("Partner"),
        Column::right("FailoverState"),
    ])
    .count_only();
    for port in ports {
        let (mode, kind, protocol) = match port.protocol {
            PortProtocol::Fc => ("target", "host", "FC"),
            PortProtocol::Iscsi => ("target", "iscsi", "iSCSI"),
            PortProtocol::Rcip => ("peer", "rcip", "IP"),
        };
        let kind = if port.state() == "ready" {
            kind
        } else {
            "free"
        };
        // All FC ports of a system have one node WWN, which differs from the port's in the first digits.
        let node = match port.protocol {
            PortProtocol::Fc => format!("2FF70002{}", port.address.get(8..).unwrap_or_default()),
            PortProtocol::Iscsi | PortProtocol::Rcip => "-".to_owned(),
        };
        table.row([
            port.position.as_str(),
            mode,
            port.state(),
            &node,
            &port.address,
            kind,
            protocol,
            "-",
            "-",
            "-",
        ]);
    }
    table
}

fn iscsi(ports: &[&Port], release: Release) -> Table {
    let mut columns = vec![
        Column::right("N:S:P"),
        Column::left("State"),
        Column::left("IPAddr"),
        Column::left("Netmask/PrefixLen"),
        Column::left("Gateway"),
        Column::right("TPGT"),
        Column::right("MTU"),
        Column::right("Rate"),
        Column::left("iSNS_Addr"),
        Column::right("iSNS_Port"),
        Column::right("STGT"),
    ];
    match release {
        Release::V322 | Release::V331 => columns.push(Column::left("VLAN")),
        Release::V1050 => columns.extend([Column::left("VLANs"), Column::left("Peer_Enabled")]),
    }
    let mut table = Table::new(columns).count_only();
    for port in ports {
        let group = target_portal_group(&port.position);
        let ready = port.state() == "ready";
        let address = port.ip.as_deref().unwrap_or(NO_IP);
        let netmask = if address == NO_IP {
            NO_IP
        } else {
            "255.255.255.0"
        };
        let (mtu, rate) = if ready {
            ("1500", "10Gbps")
        } else {
            ("1500", "n/a")
        };
        let (vlan, peer) = ("N", "N");
        table.row([
            port.position.as_str(),
            port.state(),
            address,
            netmask,
            NO_IP,
            &group,
            mtu,
            rate,
            NO_IP,
            "3205",
            &group,
            vlan,
            peer,
        ]);
    }
    table
}

/// `0:2:1` → `21`, `1:2:1` → `121`.
fn target_portal_group(position: &str) -> String {
    let digits: String = position.split(':').collect();
    digits.trim_start_matches('0').to_owned()
}

fn iscsi_names(ports: &[&Port]) -> Table {
    let columns = vec![
        Column::right("N:S:P"),
        Column::left("IPAddr"),
        Column::dashed("iSCSI_Name"),
    ];
    let mut table = Table::new(columns).count_only();
    for port in ports {
        let address = port.ip.as_deref().unwrap_or(NO_IP);
        table.row([
            port.position.as_str(),
            address,
            port.iqn.as_deref().unwrap_or("-"),
        ]);
    }
    table
}

fn rcip(ports: &[&Port]) -> Table {
    let mut table = Table::new(vec![
        Column::right("N:S:P"),
        Column::right("State"),
        Column::dashed_right("HwAddr"),
        Column::right("IPAddr"),
        Column::right("Netmask/PrefixLen"),
        Column::right("Gateway"),
        Column::right("MTU"),
        Column::right("Rate"),
        Column::right("Duplex"),
        Column::right("AutoNeg"),
    ])
    .count_only();
    for port in ports {
        let position = port.position.as_str();
        match port.ip.as_deref().filter(|_| port.state() == "ready") {
            Some(ip) => {
                table.row([
                    position,
                    port.state(),
                    &port.address,
                    ip,
                    "255.255.255.0",
                    NO_IP,
                    "1500",
                    "10Gbps",
                    "Full",
                    "Yes",
                ]);
            }
            None => table.row([
                position,
                port.state(),
                &port.address,
                "-",
                "-",
                "-",
                "-",
                "n/a",
                "n/a",
                "n/a",
            ]),
        }
    }
    table
}
