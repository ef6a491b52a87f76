//! Which crate may know which, and why each dependency is there.

use crate::problem::Problem;
use crate::source::numbered;

/// One crate: where it is, which of our crates it may depend on, which more its tests may, and which crates of
/// others it must not know.
struct Crate {
    manifest: &'static str,
    ours: &'static [&'static str],
    in_tests: &'static [&'static str],
    never: &'static [&'static str],
}

/// The network, the disk and the async runtime, for crates that must be free of them.
const OUTSIDE: &[&str] = &["tokio", "quinn", "rustls", "heed"];

/// The arrows of the design. They run down only.
const CRATES: &[Crate] = &[
    Crate { manifest: "framework/model/Cargo.toml", ours: &[], in_tests: &[], never: OUTSIDE },
    Crate {
        manifest: "framework/engine/Cargo.toml",
        ours: &["daystar-model"],
        // Itself, with the switches of its tests.
        in_tests: &["daystar-engine"],
        never: OUTSIDE,
    },
    Crate {
        manifest: "framework/store/Cargo.toml",
        ours: &["daystar-model"],
        // Itself, with the switches of its tests, and what they preload.
        in_tests: &["daystar-store", "daystar-recorder", "daystar-recorder-preload"],
        never: &["tokio", "quinn", "rustls"],
    },
    Crate {
        manifest: "framework/store/recorder/Cargo.toml",
        ours: &[],
        in_tests: &["daystar-recorder-preload"],
        never: OUTSIDE,
    },
    Crate {
        manifest: "framework/store/recorder/preload/Cargo.toml",
        ours: &["daystar-recorder"],
        in_tests: &[],
        never: OUTSIDE,
    },
    Crate { manifest: "framework/protocol/Cargo.toml", ours: &[], in_tests: &[], never: OUTSIDE },
    Crate { manifest: "framework/macros/Cargo.toml", ours: &[], in_tests: &[], never: OUTSIDE },
    Crate {
        manifest: "framework/client/Cargo.toml",
        ours: &["daystar-protocol"],
        in_tests: &[],
        never: &["heed", "rkyv"],
    },
    Crate {
        manifest: "framework/Cargo.toml",
        ours: &[
            "daystar-model",
            "daystar-engine",
            "daystar-store",
            "daystar-protocol",
            "daystar-macros",
        ],
        in_tests: &["daystar-client"],
        never: &["heed"],
    },
    Crate {
        manifest: "framework/fuzz/Cargo.toml",
        ours: &["daystar", "daystar-model", "daystar-protocol"],
        in_tests: &[],
        never: &[],
    },
    Crate {
        manifest: "sample-game/Cargo.toml",
        ours: &["daystar"],
        in_tests: &["daystar-client"],
        never: OUTSIDE,
    },
    Crate {
        manifest: "client-sim/Cargo.toml",
        ours: &["daystar", "daystar-client", "daystar-protocol", "sample-game"],
        in_tests: &["daystar-model"],
        never: &["heed"],
    },
    Crate {
        manifest: "benches/Cargo.toml",
        ours: &[
            "daystar",
            "daystar-client",
            "daystar-engine",
            "daystar-model",
            "daystar-protocol",
            "daystar-store",
        ],
        in_tests: &[],
        never: &[],
    },
];

/// Dependencies that the table does not allow, and crates that are not in it.
pub(crate) fn arrows(path: &str, text: &str) -> Vec<Problem> {
    if path == "Cargo.toml" {
        return Vec::new();
    }
    let Some(known) = CRATES.iter().find(|known| known.manifest == path) else {
        let instead =
            "add it to CRATES in framework/tests/tidy/crates.rs, with what it may depend on";
        return vec![Problem::new(path, 1, "this crate is not in the table of arrows", instead)];
    };
    let mut problems = Vec::new();
    for Dependency { line, name, section } in dependencies(text) {
        let is_ours = name == "daystar" || name == "sample-game" || name.starts_with("daystar-");
        // Those for one system only are in a section of their own.
        let in_tests = section.ends_with("dev-dependencies");
        let is_allowed = known.ours.contains(&name) || (in_tests && known.in_tests.contains(&name));
        if is_ours && !is_allowed {
            let what = format!("an arrow to {name}, which must not be known here");
            let instead = "put what is needed into a crate below both, or pass it through a trait that server.rs plugs in";
            problems.push(Problem::new(path, line, what, instead));
        }
        if known.never.contains(&name) && !in_tests {
            let what = format!("{name} has no place in this crate");
            let instead =
                "keep I/O out of it: take what is needed as an argument, or through a trait";
            problems.push(Problem::new(path, line, what, instead));
        }
    }
    problems
}

/// Shared dependencies without a word on why they are there.
pub(crate) fn reasons(path: &str, text: &str) -> Vec<Problem> {
    let entries =
        dependencies(text).into_iter().filter(|entry| entry.section == "workspace.dependencies");
    let lines: Vec<&str> = text.lines().collect();
    let unexplained = entries.filter(|entry| {
        let first = lines[entry.line - 1];
        // An entry over several lines says it in any of them. Our own crates need none.
        let rest = lines[entry.line..].iter().take_while(|line| line.starts_with([' ', '}', ']']));
        !first.contains("path =")
            && !first.contains('#')
            && !rest.into_iter().any(|line| line.contains('#'))
    });
    let instead = "say in a comment on the same line what it is needed for, or remove it";
    unexplained
        .map(|entry| {
            Problem::new(path, entry.line, format!("{} has no reason", entry.name), instead)
        })
        .collect()
}

struct Dependency<'a> {
    line: usize,
    name: &'a str,
    section: &'a str,
}

/// Every entry of a section whose name ends in `dependencies`.
fn dependencies(text: &str) -> Vec<Dependency<'_>> {
    let mut section = "";
    let mut found = Vec::new();
    for (line, content) in numbered(text) {
        if let Some(header) = content.strip_prefix('[') {
            section = header.split(']').next().unwrap_or_default();
            // `[dependencies.name]` is an entry of its own.
            if let Some((above, name)) = section.rsplit_once('.')
                && above.ends_with("dependencies")
            {
                found.push(Dependency { line, name, section: above });
            }
        } else if section.ends_with("dependencies")
            && content.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '"')
        {
            let name = content.split(['.', ' ', '=']).next().unwrap_or_default().trim_matches('"');
            found.push(Dependency { line, name, section });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORE: &str = "framework/store/Cargo.toml";

    #[test]
    fn an_arrow_upwards_is_caught() {
        let manifest =
            "[dependencies]\ndaystar-model.workspace = true\ndaystar-engine.workspace = true\n";
        let problems = arrows(STORE, manifest);
        assert_eq!(problems.iter().map(Problem::line).collect::<Vec<_>>(), [3]);
        assert!(problems[0].to_string().contains("daystar-engine"), "{}", problems[0]);

        let table = "[dependencies.daystar-engine]\nworkspace = true\n";
        assert_eq!(arrows(STORE, table).len(), 1);
        let in_tests = "[dev-dependencies]\ndaystar-engine = { path = \"../engine\" }\n";
        assert_eq!(arrows(STORE, in_tests).len(), 1);
    }

    #[test]
    fn what_tests_may_know_the_crate_itself_may_not() {
        let path = "framework/Cargo.toml";
        assert!(arrows(path, "[dev-dependencies]\ndaystar-client.workspace = true\n").is_empty());
        let on_one_system =
            "[target.'cfg(unix)'.dev-dependencies]\ndaystar-client.workspace = true\n";
        assert!(arrows(path, on_one_system).is_empty());
        assert_eq!(arrows(path, "[dependencies]\ndaystar-client.workspace = true\n").len(), 1);
    }

    #[test]
    fn an_async_runtime_in_the_engine_is_caught() {
        let problems =
            arrows("framework/engine/Cargo.toml", "[dependencies]\ntokio.workspace = true\n");
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn a_crate_that_nobody_placed_is_caught() {
        assert_eq!(arrows("framework/extra/Cargo.toml", "[dependencies]\n").len(), 1);
    }

    #[test]
    fn a_dependency_without_a_reason_is_caught() {
        let manifest = "[workspace.dependencies]\n\
            daystar = { path = \"framework\" }\n\
            heed = \"0.23\" # LMDB\n\
            left-pad = \"1\"\n\
            quinn = { version = \"0.11\", features = [\n    \"ring\",\n] } # QUIC\n\
            [profile.release]\nopt-level = 3\n";
        let problems = reasons("Cargo.toml", manifest);
        assert_eq!(problems.iter().map(Problem::line).collect::<Vec<_>>(), [4]);
    }
}
