//! Judges a run: replays its commits on the model, in the order in which the sink received them.
//!
//! The sink's changes, one after another, make the world after each commit. A transaction that changed something
//! is played on the world before its commit, and must make the world after it; any other is played on the world of
//! its number. What it saw must be what the model sees there. A commit that changed something and that no committed
//! transaction owns up to is a trace of one that failed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use daystar_engine::Outcome;
use daystar_model::CommitNumber;

use crate::model::{Given, Played, World, play};
use crate::performance::{Attempted, end};
use crate::program::Program;
use crate::run::{Log, Received, Run};
use crate::subject::author;

type Verdict<T = ()> = Result<T, String>;

/// Fails with what is wrong, in words.
pub(crate) fn judge(program: &Program, run: &Run) -> Verdict {
    let case = Case {
        objects_max: program.objects_max,
        received: &run.received,
        worlds: worlds(&run.received)?,
        spoken: spoken(&run.received)?,
    };
    let mut writers = BTreeSet::new();
    for log in run.logs() {
        let writer = case.judge(log).map_err(|wrong| {
            format!("transaction {}: {wrong}\n{:?}\n{:?}", log.index, log.transaction, log.attempts)
        })?;
        if let Some(number) = writer {
            ensure(writers.insert(number), || {
                format!("two transactions changed things at {number}")
            })?;
        }
    }
    for commit in &run.received {
        let is_owned = commit.changes.is_empty() || writers.contains(&commit.number);
        ensure(is_owned, || format!("nobody owns up to the changes of {commit:?}"))?;
    }
    ids_are_fresh(run)?;
    run.threads.iter().try_for_each(|logs| time_goes_on(logs))?;
    let last = case.worlds.last();
    ensure(last == Some(&run.world), || format!("at the end {:?}, not {last:?}", run.world))
}

struct Case<'a> {
    objects_max: usize,
    received: &'a [Received],
    /// The world after each commit; first that before all.
    worlds: Vec<World>,
    /// At which commit each transaction that had effects was heard.
    spoken: BTreeMap<u32, CommitNumber>,
}

impl Case<'_> {
    /// Judges one transaction; returns the commit that changed things for it.
    fn judge(&self, log: &Log) -> Verdict<Option<CommitNumber>> {
        let attempted = log.attempts.last().ok_or("it never got to its end")?;
        attempts_agree(&log.attempts)?;
        let heard = self.spoken.get(&log.index).copied();
        let played = self.place(log, attempted, heard)?;
        let heard_effects = heard.map_or(&[][..], |heard| &self.commit(heard).effects[..]);
        ensure(heard_effects == played.effects, || {
            format!("had {heard_effects:?} done, not {:?}", played.effects)
        })?;
        match log.outcome {
            Outcome::Committed(number) if attempted.wrote => {
                self.changes_are_those_of(&played, number)?;
                Ok(Some(number))
            }
            Outcome::Committed(_) | Outcome::Failed(_) => Ok(None),
        }
    }

    /// What the model makes of the transaction at its place, where it must see what the transaction saw.
    fn place(
        &self,
        log: &Log,
        attempted: &Attempted,
        heard: Option<CommitNumber>,
    ) -> Verdict<Played> {
        let places = self.places(log, attempted.wrote, heard)?;
        let end = end(&log.outcome);
        let mut wrong = String::from("there is no place in the order that it can have");
        for place in places {
            let world =
                self.worlds.get(place as usize).ok_or("it is after all that was received")?;
            let given = Given::in_what_was(&attempted.seen);
            let transaction = (log.index, &log.transaction);
            let played = play(world, transaction, self.objects_max, log.slots, given);
            if played.seen == attempted.seen && played.end == end {
                return Ok(played);
            }
            let Played { seen, end: expected, .. } = played;
            wrong = format!(
                "on the world after {place} commits it must see {seen:?} and end as {expected:?}, not \
                 {end:?}; the world is {world:?}"
            );
        }
        Err(wrong)
    }

    /// After how many commits the transaction can have happened. Usually that is known; only one that just looked
    /// and then failed does not say which moment it saw. Never before it began: the order respects real time.
    fn places(
        &self,
        log: &Log,
        wrote: bool,
        heard: Option<CommitNumber>,
    ) -> Verdict<RangeInclusive<u64>> {
        let begun = log.begun.0;
        let (place, is_vague) = match (&log.outcome, heard) {
            (Outcome::Committed(number), heard) => {
                let is_heard_there = heard.is_none_or(|heard| {
                    heard == *number || (log.transaction.is_read_only && heard > *number)
                });
                ensure(is_heard_there, || format!("it is {number}, but heard at {heard:?}"))?;
                // What changes something comes after a world that it did not make itself.
                (number.0 - u64::from(wrote), false)
            }
            (Outcome::Failed(_), None) => return Err("its last words were lost".into()),
            (Outcome::Failed(_), Some(heard)) => (heard.0, log.transaction.is_read_only),
        };
        ensure(place >= begun, || format!("it saw the world after {place} of {begun} commits"))?;
        Ok(if is_vague { begun..=place } else { place..=place })
    }

    fn changes_are_those_of(&self, played: &Played, number: CommitNumber) -> Verdict {
        let after = &self.worlds[number.0 as usize];
        ensure(*after == played.world, || {
            format!("{number} makes the world {after:?}, not {:?}", played.world)
        })?;
        let mut changed = self.commit(number).changes.iter();
        let stray = changed.find(|(id, _)| !played.written.contains(id));
        ensure(stray.is_none(), || format!("{number} changes what it did not: {stray:?}"))
    }

    fn commit(&self, number: CommitNumber) -> &Received {
        &self.received[number.0 as usize - 1]
    }
}

/// The world after each commit, the numbers being without holes and the changes in id order.
fn worlds(received: &[Received]) -> Verdict<Vec<World>> {
    let mut worlds = vec![World::new()];
    let mut world = World::new();
    for (place, commit) in received.iter().enumerate() {
        let is_next = commit.number.0 == place as u64 + 1;
        ensure(is_next, || format!("{} was received as number {}", commit.number, place + 1))?;
        let is_sorted = commit.changes.is_sorted_by(|(one, _), (next, _)| one < next);
        ensure(is_sorted, || format!("not in id order: {commit:?}"))?;
        for (id, change) in &commit.changes {
            match change {
                Some(object) => drop(world.insert(*id, *object)),
                None => drop(world.remove(id)),
            }
        }
        worlds.push(world.clone());
    }
    Ok(worlds)
}

/// Where the effects of each transaction are, which must be at one place, and there no others.
fn spoken(received: &[Received]) -> Verdict<BTreeMap<u32, CommitNumber>> {
    let mut spoken = BTreeMap::new();
    for commit in received {
        let authors: BTreeSet<_> = commit.effects.iter().map(author).collect();
        ensure(authors.len() <= 1, || format!("effects of several: {commit:?}"))?;
        for author in authors {
            let author = author.ok_or_else(|| format!("nobody asked for this: {commit:?}"))?;
            let before = spoken.insert(author, commit.number);
            ensure(before.is_none(), || format!("effects of {author} again: {commit:?}"))?;
        }
    }
    Ok(spoken)
}

/// That all attempts at one transaction were given the same ids, random numbers and time, as far as they went.
fn attempts_agree(attempts: &[Attempted]) -> Verdict {
    let given: Vec<Given> = attempts.iter().map(|one| Given::in_what_was(&one.seen)).collect();
    let first_time = given.iter().find_map(|given| given.times.first());
    let longest = |length: fn(&Given) -> usize| given.iter().max_by_key(|given| length(given));
    let (ids, draws) = (longest(|given| given.ids.len()), longest(|given| given.draws.len()));
    let is_agreed = given.iter().all(|one| {
        one.times.iter().all(|time| Some(time) == first_time)
            && ids.is_none_or(|most| one.ids.iter().zip(&most.ids).all(|(id, same)| id == same))
            && draws.is_none_or(|most| one.draws.iter().zip(&most.draws).all(|(a, b)| a == b))
    });
    ensure(is_agreed, || "its attempts were given different things".into())
}

/// That no id was given to two transactions, or twice to one.
fn ids_are_fresh(run: &Run) -> Verdict {
    let mut known = BTreeSet::new();
    for log in run.logs() {
        let attempts = log.attempts.iter().map(|one| Given::in_what_was(&one.seen).ids);
        let ids = attempts.max_by_key(|ids| ids.len()).unwrap_or_default();
        for id in ids {
            ensure(known.insert(id), || format!("{id} was given twice"))?;
        }
    }
    Ok(())
}

/// That the transactions of one thread were each told a later time than the one before.
fn time_goes_on(logs: &[Log]) -> Verdict {
    let attempts = logs.iter().filter_map(|log| log.attempts.last());
    let times = attempts.filter_map(|last| Given::in_what_was(&last.seen).times.first().copied());
    let times: Vec<_> = times.collect();
    ensure(times.is_sorted_by(|one, next| one < next), || format!("time stands still: {times:?}"))
}

fn ensure(holds: bool, wrong: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(wrong()) }
}
