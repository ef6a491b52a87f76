//! What the clients were told, kept outside of the server: it is what a crash must not contradict.

use std::collections::HashMap;

use daystar_client::CallError;
use daystar_model::ObjectId;
use parking_lot::Mutex;

use crate::game::{Deed, Event, REFUSED_AFTER};

/// What the clients of one server were told.
#[derive(Default)]
pub(crate) struct Ledger {
    entries: Mutex<Entries>,
    /// Everything is durable on this server.
    is_durable: bool,
}

#[derive(Default)]
pub(crate) struct Entries {
    /// What was asked for, by request, as the receipt for it would say.
    pub(crate) asked: HashMap<u64, Deed>,
    pub(crate) told: Vec<Told>,
    /// The sessions that were let in, as they are written; and whether they were told when it was on disk.
    pub(crate) joined: Vec<(String, bool)>,
    /// The highest number that anybody was told.
    highest: u64,
    /// What the clients saw for themselves that must not be.
    pub(crate) problems: Vec<String>,
}

/// That the world has come so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) number: u64,
    /// The request that got this number; none, if someone just looked.
    pub(crate) request: Option<u64>,
    pub(crate) is_durable: bool,
}

impl Ledger {
    pub(crate) fn new(is_durable: bool) -> Self {
        Self { entries: Mutex::default(), is_durable }
    }

    /// Is about to ask for `deed`. The highest number that anybody was told before.
    pub(crate) fn ask(&self, request: u64, deed: Option<Deed>) -> u64 {
        let mut entries = self.entries.lock();
        if let Some(deed) = deed {
            entries.asked.insert(request, deed);
        }
        entries.highest
    }

    pub(crate) fn joined(&self, session: u64) {
        let session = ObjectId::from_raw(session).to_string();
        self.entries.lock().joined.push((session, self.is_durable));
    }

    /// An event has come.
    pub(crate) fn heard(&self, event: Event) {
        if let Event::Done { request, number, is_durable } = event {
            self.tell(Told { number, request: Some(request), is_durable });
        }
    }

    /// A call is over that was begun when somebody had been told of the number `before`: what it tells of comes after that.
    pub(crate) fn answered(
        &self,
        request: u64,
        before: u64,
        is_durable: bool,
        answer: &Result<Option<Event>, CallError>,
    ) {
        let (number, request, is_after) = match answer {
            Ok(Some(Event::Done { request: of, number, .. })) if *of == request => {
                (*number, Some(request), *number > before)
            }
            Ok(Some(Event::Seen { last, .. })) => (*last, None, *last >= before),
            Err(CallError::Refused(reason)) => {
                let last = reason.strip_prefix(REFUSED_AFTER).and_then(|last| last.parse().ok());
                let Some(last) = last else { return self.problem(format!("refused: {reason}")) };
                (last, None, last >= before)
            }
            // It will be found out whether it has happened.
            Err(_) => return,
            Ok(other) => return self.problem(format!("request {request} was answered {other:?}")),
        };
        if !is_after {
            self.problem(format!("{number} was told to one who asked after {before} was told"));
        }
        self.tell(Told { number, request, is_durable });
    }

    /// How often anybody was told anything.
    pub(crate) fn told(&self) -> usize {
        let entries = self.entries.lock();
        entries.told.len() + entries.joined.len()
    }

    pub(crate) fn take(&self) -> Entries {
        std::mem::take(&mut self.entries.lock())
    }

    fn tell(&self, mut told: Told) {
        told.is_durable |= self.is_durable;
        let mut entries = self.entries.lock();
        entries.highest = entries.highest.max(told.number);
        entries.told.push(told);
    }

    fn problem(&self, problem: String) {
        self.entries.lock().problems.push(problem);
    }
}
