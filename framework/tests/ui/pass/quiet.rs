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
}
