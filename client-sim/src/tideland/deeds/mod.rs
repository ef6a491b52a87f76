//! Everything that a character can do, part by part. Each asks for one thing, and enters what it does to gold and things.

pub mod dealing;
pub mod fighting;
pub mod gathering;
pub mod giving;
pub mod guild;
pub mod market;
pub mod talking;
pub mod walking;
