//! A fault of the store is told to the operator once when it begins and once when it ends, however many are refused
//! meanwhile. A program of its own, since its log must be of nothing else.

mod bank;
mod stage;

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use daystar::Server;

use bank::{Bank, Request, join};
use stage::{Mood, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_is_logged_once_and_its_end_once() {
    tracing_subscriber::fmt().with_ansi(false).with_writer(|| LogLine).init();
    let store = Stage::new();
    let server = Server::builder(Bank).store(store.clone()).start().expect("a server");
    let _well = store.well_at_last();
    let (ann, _ann_hears) = join(server.address(), "ann").await;
    let (_bob, _bob_hears) = join(server.address(), "bob").await;
    let gift = Request::Give { to: "bob".to_owned(), gold: 1 };
    ann.call(&Request::Enter { entry: 1, after_ms: 200 }).await.expect("scheduled");
    ann.call_durable(&Request::Look).await.expect("an answer");
    store.set(Mood::Full);
    ann.call(&gift).await.expect("nobody knows yet");
    while store.refused().len() < 4 {
        let _refused = ann.call(&gift).await;
    }
    store.set(Mood::Well);
    while server.journal().refusing.is_some() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    server.stop().expect("a clean end");
    let log = LOG.lock().expect("the log").clone();
    let found = |level: &str| log.lines().filter(|line| line.contains(level)).collect::<Vec<_>>();
    let errors = found("ERROR");
    assert!(errors.len() == 1 && errors[0].contains("no space is left"), "{errors:#?}");
    assert_eq!(found("WARN"), Vec::<&str>::new());
    let ends = log.matches("the store takes commits again").count();
    assert_eq!(ends, 1, "{log}");
}

static LOG: Mutex<String> = Mutex::new(String::new());

struct LogLine;

impl io::Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().expect("the log").push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
