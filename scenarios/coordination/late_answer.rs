//! A sender left behind: the one who asked has given up.

use selvedge::prelude::*;

selvedge::scenario!(late_answer);

struct Request {
    answer: channel::Sender<u32>,
    waits: Mutex<Option<channel::Receiver<u32>>>,
    kept: AtomicU32,
}

const TAKEN_OUT: &str = "every process has a copy of the receiver that one of them takes out of the state";

/// What the asker got, and what the answerer kept.
type Seen = (u32, u32);

fn late_answer() -> Scenario<Seen> {
    Scenario::new("An actor looks for an answer, gives up if there is none yet, and goes. Is the answer ever lost?")
        .acceptable("the asker got it", |&seen| seen == (7, 0))
        .acceptable("the answerer kept it", |&seen| seen == (0, 7))
        .forbidden("neither of them has it", |_| true)
        .design("sent, and never mind", answered(|request| request.answer.send(7).unwrap_or(())).expect(Forbidden).not_on(Processes, TAKEN_OUT))
        .design("kept if it cannot be sent", answered(keep_what_comes_back).expect(Forbidden).not_on(Processes, TAKEN_OUT))
        .design("sent or kept under the lock that closes", answered_at_the_end().expect(Safe).not_on(Processes, TAKEN_OUT))
        .in_practice(
            "an error from send means that the value came back: keep it. But a success means that it is in the channel, and \
             no more: the asker may leave before it looks. Where no answer may be lost, look and close in one step, under \
             a lock.",
        )
}

fn keep_what_comes_back(request: &Request) {
    if let Err(refused) = request.answer.send(7) {
        request.kept.store(refused.0, Relaxed);
    }
}

fn open() -> Request {
    let (answer, waits) = channel::bounded(1);
    Request { answer, waits: Mutex::new(Some(waits)), kept: AtomicU32::new(0) }
}

/// The asker looks once and leaves: if it has nothing, the channel is closed with whatever came since.
fn answered(answer: impl Fn(&Request) + Send + Sync + 'static) -> Design<Request, u32, Seen> {
    Design::new(open)
        .actor("asks", move |request| {
            let got = request.waits.lock().ok().and_then(|waits| waits.as_ref()?.try_recv().ok());
            if let Ok(mut waits) = request.waits.lock() {
                waits.take();
            }
            got.unwrap_or(0)
        })
        .actor("answers", move |request| {
            answer(request);
            0
        })
        .observe(|request, got| (got[0], request.kept.load(Relaxed)))
}

fn answered_at_the_end() -> Design<Request, u32, Seen> {
    Design::new(open)
        .actor("asks", |request| {
            // Looked, and closed, in one step: whatever was sent before is here, and nothing is sent afterwards.
            let Ok(mut waits) = request.waits.lock() else { return 0 };
            waits.take().and_then(|waits| waits.try_recv().ok()).unwrap_or(0)
        })
        .actor("answers", |request| {
            let Ok(waits) = request.waits.lock() else { return 0 };
            if waits.is_some() {
                request.answer.send(7).ok();
            } else {
                request.kept.store(7, Relaxed);
            }
            0
        })
        .observe(|request, got| (got[0], request.kept.load(Relaxed)))
}
