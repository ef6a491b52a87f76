//! Jobs that conflict, or are refused, and have something to say. What was said is handed on once for each job that
//! committed, in commit order, and nothing of those that did not.

use daystar_engine::{Breaks, Error};
use shuttle::thread;

use crate::common::Account;
use crate::schedules::explore;
use crate::world::{World, message};

#[test]
fn each_message_is_handed_on_once_and_in_order() {
    explore(messages);
}

pub(crate) fn messages(breaks: Breaks) {
    let world = World::new(breaks);
    let [account] = world.accounts([0]);
    thread::scope(|scope| {
        for jobs in 1..=2 {
            let world = &world;
            scope.spawn(move || {
                for _ in 0..jobs {
                    world.run(move |attempt| {
                        let mut account = attempt.get_mut::<Account>(account)?;
                        account.gold += 1;
                        attempt.effect(message(&account.gold.to_string()));
                        Ok(())
                    });
                }
            });
        }
        scope.spawn(|| {
            let is_done = world.attempt(move |attempt| {
                attempt.get_mut::<Account>(account)?.gold += 1;
                attempt.effect(message("never"));
                Err(Error::refused("refused"))
            });
            assert!(!is_done, "a refusal was swallowed");
        });
    });
    let mut said = world.messages();
    let refused = said.iter().position(|said| said == "refused");
    said.remove(refused.expect("the refusal was not handed on"));
    assert_eq!(said, ["1", "2", "3"], "something was said twice, early or by nobody");
    world.check();
}
