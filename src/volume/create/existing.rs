//! What is there already under the name of a volume that is to be made: the volume itself, another host's, or something half
//! made.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    index::{IndexedVolume, JournalEntry, OpKind},
    inform::{Vv, VvQuery},
    model::{Comment, CreateVolume, RequestId, Side, State, VvName},
    replication::Acting,
    volume::{
        backend::Backend,
        error::Cause,
        groups,
        inner::Inner,
        kill_points::Doing,
        known::{self, Found, Known},
        listing, recover,
        steps::Intent,
        whose::{View, Whose},
    },
};

/// How long another host's unfinished create is waited for.
const OTHERS_TURN: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Is a volume of the index still on its array? Another host may have removed it since the last listing. An array that cannot be
/// asked is believed to be as it was.
///
/// # Errors
/// [`Cause::HalfThere`] if only its copy is.
pub(super) async fn still_there(
    inner: &Inner,
    request: &RequestId,
    known: &IndexedVolume,
) -> Result<bool, Cause> {
    let backend = inner.backend(&known.backend)?.for_request(request);
    let there = match known::look(inner, &backend, &known.vv).await {
        Ok(Known::Absent) => {
            no_copy(&backend, known).await?;
            false
        }
        Ok(Known::Ours(vv, _)) => known.wwn.as_ref().is_none_or(|wwn| *wwn == vv.wwn),
        Err(cause) if cause.is_unreachable() => {
            copy_is_there(&backend, known).await?;
            true
        }
        Err(cause) => return Err(cause),
    };
    if !there {
        if let Some(mountpoint) = inner.mounted(&known.name) {
            return Err(Cause::MountedHere(mountpoint.display().to_string()));
        }
        log::info!(volume = known.name.as_str(), vv = known.vv.as_str(); "volume is gone from the array");
        inner.forget(&known.name)?;
    }
    Ok(there)
}

/// The own array of a known volume cannot be asked. Where its peer says that the copy is gone, the volume is, too, or half of it: nobody
/// knows.
async fn copy_is_there(backend: &Backend, known: &IndexedVolume) -> Result<(), Cause> {
    let (Some(pair), Some(copy)) = (&backend.pair, &known.copy_wwn) else {
        return Ok(());
    };
    match pair.peer.showvv(VvQuery::Name(&known.vv)).await {
        Ok(found) if found.iter().any(|vv| vv.wwn == *copy) => Ok(()),
        Ok(_) => Err(Cause::NotKnown(format!(
            "array `{}` has no copy of it any more, and array `{}` cannot be asked",
            pair.peer.label(),
            backend.array.label()
        ))),
        Err(error) if error.is_unreachable() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What a known volume had on the peer is gone as well.
async fn no_copy(backend: &Backend, known: &IndexedVolume) -> Result<(), Cause> {
    let (Some(pair), Some(copy)) = (&backend.pair, &known.copy_wwn) else {
        return Ok(());
    };
    let found = pair.peer.showvv(VvQuery::Name(&known.vv)).await?;
    match found.first() {
        Some(vv) if vv.wwn == *copy => Err(Cause::HalfThere {
            array: pair.peer.label().to_owned(),
            missing: backend.array.label().to_owned(),
            vv: known.vv.clone(),
        }),
        _ => Ok(()),
    }
}

/// A name is one volume, whichever backend it is on: the other arrays are asked too. For one that cannot be asked its peers tell, and its
/// last listing, which the index holds.
pub(super) async fn check_other_arrays(
    inner: &Inner,
    request: &RequestId,
    backend: &Backend,
    asked: &CreateVolume,
) -> Result<(), Cause> {
    for other in inner.other_arrays(backend) {
        let other = other.for_request(request);
        let vv = asked.name.vv_name(&inner.namespace);
        let look = known::look(inner, &other, &vv);
        match inner.points.around(Doing::Look, "vv", look).await {
            Ok(Known::Absent) => {}
            Ok(Known::Ours(..)) => return Err(taken_by(&other, asked)),
            // Somebody else's VV of that name there is in nobody's way here.
            Err(Cause::ForeignVv { .. } | Cause::Copy { .. }) => {}
            Err(cause) if cause.is_unreachable() => {
                log::warn!(volume = asked.name.as_str(), array = other.array.label(), cause:% = cause;
                    "could not ask whether the name is taken there; its peer and its last listing decide");
                check_copies(inner, request, &other, asked, &vv).await?;
            }
            Err(cause) => return Err(cause),
        }
    }
    Ok(())
}

/// The copies of what may be on an array that cannot be asked.
async fn check_copies(
    inner: &Inner,
    request: &RequestId,
    other: &Backend,
    asked: &CreateVolume,
    vv: &VvName,
) -> Result<(), Cause> {
    let Some(login) = inner.login(&other.array) else {
        return Ok(());
    };
    for peer in inner.peers_of(&login) {
        let view = View::new(inner, request, &peer);
        match known::find(inner, &view, vv).await {
            Ok(Found::Here(_, _, Whose::CopyOf(of, _)))
                if of.array.label() == other.array.label() =>
            {
                return Err(taken_by(of, asked));
            }
            // It is for a person to look: nobody can say now whose it is.
            Err(cause @ Cause::NotKnown(_)) => return Err(cause),
            Ok(_) | Err(Cause::ForeignVv { .. }) => {}
            Err(cause) if cause.is_unreachable() => {}
            Err(cause) => return Err(cause),
        }
    }
    Ok(())
}

fn taken_by(other: &Backend, asked: &CreateVolume) -> Cause {
    Cause::DifferentOptions(format!("backend: {}, not {}", other.name, asked.backend))
}

/// What is under the VV's name now. Another host's unfinished create is waited for, a little; our own is taken away.
pub(super) async fn look(
    inner: &Inner,
    request: &RequestId,
    backend: &Backend,
    vv: &VvName,
    asked: &CreateVolume,
) -> Result<Known, Cause> {
    let give_up = tokio::time::Instant::now() + OTHERS_TURN;
    loop {
        let look = known::look(inner, backend, vv);
        match inner.points.around(Doing::Look, "vv", look).await? {
            Known::Absent => return Ok(Known::Absent),
            Known::Ours(vv, comment) if comment.state == State::Ready => {
                return Ok(Known::Ours(vv, comment));
            }
            Known::Ours(_, comment) if comment.op.machine == inner.machine => {
                // The journal entry went with the state directory; the comment still says whose it is to clean up.
                let entry = leftover(inner, request, backend, asked, &comment).await?;
                let (kind, op) = (entry.kind.to_string(), entry.op.to_string());
                inner.index.begin(entry.clone())?;
                recover::end(inner, request, entry)
                    .await
                    .map_err(|cause| Cause::Unfinished {
                        kind,
                        op,
                        why: cause.to_string(),
                    })?;
            }
            Known::Ours(_, comment) => {
                if tokio::time::Instant::now() >= give_up {
                    return Err(Cause::busy(&inner.machine, &comment));
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
    }
}

/// What the journal would have said of an unfinished operation of this machine. Whether it stopped its group only the group's lock
/// can tell now.
async fn leftover(
    inner: &Inner,
    request: &RequestId,
    backend: &Backend,
    asked: &CreateVolume,
    comment: &Comment,
) -> Result<JournalEntry, Cause> {
    let vv = asked.name.vv_name(&inner.namespace);
    // Which group it was to be in, only the group itself can tell.
    let group = match &backend.pair {
        Some(pair) => pair
            .source
            .showrcopy_groups()
            .await?
            .into_iter()
            .find(|group| group.holds(&vv))
            .map(|group| group.name),
        None => None,
    };
    let (kind, mut intents) = match comment.state {
        State::Removing => (
            OpKind::Remove,
            vec![Intent::MarkRemoving, Intent::LockGroup, Intent::StopGroup],
        ),
        State::Making | State::Ready => (
            OpKind::Create,
            vec![
                Intent::MakeVv,
                Intent::LockGroup,
                Intent::StopGroup,
                Intent::Admit,
            ],
        ),
    };
    if comment.group_is_ours && kind == OpKind::Create {
        intents.push(Intent::MakeGroup);
    }
    let made = CreateVolume {
        replication_group: group.clone(),
        ..asked.clone()
    };
    let mut facts = BTreeMap::new();
    if let (Some(group), Some(pair)) = (group, &backend.pair) {
        // The VV was found on the source.
        let acting = Acting {
            side: Side::Source,
            array: pair.source.clone(),
            other: pair.peer.clone(),
            group: group.clone(),
            target: pair.wants.target.clone(),
        };
        let known = groups::facts(&acting, &group);
        facts.extend(known.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
    Ok(JournalEntry {
        op: comment.op.clone(),
        steps: intents.iter().map(ToString::to_string).collect(),
        facts,
        request: serde_json::to_value(made).unwrap_or_default(),
        ..inner.new_entry(request, kind, &asked.name, backend)
    })
}

/// A volume that another host made: taken into the index, if it is what was asked for.
pub(super) async fn take_over(
    inner: &Inner,
    request: &RequestId,
    backend: &Backend,
    asked: &CreateVolume,
    vv: &Vv,
    comment: &Comment,
) -> Result<(), Cause> {
    let login = inner.login(&backend.array);
    let login = login.ok_or_else(|| Cause::NoSuchBackend(backend.name.clone()))?;
    let view = View::new(inner, request, &login);
    let entry = listing::entry(inner, &view, vv, comment, &Whose::Own).await?;
    let (by_group, mut volume) = entry.ok_or_else(|| known::other_login(vv))?;
    // Several backends may have one array; which of those without replication it was made for is not written there.
    if by_group.pair.is_some() == backend.pair.is_some() {
        volume.backend = backend.name.clone();
        volume.options.backend = backend.name.clone();
    }
    same_on_the_array(&volume, asked)?;
    inner.write("volume", |index| index.put(volume))
}

/// Is a volume that is there already what was asked for? A CPG that was not asked for may be any: what it is was decided when the
/// volume was made. The snapshot CPG of an array that has none is not compared.
pub(super) fn same_or_error(is: &CreateVolume, asked: &CreateVolume) -> Result<(), Cause> {
    let mut comparable = asked.clone();
    comparable.cpg = asked.cpg.clone().or_else(|| is.cpg.clone());
    comparable.snap_cpg = asked
        .snap_cpg
        .clone()
        .filter(|_| is.snap_cpg.is_some())
        .or_else(|| is.snap_cpg.clone());
    let differences = is.differences(&comparable);
    if differences.is_empty() {
        Ok(())
    } else {
        Err(Cause::DifferentOptions(differences.join(", ")))
    }
}

/// As [`same_or_error`], by what the array itself tells.
fn same_on_the_array(is: &IndexedVolume, asked: &CreateVolume) -> Result<(), Cause> {
    let mut comparable = asked.clone();
    comparable.mount_conflict_delay = is.options.mount_conflict_delay;
    same_or_error(&is.options, &comparable)
}
