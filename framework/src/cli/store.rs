//! What a command line says about the files of a world.

use std::time::Duration;

use bytesize::ByteSize;
use clap::Args;
use daystar_store::Options;
use daystar_store::lmdb::Setting;

// Not documented as a whole: clap would say it of the command that has these.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(super) struct StoreArguments {
    /// The largest size that each of the world's two files may grow to, as in `512GiB`; 256GiB unless set. It costs address space,
    /// not memory or disk.
    #[arg(
        long = Setting::FILE_SIZE.option,
        env = Setting::FILE_SIZE.variable,
        value_name = "SIZE",
        value_parser = size
    )]
    file_size: Option<ByteSize>,
    /// How many reads of the world may be under way at once, in all programs that have it open, of which the first says so; 4096
    /// unless set.
    #[arg(
        long = Setting::READERS.option,
        env = Setting::READERS.variable,
        value_name = "COUNT",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    readers: Option<u32>,
}

impl StoreArguments {
    /// Changes what was set.
    pub(super) fn apply(self, options: &mut Options) {
        if let Some(size) = self.file_size {
            options.map_bytes_max = usize::try_from(size.as_u64()).unwrap_or(usize::MAX);
        }
        if let Some(readers) = self.readers {
            options.readers_max = readers;
        }
    }

    /// For a command that only these say something to.
    pub(super) fn options(self) -> Options {
        let mut options = Options::default();
        self.apply(&mut options);
        options
    }
}

// The same holds here.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(super) struct JournalArguments {
    /// How long the journal is when its changes are brought among the objects, as in `256MiB`; 64MiB unless set. A longer one means
    /// less writing, and a longer start after a crash.
    #[arg(long, env = "DAYSTAR_CHECKPOINT_SIZE", value_name = "SIZE", value_parser = size)]
    checkpoint_size: Option<ByteSize>,
    /// After how many seconds its changes are brought among the objects, however short it is; 60 unless set.
    #[arg(
        long,
        env = "DAYSTAR_CHECKPOINT_SECONDS",
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    checkpoint_seconds: Option<u64>,
    /// How long the journal may become; 1GiB unless set. Beyond it changes wait, and are refused if those before them cannot be
    /// brought among the objects.
    #[arg(long, env = "DAYSTAR_JOURNAL_SIZE", value_name = "SIZE", value_parser = size)]
    journal_size: Option<ByteSize>,
}

impl JournalArguments {
    /// Changes what was set.
    pub(super) fn apply(self, options: &mut Options) {
        if let Some(size) = self.checkpoint_size {
            options.checkpoint_bytes = size.as_u64();
        }
        if let Some(seconds) = self.checkpoint_seconds {
            options.checkpoint_time = Duration::from_secs(seconds);
        }
        if let Some(size) = self.journal_size {
            options.journal_bytes_max = size.as_u64();
        }
    }
}

/// A size that is one: a file of no bytes holds nothing.
fn size(text: &str) -> Result<ByteSize, String> {
    match text.parse()? {
        ByteSize(0) => Err("it must be more than nothing".to_owned()),
        size => Ok(size),
    }
}

#[cfg(test)]
mod tests;
