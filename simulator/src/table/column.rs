//! Columns: heads and how cells are drawn.

/// On which side the blanks go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// A column: its head and how it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub(super) head: String,
    pub(super) side: Side,
    pub(super) dashed: bool,
    pub(super) min: usize,
    pub(super) runs_over: bool,
}

impl Column {
    /// Text: head and cells at the left.
    pub fn left(head: impl Into<String>) -> Self {
        Self {
            head: head.into(),
            side: Side::Left,
            dashed: false,
            min: 0,
            runs_over: false,
        }
    }

    /// Numbers: head and cells at the right.
    pub fn right(head: impl Into<String>) -> Self {
        Self {
            side: Side::Right,
            ..Self::left(head)
        }
    }

    /// Text under a head that is centred between dashes, at least one on each side: `-Detailed_State-`.
    pub fn dashed(head: impl Into<String>) -> Self {
        Self {
            dashed: true,
            ..Self::left(head)
        }
    }

    /// Like [`Column::dashed`] with the cells at the right.
    pub fn dashed_right(head: impl Into<String>) -> Self {
        Self {
            dashed: true,
            ..Self::right(head)
        }
    }

    /// At least `width` characters wide.
    pub fn min(self, width: usize) -> Self {
        Self { min: width, ..self }
    }

    /// Cells that are wider than the head do not widen the column: they push the rest of their row to the right.
    pub fn runs_over(self, runs_over: bool) -> Self {
        Self { runs_over, ..self }
    }

    /// The name in the head, without dashes.
    pub fn name(&self) -> &str {
        &self.head
    }

    pub(super) fn draw_head(&self, width: usize) -> String {
        if self.dashed {
            super::draw::dashes_around(&self.head, width)
        } else {
            self.pad(&self.head, width)
        }
    }

    pub(super) fn pad(&self, cell: &str, width: usize) -> String {
        match self.side {
            Side::Left => format!("{cell:<width$}"),
            Side::Right => format!("{cell:>width$}"),
        }
    }
}
