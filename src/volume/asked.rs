//! What the two arrays of a backend show of remote copy, each asked once and all at one time: for a person, without an index.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::join_all;
use jiff::Timestamp;

use crate::{
    inform::{Array, ArrayError, RcGroup, RcLink, RcTarget, System},
    model::Side,
    replication::Pair,
};

/// How old an answer may be when the other array's is there at last.
const FRESH: Duration = Duration::from_secs(3);

/// What one array showed of remote copy.
#[derive(Debug, Clone)]
pub struct ArrayShown {
    /// Who it is.
    pub system: System,
    /// The other arrays it knows.
    pub targets: Vec<RcTarget>,
    /// The links to them.
    pub links: Vec<RcLink>,
    /// Its groups.
    pub groups: Vec<RcGroup>,
}

/// One array, asked once.
#[derive(Debug)]
pub struct ArrayAsked {
    /// Its name in messages.
    pub label: String,
    /// What it showed, or why it could not be asked.
    pub answer: Result<ArrayShown, NotAsked>,
    /// When that was.
    pub at: Timestamp,
}

/// Why an array could not be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAsked {
    /// In one line.
    pub why: String,
    /// What a person can do next, if anything is known.
    pub hint: Option<String>,
}

impl fmt::Display for NotAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// The two arrays of a backend, asked at one time.
#[derive(Debug, Clone)]
pub struct PairAsked {
    /// Them.
    pub pair: Pair,
    /// The backend's own.
    pub source: Arc<ArrayAsked>,
    /// That of its `replication_device`.
    pub peer: Arc<ArrayAsked>,
}

/// Asks the arrays of these backends, each once, all at the same time.
pub async fn ask_pairs(pairs: &[Pair], patience: Duration) -> Vec<PairAsked> {
    let mut arrays: Vec<&Array> = Vec::new();
    for array in pairs.iter().flat_map(|pair| [&pair.source, &pair.peer]) {
        if !arrays.iter().any(|other| other.is_same_login(array)) {
            arrays.push(array);
        }
    }
    let asked = join_all(arrays.iter().map(|array| ask(array, patience))).await;
    let asked: Vec<Arc<ArrayAsked>> = asked.into_iter().map(Arc::new).collect();
    let of = |array: &Array| {
        let at = arrays.iter().position(|other| other.is_same_login(array));
        at.and_then(|at| asked.get(at)).map(Arc::clone)
    };
    let both = pairs.iter().filter_map(|pair| {
        Some(PairAsked {
            pair: pair.clone(),
            source: of(&pair.source)?,
            peer: of(&pair.peer)?,
        })
    });
    both.collect()
}

async fn ask(array: &Array, patience: Duration) -> ArrayAsked {
    let answer = within(array, patience, async {
        let (system, targets, links, groups) = tokio::try_join!(
            array.showsys(),
            array.showrcopy_targets_detail(),
            array.showrcopy_links(),
            array.showrcopy_groups(),
        )?;
        Ok(ArrayShown {
            system,
            targets,
            links,
            groups,
        })
    });
    ArrayAsked {
        label: array.label().to_owned(),
        answer: answer.await,
        at: Timestamp::now(),
    }
}

/// An array that is slower than a person's patience could not be asked.
pub(super) async fn within<T>(
    array: &Array,
    patience: Duration,
    look: impl Future<Output = Result<T, ArrayError>>,
) -> Result<T, NotAsked> {
    match tokio::time::timeout(patience, look).await {
        Ok(Ok(shown)) => Ok(shown),
        Ok(Err(error)) => Err(NotAsked {
            hint: error.hint(),
            why: match &error {
                // Which of the commands was the first not to be sent tells nothing.
                ArrayError::Unreachable { source, .. } => source.to_string(),
                error => error.to_string(),
            },
        }),
        Err(_) => Err(NotAsked {
            why: format!(
                "array `{}` did not answer within {} s",
                array.label(),
                patience.as_secs()
            ),
            hint: None,
        }),
    }
}

impl PairAsked {
    /// One of them.
    pub fn on(&self, side: Side) -> &ArrayAsked {
        match side {
            Side::Source => &self.source,
            Side::Peer => &self.peer,
        }
    }

    /// The arrays that could not be asked, and why.
    pub fn unreadable(&self) -> Vec<(&str, &NotAsked)> {
        let both = [&self.source, &self.peer].into_iter();
        both.filter_map(|asked| Some((asked.label.as_str(), asked.answer.as_ref().err()?)))
            .collect()
    }

    /// When the earlier of the two answers came: nothing that is shown is older.
    pub fn at(&self) -> Timestamp {
        self.source.at.min(self.peer.at)
    }

    /// True if it is certain that the groups seen are of this pair. With the backend's own array out of reach nobody can say which of
    /// several arrays a group of the peer leads to.
    pub fn is_certain(&self) -> bool {
        match (&self.source.answer, &self.peer.answer) {
            (Err(_), Ok(peer)) => peer.targets.len() <= 1,
            _ => true,
        }
    }

    /// With what was answered while a slow array was waited for asked once more: nothing that is decided is that old.
    pub async fn fresh(mut self, patience: Duration) -> Self {
        let old = |asked: &ArrayAsked| {
            let age = Timestamp::now().duration_since(asked.at).unsigned_abs();
            asked.answer.is_ok() && age > FRESH
        };
        if old(&self.source) {
            self.source = Arc::new(ask(&self.pair.source, patience).await);
        }
        if old(&self.peer) {
            self.peer = Arc::new(ask(&self.pair.peer, patience).await);
        }
        self
    }
}
