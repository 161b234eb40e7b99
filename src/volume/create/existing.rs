//! What is there already under the name of a volume that is to be made: the volume itself, another host's, or something half
//! made.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use crate::{
    index::{IndexedVolume, JournalEntry, OpKind},
    inform::{Vv, VvQuery},
    model::{Comment, CreateVolume, ImportPolicy, RequestId, Side, Source, State, VvName},
    replication::Acting,
    volume::{
        backend::Backend,
        error::Cause,
        groups,
        inner::Inner,
        kill_points::Doing,
        known::{self, Found, Known},
        listing,
        lookup::{self, LOOK},
        recover,
        remove::release,
        service_levels,
        steps::Intent,
        taken::Was,
        whose::{View, Whose},
    },
};

/// How long another host's unfinished create is waited for.
const OTHERS_TURN: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What became of a volume of the index.
#[derive(Debug)]
pub(super) enum Still {
    /// It is there.
    There,
    /// It is being removed, or made anew, which [`look`] waits for.
    Changing(Box<Comment>),
    /// It is not, and is forgotten.
    Gone,
}

/// Is a volume of the index still on its array? Another host may have removed it since the last listing. An array that cannot be
/// asked is believed to be as it was.
///
/// # Errors
/// [`Cause::HalfThere`] if only its copy is.
pub(super) async fn still_there(
    inner: &Inner,
    request: &RequestId,
    known: &IndexedVolume,
) -> Result<Still, Cause> {
    let backend = inner.backend_of(known)?.for_request(request);
    match known::look(inner, &backend, &known.vv).await {
        Ok(Known::Absent) => no_copy(&backend, known).await?,
        Ok(Known::Ours(vv, comment)) => {
            let wwn = known.wwn_on(backend.side());
            if wwn.is_none_or(|wwn| *wwn == vv.wwn) {
                return Ok(match comment.state.is_there() {
                    true => Still::There,
                    false => Still::Changing(comment),
                });
            }
        }
        Err(cause) if cause.is_unreachable() => {
            copy_is_there(inner, &backend, known).await?;
            return Ok(Still::There);
        }
        Err(cause) => return Err(cause),
    }
    if let Some(mountpoint) = inner.mounted(&known.name) {
        return Err(Cause::MountedHere(mountpoint.display().to_string()));
    }
    log::info!(volume = known.name.as_str(), vv = known.vv.as_str(); "volume is gone from the array");
    inner.forget(&known.name)?;
    Ok(Still::Gone)
}

/// The own array of a known volume cannot be asked. Where its peer says that the copy is gone, the volume is, too, or half of it: nobody
/// knows. A copy that is being removed is no proof of it, either.
async fn copy_is_there(
    inner: &Inner,
    backend: &Backend,
    known: &IndexedVolume,
) -> Result<(), Cause> {
    let (Some(pair), Some(copy)) = (&backend.pair, &known.copy_wwn) else {
        return Ok(());
    };
    match pair.peer.showvv(VvQuery::Name(&known.vv)).await {
        Ok(found) if found.iter().any(|vv| vv.wwn == *copy) => {
            let copy = found
                .iter()
                .find_map(|vv| known::judge(inner, &pair.peer, vv).ok());
            match copy {
                Some(comment) if !comment.state.is_there() => {
                    Err(Cause::busy(&inner.machine, &comment))
                }
                _ => Ok(()),
            }
        }
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

/// A name is one volume, whichever backend it is on: the other arrays are asked too, all at once. For one that cannot be asked, or is silent, its
/// peers tell, and its last listing, which the index holds.
pub(super) async fn check_other_arrays(
    inner: &Inner,
    request: &RequestId,
    backend: &Backend,
    asked: &CreateVolume,
) -> Result<(), Cause> {
    let others = inner.other_arrays(backend).into_iter();
    let checks = others.map(|other| check_other_array(inner, request, other, asked));
    join_all(checks).await.into_iter().collect()
}

async fn check_other_array(
    inner: &Inner,
    request: &RequestId,
    other: &Backend,
    asked: &CreateVolume,
) -> Result<(), Cause> {
    let other = other.for_request(request);
    let vv = asked.name.vv_name(&inner.namespace);
    let look = known::look(inner, &other, &vv);
    let look = inner.points.around(Doing::Look, "vv", look);
    let why = match timeout(LOOK, look).await {
        Ok(Ok(Known::Absent)) => return Ok(()),
        Ok(Ok(Known::Ours(..))) => return Err(taken_by(&other, asked)),
        // Somebody else's VV of that name there is in nobody's way here.
        Ok(Err(Cause::ForeignVv { .. } | Cause::Copy { .. })) => return Ok(()),
        Ok(Err(cause)) if cause.is_unreachable() => cause.to_string(),
        Ok(Err(cause)) => return Err(cause),
        Err(_) => lookup::silent(&other.array),
    };
    log::warn!(volume = asked.name.as_str(), array = other.array.label(), cause = why.as_str();
        "could not ask whether the name is taken there; its peer and its last listing decide");
    check_copies(inner, request, &other, asked, &vv).await
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
    let peers = inner.peers_of(&login);
    let looks = peers.iter().map(|peer| async move {
        let view = View::new(inner, request, peer);
        // One that is silent, too, tells nothing.
        let Ok(found) = timeout(LOOK, known::find(inner, &view, vv)).await else {
            return Ok(());
        };
        match found {
            Ok(Found::Here(_, _, Whose::CopyOf(of, _)))
                if of.array.label() == other.array.label() =>
            {
                Err(taken_by(of, asked))
            }
            // It is for a person to look: nobody can say now whose it is.
            Err(cause @ Cause::NotKnown(_)) => Err(cause),
            Ok(_) | Err(Cause::ForeignVv { .. }) => Ok(()),
            Err(cause) if cause.is_unreachable() => Ok(()),
            Err(cause) => Err(cause),
        }
    });
    join_all(looks).await.into_iter().collect()
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
    let mut was_ended = false;
    loop {
        let look = known::look(inner, backend, vv);
        match inner.points.around(Doing::Look, "vv", look).await? {
            Known::Absent => return Ok(Known::Absent),
            Known::Ours(vv, comment) if comment.state.is_there() => {
                return Ok(Known::Ours(vv, comment));
            }
            // What was ended and is there all the same is not gone round for ever.
            Known::Ours(_, comment) if was_ended => {
                return Err(Cause::busy(&inner.machine, &comment));
            }
            Known::Ours(vv, comment) if comment.op.machine == inner.machine => {
                was_ended = true;
                // The journal entry went with the state directory; the comment still says whose it is to clean up.
                let entry = leftover(inner, request, backend, asked, &vv, &comment).await?;
                inner.index.begin(entry.clone())?;
                recover::end(inner, request, entry.clone())
                    .await
                    .map_err(|cause| Cause::unfinished(&entry, cause))?;
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
    found: &Vv,
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
        State::Making | State::Copying | State::Ready => (
            OpKind::Create,
            vec![
                Intent::MakeVv,
                Intent::LockGroup,
                Intent::StopGroup,
                Intent::Admit,
                Intent::MarkReady,
            ],
        ),
    };
    if comment.group_is_ours && kind == OpKind::Create {
        intents.push(Intent::MakeGroup);
    }
    let mut made = CreateVolume {
        replication_group: group.clone(),
        ..asked.clone()
    };
    let entry = inner.new_entry(request, kind, &asked.name, backend);
    let mut facts = entry.facts.clone();
    let (further, known) = service_levels::left(comment);
    intents.extend(further);
    facts.extend(known);
    if let Some(was) = Was::told(found, comment) {
        // It was there before, and stays.
        intents.retain(|intent| *intent != Intent::MakeVv);
        if kind == OpKind::Create {
            intents.extend([Intent::TakeVv, Intent::Rename]);
        }
        made.source = Source::Import {
            vv: was.name.clone(),
            policy: comment.import.unwrap_or_default(),
        };
        let known = match (kind, comment.import) {
            (OpKind::Remove, Some(policy @ ImportPolicy::Release)) => release::facts(&was, policy),
            (OpKind::Remove, _) => Vec::new(),
            _ => was.facts().into_iter().map(owned).collect(),
        };
        facts.extend(known);
    }
    if let (Some(group), Some(pair)) = (group, &backend.pair) {
        // The VV was found on the source.
        let acting = Acting {
            side: Side::Source,
            array: pair.source.clone(),
            other: pair.peer.clone(),
            group: group.clone(),
            target: pair.wants.target.clone(),
        };
        facts.extend(groups::facts(&acting, &group).map(owned));
    }
    Ok(JournalEntry {
        op: comment.op.clone(),
        steps: intents.iter().map(ToString::to_string).collect(),
        facts,
        request: serde_json::to_value(made).unwrap_or_default(),
        ..entry
    })
}

fn owned((key, value): (&str, &str)) -> (String, String) {
    (key.to_owned(), value.to_owned())
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
    let known = inner.index.get(&comment.name);
    let whose = view.whose(vv, comment, known.as_ref()).await?;
    let entry = listing::entry(inner, &view, vv, comment, &whose).await?;
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
pub(super) fn same_or_error(known: &IndexedVolume, asked: &CreateVolume) -> Result<(), Cause> {
    let is = &known.made_as();
    let mut comparable = asked.filled_from(is);
    if known.created.is_none() {
        // It was made elsewhere, and this is what its array tells. That does not tell whether it compresses, nor, where one side is
        // all that was seen, whether there is another.
        comparable.compression = is.compression;
        if let (Source::Snapshot(is), Source::Snapshot(asked)) =
            (&is.source, &mut comparable.source)
        {
            asked.both &= is.both;
        }
    }
    if is.snap_cpg.is_none() {
        comparable.snap_cpg = None;
    }
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
    same_or_error(is, &comparable)
}
