//! Tokens that are signed by hand with the keys in `tests/keys`, and forged in the ways that are known.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ED25519, PKCS_RSA_SHA256, SigningKey};
use serde_json::json;

use super::*;

const ED25519: &str = include_str!("../../../tests/keys/ed25519.pem");
const ED25519_PUBLIC: &str = include_str!("../../../tests/keys/ed25519.pub.pem");
const RSA: &str = include_str!("../../../tests/keys/rsa.pem");
const RSA_PUBLIC: &str = include_str!("../../../tests/keys/rsa.pub.pem");

fn ed25519() -> KeyPair {
    KeyPair::from_pem_and_sign_algo(ED25519, &PKCS_ED25519).unwrap()
}

fn rsa() -> KeyPair {
    KeyPair::from_pem_and_sign_algo(RSA, &PKCS_RSA_SHA256).unwrap()
}

fn sign(algorithm: &str, claims: &Value, key: &KeyPair) -> String {
    let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({ "alg": algorithm, "typ": "JWT" });
    let signed = format!("{}.{}", text(&header), text(claims));
    let signature = key.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn from_now(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    now.as_secs() as i64 + seconds
}

fn ann() -> Value {
    json!({ "sub": "ann", "exp": from_now(600) })
}

fn but(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn tokens_by(key: &str) -> (Tokens, tempfile::NamedTempFile) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), key).unwrap();
    (Tokens::from_file(file.path()).unwrap(), file)
}

fn refusal(tokens: &Tokens, token: &str) -> String {
    let refused = tokens.check(token).unwrap_err();
    assert_eq!(refused.kind(), "wrong");
    refused.to_string()
}

#[test]
fn good_tokens_of_either_kind_say_who_it_is() {
    let claims = json!({
        "sub": "ann", "exp": from_now(60), "nbf": from_now(-60), "iss": "https://id.example",
        "roles": ["smith", 7, "warden"], "guild": "anvil", "age": 7, "is_new": false, "list": [1],
    });
    let (by_ed, _file) = tokens_by(ED25519_PUBLIC);
    let (by_rsa, _file) = tokens_by(RSA_PUBLIC);
    let signed = [sign("EdDSA", &claims, &ed25519()), sign("RS256", &claims, &rsa())];
    for (tokens, token) in [by_ed, by_rsa].iter().zip(signed) {
        let ann = tokens.check(&token).unwrap();
        assert_eq!(ann.name(), "ann");
        assert_eq!(ann.roles(), ["smith", "warden"]);
        let claims = ["guild", "age", "is_new", "list", "iss", "sub"].map(|name| ann.claim(name));
        assert_eq!(claims, [Some("anvil"), Some("7"), Some("false"), None, None, None]);
    }
}

#[test]
fn tokens_that_somebody_else_has_made_are_refused() {
    let (tokens, _file) = tokens_by(ED25519_PUBLIC);
    let good = sign("EdDSA", &ann(), &ed25519());
    assert!(tokens.check(&good).is_ok());
    let other = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let changed = {
        let parts: Vec<_> = good.split('.').collect();
        let eve = URL_SAFE_NO_PAD.encode(but(ann(), "sub", json!("eve")).to_string());
        format!("{}.{eve}.{}", parts[0], parts[2])
    };
    // Of the key's own algorithm, of another, of none, and with the public key as the secret of a shared one.
    for forged in [
        sign("EdDSA", &ann(), &other),
        sign("RS256", &ann(), &rsa()),
        sign("none", &ann(), &ed25519()),
        sign("none", &ann(), &ed25519()).rsplit_once('.').unwrap().0.to_owned() + ".",
        sign("HS256", &ann(), &ed25519()),
        changed,
        String::new(),
        "a.b.c".to_owned(),
        ".".repeat(3000),
    ] {
        refusal(&tokens, &forged);
    }
    let shared = jsonwebtoken::EncodingKey::from_secret(ED25519_PUBLIC.as_bytes());
    let header = jsonwebtoken::Header::new(Algorithm::HS256);
    let by_public = jsonwebtoken::encode(&header, &ann(), &shared).unwrap();
    assert!(refusal(&tokens, &by_public).contains("in another way"));
}

#[test]
fn tokens_out_of_their_time_or_without_one_are_refused() {
    let (tokens, _file) = tokens_by(ED25519_PUBLIC);
    let check = |claims: &Value| refusal(&tokens, &sign("EdDSA", claims, &ed25519()));
    assert!(check(&but(ann(), "exp", json!(from_now(-60)))).contains("no longer good"));
    assert!(check(&but(ann(), "nbf", json!(from_now(60)))).contains("not good yet"));
    assert!(check(&json!({ "sub": "ann" })).contains("no `exp`"));
    assert!(check(&json!({ "exp": from_now(60) })).contains("no `sub`"));
    for nonsense in [json!("tomorrow"), json!(null), json!([from_now(60)]), json!({})] {
        check(&but(ann(), "exp", nonsense));
    }
    for nonsense in [json!(7), json!(null), json!(["ann"])] {
        check(&but(ann(), "sub", nonsense));
    }
}

#[test]
fn tokens_for_others_are_refused() {
    let (tokens, _file) = tokens_by(ED25519_PUBLIC);
    let for_shop = sign("EdDSA", &but(ann(), "aud", json!("shop")), &ed25519());
    assert!(refusal(&tokens, &for_shop).contains("another audience"));
    let tokens = tokens.audience("game").issuer("https://id.example");
    let both = but(but(ann(), "aud", json!(["game", "shop"])), "iss", json!("https://id.example"));
    assert!(tokens.check(&sign("EdDSA", &both, &ed25519())).is_ok());
    assert!(
        refusal(&tokens, &for_shop).contains("has no `iss`")
            || refusal(&tokens, &for_shop).contains("audience")
    );
    for (name, value) in [("aud", json!("shop")), ("iss", json!("https://eve.example"))] {
        let other = but(both.clone(), name, value);
        refusal(&tokens, &sign("EdDSA", &other, &ed25519()));
    }
    for name in ["aud", "iss"] {
        let mut without = both.clone();
        without.as_object_mut().unwrap().remove(name);
        assert!(refusal(&tokens, &sign("EdDSA", &without, &ed25519())).contains(name));
    }
}

#[test]
fn names_in_tokens_keep_the_rules() {
    let (tokens, _file) = tokens_by(ED25519_PUBLIC);
    for name in ["", " ann", "a\nb", &"x".repeat(129)] {
        let token = sign("EdDSA", &but(ann(), "sub", json!(name)), &ed25519());
        assert_eq!(tokens.check(&token).unwrap_err().kind(), "refused", "{name}");
    }
}

#[test]
fn a_key_that_is_replaced_is_used_and_one_that_is_broken_is_not() {
    let (tokens, file) = tokens_by(ED25519_PUBLIC);
    let [by_ed, by_rsa] = [sign("EdDSA", &ann(), &ed25519()), sign("RS256", &ann(), &rsa())];
    let replace = |with: &str, age: u64| {
        std::fs::write(file.path(), with).unwrap();
        let opened = std::fs::File::options().write(true).open(file.path()).unwrap();
        opened.set_modified(SystemTime::now() + Duration::from_secs(age)).unwrap();
        tokens.refresh();
    };
    replace(RSA_PUBLIC, 1);
    assert!(tokens.check(&by_rsa).is_ok() && tokens.check(&by_ed).is_err());
    replace("-----BEGIN nothing", 2);
    assert!(tokens.check(&by_rsa).is_ok());
    replace(ED25519_PUBLIC, 3);
    assert!(tokens.check(&by_ed).is_ok() && tokens.check(&by_rsa).is_err());
}

#[test]
fn what_is_no_key_is_told() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for other in
        ["", "not a key", ED25519, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
    {
        std::fs::write(file.path(), other).unwrap();
        let error = Tokens::from_file(file.path()).err().map(|error| error.to_string());
        assert!(
            error.as_ref().is_some_and(|error| error.contains("public key")),
            "{other}: {error:?}"
        );
    }
    let error = Tokens::from_file("/nowhere/key.pem").err().unwrap().to_string();
    assert!(error.contains("/nowhere/key.pem cannot be read"), "{error}");
}
