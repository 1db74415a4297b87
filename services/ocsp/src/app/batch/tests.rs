use std::sync::Mutex;

use futures::future::join_all;
use kit::error::Kind;
use tonic::{Code, Status};

use super::*;

/// Questions of each call.
type Calls = Arc<Mutex<Vec<Vec<usize>>>>;

/// Doubles, and notes what it was asked. Answers nothing before `gate` opens. A question has a KiB for each of its count.
fn doubling(most: usize, gate: &Arc<Semaphore>) -> (Batches<usize, usize, usize>, Calls) {
    let calls = Calls::default();
    let (noted, gate) = (Arc::clone(&calls), Arc::clone(gate));
    let bounds = Bounds {
        questions: most,
        octets: |question| question * 1024,
    };
    let batches = Batches::start(
        ("test", "other"),
        bounds,
        move |_: &usize, questions: &[&usize]| {
            let questions: Vec<usize> = questions.iter().copied().copied().collect();
            noted.lock().unwrap().push(questions.clone());
            let gate = Arc::clone(&gate);
            async move {
                let _open = gate.acquire().await;
                if questions.contains(&13) {
                    return Err(Error::keymgr(kit::grpc::status(Error::invalid("message", "13"))));
                }
                if questions.contains(&17) {
                    return Err(Error::keymgr(Status::new(Code::Unavailable, "away")));
                }
                let doubled = questions.into_iter().filter(|question| *question != 19);
                Ok(doubled.map(|question| question * 2).collect())
            }
        },
    );
    (batches, calls)
}

/// Asks each by itself, at the same time.
async fn ask_each(
    batches: &Batches<usize, usize, usize>,
    questions: impl IntoIterator<Item = usize>,
) -> Vec<Result<Vec<usize>, Error>> {
    join_all(
        questions
            .into_iter()
            .map(|question| batches.ask(0, vec![question])),
    )
    .await
}

fn sizes(calls: &Calls) -> Vec<usize> {
    calls.lock().unwrap().iter().map(Vec::len).collect()
}

#[tokio::test]
async fn all_that_waits_goes_together_and_each_gets_its_own_answer() {
    let gate = Arc::new(Semaphore::new(1));
    let (batches, calls) = doubling(8, &gate);
    assert_eq!(batches.ask(0, vec![1]).await.unwrap(), [2]);
    let answers = ask_each(&batches, 20..40).await;
    let answers: Vec<usize> = answers.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(answers, (20..40).map(|question| question * 2).collect::<Vec<_>>());
    assert_eq!(sizes(&calls), [1, 8, 8, 4]);

    let several = [vec![1, 2, 3], vec![], vec![4, 5], vec![6, 7, 8, 9]];
    let answers = join_all(several.clone().map(|questions| batches.ask(0, questions))).await;
    for (questions, answers) in several.iter().zip(answers) {
        let doubled: Vec<usize> = questions.iter().map(|question| question * 2).collect();
        assert_eq!(answers.unwrap(), doubled);
    }
    assert_eq!(sizes(&calls)[4..], [5, 4], "a request is not cut");
}

#[tokio::test]
async fn questions_of_several_keys_are_asked_by_several_calls() {
    let gate = Arc::new(Semaphore::new(1));
    let (batches, calls) = doubling(8, &gate);
    let answers = join_all((1..=4).map(|question| batches.ask(question % 2, vec![question]))).await;
    let answers: Vec<usize> = answers.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(answers, [2, 4, 6, 8]);
    let mut calls = calls.lock().unwrap().clone();
    calls.sort();
    assert_eq!(calls, [[1, 3], [2, 4]]);
}

#[tokio::test]
async fn a_call_has_no_more_octets_than_its_message_may_have() {
    let gate = Arc::new(Semaphore::new(1));
    let (batches, calls) = doubling(512, &gate);
    // 64 KiB each: 32 of them are 2 MiB.
    let answers = ask_each(&batches, [64; 128]).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(sizes(&calls), [32; 4]);
    // What is larger goes alone.
    let answers = ask_each(&batches, [1, 3000, 1]).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(sizes(&calls)[4..], [1, 1, 1]);
}

#[tokio::test]
async fn a_message_that_is_refused_takes_no_other_with_it() {
    let gate = Arc::new(Semaphore::new(1));
    let (batches, calls) = doubling(128, &gate);
    let answers = ask_each(&batches, (0..128).map(|place| if place == 77 { 13 } else { 1 })).await;
    let (worked, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.is_ok());
    assert_eq!((worked.len(), refused.len()), (127, 1));
    assert_eq!(refused[0].as_ref().unwrap_err().kind(), Kind::Invalid);
    // Two for each half of a half.
    assert_eq!(calls.lock().unwrap().len(), 1 + 2 * 7);
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_not_asked_for_each_by_itself() {
    let gate = Arc::new(Semaphore::new(1));
    let (batches, calls) = doubling(2, &gate);
    let answers = ask_each(&batches, [16, 17, 18, 19, 20, 21]).await;
    let worked: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(worked, [false, false, false, false, true, true]);
    assert_eq!(sizes(&calls), [2, 2, 2]);
    let text = answers[2].as_ref().unwrap_err().to_string();
    assert!(text.contains("other answered 1 answers to 2 questions"), "{text}");
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_a_request_takes_one_place_of_it() {
    let gate = Arc::new(Semaphore::new(0));
    let (batches, _) = doubling(1, &gate);
    let many = || batches.ask(0, vec![0; 100]);
    let half = join_all((0..QUEUE / 2).map(|_| many()));
    tokio::pin!(half);
    assert!(futures::poll!(&mut half).is_pending());
    let mut one = std::pin::pin!(many());
    assert!(futures::poll!(&mut one).is_pending());
    let rest = join_all((0..QUEUE / 2 + CALLS + 10).map(|_| many()));
    tokio::pin!(rest);
    assert!(futures::poll!(&mut rest).is_pending());
    assert!(matches!(many().await, Err(Error::Busy)));
}
