//! Service levels of a volume: the VV set whose QoS rule holds for it, and flash cache (V2). Both go by VV sets. The one with a rule is an
//! administrator's, which the volume joins and leaves; the one for flash cache is the plugin's own, with this volume alone (`flash_cache`). What
//! HPE's python plugin made of that kind is in `python`.

mod error;
mod flash_cache;
pub(super) mod python;

use serde_json::{Value, json};

use crate::{
    inform::{Array, ArrayError, ExportedVv, QosRule, VlunQuery, VlunTemplate},
    model::{Comment, CreateVolume, GroupName, ImportPolicy, SetName, VvName},
};

use super::{
    backend::Backend,
    error::Cause,
    exports,
    steps::{Intent, Seen, Steps},
};

pub use error::ServiceLevelError;

/// Says in the journal which set with a rule a volume joins.
const QOS: &str = "qos set";
/// Sets that the array keeps of a remote copy group, and takes the volume out of by itself.
const OF_A_GROUP: &str = "RCP_";

/// What a volume is to have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ServiceLevel {
    qos: Option<SetName>,
    flash_cache: Option<bool>,
}

impl ServiceLevel {
    /// What was asked for.
    pub fn asked(asked: &CreateVolume) -> Self {
        Self {
            qos: asked.qos.clone(),
            flash_cache: asked.flash_cache,
        }
    }

    /// What a volume has, by its comment, and loses when it goes. A set that an imported VV was in before is left only with the VV itself.
    pub fn of(comment: &Comment) -> Self {
        let is_removed = comment.import == Some(ImportPolicy::Own);
        let was_in = comment.was_in.as_ref().filter(|_| is_removed);
        Self {
            qos: comment.qos.as_ref().or(was_in).cloned(),
            flash_cache: comment.flash_cache,
        }
    }

    /// The VV is neither put into a set with a rule, nor taken out of it.
    pub fn leave_set_alone(&mut self) {
        self.qos = None;
    }
}

/// Looks at what can be refused, before anything is made. `array`: the one that makes it, which after a failover is the peer, and may
/// run another InForm OS than the backend's own.
///
/// # Errors
/// [`ServiceLevelError`].
pub(super) async fn check(steps: &Steps, array: &Array, level: &ServiceLevel) -> Result<(), Cause> {
    let label = || array.label().to_owned();
    if level.flash_cache == Some(true)
        && let Some(why) = flash_cache::why_none(steps, array).await?
    {
        return Err(why.into());
    }
    let Some(set) = level.qos.clone() else {
        return Ok(());
    };
    let found = steps.look("set", array.showvvset(Some(&set))).await?;
    if found.is_empty() {
        let array = label();
        return Err(ServiceLevelError::NoSuchSet { array, set }.into());
    }
    match steps.look("rule", array.showqos(Some(&set))).await {
        Ok(rules) if rules.is_empty() => {
            let array = label();
            return Err(ServiceLevelError::NoRule { array, set }.into());
        }
        Ok(_) => {}
        // How an array lists its rules is a guess (array fact 123). The set is there, and was named.
        Err(Cause::Array(ArrayError::Unrecognised { .. } | ArrayError::Truncated { .. })) => {
            log::warn!(set = set.as_str(), array = array.label();
                "what the array says of QoS rules is not understood: whether the set has one was not checked");
        }
        Err(cause) => return Err(cause),
    }
    must_not_be_exported(steps, array, &set).await
}

async fn exports_of(
    steps: &Steps,
    array: &Array,
    set: &SetName,
) -> Result<Vec<VlunTemplate>, Cause> {
    let mut all = steps
        .look("exports", array.showvlun_t(VlunQuery::All))
        .await?;
    all.retain(|template| template.vv == ExportedVv::Set(set.clone()));
    Ok(all)
}

/// Whoever sees the volumes of a set would see one that joins it.
async fn must_not_be_exported(steps: &Steps, array: &Array, set: &SetName) -> Result<(), Cause> {
    let seen = exports_of(steps, array, set).await?;
    if seen.is_empty() {
        return Ok(());
    }
    Err(ServiceLevelError::SetExported {
        array: array.label().to_owned(),
        set: set.clone(),
        to: exports::names(&seen),
    }
    .into())
}

/// True if a VV that somebody else has made is in the set that was asked for already.
pub(super) async fn is_in_its_set(
    steps: &Steps,
    array: &Array,
    vv: &VvName,
    level: &ServiceLevel,
) -> Result<bool, Cause> {
    let Some(set) = &level.qos else {
        return Ok(false);
    };
    let sets = steps.look("sets", array.showvvset_of(vv)).await?;
    Ok(sets.iter().any(|is| is.name == *set))
}

/// Gives the VV what was asked for. What it has already is not done again.
pub(super) async fn give(
    steps: &mut Steps,
    array: &Array,
    vv: &VvName,
    level: &ServiceLevel,
) -> Result<(), Cause> {
    if let Some(on) = level.flash_cache {
        flash_cache::set(steps, array, vv, on).await?;
    }
    if let Some(set) = &level.qos {
        let sets = steps.look("sets", array.showvvset_of(vv)).await?;
        if !sets.iter().any(|is| is.name == *set) {
            join(steps, array, vv, set).await?;
        }
    }
    Ok(())
}

async fn join(steps: &mut Steps, array: &Array, vv: &VvName, set: &SetName) -> Result<(), Cause> {
    steps.record(&[(QOS, set.as_str())])?;
    let members = [vv.clone()];
    let join = array.createvvset_add(set, &members);
    steps
        .act(Intent::JoinSet, join, || is_member(array, set, vv, true))
        .await
}

async fn is_member(
    array: &Array,
    set: &SetName,
    vv: &VvName,
    wanted: bool,
) -> Result<Seen<()>, ArrayError> {
    let found = array.showvvset(Some(set)).await?;
    let is = found.iter().any(|set| set.members.contains(vv));
    let word = if is { "is" } else { "is not" };
    Ok(if is == wanted {
        Seen::Done(())
    } else {
        Seen::NotDone(format!(
            "`{vv}` {word} in VV set `{set}` on array `{}`",
            array.label()
        ))
    })
}

/// The rule that holds for a volume, for an inspect.
pub(super) async fn shown(array: &Array, set: &SetName) -> Value {
    shown_rule(set, array.showqos(Some(set)).await)
}

/// The proof that a set is removed.
async fn set_is_gone(array: &Array, set: &SetName) -> Result<Seen<()>, ArrayError> {
    Ok(if array.showvvset(Some(set)).await?.is_empty() {
        Seen::Done(())
    } else {
        Seen::NotDone(format!(
            "VV set `{set}` is still on array `{}`",
            array.label()
        ))
    })
}

fn shown_rule(set: &SetName, rules: Result<Vec<QosRule>, ArrayError>) -> Value {
    let rule = match rules {
        Ok(rules) => match rules.first() {
            Some(rule) => {
                let limits = &rule.limits;
                json!({
                    "on": rule.on,
                    "I/Os a second": limits.io.map(|io| io.to_string()),
                    "KiB a second": limits.bandwidth.map(|bandwidth| bandwidth.to_string()),
                    "latency in ms": limits.latency_ms,
                    "priority": limits.priority.map(|priority| priority.to_string()),
                })
            }
            None => json!("the set has no rule any more"),
        },
        Err(error) => json!(format!("not known: {error}")),
    };
    json!({ "set": set, "rule": rule })
}

/// A volume that somebody put into a set cannot be removed; the array would say so after its group was stopped.
///
/// # Errors
/// [`ServiceLevelError::InSets`].
pub(super) async fn must_be_in_no_foreign_set(
    steps: &Steps,
    backend: &Backend,
    array: &Array,
    vv: &VvName,
    comment: &Comment,
    group: Option<&GroupName>,
) -> Result<(), Cause> {
    let of_its_group = format!("{OF_A_GROUP}{}", group.map_or("", GroupName::as_str));
    let sets = steps.look("sets", array.showvvset_of(vv)).await?;
    let left = ServiceLevel::of(comment).qos;
    // What was adopted is at home.
    let python = match array.label() == backend.array.label() {
        true => python::find(steps, array, vv, comment).await?,
        false => None,
    };
    let goes = |set: &SetName| Some(set) == left.as_ref() || Some(set) == python.as_ref();
    let foreign: Vec<String> = sets
        .iter()
        .filter(|set| !flash_cache::is_its(set, vv) && !goes(&set.name))
        .filter(|set| !set.name.as_str().starts_with(&of_its_group))
        .map(|set| format!("`{}`", set.name))
        .collect();
    if foreign.is_empty() {
        return Ok(());
    }
    Err(ServiceLevelError::InSets {
        array: array.label().to_owned(),
        sets: foreign.join(", "),
    }
    .into())
}

/// Takes the VV out of the sets that it was put into, on an array that may not have it any more.
pub(super) async fn leave(
    steps: &mut Steps,
    array: &Array,
    vv: &VvName,
    level: &ServiceLevel,
) -> Result<(), Cause> {
    if let Some(set) = &level.qos {
        let found = steps.look("set", array.showvvset(Some(set))).await?;
        let members = found.first().map_or(&[][..], |set| &set.members);
        part(steps, array, vv, set, members).await?;
    }
    if level.flash_cache.is_some() {
        flash_cache::remove_set(steps, array, vv).await?;
    }
    Ok(())
}

/// Takes the VV out of a set, if it is in.
async fn part(
    steps: &mut Steps,
    array: &Array,
    vv: &VvName,
    set: &SetName,
    members: &[VvName],
) -> Result<(), Cause> {
    if !members.contains(vv) {
        return Ok(());
    }
    let it = [vv.clone()];
    let leave = array.removevvset_members(set, &it);
    steps
        .act(Intent::LeaveSet, leave, || is_member(array, set, vv, false))
        .await
}

/// What the journal of an unfinished create would say of the sets of its VV, by the comment.
pub(super) fn left(comment: &Comment) -> (Vec<Intent>, Vec<(String, String)>) {
    let (mut intents, mut facts) = (Vec::new(), Vec::new());
    if let Some(set) = &comment.qos {
        intents.push(Intent::JoinSet);
        facts.push((QOS.to_owned(), set.to_string()));
    }
    if comment.flash_cache.is_some() {
        intents.push(Intent::MakeFlashSet);
    }
    (intents, facts)
}

/// Gives a VV again what it lost when its removal began. What cannot be given now keeps nobody from the volume.
pub(super) async fn give_again(steps: &mut Steps, array: &Array, vv: &VvName, comment: &Comment) {
    let level = ServiceLevel::of(comment);
    let given = async {
        python::join_again(steps, array, vv).await?;
        if level != ServiceLevel::default() {
            check(steps, array, &level).await?;
            give(steps, array, vv, &level).await?;
        }
        Ok(())
    };
    let given: Result<(), Cause> = given.await;
    if let Err(cause) = given {
        log::warn!(vv = vv.as_str(), array = array.label(), cause:% = cause;
            "it is in its VV sets no more, and could not be put back");
    }
}

/// Takes back what an unfinished create gave its VV.
pub(super) async fn undo(
    steps: &mut Steps,
    array: &Array,
    vv: &VvName,
    undone: &mut Vec<String>,
) -> Result<(), Cause> {
    let entry = steps.entry();
    let joined = entry.facts.get(QOS).and_then(|set| set.parse().ok());
    let made = Intent::MakeFlashSet.may_have_happened(entry);
    let level = ServiceLevel {
        qos: joined.filter(|_| Intent::JoinSet.may_have_happened(entry)),
        flash_cache: made.then_some(true),
    };
    if level == ServiceLevel::default() {
        return Ok(());
    }
    leave(steps, array, vv, &level).await?;
    undone.push(format!("VV `{vv}` taken out of its VV sets"));
    Ok(())
}
