//! Who leads, who boards, and who is waited for.

use tokio::time::{sleep, timeout};

use super::*;
use crate::model::{GroupName, SystemId};

fn key() -> GroupKey {
    GroupKey::new(SystemId(1), &GroupName::new("prod").unwrap())
}

fn rider(op: &str) -> Rider {
    Rider {
        op: OperationId::parse(&format!("host1@0a1b2c.0000000{op}")).unwrap(),
        backend: BackendName::new("mirrored").unwrap(),
        array: "amber".to_owned(),
        change: Change::TakeBack(None),
        marked: false,
        group_is_ours: false,
        may_hold_lock: false,
        since: Instant::now(),
    }
}

fn join(queues: &Queues, op: &str) -> Member {
    queues.nobody_yet().join(&key(), rider(op))
}

/// The lead, if it comes at once.
async fn lead_of(member: &mut Member) -> Option<Lead> {
    let word = timeout(Duration::from_millis(1), member.next()).await;
    match word {
        Ok(Some(Word::Lead(lead))) => Some(lead),
        Ok(other) => panic!("{other:?}"),
        Err(_) => None,
    }
}

fn ops(riders: &[Waiting]) -> Vec<String> {
    let ops = riders.iter().map(|w| w.rider.op.request.to_string());
    ops.map(|op| op[7..].to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_first_leads_and_the_next_when_it_has_gone() {
    let queues = Queues::default();
    let mut one = join(&queues, "1");
    let mut two = join(&queues, "2");
    let lead = lead_of(&mut one).await.unwrap();
    assert!(queues.is_leading(&rider("1").op));
    assert!(lead_of(&mut two).await.is_none(), "one leads at a time");
    // It dies, lead and all.
    drop(lead);
    drop(one);
    assert!(!queues.is_leading(&rider("1").op));
    let lead = lead_of(&mut two).await.unwrap();
    drop(lead);
    drop(two);
    assert!(queues.state().groups.is_empty(), "nothing is kept");
}

#[tokio::test(start_paused = true)]
async fn a_lead_that_nobody_hears_of_goes_on_to_the_next() {
    let queues = Queues::default();
    let mut one = join(&queues, "1");
    let two = join(&queues, "2");
    let mut three = join(&queues, "3");
    let lead = lead_of(&mut one).await.unwrap();
    drop(two);
    // One has the word and does not read it any more.
    drop((lead, one));
    assert!(lead_of(&mut three).await.is_some());
}

/// Who was taken along and not heard of hears that there is no leader, and can join again.
#[tokio::test(start_paused = true)]
async fn a_leader_that_dies_lets_go_of_those_aboard() {
    let queues = Queues::default();
    let mut one = join(&queues, "1");
    let mut two = join(&queues, "2");
    let lead = lead_of(&mut one).await.unwrap();
    let aboard = lead.board(|_| true);
    assert_eq!(ops(&aboard), ["1", "2"]);
    drop((aboard, lead, one));
    assert!(two.next().await.is_none());
    drop(two);
    assert!(lead_of(&mut join(&queues, "2")).await.is_some());
}

/// One that has gone has sent nothing; one that dies over its command may have.
#[tokio::test(start_paused = true)]
async fn a_member_that_dies_keeps_no_cycle_waiting() {
    let queues = Queues::default();
    let mut one = join(&queues, "1");
    let (two, mut three) = (join(&queues, "2"), join(&queues, "3"));
    let lead = lead_of(&mut one).await.unwrap();
    let aboard = lead.board(|_| true);
    drop(two);
    let stop = || Action::Stop(GroupName::new("prod").unwrap());
    assert_eq!(aboard[1].turn(stop(), false, false, None).await, None);
    let dies = async {
        let word = three.next().await;
        assert!(matches!(word, Some(Word::Turn(_))), "{word:?}");
    };
    let (answered, ()) = tokio::join!(aboard[2].turn(stop(), false, false, None), dies);
    assert_eq!(answered, Some(Answered::InDoubt));
}

#[tokio::test(start_paused = true)]
async fn the_leader_boards_first_and_who_is_left_over_keeps_its_place() {
    let queues = Queues::default();
    let mut members: Vec<Member> = (1..=4).map(|n| join(&queues, &n.to_string())).collect();
    drop(lead_of(&mut members[0]).await.unwrap());
    let mut lead = lead_of(&mut members[0]).await.unwrap();
    lead.hand_over(|waiting| waiting.rider.op == rider("3").op);
    let lead = lead_of(&mut members[2]).await.unwrap();
    let mut aboard = lead.board(|rider| rider.op != self::rider("2").op);
    assert_eq!(ops(&aboard), ["3", "1", "4"]);
    let _late = join(&queues, "5");
    lead.put_back(aboard.split_off(1));
    assert_eq!(ops(&lead.board(|_| true)), ["1", "2", "4", "5"]);
}

#[tokio::test(start_paused = true)]
async fn who_may_have_the_lock_leads() {
    let queues = Queues::default();
    let mut one = join(&queues, "1");
    let holder = Rider {
        may_hold_lock: true,
        ..rider("2")
    };
    let mut two = queues.nobody_yet().join(&key(), holder);
    let lead = lead_of(&mut one).await.unwrap();
    assert!(lead.unless_another_should().is_none());
    let lead = lead_of(&mut two).await.unwrap();
    let lead = lead.unless_another_should().unwrap();
    assert!(lead_of(&mut one).await.is_none());
    drop(lead);
}

#[tokio::test(start_paused = true)]
async fn those_who_are_coming_are_waited_for_and_not_for_ever() {
    let queues = Queues::default();
    let announced = || {
        let mut coming = queues.nobody_yet();
        coming.announce(key());
        coming
    };
    let mut member = join(&queues, "1");
    let lead = lead_of(&mut member).await.unwrap();
    let begun = Instant::now();
    lead.gather().await;
    assert_eq!(begun.elapsed(), Duration::ZERO, "nobody is coming");
    let (soon, gone, never) = (announced(), announced(), announced());
    let arrives = async {
        sleep(Duration::from_secs(2)).await;
        drop(gone);
        sleep(Duration::from_secs(2)).await;
        let mut soon = soon;
        soon.join(&key(), rider("2"))
    };
    let (_two, ()) = tokio::join!(arrives, lead.gather());
    assert_eq!(begun.elapsed(), GATHERING);
    let begun = Instant::now();
    let leaves = async {
        sleep(Duration::from_secs(3)).await;
        drop(never);
    };
    tokio::join!(leaves, lead.gather());
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
}

/// With more to do, the next cycle leaves the lock alone for a moment.
#[tokio::test(start_paused = true)]
async fn between_two_cycles_there_is_a_rest() {
    let queues = Queues::default();
    let mut one = join(&queues, "1");
    let lead = lead_of(&mut one).await.unwrap();
    drop(lead.board(|_| true));
    lead.rest();
    let begun = Instant::now();
    lead.gather().await;
    assert_eq!(begun.elapsed(), Duration::ZERO, "nobody waits");
    let _two = join(&queues, "2");
    lead.rest();
    lead.gather().await;
    assert_eq!(begun.elapsed(), REST);
}

#[test]
fn a_group_is_the_same_from_both_sides() {
    let name = |text: &str| GroupName::new(text).unwrap();
    let (amber, birch) = (SystemId(130_512), SystemId(130_777));
    let here = GroupKey::new(amber, &name("prod"));
    assert_eq!(here, GroupKey::new(birch, &name("prod.r130512")));
    assert_ne!(here, GroupKey::new(birch, &name("prod")));
    assert_ne!(here, GroupKey::new(amber, &name("prod.r130777")));
    assert_ne!(here, GroupKey::new(amber, &name("prod.r130512")));
}
