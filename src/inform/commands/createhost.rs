//! `createhost`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::{DomainName, HostName, Initiator},
};

impl Array {
    /// Makes a host object. iSCSI names and WWNs need one command each: the object is made with the kind of the first
    /// initiator, the others are added. Proof: [`Array::showhost`].
    ///
    /// # Errors
    /// [`ArrayError`]; `InitiatorTaken` names the object that has an initiator. After an error of the second command the
    /// object exists with some of its initiators.
    pub async fn createhost(
        &self,
        host: &HostName,
        initiators: &[Initiator],
        persona: u32,
        domain: Option<&DomainName>,
        comment: Option<&str>,
    ) -> Result<(), ArrayError> {
        let iscsi = initiators.first().is_some_and(is_iscsi);
        let (first, rest): (Vec<_>, Vec<_>) = initiators
            .iter()
            .cloned()
            .partition(|i| is_iscsi(i) == iscsi);
        let args = Args::new()
            .flag("iscsi", iscsi)
            .with("persona", persona)
            .with_some("domain", domain)
            .with_some("comment", comment)
            .with("name", host)
            .with_each("initiators", &first);
        self.change("createhost", &args).await?;
        if rest.is_empty() {
            Ok(())
        } else {
            self.createhost_add(host, &rest).await
        }
    }

    /// Adds initiators to a host object. Proof: [`Array::showhost`].
    ///
    /// # Errors
    /// As [`Array::createhost`].
    pub async fn createhost_add(
        &self,
        host: &HostName,
        initiators: &[Initiator],
    ) -> Result<(), ArrayError> {
        for iscsi in [true, false] {
            let kind: Vec<_> = initiators
                .iter()
                .filter(|i| is_iscsi(i) == iscsi)
                .cloned()
                .collect();
            if !kind.is_empty() {
                let args = Args::new()
                    .flag("iscsi", iscsi)
                    .with("name", host)
                    .with_each("initiators", &kind);
                self.change("createhost-add", &args).await?;
            }
        }
        Ok(())
    }
}

fn is_iscsi(initiator: &Initiator) -> bool {
    matches!(initiator, Initiator::Iscsi(_))
}
