//! Who may ask to join: the greeting's game, and the rules for names.

use daystar_protocol::handshake::{Credentials, Hello};
use daystar_protocol::reject::RejectCode;

/// The name in `hello`, if the greeting is for `game` and the name keeps the rules.
///
/// # Errors
/// The code and the reason, for the client to act on and to read.
pub(super) fn check(hello: Hello, game: &str) -> Result<String, (RejectCode, String)> {
    if hello.game != game {
        let reason = format!("this server runs {game}, not {:?}", shorten(&hello.game));
        return Err((RejectCode::WrongGame, reason));
    }
    let wrong = |reason| (RejectCode::WrongCredentials, reason);
    let Credentials::Name(name) = hello.credentials else {
        return Err(wrong("this server lets clients in by name".to_owned()));
    };
    check_name(&name).map_err(wrong)?;
    Ok(name)
}

fn check_name(name: &str) -> Result<(), String> {
    let chars = name.chars().count();
    if chars == 0 {
        return Err("a name is needed to join".to_owned());
    }
    if chars > NAME_CHARS_MAX {
        return Err(format!(
            "the name has {chars} characters: at most {NAME_CHARS_MAX} are allowed"
        ));
    }
    if name.chars().any(char::is_control) {
        return Err(format!("the name {name:?} has control characters in it"));
    }
    if name.trim() != name {
        return Err(format!("the name {name:?} begins or ends with a space"));
    }
    Ok(())
}

fn shorten(text: &str) -> &str {
    &text[..text.floor_char_boundary(NAME_CHARS_MAX)]
}

/// Long enough for a name, short enough for a line of chat.
const NAME_CHARS_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(game: &str, name: &str) -> Hello {
        Hello { version: 1, game: game.to_owned(), credentials: Credentials::Name(name.to_owned()) }
    }

    #[test]
    fn ordinary_names_pass() {
        for name in ["a", "ann", "Jean Luc", "Ольга", "石", &"x".repeat(32), &"ж".repeat(32)]
        {
            assert_eq!(check(hello("hamlet", name), "hamlet"), Ok(name.to_owned()));
        }
    }

    #[test]
    fn other_names_are_refused_with_the_reason() {
        for (name, reason) in [
            ("", "a name is needed"),
            (&*"x".repeat(33), "33 characters"),
            ("a\nb", "control characters"),
            ("a\u{7f}", "control characters"),
            (" ann", "space"),
        ] {
            let (code, refusal) = check(hello("hamlet", name), "hamlet").unwrap_err();
            assert_eq!(code, RejectCode::WrongCredentials);
            assert!(refusal.contains(reason), "{name:?}: {refusal}");
        }
    }

    #[test]
    fn another_game_is_refused() {
        let refusal = check(hello("tideland", "ann"), "hamlet").unwrap_err();
        let reason = "this server runs hamlet, not \"tideland\"".to_owned();
        assert_eq!(refusal, (RejectCode::WrongGame, reason));
    }
}
