//! Frames that are held, and all that comes behind them.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::net::tests::soon;

struct Setting {
    watermark: Arc<Watermark>,
    outbox: Outbox,
}

impl Setting {
    fn new() -> Self {
        let watermark = Arc::new(Watermark::new(0));
        let outbox = Outbox::new(&Limits::default(), Arc::clone(&watermark));
        Self { watermark, outbox }
    }

    fn push(&self, text: &'static str, until: u64) {
        self.outbox.push(Bytes::from_static(text.as_bytes()), Hold::until(until));
    }

    /// What the writer gets now, without waiting; and whether that is all there will be.
    fn sent(&self) -> (Vec<Bytes>, bool) {
        let mut frames = Vec::new();
        let taken =
            pin!(self.outbox.take(&mut frames)).poll(&mut Context::from_waker(Waker::noop()));
        let last = match taken {
            Poll::Ready(last) => last,
            Poll::Pending => return (Vec::new(), false),
        };
        let is_last = last.is_some();
        frames.extend(last);
        (frames, is_last)
    }

    /// The same, of frames that are all text.
    fn texts(&self) -> Vec<String> {
        self.sent().0.iter().map(|frame| String::from_utf8_lossy(frame).into_owned()).collect()
    }
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
    for _ in 0..11 {
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
    let mut frames = Vec::new();
    {
        let mut taken = pin!(setting.outbox.take(&mut frames));
        assert!(poll_once(taken.as_mut()).is_pending());
        setting.watermark.rise(4);
        assert!(poll_once(taken.as_mut()).is_pending());
        setting.watermark.rise(5);
        assert_eq!(soon(taken).await, None);
    }
    assert_eq!(frames, [Bytes::from_static(b"a")]);
}

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
