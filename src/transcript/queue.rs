//! A bounded queue with a thread behind it, so that a slow disk never holds up a command.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

/// How long the end waits for what is still to be written.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// Something to write.
pub(super) struct Item {
    /// When it happened.
    pub(super) time: Timestamp,
    /// What to write.
    pub(super) text: String,
    /// Items that found no room in the queue before this one.
    pub(super) lost_before: u64,
}

/// The sending side. When it is dropped, everything that waits is written and the thread ends; that is waited for, 2 s at most.
pub(super) struct Queue {
    shared: Arc<Shared>,
    max_bytes: usize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Item>,
    bytes: usize,
    lost: u64,
    /// The thread is writing one.
    writing: bool,
    closed: bool,
    /// The thread is gone, and what it wrote to is closed.
    ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Starts the thread. At most `max_bytes` of text wait (one item of any size always may).
    pub(super) fn start(
        name: &str,
        max_bytes: usize,
        mut write: impl FnMut(Item) + Send + 'static,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let started = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                while let Some(item) = theirs.next() {
                    write(item);
                    theirs.lock().writing = false;
                    theirs.changed.notify_all();
                }
                drop(write);
                theirs.lock().ended = true;
                theirs.changed.notify_all();
            });
        if let Err(error) = started {
            log::warn!(error:%; "no transcript: cannot start its thread");
            let mut state = shared.lock();
            (state.closed, state.ended) = (true, true);
        }
        Self { shared, max_bytes }
    }

    /// Never waits: without room the item is counted as lost.
    pub(super) fn push(&self, time: Timestamp, text: String) {
        let mut state = self.shared.lock();
        let full = !state.waiting.is_empty() && state.bytes + text.len() > self.max_bytes;
        if full || state.closed {
            state.lost += 1;
            return;
        }
        state.bytes += text.len();
        let lost_before = std::mem::take(&mut state.lost);
        state.waiting.push_back(Item {
            time,
            text,
            lost_before,
        });
        self.shared.changed.notify_all();
    }

    /// Waits until everything is written; false if that took longer than `limit`.
    pub(super) fn flush(&self, limit: Duration) -> bool {
        let state = self.shared.lock();
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(state, limit, |state| {
                state.writing || !state.waiting.is_empty()
            })
            .unwrap_or_else(PoisonError::into_inner);
        !state.writing && state.waiting.is_empty()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        self.shared.changed.notify_all();
        // Whether it ended or time is up: there is nothing more to do.
        let _ = self
            .shared
            .changed
            .wait_timeout_while(state, LAST_WRITE, |state| !state.ended);
    }
}

impl Shared {
    fn next(&self) -> Option<Item> {
        let mut state = self
            .changed
            .wait_while(self.lock(), |state| {
                state.waiting.is_empty() && !state.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        let item = state.waiting.pop_front()?;
        state.bytes -= item.text.len();
        state.writing = true;
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_writer_that_hangs_costs_items_and_no_time() {
        let (go, gate) = mpsc::channel::<()>();
        let (report, written) = mpsc::channel();
        let queue = Queue::start("test", 10, move |item| {
            gate.recv().unwrap();
            report.send((item.text, item.lost_before)).unwrap();
        });
        let push = |text: &str| queue.push(Timestamp::UNIX_EPOCH, text.to_owned());
        push("one");
        assert!(!queue.flush(Duration::ZERO));
        // Whether "one" is still waiting or being written, "twelve bytes" has no room beside "two".
        push("two");
        push("twelve bytes");
        push("twelve bytes");
        for _ in 0..2 {
            go.send(()).unwrap();
        }
        assert!(queue.flush(Duration::from_secs(60)));
        push("three");
        go.send(()).unwrap();
        assert!(queue.flush(Duration::from_secs(60)));
        let written: Vec<_> = written.try_iter().collect();
        let expected = [("one", 0), ("two", 0), ("three", 2)];
        assert_eq!(
            written,
            expected.map(|(text, lost)| (text.to_owned(), lost))
        );
    }

    #[test]
    fn one_item_of_any_size_has_room() {
        let (report, written) = mpsc::channel();
        let queue = Queue::start("test", 1, move |item| report.send(item.text).unwrap());
        queue.push(Timestamp::UNIX_EPOCH, "longer than the bound".to_owned());
        assert!(queue.flush(Duration::from_secs(60)));
        assert_eq!(written.try_iter().count(), 1);
    }

    #[test]
    fn what_waits_is_written_after_the_queue_is_gone() {
        let (report, written) = mpsc::channel();
        let queue = Queue::start("test", 100, move |item| report.send(item.text).unwrap());
        queue.push(Timestamp::UNIX_EPOCH, "last words".to_owned());
        drop(queue);
        assert_eq!(written.iter().collect::<Vec<_>>(), ["last words"]);
    }
}
