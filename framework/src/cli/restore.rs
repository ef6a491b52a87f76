//! `restore`: makes a world of a backup.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use daystar_model::Store;
use daystar_store::{Moment, lmdb};
use indicatif::HumanCount;

use crate::cli::failure::Failure;
use crate::cli::progress::Progress;
use crate::cli::verify::list;
use crate::cli::{Data, Outcome, progress};
use crate::game::problems::Problems;
use crate::server::records::check_records;

#[derive(Args)]
pub(super) struct Arguments {
    /// The folder of the backup.
    #[arg(long)]
    from: PathBuf,
    #[command(flatten)]
    data: Data,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let Arguments { from, data } = arguments;
    lmdb::check_free(&data.data)?;
    let backup = Moment::open(from, data.options())?;
    let mut progress = Progress::of("checking the backup");
    let records = check_records(&backup, usize::MAX, &mut |done, all| progress.tell(done, all))?;
    drop(progress);
    if records.problems.count() > 0 {
        refuse(from, &records.problems)?;
        return Ok(Outcome::Failed);
    }
    let copied = backup.copy_to(&data.data, &mut progress::of_copy("copying"))?;
    compare(&backup, data, copied.objects)?;
    let objects = HumanCount(copied.objects);
    let place = data.data.display();
    writeln!(std::io::stdout(), "{objects} objects, all well, restored to {place}")?;
    Ok(Outcome::Done)
}

fn refuse(from: &Path, problems: &Problems) -> Result<(), Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    list(&mut out, problems)?;
    writeln!(
        out,
        "{} problems: the backup is not restored. Do what they say, or restore another one; or, if this is all there is, \
         copy the folder {} as it is and serve that: a backup is a world, of which damaged objects cannot be used",
        HumanCount(problems.count()),
        from.display()
    )?;
    Ok(out.flush()?)
}

/// That a server will find what was in the backup. The records were compared, byte for byte, before the copy became a
/// world.
fn compare(backup: &Moment, data: &Data, objects: u64) -> Result<(), Failure> {
    let restored = data.moment()?;
    let found = (restored.records()?, restored.last_commit()?, restored.next_index()?);
    let wanted = (objects, backup.last_commit()?, backup.next_index()?);
    if found == wanted {
        return Ok(());
    }
    let say = |(objects, last, next)| format!("{objects} objects as of {last}, next id {next}");
    let found = format!("{} instead of {}", say(found), say(wanted));
    Err(Failure::NotRestored { path: data.data.clone(), found })
}

#[cfg(test)]
mod tests;
