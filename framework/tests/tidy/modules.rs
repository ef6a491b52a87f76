//! Which module may know which, and what must stay out of a crate altogether.

use crate::problem::Problem;
use crate::source::{code_of, numbered, words};

/// Files under `within` must not name `names`.
struct Arrow {
    within: &'static str,
    except: &'static [&'static str],
    names: &'static [&'static str],
    instead: &'static str,
}

const PLUG: &str =
    "let it take a trait or a channel, and plug the other side in in framework/src/server";

/// Between the modules of the crate `daystar`.
const ARROWS: &[Arrow] = &[
    Arrow {
        within: "framework/src/net/",
        except: &[],
        names: &["game", "scheduler", "server", "cli"],
        instead: PLUG,
    },
    Arrow {
        within: "framework/src/login/",
        except: &[],
        names: &["game", "net", "scheduler", "server", "cli"],
        instead: PLUG,
    },
    Arrow {
        within: "framework/src/scheduler/",
        except: &[],
        names: &["game", "net", "login", "server", "cli"],
        instead: PLUG,
    },
    Arrow {
        within: "framework/src/game/",
        except: &[],
        names: &["scheduler", "net", "server", "cli"],
        instead: "let game write to Effects, which the server hands on",
    },
    Arrow {
        within: "framework/src/",
        except: &[
            "framework/src/server",
            "framework/src/cli",
            "framework/src/lib.rs",
            "framework/src/admin",
        ],
        names: &["admin"],
        instead: "count where it happens, and let framework/src/server read the counts",
    },
];

/// What the code of a folder must not name, wherever it comes from.
const OUTSIDE: &[Arrow] = &[
    Arrow {
        within: "framework/engine/",
        except: &[],
        names: &["tokio"],
        instead: "the engine is synchronous: block a worker thread, or hand the work to the caller",
    },
    Arrow {
        within: "framework/engine/src/",
        except: &[],
        names: &["Instant::now", "SystemTime::now"],
        instead: "take the time as an argument (daystar_model::Clock)",
    },
    Arrow {
        within: "framework/engine/src/",
        except: &[
            "framework/engine/src/sync.rs",
            // Tests that must tell what they have seen past the checker that stands in.
            "framework/engine/src/coins.rs",
            "framework/engine/src/orderings",
        ],
        names: &["std::sync", "core::sync", "parking_lot"],
        instead: "import from crate::sync, so that a model checker can stand in",
    },
    Arrow {
        within: "framework/src/net/",
        except: &[],
        names: &["daystar_store", "daystar_engine"],
        instead: PLUG,
    },
    Arrow {
        within: "framework/src/game/",
        except: &[],
        names: &["daystar_store"],
        instead: "take a daystar_model::Store",
    },
    Arrow {
        within: "framework/src/scheduler/",
        except: &[],
        names: &["daystar_store"],
        instead: PLUG,
    },
    Arrow {
        within: "sample-game/src/",
        except: &[],
        names: &[
            "daystar_model",
            "daystar_engine",
            "daystar_store",
            "daystar_protocol",
            "__private",
        ],
        instead: "a game imports daystar and nothing below it",
    },
];

impl Arrow {
    fn applies(&self, path: &str) -> bool {
        path.starts_with(self.within) && !self.except.iter().any(|folder| path.starts_with(folder))
    }
}

/// Paths that start with `crate::` and lead to a module that must not be known.
pub(crate) fn arrows(path: &str, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    for arrow in ARROWS.iter().filter(|arrow| arrow.applies(path)) {
        for (line, module) in named_modules(&code_of(text)) {
            if arrow.names.contains(&module.as_str()) {
                let what = format!("an arrow to the module {module}, which must not be known here");
                problems.push(Problem::new(path, line, what, arrow.instead));
            }
        }
    }
    problems
}

/// Names from outside that must not be known.
pub(crate) fn outside(path: &str, text: &str) -> Vec<Problem> {
    let code = code_of(text);
    let mut problems = Vec::new();
    for arrow in OUTSIDE.iter().filter(|arrow| arrow.applies(path)) {
        for (line, content) in numbered(&code) {
            for name in arrow.names.iter().filter(|name| words(content, name).next().is_some()) {
                problems.push(Problem::new(
                    path,
                    line,
                    format!("{name} has no place here"),
                    arrow.instead,
                ));
            }
        }
    }
    problems
}

/// The modules that `code` names through `crate::` (and, in the crate `daystar`, `daystar::`), with their lines.
fn named_modules(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for root in ["crate", "daystar"] {
        for at in words(code, root) {
            let behind = &code[at + root.len()..];
            let Some(rest) = behind.strip_prefix("::") else { continue };
            let start = code.len() - rest.len();
            match rest.strip_prefix('{') {
                Some(_) => found.extend(in_braces(code, start + 1)),
                None => found.push((line_of(code, start), first_word(rest))),
            }
        }
    }
    found
}

/// The first word of each part of a `{a::b, c::{d, e}}`, of which the inside starts at `from`.
fn in_braces(code: &str, from: usize) -> Vec<(usize, String)> {
    let (mut depth, mut is_start, mut found) = (0, true, Vec::new());
    for (at, character) in code[from..].char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => is_start = true,
            _ if is_start && !character.is_whitespace() => {
                found.push((line_of(code, from + at), first_word(&code[from + at..])));
                is_start = false;
            }
            _ => {}
        }
    }
    found
}

fn first_word(code: &str) -> String {
    code.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(problems: &[Problem]) -> Vec<usize> {
        problems.iter().map(Problem::line).collect()
    }

    #[test]
    fn an_arrow_between_modules_is_caught_however_it_is_written() {
        let source = "//! Net.\n\
            use crate::game::ctx::Ctx;\n\
            use crate::net::outbox::Outbox;\n\
            use crate::{\n    net::limits::Limits,\n    scheduler::queue::{Lane, Queue},\n};\n\
            fn f() { crate::server::start(); }\n\
            // crate::game is only mentioned here\n\
            use daystar::game::Game;\n";
        let mut found = lines(&arrows("framework/src/net/endpoint.rs", source));
        found.sort_unstable();
        assert_eq!(found, [2, 6, 8, 10]);
    }

    #[test]
    fn each_module_has_its_own_bans() {
        let names = |module: &str| format!("use crate::{module}::x;\n");
        for (within, banned) in [
            ("net", ["game", "scheduler"]),
            ("scheduler", ["game", "net"]),
            ("game", ["scheduler", "net"]),
            ("login", ["game", "net"]),
        ] {
            let path = format!("framework/src/{within}/file.rs");
            for module in banned {
                assert_eq!(arrows(&path, &names(module)).len(), 1, "{within} to {module}");
            }
            assert_eq!(arrows(&path, &names("admin")).len(), 1, "{within} to admin");
            assert!(arrows(&path, &names(within)).is_empty());
        }
        for above in
            ["framework/src/server/mod.rs", "framework/src/server.rs", "framework/src/cli/serve.rs"]
        {
            assert!(arrows(above, "use crate::{admin, game, net, scheduler};\n").is_empty());
        }
    }

    #[test]
    fn clocks_locks_and_runtimes_in_the_engine_are_caught() {
        let engine = "framework/engine/src/commit.rs";
        assert_eq!(lines(&outside(engine, "\nlet now = std::time::Instant::now();")), [2]);
        assert_eq!(lines(&outside(engine, "let now = SystemTime::now();")), [1]);
        assert_eq!(
            lines(&outside(engine, "use std::sync::Mutex;\nuse parking_lot::RwLock;")),
            [1, 2]
        );
        assert_eq!(lines(&outside(engine, "use tokio::task;")), [1]);
        assert!(outside(engine, "use crate::sync::Mutex; // not std::sync").is_empty());
        assert!(outside("framework/engine/src/sync.rs", "pub use std::sync::Mutex;").is_empty());
    }

    #[test]
    fn a_door_past_the_framework_is_caught() {
        assert_eq!(outside("sample-game/src/chat.rs", "use daystar_engine::Attempt;").len(), 1);
        assert_eq!(outside("framework/src/net/reader.rs", "daystar_store::open();").len(), 1);
        assert_eq!(outside("framework/src/game/ctx.rs", "use daystar_store::Lmdb;").len(), 1);
    }
}
