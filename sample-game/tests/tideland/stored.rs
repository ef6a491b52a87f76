//! What a visit leaves on disk: which objects were written, and which tasks are set aside, as `inspect` shows them.

use std::path::Path;
use std::process::Command;

use daystar::{Retry, Task};
use sample_game::creatures::Revive;
use sample_game::gathering::ComeBack;
use sample_game::items::Kind;
use sample_game::prowling::Prowl;
use sample_game::remains::Decay;
use sample_game::settings::{BOARS, CRABS, DOZING_PERIODS, PROWL_EVERY, WOLVES};
use serde_json::Value;

use crate::market::{buy, sell};
use crate::visit::{Visitor, brisk, endowed, on_an_island_in};

/// What `inspect` shows of the world in a folder.
pub(crate) fn inspect(folder: &Path, what: &[&str]) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sample-game"));
    let output = command.arg("inspect").arg("--data").arg(folder).args(what).output();
    let output = output.expect("the program can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn an_order_that_is_not_filled_leaves_the_best_of_the_other_side_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    on_an_island_in(folder.path(), endowed(&[Kind::Wood]), async |server| {
        let ann = Visitor::join(server, "ann").await;
        let bob = Visitor::join(server, "bob").await;
        buy(&ann, 1, 5).await;
        sell(&bob, 1, 9).await;
        ann.leave().await;
        bob.leave().await;
    });
    let orders = inspect(folder.path(), &["--type", "Order"]);
    let commits: Vec<_> = orders.iter().map(|order| order["commit"].as_u64()).collect();
    assert!(matches!(commits[..], [Some(buys), Some(sells)] if buys < sells), "{commits:?}");
}

#[test]
fn all_creatures_that_doze_stir_at_the_same_moment() {
    let folder = tempfile::tempdir().expect("a folder");
    on_an_island_in(folder.path(), brisk(), async |_| {});
    let tasks = inspect(folder.path(), &["tasks"]);
    let prowling: Vec<_> = tasks.iter().filter(|task| task["type"] == "Prowl").collect();
    assert_eq!(prowling.len(), usize::from(CRABS + BOARS + WOLVES));
    let period = u64::try_from((PROWL_EVERY * DOZING_PERIODS).as_millis()).expect("a short time");
    for task in prowling {
        assert_eq!(task["every_ms"], period);
        assert_eq!(task["due_ms"].as_u64().map(|due| due % period), Some(0), "{task}");
    }
}

#[test]
fn nothing_that_the_island_does_by_itself_is_set_aside() {
    for retry in [Prowl::RETRY, Revive::RETRY, ComeBack::RETRY, Decay::RETRY] {
        assert_eq!(retry, Retry::FOREVER);
    }
}
