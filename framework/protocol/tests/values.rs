//! What values of each type look like in a message: the table of `docs/PROTOCOL.md`, which is all that the author of a client in
//! another language has to go by.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::{self, Debug};
use std::fs;
use std::marker::PhantomData;
use std::num::NonZero;
use std::time::Duration;

use daystar_protocol::message::{DecodeError, Message, decode_message, encode_message};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

// The types that the page declares, as it does.

#[derive(Debug, Serialize, Deserialize)]
struct Position {
    x: u16,
    y: u16,
}

#[derive(Debug, Serialize, Deserialize)]
struct Gold(u64);

#[derive(Debug, Serialize, Deserialize)]
struct Nothing;

#[derive(Debug, Serialize, Deserialize)]
enum Request {
    Look,
    Say(String),
    Walk { x: i32, y: i32 },
    Push(u8, Position),
}

// Daystar's own types lie above this crate. These stand in for them, and show no more than that the page's rows follow from
// what the page says of the types.

#[derive(Debug, Serialize, Deserialize)]
struct Timestamp {
    unix_ms: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Session {
    raw: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct AnyRef {
    raw: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
struct Ref<T> {
    raw: u64,
    #[serde(skip)]
    to: PhantomData<fn() -> T>,
}

impl<T> Debug for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ref").field("raw", &self.raw).finish()
    }
}

/// Makes a message of any type, since a foreign one cannot be given a foreign trait. Has no bytes of its own.
#[derive(Serialize, Deserialize)]
struct Of<T>(T);

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Message for Of<T> {
    const NAME: &'static str = "Of";
}

/// A value, as the page has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Row {
    of: String,
    value: String,
    hex: String,
}

/// A value of the test, and how bytes are read as one of its type.
struct Known {
    row: Row,
    read: fn(&[u8]) -> Result<String, DecodeError>,
}

impl Known {
    fn new<T>(of: &str, value: T) -> Self
    where
        T: Debug + Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        let shown = format!("{value:?}");
        let bytes = encode_message(&Of(value)).expect("a value that can be sent");
        let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            row: Row { of: of.to_owned(), value: shown, hex: digits.join(" ") },
            read: |bytes| decode_message::<Of<T>>(bytes).map(|Of(value)| format!("{value:?}")),
        }
    }
}

macro_rules! known {
    ($($of:ty => $($value:expr),+;)+) => {
        vec![$($(Known::new::<$of>(stringify!($of), $value)),+),+]
    };
}

fn known() -> Vec<Known> {
    known! {
        bool => false, true;
        u8 => 200;
        i8 => -2;
        u16 => 127, 128, u16::MAX;
        u32 => 300, u32::MAX;
        u64 => u64::MAX;
        u128 => 300, u128::MAX;
        usize => 300;
        i16 => 0, -1, 1, i16::MIN;
        i32 => 300, -300;
        i64 => i64::MAX, i64::MIN;
        i128 => -300, i128::MIN;
        isize => -300;
        NonZero<u16> => NonZero::new(300).expect("not zero");
        f32 => 1.5, -0.0;
        f64 => 1.5, 0.1, f64::NEG_INFINITY;
        char => 'a', 'é', '🌊';
        String => String::new(), "hé".to_owned();
        Option<u16> => None, Some(300);
        Option<Option<u8>> => Some(None);
        Vec<u16> => vec![], vec![1, 300];
        Vec<u8> => vec![1, 200];
        BTreeSet<u16> => BTreeSet::from([1, 300]);
        BTreeMap<u16, bool> => BTreeMap::from([(1, true), (300, false)]);
        HashMap<String, i16> => HashMap::from([("ann".to_owned(), -3)]);
        [u16; 3] => [1, 2, 300];
        (u8, String) => (1, "hi".to_owned());
        () => ();
        Box<u16> => Box::new(300);
        Duration => Duration::from_millis(1500);
        Position => Position { x: 300, y: 5 };
        Gold => Gold(300);
        Nothing => Nothing;
        Request =>
            Request::Look,
            Request::Say("hi".to_owned()),
            Request::Walk { x: -1, y: 300 },
            Request::Push(7, Position { x: 300, y: 5 });
        Result<u8, String> => Ok(7), Err("no".to_owned());
        Timestamp => Timestamp { unix_ms: 1_700_000_000_000 };
        Ref<Position> => Ref { raw: 300, to: PhantomData };
        AnyRef => AnyRef { raw: 300 };
        Session => Session { raw: (2 << 62) | 300 };
    }
}

/// The page.
fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/PROTOCOL.md");
    fs::read_to_string(path).unwrap_or_else(|cause| panic!("{path}: {cause}"))
}

/// The page's table of values.
fn rows(page: &str) -> Vec<Row> {
    let (_, table) = page.split_once("| type | value | bytes |\n|---|---|---|\n").expect("a table");
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [of, value, hex] = cells[..] else { panic!("{line}: not three cells") };
        let code = |cell: &str| cell.trim_matches('`').to_owned();
        let hex = if hex == "none" { String::new() } else { code(hex) };
        Row { of: code(of), value: code(value), hex }
    };
    let rows: Vec<Row> = table.lines().take_while(|line| line.starts_with('|')).map(row).collect();
    assert!(!rows.is_empty());
    rows
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |digits| u8::from_str_radix(digits, 16).expect("hexadecimal digits");
    hex.split_whitespace().map(byte).collect()
}

#[test]
fn values_are_written_as_the_page_says() {
    let on_page = rows(&page());
    let known: Vec<Row> = known().into_iter().map(|known| known.row).collect();
    // Whoever changes one of the two sees which rows the other lacks, ready to be copied.
    let lacks = |these: &[Row], those: &[Row]| -> String {
        let line = |Row { of, value, hex }: &Row| {
            let hex = if hex.is_empty() { "none".to_owned() } else { format!("`{hex}`") };
            format!("| `{of}` | `{value}` | {hex} |\n")
        };
        those.iter().filter(|row| !these.contains(row)).map(line).collect()
    };
    let (page_lacks, test_lacks) = (lacks(&on_page, &known), lacks(&known, &on_page));
    assert!(page_lacks.is_empty(), "docs/PROTOCOL.md does not have:\n{page_lacks}");
    assert!(test_lacks.is_empty(), "only docs/PROTOCOL.md has:\n{test_lacks}");
    let different: HashSet<&Row> = on_page.iter().collect();
    assert_eq!(different.len(), on_page.len(), "a row of docs/PROTOCOL.md is there twice");
}

#[test]
fn values_are_read_as_the_page_says() {
    let known = known();
    for row in rows(&page()) {
        let is_it = |known: &&Known| (&known.row.of, &known.row.value) == (&row.of, &row.value);
        let Known { read, .. } =
            known.iter().find(is_it).unwrap_or_else(|| panic!("what is {row:?}?"));
        let bytes = bytes(&row.hex);
        assert_eq!(read(&bytes).expect("a value"), row.value, "{row:?}");
        // A value that is cut short is none, nor is one with something behind it.
        if let [all_but_one @ .., _] = &bytes[..] {
            assert!(read(all_but_one).is_err(), "{row:?}, cut short");
        }
        assert!(read(&[&bytes[..], &[0]].concat()).is_err(), "{row:?}, and a byte more");
    }
}

/// The rows mean nothing unless their types are those that the page declares.
#[test]
fn types_are_declared_as_on_the_page() {
    let page = page();
    let (_, declared) = page.split_once("```rust\n").expect("the declarations");
    let (declared, _) = declared.split_once("```").expect("their end");
    for declaration in declared.split("\n\n") {
        let declaration = declaration.trim_end();
        assert!(include_str!("values.rs").contains(declaration), "{declaration}");
    }
}
