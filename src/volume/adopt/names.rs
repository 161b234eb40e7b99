//! By which name a volume of the python plugin is known, and by which it may go on.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    inform::Vv,
    model::{Comment, PythonComment, RequestId, VolumeName, VvName},
    volume::{
        UserError,
        error::Cause,
        inner::Inner,
        known::{self, Known},
        taken::NotTaken,
    },
};

use super::{Adoptable, AdoptionList};

/// What Docker called it, by its comment, or by the one that it had before another host began to adopt it.
pub(super) fn before(inner: &Inner, vv: &Vv) -> Result<VolumeName, NotTaken> {
    let half_way = vv.comment.as_deref().and_then(|text| {
        let comment = Comment::parse(text).ok();
        comment.filter(|ours| ours.was.as_ref() == Some(&vv.name))
    });
    let old = match half_way {
        Some(ours) if ours.op.machine == inner.machine => {
            return Err(NotTaken::NoName(
                "was being adopted by this host, which has no record of that any more: it may have left a remote copy group, and its copy be called `….old` on the other array"
                    .to_owned(),
            ));
        }
        Some(ours) => ours.old,
        None => vv.comment.clone(),
    };
    let Some(text) = old else {
        return Err(NotTaken::NoName(
            "has no comment, as clones of the python plugin have none: what Docker called it is not known".to_owned(),
        ));
    };
    let comment = PythonComment::parse(&text).ok_or_else(|| {
        NotTaken::NoName("has a comment that is not the python plugin's".to_owned())
    })?;
    VolumeName::new(&comment.display_name)
        .map_err(|why| NotTaken::NoName(format!("has a name in Docker that is none here: {why}")))
}

/// True for its name on the array, and for the one that it had in Docker.
pub(super) fn goes_by(vv: &VvName, was: Option<&VolumeName>, which: &str) -> bool {
    vv.as_str() == which || was.is_some_and(|was| was.as_str() == which)
}

/// The one that goes by this name.
pub(super) fn only_one<'a>(
    listed: &'a AdoptionList,
    which: &str,
) -> Result<&'a Adoptable, UserError> {
    let it = |item: &&Adoptable| goes_by(&item.vv, item.was.as_ref(), which);
    let found: Vec<&Adoptable> = listed.all.iter().filter(it).collect();
    let fit: Vec<&Adoptable> = found
        .iter()
        .copied()
        .filter(|item| item.fit.is_ok())
        .collect();
    let Some(first) = fit.first().or(found.first()).copied() else {
        return Err(UserError {
            message: format!(
                "the python plugin has no volume `{which}` on any array that was asked"
            ),
            hint: Some(
                "see `hpe3par-docker volume adopt --all --dry-run`; what is adopted is in `docker volume ls`".to_owned(),
            ),
        });
    };
    let vvs: BTreeSet<&VvName> = found.iter().map(|item| &item.vv).collect();
    let hint = if vvs.len() > 1 {
        "say which by its name on the array, and what it is to be called: `hpe3par-docker volume adopt <VV> --name <name>`".to_owned()
    } else if places(&fit).len() > 1 {
        // Copies of one volume: which of them is current only a person knows.
        format!(
            "find out which of them has the data that are wanted, and call the other one otherwise on its array: `setvv -name <other name> {}`",
            first.vv
        )
    } else {
        return Ok(first);
    };
    Err(UserError {
        message: format!(
            "the python plugin has more than one volume `{which}`: {}",
            told(&found)
        ),
        hint: Some(hint),
    })
}

/// Docker has one volume of a name. Which of two the python plugin meant only its database knew, and it may be the one that cannot be
/// taken now.
pub(super) fn refuse_equal_names(all: &mut [Adoptable]) {
    let mut by_name: BTreeMap<&VolumeName, Vec<&Adoptable>> = BTreeMap::new();
    for item in all.iter() {
        if let Some(was) = &item.was {
            by_name.entry(was).or_default().push(item);
        }
    }
    by_name.retain(|_, same| !are_one(same));
    let several: BTreeMap<VolumeName, String> = by_name
        .into_iter()
        .map(|(name, same)| (name.clone(), told(&same)))
        .collect();
    for item in all.iter_mut() {
        let Some((was, same)) = item.was.as_ref().and_then(|was| several.get_key_value(was)) else {
            continue;
        };
        item.name = Err(NotTaken::NoName(format!(
            "was called `{was}` in Docker, and so were others: {same}"
        )));
    }
}

/// True for what is on one array once, and for the copies of a replicated volume, which have one name on both arrays. As soon as one of
/// those could be taken, the other one may be what is meant.
fn are_one(same: &[&Adoptable]) -> bool {
    let vvs: BTreeSet<&VvName> = same.iter().map(|item| &item.vv).collect();
    let none_fits = same.iter().all(|item| item.fit.is_err());
    places(same).len() == 1 || vvs.len() == 1 && none_fits
}

/// Two logins may see one VV.
fn places<'a>(items: &[&'a Adoptable]) -> BTreeSet<(&'a VvName, &'a str)> {
    let places = items.iter().map(|item| (&item.vv, item.array.as_str()));
    places.collect()
}

fn told(items: &[&Adoptable]) -> String {
    let all = places(items).into_iter();
    let all = all.map(|(vv, array)| format!("`{vv}` on array `{array}`"));
    all.collect::<Vec<_>>().join(", ")
}

/// Whether nothing has the name that one is to get, as far as that can be told before the name is given: an adoption asks again.
pub(super) async fn is_free(
    inner: &Inner,
    request: &RequestId,
    item: &Adoptable,
    name: &VolumeName,
) -> Result<(), NotTaken> {
    let taken =
        |why: &dyn std::fmt::Display| NotTaken::NoName(format!("cannot be called `{name}`: {why}"));
    if inner.index.get(name).is_some() {
        return Err(taken(&"Docker has a volume of that name"));
    }
    // Without one it is not fit, which says more.
    let Some(backend) = &item.backend else {
        return Ok(());
    };
    let backend = inner.backend(backend).map_err(|cause| taken(&cause))?;
    let vv = name.vv_name(&inner.namespace);
    let own = known::look(inner, &backend.for_request(request), &vv).await;
    if let Known::Ours(..) = own.map_err(|cause| taken(&cause))? {
        return Err(taken(&format!("array `{}` has it", backend.array.label())));
    }
    for other in inner.other_arrays(backend) {
        match known::look(inner, &other.for_request(request), &vv).await {
            // Somebody else's VV of that name there is in nobody's way here.
            Ok(Known::Absent) | Err(Cause::ForeignVv { .. } | Cause::Copy { .. }) => {}
            // It is named already.
            Err(cause) if cause.is_unreachable() => {}
            Ok(Known::Ours(..)) => {
                return Err(taken(&format!("array `{}` has it", other.array.label())));
            }
            Err(cause) => return Err(taken(&cause)),
        }
    }
    Ok(())
}
