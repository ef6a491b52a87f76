//! In a crate with strict lints the macros make no noise.

#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications)]

/// A part of a game, in which nothing of Daystar is imported by name.
pub mod parts {
    /// Documented.
    #[daystar::managed]
    pub struct Player {
        /// Documented.
        pub name: String,
        pub(crate) gold: u64,
    }

    #[daystar::managed(name = "Chest", version = 1, old)]
    pub(crate) struct ChestV1 {
        gold: u32,
        smell: String,
    }

    /// Documented.
    #[daystar::managed(version = 2, from = ChestV1)]
    pub struct Chest {
        /// Documented.
        pub gold: u64,
    }

    impl From<ChestV1> for Chest {
        fn from(before: ChestV1) -> Self {
            Self { gold: before.gold.into() }
        }
    }

    /// Documented.
    #[daystar::message]
    pub enum Event {
        /// Documented.
        Gave {
            /// Documented.
            gold: u64,
        },
    }

    #[daystar::task]
    pub(crate) struct Pay {
        pub(crate) gold: u64,
    }

    impl daystar::Task for Pay {
        fn run(&self, _: &daystar::Ctx<'_, '_>) -> daystar::Result<()> {
            daystar::ensure!(self.gold > 0, "nothing to pay");
            Ok(())
        }
    }
}

fn main() {
    let player = parts::Player { name: "Ann".to_owned(), gold: 1 };
    let parts::Event::Gave { gold } = parts::Event::Gave { gold: player.gold };
    let _ = parts::Pay { gold };
    let _ = parts::Chest { gold };
}
