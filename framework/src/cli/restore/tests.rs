//! What a server would refuse the world for, `verify` lists and `restore` does not restore, also if all bytes can be read.

use std::path::Path;

use clap::Parser;
use daystar_model::{Managed, RecordError, TypeDescriptor};

use super::*;
use crate::cli;
use crate::prelude::*;
use crate::server::Server;

#[message]
pub(super) struct Nothing;

#[managed(name = "restore.Purse")]
struct Purse {
    gold: u64,
    silver: u64,
}

/// The same as the program before had it: the fields have changed places, and the version is the same. It is not registered,
/// so that what is stored is read as the other.
#[derive(Clone)]
struct PurseBefore(Purse);

impl Managed for PurseBefore {
    const TYPE_NAME: &'static str = Purse::TYPE_NAME;
    const VERSION: u32 = Purse::VERSION;
    fn layout(version: u32) -> Option<String> {
        let now = Purse::layout(version)?;
        let before = now.replace("gold: u64, silver: u64", "silver: u64, gold: u64");
        assert_ne!(before, now);
        Some(before)
    }
    fn encode(&self) -> std::result::Result<Vec<u8>, RecordError> {
        Managed::encode(&self.0)
    }
    fn decode(version: u32, payload: &[u8]) -> std::result::Result<Self, RecordError> {
        Purse::decode(version, payload).map(Self)
    }
    fn descriptor() -> &'static TypeDescriptor {
        static DESCRIPTOR: TypeDescriptor = TypeDescriptor::of::<PurseBefore>();
        &DESCRIPTOR
    }
}

struct Vault;

impl Game for Vault {
    type Request = Nothing;
    type Event = Nothing;
    const NAME: &'static str = "vault";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        let purse = |gold| ctx.insert(PurseBefore(Purse { gold, silver: 2 }));
        ctx.bind("anna's purse", purse(1)?)?;
        purse(3).map(drop)
    }
    fn received(&self, _: &Ctx, _: Session, _: Nothing) -> Result<()> {
        Ok(())
    }
}

fn command(arguments: &[&str], folders: &[(&str, &Path)]) -> Outcome {
    let folders =
        folders.iter().flat_map(|(option, path)| [*option, path.to_str().expect("UTF-8")]);
    let line = ["vault"].into_iter().chain(arguments.iter().copied()).chain(folders);
    let command = cli::Arguments::try_parse_from(line).expect("arguments").command;
    cli::run(Vault, |server| server, command).expect("a command that can be carried out")
}

#[test]
fn objects_whose_type_has_changed_without_a_new_version() {
    let folder = tempfile::tempdir().expect("a folder");
    let [data, backup, restored] = ["world", "backup", "new"].map(|name| folder.path().join(name));
    let start = || Server::builder(Vault).data(&data).workers(1).start();
    start().expect("a server").stop().expect("a clean end");
    let refused = start().err().expect("a refusal").to_string();
    assert!(
        refused.contains("2 objects") && refused.contains("`verify` lists them all"),
        "{refused}"
    );

    let found = crate::verify(&Vault, &data).expect("a world").problems;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains(", called `anna's purse`: "), "{found:?}");
    for problem in &found {
        assert!(problem.starts_with("object #"), "{problem}");
        assert!(problem.contains("`restore.Purse` has changed without a new version"), "{problem}");
        assert!(problem.contains("give the changed type a higher version"), "{problem}");
    }
    assert_eq!(command(&["verify"], &[("--data", &data)]), Outcome::Failed);
    // No byte is damaged, so a backup has no complaint; but it says how the types were laid out, or `restore` could not tell.
    assert_eq!(command(&["backup"], &[("--data", &data), ("--to", &backup)]), Outcome::Done);
    let said = command(&["restore"], &[("--from", &backup), ("--data", &restored)]);
    assert_eq!(said, Outcome::Failed);
    assert!(!restored.exists());
}
