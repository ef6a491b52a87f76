//! [`Identity`]: who a client has turned out to be.

use crate::login::attempt::LoginError;

/// Who a client is: a name that no other client has at the same time, and what else is known of it. Game code reads it with
/// [`Ctx::identity`](crate::Ctx::identity).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub(crate) name: String,
    pub(crate) roles: Vec<String>,
    pub(crate) claims: Vec<(String, String)>,
}

impl Identity {
    /// Somebody called `name`, of whom nothing else is known.
    ///
    /// # Errors
    /// The name is empty, has more than 128 characters, control characters, or a space at either end.
    pub fn new(name: impl Into<String>) -> Result<Self, LoginError> {
        let name = name.into();
        check_name(&name, IDENTITY_CHARS_MAX)?;
        Ok(Self { name, roles: Vec::new(), claims: Vec::new() })
    }

    /// With these roles.
    pub fn with_roles(mut self, roles: impl IntoIterator<Item = String>) -> Self {
        self.roles.extend(roles);
        self
    }

    /// With this claim, in place of one of the same name.
    pub fn with_claim(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.claims.retain(|(other, _)| *other != name);
        self.claims.push((name, value.into()));
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has the role `role`.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own == role)
    }

    /// All its roles.
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// What is said of it under `name`, such as a claim of its token.
    pub fn claim(&self, name: &str) -> Option<&str> {
        self.claims.iter().find(|(own, _)| own == name).map(|(_, value)| &**value)
    }
}

/// What happens when somebody joins who is in already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameIdentity {
    /// The second connection is refused while the first one's session lasts.
    Refuse,
    /// The first one's session is ended, its `left` runs, and then the second joins. The first client learns it by the code
    /// `Replaced`, and is not sent what still waits for it.
    Replace,
}

/// Whether `name` keeps the rules for names.
pub(super) fn check_name(name: &str, chars_max: usize) -> Result<(), LoginError> {
    let refuse = |reason| Err(LoginError::Refused(reason));
    let chars = name.chars().count();
    if chars == 0 {
        return refuse("a name is needed to join".to_owned());
    }
    if chars > chars_max {
        return refuse(format!("the name has {chars} characters: at most {chars_max} are allowed"));
    }
    if name.chars().any(char::is_control) {
        return refuse(format!("the name {name:?} has control characters in it"));
    }
    if name.trim() != name {
        return refuse(format!("the name {name:?} begins or ends with a space"));
    }
    Ok(())
}

/// Long enough for a name, short enough for a line of chat.
pub(super) const NAME_CHARS_MAX: usize = 32;

/// What others call somebody: an address, a number with a prefix.
const IDENTITY_CHARS_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_pass() {
        for name in ["a", "ann", "Jean Luc", "Ольга", "石", &"x".repeat(32), &"ж".repeat(32)]
        {
            assert_eq!(check_name(name, NAME_CHARS_MAX), Ok(()), "{name}");
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
            let refusal = check_name(name, NAME_CHARS_MAX).unwrap_err().to_string();
            assert!(refusal.contains(reason), "{name:?}: {refusal}");
        }
        assert!(Identity::new("x".repeat(129)).is_err());
    }

    #[test]
    fn what_is_known_of_somebody_can_be_asked() {
        let ann = Identity::new("ann").unwrap().with_roles(["smith".to_owned()]);
        let ann = ann.with_claim("guild", "anvil").with_claim("guild", "forge");
        assert!(ann.has_role("smith") && !ann.has_role("smit"));
        assert_eq!((ann.claim("guild"), ann.claim("age")), (Some("forge"), None));
    }
}
