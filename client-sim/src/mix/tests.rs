//! Tests of mixes: what is understood, and what is said of mistakes.

use crate::network::conditions::Conditions;
use crate::tideland;

use super::*;

fn classes(text: &str, overrides: &Overrides) -> Result<Vec<Class>, MixError> {
    Mix::parse(text, &tideland::cast())?.classes(overrides)
}

fn error(text: &str) -> String {
    classes(text, &Overrides::default()).expect_err(text).to_string()
}

const WHOLE: &str = r#"
clients = 10
ramp = "5/s"

[[class]]
behaviour = "wanderer"
share = 3

[[class]]
name = "far trader"
behaviour = "trader"
clients = 2
rate = 5
think = "exponential"
ramp = 0.5
durable = true
break_every = "1m"
delay = "80ms"
jitter = "20ms"
loss = "2%"
duplicate = 0.01
reorder = "5%"
bytes_per_s = 20000
partition = "60s,5s"
"#;

#[test]
fn everything_that_can_be_said_of_a_class_is_understood() {
    let mix = Mix::parse(WHOLE, &tideland::cast()).expect("a mix");
    assert_eq!(mix.ramp(), Some(5.0));
    let far = Class {
        name: "far trader".to_owned(),
        rate: 5.0,
        think: Think::Exponential,
        ramp: Some(0.5),
        durable: true,
        break_every: Some(Duration::from_secs(60)),
        network: Some(Conditions {
            delay: Duration::from_millis(80),
            jitter: Duration::from_millis(20),
            loss: 0.02,
            duplicate: 0.01,
            reorder: 0.05,
            bytes_per_s: Some(20_000),
            partition: Some(Partition {
                every: Duration::from_secs(60),
                lasting: Duration::from_secs(5),
            }),
        }),
        ..Class::new("trader", 2)
    };
    let classes = mix.classes(&Overrides::default()).expect("classes");
    assert_eq!(classes, [Class::new("wanderer", 8), far]);
}

#[test]
fn the_command_line_has_the_last_word() {
    let overrides = Overrides {
        clients: Some(22),
        rate: Some(1.0),
        think: Some(Think::Fixed),
        break_every: Some(Duration::from_secs(9)),
        durable: true,
        network: NetworkArgs { loss: Some(0.0), ..NetworkArgs::default() },
    };
    let classes = classes(WHOLE, &overrides).expect("classes");
    assert_eq!([classes[0].clients, classes[1].clients], [20, 2]);
    for class in &classes {
        assert_eq!((class.rate, class.think, class.durable), (1.0, Think::Fixed, true));
        assert_eq!(class.break_every, Some(Duration::from_secs(9)));
    }
    assert_eq!(classes[0].network, None);
    let far = classes[1].network.as_ref().expect("a network");
    assert_eq!((far.loss, far.reorder), (0.0, 0.05));
}

#[test]
fn the_standard_mix_is_one() {
    let standard = classes(tideland::STANDARD_MIX, &Overrides::default()).expect("classes");
    let expected = [
        ("wanderer", 300),
        ("gatherer", 200),
        ("trader", 120),
        ("market maker", 100),
        ("fighter", 100),
        ("guild member", 80),
        ("chatter", 60),
        ("vandal", 40),
    ];
    assert_eq!(standard, expected.map(|(behaviour, clients)| Class::new(behaviour, clients)));
}

#[test]
fn a_mistake_is_told_with_its_line_or_its_class() {
    let class = "\n[[class]]\nbehaviour = \"trader\"\n";
    for (wrong, words) in [
        ("shrae = 3", "unknown field `shrae`"),
        ("share = \"three\"", "a share is a number, as in 3, and \"three\" is a text"),
        ("share = 0", "a share is a number above 0"),
        ("share = true", "expected a number, as in 3"),
        ("rate = 0", "from 0.001 to 1000"),
        ("think = \"hard\"", "unknown variant `hard`"),
        ("ramp = \"fast\"", "as in 100/s"),
        ("delay = 50", "write a number and one of us, ms, s"),
        ("loss = \"often\"", "from 0% to 100%"),
        ("loss = 5", "from 0% to 100%"),
        ("partition = \"5s\"", "how often and for how long"),
        ("bytes_per_s = 0", "nonzero"),
    ] {
        let error = error(&format!("{class}{wrong}\n"));
        assert!(error.contains("line 4") && error.contains(words), "{wrong}: {error}");
    }
    for (wrong, words) in [
        ("share = 1\nclients = 2", "class trader in line 2: it has a share and a number"),
        ("clients = 0", "class trader in line 2: it has no clients"),
        ("name = \"a.b\"", "class a.b in line 2: a name has letters"),
        ("[[class]]\nbehaviour = \"trader\"", "class trader in line 4: there is one before it"),
        ("[[class]]\nbehaviour = \"tarder\"", "class tarder in line 4: nobody plays `tarder`"),
        (
            "[[class]]\nbehaviour = \"tarder\"",
            "who is known: chatter, fighter, gatherer, guild member",
        ),
    ] {
        let error = error(&format!("{class}{wrong}\n"));
        assert!(error.contains(words), "{wrong}: {error}");
    }
    assert!(error("clients = 3").contains("no class"), "{}", error("clients = 3"));
    assert!(error("[[class]]\nshare = 1").contains("missing field `behaviour`"));
    assert!(error("colour = 1").contains("unknown field `colour`"));
    let many = format!("{class}clients = 100001\n");
    assert!(error(&many).contains("too many: at most 100000"), "{}", error(&many));
}
