//! `inspect orphans`: objects that nothing leads to any more, neither a name, a session or a task nor what one of those leads to.
//!
//! What is reached is marked with a bit for each id, so that a world of any size can be looked at; the objects themselves are
//! read one at a time.

use std::collections::HashMap;
use std::io::Write;
use std::ops::ControlFlow;

use daystar_model::show::{Reference, References, Value};
use daystar_model::{Object, ObjectId, Record, Space, Store, StoreError};
use daystar_store::Moment;
use indicatif::HumanCount;

use crate::cli::failure::Failure;
use crate::cli::inspect::{Lines, quiet_terminal};
use crate::cli::progress::Progress;
use crate::cli::shown::{Names, shown};
use crate::game::references::refer;

/// Shows all orphans, or those of a type.
pub(super) fn show(
    moment: &Moment,
    type_name: Option<&str>,
    limit: u64,
    pretty: bool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let names = Names::of(moment, None)?;
    let mut lines = Lines::new(limit, pretty, out);
    let unreadable = each_orphan(moment, &mut |id, bytes, is_referred| {
        if lines.is_full() {
            return ControlFlow::Break(());
        }
        let is_meant = type_name.is_none_or(|wanted| {
            Record::parse(id, bytes).is_ok_and(|record| record.type_name == wanted)
        });
        if !is_meant {
            return ControlFlow::Continue(());
        }
        let mut line = shown(id, bytes, &names);
        if let Some(parts) = line.as_object_mut() {
            parts.insert("referred".to_owned(), Value::Bool(is_referred));
        }
        lines.print(&line)
    })?;
    lines.end()?;
    if unreadable > 0 {
        let unreadable = HumanCount(unreadable);
        eprintln!(
            "{unreadable} objects or parts of them cannot be read or looked into; `verify` lists those that are damaged, and \
             what only they refer to is listed here"
        );
    }
    Ok(())
}

/// What is called with each orphan, its bytes, and whether another one refers to it.
type Visit<'v> = dyn FnMut(ObjectId, &[u8], bool) -> ControlFlow<()> + 'v;

/// Calls `visit` with each object that nothing leads to, in id order. How
/// often something could not be read that may have led to more.
fn each_orphan(moment: &Moment, visit: &mut Visit<'_>) -> Result<u64, StoreError> {
    let progress = quiet_terminal().then(|| Progress::of("following"));
    let mut search = Search { moment, unreadable: 0, seen: 0, all: moment.records()?, progress };
    let mut reached = Marks::default();
    for space in [Space::Name, Space::Session, Space::Task] {
        search.each(space, &mut reached, |search, reached, _, value| {
            let found = search.references(value, None);
            search.reach(found, reached)
        })?;
    }
    let (mut referred, mut parts) = (Marks::default(), Marks::default());
    search.each(Space::Object, &mut reached, |search, reached, id, value| {
        if reached.has(id) {
            return Ok(());
        }
        let found = search.references(value, None);
        search.refer(id, found, &mut referred, &mut parts)
    })?;
    let unreadable = search.unreadable;
    // And with it the bar, before anything is shown.
    drop(search);
    moment.walk(Space::Object.first(), Space::Object.last(), &mut |id, bytes| {
        if reached.has(id) {
            return ControlFlow::Continue(());
        }
        visit(id, bytes, referred.has(id))
    })?;
    Ok(unreadable)
}

struct Search<'m> {
    moment: &'m Moment,
    unreadable: u64,
    seen: u64,
    all: u64,
    progress: Option<Progress>,
}

impl Search<'_> {
    /// Calls `visit` with everything in `space` that can be read, and counts what cannot.
    fn each(
        &mut self,
        space: Space,
        reached: &mut Marks,
        mut visit: impl FnMut(&mut Self, &mut Marks, ObjectId, &dyn Object) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (moment, mut outcome) = (self.moment, Ok(()));
        moment.walk(space.first(), space.last(), &mut |id, bytes| {
            match Record::parse(id, bytes).and_then(|record| record.value()) {
                Ok(value) => outcome = visit(self, reached, id, &*value),
                // One that was reached has been counted already.
                Err(_) if space == Space::Object && reached.has(id) => {}
                Err(_) => self.unreadable += 1,
            }
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        outcome
    }

    /// Marks all that can be reached from these references.
    fn reach(&mut self, found: Vec<Reference>, reached: &mut Marks) -> Result<(), StoreError> {
        let mut is_news = |reference: &Reference| reached.mark(reference.object);
        let mut waiting = found;
        waiting.retain(&mut is_news);
        while let Some(next) = waiting.pop() {
            self.seen += 1;
            if let Some(progress) = &mut self.progress {
                progress.tell(self.seen, self.all.max(self.seen));
            }
            match self.load(next)? {
                Some(found) => waiting.extend(found.into_iter().filter(&mut is_news)),
                None => self.unreadable += 1,
            }
        }
        Ok(())
    }

    /// Marks what the orphan `from`, which has these references, refers to by itself or by a collection that it holds.
    fn refer(
        &mut self,
        from: ObjectId,
        found: Vec<Reference>,
        referred: &mut Marks,
        parts: &mut Marks,
    ) -> Result<(), StoreError> {
        let mut waiting = found;
        while let Some(next) = waiting.pop() {
            if next.object != from {
                referred.mark(next.object);
            }
            // One that cannot be read is counted where all that was not reached is gone through.
            if next.entries.is_some() && parts.mark(next.object) {
                waiting.extend(self.load(next)?.unwrap_or_default());
            }
        }
        Ok(())
    }

    /// What the object refers to that is referred to here; `None` if it cannot be read.
    fn load(&mut self, reference: Reference) -> Result<Option<Vec<Reference>>, StoreError> {
        match self.moment.load(reference.object) {
            Ok(Some((_, value))) => Ok(Some(self.references(&*value, Some(reference)))),
            // It was removed.
            Ok(None) => Ok(Some(Vec::new())),
            Err(StoreError::Record { .. }) => Ok(None),
            Err(cause) => Err(cause),
        }
    }

    fn references(&mut self, value: &dyn Object, reached_by: Option<Reference>) -> Vec<Reference> {
        let mut found = References::of(reached_by.and_then(|reference| reference.entries));
        refer(value, &mut found);
        let (mut found, unreadable) = found.into_found();
        self.unreadable += unreadable;
        found.retain(|reference| reference.object.space() == Space::Object);
        found
    }
}

/// A mark for each object that has one, in pieces, so that ids that nothing has cost nothing.
#[derive(Default)]
struct Marks {
    pieces: HashMap<u64, Box<[u64; PIECE_WORDS]>>,
}

impl Marks {
    /// Marks an object; whether it had no mark.
    fn mark(&mut self, id: ObjectId) -> bool {
        let (piece, word, bit) = Self::place(id);
        let piece = self.pieces.entry(piece).or_insert_with(|| Box::new([0; PIECE_WORDS]));
        let had = piece[word] & bit != 0;
        piece[word] |= bit;
        !had
    }

    fn has(&self, id: ObjectId) -> bool {
        let (piece, word, bit) = Self::place(id);
        self.pieces.get(&piece).is_some_and(|piece| piece[word] & bit != 0)
    }

    fn place(id: ObjectId) -> (u64, usize, u64) {
        let (word, bit) = (id.index() / 64, id.index() % 64);
        let (piece, word) = (word / PIECE_WORDS as u64, word % PIECE_WORDS as u64);
        (piece, word as usize, 1 << bit)
    }
}

/// Four kilobytes, for some thirty thousand ids.
const PIECE_WORDS: usize = 512;

#[cfg(test)]
mod tests;
