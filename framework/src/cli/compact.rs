//! `compact`: rewrites a world without the holes in its files.

use std::io::Write;

use clap::Args;
use daystar_model::StoreError;
use daystar_store::lmdb;
use indicatif::HumanCount;

use crate::cli::failure::Failure;
use crate::cli::progress::Progress;
use crate::cli::{Data, Outcome};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let mut progress = Progress::of("compacting");
    let path = &arguments.data.data;
    let compacted =
        lmdb::compact(path, Default::default(), &mut |done, all| progress.tell(done, all));
    drop(progress);
    let compacted = compacted.map_err(|error| match error {
        StoreError::Record { .. } => Failure::Damaged(error),
        error => Failure::Store(error),
    })?;
    writeln!(
        std::io::stdout(),
        "{} objects: {} bytes before, {} bytes now",
        HumanCount(compacted.objects),
        HumanCount(compacted.bytes_before),
        HumanCount(compacted.bytes_after)
    )?;
    Ok(Outcome::Done)
}
