//! Giving the words of a row to the columns of a table: the one way there is, or none.

use std::collections::HashSet;

use super::{
    read::{Problem, unrecognised},
    table::{Head, TableShape},
};

/// A row that needs more tries than this to be cut is not understood.
const MAX_TRIES: usize = 20_000;

/// A piece of a line between blanks, in characters.
pub(super) struct Word {
    pub(super) start: usize,
    pub(super) end: usize,
}

pub(super) fn words(line: &[char]) -> Vec<Word> {
    let mut found: Vec<Word> = Vec::new();
    for (at, c) in line.iter().enumerate() {
        if c.is_whitespace() {
            continue;
        }
        match found.last_mut() {
            Some(word) if word.end == at => word.end += 1,
            _ => found.push(Word {
                start: at,
                end: at + 1,
            }),
        }
    }
    found
}

/// What stands in one column of a row.
pub(super) struct Cell {
    pub(super) text: String,
    /// From where to where, in characters; none for an empty cell.
    pub(super) extent: Option<(usize, usize)>,
}

/// Cuts a row into one cell for each column.
pub(super) fn cells(shape: &TableShape, head: &Head, line: &str) -> Result<Vec<Cell>, Problem> {
    let chars: Vec<char> = line.chars().collect();
    let words = words(&chars);
    let mut search = Search {
        shape,
        head,
        chars: &chars,
        words: &words,
        ranges: words.iter().map(|word| range(shape, head, word)).collect(),
        dead: HashSet::new(),
        tries: 0,
        found: Vec::new(),
    };
    search.go(0, 0, &mut Vec::new());
    let why = match search.found.as_slice() {
        _ if search.tries > MAX_TRIES => "can be cut in too many ways",
        [] => "fits the columns in no way",
        [way] => {
            let cell = |taken: &Taken| Cell {
                text: search.text(*taken),
                extent: search.extent(*taken),
            };
            return Ok(way.iter().map(cell).collect());
        }
        _ => "can be cut in two ways",
    };
    Err(unrecognised(format!("the row `{}` {why}", line.trim_end())))
}

/// The columns in which a word can stand: those whose head cell it is under, or, under none, those next to it.
fn range(shape: &TableShape, head: &Head, word: &Word) -> (usize, usize) {
    let last = head.0.len() - 1;
    if shape.runs_over {
        return (0, last);
    }
    let under: Vec<usize> = (0..=last)
        .filter(|i| head.0[*i].start < word.end && word.start < head.0[*i].end)
        .collect();
    match (under.first(), under.last()) {
        (Some(from), Some(to)) => (*from, *to),
        _ => {
            let before = head.0.iter().filter(|c| c.end <= word.start).count();
            (before.saturating_sub(1), before.min(last))
        }
    }
}

/// Words taken by a column: from, to.
type Taken = (usize, usize);

/// All ways of giving the words of a row to the columns, left to right; it stops at the second that differs in a wanted cell.
struct Search<'a> {
    shape: &'a TableShape,
    head: &'a Head,
    chars: &'a [char],
    words: &'a [Word],
    ranges: Vec<(usize, usize)>,
    /// Column and word from which no way leads to the end.
    dead: HashSet<(usize, usize)>,
    tries: usize,
    found: Vec<Vec<Taken>>,
}

impl Search<'_> {
    fn extent(&self, (from, to): Taken) -> Option<(usize, usize)> {
        (from < to).then(|| (self.words[from].start, self.words[to - 1].end))
    }

    fn text(&self, taken: Taken) -> String {
        self.extent(taken).map_or_else(String::new, |(from, to)| {
            self.chars[from..to].iter().collect()
        })
    }

    /// Returns true if some way led to the end.
    fn go(&mut self, column: usize, word: usize, way: &mut Vec<Taken>) -> bool {
        if column == self.head.0.len() {
            if word == self.words.len() {
                self.keep(way);
                return true;
            }
            return false;
        }
        if self.dead.contains(&(column, word)) || self.found.len() > 1 || self.tries > MAX_TRIES {
            return false;
        }
        let mut led = false;
        let last = column + 1 == self.head.0.len();
        let from = if last { self.words.len() } else { word };
        for to in from..=self.words.len() {
            self.tries += 1;
            let mine = |i: usize| (self.ranges[i].0..=self.ranges[i].1).contains(&column);
            if !(word..to).all(mine) {
                break;
            }
            let text = self.text((word, to));
            if self.shape.fits(&self.head.0[column], &text) {
                way.push((word, to));
                led |= self.go(column + 1, to, way);
                way.pop();
            }
        }
        if !led {
            self.dead.insert((column, word));
        }
        led
    }

    fn keep(&mut self, way: &[Taken]) {
        let wanted = |way: &[Taken]| -> Vec<Taken> {
            let pairs = self.head.0.iter().zip(way);
            pairs
                .filter(|(cell, _)| cell.wanted.is_some())
                .map(|(_, taken)| *taken)
                .collect()
        };
        // An empty cell is the same wherever it is empty.
        let normal = |way: Vec<Taken>| -> Vec<Taken> {
            way.into_iter()
                .map(|(from, to)| if from == to { (0, 0) } else { (from, to) })
                .collect()
        };
        let new = normal(wanted(way));
        if !self.found.iter().any(|old| normal(wanted(old)) == new) {
            self.found.push(way.to_vec());
        }
    }
}
