//! Who waits, and for how long.

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr};
use std::task::Poll;

use futures::FutureExt;

use super::metered::answered;
use super::*;

fn peer(last: u8) -> PeerKey {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)).into()
}

/// A budget of one core's half for an address, on two cores, and a caller with a credential who needs them both.
fn budget() -> (CpuBudget, RunningRequest) {
    let budget = CpuBudget::of(0.5, 1.0, 2);
    let known = budget.connection(peer(200), false);
    known.authenticated();
    let request = RunningRequest::begin(&known);
    (budget, request)
}

fn seconds(count: f64) -> Duration {
    Duration::from_secs_f64(count)
}

#[tokio::test]
async fn an_address_that_has_used_its_part_waits_and_no_other_does() {
    let (budget, _needed) = budget();
    let (one, other) = (
        budget.connection(peer(1), false),
        budget.connection(peer(2), false),
    );
    one.charge(seconds(1.5));
    assert!(
        one.wait_for_own() > seconds(0.9) && one.wait_for_own() < seconds(1.1),
        "{:?}",
        one.wait_for_own()
    );
    assert_eq!(other.wait_for_own(), Duration::ZERO);
    let second = budget.connection(peer(1), false);
    assert!(
        second.wait_for_own() > seconds(0.9),
        "another connection does not help"
    );
}

#[tokio::test]
async fn a_caller_with_a_credential_does_not_pay_for_others_at_its_address() {
    let (budget, _needed) = budget();
    let hostile = budget.connection(peer(1), true);
    hostile.charge(seconds(0.04));
    budget.connection(peer(1), false).charge(seconds(1.46));
    assert_eq!(
        hostile.wait_for_own(),
        Duration::ZERO,
        "it may show a credential yet"
    );
    let silent = budget.connection(peer(1), true);
    silent.charge(seconds(0.06));
    assert!(silent.wait_for_own() > Duration::ZERO, "it has had its time");
    hostile.answered();
    assert!(hostile.wait_for_own() > Duration::ZERO);
    let honest = budget.connection(peer(1), true);
    assert_eq!(honest.wait_for_own(), Duration::ZERO, "a new one may overdraw");
    honest.charge(seconds(0.04));
    honest.authenticated();
    let before = hostile.wait_for_own();
    honest.charge(seconds(10.0));
    assert!(
        honest.is_exempt() && hostile.wait_for_own() <= before,
        "nothing is counted"
    );
    assert!(before < seconds(1.13), "what it used was given back: {before:?}");
    hostile.charge(seconds(1.0));
    let late = budget.connection(peer(1), true);
    assert!(late.wait_for_own() > Duration::ZERO, "the overdraft is bounded");
}

#[tokio::test]
async fn all_addresses_together_have_a_part() {
    let (budget, _needed) = budget();
    for number in 1..=3 {
        budget.connection(peer(number), false).charge(seconds(0.9));
    }
    assert!(!budget.connection(peer(4), false).may_go_on());
}

#[tokio::test]
async fn on_a_busy_machine_all_addresses_together_pay_for_the_threads_that_they_hold() {
    let (budget, _needed) = budget();
    for number in 1..=3 {
        let spent = Spent {
            used: seconds(0.1),
            held: seconds(0.9),
        };
        let connection = budget.connection(peer(number), false);
        connection.charge_for(spent, false);
        assert_eq!(connection.wait_for_own(), Duration::ZERO, "it used little");
    }
    assert!(!budget.connection(peer(4), false).may_go_on());
}

#[tokio::test]
async fn nobody_pays_for_the_time_in_which_the_process_was_stopped() {
    let (budget, _needed) = budget();
    for number in 1..=3 {
        let connection = budget.connection(peer(number), false);
        connection.charge_for(Spent::in_a_poll(seconds(0.001), seconds(3600.0)), false);
        assert!(connection.may_go_on());
    }
    assert!(budget.connection(peer(4), false).may_go_on());
    // Other processes had the core.
    let spent = Spent::in_a_poll(seconds(0.1), seconds(0.13));
    assert_eq!((spent.used, spent.held), (seconds(0.1), seconds(0.13)));
}

#[tokio::test]
async fn new_connections_of_an_address_with_a_known_caller_do_not_wait_for_other_addresses() {
    let (budget, _needed) = budget();
    let hostile = |number| budget.connection(peer(number), false).charge(seconds(1.0));
    (1..=10).for_each(hostile);
    assert!(!budget.connection(peer(20), true).may_go_on(), "a new address");
    budget.connection(peer(20), true).authenticated();
    let new = budget.connection(peer(20), true);
    assert!(new.may_go_on() && new.is_of_known_address());
    assert!(!budget.connection(peer(21), true).may_go_on());
    new.answered();
    assert!(!new.may_go_on(), "it has shown no credential");
    let new = budget.connection(peer(20), true);
    budget.connection(peer(20), false).charge(seconds(3.0));
    assert!(!new.may_go_on(), "it waits for others of its address");
}

#[tokio::test]
async fn addresses_are_forgotten_when_their_part_is_whole() {
    let (budget, _needed) = budget();
    let held = budget.connection(peer(1), false);
    budget.connection(peer(2), false).charge(seconds(0.9));
    budget.connection(peer(3), false);
    budget.connection(peer(5), true).authenticated();
    tokio::time::sleep(seconds(0.02)).await;
    lock(&budget.0.peers).tidy_at = 0;
    budget.peer(peer(4));
    let known = |last| lock(&budget.0.peers).by.contains_key(&peer(last));
    assert!(known(1) && known(2) && known(4) && known(5) && !known(3));
    drop(held);
}

#[tokio::test]
async fn connections_in_debt_are_served_in_turn() {
    let (budget, _needed) = budget();
    let first = budget.connection(peer(1), false);
    first.charge(seconds(1.1));
    let served: Arc<Mutex<Vec<u8>>> = Arc::default();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..3 {
        let (cpu, served) = (budget.connection(peer(1), false), Arc::clone(&served));
        let work = {
            let cpu = Arc::clone(&cpu);
            async move {
                lock(&served).push(number);
                cpu.charge(seconds(0.1));
            }
        };
        tasks.spawn(Metered::connection(work, &cpu));
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    while tasks.join_next().await.is_some() {}
    assert_eq!(*lock(&served), [0, 1, 2]);
    // A fifth of a second for each.
    assert!(begun.elapsed() >= seconds(0.55), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn no_core_is_kept_for_a_caller_who_waits_to_be_known() {
    let budget = CpuBudget::of(0.5, 1.0, 2);
    let cpu = budget.connection(peer(1), false);
    // Long after the last that was seen: only requests under way count.
    let kept = || !cpu.spare().is_idle(Instant::now() + seconds(10.0));
    let request = RunningRequest::begin(&cpu);
    assert!(kept());
    let stranger = cpu.wait_as_stranger();
    assert!(!kept());
    drop(stranger);
    assert!(kept(), "it goes on");
    let stranger = cpu.wait_as_stranger();
    cpu.authenticated();
    assert!(kept(), "another request has shown who it is");
    drop(stranger);
    drop(request);
    assert!(!kept(), "each is counted once");
}

#[tokio::test]
async fn frames_beside_an_open_stream_wait() {
    let (budget, _needed) = budget();
    let cpu = budget.connection(peer(1), false);
    cpu.charge(seconds(10.0));
    // Of a stream, which is a task of its own.
    let _open = RunningRequest::begin(&cpu);
    let frames = async { panic!("the connection was polled") };
    assert!(Metered::connection(frames, &cpu).now_or_never().is_none());
}

#[tokio::test]
async fn a_task_waits_for_nothing_from_the_begin_of_a_request_to_its_answer() {
    for wrap in [Metered::connection, Metered::begun] {
        let (budget, _needed) = budget();
        let cpu = budget.connection(peer(1), false);
        let polls = Arc::new(AtomicU64::new(0));
        let request = {
            let (cpu, polls, mut begin) = (Arc::clone(&cpu), Arc::clone(&polls), Begin::default());
            poll_fn(move |context| {
                match polls.fetch_add(1, Ordering::Relaxed) {
                    0 => assert!(begin.poll(&cpu, context).is_ready()),
                    1 => {}
                    _ => answered(),
                }
                Poll::<()>::Pending
            })
        };
        let mut task = wrap(request, &cpu);
        let polled = |task: &mut Metered<_>| {
            assert!(task.now_or_never().is_none());
            polls.load(Ordering::Relaxed)
        };
        assert_eq!(polled(&mut task), 1);
        cpu.charge(seconds(10.0));
        assert_eq!(polled(&mut task), 2, "it runs");
        assert_eq!(polled(&mut task), 3, "until it has its answer");
        assert_eq!(polled(&mut task), 3, "which waits");
    }
}
