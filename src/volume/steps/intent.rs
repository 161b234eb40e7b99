//! What an operation sets out to do, in the words of the journal.

use std::fmt;

use crate::index::JournalEntry;

/// What an operation sets out to do. Written to the journal before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::volume) enum Intent {
    MakeVv,
    TakeSnapshot,
    MakeSchedule,
    RemoveSchedule,
    MakeFlashSet,
    SetFlashCache,
    RemoveFlashSet,
    JoinSet,
    LeaveSet,
    ClearRule,
    RemovePythonSet,
    TakeVv,
    Rename,
    RenameCopy,
    SetWwn,
    SetSnapCpg,
    MakeGroup,
    LockGroup,
    UnlockGroup,
    SetGroup,
    StopGroup,
    Admit,
    StartGroup,
    /// It was seen to run again: a stop after this is somebody else's.
    GroupRuns,
    MarkReady,
    MarkRemoving,
    Dismiss,
    RemoveGroup,
    RemoveVv,
    RemoveCopy,
    GiveBackName,
    GiveBackComment,
    MakeHost,
    SetChap,
    AddPaths,
    RemoveHost,
    MarkTakeOver,
    Evict,
    Export,
    ExportSecond,
    Withdraw,
    WithdrawSecond,
    Attach,
    Detach,
    MarkFormatting,
    Format,
    MarkFormatted,
    MarkHolder,
    Mount,
    Unmount,
    StartCopy,
    MarkCopying,
    CancelCopy,
    PromoteCopy,
    Grow,
    GrowCopy,
    Promote,
}

impl Intent {
    const ALL: [(Self, &'static str); 57] = [
        (Self::MakeVv, "make-vv"),
        (Self::TakeSnapshot, "take-snapshot"),
        (Self::MakeSchedule, "make-schedule"),
        (Self::RemoveSchedule, "remove-schedule"),
        (Self::MakeFlashSet, "make-flash-set"),
        (Self::SetFlashCache, "set-flash-cache"),
        (Self::RemoveFlashSet, "remove-flash-set"),
        (Self::JoinSet, "join-set"),
        (Self::LeaveSet, "leave-set"),
        (Self::ClearRule, "clear-rule"),
        (Self::RemovePythonSet, "remove-python-set"),
        (Self::TakeVv, "take-vv"),
        (Self::Rename, "rename"),
        (Self::RenameCopy, "rename-copy"),
        (Self::SetWwn, "set-wwn"),
        (Self::SetSnapCpg, "set-snap-cpg"),
        (Self::MakeGroup, "make-group"),
        (Self::LockGroup, "lock-group"),
        (Self::UnlockGroup, "unlock-group"),
        (Self::SetGroup, "set-group"),
        (Self::StopGroup, "stop-group"),
        (Self::Admit, "admit"),
        (Self::StartGroup, "start-group"),
        (Self::GroupRuns, "group-runs"),
        (Self::MarkReady, "mark-ready"),
        (Self::MarkRemoving, "mark-removing"),
        (Self::Dismiss, "dismiss"),
        (Self::RemoveGroup, "remove-group"),
        (Self::RemoveVv, "remove-vv"),
        (Self::RemoveCopy, "remove-copy"),
        (Self::GiveBackName, "give-back-name"),
        (Self::GiveBackComment, "give-back-comment"),
        (Self::MakeHost, "make-host"),
        (Self::SetChap, "set-chap"),
        (Self::AddPaths, "add-paths"),
        (Self::RemoveHost, "remove-host"),
        (Self::MarkTakeOver, "mark-take-over"),
        (Self::Evict, "evict"),
        (Self::Export, "export"),
        (Self::ExportSecond, "export-second"),
        (Self::Withdraw, "withdraw"),
        (Self::WithdrawSecond, "withdraw-second"),
        (Self::Attach, "attach"),
        (Self::Detach, "detach"),
        (Self::MarkFormatting, "mark-formatting"),
        (Self::Format, "format"),
        (Self::MarkFormatted, "mark-formatted"),
        (Self::MarkHolder, "mark-holder"),
        (Self::Mount, "mount"),
        (Self::Unmount, "unmount"),
        (Self::StartCopy, "start-copy"),
        (Self::MarkCopying, "mark-copying"),
        (Self::CancelCopy, "cancel-copy"),
        (Self::PromoteCopy, "promote-copy"),
        (Self::Grow, "grow"),
        (Self::GrowCopy, "grow-copy"),
        (Self::Promote, "promote"),
    ];

    /// The fact that the array refused it in words that say: it was not this operation's doing.
    pub fn refused(self) -> String {
        format!("refused {self}")
    }

    /// True if this operation may have done it.
    pub fn may_have_happened(self, entry: &JournalEntry) -> bool {
        let refused = entry.facts.get(&self.refused());
        self.is_in(entry) && refused.is_none_or(String::is_empty)
    }

    /// True if a group that is stopped may be so by this operation: by what it did under the lock that it took last, and before it saw the
    /// group run again.
    pub fn stop_is_ours(entry: &JournalEntry) -> bool {
        let stop = Self::StopGroup.last(entry);
        Self::StopGroup.may_have_happened(entry)
            && stop > Self::LockGroup.last(entry)
            && stop > Self::GroupRuns.last(entry)
    }

    /// True if all that is left of the lock that this operation took last is that it has to be given back: the group runs since.
    pub fn only_lock_is_left(entry: &JournalEntry) -> bool {
        let runs = Self::GroupRuns.last(entry);
        runs > Self::LockGroup.last(entry) && runs > Self::StopGroup.last(entry)
    }

    /// Where in the journal entry it was written for the last time.
    fn last(self, entry: &JournalEntry) -> Option<usize> {
        let word = self.to_string();
        entry.steps.iter().rposition(|step| *step == word)
    }

    /// True if the journal entry says this was set out to be done.
    pub fn is_in(self, entry: &JournalEntry) -> bool {
        let word = self.to_string();
        entry.steps.contains(&word)
    }
}

impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::ALL
            .iter()
            .find(|(intent, _)| intent == self)
            .map_or("", |(_, word)| word);
        f.write_str(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        index::OpKind,
        model::{BackendName, HostName, Machine, OperationId, RequestId, VolumeName, VvName},
    };

    fn entry(steps: &[Intent]) -> JournalEntry {
        let machine = Machine::new(&HostName::new("node").unwrap(), "m1");
        JournalEntry {
            op: OperationId {
                machine,
                request: RequestId::random(),
            },
            kind: OpKind::Create,
            name: VolumeName::new("db1").unwrap(),
            backend: BackendName::new("mirrored").unwrap(),
            vv: VvName::new("dkv-db1").unwrap(),
            started: jiff::Timestamp::UNIX_EPOCH,
            steps: steps.iter().map(ToString::to_string).collect(),
            facts: Default::default(),
            request: serde_json::Value::Null,
        }
    }

    /// An operation may be at its group in several cycles: a stop under an earlier lock is not what somebody finds under this one.
    #[test]
    fn a_stop_is_that_of_the_lock_it_came_after() {
        use Intent::{GroupRuns, LockGroup, StartGroup, StopGroup};
        let since = |steps: &[Intent]| Intent::stop_is_ours(&entry(steps));
        assert!(since(&[LockGroup, StopGroup]));
        assert!(since(&[LockGroup, StopGroup, StartGroup]));
        assert!(!since(&[LockGroup, StopGroup, StartGroup, GroupRuns]));
        assert!(since(&[LockGroup, StopGroup, GroupRuns, StopGroup]));
        assert!(!since(&[LockGroup, StopGroup, StartGroup, LockGroup]));
        assert!(since(&[LockGroup, StopGroup, LockGroup, StopGroup]));
        assert!(!since(&[LockGroup]));
        assert!(!since(&[]));
        let mut refused = entry(&[LockGroup, StopGroup]);
        let fact = StopGroup.refused();
        refused.facts.insert(fact.clone(), "yes".to_owned());
        assert!(!Intent::stop_is_ours(&refused));
        refused.facts.insert(fact, String::new());
        assert!(Intent::stop_is_ours(&refused));
    }
}
