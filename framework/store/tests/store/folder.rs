//! Whose folder is it? Ours, nobody's, someone else's, in use, unreadable: each has its clear answer, and what
//! is not ours stays as it was.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use daystar_model::store::{Store, StoreError};
use daystar_store::{LmdbStore, Options};

use crate::support::*;

#[test]
fn missing_folders_are_made_and_the_world_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/world");
    open(&path).apply(&batch(1, vec![(object(1), put(thing(1)))])).unwrap();
    assert_eq!(names(&path), ["DAYSTAR", "DAYSTAR.lock", "journal", "objects"]);
    let store = open(&path);
    assert_eq!(store.path(), path);
    assert_eq!(load(&store, object(1)), Some((1, thing(1))));
}

#[test]
fn a_fresh_disks_lost_and_found_is_no_foreign_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("lost+found")).unwrap();
    open(folder.path());
}

#[test]
fn the_second_opener_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    assert!(matches!(refusal(folder.path()), StoreError::InUse { .. }));
    let told = what_a_child_says(folder.path());
    assert!(told.contains("is in use"), "{told}");
    drop(store);
    let told = what_a_child_says(folder.path());
    assert!(told.contains("opened"), "{told}");
    open(folder.path());
}

/// A process that is being started has, for a moment, a copy of every open file of ours, the lock included. That must
/// not keep a world locked that has been closed.
#[test]
fn closing_lets_go_while_processes_are_started() {
    let folder = tempfile::tempdir().unwrap();
    let done = AtomicBool::new(false);
    let reopen =
        || (0..150).try_for_each(|_| LmdbStore::open(folder.path(), Options::default()).map(drop));
    let outcome = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                Command::new("true").status().unwrap();
            }
        });
        let outcome = reopen();
        done.store(true, Ordering::Relaxed);
        outcome
    });
    outcome.unwrap();
}

/// The other way round: the process that has it is another one, and is killed.
#[test]
fn a_killed_process_lets_go() {
    let folder = tempfile::tempdir().unwrap();
    let mut holder =
        child("folder::child_that_holds", folder.path()).stdout(Stdio::piped()).spawn().unwrap();
    let told = BufReader::new(holder.stdout.take().unwrap());
    told.lines().map(Result::unwrap).find(|line| line == "holding").expect("the child failed");
    assert!(matches!(refusal(folder.path()), StoreError::InUse { .. }));
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(load(&open(folder.path()), object(1)), Some((1, thing(1))));
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_opens() {
    let Some(folder) = child_folder() else { return };
    match LmdbStore::open(folder, Options::default()) {
        Ok(_) => println!("\nopened"),
        Err(error) => println!("\n{error}"),
    }
}

#[test]
#[ignore = "run by another test, as a process to be killed"]
fn child_that_holds() {
    let Some(folder) = child_folder() else { return };
    let store = open(&folder);
    store.apply(&batch(1, vec![(object(1), put(thing(1)))])).unwrap();
    println!("\nholding");
    loop {
        std::thread::park();
    }
}

#[test]
fn a_foreign_folder_is_refused_and_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("thesis.txt"), "twenty years").unwrap();
    assert_foreign(path, "thesis.txt");
    assert_eq!(names(path), ["thesis.txt"]);

    // Also one that looks a little like ours.
    fs::remove_file(path.join("thesis.txt")).unwrap();
    fs::create_dir(path.join("objects")).unwrap();
    fs::write(path.join("objects/data.mdb"), "precious").unwrap();
    assert_foreign(path, "objects");
    assert_eq!(fs::read(path.join("objects/data.mdb")).unwrap(), b"precious");
}

#[test]
fn a_file_is_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert_foreign(&file, "a file, not a folder");
    let error = refusal(&file.join("world"));
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
}

#[test]
fn another_programs_marker_is_foreign() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["", "hello", "Daystar worlds\n", "\u{0}\u{1}"] {
        fs::write(folder.path().join("DAYSTAR"), text).unwrap();
        assert_foreign(folder.path(), "marker");
    }
    fs::remove_file(folder.path().join("DAYSTAR")).unwrap();
    fs::create_dir(folder.path().join("DAYSTAR")).unwrap();
    assert_foreign(folder.path(), "marker");
}

#[test]
fn another_format_is_named() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path());
    let marker = folder.path().join("DAYSTAR");
    let ours = fs::read_to_string(&marker).unwrap();
    assert!(ours.contains("layout 2;") && ours.contains("rkyv 0.8"), "{ours}");
    fs::write(&marker, ours.replace("layout 2;", "layout 99;")).unwrap();
    let error = refusal(folder.path());
    assert!(matches!(&error, StoreError::Format { found, .. } if found.contains("layout 99")));

    // The marker of one world, the objects of another.
    fs::write(&marker, &ours).unwrap();
    tamper(folder.path(), |txn, _, meta| meta.put(txn, "format", b"layout 98").unwrap());
    let error = refusal(folder.path());
    assert!(matches!(&error, StoreError::Format { found, .. } if found == "layout 98"));
}

#[test]
fn another_programs_lmdb_file_is_foreign() {
    let folder = tempfile::tempdir().unwrap();
    let named = |folder: &Path, name: &str| {
        let mut settings = heed::EnvOpenOptions::new();
        settings.max_dbs(5);
        // SAFETY: nobody else uses the folder.
        let env = unsafe { settings.open(folder) }.unwrap();
        let txn = env.write_txn().unwrap();
        env.create_databases_and_commit(txn, |databases, txn| {
            if name.is_empty() {
                // Entries where we would look for databases.
                let db: heed::Database<'_, heed::types::Str, heed::types::Str> =
                    databases.create_database(txn, None)?;
                db.put(txn, "objects", "chairs")?;
                db.put(txn, "meta", "tables")?;
            } else {
                databases.create_database::<heed::types::Str, heed::types::Str>(txn, Some(name))?;
            }
            Ok::<_, heed::Error>(heed::CommitOrAbort::<_, ()>::Commit(()))
        })
        .unwrap()
        .unwrap_commit();
    };
    for name in ["theirs", "objects", ""] {
        let world = folder.path().join(format!("world-{name}"));
        open(&world);
        fs::remove_dir_all(world.join("objects")).unwrap();
        fs::create_dir(world.join("objects")).unwrap();
        named(&world.join("objects"), name);
        assert_foreign(&world, "another program");
    }
}

#[test]
fn a_lost_data_file_is_not_replaced_by_an_empty_world() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path());
    let file = folder.path().join("objects/data.mdb");
    fs::write(&file, "").unwrap();
    assert_foreign(folder.path(), "gone");
    fs::remove_file(&file).unwrap();
    assert_foreign(folder.path(), "gone");
    fs::remove_dir_all(folder.path().join("objects")).unwrap();
    assert_foreign(folder.path(), "gone");
}

/// LMDB would die of a bus error in the middle of a game, so a file that was cut off is found at the start, wherever the
/// cut is.
#[test]
fn a_file_that_was_cut_off_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let store = open(path);
    for n in 1..=6 {
        let changes = (0..40)
            .map(|i| {
                let text = "x".repeat(if i % 9 == 0 { 20_000 } else { 700 });
                (object(n * 7 + i), put(Thing { number: n, text, list: vec![] }))
            })
            .collect();
        store.apply(&batch(n, changes)).unwrap();
    }
    let everything = scan_all(&store);
    drop(store);

    let file = path.join("objects/data.mdb");
    let whole = fs::read(&file).unwrap();
    let mut refused = 0;
    for length in (0..whole.len()).step_by(1024).chain(whole.len() - 3..whole.len()) {
        fs::write(&file, &whole[..length]).unwrap();
        match LmdbStore::open(path, Options::default()) {
            Err(StoreError::Foreign { found, .. }) => {
                assert!(found.contains("backup"), "{found}");
                refused += 1;
            }
            Err(other) => panic!("{length}: {other}"),
            // What was cut off was in nobody's use.
            Ok(store) => assert_eq!(scan_all(&store), everything, "{length}"),
        }
    }
    assert!(refused > whole.len() / 1024 / 2, "only {refused} cuts were noticed");
    fs::write(&file, &whole).unwrap();
    assert_eq!(scan_all(&open(path)), everything);
}

#[test]
fn garbage_instead_of_a_data_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    open(path).apply(&batch(1, vec![(object(1), put(thing(1)))])).unwrap();
    let file = path.join("objects/data.mdb");
    let whole = fs::read(&file).unwrap();

    let noise: Vec<u8> =
        (0..60_000_u64).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect();
    for garbage in [&b"hello"[..], &[0; 8192], &[0xff; 8192], &noise] {
        fs::write(&file, garbage).unwrap();
        assert_foreign(path, "not an LMDB file");
    }
    // Every byte that says what kind of file it is, in both meta pages: flags, magic, version, page size.
    for page in [0, 4096] {
        for at in [10, 16, 17, 18, 19, 20, 21, 22, 23, 40, 41, 42, 43] {
            let mut harmed = whole.clone();
            harmed[page + at] ^= 0xff;
            fs::write(&file, &harmed).unwrap();
            assert_foreign(path, "not an LMDB file");
        }
    }
    // And numbers that cannot be: a root page or a last page far beyond.
    for at in [80, 128, 136] {
        let mut harmed = whole.clone();
        for page in [0, 4096] {
            harmed[page + at..page + at + 8].copy_from_slice(&(u64::MAX / 2).to_ne_bytes());
        }
        fs::write(&file, &harmed).unwrap();
        assert!(matches!(refusal(path), StoreError::Foreign { .. }), "at {at}");
    }
    fs::write(&file, &whole).unwrap();
    assert_eq!(load(&open(path), object(1)), Some((1, thing(1))));
}

/// A start that was killed while it made the world has left something unfinished; the next one finishes.
#[test]
fn a_world_half_made_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("DAYSTAR.lock"), "").unwrap();
    open(path);
    fs::rename(path.join("DAYSTAR"), path.join("DAYSTAR.new")).unwrap();
    let data = OpenOptions::new().write(true).open(path.join("objects/data.mdb")).unwrap();
    data.set_len(100).unwrap();
    open(path).apply(&batch(1, vec![(object(1), put(thing(1)))])).unwrap();
    assert_eq!(names(path), ["DAYSTAR", "DAYSTAR.lock", "journal", "objects"]);
    assert_eq!(load(&open(path), object(1)), Some((1, thing(1))));
}

#[test]
fn a_stale_or_strange_lock_file_of_lmdb_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    open(path).apply(&batch(1, vec![(object(1), put(thing(1)))])).unwrap();
    for strange in [&b""[..], b"garbage", &[0xa5; 20_000]] {
        fs::write(path.join("objects/lock.mdb"), strange).unwrap();
        assert_eq!(load(&open(path), object(1)), Some((1, thing(1))));
    }
}

fn assert_foreign(path: &Path, word: &str) {
    let error = refusal(path);
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert!(error.to_string().contains(word), "{error}");
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn what_a_child_says(folder: &Path) -> String {
    let output = child("folder::child_that_opens", folder).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}
