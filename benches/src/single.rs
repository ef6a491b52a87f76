//! The baseline of the bench `durable`: one LMDB transaction for each event, synced.

use std::path::Path;

use daystar_model::{CommitNumber, Record};
use heed::byteorder::BigEndian;
use heed::types::{Bytes, U64};
use heed::{CommitOrAbort, Database, EnvOpenOptions};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use crate::disk::id;
use crate::world::Player;

/// One LMDB environment that gets a synced transaction for each record.
pub(crate) struct Single {
    env: heed::Env,
    records: Database<'static, U64<BigEndian>, Bytes>,
    record: Vec<u8>,
    objects: u64,
}

impl Single {
    /// In the new folder `path`; records get numbers up to `objects`.
    pub(crate) fn new(path: &Path, objects: u64) -> Self {
        let made = std::fs::create_dir(path).map_err(heed::Error::Io).and_then(|()| {
            let mut settings = EnvOpenOptions::new();
            settings.map_size(1 << 30).max_dbs(1);
            // SAFETY: the folder is this bench's own, and nobody else opens the file in it.
            #[allow(unsafe_code)]
            let env = unsafe { settings.open(path) }?;
            let txn = env.write_txn()?;
            let records = env.create_databases_and_commit(txn, |databases, txn| {
                Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit(
                    databases.create_database(txn, Some("records"))?,
                ))
            })?;
            Ok((env.clone(), records.unwrap_commit()))
        });
        let (env, records) = made.unwrap_or_else(|cause| panic!("no baseline: {cause}"));
        let record = Record::encode(id(1), CommitNumber(1), &Player::number(1));
        let record = record.unwrap_or_else(|cause| panic!("no record: {cause}"));
        Self { env, records, record, objects }
    }

    /// Writes one record.
    pub(crate) fn put(&self, rng: &mut Pcg64Mcg) {
        let key = rng.random_range(1..=self.objects);
        let put = || {
            let mut txn = self.env.write_txn()?;
            self.records.put(&mut txn, &key, &self.record)?;
            txn.commit()
        };
        put().unwrap_or_else(|cause: heed::Error| panic!("the baseline failed: {cause}"));
    }
}
