//! Frames that are held, and all that comes behind them.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use daystar_protocol::frame::FrameDecoder;

use super::*;
use crate::net::tests::soon;

struct Setting {
    watermark: Arc<Watermark>,
    outbox: Outbox,
}

impl Setting {
    fn new() -> Self {
        Self::with(&Limits::default())
    }

    fn with(limits: &Limits) -> Self {
        let watermark = Arc::new(Watermark::new(0));
        let outbox = Outbox::new(limits, Arc::clone(&watermark), None, Broken::default());
        Self { watermark, outbox }
    }

    /// What is patient waits so long.
    fn of_patience(channel_delay: Duration) -> Self {
        Self::with(&Limits { channel_delay, ..Limits::default() })
    }

    fn push(&self, text: &'static str, until: u64) {
        self.outbox.push(event(text), Hold::until(until));
    }

    /// What the writer gets now, without waiting; and whether that is all there will be.
    fn sent(&self) -> (Vec<Bytes>, bool) {
        let mut batch = Batch::default();
        let taken = pin!(self.outbox.take(1, || Some(1000), &mut batch))
            .poll(&mut Context::from_waker(Waker::noop()));
        let last = match taken {
            Poll::Ready(last) => last,
            Poll::Pending => return (Vec::new(), false),
        };
        let is_last = last.is_some();
        batch.frames.extend(last);
        (batch.frames, is_last)
    }

    /// The same, of frames that are all text.
    fn texts(&self) -> Vec<String> {
        texts(&self.sent().0)
    }
}

fn event(text: &str) -> Bytes {
    ToClient::Event { payload: Bytes::copy_from_slice(text.as_bytes()) }.encode()
}

/// What events say that come in pieces.
fn texts(pieces: &[Bytes]) -> Vec<String> {
    let stream: Vec<u8> = pieces.iter().flatten().copied().collect();
    let mut decoder = FrameDecoder::<ToClient>::new(1 << 20);
    let mut rest = &stream[..];
    let mut texts = Vec::new();
    while let Some(frame) = decoder.handle_bytes(&mut rest).unwrap() {
        let ToClient::Event { payload } = frame else { continue };
        texts.push(String::from_utf8_lossy(&payload).into_owned());
    }
    texts
}

/// What of a mixture is sent as the mark rises; in order, it is a prefix each time.
fn rounds(setting: &Setting) -> Vec<Vec<String>> {
    for (text, until) in [("a", 0), ("b", 7), ("c", 0), ("d", 6), ("e", 9), ("f", 0)] {
        setting.push(text, until);
    }
    let rounds = [0, 6, 7, 8, 9].map(|mark| {
        setting.watermark.rise(mark);
        setting.texts()
    });
    rounds.to_vec()
}

fn is_in_order(rounds: &[Vec<String>]) -> bool {
    rounds.concat().is_sorted()
}

#[test]
fn what_is_held_waits_and_all_behind_it_with_it() {
    let rounds = rounds(&Setting::new());
    let wanted: [&[&str]; 5] = [&["a"], &[], &["b", "c", "d"], &[], &["e", "f"]];
    assert_eq!(rounds, wanted);
    assert!(is_in_order(&rounds));
}

#[test]
fn frames_that_overtake_are_caught() {
    let setting = Setting::new();
    setting.outbox.queue.lock().is_broken = true;
    assert!(!is_in_order(&rounds(&setting)), "the break was not seen");
}

#[test]
fn what_is_safe_already_is_not_held() {
    let setting = Setting::new();
    setting.watermark.rise(7);
    setting.push("a", 7);
    setting.push("b", 8);
    assert_eq!(setting.texts(), ["a"]);
    setting.watermark.rise(3);
    assert!(!setting.watermark.has_reached(Hold::until(8)), "the mark only rises");
    assert!(setting.watermark.has_reached(Hold::until(7)), "the mark only rises");
}

#[test]
fn the_end_waits_behind_what_is_held_and_for_its_own() {
    let setting = Setting::new();
    setting.push("a", 5);
    setting.outbox.close("night", Hold::until(6));
    setting.push("too late", 0);
    assert_eq!(setting.sent(), (vec![], false));
    assert!(setting.outbox.is_held());
    setting.watermark.rise(5);
    assert_eq!(setting.texts(), ["a"]);
    assert!(setting.outbox.is_held(), "the reason itself is not safe");
    assert_eq!(setting.sent(), (vec![], false));
    setting.watermark.rise(6);
    assert!(!setting.outbox.is_held());
    let closing = ToClient::Closing { reason: "night".to_owned() }.encode();
    assert_eq!(setting.sent(), (vec![closing], true));
}

#[test]
fn what_is_dropped_is_dropped_also_when_it_is_held() {
    let setting = Setting::new();
    setting.push("a", 5);
    setting.outbox.drop_all(CloseCode::Violation, "no".to_owned());
    setting.watermark.rise(5);
    assert_eq!(setting.sent(), (vec![], false));
    assert!(!setting.outbox.is_held());
}

#[test]
fn more_than_may_wait_for_the_disk_is_not_called_slow_reading() {
    let setting = Setting::new();
    let frame = Bytes::from(vec![0; 100 * 1024]);
    for _ in 0..12 {
        setting.outbox.push(frame.clone(), Hold::until(1));
    }
    let end = setting.outbox.queue.lock().end.clone();
    let Some((End::Dropped(CloseCode::Busy, reason), Hold::NONE)) = end else { panic!("{end:?}") };
    assert!(reason.contains("cannot store"), "{reason}");
}

#[tokio::test]
async fn the_writer_wakes_when_the_mark_is_reached() {
    let setting = Setting::new();
    setting.push("a", 5);
    let mut batch = Batch::default();
    {
        let mut taken = pin!(setting.outbox.take(1, || None, &mut batch));
        assert!(poll_once(taken.as_mut()).is_pending());
        setting.watermark.rise(4);
        assert!(poll_once(taken.as_mut()).is_pending());
        setting.watermark.rise(5);
        assert_eq!(soon(taken).await, None);
    }
    assert_eq!(texts(&batch.frames), ["a"]);
}

/// Whoever says something patiently.
fn patiently(text: &str) -> Say {
    let (frame, hold) = (event(text), Hold::NONE);
    Say { frame, hold, delivery: Delivery::Ordered, is_patient: true }
}

#[tokio::test]
async fn what_is_patient_waits_for_more_but_not_for_ever() {
    let setting = Setting::of_patience(Duration::from_millis(20));
    let began = Instant::now();
    setting.outbox.say([patiently("a")]);
    let mut batch = Batch::default();
    {
        let mut taken = pin!(setting.outbox.take(1, || None, &mut batch));
        assert!(poll_once(taken.as_mut()).is_pending());
        setting.outbox.say([patiently("b")]);
        assert!(poll_once(taken.as_mut()).is_pending());
        assert_eq!(soon(taken).await, None);
    }
    assert_eq!(texts(&batch.frames), ["a", "b"]);
    // A quarter, should this test have been held up.
    assert!(began.elapsed() >= Duration::from_millis(5), "it did not wait");
}

#[tokio::test]
async fn who_has_not_been_sent_anything_for_long_waits_for_a_quarter_of_the_time() {
    let patience = Duration::from_millis(20);
    let now = Instant::now();
    let waits = |taken_at: Instant| {
        let queue = Queue { taken_at, ..Queue::of(1) };
        queue.due_after(now, patience) - now
    };
    assert_eq!(waits(now), patience);
    assert_eq!(waits(now - patience), patience);
    assert_eq!(waits(now - patience - Duration::from_millis(1)), patience / 4);

    // Whatever is taken counts, also a reply.
    let setting = Setting::of_patience(Duration::from_secs(3600));
    setting.outbox.queue.lock().taken_at = now - Duration::from_secs(1);
    setting.push("a", 0);
    assert_eq!(setting.texts(), ["a"]);
    assert!(setting.outbox.queue.lock().taken_at >= now);
}

#[tokio::test]
async fn what_is_not_patient_takes_along_what_waits() {
    let setting = Setting::of_patience(Duration::from_secs(3600));
    setting.outbox.say([patiently("a")]);
    let mut batch = Batch::default();
    {
        let mut taken = pin!(setting.outbox.take(1, || None, &mut batch));
        assert!(poll_once(taken.as_mut()).is_pending());
        setting.push("b", 0);
        assert_eq!(soon(taken).await, None);
    }
    assert_eq!(texts(&batch.frames), ["a", "b"]);
    // Nor does an end wait.
    setting.outbox.say([patiently("c")]);
    setting.outbox.close("over", Hold::NONE);
    assert_eq!(setting.texts(), ["c"]);
}

#[tokio::test]
async fn what_has_waited_for_the_disk_does_not_wait_for_what_is_patient() {
    let setting = Setting::of_patience(Duration::from_secs(3600));
    setting.outbox.say([patiently("a")]);
    setting.push("b", 5);
    let mut batch = Batch::default();
    {
        let mut taken = pin!(setting.outbox.take(1, || None, &mut batch));
        assert!(poll_once(taken.as_mut()).is_pending());
        setting.watermark.rise(5);
        assert_eq!(soon(taken).await, None);
    }
    assert_eq!(texts(&batch.frames), ["a", "b"]);
}

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

impl Setting {
    fn say(&self, text: &str, delivery: Delivery, until: u64) {
        self.outbox.say([Say {
            frame: event(text),
            hold: Hold::until(until),
            delivery,
            is_patient: false,
        }]);
    }

    /// What is sent by stream and by datagram.
    fn both(&self) -> (Vec<String>, Vec<Bytes>) {
        let mut batch = Batch::default();
        let waker = &mut Context::from_waker(Waker::noop());
        let _ = pin!(self.outbox.take(1, || Some(10), &mut batch)).poll(waker);
        (texts(&batch.frames), batch.datagrams)
    }
}

#[test]
fn the_latest_takes_the_place_of_what_waits_and_overtakes_nothing() {
    let setting = Setting::new();
    setting.say("x1", Delivery::Latest(1), 0);
    setting.say("y1", Delivery::Latest(2), 0);
    setting.push("a", 0);
    setting.say("x2", Delivery::Latest(1), 0);
    assert_eq!(setting.texts(), ["y1", "a", "x2"]);
    setting.say("x3", Delivery::Latest(1), 0);
    assert_eq!(setting.texts(), ["x3"], "what was taken is sent");
}

#[test]
fn a_key_that_is_replaced_for_ever_takes_no_more_room() {
    let setting = Setting::new();
    setting.push("a", 0);
    for number in 0..10_000 {
        setting.say(&format!("x{number}"), Delivery::Latest(1), 0);
        setting.say(&format!("y{number}"), Delivery::Latest(2), 0);
    }
    let places = setting.outbox.queue.lock().ready.len();
    assert!(places < 300, "{places}");
    assert_eq!(setting.texts(), ["a", "x9999", "y9999"]);
    assert_eq!(setting.outbox.queue.lock().bytes, 0, "all was accounted for");
}

#[test]
fn a_latest_that_is_held_lets_the_one_before_be_sent() {
    let setting = Setting::new();
    setting.say("x1", Delivery::Latest(1), 0);
    let _sent = setting.texts();
    // Each waits for the disk: were each to replace the one before, nothing would ever be sent.
    for until in 5..8 {
        setting.say(&format!("x{until}"), Delivery::Latest(1), until);
    }
    setting.watermark.rise(6);
    assert_eq!(setting.texts(), ["x6"]);
    setting.watermark.rise(7);
    assert_eq!(setting.texts(), ["x7"]);
}

#[test]
fn a_latest_that_was_held_is_replaced_also_while_nobody_takes_anything() {
    let setting = Setting::new();
    let text = "x".repeat(100 * 1024);
    for until in 1..100 {
        setting.say(&format!("{until}{text}"), Delivery::Latest(1), until);
        setting.watermark.rise(until);
    }
    let last = setting.texts();
    assert!(last.len() == 1 && last[0].starts_with("99x"), "{} are left", last.len());
}

#[test]
fn a_client_is_slow_until_the_writer_has_taken_what_could_be_sent() {
    let setting = Setting::with(&Limits { slow_bytes: 1000, ..Limits::default() });
    let (outbox, text) = (&setting.outbox, "x".repeat(2000));
    let is_fast = || {
        let mut context = Context::from_waker(Waker::noop());
        pin!(outbox.is_fast()).poll(&mut context).is_ready() && !outbox.is_slow()
    };
    let ends: [&dyn Fn(); 4] =
        [&|| drop(setting.texts()), &|| outbox.left(1), &|| outbox.detach(), &|| {
            outbox.resume(1, 0, event("back")).expect("nothing was received")
        }];
    for (until, end) in (5..).zip(ends) {
        setting.say(&text, Delivery::Ordered, until);
        assert!(is_fast(), "it waits for the disk, and not for the client");
        setting.watermark.rise(until);
        let mut fast = Box::pin(outbox.is_fast());
        setting.push_text(&text);
        let mut context = Context::from_waker(Waker::noop());
        assert!(!is_fast() && fast.as_mut().poll(&mut context).is_pending());
        end();
        assert!(is_fast() && fast.as_mut().poll(&mut context).is_ready());
        // Over a new connection all of it goes again.
        outbox.resume(1, 0, event("again")).expect("nothing was received");
        assert!(setting.sent().0.len() > 1);
    }
}

#[test]
fn nobody_is_slow_who_has_no_writer() {
    let setting = Setting::with(&Limits { slow_bytes: 1000, ..Limits::default() });
    setting.outbox.detach();
    setting.push_text(&"x".repeat(2000));
    assert!(!setting.outbox.is_slow(), "nobody would ever come for it");
}

#[test]
fn what_may_be_lost_goes_by_datagram_if_it_fits_and_not_before_it_may() {
    let setting = Setting::new();
    setting.say("short", Delivery::Unreliable, 0);
    setting.say("far too long for it", Delivery::Unreliable, 0);
    setting.push("a", 0);
    let (stream, datagrams) = setting.both();
    assert_eq!(datagrams, [Bytes::from_static(b"\x83short")]);
    assert_eq!(stream, ["a", "far too long for it"]);
    setting.say("held", Delivery::Unreliable, 5);
    assert_eq!(setting.both(), (vec![], vec![]));
    setting.watermark.rise(5);
    assert_eq!(setting.both().1, [Bytes::from_static(b"\x83held")]);
}

#[test]
fn a_slow_client_loses_first_what_may_be_lost_and_is_then_dropped() {
    let setting = Setting::new();
    let text = "x".repeat(100 * 1024);
    for _ in 0..6 {
        setting.push_text(&text);
    }
    setting.say("lost", Delivery::Unreliable, 0);
    assert!(setting.outbox.queue.lock().datagrams.is_empty());
    assert!(setting.outbox.queue.lock().end.is_none());
    for _ in 0..6 {
        setting.push_text(&text);
    }
    let end = setting.outbox.queue.lock().end.clone();
    assert!(matches!(end, Some((End::Dropped(CloseCode::TooSlow, _), _))), "{end:?}");
}

#[test]
fn what_is_not_acknowledged_counts_as_waiting() {
    let setting = Setting::new();
    let text = "x".repeat(100 * 1024);
    for number in 1..100 {
        setting.push_text(&text);
        let _sent = setting.sent();
        setting.outbox.acknowledged(number).unwrap();
    }
    assert!(setting.outbox.queue.lock().end.is_none(), "who acknowledges may have any amount");
    for _ in 0..12 {
        setting.push_text(&text);
        let _sent = setting.sent();
    }
    let end = setting.outbox.queue.lock().end.clone();
    assert!(matches!(end, Some((End::Dropped(CloseCode::TooSlow, _), _))), "{end:?}");
}

impl Setting {
    fn push_text(&self, text: &str) {
        self.outbox.push(event(text), Hold::NONE);
    }

    /// What a client that comes back over connection 2 is sent, having received so many.
    fn resumed(&self, received: u64) -> Vec<String> {
        let first = ToClient::Ack { received: 0 }.encode();
        self.outbox.resume(2, received, first).unwrap();
        let mut batch = Batch::default();
        let waker = &mut Context::from_waker(Waker::noop());
        let _ = pin!(self.outbox.take(2, || Some(10), &mut batch)).poll(waker);
        texts(&batch.frames)
    }
}

#[test]
fn who_comes_back_gets_what_was_missed_then_what_waits_and_nothing_that_is_held() {
    let setting = Setting::new();
    for text in ["a", "b", "c"] {
        setting.push(text, 0);
    }
    assert_eq!(setting.texts(), ["a", "b", "c"]);
    setting.outbox.detach();
    setting.push("d", 0);
    setting.say("lost", Delivery::Unreliable, 0);
    setting.push("e", 5);
    assert_eq!(setting.resumed(1), ["b", "c", "d"]);
    assert_eq!(setting.texts(), [""; 0], "the old connection's writer gets nothing any more");
    setting.watermark.rise(5);
    let mut batch = Batch::default();
    let waker = &mut Context::from_waker(Waker::noop());
    let _ = pin!(setting.outbox.take(2, || None, &mut batch)).poll(waker);
    assert_eq!(texts(&batch.frames), ["e"]);
}
