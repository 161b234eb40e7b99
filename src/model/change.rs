/// What a mutating call did: the value is the same either way, the log and the caller are told which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Change<T> {
    /// Something was changed to get here.
    Changed(T),
    /// It was already so; nothing was touched.
    Unchanged(T),
}

impl<T> Change<T> {
    /// The value, whichever way it came about.
    pub fn into_inner(self) -> T {
        match self {
            Self::Changed(value) | Self::Unchanged(value) => value,
        }
    }

    /// True if something was changed.
    pub fn is_changed(&self) -> bool {
        matches!(self, Self::Changed(_))
    }
}
