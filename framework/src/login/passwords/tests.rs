//! Passwords against accounts that are kept in a map.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::login::accounts::AccountsFuture;

struct Kept {
    accounts: Mutex<HashMap<String, Account>>,
    /// Taken while nobody is to be found.
    is_open: Semaphore,
    /// Taken while none is kept.
    has_room: Semaphore,
    /// Told when one is to be kept.
    asked: Notify,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            accounts: Mutex::default(),
            is_open: Semaphore::new(1),
            has_room: Semaphore::new(1),
            asked: Notify::new(),
        }
    }
}

impl Accounts for Kept {
    fn find<'a>(&'a self, name: &'a str) -> AccountsFuture<'a, Option<Account>> {
        Box::pin(async move {
            let _open = self.is_open.acquire().await.map_err(failed)?;
            Ok(self.accounts.lock().get(name).cloned())
        })
    }

    fn add(&self, account: Account) -> AccountsFuture<'_, bool> {
        Box::pin(async move {
            self.asked.notify_one();
            let _room = self.has_room.acquire().await.map_err(failed)?;
            let mut accounts = self.accounts.lock();
            let is_new = !accounts.contains_key(&account.name);
            if is_new {
                accounts.insert(account.name.clone(), account);
            }
            Ok(is_new)
        })
    }
}

fn passwords() -> Passwords {
    Passwords::new().registration(true).cost(8, 1).unwrap()
}

fn attempt(account: &str, password: &str, is_new: bool, from: [u8; 4]) -> LoginAttempt {
    let (account, password) = (account.to_owned(), password.to_owned());
    let address = SocketAddr::from((IpAddr::V4(Ipv4Addr::from(from)), 1));
    LoginAttempt::new(Credentials::Password { account, password, is_new }, address)
}

const HERE: [u8; 4] = [192, 0, 2, 1];
/// Long enough for a busy machine; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

const RIGHT: &str = "correct horse";

async fn log_in(door: &Passwords, kept: &Kept, password: &str) -> Result<Identity, LoginError> {
    door.authenticate(attempt("ann", password, false, HERE), kept).await
}

async fn with_ann() -> (Passwords, Kept) {
    let (door, kept) = (passwords(), Kept::default());
    let made = door.authenticate(attempt("ann", RIGHT, true, HERE), &kept).await;
    assert_eq!(made, Identity::new("ann"));
    (door, kept)
}

#[tokio::test]
async fn who_knows_the_password_is_in_with_the_roles_of_the_account() {
    let (door, kept) = with_ann().await;
    kept.accounts.lock().get_mut("ann").unwrap().roles.push("smith".to_owned());
    let ann = log_in(&door, &kept, RIGHT).await.unwrap();
    assert!(ann.name() == "ann" && ann.has_role("smith"));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_account_are_told_the_same() {
    let (door, kept) = with_ann().await;
    let wrong = log_in(&door, &kept, "correct hors").await.unwrap_err();
    let unknown = door.authenticate(attempt("bob", RIGHT, false, HERE), &kept).await.unwrap_err();
    assert_eq!(wrong, unknown);
    assert_eq!(wrong.kind(), "wrong");
}

#[test]
fn an_unknown_account_costs_what_a_new_one_does() {
    let cost = passwords().cost;
    let decoy = decoy(&cost);
    let decoy = phc::PasswordHash::new(&decoy).unwrap();
    let real: phc::PasswordHash = argon2(cost.clone()).hash_password(b"any").unwrap();
    assert_eq!((&decoy.algorithm, &decoy.version), (&real.algorithm, &real.version));
    assert_eq!(decoy.params.to_string(), real.params.to_string());
    // It is computed and compared, not found to be broken before.
    let refused = argon2(cost).verify_password(RIGHT.as_bytes(), &decoy);
    assert_eq!(refused, Err(argon2::password_hash::Error::PasswordInvalid));
}

#[tokio::test]
async fn accounts_are_made_once_where_they_may_be_and_with_a_password_of_some_length() {
    let (door, kept) = with_ann().await;
    let again = door.authenticate(attempt("ann", "another one", true, HERE), &kept).await;
    assert!(again.unwrap_err().to_string().contains("already"));
    log_in(&door, &kept, RIGHT).await.unwrap();
    let short = door.authenticate(attempt("bob", "1234567", true, HERE), &kept).await;
    assert!(short.unwrap_err().to_string().contains("8 characters"));
    let nameless = door.authenticate(attempt("a\nb", RIGHT, true, HERE), &kept).await;
    assert!(nameless.unwrap_err().to_string().contains("control"));
    let closed = passwords().registration(false);
    let shut = closed.authenticate(attempt("bob", RIGHT, true, HERE), &kept).await;
    assert!(shut.unwrap_err().to_string().contains("no new accounts"));
    assert_eq!(kept.accounts.lock().len(), 1);
    let by_name = LoginAttempt::new(Credentials::Name("ann".to_owned()), (HERE, 1).into());
    let refusal = door.authenticate(by_name, &kept).await.unwrap_err();
    assert_eq!(refusal.kind(), "other_kind");
}

#[tokio::test]
async fn who_guesses_waits_and_so_does_the_right_password() {
    let (door, kept) = with_ann().await;
    for _ in 0..ACCOUNT_PATIENCE.free {
        assert_eq!(log_in(&door, &kept, "a wrong guess").await.unwrap_err().kind(), "wrong");
    }
    assert_eq!(log_in(&door, &kept, "a wrong guess").await.unwrap_err().kind(), "too_soon");
    assert_eq!(log_in(&door, &kept, RIGHT).await.unwrap_err().kind(), "too_soon");
    // Whether there is such an account makes no difference.
    for _ in 0..ACCOUNT_PATIENCE.free {
        let guess = door.authenticate(attempt("nobody", RIGHT, false, [192, 0, 2, 2]), &kept).await;
        assert_eq!(guess.unwrap_err().kind(), "wrong");
    }
    let guess = door.authenticate(attempt("nobody", RIGHT, false, [192, 0, 2, 2]), &kept).await;
    assert_eq!(guess.unwrap_err().kind(), "too_soon");
}

#[tokio::test]
async fn one_network_cannot_try_one_password_with_all_accounts() {
    let (door, kept) = (passwords(), Kept::default());
    let mut kinds = Vec::new();
    for number in 0..NETWORK_PATIENCE.free + 1 {
        let guess = attempt(&format!("player {number}"), RIGHT, false, HERE);
        kinds.push(door.authenticate(guess, &kept).await.unwrap_err().kind());
    }
    assert_eq!(kinds.pop(), Some("too_soon"));
    assert!(kinds.iter().all(|kind| *kind == "wrong"), "{kinds:?}");
}

#[tokio::test]
async fn guesses_at_the_same_time_are_no_cheaper_than_one_after_another() {
    let (door, kept) = with_ann().await;
    let (door, kept) = (Arc::new(door), Arc::new(kept));
    let mut guesses = JoinSet::new();
    for number in 0..100 {
        let (door, kept) = (Arc::clone(&door), Arc::clone(&kept));
        guesses.spawn(async move {
            let guess = attempt("ann", &format!("guess no. {number}"), false, [10, 0, 0, number]);
            door.authenticate(guess, &*kept).await.unwrap_err().kind()
        });
    }
    let kinds = guesses.join_all().await;
    let tried = kinds.iter().filter(|kind| **kind == "wrong").count();
    assert_eq!(tried, ACCOUNT_PATIENCE.free as usize, "{kinds:?}");
}

#[tokio::test]
async fn the_line_is_bounded_and_moves_on() {
    let (door, kept) = (Arc::new(passwords().at_once(1)), Arc::new(Kept::default()));
    let shut = Arc::clone(&kept);
    let shut = shut.is_open.acquire().await.unwrap();
    let mut waiting = JoinSet::new();
    const MORE: usize = 40;
    for number in 0..(IN_LINE_MAX + MORE) as u8 {
        let (door, kept) = (Arc::clone(&door), Arc::clone(&kept));
        waiting.spawn(async move {
            let login = attempt(&format!("player {number}"), RIGHT, false, [10, 0, 0, number]);
            door.authenticate(login, &*kept).await.unwrap_err().kind()
        });
    }
    for _ in 0..MORE {
        let next = timeout(PATIENCE, waiting.join_next()).await;
        assert_eq!(next.expect("nobody is refused").unwrap().unwrap(), "busy");
    }
    drop(shut);
    assert!(waiting.join_all().await.iter().all(|kind| *kind == "wrong"));
    assert_eq!(door.in_line.available_permits(), IN_LINE_MAX);
}

/// The login is dropped as soon as it waits for something.
async fn leave(door: &Passwords, kept: &Kept, attempt: LoginAttempt) {
    tokio::select! {
        biased;
        outcome = door.authenticate(attempt, kept) => panic!("{outcome:?}"),
        () = std::future::ready(()) => {}
    }
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_counts_for_nothing() {
    let (door, kept) = with_ann().await;
    let door = door.at_once(1);
    let elsewhere = [192, 0, 2, 2];
    let leave_often = async || {
        for _ in 0..2 * NETWORK_PATIENCE.free {
            leave(&door, &kept, attempt("ann", "a wrong guess", false, HERE)).await;
            leave(&door, &kept, attempt("ann", "a wrong guess", false, elsewhere)).await;
            leave(&door, &kept, attempt("bob", RIGHT, true, HERE)).await;
        }
    };
    let shut = kept.is_open.acquire().await.unwrap();
    leave_often().await;
    drop(shut);
    let turn = Arc::clone(&door.at_once).acquire_owned().await.unwrap();
    leave_often().await;
    drop(turn);
    for from in [elsewhere, HERE] {
        for _ in 0..ACCOUNT_PATIENCE.free {
            let guess = door.authenticate(attempt("ann", "a wrong guess", false, from), &kept);
            assert_eq!(guess.await.unwrap_err().kind(), "wrong");
        }
    }
    assert_eq!(log_in(&door, &kept, RIGHT).await.unwrap_err().kind(), "too_soon");
}

#[tokio::test]
async fn an_account_that_the_server_refuses_or_cannot_make_counts_for_nothing() {
    let (door, kept, broken) = (passwords(), Kept::default(), Kept::default());
    let full = Kept::default();
    broken.is_open.close();
    full.has_room.close();
    for _ in 0..=NETWORK_PATIENCE.free {
        for (kept, password, kind) in
            [(&kept, "1234567", "refused"), (&broken, RIGHT, "failed"), (&full, RIGHT, "failed")]
        {
            let made = door.authenticate(attempt("ann", password, true, HERE), kept).await;
            assert_eq!(made.unwrap_err().kind(), kind);
        }
    }
    door.authenticate(attempt("ann", RIGHT, true, HERE), &kept).await.unwrap();
}

#[tokio::test]
async fn an_account_that_may_be_made_counts_though_nobody_waits_for_it() {
    let (door, kept) = (passwords(), Kept::default());
    let _full = kept.has_room.acquire().await.unwrap();
    for _ in 0..NETWORK_PATIENCE.free {
        tokio::select! {
            outcome = door.authenticate(attempt("ann", RIGHT, true, HERE), &kept) => {
                panic!("{outcome:?}")
            }
            () = kept.asked.notified() => {}
        }
    }
    let made = door.authenticate(attempt("ann", RIGHT, true, HERE), &kept).await;
    assert_eq!(made.unwrap_err().kind(), "too_soon");
}

#[tokio::test]
async fn who_has_made_an_account_gets_in_while_others_guess() {
    let (door, kept) = with_ann().await;
    for number in 0..2 * ACCOUNT_PATIENCE.free as u8 {
        let guess = attempt("ann", "a wrong guess", false, [10, 0, 0, number]);
        door.authenticate(guess, &kept).await.unwrap_err();
    }
    log_in(&door, &kept, RIGHT).await.unwrap();
}

#[test]
fn hashes_are_not_shown() {
    use daystar_model::show::Show;
    let hash = PasswordHash::new("$argon2id$secret".to_owned());
    let shown = [format!("{hash:?}"), hash.show().to_string()];
    assert!(shown.iter().all(|shown| !shown.contains("secret")), "{shown:?}");
}
