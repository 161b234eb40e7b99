//! What a description needs so that its exports can be targets of the kernel.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::{Description, DescriptionError};
use crate::lio;
use crate::state::PortProtocol;

/// Characters of a network interface's name, at most.
const LONGEST_INTERFACE: usize = 15;

impl Description {
    /// What the kernel's targets need.
    pub(super) fn check_lio(&self) -> Result<(), DescriptionError> {
        let mut networks: BTreeMap<Ipv4Addr, String> = BTreeMap::new();
        for array in &self.arrays {
            let wrong = |mistake: String| {
                Err(DescriptionError::Contradiction {
                    array: array.name.clone(),
                    mistake,
                })
            };
            if self.data_dir.is_none() {
                return wrong("exports = \"lio\" needs data_dir".to_owned());
            }
            let ports = array.ports.iter();
            for port in ports.filter(|port| port.protocol == PortProtocol::Iscsi) {
                let position = &port.position;
                let address = port.ip.as_ref().and_then(|ip| ip.parse().ok());
                let Some(address) = address else {
                    return wrong(format!("iSCSI port `{position}` needs an IPv4 address"));
                };
                let near = lio::near(address);
                if near == address {
                    return wrong(format!(
                        "the address {near} is this machine's, not port `{position}`'s"
                    ));
                }
                if let Some(other) = networks.insert(near, position.clone()) {
                    return wrong(format!(
                        "iSCSI port `{position}` needs a network of 24 bits for itself, and port `{other}` has the same"
                    ));
                }
                let link = lio::link(array.id, position);
                if link.len() > LONGEST_INTERFACE {
                    return wrong(format!("`{link}` is too long for a network interface"));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_of_the_kernel_need_a_network_for_each_port() {
        let example = include_str!("../../examples/lab.toml");
        Description::from_toml(example).unwrap();
        for (from, to, words) in [
            ("data_dir", "# data_dir", "needs data_dir"),
            ("ip = \"10.99.11.2\"", "", "needs an IPv4 address"),
            ("10.99.11.2", "10.99.11.254", "is this machine's"),
            ("10.99.12.2", "10.99.11.3", "port `0:2:1` has the same"),
            ("\"1:2:1\"", "\"1:2:100000\"", "too long"),
        ] {
            let error = Description::from_toml(&example.replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
