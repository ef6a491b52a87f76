//! `backup`: copies a world as it is at one moment.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use daystar_store::{Moment, lmdb};
use indicatif::HumanCount;

use crate::cli::failure::Failure;
use crate::cli::progress::Progress;
use crate::cli::{Data, Outcome};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
    /// The folder to copy it to, empty or new; better on another disk.
    #[arg(long)]
    to: PathBuf,
}

/// A damaged world is copied as it is, because a damaged backup is better than none; but the command fails, so that
/// nobody takes it for a good one.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let Arguments { data: Data { data }, to } = arguments;
    lmdb::check_free(to)?;
    let moment = Moment::open(data, Default::default())?;
    let mut progress = Progress::of("copying");
    let copied = moment.copy_to(to, &mut |done, all| progress.tell(done, all))?;
    drop(progress);
    let mut out = BufWriter::new(std::io::stdout().lock());
    for damage in &copied.damages {
        writeln!(out, "problem: {damage}")?;
    }
    let (objects, bytes) = (HumanCount(copied.objects), HumanCount(copied.bytes));
    writeln!(out, "{objects} objects, {bytes} bytes, copied to {}", to.display())?;
    if copied.damaged > 0 {
        let damaged = HumanCount(copied.damaged);
        writeln!(
            out,
            "{damaged} damaged records were copied as they are; keep the last backup that was good, and see `verify`"
        )?;
    }
    out.flush()?;
    Ok(if copied.damaged == 0 { Outcome::Done } else { Outcome::Failed })
}
