//! Random programs against std's collections: every answer is the same, whatever came before, also when tasks fail
//! in between, and when the program is started again.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use daystar::prelude::*;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::world::{Disk, World};

/// Few keys for many steps, so that they are met again; but more than go into one part.
const KEYS: u16 = 400;

#[derive(Clone, Debug)]
enum Step {
    Insert(u16, String),
    Get(u16),
    Remove(u16),
    /// Inserts all keys from one to the other, or removes them: so that there are many parts, and then none.
    InsertAll(u16, u16),
    RemoveAll(u16, u16),
    ClearSome(u16),
    Clear,
    Range(Bound<u16>, Bound<u16>),
    Ends,
    Pop(bool),
    Len,
    All,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..KEYS;
    // Some of them so long that parts are split by their bytes.
    let text = prop_oneof![9 => "[a-z]{0,12}".boxed(), 1 => "[a-z]{1500,2000}".boxed()];
    let bound = || {
        prop_oneof![
            Just(Bound::Unbounded),
            (0..KEYS).prop_map(Bound::Included),
            (0..KEYS).prop_map(Bound::Excluded)
        ]
    };
    prop_oneof![
        8 => (key(), text).prop_map(|(key, text)| Step::Insert(key, text)),
        4 => key().prop_map(Step::Get),
        4 => key().prop_map(Step::Remove),
        3 => (key(), key()).prop_map(|(from, to)| Step::InsertAll(from, to)),
        3 => (key(), key()).prop_map(|(from, to)| Step::RemoveAll(from, to)),
        1 => (0..KEYS).prop_map(Step::ClearSome),
        1 => Just(Step::Clear),
        3 => (bound(), bound()).prop_map(|(from, to)| Step::Range(from, to)),
        1 => Just(Step::Ends),
        2 => any::<bool>().prop_map(Step::Pop),
        2 => Just(Step::Len),
        1 => Just(Step::All),
    ]
}

/// Some steps, and whether their task succeeds; before it, the program may be started again.
#[derive(Clone, Debug)]
struct Task {
    steps: Vec<Step>,
    fails: bool,
    restarts: bool,
}

fn program() -> impl Strategy<Value = Vec<Task>> {
    let task = (prop::collection::vec(step(), 1..12), 0..8_u8, 0..8_u8);
    let task = task.prop_map(|(steps, fails, restarts)| Task {
        steps,
        fails: fails == 0,
        restarts: restarts == 0,
    });
    prop::collection::vec(task, 1..12)
}

/// Runs a program, whose every step is `done` to a collection `C` and to a model `M`, which must answer alike.
fn run<C: Copy + Send + Sync + 'static, M: Clone + Default>(
    program: Vec<Task>,
    new: fn(&Ctx) -> Result<C>,
    done: fn(&Ctx, C, &Step) -> Result<String>,
    modelled: fn(&mut M, &Step) -> String,
) -> Result<(), TestCaseError> {
    let disk = Arc::new(Disk::default());
    let mut world = World::on(&disk);
    let collection = world.run(new);
    let empty = disk.objects();
    let mut model = M::default();
    for Task { steps, fails, restarts } in program {
        if restarts {
            world = World::on(&disk);
        }
        let mut after = model.clone();
        let expected: Vec<String> = steps.iter().map(|step| modelled(&mut after, step)).collect();
        let wanted = expected.clone();
        let ran = world.try_run(move |ctx| {
            for (step, wanted) in steps.iter().zip(&wanted) {
                let told = done(ctx, collection, step)?;
                ensure!(told == *wanted, "{step:?} gives {told} instead of {wanted}");
            }
            ensure!(!fails, "as planned");
            Ok(())
        });
        match ran {
            Ok(()) => model = after,
            Err(cause) => prop_assert!(fails && cause.contains("as planned"), "{}", cause),
        }
    }
    world.run(move |ctx| done(ctx, collection, &Step::Clear));
    let told = world.run(move |ctx| done(ctx, collection, &Step::All));
    prop_assert_eq!(told, modelled(&mut M::default(), &Step::All));
    // The counters of a collection that has been large.
    prop_assert!(disk.objects() <= empty + 16, "parts are left: {:?}", disk.shown());
    Ok(())
}

fn told<T: std::fmt::Debug>(told: T) -> String {
    format!("{told:?}")
}

/// Entries whose order means nothing, in one that does.
fn sorted<T: Ord>(entries: impl Iterator<Item = T>) -> Vec<T> {
    let mut entries = Vec::from_iter(entries);
    entries.sort();
    entries
}

fn text(key: u16) -> String {
    format!("number {key}")
}

fn do_to_map(ctx: &Ctx, map: Map<String, String>, step: &Step) -> Result<String> {
    Ok(match step {
        Step::Insert(key, value) => told(map.insert(ctx, text(*key), value.clone())?),
        Step::Get(key) => told((map.get(ctx, &text(*key))?, map.contains(ctx, &text(*key))?)),
        Step::Remove(key) => told(map.remove(ctx, &text(*key))?),
        Step::InsertAll(from, to) => {
            for key in *from..*to {
                map.insert(ctx, text(key), String::new())?;
            }
            String::new()
        }
        Step::RemoveAll(from, to) => {
            for key in *from..*to {
                map.remove(ctx, &text(key))?;
            }
            String::new()
        }
        // Which of them go means nothing, so the model cannot follow.
        Step::ClearSome(_) | Step::Range(..) | Step::Ends | Step::Pop(_) => String::new(),
        Step::Clear => {
            map.clear(ctx)?;
            String::new()
        }
        Step::Len => told((map.len(ctx)?, map.is_empty(ctx)?)),
        Step::All => told(sorted(map.iter(ctx)?.collect::<Result<Vec<_>>>()?.into_iter())),
    })
}

fn model_map(map: &mut HashMap<String, String>, step: &Step) -> String {
    match step {
        Step::Insert(key, value) => told(map.insert(text(*key), value.clone())),
        Step::Get(key) => told((map.get(&text(*key)).cloned(), map.contains_key(&text(*key)))),
        Step::Remove(key) => told(map.remove(&text(*key))),
        Step::InsertAll(from, to) => {
            map.extend((*from..*to).map(|key| (text(key), String::new())));
            String::new()
        }
        Step::RemoveAll(from, to) => {
            (*from..*to).for_each(|key| {
                map.remove(&text(key));
            });
            String::new()
        }
        Step::ClearSome(_) | Step::Range(..) | Step::Ends | Step::Pop(_) => String::new(),
        Step::Clear => {
            map.clear();
            String::new()
        }
        Step::Len => told((map.len(), map.is_empty())),
        Step::All => told(sorted(map.clone().into_iter())),
    }
}

fn do_to_set(ctx: &Ctx, set: Set<u16>, step: &Step) -> Result<String> {
    Ok(match step {
        Step::Insert(key, _) => told(set.insert(ctx, *key)?),
        Step::Get(key) => told(set.contains(ctx, key)?),
        Step::Remove(key) => told(set.remove(ctx, key)?),
        Step::InsertAll(from, to) => {
            for key in *from..*to {
                set.insert(ctx, key)?;
            }
            String::new()
        }
        Step::RemoveAll(from, to) => {
            for key in *from..*to {
                set.remove(ctx, &key)?;
            }
            String::new()
        }
        Step::ClearSome(_) | Step::Range(..) | Step::Ends | Step::Pop(_) => String::new(),
        Step::Clear => {
            set.clear(ctx)?;
            String::new()
        }
        Step::Len => told((set.len(ctx)?, set.is_empty(ctx)?)),
        Step::All => told(sorted(set.iter(ctx)?.collect::<Result<Vec<_>>>()?.into_iter())),
    })
}

fn model_set(set: &mut HashSet<u16>, step: &Step) -> String {
    match step {
        Step::Insert(key, _) => told(set.insert(*key)),
        Step::Get(key) => told(set.contains(key)),
        Step::Remove(key) => told(set.remove(key)),
        Step::InsertAll(from, to) => {
            set.extend(*from..*to);
            String::new()
        }
        Step::RemoveAll(from, to) => {
            set.retain(|key| !(*from..*to).contains(key));
            String::new()
        }
        Step::ClearSome(_) | Step::Range(..) | Step::Ends | Step::Pop(_) => String::new(),
        Step::Clear => {
            set.clear();
            String::new()
        }
        Step::Len => told((set.len(), set.is_empty())),
        Step::All => told(sorted(set.clone().into_iter())),
    }
}

/// A walk from both ends in turn.
fn zigzag<T>(mut walk: impl DoubleEndedIterator<Item = T>) -> Vec<T> {
    let mut all = Vec::new();
    while let Some(next) = if all.len() % 3 == 1 { walk.next_back() } else { walk.next() } {
        all.push(next);
    }
    all
}

/// That std's range does not panic at.
fn is_range(from: Bound<u16>, to: Bound<u16>) -> bool {
    match (from, to) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => true,
        (Bound::Excluded(from), Bound::Excluded(to)) => from < to,
        (
            Bound::Included(from) | Bound::Excluded(from),
            Bound::Included(to) | Bound::Excluded(to),
        ) => from <= to,
    }
}

fn do_to_ordered_map(ctx: &Ctx, map: OrderedMap<u16, String>, step: &Step) -> Result<String> {
    Ok(match step {
        Step::Insert(key, value) => told(map.insert(ctx, *key, value.clone())?),
        Step::Get(key) => told((map.get(ctx, key)?, map.contains(ctx, key)?)),
        Step::Remove(key) => told(map.remove(ctx, key)?),
        Step::InsertAll(from, to) => {
            for key in *from..*to {
                map.insert(ctx, key, String::new())?;
            }
            String::new()
        }
        Step::RemoveAll(from, to) => {
            for key in *from..*to {
                map.remove(ctx, &key)?;
            }
            String::new()
        }
        Step::ClearSome(most) => told(map.clear_some(ctx, usize::from(*most))?),
        Step::Range(from, to) => {
            let range = || map.range(ctx, (*from, *to));
            let forwards = range()?.collect::<Result<Vec<_>>>()?;
            let backwards = range()?.rev().collect::<Result<Vec<_>>>()?;
            let zigzag = zigzag(range()?).into_iter().collect::<Result<Vec<_>>>()?;
            told((forwards, backwards, zigzag))
        }
        Step::Ends => told((map.first(ctx)?, map.last(ctx)?)),
        Step::Pop(true) => told(map.pop_first(ctx)?),
        Step::Pop(false) => told(map.pop_last(ctx)?),
        Step::Clear => {
            map.clear(ctx)?;
            String::new()
        }
        Step::Len => told((map.len(ctx)?, map.is_empty(ctx)?)),
        Step::All => told(map.iter(ctx)?.collect::<Result<Vec<_>>>()?),
    })
}

fn model_ordered_map(map: &mut BTreeMap<u16, String>, step: &Step) -> String {
    match step {
        Step::Insert(key, value) => told(map.insert(*key, value.clone())),
        Step::Get(key) => told((map.get(key).cloned(), map.contains_key(key))),
        Step::Remove(key) => told(map.remove(key)),
        Step::InsertAll(from, to) => {
            map.extend((*from..*to).map(|key| (key, String::new())));
            String::new()
        }
        Step::RemoveAll(from, to) => {
            map.retain(|key, _| !(*from..*to).contains(key));
            String::new()
        }
        Step::ClearSome(most) => {
            let before = map.len();
            *map = std::mem::take(map).into_iter().skip(usize::from(*most)).collect();
            told(before - map.len())
        }
        Step::Range(from, to) => {
            let range = || match is_range(*from, *to) {
                true => map.range((*from, *to)).map(|(key, value)| (*key, value.clone())).collect(),
                false => Vec::new(),
            };
            told((range(), sorted_down(range()), zigzag(range().into_iter())))
        }
        Step::Ends => told((map.first_key_value(), map.last_key_value())),
        Step::Pop(true) => told(map.pop_first()),
        Step::Pop(false) => told(map.pop_last()),
        Step::Clear => {
            map.clear();
            String::new()
        }
        Step::Len => told((map.len(), map.is_empty())),
        Step::All => told(Vec::from_iter(map.clone())),
    }
}

fn sorted_down<T>(mut entries: Vec<T>) -> Vec<T> {
    entries.reverse();
    entries
}

fn do_to_queue(ctx: &Ctx, queue: Queue<(u16, String)>, step: &Step) -> Result<String> {
    Ok(match step {
        Step::Insert(key, value) => {
            queue.push(ctx, (*key, value.clone()))?;
            String::new()
        }
        Step::InsertAll(from, to) => {
            for key in *from..*to {
                queue.push(ctx, (key, String::new()))?;
            }
            String::new()
        }
        Step::Remove(_) | Step::Pop(_) => told(queue.pop(ctx)?),
        Step::RemoveAll(from, to) => {
            let popped = (*from..*to).map(|_| queue.pop(ctx)).collect::<Result<Vec<_>>>()?;
            told(popped)
        }
        Step::Ends | Step::Get(_) => told(queue.peek(ctx)?),
        Step::ClearSome(most) => told(queue.clear_some(ctx, usize::from(*most))?),
        Step::Clear => {
            queue.clear(ctx)?;
            String::new()
        }
        Step::Len | Step::All | Step::Range(..) => told((queue.len(ctx)?, queue.is_empty(ctx)?)),
    })
}

fn model_queue(queue: &mut VecDeque<(u16, String)>, step: &Step) -> String {
    match step {
        Step::Insert(key, value) => {
            queue.push_back((*key, value.clone()));
            String::new()
        }
        Step::InsertAll(from, to) => {
            queue.extend((*from..*to).map(|key| (key, String::new())));
            String::new()
        }
        Step::Remove(_) | Step::Pop(_) => told(queue.pop_front()),
        Step::RemoveAll(from, to) => told(Vec::from_iter((*from..*to).map(|_| queue.pop_front()))),
        Step::Ends | Step::Get(_) => told(queue.front()),
        Step::ClearSome(most) => {
            let count = queue.len().min(usize::from(*most));
            told(queue.drain(..count).count())
        }
        Step::Clear => {
            queue.clear();
            String::new()
        }
        Step::Len | Step::All | Step::Range(..) => told((queue.len(), queue.is_empty())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_map_is_a_hash_map(program in program()) {
        run(program, Map::new, do_to_map, model_map)?;
    }

    #[test]
    fn a_set_is_a_hash_set(program in program()) {
        run(program, Set::new, do_to_set, model_set)?;
    }

    #[test]
    fn an_ordered_map_is_a_btree_map(program in program()) {
        run(program, OrderedMap::new, do_to_ordered_map, model_ordered_map)?;
    }

    #[test]
    fn a_queue_is_a_deque(program in program()) {
        run(program, Queue::new, do_to_queue, model_queue)?;
    }
}
