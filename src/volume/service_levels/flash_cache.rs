//! Whether reads of a volume are kept in the array's flash cache: a policy of a VV set, which has this volume alone and goes with it.

use crate::{
    inform::{Array, ArrayError, VvSet},
    model::{FlashCache, SetName, VvName},
    volume::{
        error::Cause,
        steps::{Intent, Seen, Steps},
    },
};

use super::{ServiceLevelError, join, part, set_is_gone};

/// What the comment of the set begins with; the VV follows.
const MARK: &str = "dkf1/vv=";
/// What it needs (array fact 124).
const LICENCE: &str = "Adaptive Flash Cache";

/// Why the array keeps nothing in a flash cache; none if it can.
pub(super) async fn why_none(
    steps: &Steps,
    array: &Array,
) -> Result<Option<ServiceLevelError>, Cause> {
    let label = || array.label().to_owned();
    if !array.release().await?.has_flash_cache() {
        return Ok(Some(ServiceLevelError::NoFlashCache { array: label() }));
    }
    match steps.look("licences", array.showlicense()).await {
        Ok(licences) if licences.may_allow(LICENCE) => Ok(None),
        Ok(_) => Ok(Some(ServiceLevelError::NotLicensed {
            array: label(),
            licence: LICENCE,
        })),
        // `setflashcache` itself is refused without the licence.
        Err(Cause::Array(
            error @ (ArrayError::Unrecognised { .. }
            | ArrayError::Truncated { .. }
            | ArrayError::Refused { .. }),
        )) => {
            log::warn!(array = array.label(), error:% = error;
                "what the array says of its licences is not understood: that for flash cache was not checked");
            Ok(None)
        }
        Err(cause) => Err(cause),
    }
}

/// Tells the flash cache what to do with the VV, by a set of the VV's own. What an array does not have is off already.
pub(super) async fn set(
    steps: &mut Steps,
    array: &Array,
    vv: &VvName,
    on: bool,
) -> Result<(), Cause> {
    if !on && why_none(steps, array).await?.is_some() {
        return Ok(());
    }
    let set = SetName::of_flash_cache(vv);
    let mark = format!("{MARK}{vv}");
    let found = steps.look("set", array.showvvset(Some(&set))).await?;
    match found.first() {
        None => {
            let members = [vv.clone()];
            let make = array.createvvset(&set, Some(&mark), &members);
            let is_there = || async {
                let found = array.showvvset(Some(&set)).await?;
                Ok(match found.first() {
                    Some(set) if is_its(set, vv) && set.members.contains(vv) => Seen::Done(()),
                    _ => Seen::NotDone(format!(
                        "array `{}` has no VV set `{set}` with it",
                        array.label()
                    )),
                })
            };
            steps.act(Intent::MakeFlashSet, make, is_there).await?;
        }
        Some(is) if is_its(is, vv) && is.members.contains(vv) => {}
        Some(is) if is_its(is, vv) => join(steps, array, vv, &set).await?,
        Some(_) => {
            return Err(ServiceLevelError::ForeignSet {
                array: array.label().to_owned(),
                set,
            }
            .into());
        }
    }
    let policy = if on {
        FlashCache::Enable
    } else {
        FlashCache::Disable
    };
    let is_set = || async {
        Ok(match array.showflashcache_vvset(&set).await {
            Ok(is) if is == policy => Seen::Done(()),
            Ok(is) => Seen::NotDone(format!("VV set `{set}` says `{is}`")),
            // How an array lists it is a guess (array fact 124), and it did not refuse.
            Err(error @ ArrayError::Unrecognised { .. }) => {
                log::warn!(set = set.as_str(), array = array.label(), error:% = error;
                    "whether flash cache is set cannot be read back");
                Seen::Done(())
            }
            Err(error) => return Err(error),
        })
    };
    steps
        .act(
            Intent::SetFlashCache,
            array.setflashcache(&set, policy),
            is_set,
        )
        .await
}

/// True for the set that this plugin made for this VV.
pub(super) fn is_its(set: &VvSet, vv: &VvName) -> bool {
    set.comment.as_deref() == Some(&format!("{MARK}{vv}"))
}

/// Removes the VV's own set, if there is one. One that others are in is left to them.
pub(super) async fn remove_set(steps: &mut Steps, array: &Array, vv: &VvName) -> Result<(), Cause> {
    let set = SetName::of_flash_cache(vv);
    let found = steps.look("set", array.showvvset(Some(&set))).await?;
    let Some(found) = found.first().filter(|set| is_its(set, vv)) else {
        return Ok(());
    };
    if found.members.iter().any(|member| member != vv) {
        log::warn!(set = set.as_str(), array = array.label();
            "somebody put other volumes into the set of this one: the set is left to them");
        return part(steps, array, vv, &set, &found.members).await;
    }
    let gone = || set_is_gone(array, &set);
    steps
        .act(Intent::RemoveFlashSet, array.removevvset(&set), gone)
        .await
}
