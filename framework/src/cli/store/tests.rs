//! What an operator says about a world's files reaches them, whichever command it is said to, and what errors tell to set is
//! there to be set.

use std::path::Path;
use std::sync::Arc;

use clap::{CommandFactory, Parser};
use daystar_model::{Batch, CommitNumber, ObjectId, Space, Store, StoreError};
use daystar_store::LmdbStore;

use super::*;
use crate::StoreOptions;
use crate::cli::{self, Failure, Outcome};
use crate::game::idle::Idle;
use crate::managed;
use crate::server::Server;

#[managed(name = "store.Chest")]
struct Chest {
    coins: Vec<u8>,
}

/// Puts large things into the store until it takes no more.
fn fill(store: &LmdbStore) -> StoreError {
    let chest = Arc::new(Chest { coins: vec![7; 100_000] });
    let refused = (1..10_000).find_map(|number| {
        let last = CommitNumber(number);
        let changes = vec![(ObjectId::new(Space::Object, number), last, Some(chest.clone() as _))];
        store.apply(&Batch { changes, last, next_index: number + 1 }).err()
    });
    refused.expect("it took everything")
}

/// What is said when a world may grow no further, when too many look at it, and when there is no room to map it.
fn told() -> [StoreError; 3] {
    let folder = tempfile::tempdir().expect("a folder");
    let open = |options| LmdbStore::open(folder.path(), options);
    let small = Options { map_bytes_max: 1 << 20, readers_max: 8, ..Options::default() };
    let store = open(small).expect("a world");
    let is_full = fill(&store);
    let moments: Vec<_> = (0..100).map(|_| store.moment()).collect();
    let is_busy = moments.into_iter().find_map(Result::err).expect("all looked at once");
    drop(store);
    let large = Options { map_bytes_max: TOO_LARGE, ..Options::default() };
    [is_full, is_busy, open(large).expect_err("there is room for anything")]
}

/// More than a process of any system can map: an exbibyte.
const TOO_LARGE: usize = 1 << 60;

/// Those of the words between backticks in `text` that `wanted` picks.
fn quoted(text: &str, wanted: impl Fn(&str) -> Option<&str>) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).filter_map(wanted).collect()
}

/// The command called so with what it has to be told, and those within it.
fn commands(command: &clap::Command) -> Vec<&clap::Command> {
    let within: Vec<_> = command.get_subcommands().flat_map(commands).collect();
    if within.is_empty() { vec![command] } else { within }
}

#[test]
fn what_an_error_tells_to_set_can_be_set_for_every_command() {
    let program = cli::Arguments::command();
    let commands = commands(&program);
    assert_eq!(commands.len(), 12, "{commands:?}");
    for error in told() {
        let text = error.to_string();
        let options = quoted(&text, |word| word.strip_prefix("--"));
        let variables = quoted(&text, |word| word.starts_with("DAYSTAR_").then_some(word));
        let fields = quoted(&text, |word| word.strip_prefix("StoreOptions::"));
        assert_eq!((options.len(), variables.len(), fields.len()), (1, 1, 1), "{text}");
        for command in &commands {
            let argument = command.get_arguments().find(|it| it.get_long() == Some(options[0]));
            let variable = argument.and_then(|it| it.get_env()).and_then(|name| name.to_str());
            assert_eq!(variable, Some(variables[0]), "{text}: `{}`", command.get_name());
        }
        assert!(
            format!("{:?}", Options::default()).contains(&format!(" {}: ", fields[0])),
            "{text}"
        );
    }
}

/// What becomes of a command on the world in `data`.
fn run(line: &[&str], data: &Path) -> Result<Outcome, Failure> {
    let data = data.to_str().expect("a name in UTF-8");
    let line = ["idle"].iter().chain(line).copied().chain(["--data", data]);
    let command = cli::Arguments::try_parse_from(line).expect("a command line").command;
    cli::run(Idle, |server| server, command)
}

#[test]
fn every_command_opens_the_world_as_it_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let [data, backup, other] = ["world", "backup", "other"].map(|name| folder.path().join(name));
    let [backup, other] = [&backup, &other].map(|path| path.to_str().expect("a name in UTF-8"));
    Server::builder(Idle).data(&data).start().expect("a server").stop().expect("a clean end");
    let copied = run(&["backup", "--to", backup], &data).expect("a backup");
    assert_eq!(copied, Outcome::Done);
    let too_large = TOO_LARGE.to_string();
    let restored = folder.path().join("restored");
    for (line, data) in [
        (&["verify"][..], &data),
        (&["inspect"], &data),
        (&["retry", "--all"], &data),
        (&["discard", "--all"], &data),
        (&["account", "remove", "ann"], &data),
        (&["backup", "--to", other], &data),
        (&["restore", "--from", backup], &restored),
        (&["compact"], &data),
    ] {
        let line = [line, &["--file-size", &too_large]].concat();
        let failure = run(&line, data).expect_err("there is room for anything");
        let (is_of_the_store, text) = (matches!(failure, Failure::Store(_)), failure.to_string());
        assert!(is_of_the_store && text.contains("no address space"), "{line:?}: {text}");
    }
    // What `serve` makes of its command line is tested there. This would go on for ever, if it were not refused.
    let options = StoreOptions { map_bytes_max: TOO_LARGE, ..StoreOptions::default() };
    let server = Server::builder(Idle).data(&data).store_options(options).start();
    let text = server.err().expect("there is room for anything").to_string();
    assert!(text.contains("no address space"), "{text}");
    for line in [&["verify"][..], &["inspect"], &["retry", "--all"], &["compact"]] {
        let outcome = run(line, &data).expect("as large as unless told otherwise");
        assert_eq!(outcome, Outcome::Done, "{line:?}");
    }
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    journal: JournalArguments,
}

#[test]
fn sizes_are_read_and_none_is_nothing() {
    let options = |line: &[&str]| {
        let line = Line::try_parse_from(["idle"].iter().chain(line))?;
        let mut options = line.store.options();
        line.journal.apply(&mut options);
        Ok::<_, clap::Error>(options)
    };
    let set = options(&["--file-size", "512GiB", "--checkpoint-size", "1MiB"]).expect("sizes");
    assert_eq!((set.map_bytes_max, set.checkpoint_bytes), (512 << 30, 1 << 20));
    assert_eq!(set.journal_bytes_max, Options::default().journal_bytes_max);
    for option in ["--file-size", "--readers", "--checkpoint-size", "--checkpoint-seconds"]
        .into_iter()
        .chain(["--journal-size"])
    {
        assert!(options(&[option, "0"]).is_err(), "{option}");
        assert!(options(&[option, "many"]).is_err(), "{option}");
        options(&[option, "7"]).expect("a number");
    }
}
