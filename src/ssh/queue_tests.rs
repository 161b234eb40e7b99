//! The queue with lines that are nothing but a number, and virtual time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;

/// A far end that can refuse and counts.
#[derive(Default)]
struct Far {
    dialed: AtomicUsize,
    open: AtomicUsize,
    most: AtomicUsize,
    limit: Mutex<Option<usize>>,
    refuse: Mutex<Option<SshError>>,
    dead: AtomicBool,
}

struct Dialer(Arc<Far>);
struct Wire(Arc<Far>);

fn peer() -> Arc<Peer> {
    Arc::new(Peer {
        label: "east".into(),
        host: "192.0.2.1".into(),
        port: 22,
    })
}

impl Dial for Dialer {
    type Line = Wire;
    async fn dial(&self) -> Result<Wire, SshError> {
        let far = &self.0;
        far.dialed.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(10)).await;
        if let Some(error) = far.refuse.lock().unwrap().clone() {
            return Err(error);
        }
        if far
            .limit
            .lock()
            .unwrap()
            .is_some_and(|limit| far.open.load(Ordering::SeqCst) >= limit)
        {
            return Err(too_many());
        }
        let open = far.open.fetch_add(1, Ordering::SeqCst) + 1;
        far.most.fetch_max(open, Ordering::SeqCst);
        Ok(Wire(Arc::clone(far)))
    }
}

impl Line for Wire {
    fn is_alive(&self) -> bool {
        !self.0.dead.load(Ordering::SeqCst)
    }
    async fn retire(self) {}
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

fn too_many() -> SshError {
    SshError::TooManySessions {
        at: peer(),
        reason: "full".into(),
    }
}
fn refused() -> SshError {
    SshError::Unreachable {
        at: peer(),
        reason: "refused".into(),
        slow: false,
    }
}
fn rejected() -> SshError {
    SshError::LoginRejected {
        at: peer(),
        login: "u".into(),
        reason: "password".into(),
    }
}

fn queue(cap: usize) -> (Arc<Far>, Arc<Queue<Dialer>>) {
    let far = Arc::new(Far::default());
    (Arc::clone(&far), Queue::new(Dialer(far), peer(), cap))
}

async fn take(queue: &Arc<Queue<Dialer>>) -> Result<Lease<Dialer>, SshError> {
    let limit = Duration::from_secs(100);
    queue
        .checkout(Place::Last, Instant::now() + limit, limit)
        .await
}

async fn seconds(count: u64) {
    tokio::time::sleep(Duration::from_secs(count)).await;
}

/// While a group is stopped, its cycle does not wait behind the looks of those who only prepare.
#[tokio::test(start_paused = true)]
async fn what_is_urgent_goes_before_what_is_not_and_behind_what_is() {
    let (_, queue) = queue(1);
    let held = take(&queue).await.unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for (name, place) in [
        ("look 1", Place::Last),
        ("look 2", Place::Last),
        ("stop", Place::Urgent),
        ("look 3", Place::Last),
        ("admit", Place::Urgent),
        ("again", Place::First),
        ("start", Place::Urgent),
    ] {
        let (queue, order) = (Arc::clone(&queue), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            let limit = Duration::from_secs(100);
            let lease = queue.checkout(place, Instant::now() + limit, limit).await;
            let lease = lease.unwrap();
            order.lock().unwrap().push(name);
            seconds(1).await;
            drop(lease);
        }));
        tokio::task::yield_now().await;
    }
    drop(held);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(
        *order.lock().unwrap(),
        [
            "again", "stop", "admit", "start", "look 1", "look 2", "look 3"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn never_more_than_the_cap_and_first_come_first_served() {
    let (far, queue) = queue(2);
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for number in 0..12 {
        let (queue, order) = (Arc::clone(&queue), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            let lease = take(&queue).await.unwrap();
            order.lock().unwrap().push(number);
            seconds(1).await;
            drop(lease);
        }));
        tokio::task::yield_now().await;
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (0..12).collect::<Vec<_>>());
    assert_eq!(far.most.load(Ordering::SeqCst), 2);
    assert_eq!(far.dialed.load(Ordering::SeqCst), 2, "lines are used again");
}

#[tokio::test(start_paused = true)]
async fn a_waiter_who_leaves_loses_no_line() {
    let (far, queue) = queue(1);
    let first = take(&queue).await.unwrap();
    let waiting = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { take(&queue).await.map(drop) }
    });
    seconds(1).await;
    assert_eq!(queue.status().waiting, 1);
    waiting.abort();
    let _ = waiting.await;
    drop(first);
    let first = take(&queue).await.unwrap();
    // Granted, but its future is dropped before it looks.
    let mut granted = Box::pin(take(&queue));
    let pending = std::future::poll_fn(|context| {
        std::task::Poll::Ready(granted.as_mut().poll(context).is_pending())
    })
    .await;
    assert!(pending);
    drop(first);
    assert_eq!(queue.status().busy, 1);
    drop(granted);
    let status = queue.status();
    assert_eq!((status.busy, status.idle, status.waiting), (0, 1, 0));
    assert_eq!(far.dialed.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_line_is_closed() {
    let (far, queue) = queue(2);
    let mut lease = take(&queue).await.unwrap();
    assert!(lease.begin().is_some());
    drop(lease);
    assert_eq!(queue.status().idle, 0);
    assert_eq!(far.open.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn idle_lines_close_the_last_one_much_later() {
    let (far, queue) = queue(3);
    let leases = [
        take(&queue).await.unwrap(),
        take(&queue).await.unwrap(),
        take(&queue).await.unwrap(),
    ];
    drop(leases);
    let open = || far.open.load(Ordering::SeqCst);
    seconds(20).await;
    assert_eq!(open(), 3);
    seconds(20).await;
    assert_eq!(open(), 1);
    seconds(250).await;
    assert_eq!(open(), 1);
    seconds(20).await;
    assert_eq!(open(), 0);
    drop(take(&queue).await.unwrap());
    assert_eq!(open(), 1, "and it opens again");
}

#[tokio::test(start_paused = true)]
async fn a_line_that_died_while_idle_is_not_handed_out() {
    let (far, queue) = queue(2);
    drop(take(&queue).await.unwrap());
    far.dead.store(true, Ordering::SeqCst);
    seconds(6).await;
    assert_eq!(queue.status().idle, 0);
}

#[tokio::test(start_paused = true)]
async fn the_far_ends_limit_shrinks_the_pool_and_everyone_is_served() {
    let (far, queue) = queue(4);
    *far.limit.lock().unwrap() = Some(2);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move {
                let lease = take(&queue).await.unwrap();
                seconds(1).await;
                drop(lease);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(queue.status().cap, 2);
    assert_eq!(
        far.dialed.load(Ordering::SeqCst),
        3,
        "asked once too often, not once a caller"
    );
    *far.limit.lock().unwrap() = None;
    seconds(130).await;
    assert_eq!(queue.status().cap, 4, "and grows back");
}

#[tokio::test(start_paused = true)]
async fn quick_failures_are_tried_again_and_then_told() {
    let (far, queue) = queue(4);
    *far.refuse.lock().unwrap() = Some(refused());
    let begun = Instant::now();
    assert!(matches!(
        take(&queue).await.err(),
        Some(SshError::Unreachable { .. })
    ));
    assert_eq!(far.dialed.load(Ordering::SeqCst), 3);
    assert!(begun.elapsed() >= Duration::from_millis(1500));
    // Later callers wait for the next attempt, which is due in a moment, and are told how that one went.
    let told = Instant::now();
    assert!(matches!(
        take(&queue).await.err(),
        Some(SshError::Unreachable { .. })
    ));
    // The clock of a paused test moves in whole steps of the timers.
    assert!(told.elapsed() < Duration::from_millis(2100));
    assert_eq!(far.dialed.load(Ordering::SeqCst), 4, "one attempt a pause");
    *far.refuse.lock().unwrap() = None;
    assert!(
        take(&queue).await.is_ok(),
        "an array that is back is used at once"
    );
    assert_eq!(queue.status().last_failure, None);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_passes_is_not_seen() {
    let (far, queue) = queue(4);
    *far.refuse.lock().unwrap() = Some(refused());
    let waiting = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { take(&queue).await.map(drop) }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    *far.refuse.lock().unwrap() = None;
    waiting.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_rejected_password_is_not_sent_again_for_a_minute() {
    let (far, queue) = queue(4);
    *far.refuse.lock().unwrap() = Some(rejected());
    assert_eq!(
        take(&queue).await.err().unwrap().kind(),
        SshErrorKind::LoginRejected
    );
    for _ in 0..20 {
        seconds(2).await;
        assert_eq!(
            take(&queue).await.err().unwrap().kind(),
            SshErrorKind::LoginRejected
        );
    }
    assert_eq!(far.dialed.load(Ordering::SeqCst), 1);
    seconds(30).await;
    let _ = take(&queue).await;
    assert_eq!(far.dialed.load(Ordering::SeqCst), 2);
    seconds(70).await;
    let _ = take(&queue).await;
    assert_eq!(
        far.dialed.load(Ordering::SeqCst),
        2,
        "the second time it is two minutes"
    );
    assert_eq!(back_off(&rejected(), 40), Duration::from_secs(3600));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_in_the_queue_says_what_it_waited_for() {
    let (_far, queue) = queue(1);
    let lease = take(&queue).await.unwrap();
    let limit = Duration::from_secs(3);
    let error = queue
        .checkout(Place::Last, Instant::now() + limit, limit)
        .await
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .contains("within 3 s: all 1 sessions were busy"),
        "{error}"
    );
    drop(lease);
}

#[tokio::test(start_paused = true)]
async fn close_waits_for_the_running_and_refuses_the_rest() {
    let (far, queue) = queue(1);
    let lease = take(&queue).await.unwrap();
    let waiting = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { take(&queue).await.map(drop) }
    });
    seconds(1).await;
    let closing = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { queue.close().await }
    });
    seconds(1).await;
    assert!(!closing.is_finished());
    assert_eq!(
        waiting.await.unwrap().err().unwrap().kind(),
        SshErrorKind::PoolClosed
    );
    drop(lease);
    closing.await.unwrap();
    assert_eq!(far.open.load(Ordering::SeqCst), 0);
    assert_eq!(
        take(&queue).await.err().unwrap().kind(),
        SshErrorKind::PoolClosed
    );
}
