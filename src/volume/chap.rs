//! CHAP: an array asks this machine who it is (`hpe3par_iscsi_chap_enabled`).
//!
//! One secret a machine, for all arrays, on the host object that is this machine alone. The name that goes with it, which an array
//! shows, ends with the secret's id: so it can be seen whether the secret that is set is the one this machine has now.

use crate::{
    inform::Array,
    model::{Chap, HostName},
};

use super::{
    backend::Backend,
    error::Cause,
    host_object,
    inner::Inner,
    steps::{Intent, Seen, Steps},
};

/// What this machine logs in to the array with. It is set on its host object if it is not yet.
///
/// # Errors
/// [`Cause::ForeignChap`] if somebody gave the host object a secret, and it is not one that the plugin made.
pub(super) async fn ensure(
    inner: &Inner,
    backend: &Backend,
    steps: &mut Steps,
    array: &Array,
    host: &HostName,
) -> Result<Chap, Cause> {
    let chap = own(inner, host)?;
    let set = steps.look("chap", array.showhost_chap(host)).await?;
    if set.as_ref() == Some(&chap.user) {
        return Ok(chap);
    }
    let comment = steps
        .look("host comment", array.showhost_comment(host))
        .await?;
    // Whoever made the object has sessions of their own, which a secret would shut out.
    if comment.as_deref().and_then(host_object::machine_id) != Some(&backend.machine_id) {
        let (array, host) = (array.label().to_owned(), host.clone());
        return Err(match set {
            Some(name) => Cause::ForeignChap { array, host, name },
            None => Cause::ChapNotOurs { array, host },
        });
    }
    let wanted = Some(chap.user.clone());
    steps
        .act(
            Intent::SetChap,
            array.sethost_initchap(host, &chap),
            || async {
                let set = array.showhost_chap(host).await?;
                Ok(if set == wanted {
                    Seen::Done(())
                } else {
                    let shown = set.map_or("none".to_owned(), |name| format!("`{name}`"));
                    Seen::NotDone(format!(
                        "array `{}` shows CHAP name {shown} for host `{host}`",
                        array.label()
                    ))
                })
            },
        )
        .await?;
    log::info!(array = array.label(), host = host.as_str(); "CHAP secret set");
    Ok(chap)
}

/// What this machine logs in with where it is `host`, whether or not the array knows.
pub(super) fn own(inner: &Inner, host: &HostName) -> Result<Chap, Cause> {
    let own = inner.index.chap()?;
    Ok(Chap {
        user: format!("{host}.{}", own.id),
        secret: own.secret,
    })
}
